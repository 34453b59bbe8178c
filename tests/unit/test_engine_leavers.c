/* Leavers at Miro, each case of worker/lifecycle.md: cut, taken out of teams before, deleted, called back. */
#include "lifecycle_kit.h"

/* ---- rights -------------------------------------------------------------------------------------------- */

START_TEST(the_last_company_admin_who_leaves_is_a_finding)
{
    begin(POLICY_ACCOUNT);
    p0_has("role=ORGANIZATION_INTERNAL_ADMIN");
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    ck_assert(account(0)->active);
    expect_cause("left", "rejected", "at least one admin", "somebody else an admin");
    ck_assert_uint_eq(stats_now().uncut, 1);
    miro_add_user(there.m, &(struct miro_user_spec){.userName = NOBODY_ELSE, .admin = true}, kit.now.wall_ms);
    pass(KIT_DAY_MS);
    settle_for(40 * KIT_SECOND);
    ck_assert(!account(0)->active);
    end();
}
END_TEST

static void keep_admins(struct miro_config *cfg)
{
    cfg->admin_deactivation_refused = true;
}

/* No source says whether Miro does so by SCIM; its pages want the role taken first. */
START_TEST(a_company_admin_who_cannot_be_deactivated_is_a_finding)
{
    there_otherwise = keep_admins;
    begin(POLICY_ACCOUNT);
    miro_add_user(there.m, &(struct miro_user_spec){.userName = NOBODY_ELSE, .admin = true}, kit.now.wall_ms);
    p0_has("role=ORGANIZATION_INTERNAL_ADMIN");
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    ck_assert(account(0)->active);
    expect_cause("left", "rejected", "company admin", "take the admin's role");
    by_hand(0)->role = MIRO_INTERNAL_USER;
    control_retry();
    ck_assert(!account(0)->active);
    end();
}
END_TEST

/* ---- leavers ------------------------------------------------------------------------------------------- */

START_TEST(a_leaver_keeps_teams_and_attributes_and_comes_back_to_new_ones)
{
    start();
    join_crew(1, "Design");
    there.writes = 0;
    tell("left", EVENT_LEFT, 0, 2, NULL);
    settle_for(40 * KIT_SECOND);
    expect_result("left-0", "miro", "applied");
    ck_assert(!account(0)->active && is_in(0, "Design"));
    ck_assert_uint_eq(there.writes, 1);
    say_of("meanwhile", EVENT_CHANGED, 0, 3, "userName=p7@example.com;userType=Full");
    ck_assert_uint_eq(there.writes, 1); /* frozen */
    say_of("back", EVENT_JOINED, 0, 4, "department=Art");
    expect_result("back", "miro", "applied");
    expect_change("back", "active", "false", "true");
    ck_assert(account(7)->active);
    ck_assert_str_eq(attr_at(7, "department"), "Art");
    end();
}
END_TEST

static void p0_is_in_three_teams(void)
{
    begin(POLICY_LEAVES_TEAMS);
    p0_has("department=Art");
    put_into(0, "Design", false);
    put_into(0, "Ops", false);
}

START_TEST(a_leaver_may_leave_all_teams_first)
{
    p0_is_in_three_teams();
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    expect_result("left", "miro", "applied");
    ck_assert(!account(0)->active && account(0)->n_teams == 0);
    expect_change("left", "teams", "Design", NULL);
    expect_change("left", "teams", "Ops", NULL);
    expect_change("left", "teams", "Everybody", NULL);
    expect_change("left", "active", "true", "false");
    ck_assert_uint_eq(there.writes, 4);
    say_of("again", EVENT_LEFT, 0, 3, NULL);
    expect_result("again", "miro", "unchanged");
    end();
}
END_TEST

