/* Miro's REST side, over the same state as SCIM. */
#include "test_sandbox_kit.h"

static const struct miro_user *boss, *ann;
static const char *token;

static void setup(void)
{
    kit_config();
    kit.cfg.audit_max = 100;
    token = "Bearer rest";
    kit_start();
    boss = miro_add_user(kit.m, &(struct miro_user_spec){.userName = "boss@example.com", .admin = true},
                         kit.now_ms);
    ann = kit_user("ann@example.com");
}

static int rest(const char *method, const char *target, const char *body)
{
    struct miro_request rq = {.method = method,
                              .target = target,
                              .authorization = token,
                              .content_type = body ? "application/json" : NULL,
                              .body = body,
                              .body_n = body ? strlen(body) : 0,
                              .fault = kit.fault};
    return kit_request(&rq);
}

/* `path` is below the organisation's. */
static int org(const char *method, const char *body, const char *path_format, ...)
    __attribute__((format(printf, 3, 4)));
static int org(const char *method, const char *body, const char *path_format, ...)
{
    char path[600], target[700];
    va_list args;
    const char *keep = token;
    va_start(args, path_format);
    vsnprintf(path, sizeof path, path_format, args);
    va_end(args);
    ck_assert_int_eq(rest("GET", "/v1/oauth-token", NULL), 200);
    snprintf(target, sizeof target, "/v2/orgs/%s%s", json_string(json_get(kit.json, "organization"), "id"),
             path);
    token = keep;
    return rest(method, target, body);
}

/* Makes a team or group by REST and copies its id. */
static void made(const char *kind, const char *name, char id[24])
{
    char body[200];
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    ck_assert_int_eq(org("POST", body, "/%s", kind), 201);
    snprintf(id, 24, "%s", kit_string("id"));
}

static int size_of_page(void)
{
    ck_assert_str_eq(kit_string("type"), "cursor-list");
    ck_assert_int_eq(kit_int("size"), cJSON_GetArraySize(json_get(kit.json, "data")));
    return (int)kit_int("size");
}

/* ---- tokens, scopes, credits, errors -------------------------------------------------------------------- */

START_TEST(tells_whose_token_it_is)
{
    ck_assert_int_eq(rest("GET", "/v1/oauth-token", NULL), 200);
    ck_assert_str_eq(json_string(json_get(kit.json, "user"), "id"), boss->id);
    ck_assert_str_eq(json_string(json_get(kit.json, "organization"), "name"), "Sandbox");
    ck_assert_str_eq(kit.reply.content_type, "application/json");
    ck_assert_int_eq(org("GET", NULL, "%s", ""), 200);
    ck_assert_str_eq(kit_string("type"), "organization");
    ck_assert_int_eq(kit_int("fullLicensesPurchased"), 2);
}
END_TEST

static const struct {
    const char *token, *method, *target;
    int status;
    const char *code;
} refusals[] = {
    {NULL, "GET", "/v2/audit/logs", 401, "tokenNotProvided"},
    {"Bearer wrong", "GET", "/v2/audit/logs", 401, "tokenNotProvided"},
    {"Bearer wrong", "GET", "/v1/oauth-token", 400, "invalidParameters"},
    {"Bearer reader", "GET", "/v2/audit/logs", 403, "forbiddenAccess"},
    {"Bearer all", "GET", "/v2/orgs/1/members", 403, "forbiddenAccess"},
    {"Bearer all", "GET", "/v2/nothing", 404, "notFound"},
    {"Bearer all", "PUT", "/v2/audit/logs", 405, "methodNotAllowed"},
    {"Bearer all", "GET", "/v2/audit/logs", 400, "invalidParameters"},
};

START_TEST(refuses_in_the_form_of_rest)
{
    static const char *const tokens[] = {"all", "reader=organizations:read+organizations:teams:read", NULL};
    struct miro_config cfg = kit.cfg;
    cfg.rest_tokens = tokens;
    miro_configure(kit.m, &cfg);
    token = refusals[_i].token;
    ck_assert_int_eq(rest(refusals[_i].method, refusals[_i].target, NULL), refusals[_i].status);
    ck_assert_str_eq(kit_string("code"), refusals[_i].code);
    ck_assert_str_eq(kit_string("type"), "error");
    ck_assert_int_eq(kit_int("status"), refusals[_i].status);
    token = "Bearer reader";
    ck_assert_int_eq(org("GET", NULL, "/members"), 200);
    rest("GET", "/v1/oauth-token", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "scopes")), 2);
}
END_TEST

