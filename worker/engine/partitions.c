/* partitions.c - what is assigned to this worker: restored, opened, revoked, closed, dropped.
 *
 *      restore_begin ─► RESTORING ─ restore_end ─► LIVE ─ revoke ─► REVOKED ─ close ─► CLOSED ─ drop ─► gone
 *                                                    ▲                                    │ park
 *                                                    └───────────── unpark ─── PARKED ◄───┘
 *
 * The partition's own record says "open" from the first transaction to the last of a graceful end. Who
 * restores an open one takes over from somebody who died or was cut off, and doubts every account with work
 * under way. */
#include "engine_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* ---- restore ------------------------------------------------------------------------------------------- */

void engine_restore_begin(struct engine *e, int32_t partition)
{
    assert(!engine_partition(e, partition));
    struct partition *p = xcalloc(1, sizeof *p);
    p->partition = partition;
    p->offset_max = -1;
    e->partitions = xreallocarray(e->partitions, e->n_partitions + 1, sizeof(struct partition *));
    e->partitions[e->n_partitions++] = p;
    if (partition >= e->n_numbers) {
        size_t n = (size_t)partition + 1, old = (size_t)e->n_numbers;
        e->by_number = xreallocarray(e->by_number, n, sizeof(struct partition *));
        memset(&e->by_number[old], 0, (n - old) * sizeof(struct partition *));
        e->n_numbers = partition + 1;
    }
    e->by_number[partition] = p;
}

/* A restore parses nothing, but it does not take what it could not read later. */
static bool known_version(struct str value, struct error *err)
{
    static const char begin[] = "{\"version\":";
    if (value.n <= sizeof begin || memcmp(value.p, begin, sizeof begin - 1) != 0)
        return error_set(err, ERROR_PERMANENT, "the persons topic holds a record that is none of ours");
    char *end;
    long version = strtol(value.p + sizeof begin - 1, &end, 10);
    if (version < 1 || version > RECORD_VERSION)
        return error_set(err, ERROR_PERMANENT,
                         "the persons topic holds records of version %ld, this worker knows up to %d: "
                         "run the newer worker everywhere",
                         version, RECORD_VERSION);
    return true;
}

/* Written under another generation. Who was in step with a newer one was not written, so that is for restore_end. */
static bool is_behind(const struct engine *e, const struct record_state *state)
{
    return state->policy != e->generation && !MUTATION(MUTATION_SWEEP_FORGETS_RESTORED);
}

bool engine_restore_record(struct engine *e, int32_t partition, struct str key, struct str value,
                           const struct record_header *headers, size_t n_headers, struct error *err)
{
    struct partition *p = engine_partition(e, partition);
    assert(p && p->state == PARTITION_RESTORING);
    if (str_eq(key, str_of(RECORD_PARTITION_KEY))) {
        attrs_done(&p->found.spreads);
        p->record_found = partition_record_read(value, &p->found, err);
        return p->record_found;
    }
    if (key.n > strlen(WARD_KEY_PREFIX) && memcmp(key.p, WARD_KEY_PREFIX, strlen(WARD_KEY_PREFIX)) == 0)
        return wards_restore(e, partition, key, value, err);
    struct slot *slot = store_find(&e->store, key);
    if (slot && !partition_rests(engine_partition(e, slot->partition)->state))
        return true; /* a stray of somebody who lives in another partition */
    if (value.n == 0) {
        if (slot)
            slot_forget(e, slot);
        return true;
    }
    if (!known_version(value, err))
        return false;
    struct record_state state;
    record_state_read(headers, n_headers, &state);
    if (!slot)
        slot = store_add(&e->store, key, partition);
    sweep_mark(e, slot, false);
    store_move(&e->store, slot, partition);
    sweep_mark(e, slot, is_behind(e, &state));
    store_set_committed(&e->store, slot, value);
    p->offset_max = state.offset > p->offset_max ? state.offset : p->offset_max;
    slot_set_flags(e, slot, state.flags);
    slot->restored_due_ms = state.due_ms; /* nothing is due before the restore has ended */
    return true;
}

