/* rollcall-worker policy test: persons that a file describes, and what a policy says of them. No Kafka, no target. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "mem.h"
#include "policies.h"
#include "policy.h"
#include "policy_answer.h"
#include "policy_cases.h"

enum { EX_DIFFERS = 1, COLUMN = 20 };

static const char USAGE[] = /* after "usage: rollcall-worker policy [options]" */
    "   test CASES    asks the policy about the persons in CASES (YAML or JSON) and compares with what is "
    "expected:\n"
    "                 each that of his tenant (tenants[].policy, else worker.policy), or that of --policy\n"
    "prints each case that differs, by attribute, and ends with a count; needs neither Kafka nor targets.\n"
    "exit: 0 all as expected, 1 some differ, 65 CASES is not understood, 78 the policy does not load.\n"
    "deploy/policy.md shows how cases are written; policy-cases.yaml beside the sample policies are theirs";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"policy", 'p', "FILE",
     "policy.lua or policy.yaml, for everybody in CASES; no configuration is read then"},
    {"tenant", 't', "NAME", "of the persons in CASES that name none"},
    {0},
};

struct run {
    struct options options;
    struct config *cfg;        /* of no --policy, like … */
    struct policies *policies; /* … these; NULL: */
    struct policy *policy;     /* of --policy */
    struct policy_cases cases;
};

/* As the policy is asked about the person. */
static struct person_view view_of(const struct run *r, const struct policy_case *c)
{
    const char *tenant = options_get(&r->options, "tenant");
    return policy_case_view(c, tenant ? tenant : "tenant");
}

static struct policy *policy_for(const struct run *r, const struct policy_case *c)
{
    return r->policy ? r->policy : policies_of(r->policies, view_of(r, c).tenant);
}

/* ---- one case ------------------------------------------------------------------------------------------ */

static void put_name(const char *name)
{
    printf("    ");
    cli_put(stdout, name);
    for (size_t n = strlen(name); n < COLUMN; n++)
        putchar(' ');
}

/* said NULL: no word about it. */
static void put_word(const struct attr *said)
{
    if (!said) {
        printf("(not named)");
    } else if (!said->value) {
        printf("(emptied)");
    } else {
        putchar('"');
        cli_put(stdout, said->value);
        putchar('"');
    }
}

static void put_difference(const char *name, const struct attr *expected, const struct attr *got)
{
    put_name(name);
    printf(" expected ");
    put_word(expected);
    printf("  got ");
    put_word(got);
    putchar('\n');
}

static bool is_same(const struct attr *a, const struct attr *b)
{
    if (!a || !b || !a->value || !b->value)
        return a && b && a->value == b->value;
    return strcmp(a->value, b->value) == 0;
}

static void head(const struct policy_case *c, size_t *differences)
{
    if ((*differences)++ > 0)
        return;
    cli_put(stdout, c->name);
    printf(": differs\n");
}

/* How many pairs differ; each is printed. */
static size_t compare(const struct policy_case *c, const struct attrs *expected, const struct attrs *got)
{
    size_t n = 0;
    const struct attr *kind = attrs_find(expected, ANSWER_KIND), *kind_got = attrs_find(got, ANSWER_KIND);
    if (!is_same(kind, kind_got)) { /* the rest follows from that */
        head(c, &n);
        put_difference(ANSWER_KIND, kind, kind_got);
        return n;
    }
    for (size_t i = 0; i < expected->n; i++) {
        const struct attr *found = attrs_find(got, expected->v[i].name);
        if (is_same(&expected->v[i], found))
            continue;
        head(c, &n);
        put_difference(expected->v[i].name, &expected->v[i], found);
    }
    for (size_t i = 0; i < got->n && !c->partly; i++) {
        if (attrs_find(expected, got->v[i].name))
            continue;
        head(c, &n);
        put_difference(got->v[i].name, NULL, &got->v[i]);
    }
    return n;
}

