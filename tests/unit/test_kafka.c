#include "test_lib.h"

#include <stdio.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "kafka.h"
#include "loop.h"

static struct config cfg;

static void set_config(char *brokers)
{
    cfg = (struct config){
        .kafka = {.brokers = brokers, .topic_prefix = "t", .partitions = 3, .replication_factor = 1},
        .worker = {.group = "g",
                   .session_timeout_ms = 6000,
                   .heartbeat_ms = 2000,
                   .transaction_timeout_ms = 5000},
    };
}

static void check_setting(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[256];
    size_t n = sizeof value;
    ck_assert_int_eq(rd_kafka_conf_get(conf, name, value, &n), RD_KAFKA_CONF_OK);
    ck_assert_msg(strcmp(value, expected) == 0, "%s is %s", name, value);
}

static const struct {
    enum kafka_role role;
    const char *name, *value;
} expected[] = {
    {KAFKA_ROLE_PUBLISHER, "enable.idempotence", "true"},
    {KAFKA_ROLE_PUBLISHER, "request.required.acks", "-1"},
    {KAFKA_ROLE_PUBLISHER, "max.in.flight.requests.per.connection", "1"},
    {KAFKA_ROLE_LEDGER, "max.in.flight.requests.per.connection", "1"},
    {KAFKA_ROLE_LEDGER, "transactional.id", "g-w0"},
    {KAFKA_ROLE_LEDGER, "transaction.timeout.ms", "5000"},
    {KAFKA_ROLE_EVENTS, "group.id", "g"},
    {KAFKA_ROLE_EVENTS, "group.instance.id", "w0"},
    {KAFKA_ROLE_EVENTS, "isolation.level", "read_committed"},
    {KAFKA_ROLE_EVENTS, "enable.auto.commit", "false"},
    {KAFKA_ROLE_EVENTS, "session.timeout.ms", "6000"},
    {KAFKA_ROLE_EVENTS, "heartbeat.interval.ms", "2000"},
    {KAFKA_ROLE_EVENTS, "max.poll.interval.ms", "30000"},
    {KAFKA_ROLE_RESTORE, "enable.partition.eof", "true"},
    {KAFKA_ROLE_RESTORE, "isolation.level", "read_committed"},
    {KAFKA_ROLE_WATERMARK, "isolation.level", "read_uncommitted"},
    {KAFKA_ROLE_ADMIN, "bootstrap.servers", "x:1"},
};

START_TEST(each_role_has_its_settings)
{
    set_config("x:1");
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        rd_kafka_conf_t *conf;
        struct error err = {0};
        ck_assert_msg(kafka_conf_new(&cfg, expected[i].role, "w0", &conf, &err), "%s", err.message);
        check_setting(conf, expected[i].name, expected[i].value);
        rd_kafka_conf_destroy(conf);
    }
}
END_TEST

START_TEST(properties_of_the_config_are_passed_on)
{
    set_config("x:1");
    setenv("ROLLCALL_TEST_PASSWORD", "hunter2", 1);
    struct config_pair pairs[] = {{"security.protocol", "sasl_plaintext"},
                                  {"sasl.password", "env:ROLLCALL_TEST_PASSWORD"},
                                  {"linger.ms", "7"}};
    cfg.kafka.properties = (struct config_pairs){pairs, ARRAY_SIZE(pairs)};
    rd_kafka_conf_t *conf;
    struct error err = {0};
    ck_assert_msg(kafka_conf_new(&cfg, KAFKA_ROLE_LEDGER, "w0", &conf, &err), "%s", err.message);
    check_setting(conf, "security.protocol", "sasl_plaintext");
    check_setting(conf, "sasl.password", "hunter2");
    check_setting(conf, "linger.ms", "7");
    rd_kafka_conf_destroy(conf);
    cfg.kafka.properties = (struct config_pairs){0};
}
END_TEST

/* librdkafka refuses answers that cannot hold a message; a few of its settings have to fit each other. */
START_TEST(larger_messages_can_be_had)
{
    enum { MANY = KAFKA_ROLE_WATERMARK + 1 };
    set_config("127.0.0.1:1");
    struct config_pair pairs[] = {{"message.max.bytes", "8000000"}};
    cfg.kafka.properties = (struct config_pairs){pairs, ARRAY_SIZE(pairs)};
    for (int role = 0; role < MANY; role++) {
        rd_kafka_conf_t *conf;
        struct error err = {0};
        char why[256];
        bool writes = role == KAFKA_ROLE_ADMIN || role == KAFKA_ROLE_PUBLISHER || role == KAFKA_ROLE_LEDGER;
        ck_assert_msg(kafka_conf_new(&cfg, (enum kafka_role)role, "w0", &conf, &err), "%s", err.message);
        rd_kafka_t *rk = rd_kafka_new(writes ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why, sizeof why);
        ck_assert_msg(rk, "role %d: %s", role, why);
        rd_kafka_destroy(rk);
    }
    cfg.kafka.properties = (struct config_pairs){0};
}
END_TEST

