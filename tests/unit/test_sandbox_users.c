#include "test_sandbox_kit.h"

static const char *replace(const char *path, const char *value)
{
    static char out[1024];
    snprintf(out, sizeof out, "{\"op\":\"Replace\",\"path\":\"%s\",\"value\":%s}", path, value);
    return out;
}

START_TEST(creates_a_user_with_a_decimal_id_of_19_digits)
{
    ck_assert_int_eq(
        kit_call(
            "POST", "/api/v1/scim/Users",
            "{\"userName\":\"ann@example.com\",\"name\":{\"givenName\":\"Ann\",\"familyName\":\"Lee\"}}"),
        201);
    const char *id = kit_string("id");
    ck_assert_uint_eq(strlen(id), 19);
    ck_assert_uint_eq(strspn(id, "0123456789"), 19);
    ck_assert_str_eq(kit_string("displayName"), "Ann Lee");
    ck_assert_str_eq(kit_string("userType"), "Full");
    ck_assert(cJSON_IsTrue(json_get(kit.json, "active")));
    ck_assert_str_eq(json_string(kit_item("emails", 0), "value"), "ann@example.com");
    ck_assert_str_eq(json_string(kit_item("groups", 0), "display"), "Everybody");
    ck_assert_str_eq(json_string(kit_item("roles", 0), "value"), "ORGANIZATION_INTERNAL_USER");
    ck_assert_ptr_nonnull(strstr(kit.reply.location, id));
    ck_assert_str_eq(kit.reply.content_type, "application/scim+json");
    ck_assert(kit.reply.applied);
    ck_assert_str_eq(kit.reply.user_id, id);
}
END_TEST

static const struct {
    const char *why, *body;
    int status;
    const char *scim_type, *detail;
} bad_creates[] = {
    {"no userName", "{}", 400, "invalidValue", "userName"},
    {"userName is no e-mail", "{\"userName\":\"ann\"}", 400, "invalidValue", "User name 'ann' is invalid"},
    {"userName is no string", "{\"userName\":1}", 400, "invalidValue", "userName"},
    {"no JSON", "{", 400, "invalidSyntax", "JSON"},
    {"no object", "[]", 400, "invalidSyntax", "object"},
    {"half a name", "{\"userName\":\"b@example.com\",\"name\":{\"givenName\":\"B\"}}", 400, "invalidValue",
     "familyName"},
    {"display name of 61 characters",
     "{\"userName\":\"b@example.com\",\"displayName\":"
     "\"1234567890123456789012345678901234567890123456789012345678901\"}",
     400, "invalidValue", "displayName"},
    {"employee number of 21 characters",
     "{\"userName\":\"b@example.com\",\"" ENTERPRISE "\":{\"employeeNumber\":\"123456789012345678901\"}}",
     400, "invalidValue", "employeeNumber"},
    {"given and family name of 61 characters together",
     "{\"userName\":\"b@example.com\",\"name\":{\"givenName\":\"1234567890123456789012345678901\","
     "\"familyName\":"
     "\"123456789012345678901234567890\"}}",
     400, "invalidValue", "name"},
    {"unknown licence", "{\"userName\":\"b@example.com\",\"userType\":\"Gold\"}", 400, "invalidValue",
     "userType"},
    {"guest role",
     "{\"userName\":\"b@example.com\",\"roles\":[{\"value\":\"ORGANIZATION_TEAM_GUEST_USER\"}]}", 400,
     "invalidValue", "roles"},
    {"photo of another type",
     "{\"userName\":\"b@example.com\",\"photos\":[{\"value\":\"https://x.example/a.svg\"}]}", 400,
     "invalidValue", "photos"},
    {"active is no boolean", "{\"userName\":\"b@example.com\",\"active\":\"maybe\"}", 400, "invalidValue",
     "active"},
};

START_TEST(refuses_a_bad_user_and_stores_nothing)
{
    ck_assert_int_eq(kit_call("POST", "/Users", bad_creates[_i].body), bad_creates[_i].status);
    ck_assert_str_eq(kit_string("scimType"), bad_creates[_i].scim_type);
    ck_assert_msg(strstr(kit_string("detail"), bad_creates[_i].detail), "%s: %s", bad_creates[_i].why,
                  kit_string("detail"));
    ck_assert_str_eq(json_string(kit.json, "status"), "400");
    ck_assert_uint_eq(miro_users_n(kit.m), 0);
}
END_TEST

