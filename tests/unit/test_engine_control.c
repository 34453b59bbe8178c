/* What people decide, obeyed: pause, retry, replay. */
#include "control_kit.h"

/* ---- pause --------------------------------------------------------------------------------------------- */

START_TEST(a_paused_target_is_not_called_and_goes_on_after)
{
    kit_start();
    pause_target("miro", true);
    ck_assert(engine_paused(kit.e, 0));
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_no_call();
    pass(KIT_DAY_MS);
    commit();
    expect_no_call();
    expect_no_result("e1", "miro");
    ck_assert_uint_eq(stats_now().live, 0);
    pause_target("miro", false);
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=zoe"));
    commit();
    expect_result("e1", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_pause_parks_what_waits_in_line)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    ck_assert_uint_eq(stats_now().waiting, 1);
    pause_target("all", true);
    ck_assert_uint_eq(stats_now().waiting, 0);
    ck_assert_uint_eq(stats_now().live, 0);
    expect_no_call();
    pause_target("all", false);
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    kit_stop();
}
END_TEST

/* A resume may concern a million: they come in portions, and nobody is forgotten. */
START_TEST(more_than_one_portion_is_taken_up)
{
    enum { PERSONS = 800 };
    kit_start();
    for (int i = 0; i < PERSONS; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "p%d", i);
        struct event ev = make_event(
            &(struct word){subject, EVENT_JOINED, .at = 1, .profile = "userName=x", .subject = subject});
        engine_event(kit.e, 0, i, &ev, kit.now);
        event_done(&ev);
    }
    commit();
    ck_assert_uint_eq(stats_now().waiting, PERSONS);
    pause_target("all", true);
    ck_assert_uint_eq(stats_now().waiting, 0);
    pause_target("all", false);
    ck_assert_uint_lt(stats_now().waiting, PERSONS);
    ck_assert_uint_gt(stats_now().waiting, 0);
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), 0);
    engine_tick(kit.e, kit.now);
    ck_assert_uint_eq(stats_now().waiting, PERSONS);
    kit_stop();
}
END_TEST

START_TEST(a_pause_of_one_target_leaves_the_others_alone)
{
    kit_config();
    kit_add_target("wiki", "scim");
    kit_open();
    commit();
    pause_target("wiki", true);
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    ck_assert_uint_eq(kit.call->target, 0);
    answer(200, found("7", true, "userName=zoe"));
    commit();
    expect_result("e1", "miro", "unchanged");
    expect_no_call();
    expect_no_result("e1", "wiki");
    kit_stop();
}
END_TEST

/* The request was handed out, and the word came before it was written. */
START_TEST(a_call_that_is_about_to_be_written_is_held_back_and_nobodys_failure)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    pause_target("miro", true);
    ck_assert(!engine_call_may_write(kit.e, kit.call, kit.now));
    answer_held_back();
    commit();
    ck_assert_str_eq(state_now("miro", "attempts"), "");
    pause_target("miro", false);
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=zoe"));
    kit_stop();
}
END_TEST

START_TEST(an_answer_that_comes_during_the_pause_is_taken)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    pause_target("miro", true);
    answer(200, found("7", true, "userName=zoe"));
    commit();
    expect_result("e1", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_pause_told_before_the_restore_holds_for_what_is_restored)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    kit.now.boot_ms += 100 * KIT_SECOND;
    pause_target("miro", true);
    kit_assign(0);
    commit();
    pass(KIT_DAY_MS);
    commit();
    expect_no_call();
    pause_target("miro", false);
    ck_assert_int_ge(wait_for_call(), 0);
    kit_stop();
}
END_TEST

/* What a person held back is not given up for it: the deadline runs anew. */
START_TEST(time_spent_paused_does_not_count_towards_the_deadline)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(503, "");
    commit();
    pause_target("miro", true);
    pass(2 * KIT_DEADLINE_MS);
    commit();
    expect_no_result("e1", "miro");
    pause_target("miro", false);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(503, "");
    commit();
    expect_no_result("e1", "miro");
    pass(KIT_DEADLINE_MS + KIT_SECOND);
    commit();
    expect_result("e1", "miro", "rejected");
    kit_stop();
}
END_TEST

