/* watchdog.h - words to the service manager (systemd's notify protocol); silent where there is none.
 *
 * WATCHDOG=1 is sent by the loop and only while the ledger's thread shows life: a hang of either ends in a
 * restart, which always recovers. The loop's thread. */
#ifndef ROLLCALL_WORKER_WATCHDOG_H
#define ROLLCALL_WORKER_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

enum { WATCHDOG_LEDGER_SILENT_MAX_MS = 30000 };

struct watchdog {
    int64_t interval_ms; /* 0: the service manager does not watch */
    int64_t due_ms;      /* CLOCK_MONOTONIC */
};

void watchdog_init(struct watchdog *w);
/* Sends the sign of life when it is due and the ledger has not been silent for too long. */
void watchdog_beat(struct watchdog *w, int64_t ledger_silent_ms);
int watchdog_timeout_ms(const struct watchdog *w); /* -1: nothing to do */

void watchdog_waiting(void); /* the start takes longer; to be repeated */
void watchdog_ready(void);
void watchdog_reloading(void); /* followed by watchdog_ready */
void watchdog_stopping(void);

#endif
