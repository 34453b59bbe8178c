/* What rollcall-worker control does when it may write decisions and cannot read: who pauses in an emergency is obeyed;
 * and what it, and deadletters, say when there is nothing to list. */
#include "worker/cli.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "mem.h"
#include "worker/cli_standing.h"
#include "test_lib.h"

enum { FETCH = 1 };

static char path[64], said[4096];
static rd_kafka_t *rk;
static rd_kafka_mock_cluster_t *mock;
static struct config *cfg;

static void create(enum kafka_topic topic)
{
    char name[KAFKA_TOPIC_NAME_SIZE];
    kafka_topic_name(cfg, topic, name);
    ck_assert_int_eq(rd_kafka_mock_topic_create(mock, name, 1, 1), 0);
}

static void set_up(void)
{
    char why[256];
    struct error err = {0};
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, why, sizeof why);
    ck_assert_msg(rk, "%s", why);
    mock = rd_kafka_mock_cluster_new(rk, 1);
    snprintf(path, sizeof path, "/tmp/test_worker_control.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    dprintf(fd,
            "kafka: {brokers: '%s'}\n"
            "worker: {policy: policy.lua}\n"
            "tenants: [{name: acme}]\n"
            "targets:\n"
            "  - {name: miro, tenant: acme, kind: miro, base_url: 'https://h/a', directory: hr}\n",
            rd_kafka_mock_cluster_bootstraps(mock));
    close(fd);
    ck_assert_msg(config_load(path, &cfg, &err), "%s", err.message);
    create(KAFKA_CONTROL);
    create(KAFKA_PERSONS);
    create(KAFKA_DEADLETTERS);
}

static void tear_down(void)
{
    config_free(cfg);
    unlink(path);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(rk);
}

static void no_reading(void)
{
    char name[KAFKA_TOPIC_NAME_SIZE];
    const rd_kafka_resp_err_t refused[] = {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                           RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                           RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED};
    rd_kafka_mock_push_request_errors_array(mock, FETCH, ARRAY_SIZE(refused), refused);
    kafka_topic_name(cfg, KAFKA_PERSONS, name);
    rd_kafka_mock_topic_set_error(mock, name, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
}

/* The exit code; arguments as typed, by blanks. What is said on stderr is in said. */
static int command(const char *arguments)
{
    char *argv[16] = {"rollcall-worker"}, text[160], *rest;
    int argc = 1, code = -1, kept = dup(STDERR_FILENO);
    FILE *out = tmpfile();
    snprintf(text, sizeof text, "%s --reason r --by ops --config %s", arguments, path);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    ck_assert(out && dup2(fileno(out), STDERR_FILENO) >= 0);
    bool known = cli_run(argc, argv, &code);
    ck_assert(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    rewind(out);
    said[fread(said, 1, sizeof said - 1, out)] = '\0';
    fclose(out);
    ck_assert(known);
    return code;
}

static int control(const char *arguments)
{
    char text[128];
    snprintf(text, sizeof text, "control %s", arguments);
    return command(text);
}

static void count(void *ctx, const struct topic_record *record)
{
    (void)record;
    ++*(size_t *)ctx;
}

static size_t written(void)
{
    size_t n = 0;
    rd_kafka_mock_clear_request_errors(mock, FETCH);
    struct error err = {0};
    ck_assert_msg(standing_each(cfg, count, &n, &err), "%s", err.message);
    return n;
}

START_TEST(what_is_urgent_is_written_though_nothing_can_be_read)
{
    static const char *const urgent[] = {"pause all",
                                         "pause miro",
                                         "resume miro",
                                         "retry miro",
                                         "deny --target miro --before 2026-01-05T08:00:00Z",
                                         "approve --target miro --before 2026-01-05T08:00:00Z"};
    for (size_t i = 0; i < ARRAY_SIZE(urgent); i++) {
        no_reading();
        ck_assert_msg(control(urgent[i]) == EX_OK, "%s: %s", urgent[i], said);
        ck_assert_msg(strstr(said, "stands; what it meets could not be read"), "%s: %s", urgent[i], said);
        ck_assert_uint_eq(written(), i + 1);
    }
}
END_TEST

START_TEST(an_id_that_cannot_be_looked_up_is_not_decided)
{
    no_reading();
    ck_assert_int_eq(control("approve 0123456789abcdef"), EX_CONFIG);
    ck_assert_uint_eq(written(), 0);
}
END_TEST

static void note_state(void *ctx, const struct control_state *s)
{
    *(int64_t *)ctx = s->at_ms;
}

START_TEST(what_stood_before_a_decision_is_read_without_it)
{
    struct control_state pause = {.kind = CONTROL_PAUSE, .by = "ops", .reason = "r"};
    struct control all, before;
    struct error err = {0};
    ck_assert_int_eq(control("pause miro"), EX_OK);
    ck_assert_msg(standing_read(cfg, NULL, &all, &err), "%s", err.message);
    ck_assert(control_paused(&all, "miro"));
    control_each(&all, note_state, &pause.at_ms);
    ck_assert_msg(standing_read(cfg, &pause, &before, &err), "%s", err.message);
    ck_assert(!control_paused(&before, "miro"));
    control_done(&all);
    control_done(&before);
}
END_TEST

START_TEST(that_there_is_nothing_is_said)
{
    static const struct {
        const char *typed, *said;
    } rows[] = {
        {"control list", "nothing is in force\n"},
        {"control holds", "nothing is held\n"},
        {"control holds --denied", "nothing that was held is denied\n"},
        {"deadletters list", "no open dead letter; --all lists also what was replayed or dropped\n"},
        {"deadletters list --all", "no dead letter\n"},
        {"deadletters list --all --target miro", "no dead letter fits\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char wanted[128];
        snprintf(wanted, sizeof wanted, "rollcall-worker: %s", rows[i].said);
        ck_assert_msg(command(rows[i].typed) == EX_OK, "%s: %s", rows[i].typed, said);
        ck_assert_msg(strcmp(said, wanted) == 0, "%s: %s", rows[i].typed, said);
    }
    ck_assert_int_eq(control("pause miro"), EX_OK);
    ck_assert_int_eq(control("list"), EX_OK);
    ck_assert_str_eq(said, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_control");
    TCase *tc = tcase_create("worker_control");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, what_is_urgent_is_written_though_nothing_can_be_read);
    tcase_add_test(tc, an_id_that_cannot_be_looked_up_is_not_decided);
    tcase_add_test(tc, what_stood_before_a_decision_is_read_without_it);
    tcase_add_test(tc, that_there_is_nothing_is_said);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
