#include "fetch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "settle.h"

enum { DEADLETTER_KEY_MAX = 1024, DEADLETTER_MAX = 2 * (EVENT_VALUE_MAX + DEADLETTER_HEADERS_MAX) + 8192 };

static void person_key(const struct event *ev, struct buf *out)
{
    buf_init(out, 2 * EVENT_NAME_MAX + EVENT_SUBJECT_MAX + 2);
    buf_adds(out, ev->tenant);
    buf_addc(out, '/');
    buf_adds(out, ev->directory);
    buf_addc(out, '/');
    buf_adds(out, ev->subject);
    assert(buf_ok(out));
}

static void add_pending(struct target_state *t, const struct event *ev, int64_t offset, bool empty,
                        struct now now)
{
    t->pending = xreallocarray(t->pending, t->n_pending + 1, sizeof *t->pending);
    struct pending *e = &t->pending[t->n_pending++];
    *e = (struct pending){.type = ev->type,
                          .empty = empty,
                          .needs_fetch = ev->needs_fetch,
                          .occurred_at_ms = ev->occurred_at_ms,
                          .queued_at_ms = now.wall_ms,
                          .offset = offset};
    memcpy(e->id, ev->id, sizeof e->id);
    snprintf(e->source, sizeof e->source, "%s", ev->source);
    if (strlen(ev->traceparent) >= 35) /* version - trace id - parent id - flags, W3C Trace Context 3.2 */
        snprintf(e->trace_id, sizeof e->trace_id, "%.32s", ev->traceparent + 3);
}

/* The targets of the tenant are frozen here: each of them owes this event one result. */
static void owe_results(struct engine *e, struct slot *slot, const struct event *ev, int64_t offset,
                        bool empty, struct now now)
{
    struct target_range targets = engine_targets_of(e, ev->tenant, ev->directory);
    for (size_t i = 0; i < targets.n; i++) {
        struct target_state *t = person_target_add(slot->live, targets.v[i]->cfg->name);
        add_pending(t, ev, offset, empty, now);
        settle_superseded(e, slot, t, now);
        if (t->n_pending > PERSON_PENDING_MAX)
            settle_oldest(e, slot, t, now);
    }
}

/* An event that cannot be kept: one result per target says so. */
static void reject_everywhere(struct engine *e, struct slot *slot, const struct event *ev, int64_t offset,
                              struct now now)
{
    struct target_state unused = {0};
    add_pending(&unused, ev, offset, false, now);
    struct target_range targets = engine_targets_of(e, ev->tenant, ev->directory);
    for (size_t i = 0; i < targets.n; i++)
        settle_unmerged(e, slot, &unused.pending[0], targets.v[i]->cfg->name, ev, now);
    free(unused.pending);
}

/* Whether it is the next of a partition that is ours. */
static bool is_next(const struct partition *p, int64_t offset)
{
    return p && p->state == PARTITION_LIVE && (offset >= p->position || MUTATION(MUTATION_INVALID_TWICE));
}

static bool advance(struct partition *p, int64_t offset)
{
    if (!is_next(p, offset))
        return false;
    p->position = offset + 1;
    p->merged++;
    caution_merged(&p->caution);
    return true;
}

/* Nothing is read before the partition's record is open, or the deaths of its readers would not be counted. */
enum offer engine_offer(struct engine *e, int32_t partition, int64_t offset)
{
    struct partition *p = engine_partition(e, partition);
    if (!is_next(p, offset))
        return OFFER_KNOWN;
    bool later =
        !p->opened || (p->caution.try_left > 0 && e->batch.outstanding); /* a trial writes a batch, too */
    enum offer offer = later ? OFFER_LATER : caution_offer(&p->caution, p->merged);
    if (offer == OFFER_LATER) /* the next batch must come, also when what was merged changed nothing */
        p->record_dirty |= !p->record_batched;
    return offer;
}

static void refuse_record(struct engine *e, struct invalid_record record)
{
    e->stats.invalid++;
    struct buf out;
    buf_init(&out, DEADLETTER_MAX);
    if (record.value.n > EVENT_VALUE_MAX)
        record.value.n = EVENT_VALUE_MAX; /* the reason says that it was too long */
    if (record.key.n > DEADLETTER_KEY_MAX)
        record.key.n = DEADLETTER_KEY_MAX;
    deadletter_write_invalid(&record, &out);
    outbox_add(e, TOPIC_DEADLETTERS, record.partition, record.key, &out);
}

