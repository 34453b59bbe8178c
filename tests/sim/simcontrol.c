#include "simcontrol.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/engine/control.h"
#include "mem.h"
#include "mutations.h"
#include "rfc3339.h"
#include "scenario.h"
#include "simworker.h"

enum { HEAR_MAX_MS = 500, OTHERS_MAX_MS = 4000, VALUE_MAX = 512 };

struct decision { /* one record */
    char *key, *value;
    bool pause;    /* it is one, or the end of one */
    bool paused;   /* with pause */
    size_t target; /* with pause; n_targets: all */
};

struct wish { /* a provision */
    size_t person;
    int64_t at_ms;
    unsigned results[WORLD_TARGETS_MAX];
    bool replaced; /* by a later one of the same person */
};

struct simcontrol {
    struct decision *v;
    size_t n;
    struct wish *wishes;
    size_t n_wishes;
};

struct simcontrol *simcontrol_new(struct world *w)
{
    (void)w;
    return xcalloc(1, sizeof(struct simcontrol));
}

void simcontrol_free(struct simcontrol *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].key);
        free(c->v[i].value);
    }
    free(c->v);
    free(c->wishes);
    free(c);
}

/* ---- hearing ------------------------------------------------------------------------------------------- */

static void take_pause(struct proc *p, const struct decision *d)
{
    size_t n = p->world->scenario->n_targets;
    if (d->pause)
        p->told_paused[d->target] = d->paused;
    for (size_t t = 0; t < n; t++)
        p->paused[t] = p->told_paused[t] || p->told_paused[n];
}

void simcontrol_read(struct proc *p)
{
    struct simcontrol *c = p->world->control;
    for (; p->control_read < c->n; p->control_read++) {
        const struct decision *d = &c->v[p->control_read];
        struct error err;
        take_pause(p, d);
        if (SIM_MUTATION(SIM_CONTROL_NOT_READ) && p->member == 0)
            continue; /* it has not joined yet */
        if (!engine_control(p->engine, str_of(d->key), str_of(d->value), proc_now(p), &err))
            world_fail(p->world, "P7 control", "%s is refused: %s", d->key, err.message);
    }
}

bool simcontrol_all_read(const struct world *w)
{
    for (size_t i = 0; i < w->n_procs; i++)
        if (!w->procs[i]->dead && w->procs[i]->control_read < w->control->n)
            return false;
    return true;
}

static void hear(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (proc_absent(p, hear, arg) || p->epoch == 0) /* who has not begun reads everything then */
        return;
    simcontrol_read(p);
    proc_turn_in(p, 1);
}

/* ---- deciding ------------------------------------------------------------------------------------------ */

static void append(struct world *w, struct decision d)
{
    struct simcontrol *c = w->control;
    world_trace(w, "told  %s = %s", d.key, d.value);
    c->v = xreallocarray(c->v, c->n + 1, sizeof *c->v);
    c->v[c->n++] = d;
    for (size_t i = 0; i < w->n_procs; i++)
        if (!w->procs[i]->dead)
            clock_after(&w->clock, prng_range(&w->prng, 0, HEAR_MAX_MS), hear, w->procs[i], 0);
}

static char *value_of(const struct world *w, const char *members)
{
    char at[RFC3339_SIZE];
    rfc3339_format(world_now(w), at);
    return xasprintf("{%s,\"by\":\"sim\",\"reason\":\"drawn\",\"at\":\"%s\"}", members, at);
}

static const char *target_name(const struct world *w, size_t target)
{
    return target < w->scenario->n_targets ? w->scenario->targets[target].name : CONTROL_ALL;
}

static void say_pause(struct world *w, size_t target, bool paused)
{
    char members[VALUE_MAX];
    snprintf(members, sizeof members, "\"kind\":\"pause\",\"target\":\"%s\",\"paused\":%s",
             target_name(w, target), paused ? "true" : "false");
    append(w, (struct decision){.key = xasprintf("pause/%s", target_name(w, target)),
                                .value = value_of(w, members),
                                .pause = true,
                                .paused = paused,
                                .target = target});
}

static void say_retry(struct world *w, size_t target)
{
    char members[VALUE_MAX], at[RFC3339_SIZE];
    rfc3339_format(world_now(w), at);
    snprintf(members, sizeof members, "\"kind\":\"retry\",\"target\":\"%s\",\"time\":\"%s\"",
             target_name(w, target), at);
    append(w, (struct decision){.key = xasprintf("retry/%s", target_name(w, target)),
                                .value = value_of(w, members)});
}

