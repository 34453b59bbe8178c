#include "load_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "mem.h"

enum { HEADERS_MAX = 8, ID_MAX = 2 * EVENT_SUBJECT_MAX + 64 };

static void put_header(void *ctx, const char *name, const char *value)
{
    struct topic_message *m = ctx;
    struct event_header *headers = (struct event_header *)(uintptr_t)m->headers;
    headers[m->n_headers++] = (struct event_header){xstrdup(name), xstrdup(value)};
}

static void add_message(struct load_events *e, const struct event *ev, unsigned spread)
{
    struct buf key, value;
    if (e->n == e->size) {
        e->size = e->size ? 2 * e->size : 64;
        e->messages = xreallocarray(e->messages, e->size, sizeof *e->messages);
    }
    struct topic_message *m = &e->messages[e->n++];
    *m = (struct topic_message){
        .topic = KAFKA_EVENTS, .partition = -1, .headers = xcalloc(HEADERS_MAX, sizeof *m->headers)};
    buf_init(&key, EVENT_NAME_MAX + 16);
    event_key(ev, spread, &key);
    buf_init(&value, EVENT_VALUE_MAX);
    event_write_value(ev, &value);
    event_each_header(ev, put_header, m);
    m->key.n = key.n;
    m->key.p = buf_take(&key);
    m->value.n = value.n;
    m->value.p = buf_take(&value);
}

/* what: tells two events about one person of one load apart. */
static void make_id(const struct source_listed *p, const char *what, struct event *ev)
{
    char id[ID_MAX];
    int n = snprintf(id, sizeof id, "%s/%s/%s/%s", ev->delivery_id, p->subject, p->id ? p->id : "", what);
    event_id_make(ev->source, (struct str){id, (size_t)n}, ev->id);
}

static bool add_person(struct load_events *e, const struct asked_source *s, const struct source_listed *p,
                       struct event *ev, struct error *err)
{
    static const struct attrs none;
    make_id(p, "person", ev);
    if (!event_check(ev, err))
        return false;
    add_message(e, ev, s->spread);
    e->left += ev->type == EVENT_LEFT;
    if (ev->type == EVENT_LEFT || (!p->person.suspended && !p->person.not_suspended))
        return true;
    struct event held = *ev;
    held.type = p->person.suspended ? EVENT_SUSPENDED : EVENT_RESUMED;
    held.profile = none;
    held.n_groups = 0;
    held.complete = held.groups_complete = held.has_access_until = false;
    make_id(p, p->person.suspended ? "suspended" : "resumed", &held);
    add_message(e, &held, s->spread);
    return true;
}

void load_events_make(const struct asked_source *source, const struct source_page *page, int64_t began_ms,
                      int64_t asked_ms, load_skip_fn *skip, void *ctx, struct load_events *ret)
{
    struct error err;
    struct load_events e = {0};
    char delivery[48];
    snprintf(delivery, sizeof delivery, "load/%lld", (long long)began_ms);
    for (size_t i = 0; i < page->n; i++) {
        const struct source_listed *p = &page->v[i];
        struct event ev = p->person.words; /* borrows, as do these: */
        ev.tenant = source->cfg->tenant;
        ev.directory = source->cfg->directory;
        ev.source = source->cfg->name;
        ev.subject = p->subject;
        ev.delivery_id = delivery;
        ev.received_at_ms = clock_real_ms();
        ev.occurred_at_ms = p->has_occurred && p->occurred_at_ms < asked_ms ? p->occurred_at_ms : began_ms;
        if (!add_person(&e, source, p, &ev, &err)) {
            e.skipped++;
            skip(ctx, i + 1, &err);
        }
    }
    *ret = e;
}

void load_events_done(struct load_events *e)
{
    for (size_t i = 0; i < e->n; i++) {
        struct topic_message *m = &e->messages[i];
        for (size_t h = 0; h < m->n_headers; h++) {
            free((char *)(uintptr_t)m->headers[h].name);
            free((char *)(uintptr_t)m->headers[h].value);
        }
        free((struct event_header *)(uintptr_t)m->headers);
        free((char *)(uintptr_t)m->key.p);
        free((char *)(uintptr_t)m->value.p);
    }
    free(e->messages);
    *e = (struct load_events){0};
}
