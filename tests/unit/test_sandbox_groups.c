#include "test_sandbox_kit.h"

static const struct miro_team *team;
static const struct miro_user *ann, *bob, *boss;

static void setup(void)
{
    kit_setup();
    boss = miro_add_user(kit.m, &(struct miro_user_spec){.userName = "boss@example.com", .admin = true},
                         kit.now_ms);
    team = miro_add_team(kit.m, "Design");
    miro_join_team(kit.m, team->id, boss->id, true);
    ann = kit_user("ann@example.com");
    bob = kit_user("bob@example.com");
}

/* A PATCH of the team; %s in the operations is replaced by the id. */
static int patch(const char *format, const char *id)
{
    char *operations = malloc(strlen(format) + 64);
    const char *at = strstr(format, "%s");
    if (at)
        snprintf(operations, strlen(format) + 64, "%.*s%s%s", (int)(at - format), format, id, at + 2);
    else
        snprintf(operations, strlen(format) + 64, "%s", format);
    int status = kit_patch("Groups", team->id, operations);
    free(operations);
    return status;
}

static const char add_one[] = "{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]}";

START_TEST(shows_members_but_not_the_admins)
{
    ck_assert_int_eq(patch(add_one, ann->id), 200);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups/%s", team->id), 200);
    ck_assert_str_eq(kit_string("displayName"), "Design");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 1);
    ck_assert_str_eq(json_string(kit_item("members", 0), "value"), ann->id);
    ck_assert_str_eq(json_string(kit_item("members", 0), "type"), "User");
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups/%s", ann->id), 404);
}
END_TEST

START_TEST(adds_a_member_in_every_form)
{
    static const char *const forms[] = {
        add_one,
        "{\"op\":\"add\",\"path\":\"members\",\"value\":{\"value\":\"%s\"}}",
        "{\"op\":\"Add\",\"value\":{\"members\":[{\"value\":\"%s\"}]}}",
        "{\"op\":\"Replace\",\"path\":\"members\",\"value\":[{\"value\":\"%s\",\"display\":\"x\"}]}",
    };
    ck_assert_int_eq(patch(forms[_i], ann->id), 200);
    ck_assert(miro_is_member(team, ann));
    ck_assert(miro_is_member(team, boss)); /* an admin, whom Replace does not see */
    ck_assert_str_eq(json_string(kit_item("members", 0), "value"), ann->id);
    ck_assert_int_eq(patch(forms[_i], ann->id), 200); /* again: nothing happens */
    ck_assert_uint_eq(team->n_members, 2);
}
END_TEST

START_TEST(removes_a_member_in_every_form)
{
    static const char *const forms[] = {
        "{\"op\":\"Remove\",\"path\":\"members[value eq %s]\"}",
        "{\"op\":\"Remove\",\"path\":\"members[value eq \\\"%s\\\"]\"}",
        "{\"op\":\"remove\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]}",
        "{\"op\":\"Remove\",\"path\":\"members[value eq %s or value eq 1]\"}",
    };
    patch(add_one, ann->id);
    patch(add_one, bob->id);
    ck_assert_int_eq(patch(forms[_i], ann->id), 200);
    ck_assert(!miro_is_member(team, ann));
    ck_assert(miro_is_member(team, bob));
    ck_assert_int_eq(patch(forms[_i], ann->id), 200); /* again: nothing happens */
}
END_TEST

START_TEST(replaces_the_whole_membership)
{
    patch(add_one, ann->id);
    ck_assert_int_eq(
        patch("{\"op\":\"Replace\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]}", bob->id), 200);
    ck_assert(!miro_is_member(team, ann) && miro_is_member(team, bob));
}
END_TEST

START_TEST(renames_the_security_group_only)
{
    static const char *const forms[] = {
        "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"Art\"}",
        "{\"op\":\"replace\",\"value\":{\"id\":\"1\",\"displayName\":\"Art\"}}"};
    ck_assert_int_eq(patch(forms[_i], ""), 200);
    ck_assert_str_eq(team->displayName, "Art");
    ck_assert_str_eq(team->team_name, "Design");
    ck_assert_int_eq(patch("{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"everybody\"}", ""), 409);
}
END_TEST

