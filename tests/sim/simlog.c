#include "simlog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "witness.h"
#include "json.h"
#include "mem.h"
#include "scenario.h"
#include "simgroup.h"

enum { MARKER_SLOW_MS = 3000, MARKER_MS = 20 };

struct event_record {
    int64_t offset;
    int event;
};

struct events_part {
    struct event_record *v;
    size_t n;
    int64_t end;
};

/* Each person's newest committed record: open addressing by the hash of the key. */
struct newest {
    size_t *v; /* index into the part's records + 1; 0: free */
    size_t n, size;
};

struct simlog {
    struct world *world;
    struct newest newest[WORLD_PARTITIONS_MAX];
    struct events_part events[WORLD_PARTITIONS_MAX];
    struct log_part parts[SIMLOG_TOPICS][WORLD_PARTITIONS_MAX];
    struct txn *txns; /* txns[id - 1 - n_forgotten] */
    size_t n_txns;    /* ids given */
    size_t n_forgotten;
    struct txn forgotten; /* what there is to say of them: committed, and over */
    uint64_t epochs[WORLD_SLOTS_MAX];
    uint64_t current[WORLD_SLOTS_MAX]; /* the slot's latest transaction; 0: none yet */
    int64_t committed[WORLD_PARTITIONS_MAX];
};

struct simlog *simlog_new(struct world *w)
{
    struct simlog *log = xcalloc(1, sizeof *log);
    log->world = w;
    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++)
        log->committed[p] = -1;
    log->forgotten.state = TXN_COMMITTED;
    return log;
}

static void record_done(struct log_record *r)
{
    free(r->key);
    free(r->value);
    for (size_t i = 0; i < r->n_headers; i++) {
        free((char *)r->headers[i].name);
        free((char *)r->headers[i].value);
    }
}

static void part_done(struct log_part *part)
{
    for (size_t i = 0; i < part->n; i++)
        record_done(&part->v[i]);
    free(part->v);
}

void simlog_free(struct simlog *log)
{
    if (!log)
        return;
    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++) {
        free(log->newest[p].v);
        free(log->events[p].v);
        for (int t = 0; t < SIMLOG_TOPICS; t++)
            part_done(&log->parts[t][p]);
    }
    free(log->txns);
    free(log);
}

/* ---- events -------------------------------------------------------------------------------------------- */

void simlog_append_event(struct simlog *log, int32_t partition, int event)
{
    struct events_part *part = &log->events[partition];
    if (prng_chance(&log->world->prng, log->world->chaos.gap))
        part->end += prng_range(&log->world->prng, 1, 3);
    if ((part->n & (part->n - 1)) == 0) /* a power of two: full */
        part->v = xreallocarray(part->v, part->n ? 2 * part->n : 1, sizeof *part->v);
    part->v[part->n++] = (struct event_record){part->end++, event};
}

bool simlog_read_event(const struct simlog *log, int32_t partition, int64_t *offset, int *ret_event)
{
    const struct events_part *part = &log->events[partition];
    size_t low = 0, high = part->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (part->v[mid].offset < *offset)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == part->n)
        return false;
    *offset = part->v[low].offset;
    *ret_event = part->v[low].event;
    return true;
}

int64_t simlog_events_end(const struct simlog *log, int32_t partition)
{
    return log->events[partition].end;
}

/* ---- transactions -------------------------------------------------------------------------------------- */

static struct txn *find_txn(const struct simlog *log, uint64_t id)
{
    assert(id > 0 && id <= log->n_txns);
    return id <= log->n_forgotten ? (struct txn *)&log->forgotten : &log->txns[id - 1 - log->n_forgotten];
}

const struct txn *simlog_txn(const struct simlog *log, uint64_t txn)
{
    return find_txn(log, txn);
}

const struct log_part *simlog_part(const struct simlog *log, enum engine_topic topic, int32_t partition)
{
    return &log->parts[topic][partition];
}

/* A marker's address, as a clock entry's argument. Topic SIMLOG_TOPICS stands for the offsets. */
static uint64_t marker_pack(uint64_t txn, unsigned topic, unsigned partition)
{
    return txn << 8 | topic << 4 | partition;
}

static void land_offsets(struct simlog *log, struct txn *txn)
{
    if (!txn->offsets_pending)
        return;
    txn->offsets_pending = false;
    for (int32_t p = 0; p < WORLD_PARTITIONS_MAX; p++)
        if (txn->offsets[p] >= 0 && txn->state == TXN_COMMITTED)
            log->committed[p] = txn->offsets[p];
}