START_TEST(ignores_unknown_and_read_only_attributes)
{
    ck_assert_int_eq(
        kit_call("POST", "/Users",
                 "{\"userName\":\"ann@example.com\",\"externalId\":\"x\",\"title\":\"Boss\",\"id\":\"1\","
                 "\"emails\":[{\"value\":\"other@example.com\"}],\"groups\":[{\"value\":\"1\"}],"
                 "\"" ENTERPRISE "\":{\"manager\":{\"value\":\"not a number\"},\"department\":\"R&D\"}}"),
        201);
    ck_assert_str_eq(json_string(kit_item("emails", 0), "value"), "ann@example.com");
    ck_assert_ptr_null(json_get(kit.json, "externalId"));
    ck_assert_ptr_null(json_get(kit.json, "title"));
    ck_assert_str_ne(kit_string("id"), "1");
    const cJSON *extension = json_get(kit.json, ENTERPRISE);
    ck_assert_str_eq(json_string(extension, "department"), "R&D");
    ck_assert_ptr_null(json_get(extension, "manager"));
}
END_TEST

START_TEST(refuses_a_second_user_of_the_same_name_in_any_case)
{
    static const struct {
        int configured;
        const char *scim_type;
    } rows[] = {{409, "uniqueness"}, {400, "invalidValue"}};
    kit_config();
    kit.cfg.duplicate_status = rows[_i].configured;
    kit_start();
    kit_user("ann@example.com");
    ck_assert_int_eq(kit_call("POST", "/Users", "{\"userName\":\"Ann@Example.com\"}"), rows[_i].configured);
    ck_assert_str_eq(kit_string("scimType"), rows[_i].scim_type);
    ck_assert_ptr_nonnull(strstr(kit_string("detail"), "'not unique'"));
}
END_TEST

START_TEST(gets_a_user_by_id_and_404_for_others)
{
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_callf("GET", NULL, "/api/v1/scim/Users/%s", u->id), 200);
    ck_assert_str_eq(kit_string("userName"), "ann@example.com");
    ck_assert_int_eq(kit_call("GET", "/Users/3458764500000000001", NULL), 404);
    ck_assert_str_eq(kit_string("detail"), "No resource with ID 3458764500000000001");
    ck_assert_str_eq(kit_string("status"), "404");
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s/", u->id), 200);
}
END_TEST

START_TEST(finds_a_user_by_name)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit_user("bob@example.com");
    static const char *const filters[] = {
        "userName%20eq%20%22ann@example.com%22", "username+Eq+%22ANN%40example.com%22",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName%20eq%20%22ann@example.com%22"};
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
        ck_assert_int_eq(kit_callf("GET", NULL, "/Users?filter=%s", filters[i]), 200);
        ck_assert_int_eq(kit_int("totalResults"), 1);
        ck_assert_str_eq(json_string(kit_item("Resources", 0), "id"), u->id);
    }
    ck_assert_int_eq(kit_call("GET", "/Users?filter=userName%20eq%20%22eve@example.com%22", NULL), 200);
    ck_assert_int_eq(kit_int("totalResults"), 0);
}
END_TEST

START_TEST(hides_guests)
{
    const struct miro_user *u = miro_add_user(
        kit.m, &(struct miro_user_spec){.userName = "guest@example.com", .guest = true}, kit.now_ms);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 404);
    ck_assert_int_eq(kit_patch("Users", u->id, replace("active", "false")), 404);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), 404);
    kit_call("GET", "/Users?filter=userName%20eq%20%22guest@example.com%22", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 0);
    kit_call("GET", "/Users", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 0);
}
END_TEST

