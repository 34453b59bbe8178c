#include "worker_metrics.h"

#include <stddef.h>

#include "engine/result.h"
#include "mem.h"

#define NAME(x) "rollcall_worker_" x

static const struct metric_def table[WORKER_METRICS] = {
    [WM_EVENTS] = {NAME("events_total"), METRIC_COUNTER, "Events merged.", {0}, 0},
    [WM_DUPLICATES] = {NAME("duplicates_total"), METRIC_COUNTER, "Events seen before.", {0}, 0},
    [WM_INVALID] =
        {NAME("invalid_total"), METRIC_COUNTER, "Records that are no events (dead letters).", {0}, 0},
    [WM_POISON] = {NAME("poison_total"),
                   METRIC_COUNTER,
                   "Records that end whoever merges them (dead letters).",
                   {0},
                   0},
    [WM_RESULTS] = {NAME("results_total"), METRIC_COUNTER, "Results by outcome.", {"outcome"}, 0},
    [WM_PERSONS] = {NAME("persons"), METRIC_GAUGE, "Persons in memory.", {0}, 0},
    [WM_LIVE] = {NAME("persons_live"), METRIC_GAUGE, "Persons unpacked for work.", {0}, 0},
    [WM_WAITING] =
        {NAME("persons_waiting"),
         METRIC_GAUGE,
         "Calls that could start and wait for room in a target's limits; not those that wait for a time.",
         {0},
         0},
    [WM_DOUBTFUL] =
        {NAME("accounts_doubtful"), METRIC_GAUGE, "Accounts with a call of unknown outcome.", {0}, 0},
    [WM_HELD] = {NAME("persons_held"),
                 METRIC_GAUGE,
                 "Persons for whom the guard holds something until somebody decides.",
                 {0},
                 0},
    [WM_UNCUT] = {NAME("persons_uncut"),
                  METRIC_GAUGE,
                  "Persons who must not have access and keep it, since a target refuses; tried again daily.",
                  {0},
                  0},
    [WM_PLANS] = {NAME("plans_total"), METRIC_COUNTER, "Plan records of a dry run.", {0}, 0},
    [WM_BEHIND] = {NAME("sweep_left"),
                   METRIC_GAUGE,
                   "Persons that are still to be planned anew, since the policy, the targets or their teams "
                   "have changed.",
                   {0},
                   0},
    [WM_IN_FLIGHT] = {NAME("calls_in_flight"), METRIC_GAUGE, "Calls under way.", {0}, 0},
    [WM_POLICY_ERRORS] = {NAME("policy_errors_total"), METRIC_COUNTER, "Failures of the policy.", {0}, 0},
    [WM_FETCHED] = {NAME("fetched_total"),
                    METRIC_COUNTER,
                    "Questions about persons that their sources have answered.",
                    {0},
                    0},
    [WM_NOT_FETCHED] = {NAME("not_fetched_total"),
                        METRIC_COUNTER,
                        "Those that ended otherwise: the person is not known there, refused, too late.",
                        {0},
                        0},
    [WM_CALLS] =
        {NAME("calls_total"), METRIC_COUNTER, "Calls by target and ending.", {"target", "status"}, 0},
    [WM_CALL_TIME] = {NAME("call_seconds_total"), METRIC_COUNTER, "Time that calls took.", {"target"}, 0.001},
    [WM_BREAKER] = {NAME("breaker"),
                    METRIC_GAUGE,
                    "1 while a target refuses or fails everything: calls wait, probes ask.",
                    {"target"},
                    0},
    [WM_IN_FLIGHT_LIMIT] = {NAME("calls_in_flight_limit"),
                            METRIC_GAUGE,
                            "Calls at once that a target bears, at most its in_flight.",
                            {"target"},
                            0},
    [WM_CERTIFICATE_EXPIRES] = {NAME("tls_certificate_expires_seconds"),
                                METRIC_GAUGE,
                                "Unix time at which the certificate that we show a target expires.",
                                {"target"},
                                0},
    [WM_CALLS_REFUSED] =
        {NAME("calls_refused_total"), METRIC_COUNTER, "Calls held back because the lease was over.", {0}, 0},
    [WM_COMMITS] = {NAME("commits_total"), METRIC_COUNTER, "Transactions committed.", {0}, 0},
    [WM_COMMIT_TIME] = {NAME("commit_seconds_total"), METRIC_COUNTER, "Time that commits took.", {0}, 0.001},
    [WM_COMMIT_RECORDS] =
        {NAME("commit_records_total"), METRIC_COUNTER, "Records in committed transactions.", {0}, 0},
    [WM_ABORTS] = {NAME("aborts_total"), METRIC_COUNTER, "Transactions aborted.", {0}, 0},
    [WM_PARTITIONS] = {NAME("partitions"), METRIC_GAUGE, "Partitions owned.", {0}, 0},
    [WM_REBALANCES] = {NAME("rebalances_total"), METRIC_COUNTER, "Assignments received.", {0}, 0},
    [WM_RESTORED_RECORDS] =
        {NAME("restored_records_total"), METRIC_COUNTER, "Records read by restores.", {0}, 0},
    [WM_RESTORE_TIME] =
        {NAME("restore_seconds_total"), METRIC_COUNTER, "Time that restores took.", {0}, 0.001},
    [WM_READING_HELD] =
        {NAME("reading_held"), METRIC_GAUGE, "1 while no events are read because too many wait.", {0}, 0},
    [WM_TEAMS] = {NAME("teams"), METRIC_GAUGE, "Teams of a target, as listed last.", {"target"}, 0},
    [WM_TEAMS_UNKNOWN] =
        {NAME("teams_unknown"),
         METRIC_GAUGE,
         "1 while a target's teams cannot be listed: nobody is put into those that are not known.",
         {"target"},
         0},
    [WM_GROUPS_UNATTACHED] = {NAME("groups_unattached"),
                              METRIC_GAUGE,
                              "1 while a target's groups are not attached to teams as configured; of who "
                              "owns the tenant's bucket 0.",
                              {"target"},
                              0},
    [WM_PAUSED] = {NAME("paused"),
                   METRIC_GAUGE,
                   "1 while a person has paused the target: nothing is called there.",
                   {"target"},
                   0},
    [WM_DECISIONS] = {NAME("decisions_total"),
                      METRIC_COUNTER,
                      "Records of the control topic by what came of them.",
                      {"outcome"},
                      0},
    [WM_LEDGER_SILENT] = {NAME("ledger_silent_seconds"),
                          METRIC_GAUGE,
                          "Time since the ledger's thread last moved.",
                          {0},
                          0.001},
    [WM_RELOADS] = {NAME("reloads_total"), METRIC_COUNTER, "SIGHUPs by what came of them.", {"outcome"}, 0},
};

