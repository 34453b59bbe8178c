/* Every case in the life of an account at Miro: what is done there, and what the result says. worker/lifecycle.md lists them. */
#include "teams_kit.h"

#define NOBODY_ELSE "boss@example.com"

/* ---- who says and sees what ---------------------------------------------------------------------------- */

static void say_of(const char *id, enum event_type type, int i, int64_t at, const char *profile)
{
    say({.id = id, .type = type, .subject = event_of("p", i), .at = at, .profile = profile});
    settle_for(40 * KIT_SECOND);
}

/* p0 has an account of ours, with this besides the name. */
static void p0_has(const char *profile)
{
    char all[1024];
    snprintf(all, sizeof all, "userName=%s;%s", name_of(0), profile);
    say_of("joined", EVENT_JOINED, 0, 1, all);
    expect_result("joined", "miro", "applied");
    there.writes = 0;
}

static const char *attr_at(int i, const char *name)
{
    const char *value = attrs_get(&account(i)->attributes, name);
    return value ? value : "";
}

static const char *state_of(int i, const char *member)
{
    char key[64];
    snprintf(key, sizeof key, "acme/hr/%s", event_of("p", i));
    return state_of_person(key, "miro", member);
}

static bool has_role(int i, const char *role)
{
    for (size_t k = 0; k < account(i)->n_admin_roles; k++)
        if (strcmp(account(i)->admin_roles[k], role) == 0)
            return true;
    return false;
}

/* A part of what the result says of a refused attribute (with a value: team or role): its reason and what to do. */
static void expect_refused(const char *id, const char *attribute, const char *value, const char *reason,
                           const char *action)
{
    const cJSON *item, *list = json_get(find_result(id, "miro"), "refused");
    cJSON_ArrayForEach(item, list)
    {
        const char *of = json_string(item, "value");
        if (strcmp(json_string(item, "attribute"), attribute) != 0 ||
            (value && (!of || strcmp(of, value) != 0)))
            continue;
        ck_assert_msg(strstr(json_string(item, "reason"), reason), "%s: %s", attribute,
                      json_string(item, "reason"));
        ck_assert_msg(strstr(json_string(item, "action"), action), "%s: %s", attribute,
                      json_string(item, "action"));
        return;
    }
    ck_abort_msg("%s is not refused", attribute);
}

static size_t n_refused(const char *id)
{
    const cJSON *list = json_get(find_result(id, "miro"), "refused");
    return list ? (size_t)cJSON_GetArraySize(list) : 0;
}

static void expect_cause(const char *id, const char *outcome, const char *cause, const char *action)
{
    const cJSON *r = find_result(id, "miro");
    const char *said = json_string(r, "cause"), *advice = json_string(r, "action");
    expect_result(id, "miro", outcome);
    ck_assert_msg(said && strstr(said, cause), "%s: %s", id, said);
    ck_assert_msg(advice && strstr(advice, action), "%s: %s", id, advice);
}

static void expect_change(const char *id, const char *attribute, const char *before, const char *after)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(find_result(id, "miro"), "changes"))
    {
        const char *from = json_string(item, "before"), *to = json_string(item, "after");
        if (strcmp(json_string(item, "attribute"), attribute) == 0 && !from == !before && !to == !after &&
            (!from || strcmp(from, before) == 0) && (!to || strcmp(to, after) == 0))
            return;
    }
    ck_abort_msg("%s: no change of %s", id, attribute);
}

/* What somebody does in Miro's pages, or what becomes of the account there without us. */
static struct miro_user *by_hand(int i)
{
    return (struct miro_user *)(uintptr_t)account(i);
}

