#include "planner_records.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "engine/record.h"
#include "mem.h"
#include "now.h"
#include "topic_reader.h"

enum { PERSONS_MS = 300000 }; /* all of a partition: millions */

/* ---- whom ---------------------------------------------------------------------------------------------- */

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Where key is, or would be. */
static size_t lower_bound(const struct asked_persons *a, struct str key)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare(str_of(a->v[mid]), key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool asked_persons_find(const struct asked_persons *a, struct str key, size_t *ret)
{
    *ret = lower_bound(a, key);
    return *ret < a->n && str_eq(str_of(a->v[*ret]), key);
}

void asked_persons_add(struct asked_persons *a, struct str key)
{
    size_t at;
    if (asked_persons_find(a, key, &at))
        return;
    a->v = xreallocarray(a->v, a->n + 1, sizeof *a->v);
    memmove(&a->v[at + 1], &a->v[at], (a->n - at) * sizeof *a->v);
    a->v[at] = xstrndup(key.p, key.n);
    a->n++;
}

void asked_persons_done(struct asked_persons *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->v[i]);
    free(a->v);
    *a = (struct asked_persons){0};
}

static bool begins(struct str key, const char *prefix)
{
    size_t n = strlen(prefix);
    return key.n > n && memcmp(key.p, prefix, n) == 0;
}

/* ---- a sample ------------------------------------------------------------------------------------------ */

struct drawn {
    uint64_t hash;
    char *key;
};

struct draw { /* a heap, the largest hash on top; room for twice as many, since some of them may be gone */
    const char *prefix;
    struct drawn *v;
    size_t n, max;
    struct asked_persons gone;
};

static void sink(struct draw *d, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < d->n; at = child) {
        if (child + 1 < d->n && d->v[child + 1].hash > d->v[child].hash)
            child++;
        if (d->v[at].hash >= d->v[child].hash)
            return;
        struct drawn swapped = d->v[at];
        d->v[at] = d->v[child];
        d->v[child] = swapped;
    }
}

static void rise(struct draw *d)
{
    for (size_t at = d->n - 1; at > 0 && d->v[(at - 1) / 2].hash < d->v[at].hash; at = (at - 1) / 2) {
        struct drawn swapped = d->v[at];
        d->v[at] = d->v[(at - 1) / 2];
        d->v[(at - 1) / 2] = swapped;
    }
}

static bool is_drawn(const struct draw *d, uint64_t hash, struct str key)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i].hash == hash && str_eq(str_of(d->v[i].key), key))
            return true;
    return false;
}

static void consider(struct draw *d, struct str key)
{
    uint64_t hash = digest_hash64(key.p, key.n);
    bool full = d->n == d->max;
    if ((full && hash >= d->v[0].hash) || is_drawn(d, hash, key))
        return;
    if (full) {
        free(d->v[0].key);
        d->v[0] = (struct drawn){hash, xstrndup(key.p, key.n)};
        sink(d, 0);
        return;
    }
    d->v[d->n++] = (struct drawn){hash, xstrndup(key.p, key.n)};
    rise(d);
}

/* A tombstone's person is drawn no more, unless a later record says otherwise. */
static void draw_record(void *ctx, const struct topic_record *record)
{
    struct draw *d = ctx;
    size_t at;
    if (!begins(record->key, d->prefix))
        return;
    if (!record->value.p) {
        asked_persons_add(&d->gone, record->key);
        return;
    }
    if (asked_persons_find(&d->gone, record->key, &at)) {
        free(d->gone.v[at]);
        memmove(&d->gone.v[at], &d->gone.v[at + 1], (--d->gone.n - at) * sizeof *d->gone.v);
    }
    consider(d, record->key);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct drawn *)a)->hash, y = ((const struct drawn *)b)->hash;
    return (x > y) - (x < y);
}

bool planner_records_sample(const struct config *cfg, int32_t partition, const char *prefix, size_t n,
                            struct asked_persons *ret, struct error *err)
{
    struct draw d = {.prefix = prefix, .v = xcalloc(2 * n, sizeof *d.v), .max = 2 * n};
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(cfg, KAFKA_PERSONS, &reader, err);
    if (ok) {
        topic_reader_only(reader, partition);
        ok = topic_reader_read_all(reader, PERSONS_MS, draw_record, &d, err);
    }
    topic_reader_free(reader);
    qsort(d.v, d.n, sizeof *d.v, by_hash);
    for (size_t i = 0, at; i < d.n; i++) {
        if (ok && ret->n < n && !asked_persons_find(&d.gone, str_of(d.v[i].key), &at))
            asked_persons_add(ret, str_of(d.v[i].key));
        free(d.v[i].key);
    }
    free(d.v);
    asked_persons_done(&d.gone);
    return ok;
}

/* ---- the restore --------------------------------------------------------------------------------------- */

struct restoring {
    const struct planner_restore *r;
    struct error failure; /* kind NONE: none */
};

static bool is_guard(struct str key)
{
    return begins(key, WARD_KEY_PREFIX);
}

/* Only the records of those asked about are of interest; of others that somebody has an active account. */
static bool restore_record(const struct planner_restore *r, const struct topic_record *record,
                           struct error *err)
{
    struct record_header headers[TOPIC_HEADERS_MAX];
    size_t at;
    bool whole = asked_persons_find(r->persons, record->key, &at) || is_guard(record->key);
    if (!whole && !begins(record->key, r->prefix))
        return true;
    for (size_t i = 0; i < record->n_headers; i++)
        headers[i] = (struct record_header){record->headers[i].name, record->headers[i].value};
    if (whole)
        return engine_restore_record(r->engine, r->partition, record->key, record->value, headers,
                                     record->n_headers, err);
    struct record_state state;
    char text[RECORD_STATE_SIZE];
    record_state_read(headers, record->n_headers, &state);
    record_state_format(&(struct record_state){.flags = state.flags & RECORD_ACTIVE}, text);
    const struct record_header counted = {RECORD_STATE, text};
    return engine_restore_record(r->engine, r->partition, record->key, record->value, &counted, 1, err);
}

static void take_record(void *ctx, const struct topic_record *record)
{
    struct restoring *now = ctx;
    struct error err = {0};
    if (now->failure.kind == ERROR_NONE && !restore_record(now->r, record, &err))
        now->failure = err;
}

static bool end(const struct planner_restore *r, struct error *err)
{
    const struct partition_record own = {.partition = r->partition,
                                         .partitions = r->partitions,
                                         .slot = "plan",
                                         .offset = r->offset,
                                         .swept = r->generation};
    struct buf value;
    buf_init(&value, 1024);
    partition_record_write(&own, &value);
    bool ok = engine_restore_record(r->engine, r->partition, str_of(RECORD_PARTITION_KEY), buf_str(&value),
                                    NULL, 0, err);
    buf_done(&value);
    return ok && engine_restore_end(r->engine, r->partition, r->offset, now_read(), err);
}

bool planner_records_restore(const struct planner_restore *r, struct error *err)
{
    struct restoring now = {.r = r};
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(r->cfg, KAFKA_PERSONS, &reader, err);
    if (ok) {
        engine_restore_begin(r->engine, r->partition);
        topic_reader_only(reader, r->partition);
        ok = topic_reader_read_all(reader, PERSONS_MS, take_record, &now, err);
    }
    topic_reader_free(reader);
    if (ok && now.failure.kind != ERROR_NONE) {
        *err = now.failure;
        return false;
    }
    return ok && end(r, err);
}
