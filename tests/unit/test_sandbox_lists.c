#include "test_sandbox_kit.h"

#include "../sandbox/miro_filter.h"

static void setup(void)
{
    kit_setup();
    for (int i = 0; i < 25; i++) {
        char body[300];
        snprintf(body, sizeof body,
                 "{\"userName\":\"user%02d@example.com\",\"displayName\":\"User "
                 "%02d\",\"userType\":\"%s\",\"" ENTERPRISE "\":{\"department\":\"%s\"}}",
                 24 - i, i, i % 2 ? "Free" : "Full", i % 5 ? "R&D" : "Sales");
        ck_assert_int_eq(kit_call("POST", "/Users", body), 201);
    }
    const struct miro_user *u = miro_user_by_name(kit.m, "user00@example.com");
    kit_patch("Users", u->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}");
    u = miro_user_by_name(kit.m, "user01@example.com");
    kit_patch("Users", u->id,
              "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"Content Admin\"}]}");
}

static char *encoded(const char *text)
{
    char *out = xmalloc(3 * strlen(text) + 1), *p = out;
    for (; *text; text++)
        p += snprintf(p, 4, "%%%02X", (unsigned)(unsigned char)*text);
    *p = '\0';
    return out;
}

static int filter(const char *text)
{
    char *value = encoded(text);
    int status = kit_callf("GET", NULL, "/Users?count=1000&filter=%s", value);
    free(value);
    return status;
}

static const struct {
    const char *text;
    int n;
} filters[] = {
    {"userName eq \"user03@example.com\"", 1},
    {"USERNAME EQ \"USER03@EXAMPLE.COM\"", 1},
    {"active eq true", 24},
    {"active eq \"false\"", 1},
    {"not (active eq true)", 1},
    {"displayName co \"user\"", 25},
    {"displayName sw \"User 1\"", 10},
    {"displayName ew \"4\"", 3},
    {"userType ne \"Full\"", 12},
    {"userType eq \"Full\" and active eq true", 12},
    {"userType eq \"Full\" or userType eq \"Free\"", 25},
    {"userType eq \"Full\" or userType eq \"Free\" and active eq false", 13},
    {"(userType eq \"Full\" or userType eq \"Free\") and active eq false", 1},
    {"userName gt \"user20@example.com\"", 4},
    {"userName ge \"user20@example.com\"", 5},
    {"userName lt \"user02@example.com\"", 2},
    {"userName le \"user02@example.com\"", 3},
    {"emails.value eq \"user03@example.com\"", 1},
    {"emails[type eq \"work\" and value co \"user03\"]", 1},
    {"emails[type eq \"work\" and value eq \"user03@example.com\"]", 1},
    {"emails[type eq \"work\"].value eq \"user03@example.com\"", -1},
    {"emails[type eq \"home\"]", 0},
    {"roles.value eq \"Content Admin\"", 1},
    {"roles[primary eq true].value pr", -1},
    {"roles[value eq \"Content Admin\" and primary eq true]", 0},
    {ENTERPRISE ":department eq \"Sales\"", 5},
    {"department pr", 25},
    {"employeeNumber pr", 0},
    {"unknownThing eq \"x\"", 0},
    {"userName eq \"a\\\"b\"", 0},
    {"userName eq \"\\u0075ser03@example.com\"", 1},
    {"userName eq \"\\x\"", -1},
    {"employeeNumber eq null", 25},
    {"employeeNumber ne null", 0},
    {"department eq NULL", 0},
    {"department ne null", 25},
    {"userName eq \"null\"", 0},
    {"id pr", 25},
    {"userName eq", -1},
    {"userName like \"x\"", -1},
    {"(userName pr", -1},
    {"userName pr)", -1},
    {"userName eq \"x", -1},
    {"", -1},
    {"and", -1},
    {"not userName pr", -1},
    {"((((((((((((((((((((((((((((((((((((((((userName pr))))))))))))))))))))))))))))))))))))))))", -1},
};

START_TEST(filters_users)
{
    int status = filter(filters[_i].text);
    ck_assert_msg(status == (filters[_i].n < 0 ? 400 : 200), "%s: %d", filters[_i].text, status);
    if (filters[_i].n < 0)
        ck_assert_str_eq(kit_string("scimType"), "invalidFilter");
    else
        ck_assert_msg(kit_int("totalResults") == filters[_i].n, "%s: %d", filters[_i].text,
                      (int)kit_int("totalResults"));
}
END_TEST

