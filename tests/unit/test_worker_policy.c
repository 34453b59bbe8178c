#include "../../worker/policy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../worker/engine/person.h"
#include "mem.h"
#include "test_lib.h"

enum { PAIRS_MAX = 8 };

/* A policy of the given text, in a file of its own; *ret NULL if it does not load. */
static bool load_text(const char *text, struct policy **ret, struct error *err)
{
    char path[] = "/tmp/test_worker_policy.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *ret = NULL;
    bool ok = policy_new(path, ret, err);
    unlink(path);
    return ok;
}

struct given { /* a person; release with given_done */
    struct person person;
    struct person_view view;
};

static void give(struct given *g, enum employment employment, bool suspended, const char *const pairs[])
{
    *g = (struct given){.person = {.employment = employment, .suspended = suspended}};
    g->person.attrs = xcalloc(PAIRS_MAX, sizeof *g->person.attrs);
    for (size_t i = 0; pairs && pairs[2 * i]; i++) {
        g->person.attrs[i].name = xstrdup(pairs[2 * i]);
        g->person.attrs[i].value = xstrdup_null(pairs[2 * i + 1]);
        g->person.n_attrs++;
    }
    g->view = (struct person_view){.tenant = "acme",
                                   .directory = "hr",
                                   .subject = "42",
                                   .person = &g->person,
                                   .may_have_access = employment == EMPLOYMENT_JOINED && !suspended};
}

/* ---- what a policy may answer -------------------------------------------------------------------------- */

static const struct answer_row {
    const char *name;
    const char *body;  /* of desired */
    const char *error; /* part of the message; NULL: fine */
    enum desire kind;
    enum desire_active active;
    const char *attr, *value;
} answers[] = {
    {"nil leaves alone", "return nil", NULL, DESIRE_NOTHING, ACTIVE_AS_IS, NULL, NULL},
    {"nothing leaves alone", "", NULL, DESIRE_NOTHING, ACTIVE_AS_IS, NULL, NULL},
    {"an account", "return {active=true, title='CEO'}", NULL, DESIRE_ACCOUNT, ACTIVE_ON, "title", "CEO"},
    {"a cut", "return {active=false}", NULL, DESIRE_ACCOUNT, ACTIVE_OFF, NULL, NULL},
    {"access as it is", "return {title='CEO'}", NULL, DESIRE_ACCOUNT, ACTIVE_AS_IS, "title", "CEO"},
    {"a deletion", "return {delete=true}", NULL, DESIRE_ABSENT, ACTIVE_AS_IS, NULL, NULL},
    {"no deletion", "return {delete=false}", NULL, DESIRE_ACCOUNT, ACTIVE_AS_IS, NULL, NULL},
    {"null empties", "return {title=rollcall.null}", NULL, DESIRE_ACCOUNT, ACTIVE_AS_IS, "title", NULL},
    {"integers as text", "return {employeeNumber=42}", NULL, DESIRE_ACCOUNT, ACTIVE_AS_IS, "employeeNumber",
     "42"},
    {"truth as text", "return {x=true}", NULL, DESIRE_ACCOUNT, ACTIVE_AS_IS, "x", "true"},
    {"sees the person", "return {t=p.tenant..p.directory..p.subject..p.employment..p.profile.a..t}", NULL,
     DESIRE_ACCOUNT, ACTIVE_AS_IS, "t", "acmehr42joinedxmiro"},
    {"text instead of a table", "return 'yes'", "nil or a table", 0, 0, NULL, NULL},
    {"active as text", "return {active='true'}", "active", 0, 0, NULL, NULL},
    {"delete and more", "return {delete=true, title='x'}", "delete", 0, 0, NULL, NULL},
    {"delete and teams", "return {delete=true, teams={}}", "delete", 0, 0, NULL, NULL},
    {"delete and admin roles", "return {delete=true, admin_roles={}}", "delete", 0, 0, NULL, NULL},
    {"out of all teams, then cut", "return {active=false, leave_teams=true}", NULL, DESIRE_ACCOUNT,
     ACTIVE_OFF, NULL, NULL},
    {"not out of teams", "return {active=true, leave_teams=false}", NULL, DESIRE_ACCOUNT, ACTIVE_ON, NULL,
     NULL},
    {"out of all teams with access", "return {active=true, leave_teams=true}", "goes with active = false", 0,
     0, NULL, NULL},
    {"leave_teams as text", "return {active=false, leave_teams='yes'}", "leave_teams", 0, 0, NULL, NULL},
    {"a role as attribute", "return {['roles.User Admin']='true'}", "is said in admin_roles", 0, 0, NULL,
     NULL},
    {"delete and active", "return {delete=true, active=true}", "delete", 0, 0, NULL, NULL},
    {"a table as value", "return {title={}}", "title", 0, 0, NULL, NULL},
    {"a fraction as value", "return {title=1.5}", "title", 0, 0, NULL, NULL},
    {"a list", "return {'title'}", "attribute names", 0, 0, NULL, NULL},
    {"a value too long", "return {title=('x'):rep(2000)}", "too long", 0, 0, NULL, NULL},
    {"a name too long", "return {[('x'):rep(100)]='x'}", "no attribute name", 0, 0, NULL, NULL},
    {"too many", "local r={} for i=1,99 do r['a'..i]='x' end return r", "too many", 0, 0, NULL, NULL},
    {"an error", "error('broken')", "broken", 0, 0, NULL, NULL},
    {"a missing value", "return {t=p.profile.nothing..'x'}", "nil value", 0, 0, NULL, NULL},
    {"no end", "while true do end", "instructions", 0, 0, NULL, NULL},
    {"no end, though it catches errors", "while true do pcall(function() while true do end end) end",
     "instructions", 0, 0, NULL, NULL},
    {"too much memory", "local r = {} for i=1,1e5 do r[i] = ('x'):rep(60000) .. i end", "not enough memory",
     0, 0, NULL, NULL},
    {"too deep", "local function f() return 1 + f() end return f()", "not enough memory", 0, 0, NULL, NULL},
    {"no files", "return {t=io.open('/etc/passwd')}", "io", 0, 0, NULL, NULL},
};