START_TEST(teams_that_cannot_be_left_do_not_hold_up_the_cut)
{
    static const enum miro_fault faults[] = {MIRO_FAULT_503, MIRO_FAULT_429_RETRY_AFTER, MIRO_FAULT_500,
                                             MIRO_FAULT_403, MIRO_FAULT_401};
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        p0_is_in_three_teams();
        there.fault = faults[i];
        say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2});
        settle_for(5 * KIT_SECOND);
        ck_assert(!account(0)->active && account(0)->n_teams == 3);
        settle_for(40 * KIT_SECOND);
        expect_result("left", "miro", "applied");
        ck_assert_uint_eq(n_refused("left"), 3);
        expect_refused("left", "teams", "Ops", "not left before the cut: ", "by hand");
        end();
    }
}
END_TEST

START_TEST(a_cut_that_comes_at_once_since_a_read_failed_says_so)
{
    p0_is_in_three_teams();
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2});
    commit();
    expect_call("GET", "/Users/");
    answer(503, "");
    settle_for(60 * KIT_SECOND);
    ck_assert(!account(0)->active && account(0)->n_teams == 3);
    expect_result("left", "miro", "applied");
    expect_refused("left", "teams", "Ops", "not left before the cut: calls before it failed", "by hand");
    end();
}
END_TEST

START_TEST(who_waited_for_a_policy_that_failed_leaves_teams_all_the_same)
{
    p0_is_in_three_teams();
    kit.policy = POLICY_FAILS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    say({.id = "held", .type = EVENT_SUSPENDED, .subject = "p-0", .at = 2});
    settle_for(5 * KIT_SECOND);
    ck_assert(account(0)->active);
    kit.policy = POLICY_LEAVES_TEAMS;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    settle_for(60 * KIT_SECOND);
    ck_assert(!account(0)->active && account(0)->n_teams == 0);
    expect_result("held", "miro", "applied");
    ck_assert_uint_eq(n_refused("held"), 0);
    end();
}
END_TEST

START_TEST(a_call_that_takes_a_leaver_out_of_a_team_and_is_never_answered_is_followed_by_the_cut)
{
    p0_is_in_three_teams();
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2});
    commit();
    expect_call("GET", "/Users/");
    serve();
    commit();
    expect_call("PATCH", "/Groups/");
    pass(10 * KIT_SECOND);
    answer_unknown();
    settle_for(2 * KIT_SECOND);
    ck_assert(!account(0)->active);
    expect_no_result("left", "miro"); /* what may still land is waited for */
    settle_for(40 * KIT_SECOND);
    expect_result("left", "miro", "applied");
    end();
}
END_TEST

/* p0 is being put into Design: the call is the next one. */
static void p0_is_about_to_join(void)
{
    begin(POLICY_LEAVES_TEAMS);
    join_crew(1, "Ops");
    put_into(0, "xSales", false);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    look_again(1);
    expect_call("PATCH", "/Groups/");
}

START_TEST(who_leaves_right_after_joining_a_team_leaves_that_and_all_others)
{
    for (int answered_first = 0; answered_first <= 1; answered_first++) {
        p0_is_about_to_join();
        if (answered_first)
            serve();
        say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 3});
        if (!answered_first)
            serve();
        settle_for(60 * KIT_SECOND);
        ck_assert(!account(0)->active && account(0)->n_teams == 0);
        expect_result("left", "miro", "applied");
        ck_assert_uint_eq(n_refused("left"), 0);
        expect_change("left", "teams", "Design", NULL);
        expect_change("left", "teams", "Ops", NULL);
        end();
    }
}
END_TEST

START_TEST(a_team_that_the_last_read_did_not_show_is_told)
{
    p0_is_about_to_join();
    serve();
    there.stale = true;
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 3});
    settle_down();
    there.stale = false;
    settle_for(60 * KIT_SECOND);
    ck_assert(!account(0)->active && account(0)->n_teams == 1);
    expect_result("left", "miro", "applied");
    ck_assert_uint_eq(n_refused("left"), 1);
    expect_refused("left", "teams", "Design", "not left before the cut: the account was not seen", "by hand");
    end();
}
END_TEST

