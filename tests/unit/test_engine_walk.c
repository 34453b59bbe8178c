/* A person's way through a company, seen by one target. */
#include "engine_kit.h"

#define ZOE "userName=zoe@acme.example;displayName=Zoe"

START_TEST(a_joiner_is_looked_up_created_read_back_and_applied)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE,
         .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
    commit();
    expect_call("GET", "/Users?filter=userName%20eq%20%22zoe%40acme.example%22");
    ck_assert(!kit.call->write);
    answer(200, NO_USERS);
    expect_call("POST", "/Users");
    ck_assert(kit.call->write);
    expect_body("\"userName\":\"zoe@acme.example\"");
    expect_body("\"active\":true");
    answer(201, user("7", true, ZOE));
    expect_no_call(); /* the link is not committed yet */
    commit();
    expect_no_result("e1", "miro");
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("e1", "miro", "applied");
    const cJSON *r = find_result("e1", "miro");
    ck_assert_str_eq(json_string(r, "accountId"), "7");
    ck_assert_str_eq(json_string(r, "traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    ck_assert_str_eq(json_string(r, "subject"), "zoe");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(r, "operations")), 3);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(r, "changes")), 3); /* two attributes and active */
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_existing_account_is_adopted_and_mended)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=ZOE@acme.example;displayName=Zoë"));
    expect_no_call(); /* the link is not committed yet */
    commit();
    expect_call("PATCH", "/Users/7");
    ck_assert_ptr_null(strstr(kit.call->body, "userName")); /* names differ in case only */
    expect_body("\"path\":\"displayName\",\"value\":\"Zoe\"");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("e1", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(an_account_that_agrees_is_left_alone)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    ck_assert_uint_eq(stats_now().calls, 1);
    kit_stop();
}
END_TEST

START_TEST(a_mover_gets_the_difference_only)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook;nickName=Zo");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef;displayName=Zoe"});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("{\"op\":\"Replace\",\"path\":\"title\",\"value\":\"Chef\"}");
    ck_assert_ptr_null(strstr(kit.call->body, "displayName"));
    answer(200, user("7", true, ZOE ";title=Chef;nickName=Zo"));
    commit();
    expect_result("e2", "miro", "applied");
    const cJSON *change = cJSON_GetArrayItem(json_get(find_result("e2", "miro"), "changes"), 0);
    ck_assert_str_eq(json_string(change, "attribute"), "title");
    ck_assert_str_eq(json_string(change, "before"), "Cook");
    ck_assert_str_eq(json_string(change, "after"), "Chef");
    kit_stop();
}
END_TEST

