/* commit.c - batches: what is dirty goes out in one transaction; an abort takes everything back that is not a
 * fact. */
#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { GROWTH = 256 }; /* room that the next record gets beyond the size of this one */

/* ---- building a batch ---------------------------------------------------------------------------------- */

static void put_state(struct engine *e, struct out_record *r, struct batch_item *item,
                      const struct slot *slot, struct now now)
{
    const struct person *p = slot->live;
    const struct record_state state = {.seq = (int64_t)p->seq,
                                       .offset = p->offset,
                                       .due_ms = converge_due(e, slot, now),
                                       .flags = record_flags(p),
                                       .policy = slot->behind ? 0 : e->generation};
    record_state_format(&state, item->state);
    r->headers[r->n_headers++] = (struct record_header){RECORD_STATE, item->state};
}

static void shorten_reasons(struct target_state *t)
{
    for (size_t i = 0; i < t->n_refused; i++) {
        free(t->refused[i].reason);
        t->refused[i].reason = xstrdup("refused");
    }
}

/* A record that is too large forgets what can be read again at the targets, and why they refuse what. */
static void write_record(struct person *p, struct buf *out)
{
    record_write(p, out);
    if (buf_ok(out))
        return;
    for (size_t i = 0; i < p->n_targets; i++) {
        target_state_set_known(&p->targets[i], KNOWN_UNKNOWN);
        target_state_forget_moves(&p->targets[i]);
        shorten_reasons(&p->targets[i]);
    }
    buf_clear(out);
    record_write(p, out);
    assert(buf_ok(out)); /* person.h's limits see to it */
}

static void forget_old_switches(struct person *p, struct now now)
{
    for (size_t i = 0; i < p->n_targets; i++) {
        if (p->targets[i].switched_until_ms <= now.wall_ms)
            p->targets[i].switched_until_ms = 0;
        if (p->targets[i].moved_until_ms <= now.wall_ms)
            target_state_forget_moves(&p->targets[i]);
    }
}

static void batch_slot(struct engine *e, struct out_record *r, struct batch_item *item, struct slot *slot,
                       struct now now)
{
    struct person *p = slot->live;
    struct buf value;
    *r = (struct out_record){.topic = TOPIC_PERSONS,
                             .partition = slot->partition,
                             .key = {xmemdup(slot->key, slot->key_n), slot->key_n}};
    if (!MUTATION(MUTATION_SEQ_NOT_ADVANCED))
        p->seq++;
    if (!slot->tombstone) {
        forget_old_switches(p, now);
        buf_init(&value, RECORD_MAX);
        buf_reserve(&value, e->record_hint);
        write_record(p, &value);
        e->record_hint = value.n + GROWTH;
        r->value.n = value.n;
        r->value.p = buf_take(&value);
        put_state(e, r, item, slot, now);
    }
    item->slot = slot;
    slot->batched = true;
    slot->batched_gen = slot->gen;
    for (size_t i = 0; i < slot->n_works; i++) {
        struct work *w = slot->works[i];
        w->learnt_batched = w->learnt;
        w->wrote_batched = w->wrote;
        w->learnt = w->wrote = false;
    }
}

static bool everybody_swept(const struct partition *p)
{
    return p->n_behind == 0 || MUTATION(MUTATION_SWEEP_LOST);
}

