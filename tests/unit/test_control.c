/* Decisions of people: what is in force. (That each example of schemas/ is read or refused is lint's business.) */
#include "worker/engine/control.h"

#include "event_kit.h"
#include "test_lib.h"

#define SIGNED       "\"by\":\"ops\",\"reason\":\"because\",\"at\":\"2026-11-17T12:00:00.000Z\"}"
#define SIGNED_LATER "\"by\":\"ops\",\"reason\":\"because\",\"at\":\"2026-11-17T13:00:00.000Z\"}"
#define NOON         INT64_C(1794916800000)

static struct control control;

static void setup(void)
{
    control_init(&control);
}

static void teardown(void)
{
    control_done(&control);
}

static bool take(const char *key, const char *value, struct error *err)
{
    struct control_change change;
    return control_take(&control, str_of(key), str_of(value), &change, err);
}

static void told(const char *key, const char *value)
{
    struct error err;
    ck_assert_msg(take(key, value, &err), "%s: %s", key, err.message);
}

START_TEST(refuses_what_is_not_wholly_understood)
{
    static const struct {
        const char *what, *key, *value, *why;
    } rows[] = {
        {"no JSON", "pause/miro", "{", "byte"},
        {"a list", "pause/miro", "[]", "not a JSON object"},
        {"no kind", "pause/miro", "{\"target\":\"miro\"," SIGNED, "kind"},
        {"kind twice", "pause/miro",
         "{\"kind\":\"pause\",\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true," SIGNED, "kind: twice"},
        {"a member twice", "pause/miro",
         "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":false,\"paused\":true," SIGNED, "paused: twice"},
        {"a member of another kind", "pause/miro",
         "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true,\"decision\":\"deny\"," SIGNED,
         "no member of pause"},
        {"a key of another object", "pause/wiki",
         "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true," SIGNED, "key"},
        {"a key of another kind", "retry/miro",
         "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true," SIGNED, "key"},
        {"a name that is none", "pause/Miro",
         "{\"kind\":\"pause\",\"target\":\"Miro\",\"paused\":true," SIGNED, "target"},
        {"a hold of nothing", "hold/17", "{\"kind\":\"hold\",\"decision\":\"deny\"," SIGNED, "wanted"},
        {"a load of nobody", "load/okta",
         "{\"kind\":\"load\",\"time\":\"2026-11-17T12:00:00Z\",\"done\":false,\"pages\":0,\"people\":0,"
         "\"left\":0," SIGNED,
         "source: missing"},
        {"a load of part of a page", "load/okta",
         "{\"kind\":\"load\",\"source\":\"okta\",\"time\":\"2026-11-17T12:00:00Z\",\"done\":false,\"pages\":-"
         "1,"
         "\"people\":0,\"left\":0," SIGNED,
         "pages: not a count"},
        {"a person without directory", "provision/acme/1",
         "{\"kind\":\"provision\",\"person\":\"acme/1\",\"time\":\"2026-11-17T12:00:00Z\"," SIGNED, "person"},
        {"a person without subject", "provision/acme/hr/",
         "{\"kind\":\"provision\",\"person\":\"acme/hr/\",\"time\":\"2026-11-17T12:00:00Z\"," SIGNED,
         "person"},
        {"a key of no kind taken back", "stop/miro", "", "no kind"},
        {"no key", "", "", "key"},
    };
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ck_assert_msg(!take(rows[i].key, rows[i].value, &err), "%s", rows[i].what);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, rows[i].why), "%s: %s", rows[i].what, err.message);
    }
    ck_assert_uint_eq(control.n, 0);
}
END_TEST

