#include "tenants.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "mem.h"
#include "policy.h"
#include "scenario.h"
#include "simconfig.h"
#include "simtarget.h"
#include "simworker.h"
#include "witness.h"
#include "world.h"

enum {
    OTHERS = 11,
    CROWD = 3000,    /* persons of the tenant in the storm */
    PERSONS = 10,    /* of each of the others */
    CALM_MS = 10000, /* until everybody has joined the group */
    BURST_EVERY_MS = 10000,
    BURSTS = 3,
    BURST_MS = 500,
    EVENTS_EACH =
        2, /* of an ordinary tenant between two bursts: a fiftieth of the storm's thousand for all of them */

    /* The steps of an event's way, each at its slowest; see simworker.c and simtarget.c. */
    TURN_MS = 30,                     /* to the next turn of the loop */
    COMMIT_MS = 4 * 15 + TURN_MS + 5, /* begin, offsets, end, answer */
    WAY_MS = 60 + 120 + 120,          /* to the wire, there and back */
    TURN_EVENTS = 500,                /* read of a partition in a turn, on average */
    TURN_CALLS = 8,                   /* started in a turn */
    CALLS = 3,                        /* of a joiner: look up, create, read back */
};

/* What is in front of it in its partition is read; then everything is done in turn with all other targets: each call waits
 * for a commit under way and its own, and for a call of each target of this worker. */
static int64_t bound_ms(size_t targets)
{
    int64_t reading = 2 * (CROWD / TURN_EVENTS + 1) * TURN_MS; /* twice the average */
    int64_t start = (int64_t)(targets / TURN_CALLS + 1) * TURN_MS;
    return reading + CALLS * (2 * COMMIT_MS + start + WAY_MS) + 2 * COMMIT_MS;
}

/* ---- the story ----------------------------------------------------------------------------------------- */

static void add_tenants(struct scenario *s, enum down down)
{
    static char names[SCENARIO_TENANTS_MAX][SCENARIO_NAME_SIZE];
    s->n_tenants = OTHERS + 1;
    s->partitions = WORLD_PARTITIONS_MAX;
    for (size_t i = 0; i < s->n_tenants; i++) {
        snprintf(names[i], sizeof names[i], "t%zu", i);
        s->tenants[i] = names[i];
        struct sim_target *t = &s->targets[s->n_targets++];
        snprintf(t->name, sizeof t->name, "miro-%zu", i);
        t->tenant = i;
        t->wide = i == 0;
    }
    struct sim_target *t = &s->targets[s->n_targets++];
    snprintf(t->name, sizeof t->name, "miro-down");
    t->down = down != DOWN_NOT;
    t->wide = true; /* so that what has waited for it is soon done */
}

static void add_persons(struct scenario *s)
{
    s->n_persons = CROWD + OTHERS * PERSONS;
    s->persons = xcalloc(s->n_persons, sizeof *s->persons);
    for (size_t i = 0; i < s->n_persons; i++)
        scenario_name_person(s, i, i < CROWD ? 0 : 1 + (i - CROWD) / PERSONS, 1);
}

static void add_event(struct scenario *s, struct prng *r, size_t person, int64_t at_ms)
{
    if ((s->n_events & (s->n_events - 1)) == 0) /* a power of two: full */
        s->events = xreallocarray(s->events, s->n_events ? 2 * s->n_events : 1, sizeof *s->events);
    struct sim_event *se = &s->events[s->n_events];
    struct event *ev = &se->ev;
    *se = (struct sim_event){.person = person};
    uint64_t half[2] = {prng_next(r), prng_next(r)};
    char name[64];
    hex_encode(half, sizeof half, ev->id);
    ev->type = EVENT_JOINED;
    ev->tenant = xstrdup(s->tenants[s->persons[person].tenant]);
    ev->directory = xstrdup("hr");
    ev->subject = xstrdup(s->persons[person].subject);
    ev->source = xstrdup(ev->tenant);
    ev->occurred_at_ms = ev->received_at_ms = at_ms;
    attrs_set(&ev->profile, "userName", s->persons[person].account);
    snprintf(name, sizeof name, "Name %.6s", ev->id);
    attrs_set(&ev->profile, "displayName", name);
    scenario_tell(s, at_ms, (int)s->n_events++, s->persons[person].partition);
}

static void add_events(struct scenario *s, struct prng *r)
{
    for (int64_t burst = 0; burst < BURSTS; burst++) {
        int64_t begin_ms = WORLD_EPOCH_MS + CALM_MS + burst * BURST_EVERY_MS;
        for (size_t i = 0; i < CROWD; i++)
            add_event(s, r, i, begin_ms + prng_range(r, 0, BURST_MS));
        for (size_t tenant = 0; tenant < OTHERS; tenant++)
            for (size_t n = 0; n < EVENTS_EACH; n++)
                add_event(s, r, CROWD + tenant * PERSONS + (size_t)prng_range(r, 0, PERSONS - 1),
                          begin_ms + prng_range(r, 0, BURST_EVERY_MS - 1));
    }
    s->quiet_ms = s->last_due_ms = WORLD_EPOCH_MS + CALM_MS + BURSTS * BURST_EVERY_MS;
}

static struct scenario *tell(struct prng *r, enum down down)
{
    struct scenario *s = xcalloc(1, sizeof *s);
    add_tenants(s, down);
    add_persons(s);
    add_events(s, r);
    scenario_index(s);
    return s;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

/* A later event of the same person makes the earlier one wait for nothing but itself. */
static void check_delays(struct world *w)
{
    const struct scenario *s = w->scenario;
    int64_t bound = bound_ms(s->n_targets), most = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n_events; i++) {
        const struct sim_event *se = &s->events[i];
        size_t tenant = s->persons[se->person].tenant;
        const struct answer *a = witness_answer(w, i, tenant);
        if (tenant == 0 || a->n == 0)
            continue;
        int64_t delay = a->at_ms - se->first_told_ms;
        n++;
        most = delay > most ? delay : most;
        if (delay > bound)
            world_fail(w, "P4 fairness",
                       "event %zu of tenant %zu has its result after %lld ms, %lld may pass", i, tenant,
                       (long long)delay, (long long)bound);
    }
    printf("tenants: %zu events of %d tenants waited %lld ms at most beside a storm of %d, %lld may be\n", n,
           OTHERS, (long long)most, CROWD * BURSTS, (long long)bound);
}

bool tenants_run(uint64_t seed, bool verbose, struct buf *failures, struct run_figures *sum)
{
    struct world w;
    struct engine_target like = simconfig_target();
    run_world_init(&w, seed, verbose);
    w.chaos.beat_ms = 1000;
    w.chaos.down = (enum down)(DOWN_REFUSES + seed % 4); /* from DOWN_REFUSES to DOWN_MOSTLY */
    w.scenario = tell(&w.prng, w.chaos.down);
    w.like = &like;
    w.n_slots = 2;
    run_world_begin(&w);
    run_until(&w, w.scenario->quiet_ms);
    w.chaos.down = DOWN_NOT;
    w.scenario->targets[w.scenario->n_targets - 1].down = false;
    run_end(&w);
    check_delays(&w);
    bool ok = w.n_failures == 0;
    buf_add(failures, w.failures.p, w.failures.n);
    run_world_done(&w, sum);
    return ok;
}
