/* The spool's thread: a disk that fails and works again, batches that Kafka refuses, and what is sent again. */
#include "test_lib.h"

#include <stdio.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "../../ingest/counters.h"
#include "../../ingest/spool.h"
#include "faulty_vfs.h"

enum { PRODUCE = 0, WAIT_MS = 30 * 1000 };

static struct {
    char dir[64], path[96];
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    struct config cfg;
    struct metrics *metrics;
    struct loop *loop;
    struct spool *spool;
    struct spool_port *port;
    unsigned kept, lost;
} t;

static void done(void *opaque, bool kept)
{
    (void)opaque;
    t.kept += kept;
    t.lost += !kept;
}

static void set_up(void)
{
    char why[256];
    struct error err = {0};
    snprintf(t.dir, sizeof t.dir, "/tmp/rollcall-spool-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(t.dir));
    snprintf(t.path, sizeof t.path, "%s/spool", t.dir);
    faulty_vfs_install(true);
    t.rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof why);
    t.mock = rd_kafka_mock_cluster_new(t.rk, 1);
    t.cfg =
        (struct config){.kafka = {.brokers = (char *)(uintptr_t)rd_kafka_mock_cluster_bootstraps(t.mock),
                                  .topic_prefix = (char *)"t",
                                  .partitions = 1,
                                  .replication_factor = 1},
                        .ingest = {.deadline_ms = 1000, .spool = {.path = t.path, .max_bytes = 16 << 20}}};
    t.metrics = metrics_new(counter_table, COUNTERS);
    bool ok =
        loop_new(&t.loop, &err) && spool_new(&t.cfg, t.metrics, &t.spool, &err) && spool_start(t.spool, &err);
    ck_assert_msg(ok, "%s", err.message);
    t.port = spool_port_new(t.spool, t.loop, done);
}

static void tear_down(void)
{
    spool_stop(t.spool);
    spool_poll(t.port);
    spool_port_free(t.port);
    spool_free(t.spool);
    loop_free(t.loop);
    metrics_free(t.metrics);
    rd_kafka_mock_cluster_destroy(t.mock);
    rd_kafka_destroy(t.rk);
    unlink(t.path);
    rmdir(t.dir);
}

static void put(unsigned n)
{
    struct event ev = {.type = EVENT_LEFT,
                       .id = "0123",
                       .tenant = (char *)"t",
                       .directory = (char *)"d",
                       .source = (char *)"s",
                       .subject = (char *)"1",
                       .occurred_at_ms = 1764150000000,
                       .received_at_ms = 1764150000000};
    struct spool_job *job = spool_job_new();
    for (unsigned i = 0; i < n; i++)
        ck_assert(spool_job_add(job, &ev, 1));
    ck_assert(spool_put(t.port, job, NULL));
}

static bool none_pending(void)
{
    return spool_pending(t.port) == 0;
}

static bool is_usable(void)
{
    return spool_usable(t.spool);
}

static bool is_empty(void)
{
    return !spool_first(t.spool);
}

static void await(bool (*condition)(void))
{
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (!condition()) {
        ck_assert_int_lt(clock_mono_ms(), end);
        spool_poll(t.port);
        loop_wait(t.loop, 5);
    }
}

static int64_t count(size_t metric)
{
    return metrics_get(t.metrics, metric, NULL, NULL);
}

static void refuse(unsigned times, rd_kafka_resp_err_t code)
{
    while (times-- > 0)
        rd_kafka_mock_push_request_errors(t.mock, PRODUCE, 1, code);
}

START_TEST(a_disk_that_fails_is_told_and_one_that_works_again_is_found)
{
    put(1);
    await(none_pending);
    ck_assert_uint_eq(t.kept, 1);
    disk.code = SQLITE_FULL;
    disk.count = NEVER;
    disk.left = 0;
    put(1);
    await(none_pending);
    ck_assert_uint_eq(t.lost, 1); /* its sender is told 503 */
    ck_assert(!spool_usable(t.spool));
    ck_assert(!is_empty()); /* the first one is still there */
    disk.count = 0;
    disk.left = NEVER;
    await(is_usable); /* though nobody puts anything */
    put(1);
    await(none_pending);
    ck_assert_uint_eq(t.kept, 2);
    spool_release(t.spool);
    await(is_empty);
    ck_assert_int_eq(count(COUNT_SPOOL_SENT), 2);
}
END_TEST

START_TEST(a_batch_that_is_refused_is_sent_one_by_one)
{
    refuse(1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    put(5);
    await(none_pending);
    spool_release(t.spool);
    await(is_empty);
    ck_assert_int_eq(count(COUNT_SPOOL_REFUSED), 0);
    ck_assert_int_eq(count(COUNT_SPOOL_SENT), 5);
}
END_TEST

START_TEST(what_is_refused_alone_is_passed_over_and_tried_at_the_next_start)
{
    struct error err = {0};
    refuse(2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE); /* the batch, then its first record */
    put(5);
    await(none_pending);
    spool_release(t.spool);
    await(is_empty);
    ck_assert_int_eq(count(COUNT_SPOOL_REFUSED), 1);
    ck_assert_int_eq(count(COUNT_SPOOL_SENT), 4);
    put(1); /* and behind it all goes on */
    await(none_pending);
    await(is_empty);
    ck_assert_int_eq(count(COUNT_SPOOL_SENT), 5);
    spool_stop(t.spool);
    spool_port_free(t.port);
    spool_free(t.spool);
    bool ok = spool_new(&t.cfg, t.metrics, &t.spool, &err) && spool_start(t.spool, &err);
    ck_assert_msg(ok, "%s", err.message);
    t.port = spool_port_new(t.spool, t.loop, done);
    ck_assert(!is_empty());
    spool_release(t.spool);
    await(is_empty);
    ck_assert_int_eq(count(COUNT_SPOOL_SENT), 6);
}
END_TEST

START_TEST(what_failed_is_sent_again)
{
    refuse(1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    put(3);
    await(none_pending);
    spool_release(t.spool);
    await(is_empty);
    ck_assert_int_eq(count(COUNT_SPOOL_REFUSED), 0);
    ck_assert_int_eq(count(COUNT_SPOOL_SENT), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ingest_spool");
    TCase *tc = tcase_create("thread");
    tcase_set_timeout(tc, TEST_TIMEOUT_S);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_disk_that_fails_is_told_and_one_that_works_again_is_found);
    tcase_add_test(tc, a_batch_that_is_refused_is_sent_one_by_one);
    tcase_add_test(tc, what_is_refused_alone_is_passed_over_and_tried_at_the_next_start);
    tcase_add_test(tc, what_failed_is_sent_again);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
