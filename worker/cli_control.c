/* rollcall-worker control: what people decide, written to the control topic and listed from it. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "cli_load.h"
#include "cli_provision.h"
#include "event.h"
#include "holdings.h"
#include "loop.h"
#include "mem.h"
#include "rfc3339.h"
#include "topic_reader.h"
#include "topic_writer.h"

enum {
    PERSONS_MS = 300000 /* all of the topic: millions */,
    HOLDS_MAX = 1000,
    WAIT_S = 60,
    WAIT_MAX_S = 24 * 3600
};

static const char USAGE[] = /* after "usage: rollcall-worker control [options]" */
    "   approve|deny HOLD…                      releases or refuses what the guard holds, by its id\n"
    "   approve|deny --target NAME --before TIME   or all that it held before a time\n"
    "   pause|resume TARGET|all                 nothing is called there until it is resumed\n"
    "   retry TARGET|all [--before TIME]        what failed or was refused before (default: now) is tried at "
    "once\n"
    "   provision TENANT/DIRECTORY/SUBJECT      converges one person now and prints the steps\n"
    "   load SOURCE [--restart]                 asks the source for everybody and publishes them; goes on "
    "where it was cut\n"
    "   withdraw KEY                            takes a decision back (keys: see list)\n"
    "   list                                    what is in force\n"
    "   holds                                   what the guards hold: id, what, of whom, where, since when\n"
    "decisions are kept in Kafka and hold for all workers, also after restarts";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"reason", 'r', "TEXT", "why; wanted for every decision"},
    {"by", 0, "NAME", "who decides (default: the login name)"},
    {"target", 't', "NAME", "with approve and deny: whose holds"},
    {"before", 0, "TIME", "with approve, deny, retry: RFC 3339"},
    {"timeout", 0, "SECONDS", "with provision: how long to wait for the results (default: 60)"},
    {"restart", 0, NULL, "with load: from the first page, whatever was loaded before"},
    {0},
};

struct cli { /* one run */
    struct options options;
    struct config *cfg;
    struct topic_writer *writer;
    int64_t now_ms;
    char by[CONTROL_BY_MAX + 1];
};

/* ---- writing ------------------------------------------------------------------------------------------- */

static bool sign(struct cli *c, struct control_state *s, struct error *err)
{
    const char *reason = options_get(&c->options, "reason");
    if (!reason || !*reason)
        return error_set(err, ERROR_INPUT, "say why: --reason TEXT");
    if (!cli_by(&c->options, c->by, sizeof c->by, err))
        return false;
    s->by = c->by;
    s->reason = (char *)(uintptr_t)reason;
    s->at_ms = c->now_ms;
    return true;
}

/* As a worker will read it: what it would refuse is not written. */
static bool is_understood(struct str key, struct str value, struct error *err)
{
    struct control_state again;
    if (!control_state_read(key, value, &again, err))
        return false;
    control_state_done(&again);
    return true;
}

static bool write_record(struct cli *c, struct str key, struct str value, struct error *err)
{
    const struct topic_message m = {.topic = KAFKA_CONTROL, .partition = -1, .key = key, .value = value};
    if (!c->writer && !topic_writer_new(c->cfg, CLI_KAFKA_MS, &c->writer, err))
        return false;
    return topic_writer_send(c->writer, &m, err);
}

/* s: kind and object; the rest is added here. The exit code. */
static int decide(struct cli *c, struct control_state *s, const char *object)
{
    struct error err = {0};
    struct buf value;
    char *key = xasprintf("%s/%s", control_kind_name(s->kind), object);
    buf_init(&value, CONTROL_VALUE_MAX);
    int code = EX_OK;
    if (!sign(c, s, &err)) {
        code = cli_usage("%s", err.message);
    } else {
        control_state_write(s, &value);
        if (!is_understood(str_of(key), buf_str(&value), &err))
            code = cli_usage("%s: %s", object, err.message);
        else if (!write_record(c, str_of(key), buf_str(&value), &err))
            code = cli_fail(&err);
    }
    if (code == EX_OK)
        printf("%s = %s\n", key, value.p);
    buf_done(&value);
    free(key);
    return code;
}