START_TEST(filters_by_team)
{
    char text[100];
    snprintf(text, sizeof text, "groups.value eq \"%s\"", miro_team_at(kit.m, 0)->id);
    ck_assert_int_eq(filter(text), 200);
    ck_assert_int_eq(kit_int("totalResults"), 25);
}
END_TEST

static const struct {
    const char *query;
    int total, start, per_page;
    const char *first;
} pages[] = {
    {"", 25, 1, 25, "user24@example.com"},
    {"?sortBy=userName", 25, 1, 25, "user00@example.com"},
    {"?sortBy=userName&sortOrder=descending", 25, 1, 25, "user24@example.com"},
    {"?sortBy=emails.value", 25, 1, 25, "user00@example.com"},
    {"?sortBy=userName&startIndex=11&count=10", 25, 11, 10, "user10@example.com"},
    {"?sortBy=userName&startIndex=21&count=10", 25, 21, 5, "user20@example.com"},
    {"?startIndex=26", 25, 26, 0, NULL},
    {"?startIndex=0&count=1", 25, 1, 1, "user24@example.com"},
    {"?startIndex=-5&count=1", 25, 1, 1, "user24@example.com"},
    {"?count=0", 25, 1, 0, NULL},
    {"?count=5000", 25, 1, 25, "user24@example.com"},
    {"?sortBy=userName&filter=userType%20eq%20%22Free%22&count=2&startIndex=2", 12, 2, 2,
     "user03@example.com"},
    {"?nonsense=1&count=1", 25, 1, 1, "user24@example.com"},
};

START_TEST(pages_and_sorts)
{
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users%s", pages[_i].query), 200);
    ck_assert_int_eq(kit_int("totalResults"), pages[_i].total);
    ck_assert_int_eq(kit_int("startIndex"), pages[_i].start);
    ck_assert_int_eq(kit_int("itemsPerPage"), pages[_i].per_page);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "Resources")), pages[_i].per_page);
    if (pages[_i].first)
        ck_assert_str_eq(json_string(kit_item("Resources", 0), "userName"), pages[_i].first);
}
END_TEST

START_TEST(gives_100_by_default_and_1000_at_most)
{
    for (int i = 0; i < 1100; i++) {
        char name[40];
        snprintf(name, sizeof name, "many%04d@example.com", i);
        miro_add_user(kit.m, &(struct miro_user_spec){.userName = name}, kit.now_ms);
    }
    kit_call("GET", "/Users", NULL);
    ck_assert_int_eq(kit_int("itemsPerPage"), 100);
    kit_call("GET", "/Users?count=2000", NULL);
    ck_assert_int_eq(kit_int("itemsPerPage"), 1000);
    ck_assert_int_eq(kit_int("totalResults"), 1125);
}
END_TEST

static const char *const bad_queries[] = {"?count=x",   "?startIndex=1.5",    "?sortOrder=upwards",
                                          "?filter=%2", "?filter=%00id%20pr", "?count="};

START_TEST(refuses_a_bad_query)
{
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users%s", bad_queries[_i]), 400);
}
END_TEST

START_TEST(refuses_a_count_over_the_maximum_when_told_so)
{
    kit_config();
    kit.cfg.count_over_max_is_error = true;
    kit_start();
    ck_assert_int_eq(kit_call("GET", "/Users?count=1001", NULL), 400);
    ck_assert_int_eq(kit_call("GET", "/Users?count=1000", NULL), 200);
}
END_TEST

START_TEST(leaves_out_paging_members_when_told_so)
{
    kit_config();
    kit.cfg.omit_paging_when_unpaged = true;
    kit_start();
    kit_call("GET", "/Users", NULL);
    ck_assert_ptr_null(json_get(kit.json, "startIndex"));
    ck_assert_ptr_null(json_get(kit.json, "itemsPerPage"));
    kit_call("GET", "/Users?startIndex=1", NULL);
    ck_assert_int_eq(kit_int("startIndex"), 1);
}
END_TEST

static const struct {
    const char *attributes, *body;
} selections[] = {
    {"id", "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"ID\"}"},
    {"userName,Active", "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"ID\","
                        "\"userName\":\"user03@example.com\",\"active\":true}"},
    {"emails.value", "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"ID\",\"emails\":"
                     "[{\"value\":\"user03@example.com\"}]}"},
    {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
     "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\",\"" ENTERPRISE
     "\"],\"id\":\"ID\",\"" ENTERPRISE "\":{\"department\":\"R&D\"}}"},
    {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
     "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\",\"" ENTERPRISE
     "\"],\"id\":\"ID\",\"" ENTERPRISE "\":{\"department\":\"R&D\"}}"},
    {"groups.display", "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"ID\","
                       "\"groups\":[{\"display\":\"Everybody\"}]}"},
};

