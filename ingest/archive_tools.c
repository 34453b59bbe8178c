#include "archive_tools.h"

#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "digest.h"
#include "loop.h"
#include "mem.h"
#include "mention.h"
#include "normalise.h"
#include "publisher.h"
#include "rfc3339.h"
#include "topic_reader.h"

enum { READ_MS = 10 * 60 * 1000, SEND_MS = 60 * 1000, PAUSE_MS = 5, ID = ARCHIVE_ID_SIZE - 1 };

/* Ids that were seen: open addressing, 0 is free. A body that went to Kafka directly and by way of the spool stands in
 * the topic twice until it is compacted. */
struct id_set {
    uint64_t *v;
    size_t n, size;
};

struct tool {
    const struct config *cfg;
    struct archive *archive;
    struct sources *set;
    struct publisher *publisher;
    FILE *out;
    char (*erased)[ID]; /* ids, sorted */
    size_t n_erased, size_erased;
    struct id_set ids;
    size_t undelivered;
    bool failed;
    struct error err; /* of the record that could not be dealt with */
    void (*each)(struct tool *t, struct str id, const struct archived *clear, struct archived_request *r);
    const struct replay *replay;
    char *tenant, *directory, *subject; /* of the person to be erased */
    size_t seen, done, events, refused, unreadable, unparsed;
};

static bool fail(struct tool *t, const struct error *err)
{
    if (!t->failed)
        t->err = *err;
    t->failed = true;
    return false;
}

/* ---- publishing ---------------------------------------------------------------------------------------- */

static void on_report(void *opaque, enum publisher_outcome outcome)
{
    struct tool *t = opaque;
    t->undelivered += outcome != PUBLISHER_DELIVERED;
}

/* Sends again while the queue is full. */
static bool insist(struct tool *t, bool (*send)(struct tool *t, const void *what, struct error *err),
                   const void *what)
{
    struct error err = {0};
    int64_t end = clock_mono_ms() + SEND_MS;
    while (!send(t, what, &err)) {
        if (err.kind != ERROR_TEMPORARY || clock_mono_ms() > end)
            return fail(t, &err);
        publisher_poll(t->publisher);
    }
    return true;
}

static bool send_event(struct tool *t, const void *what, struct error *err)
{
    const struct event *ev = what;
    const struct source *src = sources_find(t->set, str_of(ev->source));
    return publisher_send(t->publisher, ev, src->spread, t, err);
}

static bool send_tombstone(struct tool *t, const void *what, struct error *err)
{
    const struct str *id = what;
    return publisher_send_record(t->publisher, PUBLISHER_RAW, &(struct record){.key = *id}, t, err);
}

static bool await_reports(struct tool *t, struct error *err)
{
    struct loop *pause = NULL;
    int64_t end = clock_mono_ms() + SEND_MS;
    if (!loop_new(&pause, err))
        return false;
    while (publisher_in_flight(t->publisher) > 0 && clock_mono_ms() < end) {
        publisher_poll(t->publisher);
        loop_wait(pause, PAUSE_MS);
    }
    loop_free(pause);
    if (publisher_in_flight(t->publisher) == 0 && t->undelivered == 0)
        return true;
    return error_set(err, ERROR_TEMPORARY, "Kafka has not acknowledged everything; run it again");
}

/* ---- reading the topic --------------------------------------------------------------------------------- */

static bool insert(uint64_t *v, size_t size, uint64_t id)
{
    size_t at = id & (size - 1);
    while (v[at] && v[at] != id)
        at = (at + 1) & (size - 1);
    bool fresh = !v[at];
    v[at] = id;
    return fresh;
}

static void grow(struct id_set *s)
{
    size_t size = s->size ? s->size * 2 : 1024;
    uint64_t *v = xcalloc(size, sizeof *v);
    for (size_t i = 0; i < s->size; i++)
        if (s->v[i])
            insert(v, size, s->v[i]);
    free(s->v);
    s->v = v;
    s->size = size;
}

/* false: it is in there already. */
static bool id_set_add(struct id_set *s, struct str id)
{
    uint64_t hash = digest_hash64(id.p, id.n) | 1;
    if (s->n * 2 >= s->size)
        grow(s);
    bool fresh = insert(s->v, s->size, hash);
    s->n += fresh;
    return fresh;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ID);
}