static void batch_partition(struct engine *e, struct out_record *r, struct partition *p, struct now now)
{
    struct partition_record own = {.partition = p->partition,
                                   .partitions = e->cfg.partitions,
                                   .open = p->state != PARTITION_CLOSED || p->n_taken_over > 0,
                                   .slot = e->cfg.slot,
                                   .opened_at_ms = p->opened_at_ms,
                                   .offset = p->position,
                                   .deaths = p->caution.deaths,
                                   .calls_unseen = p->state == PARTITION_CLOSED && lanes_unseen(e, p, now),
                                   .swept = everybody_swept(p) ? e->generation : 0,
                                   .teams = sweep_teams_mark(e, p)};
    struct buf value;
    buf_init(&value, RECORD_MAX);
    partition_spreads(e, p, &own.spreads);
    partition_record_write(&own, &value);
    attrs_done(&own.spreads);
    *r = (struct out_record){.topic = TOPIC_PERSONS, .partition = p->partition};
    r->key = (struct str){xstrdup(RECORD_PARTITION_KEY), strlen(RECORD_PARTITION_KEY)};
    r->value.n = value.n;
    r->value.p = buf_take(&value);
    p->record_dirty = false;
    p->record_batched = true;
}

static size_t count_records(const struct engine *e)
{
    size_t n = e->outbox.n + e->n_dirty;
    for (size_t i = 0; i < e->n_partitions; i++)
        n += e->partitions[i]->record_dirty;
    return n + wards_count_dirty(e);
}

static void batch_offsets(struct engine *e, struct engine_batch *out)
{
    out->offsets = xcalloc(e->n_partitions, sizeof *out->offsets);
    for (size_t i = 0; i < e->n_partitions; i++) {
        struct partition *p = e->partitions[i];
        p->batched = p->position;
        p->merged_batched = p->merged;
        if (partition_rests(p->state) || (MUTATION(MUTATION_OFFSETS_LEFT_OUT) && p->position == p->committed))
            continue;
        out->offsets[out->n_offsets++] = (struct out_offset){p->partition, p->position};
    }
}

static bool lease_half_spent(const struct engine *e, struct now now)
{
    return now.boot_ms >= e->lease_until_ms - e->cfg.lease_ms / 2;
}

static bool owns_any(const struct engine *e)
{
    for (size_t i = 0; i < e->n_partitions; i++)
        if (!partition_rests(e->partitions[i]->state))
            return true;
    return false;
}

const struct engine_batch *engine_batch_take(struct engine *e, struct now now)
{
    struct batch *b = &e->batch;
    if (b->outstanding || !owns_any(e))
        return NULL;
    size_t n = count_records(e);
    if (n == 0 && !lease_half_spent(e, now))
        return NULL;
    *b = (struct batch){.outstanding = true, .items = xcalloc(n, sizeof *b->items)};
    b->out.records = xcalloc(n, sizeof *b->out.records);
    size_t *at = &b->out.n_records;
    for (size_t i = 0; i < e->n_partitions; i++)
        if (e->partitions[i]->record_dirty)
            batch_partition(e, &b->out.records[(*at)++], e->partitions[i], now);
    while (e->dirty_first) {
        struct slot *slot = e->dirty_first;
        slot_unmark_dirty(e, slot);
        batch_slot(e, &b->out.records[*at], &b->items[*at], slot, now);
        (*at)++;
    }
    for (struct ward *ward; (ward = wards_batch_next(e, &b->out.records[*at]));)
        b->items[(*at)++].ward = ward;
    for (size_t i = 0; i < e->outbox.n; i++)
        b->out.records[(*at)++] = e->outbox.v[i].record;
    e->outbox.n = 0;
    batch_offsets(e, &b->out);
    e->stats.batches++;
    return &b->out;
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->out.n_records; i++)
        out_record_free(&b->out.records[i]);
    free(b->out.records);
    free(b->out.offsets);
    free(b->items);
    *b = (struct batch){0};
}

/* ---- committed ----------------------------------------------------------------------------------------- */

static void commit_slot(struct engine *e, struct slot *slot, const struct out_record *r, struct now now)
{
    slot->batched = false;
    if (slot->tombstone && !slot->dirty) {
        slot_forget(e, slot);
        return;
    }
    slot->tombstone = false;
    store_set_committed_loose(slot, r->value); /* packed when the person comes to rest */
    slot->committed_gen = slot->batched_gen;
    slot_set_flags(e, slot, record_flags(slot->live));
    for (size_t i = 0; i < slot->n_works; i++)
        slot->works[i]->learnt_batched = slot->works[i]->wrote_batched = false;
    converge_slot(e, slot, now);
}

