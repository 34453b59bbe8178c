/* worker_metrics.h - every metric of rollcall-worker, in one table. Any thread. */
#ifndef ROLLCALL_WORKER_METRICS_H
#define ROLLCALL_WORKER_METRICS_H

#include "engine/engine.h"
#include "metrics.h"

enum worker_metric {
    WM_EVENTS,
    WM_DUPLICATES,
    WM_INVALID,
    WM_POISON,
    WM_RESULTS,
    WM_PERSONS,
    WM_LIVE,
    WM_WAITING,
    WM_DOUBTFUL,
    WM_HELD,
    WM_UNCUT,
    WM_BEHIND,
    WM_PLANS,
    WM_IN_FLIGHT,
    WM_POLICY_ERRORS,
    WM_FETCHED,
    WM_NOT_FETCHED,
    WM_CALLS,
    WM_CALL_TIME,
    WM_BREAKER,
    WM_IN_FLIGHT_LIMIT,
    WM_CERTIFICATE_EXPIRES,
    WM_CALLS_REFUSED,
    WM_COMMITS,
    WM_COMMIT_TIME,
    WM_COMMIT_RECORDS,
    WM_ABORTS,
    WM_PARTITIONS,
    WM_REBALANCES,
    WM_RESTORED_RECORDS,
    WM_RESTORE_TIME,
    WM_READING_HELD,
    WM_PAUSED,
    WM_TEAMS,
    WM_TEAMS_UNKNOWN,
    WM_GROUPS_UNATTACHED,
    WM_DECISIONS,
    WM_LEDGER_SILENT,
    WM_RELOADS,
    WORKER_METRICS,
};

struct metrics *worker_metrics_new(void);
/* Copies the engine's figures; before a rendering. */
void worker_metrics_engine(struct metrics *m, const struct engine_stats *stats);
/* The label of a call's ending: "2xx" … "5xx", "429" and other telling ones, "unknown", "not_sent". */
const char *worker_metrics_status(const struct call_reply *reply);

#endif
