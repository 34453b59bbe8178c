/* obey.c - what the decisions of people do: to targets when a record comes, to persons when they are converged.
 *
 * Decisions are states, so everything here compares: a retry acts on what failed before its time and then counts as
 * that failure's end (failed_ms), a provision on targets that have not taken up one as young (provision_ms). So reading
 * the topic again, or the record as it was before an abort, does nothing twice and forgets nothing. */
#include "calls.h"

#include <assert.h>
#include <string.h>

enum { WISH_AHEAD_MS = 60 * 1000 };

/* ---- persons ------------------------------------------------------------------------------------------- */

void obey_forgive(struct work *w, struct target_state *t)
{
    if (t->n_refused > 0) {
        target_state_forgive_all(t);
        target_state_set_known(t, KNOWN_UNKNOWN); /* what was refused may have been done by hand */
        w->fresh = w->unverified = false;
    }
    answer_forget_failures(w, t);
    t->retry_cut_ms = 0;
    w->exists = w->kept_active = w->team_gone = w->batch_max = 0;
    w->teams_asked_ms = 0;
    w->one_by_one = w->refused = false;
}

static bool has_failed(const struct target_state *t)
{
    return t->attempts > 0 || t->next_attempt_ms || t->n_refused > 0 || t->retry_cut_ms;
}

void obey_retry(struct engine *e, struct work *w, struct target_state *t)
{
    int64_t before_ms = w->target->retry_ms;
    if (!has_failed(t) || before_ms == 0 || (t->failed_ms >= before_ms && !MUTATION(MUTATION_RETRY_REPEATED)))
        return;
    obey_forgive(w, t);
    target_state_failed(t, before_ms);
    slot_mark_dirty(e, w->slot);
}

/* 0: nobody asked, or too long ago. */
static int64_t provision_ms(const struct engine *e, const struct slot *slot, struct now now)
{
    int64_t at_ms = control_provision_ms(&e->control, (struct str){slot->key, slot->key_n});
    return now.wall_ms - at_ms < CONTROL_PROVISION_LIFE_MS ? at_ms : 0;
}

/* Takes up: the account is read again, whatever is known of it; the record says so before a call starts. */
void obey_provision(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    int64_t at_ms = provision_ms(e, w->slot, now);
    if (at_ms == 0 || (at_ms <= t->provision_ms && !MUTATION(MUTATION_PROVISION_TWICE)))
        return;
    obey_forgive(w, t);
    attributes_forget_ended(NULL, t, now);
    target_state_set_known(t, KNOWN_UNKNOWN);
    w->fresh = w->unverified = false;
    t->provision_ms = at_ms;
    t->provision_owed = true;
    w->slot->gen++;
    slot_mark_dirty(e, w->slot);
}

/* A provision concerns every target that takes the person, also one that is new. */
void obey_person(struct engine *e, struct slot *slot, struct now now)
{
    struct person_key key;
    if (provision_ms(e, slot, now) == 0)
        return;
    slot_key(slot, &key);
    struct target_range targets = engine_targets_of(e, key.tenant, key.directory);
    for (size_t i = 0; i < targets.n; i++)
        person_target_add(slot->live, targets.v[i]->cfg->name);
}

bool obey_concerns(const struct engine *e, const struct slot *slot)
{
    return (slot->refused && e->control.n_of[CONTROL_RETRY] > 0) ||
           (slot->denied && e->control.n_of[CONTROL_HOLD] > 0) ||
           control_provision_ms(&e->control, (struct str){slot->key, slot->key_n}) != 0;
}

/* ---- targets ------------------------------------------------------------------------------------------- */

struct waking {
    struct engine *e;
    struct now now;
    struct wake who;
};

static void wake_slot(void *ctx, struct slot *slot)
{
    const struct waking *w = ctx;
    bool concerned = (w->who.held && (slot->held || slot->denied)) ||
                     (w->who.working && (slot->live || slot->open)) || (w->who.refused && slot->refused) ||
                     (w->who.teams && slot->awaits_teams);
    if (concerned && (slot->due_ms == 0 || slot->due_ms > w->now.wall_ms))
        store_set_due(&w->e->store, slot, w->now.wall_ms);
}

/* Due now: they may be a million, and engine_tick takes them in portions. Once for all decisions that came together. */
void obey_wake(struct engine *e, struct now now)
{
    struct waking w = {e, now, e->wake};
    if (!w.who.held && !w.who.working && !w.who.refused && !w.who.teams)
        return;
    e->wake = (struct wake){0};
    store_each(&e->store, -1, wake_slot, &w);
}

static void park_lane(struct engine *e, struct lane *lane)
{
    for (enum priority p = 0; p < PRIORITIES; p++)
        for (size_t c = 0; c <= LIMITS_MAX; c++)
            for (struct work *w; (w = lane->ready[p][c].first);) {
                work_dequeue(w);
                slot_release(e, w->slot);
            }
}