/* ---- retry --------------------------------------------------------------------------------------------- */

START_TEST(a_retry_ends_a_back_off_once)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer_later(503, 3000 * KIT_SECOND);
    commit();
    pass(KIT_SECOND);
    expect_no_call();
    int64_t then = kit.now.wall_ms;
    retry_before(then);
    expect_call("GET", "/Users?filter=");
    answer_later(503, 3000 * KIT_SECOND);
    commit();
    expect_no_call();
    retry_before(then); /* read again */
    expect_no_call();
    pass(KIT_SECOND);
    retry_before(kit.now.wall_ms);
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=zoe"));
    kit_stop();
}
END_TEST

START_TEST(a_retry_does_not_touch_what_failed_later)
{
    kit_start();
    int64_t before = kit.now.wall_ms;
    pass(KIT_SECOND);
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer_later(503, 3000 * KIT_SECOND);
    commit();
    retry_before(before);
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_retry_forgives_what_was_refused_and_the_effect_has_a_result)
{
    kit_start();
    refuse_title();
    retry_before(kit.now.wall_ms);
    title_is_taken_now();
    kit_stop();
}
END_TEST

START_TEST(a_retry_told_before_the_restore_reaches_who_is_packed)
{
    kit_start();
    refuse_title();
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    kit.now.boot_ms += 100 * KIT_SECOND;
    retry_before(kit.now.wall_ms);
    kit_assign(0);
    title_is_taken_now();
    kit_crash();
    commit();
    retry_before(kit.now.wall_ms - KIT_SECOND);
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_aborted_retry_is_done_all_the_same)
{
    kit_start();
    refuse_title();
    retry_before(kit.now.wall_ms);
    take_and_abort();
    title_is_taken_now();
    kit_stop();
}
END_TEST

/* ---- replay -------------------------------------------------------------------------------------------- */

START_TEST(a_replay_is_tried_though_the_same_was_refused)
{
    kit_start();
    refuse_title();
    say({"e3", EVENT_CHANGED, .at = 2, .profile = "title=Chef", .replay_of = "e2"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    commit();
    expect_no_call();
    ck_assert(find_result("e3", "miro"));
    ck_assert_str_eq(state_now("miro", "refused"), "");
    kit_stop();
}
END_TEST

START_TEST(an_event_that_says_the_same_and_is_no_replay_is_not_tried)
{
    kit_start();
    refuse_title();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Chef"});
    commit();
    expect_no_call();
    expect_result("e3", "miro", "unchanged");
    kit_stop();
}
END_TEST

/* ---- records that are none ----------------------------------------------------------------------------- */

START_TEST(a_record_that_is_not_understood_changes_nothing)
{
    kit_start();
    pause_target("miro", true);
    ck_assert(!take("pause/miro", "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":false}"));
    ck_assert(engine_paused(kit.e, 0));
    ck_assert(take("pause/miro", ""));
    ck_assert(!engine_paused(kit.e, 0));
    kit_stop();
}
END_TEST

/* A replica that lags answers from before the activation: that must not become a leaver's "unchanged". */
int main(void)
{
    const TTest *const tests[] = {
        a_paused_target_is_not_called_and_goes_on_after,
        a_pause_parks_what_waits_in_line,
        more_than_one_portion_is_taken_up,
        a_pause_of_one_target_leaves_the_others_alone,
        a_call_that_is_about_to_be_written_is_held_back_and_nobodys_failure,
        an_answer_that_comes_during_the_pause_is_taken,
        a_pause_told_before_the_restore_holds_for_what_is_restored,
        time_spent_paused_does_not_count_towards_the_deadline,
        a_retry_ends_a_back_off_once,
        a_retry_does_not_touch_what_failed_later,
        a_retry_forgives_what_was_refused_and_the_effect_has_a_result,
        a_retry_told_before_the_restore_reaches_who_is_packed,
        an_aborted_retry_is_done_all_the_same,
        a_replay_is_tried_though_the_same_was_refused,
        an_event_that_says_the_same_and_is_no_replay_is_not_tried,
        a_record_that_is_not_understood_changes_nothing,
    };
    return kit_run("engine_control", tests, ARRAY_SIZE(tests));
}
