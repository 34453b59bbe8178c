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
    approve_all("approve");
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
    approve_all("deny");
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
    approve_all("deny"); /* all that is held by then */
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
    approve_all("approve");
    settle_for(10 * KIT_SECOND);
    ck_assert_str_eq(said_of(0, "userType"), "Full");
    ck_assert(is_in(0, "Design"));
    ck_assert_uint_eq(stats_now().held_total, 2);
    approve_all("approve");
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

int main(void)
{
    const TTest *const tests[] = {
        a_licence_that_is_held_lets_teams_change,
        a_licence_that_is_denied_lets_teams_change_and_stays_denied,
        a_licence_denied_before_it_was_held_is_denied_when_the_rest_is_done,
        a_licence_and_a_removal_are_asked_about_one_after_the_other,
        a_removal_that_is_held_lets_a_licence_be_asked_about_and_stays_held,
    };
    return kit_run("engine_held", tests, ARRAY_SIZE(tests));
}
