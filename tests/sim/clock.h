/* clock.h - virtual time: a heap of things to do, done in order of time, then of asking. Nothing sleeps.
 * Thread rule: one owner. Cannot fail. */
#ifndef ROLLCALL_SIM_CLOCK_H
#define ROLLCALL_SIM_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock_entry {
    int64_t at_ms;
    uint64_t order;
    void (*fn)(void *ctx, uint64_t arg);
    void *ctx;
    uint64_t arg;
};

struct clock {
    int64_t now_ms;
    uint64_t order;
    struct clock_entry *heap;
    size_t n, size;
};

void clock_init(struct clock *c, int64_t now_ms);
void clock_done(struct clock *c);

/* Calls fn(ctx, arg) when delay_ms have passed; ctx has to live until then. */
void clock_after(struct clock *c, int64_t delay_ms, void (*fn)(void *ctx, uint64_t arg), void *ctx,
                 uint64_t arg);

/* Does the next thing, unless it lies after until_ms: then only time moves, to until_ms, and false is
 * returned. */
bool clock_step(struct clock *c, int64_t until_ms);

/* Time leaps forward and nothing is done meanwhile, as when all hosts are asleep. */
void clock_leap(struct clock *c, int64_t ms);

#endif
