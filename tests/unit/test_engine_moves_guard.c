/* Removals from teams that the guard holds, and that a person denies. */
#include "teams_kit.h"

START_TEST(the_guard_holds_removals_until_a_person_decides)
{
    prepare();
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 2};
    kit_open();
    commit();
    join_crew(5, "Design");
    for (int i = 0; i < 5; i++)
        tell("out", EVENT_MEMBERSHIP_REMOVED, i, 3, "Design");
    settle_for(60 * KIT_SECOND);
    int left = 0;
    for (int i = 0; i < 5; i++)
        left += !is_in(i, "Design");
    ck_assert_int_eq(left, 2);
    ck_assert_uint_eq(stats_now().held, 3);
    size_t said = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        said += kit.records[i].value && strstr(kit.records[i].value, "\"what\":\"removal\"") &&
                strstr(kit.records[i].value, "\"team\":\"Design\"");
    ck_assert_uint_ge(said, 3);
    for (int i = 0; i < 5; i++) /* while it was held they were taken out of everything else */
        if (is_in(i, "Design"))
            leave_by_hand(i, "Everybody");
    put_into(4, "Ops", false);
    decide_all("approve");
    settle_for(60 * KIT_SECOND);
    for (int i = 0; i < 5; i++) /* the last team is kept */
        ck_assert_int_eq(is_in(i, "Design"), !is_in(i, "Everybody") && i != 4);
    ck_assert_uint_eq(stats_now().held, 0);
    stop();
}
END_TEST

/* Whatever was denied, by the ids that the newest person's record names. */
static void approve_denied(void)
{
    size_t at = kit.n_records;
    while (at-- > 0 && (kit.records[at].topic != TOPIC_PERSONS || kit.records[at].key[0] == '!'))
        ;
    const cJSON *refused, *target = json_get(json_get(kit.records[at].json, "targets"), "miro");
    cJSON_ArrayForEach(refused, json_get(target, "refused"))
    {
        char key[64], value[256];
        const char *hold = json_string(refused, "hold");
        struct error err;
        if (!hold)
            continue;
        snprintf(key, sizeof key, "hold/%s", hold);
        snprintf(
            value, sizeof value,
            "{\"kind\":\"hold\",\"decision\":\"approve\",\"hold\":\"%s\",\"by\":\"ops\",\"reason\":\"r\","
            "\"at\":\"2027-01-16T08:16:40Z\"}",
            hold);
        ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
    }
}

START_TEST(a_removal_that_is_denied_lets_the_others_be_asked_about)
{
    prepare();
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 1};
    kit_open();
    commit();
    join_crew(1, "Design;Ops;xSales");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design;Ops;xSales");
    settle_for(10 * KIT_SECOND);
    ck_assert_uint_eq(account(0)->n_teams, 3);
    ck_assert_uint_eq(stats_now().held, 1);
    decide_all("deny");
    settle_for(5 * KIT_SECOND);
    decide_all("deny");
    settle_for(5 * KIT_SECOND);
    ck_assert_uint_eq(account(0)->n_teams, 3);
    expect_result("out-0", "miro", "denied");
    unsigned moves = there.moves;
    tell("more", EVENT_CHANGED, 0, 4, NULL);
    settle_for(5 * KIT_SECOND);
    ck_assert_uint_eq(there.moves, moves);
    approve_denied(); /* after all */
    settle_for(60 * KIT_SECOND);
    ck_assert_uint_eq(account(0)->n_teams, 1); /* the last one is kept */
    ck_assert_uint_eq(stats_now().held, 0);
    stop();
}
END_TEST

START_TEST(removals_that_fail_in_turn_are_counted_once_each)
{
    prepare();
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 2};
    kit_open();
    commit();
    join_crew(1, "Design;xSales");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design");
    look_again(1);
    expect_call("PATCH", "/Groups/");
    there.fault = MIRO_FAULT_503;
    serve();
    tell("out-x", EVENT_MEMBERSHIP_REMOVED, 0, 4, "xSales"); /* named false: it goes first */
    ck_assert_int_ge(wait_for_call(), 0);
    while (!about_a_team()) {
        serve();
        ck_assert_int_ge(wait_for_call(), 0);
    }
    there.fault = MIRO_FAULT_503;
    serve();
    tell("in-x", EVENT_MEMBERSHIP_ADDED, 0, 5, "xSales");
    settle_for(60 * KIT_SECOND);
    ck_assert_uint_eq(stats_now().held, 0);
    ck_assert(!is_in(0, "Design") && is_in(0, "xSales"));
    stop();
}
END_TEST

START_TEST(a_denied_removal_stays_denied_whatever_becomes_of_the_other_teams)
{
    prepare();
    kit.targets[0].kind = "scim"; /* which keeps no last team */
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 2};
    kit_open();
    commit();
    join_crew(3, "Design;Ops");
    for (int i = 0; i < 3; i++)
        leave_by_hand(i, "Everybody");
    for (int i = 2; i >= 0; i--) {
        tell("out", EVENT_MEMBERSHIP_REMOVED, i, 3, "Design");
        settle_for(20 * KIT_SECOND);
    }
    ck_assert_uint_eq(stats_now().held, 1);
    decide_all("deny");
    expect_result("out-0", "miro", "denied");
    settle_for(KIT_DAY_MS + 3600 * KIT_SECOND); /* the guard has room again */
    tell("more", EVENT_MEMBERSHIP_REMOVED, 0, 4, "Ops");
    settle_for(30 * KIT_SECOND);
    ck_assert(is_in(0, "Design") && !is_in(0, "Ops"));
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_guard_holds_removals_until_a_person_decides,
        a_removal_that_is_denied_lets_the_others_be_asked_about,
        removals_that_fail_in_turn_are_counted_once_each,
        a_denied_removal_stays_denied_whatever_becomes_of_the_other_teams,
    };
    return kit_run("engine_moves_guard", tests, ARRAY_SIZE(tests));
}