START_TEST(charges_credits_by_level_until_the_minute_is_over)
{
    struct miro_config cfg = kit.cfg;
    cfg.rest_credits = 1000;
    cfg.enforce_limits = true;
    miro_configure(kit.m, &cfg);
    ck_assert_int_eq(org("GET", NULL, "/members"), 200); /* 50 for the token's call, 500 for this one */
    ck_assert(kit.reply.has_rate);
    ck_assert_int_eq(kit.reply.rate_limit, 1000);
    ck_assert_int_eq(kit.reply.rate_remaining, 450);
    ck_assert_int_gt(kit.reply.rate_reset_s * 1000, kit.now_ms);
    ck_assert_int_eq(org("GET", NULL, "/members"), 429);
    ck_assert_str_eq(kit_string("code"), "tooManyRequests");
    ck_assert_uint_eq(miro_over_limit(kit.m), 1);
    ck_assert_int_eq(kit_call("GET", "/Users", NULL), 200);
    kit.now_ms += 60000;
    ck_assert_int_eq(org("GET", NULL, "/members"), 200);
    miro_limits_clear(kit.m);
    ck_assert_uint_eq(miro_over_limit(kit.m), 0);
}
END_TEST

START_TEST(faults_speak_rest_too)
{
    kit.fault = MIRO_FAULT_429_RETRY_AFTER;
    ck_assert_int_eq(rest("GET", "/v1/oauth-token", NULL), 429);
    ck_assert_str_eq(kit_string("code"), "tooManyRequests");
    ck_assert_str_eq(kit.reply.retry_after, "30");
    kit.fault = MIRO_FAULT_NONE;
}
END_TEST

/* ---- members -------------------------------------------------------------------------------------------- */

START_TEST(shows_the_same_people_as_scim_and_the_guests_too)
{
    const struct miro_user *guest = miro_add_user(
        kit.m, &(struct miro_user_spec){.userName = "guest@example.com", .guest = true}, kit.now_ms);
    kit_patch(
        "Users", ann->id,
        "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"User Admin\"},{\"value\":\"Auditor\"}]}");
    kit_patch("Users", ann->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}");
    miro_note_sign_in(kit.m, ann->id, kit.now_ms - 1000);
    ck_assert_int_eq(org("GET", NULL, "/members/%s", ann->id), 200);
    ck_assert_str_eq(kit_string("email"), "ann@example.com");
    ck_assert(cJSON_IsFalse(json_get(kit.json, "active")));
    ck_assert_str_eq(kit_string("license"), "full");
    ck_assert_str_eq(kit_string("role"), "organization_internal_user");
    ck_assert_str_eq(kit_string("lastActivityAt"), "2023-11-14T22:13:19.000Z");
    ck_assert_str_eq(json_string(kit_item("adminRoles", 0), "type"), "prebuilt");
    ck_assert_str_eq(json_string(kit_item("adminRoles", 1), "type"), "custom");
    ck_assert_int_eq(org("GET", NULL, "/members/%s", guest->id), 200);
    ck_assert_str_eq(kit_string("role"), "organization_external_user");
    ck_assert_str_eq(kit_string("license"), "free_restricted");
    ck_assert_ptr_null(json_get(kit.json, "lastActivityAt"));
    kit_callf("DELETE", NULL, "/Users/%s", ann->id);
    ck_assert_int_eq(org("GET", NULL, "/members/%s", ann->id), 404);
}
END_TEST

