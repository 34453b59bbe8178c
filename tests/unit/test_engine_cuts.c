/* Access ends first: what else has failed for the person, and when, holds up no cut. */
#include "engine_kit.h"

#define ZOE "userName=zoe"

/* Zoe's move is under way. */
static void zoe_moves(void)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("PATCH", "/Users/7");
}

static void fails_times(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        answer(503, "");
        ck_assert_int_ge(wait_for_call(), 0);
    }
}

static void expect_cut(void)
{
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
}

static void cut_works(void)
{
    answer(200, user("7", false, ZOE ";title=Cook"));
    commit();
}

START_TEST(a_leaver_does_not_wait_for_what_a_move_has_failed)
{
    zoe_moves();
    fails_times(12);
    answer_later(503, 3600 * KIT_SECOND);
    commit();
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    expect_cut();
    cut_works();
    expect_result("e3", "miro", "applied");
    ck_assert_str_eq(state_now("miro", "cutFailingSince"), "");
    kit_stop();
}
END_TEST

START_TEST(nor_does_an_end_of_access_or_who_was_handed_over_meanwhile)
{
    zoe_moves();
    say({"until", EVENT_CHANGED, .at = 3, .until = "5000"});
    answer_later(503, 24 * 3600 * KIT_SECOND);
    commit();
    kit_hand_over();
    commit();
    expect_no_call();
    pass(kit_ms(5000) - kit.now.wall_ms);
    commit();
    expect_cut();
    cut_works();
    kit_stop();
}
END_TEST

