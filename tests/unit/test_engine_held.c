/* What is held by the guard, or was denied, stops what depends on it and nothing else. */
#include "teams_kit.h"

static const char *said_of(int i, const char *attribute)
{
    return attrs_get(&account(i)->attributes, attribute);
}

static void free_by_default(struct miro_config *cfg)
{
    cfg->default_licence = "Free";
}

/* p0 has an account and is in Design; each licence and, as said, each removal is unusual. */
static void start_guarded(bool removals)
{
    there_otherwise = free_by_default;
    prepare();
    there_otherwise = NULL;
    kit.targets[0].guard.limits[GUARD_UPGRADE] = (struct engine_guard_limit){.percent = 1};
    if (removals)
        kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.percent = 1};
    kit_open();
    commit();
    join_crew(1, "Design");
}

/* A licence, a team to join and one to leave. */
static void promote(void)
{
    say({"up-0", EVENT_CHANGED, .at = 2, .subject = "p-0", .profile = "userType=Full"});
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Design");
    settle_for(30 * KIT_SECOND);
}

/* There is room for others now, at a worker that takes over. */
static void make_room(enum guarded what)
{
    kit.targets[0].guard.limits[what] = (struct engine_guard_limit){.count = 2};
    kit_hand_over();
    settle_for(KIT_SECOND);
}

