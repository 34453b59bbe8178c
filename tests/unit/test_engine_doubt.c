/* Calls of unknown outcome: they may have been applied, or may be yet. */
#include "engine_kit.h"

#define ZOE     "userName=zoe;displayName=Zoe"
#define CHEF    ZOE ";title=Chef"
#define BY_NAME "/Users?filter=userName%20eq%20%22zoe%22"

START_TEST(a_write_that_timed_out_is_read_before_the_next_write_and_once_more_when_it_can_no_longer_land)
{
    zoe_becomes_chef();
    answer_unknown();
    ck_assert_str_eq(state_now("miro", "known"), "null");
    ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
    int64_t from = kit.now.wall_ms;
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, CHEF));
    commit();
    expect_no_result("e2", "miro"); /* the first call may land yet */
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_int_ge(kit.now.wall_ms, from + KIT_LIFE_MS);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, CHEF));
    commit();
    expect_result("e2", "miro", "applied");
    ck_assert_str_eq(state_now("miro", "doubtUntil"), "");
    kit_stop();
}
END_TEST

START_TEST(a_late_call_that_undid_a_newer_one_is_found_and_mended)
{
    zoe_becomes_chef();
    answer_unknown();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Baker"});
    wait_for_call();
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    answer(200, user("7", true, ZOE ";title=Baker"));
    wait_for_call();
    answer(200, user("7", true, CHEF)); /* the lost call has landed */
    commit();
    expect_no_result("e3", "miro");
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    answer(200, user("7", true, ZOE ";title=Baker"));
    ck_assert_int_ge(wait_for_call(),
                     0); /* what contradicted the last write may as well have come from before it */
    answer(200, user("7", true, ZOE ";title=Baker"));
    commit();
    expect_result("e2", "miro", "superseded");
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

/* Zoe is to have an account as "a"; nobody knows whether it was created. Then she is renamed. */
static void zoe_is_renamed_while_her_account_may_be_made(bool crash)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "userName=a"});
    commit();
    expect_call("GET", "/Users?filter=userName%20eq%20%22a%22");
    answer(200, NO_USERS);
    commit();
    expect_call("POST", "/Users");
    if (crash)
        kit_crash();
    else
        answer_unknown();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "userName=b"});
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->path, "/Users?filter=userName%20eq%20%22a%22");
}

START_TEST(a_create_that_may_have_happened_is_looked_up_by_the_name_it_was_made_with)
{
    for (int crash = 0; crash < 2; crash++) {
        zoe_is_renamed_while_her_account_may_be_made(crash);
        answer(200, found("7", true, "userName=a"));
        ck_assert_int_ge(wait_for_call(),
                         0); /* no second account, and no new name while the first may be made */
        ck_assert_str_eq(kit.call->method, "GET");
        answer(200, user("7", true, "userName=a"));
        ck_assert_int_ge(wait_for_call(), 0);
        ck_assert_str_eq(kit.call->method, "PATCH");
        expect_body("\"b\"");
        answer(200, user("7", true, "userName=b"));
        commit();
        expect_result("e2", "miro", "applied");
        ck_assert_ptr_nonnull(find_result("e1", "miro"));
        kit_stop();
    }
}
END_TEST

START_TEST(a_create_that_never_happened_gives_way_to_the_new_name)
{
    zoe_is_renamed_while_her_account_may_be_made(true);
    int posts = 0;
    for (int i = 0; i < 10 && !find_result("e2", "miro"); i++) {
        bool created = posts > 0;
        if (kit.call->write) {
            posts++;
            answer(201, user("7", true, strstr(kit.call->body, "\"a\"") ? "userName=a" : "userName=b"));
        } else {
            answer(200, strstr(kit.call->path, "filter") ? NO_USERS : user("7", true, "userName=b"));
            ck_assert(created || posts == 0);
        }
        wait_for_call();
        if (!kit.call)
            break;
    }
    ck_assert_int_eq(posts, 1);
    ck_assert_ptr_nonnull(find_result("e2", "miro"));
    kit_stop();
}
END_TEST