START_TEST(properties_that_would_break_a_promise_are_refused)
{
    static const struct {
        struct config_pair pair;
        const char *why;
    } rows[] = {
        {{"acks", "1"}, "acks is set by the program"},
        {{"enable.auto.commit", "true"}, "set by the program"},
        {{"max.in.flight", "5"}, "set by the program"},
        {{"delivery.report.only.error", "true"}, "set by the program"},
        {{"isolation.level", "read_uncommitted"}, "set by the program"},
        {{"metadata.broker.list", "y:1"}, "set by the program"},
        {{"no.such.thing", "1"}, "no.such.thing"},
        {{"socket.timeout.ms", "env:ROLLCALL_TEST_PASSWORD"}, "refuses"},
        {{"sasl.password", "env:ROLLCALL_TEST_ABSENT"}, "not set"},
    };
    set_config("x:1");
    setenv("ROLLCALL_TEST_PASSWORD", "hunter2", 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config_pair pair = rows[i].pair;
        cfg.kafka.properties = (struct config_pairs){&pair, 1};
        rd_kafka_conf_t *conf;
        struct error err = {0};
        ck_assert(!kafka_conf_new(&cfg, KAFKA_ROLE_PUBLISHER, NULL, &conf, &err));
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert(!kafka_properties_check(&cfg, &err));
        ck_assert_msg(strncmp(err.message, "kafka.properties[0]: ", 21) == 0 &&
                          strstr(err.message, rows[i].why),
                      "%s", err.message);
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
    }
}
END_TEST

START_TEST(topics_are_named_after_the_prefix)
{
    set_config("x:1");
    char name[KAFKA_TOPIC_NAME_SIZE];
    kafka_topic_name(&cfg, KAFKA_DEADLETTERS, name);
    ck_assert_str_eq(name, "t.deadletters");
    kafka_topic_name(&cfg, KAFKA_EVENTS, name);
    ck_assert_str_eq(name, "t.events");
}
END_TEST

static rd_kafka_t *new_mock(rd_kafka_mock_cluster_t **ret)
{
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof why);
    ck_assert_msg(rk, "%s", why);
    *ret = rd_kafka_mock_cluster_new(rk, 1);
    set_config((char *)(uintptr_t)rd_kafka_mock_cluster_bootstraps(*ret));
    return rk;
}

static void create(rd_kafka_mock_cluster_t *mock, enum kafka_topic topic, int partitions)
{
    char name[KAFKA_TOPIC_NAME_SIZE];
    kafka_topic_name(&cfg, topic, name);
    ck_assert_int_eq(rd_kafka_mock_topic_create(mock, name, partitions, 1), 0);
}