/* What has been held for some seconds. */
static void decide_what_was_held(const char *decision)
{
    char value[256], before[RFC3339_SIZE], at[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms - 3 * KIT_SECOND, before);
    rfc3339_format(kit.now.wall_ms, at);
    snprintf(
        value, sizeof value,
        "{\"kind\":\"hold\",\"decision\":\"%s\",\"heldBefore\":\"%s\",\"target\":\"miro\",\"by\":\"ops\","
        "\"reason\":\"meant\",\"at\":\"%s\"}",
        decision, before, at);
    ck_assert_msg(engine_control(kit.e, str_of("hold/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
    settle_for(10 * KIT_SECOND);
}

/* The target takes no write that says this. */
static void settle_refusing(const char *text)
{
    commit();
    while (next_call()) {
        if (kit.call->write && strstr(kit.call->body, text))
            answer(400, "{\"detail\":\"no\"}");
        else
            serve();
        commit();
    }
}

static void deactivate_by_hand(int i)
{
    static const char body[] =
        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":"
        "[{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}]}";
    struct miro_reply r;
    char target[64];
    snprintf(target, sizeof target, "/Users/%s", account(i)->id);
    struct miro_request rq = {.method = "PATCH", .target = target, .body = body, .body_n = sizeof body - 1};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    miro_reply_done(&r);
    ck_assert(!account(i)->active);
}

START_TEST(a_licence_that_is_held_lets_teams_change)
{
    start_guarded(false);
    promote();
    ck_assert(is_in(0, "Ops") && !is_in(0, "Design"));
    ck_assert_str_eq(said_of(0, "userType"), "Free");
    ck_assert_uint_eq(stats_now().held, 1);
    expect_no_result("up-0", "miro");
    kit_crash();
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    tell("more", EVENT_MEMBERSHIP_ADDED, 0, 3, "xSales"); /* and what comes later goes on, too */
    say({"title-0", EVENT_CHANGED, .at = 3, .subject = "p-0", .profile = "displayName=Zoe"});
    settle_for(30 * KIT_SECOND);
    ck_assert(is_in(0, "xSales"));
    ck_assert_str_eq(said_of(0, "displayName"), "Zoe");
    ck_assert_uint_eq(stats_now().held, 1);
    decide_all("approve");
    settle_for(10 * KIT_SECOND);
    ck_assert_str_eq(said_of(0, "userType"), "Full");
    ck_assert_uint_eq(stats_now().held, 0);
    stop();
}
END_TEST

START_TEST(a_licence_that_is_denied_lets_teams_change_and_stays_denied)
{
    start_guarded(false);
    promote();
    decide_all("deny");
    settle_for(10 * KIT_SECOND);
    expect_result("up-0", "miro", "denied");
    tell("more", EVENT_MEMBERSHIP_ADDED, 0, 3, "xSales");
    settle_for(10 * KIT_SECOND);
    ck_assert(is_in(0, "xSales"));
    say({"title-0", EVENT_CHANGED, .at = 4, .subject = "p-0", .profile = "displayName=Zoe"});
    settle_for(10 * KIT_SECOND);
    ck_assert_str_eq(said_of(0, "displayName"), "Zoe");
    ck_assert_str_eq(said_of(0, "userType"), "Free");
    ck_assert_uint_eq(stats_now().held, 0);
    expect_result("title-0", "miro", "applied");
    stop();
}
END_TEST

START_TEST(a_licence_denied_before_it_was_held_is_denied_when_the_rest_is_done)
{
    start_guarded(false);
    kit.now.wall_ms += KIT_SECOND;
    say({"up-0", EVENT_CHANGED, .at = 2, .subject = "p-0", .profile = "userType=Full"});
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    kit.now.wall_ms += 5 * KIT_SECOND;
    decide_all("deny"); /* all that is held by then */
    settle_for(10 * KIT_SECOND);
    ck_assert(is_in(0, "Ops"));
    ck_assert_str_eq(said_of(0, "userType"), "Free");
    expect_result("in-0", "miro", "denied");
    ck_assert_int_gt(cJSON_GetArraySize(json_get(find_result("in-0", "miro"), "operations")), 0);
    stop();
}
END_TEST

START_TEST(a_licence_and_a_removal_are_asked_about_one_after_the_other)
{
    start_guarded(true);
    promote();
    ck_assert(is_in(0, "Ops") && is_in(0, "Design"));
    ck_assert_uint_eq(stats_now().held, 1);
    ck_assert_uint_eq(stats_now().held_total, 1);
    decide_all("approve");
    settle_for(10 * KIT_SECOND);
    ck_assert_str_eq(said_of(0, "userType"), "Full");
    ck_assert(is_in(0, "Design"));
    ck_assert_uint_eq(stats_now().held_total, 2);
    decide_all("approve");
    settle_for(10 * KIT_SECOND);
    ck_assert(!is_in(0, "Design"));
    stop();
}
END_TEST

START_TEST(a_removal_that_is_held_lets_a_licence_be_asked_about_and_stays_held)
{
    start_guarded(true);
    kit.targets[0].guard.limits[GUARD_UPGRADE] = (struct engine_guard_limit){.count = 1};
    kit_hand_over();
    settle_for(KIT_SECOND);
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Design");
    settle_for(10 * KIT_SECOND);
    ck_assert_uint_eq(stats_now().held, 1);
    say({"up-0", EVENT_CHANGED, .at = 3, .subject = "p-0", .profile = "userType=Full"});
    settle_for(10 * KIT_SECOND);
    ck_assert_str_eq(said_of(0, "userType"), "Full"); /* there is room for that */
    ck_assert(is_in(0, "Design"));
    ck_assert_uint_eq(stats_now().held, 1);
    ck_assert_uint_eq(stats_now().held_total, 1); /* still the same question */
    stop();
}
END_TEST

START_TEST(a_removal_that_is_held_stays_held_when_another_comes_before_it)
{
    start_guarded(true);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    settle_for(30 * KIT_SECOND);
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Ops");
    settle_for(10 * KIT_SECOND);
    ck_assert_uint_eq(stats_now().held, 1);
    make_room(GUARD_REMOVAL);
    tell("away", EVENT_MEMBERSHIP_REMOVED, 0, 4, "Design");
    settle_for(10 * KIT_SECOND);
    ck_assert(is_in(0, "Ops"));
    ck_assert_uint_eq(stats_now().held_total, 0); /* nothing was asked anew */
    decide_all("approve");
    settle_for(30 * KIT_SECOND);
    ck_assert(!is_in(0, "Ops") && !is_in(0, "Design")); /* that was in nobody's way */
    stop();
}
END_TEST

static void begin_with_a_licence(const char *decision)
{
    start_guarded(false);
    say({"up-0", EVENT_CHANGED, .at = 2, .subject = "p-0", .profile = "userType=Full"});
    settle_for(10 * KIT_SECOND);
    if (decision)
        decide_all(decision);
    make_room(GUARD_UPGRADE);
    ck_assert_str_eq(said_of(0, "userType"), "Free");
}

/* Attributes that are refused together are sent one by one, of which the licence is the last. */
START_TEST(a_licence_that_is_held_or_denied_is_so_also_when_attributes_are_sent_one_by_one)
{
    for (int denied = 0; denied < 2; denied++) {
        begin_with_a_licence(denied ? "deny" : NULL);
        say({"more-0", EVENT_CHANGED, .at = 4, .subject = "p-0",
             .profile = "displayName=Zoe;department=Sales"});
        settle_refusing("Zoe");
        ck_assert_str_eq(said_of(0, "department"), "Sales");
        ck_assert_str_eq(said_of(0, "userType"), "Free");
        ck_assert_uint_eq(stats_now().held, !denied);
        ck_assert_uint_eq(stats_now().held_total, 0); /* nothing was asked anew */
        stop();
    }
}
END_TEST

START_TEST(a_licence_that_is_held_or_denied_is_so_also_when_the_account_is_activated)
{
    for (int denied = 0; denied < 2; denied++) {
        begin_with_a_licence(denied ? "deny" : NULL);
        deactivate_by_hand(0);
        say({"more-0", EVENT_CHANGED, .at = 4, .subject = "p-0", .profile = "department=Sales"});
        settle_for(30 * KIT_SECOND);
        ck_assert(account(0)->active);
        ck_assert_str_eq(said_of(0, "department"), "Sales");
        ck_assert_str_eq(said_of(0, "userType"), "Free");
        ck_assert_uint_eq(stats_now().held_total, 0); /* nothing was asked anew */
        stop();
    }
}
END_TEST

START_TEST(a_licence_that_is_held_or_denied_is_so_also_of_an_account_that_is_made_again)
{
    for (int denied = 0; denied < 2; denied++) {
        struct miro_reply r;
        char target[64];
        begin_with_a_licence(denied ? "deny" : NULL);
        snprintf(target, sizeof target, "/Users/%s", account(0)->id);
        miro_handle(there.m, &(struct miro_request){.method = "DELETE", .target = target}, kit.now.wall_ms,
                    &r);
        miro_reply_done(&r);
        say({"more-0", EVENT_CHANGED, .at = 4, .subject = "p-0", .profile = "department=Sales"});
        settle_for(120 * KIT_SECOND);
        ck_assert_str_eq(said_of(0, "department"), "Sales");
        ck_assert_str_eq(said_of(0, "userType"), "Free");
        ck_assert_uint_eq(stats_now().held, !denied);
        if (!denied)
            decide_all("approve");
        settle_for(10 * KIT_SECOND);
        ck_assert_str_eq(said_of(0, "userType"), denied ? "Free" : "Full");
        stop();
    }
}
END_TEST

/* Where accounts are read and put back whole: what is not done is not read for again and again. */
START_TEST(a_licence_that_is_denied_costs_no_reads)
{
    there_otherwise = free_by_default;
    prepare();
    there_otherwise = NULL;
    kit.targets[0].guard.limits[GUARD_UPGRADE] = (struct engine_guard_limit){.percent = 1};
    kit.targets[0].capabilities.patch = SWITCH_OFF;
    kit_open();
    commit();
    join_crew(1, NULL);
    say({"up-0", EVENT_CHANGED, .at = 2, .subject = "p-0", .profile = "userType=Full"});
    settle_for(10 * KIT_SECOND);
    decide_all("deny");
    settle_for(40 * KIT_SECOND);
    expect_result("up-0", "miro", "denied");
    expect_no_call();
    size_t records = kit.n_records;
    settle_for(10 * KIT_SECOND);
    ck_assert_uint_eq(kit.n_records, records);
    stop();
}
END_TEST

START_TEST(a_leaver_who_was_cut_is_told_so_whatever_was_denied_before)
{
    start_guarded(true);
    promote();
    decide_what_was_held("deny"); /* the licence; now the removal is held */
    ck_assert_uint_eq(stats_now().held, 1);
    tell("left", EVENT_LEFT, 0, 5, NULL);
    settle_for(30 * KIT_SECOND);
    ck_assert(!account(0)->active);
    expect_result("left-0", "miro", "applied");
    stop();
}
END_TEST

START_TEST(what_comes_after_a_denial_is_not_told_as_denied)
{
    start_guarded(true);
    promote();
    decide_what_was_held("deny");
    say({"title-0", EVENT_CHANGED, .at = 4, .subject = "p-0", .profile = "displayName=Zoe"});
    settle_for(10 * KIT_SECOND);
    ck_assert_str_eq(said_of(0, "displayName"), "Zoe");
    decide_all("approve");
    settle_for(30 * KIT_SECOND);
    expect_result("up-0", "miro", "denied");
    expect_result("title-0", "miro", "applied");
    stop();
}
END_TEST

START_TEST(a_denial_is_told_by_whoever_takes_over)
{
    start_guarded(true);
    promote();
    decide_what_was_held("deny");
    ck_assert_uint_eq(stats_now().held, 1);
    kit_crash();
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    decide_all("approve");
    settle_for(30 * KIT_SECOND);
    ck_assert(!is_in(0, "Design"));
    expect_result("up-0", "miro", "denied");
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_removal_that_is_held_stays_held_when_another_comes_before_it,
        a_licence_that_is_held_or_denied_is_so_also_when_attributes_are_sent_one_by_one,
        a_licence_that_is_held_or_denied_is_so_also_when_the_account_is_activated,
        a_licence_that_is_held_or_denied_is_so_also_of_an_account_that_is_made_again,
        a_licence_that_is_denied_costs_no_reads,
        a_leaver_who_was_cut_is_told_so_whatever_was_denied_before,
        what_comes_after_a_denial_is_not_told_as_denied,
        a_denial_is_told_by_whoever_takes_over,
        a_licence_that_is_held_lets_teams_change,
        a_licence_that_is_denied_lets_teams_change_and_stays_denied,
        a_licence_denied_before_it_was_held_is_denied_when_the_rest_is_done,
        a_licence_and_a_removal_are_asked_about_one_after_the_other,
        a_removal_that_is_held_lets_a_licence_be_asked_about_and_stays_held,
    };
    return kit_run("engine_held", tests, ARRAY_SIZE(tests));
}
