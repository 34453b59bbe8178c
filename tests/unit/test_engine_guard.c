/* No mass damage: what is unusual waits for a person, survives everything, and is done once. */
#include "guard_kit.h"

START_TEST(more_cuts_than_usual_wait_and_are_done_when_a_person_approves)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    everybody_leaves(2);
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, CREW - ROOM);
    ck_assert_uint_eq(count_outcome("applied"), ROOM);
    pass(2 * KIT_DAY_MS); /* time alone releases nothing */
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, CREW);
    ck_assert_uint_eq(stats_now().held, 0);
    ck_assert_uint_eq(count_outcome("applied"), CREW);
    kit_stop();
}
END_TEST

START_TEST(counts_survive_the_worker_and_aborts)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    take_and_abort();
    take_and_abort();
    settle_down();
    ck_assert_uint_eq(there.cuts, 1);
    kit_crash();
    settle_down();
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    commit();
    kit_crash(); /* counted and committed, the call was not made yet */
    pass(KIT_LIFE_MS + 1);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    kit_hand_over();
    tell("left2", EVENT_LEFT, 2, 2, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, 1);
    kit_stop();
}
END_TEST

START_TEST(a_cut_that_is_tried_again_is_counted_once)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    commit();
    for (int i = 0; i < 5; i++) {
        ck_assert_int_ge(wait_for_call(), 0);
        answer(503, "");
    }
    pass(100 * KIT_SECOND);
    settle_down();
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, 0);
    kit_stop();
}
END_TEST

START_TEST(a_cut_that_is_asked_for_again_before_it_is_done_is_counted_once)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    commit();
    for (int i = 0; i < 3; i++) {
        tell(indexed("again", i), EVENT_LEFT, 0, 3 + i, NULL);
        commit();
        ck_assert_int_ge(wait_for_call(), 0);
        answer(503, "");
        commit();
    }
    kit_crash();
    pass(100 * KIT_SECOND);
    tell("again3", EVENT_LEFT, 0, 10, NULL);
    settle_down();
    ck_assert(!there.active[0]);
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, 0);
    tell("left2", EVENT_LEFT, 2, 2, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1); /* there was room for two */
    kit_stop();
}
END_TEST

START_TEST(who_was_active_in_between_is_counted_again)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    tell("back0", EVENT_JOINED, 0, 3, NULL);
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    while (kit.call && strcmp(kit.call->method, "PATCH") != 0) {
        serve();
        commit();
        next_call();
    }
    there.active[0] = true;
    answer(200, user("0", true, profile_of(0)));
    commit();
    tell("again0", EVENT_LEFT, 0, 4, NULL); /* its work may still be open */
    settle_down();
    ck_assert(!there.active[0]);
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    kit_stop();
}
END_TEST

/* Its id is what somebody is about to approve. */
START_TEST(what_is_held_stays_the_same_hold_when_it_is_asked_for_again)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    pass(KIT_SECOND);
    tell("again0", EVENT_LEFT, 0, 3, NULL);
    settle_down();
    ck_assert_str_eq(held_id(0), hold);
    decide_about(hold, "deny");
    ck_assert_uint_eq(stats_now().held, 0);
    expect_result("again0", "miro", "denied");
    tell("anew0", EVENT_LEFT, 0, 4, NULL); /* a newer word asks anew */
    settle_down();
    ck_assert_str_ne(held_id(0), hold);
    decide_about(held_id(0), "approve");
    ck_assert_uint_eq(there.cuts, 1);
    kit_stop();
}
END_TEST

START_TEST(who_is_called_back_while_held_keeps_the_account)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    tell("back0", EVENT_JOINED, 0, 3, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 0);
    expect_result("left0", "miro", "superseded");
    expect_result("back0", "miro", "unchanged");
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, 0);
    kit_stop();
}
END_TEST