START_TEST(answers_the_attributes_asked_for)
{
    const struct miro_user *u = miro_user_by_name(kit.m, "user03@example.com");
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s?attributes=%s", u->id, selections[_i].attributes),
                     200);
    char expected[1000];
    const char *at = strstr(selections[_i].body, "ID");
    snprintf(expected, sizeof expected, "%.*s%s%s", (int)(at - selections[_i].body), selections[_i].body,
             u->id, at + 2);
    ck_assert_str_eq(kit.reply.body.p, expected);
}
END_TEST

START_TEST(patch_takes_attributes_too)
{
    const struct miro_user *u = miro_user_by_name(kit.m, "user03@example.com");
    ck_assert_int_eq(
        kit_callf("PATCH", PATCH_HEAD "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}" PATCH_TAIL,
                  "/Users/%s?attributes=id,userName,active&unknown=1", u->id),
        200);
    ck_assert(cJSON_IsFalse(json_get(kit.json, "active")));
    ck_assert_ptr_null(json_get(kit.json, "displayName"));
}
END_TEST

/* ---- what every request meets -------------------------------------------------------------------------- */

START_TEST(answers_in_the_type_asked_for)
{
    static const struct {
        const char *accept, *type;
    } rows[] = {{NULL, "application/scim+json"},
                {"*/*", "application/scim+json"},
                {"application/json", "application/json"},
                {"application/scim+json", "application/scim+json"},
                {"application/scim+json, application/json", "application/scim+json"},
                {"application/json, application/scim+json", "application/json"}};
    struct miro_request rq = {.method = "GET", .target = "/Users", .accept = rows[_i].accept};
    ck_assert_int_eq(kit_request(&rq), 200);
    ck_assert_str_eq(kit.reply.content_type, rows[_i].type);
}
END_TEST

START_TEST(takes_json_only)
{
    static const struct {
        const char *type;
        int status;
    } rows[] = {{NULL, 201},
                {"application/json", 201},
                {"application/scim+json; charset=utf-8", 201},
                {"Application/JSON", 201},
                {"text/plain", 415},
                {"application/jsonp", 415},
                {"application/x-www-form-urlencoded", 415}};
    struct miro_request rq = {.method = "POST",
                              .target = "/Users",
                              .content_type = rows[_i].type,
                              .body = "{\"userName\":\"new@example.com\"}"};
    rq.body_n = strlen(rq.body);
    ck_assert_int_eq(kit_request(&rq), rows[_i].status);
}
END_TEST

START_TEST(wants_the_token)
{
    static const struct {
        const char *authorization;
        int status;
    } rows[] = {{NULL, 401},           {"Bearer wrong", 401},  {"secret", 401},
                {"Basic secret", 401}, {"Bearer secret", 200}, {"bearer secret", 200}};
    kit_config();
    kit.cfg.token = "secret";
    kit_start();
    struct miro_request rq = {.method = "GET", .target = "/Users", .authorization = rows[_i].authorization};
    ck_assert_int_eq(kit_request(&rq), rows[_i].status);
    ck_assert_int_eq((int)miro_limit_get(kit.m, MIRO_USERS_LIST).arrivals, rows[_i].status == 200);
}
END_TEST

START_TEST(is_forbidden_when_scim_is_disabled)
{
    kit_config();
    kit.cfg.scim_disabled = true;
    kit_start();
    ck_assert_int_eq(kit_call("GET", "/Users", NULL), 403);
}
END_TEST

