/* What people decide of what the guard holds: approved, denied, approved after all; by id and by time. */
#include "guard_kit.h"

START_TEST(what_a_person_denies_is_answered_so_and_stays_until_a_newer_word)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    everybody_leaves(2);
    decide_held_before("deny");
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(count_outcome("denied"), CREW - ROOM);
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 0);
    ck_assert_uint_eq(stats_now().held, 0);
    kit_crash();
    pass(2 * KIT_DAY_MS);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM); /* also after a restart, and with room in the window again */
    for (int i = 0; i < CREW; i++)
        if (there.active[i])
            tell(indexed("again", i), EVENT_LEFT, i, 100, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, 2 * ROOM);
    kit_stop();
}
END_TEST

START_TEST(what_was_denied_by_mistake_is_done_when_a_person_approves_it_after_all)
{
    char holds[CREW][GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    everybody_leaves(2);
    for (int i = 0; i < CREW; i++)
        snprintf(holds[i], sizeof holds[i], "%s", held_id(i));
    decide_about(holds[0], "deny");
    decide_held_before("deny");
    ck_assert_uint_eq(count_outcome("denied"), CREW);
    pass(KIT_DAY_MS / 2);
    decide_about(holds[0], "approve");
    decide_about(holds[1], "approve");
    ck_assert_uint_eq(there.cuts, 2);
    ck_assert(!there.active[0] && !there.active[1]);
    ck_assert_uint_eq(count_outcome("applied"), 2); /* told, though the events have their results */
    ck_assert_uint_eq(count_outcome("denied"), CREW);
    decide_about(holds[0], "deny"); /* too late */
    settle_down();
    ck_assert_uint_eq(there.cuts, 2);
    kit_stop();
}
END_TEST

/* The decision is in the topic when a worker takes the partition over. */
START_TEST(what_was_denied_is_done_when_it_was_approved_while_no_worker_ran)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    decide_held_before("deny");
    expect_result("left0", "miro", "denied");
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    decide_about(hold, "approve");
    kit_assign(0);
    settle_down();
    ck_assert_uint_eq(there.cuts, 1);
    kit_stop();
}
END_TEST

/* No worker runs meanwhile. */
START_TEST(an_approval_from_before_a_denial_of_all_is_none)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    pass(KIT_SECOND);
    decide_about(hold, "approve");
    pass(10 * KIT_SECOND);
    decide_held_before("deny");
    kit_assign(0);
    settle_down();
    pass(2 * KIT_LIFE_MS);
    settle_down();
    ck_assert_uint_eq(count_outcome("denied"), 1);
    ck_assert_uint_eq(there.cuts, 0);
    decide_about(hold, "approve"); /* after all */
    settle_down();
    ck_assert_uint_eq(there.cuts, 1);
    kit_stop();
}
END_TEST

START_TEST(who_was_denied_is_not_approved_with_all_others)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    decide_held_before("deny"); /* with all others of the day before */
    pass(2 * KIT_SECOND);
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    decide_about(held_id(1), "deny"); /* by name */
    pass(KIT_DAY_MS);
    tell("left2", EVENT_LEFT, 2, 2, NULL);
    settle_down();
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, 1);
    ck_assert(there.active[0] && there.active[1] && !there.active[2]);
    tell("back0", EVENT_JOINED, 0, 3, NULL);
    settle_down();
    decide_about(hold, "approve"); /* nobody wants it any more */
    pass(KIT_DAY_MS);
    tell("again0", EVENT_LEFT, 0, 100, NULL);
    settle_down();
    ck_assert(there.active[0]);
    ck_assert_uint_eq(stats_now().held, 1);
    kit_stop();
}
END_TEST

