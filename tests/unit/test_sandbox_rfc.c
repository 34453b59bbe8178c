/* The profile scim: RFC 7643 and RFC 7644, strictly. */
#include "test_sandbox_kit.h"

#define USER_URN  "urn:ietf:params:scim:schemas:core:2.0:User"
#define GROUP_URN "urn:ietf:params:scim:schemas:core:2.0:Group"
#define NEW_USER(more)                                                                                       \
    "{\"schemas\":[\"" USER_URN "\",\"" ENTERPRISE                                                           \
    "\"],\"userName\":\"ann\",\"externalId\":\"E1\",\"title\":\"Boss\","                                     \
    "\"emails\":[{\"value\":\"ann@a.com\",\"type\":\"work\",\"primary\":true},{\"value\":\"ann@b.com\","     \
    "\"type\":"                                                                                              \
    "\"home\"}],\"" ENTERPRISE "\":{\"department\":\"R&D\",\"manager\":{\"value\":\"x\"}}" more "}"

static char ann[MIRO_ID_SIZE];

static void setup(void)
{
    kit_config();
    miro_config_profile(&kit.cfg, MIRO_PROFILE_SCIM);
    kit_start();
    ck_assert_int_eq(kit_call("POST", "/Users", NEW_USER("")), 201);
    snprintf(ann, sizeof ann, "%s", kit_string("id"));
}

/* A new user of that name; the id is valid until the next call. */
static const char *user(const char *name)
{
    char body[300];
    snprintf(body, sizeof body, "{\"schemas\":[\"" USER_URN "\"],\"userName\":\"%s\"}", name);
    ck_assert_int_eq(kit_call("POST", "/Users", body), 201);
    return kit_string("id");
}

START_TEST(keeps_what_it_is_given_and_shows_it_as_the_standard_says)
{
    const cJSON *meta = json_get(kit.json, "meta");
    ck_assert_str_eq(kit_string("externalId"), "E1");
    ck_assert_str_eq(kit_string("title"), "Boss");
    ck_assert_str_eq(json_string(kit_item("emails", 1), "value"), "ann@b.com");
    ck_assert_str_eq(json_string(json_get(json_get(kit.json, ENTERPRISE), "manager"), "value"), "x");
    ck_assert_str_eq(json_string(meta, "created"), "2023-11-14T22:13:20.000Z");
    ck_assert_str_eq(json_string(meta, "version"), kit.reply.etag);
    ck_assert_str_eq(json_string(meta, "location"), kit.reply.location);
    ck_assert_ptr_null(json_get(kit.json, "groups"));
    const struct miro_user *u = miro_user_by_name(kit.m, "ann");
    ck_assert_str_eq(kit_attr(u, "department"), "R&D"); /* as the rest of the sandbox sees it */
    ck_assert_str_eq(kit_attr(u, "emails.work"), "ann@a.com");
}
END_TEST

static const struct {
    const char *body;
    int status;
    const char *scim_type;
} bad_users[] = {
    {"{\"userName\":\"bob\"}", 400, "invalidSyntax"},
    {"{\"schemas\":[\"" USER_URN "\",\"urn:other\"],\"userName\":\"bob\"}", 400, "invalidSyntax"},
    {"{\"schemas\":[\"" USER_URN "\"]}", 400, "invalidValue"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"bob\",\"shoeSize\":\"44\"}", 400, "invalidSyntax"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"bob\",\"name\":{\"nick\":\"b\"}}", 400, "invalidSyntax"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"bob\",\"active\":\"true\"}", 400, "invalidValue"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":7}", 400, "invalidValue"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"bob\",\"emails\":{\"value\":\"x\"}}", 400,
     "invalidValue"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"bob\",\"emails\":[{\"value\":\"x\",\"primary\":true},"
     "{\"value\":\"y\",\"primary\":true}]}",
     400, "invalidValue"},
    {"{\"schemas\":[\"" USER_URN
     "\"],\"userName\":\"bob\",\"x509Certificates\":[{\"value\":\"not base64!\"}]}",
     400, "invalidValue"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"bob\",\"username\":\"bob\"}", 400, "invalidSyntax"},
    {"{\"schemas\":[\"" USER_URN "\"],\"userName\":\"ANN\"}", 409, "uniqueness"},
};