START_TEST(reads_what_desired_answers)
{
    static const char *const pairs[] = {"a", "x", "b", NULL, NULL};
    const struct answer_row *row = &answers[_i];
    struct error err = {0};
    struct policy *policy;
    struct given g;
    struct desired d = {0};
    char *text = xasprintf("return {desired = function(p, t) %s end}", row->body);
    ck_assert_msg(load_text(text, &policy, &err), "%s: %s", row->name, err.message);
    give(&g, EMPLOYMENT_JOINED, false, pairs);

    bool ok = policy_ask(policy, &g.view, "miro", &d, &err);
    ck_assert_msg(ok == !row->error, "%s: %s", row->name, err.message);
    if (ok) {
        ck_assert_msg(d.kind == row->kind && d.active == row->active, "%s", row->name);
        ck_assert_msg(d.attrs.n == (row->attr ? 1 : 0), "%s", row->name);
        ck_assert_msg(!row->attr || attrs_find(&d.attrs, row->attr), "%s", row->name);
        ck_assert_pstr_eq(row->attr ? attrs_get(&d.attrs, row->attr) : NULL, row->value);
        desired_done(&d);
    } else {
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, row->error), "%s: %s", row->name, err.message);
    }

    person_done(&g.person);
    policy_free(policy);
    free(text);
}
END_TEST

/* Whatever one person's call came to, the next one is asked as if nothing had been. */
START_TEST(an_error_for_one_person_is_nobody_elses)
{
    static const char *const bad[] = {"error('no')", "while true do end",
                                      "local r = {} for i=1,1e5 do r[i] = ('x'):rep(60000) .. i end",
                                      "return {title={}}", "return 7"};
    static const char *const good[] = {"a", "good", NULL}, *const broken[] = {"a", "bad", NULL};
    char *text = xasprintf(
        "return {desired = function(p) if p.profile.a == 'bad' then %s end return {title='x'} end}", bad[_i]);
    struct error err = {0};
    struct policy *policy;
    struct given sound, ill;
    ck_assert_msg(load_text(text, &policy, &err), "%s", err.message);
    give(&sound, EMPLOYMENT_JOINED, false, good);
    give(&ill, EMPLOYMENT_JOINED, false, broken);
    for (int i = 0; i < 3; i++) {
        struct desired d = {0};
        ck_assert(!policy_ask(policy, &ill.view, "miro", &d, &err));
        ck_assert_msg(policy_ask(policy, &sound.view, "miro", &d, &err), "%s", err.message);
        ck_assert_str_eq(attrs_get(&d.attrs, "title"), "x");
        desired_done(&d);
    }
    person_done(&sound.person);
    person_done(&ill.person);
    policy_free(policy);
    free(text);
}
END_TEST

