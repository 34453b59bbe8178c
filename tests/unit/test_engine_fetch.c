/* Thin events: the source is asked, and what waits for its answer. */
#include "fetch_kit.h"

/* ---- the way through ----------------------------------------------------------------------------------- */

START_TEST(a_thin_change_is_fetched_and_then_made)
{
    start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    expect_no_call(); /* not before it is committed */
    commit();
    expect_call("GET", "/people/zoe");
    ck_assert_uint_eq(kit.call->target, 1);
    ck_assert(!kit.call->write);
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Chef");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("thin", "miro", "applied");
    expect_not_fetched("thin", NULL);
    ck_assert_str_eq(source_now("wanted"), "");
    ck_assert_str_ne(source_now("fetchedAt"), "");
    expect_no_call();
    kit_stop();
}
END_TEST

/* What it does not name is gone with a whole answer only: "part=…" stands for complete = false. */
START_TEST(an_answer_in_part_clears_nothing)
{
    static const struct {
        const char *answer;
        bool kept;
    } rows[] = {{"joined;" ZOE, false}, {"joined;title=Chef;part=yes", true}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start();
        kit_zoe_has_account(ZOE ";department=Kitchen");
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(200, rows[i].answer);
        commit();
        cJSON *root = person_now();
        cJSON *department = cJSON_GetArrayItem(json_get(json_get(root, "profile"), "department"), 0);
        ck_assert_msg(cJSON_IsString(department) == rows[i].kept, "%s", rows[i].answer);
        cJSON_Delete(root);
        kit_stop();
    }
}
END_TEST

