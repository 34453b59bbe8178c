#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "invariants.h"
#include "witness.h"
#include "mem.h"
#include "policy.h"
#include "scenario.h"
#include "simcontrol.h"
#include "simgroup.h"
#include "simlog.h"
#include "simsource.h"
#include "simtarget.h"
#include "simteams.h"
#include "simworker.h"
#include "world.h"

enum {
    SETTLE_CHECK_MS = 1000,
    SETTLE_MAX_MS = 15 * 60 * 1000, /* after the trouble; longer is a broken promise */
    SETTLE_TIGHT_MAX_MS = 4 * SETTLE_MAX_MS,
    REST_MS = 60 * 1000,       /* and then nothing more may happen for so long */
    DAY_MS = 25 * 3600 * 1000, /* by then a leaver whose cut was given up has been tried again */
    WAKE_MS = 30 * 1000,       /* until everybody has joined again and looked around */
    RESTART_MAX_MS = 4000,
    PAUSE_MAX_MS = 60000,
    POLICIES_MAX_MS = 20 * 1000, /* between two */
    HEAR_MAX_MS = 5000,          /* until a process is told of a new policy or target */
    CUT_SHORT = 400,             /* of a thousand sweeps */
    SWEEP_MS = 200,              /* that it may have lasted for by then */
    FAILURES_MAX_BYTES = 64 * 1024,
};

static const uint64_t THIN_SEED = UINT64_C(0x9e6c63d0676a9a99);
static const uint64_t RIGHTS_SEED = UINT64_C(0x52697320666f7220);

/* ---- trouble ------------------------------------------------------------------------------------------- */

static struct proc *any_proc(struct world *w)
{
    struct proc *p = w->slots[prng_range(&w->prng, 0, (int64_t)w->n_slots - 1)];
    return p && !p->stopping ? p : NULL;
}

/* The supervisor: a slot without a process gets one. */
static void supervise(void *ctx, uint64_t slot)
{
    struct world *w = ctx;
    if (!w->slots[slot])
        proc_start(w, slot);
    clock_after(&w->clock, prng_delay(&w->prng, 50, w->quiet ? 500 : RESTART_MAX_MS), supervise, w, slot);
}

static void hurt(struct world *w, struct proc *p)
{
    const struct chaos *c = &w->chaos;
    struct prng *r = &w->prng;
    if (prng_chance(r, c->crash)) {
        proc_kill(p, "killed");
    } else if (prng_chance(r, c->zombie)) {
        proc_pause(p, prng_delay(r, 200, PAUSE_MAX_MS));
        w->slots[p->slot] = NULL; /* somebody else is started under its slot while it sleeps */
    } else if (prng_chance(r, c->pause)) {
        proc_pause(p, prng_delay(r, 50, PAUSE_MAX_MS));
    } else if (prng_chance(r, c->stop)) {
        proc_stop(p);
    }
}

static void beat(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    (void)arg;
    if (w->quiet)
        return;
    struct proc *p = any_proc(w);
    if (p)
        hurt(w, p);
    if (prng_chance(&w->prng, w->chaos.shake))
        group_shake(w->group);
    clock_after(&w->clock, prng_range(&w->prng, 1, 2 * w->chaos.beat_ms), beat, w, 0);
}

static void tell_next(void *ctx, uint64_t nth)
{
    struct world *w = ctx;
    const struct telling *telling = &w->scenario->tellings[nth];
    if (telling->event >= 0) {
        struct sim_event *se = &w->scenario->events[telling->event];
        if (!se->told)
            se->first_told_ms = world_now(w);
        se->told = true;
        if (se->afterword)
            witness_afterword(w, se->person);
        world_trace(w, "told  event %d: person %zu %s occurred %+lld s%s", telling->event, se->person,
                    event_type_name(se->ev.type), (long long)(se->ev.occurred_at_ms - WORLD_EPOCH_MS) / 1000,
                    se->ev.effective_at_ms ? ", takes effect later" : "");
    }
    simlog_append_event(w->log, telling->partition, telling->event);
    for (size_t i = 0; i < w->n_slots; i++)
        if (w->slots[i])
            proc_turn_in(w->slots[i], prng_range(&w->prng, 1, 50));
}

/* ---- policies and targets that change ------------------------------------------------------------------ */

static void cut_short(void *ctx, uint64_t arg)
{
    (void)arg;
    proc_kill(ctx, "killed while it sweeps");
}

static void reload(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (proc_absent(p, reload, arg))
        return;
    proc_reload(p);
    if (prng_chance(&p->world->prng, p->world->chaos.crash > 0 ? CUT_SHORT : 0))
        clock_after(&p->world->clock, prng_range(&p->world->prng, 1, SWEEP_MS), cut_short, p, 0);
}