/* What was merged is committed; where workers had died before, that is worth writing down. */
static void commit_merged(struct partition *p)
{
    if (p->merged_batched == 0)
        return;
    p->merged -= p->merged_batched;
    p->merged_batched = 0;
    p->record_dirty |= caution_progress(&p->caution);
}

static void commit_partition(struct engine *e, struct partition *p, struct now now)
{
    if (!MUTATION(MUTATION_POSITION_NOT_ADVANCED))
        p->committed = p->batched;
    commit_merged(p);
    bool opens = p->record_batched && !p->opened && p->state == PARTITION_LIVE;
    p->record_batched = false;
    if (!opens)
        return;
    p->opened = true; /* calls may start: a successor will know that we were here */
    listings_look(e);
    discoveries_look(e);
    partition_wake(e, p, now);
}

/* Whether the batch named this partition: one that was assigned since is none of its business. */
static bool batch_names(const struct batch *b, int32_t partition)
{
    for (size_t i = 0; i < b->out.n_offsets; i++)
        if (b->out.offsets[i].partition == partition)
            return true;
    return false;
}

void engine_batch_committed(struct engine *e, int64_t sent_boot_ms, struct now now)
{
    struct batch done = e->batch;
    if (!done.outstanding)
        return;
    e->batch = (struct batch){0};
    e->lease_until_ms = sent_boot_ms + e->cfg.lease_ms;
    for (size_t i = 0; i < e->n_partitions; i++)
        if (batch_names(&done, e->partitions[i]->partition) || MUTATION(MUTATION_OFFSETS_LEFT_OUT))
            commit_partition(e, e->partitions[i], now);
    for (size_t i = 0; i < done.out.n_records; i++)
        if (done.items[i].ward)
            ward_committed(done.items[i].ward);
    for (size_t i = 0; i < done.out.n_records; i++)
        if (done.items[i].slot)
            commit_slot(e, done.items[i].slot, &done.out.records[i], now);
    batch_free(&done);
}

/* ---- aborted ------------------------------------------------------------------------------------------- */

/* Facts that came since the committed version: answers make what is known unknown, doubt stays. A write whose answer
 * is undone leaves doubt of its own: the next read may come from before it (eventual consistency). */
static bool keep_facts(struct work *w, struct target_state *t, struct now now)
{
    bool kept = false;
    if (w->flight)
        w->flight->stale = true;
    if (w->learnt || w->learnt_batched) {
        target_state_set_known(t, KNOWN_UNKNOWN);
        w->fresh = w->unverified = false;
        if (w->link) {
            free(t->link);
            t->link = xstrdup(w->link);
            w->slot->gen++;
        }
        t->attempts = w->failures;
        t->failing_since_ms = w->failing_since_ms;
        t->write_failed = w->write_failed;
        t->cut_failing_since_ms = w->cut_failing_since_ms;
        t->next_attempt_ms = w->next_attempt_ms;
        if (target_state_waits_for_policy(t)) /* what was learnt came after that */
            target_state_forget_failure(t);
        target_state_failed(t, w->failed_ms);
        kept = true;
    }
    if ((w->wrote || w->wrote_batched) && w->target) {
        int64_t until = now.wall_ms + w->target->cfg->call_life_ms;
        w->doubt_until_ms = until > w->doubt_until_ms ? until : w->doubt_until_ms;
    }
    if (w->doubt_until_ms > t->doubt_until_ms) {
        t->doubt_until_ms = w->doubt_until_ms;
        kept = true;
    }
    w->learnt_batched = w->wrote_batched = w->wrote = false;
    w->learnt = kept; /* until a batch with it is committed */
    return kept;
}