START_TEST(shares_are_taken_of_the_active_accounts_with_a_floor)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 60});
    everybody_leaves(2);
    ck_assert_uint_eq(there.cuts, 3); /* 60 % of five, of four, of three: then three were cut */
    kit_stop();
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1, .floor = 4});
    everybody_leaves(2);
    ck_assert_uint_eq(there.cuts, 4);
    kit_stop();
}
END_TEST

START_TEST(creations_are_held_likewise)
{
    start(GUARD_CREATION, few);
    for (int i = 0; i < CREW; i++)
        tell(indexed("joined", i), EVENT_JOINED, i, 1, NULL);
    settle_down();
    ck_assert_uint_eq(there.creates, ROOM);
    decide_held_before("approve");
    ck_assert_uint_eq(there.creates, CREW);
    kit_stop();
}
END_TEST

START_TEST(a_licence_that_is_held_holds_up_nothing_else)
{
    start_with_crew(GUARD_UPGRADE, (struct engine_guard_limit){.percent = 1});
    tell("up", EVENT_CHANGED, 0, 2, "userType=Full;title=Chef");
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    serve(); /* reads what was not known */
    commit();
    expect_call("PATCH", "/Users/0");
    ck_assert_ptr_nonnull(strstr(kit.call->body, "Chef"));
    ck_assert_ptr_null(strstr(kit.call->body, "Full"));
    answer(200, user("0", true, "userName=p0;title=Chef;userType=Free"));
    commit();
    expect_no_call();
    expect_no_result("up", "miro");
    ck_assert_uint_eq(stats_now().held, 1);
    decide_held_before("approve");
    ck_assert_str_eq(there.licence, "Full");
    kit_stop();
}
END_TEST

START_TEST(a_hold_is_in_the_record_and_outlives_the_worker)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    kit_crash();
    pass(KIT_LIFE_MS + 1);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    ck_assert_uint_eq(there.cuts, 0);
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, 1);
    expect_result("left0", "miro", "applied");
    kit_stop();
}
END_TEST

/* Held by the guard, and asked for by a person: it is read first, and that waits for no decision. */
START_TEST(what_is_to_be_read_about_who_is_held_is_not_forgotten_while_the_partition_opens)
{
    static const char rests[] =
        "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true,\"by\":\"ops\",\"reason\":\"r\","
        "\"at\":\"2027-01-15T08:16:40Z\"}";
    static const char asks[] =
        "{\"kind\":\"provision\",\"person\":\"acme/hr/zoe\",\"time\":\"2027-01-15T08:16:40Z\","
        "\"by\":\"ops\",\"reason\":\"r\",\"at\":\"2027-01-15T08:16:40Z\"}";
    struct error err = {0};
    kit_config();
    kit_open_with_guard_full();
    kit_zoe_has_account("userName=zoe");
    say({"left", EVENT_LEFT, .at = 2});
    commit();
    expect_no_call();
    ck_assert_str_ne(state_now("miro", "held"), "");
    ck_assert(engine_control(kit.e, str_of("pause/miro"), str_of(rests), kit.now, &err));
    ck_assert_msg(engine_control(kit.e, str_of("provision/acme/hr/zoe"), str_of(asks), kit.now, &err), "%s",
                  err.message);
    commit();
    kit_hand_over(); /* to a worker that has not been told of any pause */
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->path, "/Users/7");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_to_be_read_about_who_is_held_is_not_forgotten_while_the_partition_opens,
        more_cuts_than_usual_wait_and_are_done_when_a_person_approves,
        a_cut_that_is_asked_for_again_before_it_is_done_is_counted_once,
        who_was_active_in_between_is_counted_again,
        what_is_held_stays_the_same_hold_when_it_is_asked_for_again,
        counts_survive_the_worker_and_aborts,
        a_cut_that_is_tried_again_is_counted_once,
        who_is_called_back_while_held_keeps_the_account,
        shares_are_taken_of_the_active_accounts_with_a_floor,
        creations_are_held_likewise,
        a_licence_that_is_held_holds_up_nothing_else,
        a_hold_is_in_the_record_and_outlives_the_worker,
    };
    return kit_run("engine_guard", tests, ARRAY_SIZE(tests));
}
