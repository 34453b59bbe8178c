/* rollcall-worker target test: checks a target as an administrator wants to, before it is switched on. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "mem.h"
#include "plan_print.h"
#include "plan_summary.h"
#include "planner.h"
#include "policies.h"
#include "policy.h"
#include "policy_cases.h"
#include "settings.h"
#include "target_checks.h"

enum {
    WAIT_S = 60,
    WAIT_EACH_S = 3, /* a look-up at a tenth of Miro's limit takes half of it */
    WAIT_MAX_S = 3600,
    MANY_OF = 5, /* a sample smaller than this says nothing of shares */
};

static const char USAGE[] = /* after "usage: rollcall-worker target [options]" */
    "   test NAME     checks a target: reachable, token, SCIM switched on, what it can do, look-ups, "
    "limits;\n"
    "                 teams that the policy names for those asked about; what would be done for them\n"
    "a line per check: ok, warning or failed, and then what to do. The target gets nothing but GETs, whether "
    "the target is "
    "paused or not;\n"
    "Kafka is needed for --person and --sample, and read only.\n"
    "exit: 0 nothing failed, 64 the command line, 69 a check failed, 75 brokers do not answer or somebody "
    "has "
    "no plan, 78 the\n"
    "configuration, the policy, a secret or the cases";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"cases", 0, "FILE", "persons to ask the policy about, as for policy test"},
    {"person", 'p', "KEY[,KEY…]", "people of the records: TENANT/DIRECTORY/SUBJECT"},
    {"sample", 's', "N", "so many people of the records (1 to 1000)"},
    {"plans", 0, NULL, "show each plan, as rollcall-worker plan does"},
    {"timeout", 0, "SECONDS",
     "how long the target may take for the plans (default: 60, and 3 for each of a sample)"},
    {0},
};

struct run {
    struct options options;
    struct config *cfg;
    struct config one;                   /* the same with the one target; borrows from cfg */
    struct config_target target;         /* it, with a share of its limits */
    struct engine_config *engine_config; /* of `one` as configured */
    struct policies *policies;
    struct target_checks checks;
    struct config_limit *share; /* of them */
    struct attrs teams;         /* that the policy names: name → "true" */
    struct plan_summary summary;
    size_t untold;
};

/* ---- the one target ------------------------------------------------------------------------------------ */

static bool find_target(struct run *r, const char *name, struct error *err)
{
    for (size_t i = 0; i < r->cfg->targets.n; i++) {
        if (strcmp(r->cfg->targets.v[i].name, name) != 0)
            continue;
        r->target = r->cfg->targets.v[i];
        r->one = *r->cfg;
        r->one.targets.v = &r->target;
        r->one.targets.n = 1;
        return true;
    }
    return error_set(err, ERROR_INPUT, "the configuration knows no target %.64s", name);
}

/* Live workers need the rest. Of each class a call for each bucket, as settings_check wants. */
static void share_limits(struct run *r)
{
    const struct engine_target *t = &r->engine_config->targets[0];
    struct config_limit *v = xcalloc(t->n_limits + 1, sizeof *v);
    for (size_t i = 0; i < t->n_limits; i++) {
        int64_t share = (int64_t)t->limits[i].count * r->cfg->worker.dry_run.limit_percent / 100;
        v[i] = (struct config_limit){.class = (char *)(uintptr_t)t->limits[i].class_name,
                                     .count = share > t->spread ? share : t->spread,
                                     .window_ms = t->limits[i].window_ms};
    }
    r->share = v;
    r->target.limits = (struct config_limits){v, t->n_limits};
}

static bool open_target(struct run *r, const char *name, struct error *err)
{
    if (!cli_load_config(&r->options, &r->cfg, err) || !find_target(r, name, err) ||
        !settings_check(&r->one, err) || !target_probe_new(&r->one, &r->checks.probe, err))
        return false;
    r->engine_config = settings_engine_new(&r->one, NULL, "test", 1, 0, 1);
    r->checks.cfg = &r->one;
    r->checks.engine_config = r->engine_config;
    return true;
}

/* ---- whom the policy is asked about -------------------------------------------------------------------- */

static void note_teams(struct run *r, const struct desired *d)
{
    for (size_t i = 0; d->has_teams && i < d->teams.n; i++)
        if (d->teams.v[i].value)
            attrs_set(&r->teams, d->teams.v[i].name, "true");
}

