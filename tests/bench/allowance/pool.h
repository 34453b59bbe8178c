/* pool.h - a pool of engines on a virtual clock before one simulated Miro, with commits and a network that take
 * their time and never fail. Measures what the budget makes of a backlog; the simulator (tests/sim) is for what
 * goes wrong. Single-threaded; a defect asserts. */
#ifndef ROLLCALL_BENCH_POOL_H
#define ROLLCALL_BENCH_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "../../sandbox/miro.h"

enum backlog { BACKLOG_JOINERS, BACKLOG_MOVERS, BACKLOG_LEAVERS };

struct pool_settings {
    enum backlog backlog;
    size_t persons;
    unsigned spread;         /* buckets of the tenant */
    unsigned workers;        /* partitions go round among them */
    unsigned skew_per_mille; /* of the persons, all in one bucket; the rest anywhere */
    enum miro_window window;
    uint64_t seed;
};

struct pool;

/* Persons are restored (joiners: unknown), and each one's event is merged at the first instant. */
struct pool *pool_new(const struct pool_settings *settings);
void pool_free(struct pool *p);
void pool_run(struct pool *p, int64_t ms);
const struct miro *pool_miro(const struct pool *p);

#endif