/* ---- teams --------------------------------------------------------------------------------------------- */

static const struct team_row {
    const char *name;
    const char *said;  /* teams of the answer */
    const char *error; /* part of the message; NULL: fine */
    const char *in, *out;
    size_t n;
    bool nothing; /* nothing is said of teams */
} team_rows[] = {
    {"nothing", "nil", NULL, NULL, NULL, 0, true},
    {"none", "{}", NULL, NULL, NULL, 0, false},
    {"a list", "{'Design', 'Ops'}", NULL, "Ops", NULL, 2, false},
    {"true and false", "{Design=true, Ops=false}", NULL, "Design", "Ops", 2, false},
    {"both forms", "{'Design', Ops=false}", NULL, "Design", "Ops", 2, false},
    {"twice the same", "{'Design', 'Design', Design=true}", NULL, "Design", NULL, 1, false},
    {"a name of a digit", "{['1']=false}", NULL, NULL, "1", 1, false},
    {"a contradiction", "{'Design', Design=false}", "both true and false", NULL, NULL, 0, false},
    {"no table", "'Design'", "table or nil", NULL, NULL, 0, false},
    {"a number as name", "{7}", "list of names", NULL, NULL, 0, false},
    {"text as truth", "{Design='yes'}", "list of names", NULL, NULL, 0, false},
    {"an empty name", "{''}", "1 to 255 bytes", NULL, NULL, 0, false},
    {"a name too long", "{('x'):rep(256)}", "1 to 255 bytes", NULL, NULL, 0, false},
    {"a name of two lines", "{'a\\nb'}", "control characters", NULL, NULL, 0, false},
    {"a name that is no UTF-8", "{'\\xff'}", "UTF-8", NULL, NULL, 0, false},
    {"too many", "(function() local r={} for i=1,65 do r[i]='t'..i end return r end)()", "more than 64", NULL,
     NULL, 0, false},
};

START_TEST(reads_what_is_said_of_teams)
{
    const struct team_row *row = &team_rows[_i];
    struct error err = {0};
    struct policy *policy;
    struct given g;
    struct desired d = {0};
    char *text = xasprintf("return {desired = function() return {active=true, teams=%s} end}", row->said);
    ck_assert_msg(load_text(text, &policy, &err), "%s: %s", row->name, err.message);
    give(&g, EMPLOYMENT_JOINED, false, NULL);
    bool ok = policy_ask(policy, &g.view, "miro", &d, &err);
    ck_assert_msg(ok == !row->error, "%s: %s", row->name, err.message);
    ck_assert_msg(ok || strstr(err.message, row->error), "%s: %s", row->name, err.message);
    if (ok) {
        ck_assert_msg(d.has_teams != row->nothing && d.teams.n == row->n, "%s", row->name);
        ck_assert_msg(!row->in || attrs_get(&d.teams, row->in), "%s", row->name);
        ck_assert_msg(!row->out || (attrs_find(&d.teams, row->out) && !attrs_get(&d.teams, row->out)), "%s",
                      row->name);
    }
    desired_done(&d);
    person_done(&g.person);
    policy_free(policy);
    free(text);
}
END_TEST

static const struct role_row {
    const char *said;  /* admin_roles of the answer */
    const char *error; /* part of the message; NULL: fine */
    const char *given, *taken;
    size_t n;
    bool nothing; /* nothing is said of them */
} role_rows[] = {
    {"nil", NULL, NULL, NULL, 0, true},
    {"{}", NULL, NULL, NULL, 0, false},
    {"{'Content Admin'}", NULL, "roles.Content Admin", NULL, 1, false},
    {"{'Content Admin', ['User Admin']=false}", NULL, "roles.Content Admin", "roles.User Admin", 2, false},
    {"{'Content Admin', ['Content Admin']=false}", "both true and false", NULL, NULL, 0, false},
    {"'Content Admin'", "admin_roles must be a table or nil", NULL, NULL, 0, false},
    {"{('x'):rep(58)}", NULL, NULL, NULL, 1, false},
    {"{('x'):rep(59)}", "1 to 58 bytes", NULL, NULL, 0, false},
    {"{''}", "1 to 58 bytes", NULL, NULL, 0, false},
    {"(function() local r={} for i=1,65 do r[i]='t'..i end return r end)()", "a role too many", NULL, NULL, 0,
     false},
};

