/* rollcall-worker control: what people decide, written to the control topic and listed from it. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "cli_load.h"
#include "cli_provision.h"
#include "cli_standing.h"
#include "event.h"
#include "loop.h"
#include "mem.h"
#include "topic_writer.h"

enum { HOLDS_MAX = 1000, WAIT_S = 60, WAIT_MAX_S = 24 * 3600 };

static const char USAGE[] = /* after "usage: rollcall-worker control [options]" */
    "   approve|deny HOLD…                      releases or refuses what the guard holds, by its id; approve "
    "also "
    "what was denied\n"
    "   approve|deny --target NAME --before TIME   or all that it holds and held before a time\n"
    "   pause|resume TARGET|all                 nothing is called there until it is resumed\n"
    "   retry TARGET|all [--before TIME]        what failed or was refused before (default: now) is tried at "
    "once\n"
    "   provision TENANT/DIRECTORY/SUBJECT      converges one person now and prints the steps\n"
    "   load SOURCE [--restart]                 asks the source for everybody and publishes them; goes on "
    "where it was cut\n"
    "   withdraw KEY                            takes a decision back (keys: see list)\n"
    "   list                                    what is in force\n"
    "   holds [--denied]                        what the guards hold, or what was denied of it: id, what, of "
    "whom, "
    "where, since when\n"
    "list and holds say on stderr that there is nothing\n"
    "decisions are kept in Kafka and hold for all workers, also after restarts; what one meets is told after "
    "it is "
    "written, and if that cannot be read the decision stands (approve and deny of an id read first)";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"reason", 'r', "TEXT", "why; wanted for every decision"},
    {"by", 0, "NAME", "who decides (default: the login name)"},
    {"target", 't', "NAME", "with approve and deny: whose holds"},
    {"before", 0, "TIME", "with approve, deny, retry: RFC 3339"},
    {"timeout", 0, "SECONDS", "with provision: how long to wait for the results (default: 60)"},
    {"denied", 0, NULL, "with holds: what was denied"},
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
    if (code == EX_OK) {
        printf("%s = %s\n", key, value.p);
        fflush(stdout); /* what it meets may take long to find out */
    }
    buf_done(&value);
    free(key);
    return code;
}

/* What is urgent is written first. The exit code. */
static int leave_untold(const struct error *err)
{
    fprintf(stderr,
            "rollcall-worker: the decision is written and stands; what it meets could not be read: %s\n",
            err->message);
    return EX_OK;
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

/* How many of those that were held the decision meets. */
static size_t count_held(const struct holdings *h, const struct control_state *s)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        n += !h->v[i]->denied && strcmp(h->v[i]->target, s->target) == 0 &&
             h->v[i]->since_ms < s->held_before_ms;
    return n;
}

static int decide_all_held(struct cli *c, struct control_state *s)
{
    struct holdings holdings;
    struct error err = {0};
    int code = decide(c, s, s->target);
    if (code != EX_OK)
        return code;
    bool ok = standing_holdings(c->cfg, s->at_ms, &holdings, &err);
    size_t n = ok ? count_held(&holdings, s) : 0;
    holdings_done(&holdings);
    if (!ok)
        return leave_untold(&err);
    if (n > 0)
        printf("  it meets %zu that were held\n", n);
    else
        printf(
            "  nothing was held there from before then (see control holds); what was denied is approved by "
            "its id only (see control holds --denied)\n");
    return EX_OK;
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
    return decide_all_held(c, &s);
}

/* Nothing is written when one of them is none: an operator who mistypes an id is to hear of it. */
static bool all_known(const struct holdings *h, int n, char **holds)
{
    bool ok = true;
    for (int i = 0; i < n; i++) {
        if (holdings_find(h, holds[i]))
            continue;
        fprintf(stderr, "rollcall-worker: nothing is held or was denied as ");
        cli_put(stderr, holds[i]);
        fprintf(stderr,
                ": it is decided and done, or a newer word has come, or the id is another (see control "
                "holds)\n");
        ok = false;
    }
    return ok;
}

