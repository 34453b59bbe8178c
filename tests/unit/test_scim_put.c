/* Resources that are read, changed and put back whole. */
#include <stdlib.h>
#include <string.h>

#include "test_lib.h"
#include "../../worker/engine/scim.h"

#define URN        "urn:ietf:params:scim:schemas:core:2.0:User"
#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

static struct scim_request rq;

static void expect(const char *path, const char *body)
{
    ck_assert_str_eq(rq.method, "PUT");
    ck_assert_str_eq(rq.path, path);
    ck_assert_str_eq(rq.body, body);
    ck_assert_uint_eq(rq.body_n, strlen(body));
    scim_request_done(&rq);
}

static struct whole whole_of(const char *body, const char *etag)
{
    struct whole w = {0};
    whole_take(&w, str_of(body), true, etag);
    return w;
}

static const char user[] =
    "{\"schemas\":[\"" URN "\",\"urn:x\"],\"id\":\"7\",\"userName\":\"z\",\"title\":\"T\",\"active\":true,"
    "\"emails\":[{\"type\":\"home\",\"value\":\"h@x\"},{\"type\":\"work\",\"value\":\"old@x\",\"display\":"
    "\"d\"}],"
    "\"urn:x\":{\"deep\":[1,{\"a\":null}]},\"groups\":[{\"value\":\"1\"}],\"meta\":{\"version\":\"W/"
    "\\\"3\\\"\"}}";

START_TEST(what_we_do_not_know_of_stays)
{
    struct whole w = whole_of(user, NULL);
    struct attrs changes = {0};
    attrs_set(&changes, "emails.work", "new@x");
    attrs_set(&changes, "title", NULL);
    attrs_set(&changes, "department", "D");
    attrs_set(&changes, "manager", "9");
    attrs_set(&changes, "name.givenName", "Z");
    ck_assert(scim_put_user("7", &w, &changes, ACCESS_OFF, &rq));
    ck_assert_str_eq(rq.if_match, "If-Match: W/\"3\"");
    expect("/Users/7",
           "{\"schemas\":[\"" URN "\",\"urn:x\",\"" ENTERPRISE "\"],\"id\":\"7\",\"userName\":\"z\","
           "\"emails\":[{\"type\":\"home\",\"value\":\"h@x\"},{\"type\":\"work\",\"display\":\"d\",\"value\":"
           "\"new@x\"}],"
           "\"urn:x\":{\"deep\":[1,{\"a\":null}]},\"" ENTERPRISE
           "\":{\"department\":\"D\",\"manager\":{\"value\":\"9\"}},\"name\":{\"givenName\":\"Z\"},"
           "\"active\":false}");
    attrs_done(&changes);
    whole_done(&w);
}
END_TEST

START_TEST(what_is_cleared_is_left_out_and_nothing_else)
{
    static const char *const names[] = {"emails.work", "phoneNumbers.work", "name.givenName", "department",
                                        "manager"};
    struct whole w = whole_of(user, NULL);
    struct attrs changes = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        attrs_set(&changes, names[i], NULL);
    ck_assert(scim_put_user("7", &w, &changes, ACCESS_AS_IS, &rq));
    expect("/Users/7", "{\"schemas\":[\"" URN "\",\"urn:x\"],\"id\":\"7\",\"userName\":\"z\",\"title\":\"T\","
                       "\"active\":true,\"emails\":[{\"type\":\"home\",\"value\":\"h@x\"}],"
                       "\"urn:x\":{\"deep\":[1,{\"a\":null}]}}");
    attrs_done(&changes);
    whole_done(&w);
}
END_TEST