START_TEST(a_cleared_attribute_is_removed_there)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title"});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("{\"op\":\"Remove\",\"path\":\"title\"}");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_rename_keeps_the_account)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "userName=zoe.new@acme.example"});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"path\":\"userName\",\"value\":\"zoe.new@acme.example\"");
    answer(200, user("7", true, "userName=zoe.new@acme.example;displayName=Zoe"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_leaver_is_deactivated_and_nothing_else)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2, .profile = "title=Gone"});
    commit();
    expect_call("PATCH", "/Users/7");
    ck_assert_str_eq(strstr(kit.call->body, "\"Operations\""),
                     "\"Operations\":[{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}]}");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_unknown_leaver_is_looked_up_before_any_result)
{
    kit_start();
    say({"e1", EVENT_LEFT, .profile = ZOE});
    commit();
    expect_no_result("e1", "miro");
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, ZOE));
    commit();
    expect_no_result("e1", "miro");
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("e1", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_leaver_without_an_account_is_unchanged)
{
    kit_start();
    say({"e1", EVENT_LEFT, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    expect_result("e1", "miro", "unchanged");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_leaver_whose_account_is_inactive_already_is_unchanged)
{
    kit_start();
    say({"e1", EVENT_LEFT, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", false, ZOE));
    commit();
    expect_result("e1", "miro", "unchanged");
    kit_stop();
}
END_TEST

static void zoe_leaves(const char *id, int64_t at)
{
    say({id, EVENT_LEFT, .at = at});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result(id, "miro", "applied");
}

START_TEST(who_is_hired_again_gets_the_old_account_back)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    zoe_leaves("e2", 2);
    say({"e3", EVENT_JOINED, .at = 3, .profile = "title=Chef"});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("{\"op\":\"Replace\",\"path\":\"active\",\"value\":true}");
    answer(200, user("7", true, ZOE));
    expect_call("PATCH", "/Users/7"); /* attributes of an inactive account are frozen: after it */
    expect_body("title");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_leaver_is_not_revived_by_an_older_event)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    zoe_leaves("e2", 10);
    say({"e3", EVENT_JOINED, .at = 9});
    say({"e4", EVENT_RESUMED, .at = 9});
    say({"e5", EVENT_CHANGED, .at = 11, .profile = "title=Ghost"});
    commit();
    expect_no_call();
    expect_result("e3", "miro", "superseded");
    expect_result("e4", "miro", "superseded");
    expect_result("e5", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(suspension_cuts_and_resumption_gives_back)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_SUSPENDED, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    say({"e3", EVENT_RESUMED, .at = 3});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":true");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(delete_reads_first)
{
    kit_start();
    kit.policy = POLICY_DELETES;
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_DELETED, .at = 2});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE));
    commit();
    expect_call("DELETE", "/Users/7");
    answer(204, "");
    commit();
    for (int i = 0; i < 2 && next_call(); i++) { /* it is looked at whether it is gone */
        ck_assert_str_eq(kit.call->method, "GET");
        if (strncmp(kit.call->path, "/Users/7", 8) == 0)
            answer(404, "");
        else
            answer(200, NO_USERS);
        commit();
    }
    expect_result("e2", "miro", "applied");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_account_gone_before_the_delete_needs_none)
{
    kit_start();
    kit.policy = POLICY_DELETES;
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_DELETED, .at = 2});
    commit();
    expect_call("GET", "/Users/7");
    answer(404, "");
    ck_assert_int_eq(wait_for_call(), KIT_LIFE_MS);
    answer(404, "");
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    expect_result("e2", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(create_that_meets_an_account_adopts_it)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {{409, "{\"detail\":\"User already exists\"}"},
                {400, "{\"detail\":\"userName is not unique\"}"},
                {400, "{\"scimType\":\"uniqueness\"}"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        kit_start();
        say({"e1", EVENT_JOINED, .profile = ZOE});
        commit();
        expect_call("GET", "/Users?filter=");
        answer(200, NO_USERS);
        expect_call("POST", "/Users");
        answer(rows[i].status, rows[i].body);
        commit();
        expect_call("GET", "/Users?filter=");
        answer(200, found("7", true, ZOE));
        commit();
        expect_result("e1", "miro", "unchanged");
        ck_assert_str_eq(state_now("miro", "link"), "\"7\"");
        kit_stop();
    }
}
END_TEST

START_TEST(exists_but_never_found_is_rejected_in_the_end)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    for (int i = 0; i < 20 && !find_result("e1", "miro"); i++) {
        pass(61 * KIT_SECOND);
        commit();
        while (next_call()) {
            if (strcmp(kit.call->method, "GET") == 0)
                answer(200, NO_USERS);
            else
                answer(409, "");
            commit();
        }
    }
    expect_result("e1", "miro", "rejected");
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
    kit_stop();
}
END_TEST

START_TEST(a_second_404_drops_the_link_and_looks_up_again)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("GET", "/Users/7"); /* title was never looked at */
    answer(404, "");
    ck_assert_int_eq(wait_for_call(), KIT_LIFE_MS);
    ck_assert_str_eq(kit.call->path, "/Users/7");
    answer(404, "");
    expect_no_call(); /* the dropped link is not committed yet */
    commit();
    ck_assert_str_eq(state_now("miro", "link"), "");
    expect_call("GET", "/Users?filter=");
    answer(200, found("8", true, ZOE));
    commit();
    expect_call("PATCH", "/Users/8");
    answer(200, user("8", true, ZOE ";title=Chef"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

/* A replica that lags does not know the account yet, and the person has another name by now. */
START_TEST(one_404_makes_no_second_account)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "userName=zoe.b@acme.example;title=Chef"});
    commit();
    expect_call("GET", "/Users/7");
    answer(404, "");
    commit();
    expect_no_result("e2", "miro");
    kit_crash(); /* what was answered is in the record */
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS / 2);
    ck_assert_str_eq(kit.call->path, "/Users/7");
    answer(200, user("7", true, ZOE));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe.b@acme.example;title=Chef"));
    commit();
    ck_assert_str_eq(state_now("miro", "missingUntil"), "");
    pass(KIT_LIFE_MS + 1);
    while (next_call())
        answer(200, user("7", true, "userName=zoe.b@acme.example;title=Chef"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

static void expect_finding(const char *accounts)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE ";employeeNumber=1042"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, accounts);
    commit();
    expect_result("e1", "miro", "rejected");
    const struct kit_record *record = last_record(TOPIC_DEADLETTERS);
    ck_assert_ptr_nonnull(record);
    const cJSON *letter = record->json;
    ck_assert_ptr_nonnull(strstr(json_string(letter, "reason"), "finding"));
    ck_assert_str_eq(json_string(letter, "kind"), "rejected");
    ck_assert_str_eq(
        json_string(json_get(json_get(json_get(letter, "event"), "data"), "profile"), "displayName"), "Zoe");
    ck_assert_str_eq(state_now("miro", "link"), "");
    pass(KIT_DAY_MS); /* and it rests */
    commit();
    expect_no_call();
}

