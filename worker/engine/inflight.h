/* inflight.h - how many calls at once a target bears.
 *
 * Time-outs and gateways that give up mean that it has more than it can do: the limit is halved, once for all calls begun
 * before, and grows by one with each answer. One person's time-outs say nothing about the target: it takes two in a
 * row, of different persons. Times are CLOCK_BOOTTIME in ms. Pure; single-threaded. */
#ifndef ROLLCALL_ENGINE_INFLIGHT_H
#define ROLLCALL_ENGINE_INFLIGHT_H

#include <stdint.h>

struct inflight {
    unsigned max, limit, now;
    int64_t cut_ms;     /* calls begun before have been counted */
    uint64_t timed_out; /* whose call did last, with no answer to anybody since; 0: nobody's */
};

void inflight_init(struct inflight *f, unsigned max);
void inflight_set_max(struct inflight *f, unsigned max);
void inflight_answered(struct inflight *f);
void inflight_timed_out(struct inflight *f, uint64_t person, int64_t started_ms, int64_t now_ms);

#endif