static void tell_processes(struct world *w, void (*fn)(void *ctx, uint64_t arg))
{
    for (size_t i = 0; i < w->n_procs; i++)
        if (!w->procs[i]->dead)
            clock_after(&w->clock, prng_range(&w->prng, 0, HEAR_MAX_MS), fn, w->procs[i], 0);
}

void run_announce_policy(struct world *w)
{
    w->revisions++;
    world_trace(w, "policy %u is the newest", w->policy);
    tell_processes(w, reload);
}

static void change_policy(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    if (w->quiet)
        return;
    w->policy = (unsigned)prng_range(&w->prng, 0, POLICIES - 1);
    run_announce_policy(w);
    clock_after(&w->clock, prng_range(&w->prng, 1, POLICIES_MAX_MS), change_policy, w, arg);
}

/* Another configuration needs a restart. */
static void restart(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (!proc_absent(p, restart, arg) && !p->stopping && p->n_targets < p->world->scenario->n_targets)
        proc_stop(p);
}

static void configure_target(void *ctx, uint64_t target)
{
    struct world *w = ctx;
    world_trace(w, "target %s is configured", w->scenario->targets[target].name);
    tell_processes(w, restart);
}

static void changes_begin(struct world *w)
{
    if (w->chaos.policies)
        clock_after(&w->clock, prng_range(&w->prng, 1, POLICIES_MAX_MS), change_policy, w, 0);
    for (size_t t = 0; t < w->scenario->n_targets; t++)
        if (w->scenario->targets[t].since_ms > 0)
            clock_after(&w->clock, w->scenario->targets[t].since_ms - WORLD_EPOCH_MS, configure_target, w, t);
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static void leave_out_kinds(struct chaos *c, const struct run_less *less)
{
    for (size_t i = 0; i < chaos_kinds() && i < RUN_KINDS_MAX; i++)
        if (less->kinds[i])
            chaos_leave_out(c, i);
    c->licences = c->licences && c->guard > 0; /* nobody would decide about them */
}

static bool left_out(const struct scenario *s, const struct telling *telling)
{
    return telling->event >= 0 && s->events[telling->event].left_out;
}

static void leave_out_events(struct scenario *s, const struct run_less *less)
{
    for (size_t i = 0; i < s->n_events && i < RUN_EVENTS_MAX; i++)
        s->events[i].left_out = less->events[i];
}

void run_world_init(struct world *w, uint64_t seed, bool verbose)
{
    *w = (struct world){.seed = seed, .verbose = verbose, .prng = {seed}, .chaos = {.spread = 1}};
    w->prng.state = prng_next(&w->prng); /* else neighbouring seeds draw one sequence, a step apart */
    clock_init(&w->clock, WORLD_EPOCH_MS);
    buf_init(&w->failures, FAILURES_MAX_BYTES);
}

static void add_parts(struct world *w)
{
    w->witness = witness_new(w->scenario);
    w->log = simlog_new(w);
    w->group = group_new(w);
    w->control = simcontrol_new(w);
    w->source = simsource_new(w);
    w->teams = simteams_new(w);
    policy_say_teams(w->chaos.teams);
    policy_say_farewell(w->chaos.farewell);
    for (; w->n_targets < w->scenario->n_targets; w->n_targets++)
        w->targets[w->n_targets] = simtarget_new(w, w->n_targets);
}

void run_world_begin(struct world *w)
{
    if (!w->log)
        add_parts(w);
    for (size_t i = 0; i < w->n_slots; i++)
        supervise(w, i);
    for (size_t i = 0; i < w->scenario->n_tellings; i++)
        if (!left_out(w->scenario, &w->scenario->tellings[i]))
            clock_at(&w->clock, w->scenario->tellings[i].at_ms, tell_next, w, i);
    clock_after(&w->clock, w->chaos.beat_ms, beat, w, 0);
    simcontrol_begin(w);
    changes_begin(w);
    simteams_begin(w);
}

static void world_begin(struct world *w, uint64_t seed, const struct run_less *less, bool verbose)
{
    run_world_init(w, seed, verbose);
    chaos_draw(&w->chaos, &w->prng);
    struct prng thin = {seed ^ THIN_SEED};
    chaos_draw_thin(&w->chaos, &thin);
    chaos_draw_ways(&w->chaos, &thin);
    leave_out_kinds(&w->chaos, less);
    w->scenario = scenario_new(&w->chaos, &w->prng);
    scenario_draw_thin(w->scenario, &w->chaos, &thin);
    struct prng rights = {seed ^ RIGHTS_SEED};
    scenario_draw_rights(w->scenario, &w->chaos, &rights);
    leave_out_events(w->scenario, less);
    add_parts(w);
    w->n_slots = (size_t)prng_range(&w->prng, 1, WORLD_SLOTS_MAX);
    run_world_begin(w);
}

void run_world_done(struct world *w, struct run_figures *sum)
{
    for (size_t i = 0; i < w->n_procs; i++)
        proc_free(w->procs[i]);
    for (size_t t = 0; t < w->n_targets; t++) {
        sum->requests += simtarget_requests(w->targets[t]);
        simtarget_free(w->targets[t]);
    }
    sum->events += w->scenario->n_events;
    sum->processes += w->n_procs;
    sum->virtual_ms += world_now(w) - WORLD_EPOCH_MS;
    sum->requests += simsource_requests(w);
    free(w->procs);
    simsource_free(w->source);
    group_free(w->group);
    simcontrol_free(w->control);
    simteams_free(w->teams);
    simlog_free(w->log);
    witness_free(w->witness);
    scenario_free(w->scenario);
    clock_done(&w->clock);
    buf_done(&w->failures);
}

void run_until(struct world *w, int64_t until_ms)
{
    while (clock_step(&w->clock, until_ms))
        ;
}

/* All persons may live in the bucket whose share of the changes of teams is the least: they wait for it as much longer as
 * it is smaller than the whole. */
static int64_t settle_max(const struct world *w)
{
    const struct chaos *c = &w->chaos;
    if (!c->tight)
        return SETTLE_MAX_MS;
    unsigned least = WORLD_TIGHT_MOVES / c->spread;
    return c->teams ? (int64_t)SETTLE_TIGHT_MAX_MS * WORLD_TIGHT_MOVES / least : SETTLE_TIGHT_MAX_MS;
}

/* Whoever stood still has its order to load still before it, and will plan everybody anew. */
static bool policies_loaded(const struct world *w)
{
    for (size_t i = 0; i < w->n_slots; i++)
        if (w->slots[i] && w->slots[i]->policy != w->policy)
            return false;
    return true;
}

static bool settle(struct world *w)
{
    int64_t last = w->scenario->last_due_ms + 2 * WORLD_SKEW_MAX_MS;
    for (int64_t end = world_now(w) + settle_max(w); world_now(w) < end;) {
        run_until(w, world_now(w) + SETTLE_CHECK_MS);
        if (world_now(w) > last && policies_loaded(w) && invariants_settled(w))
            return true;
    }
    return false;
}

static uint64_t count_requests(const struct world *w)
{
    uint64_t n = 0;
    for (size_t t = 0; t < w->n_targets; t++)
        n += simtarget_requests(w->targets[t]);
    return n + simsource_requests(w);
}

/* What has converged stays so, and asks nobody anything. */
static void rest(struct world *w)
{
    uint64_t requests = count_requests(w);
    run_until(w, world_now(w) + REST_MS);
    if (count_requests(w) != requests)
        world_fail(w, "P3 rest", "%llu requests after everything was settled",
                   (unsigned long long)(count_requests(w) - requests));
}

/* The policy was mended: everybody is planned anew. */
static void mend_policy(struct world *w)
{
    w->revisions++;
    for (size_t i = 0; i < w->n_slots; i++)
        if (w->slots[i])
            proc_reload(w->slots[i]);
}

static void quieten(struct world *w)
{
    w->quiet = true;
    world_trace(w, "quiet the trouble is over");
    simcontrol_quieten(w);
    if (w->chaos.policy_fails > 0)
        mend_policy(w);
}

static void come_to_rest(struct world *w)
{
    bool settled = settle(w);
    if (settled && w->chaos.short_deadline) {
        clock_leap(&w->clock, DAY_MS);
        run_until(w, world_now(w) + WAKE_MS);
        settled = settle(w);
    }
    if (settled)
        rest(w);
    else
        world_fail(w, "P4 settle", "not settled %lld s after the trouble", (long long)settle_max(w) / 1000);
}

void run_end(struct world *w)
{
    quieten(w);
    come_to_rest(w);
    invariants_check(w);
}

bool run_seed(uint64_t seed, const struct run_less *less, bool verbose, struct buf *failures,
              struct run_figures *sum)
{
    struct world w;
    world_begin(&w, seed, less, verbose);
    run_until(&w, w.scenario->quiet_ms);
    run_end(&w);
    bool ok = w.n_failures == 0;
    buf_add(failures, w.failures.p, w.failures.n);
    run_world_done(&w, sum);
    return ok;
}