static void note_tombstone(void *ctx, const struct topic_record *record)
{
    struct tool *t = ctx;
    if (record->value.p || record->key.n != ID)
        return;
    if (t->n_erased == t->size_erased) {
        t->size_erased = t->size_erased ? t->size_erased * 2 : 64;
        t->erased = xreallocarray(t->erased, t->size_erased, sizeof *t->erased);
    }
    memcpy(t->erased[t->n_erased++], record->key.p, ID);
}

static void take_record(void *ctx, const struct topic_record *record)
{
    struct tool *t = ctx;
    struct archived clear;
    struct archived_request r;
    struct error err = {0};
    if (t->failed || !record->value.p || record->key.n != ID || !archive_peek(record->value, &clear))
        return;
    if (t->n_erased > 0 && bsearch(record->key.p, t->erased, t->n_erased, ID, compare_ids))
        return;
    if (t->replay &&
        (strcmp(clear.source, t->replay->source) != 0 || clear.received_at_ms < t->replay->since_ms ||
         clear.received_at_ms >= t->replay->until_ms))
        return;
    if (!id_set_add(&t->ids, record->key))
        return;
    t->seen++;
    if (!archive_open(t->archive, record->key, record->value, &r, &err)) {
        t->unreadable++;
        fprintf(t->out, "%.*s: %s\n", ID, record->key.p, err.message);
        return;
    }
    t->each(t, record->key, &clear, &r);
    archived_done(&r);
    publisher_poll(t->publisher);
}

static bool read_topic(struct tool *t, topic_record_fn *fn, struct error *err)
{
    struct topic_reader *reader;
    if (!topic_reader_new(t->cfg, KAFKA_RAW, &reader, err))
        return false;
    bool ok = topic_reader_read_all(reader, READ_MS, fn, t, err);
    topic_reader_free(reader);
    return ok;
}

static bool run(struct tool *t, struct error *err)
{
    if (!archive_new(t->cfg, &t->archive, err))
        return false;
    if (!t->archive)
        return error_set(err, ERROR_INPUT, "the configuration has no archive (ingest.archive.keys)");
    if (!sources_load(t->cfg, &t->set, err) ||
        !publisher_new(t->cfg, PUBLISHER_PATIENT, on_report, NULL, &t->publisher, err))
        return false;
    if (t->replay && !sources_find(t->set, str_of(t->replay->source)))
        return error_set(err, ERROR_INPUT, "no source is called %s", t->replay->source);
    if (!read_topic(t, note_tombstone, err))
        return false;
    if (t->n_erased > 0)
        qsort(t->erased, t->n_erased, ID, compare_ids);
    if (!read_topic(t, take_record, err) || !await_reports(t, err))
        return false;
    if (t->failed)
        *err = t->err;
    return !t->failed;
}

static void tool_done(struct tool *t)
{
    publisher_free(t->publisher);
    sources_free(t->set);
    archive_free(t->archive);
    free(t->erased);
    free(t->ids.v);
    free(t->tenant);
}

/* ---- replay -------------------------------------------------------------------------------------------- */

/* From the old id and what the event says now, so that doing it twice is doing it once. */
static void rename_event(struct event *ev)
{
    char hash[SHA256_HEX_SIZE];
    struct buf text;
    buf_init(&text, EVENT_VALUE_MAX + EVENT_ID_SIZE + 16);
    memcpy(ev->replay_of, ev->id, sizeof ev->replay_of);
    ev->occurred_at_ms++;
    event_write_value(ev, &text);
    digest_sha256_hex(text.p, text.n, hash);
    buf_clear(&text);
    buf_addf(&text, "replay/%s/%s", ev->replay_of, hash);
    event_id_make(ev->source, buf_str(&text), ev->id);
    buf_done(&text);
}

