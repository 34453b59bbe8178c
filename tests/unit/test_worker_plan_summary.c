/* Many plans in a few lines. */
#include "../../worker/plan_summary.h"

#include "test_lib.h"

static void add(struct plan_summary *s, const char *person, const char *json)
{
    cJSON *plan = NULL;
    struct error err;
    ck_assert_msg(json_parse(str_of(json), &plan, &err), "%s", err.message);
    plan_summary_add(s, person, plan);
    cJSON_Delete(plan);
}

START_TEST(counts_what_would_be_done)
{
    struct plan_summary s = {0};
    add(&s, "a", "{\"verdict\":\"agreed\"}");
    add(&s, "b", "{\"verdict\":\"ignored\"}");
    add(&s, "c", "{\"verdict\":\"protected\"}");
    add(&s, "d",
        "{\"verdict\":\"calls\",\"guard\":\"holds\",\"calls\":[{\"method\":\"POST\"}],"
        "\"difference\":[{\"attribute\":\"userName\",\"after\":\"x\"}]}");
    add(&s, "e",
        "{\"verdict\":\"calls\",\"calls\":[{\"method\":\"PATCH\"}],"
        "\"difference\":[{\"attribute\":\"active\",\"before\":\"true\",\"after\":\"false\"}]}");
    add(&s, "f",
        "{\"verdict\":\"calls\",\"calls\":[{\"method\":\"PATCH\"}],"
        "\"difference\":[{\"attribute\":\"active\",\"before\":\"false\",\"after\":\"true\"},"
        "{\"attribute\":\"title\",\"after\":\"x\"}]}");
    add(&s, "g",
        "{\"verdict\":\"calls\",\"calls\":[{\"method\":\"PATCH\"}],"
        "\"difference\":[{\"attribute\":\"department\",\"after\":\"x\"},{\"attribute\":\"title\",\"after\":"
        "\"y\"}]}");
    add(&s, "h", "{\"verdict\":\"calls\",\"calls\":[{\"method\":\"DELETE\"}]}");
    add(&s, "i", "{\"verdict\":\"refused\",\"reason\":\"another's account\"}");
    add(&s, "j", "{\"verdict\":\"denied\"}");
    ck_assert_uint_eq(s.plans, 10);
    ck_assert_uint_eq(s.agree, 1);
    ck_assert_uint_eq(s.nothing, 2);
    ck_assert_uint_eq(s.made, 1);
    ck_assert_uint_eq(s.held, 1);
    ck_assert_uint_eq(s.cut, 1);
    ck_assert_uint_eq(s.revived, 1);
    ck_assert_uint_eq(s.changed, 2);
    ck_assert_uint_eq(s.deleted, 1);
    ck_assert_uint_eq(s.refused, 2);
    ck_assert_str_eq(s.refusal, "i: another's account");
    char *changes = plan_summary_changes(&s);
    ck_assert_str_eq(changes, "title 2, department 1");
    free(changes);
    plan_summary_done(&s);
}
END_TEST

START_TEST(says_nothing_of_no_changes)
{
    struct plan_summary s = {0};
    char *changes = plan_summary_changes(&s);
    ck_assert_str_eq(changes, "");
    free(changes);
    plan_summary_done(&s);
}
END_TEST

RUN_TESTS("worker_plan_summary", counts_what_would_be_done, says_nothing_of_no_changes)
