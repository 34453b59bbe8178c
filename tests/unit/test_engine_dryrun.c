/* A dry run: plans instead of writes, each event told once, nobody told twice. */
#include "engine_kit.h"

#include "rfc3339.h"

#define ZOE "userName=zoe;displayName=Zoe"

static const cJSON *last_plan(void)
{
    const struct kit_record *r = last_record(TOPIC_PLANS);
    return r ? r->json : NULL;
}

#define expect_verdict(wanted) ck_assert_str_eq(json_string(last_plan(), "verdict"), wanted)

static const cJSON *call_of(const cJSON *plan, int at)
{
    return cJSON_GetArrayItem(json_get(plan, "calls"), at);
}

static void begin(void)
{
    kit_config();
    kit.cfg.plan_only = true;
    kit_open();
    commit();
}

/* Zoe's account is looked up, and is there with what she has. */
static void zoe_agrees(void)
{
    say({"e1", EVENT_JOINED, .at = 1, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, ZOE));
    commit();
    expect_no_call();
}

START_TEST(who_agrees_is_told_so_with_the_event)
{
    begin();
    zoe_agrees();
    expect_verdict("agreed");
    ck_assert_str_eq(cJSON_GetArrayItem(json_get(last_plan(), "events"), 0)->valuestring, event_id("e1"));
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 0);
    ck_assert_uint_eq(count_records(TOPIC_PLANS), 1);
    kit_stop();
}
END_TEST

START_TEST(a_new_account_is_foreseen_and_not_made)
{
    begin();
    say({"e1", EVENT_JOINED, .at = 1, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, "{\"totalResults\":0,\"Resources\":[]}");
    commit();
    expect_no_call();
    expect_verdict("calls");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(last_plan(), "calls")), 1);
    ck_assert_str_eq(json_string(call_of(last_plan(), 0), "method"), "POST");
    ck_assert_str_eq(json_string(json_get(call_of(last_plan(), 0), "body"), "userName"), "zoe");
    ck_assert_str_eq(json_string(last_plan(), "known"), "absent");
    kit_stop();
}
END_TEST

START_TEST(a_new_policy_is_told_for_everybody_it_changes)
{
    begin();
    zoe_agrees();
    kit.policy = POLICY_CUTS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    pass(1);
    commit();
    expect_no_call();
    expect_verdict("calls");
    ck_assert_str_eq(json_string(last_plan(), "cause"), "policy");
    ck_assert_str_eq(json_string(call_of(last_plan(), 0), "path"), "/Users/7");
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(json_get(last_plan(), "difference"), 0), "after"),
                     "false");
    ck_assert_uint_eq(count_records(TOPIC_PLANS), 2);
    pass(KIT_DAY_MS);
    commit();
    ck_assert_uint_eq(count_records(TOPIC_PLANS), 2);
    kit_stop();
}
END_TEST

/* What was planned may have been done by those who write: what is wanted next begins with a read. */
START_TEST(the_next_wish_is_planned_from_what_is_there_then)
{
    begin();
    zoe_agrees();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_no_call();
    expect_verdict("calls");
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "displayName=Zed"});
    commit();
    expect_no_call();
    expect_verdict("planned");
    say({"e4", EVENT_CHANGED, .at = 4, .profile = "displayName=Zoe"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE));
    commit();
    expect_verdict("agreed");
    ck_assert_uint_eq(count_records(TOPIC_PLANS), 4);
    kit_stop();
}
END_TEST

START_TEST(activation_and_attributes_are_foreseen_in_order)
{
    begin();
    zoe_agrees();
    kit.policy = POLICY_CUTS;
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_verdict("calls");
    kit.policy = POLICY_ACCOUNT;
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "displayName=Zack"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", false, ZOE)); /* those who write have cut it */
    commit();
    expect_no_call();
    ck_assert_int_eq(cJSON_GetArraySize(json_get(last_plan(), "calls")), 2);
    ck_assert_ptr_nonnull(json_get(call_of(last_plan(), 1), "body"));
    kit_stop();
}
END_TEST

START_TEST(the_guard_has_its_word_and_nothing_waits_for_it)
{
    kit_config();
    kit.cfg.plan_only = true;
    kit.targets[0].guard =
        (struct engine_guard){.window_ms = KIT_DAY_MS, .limits = {[GUARD_CREATION] = {.count = 1}}};
    kit_open();
    commit();
    for (int i = 0; i < 2; i++) {
        char id[16], name[16], profile[32];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(name, sizeof name, "p%d", i);
        snprintf(profile, sizeof profile, "userName=p%d", i);
        say({id, EVENT_JOINED, .subject = name, .at = 1, .profile = profile});
        commit();
        expect_call("GET", "/Users?filter=");
        answer(200, "{\"totalResults\":0,\"Resources\":[]}");
        commit();
        expect_verdict("calls");
        ck_assert_str_eq(json_string(last_plan(), "guard"), i == 0 ? "admits" : "holds");
    }
    ck_assert_uint_eq(stats_now().held, 0);
    kit_stop();
}
END_TEST

START_TEST(an_abort_tells_again_what_it_took_back_and_nothing_twice)
{
    begin();
    zoe_agrees();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    take_and_abort();
    commit();
    expect_verdict("calls");
    ck_assert_uint_eq(count_records(TOPIC_PLANS), 2);
    kit_stop();
}
END_TEST

START_TEST(a_retry_of_before_does_not_ask_for_a_plan_again)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    begin();
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(value, sizeof value,
             "{\"kind\":\"retry\",\"target\":\"miro\",\"time\":\"%s\",\"by\":\"ops\",\"reason\":\"x\",\"at\":"
             "\"%s\"}",
             now, now);
    ck_assert(engine_control(kit.e, str_of("retry/miro"), str_of(value), kit.now, &err));
    pass(KIT_SECOND);
    say({"e1", EVENT_JOINED, .at = 1, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    pass(60 * KIT_SECOND);
    commit();
    expect_no_call();
    ck_assert_uint_eq(count_records(TOPIC_PLANS), 1);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_agrees_is_told_so_with_the_event,
        a_new_account_is_foreseen_and_not_made,
        a_new_policy_is_told_for_everybody_it_changes,
        the_next_wish_is_planned_from_what_is_there_then,
        activation_and_attributes_are_foreseen_in_order,
        the_guard_has_its_word_and_nothing_waits_for_it,
        an_abort_tells_again_what_it_took_back_and_nothing_twice,
        a_retry_of_before_does_not_ask_for_a_plan_again,
    };
    return kit_run("engine_dryrun", tests, ARRAY_SIZE(tests));
}