START_TEST(reads_what_is_said_of_admin_roles)
{
    const struct role_row *row = &role_rows[_i];
    struct error err = {0};
    struct policy *policy;
    struct given g;
    struct desired d = {0};
    char *text =
        xasprintf("return {desired = function() return {active=true, admin_roles=%s} end}", row->said);
    ck_assert_msg(load_text(text, &policy, &err), "%s: %s", row->said, err.message);
    give(&g, EMPLOYMENT_JOINED, false, NULL);
    bool ok = policy_ask(policy, &g.view, "miro", &d, &err);
    ck_assert_msg(ok == !row->error, "%s: %s", row->said, err.message);
    ck_assert_msg(ok || strstr(err.message, row->error), "%s: %s", row->said, err.message);
    if (ok) {
        ck_assert_msg(d.has_roles != row->nothing && d.attrs.n == row->n, "%s", row->said);
        ck_assert_msg(!row->given || attrs_get(&d.attrs, row->given), "%s", row->said);
        ck_assert_msg(!row->taken || (attrs_find(&d.attrs, row->taken) && !attrs_get(&d.attrs, row->taken)),
                      "%s", row->said);
    }
    desired_done(&d);
    person_done(&g.person);
    policy_free(policy);
    free(text);
}
END_TEST

static const char *const broken[] = {"return {}", "return 7", "return {desired = 1}", "retrun {}", ""};

START_TEST(refuses_a_file_without_desired)
{
    struct error err = {0};
    struct policy *policy;
    ck_assert_msg(!load_text(broken[_i], &policy, &err), "%s", broken[_i]);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
}
END_TEST

START_TEST(knows_a_changed_file_from_an_unchanged_one)
{
    static const char *const texts[] = {"return {desired = function() end}",
                                        "return {desired = function()  end}"};
    struct error err;
    struct policy *first, *same, *other;
    ck_assert(load_text(texts[0], &first, &err) && load_text(texts[0], &same, &err) &&
              load_text(texts[1], &other, &err));
    ck_assert(policy_fingerprint(first) == policy_fingerprint(same));
    ck_assert(policy_fingerprint(first) != policy_fingerprint(other));
    policy_free(first);
    policy_free(same);
    policy_free(other);
}
END_TEST

/* ---- the policy that we ship --------------------------------------------------------------------------- */

#define TEN    "1234567890"
#define SIXTY  TEN TEN TEN TEN TEN TEN
#define UMLAUT "\xc3\xbc" /* two bytes, one character */