/* "control retry": what was refused so far is tried again. */
static void control_retry(void)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    pass(KIT_SECOND);
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(value, sizeof value,
             "{\"kind\":\"retry\",\"target\":\"miro\",\"time\":\"%s\",\"by\":\"ops\",\"reason\":\"mended\","
             "\"at\":\"%s\"}",
             now, now);
    ck_assert_msg(engine_control(kit.e, str_of("retry/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
    settle_for(40 * KIT_SECOND);
}

static void free_by_default(struct miro_config *cfg)
{
    cfg->default_licence = "Free";
}

static void begin(enum kit_policy policy)
{
    prepare();
    kit.policy = policy;
    kit_open();
    commit();
}

static void end(void)
{
    there_otherwise = NULL;
    stop();
}

/* ---- attributes ---------------------------------------------------------------------------------------- */

#define FULL                                                                                                 \
    "displayName=Zoe Zimmer;name.givenName=Zoe;name.familyName=Zimmer;department=Art;costCenter=K7;"         \
    "division=South;organization=Acme;employeeNumber=1042;manager=3458764577585056871;"                      \
    "manager.displayName=Max;preferredLanguage=de_DE;photo=https://acme.example/z.png;userType=Full;"        \
    "role=ORGANIZATION_INTERNAL_USER"

START_TEST(a_create_carries_all_attributes)
{
    struct attrs all = {0};
    there_otherwise = free_by_default;
    begin(POLICY_ROLES);
    p0_has(FULL ";roles.Content Admin=yes");
    put_attrs(&all, FULL);
    for (size_t i = 0; i < all.n; i++)
        if (strcmp(all.v[i].name, "role") != 0)
            ck_assert_msg(strcmp(attr_at(0, all.v[i].name), all.v[i].value) == 0, "%s: %s", all.v[i].name,
                          attr_at(0, all.v[i].name));
    attrs_done(&all);
    ck_assert(has_role(0, "Content Admin"));
    ck_assert(is_in(0, "Everybody")); /* the default team */
    ck_assert_int_eq(cJSON_GetArraySize(json_get(find_result("joined", "miro"), "operations")), 3);
    expect_change("joined", "admin_roles", NULL, "Content Admin");
    ck_assert_uint_eq(n_refused("joined"), 0);
    end();
}
END_TEST

#define TEN   "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN

START_TEST(what_cannot_work_is_not_sent_and_the_rest_is)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1,
           "userName=p0@example.com;displayName=" SIXTY "x;name.givenName=" TEN TEN TEN
           ";name.familyName=" TEN TEN "12345678901;employeeNumber=" TEN TEN "x;department=" SIXTY SIXTY
           "x;division=Art;manager=max;"
           "manager.displayName=" SIXTY
           "x;role=ORGANIZATION_TEAM_GUEST_USER;emails.work=z@acme.example;externalId=7");
    expect_result("joined", "miro", "applied");
    ck_assert_uint_eq(there.writes, 1);
    ck_assert_str_eq(attr_at(0, "division"), "Art");
    expect_refused("joined", "displayName", NULL, "at most 60 characters", "shorten");
    expect_refused("joined", "name.givenName", NULL, "60 characters of givenName and familyName", "shorten");
    expect_refused("joined", "name.familyName", NULL, "60 characters of givenName and familyName", "shorten");
    expect_refused("joined", "employeeNumber", NULL, "at most 20", "shorten");
    expect_refused("joined", "department", NULL, "at most 120", "shorten");
    expect_refused("joined", "manager", NULL, "ignores what is no number", "manager.displayName");
    expect_refused("joined", "manager.displayName", NULL, "at most 60", "shorten");
    expect_refused("joined", "role", NULL, "given by SCIM", "by hand");
    ck_assert_uint_eq(n_refused("joined"), 8);
    say_of("shorter", EVENT_CHANGED, 0, 2,
           "displayName=Zoe;department=Art;manager=7;role=ORGANIZATION_INTERNAL_USER");
    expect_result("shorter", "miro", "applied");
    ck_assert_uint_eq(n_refused("shorter"), 4);
    say_of("longer", EVENT_CHANGED, 0, 3, "displayName=" SIXTY "y");
    expect_refused("longer", "displayName", NULL, "at most 60 characters", "shorten");
    expect_result("longer", "miro", "rejected");
    ck_assert_uint_eq(there.writes, 2);
    end();
}
END_TEST

START_TEST(umlauts_count_as_one_character)
{
    begin(POLICY_ACCOUNT);
    p0_has("displayName=1234567890123456789012345678901234567890123456789012345678\xc3\xbc\xc3\xbc");
    ck_assert_uint_eq(n_refused("joined"), 0);
    end();
}
END_TEST

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