/* p0's cut is answered before any team is left. */
static void p0_is_cut_in_three_teams(void)
{
    p0_is_in_three_teams();
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2});
    commit();
    expect_call("GET", "/Users/");
    serve();
    commit();
    expect_call("PATCH", "/Groups/");
    answer(503, "");
    expect_call("PATCH", "/Users/");
    serve();
}

static void expect_cut_and_told(void)
{
    settle_for(60 * KIT_SECOND);
    ck_assert(!account(0)->active && account(0)->n_teams == 3);
    expect_result("left", "miro", "unchanged");
    ck_assert_uint_eq(n_refused("left"), 3);
    expect_refused("left", "teams", "Ops", "not left before the cut: ", "by hand");
    end();
}

START_TEST(teams_that_a_dead_worker_could_not_leave_are_told)
{
    p0_is_cut_in_three_teams();
    kit_crash();
    expect_cut_and_told();
}
END_TEST

START_TEST(teams_of_whom_the_result_was_undone_are_told_again)
{
    p0_is_cut_in_three_teams();
    take_and_abort();
    expect_cut_and_told();
}
END_TEST

START_TEST(of_an_account_that_somebody_else_had_cut_nothing_is_told_after_a_crash)
{
    begin(POLICY_LEAVES_TEAMS);
    miro_add_user(there.m, &(struct miro_user_spec){.userName = name_of(0)}, kit.now.wall_ms);
    put_into(0, "Design", false);
    by_hand(0)->active = false;
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2, .profile = "userName=p0@example.com"});
    commit();
    expect_call("GET", "/Users?");
    kit_crash();
    settle_for(60 * KIT_SECOND);
    expect_result("left", "miro", "unchanged");
    ck_assert_uint_eq(n_refused("left"), 0);
    end();
}
END_TEST

/* By hand, or for a word that was superseded: nobody has been told. What was read for another wish does not name them. */
START_TEST(of_an_account_of_ours_that_was_cut_already_the_teams_are_told)
{
    for (int read_before = 0; read_before <= 1; read_before++) {
        begin(POLICY_LEAVES_TEAMS);
        join_crew(1, "Ops");
        put_into(0, "xSales", false);
        by_hand(0)->active = false;
        if (read_before) {
            tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
            look_again(1);
        }
        say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 3});
        settle_for(60 * KIT_SECOND);
        ck_assert(!account(0)->active && account(0)->n_teams == 3);
        expect_result("left", "miro", "unchanged");
        ck_assert_uint_eq(n_refused("left"), 3);
        expect_refused("left", "teams", "Ops", "not left before the cut: ", "by hand");
        end();
    }
}
END_TEST

START_TEST(the_last_admin_of_a_team_leaves_the_others_and_is_a_finding)
{
    p0_is_in_three_teams();
    put_into(0, "xSales", true);
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    ck_assert(account(0)->active && account(0)->n_teams == 1);
    expect_cause("left", "rejected", "at least one admin", "somebody else an admin");
    expect_refused("left", "teams", "xSales", "at least one admin", "somebody else an admin");
    miro_add_user(there.m, &(struct miro_user_spec){.userName = NOBODY_ELSE}, kit.now.wall_ms);
    miro_join_team(there.m, miro_team_by_name(there.m, "xSales")->id,
                   miro_user_by_name(there.m, NOBODY_ELSE)->id, true);
    pass(KIT_DAY_MS);
    settle_for(40 * KIT_SECOND);
    ck_assert(!account(0)->active);
    end();
}
END_TEST

