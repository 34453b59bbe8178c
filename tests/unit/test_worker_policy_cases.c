/* Files of cases: what they describe, and what is wrong in them. */
#include "policy_kit.h"

#include "../../worker/policy_cases.h"
#include "test_lib.h"

static bool load(const char *text, struct policy_cases *ret, struct error *err)
{
    char path[] = "/tmp/test_policy_cases.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *err = (struct error){0};
    *ret = (struct policy_cases){0};
    bool ok = policy_cases_load(path, ret, err);
    unlink(path);
    return ok;
}

static const struct {
    const char *person, *seen; /* as a policy sees it, in the words of SHOW */
} persons[] = {
    {"{}", "joined true false nil nil nil tenant/directory/case-0"},
    {"{employment: left}", "left false false nil nil nil tenant/directory/case-0"},
    {"{suspended: true}", "joined false true nil nil nil tenant/directory/case-0"},
    {"{active: false, accessUntil: '2026-01-02T03:04:05Z'}",
     "joined false false 2026-01-02T03:04:05.000Z nil nil tenant/directory/case-0"},
    {"{profile: {a: 7, b: ~}, groups: [G]}", "joined true false nil 7 true tenant/directory/case-0"},
    {"{profile: {a: true}, tenant: t, directory: d, subject: 42}", "joined true false nil true nil t/d/42"},
};

#define SHOW                                                                                                 \
    "return {desired = function(p) return {x = table.concat({p.employment, tostring(p.active), "             \
    "tostring(p.suspended), tostring(p.accessUntil), tostring(p.profile.a), tostring(p.groups.G), "          \
    "p.tenant .. '/' .. p.directory .. '/' .. p.subject}, ' ')} end}"

START_TEST(a_person_without_a_tenant_is_of_the_one_that_is_asked_for)
{
    struct policy_cases cases;
    struct error err;
    ck_assert_msg(load("cases: [{name: x, person: {}}, {name: y, person: {tenant: globex}}]", &cases, &err),
                  "%s", err.message);
    ck_assert_str_eq(policy_case_view(&cases.v[0], "acme").tenant, "acme");
    ck_assert_str_eq(policy_case_view(&cases.v[1], "acme").tenant, "globex");
    policy_cases_done(&cases);
}
END_TEST

START_TEST(a_case_describes_a_person)
{
    struct policy_cases cases;
    struct policy *policy;
    struct error err;
    char *text = xasprintf("cases: [{name: x, person: %s}]", persons[_i].person);
    char *wanted = xasprintf("account x=%s", persons[_i].seen);
    ck_assert_msg(load(text, &cases, &err), "%s", err.message);
    ck_assert_msg(kit_load(".lua", SHOW, &policy, &err), "%s", err.message);
    struct person_view view = policy_case_view(&cases.v[0], "tenant");
    char *said = kit_ask(policy, &view, "miro");
    ck_assert_str_eq(said, wanted);
    free(said);
    free(wanted);
    free(text);
    policy_free(policy);
    policy_cases_done(&cases);
}
END_TEST

static const struct {
    const char *text, *said;
} wrongs[] = {
    {"", "an empty file"},
    {"cases: []", "cases: there is none"},
    {"cases: {}", "cases: must be a list"},
    {"case: []", "case: unknown key"},
    {"cases: [{name: x, person: {}}]\ntarget: []", "target: must be a text"},
    {"cases: [{person: {}}]", "cases[0].name: missing"},
    {"cases: [{name: x}]", "cases[0].person: must be a mapping"},
    {"cases: [{name: x, person: {}, expects: {}}]", "cases[0].expects: unknown key"},
    {"cases: [{name: x, person: {}, partly: maybe}]", "cases[0].partly: must be true or false"},
    {"cases: [{name: x, person: {}}, {name: y, person: {age: 7}}]", "cases[1].person.age: unknown key"},
    {"cases: [{name: x, person: {employment: fired}}]", "cases[0].person.employment: must be joined"},
    {"cases: [{name: x, person: {suspended: 1}}]", "cases[0].person.suspended: must be true or false"},
    {"cases: [{name: x, person: {accessUntil: tomorrow}}]",
     "cases[0].person.accessUntil: must be an instant"},
    {"cases: [{name: x, person: {employment: left, active: true}}]", "cases[0].person.active: only who"},
    {"cases: [{name: x, person: {profile: [a]}}]", "cases[0].person.profile: must be a mapping"},
    {"cases: [{name: x, person: {profile: {a: []}}}]", "cases[0].person.profile.a: must be a text"},
    {"cases: [{name: x, person: {groups: {A: true}}}]", "cases[0].person.groups: must be a list"},
    {"cases: [{name: x, person: {groups: [~]}}]", "cases[0].person.groups: must be a list of texts"},
};

START_TEST(what_is_wrong_in_a_file_of_cases_is_told_with_its_path)
{
    struct policy_cases cases;
    struct error err;
    ck_assert_msg(!load(wrongs[_i].text, &cases, &err), "%s", wrongs[_i].text);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, wrongs[_i].said), "%s: %s", wrongs[_i].text, err.message);
}
END_TEST

static const struct {
    const char *expect, *read; /* "!": refused, and why */
} answers[] = {
    {"nothing", "leave alone"},
    {"~", "leave alone"},
    {"{delete: true}", "delete"},
    {"{active: false}", "account active=false"},
    {"{active: true, title: ~, employeeNumber: 7, teams: {A: true, B: false}}",
     "account active=true employeeNumber=7 teams.A=true teams.B=false title=(empty)"},
    {"{teams: [A]}", "account teams.A=true"},
    {"all", "!nil or a table"},
    {"{active: maybe}", "!active must be true, false or nil"},
    {"{title: []}", "!title must be a string"},
};

START_TEST(what_is_expected_is_read_as_an_answer_is)
{
    struct policy_cases cases;
    struct policy *policy;
    struct error err;
    struct desired d = {0};
    char *text = xasprintf("cases: [{name: x, person: {}, expect: %s}]", answers[_i].expect);
    ck_assert_msg(load(text, &cases, &err), "%s", err.message);
    ck_assert_msg(kit_load(".lua", SHOW, &policy, &err), "%s", err.message);
    bool ok = policy_read_answer(policy, cases.v[0].expect, &d, &err);
    char *said = ok ? kit_shown(&d) : xasprintf("!%s", err.message);
    if (ok)
        ck_assert_str_eq(said, answers[_i].read);
    else
        ck_assert_msg(answers[_i].read[0] == '!' && strstr(said, answers[_i].read + 1), "%s", said);
    desired_done(&d);
    free(said);
    free(text);
    policy_free(policy);
    policy_cases_done(&cases);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_policy_cases");
    TCase *tc = tcase_create("policy_cases");
    tcase_add_test(tc, a_person_without_a_tenant_is_of_the_one_that_is_asked_for);
    tcase_add_loop_test(tc, a_case_describes_a_person, 0, (int)ARRAY_SIZE(persons));
    tcase_add_loop_test(tc, what_is_wrong_in_a_file_of_cases_is_told_with_its_path, 0,
                        (int)ARRAY_SIZE(wrongs));
    tcase_add_loop_test(tc, what_is_expected_is_read_as_an_answer_is, 0, (int)ARRAY_SIZE(answers));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