/* A name that is mistyped there would leave its target to the rules for all. */
static void check_name(void *ctx, const char *name)
{
    struct run *r = ctx;
    for (size_t i = 0; i < r->cfg->targets.n; i++)
        if (strcmp(r->cfg->targets.v[i].name, name) == 0)
            return;
    target_checks_say(&r->checks, CHECK_WARNING, "policy",
                      "is the name right? The rules for all hold elsewhere",
                      "has rules for %.64s, which is no target of this configuration", name);
}

static bool check_policy(struct run *r, struct error *err)
{
    if (!policies_new(&r->one, &r->policies, err))
        return false;
    policy_each_target(policies_of(r->policies, r->target.tenant), check_name, r);
    return true;
}

static bool ask_cases(struct run *r, const char *path, struct error *err)
{
    struct policy_cases cases = {0};
    size_t asked = 0, failed = 0;
    bool ok = policy_cases_load(path, &cases, err);
    for (size_t i = 0; ok && i < cases.n; i++) {
        struct person_view view = policy_case_view(&cases.v[i], r->target.tenant);
        struct desired d = {0};
        struct error why;
        if (strcmp(view.tenant, r->target.tenant) != 0)
            continue;
        asked++;
        if (policies_ask(r->policies, &view, r->target.name, &d, &why)) {
            note_teams(r, &d);
        } else if (failed++ == 0) {
            target_checks_say(&r->checks, CHECK_FAILED, "policy",
                              "mend it; rollcall-worker policy test tries it", "fails for \"%.100s\": %s",
                              cases.v[i].name, why.message);
        }
        desired_done(&d);
    }
    if (ok && asked == 0)
        target_checks_say(&r->checks, CHECK_WARNING, "policy", "a person without `tenant` is of any",
                          "none of %zu cases is of the tenant %.64s", cases.n, r->target.tenant);
    else if (ok && failed == 0)
        target_checks_say(&r->checks, CHECK_OK, "policy", NULL, "has a word for each of %zu cases", asked);
    policy_cases_done(&cases);
    return ok;
}

static void on_told(void *ctx, const char *person, const cJSON *plan, struct str json)
{
    struct run *r = ctx;
    const char *target = json_string(plan, "target");
    (void)json;
    if (!target || strcmp(target, r->target.name) != 0)
        return; /* of another target, which is not asked now */
    plan_summary_add(&r->summary, person, plan);
    if (!options_get(&r->options, "plans"))
        return;
    cli_put(stdout, person);
    printf("\n");
    plan_print(plan);
}

static void on_wanted(void *ctx, const char *target, const struct desired *desired)
{
    (void)target;
    note_teams(ctx, desired);
}

static void on_untold(void *ctx, const char *person, const char *target, const char *why)
{
    struct run *r = ctx;
    (void)target;
    if (r->untold++ == 0)
        target_checks_say(&r->checks, CHECK_WARNING, "plans", "rollcall-worker plan --person says more",
                          "%.200s has none: %s", person, why);
}

/* person NULL: a sample of n. */
static bool plan_for(struct run *r, const char *person, size_t n, struct error *err)
{
    const struct planner_how how = {.although_paused = true, .ctx = r, .told = on_told, .wanted = on_wanted};
    struct planner *planner = NULL;
    int64_t seconds = WAIT_S + (int64_t)n * WAIT_EACH_S;
    bool ok = cli_number(&r->options, "timeout", WAIT_MAX_S, &seconds, err) &&
              planner_new(&r->one, &how, &planner, err) &&
              (person ? planner_ask_person(planner, person, err)
                      : planner_ask_sample(planner, r->target.tenant, r->target.directory, n, err));
    if (ok && planner_persons(planner) > 0)
        ok = planner_run(planner, seconds * 1000, err);
    if (ok)
        planner_each_untold(planner, on_untold);
    planner_free(planner);
    return ok;
}

static bool plan_persons(struct run *r, const char *keys, struct error *err)
{
    char *text = xstrdup(keys), *rest = text, *key;
    bool ok = true;
    while (ok && (key = strsep(&rest, ",")))
        ok = plan_for(r, key, 0, err);
    free(text);
    return ok;
}

