#include "cli_standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "mem.h"
#include "rfc3339.h"

enum { PERSONS_MS = 300000 }; /* all of the topic: millions */

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool read_topic(const struct config *cfg, enum kafka_topic topic, int timeout_ms,
                       topic_record_fn *take, void *ctx, struct error *err)
{
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(cfg, topic, &reader, err) &&
              topic_reader_read_all(reader, timeout_ms, take, ctx, err);
    topic_reader_free(reader);
    return ok;
}

bool standing_each(const struct config *cfg, topic_record_fn *take, void *ctx, struct error *err)
{
    return read_topic(cfg, KAFKA_CONTROL, CLI_KAFKA_MS, take, ctx, err);
}

struct standing {
    struct control *into;
    const struct control_state *before; /* NULL: all is taken */
    bool met;                           /* the topic has one partition: what follows came later */
};

static bool is_decision(const struct topic_record *record, const struct control_state *decision)
{
    struct control_state s;
    struct error err;
    if (!control_state_read(record->key, record->value, &s, &err))
        return false;
    bool same = s.kind == decision->kind && s.at_ms == decision->at_ms && strcmp(s.by, decision->by) == 0 &&
                strcmp(s.reason, decision->reason) == 0;
    control_state_done(&s);
    return same;
}

/* What is not understood is obeyed by nobody. */
static void take_until(void *ctx, const struct topic_record *record)
{
    struct standing *s = ctx;
    struct control_change change;
    struct error err;
    s->met = s->met || (s->before && is_decision(record, s->before));
    if (!s->met)
        (void)!control_take(s->into, record->key, record->value, &change, &err);
}

bool standing_read(const struct config *cfg, const struct control_state *before, struct control *ret,
                   struct error *err)
{
    struct standing s = {ret, before, false};
    control_init(ret);
    return standing_each(cfg, take_until, &s, err);
}

struct held_until {
    struct holdings *into;
    int64_t until_ms;
};

static void take_person(void *ctx, const struct topic_record *record)
{
    const struct held_until *h = ctx;
    if (h->until_ms == 0 || record->time_ms <= h->until_ms)
        holdings_take(h->into, record->key, record->value);
}

bool standing_holdings(const struct config *cfg, int64_t until_ms, struct holdings *ret, struct error *err)
{
    struct held_until h = {ret, until_ms};
    *ret = (struct holdings){0};
    bool ok = read_topic(cfg, KAFKA_PERSONS, PERSONS_MS, take_person, &h, err);
    holdings_sort(ret);
    return ok;
}

struct sought {
    struct str person;
    bool there;
};

static void look_for_person(void *ctx, const struct topic_record *record)
{
    struct sought *s = ctx;
    if (str_eq(record->key, s->person))
        s->there = record->value.p != NULL;
}

bool standing_knows(const struct config *cfg, const char *person, bool *ret, struct error *err)
{
    struct sought s = {.person = str_of(person)};
    bool ok = read_topic(cfg, KAFKA_PERSONS, PERSONS_MS, look_for_person, &s, err);
    *ret = s.there;
    return ok;
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

int standing_list(const struct config *cfg, int64_t now_ms)
{
    struct control control;
    struct listing l = {.now_ms = now_ms};
    struct error err = {0};
    control_init(&control);
    bool ok = standing_each(cfg, take_decision, &control, &err);
    if (ok) {
        control_each(&control, collect, &l);
        if (l.n > 0)
            qsort(l.v, l.n, sizeof(const struct control_state *), by_key);
        else
            fprintf(stderr, "rollcall-worker: nothing is in force\n");
        for (size_t i = 0; i < l.n; i++)
            print_state(l.v[i]);
    }
    free(l.v);
    control_done(&control);
    return ok ? EX_OK : cli_fail(&err);
}

struct pauses {
    const char *target, *what;
    bool own_too;
};

static void print_pause(void *ctx, const struct control_state *s)
{
    const struct pauses *p = ctx;
    if (s->kind != CONTROL_PAUSE || !s->paused)
        return;
    bool own = strcmp(s->target, p->target) == 0, all = strcmp(p->target, CONTROL_ALL) == 0;
    if (own ? !p->own_too : !all && strcmp(s->target, CONTROL_ALL) != 0)
        return;
    printf("  %s: ", p->what);
    print_state(s);
}

void standing_print_pauses(const struct control *c, const char *target, bool own_too, const char *what)
{
    control_each(c, print_pause, &(struct pauses){target, what, own_too});
}

/* ---- what is held -------------------------------------------------------------------------------------- */

void standing_print_holding(const struct holding *v)
{
    char since[RFC3339_SIZE];
    rfc3339_format(v->since_ms, since);
    printf("%s  %s%s of ", v->id, v->denied ? "denied " : "", v->what);
    cli_put(stdout, v->person);
    if (v->team) {
        printf(" from ");
        cli_put(stdout, v->team);
    }
    printf(" at ");
    cli_put(stdout, v->target);
    printf("  %s %s\n", v->denied ? "held from" : "since", since);
}

int standing_holds(const struct config *cfg, bool denied)
{
    struct holdings holdings;
    struct error err = {0};
    size_t printed = 0;
    bool ok = standing_holdings(cfg, 0, &holdings, &err);
    for (size_t i = 0; ok && i < holdings.n; i++) {
        if (holdings.v[i]->denied != denied)
            continue;
        standing_print_holding(holdings.v[i]);
        printed++;
    }
    if (ok && printed == 0)
        fprintf(stderr, "rollcall-worker: nothing %s\n", denied ? "that was held is denied" : "is held");
    holdings_done(&holdings);
    return ok ? EX_OK : cli_fail(&err);
}
