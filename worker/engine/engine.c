#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { TICK_MAX = 500 }; /* persons: some 5 ms, and not above 10 s with a policy that reaches its limits */
enum { REPLAN_AT_ONCE = 128 }; /* some 5 ms */

/* ---- life ---------------------------------------------------------------------------------------------- */

struct engine *engine_new(const struct engine_config *cfg, const struct engine_ports *ports)
{
    struct engine *e = xcalloc(1, sizeof *e);
    e->cfg = *cfg;
    e->ports = *ports;
    e->random = cfg->seed;
    e->generation = cfg->generation;
    e->targets = xcalloc(cfg->n_targets, sizeof *e->targets);
    for (size_t i = 0; i < cfg->n_targets; i++) {
        target_init(&e->targets[i], &cfg->targets[i], cfg->partitions);
        e->targets[i].turn.turns = &e->turns;
        e->teams_used |= cfg->targets[i].rest_of != NULL;
    }
    engine_index_targets(e);
    store_init(&e->store);
    control_init(&e->control);
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    while (e->n_partitions > 0)
        engine_drop(e, e->partitions[e->n_partitions - 1]->partition);
    while (e->flights) {
        struct call_reply lost = {.outcome = CALL_UNKNOWN, .retry_after_ms = -1};
        engine_call_done(e, &e->flights->call, &lost, (struct now){0});
    }
    engine_batch_committed(e, 0, (struct now){0}); /* only frees: its partitions are gone */
    assert(e->outbox.n == 0);
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        target_done(&e->targets[i]);
    store_done(&e->store);
    control_done(&e->control);
    free(e->outbox.v);
    free(e->partitions);
    free(e->by_number);
    free(e->by_name);
    free(e->by_home);
    source_request_done(&e->prepared);
    turns_done(&e->turns);
    free(e->targets);
    free(e);
}

void desired_done(struct desired *d)
{
    attrs_done(&d->attrs);
    attrs_done(&d->teams);
    *d = (struct desired){0};
}

/* splitmix64: enough for jitter, the same everywhere. */
uint64_t engine_random(struct engine *e)
{
    uint64_t z = e->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- time ---------------------------------------------------------------------------------------------- */

/* The first work that an older policy has planned; NULL: none. */
static struct work *first_behind(const struct engine *e)
{
    for (size_t i = 0; i < e->n_partitions; i++) {
        struct work *w = e->partitions[i]->works_first;
        if (w && work_is_behind(e, w))
            return w;
    }
    return NULL;
}

static void replan(struct engine *e, struct now now)
{
    struct work *w = NULL;
    for (unsigned n = 0; n < REPLAN_AT_ONCE && (w = first_behind(e)); n++) {
        work_catch_up(e, w);
        converge_slot(e, w->slot, now);
    }
    e->replanning = w;
}

void engine_tick(struct engine *e, struct now now)
{
    if (e->replanning)
        replan(e, now);
    obey_wake(e, now);
    listings_tick(e, now);
    discoveries_tick(e, now);
    sweep_run(e, now);
    for (int n = 0; n < TICK_MAX; n++) { /* the rest at the next: engine_wake_in says 0 */
        struct slot *slot = store_first_due(&e->store);
        if (!slot || slot->due_ms > now.wall_ms)
            return;
        if (engine_partition(e, slot->partition)->state == PARTITION_CLOSED)
            slot->restored_due_ms = slot->due_ms; /* for the case that it comes straight back */
        store_set_due(&e->store, slot, 0);
        converge_slot(e, slot, now);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return b < a ? b : a;
}

static int64_t lease_wake_in(const struct engine *e, struct now now)
{
    int64_t wait = e->lease_until_ms - e->cfg.lease_ms / 2 - now.boot_ms;
    return wait > 0 ? wait : 0;
}

static int64_t commit_wake_in(const struct engine *e, struct now now)
{
    bool owner = false;
    if (e->batch.outstanding)
        return INT64_MAX;
    for (size_t i = 0; i < e->n_partitions; i++) {
        if (e->partitions[i]->record_dirty)
            return 0;
        owner |= !partition_rests(e->partitions[i]->state);
    }
    if (!owner)
        return INT64_MAX;
    return e->dirty_first || e->outbox.n > 0 ? 0 : lease_wake_in(e, now);
}

int64_t engine_wake_in(const struct engine *e, struct now now)
{
    if (e->replanning || sweep_may_run(e))
        return 0;
    int64_t wait = commit_wake_in(e, now);
    const struct slot *due = store_first_due(&e->store);
    if (due)
        wait = sooner(wait, due->due_ms > now.wall_ms ? due->due_ms - now.wall_ms : 0);
    if (e->teams_due_ms)
        wait = sooner(wait, e->teams_due_ms > now.wall_ms ? e->teams_due_ms - now.wall_ms : 0);
    if (e->discoveries_due_ms)
        wait = sooner(wait, e->discoveries_due_ms > now.wall_ms ? e->discoveries_due_ms - now.wall_ms : 0);
    int64_t turn = turns_first_ms(&e->turns);
    if (now.boot_ms < e->lease_until_ms && turn < INT64_MAX)
        wait = sooner(wait, turn > now.boot_ms ? turn - now.boot_ms : 0);
    return wait == INT64_MAX ? -1 : wait;
}

void engine_policy_changed(struct engine *e, uint64_t generation, struct now now)
{
    e->policy_gen++;
    e->generation = generation;
    sweep_begin(e);
    replan(e, now);
}

void engine_targets_changed(struct engine *e, const struct engine_target *targets, struct now now)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        assert(strcmp(targets[i].name, e->cfg.targets[i].name) == 0);
        target_set_numbers(&e->targets[i], &targets[i], now);
    }
    e->cfg.targets = targets;
    listings_look(e);
}

/* ---- figures ------------------------------------------------------------------------------------------- */

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
    const struct slot *due = store_first_due(&e->store);
    *ret = e->stats;
    ret->due_ms = sooner(due ? due->due_ms : INT64_MAX, e->teams_due_ms ? e->teams_due_ms : INT64_MAX);
    ret->persons = e->store.n;
    ret->in_flight = e->n_flights;
    for (size_t i = 0; i < e->n_partitions; i++)
        ret->behind += e->partitions[i]->n_behind;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        ret->waiting += e->targets[i].waiting;
        ret->doubtful += e->targets[i].doubtful;
    }
}

size_t engine_target_count(const struct engine *e)
{
    return e->cfg.n_targets;
}

const char *engine_target_name(const struct engine *e, size_t target)
{
    return e->targets[target].cfg->name;
}

void engine_target_figures(const struct engine *e, size_t target, struct engine_target_figures *ret)
{
    const struct target *t = &e->targets[target];
    *ret = (struct engine_target_figures){.open = t->breaker.open,
                                          .in_flight_limit = t->inflight.limit,
                                          .waiting = t->waiting,
                                          .teams = t->directory.teams.n,
                                          .wants_full = t->directory.n_wanted == DIRECTORY_WANTS_MAX,
                                          .teams_failed = t->directory.failed,
                                          .unattached = t->unattached};
}

bool engine_person_json(const struct engine *e, struct str key, struct buf *out)
{
    const struct slot *slot = store_find(&e->store, key);
    if (!slot)
        return false;
    if (slot->live) {
        record_write(slot->live, out);
        return true;
    }
    struct str record = store_committed(&e->store, slot);
    buf_add(out, record.p, record.n);
    return true;
}