/* Those of tenants that are not configured (any more) stay as they were. */
void partition_spreads(const struct engine *e, const struct partition *p, struct attrs *ret)
{
    attrs_copy(ret, &p->found.spreads);
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        const struct target *t = &e->targets[i];
        char spread[12];
        snprintf(spread, sizeof spread, "%u", t->n_lanes);
        if (!t->cfg->rest_of) /* a REST side has no buckets */
            attrs_set(ret, t->cfg->tenant, spread);
    }
}

static bool check_spreads(const struct engine *e, const struct partition *p, struct error *err)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        const struct target *t = &e->targets[i];
        const char *was = attrs_get(&p->found.spreads, t->cfg->tenant);
        if (!t->cfg->rest_of && was && strtoul(was, NULL, 10) != t->n_lanes)
            return error_set(
                err, ERROR_PERMANENT,
                "tenant %.64s had a spread of %.8s when its records were written and has %u now: "
                "its persons' events would go elsewhere than their records; set it back (also at "
                "the ingest), or start under a new kafka.topic_prefix",
                t->cfg->tenant, was, t->n_lanes);
    }
    return true;
}

static bool check_restored(const struct engine *e, const struct partition *p, int64_t committed,
                           struct error *err)
{
    bool any = store_count(&e->store, p->partition) > 0;
    if (p->record_found && p->found.partitions != e->cfg.partitions)
        return error_set(
            err, ERROR_PERMANENT,
            "the events topic had %d partitions when these records were written and has %d now: persons "
            "would lose their order; recreate it with %d partitions",
            p->found.partitions, e->cfg.partitions, p->found.partitions);
    if (p->record_found && !check_spreads(e, p, err))
        return false;
    if (committed < 0 && (any || p->record_found))
        return error_set(
            err, ERROR_PERMANENT,
            "partition %d has records but the group has no committed offset (expired group, or another "
            "group's topic): set it with kafka-consumer-groups --reset-offsets --to-offset %lld",
            p->partition, (long long)(p->record_found ? p->found.offset : p->offset_max + 1));
    if (committed > 0 && !p->record_found)
        return error_set(err, ERROR_PERMANENT,
                         "the group has read partition %d up to offset %lld but its records are gone (was "
                         "the persons topic "
                         "deleted?): bring them back, or start under a new kafka.topic_prefix",
                         p->partition, (long long)committed);
    if (any && p->offset_max >= committed)
        return error_set(
            err, ERROR_PERMANENT,
            "partition %d holds a record of offset %lld but the group has committed %lld only: another "
            "group writes to this persons topic, or offsets were reset; one records topic belongs to one "
            "group",
            p->partition, (long long)p->offset_max, (long long)committed);
    return true;
}

/* Doubt is a fact: an abort of the batch that is to write it down does not take it back. */
static void remember_doubt(struct engine *e, struct slot *slot, const struct target_state *t)
{
    struct work *w = work_find(slot, t->target);
    if (!w)
        w = work_add(e, slot, t->target);
    w->learnt = true;
    w->doubt_until_ms = t->doubt_until_ms;
    slot_mark_dirty(e, slot);
}

/* Whatever the last owner had under way may still land. */
void partition_doubt_takeover(struct engine *e, struct slot *slot, struct now now)
{
    struct person *p = slot_live(e, slot);
    slot->taken_over = false;
    engine_partition(e, slot->partition)->n_taken_over--;
    for (size_t i = 0; i < p->n_targets; i++) {
        struct target_state *t = &p->targets[i];
        const struct target *target = engine_target(e, t->target);
        if (!t->open || !target || t->wanted) /* a question that is asked twice does no harm */
            continue;
        int64_t until = now.wall_ms + target->cfg->call_life_ms;
        target_state_set_known(t, KNOWN_UNKNOWN);
        t->doubt_until_ms = until > t->doubt_until_ms ? until : t->doubt_until_ms;
        remember_doubt(e, slot, t);
    }
}