START_TEST(a_dry_run_tells_the_whole_way_out)
{
    prepare();
    kit.policy = POLICY_LEAVES_TEAMS;
    kit.cfg.plan_only = true;
    kit_open();
    commit();
    miro_add_user(there.m, &(struct miro_user_spec){.userName = "p0@example.com"}, kit.now.wall_ms);
    put_into(0, "Design", false);
    put_into(0, "Ops", false);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com");
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    const cJSON *plan = last_record(TOPIC_PLANS)->json, *calls = json_get(plan, "calls");
    ck_assert_str_eq(json_string(plan, "verdict"), "calls");
    ck_assert(cJSON_IsTrue(json_get(json_get(plan, "desired"), "leaveTeams")));
    ck_assert_int_eq(cJSON_GetArraySize(calls), 3);
    ck_assert_ptr_nonnull(strstr(json_string(cJSON_GetArrayItem(calls, 0), "path"), "/Groups/"));
    ck_assert_ptr_nonnull(strstr(json_string(cJSON_GetArrayItem(calls, 1), "path"), "/Groups/"));
    ck_assert_ptr_nonnull(strstr(json_string(cJSON_GetArrayItem(calls, 2), "path"), "/Users/"));
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(json_get(plan, "difference"), 0), "before"), "Design");
    ck_assert_uint_eq(there.writes, 0);
    end();
}
END_TEST

START_TEST(nobody_leaves_a_team_for_a_cut_that_the_guard_holds)
{
    p0_is_in_three_teams();
    kit.targets[0].guard.limits[GUARD_DEACTIVATION] = (struct engine_guard_limit){.count = 1};
    engine_targets_changed(kit.e, kit.targets, kit.now);
    say_of("other", EVENT_JOINED, 1, 1, "userName=p1@example.com");
    say_of("otherleft", EVENT_LEFT, 1, 2, NULL);
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    ck_assert(account(0)->active && account(0)->n_teams == 3);
    expect_no_result("left", "miro");
    decide_all("approve");
    settle_for(40 * KIT_SECOND);
    ck_assert(!account(0)->active && account(0)->n_teams == 0);
    end();
}
END_TEST

START_TEST(removals_above_the_guards_number_are_passed_over_and_the_cut_goes_on)
{
    p0_is_in_three_teams();
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 2};
    engine_targets_changed(kit.e, kit.targets, kit.now);
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    expect_result("left", "miro", "applied");
    ck_assert(!account(0)->active && account(0)->n_teams == 1);
    ck_assert_uint_eq(n_refused("left"), 1);
    expect_refused("left", "teams", NULL, "unusually many removals", "by hand");
    end();
}
END_TEST

START_TEST(leaving_teams_takes_the_cut_no_longer_than_seconds)
{
    p0_is_in_three_teams();
    kit.targets[0].limits = (const struct engine_limit[]){{"groups.update", 1, 30 * KIT_SECOND}};
    kit.targets[0].n_limits = 1;
    engine_targets_changed(kit.e, kit.targets, kit.now);
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2});
    settle_for(25 * KIT_SECOND);
    ck_assert(!account(0)->active && account(0)->n_teams > 0);
    settle_for(40 * KIT_SECOND);
    expect_result("left", "miro", "applied");
    expect_refused("left", "teams", NULL, "took too long", "by hand");
    end();
}
END_TEST

START_TEST(who_is_called_back_while_leaving_teams_stays_in_the_others)
{
    p0_is_in_three_teams();
    say({.id = "left", .type = EVENT_LEFT, .subject = "p-0", .at = 2});
    commit();
    expect_call("GET", "/Users/");
    serve();
    commit();
    expect_call("PATCH", "/Groups/");
    serve();
    say({.id = "back", .type = EVENT_JOINED, .subject = "p-0", .at = 3});
    settle_for(60 * KIT_SECOND);
    ck_assert(account(0)->active && account(0)->n_teams == 2);
    ck_assert_uint_eq(n_refused("back"), 0);
    say_of("again", EVENT_LEFT, 0, 4, NULL);
    ck_assert(!account(0)->active && account(0)->n_teams == 0);
    end();
}
END_TEST

