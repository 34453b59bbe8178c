/* worker_internal.h - what worker.c and worker_reload.c share. One thread, the loop's. */
#ifndef ROLLCALL_WORKER_INTERNAL_H
#define ROLLCALL_WORKER_INTERNAL_H

#include "deadman.h"
#include "patience.h"
#include "settings.h"
#include "watchdog.h"
#include "worker.h"

struct worker {
    const struct config *cfg;
    struct config *reloaded; /* what targets and tenants are by now; NULL: as in cfg */
    const char *slot;
    struct loop *loop;
    int signal_fd;
    struct metrics *metrics;
    struct policies *policies;
    struct tokens tokens;
    struct asked_sources *sources; /* that may be asked */
    int partitions;                /* of the events topic */
    struct engine_config *engine_config;
    struct engine *engine;
    struct notices *notices;
    struct directories *directories;
    struct http_client *http;
    struct consumer *consumer;
    struct ledger *ledger;
    struct membership *membership;
    struct admin *admin;
    struct watchdog watchdog;
    struct trouble *troubles; /* by target of the engine */
    bool open;                /* everything is: the loop may begin */
    bool more_calls;          /* the last turn stopped at CALLS_PER_TURN */
    struct patience patience;
    struct deadman deadman;
    _Atomic int64_t turned_ms; /* for the deadman */
    bool stopping;
    int64_t stop_by_ms; /* with stopping */
    bool failed;
    struct error failure; /* with failed */
};

/* What tenants and targets are by now. */
static inline const struct config *worker_config_now(const struct worker *w)
{
    return w->reloaded ? w->reloaded : w->cfg;
}

/* Reads policies, configuration, sources and secrets again: all of them are taken, or none, which is logged. */
void worker_reload(struct worker *w);
/* When those expire that we show: a metric of each. */
void worker_tell_certificates(struct worker *w);

#endif