static void land_marker(void *ctx, uint64_t arg)
{
    struct simlog *log = ctx;
    struct txn *txn = find_txn(log, arg >> 8);
    unsigned topic = arg >> 4 & 15, partition = arg & 15;
    if (topic == SIMLOG_TOPICS) {
        land_offsets(log, txn);
        return;
    }
    if (!txn->touched[topic][partition])
        return;
    txn->touched[topic][partition] = false;
    log->parts[topic][partition].end++; /* a marker takes an offset */
}

/* ---- the newest records of persons --------------------------------------------------------------------- */

/* Where the key is, or would be. */
static size_t *newest_place(struct newest *newest, const struct log_part *part, struct str key)
{
    size_t at = digest_murmur2(key.p, key.n) & (newest->size - 1);
    for (;; at = (at + 1) & (newest->size - 1)) {
        const struct log_record *r = newest->v[at] ? &part->v[newest->v[at] - 1] : NULL;
        if (!r || str_eq((struct str){r->key, r->key_n}, key))
            return &newest->v[at];
    }
}

static void newest_grow(struct newest *newest, const struct log_part *part)
{
    struct newest larger = {.size = newest->size ? 2 * newest->size : 64, .n = newest->n};
    larger.v = xcalloc(larger.size, sizeof *larger.v);
    for (size_t i = 0; i < newest->size; i++) {
        if (newest->v[i] == 0)
            continue;
        const struct log_record *r = &part->v[newest->v[i] - 1];
        *newest_place(&larger, part, (struct str){r->key, r->key_n}) = newest->v[i];
    }
    free(newest->v);
    *newest = larger;
}

static void newest_note(struct newest *newest, const struct log_part *part, size_t i)
{
    if (2 * newest->n >= newest->size)
        newest_grow(newest, part);
    size_t *place = newest_place(newest, part, (struct str){part->v[i].key, part->v[i].key_n});
    newest->n += *place == 0;
    if (i + 1 > *place)
        *place = i + 1;
}

/* Of what the transaction has written. */
static void note_newest(struct simlog *log, const struct txn *txn)
{
    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++) {
        const struct log_part *part = &log->parts[TOPIC_PERSONS][p];
        for (size_t i = txn->first[TOPIC_PERSONS][p]; txn->touched[TOPIC_PERSONS][p] && i < part->n; i++)
            if (part->v[i].txn == txn->id)
                newest_note(&log->newest[p], part, i);
    }
}

/* ---- how transactions end ------------------------------------------------------------------------------ */

static int64_t marker_delay(struct world *w)
{
    bool slow = !w->quiet && prng_chance(&w->prng, w->chaos.slow_marker);
    return prng_range(&w->prng, 0, slow ? MARKER_SLOW_MS : MARKER_MS);
}

static void decide(struct simlog *log, struct txn *txn, bool commit)
{
    struct world *w = log->world;
    txn->state = commit ? TXN_COMMITTED : TXN_ABORTED;
    txn->decided_ms = world_now(w);
    if (commit)
        note_newest(log, txn);
    if (commit)
        witness_committed(w, txn);
    for (unsigned t = 0; t < SIMLOG_TOPICS; t++)
        for (unsigned p = 0; p < WORLD_PARTITIONS_MAX; p++)
            if (txn->touched[t][p])
                clock_after(&w->clock, marker_delay(w), land_marker, log, marker_pack(txn->id, t, p));
    if (txn->offsets_pending)
        clock_after(&w->clock, marker_delay(w), land_marker, log, marker_pack(txn->id, SIMLOG_TOPICS, 0));
}

static bool markers_pending(const struct txn *txn)
{
    for (int t = 0; t < SIMLOG_TOPICS; t++)
        for (int p = 0; p < WORLD_PARTITIONS_MAX; p++)
            if (txn->touched[t][p])
                return true;
    return txn->offsets_pending;
}

static void time_out(void *ctx, uint64_t id)
{
    struct simlog *log = ctx;
    struct txn *txn = find_txn(log, id);
    if (txn->state != TXN_OPEN)
        return;
    world_trace(log->world, "log   transaction %llu of w%zu timed out", (unsigned long long)id, txn->slot);
    log->epochs[txn->slot]++;
    decide(log, txn, false);
}

