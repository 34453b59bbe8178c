/* What the engine makes of answers that are no success, and of no answer at all. */
#include "engine_kit.h"

#define ZOE  "userName=zoe;displayName=Zoe"
#define CHEF ZOE ";title=Chef"

static void zoe_is_cut(void)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
}

START_TEST(an_attribute_that_a_200_did_not_change_is_refused_and_not_repeated)
{
    zoe_becomes_chef();
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    expect_result("e2", "miro", "rejected");
    expect_no_call();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "nickName=Zo"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Cook"));
    expect_call("PATCH", "/Users/7");
    ck_assert_ptr_null(strstr(kit.call->body, "title"));
    answer(200, user("7", true, ZOE ";title=Cook;nickName=Zo"));
    commit();
    expect_result("e3", "miro", "applied");
    say({"e4", EVENT_CHANGED, .at = 4, .profile = "title=Baker"}); /* another value is tried */
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    answer(200, user("7", true, ZOE ";title=Baker;nickName=Zo"));
    commit();
    expect_result("e4", "miro", "applied");
    ck_assert_str_eq(state_now("miro", "refused"), "");
    kit_stop();
}
END_TEST

START_TEST(a_cut_answered_with_success_that_kept_the_account_active_is_tried_again_then_rejected_then_daily)
{
    int cuts = 1;
    zoe_is_cut();
    do {
        answer(200, user("7", true, ZOE));
        if (wait_for_call() < 0)
            break;
        ck_assert_str_eq(kit.call->method, "PATCH");
    } while (++cuts < 50);
    ck_assert_int_gt(cuts, 2);
    ck_assert_int_lt(cuts, 20);
    expect_result("e2", "miro", "rejected");
    pass(KIT_DAY_MS);
    commit();
    expect_call("GET", "/Users/7"); /* a day later, with a fresh look */
    answer(200, user("7", true, ZOE));
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_no_call();
    ck_assert_str_eq(state_now("miro", "retryCutAt"), "");
    ck_assert_ptr_null(json_string(last_record(TOPIC_RESULTS)->json, "eventId")); /* an effect of its own */
    pass(2 * KIT_DAY_MS);
    commit();
    expect_no_call();
    kit_stop();
}
END_TEST

/* Out of scope, not gone: nothing to fall back on while the policy fails. */
START_TEST(a_refused_cut_is_tried_again_daily_until_inactive)
{
    zoe_is_cut();
    answer(400, "{\"detail\":\"last admin cannot leave\"}");
    commit();
    expect_result("e2", "miro", "rejected");
    for (int day = 0; day < 3; day++) {
        pass(KIT_DAY_MS);
        commit();
        expect_call("GET", "/Users/7");
        answer(200, user("7", true, ZOE));
        commit();
        expect_call("PATCH", "/Users/7");
        answer(400, "{\"detail\":\"last admin cannot leave\"}");
        commit();
        expect_no_call();
        ck_assert_uint_eq(stats_now().uncut, 1);
    }
    kit_crash(); /* whoever takes over knows it without reading the record */
    ck_assert_uint_eq(stats_now().uncut, 1);
    commit();
    pass(KIT_DAY_MS);
    commit();
    expect_call("GET", "/Users/7");
    kit_crash(); /* also in the middle of it */
    ck_assert_uint_eq(stats_now().uncut, 1);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, user("7", true, ZOE));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(400, "{\"detail\":\"last admin cannot leave\"}");
    commit();
    while (wait_for_call() >= 0) { /* for the doubt that a takeover leaves */
        ck_assert_str_eq(kit.call->method, "GET");
        answer(200, user("7", true, ZOE));
        commit();
    }
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 2); /* zoe-joined and e2: no more results each day */
    pass(KIT_DAY_MS);
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", false, ZOE)); /* somebody did it by hand */
    commit();
    ck_assert_uint_eq(stats_now().uncut, 0);
    pass(2 * KIT_DAY_MS);
    commit();
    expect_no_call();
    kit_stop();
}
END_TEST

static size_t count_effects(const char *outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_RESULTS && !json_string(kit.records[i].json, "eventId") &&
             strcmp(json_string(kit.records[i].json, "outcome"), outcome) == 0;
    return n;
}

START_TEST(a_date_that_came_due_and_cannot_be_carried_out_is_told_once)
{
    kit_start();
    kit_zoe_has_account("userName=zoe");
    say({"until", EVENT_CHANGED, .at = 2, .until = "5000"});
    commit();
    pass(kit_ms(5000) - kit.now.wall_ms);
    commit();
    for (size_t day = 0; day < 3; day++) { /* refused, and tried again daily */
        ck_assert_int_ge(wait_for_call(), 0);
        if (strcmp(kit.call->method, "GET") == 0) {
            answer(200, user("7", true, "userName=zoe"));
            ck_assert_int_ge(wait_for_call(), 0);
        }
        ck_assert_str_eq(kit.call->method, "PATCH");
        answer(400, "{\"detail\":\"last admin cannot leave\"}");
        commit();
        ck_assert_uint_eq(count_effects("rejected"), 1);
        ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
        pass(KIT_DAY_MS);
    }
    kit_stop();
}
END_TEST