START_TEST(an_inactive_account_is_a_finding_not_an_adoption)
{
    expect_finding(found("7", false, ZOE));
    say({"e2", EVENT_JOINED, .at = 100}); /* a person had a look: try again */
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, ZOE ";employeeNumber=1042"));
    kit_stop();
}
END_TEST

START_TEST(an_account_with_another_employee_number_is_a_finding)
{
    expect_finding(
        "{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"active\":true,\"userName\":\"zoe@acme.example\","
        "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"employeeNumber\":\"9\"}}]}");
    kit_stop();
}
END_TEST

START_TEST(several_matching_accounts_are_a_finding)
{
    char two[1024];
    snprintf(two, sizeof two, "{\"totalResults\":2,\"Resources\":[%s,%s]}", user("7", true, ZOE),
             user("8", true, ZOE));
    expect_finding(two);
    kit_stop();
}
END_TEST

START_TEST(a_person_without_a_name_for_the_target_is_rejected_with_advice)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "displayName=Zoe"});
    commit();
    expect_no_call();
    expect_result("e1", "miro", "rejected");
    ck_assert_ptr_nonnull(strstr(json_string(find_result("e1", "miro"), "action"), "userName"));
    kit_stop();
}
END_TEST

START_TEST(what_the_policy_does_not_want_is_ignored)
{
    kit_start();
    kit.policy = POLICY_NOTHING;
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    expect_no_call();
    expect_result("e1", "miro", "ignored");
    kit_stop();
}
END_TEST

START_TEST(protected_names_are_out_of_reach)
{
    static const char *const names[] = {"boss@acme.example", "Zoe@ACME.example"};
    kit_config();
    kit.targets[0].protected_names = names;
    kit.targets[0].n_protected = 2;
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    say({"e2", EVENT_LEFT, .at = 2});
    commit();
    expect_no_call();
    expect_result("e1", "miro", "ignored");
    expect_result("e2", "miro", "ignored");
    kit_stop();
}
END_TEST

START_TEST(each_target_of_the_tenant_owes_a_result)
{
    kit_config();
    kit_add_target("wiki", "scim");
    kit_add_target("other", "scim")->tenant = "umbrella";
    kit_add_target("elsewhere", "scim")->directory = "okta";
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    for (int i = 0; i < 2; i++) {
        expect_call("GET", "/Users?filter=");
        answer(200, found("7", true, ZOE));
        commit();
    }
    expect_result("e1", "miro", "unchanged");
    expect_result("e1", "wiki", "unchanged");
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 2);
    kit_stop();
}
END_TEST

START_TEST(a_created_account_that_kept_other_values_is_mended_and_what_is_refused_is_told)
{
    kit_config();
    kit.targets[0].kind = "scim";
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .profile = ZOE ";title=Chef"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    expect_call("POST", "/Users");
    answer(201, user("7", true, ZOE));
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE));
    expect_call("PATCH", "/Users/7");
    expect_body("{\"op\":\"replace\",\"path\":\"title\",\"value\":\"Chef\"}");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("e1", "miro", "applied");
    const cJSON *refused = cJSON_GetArrayItem(json_get(find_result("e1", "miro"), "refused"), 0);
    ck_assert_str_eq(json_string(refused, "attribute"), "title");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_joiner_is_looked_up_created_read_back_and_applied,
        an_existing_account_is_adopted_and_mended,
        an_account_that_agrees_is_left_alone,
        a_mover_gets_the_difference_only,
        a_cleared_attribute_is_removed_there,
        a_rename_keeps_the_account,
        a_leaver_is_deactivated_and_nothing_else,
        an_unknown_leaver_is_looked_up_before_any_result,
        a_leaver_without_an_account_is_unchanged,
        a_leaver_whose_account_is_inactive_already_is_unchanged,
        who_is_hired_again_gets_the_old_account_back,
        a_leaver_is_not_revived_by_an_older_event,
        suspension_cuts_and_resumption_gives_back,
        delete_reads_first,
        an_account_gone_before_the_delete_needs_none,
        create_that_meets_an_account_adopts_it,
        exists_but_never_found_is_rejected_in_the_end,
        a_second_404_drops_the_link_and_looks_up_again,
        one_404_makes_no_second_account,
        an_inactive_account_is_a_finding_not_an_adoption,
        an_account_with_another_employee_number_is_a_finding,
        several_matching_accounts_are_a_finding,
        a_person_without_a_name_for_the_target_is_rejected_with_advice,
        what_the_policy_does_not_want_is_ignored,
        protected_names_are_out_of_reach,
        each_target_of_the_tenant_owes_a_result,
        a_created_account_that_kept_other_values_is_mended_and_what_is_refused_is_told,
    };
    return kit_run("engine_walk", tests, ARRAY_SIZE(tests));
}