START_TEST(pages_members_by_the_id_of_the_last_one)
{
    char path[100] = "/members?limit=2";
    int n = 0;
    for (int i = 0; i < 3; i++) {
        char name[40];
        snprintf(name, sizeof name, "user%d@example.com", i);
        kit_user(name);
    }
    while (*path) {
        ck_assert_int_eq(org("GET", NULL, "%s", path), 200);
        int size = size_of_page();
        n += size;
        const char *cursor = json_string(kit.json, "cursor");
        if (cursor)
            ck_assert_str_eq(cursor, json_string(kit_item("data", size - 1), "id"));
        snprintf(path, sizeof path, cursor ? "/members?limit=2&cursor=%s" : "%s", cursor ? cursor : "");
    }
    ck_assert_int_eq(n, 5);
    ck_assert_int_eq(org("GET", NULL, "/members?cursor=17"), 400);
    ck_assert_int_eq(org("GET", NULL, "/members?limit=101"), 400);
    ck_assert_int_eq(org("GET", NULL, "/members?limit=0"), 400);
}
END_TEST

static const struct {
    const char *query;
    int found; /* -1: 400 */
} member_filters[] = {
    {"?active=true", 3},
    {"?active=false", 1},
    {"?license=full", 3},
    {"?license=free_restricted", 1},
    {"?role=organization_internal_admin", 1},
    {"?role=organization_external_user&active=true", 0},
    {"?active=maybe", -1},
    {"?role=boss", -1},
    {"?license=gold", -1},
};

START_TEST(filters_members)
{
    miro_add_user(kit.m,
                  &(struct miro_user_spec){.userName = "guest@example.com", .guest = true, .inactive = true},
                  kit.now_ms);
    kit_user("bob@example.com");
    int status = org("GET", NULL, "/members%s", member_filters[_i].query);
    ck_assert_int_eq(status, member_filters[_i].found < 0 ? 400 : 200);
    if (status == 200)
        ck_assert_int_eq(size_of_page(), member_filters[_i].found);
}
END_TEST

START_TEST(emails_answer_a_bare_array)
{
    ck_assert_int_eq(org("GET", NULL, "/members?emails=ANN@example.com,nobody@example.com&active=false"),
                     200);
    ck_assert(cJSON_IsArray(kit.json));
    ck_assert_int_eq(cJSON_GetArraySize(kit.json), 1);
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(kit.json, 0), "id"), ann->id);
    ck_assert_int_eq(org("GET", NULL, "/members?emails=1,2,3,4,5,6,7,8,9,10,11"), 400);
}
END_TEST

START_TEST(resets_sessions)
{
    ck_assert_int_eq(rest("POST", "/v2/sessions/reset_all?email=ann%40example.com", NULL), 200);
    ck_assert_uint_eq(kit.reply.body.n, 0);
    ck_assert_int_eq(ann->sessions_reset_at_ms, kit.now_ms);
    ck_assert_int_eq(rest("POST", "/v2/sessions/reset_all?email=eve%40example.com", NULL), 404);
    ck_assert_int_eq(rest("POST", "/v2/sessions/reset_all", NULL), 400);
}
END_TEST

/* ---- teams ---------------------------------------------------------------------------------------------- */

START_TEST(creates_renames_finds_and_deletes_teams)
{
    char id[24];
    made("teams", "Design", id);
    kit_callf("GET", NULL, "/Groups/%s", id);
    ck_assert_str_eq(kit_string("displayName"), "Design");
    ck_assert_int_eq(org("PATCH", "{\"name\":\"Art\"}", "/teams/%s", id), 200);
    ck_assert_str_eq(kit_string("name"), "Art");
    kit_callf("GET", NULL, "/Groups/%s", id);
    ck_assert_str_eq(kit_string("displayName"), "Design"); /* the security group keeps its name */
    ck_assert_int_eq(org("GET", NULL, "/teams?name=aR"), 200);
    ck_assert_int_eq(size_of_page(), 1);
    ck_assert_int_eq(org("GET", NULL, "/teams?limit=1"), 200);
    ck_assert_ptr_nonnull(json_string(kit.json, "cursor"));
    ck_assert_int_eq(org("POST", "{\"name\":\"\"}", "/teams"), 400);
    ck_assert_int_eq(org("POST", NULL, "/teams"), 400);
    ck_assert_int_eq(org("DELETE", NULL, "/teams/%s", id), 204);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s", id), 404);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups/%s", id), 404);
}
END_TEST