START_TEST(a_call_that_was_not_sent_leaves_no_doubt_and_is_tried_again)
{
    zoe_becomes_chef();
    answer_not_sent();
    ck_assert_str_eq(state_now("miro", "doubtUntil"), "");
    ck_assert_int_gt(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    answer(200, user("7", true, CHEF));
    commit();
    expect_result("e2", "miro", "applied");
    ck_assert_int_eq(
        json_get(cJSON_GetArrayItem(json_get(find_result("e2", "miro"), "operations"), 0), "attempts")
            ->valueint,
        2);
    kit_stop();
}
END_TEST

START_TEST(failures_back_off_exponentially_and_are_told_in_the_record)
{
    int64_t longest = 0;
    zoe_becomes_chef();
    for (int i = 1; i <= 12; i++) {
        answer(503, "");
        char attempts[16];
        snprintf(attempts, sizeof attempts, "%d", i);
        ck_assert_str_eq(state_now("miro", "attempts"), attempts);
        ck_assert_str_eq(state_now("miro", "lastFailure"), "\"503\"");
        int64_t waited = wait_for_call();
        ck_assert_int_gt(waited, 0);
        ck_assert_int_le(waited, 61 * KIT_SECOND + KIT_SECOND);
        longest = waited > longest ? waited : longest;
    }
    ck_assert_int_gt(longest, 8 * KIT_SECOND);
    answer(200, user("7", true, CHEF));
    commit();
    ck_assert_str_eq(state_now("miro", "attempts"), "");
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(answers_that_make_no_sense_back_off_too)
{
    static const char *const bodies[] = {"", "<html>", "[]", "{\"totalResults\":\"1\"}"};
    for (size_t b = 0; b < ARRAY_SIZE(bodies); b++) {
        kit_start();
        say({"e1", EVENT_JOINED, .profile = ZOE});
        wait_for_call();
        for (int i = 1; i <= 3; i++) {
            char attempts[16];
            answer(200, bodies[b]);
            snprintf(attempts, sizeof attempts, "%d", i);
            ck_assert_str_eq(state_now("miro", "attempts"), attempts);
            ck_assert_int_gt(wait_for_call(), 0);
        }
        kit_stop();
    }
}
END_TEST

START_TEST(a_429_rests_the_whole_class_for_as_long_as_it_says)
{
    zoe_becomes_chef();
    say({"ann", EVENT_JOINED, .subject = "ann", .profile = "userName=ann;title=Cook"});
    commit();
    const struct call *zoe = kit.call;
    expect_call("GET", "/Users?filter=");
    answer(200, found("8", true, "userName=ann;title=Boss"));
    commit();
    kit.call = zoe;
    answer_later(429, 17 * KIT_SECOND);
    commit();
    int64_t waited = wait_for_call(); /* ann's PATCH is of the same class */
    ck_assert_int_ge(waited, 17 * KIT_SECOND);
    ck_assert_int_le(waited, 18 * KIT_SECOND);
    ck_assert_str_eq(kit.call->method, "PATCH");
    kit_stop();
}
END_TEST

START_TEST(a_429_without_a_word_rests_the_class_for_its_window)
{
    zoe_becomes_chef();
    answer_later(429, -1);
    commit();
    pass(15 * KIT_SECOND);
    say({"ann", EVENT_JOINED, .subject = "ann", .profile = "userName=ann"});
    commit();
    expect_call("GET", "/Users?filter="); /* reads are another class */
    int64_t waited = wait_for_call();
    ck_assert_int_ge(waited, 14 * KIT_SECOND);
    ck_assert_int_le(waited, 60 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(a_permanent_refusal_is_rejected_and_a_copy_goes_to_dead_letters)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    expect_call("POST", "/Users");
    answer(400, "{\"scimType\":\"invalidValue\",\"detail\":\"something is wrong\"}");
    expect_call("POST", "/Users"); /* with what identifies the account alone */
    ck_assert_ptr_null(strstr(kit.call->body, "displayName"));
    answer(400, "{\"scimType\":\"invalidValue\",\"detail\":\"no licence left\"}");
    commit();
    expect_result("e1", "miro", "rejected");
    const cJSON *letter = last_record(TOPIC_DEADLETTERS)->json;
    ck_assert_str_eq(json_string(letter, "reason"), "400 invalidValue: no licence left");
    ck_assert_ptr_nonnull(json_string(letter, "action"));
    ck_assert_int_eq(cJSON_GetArraySize(json_get(json_get(letter, "result"), "operations")), 2);
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_update_refused_as_a_whole_is_split_and_the_rest_goes_through)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook;nickName=Z");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef;displayName=Z;nickName=Zo"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(400, "{\"detail\":\"something is wrong\"}");
    commit();
    const char *now[] = {"displayName=Zoe", "nickName=Z"};
    for (int i = 0; i < 3; i++) {
        expect_call("PATCH", "/Users/7");
        const char *second = strstr(strstr(kit.call->body, "\"path\"") + 1, "\"path\"");
        ck_assert_msg(!second, "%s", kit.call->body);
        char profile[200];
        if (strstr(kit.call->body, "title")) {
            answer(400, "{\"detail\":\"no such title\"}");
            commit();
            continue;
        }
        if (strstr(kit.call->body, "displayName"))
            now[0] = "displayName=Z";
        else
            now[1] = "nickName=Zo";
        snprintf(profile, sizeof profile, "userName=zoe;title=Cook;%s;%s", now[0], now[1]);
        answer(200, user("7", true, profile));
        commit();
    }
    expect_result("e2", "miro", "applied");
    const cJSON *refused = json_get(find_result("e2", "miro"), "refused");
    ck_assert_int_eq(cJSON_GetArraySize(refused), 1);
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(refused, 0), "attribute"), "title");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_event_past_its_deadline_is_rejected_and_rests)
{
    zoe_becomes_chef();
    int calls = 0;
    while (!find_result("e2", "miro") && calls++ < 1000) {
        answer(503, "");
        if (wait_for_call() < 0)
            break;
    }
    expect_result("e2", "miro", "rejected");
    ck_assert_int_ge(kit.now.wall_ms, KIT_EPOCH_MS + 1000 * KIT_SECOND + KIT_DEADLINE_MS);
    ck_assert_str_eq(json_string(last_record(TOPIC_DEADLETTERS)->json, "reason"), "503");
    ck_assert_ptr_null(kit.call); /* what was rejected is tried again when somebody says so */
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(the_targets_own_trouble_rejects_nobody)
{
    static const int statuses[] = {401, 403, 302};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        zoe_becomes_chef();
        while (kit.now.wall_ms < KIT_EPOCH_MS + 1000 * KIT_SECOND + 3 * KIT_DEADLINE_MS) {
            answer(statuses[i], "");
            ck_assert_int_gt(wait_for_call(), 0);
        }
        answer(200, user("7", true, CHEF));
        commit();
        expect_result("e2", "miro", "applied");
        kit_stop();
    }
}
END_TEST