static int decide_known(struct cli *c, enum control_decision decision, int n, char **holds)
{
    struct holdings holdings;
    struct error err = {0};
    bool ok = standing_holdings(c->cfg, 0, &holdings, &err);
    int code = !ok ? cli_fail(&err) : all_known(&holdings, n, holds) ? EX_OK : EX_NOINPUT;
    for (int i = 0; i < n && code == EX_OK; i++) {
        struct control_state s = {.kind = CONTROL_HOLD, .decision = decision, .hold = holds[i]};
        code = decide(c, &s, holds[i]);
        if (code == EX_OK) {
            printf("  ");
            standing_print_holding(holdings_find(&holdings, holds[i]));
        }
    }
    holdings_done(&holdings);
    return code;
}

static int decide_holds(struct cli *c, enum control_decision decision, int n, char **holds)
{
    if (n == 0)
        return decide_by_time(c, decision);
    if (options_get(&c->options, "target") || options_get(&c->options, "before"))
        return cli_usage("either ids of holds, or --target with --before");
    return decide_known(c, decision, n, holds);
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
    struct control before;
    struct error err = {0};
    if (!known_target(c, target, true))
        return EX_USAGE;
    int code = decide(c, &s, target);
    if (code != EX_OK)
        return code;
    bool ok = standing_read(c->cfg, &s, &before, &err);
    if (ok && control_paused(&before, target) == paused)
        printf("  as before\n");
    if (ok && !paused)
        standing_print_pauses(&before, target, false, "still paused");
    control_done(&before);
    return ok ? EX_OK : leave_untold(&err);
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

static int decide_retry(struct cli *c, struct control_state *s)
{
    struct control before;
    struct error err = {0};
    int code = decide(c, s, s->target);
    if (code != EX_OK)
        return code;
    bool ok = standing_read(c->cfg, s, &before, &err);
    if (ok)
        standing_print_pauses(&before, s->target, true, "paused, and tried when it is resumed");
    control_done(&before);
    return ok ? EX_OK : leave_untold(&err);
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
    if (s.time_ms > c->now_ms)
        return cli_usage("--before lies ahead: a retry is of what has failed");
    return decide_retry(c, &s);
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
    if (!standing_each(c->cfg, look_for, &wanted, &err))
        return cli_fail(&err);
    if (!wanted.there || (time_ms != 0 && wanted.time_ms != time_ms))
        return EX_NOINPUT;
    return write_record(c, wanted.key, (struct str){0}, &err) ? EX_OK : cli_fail(&err);
}

static int run_withdraw(void *ctx, int n, char **args)
{
    (void)n;
    int code = take_back(ctx, args[0], 0);
    static const char hold[] = "hold/";
    if (code == EX_OK)
        printf("%s taken back\n", args[0]);
    if (code == EX_OK && strncmp(args[0], hold, strlen(hold)) == 0)
        printf("  what was decided by it stays so; what was denied can be approved (see control holds "
               "--denied)\n");
    if (code == EX_NOINPUT)
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
    if (provision_complete(wait) || code == EX_NOINPUT) { /* nobody has to look for it any more */
        char *key = xasprintf("%s/%s", control_kind_name(CONTROL_PROVISION), args[0]);
        (void)take_back(c, key, s.time_ms); /* but not a wish that somebody else has uttered since */
        free(key);
    }
    provision_free(wait);
    return code;
}

static int run_list(void *ctx, int n, char **args)
{
    const struct cli *c = ctx;
    (void)n, (void)args;
    return standing_list(c->cfg, c->now_ms);
}

static int run_holds(void *ctx, int n, char **args)
{
    const struct cli *c = ctx;
    (void)n, (void)args;
    return standing_holds(c->cfg, options_get(&c->options, "denied") != NULL);
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
    {"holds", "[--denied]", 0, 0, run_holds},
    {0},
};

static int prepare(void *ctx)
{
    struct cli *c = ctx;
    struct error err = {0};
    return cli_load_config(&c->options, &c->cfg, &err) ? EX_OK : cli_fail(&err);
}

int cli_control(int argc, char **argv)
{
    static const struct cli_command command = {USAGE, defs, verbs, prepare};
    struct cli c = {.now_ms = clock_real_ms()};
    int code = cli_run_verb(argc, argv, &command, &c.options, &c);
    topic_writer_free(c.writer);
    config_free(c.cfg);
    return code;
}
