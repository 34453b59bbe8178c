/* The switches that make the sandbox differ from Miro as other SCIM servers do. */
#include "test_sandbox_kit.h"

static const char rename_it[] = "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"Ann A\"}";
static const char deactivate[] = "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}";

static const struct {
    enum miro_patch patch;
    int first, again; /* statuses of a PATCH that changes something, and of the same once more */
    const char *supported;
} patches[] = {
    {MIRO_PATCH_BODY, 200, 200, "true"},
    {MIRO_PATCH_EMPTY, 204, 204, "true"},
    {MIRO_PATCH_EMPTY_WHEN_UNCHANGED, 200, 204, "true"},
    {MIRO_PATCH_501, 501, 501, "false"},
    {MIRO_PATCH_405, 405, 405, "false"},
};

START_TEST(answers_a_patch_as_told)
{
    kit.cfg.patch = patches[_i].patch;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, rename_it), patches[_i].first);
    ck_assert_int_eq(kit.reply.body.n == 0, patches[_i].first == 204);
    ck_assert_int_eq(kit_patch("Users", u->id, rename_it), patches[_i].again);
    ck_assert_str_eq(kit.reply.allow, patches[_i].again == 405 ? "GET, PUT, DELETE" : "");
    ck_assert_str_eq(kit_attr(u, "displayName"), patches[_i].first < 300 ? "Ann A" : "(none)");
    ck_assert_int_eq(kit_patch("Groups", miro_team_at(kit.m, 0)->id, rename_it), patches[_i].first);
    kit_call("GET", "/ServiceProviderConfig", NULL);
    ck_assert_int_eq(cJSON_IsTrue(json_get(json_get(kit.json, "patch"), "supported")),
                     strcmp(patches[_i].supported, "true") == 0);
}
END_TEST

static const struct {
    enum miro_filtering filtering;
    int status;
    int64_t found;
} filterings[] = {{MIRO_FILTER_YES, 200, 1}, {MIRO_FILTER_REFUSED, 400, -1}, {MIRO_FILTER_IGNORED, 200, 2}};

START_TEST(filters_refuses_or_ignores)
{
    kit.cfg.filtering = filterings[_i].filtering;
    kit_start();
    kit_user("ann@example.com");
    kit_user("bob@example.com");
    ck_assert_int_eq(kit_call("GET", "/Users?filter=userName%20eq%20%22bob@example.com%22", NULL),
                     filterings[_i].status);
    ck_assert_int_eq(kit_int("totalResults"), filterings[_i].found);
    kit_call("GET", "/ServiceProviderConfig", NULL);
    ck_assert_int_eq(cJSON_IsTrue(json_get(json_get(kit.json, "filter"), "supported")), _i == 0);
}
END_TEST

START_TEST(etags_guard_writes_and_spare_reads)
{
    kit.cfg.etag = MIRO_ETAG_ON;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    char first[32], location[100];
    snprintf(first, sizeof first, "%s", kit.reply.etag);
    snprintf(location, sizeof location, "/Users/%s", u->id);
    ck_assert_str_eq(json_string(json_get(kit.json, "meta"), "version"), first);
    kit.if_none_match = first;
    ck_assert_int_eq(kit_call("GET", location, NULL), 304);
    ck_assert_uint_eq(kit.reply.body.n, 0);
    ck_assert_str_eq(kit.reply.etag, first);
    kit.if_none_match = NULL;
    kit.if_match = first;
    ck_assert_int_eq(kit_patch("Users", u->id, rename_it), 200);
    ck_assert_str_ne(kit.reply.etag, first);
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 412);
    ck_assert_int_eq(kit_call("DELETE", location, NULL), 412);
    ck_assert(u->active && !u->deleted);
    kit.if_match = "*";
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 200);
    kit.if_match = NULL;
    ck_assert_int_eq(kit_call("DELETE", location, NULL), 204);
}
END_TEST

START_TEST(a_group_has_a_new_version_when_a_member_is_deleted)
{
    kit.cfg.etag = MIRO_ETAG_REQUIRED;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    const struct miro_team *t = miro_team_at(kit.m, 0);
    char before[32];
    kit_callf("GET", NULL, "/Groups/%s", t->id);
    snprintf(before, sizeof before, "%s", kit.reply.etag);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), 428);
    kit.if_match = "*";
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), 204);
    kit.if_match = before;
    ck_assert_int_eq(kit_patch("Groups", t->id, rename_it), 412);
}
END_TEST

START_TEST(shows_members_always_when_asked_or_never)
{
    static const struct {
        enum miro_members_shown shown;
        bool plain, asked;
    } rows[] = {{MIRO_MEMBERS_SHOWN, true, true},
                {MIRO_MEMBERS_ASKED, false, true},
                {MIRO_MEMBERS_HIDDEN, false, false}};
    kit.cfg.members = rows[_i].shown;
    kit_start();
    kit_user("ann@example.com");
    const char *id = miro_team_at(kit.m, 0)->id;
    kit_callf("GET", NULL, "/Groups/%s", id);
    ck_assert_int_eq(json_get(kit.json, "members") != NULL, rows[_i].plain);
    kit_callf("GET", NULL, "/Groups/%s?attributes=members", id);
    ck_assert_int_eq(json_get(kit.json, "members") != NULL, rows[_i].asked);
}
END_TEST