struct resume {
    struct engine *e;
    struct now now;
    bool unclean;
    bool swept;         /* everybody is in step, whatever their own marks say */
    bool teams_changed; /* since everybody was planned who depends on them */
};

/* Who has work is due now: they may be a million, and engine_tick takes them in portions. */
static void resume_slot(void *ctx, struct slot *slot)
{
    struct resume *r = ctx;
    int64_t due_ms = slot->restored_due_ms, now_ms = r->now.wall_ms;
    bool by_wrong_clock = slot->uncut && due_ms > now_ms + RETRY_CUT_MS;
    bool has_work = slot->open || by_wrong_clock || obey_concerns(r->e, slot);
    slot->restored_due_ms = 0;
    if (r->swept)
        sweep_mark(r->e, slot, false);
    if (r->teams_changed && sweep_needs_teams(slot))
        sweep_mark(r->e, slot, true);
    store_set_due(&r->e->store, slot, has_work && (due_ms == 0 || due_ms > now_ms) ? now_ms : due_ms);
    if (!r->unclean || !slot->open || slot->taken_over || MUTATION(MUTATION_TAKEOVER_IS_CLEAN))
        return;
    slot->taken_over = true;
    engine_partition(r->e, slot->partition)->n_taken_over++;
}

/* Ours from here on, from its committed offset. */
static void begin_life(struct engine *e, struct partition *p, struct resume *r)
{
    p->state = PARTITION_LIVE;
    p->position = p->batched = p->committed;
    p->opened = false;
    p->opened_at_ms = r->now.wall_ms;
    p->record_dirty = true;
    store_each(&e->store, p->partition, resume_slot, r);
    sweep_start_walk(e, p);
}

bool engine_restore_end(struct engine *e, int32_t partition, int64_t committed, struct now now,
                        struct error *err)
{
    struct partition *p = engine_partition(e, partition);
    assert(p && p->state == PARTITION_RESTORING);
    if (!check_restored(e, p, committed, err))
        return false;
    p->committed = committed > 0 ? committed : 0;
    struct resume r = {
        e,
        now,
        p->record_found && p->found.open,
        .swept = p->record_found && p->found.swept && p->found.swept == e->generation,
        .teams_changed = p->found.teams != e->teams_whole,
    };
    if (r.unclean)
        caution_after_death(&p->caution, p->found.deaths, p->committed > p->found.offset);
    p->tenure = p->record_found ? ++e->tenures : 0;
    p->taken_ms = now.boot_ms;
    p->calls_on_way = r.unclean || (p->record_found && p->found.calls_unseen);
    begin_life(e, p, &r);
    return true;
}

void engine_begin_at(struct engine *e, int32_t partition, int64_t offset)
{
    struct partition *p = engine_partition(e, partition);
    assert(p && p->state == PARTITION_LIVE && p->position == 0 && !e->batch.outstanding);
    p->position = p->batched = p->committed = offset;
}

void partition_wake(struct engine *e, struct partition *p, struct now now)
{
    size_t n = 0;
    for (const struct work *w = p->works_first; w; w = w->home_next)
        n++;
    struct slot **slots = xcalloc(n, sizeof *slots); /* converging frees works, but no slots */
    n = 0;
    for (const struct work *w = p->works_first; w; w = w->home_next)
        slots[n++] = w->slot;
    for (size_t i = 0; i < n; i++)
        converge_slot(e, slots[i], now);
    free(slots);
}

/* ---- the way out --------------------------------------------------------------------------------------- */

void engine_revoke(struct engine *e, int32_t partition)
{
    struct partition *p = engine_partition(e, partition);
    if (!p || p->state != PARTITION_LIVE)
        return;
    p->state = PARTITION_REVOKED;
    for (struct work *w = p->works_first; w; w = w->home_next)
        work_dequeue(w);
}

