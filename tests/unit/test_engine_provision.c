/* One person is provisioned, because somebody asks for it. */
#include "control_kit.h"

START_TEST(a_provision_reads_again_and_says_what_it_found)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    int64_t then = kit.now.wall_ms;
    provision_at(then);
    expect_no_call(); /* not before it is committed */
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    commit();
    ck_assert_uint_eq(count_effects(), 1);
    ck_assert_str_eq(json_string(last_effect(), "outcome"), "unchanged");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(last_effect(), "operations")), 1);
    char id[64];
    snprintf(id, sizeof id, "effect:%016llx/miro",
             (unsigned long long)control_provision_effect(str_of("acme/hr/zoe"), "miro", then));
    ck_assert_str_eq(json_string(last_effect(), "id"), id);
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_provision_repairs_what_somebody_changed_by_hand)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    provision_at(kit.now.wall_ms);
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", false, "userName=zoe"));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    commit();
    ck_assert_uint_eq(count_effects(), 1);
    ck_assert_str_eq(json_string(last_effect(), "outcome"), "applied");
    kit_stop();
}
END_TEST

START_TEST(a_provision_acts_once_over_restarts_and_repetitions)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    int64_t then = kit.now.wall_ms;
    provision_at(then);
    commit();
    kit_crash();
    commit();
    provision_at(then);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, user("7", true, "userName=zoe"));
    while (count_effects() == 0) { /* the doubt of the takeover is waited for */
        ck_assert_int_ge(wait_for_call(), 0);
        answer(200, user("7", true, "userName=zoe"));
        commit();
    }
    provision_at(then);
    commit();
    expect_no_call();
    kit_crash();
    commit();
    provision_at(then);
    commit();
    ck_assert_int_eq(wait_for_call(), -1);
    ck_assert_uint_eq(count_effects(), 1);
    kit_stop();
}
END_TEST

START_TEST(a_provision_of_yesterday_is_not_taken_up)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    provision_at(kit.now.wall_ms - KIT_DAY_MS);
    commit();
    expect_no_call();
    ck_assert_uint_eq(count_effects(), 0);
    kit_stop();
}
END_TEST

START_TEST(a_provision_waits_for_a_back_off_of_nobody)
{
    kit_start();
    refuse_title();
    provision_at(kit.now.wall_ms);
    title_is_taken_now();
    kit_stop();
}
END_TEST

START_TEST(a_provision_of_whom_the_policy_leaves_alone_says_so)
{
    kit_start();
    kit.policy = POLICY_NOTHING;
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    provision_at(kit.now.wall_ms);
    commit();
    ck_assert_str_eq(json_string(last_effect(), "outcome"), "ignored");
    expect_no_call();
    kit_stop();
}
END_TEST

/* Found by the simulator: nothing was open, and nobody came back to it. */
START_TEST(a_provision_outlives_a_policy_that_fails)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    kit.policy = POLICY_FAILS;
    provision_at(kit.now.wall_ms);
    commit();
    expect_no_call();
    kit.policy = POLICY_ACCOUNT;
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, user("7", true, "userName=zoe"));
    commit();
    ck_assert_str_eq(json_string(last_effect(), "outcome"), "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_provision_reaches_a_target_that_is_new)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    kit_add_target("wiki", "scim");
    kit_hand_over();
    commit();
    provision_at(kit.now.wall_ms);
    commit();
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(next_call());
        bool miro = kit.call->target == 0;
        answer(200, miro ? user("7", true, "userName=zoe") : found("8", true, "userName=zoe"));
        commit();
    }
    ck_assert_uint_eq(count_effects(), 2);
    kit_stop();
}
END_TEST

START_TEST(a_provision_of_nobody_known_does_nothing)
{
    kit_start();
    provision_at(kit.now.wall_ms);
    ck_assert(!commit());
    kit_stop();
}
END_TEST

START_TEST(a_paused_target_owes_a_provision_until_it_goes_on)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    pause_target("miro", true);
    provision_at(kit.now.wall_ms);
    commit();
    expect_no_call();
    ck_assert_str_eq(state_now("miro", "provisionOwed"), "true");
    pause_target("miro", false);
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    commit();
    ck_assert_str_eq(json_string(last_effect(), "outcome"), "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_read_from_before_an_answered_write_is_not_believed)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"away", EVENT_SUSPENDED, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    pass(2 * KIT_LIFE_MS);
    say({"back", EVENT_RESUMED, .at = 3});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("back", "miro", "applied");
    provision_at(kit.now.wall_ms);
    commit();
    expect_call("GET", "/Users/7");
    say({"left", EVENT_LEFT, .at = 4});
    answer(200, user("7", false, ZOE)); /* as it was a moment ago */
    commit();
    expect_no_result("left", "miro");
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS / 2);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, ZOE));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("left", "miro", "applied");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_provision_reads_again_and_says_what_it_found,
        a_provision_repairs_what_somebody_changed_by_hand,
        a_provision_acts_once_over_restarts_and_repetitions,
        a_provision_of_yesterday_is_not_taken_up,
        a_provision_waits_for_a_back_off_of_nobody,
        a_provision_of_whom_the_policy_leaves_alone_says_so,
        a_provision_outlives_a_policy_that_fails,
        a_provision_reaches_a_target_that_is_new,
        a_provision_of_nobody_known_does_nothing,
        a_paused_target_owes_a_provision_until_it_goes_on,
        a_read_from_before_an_answered_write_is_not_believed,
    };
    return kit_run("engine_provision", tests, ARRAY_SIZE(tests));
}
