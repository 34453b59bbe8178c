/* clock.h - virtual time: heaps of things to do, done in order of time, then of asking. Nothing sleeps.
 *
 * What is under way is asked for by delay, and moves along when time leaps; appointments stand where they were made:
 * what the calendar says happens then, however long everybody has rested.
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

struct clock_heap {
    struct clock_entry *v;
    size_t n, size;
};

struct clock {
    int64_t now_ms;
    uint64_t order;
    struct clock_heap under_way, appointments;
};

void clock_init(struct clock *c, int64_t now_ms);
void clock_done(struct clock *c);

/* Calls fn(ctx, arg) when delay_ms have passed; ctx has to live until then. */
void clock_after(struct clock *c, int64_t delay_ms, void (*fn)(void *ctx, uint64_t arg), void *ctx,
                 uint64_t arg);

/* Likewise at at_ms, which no leap moves. */
void clock_at(struct clock *c, int64_t at_ms, void (*fn)(void *ctx, uint64_t arg), void *ctx, uint64_t arg);
int64_t clock_next_appointment(const struct clock *c); /* INT64_MAX: there is none */

/* Does the next thing, unless it lies after until_ms: then only time moves, to until_ms, and false is
 * returned. */
bool clock_step(struct clock *c, int64_t until_ms);

/* Time leaps forward and nothing is done meanwhile, as when all hosts are asleep; not beyond the next appointment. */
void clock_leap(struct clock *c, int64_t ms);

#endif