START_TEST(a_leaver_may_be_deleted_and_hired_again)
{
    begin(POLICY_DELETES);
    p0_has("department=Art");
    say_of("gone", EVENT_DELETED, 0, 2, NULL);
    expect_result("gone", "miro", "applied");
    ck_assert_ptr_null(miro_user_by_name(there.m, name_of(0)));
    say_of("back", EVENT_JOINED, 0, 3, "department=Ops");
    expect_result("back", "miro", "applied");
    ck_assert(account(0)->active);
    ck_assert_str_eq(attr_at(0, "department"), "Ops");
    end();
}
END_TEST

START_TEST(what_was_refused_for_an_account_that_is_gone_is_tried_with_the_next)
{
    begin(POLICY_DELETES);
    p0_has("department=Art");
    by_hand(0)->other_org = true;
    say_of("moved", EVENT_CHANGED, 0, 2, "department=Ops");
    ck_assert_str_eq(attr_at(0, "department"), "Art");
    by_hand(0)->other_org = false;
    say_of("gone", EVENT_DELETED, 0, 3, NULL);
    expect_result("gone", "miro", "applied");
    say_of("back", EVENT_JOINED, 0, 4, "department=Ops");
    expect_result("back", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Ops");
    end();
}
END_TEST

START_TEST(a_hold_cuts_and_its_end_gives_back)
{
    begin(POLICY_ACCOUNT);
    p0_has("department=Art");
    say_of("held", EVENT_SUSPENDED, 0, 2, NULL);
    ck_assert(!account(0)->active);
    say_of("lifted", EVENT_RESUMED, 0, 3, NULL);
    expect_result("lifted", "miro", "applied");
    ck_assert(account(0)->active);
    end();
}
END_TEST

/* ---- accounts that are none of ours -------------------------------------------------------------------- */

START_TEST(a_leaver_whose_account_has_vanished_is_a_finding)
{
    begin(POLICY_ACCOUNT);
    p0_has("department=Art");
    by_hand(0)->guest = true;
    say({"left", EVENT_LEFT, .subject = "p-0", .at = 2});
    settle_for(300 * KIT_SECOND);
    expect_cause("left", "unchanged", "finding: the account that we knew is not there any more",
                 "as a guest");
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_last_company_admin_who_leaves_is_a_finding,
        a_company_admin_who_cannot_be_deactivated_is_a_finding,
        a_leaver_keeps_teams_and_attributes_and_comes_back_to_new_ones,
        a_leaver_may_leave_all_teams_first,
        teams_that_cannot_be_left_do_not_hold_up_the_cut,
        a_cut_that_comes_at_once_since_a_read_failed_says_so,
        who_waited_for_a_policy_that_failed_leaves_teams_all_the_same,
        a_call_that_takes_a_leaver_out_of_a_team_and_is_never_answered_is_followed_by_the_cut,
        who_leaves_right_after_joining_a_team_leaves_that_and_all_others,
        a_team_that_the_last_read_did_not_show_is_told,
        teams_that_a_dead_worker_could_not_leave_are_told,
        teams_of_whom_the_result_was_undone_are_told_again,
        of_an_account_that_somebody_else_had_cut_nothing_is_told_after_a_crash,
        of_an_account_of_ours_that_was_cut_already_the_teams_are_told,
        the_last_admin_of_a_team_leaves_the_others_and_is_a_finding,
        a_dry_run_tells_the_whole_way_out,
        nobody_leaves_a_team_for_a_cut_that_the_guard_holds,
        removals_above_the_guards_number_are_passed_over_and_the_cut_goes_on,
        leaving_teams_takes_the_cut_no_longer_than_seconds,
        who_is_called_back_while_leaving_teams_stays_in_the_others,
        a_leaver_may_be_deleted_and_hired_again,
        what_was_refused_for_an_account_that_is_gone_is_tried_with_the_next,
        a_hold_cuts_and_its_end_gives_back,
        a_leaver_whose_account_has_vanished_is_a_finding,
    };
    return kit_run("engine_leavers", tests, ARRAY_SIZE(tests));
}
