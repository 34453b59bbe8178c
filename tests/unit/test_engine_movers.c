/* Movers at Miro, each case of worker/lifecycle.md: names, roles, licences and teams of accounts that are there. */
#include "lifecycle_kit.h"

static const char *state_of(int i, const char *member)
{
    char key[64];
    snprintf(key, sizeof key, "acme/hr/%s", event_of("p", i));
    return state_of_person(key, "miro", member);
}

/* ---- attributes ---------------------------------------------------------------------------------------- */

START_TEST(what_is_cleared_is_cleared_there)
{
    begin(POLICY_ACCOUNT);
    p0_has(FULL);
    say_of("cleared", EVENT_CHANGED, 0, 2,
           "department;costCenter;division;organization;employeeNumber;manager;manager.displayName;photo;"
           "preferredLanguage;displayName");
    expect_result("cleared", "miro", "applied");
    ck_assert_uint_eq(there.writes, 1);
    static const char *const names[] = {
        "department",     "costCenter", "division",    "organization",        "manager",
        "employeeNumber", "photo",      "displayName", "manager.displayName", "preferredLanguage"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        ck_assert_msg(!*attr_at(0, names[i]), "%s: %s", names[i], attr_at(0, names[i]));
    ck_assert_uint_eq(n_refused("cleared"), 0); /* Miro shows a displayName that it makes of the others */
    say_of("required", EVENT_CHANGED, 0, 3, "userType;role");
    expect_refused("required", "userType", NULL, "lets nobody be without", "say a value");
    expect_refused("required", "role", NULL, "lets nobody be without", "say a value");
    ck_assert_uint_eq(there.writes, 1);
    end();
}
END_TEST

/* ---- names --------------------------------------------------------------------------------------------- */

static void claim_example(struct miro_config *cfg)
{
    static const char *const claimed[] = {"example.com", NULL};
    cfg->claimed_domains = claimed;
}

START_TEST(a_rename_that_cannot_be_is_refused_alone_with_what_to_do)
{
    there_otherwise = claim_example;
    begin(POLICY_ACCOUNT);
    miro_add_user(there.m, &(struct miro_user_spec){.userName = NOBODY_ELSE}, kit.now.wall_ms);
    p0_has("department=Art");
    say_of("taken", EVENT_CHANGED, 0, 2, "userName=" NOBODY_ELSE ";department=Ops");
    expect_result("taken", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Ops");
    expect_refused("taken", "userName", NULL, "not unique", "another account has this name");
    say_of("unclaimed", EVENT_CHANGED, 0, 3, "userName=p0@elsewhere.example");
    expect_cause("unclaimed", "rejected", "claimed", "claim the domain");
    say_of("free", EVENT_CHANGED, 0, 4, "userName=p7@example.com");
    expect_result("free", "miro", "applied");
    expect_change("free", "userName", "p0@example.com", "p7@example.com");
    ck_assert_uint_eq(n_refused("free"), 0);
    end();
}
END_TEST

START_TEST(a_rename_of_an_account_deactivated_by_hand_gives_access_back_first)
{
    begin(POLICY_ACCOUNT);
    p0_has("department=Art");
    miro_set_active(there.m, account(0)->id, false, kit.now.wall_ms);
    say_of("renamed", EVENT_CHANGED, 0, 2, "userName=p7@example.com");
    expect_result("renamed", "miro", "applied");
    expect_change("renamed", "active", "false", "true");
    ck_assert(account(7)->active);
    ck_assert_uint_eq(n_refused("renamed"), 0);
    end();
}
END_TEST

/* ---- rights -------------------------------------------------------------------------------------------- */

START_TEST(admin_roles_are_given_and_taken_as_named)
{
    begin(POLICY_ROLES);
    p0_has("department=Art");
    say_of("given", EVENT_CHANGED, 0, 2,
           "roles.Content Admin=yes;roles.User \"A\"=yes;role=ORGANIZATION_INTERNAL_ADMIN");
    expect_result("given", "miro", "applied");
    ck_assert(has_role(0, "Content Admin") && has_role(0, "User \"A\""));
    ck_assert_int_eq(account(0)->role, MIRO_INTERNAL_ADMIN);
    ck_assert_str_eq(state_of(0, "madeRoles"), "[\"Content Admin\",\"User \\\"A\\\"\"]");
    kit_crash();
    say_of("unnamed", EVENT_CHANGED, 0, 3, "roles.User \"A\"");
    expect_change("unnamed", "admin_roles", "User \"A\"", NULL);
    ck_assert(has_role(0, "Content Admin") && !has_role(0, "User \"A\""));
    ck_assert_str_eq(state_of(0, "madeRoles"),
                     "[\"Content Admin\",\"User \\\"A\\\"\"]"); /* an old read may show it, and be put back */
    pass(KIT_LIFE_MS);
    say_of("denied", EVENT_CHANGED, 0, 4, "roles.Content Admin=no");
    ck_assert_uint_eq(account(0)->n_admin_roles, 0);
    ck_assert_str_eq(state_of(0, "madeRoles"), "[\"Content Admin\"]");
    pass(KIT_LIFE_MS);
    say_of("later", EVENT_CHANGED, 0, 5, "department=Ops");
    ck_assert_str_eq(state_of(0, "madeRoles"), "");
    end();
}
END_TEST

static void give_by_hand(int i, const char *role)
{
    struct miro_user *u = by_hand(i);
    u->admin_roles = xreallocarray(u->admin_roles, u->n_admin_roles + 1, sizeof *u->admin_roles);
    u->admin_roles[u->n_admin_roles++] = xstrdup(role);
}

START_TEST(an_admin_role_that_somebody_else_gave_is_taken_only_when_named_false)
{
    begin(POLICY_ROLES);
    p0_has("department=Art");
    give_by_hand(0, "Security Admin");
    say_of("named", EVENT_CHANGED, 0, 2, "roles.Security Admin=yes");
    expect_result("named", "miro", "unchanged"); /* read before it was given */
    ck_assert_str_eq(state_of(0, "madeRoles"), "");
    say_of("unnamed", EVENT_CHANGED, 0, 3, "roles.Security Admin;department=Ops");
    ck_assert(has_role(0, "Security Admin"));
    kit.policy = POLICY_ACCOUNT; /* says nothing of roles */
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    say_of("silent", EVENT_CHANGED, 0, 4, "department=Art");
    ck_assert(has_role(0, "Security Admin"));
    kit.policy = POLICY_ROLES;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    say_of("no", EVENT_CHANGED, 0, 5, "roles.Security Admin=no");
    expect_change("no", "admin_roles", "Security Admin", NULL);
    ck_assert(!has_role(0, "Security Admin"));
    end();
}
END_TEST

START_TEST(a_role_that_somebody_has_taken_meanwhile_is_no_failure)
{
    begin(POLICY_ROLES);
    p0_has("roles.Content Admin=yes");
    say({.id = "unnamed",
         .type = EVENT_CHANGED,
         .subject = "p-0",
         .at = 2,
         .profile = "roles.Content Admin"});
    commit();
    expect_call("GET", "/Users/");
    serve();
    commit();
    expect_call("PATCH", "/Users/");
    struct miro_user *u = by_hand(0);
    free(u->admin_roles[--u->n_admin_roles]);
    serve();
    settle_for(40 * KIT_SECOND);
    expect_result("unnamed", "miro", "unchanged");
    ck_assert_uint_eq(n_refused("unnamed"), 0);
    ck_assert_str_eq(state_of(0, "madeRoles"), "");
    end();
}
END_TEST

START_TEST(the_last_company_admin_stays_one)
{
    begin(POLICY_ACCOUNT);
    p0_has("role=ORGANIZATION_INTERNAL_ADMIN;department=Art");
    say_of("lower", EVENT_CHANGED, 0, 2, "role=ORGANIZATION_INTERNAL_USER;department=Ops");
    expect_result("lower", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Ops");
    expect_refused("lower", "role", NULL, "at least one admin", "somebody else an admin");
    end();
}
END_TEST

START_TEST(a_licence_goes_up_and_never_down)
{
    there_otherwise = free_by_default;
    begin(POLICY_ACCOUNT);
    p0_has("department=Art");
    say_of("up", EVENT_CHANGED, 0, 2, "userType=Full");
    expect_change("up", "userType", "Free", "Full");
    there.writes = 0;
    say_of("down", EVENT_CHANGED, 0, 3, "userType=Free");
    expect_cause("down", "rejected", "finding: by SCIM licences only go up, and the account has Full",
                 "change the licence in Miro's user management");
    ck_assert_uint_eq(there.writes, 0);
    attrs_set(&by_hand(0)->attributes, "userType", "Free Restricted"); /* then it is no longer lower */
    control_retry();
    ck_assert_str_eq(attr_at(0, "userType"), "Free");
    end();
}
END_TEST

/* ---- movers -------------------------------------------------------------------------------------------- */

/* Up to the next write. */
static void serve_reads(void)
{
    while (next_call() && !kit.call->write) {
        serve();
        commit();
        engine_tick(kit.e, kit.now);
    }
    ck_assert_ptr_nonnull(kit.call);
}

START_TEST(a_mover_changes_first_then_joins_then_leaves)
{
    start();
    join_crew(1, "Design");
    say({"moved", EVENT_CHANGED, .subject = "p-0", .at = 2,
         .profile = "userName=p7@example.com;department=Ops;userType=Full"});
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Design");
    commit();
    serve_reads();
    ck_assert_int_eq(strncmp(kit.call->path, "/Users/", 7), 0);
    expect_body("p7@example.com");
    expect_body("department");
    serve();
    commit();
    serve_reads();
    ck_assert_int_eq(strncmp(kit.call->path, "/Groups/", 8), 0);
    expect_body("\"op\":\"Add\"");
    ck_assert(!is_in(7, "Ops") && is_in(7, "Design"));
    serve();
    commit();
    expect_call("GET", "/Users/"); /* nothing is left before that is seen */
    serve();
    commit();
    serve_reads();
    ck_assert_int_eq(strncmp(kit.call->path, "/Groups/", 8), 0);
    expect_body("\"op\":\"Remove\"");
    ck_assert(is_in(7, "Ops") && is_in(7, "Design"));
    serve();
    settle_down();
    ck_assert(account(7)->active && !is_in(7, "Design") && is_in(7, "Ops") && is_in(7, "Everybody"));
    stop();
}
END_TEST

/* ---- accounts that are none of ours -------------------------------------------------------------------- */

START_TEST(somebody_of_another_organisation_is_a_finding_after_two_calls)
{
    begin(POLICY_ACCOUNT);
    struct miro_user_spec other = spec("p0@example.com");
    other.other_org = true;
    miro_add_user(there.m, &other, kit.now.wall_ms);
    say_of("joined", EVENT_JOINED, 0, 1,
           "userName=p0@example.com;department=Art;displayName=Zoe;costCenter=7");
    expect_result("joined", "miro", "rejected");
    ck_assert_uint_eq(there.writes, 1);
    expect_refused("joined", "department", NULL, "more than one organi", "another organisation");
    say_of("left", EVENT_LEFT, 0, 2, NULL);
    expect_cause("left", "rejected", "more than one organi", "another organisation");
    ck_assert_str_ne(state_of(0, "retryCutAt"), "");
    end();
}
END_TEST

START_TEST(who_never_registered_keeps_the_last_team)
{
    start();
    join_crew(1, NULL);
    leave_by_hand(0, "Everybody");
    put_into(0, "xSales", false);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "xSales");
    settle_down();
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "xSales");
    settle_for(40 * KIT_SECOND);
    ck_assert(is_in(0, "xSales"));
    expect_cause("out-0", "rejected", "last team", "another team first");
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_cleared_is_cleared_there,
        a_rename_that_cannot_be_is_refused_alone_with_what_to_do,
        a_rename_of_an_account_deactivated_by_hand_gives_access_back_first,
        admin_roles_are_given_and_taken_as_named,
        an_admin_role_that_somebody_else_gave_is_taken_only_when_named_false,
        a_role_that_somebody_has_taken_meanwhile_is_no_failure,
        the_last_company_admin_stays_one,
        a_licence_goes_up_and_never_down,
        a_mover_changes_first_then_joins_then_leaves,
        somebody_of_another_organisation_is_a_finding_after_two_calls,
        who_never_registered_keeps_the_last_team,
    };
    return kit_run("engine_movers", tests, ARRAY_SIZE(tests));
}