static void say_provision(struct world *w, size_t person)
{
    struct simcontrol *c = w->control;
    char members[VALUE_MAX], at[RFC3339_SIZE];
    rfc3339_format(world_now(w), at);
    for (size_t i = 0; i < c->n_wishes; i++)
        c->wishes[i].replaced |= c->wishes[i].person == person;
    c->wishes = xreallocarray(c->wishes, c->n_wishes + 1, sizeof *c->wishes);
    c->wishes[c->n_wishes++] = (struct wish){.person = person, .at_ms = world_now(w)};
    const char *key = w->scenario->persons[person].key;
    snprintf(members, sizeof members, "\"kind\":\"provision\",\"person\":\"%s\",\"time\":\"%s\"", key, at);
    append(w, (struct decision){.key = xasprintf("provision/%s", key), .value = value_of(w, members)});
}

static void decide(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    if (w->quiet)
        return;
    size_t target = (size_t)prng_range(&w->prng, 0, (int64_t)w->scenario->n_targets);
    int64_t what = w->chaos.lagging ? 3 : prng_range(&w->prng, 0, 3); /* reads, where reads are old */
    if (what <= 1)
        say_pause(w, target, what == 1);
    else if (what == 2)
        say_retry(w, target);
    else
        say_provision(w, (size_t)prng_range(&w->prng, 0, (int64_t)w->scenario->n_persons - 1));
    int64_t next_ms = prng_range(&w->prng, 1, w->chaos.lagging ? OTHERS_MAX_MS / 8 : OTHERS_MAX_MS);
    clock_after(&w->clock, next_ms, decide, w, arg);
}

void simcontrol_begin(struct world *w)
{
    if (w->chaos.decisions)
        clock_after(&w->clock, prng_range(&w->prng, 1, OTHERS_MAX_MS), decide, w, 0);
}

static void say_approve(struct world *w, size_t target, int64_t before_ms)
{
    char members[VALUE_MAX], before[RFC3339_SIZE];
    rfc3339_format(before_ms, before);
    snprintf(members, sizeof members,
             "\"kind\":\"hold\",\"decision\":\"approve\",\"heldBefore\":\"%s\",\"target\":\"%s\"", before,
             target_name(w, target));
    append(w, (struct decision){.key = xasprintf("hold/%s", target_name(w, target)),
                                .value = value_of(w, members)});
}

void simcontrol_approve(struct world *w, size_t target)
{
    say_approve(w, target, world_now(w));
}

void simcontrol_deny(struct world *w, const char *hold)
{
    char members[VALUE_MAX];
    snprintf(members, sizeof members, "\"kind\":\"hold\",\"decision\":\"deny\",\"hold\":\"%s\"", hold);
    append(w, (struct decision){.key = xasprintf("hold/%s", hold), .value = value_of(w, members)});
}

void simcontrol_quieten(struct world *w)
{
    for (size_t t = 0; w->chaos.guard > 0 && t < w->scenario->n_targets; t++)
        say_approve(w, t, world_now(w) + WORLD_GUARD_WINDOW_MS); /* and of what they will hold */
    if (!w->chaos.decisions)
        return;
    for (size_t t = 0; t <= w->scenario->n_targets; t++)
        say_pause(w, t, false);
}

/* ---- what is owed -------------------------------------------------------------------------------------- */

static bool asked_for(const struct world *w, const struct wish *wish, size_t target, const char *id)
{
    char expected[128];
    const char *name = w->scenario->targets[target].name;
    snprintf(expected, sizeof expected, "effect:%016llx/%s",
             (unsigned long long)control_provision_effect(str_of(w->scenario->persons[wish->person].key),
                                                          name, wish->at_ms),
             name);
    return strcmp(expected, id) == 0;
}

bool simcontrol_note_effect(struct world *w, const char *id)
{
    struct simcontrol *c = w->control;
    for (size_t i = 0; i < c->n_wishes; i++)
        for (size_t t = 0; t < w->scenario->n_targets; t++) {
            struct wish *wish = &c->wishes[i];
            if (!asked_for(w, wish, t, id))
                continue;
            if (++wish->results[t] > 1)
                world_fail(w, "P2 provision", "provision of person %zu has %u results at %s", wish->person,
                           wish->results[t], w->scenario->targets[t].name);
            return true;
        }
    return false;
}

static bool anything_told(const struct world *w, size_t person)
{
    for (size_t i = 0; i < w->scenario->n_events; i++)
        if (w->scenario->events[i].person == person && w->scenario->events[i].told)
            return true;
    return false;
}

void simcontrol_check(struct world *w)
{
    const struct simcontrol *c = w->control;
    for (size_t i = 0; i < c->n_wishes; i++) {
        const struct wish *wish = &c->wishes[i];
        size_t tenant = w->scenario->persons[wish->person].tenant;
        if (w->chaos.dry_run || wish->replaced || !anything_told(w, wish->person))
            continue;
        for (size_t t = 0; t < w->scenario->n_targets; t++)
            if (w->scenario->targets[t].tenant == tenant && wish->results[t] != 1 &&
                !(wish->results[t] == 0 && w->scenario->targets[t].since_ms > 0))
                world_fail(w, "P2 provision", "the last provision of person %zu has %u results at %s",
                           wish->person, wish->results[t], w->scenario->targets[t].name);
    }
}
