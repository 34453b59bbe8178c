/* turns.h - whose turn it is: the targets that may have a call to start, by the moment from which on they may.
 *
 *      turns_call ──► due, behind those that are due already ──► turns_next ─┬─ started one: due again, behind the others
 *          ▲                                                                └─ may not yet: turns_wait until it may
 *          └── work was queued, or a call has ended
 *
 * So a turn of the loop costs what there is to start, however many targets there are. Times are CLOCK_BOOTTIME in ms.
 * Single-threaded. */
#ifndef ROLLCALL_ENGINE_TURNS_H
#define ROLLCALL_ENGINE_TURNS_H

#include <stddef.h>
#include <stdint.h>

struct turn { /* one target's; zeroed at first */
    struct turns *turns;
    int64_t at_ms;
    uint64_t number; /* who has the smaller one goes first */
    size_t place;    /* in the heap, counted from 1; 0: not in it */
};

struct turns {
    struct turn **heap;
    size_t n, size;
    int64_t now_ms; /* as last heard */
    uint64_t number;
};

void turns_done(struct turns *t);

/* From now on; keeps its place if it has its turn already. */
void turns_call(struct turn *turn);
/* Not before at_ms, and then behind those who wait for the same moment; INT64_MAX: not before it is called. */
void turns_wait(struct turn *turn, int64_t at_ms);
/* Who may start a call; NULL: nobody yet. */
struct turn *turns_next(struct turns *t, int64_t now_ms);
/* When the next turn is; INT64_MAX: nobody waits for one. */
int64_t turns_first_ms(const struct turns *t);

#endif