static bool ask_policy(struct run *r, struct error *err)
{
    const char *cases = options_get(&r->options, "cases"), *persons = options_get(&r->options, "person");
    int64_t sample = 0;
    if (!cli_number(&r->options, "sample", PLANNER_PERSONS_MAX, &sample, err))
        return false;
    return (!cases || ask_cases(r, cases, err)) && (!persons || plan_persons(r, persons, err)) &&
           (sample == 0 || plan_for(r, NULL, (size_t)sample, err));
}

/* ---- what would be done -------------------------------------------------------------------------------- */

static void say_shares(struct run *r)
{
    const struct plan_summary *s = &r->summary;
    size_t there = s->plans - s->made - s->nothing, gone = s->cut + s->deleted;
    if (s->plans < MANY_OF)
        return;
    if (gone * MANY_OF > there)
        target_checks_say(&r->checks, CHECK_WARNING, "access",
                          "is that what the policy means? --plans shows whose",
                          "%zu of %zu accounts would be deactivated or deleted", gone, there);
    if (s->made * 2 > s->plans && r->checks.accounts > (int64_t)s->plans)
        target_checks_say(&r->checks, CHECK_WARNING, "accounts",
                          "do the policy's names agree with those there? targets[].match finds them",
                          "%zu of %zu people would be given a new one, though the target has %lld", s->made,
                          s->plans, (long long)r->checks.accounts);
}

static void say_plans(struct run *r)
{
    const struct plan_summary *s = &r->summary;
    char *changes = plan_summary_changes(s);
    if (s->plans == 0) {
        target_checks_say(&r->checks, CHECK_WARNING, "people",
                          "load them first: rollcall-worker control load SOURCE",
                          "the records know nobody whom this target takes");
    } else {
        target_checks_say(
            &r->checks, CHECK_OK, "people", NULL,
            "of %zu: %zu agree, %zu would be made, %zu changed, %zu deactivated, %zu activated, "
            "%zu deleted, %zu left alone",
            s->plans, s->agree, s->made, s->changed, s->cut, s->revived, s->deleted, s->nothing);
        if (*changes)
            target_checks_say(&r->checks, CHECK_OK, "changes", NULL, "%s", changes);
    }
    if (s->held > 0)
        target_checks_say(&r->checks, CHECK_WARNING, "guard", "see targets[].guard, and control approve",
                          "would hold %zu of them until somebody approves", s->held);
    if (s->refused > 0)
        target_checks_say(&r->checks, CHECK_WARNING, "refused", "--plans shows all of them with advice",
                          "%zu people: %s", s->refused, s->refusal);
    say_shares(r);
    free(changes);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static bool asks_records(const struct run *r)
{
    return options_get(&r->options, "person") || options_get(&r->options, "sample");
}

static int verdict(const struct run *r)
{
    const size_t *n = r->checks.counts;
    printf("%zu ok, %zu warnings, %zu failed\n", n[CHECK_OK], n[CHECK_WARNING], n[CHECK_FAILED]);
    return n[CHECK_FAILED] > 0 ? EX_UNAVAILABLE : r->untold > 0 ? EX_TEMPFAIL : EX_OK;
}

static int run_test(void *ctx, int n, char **args)
{
    struct run *r = ctx;
    struct error err = {0};
    (void)n;
    if (!open_target(r, args[0], &err))
        return cli_fail(&err);
    if (!target_checks_service(&r->checks))
        return verdict(r);
    share_limits(r);
    if (!check_policy(r, &err) || !ask_policy(r, &err))
        return cli_fail(&err);
    if (asks_records(r) || options_get(&r->options, "cases"))
        target_checks_teams(&r->checks, &r->teams);
    if (asks_records(r))
        say_plans(r);
    return verdict(r);
}

static const struct cli_verb verbs[] = {
    {"test", "NAME", 1, 1, run_test},
    {0},
};

int cli_target(int argc, char **argv)
{
    static const struct cli_command command = {USAGE, defs, verbs, NULL};
    struct run r = {0};
    int code = cli_run_verb(argc, argv, &command, &r.options, &r);
    policies_free(r.policies);
    target_probe_free(r.checks.probe);
    settings_engine_free(r.engine_config);
    free(r.share);
    attrs_done(&r.teams);
    plan_summary_done(&r.summary);
    config_free(r.cfg);
    return code;
}