START_TEST(refuses_what_is_too_long)
{
    struct error err;
    char *value = xmalloc(CONTROL_VALUE_MAX + 2), key[CONTROL_KEY_MAX + 2];
    memset(value, ' ', CONTROL_VALUE_MAX + 1);
    value[CONTROL_VALUE_MAX + 1] = '\0';
    memset(key, 'x', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    ck_assert(!take("pause/miro", value, &err));
    ck_assert(!take(key, "{}", &err));
    free(value);
}
END_TEST

START_TEST(a_record_that_is_refused_leaves_what_was_there)
{
    struct error err;
    told("pause/miro", "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true," SIGNED);
    ck_assert(!take("pause/miro", "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":0," SIGNED, &err));
    ck_assert(control_paused(&control, "miro"));
}
END_TEST

START_TEST(a_pause_of_all_is_one_of_each)
{
    told("pause/all", "{\"kind\":\"pause\",\"target\":\"all\",\"paused\":true," SIGNED);
    ck_assert(control_paused(&control, "miro"));
    told("pause/miro", "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":false," SIGNED);
    ck_assert(control_paused(&control, "miro"));
    told("pause/all", "{\"kind\":\"pause\",\"target\":\"all\",\"paused\":false," SIGNED_LATER);
    ck_assert(!control_paused(&control, "miro"));
    ck_assert_int_eq(control_resumed_ms(&control, "miro"), NOON + 3600000);
    ck_assert_int_eq(control_resumed_ms(&control, "wiki"), NOON + 3600000);
}
END_TEST

START_TEST(a_tombstone_takes_a_state_back)
{
    told("pause/miro", "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true," SIGNED);
    told("pause/miro", "");
    told("pause/miro", "");
    ck_assert(!control_paused(&control, "miro"));
    ck_assert_uint_eq(control.n, 0);
}
END_TEST

START_TEST(a_retry_of_all_and_of_one_the_later_counts)
{
    told("retry/all", "{\"kind\":\"retry\",\"target\":\"all\",\"time\":\"2026-11-17T12:00:00Z\"," SIGNED);
    told("retry/miro", "{\"kind\":\"retry\",\"target\":\"miro\",\"time\":\"2026-11-17T12:00:01Z\"," SIGNED);
    ck_assert_int_eq(control_retry_ms(&control, "miro"), NOON + 1000);
    ck_assert_int_eq(control_retry_ms(&control, "wiki"), NOON);
}
END_TEST

START_TEST(a_provision_is_of_one_person)
{
    told("provision/acme/hr/a/b",
         "{\"kind\":\"provision\",\"person\":\"acme/hr/a/b\",\"time\":\"2026-11-17T12:00:00Z\"," SIGNED);
    ck_assert_int_eq(control_provision_ms(&control, str_of("acme/hr/a/b")), NOON);
    ck_assert_int_eq(control_provision_ms(&control, str_of("acme/hr/a")), 0);
}
END_TEST

START_TEST(a_hold_is_decided_by_id_or_by_time_and_the_later_word_counts)
{
    told("hold/miro", "{\"kind\":\"hold\",\"decision\":\"deny\",\"target\":\"miro\",\"heldBefore\":\"2026-11-"
                      "17T12:00:00Z\"," SIGNED);
    ck_assert_int_eq(control_decision(&control, "17", "miro", NOON - 1), DECISION_DENY);
    ck_assert_int_eq(control_decision(&control, "17", "miro", NOON), DECISION_NONE);
    ck_assert_int_eq(control_decision(&control, "17", "wiki", NOON - 1), DECISION_NONE);
    told("hold/17", "{\"kind\":\"hold\",\"decision\":\"approve\",\"hold\":\"17\"," SIGNED);
    ck_assert_int_eq(control_decision(&control, "17", "miro", NOON - 1), DECISION_DENY);
    ck_assert_int_eq(control_decision(&control, "17", "miro", NOON + 1), DECISION_APPROVE);
    told("hold/17", "{\"kind\":\"hold\",\"decision\":\"approve\",\"hold\":\"17\"," SIGNED_LATER);
    ck_assert_int_eq(control_decision(&control, "17", "miro", NOON - 1), DECISION_APPROVE);
    ck_assert_int_eq(control_decision(&control, "18", "miro", NOON - 1), DECISION_DENY);
    told("hold/19", "{\"kind\":\"hold\",\"decision\":\"deny\",\"hold\":\"19\"," SIGNED);
    told("hold/miro",
         "{\"kind\":\"hold\",\"decision\":\"approve\",\"target\":\"miro\",\"heldBefore\":\"2026-11-"
         "17T12:00:00Z\"," SIGNED_LATER);
    ck_assert_int_eq(control_decision(&control, "19", "miro", NOON - 1), DECISION_DENY); /* by name */
    ck_assert_int_eq(control_decision(&control, "20", "miro", NOON - 1), DECISION_APPROVE);
    ck_assert_int_eq(control_decision(&control, "20", "miro", INT64_MAX), DECISION_NONE);
}
END_TEST

START_TEST(keeps_thousands_of_decisions_and_no_more_than_there_may_be)
{
    char key[64], value[256];
    struct error err;
    for (int i = 0; i < CONTROL_STATES_MAX; i++) {
        snprintf(key, sizeof key, "hold/h%d", i);
        snprintf(value, sizeof value, "{\"kind\":\"hold\",\"decision\":\"deny\",\"hold\":\"h%d\"," SIGNED, i);
        told(key, value);
    }
    ck_assert_int_eq(control_decision(&control, "h4711", "miro", NOON), DECISION_DENY);
    ck_assert(!take("hold/one", "{\"kind\":\"hold\",\"decision\":\"deny\",\"hold\":\"one\"," SIGNED, &err));
    told("hold/h0", "{\"kind\":\"hold\",\"decision\":\"approve\",\"hold\":\"h0\"," SIGNED);
    told("hold/h1", "");
    told("hold/one", "{\"kind\":\"hold\",\"decision\":\"deny\",\"hold\":\"one\"," SIGNED);
}
END_TEST

START_TEST(how_far_a_load_is_comes_back_as_it_was_written)
{
    char source[] = "okta", cursor[] = "00u\"x", by[] = "ops", reason[] = "r";
    const struct control_state s = {.kind = CONTROL_LOAD,
                                    .source = source,
                                    .cursor = cursor,
                                    .time_ms = NOON,
                                    .pages = 3,
                                    .people = 600,
                                    .left = 41,
                                    .skipped = 2,
                                    .by = by,
                                    .reason = reason,
                                    .at_ms = NOON};
    struct control_state again;
    struct buf out;
    struct error err = {0};
    buf_init(&out, CONTROL_VALUE_MAX);
    control_state_write(&s, &out);
    ck_assert_msg(control_state_read(str_of("load/okta"), buf_str(&out), &again, &err), "%s", err.message);
    ck_assert_str_eq(again.source, "okta");
    ck_assert_str_eq(again.cursor, cursor);
    ck_assert(!again.done && again.pages == 3 && again.people == 600 && again.left == 41 &&
              again.skipped == 2 && again.time_ms == NOON);
    control_state_done(&again);
    buf_done(&out);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        refuses_what_is_not_wholly_understood,
        refuses_what_is_too_long,
        a_record_that_is_refused_leaves_what_was_there,
        a_pause_of_all_is_one_of_each,
        a_tombstone_takes_a_state_back,
        a_retry_of_all_and_of_one_the_later_counts,
        a_provision_is_of_one_person,
        a_hold_is_decided_by_id_or_by_time_and_the_later_word_counts,
        keeps_thousands_of_decisions_and_no_more_than_there_may_be,
        how_far_a_load_is_comes_back_as_it_was_written,
    };
    Suite *suite = suite_create("control");
    TCase *tc = tcase_create("control");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