/* Each row: operations on a fresh user, what the user is afterwards. */
static const struct {
    const char *operations, *attribute, *value;
} patches[] = {
    {"{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"Ann L\"}", "displayName", "Ann L"},
    {"{\"op\":\"replace\",\"path\":\"displayName\",\"value\":\"Ann L\"}", "displayName", "Ann L"},
    {"{\"op\":\"Replace\",\"value\":{\"displayName\":\"Ann L\"}}", "displayName", "Ann L"},
    {"{\"op\":\"Add\",\"path\":\"name.givenName\",\"value\":\"Ann\"}", "name.givenName", "Ann"},
    {"{\"op\":\"Replace\",\"value\":{\"name.familyName\":\"Lee\"}}", "name.familyName", "Lee"},
    {"{\"op\":\"Replace\",\"path\":\"name\",\"value\":{\"familyName\":\"Lee\"}}", "name.familyName", "Lee"},
    {"{\"op\":\"Replace\",\"path\":\"" ENTERPRISE ":department\",\"value\":\"R&D\"}", "department", "R&D"},
    {"{\"op\":\"Replace\",\"value\":{\"" ENTERPRISE "\":{\"costCenter\":\"77\"}}}", "costCenter", "77"},
    {"{\"op\":\"Replace\",\"value\":{\"" ENTERPRISE ":division\":\"EMEA\"}}", "division", "EMEA"},
    {"{\"op\":\"Replace\",\"path\":\"" ENTERPRISE ":costCentre\",\"value\":\"77\"}", "costCenter", "(none)"},
    {"{\"op\":\"Replace\",\"path\":\"" ENTERPRISE ":manager\",\"value\":{\"value\":\"42\"}}", "manager",
     "42"},
    {"{\"op\":\"Replace\",\"path\":\"" ENTERPRISE ":manager.value\",\"value\":\"x42\"}", "manager", "(none)"},
    {"{\"op\":\"Replace\",\"path\":\"photos[type eq "
     "\\\"photo\\\"].value\",\"value\":\"https://x.example/a.png\"}",
     "photo", "https://x.example/a.png"},
    {"{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"A\"},{\"op\":\"Remove\",\"path\":"
     "\"displayName\"}",
     "displayName", "(none)"},
    {"{\"op\":\"Replace\",\"path\":\"preferredLanguage\",\"value\":\"en_US\"}", "preferredLanguage", "en_US"},
    {"{\"op\":\"Replace\",\"path\":\"title\",\"value\":\"Boss\"}", "title", "(none)"},
};

START_TEST(patches_an_attribute_and_answers_the_whole_user)
{
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, patches[_i].operations), 200);
    ck_assert_str_eq(kit_attr(u, patches[_i].attribute), patches[_i].value);
    ck_assert_str_eq(kit_string("id"), u->id);
    ck_assert_str_eq(kit_string("userName"), "ann@example.com");
}
END_TEST

START_TEST(deactivates_by_boolean_and_by_string)
{
    static const char *const values[] = {"false", "\"false\"", "\"False\""};
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("active", values[_i])), 200);
    ck_assert(!u->active);
    ck_assert(cJSON_IsFalse(json_get(kit.json, "active")));
    ck_assert_uint_eq(u->n_teams, 1);
    ck_assert_int_eq(kit_patch("Users", u->id, "{\"op\":\"Replace\",\"value\":{\"active\":true}}"), 200);
    ck_assert(u->active);
}
END_TEST

START_TEST(does_nothing_to_emails)
{
    static const char *const paths[] = {"emails[type eq \\\"work\\\"].value", "emails.value", "emails"};
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, replace(paths[_i], "\"new@example.com\"")), 200);
    ck_assert_str_eq(json_string(kit_item("emails", 0), "value"), "ann@example.com");
    ck_assert_str_eq(u->userName, "ann@example.com");
}
END_TEST

static const struct {
    const char *why, *body;
    int status;
    const char *scim_type;
} bad_patches[] = {
    {"no schemas", "{\"Operations\":[{\"op\":\"Replace\",\"path\":\"active\",\"value\":true}]}", 400,
     "invalidSyntax"},
    {"no operations", PATCH_HEAD PATCH_TAIL, 400, "invalidSyntax"},
    {"unknown op", PATCH_HEAD "{\"op\":\"move\",\"path\":\"active\",\"value\":true}" PATCH_TAIL, 400,
     "invalidSyntax"},
    {"remove without path", PATCH_HEAD "{\"op\":\"Remove\"}" PATCH_TAIL, 400, "noTarget"},
    {"replace without value", PATCH_HEAD "{\"op\":\"Replace\",\"path\":\"active\"}" PATCH_TAIL, 400,
     "invalidValue"},
    {"no path and no object", PATCH_HEAD "{\"op\":\"Replace\",\"value\":true}" PATCH_TAIL, 400,
     "invalidValue"},
    {"path without end", PATCH_HEAD "{\"op\":\"Remove\",\"path\":\"roles[value eq \\\"a\\\"\"}" PATCH_TAIL,
     400, "invalidPath"},
    {"downgrade", PATCH_HEAD "{\"op\":\"Replace\",\"path\":\"userType\",\"value\":\"Free\"}" PATCH_TAIL, 400,
     "invalidValue"},
    {"second operation fails",
     PATCH_HEAD "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"x\"},{\"op\":\"Replace\",\"path\":"
                "\"active\",\"value\":7}" PATCH_TAIL,
     400, "invalidValue"},
};