START_TEST(refuses_a_user_that_does_not_fit_the_schema)
{
    ck_assert_int_eq(kit_call("POST", "/Users", bad_users[_i].body), bad_users[_i].status);
    ck_assert_str_eq(kit_string("scimType"), bad_users[_i].scim_type);
    ck_assert_uint_eq(miro_users_n(kit.m), 1);
}
END_TEST

START_TEST(ignores_what_is_read_only_and_never_shows_a_password)
{
    ck_assert_int_eq(
        kit_callf("PUT", NEW_USER(",\"id\":\"7\",\"groups\":[{\"value\":\"1\"}],\"password\":\"secret\""),
                  "/Users/%s", ann),
        200);
    ck_assert_str_eq(kit_string("id"), ann);
    ck_assert_ptr_null(json_get(kit.json, "groups"));
    ck_assert_ptr_null(json_get(kit.json, "password"));
    kit_callf("GET", NULL, "/Users/%s?attributes=password", ann);
    ck_assert_ptr_null(json_get(kit.json, "password"));
}
END_TEST

START_TEST(put_clears_what_it_does_not_name)
{
    ck_assert_int_eq(
        kit_callf("PUT", "{\"schemas\":[\"" USER_URN "\"],\"userName\":\"ann\"}", "/Users/%s", ann), 200);
    ck_assert_ptr_null(json_get(kit.json, "title"));
    ck_assert_ptr_null(json_get(kit.json, "externalId"));
    ck_assert_ptr_null(json_get(kit.json, ENTERPRISE));
    ck_assert_str_eq(kit_attr(miro_user_by_name(kit.m, "ann"), "department"), "(none)");
    user("bob");
    ck_assert_int_eq(
        kit_callf("PUT", "{\"schemas\":[\"" USER_URN "\"],\"userName\":\"Bob\"}", "/Users/%s", ann), 409);
}
END_TEST

/* Operations, and a filter that must find the user afterwards; or status and scimType of the refusal. */
static const struct {
    const char *operations, *filter;
    int status;
} patches[] = {
    {"{\"op\":\"replace\",\"path\":\"title\",\"value\":\"CEO\"}", "title eq \"CEO\"", 200},
    {"{\"op\":\"add\",\"value\":{\"nickName\":\"A\",\"" ENTERPRISE ":division\":\"EU\"}}",
     "nickName eq \"A\" and division eq \"EU\"", 200},
    {"{\"op\":\"add\",\"value\":{\"" ENTERPRISE "\":{\"costCenter\":\"7\"}}}",
     "costCenter eq \"7\" and department eq \"R&D\"", 200},
    {"{\"op\":\"replace\",\"path\":\"" ENTERPRISE ":manager.value\",\"value\":\"y\"}",
     "manager.value eq \"y\"", 200},
    {"{\"op\":\"remove\",\"path\":\"" ENTERPRISE "\"}", "not (department pr)", 200},
    {"{\"op\":\"replace\",\"path\":\"emails[type eq \\\"work\\\"].value\",\"value\":\"n@a.com\"}",
     "emails[type eq \"work\" and value eq \"n@a.com\"] and emails eq \"ann@b.com\"", 200},
    {"{\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":\"c@c.com\",\"primary\":true}]}",
     "emails[value eq \"c@c.com\" and primary eq true] and not (emails[value eq \"ann@a.com\" and primary eq "
     "true])",
     200},
    {"{\"op\":\"add\",\"path\":\"emails\",\"value\":{\"value\":\"d@d.com\"}}", "emails.value eq \"d@d.com\"",
     200},
    {"{\"op\":\"remove\",\"path\":\"emails[type eq \\\"home\\\"]\"}", "not (emails.value eq \"ann@b.com\")",
     200},
    {"{\"op\":\"remove\",\"path\":\"emails[type eq \\\"fax\\\"]\"}", "emails.value eq \"ann@b.com\"", 200},
    {"{\"op\":\"remove\",\"path\":\"emails\"}", "not (emails pr)", 200},
    {"{\"op\":\"replace\",\"path\":\"emails\",\"value\":[]}", "not (emails pr)", 200},
    {"{\"op\":\"replace\",\"path\":\"externalId\",\"value\":\"E2\"}", "externalId eq \"E2\"", 200},
    {"{\"op\":\"add\",\"path\":\"name.givenName\",\"value\":\"Ann\"}", "name.givenName eq \"Ann\"", 200},
    {"{\"op\":\"replace\",\"path\":\"" USER_URN ":active\",\"value\":false}", "active eq false", 200},
    {"{\"op\":\"replace\",\"path\":\"active\",\"value\":\"false\"}", "invalidValue", 400},
    {"{\"op\":\"replace\",\"path\":\"shoeSize\",\"value\":\"1\"}", "invalidPath", 400},
    {"{\"op\":\"add\",\"value\":{\"shoeSize\":\"1\"}}", "invalidPath", 400},
    {"{\"op\":\"replace\",\"path\":\"groups\",\"value\":[]}", "mutability", 400},
    {"{\"op\":\"remove\",\"path\":\"userName\"}", "mutability", 400},
    {"{\"op\":\"replace\",\"path\":\"emails[type eq \\\"fax\\\"].value\",\"value\":\"x\"}", "noTarget", 400},
    {"{\"op\":\"replace\",\"path\":\"emails[type\",\"value\":\"x\"}", "invalidPath", 400},
    {"{\"op\":\"replace\",\"path\":\"title[value eq \\\"x\\\"]\",\"value\":\"x\"}", "invalidPath", 400},
    {"{\"op\":\"replace\",\"path\":\"title\",\"value\":\"CEO\"},{\"op\":\"replace\",\"path\":\"userName\","
     "\"value\":7}",
     "invalidValue", 400},
};