/* ---- the verbs ----------------------------------------------------------------------------------------- */

static bool known_target(const struct cli *c, const char *name, bool may_be_all)
{
    if (may_be_all && strcmp(name, CONTROL_ALL) == 0)
        return true;
    for (size_t i = 0; i < c->cfg->targets.n; i++)
        if (strcmp(c->cfg->targets.v[i].name, name) == 0)
            return true;
    size_t n = strlen(CONFIG_SOURCE_PREFIX);
    if (strncmp(name, CONFIG_SOURCE_PREFIX, n) == 0 && config_source(c->cfg, name + n))
        return true;
    cli_usage("the configuration knows no target %s", name);
    return false;
}

static int decide_by_time(struct cli *c, enum control_decision decision)
{
    const char *target = options_get(&c->options, "target");
    struct control_state s = {.kind = CONTROL_HOLD, .decision = decision};
    struct error err;
    if (!target || !options_get(&c->options, "before"))
        return cli_usage("wanted are ids of holds, or --target NAME with --before TIME");
    if (!known_target(c, target, false))
        return EX_USAGE;
    if (!cli_time(&c->options, "before", &s.held_before_ms, &err))
        return cli_usage("%s", err.message);
    s.target = (char *)(uintptr_t)target;
    return decide(c, &s, target);
}

static int decide_holds(struct cli *c, enum control_decision decision, int n, char **holds)
{
    if (n == 0)
        return decide_by_time(c, decision);
    if (options_get(&c->options, "target") || options_get(&c->options, "before"))
        return cli_usage("either ids of holds, or --target with --before");
    int code = EX_OK;
    for (int i = 0; i < n && code == EX_OK; i++) {
        struct control_state s = {.kind = CONTROL_HOLD, .decision = decision, .hold = holds[i]};
        code = decide(c, &s, holds[i]);
    }
    return code;
}

static int run_approve(void *ctx, int n, char **args)
{
    return decide_holds(ctx, DECISION_APPROVE, n, args);
}

static int run_deny(void *ctx, int n, char **args)
{
    return decide_holds(ctx, DECISION_DENY, n, args);
}

static int set_pause(struct cli *c, char *target, bool paused)
{
    struct control_state s = {.kind = CONTROL_PAUSE, .target = target, .paused = paused};
    return known_target(c, target, true) ? decide(c, &s, target) : EX_USAGE;
}

static int run_pause(void *ctx, int n, char **args)
{
    (void)n;
    return set_pause(ctx, args[0], true);
}

static int run_resume(void *ctx, int n, char **args)
{
    (void)n;
    return set_pause(ctx, args[0], false);
}

static int run_retry(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    struct control_state s = {.kind = CONTROL_RETRY, .target = args[0], .time_ms = c->now_ms};
    struct error err;
    (void)n;
    if (!known_target(c, args[0], true))
        return EX_USAGE;
    if (!cli_time(&c->options, "before", &s.time_ms, &err))
        return cli_usage("%s", err.message);
    return decide(c, &s, args[0]);
}

static int run_load(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    struct control_state s = {.kind = CONTROL_LOAD, .source = args[0], .time_ms = c->now_ms};
    struct error err = {0};
    (void)n;
    if (!config_source(c->cfg, args[0]))
        return cli_usage("the configuration knows no source %s", args[0]);
    if (!sign(c, &s, &err))
        return cli_usage("%s", err.message);
    return load_run(c->cfg, &s, options_get(&c->options, "restart") != NULL);
}

/* Everything that was decided until now, record by record. */
static bool read_control(struct cli *c, void (*take)(void *ctx, const struct topic_record *record), void *ctx,
                         struct error *err)
{
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(c->cfg, KAFKA_CONTROL, &reader, err) &&
              topic_reader_read_all(reader, CLI_KAFKA_MS, take, ctx, err);
    topic_reader_free(reader);
    return ok;
}

struct wanted { /* the newest record of a key */
    struct str key;
    bool there;      /* and it is no tombstone */
    int64_t time_ms; /* 0: none, or it is not understood */
};

