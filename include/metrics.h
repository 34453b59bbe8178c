/* metrics.h - counters and gauges from a table, as Prometheus text.
 *
 *     enum { M_REQUESTS, M_CALLS, METRICS };
 *     static const struct metric_def table[METRICS] = {
 *         [M_REQUESTS] = {"rollcall_ingest_requests_total", METRIC_COUNTER, "Requests by source.",
 * {"source"}},
 *     };
 *     struct metrics *m = metrics_new(table, METRICS);
 *     metrics_add(m, M_REQUESTS, "okta", 1);
 *
 * Label values come from the config or from fixed sets, never from requests. A metric holds at most
 * METRIC_SERIES_MAX label combinations; further ones are counted under "other". Updates are lock-free from
 * any thread (a new combination allocates once); a rendering may see them half a moment apart. Cannot fail.
 */
#ifndef ROLLCALL_METRICS_H
#define ROLLCALL_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum { METRIC_LABELS_MAX = 2, METRIC_SERIES_MAX = 1024, METRIC_LABEL_VALUE_MAX = 64 };

#define METRIC_ABSENT                                                                                        \
    INT64_MIN /* as a gauge's value: the series is not shown until it is set to another one */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_def {
    const char *name; /* Prometheus name; counters end in _total */
    enum metric_type type;
    const char *help;
    const char *labels[METRIC_LABELS_MAX]; /* names; NULL: fewer */
    double
        unit; /* values are rendered multiplied by this (0.001: counted in ms, shown in s); 0 stands for 1 */
};

struct metrics;

struct metrics *metrics_new(const struct metric_def *defs,
                            size_t n); /* borrows defs; free with metrics_free */
void metrics_free(struct metrics *m);

/* label is NULL for a metric without labels. m may be NULL (nothing is counted): tests need no metrics. */
void metrics_add(struct metrics *m, size_t metric, const char *label, int64_t delta);
void metrics_set(struct metrics *m, size_t metric, const char *label, int64_t value);
/* For metrics with two labels. */
void metrics_add2(struct metrics *m, size_t metric, const char *label, const char *label2, int64_t delta);
void metrics_set2(struct metrics *m, size_t metric, const char *label, const char *label2, int64_t value);
int64_t metrics_get(struct metrics *m, size_t metric, const char *label, const char *label2);

/* Appends all series in Prometheus' text format 0.0.4. A metric without labels is shown from the start (0),
 * others once they were touched. */
void metrics_render(struct metrics *m, struct buf *out);

#endif