static int64_t found(const char *filter)
{
    struct buf target;
    buf_init(&target, 4096);
    buf_adds(&target, "/Users?filter=");
    for (const char *p = filter; *p; p++)
        buf_addf(&target, "%%%02x", (unsigned char)*p);
    ck_assert_msg(kit_call("GET", target.p, NULL) == 200, "%s", filter);
    buf_done(&target);
    return kit_int("totalResults");
}

START_TEST(patches_by_path_and_filter)
{
    ck_assert_int_eq(kit_patch("Users", ann, patches[_i].operations), patches[_i].status);
    if (patches[_i].status == 200)
        ck_assert_msg(found(patches[_i].filter) == 1, "%s", patches[_i].filter);
    else
        ck_assert_str_eq(kit_string("scimType"), patches[_i].filter);
    ck_assert_int_eq(found("title eq \"CEO\""), _i == 0);
}
END_TEST

START_TEST(shows_the_attributes_asked_for_and_not_the_excluded)
{
    kit_callf("GET", NULL, "/Users/%s?attributes=emails.value,%s:department", ann, ENTERPRISE);
    ck_assert_ptr_null(json_get(kit.json, "userName"));
    ck_assert_ptr_null(json_get(kit_item("emails", 0), "type"));
    ck_assert_str_eq(json_string(json_get(kit.json, ENTERPRISE), "department"), "R&D");
    ck_assert_ptr_null(json_get(json_get(kit.json, ENTERPRISE), "manager"));
    ck_assert_str_eq(kit_string("id"), ann);
    kit_callf("GET", NULL, "/Users/%s?excludedAttributes=emails,id,meta,%s", ann, ENTERPRISE);
    ck_assert_ptr_null(json_get(kit.json, "emails"));
    ck_assert_ptr_null(json_get(kit.json, ENTERPRISE));
    ck_assert_ptr_null(json_get(kit.json, "meta"));
    ck_assert_str_eq(kit_string("userName"), "ann");
    ck_assert_str_eq(kit_string("id"), ann);
}
END_TEST

static int64_t search(const char *path, const char *body)
{
    ck_assert_int_eq(kit_call("POST", path, body), 200);
    return kit_int("totalResults");
}