static void look_for(void *ctx, const struct topic_record *record)
{
    struct wanted *w = ctx;
    struct control_state s;
    struct error err;
    if (!str_eq(record->key, w->key))
        return;
    w->there = record->value.n > 0;
    w->time_ms = 0;
    if (w->there && control_state_read(record->key, record->value, &s, &err)) {
        w->time_ms = s.time_ms;
        control_state_done(&s);
    }
}

/* EX_NOINPUT: nothing of that key was decided. time_ms: only if it is of that time; 0: whatever it is. */
static int take_back(struct cli *c, const char *key, int64_t time_ms)
{
    struct wanted wanted = {.key = str_of(key)};
    struct error err = {0};
    if (!read_control(c, look_for, &wanted, &err))
        return cli_fail(&err);
    if (!wanted.there || (time_ms != 0 && wanted.time_ms != time_ms))
        return EX_NOINPUT;
    return write_record(c, wanted.key, (struct str){0}, &err) ? EX_OK : cli_fail(&err);
}

static int run_withdraw(void *ctx, int n, char **args)
{
    (void)n;
    int code = take_back(ctx, args[0], 0);
    if (code == EX_OK)
        printf("%s taken back\n", args[0]);
    else if (code == EX_NOINPUT)
        fprintf(stderr, "rollcall-worker: nothing is decided as %s (see control list)\n", args[0]);
    return code;
}

/* The reader stands at the end of the results before anybody is asked for one. */
static int run_provision(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    struct control_state s = {.kind = CONTROL_PROVISION, .person = args[0], .time_ms = c->now_ms};
    struct provision *wait = NULL;
    struct error err = {0};
    int64_t timeout_s = WAIT_S;
    (void)n;
    if (!cli_number(&c->options, "timeout", WAIT_MAX_S, &timeout_s, &err))
        return cli_usage("%s", err.message);
    if (!provision_new(c->cfg, args[0], c->now_ms, &wait, &err))
        return err.kind == ERROR_INPUT ? cli_usage("%s", err.message) : cli_fail(&err);
    int code = decide(c, &s, args[0]);
    if (code == EX_OK)
        code = provision_wait(wait, timeout_s * 1000);
    if (provision_complete(wait)) { /* nobody has to look for it any more */
        char *key = xasprintf("%s/%s", control_kind_name(CONTROL_PROVISION), args[0]);
        (void)take_back(c, key, s.time_ms); /* but not a wish that somebody else has uttered since */
        free(key);
    }
    provision_free(wait);
    return code;
}

/* ---- list ---------------------------------------------------------------------------------------------- */

struct listing {
    const struct control_state **v;
    size_t n;
    int64_t now_ms;
};

static bool in_force(const struct control_state *s, int64_t now_ms)
{
    if (s->kind == CONTROL_PAUSE)
        return s->paused;
    if (s->kind == CONTROL_LOAD)
        return !s->done;
    return s->kind != CONTROL_PROVISION || now_ms - s->time_ms < CONTROL_PROVISION_LIFE_MS;
}

static void collect(void *ctx, const struct control_state *s)
{
    struct listing *l = ctx;
    if (!in_force(s, l->now_ms))
        return;
    l->v = xreallocarray(l->v, l->n + 1, sizeof(const struct control_state *));
    l->v[l->n++] = s;
}

static int by_key(const void *a, const void *b)
{
    const struct control_state *const *left = a, *const *right = b;
    return strcmp((*left)->key, (*right)->key);
}

static void print_state(const struct control_state *s)
{
    static const char *const decisions[] = {
        [DECISION_NONE] = "", [DECISION_APPROVE] = "approve", [DECISION_DENY] = "deny"};
    char at[RFC3339_SIZE], time[RFC3339_SIZE] = "";
    int64_t time_ms = s->time_ms ? s->time_ms : s->held_before_ms;
    rfc3339_format(s->at_ms, at);
    if (time_ms)
        rfc3339_format(time_ms, time);
    cli_put(stdout, s->key);
    static const char *const words[CONTROL_KINDS] = {[CONTROL_HOLD] = " before ",
                                                     [CONTROL_RETRY] = " before ",
                                                     [CONTROL_PROVISION] = "asked for ",
                                                     [CONTROL_LOAD] = "begun "};
    printf("  %s%s%s  at %s by ", s->kind == CONTROL_PAUSE ? "paused" : decisions[s->decision],
           time_ms ? words[s->kind] : "", time, at);
    cli_put(stdout, s->by);
    printf(": ");
    cli_put(stdout, s->reason);
    printf("\n");
}