/* Follows nextCursor to the end and returns how many resources came; they are all different. */
static int walk_cursors(void)
{
    char target[200] = "/Users?count=2&cursor=", seen[10][MIRO_ID_SIZE];
    int n = 0;
    while (*target) {
        ck_assert_int_eq(kit_call("GET", target, NULL), 200);
        ck_assert_ptr_null(json_get(kit.json, "startIndex"));
        for (int i = 0; kit_item("Resources", i); i++, n++) {
            snprintf(seen[n], MIRO_ID_SIZE, "%s", json_string(kit_item("Resources", i), "id"));
            for (int k = 0; k < n; k++)
                ck_assert_str_ne(seen[k], seen[n]);
        }
        const char *next = json_string(kit.json, "nextCursor");
        snprintf(target, sizeof target, next ? "/Users?count=2&cursor=%s" : "%s", next ? next : "");
    }
    return n;
}

START_TEST(pages_by_cursor)
{
    kit.cfg.paging = _i ? MIRO_PAGING_BOTH : MIRO_PAGING_CURSOR;
    kit_start();
    for (int i = 0; i < 5; i++) {
        char name[40];
        snprintf(name, sizeof name, "user%d@example.com", i);
        kit_user(name);
    }
    ck_assert_int_eq(walk_cursors(), 5);
    ck_assert_int_eq(kit_call("GET", "/Users?cursor=x", NULL), 400);
    ck_assert_str_eq(kit_string("scimType"), "invalidCursor");
    ck_assert_int_eq(kit_call("GET", "/Users?cursor=1", NULL), 400);
    ck_assert_str_eq(kit_string("scimType"), "expiredCursor");
    ck_assert_int_eq(kit_call("GET", "/Users?startIndex=2", NULL), _i ? 200 : 400);
    kit_call("GET", "/ServiceProviderConfig", NULL);
    ck_assert(cJSON_IsTrue(json_get(json_get(kit.json, "pagination"), "cursor")));
    ck_assert_int_eq(cJSON_IsTrue(json_get(json_get(kit.json, "pagination"), "index")), _i);
}
END_TEST

START_TEST(pages_as_badly_as_told)
{
    kit.cfg.past_end = MIRO_PAST_END_FIRST_PAGE;
    kit.cfg.total_is_page = kit.cfg.items_are_count = true;
    kit.cfg.page_default = 2;
    kit.cfg.page_max = 3;
    kit_start();
    for (int i = 0; i < 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "user%d@example.com", i);
        kit_user(name);
    }
    kit_call("GET", "/Users", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "Resources")), 2);
    ck_assert_int_eq(kit_int("totalResults"), 2);
    kit_call("GET", "/Users?count=50&startIndex=99", NULL);
    ck_assert_int_eq(kit_int("startIndex"), 1);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "Resources")), 3);
    kit_call("GET", "/Users?count=3&startIndex=3", NULL);
    ck_assert_int_eq(kit_int("itemsPerPage"), 3);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "Resources")), 2);
}
END_TEST

START_TEST(finds_the_exact_spelling_only_but_refuses_the_other)
{
    kit.cfg.names_case_exact = true;
    kit_start();
    kit_user("Ann@example.com");
    kit_call("GET", "/Users?filter=userName%20eq%20%22ann@example.com%22", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 0);
    ck_assert_int_eq(kit_call("POST", "/Users", "{\"userName\":\"ann@example.com\"}"), 409);
    kit_call("GET", "/Users?filter=userName%20eq%20%22Ann@example.com%22", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 1);
}
END_TEST

START_TEST(removes_the_listed_nobody_or_everybody)
{
    static const struct {
        int status;
        size_t left;
    } rows[] = {{200, 1}, {400, 2}, {200, 0}};
    kit.cfg.remove_list = (enum miro_remove_list)_i;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    kit_user("bob@example.com");
    const struct miro_team *t = miro_team_at(kit.m, 0);
    char operations[200];
    snprintf(operations, sizeof operations,
             "{\"op\":\"remove\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]}", u->id);
    ck_assert_int_eq(kit_patch("Groups", t->id, operations), rows[_i].status);
    ck_assert_uint_eq(t->n_members, rows[_i].left);
}
END_TEST

START_TEST(takes_booleans_and_unknown_methods_strictly)
{
    kit.cfg.booleans_strict = kit.cfg.unknown_method_404 = true;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(
        kit_patch("Users", u->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"false\"}"), 400);
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 200);
    ck_assert_int_eq(kit_call("PUT", "/Users", "{}"), 404);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox dialect");
    TCase *t = tcase_create("switches");
    tcase_add_checked_fixture(t, kit_config, kit_teardown);
    tcase_add_loop_test(t, answers_a_patch_as_told, 0, (int)ARRAY_SIZE(patches));
    tcase_add_loop_test(t, filters_refuses_or_ignores, 0, (int)ARRAY_SIZE(filterings));
    tcase_add_test(t, etags_guard_writes_and_spare_reads);
    tcase_add_test(t, a_group_has_a_new_version_when_a_member_is_deleted);
    tcase_add_loop_test(t, shows_members_always_when_asked_or_never, 0, 3);
    tcase_add_loop_test(t, pages_by_cursor, 0, 2);
    tcase_add_test(t, pages_as_badly_as_told);
    tcase_add_test(t, finds_the_exact_spelling_only_but_refuses_the_other);
    tcase_add_loop_test(t, removes_the_listed_nobody_or_everybody, 0, 3);
    tcase_add_test(t, takes_booleans_and_unknown_methods_strictly);
    suite_add_tcase(s, t);
    return kit_run(s);
}