START_TEST(a_base_that_is_not_there_is_the_targets_trouble)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(404, "");
    pass(2 * KIT_DEADLINE_MS);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(404, "");
    commit();
    expect_no_result("e1", "miro");
    ck_assert_int_gt(wait_for_call(), 0);
    answer(200, NO_USERS);
    expect_call("POST", "/Users");
    answer(404, "");
    ck_assert_int_gt(wait_for_call(), 0);
    kit_stop();
}
END_TEST

START_TEST(trouble_is_remembered_by_the_worker_that_takes_over)
{
    zoe_becomes_chef();
    answer(401, "");
    commit();
    pass(2 * KIT_DEADLINE_MS);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(401, "");
    commit();
    kit_hand_over();
    commit();
    expect_no_result("e2", "miro"); /* nobody has tried since the token was mended */
    ck_assert_int_ge(wait_for_call(), 0);
    kit_stop();
}
END_TEST

START_TEST(trouble_that_turned_into_failures_of_the_call_does_not_last_for_ever)
{
    zoe_becomes_chef();
    answer(401, "");
    wait_for_call();
    for (int i = 0; i < 1000 && !find_result("e2", "miro"); i++) {
        answer(503, "");
        if (wait_for_call() < 0)
            break;
    }
    expect_result("e2", "miro", "rejected");
    kit_stop();
}
END_TEST

