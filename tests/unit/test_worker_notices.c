/* People's decisions on their way to the engine: a real engine, and a reader that is a fake. */
#include "../../worker/notices.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/worker_metrics.h"
#include "log.h"
#include "mem.h"
#include "topic_reader_kit.h"
#include "test_lib.h"

#define PAUSE                                                                                                \
    "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true,\"by\":\"a\",\"reason\":\"b\",\"at\":\"2026-"   \
    "11-17T12:00:00Z\"}"
#define RESUME                                                                                               \
    "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":false,\"by\":\"a\",\"reason\":\"b\",\"at\":\"2026-"  \
    "11-17T13:00:00Z\"}"

/* ---- tests --------------------------------------------------------------------------------------------- */

static struct config_target target = {.name = (char *)"miro", .tenant = (char *)"acme"};
static struct config cfg = {.targets = {&target, 1}};
static struct engine_target engine_target = {
    .name = "miro", .tenant = "acme", .directory = "hr", .kind = "miro"};
static struct engine_config engine_config = {.targets = &engine_target, .n_targets = 1, .partitions = 1};
static struct engine *engine;
static struct metrics *metrics;
static struct notices *notices;
static struct error err;

static void set_up(void)
{
    fake = (struct fake){.topic = KAFKA_CONTROL};
    engine = engine_new(&engine_config, &(struct engine_ports){0});
    metrics = worker_metrics_new();
    ck_assert(notices_new(&cfg, engine, metrics, &notices, &err));
}

static void tear_down(void)
{
    notices_free(notices);
    engine_free(engine);
    metrics_free(metrics);
}

static int64_t paused(void)
{
    return metrics_get(metrics, WM_PAUSED, "miro", NULL);
}

START_TEST(the_last_state_counts_when_the_end_is_reached)
{
    fake_record("pause/miro", RESUME);
    fake_record("pause/miro", PAUSE);
    fake.end = 2;
    ck_assert_msg(notices_catch_up(notices, 1000, &err), "%s", err.message);
    ck_assert(engine_paused(engine, 0));
    ck_assert_int_eq(paused(), 1);
    ck_assert_int_eq(metrics_get(metrics, WM_DECISIONS, "obeyed", NULL), 2);
}
END_TEST

START_TEST(an_end_that_is_not_reached_is_asked_for_again)
{
    fake_record("pause/miro", PAUSE);
    fake.end = 2;
    ck_assert(!notices_catch_up(notices, 1, &err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    fake_record("pause/miro", RESUME);
    ck_assert(notices_catch_up(notices, 1000, &err));
    ck_assert_int_eq(fake.begins, 1);
    ck_assert(!engine_paused(engine, 0));
    ck_assert_int_eq(paused(), 0);
}
END_TEST

START_TEST(brokers_that_are_away_are_asked_again)
{
    fake.away = 1;
    ck_assert(!notices_catch_up(notices, 1000, &err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    ck_assert(notices_catch_up(notices, 1000, &err));
    ck_assert_int_eq(fake.begins, 2);
}
END_TEST

START_TEST(what_comes_later_is_obeyed_and_alarmed)
{
    ck_assert(notices_catch_up(notices, 1000, &err));
    ck_assert_int_eq(paused(), 0);
    fake_record("pause/miro", PAUSE);
    ck_assert(notices_take(notices, &err));
    ck_assert_int_eq(paused(), 1);
    fake_record("pause/miro", "");
    ck_assert(notices_take(notices, &err));
    ck_assert_int_eq(paused(), 0);
}
END_TEST

START_TEST(what_is_not_understood_is_counted_and_not_obeyed)
{
    fake_record("pause/miro", "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true}");
    fake.end = 1;
    ck_assert(notices_catch_up(notices, 1000, &err));
    ck_assert(!engine_paused(engine, 0));
    ck_assert_int_eq(metrics_get(metrics, WM_DECISIONS, "refused", NULL), 1);
}
END_TEST

START_TEST(a_topic_that_cannot_be_read_any_more_is_told)
{
    ck_assert(notices_catch_up(notices, 1000, &err));
    fake.fails = true;
    ck_assert(!notices_take(notices, &err));
    ck_assert_str_eq(err.message, "control: no rights");
}
END_TEST

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    Suite *suite = suite_create("notices");
    TCase *tc = tcase_create("notices");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_last_state_counts_when_the_end_is_reached);
    tcase_add_test(tc, an_end_that_is_not_reached_is_asked_for_again);
    tcase_add_test(tc, brokers_that_are_away_are_asked_again);
    tcase_add_test(tc, what_comes_later_is_obeyed_and_alarmed);
    tcase_add_test(tc, what_is_not_understood_is_counted_and_not_obeyed);
    tcase_add_test(tc, a_topic_that_cannot_be_read_any_more_is_told);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
