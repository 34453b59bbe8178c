/* sandbox_timers.h - a heap of timers that live in their owners. Thread rule: one owner at a time; cannot
 * fail. */
#ifndef ROLLCALL_SANDBOX_TIMERS_H
#define ROLLCALL_SANDBOX_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t at_ms;
    void (*fn)(void *ctx);
    void *ctx;
    size_t place; /* in the heap, from 1; 0: not set */
};

struct timers {
    struct timer **heap; /* heap[0] is unused */
    size_t n, size;
};

void timers_done(struct timers *ts);
void timer_set(struct timers *ts, struct timer *t,
               int64_t at_ms); /* sets or moves; fn and ctx are the owner's */
void timer_clear(struct timers *ts, struct timer *t);
int64_t timers_next_ms(const struct timers *ts, int64_t now_ms); /* -1: none; 0: due */
void timers_run(struct timers *ts, int64_t now_ms); /* calls fn of what is due; the timer is clear then */

#endif
