/* pulse.h - what the loop sees of the ledger's thread, and how it tells it to stop waiting.
 *
 * Everything that blocks on the ledger's thread does so in slices of at most PULSE_SLICE_MS and calls
 * pulse_beat in between. Any thread. */
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
};

static inline void pulse_beat(struct pulse *p)
{
    atomic_store(&p->beat_ms, clock_mono_ms());
}

/* Between two tries of something that failed. */
static inline void pulse_pause(struct pulse *p)
{
    struct timespec pause = {.tv_nsec = PULSE_PAUSE_MS * 1000L * 1000L};
    nanosleep(&pause, NULL);
    pulse_beat(p);
}

#endif
