#include "deadman.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

/* A line, unless nobody takes it: the hung thread may hang at that very pipe. */
static void say(const struct deadman *d, const char *name)
{
    const struct log_field fields[] = {LOG_S("thread", name), LOG_I("seconds", d->limit_ms / 1000), LOG_END};
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    struct buf line;
    buf_init(&line, LOG_LINE_MAX + 1);
    log_render(d->format, LOG_LEVEL_ERROR, clock_real_ms(), "stopped: a thread does not move any more",
               fields, &line);
    if (poll(&out, 1, 0) == 1) {
        ssize_t written = write(STDERR_FILENO, line.p, line.n);
        (void)written;
    }
    buf_done(&line);
}

static void look(struct deadman *d)
{
    for (size_t i = 0; i < DEADMAN_THREADS_MAX && d->threads[i].name; i++) {
        int64_t beat = atomic_load(d->threads[i].beat_ms);
        bool moved = beat != d->threads[i].seen;
        d->threads[i].seen = beat;
        d->threads[i].silent = moved ? 0 : d->threads[i].silent + 1;
        if (d->threads[i].silent <= DEADMAN_TICKS)
            continue;
        say(d, d->threads[i].name);
        _exit(EX_TEMPFAIL);
    }
}

/* False: it is over. Waits for a tick. */
static bool wait_tick(struct deadman *d, int64_t tick_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + tick_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(tick_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&d->lock);
    while (!d->stop && pthread_cond_timedwait(&d->stopped, &d->lock, &until) == 0)
        ;
    bool more = !d->stop;
    pthread_mutex_unlock(&d->lock);
    return more;
}

static void *thread_main(void *ctx)
{
    struct deadman *d = ctx;
    while (wait_tick(d, d->limit_ms / DEADMAN_TICKS))
        look(d);
    return NULL;
}

void deadman_watch(struct deadman *d, const char *name, const _Atomic int64_t *beat_ms)
{
    size_t i = 0;
    while (i < DEADMAN_THREADS_MAX && d->threads[i].name)
        i++;
    assert(i < DEADMAN_THREADS_MAX);
    d->threads[i].name = name;
    d->threads[i].beat_ms = beat_ms;
}

bool deadman_start(struct deadman *d, int64_t limit_ms, enum log_format format, struct error *err)
{
    d->limit_ms = limit_ms;
    d->format = format;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->stopped, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&d->lock, NULL);
    int code = pthread_create(&d->thread, NULL, thread_main, d);
    if (code)
        return error_set(err, ERROR_SYSTEM, "deadman: thread: %s", strerror(code));
    d->started = true;
    pthread_setname_np(d->thread, "deadman");
    return true;
}

void deadman_done(struct deadman *d)
{
    if (!d->started)
        return;
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->stopped);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->stopped);
    pthread_mutex_destroy(&d->lock);
    d->started = false;
}