static bool is_as_expected(struct run *r, const struct policy_case *c, const struct desired *expected)
{
    struct person_view view = view_of(r, c);
    struct attrs wanted = {0}, said = {0};
    struct desired d = {0};
    struct error err;
    if (!policy_ask(policy_for(r, c), &view, c->target ? c->target : "", &d, &err)) {
        cli_put(stdout, c->name);
        printf(": the policy fails: ");
        cli_put(stdout, err.message);
        putchar('\n');
        return false;
    }
    policy_answer_pairs(expected, &wanted);
    policy_answer_pairs(&d, &said);
    bool same = compare(c, &wanted, &said) == 0;
    attrs_done(&wanted);
    attrs_done(&said);
    desired_done(&d);
    return same;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* Read before the first is compared: a file that is half understood has no count. */
static bool read_expected(struct run *r, const char *path, struct desired *ret, struct error *err)
{
    for (size_t i = 0; i < r->cases.n; i++) {
        const struct policy_case *c = &r->cases.v[i];
        if (!c->expect)
            return error_set(err, ERROR_INPUT, "%s: cases[%zu].expect: missing", path, i);
        if (!policy_read_answer(policy_for(r, c), c->expect, &ret[i], err))
            return error_wrap(err, "%s: cases[%zu].expect", path, i);
    }
    return true;
}

static int compare_all(struct run *r, const struct desired *expected)
{
    size_t differ = 0;
    for (size_t i = 0; i < r->cases.n; i++)
        differ += !is_as_expected(r, &r->cases.v[i], &expected[i]);
    printf("%zu as expected, %zu differ\n", r->cases.n - differ, differ);
    return differ ? EX_DIFFERS : EX_OK;
}

static int refuse_cases(const struct error *err)
{
    int code = cli_fail(err);
    return code == EX_CONFIG ? EX_DATAERR : code;
}

static bool load_policies(struct run *r, struct error *err)
{
    const char *path = options_get(&r->options, "policy");
    return path ? policy_new(path, &r->policy, err)
                : cli_load_config(&r->options, &r->cfg, err) && policies_new(r->cfg, &r->policies, err);
}

/* One that is mistyped would be asked about with worker.policy. */
static bool is_tenant(const struct run *r, const char *name, struct error *err)
{
    return !r->cfg || !name || config_tenant(r->cfg, name) ||
           error_set(err, ERROR_INPUT, "the configuration knows no tenant %.64s", name);
}

static bool load_cases(struct run *r, const char *path, struct error *err)
{
    if (!policy_cases_load(path, &r->cases, err))
        return false;
    for (size_t i = 0; i < r->cases.n; i++)
        if (!is_tenant(r, r->cases.v[i].tenant, err))
            return error_wrap(err, "%s: cases[%zu].person.tenant", path, i);
    return true;
}

static int run_test(void *ctx, int n, char **args)
{
    struct run *r = ctx;
    struct error err = {0};
    (void)n;
    if (!load_policies(r, &err) || !is_tenant(r, options_get(&r->options, "tenant"), &err))
        return cli_fail(&err);
    if (!load_cases(r, args[0], &err))
        return refuse_cases(&err);
    struct desired *expected = xcalloc(r->cases.n, sizeof *expected);
    int code = read_expected(r, args[0], expected, &err) ? compare_all(r, expected) : refuse_cases(&err);
    for (size_t i = 0; i < r->cases.n; i++)
        desired_done(&expected[i]);
    free(expected);
    return code;
}

static const struct cli_verb verbs[] = {
    {"test", "CASES", 1, 1, run_test},
    {0},
};

int cli_policy(int argc, char **argv)
{
    static const struct cli_command command = {USAGE, defs, verbs, NULL};
    struct run r = {0};
    int code = cli_run_verb(argc, argv, &command, &r.options, &r);
    policy_cases_done(&r.cases);
    policy_free(r.policy);
    policies_free(r.policies);
    config_free(r.cfg);
    return code;
}