START_TEST(a_create_that_is_refused_for_an_attribute_is_made_without_it)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1,
           "userName=p0@example.com;photo=https://acme.example/z.tiff;department=Art");
    expect_result("joined", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Art");
    expect_refused("joined", "photo", NULL, "jpg", "change the value");
    ck_assert_uint_eq(n_refused("joined"), 1);
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

static void few_seats(struct miro_config *cfg)
{
    cfg->default_licence = "Free";
    cfg->full_licences = 1;
}

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

START_TEST(seats_that_have_run_out_are_a_finding)
{
    there_otherwise = few_seats;
    begin(POLICY_ACCOUNT);
    p0_has("userType=Full");
    say_of("second", EVENT_JOINED, 1, 1, "userName=p1@example.com;userType=Full;department=Art");
    expect_result("second", "miro", "applied");
    expect_refused("second", "userType", NULL, "kept the licence", "no licence left");
    there.writes = 0;
    say_of("more", EVENT_CHANGED, 1, 2, "department=Ops");
    ck_assert_uint_eq(there.writes, 1); /* the licence is not asked for again */
    say_of("third", EVENT_CHANGED, 1, 3, "nickName;userType=full");
    ck_assert_uint_eq(there.writes, 2); /* another wish is */
    end();
}
END_TEST

/* ---- what no source says of seats: all ways in which a target could say that none is left ---- */

static enum miro_seats seats_full;

static void no_seats(struct miro_config *cfg)
{
    few_seats(cfg);
    cfg->full_licences = 0;
    cfg->seats_full = seats_full;
}

START_TEST(who_finds_no_seat_has_an_account_all_the_same)
{
    static const enum miro_seats ways[] = {MIRO_SEATS_RESTRICT, MIRO_SEATS_400, MIRO_SEATS_409};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        seats_full = ways[i];
        there_otherwise = no_seats;
        begin(POLICY_ACCOUNT);
        say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;userType=Full;department=Art");
        expect_result("joined", "miro", "applied");
        ck_assert_str_eq(attr_at(0, "department"), "Art");
        expect_refused("joined", "userType", NULL, "licen", "left");
        ck_assert_uint_eq(n_refused("joined"), 1);
        end();
    }
}
END_TEST

/* ---- movers -------------------------------------------------------------------------------------------- */

START_TEST(a_mover_changes_first_then_joins_then_leaves)
{
    start();
    join_crew(1, "Design");
    say({"moved", EVENT_CHANGED, .subject = "p-0", .at = 2,
         .profile = "userName=p7@example.com;department=Ops;userType=Full"});
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Design");
    commit();
    while (next_call() && !kit.call->write) {
        serve();
        commit();
    }
    ck_assert_str_eq(kit.call->method, "PATCH");
    expect_body("p7@example.com");
    expect_body("department");
    serve();
    commit();
    settle_down();
    ck_assert(account(7)->active && !is_in(7, "Design") && is_in(7, "Ops") && is_in(7, "Everybody"));
    stop();
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
    approve_all("approve");
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

static struct miro_user_spec spec(const char *name)
{
    return (struct miro_user_spec){.userName = name};
}

START_TEST(a_guest_is_a_finding)
{
    for (int uncaptured = 0; uncaptured < 2;
         uncaptured++) { /* likewise an account that the organisation has not */
        begin(POLICY_ACCOUNT);
        struct miro_user_spec guest = spec("p0@example.com");
        guest.guest = !uncaptured;
        guest.uncaptured = uncaptured;
        miro_add_user(there.m, &guest, kit.now.wall_ms);
        say({"joined", EVENT_JOINED, .subject = "p-0", .at = 1, .profile = "userName=p0@example.com"});
        settle_for(300 * KIT_SECOND);
        expect_cause("joined", "rejected",
                     "finding: the target says that the account exists, yet no lookup finds it", "guest");
        say_of("left", EVENT_LEFT, 0, 2, NULL);
        expect_result("left", "miro", "unchanged"); /* for SCIM there is nobody */
        end();
    }
}
END_TEST

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

static void allow_acme(struct miro_config *cfg)
{
    static const char *const allowed[] = {"acme.example", NULL};
    cfg->allowed_domains = allowed;
}

START_TEST(an_address_that_is_not_allowed_is_a_finding)
{
    there_otherwise = allow_acme;
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;department=Art");
    expect_cause("joined", "rejected", "not whitelisted", "allow the domain");
    ck_assert_uint_eq(there.writes, 1);
    end();
}
END_TEST

START_TEST(an_address_that_is_none_is_told)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=zoe;department=Art");
    expect_cause("joined", "rejected", "not an email", "address");
    say_of("mended", EVENT_CHANGED, 0, 2, "userName=p0@example.com");
    expect_result("mended", "miro", "applied");
    end();
}
END_TEST