static const struct shipped_row {
    const char *name;
    enum employment employment;
    bool suspended;
    const char *pairs[2 * PAIRS_MAX];
    enum desire kind;
    enum desire_active active;
    const char *attr, *value; /* value NULL: no word about attr */
} shipped[] = {
    {"a joiner", EMPLOYMENT_JOINED, false, {"userName", "a@x"}, DESIRE_ACCOUNT, ACTIVE_ON, "userName", "a@x"},
    {"without a userName",
     EMPLOYMENT_JOINED,
     false,
     {"title", "x"},
     DESIRE_NOTHING,
     ACTIVE_AS_IS,
     NULL,
     NULL},
    {"a leaver", EMPLOYMENT_LEFT, false, {"userName", "a@x"}, DESIRE_ACCOUNT, ACTIVE_OFF, "userName", NULL},
    {"a leaver nobody knows", EMPLOYMENT_LEFT, false, {NULL}, DESIRE_ACCOUNT, ACTIVE_OFF, NULL, NULL},
    {"a deleted one", EMPLOYMENT_DELETED, false, {NULL}, DESIRE_ACCOUNT, ACTIVE_OFF, NULL, NULL},
    {"on hold", EMPLOYMENT_JOINED, true, {"userName", "a@x"}, DESIRE_ACCOUNT, ACTIVE_OFF, NULL, NULL},
    {"on hold, employment unknown", EMPLOYMENT_UNKNOWN, true, {NULL}, DESIRE_ACCOUNT, ACTIVE_OFF, NULL, NULL},
    {"unknown",
     EMPLOYMENT_UNKNOWN,
     false,
     {"userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_AS_IS,
     "userName",
     "a@x"},
    {"display name of parts",
     EMPLOYMENT_JOINED,
     false,
     {"name.familyName", "Lovelace", "name.givenName", "Ada", "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "displayName",
     "Ada Lovelace"},
    {"half a name is none",
     EMPLOYMENT_JOINED,
     false,
     {"name.givenName", "Ada", "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "name.givenName",
     NULL},
    {"names too long together",
     EMPLOYMENT_JOINED,
     false,
     {"name.familyName", SIXTY, "name.givenName", "A", "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "name.familyName",
     NULL},
    {"a display name is cut",
     EMPLOYMENT_JOINED,
     false,
     {"displayName", SIXTY "x", "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "displayName",
     SIXTY},
    {"a cut counts characters",
     EMPLOYMENT_JOINED,
     false,
     {"displayName", UMLAUT SIXTY, "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "displayName",
     UMLAUT TEN TEN TEN TEN TEN "123456789"},
    {"a number too long is left out",
     EMPLOYMENT_JOINED,
     false,
     {"employeeNumber", TEN TEN "1", "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "employeeNumber",
     NULL},
    {"a number that fits",
     EMPLOYMENT_JOINED,
     false,
     {"employeeNumber", "7", "userName", "a@x"},
     DESIRE_ACCOUNT,
     ACTIVE_ON,
     "employeeNumber",
     "7"},
};

START_TEST(the_shipped_policy_does_the_usual_thing)
{
    const struct shipped_row *row = &shipped[_i];
    struct error err = {0};
    struct policy *policy;
    struct given g;
    struct desired d;
    ck_assert_msg(policy_new("deploy/config/policy.lua", &policy, &err), "%s", err.message);
    give(&g, row->employment, row->suspended, row->pairs);
    ck_assert_msg(policy_ask(policy, &g.view, "miro", &d, &err), "%s: %s", row->name, err.message);
    ck_assert_msg(d.kind == row->kind && d.active == row->active, "%s", row->name);
    if (row->attr)
        ck_assert_pstr_eq(attrs_get(&d.attrs, row->attr), row->value);
    desired_done(&d);
    person_done(&g.person);
    policy_free(policy);
}
END_TEST

START_TEST(the_shipped_policy_follows_an_access_that_ended)
{
    static const char *const pairs[] = {"userName", "a@x", NULL};
    struct error err = {0};
    struct policy *policy;
    struct given g;
    struct desired d;
    ck_assert_msg(policy_new("deploy/config/policy.lua", &policy, &err), "%s", err.message);
    give(&g, EMPLOYMENT_JOINED, false, pairs);
    g.view.may_have_access = false;
    ck_assert(policy_ask(policy, &g.view, "miro", &d, &err));
    ck_assert_int_eq(d.kind, DESIRE_ACCOUNT);
    ck_assert_int_eq(d.active, ACTIVE_OFF);
    desired_done(&d);
    person_done(&g.person);
    policy_free(policy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_policy");
    TCase *tc = tcase_create("policy");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, reads_what_desired_answers, 0, (int)ARRAY_SIZE(answers));
    tcase_add_loop_test(tc, an_error_for_one_person_is_nobody_elses, 0, 5);
    tcase_add_loop_test(tc, reads_what_is_said_of_teams, 0, (int)ARRAY_SIZE(team_rows));
    tcase_add_loop_test(tc, reads_what_is_said_of_admin_roles, 0, (int)ARRAY_SIZE(role_rows));
    tcase_add_loop_test(tc, refuses_a_file_without_desired, 0, (int)ARRAY_SIZE(broken));
    tcase_add_test(tc, knows_a_changed_file_from_an_unchanged_one);
    tcase_add_loop_test(tc, the_shipped_policy_does_the_usual_thing, 0, (int)ARRAY_SIZE(shipped));
    tcase_add_test(tc, the_shipped_policy_follows_an_access_that_ended);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
