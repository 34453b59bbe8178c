/* Writes that are answered without a body: a read has to tell, which may be older than they are. */
#include "engine_kit.h"

#define ZOE  "userName=zoe;displayName=Zoe"
#define CHEF ZOE ";title=Chef"

START_TEST(a_write_answered_without_a_body_is_read_before_it_is_believed)
{
    zoe_becomes_chef();
    answer(204, "");
    commit();
    expect_no_result("e2", "miro");
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, CHEF));
    commit();
    expect_result("e2", "miro", "applied");
    const cJSON *change = cJSON_GetArrayItem(json_get(find_result("e2", "miro"), "changes"), 0);
    ck_assert_str_eq(json_string(change, "before"), "Cook");
    kit_stop();
}
END_TEST

START_TEST(a_204_that_changed_nothing_is_refused)
{
    zoe_becomes_chef();
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    expect_no_result("e2", "miro"); /* that may be old */
    int64_t from = kit.now.wall_ms;
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_int_ge(kit.now.wall_ms, from + KIT_LIFE_MS);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    expect_result("e2", "miro", "rejected");
    kit_stop();
}
END_TEST

/* Answered without a body, so a read has to tell; and what that shows may be older than the write, or the work of a call
 * that landed late. */
START_TEST(a_read_that_contradicts_a_204_is_not_the_last_word)
{
    zoe_becomes_chef();
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Cook")); /* by a replica that lags */
    commit();
    expect_no_result("e2", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, CHEF));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_late_call_that_undid_one_answered_with_204_is_found_and_mended)
{
    zoe_becomes_chef();
    answer_unknown();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Baker"});
    wait_for_call();
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, CHEF)); /* the lost call has landed */
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, CHEF)); /* not old any more: it is so */
    commit();
    expect_no_result("e3", "miro");
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Baker"));
    commit();
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(an_activation_answered_with_204_is_not_refused_for_an_old_read)
{
    zoe_becomes_chef();
    answer(200, user("7", true, CHEF));
    commit();
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, CHEF));
    commit();
    pass(2 * KIT_LIFE_MS);
    say({"e4", EVENT_JOINED, .at = 4});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", false, CHEF)); /* by a replica that lags */
    commit();
    expect_no_result("e4", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, CHEF));
    commit();
    expect_result("e4", "miro", "applied");
    kit_stop();
}
END_TEST

/* The target answers each PATCH with 204, `refused` with 400, and each GET with the profile; how many calls that makes. */
static size_t serve_silently(const char *refused, const char *profile)
{
    size_t n = 0;
    for (; n < 50 && wait_for_call() >= 0; n++) {
        if (strcmp(kit.call->method, "GET") == 0)
            answer(200, user("7", true, profile));
        else if (refused && strstr(kit.call->body, refused))
            answer(400, "{\"detail\":\"something is wrong\"}");
        else
            answer(204, "");
        commit();
    }
    return n;
}

START_TEST(what_a_204_has_not_changed_is_refused_also_where_each_is_written_by_itself)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook;nickName=Z;department=A");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef;nickName=Zo;department=B"});
    commit();
    ck_assert_uint_le(serve_silently("department", ZOE ";title=Cook;nickName=Z;department=A"), 8);
    expect_result("e2", "miro", "rejected");
    kit_stop();
}
END_TEST

START_TEST(what_is_written_while_a_204_is_not_to_be_seen_yet_does_not_hide_it)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook;nickName=Z");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Cook;nickName=Z")); /* by a replica that lags */
    commit();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "nickName=Zo"});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("nickName");
    answer(204, ""); /* and it is not changed */
    commit();
    ck_assert_uint_le(serve_silently(NULL, ZOE ";title=Chef;nickName=Z"), 4);
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(what_a_204_has_not_changed_and_nobody_wants_any_more_is_not_refused)
{
    zoe_becomes_chef();
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Cook"});
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    ck_assert_uint_le(serve_silently(NULL, ZOE ";title=Cook"), 2);
    expect_result("e2", "miro", "superseded");
    expect_result("e3", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_clock_that_is_put_back_does_not_prolong_the_wait_for_what_a_204_has_changed)
{
    zoe_becomes_chef();
    answer(204, "");
    commit();
    expect_call("GET", "/Users/7");
    kit.now.wall_ms -= 3600 * KIT_SECOND;
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    ck_assert_uint_le(serve_silently(NULL, ZOE ";title=Cook"), 2);
    expect_result("e2", "miro", "rejected");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_write_answered_without_a_body_is_read_before_it_is_believed,
        a_204_that_changed_nothing_is_refused,
        a_read_that_contradicts_a_204_is_not_the_last_word,
        a_late_call_that_undid_one_answered_with_204_is_found_and_mended,
        an_activation_answered_with_204_is_not_refused_for_an_old_read,
        what_a_204_has_not_changed_is_refused_also_where_each_is_written_by_itself,
        what_is_written_while_a_204_is_not_to_be_seen_yet_does_not_hide_it,
        what_a_204_has_not_changed_and_nobody_wants_any_more_is_not_refused,
        a_clock_that_is_put_back_does_not_prolong_the_wait_for_what_a_204_has_changed,
    };
    return kit_run("engine_bodyless", tests, ARRAY_SIZE(tests));
}