START_TEST(refuses_a_bad_patch_and_applies_none_of_it)
{
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_callf("PATCH", bad_patches[_i].body, "/Users/%s", u->id), bad_patches[_i].status);
    ck_assert_str_eq(kit_string("scimType"), bad_patches[_i].scim_type);
    ck_assert_str_eq(kit_attr(u, "displayName"), "(none)");
    ck_assert(!kit.reply.applied);
}
END_TEST

START_TEST(freezes_name_licence_and_role_of_an_inactive_user)
{
    static const struct {
        const char *path, *value;
    } rows[] = {{"userName", "\"new@example.com\""},
                {"userType", "\"Full\""},
                {"roles.value", "\"ORGANIZATION_INTERNAL_ADMIN\""},
                {"roles", "[{\"type\":\"organization_admin_role\",\"value\":\"Content Admin\"}]"}};
    kit_config();
    kit.cfg.default_licence = "Free";
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    kit_patch("Users", u->id, replace("active", "false"));
    ck_assert_int_eq(kit_patch("Users", u->id, replace(rows[_i].path, rows[_i].value)), 409);
    ck_assert_int_eq(kit_patch("Users", u->id, replace("displayName", "\"still possible\"")), 200);
    ck_assert_str_eq(u->userName, "ann@example.com");
    ck_assert_str_eq(kit_attr(u, "userType"), "Free");
    ck_assert_int_eq(u->role, MIRO_INTERNAL_USER);
    ck_assert_uint_eq(u->n_admin_roles, 0);
}
END_TEST

START_TEST(freezes_silently_when_told_so)
{
    kit_config();
    kit.cfg.frozen_is_silent = true;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    kit_patch("Users", u->id, replace("active", "false"));
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userName", "\"new@example.com\"")), 200);
    ck_assert_str_eq(u->userName, "ann@example.com");
}
END_TEST

START_TEST(renames_and_refuses_a_taken_name_with_400)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit_user("bob@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userName", "\"bob@example.com\"")), 400);
    ck_assert_str_eq(kit_string("detail"), "User name 'bob@example.com' is invalid: 'not unique'");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userName", "\"ann.lee@example.com\"")), 200);
    ck_assert_str_eq(json_string(kit_item("emails", 0), "value"), "ann.lee@example.com");
    ck_assert_ptr_null(miro_user_by_name(kit.m, "ann@example.com"));
    ck_assert_ptr_eq(miro_user_by_name(kit.m, "ann.lee@example.com"), u);
}
END_TEST

START_TEST(sets_the_primary_role_by_every_known_path)
{
    static const char *const paths[] = {"roles.value", "roles[primary eq true].value",
                                        "roles[primary eq \\\"True\\\"].value"};
    kit_config();
    kit.cfg.admin = "root@example.com";
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, replace(paths[_i], "\"ORGANIZATION_INTERNAL_ADMIN\"")), 200);
    ck_assert_int_eq(u->role, MIRO_INTERNAL_ADMIN);
    ck_assert_int_eq(kit_patch("Users", u->id, replace(paths[_i], "\"ORGANIZATION_INTERNAL_USER\"")), 200);
    ck_assert_int_eq(u->role, MIRO_INTERNAL_USER);
    ck_assert_int_eq(kit_patch("Users", u->id, replace(paths[_i], "\"ORGANIZATION_EXTERNAL_USER\"")), 400);
}
END_TEST

START_TEST(adds_and_removes_admin_roles)
{
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(
        kit_patch("Users", u->id,
                  "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"Content Admin\",\"type\":"
                  "\"organization_admin_role\",\"primary\":false},{\"value\":\"Pizza Admin\",\"type\":"
                  "\"organization_admin_role\"}]}"),
        200);
    ck_assert_uint_eq(u->n_admin_roles, 2);
    ck_assert_int_eq(
        kit_patch("Users", u->id, "{\"op\":\"Remove\",\"path\":\"roles[value eq \\\"Content Admin\\\"]\"}"),
        200);
    ck_assert_uint_eq(u->n_admin_roles, 1);
    ck_assert_str_eq(u->admin_roles[0], "Pizza Admin");
    ck_assert_int_eq(
        kit_patch("Users", u->id, "{\"op\":\"Remove\",\"path\":\"roles[value eq \\\"Content Admin\\\"]\"}"),
        400);
}
END_TEST