/* Of whom a role is read as the primary one, it is that which is changed. */
START_TEST(what_is_primary_is_so_however_a_service_writes_it)
{
    struct whole w =
        whole_of("{\"id\":\"7\",\"roles\":[{\"value\":\"a\",\"primary\":\"False\"},{\"value\":\"b\","
                 "\"primary\":\"True\"}]}",
                 NULL);
    struct attrs changes = {0};
    attrs_set(&changes, "role", "c");
    ck_assert(scim_put_user("7", &w, &changes, ACCESS_AS_IS, &rq));
    expect("/Users/7",
           "{\"id\":\"7\",\"roles\":[{\"value\":\"a\",\"primary\":\"False\"},{\"primary\":\"True\","
           "\"value\":\"c\"}]}");
    attrs_done(&changes);
    whole_done(&w);
}
END_TEST

START_TEST(an_entry_of_another_type_is_left_and_one_of_ours_put_beside_it)
{
    struct whole w =
        whole_of("{\"id\":\"7\",\"emails\":[{\"type\":\"home\",\"value\":\"h@x\",\"primary\":true}]}", NULL);
    struct attrs changes = {0};
    attrs_set(&changes, "emails.work", "new@x");
    ck_assert(scim_put_user("7", &w, &changes, ACCESS_AS_IS, &rq));
    expect("/Users/7",
           "{\"id\":\"7\",\"emails\":[{\"type\":\"home\",\"value\":\"h@x\",\"primary\":true},{\"type\":"
           "\"work\",\"value\":\"new@x\"}]}");
    attrs_done(&changes);
    whole_done(&w);
}
END_TEST

START_TEST(what_is_no_resource_is_not_put_back)
{
    static const char *const bad[] = {"[]", "", "{", "7"};
    static const char *const nobody[1];
    struct attrs none = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct whole w = whole_of(bad[i], NULL);
        ck_assert(!scim_put_user("7", &w, &none, ACCESS_ON, &rq));
        ck_assert(!scim_put_team("9", &w, nobody, 0, true, &rq));
        whole_done(&w);
    }
}
END_TEST

START_TEST(the_headers_etag_counts_and_one_that_cannot_stand_there_does_not)
{
    struct whole w = whole_of("{\"meta\":{\"version\":\"1\"}}", "\"2\"");
    ck_assert_str_eq(w.etag, "\"2\"");
    whole_take(&w, str_of("{\"meta\":{\"version\":\"1\\r\\nX: y\"}}"), true, NULL);
    ck_assert_ptr_null(w.etag);
    whole_take(&w, str_of("{\"meta\":{\"version\":\"1\"}}"), false, "\"2\"");
    ck_assert_ptr_null(w.etag);
    whole_done(&w);
}
END_TEST

START_TEST(a_team_has_everybody_once)
{
    static const char was[] =
        "{\"id\":\"9\",\"displayName\":\"T\",\"members\":[{\"value\":\"1\",\"type\":\"User\"},"
        "{\"value\":\"2\"},{\"value\":\"1\"}]}";
    static const char *const two[] = {"2", "3"};
    struct whole w = whole_of(was, "e");
    ck_assert(scim_put_team("9", &w, two, 2, true, &rq));
    expect("/Groups/9",
           "{\"id\":\"9\",\"displayName\":\"T\",\"members\":[{\"value\":\"1\",\"type\":\"User\"},"
           "{\"value\":\"2\"},{\"value\":\"3\"}]}");
    ck_assert(scim_put_team("9", &w, two, 2, false, &rq));
    expect("/Groups/9",
           "{\"id\":\"9\",\"displayName\":\"T\",\"members\":[{\"value\":\"1\",\"type\":\"User\"}]}");
    whole_done(&w);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_we_do_not_know_of_stays,
        what_is_cleared_is_left_out_and_nothing_else,
        what_is_no_resource_is_not_put_back,
        the_headers_etag_counts_and_one_that_cannot_stand_there_does_not,
        a_team_has_everybody_once,
        what_is_primary_is_so_however_a_service_writes_it,
        an_entry_of_another_type_is_left_and_one_of_ours_put_beside_it,
    };
    return run_tests("scim_put", tests, sizeof tests / sizeof tests[0]);
}