START_TEST(searches_by_post)
{
    user("bob");
    kit_call("POST", "/Groups", "{\"schemas\":[\"" GROUP_URN "\"],\"displayName\":\"bob\"}");
    ck_assert_int_eq(
        search("/Users/.search", "{\"filter\":\"userName eq \\\"bob\\\"\",\"attributes\":[\"userName\"]}"),
        1);
    ck_assert_ptr_null(json_get(kit_item("Resources", 0), "active"));
    ck_assert_int_eq(search("/Groups/.search", "{\"count\":0}"), 1);
    ck_assert_int_eq(search("/.search",
                            "{\"filter\":\"userName eq \\\"bob\\\" or displayName eq \\\"bob\\\"\","
                            "\"sortBy\":\"meta.resourceType\",\"sortOrder\":\"ascending\"}"),
                     2);
    ck_assert_str_eq(json_string(json_get(kit_item("Resources", 0), "meta"), "resourceType"), "Group");
    ck_assert_int_eq(kit_callf("POST", "{}", "/Users/%s", ann), 405);
    static const char *const wrong[] = {"{\"filter\":7}", "{\"count\":\"1\"}",
                                        "{\"attributes\":\"userName\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        ck_assert_int_eq(kit_call("POST", "/.search", wrong[i]), 400);
        ck_assert_int_eq(kit_call("POST", "/Users/.search", wrong[i]), 400);
    }
}
END_TEST

START_TEST(groups_are_created_replaced_patched_and_deleted)
{
    char body[400], id[MIRO_ID_SIZE], bob[MIRO_ID_SIZE];
    snprintf(bob, sizeof bob, "%s", user("bob"));
    kit_patch("Users", bob, "{\"op\":\"replace\",\"path\":\"active\",\"value\":false}");
    snprintf(body, sizeof body,
             "{\"schemas\":[\"" GROUP_URN
             "\"],\"displayName\":\"G\",\"externalId\":\"X\",\"members\":[{\"value\":\"%s\"}]}",
             ann);
    ck_assert_int_eq(kit_call("POST", "/Groups", body), 201);
    snprintf(id, sizeof id, "%s", kit_string("id"));
    ck_assert_str_eq(kit_string("externalId"), "X");
    ck_assert_ptr_nonnull(strstr(json_string(kit_item("members", 0), "$ref"), ann));
    snprintf(body, sizeof body,
             "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"},{\"value\":\"%s\"}]}", bob,
             ann);
    ck_assert_int_eq(kit_patch("Groups", id, body), 200);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 2);
    ck_assert(!miro_user_by_id(kit.m, bob)->active); /* nobody is revived here */
    kit_callf("GET", NULL, "/Users/%s", bob);
    ck_assert_str_eq(json_string(kit_item("groups", 0), "value"), id);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups?filter=members.value%%20eq%%20%%22%s%%22", bob), 200);
    ck_assert_int_eq(kit_int("totalResults"), 1);
    snprintf(body, sizeof body, "{\"op\":\"remove\",\"path\":\"members[value eq \\\"%s\\\"]\"}", ann);
    ck_assert_int_eq(kit_patch("Groups", id, body), 200);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 1);
    ck_assert_int_eq(
        kit_patch("Groups", id, "{\"op\":\"add\",\"path\":\"members\",\"value\":[{\"value\":\"77\"}]}"), 400);
    ck_assert_int_eq(
        kit_callf("PUT", "{\"schemas\":[\"" GROUP_URN "\"],\"displayName\":\"H\"}", "/Groups/%s", id), 200);
    ck_assert_ptr_null(json_get(kit.json, "members"));
    ck_assert_ptr_null(json_get(kit.json, "externalId"));
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Groups/%s", id), 204);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Groups/%s", id), 404);
    ck_assert_int_eq(kit_call("POST", "/Groups", "{\"schemas\":[\"" GROUP_URN "\"]}"), 400);
}
END_TEST

START_TEST(a_deleted_user_is_gone_and_a_new_one_is_new)
{
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", ann), 204);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", ann), 404);
    ck_assert_int_eq(kit_call("POST", "/Users", NEW_USER("")), 201);
    ck_assert_str_ne(kit_string("id"), ann);
}
END_TEST