START_TEST(team_members_are_invited_promoted_and_removed)
{
    char id[24];
    made("teams", "Design", id); /* by boss, its first admin */
    ck_assert_int_eq(org("POST", "{\"email\":\"ann@example.com\"}", "/teams/%s/members", id), 201);
    ck_assert_str_eq(kit_string("role"), "member");
    ck_assert_str_eq(kit_string("teamId"), id);
    ck_assert_int_eq(org("POST", "{\"email\":\"ann@example.com\"}", "/teams/%s/members", id), 409);
    ck_assert_int_eq(org("POST", "{\"email\":\"eve@example.com\"}", "/teams/%s/members", id), 404);
    ck_assert_int_eq(
        org("POST", "{\"email\":\"ann@example.com\",\"role\":\"king\"}", "/teams/%s/members", id), 400);
    kit_callf("GET", NULL, "/Groups/%s", id); /* SCIM shows the member, not the admin */
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 1);
    ck_assert_int_eq(org("DELETE", NULL, "/teams/%s/members/%s", id, boss->id), 409);
    ck_assert_int_eq(org("PATCH", "{\"role\":\"admin\"}", "/teams/%s/members/%s", id, ann->id), 200);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members?role=admin", id), 200);
    ck_assert_int_eq(size_of_page(), 2);
    ck_assert_int_eq(org("DELETE", NULL, "/teams/%s/members/%s", id, boss->id), 204);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members/%s", id, boss->id), 404);
    ck_assert_int_eq(org("PATCH", "{\"role\":\"member\"}", "/teams/%s/members/%s", id, ann->id), 409);
    ck_assert_int_eq(kit_patch("Users", ann->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}"),
                     409);
}
END_TEST

START_TEST(guests_are_in_teams_but_not_of_them)
{
    const struct miro_user *guest = miro_add_user(
        kit.m, &(struct miro_user_spec){.userName = "guest@example.com", .guest = true}, kit.now_ms);
    char id[24];
    made("teams", "Design", id);
    miro_join_team(kit.m, id, guest->id, false);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members/%s", id, guest->id), 200);
    ck_assert_str_eq(kit_string("role"), "non_team");
    ck_assert_int_eq(org("PATCH", "{\"role\":\"admin\"}", "/teams/%s/members/%s", id, guest->id), 409);
}
END_TEST

START_TEST(the_deactivated_cannot_be_invited)
{
    char id[24];
    made("teams", "Design", id);
    kit_patch("Users", ann->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}");
    ck_assert_int_eq(org("POST", "{\"email\":\"ann@example.com\"}", "/teams/%s/members", id), 409);
}
END_TEST

START_TEST(team_settings_are_read_and_changed)
{
    char id[24];
    made("teams", "Design", id);
    ck_assert_int_eq(org("GET", NULL, "/default_teams_settings"), 200);
    const cJSON *sharing = json_get(kit.json, "teamSharingPolicySettings");
    ck_assert_str_eq(json_string(sharing, "sharingOnAccount"), "allowed");
    ck_assert_int_eq(
        org("PATCH",
            "{\"teamInvitationSettings\":{\"whoCanInvite\":\"admins\"},\"teamSharingPolicySettings\":"
            "{\"allowListedDomains\":[\"a.com\",\"b.com\"],\"restrictAllowedDomains\":\"enabled\"}}",
            "/teams/%s/settings", id),
        200);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/settings", id), 200);
    sharing = json_get(kit.json, "teamSharingPolicySettings");
    ck_assert_str_eq(json_string(json_get(kit.json, "teamInvitationSettings"), "whoCanInvite"), "admins");
    ck_assert_str_eq(json_string(sharing, "restrictAllowedDomains"), "enabled");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(sharing, "allowListedDomains")), 2);
    ck_assert_str_eq(kit_string("teamId"), id);
    ck_assert_int_eq(
        org("PATCH", "{\"teamInvitationSettings\":{\"whoCanInvite\":\"cats\"}}", "/teams/%s/settings", id),
        400);
    ck_assert_int_eq(org("PATCH", "{\"teamSecrets\":{\"a\":\"b\"}}", "/teams/%s/settings", id), 400);
}
END_TEST

