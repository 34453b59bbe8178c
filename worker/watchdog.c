#include "watchdog.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "loop.h"

void watchdog_init(struct watchdog *w)
{
    uint64_t usec = 0;
    *w = (struct watchdog){0};
    if (sd_watchdog_enabled(0, &usec) > 0)
        w->interval_ms = (int64_t)(usec / 1000 / 3);
}

void watchdog_beat(struct watchdog *w, int64_t ledger_silent_ms)
{
    int64_t now_ms = clock_mono_ms();
    if (w->interval_ms == 0 || now_ms < w->due_ms)
        return;
    w->due_ms = now_ms + w->interval_ms;
    if (ledger_silent_ms < WATCHDOG_LEDGER_SILENT_MAX_MS)
        sd_notify(0, "WATCHDOG=1");
}

int watchdog_timeout_ms(const struct watchdog *w)
{
    if (w->interval_ms == 0)
        return -1;
    int64_t left = w->due_ms - clock_mono_ms();
    return left < 0 ? 0 : (int)left;
}

void watchdog_waiting(void)
{
    sd_notify(0, "STATUS=waiting for Kafka\nEXTEND_TIMEOUT_USEC=15000000");
}

void watchdog_ready(void)
{
    sd_notify(0, "READY=1\nSTATUS=running");
}

/* Type=notify-reload wants the time of the reload (CLOCK_MONOTONIC, microseconds). */
void watchdog_reloading(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIi64, t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000);
}

void watchdog_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}
