/* pulse.h - what the loop sees of the ledger's thread, and how it tells it to stop waiting.
 *
 * Everything that blocks on the ledger's thread does so in slices of at most 2 × PULSE_SLICE_MS and calls
 * pulse_beat in between. A beat says that the thread lives, pulse_moved that its work gets on. Any thread. */
#ifndef ROLLCALL_WORKER_PULSE_H
#define ROLLCALL_WORKER_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "loop.h"

enum { PULSE_SLICE_MS = 2000, PULSE_PAUSE_MS = 50 };

struct pulse {
    _Atomic int64_t beat_ms; /* CLOCK_MONOTONIC of the last beat */
    _Atomic bool stop;       /* give up for good: the process ends */
    _Atomic bool cancel;     /* give up the restore under way */

    _Atomic int64_t moved_ms;    /* CLOCK_MONOTONIC of the last thing that succeeded */
    _Atomic(const char *) doing; /* since then: a literal, NULL: nothing */
    _Atomic int trouble;         /* since then: the last rd_kafka_resp_err_t, 0: none */
};

static inline void pulse_beat(struct pulse *p)
{
    atomic_store(&p->beat_ms, clock_mono_ms());
}

/* Something has succeeded, and the next thing begins; doing: a literal. */
static inline void pulse_moved(struct pulse *p, const char *doing)
{
    pulse_beat(p);
    atomic_store(&p->trouble, 0);
    atomic_store(&p->doing, doing);
    atomic_store(&p->moved_ms, clock_mono_ms());
}

/* Between two tries of something that failed with that code. */
static inline void pulse_pause(struct pulse *p, int code)
{
    atomic_store(&p->trouble, code);
    struct timespec pause = {.tv_nsec = PULSE_PAUSE_MS * 1000L * 1000L};
    nanosleep(&pause, NULL);
    pulse_beat(p);
}

#endif