/* ---- user groups ---------------------------------------------------------------------------------------- */

START_TEST(user_groups_live_beside_teams)
{
    char group[24], team[24];
    made("groups", "Writers", group);
    made("teams", "Design", team);
    ck_assert_int_eq(org("POST", "{\"name\":\"writers\"}", "/groups"), 409);
    ck_assert_int_eq(org("PATCH", "{\"description\":\"Who write\"}", "/groups/%s", group), 200);
    ck_assert_str_eq(kit_string("description"), "Who write");
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups/%s", group), 404); /* SCIM shows teams */
    ck_assert_int_eq(org("POST", "{\"email\":\"ann@example.com\"}", "/groups/%s/members", group), 201);
    ck_assert_int_eq(org("POST", "{\"email\":\"ann@example.com\"}", "/groups/%s/members", group), 409);
    kit_callf("GET", NULL, "/Users/%s", ann->id);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "groups")), 1); /* the default team */
    char body[100];
    snprintf(body, sizeof body, "{\"userGroupId\":\"%s\",\"role\":\"member\"}", group);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members/%s", team, ann->id), 404);
    ck_assert_int_eq(org("POST", body, "/teams/%s/groups", team), 201);
    ck_assert_int_eq(org("POST", body, "/teams/%s/groups", team), 409);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members/%s", team, ann->id), 200);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members", team), 200);
    ck_assert_int_eq(size_of_page(), 2);
    ck_assert_int_eq(org("GET", NULL, "/groups/%s/teams/%s", group, team), 200);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/groups", team), 200);
    ck_assert_int_eq(size_of_page(), 1);
    ck_assert_int_eq(org("DELETE", NULL, "/teams/%s/groups/%s", team, group), 204);
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members", team), 200);
    ck_assert_int_eq(size_of_page(), 1);
    ck_assert_int_eq(org("DELETE", NULL, "/groups/%s/members/%s", group, ann->id), 204);
    ck_assert_int_eq(org("DELETE", NULL, "/groups/%s", group), 204);
    ck_assert_int_eq(org("GET", NULL, "/groups"), 200);
    ck_assert_int_eq(size_of_page(), 0);
}
END_TEST

START_TEST(many_group_members_change_at_once)
{
    char group[24], body[200];
    made("groups", "Writers", group);
    const struct miro_user *bob = kit_user("bob@example.com");
    miro_limits_clear(kit.m);
    snprintf(body, sizeof body, "{\"membersToAdd\":[\"ann@example.com\",\"%s\",\"eve@example.com\"]}",
             bob->id);
    ck_assert_int_eq(org("PATCH", body, "/groups/%s/members", group), 207);
    ck_assert_int_eq(miro_credits_get(kit.m, 0).used, 50 + 3 * 50);
    ck_assert_int_eq(cJSON_GetArraySize(kit.json), 2);
    const cJSON *added = cJSON_GetArrayItem(kit.json, 0), *failed = cJSON_GetArrayItem(kit.json, 1);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(added, "affectedUsers")), 2);
    ck_assert_ptr_nonnull(strstr(json_string(json_get(failed, "error"), "message"), "eve@example.com"));
    ck_assert_int_eq(org("PATCH", "{\"membersToRemove\":[\"ann@example.com\",\"eve@example.com\"]}",
                         "/groups/%s/members", group),
                     207);
    org("GET", NULL, "/groups/%s/members", group);
    ck_assert_int_eq(size_of_page(), 2); /* all or none */
    org("PATCH", "{\"membersToRemove\":[\"ann@example.com\"]}", "/groups/%s/members", group);
    org("GET", NULL, "/groups/%s/members", group);
    ck_assert_int_eq(size_of_page(), 1);
    ck_assert_int_eq(org("PATCH", "{}", "/groups/%s/members", group), 400);
}
END_TEST