/* Settled in what is undone: what was done for it is forgotten, as that of a dead owner. */
static void resume_settled(struct slot *slot, struct person *before)
{
    for (size_t i = 0; i < slot->n_works; i++) {
        struct work *w = slot->works[i];
        const struct target_state *was = person_target(before, w->name),
                                  *t = person_target(slot->live, w->name);
        w->resumed |= was && !was->open && t && t->open && !t->held_word;
    }
}

static void undo_slot(struct engine *e, struct slot *slot, struct now now)
{
    slot_unmark_dirty(e, slot);
    slot->batched = slot->tombstone = false;
    slot->gen = slot->batched_gen = slot->committed_gen = 0;
    if (!MUTATION(MUTATION_SWEEP_UNDONE))
        sweep_mark(e, slot, true); /* what a sweep has given is undone too */
    if (!slot_committed(slot)) {   /* its first event is delivered again */
        slot_forget(e, slot);
        return;
    }
    struct person before = {0};
    if (slot->live) {
        before = *slot->live;
        *slot->live = (struct person){0};
        struct error err;
        bool ok = record_read(store_committed(&e->store, slot), slot->live, &err);
        assert(ok);
        resume_settled(slot, &before);
    }
    person_done(&before);
    struct person *p = slot_live(e, slot);
    for (size_t i = 0; MUTATION(MUTATION_UNDO_FORGETS_PENDING) && i < p->n_targets; i++)
        p->targets[i].n_pending = 0;
    work_forget_desired(slot);
    for (size_t i = 0; i < slot->n_works; i++) {
        struct target_state *t = person_target(p, slot->works[i]->name);
        work_dequeue(slot->works[i]);
        if (t && keep_facts(slot->works[i], t, now))
            slot_mark_dirty(e, slot);
    }
}

void engine_batch_aborted(struct engine *e, struct now now)
{
    if (MUTATION(MUTATION_UNDO_FORGOTTEN)) {
        engine_batch_committed(e, now.boot_ms, now);
        return;
    }
    struct batch undone = e->batch;
    assert(undone.outstanding);
    e->batch = (struct batch){0};
    e->stats.aborts++;
    outbox_drop(e, -1);
    wards_undo(e);
    listings_undo(e);
    discoveries_undo(e);
    size_t n = 0;
    struct slot **slots = xcalloc(undone.out.n_records + count_records(e), sizeof *slots);
    for (size_t i = 0; i < undone.out.n_records; i++)
        if (undone.items[i].slot && !undone.items[i].slot->dirty)
            slots[n++] = undone.items[i].slot;
    for (struct slot *slot = e->dirty_first; slot; slot = slot->dirty_next)
        slots[n++] = slot;
    for (size_t i = 0; i < e->n_partitions; i++) {
        struct partition *p = e->partitions[i];
        p->position = p->committed;
        p->merged = p->merged_batched = 0;
        caution_undo(&p->caution);
        p->record_dirty |= p->record_batched;
        p->record_batched = false;
    }
    for (size_t i = 0; i < n; i++) {
        struct slot *slot = slots[i];
        bool forgotten = !slot_committed(slot);
        undo_slot(e, slot, now);
        slots[i] = forgotten ? NULL : slot;
    }
    for (size_t i = 0; i < n; i++)
        if (slots[i])
            converge_slot(e, slots[i], now);
    free(slots);
    batch_free(&undone);
}

void commit_drop_partition(struct engine *e, struct partition *p)
{
    outbox_drop(e, p->partition);
    groups_drop_wants(e, p->partition);
    listings_undo(e);
    discoveries_undo(e);
    for (size_t i = 0; i < e->batch.out.n_records; i++) {
        struct batch_item *item = &e->batch.items[i];
        if (item->slot && item->slot->partition == p->partition)
            item->slot = NULL;
        if (item->ward && item->ward->partition == p->partition)
            item->ward = NULL;
    }
    wards_drop(e, p->partition);
}
