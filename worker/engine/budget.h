/* budget.h - how many calls of each class a target may get from one bucket of its tenant, kept exactly.
 *
 * Two rules, both must allow a call:
 *  - sliding log: a call occupies a place from its sending until one window after it has surely arrived (its end, or the
 *    end of its life if nobody knows), so no window at the target, fixed or sliding, measured at arrival, can hold more
 *    than the limit;
 *  - pace: a small burst, then evenly. It keeps places coming free evenly, and it bounds what an owner may have sent
 *    lately: whoever takes over begins with that much debt, so that the calls of both fit into one window together.
 * A slice of each class in which leavers meet others is the leavers' own: they may overdraw the pace by it, and others
 * take the last places only when as many come free within a step or two of the pace.
 * Times are CLOCK_BOOTTIME in ms. Pure; single-threaded. */
#ifndef ROLLCALL_ENGINE_BUDGET_H
#define ROLLCALL_ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"

enum budget_share { BUDGET_ORDINARY, BUDGET_LEAVERS };

struct budget_class {
    struct limit limit; /* this bucket's share; count 0: never */
    int64_t *arrived;   /* ring, sorted: by when calls that are over have arrived */
    unsigned places;    /* of the ring: limit.count, or more that were taken under a larger one */
    unsigned first, n_arrived;
    unsigned in_flight;
    double tokens;
    int64_t refilled_ms;
    double pace;       /* part of the rate that the target bears, 0 to 1: see budget_slow */
    int64_t slowed_ms; /* when pace was last cut */
    int64_t paused_until_ms;
};

struct budget {
    struct budget_class classes[LIMITS_MAX];
    size_t n;
};

/* limits: LIMITS_MAX entries, unused ones without a name. */
void budget_init(struct budget *b, const struct limit limits[LIMITS_MAX], int64_t now_ms);
/* The same classes with other numbers; what was spent within the window of before stays spent. */
void budget_set_limits(struct budget *b, const struct limit limits[LIMITS_MAX], int64_t now_ms);
void budget_done(struct budget *b);
/* Bucket `bucket` of `spread` has this part of count calls: together they have all of it, the first ones the rest. */
unsigned budget_part(unsigned count, unsigned bucket, unsigned spread);

/* The bucket came at taken_ms from another owner, who may have spent what it could until then; on_way_ms: how long its
 * last calls may be on their way after that (0: it has awaited them). */
void budget_restart(struct budget *b, int64_t taken_ms, int64_t on_way_ms);

/* Milliseconds until a call of this class may start; 0: now. class -1: always now. INT64_MAX: when one completes. */
int64_t budget_ready_in(struct budget *b, int class, enum budget_share share, int64_t now_ms);
void budget_take(struct budget *b, int class, int64_t now_ms);
/* A call is over and has arrived by arrived_ms, which may lie ahead. */
void budget_give(struct budget *b, int class, int64_t arrived_ms, int64_t now_ms);
/* Whether a call may arrive after now_ms, as far as is known. */
bool budget_is_unseen(const struct budget *b, int64_t now_ms);
/* The target asked for a rest. until_ms only ever moves forward. */
void budget_pause(struct budget *b, int class, int64_t until_ms);
/* The target throttled a call begun at started_ms without saying until when: it bears less than we think. The rate is
 * halved, once for all calls begun before, and comes back by a twentieth per window. */
void budget_slow(struct budget *b, int class, int64_t started_ms, int64_t now_ms);

#endif
