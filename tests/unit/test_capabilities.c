/* What a service says that it can do, and the record of it. */
#include <stdlib.h>
#include <string.h>

#include "../../worker/engine/capabilities.h"
#include "test_lib.h"

#define LIST(resources) "{\"totalResults\":2,\"Resources\":[" resources "]}"
#define USER            "\"id\":\"urn:ietf:params:scim:schemas:core:2.0:User\""
#define ENTERPRISE      "\"id\":\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\""

static struct capabilities c;

START_TEST(a_service_says_which_ways_it_has)
{
    capabilities_default(&c);
    ck_assert(c.patch && c.filter && c.groups && !c.etag && !c.cursor && !c.proved);
    ck_assert(capabilities_take_config(
        &c, str_of("{\"patch\":{\"supported\":false},\"filter\":{\"supported\":true,\"maxResults\":50},"
                   "\"etag\":{\"supported\":true},\"pagination\":{\"cursor\":true,\"maxPageSize\":20}}")));
    ck_assert(!c.patch && c.filter && c.etag && c.cursor && c.proved);
    ck_assert_uint_eq(c.page_max, 20);
    ck_assert(capabilities_take_types(&c, str_of(LIST("{\"endpoint\":\"/Users\"}"))));
    ck_assert(!c.groups);
    ck_assert(capabilities_take_types(&c, str_of("[{\"endpoint\":\"Users\"},{\"endpoint\":\"Groups\"}]")));
    ck_assert(c.groups);
}
END_TEST

START_TEST(what_is_no_answer_changes_nothing)
{
    static const char *const bad[] = {
        "", "<html>", "{}", "[]", "7", "{\"Resources\":[]}", "{\"Resources\":7}"};
    capabilities_default(&c);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert(!capabilities_take_config(&c, str_of(bad[i])));
        ck_assert(!capabilities_take_types(&c, str_of(bad[i])));
        ck_assert(!capabilities_take_schemas(&c, str_of(bad[i])));
        ck_assert(c.patch && c.filter && c.groups && c.writable.n == 0 && !c.proved);
    }
}
END_TEST

START_TEST(attributes_that_are_read_only_or_unknown_are_not_written)
{
    static const char schemas[] = LIST(
        "{" USER ",\"attributes\":[{\"name\":\"userName\"},{\"name\":\"title\",\"mutability\":\"readOnly\"},"
        "{\"name\":\"name\",\"subAttributes\":[{\"name\":\"givenName\"},"
        "{\"name\":\"formatted\",\"mutability\":\"readOnly\"}]},"
        "{\"name\":\"emails\",\"multiValued\":true,\"subAttributes\":[{\"name\":\"value\"}]}]},"
        "{" ENTERPRISE ",\"attributes\":[{\"name\":\"department\"},{\"name\":\"manager\","
        "\"subAttributes\":[{\"name\":\"value\"}]}]}");
    static const struct {
        const char *attr;
        bool written;
    } rows[] = {{"userName", true},        {"title", false},      {"name.givenName", true},
                {"name.formatted", false}, {"emails.work", true}, {"phoneNumbers.work", false},
                {"department", true},      {"costCenter", false}, {"manager", true},
                {"nickName", false},       {"externalId", true}};
    capabilities_default(&c);
    ck_assert(capabilities_write(&c, "nickName"));
    ck_assert(capabilities_take_schemas(&c, str_of(schemas)));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_msg(capabilities_write(&c, rows[i].attr) == rows[i].written, "%s", rows[i].attr);
    capabilities_done(&c);
}
END_TEST

START_TEST(the_configuration_counts_more)
{
    capabilities_default(&c);
    capabilities_override(&c, &(struct engine_capabilities){.patch = SWITCH_OFF, .etag = SWITCH_ON});
    ck_assert(!c.patch && c.etag && c.filter && c.groups);
}
END_TEST

START_TEST(a_record_says_it_to_everybody)
{
    struct buf key, value;
    struct capabilities_record r;
    struct error err;
    buf_init(&key, 400);
    buf_init(&value, CAPABILITIES_RECORD_MAX);
    capabilities_default(&c);
    c.patch = false;
    c.etag = c.proved = c.bare_paths = true;
    c.page_max = 100;
    attrs_set(&c.writable, "enterprise.department", "true");
    capabilities_key("crm", &key);
    capabilities_value("crm", &c, 1782900000000, &value);
    ck_assert(capabilities_is_key(buf_str(&key)));
    ck_assert(capabilities_record_read(buf_str(&key), buf_str(&value), &r, &err));
    ck_assert_str_eq(r.target, "crm");
    ck_assert_int_eq(r.at_ms, 1782900000000);
    ck_assert(!r.said.patch && r.said.filter && r.said.etag && r.said.proved && r.said.bare_paths);
    ck_assert_uint_eq(r.said.page_max, 100);
    ck_assert(capabilities_write(&r.said, "department") && !capabilities_write(&r.said, "title"));
    capabilities_record_done(&r);
    ck_assert(capabilities_record_read(buf_str(&key), BYTES(""), &r, &err)); /* forgotten */
    ck_assert(r.at_ms == 0 && r.said.patch);
    capabilities_record_done(&r);
    capabilities_done(&c);
    buf_done(&key);
    buf_done(&value);
}
END_TEST

START_TEST(records_are_read_strictly)
{
#define ALL                                                                                                  \
    "\"patch\":true,\"filter\":true,\"etag\":true,\"cursor\":true,\"groups\":true,\"members\":true,"         \
    "\"barePaths\":true"
#define AT  "\"at\":\"2026-07-01T10:00:00Z\""
#define WHO "\"kind\":\"capabilities\",\"target\":\"crm\","
    static const struct {
        const char *key, *value, *why;
    } rows[] = {
        {"capabilities/CRM", "", "the key names no target"},
        {"capabilities/crm", "{" WHO ALL "}", "at: not an RFC 3339 instant"},
        {"capabilities/hr", "{" WHO ALL "," AT "}", "the key does not agree with the value"},
        {"capabilities/crm", "{" WHO AT "}", "patch: neither true nor false"},
        {"capabilities/crm", "{" WHO ALL "," AT ",\"pageMax\":0}", "pageMax: not a size of pages"},
        {"capabilities/crm", "{" WHO ALL "," AT ",\"writable\":[7]}", "writable: not a list of attributes"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct capabilities_record r;
        struct error err;
        ck_assert_msg(!capabilities_record_read(str_of(rows[i].key), str_of(rows[i].value), &r, &err), "%s",
                      rows[i].why);
        ck_assert_str_eq(err.message, rows[i].why);
    }
    ck_assert(!capabilities_is_key(BYTES("capabilities/")));
    ck_assert(!capabilities_is_key(BYTES("team/crm/1")));
}
END_TEST

RUN_TESTS("capabilities", a_service_says_which_ways_it_has, what_is_no_answer_changes_nothing,
          attributes_that_are_read_only_or_unknown_are_not_written, the_configuration_counts_more,
          a_record_says_it_to_everybody, records_are_read_strictly)
