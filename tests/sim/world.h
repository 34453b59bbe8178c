/* world.h - what all parts of one simulated run share: time, chance, the plot, the parts, and the verdict.
 *
 *      scenario ──► simlog (events) ──► simworker: engine + shell ──► simtarget: miro + network
 *                        ▲  group              │   ▲                        │
 *                        └── transactions ◄────┘   └──── replies, or none ◄─┘
 *
 * Everything that happens is an entry of the clock; everything that is decided by chance is drawn from
 * `prng`. Thread rule: single-threaded. */
#ifndef ROLLCALL_SIM_WORLD_H
#define ROLLCALL_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "chaos.h"
#include "clock.h"
#include "prng.h"

enum {
    WORLD_PARTITIONS_MAX = 4,
    WORLD_TARGETS_MAX = 16,
    WORLD_SLOTS_MAX = 3,

    WORLD_SESSION_MS = 6000,
    WORLD_HEARTBEAT_MS = 1000,
    WORLD_LEASE_MS = WORLD_SESSION_MS - WORLD_HEARTBEAT_MS,
    WORLD_TXN_TIMEOUT_MS = 10000,

    WORLD_TIGHT_WINDOW_MS = 300 * 1000, /* of the limits, in runs in which they are to matter */
    WORLD_TIGHT_MOVES = 5,              /* changes of teams in such a window, of all buckets together */

    /* What a target bears whose limits are overstated: so many PATCHes in such a window, a fifth of what is configured. */
    WORLD_UNDERSTATED = 4,
    WORLD_UNDERSTATED_WINDOW_MS = 10 * 1000,

    WORLD_GUARD_WINDOW_MS = 7 * 24 * 3600 * 1000, /* longer than a run */
    WORLD_SKEW_MAX_MS = 1500,                     /* of a host's wall clock, either way */
    WORLD_STALE_MAX_MS = 2000,                    /* how old a stale read may be */
    WORLD_TIMEOUT_MS = 5000,                      /* of one call */
    WORLD_CALL_LIFE_MS = 25000,
    WORLD_MOVES = 8, /* so few changes of teams in such a window that several wait for one */
    WORLD_MOVES_WINDOW_MS = 20 * 1000,
    WORLD_RELIST_MS = 20000, /* of teams */
    WORLD_MISSING_MS = 8000,
    WORLD_RETRY_CAP_MS = 15000,
    WORLD_BREAKER_MAX_MS = 15000,    /* between probes of a target in trouble */
    WORLD_DEADLINE_SHORT_MS = 15000, /* of an event, in runs in which it is to pass */
    /* A call of unknown outcome has landed, and can be read, this long after it was written: the promise that
     * engine_target.call_life_ms makes, seen through two clocks that differ. */
    WORLD_LANDING_MAX_MS = WORLD_CALL_LIFE_MS - 2 * WORLD_SKEW_MAX_MS - WORLD_STALE_MAX_MS,
};

#define WORLD_TOMBSTONE_MS (INT64_C(30) * 24 * 3600 * 1000) /* until a deleted person is forgotten */

/* 2026-01-05T08:00:00Z: where virtual time begins. */
#define WORLD_EPOCH_MS INT64_C(1767600000000)

struct engine_target;
struct scenario;
struct simcontrol;
struct simteams;
struct simlog;
struct group;
struct simsource;
struct simtarget;
struct proc;
struct witness;
struct year;

struct world {
    uint64_t seed;
    bool verbose;
    struct clock clock;
    struct prng prng;
    struct chaos chaos;
    const struct engine_target
        *like;          /* of a story: its targets are configured so; NULL: as runs of trouble need it */
    struct year *year;  /* NULL: another story */
    unsigned policy;    /* what the newest wants: policy.h */
    unsigned revisions; /* of its text, also those that want the same */
    bool quiet;         /* the faults are over: what remains has to settle */
    struct scenario *scenario;
    struct simlog *log;
    struct group *group;
    struct simcontrol *control;
    struct simteams *teams;
    struct simtarget *targets[WORLD_TARGETS_MAX];
    size_t n_targets;
    struct simsource *source;
    struct proc **procs; /* every one there ever was; the dead keep their place */
    size_t n_procs;
    struct proc *slots[WORLD_SLOTS_MAX]; /* who runs under each slot now, NULL: nobody */
    size_t n_slots;
    struct witness *witness; /* what the invariants remember */
    struct buf failures;     /* one line each; empty: none */
    size_t n_failures;
};

static inline int64_t world_now(const struct world *w)
{
    return w->clock.now_ms;
}

/* Notes that a promise is broken. The run goes on, so that the trace shows what follows; only the first are
 * kept. */
void world_fail(struct world *w, const char *promise, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line of the trace, if anybody wants to see it. */
void world_trace(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