/* Whoever waits in a ready list is packed again: a pause may last for days. */
static void park_all(struct engine *e, struct target *t)
{
    for (unsigned i = 0; i < t->n_lanes; i++)
        park_lane(e, &t->lanes[i]);
    assert(t->waiting == 0);
}

/* What is decided of a target is decided of its REST side. */
static const char *decided_as(const struct target *t)
{
    return t->cfg->rest_of ? t->cfg->rest_of : t->cfg->name;
}

static void on_pause(struct engine *e, const struct control_change *change, struct now now)
{
    bool resumed = false;
    (void)change;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        struct target *t = &e->targets[i];
        bool was = t->paused;
        const char *name = decided_as(t);
        t->paused = control_paused(&e->control, name);
        int64_t resumed_ms = control_resumed_ms(&e->control, name);
        if (was && !t->paused)
            resumed_ms = now.wall_ms;
        t->resumed_ms = resumed_ms > t->resumed_ms ? resumed_ms : t->resumed_ms;
        resumed |= was && !t->paused;
        if (t->paused && !was && !MUTATION(MUTATION_PAUSE_IGNORED))
            park_all(e, t);
    }
    if (resumed && !MUTATION(MUTATION_PAUSE_FORGETS)) {
        e->wake.working = true;
        listings_look(e);
        discoveries_look(e);
    }
}

static void on_retry(struct engine *e, const struct control_change *change, struct now now)
{
    (void)change, (void)now;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        struct target *t = &e->targets[i];
        int64_t retry_ms = control_retry_ms(&e->control, decided_as(t));
        if (t->cfg->rest_of && retry_ms > t->retry_ms)
            attach_retry(t);
        t->retry_ms = retry_ms;
    }
    e->wake.working = e->wake.refused = true;
    listings_look(e);
}

static void on_provision(struct engine *e, const struct control_change *change, struct now now)
{
    struct slot *slot = change->state ? store_find(&e->store, str_of(change->state->person)) : NULL;
    if (slot)
        converge_slot(e, slot, now);
}

/* Whom the decision concerns is for the plan to find out: who is held, or was denied and is approved after all. A hold
 * that is not committed yet is decided when it is. */
static void on_hold(struct engine *e, const struct control_change *change, struct now now)
{
    (void)change, (void)now;
    e->wake.held = true;
}

static void on_load(struct engine *e, const struct control_change *change, struct now now)
{
    (void)e, (void)change, (void)now; /* what it publishes are events like others */
}

bool engine_control(struct engine *e, struct str key, struct str value, struct now now, struct error *err)
{
    static void (*const acts[CONTROL_KINDS])(struct engine *, const struct control_change *, struct now) = {
        [CONTROL_HOLD] = on_hold,           [CONTROL_PAUSE] = on_pause, [CONTROL_RETRY] = on_retry,
        [CONTROL_PROVISION] = on_provision, [CONTROL_LOAD] = on_load,
    };
    struct control_change change;
    if (!control_take(&e->control, key, value, &change, err))
        return false;
    acts[change.kind](e, &change, now);
    return true;
}

/* A wish of a clock that is far ahead would make a listing lie in the future, and count as recent until then. */
static void clamp_wish(struct directory_record *r, struct now now)
{
    int64_t latest_ms = now.wall_ms + WISH_AHEAD_MS;
    if (r->kind == DIRECTORY_WISH && r->at_ms > latest_ms)
        r->at_ms = latest_ms;
}

static bool take_capabilities(struct engine *e, struct str key, struct str value, struct error *err)
{
    struct capabilities_record r;
    if (!capabilities_record_read(key, value, &r, err))
        return false;
    discovery_take(e, &r);
    capabilities_record_done(&r);
    return true;
}

static void read_back_attached(struct engine *e, const struct directory_record *r)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        if (e->targets[i].cfg->rest_of && strcmp(e->targets[i].cfg->rest_of, r->target) == 0)
            attach_read_back(&e->targets[i], r);
}

/* What was missing may be there now, and a name may be another team's. Whom it concerns is for the plan to find out, when
 * a listing is whole. */
bool engine_target_record(struct engine *e, struct str key, struct str value, struct now now,
                          struct error *err)
{
    if (capabilities_is_key(key))
        return take_capabilities(e, key, value, err);
    struct directory_record r;
    if (!directory_record_read(key, value, &r, err))
        return false;
    clamp_wish(&r, now);
    struct target *t = engine_target(e, r.target);
    if (t) { /* else it is not configured (any more) */
        if (r.kind == DIRECTORY_LISTING || (r.kind == DIRECTORY_WANT && r.failed)) {
            e->wake.teams = true;
            sweep_teams_listed(t);
        }
        sweep_take_teams(e, t, &r);
        groups_read_back(e, t, &r);
        if (r.kind == DIRECTORY_ATTACHED)
            read_back_attached(e, &r);
        t->wish_sent = t->wish_sent && t->directory.wished_ms < t->teams_wanted_ms;
        e->teams_used = true;
        listings_look(e);
    }
    directory_record_done(&r);
    return true;
}

bool engine_paused(const struct engine *e, size_t target)
{
    return e->targets[target].paused;
}