enum txn_reply simlog_producer_init(struct simlog *log, size_t slot, uint64_t *ret_epoch)
{
    if (log->current[slot]) {
        struct txn *txn = find_txn(log, log->current[slot]);
        if (txn->state == TXN_OPEN) {
            log->epochs[slot]++;
            decide(log, txn, false);
        }
        if (markers_pending(txn))
            return TXN_BUSY;
    }
    *ret_epoch = ++log->epochs[slot];
    return TXN_OK;
}

enum txn_reply simlog_begin(struct simlog *log, size_t slot, uint64_t epoch, uint64_t *ret_txn)
{
    if (log->epochs[slot] != epoch)
        return TXN_FENCED;
    if (log->current[slot] && markers_pending(find_txn(log, log->current[slot])))
        return TXN_BUSY;
    size_t kept = log->n_txns++ - log->n_forgotten;
    log->txns = xreallocarray(log->txns, kept + 1, sizeof *log->txns);
    struct txn *txn = &log->txns[kept];
    *txn = (struct txn){.id = log->n_txns, .slot = slot, .epoch = epoch, .began_ms = world_now(log->world)};
    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++)
        txn->offsets[p] = -1;
    log->current[slot] = txn->id;
    clock_after(&log->world->clock, WORLD_TXN_TIMEOUT_MS, time_out, log, txn->id);
    *ret_txn = txn->id;
    return TXN_OK;
}

static bool is_fenced(const struct simlog *log, const struct txn *txn)
{
    return log->epochs[txn->slot] != txn->epoch || txn->state != TXN_OPEN;
}

enum txn_reply simlog_append(struct simlog *log, uint64_t id, const struct out_record *record)
{
    struct txn *txn = find_txn(log, id);
    if (is_fenced(log, txn))
        return TXN_FENCED;
    int32_t p = record->topic == TOPIC_TARGETS ? 0 : record->partition; /* that has only one */
    if (p < 0)
        p = (int32_t)(digest_murmur2(record->key.p, record->key.n) %
                      (uint32_t)log->world->scenario->partitions);
    struct log_part *part = &log->parts[record->topic][p];
    if ((part->n & (part->n - 1)) == 0) /* a power of two: full */
        part->v = xreallocarray(part->v, part->n ? 2 * part->n : 1, sizeof *part->v);
    struct log_record *r = &part->v[part->n++];
    *r = (struct log_record){.offset = part->end++, .txn = id, .n_headers = record->n_headers};
    r->key = xstrndup(record->key.p, record->key.n);
    r->key_n = record->key.n;
    r->value = record->value.p ? xstrndup(record->value.p, record->value.n) : NULL;
    r->value_n = record->value.n;
    for (size_t i = 0; i < record->n_headers; i++)
        r->headers[i] =
            (struct record_header){xstrdup(record->headers[i].name), xstrdup(record->headers[i].value)};
    if (!txn->touched[record->topic][p])
        txn->first[record->topic][p] = part->n - 1;
    txn->touched[record->topic][p] = true;
    return TXN_OK;
}

enum txn_reply simlog_send_offsets(struct simlog *log, uint64_t id, const struct group_meta *meta,
                                   const struct out_offset *offsets, size_t n)
{
    struct txn *txn = find_txn(log, id);
    if (is_fenced(log, txn))
        return TXN_FENCED;
    if (n == 0)
        return TXN_OK; /* as in librdkafka: nobody is asked */
    if (!group_validates(log->world->group, meta))
        return TXN_ILLEGAL;
    for (size_t i = 0; i < n; i++)
        txn->offsets[offsets[i].partition] = offsets[i].next;
    txn->offsets_pending = true;
    return TXN_OK;
}

enum txn_reply simlog_end(struct simlog *log, uint64_t id, bool commit)
{
    struct txn *txn = find_txn(log, id);
    if (is_fenced(log, txn))
        return TXN_FENCED;
    decide(log, txn, commit);
    return TXN_OK;
}

/* ---- what a restore reads ------------------------------------------------------------------------------ */

bool simlog_committed(const struct simlog *log, int32_t partition, int64_t *ret_offset)
{
    for (size_t i = 0; i < log->n_txns - log->n_forgotten; i++)
        if (log->txns[i].offsets_pending && log->txns[i].offsets[partition] >= 0)
            return false;
    *ret_offset = log->committed[partition];
    return true;
}

int64_t simlog_high_watermark(const struct simlog *log, int32_t partition)
{
    return log->parts[TOPIC_PERSONS][partition].end;
}

