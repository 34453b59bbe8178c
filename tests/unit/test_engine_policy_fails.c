/* A policy that fails, or wants nothing any more, takes nothing away by that. */
#include "engine_kit.h"

#define ZOE "userName=zoe;displayName=Zoe"

/* Zoe has had an account since the policy worked. */
static void the_policy_fails(void)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_FAILS;
}

START_TEST(a_policy_error_keeps_everything_as_it_is)
{
    the_policy_fails();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_no_call();
    ck_assert_str_ne(state_now("miro", "lastFailure"), "");
    pass(3 * KIT_DEADLINE_MS);
    commit();
    expect_no_call();
    expect_no_result("e2", "miro");
    kit.policy = POLICY_ACCOUNT;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    answer(200, user("7", true, "userName=zoe;displayName=Zed"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

/* Out of scope is no reason to take anything away, whatever was given before. */
START_TEST(who_falls_out_of_scope_keeps_the_account)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    commit();
    expect_no_call();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_result("e2", "miro", "ignored");
    pass(3 * KIT_DAY_MS);
    commit();
    expect_no_call();
    ck_assert_str_eq(state_now("miro", "link"), "\"7\"");
    kit_stop();
}
END_TEST

START_TEST(a_leaver_with_a_link_is_cut_although_the_policy_fails)
{
    the_policy_fails();
    say({"e2", EVENT_LEFT, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

/* Whom nobody may touch, by the policy's last word, also after a crash. */
START_TEST(a_leaver_out_of_reach_waits_for_a_policy_that_works)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(1000);
    commit();
    ck_assert_str_eq(state_now("miro", "outOfReach"), "true");
    kit.policy = POLICY_FAILS;
    kit_crash();
    commit();
    say({"left", EVENT_LEFT, .at = 2});
    commit();
    expect_no_call();
    expect_no_result("left", "miro");
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(1000);
    commit();
    expect_result("left", "miro", "ignored");
    kit_stop();
}
END_TEST

/* The policy wants nothing of who is merely out of scope, but it would take the access of who leaves. */
START_TEST(a_leaver_who_was_out_of_scope_is_cut_although_the_policy_fails)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_OUTSIDE;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(1000);
    commit();
    expect_no_call();
    ck_assert_str_eq(state_now("miro", "outOfReach"), "");
    kit.policy = POLICY_FAILS;
    kit_crash();
    commit();
    say({"left", EVENT_LEFT, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("left", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(who_is_within_reach_again_is_cut_although_the_policy_fails)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(1000);
    commit();
    kit.policy = POLICY_ACCOUNT;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(1000);
    commit();
    kit.policy = POLICY_FAILS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    say({"left", EVENT_LEFT, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    kit_stop();
}
END_TEST

START_TEST(the_daily_retry_of_a_cut_outlives_a_policy_that_fails)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_CUTS;
    say({"out", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(400, "{\"detail\":\"no\"}");
    commit();
    expect_result("out", "miro", "rejected");
    kit.policy = POLICY_FAILS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(KIT_DAY_MS + 1);
    commit();
    expect_no_call();
    kit.policy = POLICY_CUTS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    ck_assert_int_ge(wait_for_call(), 0);
    kit_stop();
}
END_TEST

/* A policy may let who is on hold keep access; one that fails does not say so. */
START_TEST(who_is_on_hold_keeps_the_account_while_the_policy_fails)
{
    the_policy_fails();
    say({"held", EVENT_SUSPENDED, .at = 2});
    commit();
    expect_no_call();
    pass(3 * KIT_DEADLINE_MS);
    commit();
    expect_no_call();
    expect_no_result("held", "miro");
    say({"left", EVENT_LEFT, .at = 3}); /* and then is called gone */
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("left", "miro", "applied");
    expect_result("held", "miro", "superseded");
    kit_stop();
}
END_TEST

START_TEST(a_hold_is_obeyed_when_the_policy_works_again)
{
    the_policy_fails();
    say({"held", EVENT_SUSPENDED, .at = 2});
    commit();
    expect_no_call();
    kit.policy = POLICY_ACCOUNT;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    ck_assert_int_ge(wait_for_call(), 0);
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("held", "miro", "applied");
    kit_stop();
}
END_TEST

/* The record that is restored speaks of the policy's failure yet. */
START_TEST(an_abort_after_the_policy_works_again_keeps_the_back_off)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_FAILS;
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_no_call();
    kit.policy = POLICY_ACCOUNT;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    expect_call("PATCH", "/Users/7");
    answer_later(503, 20 * KIT_SECOND);
    take_and_abort();
    ck_assert_int_ge(wait_for_call(), 20 * KIT_SECOND);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_policy_error_keeps_everything_as_it_is,
        who_falls_out_of_scope_keeps_the_account,
        a_leaver_with_a_link_is_cut_although_the_policy_fails,
        a_leaver_out_of_reach_waits_for_a_policy_that_works,
        a_leaver_who_was_out_of_scope_is_cut_although_the_policy_fails,
        who_is_within_reach_again_is_cut_although_the_policy_fails,
        the_daily_retry_of_a_cut_outlives_a_policy_that_fails,
        who_is_on_hold_keeps_the_account_while_the_policy_fails,
        a_hold_is_obeyed_when_the_policy_works_again,
        an_abort_after_the_policy_works_again_keeps_the_back_off,
    };
    return kit_run("engine_policy_fails", tests, ARRAY_SIZE(tests));
}
