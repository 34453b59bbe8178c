#include "cli_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "asked_sources.h"
#include "cli.h"
#include "failpoint.h"
#include "load_events.h"
#include "load_pages.h"
#include "mem.h"
#include "topic_reader.h"
#include "topic_writer.h"

struct load {
    const struct config *cfg;
    struct asked_sources *sources;
    const struct asked_source *source;
    struct control_state state; /* how far it is; cursor is ours, the rest borrowed */
    char *mark;                 /* a cursor that was met: coming back to it is a circle */
    int64_t
        mark_at; /* page at which the next one is marked; doubles, so that circles of any length are met */
    struct load_pages *pages;
    struct topic_writer *writer;
};

/* ---- where it stands ----------------------------------------------------------------------------------- */

static void note_state(void *ctx, const struct topic_record *record)
{
    struct control_change change;
    struct error err;
    if (!control_take(ctx, record->key, record->value, &change, &err))
        return; /* nor does a worker obey it */
}

static void adopt_state(void *ctx, const struct control_state *s)
{
    struct load *l = ctx;
    if (s->kind != CONTROL_LOAD || strcmp(s->source, l->state.source) != 0 || s->done)
        return;
    l->state.time_ms = s->time_ms;
    l->state.cursor = xstrdup_null(s->cursor);
    l->state.pages = s->pages;
    l->state.people = s->people;
    l->state.left = s->left;
    l->state.skipped = s->skipped;
}

/* An unfinished load of this source goes on. */
static bool find_state(struct load *l, struct error *err)
{
    struct topic_reader *reader = NULL;
    struct control control;
    control_init(&control);
    bool ok = topic_reader_new(l->cfg, KAFKA_CONTROL, &reader, err) &&
              topic_reader_read_all(reader, CLI_KAFKA_MS, note_state, &control, err);
    if (ok)
        control_each(&control, adopt_state, l);
    topic_reader_free(reader);
    control_done(&control);
    return ok;
}

static bool write_state(struct load *l, struct error *err)
{
    struct buf value;
    char *key = xasprintf("%s/%s", control_kind_name(CONTROL_LOAD), l->state.source);
    buf_init(&value, CONTROL_VALUE_MAX);
    control_state_write(&l->state, &value);
    const struct topic_message m = {
        .topic = KAFKA_CONTROL, .partition = -1, .key = str_of(key), .value = buf_str(&value)};
    bool ok = topic_writer_send(l->writer, &m, err);
    buf_done(&value);
    free(key);
    return ok;
}

/* ---- page by page -------------------------------------------------------------------------------------- */

/* One person whom no event can describe keeps nobody else out. */
static void tell_skipped(void *ctx, size_t place, const struct error *why)
{
    const struct load *l = ctx;
    fprintf(stderr, "rollcall-worker: page %" PRId64 ", people[%zu]: %s: passed over\n", l->state.pages + 1,
            place, why->message);
}

/* Events first, then how far it is: in between a crash repeats a page. */
static bool publish(struct load *l, const struct source_page *page, int64_t asked_ms, struct error *err)
{
    struct load_events events;
    load_events_make(l->source, page, l->state.time_ms, asked_ms, tell_skipped, l, &events);
    bool ok = topic_writer_send_all(l->writer, events.messages, events.n, err);
    l->state.people += (int64_t)page->n;
    l->state.left += (int64_t)events.left;
    l->state.skipped += (int64_t)events.skipped;
    load_events_done(&events);
    return ok;
}

static bool goes_in_a_circle(struct load *l, const char *next)
{
    bool met = next && l->mark && strcmp(next, l->mark) == 0;
    if (l->state.pages >= l->mark_at) {
        free(l->mark);
        l->mark = xstrdup_null(l->state.cursor);
        l->mark_at = 2 * l->state.pages + 1;
    }
    return met || (next && l->state.cursor && strcmp(next, l->state.cursor) == 0);
}

static bool advance(struct load *l, struct source_page *page, struct error *err)
{
    if (goes_in_a_circle(l, page->cursor))
        return error_set(err, ERROR_INPUT,
                         "page: gives a cursor that it was asked with: the load would not end");
    free(l->state.cursor);
    l->state.cursor = page->cursor;
    page->cursor = NULL;
    l->state.pages++;
    l->state.done = !l->state.cursor;
    return write_state(l, err);
}

static bool load_page(struct load *l, struct error *err)
{
    struct source_page page;
    int64_t asked_ms;
    if (!load_pages_get(l->pages, l->state.cursor, &page, &asked_ms, err))
        return false;
    bool ok = publish(l, &page, asked_ms, err);
    FAILPOINT("page-published");
    ok = ok && advance(l, &page, err);
    if (ok)
        printf("page %" PRId64 ": %" PRId64 " people so far, %" PRId64 " of them have left\n", l->state.pages,
               l->state.people, l->state.left);
    fflush(stdout);
    source_page_done(&page);
    return ok;
}

static void tell_end(const struct load *l)
{
    printf("%s: %" PRId64 " people on %" PRId64 " pages, %" PRId64 " of them have left\n", l->state.source,
           l->state.people, l->state.pages, l->state.left);
    if (l->state.skipped > 0)
        printf("%" PRId64 " of them were passed over: mend them at the source, then load with --restart\n",
               l->state.skipped);
    printf("whoever is known here and not listed there stays as he is: only an event removes anybody\n");
}

/* ---- the command --------------------------------------------------------------------------------------- */

static bool open_source(struct load *l, struct error *err)
{
    if (!asked_sources_load(l->cfg, &l->sources, err))
        return false;
    l->source = asked_sources_find(l->sources, l->state.source);
    if (!l->source)
        return error_set(err, ERROR_INPUT, "source %s: no api.token, so it cannot be asked", l->state.source);
    return l->source->api.lists ||
           error_set(err, ERROR_INPUT, "source %s: its file has no list", l->state.source);
}

static bool run(struct load *l, bool restart, struct error *err)
{
    if (!open_source(l, err) || (!restart && !find_state(l, err)) ||
        !topic_writer_new(l->cfg, CLI_KAFKA_MS, &l->writer, err) ||
        !load_pages_new(l->source, &l->pages, err))
        return false;
    if (l->state.pages > 0)
        printf("goes on after page %" PRId64 "\n", l->state.pages);
    while (!l->state.done)
        if (!load_page(l, err))
            return false;
    tell_end(l);
    return true;
}

/* The source's own no is no fault of the configuration: nothing here has to be changed. */
static int exit_code(const struct error *err)
{
    return err->kind == ERROR_PERMANENT ? EX_UNAVAILABLE : cli_exit_code(err);
}

int load_run(const struct config *cfg, const struct control_state *state, bool restart)
{
    struct load l = {.cfg = cfg, .state = *state};
    struct error err = {0};
    bool ok = failpoint_init(&err) && run(&l, restart, &err);
    if (!ok) {
        fprintf(stderr, "rollcall-worker: %s\n", err.message);
        if (l.state.pages > 0)
            fprintf(stderr, "the same command goes on after page %" PRId64 "; with --restart at the first\n",
                    l.state.pages);
    }
    load_pages_free(l.pages);
    topic_writer_free(l.writer);
    asked_sources_free(l.sources);
    free(l.state.cursor);
    free(l.mark);
    if (!ok)
        return exit_code(&err);
    return l.state.skipped > 0 ? EX_DATAERR : EX_OK;
}