int64_t simlog_last_stable_offset(const struct simlog *log, int32_t partition)
{
    const struct log_part *part = &log->parts[TOPIC_PERSONS][partition];
    for (size_t i = 0; i < part->n; i++)
        if (find_txn(log, part->v[i].txn)->touched[TOPIC_PERSONS][partition])
            return part->v[i].offset;
    return part->end;
}

/* Whether a read_committed reader gets to see it now. */
static bool readable(const struct simlog *log, const struct log_record *r, enum engine_topic topic, int32_t p)
{
    const struct txn *txn = find_txn(log, r->txn);
    return txn->state == TXN_COMMITTED && !txn->touched[topic][p];
}

/* Whether a cleaner might have removed r: a newer readable record has its key. */
static bool superseded(const struct simlog *log, const struct log_part *part, size_t i, int64_t cleaned,
                       int32_t p)
{
    for (size_t j = i + 1; j < part->n && part->v[j].offset < cleaned; j++)
        if (strcmp(part->v[j].key, part->v[i].key) == 0 && readable(log, &part->v[j], TOPIC_PERSONS, p))
            return true;
    return false;
}

void simlog_read_persons(struct simlog *log, int32_t partition, int64_t end, bool compact,
                         void (*take)(void *ctx, const struct log_record *record), void *ctx)
{
    const struct log_part *part = &log->parts[TOPIC_PERSONS][partition];
    int64_t cleaned = compact ? prng_range(&log->world->prng, 0, end) : 0;
    for (size_t i = 0; i < part->n && part->v[i].offset < end; i++)
        if (readable(log, &part->v[i], TOPIC_PERSONS, partition) &&
            !superseded(log, part, i, cleaned, partition))
            take(ctx, &part->v[i]);
}

const struct log_record *simlog_person(const struct simlog *log, int32_t partition, struct str key)
{
    const struct log_part *part = &log->parts[TOPIC_PERSONS][partition];
    struct newest newest = log->newest[partition];
    size_t place = newest.size > 0 ? *newest_place(&newest, part, key) : 0;
    return place > 0 && part->v[place - 1].value ? &part->v[place - 1] : NULL;
}

const cJSON *simlog_state(const struct simlog *log, int32_t partition, struct str key, const char *target,
                          cJSON **ret_document)
{
    const struct log_record *r = simlog_person(log, partition, key);
    struct error err;
    *ret_document = NULL;
    if (!r || !json_parse((struct str){r->value, r->value_n}, ret_document, &err))
        return NULL;
    return json_get(json_get(*ret_document, "targets"), target);
}

/* ---- cleaning ------------------------------------------------------------------------------------------ */

/* Keeps what is newest of a key and no tombstone. */
static void clean_part(struct simlog *log, int32_t p)
{
    struct log_part *part = &log->parts[TOPIC_PERSONS][p], cleaned = {.end = part->end};
    struct newest *newest = &log->newest[p];
    cleaned.v = xcalloc(2 * part->n + 1, sizeof *cleaned.v); /* as large as appending expects, or larger */
    for (size_t i = 0; i < part->n; i++) {
        struct log_record *r = &part->v[i];
        bool keep = r->value && newest->size > 0 &&
                    *newest_place(newest, part, (struct str){r->key, r->key_n}) == i + 1;
        if (keep)
            cleaned.v[cleaned.n++] = *r;
    }
    for (size_t i = 0, kept = 0; i < part->n; i++) {
        if (kept < cleaned.n && part->v[i].offset == cleaned.v[kept].offset)
            kept++;
        else
            record_done(&part->v[i]);
    }
    free(part->v);
    free(newest->v);
    *part = cleaned;
    *newest = (struct newest){0};
    for (size_t i = 0; i < part->n; i++)
        newest_note(newest, part, i);
}

bool simlog_clean(struct simlog *log)
{
    for (size_t i = 0; i < log->n_txns - log->n_forgotten; i++)
        if (log->txns[i].state == TXN_OPEN || markers_pending(&log->txns[i]))
            return false;
    for (int32_t p = 0; p < WORLD_PARTITIONS_MAX; p++) {
        clean_part(log, p);
        for (int t = TOPIC_PERSONS + 1; t < SIMLOG_TOPICS; t++) {
            struct log_part *part = &log->parts[t][p];
            part_done(part);
            *part = (struct log_part){.end = part->end};
        }
    }
    log->n_forgotten = log->n_txns;
    return true;
}
