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

/* In the place of a source's name: no body, but whom an earlier run has erased. */
static const char MARK[] = ".erased"; /* which is no name of a source */

enum {
    READ_MS = 10 * 60 * 1000,
    SEND_MS = 60 * 1000,
    PAUSE_MS = 5,
    ID = ARCHIVE_ID_SIZE - 1,
    MARK_MAX = 4096
};

/* Ids that were seen: open addressing, 0 is free. A body that went to Kafka directly and by way of the spool stands in
 * the topic twice until it is compacted. */
struct id_set {
    uint64_t *v;
    size_t n, size;
};

/* Bodies that name the person and were received before are not used any more. */
struct erased_person {
    char *tenant, *directory, *subject; /* in one piece, the tenant's */
    int64_t before_ms;
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
    const char *mark;              /* of whom a mark is to be left; NULL: of nobody */
    struct erased_person *persons; /* the one to be erased now, and those of all marks */
    size_t n_persons;
    size_t seen, done, events, refused, unreadable, unparsed, erased_late;
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

/* So that what comes later out of a spool is known to be erased; sealed as bodies are, and gone with their retention. */
static bool send_mark(struct tool *t, const void *what, struct error *err)
{
    const struct source src = {.name = (char *)(uintptr_t)MARK};
    const struct message m = {.method = str_of("POST"), .path = str_of("/"), .body = str_of(what)};
    const struct verified nobody = {0};
    struct buf out;
    struct record record;
    buf_init(&out, MARK_MAX);
    bool ok = (archive_seal(t->archive, &src, &m, &nobody, t->persons[0].before_ms, &out, &record) ||
               error_set(err, ERROR_INPUT, "the person's name is too long")) &&
              publisher_send_record(t->publisher, PUBLISHER_RAW, &record, t, err);
    buf_done(&out);
    return ok;
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

/* "tenant/directory/subject" */
static bool add_person(struct tool *t, struct str name, int64_t before_ms)
{
    struct erased_person p = {.tenant = xstrndup(name.p, name.n), .before_ms = before_ms};
    p.directory = strchr(p.tenant, '/');
    p.subject = p.directory ? strchr(p.directory + 1, '/') : NULL;
    if (!p.subject || !p.subject[1]) {
        free(p.tenant);
        return false;
    }
    *p.directory++ = *p.subject++ = '\0';
    t->persons = xreallocarray(t->persons, t->n_persons + 1, sizeof *t->persons);
    t->persons[t->n_persons++] = p;
    return true;
}

static void note_mark(struct tool *t, const struct topic_record *record)
{
    struct archived clear;
    struct archived_request r;
    struct error err;
    if (record->key.n != ID || !archive_peek(record->value, &clear) || strcmp(clear.source, MARK) != 0)
        return;
    if (archive_open(t->archive, record->key, record->value, &r, &err)) {
        (void)add_person(t, r.message.body, clear.received_at_ms);
        archived_done(&r);
    } else {
        t->unreadable++;
        fprintf(t->out, "%.*s: who was erased: %s\n", ID, record->key.p, err.message);
    }
}

static void note_erased(void *ctx, const struct topic_record *record)
{
    struct tool *t = ctx;
    if (record->value.p)
        note_mark(t, record);
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
    if (t->failed || !record->value.p || record->key.n != ID || !archive_peek(record->value, &clear) ||
        strcmp(clear.source, MARK) == 0)
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
    if (t->mark && !insist(t, send_mark, t->mark)) {
        *err = t->err;
        return false;
    }
    if (!read_topic(t, note_erased, err))
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
    for (size_t i = 0; i < t->n_persons; i++)
        free(t->persons[i].tenant);
    free(t->persons);
}

/* ---- persons ------------------------------------------------------------------------------------------- */

/* An event may name a person in other words than the body: a part of a path, a parameter. */
static bool has_event_of(struct tool *t, const struct erased_person *p, struct source *src,
                         const struct archived *clear, struct archived_request *r)
{
    struct event_list list;
    struct error err;
    bool found = false;
    if (!src ||
        normalise(t->set, src, &r->message, &r->verified, clear->received_at_ms, &list, &err) != NORMALISE_OK)
        return false;
    for (size_t i = 0; i < list.n; i++)
        found = found || (list.v[i].subject && strcmp(list.v[i].subject, p->subject) == 0);
    event_list_done(&list);
    return found;
}

/* A source that is no longer configured may have been anybody's. */
static enum mention names(struct tool *t, const struct erased_person *p, const struct archived *clear,
                          struct archived_request *r)
{
    struct source *src = sources_find(t->set, str_of(clear->source));
    if (src && (strcmp(src->tenant, p->tenant) != 0 || strcmp(src->directory, p->directory) != 0))
        return MENTION_NONE;
    enum mention mention = mention_of(src, r, p->subject);
    return mention != MENTION_FOUND && has_event_of(t, p, src, clear, r) ? MENTION_FOUND : mention;
}

static bool names_erased(struct tool *t, const struct archived *clear, struct archived_request *r)
{
    for (size_t i = 0; i < t->n_persons; i++)
        if (clear->received_at_ms < t->persons[i].before_ms &&
            names(t, &t->persons[i], clear, r) == MENTION_FOUND)
            return true;
    return false;
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
    if (names_erased(t, clear, r)) {
        t->erased_late++;
        return;
    }
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
        fprintf(out,
                "%s: %zu bodies, %zu events %s; %zu refused by the source's file, %zu name somebody who was "
                "erased, "
                "%zu unreadable\n",
                what->source, t.seen, t.events, what->dry_run ? "would be published" : "published", t.refused,
                t.erased_late, t.unreadable);
    tool_done(&t);
    return ok;
}

/* ---- erasing ------------------------------------------------------------------------------------------- */

/* Whom such a body names is for a person to find out. */
static void tell_unparsed(struct tool *t, struct str id, const struct archived *clear)
{
    char at[RFC3339_SIZE];
    t->unparsed++;
    rfc3339_format(clear->received_at_ms, at);
    fprintf(t->out, "%.*s %s %s: stays, it cannot be parsed\n", ID, id.p, at, clear->source);
}

/* Also what names somebody whom an earlier run has erased: it was on its way then, in a spool. */
static void erase_one(struct tool *t, struct str id, const struct archived *clear, struct archived_request *r)
{
    enum mention mention = names(t, &t->persons[0], clear, r);
    bool late = mention != MENTION_FOUND && names_erased(t, clear, r);
    if ((late || mention == MENTION_FOUND) && insist(t, send_tombstone, &id))
        t->done++;
    else if (mention == MENTION_UNREADABLE)
        tell_unparsed(t, id, clear);
}

bool archive_erase(const struct config *cfg, const char *person, FILE *out, struct error *err)
{
    struct tool t = {.cfg = cfg, .out = out, .each = erase_one, .mark = person};
    if (!add_person(&t, str_of(person), clock_real_ms()))
        return error_set(err, ERROR_INPUT, "not a person: wanted is tenant/directory/subject");
    bool ok = run(&t, err);
    if (ok)
        fprintf(
            out,
            "%zu of %zu bodies name the person (or one erased before) and are erased, %zu cannot be parsed, "
            "%zu are unreadable;\nbodies that still lie in a spool come later and are never replayed: they "
            "go "
            "with the next erase, or with the retention\n",
            t.done, t.seen, t.unparsed, t.unreadable);
    tool_done(&t);
    return ok;
}
