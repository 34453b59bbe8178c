#include "test_lib.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "../../ingest/publisher.h"
#include "loop.h"

enum { INIT_PRODUCER_ID = 22, WAIT_MS = 20 * 1000 };

static unsigned delivered, failed;
static struct loop *loop; /* to wait with */

static void report(void *opaque, enum publisher_outcome outcome)
{
    (void)opaque;
    delivered += outcome == PUBLISHER_DELIVERED;
    failed += outcome != PUBLISHER_DELIVERED;
}

static bool is_fatal(const struct publisher *p)
{
    return publisher_fatal(p);
}

static bool is_idle(const struct publisher *p)
{
    return publisher_in_flight(p) == 0;
}

static void await(struct publisher *p, bool (*condition)(const struct publisher *p))
{
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (!condition(p)) {
        ck_assert_int_lt(clock_mono_ms(), end);
        publisher_poll(p);
        loop_wait(loop, 5);
    }
}

static bool send_one(struct publisher *p, struct error *err)
{
    struct event ev = {.type = EVENT_LEFT,
                       .id = "0123",
                       .tenant = (char *)"t",
                       .directory = (char *)"d",
                       .source = (char *)"s",
                       .subject = (char *)"1",
                       .occurred_at_ms = 1764150000000,
                       .received_at_ms = 1764150000000};
    return publisher_send(p, &ev, 1, NULL, err);
}

START_TEST(a_producer_that_cannot_go_on_is_made_anew_once_a_second)
{
    char why[256];
    struct publisher *p = NULL;
    struct error err = {0};
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof why);
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(rk, 1);
    struct config cfg = {.kafka = {.brokers = (char *)(uintptr_t)rd_kafka_mock_cluster_bootstraps(mock),
                                   .topic_prefix = (char *)"t",
                                   .partitions = 1,
                                   .replication_factor = 1},
                         .ingest = {.deadline_ms = 10 * 1000}};
    struct config_pair linger = {(char *)"linger.ms", (char *)"0"}; /* of the operator's own: one lane */
    cfg.kafka.properties = (struct config_pairs){&linger, 1};
    for (int i = 0; i < 2; i++)
        rd_kafka_mock_push_request_errors(mock, INIT_PRODUCER_ID, 1,
                                          RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    bool ok = loop_new(&loop, &err) && publisher_new(&cfg, PUBLISHER_HASTY, report, NULL, &p, &err);
    ck_assert_msg(ok, "%s", err.message);

    await(p, is_fatal);
    publisher_renew(p);
    await(p, is_fatal); /* refused again */
    ck_assert(!send_one(p, &err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    publisher_renew(p);
    ck_assert(publisher_fatal(p)); /* not twice in a second */
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (publisher_fatal(p) && clock_mono_ms() < end) {
        publisher_renew(p);
        publisher_poll(p);
        loop_wait(loop, 5);
    }
    ok = send_one(p, &err);
    ck_assert_msg(ok, "%s", err.message);
    await(p, is_idle);
    ck_assert_uint_eq(delivered, 1);
    ck_assert_uint_eq(failed, 0);
    publisher_free(p);
    loop_free(loop);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}
END_TEST

RUN_TESTS("ingest_publisher", a_producer_that_cannot_go_on_is_made_anew_once_a_second)