START_TEST(an_account_that_cannot_be_activated_is_rejected_and_rests)
{
    static const struct {
        int status;
        bool active;
    } rows[] = {{200, false}, {400, false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        zoe_is_cut();
        answer(200, user("7", false, ZOE));
        say({"e3", EVENT_JOINED, .at = 3});
        commit();
        expect_call("PATCH", "/Users/7");
        answer(rows[i].status, rows[i].status == 200 ? user("7", false, ZOE) : "");
        commit();
        expect_result("e3", "miro", "rejected");
        expect_no_call();
        kit_stop();
    }
}
END_TEST

START_TEST(a_reason_in_any_language_fits_the_record)
{
    char body[2000];
    for (size_t pad = 0; pad < 4; pad++) {
        char detail[1200] = "aaa"; /* the text is cut at another byte of a character each time */
        size_t n = pad;
        while (n < 900) {
            memcpy(detail + n, "\xe3\x81\x82", 4);
            n += 3;
        }
        snprintf(body, sizeof body, "{\"detail\":\"%s\"}", detail);
        zoe_is_cut();
        answer(400, body);
        commit(); /* reads every record back */
        expect_result("e2", "miro", "rejected");
        say({"e3", EVENT_JOINED, .at = 3}); /* unpacks the record */
        commit();
        kit_stop();
    }
}
END_TEST

START_TEST(a_huge_value_from_a_target_does_not_burst_the_record)
{
    size_t n = 700 * 1000;
    char *body = xmalloc(n + 200);
    int head =
        snprintf(body, 100,
                 "{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"userName\":\"zoe\",\"displayName\":\"");
    memset(body + head, 'x', n);
    memcpy(body + head + n, "\"}]}", 5);
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, body);
    free(body);
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, ZOE));
    commit();
    expect_result("e1", "miro", "applied");
    kit_stop();
}
END_TEST

/* Reads answer, writes never work: the everyday case of one broken person. */
static void writes_fail_until(int status, size_t *ret_writes)
{
    int64_t begin = kit.now.wall_ms;
    *ret_writes = 0;
    while (!find_result("e1", "miro") && kit.now.wall_ms - begin < 3 * KIT_DEADLINE_MS) {
        if (wait_for_call() < 0)
            break;
        bool read = strcmp(kit.call->method, "GET") == 0;
        *ret_writes += !read;
        if (read)
            answer(200, NO_USERS);
        else if (status)
            answer(status, "{}");
        else
            answer_unknown();
        commit();
    }
}

START_TEST(a_write_that_keeps_failing_backs_off_and_is_given_up_though_reads_work)
{
    static const int statuses[] = {500, 502, 503, 429, 0};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        size_t writes;
        kit_start();
        say({"e1", EVENT_JOINED, .profile = ZOE});
        commit();
        writes_fail_until(statuses[i], &writes);
        expect_result("e1", "miro", "rejected");
        ck_assert_msg(writes > 3 && writes < 400, "%d: %zu writes in an hour", statuses[i], writes);
        expect_no_call();
        kit_stop();
    }
}
END_TEST

START_TEST(a_protected_account_is_safe_under_every_name_it_has)
{
    static const char *const names[] = {"zoe@acme.example"};
    kit_config();
    kit.targets[0].protected_names = names;
    kit.targets[0].n_protected = 1;
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .profile = "userName=other@acme.example;displayName=Zoe"});
    commit();
    expect_call("GET", "/Users?filter=userName%20eq%20%22other%40acme.example%22");
    answer(200, "{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"active\":true,\"userName\":\"other@acme."
                "example\"}]}");
    commit();
    while (next_call()) {
        answer(200,
               "{\"id\":\"7\",\"active\":true,\"userName\":\"zoe@acme.example\",\"displayName\":\"Zoe\"}");
        commit();
    }
    say({"e2", EVENT_LEFT, .at = 2}); /* the account is called zoe by now, whatever the person is called */
    commit();
    expect_no_call();
    expect_result("e2", "miro", "ignored");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_attribute_that_a_200_did_not_change_is_refused_and_not_repeated,
        a_cut_answered_with_success_that_kept_the_account_active_is_tried_again_then_rejected_then_daily,
        a_refused_cut_is_tried_again_daily_until_inactive,
        a_date_that_came_due_and_cannot_be_carried_out_is_told_once,
        a_call_that_was_not_sent_leaves_no_doubt_and_is_tried_again,
        failures_back_off_exponentially_and_are_told_in_the_record,
        answers_that_make_no_sense_back_off_too,
        a_429_rests_the_whole_class_for_as_long_as_it_says,
        a_429_without_a_word_rests_the_class_for_its_window,
        a_permanent_refusal_is_rejected_and_a_copy_goes_to_dead_letters,
        an_update_refused_as_a_whole_is_split_and_the_rest_goes_through,
        an_event_past_its_deadline_is_rejected_and_rests,
        the_targets_own_trouble_rejects_nobody,
        a_base_that_is_not_there_is_the_targets_trouble,
        trouble_is_remembered_by_the_worker_that_takes_over,
        trouble_that_turned_into_failures_of_the_call_does_not_last_for_ever,
        an_account_that_cannot_be_activated_is_rejected_and_rests,
        a_reason_in_any_language_fits_the_record,
        a_huge_value_from_a_target_does_not_burst_the_record,
        a_write_that_keeps_failing_backs_off_and_is_given_up_though_reads_work,
        a_protected_account_is_safe_under_every_name_it_has,
    };
    return kit_run("engine_failures", tests, ARRAY_SIZE(tests));
}