struct metrics *worker_metrics_new(void)
{
    return metrics_new(table, WORKER_METRICS);
}

void worker_metrics_engine(struct metrics *m, const struct engine_stats *stats)
{
    const struct {
        enum worker_metric metric;
        uint64_t value;
    } rows[] = {
        {WM_EVENTS, stats->events},
        {WM_DUPLICATES, stats->duplicates},
        {WM_INVALID, stats->invalid},
        {WM_PERSONS, stats->persons},
        {WM_LIVE, stats->live},
        {WM_WAITING, stats->waiting},
        {WM_DOUBTFUL, stats->doubtful},
        {WM_UNCUT, stats->uncut},
        {WM_BEHIND, stats->behind},
        {WM_PLANS, stats->plans},
        {WM_HELD, stats->held},
        {WM_IN_FLIGHT, stats->in_flight},
        {WM_ABORTS, stats->aborts},
        {WM_POLICY_ERRORS, stats->policy_errors},
        {WM_POISON, stats->poison},
        {WM_FETCHED, stats->fetched},
        {WM_NOT_FETCHED, stats->unfetched},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        metrics_set(m, rows[i].metric, NULL, (int64_t)rows[i].value);
    for (size_t i = 0; i < OUTCOMES; i++)
        metrics_set(m, WM_RESULTS, outcome_name((enum outcome)i), (int64_t)stats->results[i]);
}

const char *worker_metrics_status(const struct call_reply *reply)
{
    static const char *const classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    static const struct {
        int status;
        const char *label;
    } telling[] = {
        {401, "401"}, {403, "403"}, {404, "404"}, {408, "408"}, {409, "409"}, {429, "429"},
    };
    if (reply->outcome == CALL_NOT_SENT)
        return "not_sent";
    if (reply->outcome == CALL_UNKNOWN)
        return "unknown";
    for (size_t i = 0; i < ARRAY_SIZE(telling); i++)
        if (reply->status == telling[i].status)
            return telling[i].label;
    size_t class = (size_t)(reply->status / 100 - 1);
    return class < ARRAY_SIZE(classes) ? classes[class] : "odd";
}