START_TEST(a_cut_waits_for_what_it_has_failed_itself_also_when_it_is_said_again_or_handed_over)
{
    zoe_moves();
    say({"e3", EVENT_LEFT, .at = 3}); /* while the move is under way */
    answer(503, "");
    commit();
    expect_cut();
    answer_later(503, 600 * KIT_SECOND);
    commit();
    ck_assert_str_ne(state_now("miro", "cutFailingSince"), "");
    say({"e4", EVENT_LEFT, .at = 4});
    commit();
    expect_no_call();
    kit_hand_over();
    commit();
    expect_no_call();
    int64_t waited = wait_for_call();
    ck_assert_int_ge(waited, 500 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(what_a_cut_has_failed_is_a_fact_that_an_abort_does_not_undo)
{
    zoe_moves();
    say({"e3", EVENT_LEFT, .at = 3});
    answer(503, "");
    commit();
    expect_cut();
    answer_later(503, 600 * KIT_SECOND);
    take_and_abort();
    commit();
    expect_no_call();
    ck_assert_str_ne(state_now("miro", "cutFailingSince"), "");
    kit_stop();
}
END_TEST

START_TEST(a_class_that_rests_rests_for_leavers_too)
{
    zoe_moves();
    answer_later(429, 60 * KIT_SECOND);
    say({"e3", EVENT_LEFT, .at = 3});
    ck_assert_int_ge(wait_for_call(), 60 * KIT_SECOND);
    expect_body("\"value\":false");
    kit_stop();
}
END_TEST

/* Until `ms` before the move's deadline. */
static void fails_until(int64_t ms)
{
    int64_t end = kit.now.wall_ms + KIT_DEADLINE_MS - ms;
    while (kit.now.wall_ms < end) {
        answer(503, "");
        ck_assert_int_ge(wait_for_call(), 0);
    }
}

START_TEST(a_leaver_is_not_given_up_for_what_a_move_has_failed)
{
    zoe_moves();
    fails_until(90 * KIT_SECOND);
    answer_later(503, 180 * KIT_SECOND);
    commit();
    kit.now.wall_ms += 170 * KIT_SECOND; /* past the deadline, but nobody has looked */
    kit.now.boot_ms += 170 * KIT_SECOND;
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    expect_no_result("e3", "miro");
    ck_assert_str_eq(state_now("miro", "retryCutAt"), "");
    expect_cut();
    answer(503, "");
    ck_assert_int_ge(wait_for_call(), 0);
    expect_no_result("e3", "miro");
    cut_works();
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_cut_is_given_up_after_its_own_deadline_whatever_is_said_meanwhile)
{
    char id[24];
    zoe_moves();
    fails_times(3);
    say({"left", EVENT_LEFT, .at = 3});
    answer(503, "");
    commit();
    int64_t began_ms = kit.now.wall_ms, ended_ms = began_ms;
    for (int i = 0; i < 1000 && !find_result("left", "miro") && wait_for_call() >= 0; i++) {
        snprintf(id, sizeof id, "more-%d", i);
        say({id, EVENT_CHANGED, .at = 10 + i, .profile = "nickName=Zo"});
        answer(503, "");
        commit();
        ended_ms = kit.now.wall_ms;
    }
    expect_result("left", "miro", "rejected");
    ck_assert_int_ge(kit.now.wall_ms - began_ms, KIT_DEADLINE_MS);
    ck_assert_int_le(ended_ms - began_ms, KIT_DEADLINE_MS + 130 * KIT_SECOND);
    ck_assert_str_ne(state_now("miro", "retryCutAt"), "");
    kit_stop();
}
END_TEST

START_TEST(a_young_event_does_not_die_of_the_deadline_of_an_older_one)
{
    zoe_moves();
    int64_t began_ms = kit.now.wall_ms, said_ms = 0;
    for (int i = 0; i < 1000 && !find_result("e2", "miro"); i++) {
        answer(503, "");
        ck_assert_int_ge(wait_for_call(), 0);
        if (said_ms || kit.now.wall_ms - began_ms < KIT_DEADLINE_MS - 90 * KIT_SECOND)
            continue;
        say({"e3", EVENT_CHANGED, .at = 3, .profile = "nickName=Zo"});
        said_ms = kit.now.wall_ms;
    }
    ck_assert_int_gt(said_ms, 0);
    ck_assert_int_le(kit.now.wall_ms - began_ms, KIT_DEADLINE_MS + 60 * KIT_SECOND);
    expect_result("e2", "miro", "rejected");
    ck_assert_str_eq(json_string(last_record(TOPIC_DEADLETTERS)->json, "reason"), "503");
    expect_no_result("e3", "miro");
    answer(503, "");
    ck_assert_int_ge(wait_for_call(), 0); /* reads what is known of nickName */
    answer(200, user("7", true, ZOE ";title=Cook"));
    expect_call("PATCH", "/Users/7");
    expect_body("nickName");
    answer(200, user("7", true, ZOE ";title=Chef;nickName=Zo"));
    commit();
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(calls_of_unknown_outcome_for_the_younger_one_do_not_keep_the_older_one_waiting)
{
    zoe_moves();
    int64_t began_ms = kit.now.wall_ms;
    fails_until(10 * KIT_SECOND);
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "nickName=Zo"});
    for (int i = 0; i < 100 && !find_result("e2", "miro"); i++) {
        if (strcmp(kit.call->method, "GET") == 0)
            answer(200, user("7", true, ZOE ";title=Cook"));
        else
            answer_unknown();
        ck_assert_int_ge(wait_for_call(), 0);
    }
    ck_assert_int_le(kit.now.wall_ms - began_ms, KIT_DEADLINE_MS + 120 * KIT_SECOND);
    expect_result("e2", "miro", "rejected");
    expect_no_result("e3", "miro");
    kit_stop();
}
END_TEST

/* ---- clocks that were ahead ---------------------------------------------------------------------------- */

enum { AHEAD_MS = 5 * 3600 * KIT_SECOND };

/* The host whose clock was ahead gives the partition to one whose clock is right. */
static void clock_is_set_right(void)
{
    kit.now.wall_ms -= AHEAD_MS;
    kit_hand_over();
    commit();
}

START_TEST(what_a_clock_that_was_ahead_put_off_waits_for_as_long_as_was_meant)
{
    zoe_moves();
    say({"e3", EVENT_LEFT, .at = 3});
    kit.now.wall_ms += AHEAD_MS;
    answer(503, "");
    commit();
    expect_cut();
    answer_later(503, 600 * KIT_SECOND);
    commit();
    clock_is_set_right();
    int64_t waited = wait_for_call();
    ck_assert_int_ge(waited, 590 * KIT_SECOND);
    ck_assert_int_le(waited, 610 * KIT_SECOND);
    cut_works();
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(nor_does_it_keep_an_account_missing)
{
    zoe_moves();
    kit.now.wall_ms += AHEAD_MS;
    answer(404, "");
    commit();
    ck_assert_str_ne(state_now("miro", "missingUntil"), "");
    clock_is_set_right();
    for (int64_t began_ms = kit.now.wall_ms; !find_result("e2", "miro") && wait_for_call() >= 0;) {
        ck_assert_int_le(kit.now.wall_ms - began_ms, 10 * KIT_LIFE_MS);
        if (strcmp(kit.call->method, "POST") == 0)
            answer(201, user("8", true, ZOE ";title=Chef"));
        else if (strncmp(kit.call->path, "/Users/8", 8) == 0)
            answer(200, user("8", true, ZOE ";title=Chef"));
        else if (strncmp(kit.call->path, "/Users?", 7) == 0)
            answer(200, NO_USERS);
        else
            answer(404, "");
        commit();
    }
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

/* Writes are answered with the status. How long it took to the last call before the result. */
static int64_t calls_until_told(const char *event, int status)
{
    int64_t began_ms = kit.now.wall_ms, last_ms = began_ms;
    for (bool active = true; !find_result(event, "miro") && wait_for_call() >= 0;) {
        bool reads = strcmp(kit.call->method, "GET") == 0;
        last_ms = kit.now.wall_ms;
        ck_assert_int_le(last_ms - began_ms, 2 * KIT_DEADLINE_MS);
        active &= reads || status != 200;
        answer(reads ? 200 : status, user("7", active, ZOE ";title=Cook"));
        commit();
    }
    return last_ms - began_ms;
}

START_TEST(nor_does_a_doubt_last_for_longer)
{
    zoe_moves();
    kit.now.wall_ms += AHEAD_MS;
    answer_unknown();
    commit();
    clock_is_set_right();
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    ck_assert_int_le(calls_until_told("e3", 200), 10 * KIT_LIFE_MS);
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(nor_does_a_deadline_begin_later)
{
    zoe_moves();
    kit.now.wall_ms += AHEAD_MS;
    answer(503, "");
    commit();
    clock_is_set_right();
    ck_assert_int_le(calls_until_told("e2", 503), KIT_DEADLINE_MS + 120 * KIT_SECOND);
    expect_result("e2", "miro", "rejected");
    kit_stop();
}
END_TEST

/* Nothing else is due: the restored record's due time alone would wake it, in days. */
START_TEST(nor_does_a_refused_cut_wait_for_longer_than_a_day)
{
    zoe_moves();
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    kit.now.wall_ms += 10 * KIT_DAY_MS;
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    expect_cut();
    answer(400, "");
    commit();
    expect_result("e3", "miro", "rejected");
    kit.now.wall_ms -= 10 * KIT_DAY_MS;
    kit_hand_over();
    commit();
    pass(1000);
    commit();
    expect_no_call();
    pass(KIT_DAY_MS);
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    kit_stop();
}
END_TEST

/* ---- effects in a crash -------------------------------------------------------------------------------- */

/* The only result that no event asked for; NULL: there is none. */
static const cJSON *only_effect(void)
{
    const cJSON *it = NULL;
    for (size_t i = 0; i < kit.n_records; i++) {
        const cJSON *json = kit.records[i].topic == TOPIC_RESULTS ? kit.records[i].json : NULL;
        if (!json || json_string(json, "eventId"))
            continue;
        ck_assert_msg(!it, "two effects: %s, %s", json_string(it, "id"), json_string(json, "id"));
        it = json;
    }
    return it;
}

static void access_ends(void)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"until", EVENT_CHANGED, .at = 2, .until = "5000"});
    commit();
    pass(kit_ms(5000) + 7 * KIT_SECOND - kit.now.wall_ms); /* somewhat late */
    commit();
    expect_cut();
}

/* Whatever is asked, the account is inactive. */
static void is_inactive_when_asked(void)
{
    while (wait_for_call() >= 0) {
        ck_assert_str_eq(kit.call->method, "GET");
        answer(200, user("7", false, ZOE));
        commit();
    }
}

START_TEST(an_effect_whose_worker_dies_over_the_answer_is_told_by_the_next_one_under_the_same_id)
{
    access_ends();
    cut_works();
    char *id = xstrdup(json_string(only_effect(), "id"));
    ck_assert_str_eq(json_string(only_effect(), "outcome"), "applied");
    ck_assert_str_eq(state_now("miro", "dueAt"), "");
    kit_stop();
    access_ends();
    ck_assert_str_ne(state_now("miro", "dueAt"), "");
    answer(200, user("7", false, ZOE));
    kit_crash();
    is_inactive_when_asked();
    ck_assert_ptr_nonnull(only_effect());
    ck_assert_str_eq(json_string(only_effect(), "outcome"), "unchanged");
    ck_assert_str_eq(json_string(only_effect(), "id"), id);
    kit_crash(); /* nothing is open any more */
    is_inactive_when_asked();
    ck_assert_ptr_nonnull(only_effect());
    free(id);
    kit_stop();
}
END_TEST

START_TEST(what_an_event_tells_is_told_by_no_effect_whoever_dies)
{
    access_ends();
    say({"e3", EVENT_LEFT, .at = 3});
    answer(200, user("7", false, ZOE));
    kit_crash();
    is_inactive_when_asked();
    expect_result("e3", "miro", "unchanged");
    ck_assert_ptr_null(only_effect());
    kit_stop();
}
END_TEST

/* An event's work that is taken over is the event's alone. */
START_TEST(an_event_that_is_overruled_after_a_crash_leaves_no_effect)
{
    zoe_moves();
    kit_crash();
    commit();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Cook"});
    while (wait_for_call() >= 0) {
        ck_assert_str_eq(kit.call->method, "GET");
        answer(200, user("7", true, ZOE ";title=Cook"));
        commit();
    }
    expect_result("e2", "miro", "superseded");
    expect_result("e3", "miro", "unchanged");
    ck_assert_ptr_null(only_effect());
    kit_stop();
}
END_TEST

START_TEST(where_there_was_nothing_to_do_no_effect_is_told)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"until", EVENT_CHANGED, .at = 2, .until = "5000"});
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    expect_cut();
    cut_works();
    pass(kit_ms(5000) - kit.now.wall_ms);
    commit();
    expect_no_call();
    ck_assert_str_eq(state_now("miro", "dueAt"), "");
    kit_crash();
    is_inactive_when_asked();
    ck_assert_ptr_null(only_effect());
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_leaver_does_not_wait_for_what_a_move_has_failed,
        nor_does_an_end_of_access_or_who_was_handed_over_meanwhile,
        a_cut_waits_for_what_it_has_failed_itself_also_when_it_is_said_again_or_handed_over,
        what_a_cut_has_failed_is_a_fact_that_an_abort_does_not_undo,
        a_class_that_rests_rests_for_leavers_too,
        a_leaver_is_not_given_up_for_what_a_move_has_failed,
        a_cut_is_given_up_after_its_own_deadline_whatever_is_said_meanwhile,
        a_young_event_does_not_die_of_the_deadline_of_an_older_one,
        calls_of_unknown_outcome_for_the_younger_one_do_not_keep_the_older_one_waiting,
        what_a_clock_that_was_ahead_put_off_waits_for_as_long_as_was_meant,
        nor_does_it_keep_an_account_missing,
        nor_does_a_doubt_last_for_longer,
        nor_does_a_deadline_begin_later,
        nor_does_a_refused_cut_wait_for_longer_than_a_day,
        an_effect_whose_worker_dies_over_the_answer_is_told_by_the_next_one_under_the_same_id,
        what_an_event_tells_is_told_by_no_effect_whoever_dies,
        an_event_that_is_overruled_after_a_crash_leaves_no_effect,
        where_there_was_nothing_to_do_no_effect_is_told,
    };
    return kit_run("engine_cuts", tests, ARRAY_SIZE(tests));
}