START_TEST(routes)
{
    static const struct {
        const char *method, *target;
        int status;
    } rows[] = {
        {"GET", "/api/v1/scim/Users", 200},
        {"GET", "/api/v1/scim/Users/", 200},
        {"GET", "/Users?count=1", 200},
        {"GET", "/api/v1/scim/", 404},
        {"GET", "/users", 404},
        {"GET", "/Users/1/2", 404},
        {"GET", "/Me", 404},
        {"POST", "/Bulk", 404},
        {"DELETE", "/Users", 405},
        {"POST", "/Users/1", 405},
        {"PUT", "/Users", 405},
        {"HEAD", "/Users", 405},
        {"POST", "/ServiceProviderConfig", 405},
        {"GET", "/ServiceProviderConfig", 200},
        {"GET", "/ResourceTypes", 200},
        {"GET", "/ResourceTypes/User", 200},
        {"GET", "/ResourceTypes/Group", 200},
        {"GET", "/ResourceTypes/Room", 404},
        {"GET", "/Schemas", 200},
        {"GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", 200},
        {"GET", "/Schemas/urn:x", 404},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int status = kit_call(rows[i].method, rows[i].target, NULL);
        ck_assert_msg(status == rows[i].status, "%s %s: %d", rows[i].method, rows[i].target, status);
        if (status >= 400)
            ck_assert_str_eq(
                json_string(cJSON_GetArrayItem(json_get(kit.json, "schemas"), 0) ? kit.json : NULL, "status"),
                status == 404 ? "404" : "405");
    }
}
END_TEST

START_TEST(says_what_it_can_do)
{
    bool supported = true;
    kit_call("GET", "/ServiceProviderConfig", NULL);
    ck_assert(json_bool(json_get(kit.json, "patch"), "supported", &supported) && supported);
    ck_assert(json_bool(json_get(kit.json, "bulk"), "supported", &supported) && !supported);
    ck_assert(json_bool(json_get(kit.json, "etag"), "supported", &supported) && !supported);
    int64_t max = 0;
    ck_assert(json_int64(json_get(kit.json, "filter"), "maxResults", &max));
    ck_assert_int_eq(max, 200);
    kit_call("GET", "/Schemas", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 3);
    kit_call("GET", "/ResourceTypes/User", NULL);
    ck_assert_str_eq(json_string(kit_item("schemaExtensions", 0), "schema"), ENTERPRISE);
}
END_TEST

START_TEST(names_an_internal_host_when_told_so)
{
    kit_config();
    kit.cfg.internal_location = true;
    kit_start();
    kit_user("ann@example.com");
    ck_assert_ptr_nonnull(strstr(json_string(json_get(kit.json, "meta"), "location"), "api-internal"));
}
END_TEST

START_TEST(is_fast_with_10000_users)
{
    for (int i = 0; i < 10000; i++) {
        char name[40];
        snprintf(name, sizeof name, "many%05d@example.com", i);
        kit_user(name);
    }
    for (int i = 0; i < 10000; i++) {
        kit_callf("GET", NULL, "/Users?filter=userName%%20eq%%20%%22many%05d@example.com%%22", i);
        ck_assert_int_eq(kit_int("totalResults"), 1);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox lists");
    TCase *t = tcase_create("lists");
    tcase_add_checked_fixture(t, setup, kit_teardown);
    tcase_add_loop_test(t, filters_users, 0, (int)ARRAY_SIZE(filters));
    tcase_add_test(t, filters_by_team);
    tcase_add_loop_test(t, pages_and_sorts, 0, (int)ARRAY_SIZE(pages));
    tcase_add_test(t, gives_100_by_default_and_1000_at_most);
    tcase_add_loop_test(t, refuses_a_bad_query, 0, (int)ARRAY_SIZE(bad_queries));
    tcase_add_loop_test(t, answers_the_attributes_asked_for, 0, (int)ARRAY_SIZE(selections));
    tcase_add_test(t, patch_takes_attributes_too);
    suite_add_tcase(s, t);
    TCase *any = tcase_create("every request");
    tcase_add_checked_fixture(any, kit_setup, kit_teardown);
    tcase_set_timeout(any, 30);
    tcase_add_loop_test(any, answers_in_the_type_asked_for, 0, 6);
    tcase_add_loop_test(any, takes_json_only, 0, 7);
    tcase_add_test(any, routes);
    tcase_add_test(any, says_what_it_can_do);
    tcase_add_test(any, is_fast_with_10000_users);
    suite_add_tcase(s, any);
    TCase *own = tcase_create("with a configuration of their own");
    tcase_add_checked_fixture(own, NULL, kit_teardown);
    tcase_add_loop_test(own, wants_the_token, 0, 6);
    tcase_add_test(own, is_forbidden_when_scim_is_disabled);
    tcase_add_test(own, refuses_a_count_over_the_maximum_when_told_so);
    tcase_add_test(own, leaves_out_paging_members_when_told_so);
    tcase_add_test(own, names_an_internal_host_when_told_so);
    suite_add_tcase(s, own);
    return kit_run(s);
}