/* Who leaves with the last group is not looked for again. */
START_TEST(a_member_who_is_named_twice_leaves_once)
{
    char group[24];
    made("groups", "Writers", group);
    struct miro_user_spec spec = {.userName = "new@example.com", .unregistered = true};
    const struct miro_user *u = miro_add_user(kit.m, &spec, kit.now_ms);
    org("PATCH", "{\"membersToAdd\":[\"new@example.com\",\"new@example.com\"]}", "/groups/%s/members", group);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(cJSON_GetArrayItem(kit.json, 0), "affectedUsers")), 1);
    ck_assert_uint_eq(u->n_teams, 1);
    org("PATCH", "{\"membersToRemove\":[\"new@example.com\",\"new@example.com\"]}", "/groups/%s/members",
        group);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(cJSON_GetArrayItem(kit.json, 0), "affectedUsers")), 1);
    ck_assert(u->deleted);
}
END_TEST

START_TEST(in_user_group_mode_scim_and_rest_share_the_groups)
{
    kit_teardown();
    kit_config();
    kit.cfg.group_mode = MIRO_USER_GROUPS;
    kit_start();
    ann = kit_user("ann@example.com");
    kit_call("GET", "/Groups", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 0); /* the default team is none of them */
    ck_assert_int_eq(kit_call("POST", "/Groups", "{\"displayName\":\"Writers\"}"), 201);
    char id[24];
    snprintf(id, sizeof id, "%s", kit_string("id"));
    ck_assert_int_eq(org("GET", NULL, "/groups/%s", id), 200);
    ck_assert_int_eq(org("PATCH", "{\"name\":\"Authors\"}", "/groups/%s", id), 200);
    ck_assert_int_eq(org("POST", "{\"email\":\"ann@example.com\"}", "/groups/%s/members", id), 201);
    kit_callf("GET", NULL, "/Groups/%s", id);
    ck_assert_str_eq(kit_string("displayName"), "Authors");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 1);
    ck_assert_int_eq(org("GET", NULL, "/teams"), 200);
    ck_assert_int_eq(size_of_page(), 1);
}
END_TEST

/* ---- the audit log -------------------------------------------------------------------------------------- */

static const char all_time[] = "createdAfter=2023-11-01T00:00:00.000Z&createdBefore=2099-01-01T00:00:00.000Z";

static int audit(const char *more)
{
    char target[300];
    snprintf(target, sizeof target, "/v2/audit/logs?%s%s", all_time, more);
    return rest("GET", target, NULL);
}

static const cJSON *event_named(const char *name)
{
    for (int i = 0; kit_item("data", i); i++)
        if (strcmp(json_string(kit_item("data", i), "event"), name) == 0)
            return kit_item("data", i);
    return NULL;
}

START_TEST(scim_and_rest_write_events)
{
    char id[24];
    kit_patch("Users", ann->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}");
    kit_patch("Users", ann->id,
              "{\"op\":\"Replace\",\"path\":\"active\",\"value\":true},{\"op\":\"Replace\",\"path\":"
              "\"displayName\","
              "\"value\":\"Ann\"}");
    made("teams", "Design", id);
    ck_assert_int_eq(audit(""), 200);
    const cJSON *off = event_named("user_deactivated"), *joined = event_named("team_user_added");
    ck_assert_ptr_nonnull(off);
    ck_assert_str_eq(json_string(json_get(off, "createdBy"), "type"), "scim_provisioner");
    ck_assert_str_eq(json_string(json_get(off, "object"), "id"), ann->id);
    ck_assert_ptr_nonnull(event_named("organization_user_added"));
    ck_assert_ptr_nonnull(event_named("user_reactivated"));
    ck_assert_ptr_nonnull(event_named("user_profile_changed"));
    ck_assert_str_eq(json_string(json_get(event_named("team_created"), "createdBy"), "email"),
                     "boss@example.com");
    ck_assert_ptr_nonnull(json_get(json_get(joined, "context"), "team"));
    ck_assert_str_eq(json_string(off, "createdAt"), "2023-11-14T22:13:20.000+0000");
    ck_assert_ptr_null(event_named("user_license_changed"));
}
END_TEST

