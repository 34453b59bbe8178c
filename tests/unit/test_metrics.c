#include "test_lib.h"

#include <pthread.h>
#include <stdio.h>

#include "metrics.h"

enum { M_REQUESTS, M_CALLS, M_READY, M_BUSY, METRICS };

static const struct metric_def table[METRICS] = {
    [M_REQUESTS] = {"t_requests_total", METRIC_COUNTER, "Requests.", {"source"}, 0},
    [M_CALLS] = {"t_calls_total", METRIC_COUNTER, "Calls.", {"target", "outcome"}, 0},
    [M_READY] = {"t_ready", METRIC_GAUGE, "Ready?", {NULL}, 0},
    [M_BUSY] = {"t_busy_seconds_total", METRIC_COUNTER, "Time.", {NULL}, 0.001},
};

static char *render(struct metrics *m)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    metrics_render(m, &b);
    ck_assert(buf_ok(&b));
    return buf_take(&b);
}

START_TEST(renders_prometheus_text)
{
    struct metrics *m = metrics_new(table, METRICS);
    metrics_add(m, M_REQUESTS, "okta", 2);
    metrics_add(m, M_REQUESTS, "okta", 1);
    metrics_add2(m, M_CALLS, "mi\"r\\o\n", "ok", 1);
    metrics_set(m, M_READY, NULL, 1);
    metrics_set(m, M_READY, NULL, -4);
    metrics_add(m, M_BUSY, NULL, 1234);
    char *text = render(m);
    ck_assert_str_eq(text, "# HELP t_requests_total Requests.\n# TYPE t_requests_total counter\n"
                           "t_requests_total{source=\"okta\"} 3\n"
                           "# HELP t_calls_total Calls.\n# TYPE t_calls_total counter\n"
                           "t_calls_total{target=\"mi\\\"r\\\\o\\n\",outcome=\"ok\"} 1\n"
                           "# HELP t_ready Ready?\n# TYPE t_ready gauge\nt_ready -4\n"
                           "# HELP t_busy_seconds_total Time.\n# TYPE t_busy_seconds_total counter\n"
                           "t_busy_seconds_total 1.234\n");
    ck_assert_int_eq(metrics_get(m, M_REQUESTS, "okta", NULL), 3);
    free(text);
    metrics_free(m);
}
END_TEST

START_TEST(what_is_absent_is_not_shown)
{
    static const struct metric_def expires = {"t_expires", METRIC_GAUGE, "When.", {"target"}, 0};
    struct metrics *m = metrics_new(&expires, 1);
    metrics_set(m, 0, "miro", 5);
    metrics_set(m, 0, "wiki", 6);
    metrics_set(m, 0, "miro", METRIC_ABSENT);
    char *text = render(m);
    ck_assert_str_eq(text, "# HELP t_expires When.\n# TYPE t_expires gauge\nt_expires{target=\"wiki\"} 6\n");
    free(text);
    metrics_set(m, 0, "miro", 7);
    text = render(m);
    ck_assert_ptr_nonnull(strstr(text, "t_expires{target=\"miro\"} 7\n"));
    free(text);
    metrics_free(m);
}
END_TEST

START_TEST(counts_combinations_over_the_limit_as_other)
{
    struct metrics *m = metrics_new(table, METRICS);
    char label[32];
    for (int i = 0; i < METRIC_SERIES_MAX + 10; i++) {
        snprintf(label, sizeof label, "s%d", i);
        metrics_add(m, M_REQUESTS, label, 1);
    }
    metrics_add(m, M_REQUESTS, "s0", 1);
    char *text = render(m);
    ck_assert_ptr_nonnull(strstr(text, "t_requests_total{source=\"other\"} 10\n"));
    ck_assert_ptr_nonnull(strstr(text, "t_requests_total{source=\"s0\"} 2\n"));
    free(text);
    metrics_free(m);
}
END_TEST

START_TEST(cuts_long_labels_and_takes_none)
{
    struct metrics *m = metrics_new(table, METRICS);
    char label[METRIC_LABEL_VALUE_MAX + 20];
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    metrics_add(m, M_REQUESTS, label, 1);
    label[METRIC_LABEL_VALUE_MAX + 5] = 'y';
    metrics_add(m, M_REQUESTS, label, 1);
    ck_assert_int_eq(metrics_get(m, M_REQUESTS, label, NULL), 2);
    metrics_add(m, M_REQUESTS, NULL, 1);
    char *text = render(m);
    ck_assert_ptr_nonnull(strstr(text, "{source=\"\"} 1\n"));
    free(text);
    metrics_add(NULL, M_REQUESTS, "x", 1);
    metrics_set2(NULL, M_CALLS, "x", "y", 1);
    metrics_free(m);
    metrics_free(NULL);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000, LABELS = 50 };

static void *count(void *m)
{
    char label[16];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(label, sizeof label, "s%d", i % LABELS);
        metrics_add(m, M_REQUESTS, label, 1);
    }
    return NULL;
}

START_TEST(loses_no_count_between_threads)
{
    struct metrics *m = metrics_new(table, METRICS);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, m);
    free(render(m));
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    int64_t sum = 0;
    char label[16];
    for (int i = 0; i < LABELS; i++) {
        snprintf(label, sizeof label, "s%d", i);
        sum += metrics_get(m, M_REQUESTS, label, NULL);
    }
    ck_assert_int_eq(sum, THREADS * ROUNDS);
    metrics_free(m);
}
END_TEST

RUN_TESTS("metrics", renders_prometheus_text, what_is_absent_is_not_shown,
          counts_combinations_over_the_limit_as_other, cuts_long_labels_and_takes_none,
          loses_no_count_between_threads)