static void take_decision(void *ctx, const struct topic_record *record)
{
    struct control_change change;
    struct error err;
    if (!control_take(ctx, record->key, record->value, &change, &err))
        fprintf(stderr, "rollcall-worker: record %d:%lld is not understood: %s\n", record->partition,
                (long long)record->offset, err.message);
}

static int run_list(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    struct control control;
    struct listing l = {.now_ms = c->now_ms};
    struct error err = {0};
    (void)n, (void)args;
    control_init(&control);
    bool ok = read_control(c, take_decision, &control, &err);
    if (ok) {
        control_each(&control, collect, &l);
        if (l.n > 0)
            qsort(l.v, l.n, sizeof(const struct control_state *), by_key);
        for (size_t i = 0; i < l.n; i++)
            print_state(l.v[i]);
    }
    free(l.v);
    control_done(&control);
    return ok ? EX_OK : cli_fail(&err);
}

/* ---- what is held -------------------------------------------------------------------------------------- */

static void take_person(void *ctx, const struct topic_record *record)
{
    holdings_take(ctx, record->key, record->value);
}

static void print_holding(const struct holding *v)
{
    char since[RFC3339_SIZE];
    rfc3339_format(v->since_ms, since);
    printf("%s  %s of ", v->id, v->what);
    cli_put(stdout, v->person);
    if (v->team) {
        printf(" from ");
        cli_put(stdout, v->team);
    }
    printf(" at ");
    cli_put(stdout, v->target);
    printf("  since %s\n", since);
}

static int run_holds(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    struct topic_reader *reader = NULL;
    struct holdings holdings = {0};
    struct error err = {0};
    (void)n, (void)args;
    bool ok = topic_reader_new(c->cfg, KAFKA_PERSONS, &reader, &err) &&
              topic_reader_read_all(reader, PERSONS_MS, take_person, &holdings, &err);
    holdings_sort(&holdings);
    for (size_t i = 0; ok && i < holdings.n; i++)
        print_holding(holdings.v[i]);
    holdings_done(&holdings);
    topic_reader_free(reader);
    return ok ? EX_OK : cli_fail(&err);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static const struct cli_verb verbs[] = {
    {"approve", "HOLD… | --target NAME --before TIME", 0, HOLDS_MAX, run_approve},
    {"deny", "HOLD… | --target NAME --before TIME", 0, HOLDS_MAX, run_deny},
    {"pause", "TARGET|all", 1, 1, run_pause},
    {"resume", "TARGET|all", 1, 1, run_resume},
    {"retry", "TARGET|all [--before TIME]", 1, 1, run_retry},
    {"provision", "TENANT/DIRECTORY/SUBJECT", 1, 1, run_provision},
    {"load", "SOURCE [--restart]", 1, 1, run_load},
    {"withdraw", "KEY", 1, 1, run_withdraw},
    {"list", "", 0, 0, run_list},
    {"holds", "", 0, 0, run_holds},
    {0},
};

int cli_control(int argc, char **argv)
{
    struct cli c = {.now_ms = clock_real_ms()};
    struct error err = {0};
    if (!options_parse(argc, argv, USAGE, defs, &c.options, &err))
        return cli_usage("%s", err.message);
    if (c.options.done)
        return EX_OK;
    const struct cli_verb *verb = cli_find_verb(&c.options, verbs);
    if (!verb)
        return EX_USAGE;
    int code = cli_load_config(&c.options, &c.cfg, &err)
                   ? verb->run(&c, c.options.n_args - 1, c.options.args + 1)
                   : cli_fail(&err);
    topic_writer_free(c.writer);
    config_free(c.cfg);
    return code;
}
