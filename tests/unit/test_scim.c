#include "../../worker/engine/scim.h"
#include "event_kit.h"

#define URN        "urn:ietf:params:scim:schemas:core:2.0:User"
#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define PATCH(operations)                                                                                    \
    "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[" operations "]}"

static struct scim_request rq;

static void expect(const char *path, const char *body)
{
    ck_assert_str_eq(rq.path, path);
    if (body)
        ck_assert_str_eq(rq.body, body);
    else
        ck_assert_ptr_null(rq.body);
    ck_assert_uint_eq(rq.body_n, body ? strlen(body) : 0);
    scim_request_done(&rq);
}

START_TEST(lookups_are_quoted_for_filter_and_url)
{
    static const struct {
        const char *match, *value, *path;
    } rows[] = {
        {"userName", "zoe@acme.example", "/Users?filter=userName%20eq%20%22zoe%40acme.example%22"},
        {"userName", "a\"b\\c", "/Users?filter=userName%20eq%20%22a%5C%22b%5C%5Cc%22"},
        {"userName", "zo\xc3\xab&x=1#?/", "/Users?filter=userName%20eq%20%22zo%C3%AB%26x%3D1%23%3F%2F%22"},
        {"employeeNumber", "1",
         "/Users?filter=urn%3Aietf%3Aparams%3Ascim%3Aschemas%3Aextension%3Aenterprise%3A2.0%3AUser"
         "%3AemployeeNumber%20eq%20%221%22"},
        {"emails.work", "z\"@x",
         "/Users?filter=emails%5Btype%20eq%20%22work%22%20and%20value%20eq%20%22z%5C%22%40x%22%5D"},
        {"phoneNumbers.work", "1",
         "/Users?filter=phoneNumbers%5Btype%20eq%20%22work%22%20and%20value%20eq%20%221%22%5D"},
        {"name.familyName", "Z", "/Users?filter=name.familyName%20eq%20%22Z%22"},
        {"externalId", "~9-_.", "/Users?filter=externalId%20eq%20%22~9-_.%22"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        scim_find(profile_find("miro"), rows[i].match, rows[i].value, &rq);
        expect(rows[i].path, NULL);
    }
    scim_find(profile_find("scim"), "externalId", "7", &rq);
    expect("/Users?filter=externalId%20eq%20%227%22&startIndex=1&count=20", NULL);
    scim_list_users(&(struct scim_page){.start = 21, .count = 20}, &rq);
    expect("/Users?startIndex=21&count=20", NULL);
    scim_list_users(&(struct scim_page){.start = 1, .count = 20, .cursor = "a=b"}, &rq);
    expect("/Users?cursor=a%3Db&count=20", NULL);
    scim_read_team("a/b", &rq);
    expect("/Groups/a%2Fb", NULL);
    scim_read("3458764513820541234", &rq);
    expect("/Users/3458764513820541234", NULL);
    scim_read("../Groups/1?x", &rq);
    expect("/Users/..%2FGroups%2F1%3Fx", NULL);
    scim_delete("7", &rq);
    expect("/Users/7", NULL);
}
END_TEST

static void create(const char *kind, const char *profile)
{
    struct attrs attrs = {0};
    put_attrs(&attrs, profile);
    scim_create(profile_find(kind), &attrs, &rq);
    attrs_done(&attrs);
}

START_TEST(a_create_puts_each_attribute_in_its_place)
{
    create("scim", "userName=z;title;nickName=;department=D;manager=9;name.givenName=Z;emails.work=z@x");
    expect(
        "/Users",
        "{\"schemas\":[\"" URN "\",\"" ENTERPRISE "\"],\"userName\":\"z\",\"active\":true,"
        "\"name\":{\"givenName\":\"Z\"},\"emails\":[{\"value\":\"z@x\",\"type\":\"work\",\"primary\":true}],"
        "\"" ENTERPRISE "\":{\"department\":\"D\",\"manager\":{\"value\":\"9\"}}}");
    create("scim", "userName=z");
    expect("/Users", "{\"schemas\":[\"" URN "\"],\"userName\":\"z\",\"active\":true}");
    create("scim", "userName=z;manager=9");
    expect("/Users", "{\"schemas\":[\"" URN "\",\"" ENTERPRISE "\"],\"userName\":\"z\",\"active\":true,"
                     "\"" ENTERPRISE "\":{\"manager\":{\"value\":\"9\"}}}");
}
END_TEST

START_TEST(miro_wants_one_schema_whole_names_and_no_emails)
{
    create("miro", "userName=z;name.givenName=Z;emails.work=z@x;department=D");
    expect("/Users", "{\"schemas\":[\"" URN "\"],\"userName\":\"z\",\"active\":true,\"" ENTERPRISE
                     "\":{\"department\":\"D\"}}");
    create("miro", "userName=z;name.givenName=Z;name.familyName=T");
    expect("/Users", "{\"schemas\":[\"" URN "\"],\"userName\":\"z\",\"active\":true,"
                     "\"name\":{\"familyName\":\"T\",\"givenName\":\"Z\"}}");
}
END_TEST

START_TEST(a_patch_replaces_what_has_a_value_and_removes_what_has_none)
{
    struct attrs changes = {0};
    put_attrs(&changes, "department=D;emails.work=z@x;manager;name.familyName=T;title");
    struct attrs known = {0};
    put_attrs(&known, "emails.work=old@x");
    scim_update(profile_find("scim"), "7", &changes, &known, false, &rq);
    attrs_done(&known);
    expect("/Users/7",
           PATCH("{\"op\":\"replace\",\"path\":\"" ENTERPRISE ":department\",\"value\":\"D\"},"
                 "{\"op\":\"replace\",\"path\":\"emails[type eq \\\"work\\\"].value\",\"value\":\"z@x\"},"
                 "{\"op\":\"remove\",\"path\":\"" ENTERPRISE ":manager.value\"},"
                 "{\"op\":\"replace\",\"path\":\"name.familyName\",\"value\":\"T\"},"
                 "{\"op\":\"remove\",\"path\":\"title\"}"));
    attrs_done(&changes);
    scim_set_active(profile_find("miro"), "7", false, false, &rq);
    expect("/Users/7", PATCH("{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}"));
    scim_set_active(profile_find("scim"), "7", true, false, &rq);
    expect("/Users/7", PATCH("{\"op\":\"replace\",\"path\":\"active\",\"value\":true}"));
}
END_TEST

START_TEST(rights_and_pictures_have_places_of_their_own)
{
    create("miro",
           "userName=z;photo=https://x/z.png;role=ORGANIZATION_INTERNAL_USER;roles.Content Admin=true;"
           "roles.User Admin;manager=9;manager.displayName=Max");
    expect("/Users",
           "{\"schemas\":[\"" URN "\"],\"userName\":\"z\",\"active\":true,"
           "\"photos\":[{\"value\":\"https://x/z.png\",\"type\":\"photo\"}],"
           "\"roles\":[{\"value\":\"ORGANIZATION_INTERNAL_USER\",\"type\":\"organization_user_role\","
           "\"primary\":true},"
           "{\"value\":\"Content Admin\",\"type\":\"organization_admin_role\",\"primary\":false}],"
           "\"" ENTERPRISE "\":{\"manager\":{\"value\":\"9\",\"displayName\":\"Max\"}}}");
    create("scim", "userName=z;role=admin;roles.Auditor=true");
    expect("/Users",
           "{\"schemas\":[\"" URN "\"],\"userName\":\"z\",\"active\":true,"
           "\"roles\":[{\"value\":\"admin\",\"primary\":true},{\"value\":\"Auditor\",\"primary\":false}]}");
    struct attrs changes = {0};
    put_attrs(&changes, "photo=https://x/z.png;role=ORGANIZATION_INTERNAL_ADMIN;roles.Content Admin=true;"
                        "roles.A \"B\";manager.displayName");
    scim_update(profile_find("miro"), "7", &changes, &(struct attrs){0}, false, &rq);
    expect("/Users/7", PATCH("{\"op\":\"Remove\",\"path\":\"" ENTERPRISE ":manager.displayName\"},"
                             "{\"op\":\"Replace\",\"path\":\"photos[type eq "
                             "\\\"photo\\\"].value\",\"value\":\"https://x/z.png\"},"
                             "{\"op\":\"Replace\",\"path\":\"roles[primary eq "
                             "true].value\",\"value\":\"ORGANIZATION_INTERNAL_ADMIN\"},"
                             "{\"op\":\"Remove\",\"path\":\"roles[value eq \\\"A \\\\\\\"B\\\\\\\"\\\"]\"},"
                             "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"Content Admin\","
                             "\"type\":\"organization_admin_role\",\"primary\":false}]}"));
    attrs_done(&changes);
}
END_TEST

START_TEST(rights_and_pictures_are_read_from_their_places)
{
    struct account a;
    struct error err;
    const char *body =
        "{\"id\":\"7\",\"photos\":[{\"type\":\"thumbnail\",\"value\":\"t\"},{\"type\":\"photo\",\"value\":"
        "\"p\"}],"
        "\"roles\":[{\"value\":\"Content "
        "Admin\",\"primary\":false},{\"value\":\"ADMIN\",\"primary\":\"True\"},"
        "{\"value\":\"\"},{\"value\":\"1234567890123456789012345678901234567890123456789012345678x\"},"
        "{\"value\":\"User Admin\"},7],"
        "\"" ENTERPRISE "\":{\"manager\":{\"value\":\"9\",\"displayName\":\"Max\"}}}";
    ck_assert(scim_parse_user(str_of(body), &a, &err));
    ck_assert_str_eq(attrs_get(&a.attrs, "photo"), "p");
    ck_assert_str_eq(attrs_get(&a.attrs, "role"), "ADMIN");
    ck_assert_str_eq(attrs_get(&a.attrs, "manager.displayName"), "Max");
    ck_assert_str_eq(attrs_get(&a.attrs, "roles.Content Admin"), "true");
    ck_assert_str_eq(attrs_get(&a.attrs, "roles.User Admin"), "true");
    ck_assert_uint_eq(a.attrs.n, 6);
    account_done(&a);
}
END_TEST

START_TEST(members_are_added_by_a_list_and_removed_one_by_one)
{
    static const char *const two[] = {"12", "7a"};
    scim_move(profile_find("miro"), "9", two, 2, true, &rq);
    expect("/Groups/9?attributes=id",
           PATCH("{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"12\"},{\"value\":\"7a\"}]}"));
    scim_move(profile_find("miro"), "9", two, 2, false, &rq);
    expect("/Groups/9?attributes=id", PATCH("{\"op\":\"Remove\",\"path\":\"members[value eq 12]\"},"
                                            "{\"op\":\"Remove\",\"path\":\"members[value eq \\\"7a\\\"]\"}"));
    scim_move(profile_find("scim"), "a/b", two, 1, false, &rq);
    expect("/Groups/a%2Fb", PATCH("{\"op\":\"remove\",\"path\":\"members[value eq \\\"12\\\"]\"}"));
}
END_TEST

START_TEST(eleven_members_are_a_small_patch_and_twelve_are_not)
{
    static const char *const ids[] = {"3458764500000000001", "3458764500000000002", "3458764500000000003",
                                      "3458764500000000004", "3458764500000000005", "3458764500000000006",
                                      "3458764500000000007", "3458764500000000008", "3458764500000000009",
                                      "3458764500000000010", "3458764500000000011", "3458764500000000012"};
    const struct profile *p = profile_find("miro");
    scim_move(p, "9", ids, p->batch_members, true, &rq);
    ck_assert_uint_eq(rq.body_n, 468);
    ck_assert_int_eq(profile_class(p, "PATCH", rq.path, rq.body_n), profile_limit_index(p, "groups.update"));
    scim_request_done(&rq);
    scim_move(p, "9", ids, 12, true, &rq);
    ck_assert_uint_eq(rq.body_n, 500);
    scim_request_done(&rq);
}
END_TEST

START_TEST(teams_are_read_page_by_page)
{
    struct attrs teams = {0};
    struct team_page page;
    struct error err;
    scim_list_teams(&(struct scim_page){.start = 201, .count = 200}, &rq);
    expect("/Groups?attributes=id,displayName&startIndex=201&count=200", NULL);
    ck_assert(
        scim_parse_teams(str_of("{\"totalResults\":9,\"Resources\":[{\"id\":\"1\",\"displayName\":\"A\"},"
                                "{\"id\":\"2\"},{\"id\":7,\"displayName\":\"B\"},"
                                "{\"id\":\"1\",\"displayName\":\"A2\"}]}"),
                         &teams, &page, &err));
    ck_assert_uint_eq(page.n, 4);
    ck_assert_uint_eq(page.nameless, 2);
    ck_assert_int_eq(page.total, 9);
    ck_assert_uint_eq(teams.n, 1);
    ck_assert_str_eq(attrs_get(&teams, "1"), "A2");
    ck_assert(scim_parse_teams(str_of("{\"totalResults\":0}"), &teams, &page, &err));
    ck_assert(scim_parse_teams(str_of("{\"Resources\":[]}"), &teams, &page, &err));
    ck_assert_int_eq(page.total, -1);
    ck_assert(!scim_parse_teams(str_of("{\"totalResults\":3}"), &teams, &page, &err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    ck_assert(!scim_parse_teams(str_of("[]"), &teams, &page, &err));
    ck_assert(!scim_parse_teams(str_of("{"), &teams, &page, &err));
    attrs_done(&teams);
}
END_TEST

START_TEST(an_account_says_its_teams)
{
    struct account a = {0};
    struct error err;
    ck_assert(scim_parse_user(
        str_of("{\"id\":\"7\",\"groups\":[{\"value\":\"1\",\"display\":\"A\"},{\"value\":\"2\"},"
               "{\"display\":\"no id\"},{\"value\":\"1\"}]}"),
        &a, &err));
    ck_assert(a.says_teams);
    ck_assert_uint_eq(a.teams.n, 2);
    account_done(&a);
    ck_assert(scim_parse_user(str_of("{\"id\":\"7\"}"), &a, &err));
    ck_assert(!a.says_teams);
    account_done(&a);
}
END_TEST

START_TEST(an_account_is_read_from_all_its_places)
{
    struct account a;
    struct error err;
    const char *body =
        "{\"id\":\"7\",\"userName\":\"z\",\"active\":true,\"title\":\"\",\"nickName\":5,"
        "\"name\":{\"givenName\":\"Z\",\"familyName\":\"T\",\"formatted\":\"Z T\"},"
        "\"emails\":[{\"value\":\"home@x\",\"type\":\"home\"},{\"value\":\"work@x\",\"type\":\"Work\"}],"
        "\"phoneNumbers\":[{\"value\":\"2\",\"type\":\"mobile\"},{\"value\":\"1\"},{\"value\":\"3\"}],"
        "\"photos\":[{\"value\":\"thumb\",\"type\":\"thumbnail\"}],"
        "\"" ENTERPRISE
        "\":{\"employeeNumber\":\"1042\",\"department\":\"D\",\"manager\":{\"value\":\"9\"}}}";
    ck_assert_msg(scim_parse_user(str_of(body), &a, &err), "%s", err.message);
    static const char *const wanted[][2] = {{"userName", "z"},
                                            {"name.givenName", "Z"},
                                            {"name.familyName", "T"},
                                            {"name.formatted", "Z T"},
                                            {"emails.work", "work@x"},
                                            {"phoneNumbers.work", "1"},
                                            {"employeeNumber", "1042"},
                                            {"department", "D"},
                                            {"manager", "9"},
                                            {"title", NULL},
                                            {"nickName", NULL},
                                            {"id", NULL},
                                            {"photo", NULL}};
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        const char *value = attrs_get(&a.attrs, wanted[i][0]);
        ck_assert_msg(wanted[i][1] ? value && strcmp(value, wanted[i][1]) == 0 : !value, "%s", wanted[i][0]);
    }
    ck_assert_str_eq(a.id, "7");
    ck_assert(a.active);
    account_done(&a);
}
END_TEST

START_TEST(active_is_read_as_services_write_it)
{
    static const struct {
        const char *body;
        bool active;
    } rows[] = {{"{\"id\":\"7\"}", true},
                {"{\"id\":\"7\",\"active\":false}", false},
                {"{\"id\":\"7\",\"active\":\"True\"}", true},
                {"{\"id\":\"7\",\"active\":\"False\"}", false},
                {"{\"id\":\"7\",\"active\":null}", false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct account a;
        struct error err;
        ck_assert(scim_parse_user(str_of(rows[i].body), &a, &err));
        ck_assert_msg(a.active == rows[i].active, "%s", rows[i].body);
        account_done(&a);
    }
}
END_TEST

START_TEST(what_is_no_user_is_a_temporary_failure)
{
    static char long_id[400];
    snprintf(long_id, sizeof long_id, "{\"id\":\"%0300d\"}", 7);
    const char *const rows[] = {
        "", "<html>", "[]", "{}", "{\"id\":7}", "{\"id\":\"\"}", "{\"id\":\"..\"}", long_id};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct account a;
        struct error err;
        ck_assert_msg(!scim_parse_user(str_of(rows[i]), &a, &err), "%s", rows[i]);
        ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    }
}
END_TEST

START_TEST(a_list_is_searched_for_the_value_that_was_asked_for)
{
    static const struct {
        const char *body;
        size_t found;
        const char *id;
    } rows[] = {
        {"{\"totalResults\":0}", 0, NULL},
        {"{\"totalResults\":0,\"Resources\":[]}", 0, NULL},
        {"{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"userName\":\"ZOE\"}]}", 1, "7"},
        {"{\"totalResults\":2,\"Resources\":[{\"id\":\"7\",\"userName\":\"joe\"},{\"id\":\"8\",\"userName\":"
         "\"zoe\"}]}",
         1, "8"},
        {"{\"totalResults\":2,\"Resources\":[{\"id\":\"7\",\"userName\":\"zoe\"},{\"id\":\"8\",\"userName\":"
         "\"zoe\"}]}",
         2, "7"},
        {"{\"totalResults\":2,\"Resources\":[{\"userName\":\"zoe\"},5]}", 0, NULL},
    };
    static const struct scim_match match = {"userName", "zoe"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct user_page page;
        struct error err;
        ck_assert(scim_parse_users(str_of(rows[i].body), &match, 1, &page, &err));
        ck_assert_msg(page.found == rows[i].found, "%s", rows[i].body);
        ck_assert(rows[i].id ? strcmp(page.account.id, rows[i].id) == 0 : !page.account.id);
        user_page_done(&page);
    }
    static const char *const bad[] = {"", "{}", "{\"totalResults\":\"1\"}", "[]"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct user_page page;
        struct error err;
        ck_assert(!scim_parse_users(str_of(bad[i]), &match, 1, &page, &err));
        ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    }
}
END_TEST

START_TEST(of_several_attributes_the_first_that_matches_counts)
{
    static const struct scim_match matches[] = {{"externalId", "e1"}, {"userName", "zoe"}};
    static const char body[] = "{\"totalResults\":9,\"nextCursor\":\"c\",\"Resources\":["
                               "{\"id\":\"1\",\"userName\":\"ZOE\"},{\"id\":\"2\",\"userName\":\"zoe\"},"
                               "{\"id\":\"3\",\"externalId\":\"e1\"},{\"id\":\"4\",\"userName\":\"zoe\"}]}";
    struct user_page page;
    struct error err;
    ck_assert(scim_parse_users(str_of(body), matches, 2, &page, &err));
    ck_assert_uint_eq(page.n, 4);
    ck_assert_int_eq(page.total, 9);
    ck_assert_str_eq(page.cursor, "c");
    ck_assert_uint_eq(page.found, 1);
    ck_assert_uint_eq(page.rank, 0);
    ck_assert_str_eq(page.account.id, "3");
    user_page_done(&page);
}
END_TEST

START_TEST(the_first_entry_of_a_list_is_added)
{
    struct attrs changes = {0}, known = {0};
    put_attrs(&changes, "emails.work=z@x");
    put_attrs(&known, "emails.work");
    scim_update(profile_find("scim"), "7", &changes, &known, false, &rq);
    expect("/Users/7",
           PATCH("{\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":\"z@x\",\"type\":\"work\","
                 "\"primary\":true}]}"));
    attrs_done(&changes);
    attrs_done(&known);
}
END_TEST

START_TEST(without_paths_the_value_has_the_attributes)
{
    struct attrs changes = {0};
    put_attrs(&changes, "department=D;name.familyName=T;title");
    scim_update(profile_find("scim"), "7", &changes, NULL, true, &rq);
    expect("/Users/7", PATCH("{\"op\":\"replace\",\"value\":{\"name\":{\"familyName\":\"T\"},\"" ENTERPRISE
                             "\":{\"department\":\"D\"}}},{\"op\":\"remove\",\"path\":\"title\"}"));
    attrs_done(&changes);
    scim_set_active(profile_find("scim"), "7", false, true, &rq);
    expect("/Users/7", PATCH("{\"op\":\"replace\",\"value\":{\"active\":false}}"));
}
END_TEST

/* A list that is replaced loses what others have put there. */
START_TEST(without_paths_the_first_entry_is_added_all_the_same)
{
    struct attrs changes = {0}, known = {0};
    put_attrs(&changes, "emails.work=z@x;phoneNumbers.work=1");
    put_attrs(&known, "emails.work;phoneNumbers.work=2");
    scim_update(profile_find("scim"), "7", &changes, &known, true, &rq);
    expect("/Users/7", PATCH("{\"op\":\"replace\",\"value\":{\"phoneNumbers\":[{\"value\":\"1\",\"type\":"
                             "\"work\",\"primary\":true}]}},{\"op\":\"add\",\"value\":{\"emails\":[{"
                             "\"value\":\"z@x\",\"type\":\"work\",\"primary\":true}]}}"));
    attrs_done(&changes);
    attrs_done(&known);
}
END_TEST

START_TEST(a_team_shows_a_member_others_or_nobody)
{
    static const struct {
        const char *body;
        int shows; /* -1: it is no team */
    } teams[] = {
        {"{\"id\":\"9\",\"members\":[{\"value\":\"6\"},{\"value\":\"7\"}]}", TEAM_SHOWS_MEMBER},
        {"{\"id\":\"9\",\"members\":[{\"value\":\"6\"},7]}", TEAM_SHOWS_OTHERS},
        {"{\"id\":\"9\",\"members\":[]}", TEAM_SHOWS_OTHERS},
        {"{\"id\":\"9\"}", TEAM_SHOWS_NOBODY},
        {"{\"members\":[]}", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(teams); i++) {
        enum team_shows shows = TEAM_SHOWS_NOBODY;
        bool ok = scim_parse_team(str_of(teams[i].body), "7", &shows);
        ck_assert_msg(ok == (teams[i].shows >= 0) && (!ok || (int)shows == teams[i].shows), "%s",
                      teams[i].body);
    }
}
END_TEST

START_TEST(values_too_long_for_us_differ_from_any_of_ours)
{
    static char body[8000], text[6000];
    struct account a;
    struct error err;
    for (size_t i = 0; i < 1500; i++)
        memcpy(text + 3 * i, "\xe3\x81\x82", 4);
    snprintf(body, sizeof body, "{\"id\":\"7\",\"title\":\"%s\"}", text);
    ck_assert(scim_parse_user(str_of(body), &a, &err));
    const char *title = attrs_get(&a.attrs, "title");
    ck_assert_uint_le(strlen(title), ATTR_VALUE_MAX);
    ck_assert_uint_eq(strlen(title) % 3, 0);
    account_done(&a);
}
END_TEST

START_TEST(errors_say_type_and_detail_if_they_can)
{
    static const struct {
        const char *body, *type, *detail;
    } rows[] = {{"{\"scimType\":\"uniqueness\",\"detail\":\"taken\"}", "uniqueness", "taken"},
                {"{\"detail\":\"taken\"}", "", "taken"},
                {"{\"detail\":5}", "", ""},
                {"<html>", "", ""},
                {"", "", ""}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char type[SCIM_TYPE_MAX], detail[SCIM_DETAIL_MAX];
        scim_parse_error(str_of(rows[i].body), type, detail);
        ck_assert_str_eq(type, rows[i].type);
        ck_assert_str_eq(detail, rows[i].detail);
    }
}
END_TEST

START_TEST(names_and_addresses_are_compared_without_case)
{
    static const struct {
        const char *name, *a, *b;
        bool equal;
    } rows[] = {{"userName", "Zoe", "zoe", true}, {"emails.work", "Z@X", "z@x", true},
                {"title", "Chef", "chef", false}, {"title", NULL, "", true},
                {"title", NULL, "x", false},      {"title", "x", NULL, false},
                {"department", "D", "D", true}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_msg(scim_values_equal(rows[i].name, rows[i].a, rows[i].b) == rows[i].equal, "row %zu", i);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lookups_are_quoted_for_filter_and_url,
        a_create_puts_each_attribute_in_its_place,
        miro_wants_one_schema_whole_names_and_no_emails,
        a_patch_replaces_what_has_a_value_and_removes_what_has_none,
        rights_and_pictures_have_places_of_their_own,
        rights_and_pictures_are_read_from_their_places,
        members_are_added_by_a_list_and_removed_one_by_one,
        eleven_members_are_a_small_patch_and_twelve_are_not,
        teams_are_read_page_by_page,
        an_account_says_its_teams,
        an_account_is_read_from_all_its_places,
        active_is_read_as_services_write_it,
        what_is_no_user_is_a_temporary_failure,
        a_list_is_searched_for_the_value_that_was_asked_for,
        of_several_attributes_the_first_that_matches_counts,
        the_first_entry_of_a_list_is_added,
        without_paths_the_value_has_the_attributes,
        without_paths_the_first_entry_is_added_all_the_same,
        a_team_shows_a_member_others_or_nobody,
        values_too_long_for_us_differ_from_any_of_ours,
        errors_say_type_and_detail_if_they_can,
        names_and_addresses_are_compared_without_case,
    };
    return kit_run("scim", tests, ARRAY_SIZE(tests));
}