START_TEST(a_provision_of_what_was_denied_says_so)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    start_with_crew(GUARD_DEACTIVATION, few);
    everybody_leaves(2);
    decide_held_before("deny");
    int who = 0;
    while (!there.active[who])
        who++;
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(value, sizeof value,
             "{\"kind\":\"provision\",\"person\":\"acme/hr/p%d\",\"time\":\"%s\",\"by\":\"ops\","
             "\"reason\":\"asked\",\"at\":\"%s\"}",
             who, now, now);
    char key[64];
    snprintf(key, sizeof key, "provision/acme/hr/p%d", who);
    ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
    size_t before = count_outcome("denied");
    settle_down();
    ck_assert_uint_eq(count_outcome("denied"), before + 1);
    ck_assert(there.active[who]);
    kit_stop();
}
END_TEST

/* The wish is dropped, and comes back by way of the policy with the same words: it is asked anew. */
START_TEST(a_denial_ends_with_the_wish_that_it_denied)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    kit.policy = POLICY_CUTS;
    tell("fool", EVENT_CHANGED, 0, 2, "userName=p0;title=T");
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    decide_held_before("deny");
    expect_result("fool", "miro", "denied");
    kit.policy = POLICY_ACCOUNT; /* mended */
    tell("well", EVENT_CHANGED, 0, 3, "userName=p0;title=T");
    settle_down();
    kit.policy = POLICY_CUTS;
    pass(2000);
    tell("scope", EVENT_CHANGED, 0, 4, "userName=p0;title=T");
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    expect_no_result("scope", "miro");
    kit_stop();
}
END_TEST

START_TEST(denied_while_in_doubt_is_denied_when_the_doubt_is_over)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    kit_crash();
    settle_down();
    decide_held_before("deny");
    expect_no_result("left0", "miro");
    pass(KIT_LIFE_MS + 1);
    settle_down();
    expect_result("left0", "miro", "denied");
    kit_stop();
}
END_TEST

START_TEST(a_deletion_that_is_approved_days_later_is_read_again)
{
    start_with_crew(GUARD_DELETION, few);
    kit.policy = POLICY_DELETES;
    for (int i = 0; i < ROOM + 1; i++) {
        tell(indexed("deleted", i), EVENT_DELETED, i, 3, NULL);
        commit();
        while (next_call()) {
            bool deletes = strcmp(kit.call->method, "DELETE") == 0;
            there.exists[i] &= !deletes;
            if (there.exists[i])
                answer(200, user(indexed("", i), true, profile_of(i)));
            else
                answer(deletes ? 204 : 404, "");
            commit();
        }
    }
    ck_assert_uint_eq(stats_now().held, 1);
    pass(3 * KIT_DAY_MS);
    commit();
    kit_decide_holds("approve");
    engine_tick(kit.e, kit.now);
    commit();
    expect_call("GET", "/Users/2");
    answer(200, user("2", true, profile_of(2)));
    commit();
    expect_call("DELETE", "/Users/2");
    kit_stop();
}
END_TEST

START_TEST(a_deletion_that_is_denied_is_not_read_again_and_again)
{
    start_with_crew(GUARD_DELETION, (struct engine_guard_limit){.percent = 1});
    kit.policy = POLICY_DELETES;
    tell("deleted", EVENT_DELETED, 0, 3, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    kit_decide_holds("deny");
    engine_tick(kit.e, kit.now);
    for (int calls = 0; commit() || next_call(); calls++) {
        ck_assert_int_lt(calls, 10);
        if (next_call())
            serve();
    }
    expect_result("deleted", "miro", "denied");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_a_person_denies_is_answered_so_and_stays_until_a_newer_word,
        what_was_denied_by_mistake_is_done_when_a_person_approves_it_after_all,
        what_was_denied_is_done_when_it_was_approved_while_no_worker_ran,
        an_approval_from_before_a_denial_of_all_is_none,
        who_was_denied_is_not_approved_with_all_others,
        a_provision_of_what_was_denied_says_so,
        a_denial_ends_with_the_wish_that_it_denied,
        denied_while_in_doubt_is_denied_when_the_doubt_is_over,
        a_deletion_that_is_approved_days_later_is_read_again,
        a_deletion_that_is_denied_is_not_read_again_and_again,
    };
    return kit_run("engine_guard_decisions", tests, ARRAY_SIZE(tests));
}