START_TEST(upgrades_licences_only)
{
    kit_config();
    kit.cfg.default_licence = "Free";
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userType", "\"Full\"")), 200);
    ck_assert_str_eq(kit_attr(u, "userType"), "Full");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userType", "\"Free Restricted\"")), 400);
    ck_assert_str_eq(kit_attr(u, "userType"), "Full");
}
END_TEST

START_TEST(gives_restricted_licences_when_the_full_ones_are_gone)
{
    kit_config();
    kit.cfg.full_licences = 1;
    kit_start();
    ck_assert_str_eq(kit_attr(kit_user("ann@example.com"), "userType"), "Full");
    const struct miro_user *u = kit_user("bob@example.com");
    ck_assert_str_eq(kit_attr(u, "userType"), "Free Restricted");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userType", "\"Full\"")), 200);
    ck_assert_str_eq(kit_attr(u, "userType"), "Free Restricted");
}
END_TEST

START_TEST(puts_what_is_supplied_and_keeps_the_rest)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit_patch("Users", u->id, replace("preferredLanguage", "\"en_US\""));
    ck_assert_int_eq(kit_callf("PUT",
                               "{\"userName\":\"ann@example.com\",\"displayName\":\"Ann\",\"emails\":[]}",
                               "/Users/%s", u->id),
                     200);
    ck_assert_str_eq(kit_attr(u, "displayName"), "Ann");
    ck_assert_str_eq(kit_attr(u, "preferredLanguage"), "en_US");
}
END_TEST

START_TEST(put_clears_the_rest_when_told_so)
{
    kit_config();
    kit.cfg.put_clears = true;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    kit_patch("Users", u->id, replace("preferredLanguage", "\"en_US\""));
    ck_assert_int_eq(kit_callf("PUT", "{\"userName\":\"ann@example.com\"}", "/Users/%s", u->id), 200);
    ck_assert_str_eq(kit_attr(u, "preferredLanguage"), "(none)");
    ck_assert_str_eq(kit_attr(u, "userType"), "Full");
}
END_TEST

START_TEST(deletes_a_user_who_can_come_back)
{
    kit_config();
    kit.cfg.recreate_with_new_id = _i;
    kit_start();
    char id[MIRO_ID_SIZE];
    const struct miro_user *u = kit_user("ann@example.com");
    memcpy(id, u->id, sizeof id);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", id), 204);
    ck_assert_uint_eq(kit.reply.body.n, 0);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", id), 404);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", id), 404);
    ck_assert(miro_user_by_id(kit.m, id)->deleted);
    u = kit_user("ann@example.com");
    ck_assert_int_eq(strcmp(u->id, id) != 0, _i);
    ck_assert(!u->deleted && u->active);
}
END_TEST

START_TEST(keeps_the_last_admin)
{
    kit_config();
    kit.cfg.admin = "root@example.com";
    kit_start();
    const struct miro_user *root = miro_user_by_name(kit.m, "root@example.com");
    ck_assert_int_eq(kit_patch("Users", root->id, replace("active", "false")), 409);
    ck_assert_str_eq(kit_string("detail"), "Any account in organization must have at least one admin");
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", root->id), 409);
    ck_assert_int_eq(kit_patch("Users", root->id, replace("roles.value", "\"ORGANIZATION_INTERNAL_USER\"")),
                     409);
    const struct miro_user *second = kit_user("second@example.com");
    kit_patch("Users", second->id, replace("roles.value", "\"ORGANIZATION_INTERNAL_ADMIN\""));
    ck_assert_int_eq(kit_patch("Users", root->id, replace("active", "false")),
                     409); /* the team's last one still */
    miro_join_team(kit.m, miro_team_at(kit.m, 0)->id, second->id, true);
    ck_assert_int_eq(kit_patch("Users", root->id, replace("active", "false")), 200);
}
END_TEST

START_TEST(refuses_updates_of_users_of_two_organisations)
{
    const struct miro_user *u = miro_add_user(
        kit.m, &(struct miro_user_spec){.userName = "two@example.com", .other_org = true}, kit.now_ms);
    ck_assert_int_eq(kit_patch("Users", u->id, replace("active", "false")), 409);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 200);
}
END_TEST