START_TEST(a_joiner_waits_for_the_fetch_and_gets_what_it_said)
{
    start();
    say({"thin", EVENT_JOINED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    expect_no_call();
    commit();
    expect_no_result("thin", "miro");
    answer(200, "joined;" ZOE);
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    expect_call("POST", "/Users");
    expect_body("zoe");
    kit_stop();
}
END_TEST

START_TEST(a_fetch_begun_before_the_newest_thin_event_does_not_answer_it)
{
    start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"thin1", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    say({"thin2", EVENT_CHANGED, .at = 3, .thin = true});
    commit();
    answer(200, "joined;" ZOE ";title=Old");
    commit();
    expect_no_result("thin1", "miro");
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Chef");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("thin1", "miro", "merged");
    expect_result("thin2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(an_older_thin_event_that_comes_late_is_fetched_too)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"late", EVENT_CHANGED, .at = 0, .thin = true, .profile = "displayName=Old"});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    expect_result("late", "miro", "unchanged");
    kit_stop();
}
END_TEST

static bool zoe_is_in(const char *group)
{
    cJSON *root = person_now();
    bool member = cJSON_IsTrue(cJSON_GetArrayItem(json_get(json_get(root, "groups"), group), 0));
    cJSON_Delete(root);
    return member;
}

START_TEST(groups_that_the_source_lists_no_more_are_over)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"in", EVENT_MEMBERSHIP_ADDED, .at = 2, .groups = "Design"});
    say({"thin1", EVENT_CHANGED, .at = 3, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    ck_assert(zoe_is_in("Design")); /* it says nothing of groups */
    say({"thin2", EVENT_CHANGED, .at = 4, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";group=Ops");
    commit();
    ck_assert(!zoe_is_in("Design") && zoe_is_in("Ops"));
    say({"late", EVENT_MEMBERSHIP_ADDED, .at = 3, .groups = "Law"});
    ck_assert(!zoe_is_in("Law"));
    say({"thin3", EVENT_CHANGED, .at = 5, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";group=");
    commit();
    ck_assert(!zoe_is_in("Ops"));
    kit_stop();
}
END_TEST

/* ---- when the source does not answer ------------------------------------------------------------------- */

START_TEST(without_an_api_a_thin_event_counts_as_it_is)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", "is not asked");
    kit_stop();
}
END_TEST

START_TEST(a_source_of_another_directory_is_not_asked)
{
    start_config()->directory = "other";
    kit_open();
    commit();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_no_call();
    expect_result("thin", "miro", "unchanged");
    kit_stop();
}
END_TEST

/* ---- crashes, aborts, schedules, decisions -------------------------------------------------------------- */

START_TEST(a_wish_survives_a_crash_and_an_abort)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    kit_crash();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(kit.call->target, 1);
    answer(200, "joined;" ZOE ";title=Chef");
    take_and_abort(); /* the words are undone, and asked for again */
    commit();
    expect_no_result("thin", "miro");
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("GET", "/Users/7");
    kit_stop();
}
END_TEST

START_TEST(a_source_that_was_removed_holds_up_nobody)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(500, "");
    commit();
    kit_crash();
    engine_free(kit.e);
    kit.cfg.n_targets = 1;
    kit_open();
    commit();
    while (wait_for_call() >= 0) /* what may have been under way is looked at */
        answer(200, user("7", true, ZOE));
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", "not asked any more");
    kit_stop();
}
END_TEST

START_TEST(a_scheduled_thin_event_is_fetched_when_it_is_due)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 900, .effective = 1600, .thin = true, .profile = "displayName=Z"});
    commit();
    expect_no_call();
    expect_no_result("thin", "miro");
    ck_assert_int_ge(wait_for_call(), 500 * KIT_SECOND);
    ck_assert_uint_eq(kit.call->target, 1);
    answer(200, "joined;" ZOE);
    commit();
    expect_result("thin", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_flood_of_thin_events_stays_within_the_list)
{
    start();
    kit_zoe_has_account(ZOE);
    for (int i = 0; i < 2 * PERSON_PENDING_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        say({id, EVENT_CHANGED, .at = 2 + i, .thin = true});
    }
    commit();
    expect_result("t0", "miro", "merged");
    expect_no_result("t31", "miro");
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    expect_result("t31", "miro", "unchanged");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_paused_source_is_not_asked_until_it_is_resumed)
{
    static const char pause[] = "{\"kind\":\"pause\",\"target\":\"source.hr\",\"paused\":true,\"by\":\"kim\","
                                "\"reason\":\"r\",\"at\":\"2027-01-15T08:00:00Z\"}";
    struct error err = {0};
    start();
    kit_zoe_has_account(ZOE);
    ck_assert_msg(engine_control(kit.e, str_of("pause/source.hr"), str_of(pause), kit.now, &err), "%s",
                  err.message);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_no_call();
    ck_assert(engine_control(kit.e, str_of("pause/source.hr"), (struct str){0}, kit.now, &err));
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(kit.call->target, 1);
    kit_stop();
}
END_TEST

START_TEST(a_sweep_is_not_done_with_who_waits_for_a_source)
{
    start_config();
    kit_open();
    commit();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(500, "");
    commit();
    engine_free(kit.e);
    kit_add_target("wiki", "scim"); /* nothing is owed there yet */
    kit.cfg.generation = ++kit.generation;
    kit_open();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(stats_now().behind, 1);
    while (kit.call && kit.call->target != 1) {
        answer(200, found("7", true, ZOE));
        wait_for_call();
    }
    answer(200, "joined;" ZOE);
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(kit.call->target, 2);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_thin_change_is_fetched_and_then_made,
        an_answer_in_part_clears_nothing,
        a_joiner_waits_for_the_fetch_and_gets_what_it_said,
        a_fetch_begun_before_the_newest_thin_event_does_not_answer_it,
        an_older_thin_event_that_comes_late_is_fetched_too,
        groups_that_the_source_lists_no_more_are_over,
        without_an_api_a_thin_event_counts_as_it_is,
        a_source_of_another_directory_is_not_asked,
        a_wish_survives_a_crash_and_an_abort,
        a_source_that_was_removed_holds_up_nobody,
        a_scheduled_thin_event_is_fetched_when_it_is_due,
        a_flood_of_thin_events_stays_within_the_list,
        a_paused_source_is_not_asked_until_it_is_resumed,
        a_sweep_is_not_done_with_who_waits_for_a_source,
    };
    return kit_run("engine_fetch", tests, ARRAY_SIZE(tests));
}