START_TEST(a_read_from_before_the_last_write_is_not_the_last_word)
{
    kit_start();
    kit_zoe_has_account("userName=zoe;title");
    say({"set", EVENT_CHANGED, .at = 10, .profile = "title=CTO"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer_unknown();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, "userName=zoe"));
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    answer(200, user("7", true, "userName=zoe;title=CTO"));
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET"); /* the doubt is over */
    const struct call *looking = kit.call;
    say({"clear", EVENT_CHANGED, .at = 11, .profile = "title"});
    commit();
    kit.call = looking;
    answer(200, user("7", true, "userName=zoe")); /* a replica that lags */
    commit();
    expect_no_result("clear", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, "userName=zoe;title=CTO"));
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    answer(200, user("7", true, "userName=zoe"));
    commit();
    expect_result("clear", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_read_that_timed_out_leaves_no_doubt)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer_unknown();
    ck_assert_str_eq(state_now("miro", "doubtUntil"), "");
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, found("7", true, ZOE));
    commit();
    expect_result("e1", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_server_error_on_a_write_leaves_doubt_unless_it_says_that_it_did_not_begin)
{
    static const struct {
        int status;
        bool doubt;
    } rows[] = {{500, true}, {502, true}, {504, true}, {408, true}, {503, false}, {429, false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        zoe_becomes_chef();
        answer(rows[i].status, "");
        ck_assert_msg((*state_now("miro", "doubtUntil") != '\0') == rows[i].doubt, "%d", rows[i].status);
        expect_no_result("e2", "miro");
        ck_assert_int_gt(wait_for_call(), 0);
        answer(200, user("7", true, CHEF));
        if (rows[i].doubt)
            ck_assert_int_ge(wait_for_call(), 0);
        if (kit.call)
            answer(200, user("7", true, CHEF));
        commit();
        ck_assert_ptr_nonnull(find_result("e2", "miro"));
        kit_stop();
    }
}
END_TEST

START_TEST(an_answer_that_comes_while_the_policy_fails_is_not_lost)
{
    zoe_becomes_chef();
    kit.policy = POLICY_FAILS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    answer_unknown();
    commit();
    ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
    kit.policy = POLICY_ACCOUNT;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    kit_stop();
}
END_TEST

/* One create was never answered; the account of the next one is nowhere. What the first one gives when it lands is ours. */
START_TEST(roles_of_a_create_that_may_still_land_stay_ours)
{
    kit_start();
    kit.policy = POLICY_ROLES;
    say({"hire", EVENT_JOINED, .at = 1, .profile = ZOE ";roles.Content Admin=yes"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    expect_call("POST", "/Users");
    answer_unknown();
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, NO_USERS);
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    answer(201, user("7", true, ZOE));
    commit();
    expect_call("GET", "/Users/7");
    answer(404, "{}");
    commit();
    kit_crash(); /* and whoever follows may think that calls are under way for one more call's life */
    ck_assert_int_ge(wait_for_call(), 0);
    answer(404, "{}");
    commit();
    ck_assert_str_eq(state_now("miro", "link"), "");
    ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
    ck_assert_str_ne(state_now("miro", "madeRoles"), "");
    kit_stop();
}
END_TEST

/* A 404 may be old, and is asked about again a call's life later: also when the policy wants nothing any more meanwhile. */
START_TEST(an_account_that_is_missing_and_not_wanted_is_asked_for_once_more)
{
    kit_start();
    say({"hire", EVENT_JOINED, .at = 1, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    expect_call("POST", "/Users");
    answer(201, user("7", true, ZOE));
    commit();
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    expect_call("GET", "/Users/7");
    answer(404, "{}");
    commit();
    expect_no_call();
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS - KIT_SECOND);
    answer(404, "{}");
    commit();
    kit_stop();
}
END_TEST

static bool gets(const char *path)
{
    return wait_for_call() >= 0 && strcmp(kit.call->method, "GET") == 0 && strcmp(kit.call->path, path) == 0;
}

/* Two creates may have landed. The account of one of them is found and deleted, which frees the name for the other one, and the
 * person's own name is told no more. */
static void zoe_is_given_up_while_her_account_may_be_made(void)
{
    kit_config();
    kit.targets[0].deadline_ms = 40 * KIT_SECOND;
    kit.policy = POLICY_DELETES;
    kit_open();
    say({"hire", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    ck_assert(gets(BY_NAME));
    answer(200, NO_USERS);
    commit();
    expect_call("POST", "/Users");
    answer_unknown();
    commit();
    ck_assert(gets(BY_NAME));
    answer(200, found("7", true, "userName=zoe"));
    commit();
    say({"gone", EVENT_DELETED, .at = 2, .profile = "userName"});
    commit();
    expect_call("DELETE", "/Users/7");
    answer_unknown();
    commit();
    pass(41 * KIT_SECOND);
    for (int look = 0; look < 2; look++) {
        ck_assert(gets("/Users/7"));
        answer(404, "{}");
        commit();
        expect_no_result("gone", "miro");
    }
}

static void she_is_deleted(void)
{
    while (gets("/Users/8")) {
        answer(200, user("8", true, "userName=zoe"));
        commit();
    }
    ck_assert_str_eq(kit.call->method, "DELETE");
}

START_TEST(who_is_given_up_is_looked_for_by_the_name_of_a_create_that_may_have_landed)
{
    zoe_is_given_up_while_her_account_may_be_made();
    ck_assert(gets(BY_NAME));
    answer(200, found("8", true, "userName=zoe"));
    commit();
    expect_result("gone", "miro", "rejected");
    pass(KIT_DAY_MS);
    commit();
    she_is_deleted();
    kit_stop();
}
END_TEST

START_TEST(who_is_given_up_unseen_is_looked_for_by_that_name_daily)
{
    zoe_is_given_up_while_her_account_may_be_made();
    ck_assert(gets(BY_NAME));
    answer(500, "{}");
    commit();
    expect_result("gone", "miro", "rejected");
    pass(KIT_DAY_MS);
    commit();
    ck_assert(gets(BY_NAME));
    answer(200, found("8", true, "userName=zoe"));
    commit();
    she_is_deleted();
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_account_that_is_missing_and_not_wanted_is_asked_for_once_more,
        roles_of_a_create_that_may_still_land_stay_ours,
        who_is_given_up_is_looked_for_by_the_name_of_a_create_that_may_have_landed,
        who_is_given_up_unseen_is_looked_for_by_that_name_daily,
        a_write_that_timed_out_is_read_before_the_next_write_and_once_more_when_it_can_no_longer_land,
        a_late_call_that_undid_a_newer_one_is_found_and_mended,
        a_create_that_may_have_happened_is_looked_up_by_the_name_it_was_made_with,
        a_create_that_never_happened_gives_way_to_the_new_name,
        a_read_from_before_the_last_write_is_not_the_last_word,
        a_read_that_timed_out_leaves_no_doubt,
        a_server_error_on_a_write_leaves_doubt_unless_it_says_that_it_did_not_begin,
        an_answer_that_comes_while_the_policy_fails_is_not_lost,
    };
    return kit_run("engine_doubt", tests, ARRAY_SIZE(tests));
}