size_t engine_in_flight(const struct engine *e, int32_t partition)
{
    if (partition < 0)
        return e->n_flights;
    const struct partition *p = engine_partition(e, partition);
    return p ? p->in_flight : 0;
}

/* The answer to w's call will not be heard any more. */
static void abandon_flight(struct engine *e, struct work *w, struct now now)
{
    struct target_state *t = person_target(slot_live(e, w->slot), w->name);
    int64_t until = now.wall_ms + w->target->cfg->call_life_ms;
    target_state_set_known(t, KNOWN_UNKNOWN);
    if (step_writes(w->flight->step) && until > t->doubt_until_ms)
        t->doubt_until_ms = until;
    w->home->in_flight--;
    w->flight->slot = NULL;
    w->flight->work = NULL;
    w->flight = NULL;
    remember_doubt(e, w->slot, t);
}

void engine_close(struct engine *e, int32_t partition, struct now now)
{
    struct partition *p = engine_partition(e, partition);
    if (!p || p->state != PARTITION_REVOKED)
        return;
    for (struct work *w = p->works_first; w; w = w->home_next) {
        work_dequeue(w);
        if (w->flight)
            abandon_flight(e, w, now);
    }
    groups_drop_wants(e, partition);
    p->state = PARTITION_CLOSED;
    p->record_dirty = true;
}

bool engine_clean(const struct engine *e, int32_t partition)
{
    const struct partition *p = engine_partition(e, partition);
    if (!p)
        return true;
    if (p->record_dirty || p->record_batched || p->n_dirty > 0)
        return false;
    for (size_t i = 0; i < e->outbox.n; i++)
        if (e->outbox.v[i].origin == partition)
            return false;
    for (size_t i = 0; e->batch.outstanding && i < e->batch.out.n_offsets; i++)
        if (e->batch.out.offsets[i].partition == partition)
            return false;
    return true;
}

struct park {
    struct engine *e;
    struct now now;
};

static void park_slot(void *ctx, struct slot *slot)
{
    struct park *p = ctx;
    if (slot->live) /* a slot at rest knows it already */
        store_set_due(&p->e->store, slot, converge_due(p->e, slot, p->now));
    if (slot->due_ms)
        slot->restored_due_ms = slot->due_ms;
    store_set_due(&p->e->store, slot, 0);
    slot_rest(p->e, slot);
}

void engine_park(struct engine *e, int32_t partition, struct now now)
{
    struct partition *p = engine_partition(e, partition);
    assert(p && p->state == PARTITION_CLOSED && engine_clean(e, partition));
    store_each(&e->store, partition, park_slot, &(struct park){e, now});
    p->state = PARTITION_PARKED;
}

void engine_unpark(struct engine *e, int32_t partition, struct now now)
{
    struct partition *p = engine_partition(e, partition);
    assert(p && p->state == PARTITION_PARKED);
    p->caution = (struct caution){0};
    begin_life(e, p, &(struct resume){.e = e, .now = now});
}

static void forget_slot(void *ctx, struct slot *slot)
{
    slot_forget(ctx, slot);
}

void engine_drop(struct engine *e, int32_t partition)
{
    struct partition *p = engine_partition(e, partition);
    if (!p)
        return;
    commit_drop_partition(e, p);
    store_each(&e->store, partition, forget_slot, e);
    for (size_t i = 0; i < e->n_partitions; i++)
        if (e->partitions[i] == p)
            e->partitions[i] = e->partitions[--e->n_partitions];
    e->by_number[partition] = NULL;
    attrs_done(&p->found.spreads);
    free(p);
}

int64_t engine_position(const struct engine *e, int32_t partition)
{
    const struct partition *p = engine_partition(e, partition);
    return p ? p->committed : -1;
}
