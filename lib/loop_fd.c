/* Signals, timers and clocks of loop.h. */
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int loop_signal_fd(const int *signals, struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals; signals++)
        sigaddset(&set, *signals);
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd = rc == 0 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    if (fd < 0)
        error_set(err, ERROR_SYSTEM, "signals: %s", strerror(rc ? rc : errno));
    return fd;
}

int loop_signal_read(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = read(fd, &info, sizeof info);
    return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int loop_timer_fd(struct error *err)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0)
        error_set(err, ERROR_SYSTEM, "timer: %s", strerror(errno));
    return fd;
}

void loop_timer_set(int fd, int64_t after_ms)
{
    struct itimerspec spec = {0};
    if (after_ms >= 0)
        spec.it_value = (struct timespec){after_ms / 1000, after_ms % 1000 * 1000000};
    if (after_ms == 0)
        spec.it_value.tv_nsec = 1; /* zero would turn it off */
    timerfd_settime(fd, 0, &spec, NULL);
}

void loop_timer_read(int fd)
{
    uint64_t expirations;
    ssize_t n = read(fd, &expirations, sizeof expirations);
    (void)n;
}

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int64_t clock_real_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
    return now_ms(CLOCK_BOOTTIME);
}
