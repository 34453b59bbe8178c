/* Sources that do not know a person, do not answer or answer nonsense: told, tried again, and nobody is cut for it. */
#include "fetch_kit.h"

START_TEST(one_404_of_a_source_that_lags_rejects_no_joiner)
{
    start();
    zoe_is_asked_about("new", EVENT_JOINED, 3);
    answer(404, "");
    commit();
    expect_no_result("new", "miro");
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS);
    answer(200, "joined;" ZOE);
    commit();
    expect_call("GET", "/Users?filter=");
    expect_no_result("new", "miro");
    kit_stop();
}
END_TEST

START_TEST(a_source_that_has_lost_most_persons_is_in_trouble)
{
    start();
    for (int i = 0; i < BREAKER_PERSONS; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        say({id, EVENT_CHANGED, .at = 2, .subject = id, .thin = true});
    }
    commit();
    for (int i = 0; i < BREAKER_PERSONS; i++) {
        expect_call("GET", "/people/p");
        answer(404, "");
    }
    commit();
    ck_assert_uint_eq(stats_now().unfetched, 0);
    struct engine_target_figures source;
    engine_target_figures(kit.e, 1, &source);
    ck_assert(source.open);
    kit_stop();
}
END_TEST

START_TEST(a_person_unknown_to_the_source_is_told_and_cut_by_nobody)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {{404, ""}, {410, ""}, {200, "nobody"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start();
        kit_zoe_has_account(ZOE);
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true, .profile = "title=Chef"});
        commit();
        expect_call("GET", "/people/zoe");
        answer_twice(rows[i].status, rows[i].body, "thin");
        expect_call("GET", "/Users/7"); /* for the title, which is new */
        answer(200, user("7", true, ZOE));
        expect_call("PATCH", "/Users/7");
        expect_body("Chef");
        answer(200, user("7", true, ZOE ";title=Chef"));
        commit();
        expect_result("thin", "miro", "applied");
        expect_not_fetched("thin", "does not know this person");
        ck_assert_uint_eq(stats_now().unfetched, 1);
        ck_assert_uint_eq(stats_now().fetched, 0);
        kit_stop();
    }
}
END_TEST

START_TEST(what_will_never_work_is_told_and_the_event_counts_as_it_is)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"refused", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(422, "{}");
    commit();
    expect_result("refused", "miro", "unchanged");
    expect_not_fetched("refused", "422");
    script_fails = true;
    say({"script", EVENT_CHANGED, .at = 3, .thin = true});
    commit();
    expect_no_call();
    commit();
    expect_result("script", "miro", "unchanged");
    expect_not_fetched("script", "hr.lua:7");
    kit_stop();
}
END_TEST

START_TEST(what_may_work_later_is_tried_again)
{
    static const int statuses[] = {500, 429, 200};
    static const char *const bodies[] = {"", "", "<html>"};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        start();
        kit_zoe_has_account(ZOE);
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(statuses[i], bodies[i]);
        commit();
        expect_no_result("thin", "miro");
        ck_assert_str_eq(source_now("attempts"), "1");
        ck_assert_int_ge(wait_for_call(), 1);
        ck_assert_uint_eq(kit.call->target, 1);
        answer(200, "joined;" ZOE);
        commit();
        expect_result("thin", "miro", "unchanged");
        expect_not_fetched("thin", NULL);
        ck_assert_str_eq(source_now("attempts"), "");
        kit_stop();
    }
}
END_TEST

START_TEST(who_cannot_be_asked_about_until_the_deadline_counts_as_told)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    while (wait_for_call() >= 0 && !find_result("thin", "miro"))
        answer(500, "{}");
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", "could not be asked in time: 500");
    kit_stop();
}
END_TEST

START_TEST(a_source_that_is_down_rejects_nobody_however_long)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    for (int64_t waited = 0; waited < 3 * KIT_DEADLINE_MS;) {
        int64_t wait = wait_for_call();
        ck_assert_int_ge(wait, 0);
        waited += wait + 1;
        answer(401, "{}");
    }
    commit();
    expect_no_result("thin", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, "joined;" ZOE);
    commit();
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", NULL);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_404_of_a_source_that_lags_rejects_no_joiner,
        a_source_that_has_lost_most_persons_is_in_trouble,
        a_person_unknown_to_the_source_is_told_and_cut_by_nobody,
        what_will_never_work_is_told_and_the_event_counts_as_it_is,
        what_may_work_later_is_tried_again,
        who_cannot_be_asked_about_until_the_deadline_counts_as_told,
        a_source_that_is_down_rejects_nobody_however_long,
    };
    return kit_run("engine_fetch_failures", tests, ARRAY_SIZE(tests));
}