static void replay_one(struct tool *t, struct str id, const struct archived *clear,
                       struct archived_request *r)
{
    struct event_list list;
    struct error err = {0};
    char at[RFC3339_SIZE];
    struct source *src = sources_find(t->set, str_of(clear->source));
    enum normalise_result result =
        normalise(t->set, src, &r->message, &r->verified, clear->received_at_ms, &list, &err);
    rfc3339_format(clear->received_at_ms, at);
    if (result == NORMALISE_OK && list.unproved)
        error_set(&err, ERROR_INPUT, "no item carries a secret that is configured now");
    if (result != NORMALISE_OK || list.unproved) {
        t->refused++;
        fprintf(t->out, "%.*s %s: %s: %s\n", ID, id.p, at, normalise_result_name(result), err.message);
        return;
    }
    for (size_t i = 0; i < list.n && !t->failed; i++) {
        if (list.v[i].unreadable) {
            fprintf(t->out, "%.*s %s: item %zu: %s\n", ID, id.p, at, list.v[i].unreadable_item,
                    list.v[i].unreadable);
            continue;
        }
        rename_event(&list.v[i]);
        if (!t->replay->dry_run)
            insist(t, send_event, &list.v[i]);
    }
    t->done++;
    t->events += list.n - list.n_bad;
    t->refused += list.n_bad;
    fprintf(t->out, "%.*s %s: %zu events\n", ID, id.p, at, list.n - list.n_bad);
    event_list_done(&list);
}

bool archive_replay(const struct config *cfg, const struct replay *what, FILE *out, struct error *err)
{
    struct tool t = {.cfg = cfg, .out = out, .replay = what, .each = replay_one};
    bool ok = run(&t, err);
    if (ok)
        fprintf(out, "%s: %zu bodies, %zu events %s; %zu refused by the source's file, %zu unreadable\n",
                what->source, t.seen, t.events, what->dry_run ? "would be published" : "published", t.refused,
                t.unreadable);
    tool_done(&t);
    return ok;
}

/* ---- erasing ------------------------------------------------------------------------------------------- */

/* An event may name a person in other words than the body: a part of a path, a parameter. */
static bool has_event_of_person(struct tool *t, struct source *src, const struct archived *clear,
                                struct archived_request *r)
{
    struct event_list list;
    struct error err;
    bool found = false;
    if (!src ||
        normalise(t->set, src, &r->message, &r->verified, clear->received_at_ms, &list, &err) != NORMALISE_OK)
        return false;
    for (size_t i = 0; i < list.n; i++)
        found = found || (list.v[i].subject && strcmp(list.v[i].subject, t->subject) == 0);
    event_list_done(&list);
    return found;
}

/* Whom such a body names is for a person to find out. */
static void tell_unparsed(struct tool *t, struct str id, const struct archived *clear)
{
    char at[RFC3339_SIZE];
    t->unparsed++;
    rfc3339_format(clear->received_at_ms, at);
    fprintf(t->out, "%.*s %s %s: stays, it cannot be parsed\n", ID, id.p, at, clear->source);
}

/* A source that is no longer configured may have been anybody's. */
static void erase_one(struct tool *t, struct str id, const struct archived *clear, struct archived_request *r)
{
    struct source *src = sources_find(t->set, str_of(clear->source));
    if (src && (strcmp(src->tenant, t->tenant) != 0 || strcmp(src->directory, t->directory) != 0))
        return;
    enum mention mention = mention_of(src, r, t->subject);
    if (mention != MENTION_FOUND && has_event_of_person(t, src, clear, r))
        mention = MENTION_FOUND;
    if (mention == MENTION_FOUND && insist(t, send_tombstone, &id))
        t->done++;
    if (mention == MENTION_UNREADABLE)
        tell_unparsed(t, id, clear);
}

bool archive_erase(const struct config *cfg, const char *person, FILE *out, struct error *err)
{
    struct tool t = {.cfg = cfg, .out = out, .each = erase_one, .tenant = xstrdup(person)};
    t.directory = strchr(t.tenant, '/');
    t.subject = t.directory ? strchr(t.directory + 1, '/') : NULL;
    if (!t.subject || !t.subject[1]) {
        free(t.tenant);
        return error_set(err, ERROR_INPUT, "not a person: wanted is tenant/directory/subject");
    }
    *t.directory++ = *t.subject++ = '\0';
    bool ok = run(&t, err);
    if (ok)
        fprintf(
            out,
            "%zu of %zu bodies name the person and are erased, %zu cannot be parsed, %zu are unreadable\n",
            t.done, t.seen, t.unparsed, t.unreadable);
    tool_done(&t);
    return ok;
}
