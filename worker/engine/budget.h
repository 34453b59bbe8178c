/* budget.h - how many calls of each class a target may get, kept exactly.
 *
 * Two rules, both must allow a call:
 *  - sliding log: a call occupies a place from its sending until one window after its completion, so no window at the
 *    target, fixed or sliding, measured at arrival, can hold more than the limit;
 *  - pace: a small burst, then evenly, so that burst and one window of flow make one limit. A new owner starts without
 *    burst: what the owner before it spent and what it spends fit into one window together.
 * A slice of both belongs to leavers alone: whatever movers spend and however slow the target is, a cut finds a place.
 * Times are CLOCK_BOOTTIME in ms. Pure; single-threaded. */
#ifndef ROLLCALL_ENGINE_BUDGET_H
#define ROLLCALL_ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"

enum budget_share { BUDGET_ORDINARY, BUDGET_LEAVERS, BUDGET_SHARES };

struct budget_class {
    struct limit limit;
    int64_t *done; /* ring of completion times, limit.count places */
    unsigned first, n_done;
    unsigned in_flight;
    double tokens[BUDGET_SHARES];
    int64_t refilled_ms;
    int64_t paused_until_ms;
};

struct budget {
    struct budget_class classes[LIMITS_MAX];
    size_t n;
};

/* limits: LIMITS_MAX entries, unused ones without a name. */
void budget_init(struct budget *b, const struct limit limits[LIMITS_MAX], int64_t now_ms);
void budget_done(struct budget *b);
/* Another owner may have spent a window's allowance just now: no burst before one is earned. */
void budget_restart(struct budget *b, int64_t now_ms);

/* Milliseconds until a call of this class may start; 0: now. class -1: always now. INT64_MAX: when one completes. */
int64_t budget_ready_in(struct budget *b, int class, enum budget_share share, int64_t now_ms);
/* A call starts; leavers spend ordinary allowance as long as there is some. */
void budget_take(struct budget *b, int class, enum budget_share share, int64_t now_ms);
void budget_give(struct budget *b, int class, int64_t now_ms); /* it is over, whatever came of it */
/* The target asked for a rest. until_ms only ever moves forward. */
void budget_pause(struct budget *b, int class, int64_t until_ms);

#endif