/* What became of two messages: how many are said to be delivered. */
static void count_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    *(int *)opaque += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_t *new_publisher(int *delivered)
{
    rd_kafka_conf_t *conf;
    struct error err = {0};
    char why[256];
    ck_assert_msg(kafka_conf_new(&cfg, KAFKA_ROLE_PUBLISHER, "w0", &conf, &err), "%s", err.message);
    rd_kafka_conf_set(conf, "linger.ms", "0", why, sizeof why);
    rd_kafka_conf_set_opaque(conf, delivered);
    rd_kafka_conf_set_dr_msg_cb(conf, count_delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    ck_assert_msg(rk, "%s", why);
    return rk;
}

static void produce_to(rd_kafka_t *rk, const char *topic, int partition, const char *value)
{
    ck_assert_int_eq(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                       RD_KAFKA_V_VALUE((void *)(uintptr_t)value, strlen(value)),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* A broker that has just become the leader refuses one request and takes the next one. The mock, like a broker that does
 * not know the producer yet, takes any sequence number. */
START_TEST(a_message_is_delivered_only_when_it_is_there_itself)
{
    enum { PRODUCE = 0, ROUND_TRIP_MS = 200, WAIT_MS = 10000 };
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *rk = new_mock(&mock);
    char topic[KAFKA_TOPIC_NAME_SIZE];
    int delivered = 0;
    int64_t low, high;
    create(mock, KAFKA_EVENTS, 2);
    kafka_topic_name(&cfg, KAFKA_EVENTS, topic);
    rd_kafka_t *publisher = new_publisher(&delivered);
    produce_to(publisher, topic, 0, "its id, its connection and the leaders are known then");
    ck_assert_int_eq(rd_kafka_flush(publisher, WAIT_MS), 0);
    rd_kafka_mock_push_request_errors(mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    rd_kafka_mock_broker_set_rtt(mock, 1, ROUND_TRIP_MS);
    produce_to(publisher, topic, 1, "first");
    rd_kafka_poll(publisher, ROUND_TRIP_MS / 4); /* it is on its way */
    produce_to(publisher, topic, 1, "second");
    ck_assert_int_eq(rd_kafka_flush(publisher, WAIT_MS), 0);
    ck_assert_int_eq(delivered, 3);
    ck_assert_int_eq(rd_kafka_query_watermark_offsets(publisher, topic, 1, &low, &high, WAIT_MS), 0);
    ck_assert_int_eq(high, 2);
    rd_kafka_destroy(publisher);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}
END_TEST

START_TEST(unmanaged_topics_are_accepted_when_they_agree)
{
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *rk = new_mock(&mock);
    for (int i = 0; i < KAFKA_TOPICS; i++)
        create(mock, (enum kafka_topic)i, 5);
    int partitions = 0;
    struct kafka_warnings warnings;
    struct error err = {0};
    ck_assert_msg(kafka_topics_ensure(&cfg, 10000, &partitions, &warnings, &err), "%s", err.message);
    ck_assert_int_eq(partitions, 5);
    ck_assert_uint_eq(warnings.n, 1); /* the mock cluster does not tell its settings */
    ck_assert_msg(strstr(warnings.v[0], "that t.persons is compacted is not verified"), "%s", warnings.v[0]);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}
END_TEST

START_TEST(unmanaged_topics_are_never_made_by_asking_for_them)
{
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *rk = new_mock(&mock);
    for (int i = 0; i < KAFKA_TOPICS; i++)
        if (i != KAFKA_PERSONS)
            create(mock, (enum kafka_topic)i, 5);
    for (int i = 0; i < 2; i++) { /* the mock cluster creates what is asked for by name */
        struct error err = {0};
        ck_assert(!kafka_topics_ensure(&cfg, 1500, NULL, NULL, &err));
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, "there is no topic t.persons: kafka-topics.sh"), "%s", err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "cleanup.policy=compact"));
    }
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}
END_TEST

START_TEST(partition_counts_that_differ_are_refused)
{
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *rk = new_mock(&mock);
    for (int i = 0; i < KAFKA_TOPICS; i++)
        create(mock, (enum kafka_topic)i, i == KAFKA_PERSONS ? 4 : 5);
    struct error err = {0};
    ck_assert(!kafka_topics_ensure(&cfg, 10000, NULL, NULL, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, "t.persons has 4 partitions and t.events has 5"), "%s", err.message);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}
END_TEST

START_TEST(brokers_that_do_not_answer_are_a_temporary_error)
{
    set_config("127.0.0.1:1");
    struct error err = {0};
    int64_t start = clock_mono_ms();
    ck_assert(!kafka_topics_ensure(&cfg, 500, NULL, NULL, &err));
    ck_assert_msg(err.kind == ERROR_TEMPORARY, "%s", err.message);
    cfg.kafka.manage_topics = 1;
    ck_assert(!kafka_topics_ensure(&cfg, 500, NULL, NULL, &err));
    ck_assert_msg(err.kind == ERROR_TEMPORARY, "%s", err.message);
    ck_assert_int_lt(clock_mono_ms() - start, 20000);
}
END_TEST

RUN_TESTS("kafka", larger_messages_can_be_had, each_role_has_its_settings,
          properties_of_the_config_are_passed_on, properties_that_would_break_a_promise_are_refused,
          topics_are_named_after_the_prefix, unmanaged_topics_are_accepted_when_they_agree,
          unmanaged_topics_are_never_made_by_asking_for_them, partition_counts_that_differ_are_refused,
          a_message_is_delivered_only_when_it_is_there_itself,
          brokers_that_do_not_answer_are_a_temporary_error)