START_TEST(removes_all_or_none)
{
    patch(add_one, ann->id);
    char operations[200];
    snprintf(operations, sizeof operations,
             "{\"op\":\"Remove\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"},{\"value\":\"999\"}]}",
             ann->id);
    ck_assert_int_eq(kit_patch("Groups", team->id, operations), 404);
    ck_assert_str_eq(kit_string("detail"), "No valid resources: [{memberId=999, display=null}]");
    ck_assert(miro_is_member(team, ann));
}
END_TEST

START_TEST(applies_no_operation_when_a_later_one_fails)
{
    char operations[300];
    snprintf(operations, sizeof operations,
             "{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]},"
             "{\"op\":\"Remove\",\"path\":\"members[value eq %s]\"}",
             ann->id, boss->id);
    ck_assert_int_eq(kit_patch("Groups", team->id, operations), 409);
    ck_assert(!miro_is_member(team, ann));
    ck_assert(!kit.reply.applied);
}
END_TEST

START_TEST(keeps_the_last_team_admin)
{
    ck_assert_int_eq(patch("{\"op\":\"Remove\",\"path\":\"members[value eq %s]\"}", boss->id), 409);
    ck_assert_str_eq(kit_string("detail"), "Any account in organization must have at least one admin");
    miro_join_team(kit.m, team->id, ann->id, true);
    ck_assert_int_eq(patch("{\"op\":\"Remove\",\"path\":\"members[value eq %s]\"}", boss->id), 200);
}
END_TEST

START_TEST(adding_revives_the_inactive_and_the_deleted)
{
    kit_patch("Users", ann->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}");
    kit_callf("DELETE", NULL, "/Users/%s", bob->id);
    ck_assert_int_eq(patch(add_one, ann->id), 200);
    ck_assert_int_eq(patch(add_one, bob->id), 200);
    ck_assert(ann->active);
    ck_assert(bob->active && !bob->deleted);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", bob->id), 200);
    ck_assert_str_eq(bob->history[bob->n_history - 1].cause, "group Add");
}
END_TEST

START_TEST(adding_an_inactive_member_again_revives_too)
{
    patch(add_one, ann->id);
    kit_patch("Users", ann->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}");
    ck_assert_int_eq(patch(add_one, ann->id), 200);
    ck_assert(ann->active);
}
END_TEST

START_TEST(does_not_revive_whose_address_was_given_away)
{
    kit_config();
    kit.cfg.recreate_with_new_id = true;
    kit_start();
    team = miro_add_team(kit.m, "Design");
    const struct miro_user *old = kit_user("ann@example.com");
    kit_callf("DELETE", NULL, "/Users/%s", old->id);
    kit_user("ann@example.com");
    ck_assert_int_eq(patch(add_one, old->id), 404);
    ck_assert(old->deleted);
}
END_TEST

START_TEST(adding_a_guest_costs_a_licence)
{
    const struct miro_user_spec spec = {.userName = "guest@example.com", .guest = true};
    const struct miro_user *guest = miro_add_user(kit.m, &spec, kit.now_ms);
    miro_join_team(kit.m, team->id, guest->id, false);
    kit_callf("GET", NULL, "/Groups/%s", team->id);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 0);
    ck_assert_int_eq(patch("{\"op\":\"Remove\",\"path\":\"members[value eq %s]\"}", guest->id), 404);
    ck_assert_int_eq(patch(add_one, guest->id), 200);
    ck_assert(!guest->guest);
    ck_assert_int_eq(guest->role, MIRO_INTERNAL_USER);
    ck_assert_str_eq(kit_attr(guest, "userType"), "Full");
}
END_TEST

START_TEST(refuses_unknown_members)
{
    ck_assert_int_eq(patch(add_one, "12345"), 404);
    ck_assert_str_eq(kit_string("detail"), "No valid resources: [{memberId=12345, display=null}]");
}
END_TEST

START_TEST(adds_the_known_members_of_a_mixed_list_unless_told_otherwise)
{
    kit_config();
    kit.cfg.partial_add_is_error = _i;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    team = miro_add_team(kit.m, "Design");
    int status = patch(
        "{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"12345\"},{\"value\":\"%s\"}]}", u->id);
    ck_assert_int_eq(status, _i ? 404 : 200);
    ck_assert_int_eq(miro_is_member(team, u), !_i);
}
END_TEST