START_TEST(checks_domains)
{
    static const char *const allowed[] = {"example.com", "example.org", "example.net", NULL};
    static const char *const claimed[] = {"example.com", "example.org", NULL};
    kit_config();
    kit.cfg.allowed_domains = allowed;
    kit.cfg.claimed_domains = claimed;
    kit_start();
    ck_assert_int_eq(kit_call("POST", "/Users", "{\"userName\":\"ann@evil.test\"}"), 409);
    ck_assert_str_eq(kit_string("detail"), "ann@evil.test is not whitelisted");
    const struct miro_user *u = kit_user("ann@example.com"), *other = kit_user("bob@example.net");
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userName", "\"ann@example.net\"")), 400);
    ck_assert_int_eq(kit_patch("Users", u->id, replace("userName", "\"ann@example.org\"")), 200);
    ck_assert_int_eq(kit_patch("Users", other->id, replace("userName", "\"bob@example.com\"")), 400);
}
END_TEST

START_TEST(keeps_a_history_of_who_was_active_when)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit.now_ms += 1000;
    kit_patch("Users", u->id, replace("displayName", "\"x\""));
    kit_patch("Users", u->id, replace("active", "false"));
    kit.now_ms += 1000;
    kit_patch("Users", u->id, replace("active", "true"));
    kit.now_ms += 1000;
    kit_callf("DELETE", NULL, "/Users/%s", u->id);
    ck_assert_uint_eq(u->n_history, 4);
    ck_assert_str_eq(u->history[0].cause, "POST /Users");
    ck_assert_str_eq(u->history[1].cause, "PATCH /Users");
    ck_assert_str_eq(u->history[3].cause, "DELETE /Users");
    ck_assert(miro_was_active_at(u, kit.now_ms - 3000));
    ck_assert(!miro_was_active_at(u, kit.now_ms - 1500));
    ck_assert(miro_was_active_at(u, kit.now_ms - 500));
    ck_assert(!miro_was_active_at(u, kit.now_ms));
    ck_assert_uint_eq(u->writes, 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox users");
    TCase *t = tcase_create("users");
    tcase_add_checked_fixture(t, kit_setup, kit_teardown);
    tcase_add_test(t, creates_a_user_with_a_decimal_id_of_19_digits);
    tcase_add_loop_test(t, refuses_a_bad_user_and_stores_nothing, 0, (int)ARRAY_SIZE(bad_creates));
    tcase_add_test(t, ignores_unknown_and_read_only_attributes);
    tcase_add_test(t, gets_a_user_by_id_and_404_for_others);
    tcase_add_test(t, finds_a_user_by_name);
    tcase_add_test(t, hides_guests);
    tcase_add_loop_test(t, patches_an_attribute_and_answers_the_whole_user, 0, (int)ARRAY_SIZE(patches));
    tcase_add_loop_test(t, deactivates_by_boolean_and_by_string, 0, 3);
    tcase_add_loop_test(t, does_nothing_to_emails, 0, 3);
    tcase_add_loop_test(t, refuses_a_bad_patch_and_applies_none_of_it, 0, (int)ARRAY_SIZE(bad_patches));
    tcase_add_test(t, renames_and_refuses_a_taken_name_with_400);
    tcase_add_test(t, adds_and_removes_admin_roles);
    tcase_add_test(t, puts_what_is_supplied_and_keeps_the_rest);
    tcase_add_test(t, refuses_updates_of_users_of_two_organisations);
    tcase_add_test(t, keeps_a_history_of_who_was_active_when);
    suite_add_tcase(s, t);
    TCase *own = tcase_create("with a configuration of their own");
    tcase_add_checked_fixture(own, NULL, kit_teardown);
    tcase_add_loop_test(own, refuses_a_second_user_of_the_same_name_in_any_case, 0, 2);
    tcase_add_loop_test(own, freezes_name_licence_and_role_of_an_inactive_user, 0, 4);
    tcase_add_test(own, freezes_silently_when_told_so);
    tcase_add_loop_test(own, sets_the_primary_role_by_every_known_path, 0, 3);
    tcase_add_test(own, upgrades_licences_only);
    tcase_add_test(own, gives_restricted_licences_when_the_full_ones_are_gone);
    tcase_add_test(own, put_clears_the_rest_when_told_so);
    tcase_add_loop_test(own, deletes_a_user_who_can_come_back, 0, 2);
    tcase_add_test(own, keeps_the_last_admin);
    tcase_add_test(own, checks_domains);
    suite_add_tcase(s, own);
    return kit_run(s);
}