START_TEST(the_schemas_say_what_holds)
{
    ck_assert_int_eq(kit_call("GET", "/Schemas/" USER_URN, NULL), 200);
    int seen = 0;
    for (int i = 0; kit_item("attributes", i); i++) {
        const cJSON *at = kit_item("attributes", i);
        const char *name = json_string(at, "name"), *mutability = json_string(at, "mutability");
        seen += strcmp(name, "groups") == 0 && strcmp(mutability, "readOnly") == 0;
        seen += strcmp(name, "password") == 0 && strcmp(json_string(at, "returned"), "never") == 0;
        seen += strcmp(name, "userName") == 0 && strcmp(json_string(at, "uniqueness"), "server") == 0;
    }
    ck_assert_int_eq(seen, 3);
    ck_assert_int_eq(kit_call("GET", "/Schemas", NULL), 200);
    ck_assert_int_eq(kit_int("totalResults"), 3);
    kit_call("GET", "/ServiceProviderConfig", NULL);
    ck_assert(cJSON_IsTrue(json_get(json_get(kit.json, "etag"), "supported")));
}
END_TEST

START_TEST(documents_survive_a_dump_and_a_load)
{
    struct buf dump;
    struct error err;
    buf_init(&dump, 1 << 20);
    miro_dump_json(kit.m, &dump);
    ck_assert_msg(miro_load_json(kit.m, buf_str(&dump), kit.now_ms, &err), "%s", err.message);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", ann), 200);
    ck_assert_str_eq(json_string(kit_item("emails", 1), "value"), "ann@b.com");
    const char by_hand[] =
        "{\"users\":[{\"userName\":\"eve\",\"attributes\":{\"department\":\"X\",\"name.givenName\":"
        "\"Eve\",\"emails.work\":\"e@x\"}}]}";
    ck_assert_msg(miro_load_json(kit.m, str_of(by_hand), kit.now_ms, &err), "%s", err.message);
    ck_assert_int_eq(found("department eq \"X\" and name.givenName eq \"Eve\" and emails eq \"e@x\""), 1);
    buf_done(&dump);
}
END_TEST

START_TEST(fixtures_and_faults_work_here_too)
{
    const struct miro_user *u =
        miro_add_user(kit.m, &(struct miro_user_spec){.userName = "max", .displayName = "Max"}, kit.now_ms);
    miro_set_active(kit.m, u->id, false, kit.now_ms);
    kit_callf("GET", NULL, "/Users/%s", u->id);
    ck_assert(cJSON_IsFalse(json_get(kit.json, "active")));
    ck_assert_str_eq(kit_string("displayName"), "Max");
    kit.fault = MIRO_FAULT_UNCHANGED;
    ck_assert_int_eq(kit_patch("Users", ann, patches[0].operations), 200);
    ck_assert_str_eq(kit_string("title"), "Boss");
    kit.fault = MIRO_FAULT_NONE;
    kit_patch("Users", ann, patches[0].operations);
    kit.fault = MIRO_FAULT_STALE_READ;
    kit_callf("GET", NULL, "/Users/%s", ann);
    ck_assert_str_eq(kit_string("title"), "Boss");
    kit.fault = MIRO_FAULT_NOT_STORED;
    ck_assert_int_eq(kit_call("POST", "/Groups", "{\"schemas\":[\"" GROUP_URN "\"],\"displayName\":\"N\"}"),
                     201);
    kit.fault = MIRO_FAULT_NONE;
    ck_assert_int_eq(kit_callf("GET", NULL, "/Groups/%s", kit_string("id")), 404);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox rfc");
    TCase *t = tcase_create("profile scim");
    tcase_add_checked_fixture(t, setup, kit_teardown);
    tcase_add_test(t, keeps_what_it_is_given_and_shows_it_as_the_standard_says);
    tcase_add_loop_test(t, refuses_a_user_that_does_not_fit_the_schema, 0, (int)ARRAY_SIZE(bad_users));
    tcase_add_test(t, ignores_what_is_read_only_and_never_shows_a_password);
    tcase_add_test(t, put_clears_what_it_does_not_name);
    tcase_add_loop_test(t, patches_by_path_and_filter, 0, (int)ARRAY_SIZE(patches));
    tcase_add_test(t, shows_the_attributes_asked_for_and_not_the_excluded);
    tcase_add_test(t, searches_by_post);
    tcase_add_test(t, groups_are_created_replaced_patched_and_deleted);
    tcase_add_test(t, a_deleted_user_is_gone_and_a_new_one_is_new);
    tcase_add_test(t, the_schemas_say_what_holds);
    tcase_add_test(t, documents_survive_a_dump_and_a_load);
    tcase_add_test(t, fixtures_and_faults_work_here_too);
    suite_add_tcase(s, t);
    return kit_run(s);
}