START_TEST(removing_the_unregistered_from_the_last_team_removes_them_from_the_organisation)
{
    const struct miro_user *u = miro_add_user(
        kit.m, &(struct miro_user_spec){.userName = "new@example.com", .unregistered = true}, kit.now_ms);
    miro_join_team(kit.m, team->id, u->id, false);
    ck_assert_int_eq(patch("{\"op\":\"Remove\",\"path\":\"members[value eq %s]\"}", u->id), 200);
    ck_assert(u->deleted);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 404);
    ck_assert_uint_eq(team->n_members, 1);
}
END_TEST

START_TEST(removing_everybody_spares_nobody_but_needs_an_admin)
{
    miro_join_team(kit.m, team->id, ann->id, false);
    ck_assert_int_eq(patch("{\"op\":\"Remove\",\"path\":\"members\"}", ""), 409);
    ck_assert_uint_eq(team->n_members, 2);
}
END_TEST

static char *members_body(size_t n)
{
    struct buf b;
    buf_init(&b, 1 << 22);
    buf_adds(&b, PATCH_HEAD "{\"op\":\"Add\",\"path\":\"members\",\"value\":[");
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s{\"value\":\"%019zu\"}", i ? "," : "", i + 1);
    buf_adds(&b, "]}" PATCH_TAIL);
    return buf_take(&b);
}

START_TEST(refuses_more_than_8000_members_with_413)
{
    static const struct {
        size_t n;
        int status;
    } rows[] = {{8000, 404}, {8001, 413}};
    char *body = members_body(rows[_i].n);
    ck_assert_int_eq(kit_callf("PATCH", body, "/Groups/%s", team->id), rows[_i].status);
    free(body);
}
END_TEST

START_TEST(refuses_a_body_of_more_than_800000_bytes_with_413)
{
    static const struct {
        size_t n;
        int status;
    } rows[] = {{800000, 200}, {800001, 413}};
    char *body = malloc(rows[_i].n + 1);
    int n = snprintf(body, rows[_i].n,
                     PATCH_HEAD "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"Art\"}" PATCH_TAIL);
    memset(body + n, ' ', rows[_i].n - (size_t)n);
    body[rows[_i].n] = '\0';
    ck_assert_int_eq(kit_callf("PATCH", body, "/Groups/%s", team->id), rows[_i].status);
    free(body);
}
END_TEST

static const struct {
    const char *why, *operations;
    int status;
} bad[] = {
    {"unknown path", "{\"op\":\"Replace\",\"path\":\"owner\",\"value\":\"x\"}", 400},
    {"empty name", "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"\"}", 400},
    {"id is a number", "{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":34587645}]}", 400},
    {"filter without end", "{\"op\":\"Remove\",\"path\":\"members[value eq 1\"}", 400},
    {"filter that is none", "{\"op\":\"Remove\",\"path\":\"members[value is 1]\"}", 400},
    {"filter in an Add", "{\"op\":\"Add\",\"path\":\"members[value eq 1]\",\"value\":1}", 400},
    {"remove without path", "{\"op\":\"Remove\",\"value\":[]}", 400},
};

START_TEST(refuses_a_bad_patch)
{
    ck_assert_int_eq(patch(bad[_i].operations, ""), bad[_i].status);
    ck_assert_str_eq(team->displayName, "Design");
}
END_TEST

START_TEST(cannot_create_replace_or_delete_teams)
{
    ck_assert_int_eq(kit_call("POST", "/Groups", "{\"displayName\":\"New\"}"), 405);
    ck_assert_int_eq(kit_callf("PUT", "{\"displayName\":\"New\"}", "/Groups/%s", team->id), 405);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Groups/%s", team->id), 405);
    ck_assert_str_eq(kit_string("status"), "405");
}
END_TEST