START_TEST(events_are_paged_sorted_and_end_after_90_days)
{
    kit_user("bob@example.com");
    ck_assert_int_eq(audit("&limit=1&sorting=DESC"), 200);
    ck_assert_str_eq(json_string(kit_item("data", 0), "event"), "team_user_added"); /* the default team */
    char cursor[100], more[200];
    snprintf(cursor, sizeof cursor, "%s", kit_string("cursor"));
    *strchr(cursor, '#') = '\0';
    snprintf(more, sizeof more, "&limit=1&sorting=DESC&cursor=%s%%23%s", cursor,
             strchr(kit_string("cursor"), '#') + 1);
    ck_assert_int_eq(audit(more), 200);
    ck_assert_str_eq(json_string(kit_item("data", 0), "event"), "organization_user_added");
    ck_assert_int_eq(audit("&sorting=UP"), 400);
    kit.now_ms += (int64_t)91 * 86400000;
    ck_assert_int_eq(audit(""), 200);
    ck_assert_int_eq(size_of_page(), 0);
}
END_TEST

START_TEST(what_rest_adds_survives_a_dump_and_a_load)
{
    char team[24], group[24], body[100];
    struct buf first, second;
    struct error err;
    made("teams", "Design", team);
    made("groups", "Writers", group);
    org("PATCH",
        "{\"teamInvitationSettings\":{\"whoCanInvite\":\"admins\"},"
        "\"teamSharingPolicySettings\":{\"allowListedDomains\":[\"a.com\"]}}",
        "/teams/%s/settings", team);
    org("POST", "{\"email\":\"ann@example.com\"}", "/groups/%s/members", group);
    snprintf(body, sizeof body, "{\"userGroupId\":\"%s\",\"role\":\"member\"}", group);
    org("POST", body, "/teams/%s/groups", team);
    miro_note_sign_in(kit.m, ann->id, 42);
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    miro_dump_json(kit.m, &first);
    ck_assert_ptr_nonnull(strstr(first.p, "\"lastActivityAt\":42"));
    ck_assert_ptr_nonnull(strstr(first.p, "\"whoCanInvite\":\"admins\""));
    ck_assert_ptr_nonnull(strstr(first.p, "user_group_added_to_team"));
    ck_assert_msg(miro_load_json(kit.m, buf_str(&first), kit.now_ms + 5000, &err), "%s", err.message);
    miro_dump_json(kit.m, &second);
    ck_assert_str_eq(strstr(first.p, "\"teams\":[{"), strstr(second.p, "\"teams\":[{"));
    ck_assert_int_eq(org("GET", NULL, "/teams/%s/members", team), 200);
    ck_assert_int_eq(size_of_page(), 2);
    buf_done(&first);
    buf_done(&second);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox rest");
    TCase *t = tcase_create("rest");
    tcase_add_checked_fixture(t, setup, kit_teardown);
    tcase_add_test(t, tells_whose_token_it_is);
    tcase_add_loop_test(t, refuses_in_the_form_of_rest, 0, (int)ARRAY_SIZE(refusals));
    tcase_add_test(t, charges_credits_by_level_until_the_minute_is_over);
    tcase_add_test(t, faults_speak_rest_too);
    tcase_add_test(t, shows_the_same_people_as_scim_and_the_guests_too);
    tcase_add_test(t, pages_members_by_the_id_of_the_last_one);
    tcase_add_loop_test(t, filters_members, 0, (int)ARRAY_SIZE(member_filters));
    tcase_add_test(t, emails_answer_a_bare_array);
    tcase_add_test(t, resets_sessions);
    tcase_add_test(t, creates_renames_finds_and_deletes_teams);
    tcase_add_test(t, team_members_are_invited_promoted_and_removed);
    tcase_add_test(t, guests_are_in_teams_but_not_of_them);
    tcase_add_test(t, the_deactivated_cannot_be_invited);
    tcase_add_test(t, team_settings_are_read_and_changed);
    tcase_add_test(t, user_groups_live_beside_teams);
    tcase_add_test(t, many_group_members_change_at_once);
    tcase_add_test(t, a_member_who_is_named_twice_leaves_once);
    tcase_add_test(t, in_user_group_mode_scim_and_rest_share_the_groups);
    tcase_add_test(t, scim_and_rest_write_events);
    tcase_add_test(t, events_are_paged_sorted_and_end_after_90_days);
    tcase_add_test(t, what_rest_adds_survives_a_dump_and_a_load);
    suite_add_tcase(s, t);
    return kit_run(s);
}
