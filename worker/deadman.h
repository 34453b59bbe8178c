/* deadman.h - ends the process when one of its threads has stopped moving.
 *
 * A thread of its own counts its own ticks, not the clock: a process that was stopped (SIGSTOP, a suspended host)
 * is not taken for a hung one. systemd's watchdog would do the same; this works without it. */
#ifndef ROLLCALL_WORKER_DEADMAN_H
#define ROLLCALL_WORKER_DEADMAN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "log.h"

enum { DEADMAN_TICKS = 20, DEADMAN_THREADS_MAX = 2 };

struct deadman { /* zeroed */
    struct {
        const char *name;               /* a literal */
        const _Atomic int64_t *beat_ms; /* any change is life */
        int64_t seen;
        unsigned silent; /* ticks */
    } threads[DEADMAN_THREADS_MAX];
    int64_t limit_ms;
    enum log_format format;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
};

/* Before deadman_start; beat_ms must outlive deadman_done. */
void deadman_watch(struct deadman *d, const char *name, const _Atomic int64_t *beat_ms);
/* A thread that has not moved for limit_ms ends the process with EX_TEMPFAIL and a line that names it. */
bool deadman_start(struct deadman *d, int64_t limit_ms, enum log_format format, struct error *err)
    __attribute__((warn_unused_result));
void deadman_done(struct deadman *d);

#endif