START_TEST(creates_replaces_and_deletes_user_groups)
{
    char id[MIRO_ID_SIZE];
    kit_config();
    kit.cfg.group_mode = MIRO_USER_GROUPS;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    char body[200];
    snprintf(body, sizeof body, "{\"displayName\":\"New\",\"members\":[{\"value\":\"%s\"}]}", u->id);
    ck_assert_int_eq(kit_call("POST", "/Groups", body), 201);
    snprintf(id, sizeof id, "%s", kit_string("id"));
    ck_assert_str_eq(json_string(kit_item("members", 0), "value"), u->id);
    ck_assert_int_eq(kit_call("POST", "/Groups", "{\"displayName\":\"new\"}"), 409);
    ck_assert_int_eq(kit_callf("PUT", "{\"displayName\":\"Newer\",\"members\":[]}", "/Groups/%s", id), 200);
    ck_assert(!miro_is_member(miro_team_by_id(kit.m, id), u));
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Groups/%s", id), 204);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups/%s", id), 404);
    ck_assert_int_eq(
        kit_call("POST", "/Groups", "{\"displayName\":\"Other\",\"members\":[{\"value\":\"1\"}]}"), 404);
    ck_assert_ptr_null(miro_team_by_name(kit.m, "Other"));
}
END_TEST

START_TEST(lists_groups_by_simple_filters_only)
{
    ck_assert_int_eq(
        kit_call("GET", "/Groups?filter=displayName%20eq%20%22design%22&attributes=id,displayName", NULL),
        200);
    ck_assert_int_eq(kit_int("totalResults"), 1);
    ck_assert_ptr_null(json_get(kit_item("Resources", 0), "members"));
    ck_assert_str_eq(json_string(kit_item("Resources", 0), "displayName"), "Design");
    ck_assert_int_eq(kit_call("GET", "/Groups?filter=members.value%20eq%20%221%22", NULL), 400);
    ck_assert_str_eq(kit_string("scimType"), "invalidFilter");
    ck_assert_int_eq(kit_call("GET", "/Groups?sortBy=displayName&sortOrder=descending", NULL), 200);
    ck_assert_str_eq(json_string(kit_item("Resources", 0), "displayName"), "Everybody");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox groups");
    TCase *t = tcase_create("teams");
    tcase_add_checked_fixture(t, setup, kit_teardown);
    tcase_add_test(t, shows_members_but_not_the_admins);
    tcase_add_loop_test(t, adds_a_member_in_every_form, 0, 4);
    tcase_add_loop_test(t, removes_a_member_in_every_form, 0, 4);
    tcase_add_test(t, replaces_the_whole_membership);
    tcase_add_loop_test(t, renames_the_security_group_only, 0, 2);
    tcase_add_test(t, removes_all_or_none);
    tcase_add_test(t, applies_no_operation_when_a_later_one_fails);
    tcase_add_test(t, keeps_the_last_team_admin);
    tcase_add_test(t, adding_revives_the_inactive_and_the_deleted);
    tcase_add_test(t, adding_an_inactive_member_again_revives_too);
    tcase_add_test(t, adding_a_guest_costs_a_licence);
    tcase_add_test(t, refuses_unknown_members);
    tcase_add_test(t, removing_the_unregistered_from_the_last_team_removes_them_from_the_organisation);
    tcase_add_test(t, removing_everybody_spares_nobody_but_needs_an_admin);
    tcase_add_loop_test(t, refuses_more_than_8000_members_with_413, 0, 2);
    tcase_add_loop_test(t, refuses_a_body_of_more_than_800000_bytes_with_413, 0, 2);
    tcase_add_loop_test(t, refuses_a_bad_patch, 0, (int)ARRAY_SIZE(bad));
    tcase_add_test(t, cannot_create_replace_or_delete_teams);
    tcase_add_test(t, lists_groups_by_simple_filters_only);
    suite_add_tcase(s, t);
    TCase *own = tcase_create("with a configuration of their own");
    tcase_add_checked_fixture(own, NULL, kit_teardown);
    tcase_add_test(own, does_not_revive_whose_address_was_given_away);
    tcase_add_loop_test(own, adds_the_known_members_of_a_mixed_list_unless_told_otherwise, 0, 2);
    tcase_add_test(own, creates_replaces_and_deletes_user_groups);
    suite_add_tcase(s, own);
    return kit_run(s);
}