/* Miro wants both parts of a name, or none. */
START_TEST(half_a_name_keeps_nobody_out)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;name.givenName=Zoe;department=Art");
    expect_result("joined", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Art");
    say_of("whole", EVENT_CHANGED, 0, 2, "name.familyName=Zimmer");
    expect_result("whole", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "name.familyName"), "Zimmer");
    ck_assert_uint_eq(n_refused("whole"), 0);
    end();
}
END_TEST

START_TEST(an_account_that_exists_is_adopted_unless_something_speaks_against_it)
{
    static const struct {
        bool inactive;
        const char *number, *cause, *action;
    } rows[] = {
        {false, "", NULL, NULL},
        {true, "", "inactive", "activate it"},
        {false, "9", "another employeeNumber", "whose account it is"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin(POLICY_ACCOUNT);
        struct miro_user_spec there_before = spec("p0@example.com");
        there_before.inactive = rows[i].inactive;
        miro_add_user(there.m, &there_before, kit.now.wall_ms);
        if (*rows[i].number)
            attrs_set(&by_hand(0)->attributes, "employeeNumber", rows[i].number);
        say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;employeeNumber=1042");
        if (rows[i].cause)
            expect_cause("joined", "rejected", rows[i].cause, rows[i].action);
        else
            expect_result("joined", "miro", "applied");
        end();
    }
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
        a_create_carries_all_attributes,
        what_cannot_work_is_not_sent_and_the_rest_is,
        umlauts_count_as_one_character,
        what_is_cleared_is_cleared_there,
        a_create_that_is_refused_for_an_attribute_is_made_without_it,
        a_rename_that_cannot_be_is_refused_alone_with_what_to_do,
        a_rename_of_an_account_deactivated_by_hand_gives_access_back_first,
        admin_roles_are_given_and_taken_as_named,
        an_admin_role_that_somebody_else_gave_is_taken_only_when_named_false,
        a_role_that_somebody_has_taken_meanwhile_is_no_failure,
        the_last_company_admin_stays_one,
        the_last_company_admin_who_leaves_is_a_finding,
        a_company_admin_who_cannot_be_deactivated_is_a_finding,
        a_licence_goes_up_and_never_down,
        seats_that_have_run_out_are_a_finding,
        who_finds_no_seat_has_an_account_all_the_same,
        a_mover_changes_first_then_joins_then_leaves,
        a_leaver_keeps_teams_and_attributes_and_comes_back_to_new_ones,
        a_leaver_may_leave_all_teams_first,
        teams_that_cannot_be_left_do_not_hold_up_the_cut,
        a_cut_that_comes_at_once_since_a_read_failed_says_so,
        who_waited_for_a_policy_that_failed_leaves_teams_all_the_same,
        a_call_that_takes_a_leaver_out_of_a_team_and_is_never_answered_is_followed_by_the_cut,
        the_last_admin_of_a_team_leaves_the_others_and_is_a_finding,
        a_dry_run_tells_the_whole_way_out,
        nobody_leaves_a_team_for_a_cut_that_the_guard_holds,
        removals_above_the_guards_number_are_passed_over_and_the_cut_goes_on,
        leaving_teams_takes_the_cut_no_longer_than_seconds,
        who_is_called_back_while_leaving_teams_stays_in_the_others,
        a_leaver_may_be_deleted_and_hired_again,
        what_was_refused_for_an_account_that_is_gone_is_tried_with_the_next,
        a_hold_cuts_and_its_end_gives_back,
        a_guest_is_a_finding,
        a_leaver_whose_account_has_vanished_is_a_finding,
        somebody_of_another_organisation_is_a_finding_after_two_calls,
        an_address_that_is_not_allowed_is_a_finding,
        an_address_that_is_none_is_told,
        half_a_name_keeps_nobody_out,
        an_account_that_exists_is_adopted_unless_something_speaks_against_it,
        who_never_registered_keeps_the_last_team,
    };
    return kit_run("engine_lifecycle", tests, ARRAY_SIZE(tests));
}