struct headers { /* of an event, as its record had them */
    struct record_header v[8];
    size_t n;
};

static void put_header(void *ctx, const char *name, const char *value)
{
    struct headers *h = ctx;
    assert(h->n < ARRAY_SIZE(h->v));
    h->v[h->n++] = (struct record_header){name, xstrdup(value)};
}

/* A person has one home; an event of his elsewhere was published with a key of its own making. */
static void refuse_stray(struct engine *e, int32_t partition, int64_t offset, const struct event *ev,
                         struct str key, struct now now)
{
    struct buf value;
    struct headers headers = {.n = 0};
    buf_init(&value, EVENT_VALUE_MAX);
    event_write_value(ev, &value);
    event_each_header(ev, put_header, &headers);
    refuse_record(
        e, (struct invalid_record){.partition = partition,
                                   .offset = offset,
                                   .key = key,
                                   .value = buf_str(&value),
                                   .headers = headers.v,
                                   .n_headers = headers.n,
                                   .reason = "this person's events live in another partition: the key must "
                                             "be tenant/bucket, partitioned by murmur2",
                                   .at_ms = now.wall_ms});
    for (size_t i = 0; i < headers.n; i++)
        free((char *)(uintptr_t)headers.v[i].value);
    buf_done(&value);
}

static bool says_nothing(const struct person *p, const struct event *ev, enum merge merge)
{
    bool thin = ev->type == EVENT_CHANGED && ev->needs_fetch;
    return thin || (merge == MERGE_NEW && !person_word_survives(p, ev->type, event_id_hash(ev->id)));
}

/* Who sends an event again has mended something: what failed or was refused is no reason not to try. */
static void forgive_for_replay(struct engine *e, struct slot *slot, const struct event *ev)
{
    for (size_t i = 0; i < slot->live->n_targets; i++) {
        struct target_state *t = &slot->live->targets[i];
        struct work *w = work_find(slot, t->target);
        if (ev->replay_of[0])
            obey_forgive(w ? w : work_add(e, slot, t->target), t);
    }
}

static void merge_event(struct engine *e, struct slot *slot, int64_t offset, const struct event *ev,
                        struct now now)
{
    struct person *p = slot_live(e, slot);
    enum merge merge = person_merge(p, ev, now.wall_ms);
    if (merge == MERGE_DUPLICATE) {
        e->stats.duplicates++;
        slot_release(e, slot);
        return;
    }
    p->offset = offset;
    if (merge == MERGE_FULL)
        reject_everywhere(e, slot, ev, offset, now);
    else
        owe_results(e, slot, ev, offset, says_nothing(p, ev, merge), now);
    if (merge == MERGE_NEW || merge == MERGE_SUPERSEDED) /* a scheduled one is asked for when it is due */
        fetch_want(e, slot, ev);
    forgive_for_replay(e, slot, ev);
    slot->gen++;
    slot_mark_dirty(e, slot);
    work_forget_desired(slot);
    converge_slot(e, slot, now);
}

void engine_event(struct engine *e, int32_t partition, int64_t offset, const struct event *ev, struct now now)
{
    if (!advance(engine_partition(e, partition), offset))
        return;
    e->stats.events++;
    struct buf key;
    person_key(ev, &key);
    struct slot *slot = store_find(&e->store, buf_str(&key));
    if (!slot)
        slot = store_add(&e->store, buf_str(&key), partition);
    if (slot->partition == partition)
        merge_event(e, slot, offset, ev, now);
    else
        refuse_stray(e, partition, offset, ev, buf_str(&key), now);
    buf_done(&key);
}

/* What is kept of a record that is none. */
static struct invalid_record kept(int32_t partition, int64_t offset, const struct no_event *record,
                                  const char *reason, struct now now)
{
    return (struct invalid_record){partition,         offset, record->key, record->value, record->headers,
                                   record->n_headers, reason, now.wall_ms};
}

void engine_event_poison(struct engine *e, int32_t partition, int64_t offset, const struct no_event *record,
                         struct now now)
{
    if (!advance(engine_partition(e, partition), offset))
        return;
    e->stats.poison++;
    refuse_record(e, kept(partition, offset, record, "poison: merging this record ends the worker", now));
}

void engine_event_invalid(struct engine *e, int32_t partition, int64_t offset, const struct no_event *record,
                          struct now now)
{
    if (advance(engine_partition(e, partition), offset))
        refuse_record(e,
                      (struct invalid_record){partition, offset, record->key, record->value, record->headers,
                                              record->n_headers, record->reason, now.wall_ms});
}
