#include "sandbox_journal.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static void entry_done(struct journal_entry *e)
{
    free(e->method);
    free(e->target);
    free(e->body);
    *e = (struct journal_entry){0};
}

void journal_init(struct journal *j, size_t size)
{
    *j = (struct journal){.ring = xcalloc(size, sizeof *j->ring), .size = size};
}

void journal_clear(struct journal *j)
{
    for (size_t i = 0; i < j->size; i++)
        entry_done(&j->ring[i]);
    j->last = 0;
}

void journal_done(struct journal *j)
{
    journal_clear(j);
    free(j->ring);
    *j = (struct journal){0};
}

/* Who asks for a token may have written his secret into the body. */
static bool holds_secret(const struct miro_request *rq)
{
    return strncmp(rq->target, "/oauth/", 7) == 0;
}

struct journal_entry *journal_add(struct journal *j, const struct miro_request *rq, int64_t arrived_ms)
{
    uint64_t seq = ++j->last;
    struct journal_entry *e = &j->ring[seq % j->size];
    entry_done(e);
    *e = (struct journal_entry){
        .seq = seq,
        .arrived_ms = arrived_ms,
        .method = xstrdup(rq->method),
        .target = xstrdup(rq->target),
        .body_n = rq->body_n,
        .fault = "none",
    };
    if (rq->body_n > 0 && !holds_secret(rq))
        e->body = xstrndup(rq->body, rq->body_n < JOURNAL_BODY_MAX ? rq->body_n : JOURNAL_BODY_MAX);
    return e;
}

struct journal_entry *journal_find(struct journal *j, uint64_t seq)
{
    struct journal_entry *e = &j->ring[seq % j->size];
    return seq > 0 && e->seq == seq ? e : NULL;
}

/* A body that is no UTF-8 would spoil the document. */
static const char *text_or_note(const char *body)
{
    struct buf quoted;
    struct json_out w;
    buf_init(&quoted, 8 * JOURNAL_BODY_MAX);
    json_out_init(&w, &quoted);
    json_put_string(&w, NULL, body);
    bool good = json_check(buf_str(&quoted), NULL);
    buf_done(&quoted);
    return good ? body : "(not UTF-8)";
}

static void put_instant(struct json_out *w, const char *name, int64_t ms)
{
    if (ms)
        json_put_int(w, name, ms);
    else
        json_put_null(w, name);
}

static void put_entry(struct json_out *w, const struct journal_entry *e)
{
    json_open(w, NULL, '{');
    json_put_int(w, "seq", (int64_t)e->seq);
    json_put_int(w, "arrivedAt", e->arrived_ms);
    put_instant(w, "appliedAt", e->applied_ms);
    put_instant(w, "answeredAt", e->answered_ms);
    json_put_bool(w, "late", e->late);
    json_put_string(w, "method", e->method);
    json_put_string(w, "path", text_or_note(e->target));
    json_put_string(w, "body", e->body ? text_or_note(e->body) : NULL);
    json_put_int(w, "bodyBytes", (int64_t)e->body_n);
    json_put_int(w, "status", e->status);
    json_put_string(w, "id", *e->id ? e->id : NULL);
    json_put_string(w, "name", *e->name ? e->name : NULL);
    json_put_string(w, "fault", e->fault);
    json_put_string(w, "class", e->class);
    json_put_bool(w, "over", e->over);
    json_close(w);
}

void journal_put_json(const struct journal *j, uint64_t since, size_t max, struct json_out *w)
{
    uint64_t oldest = j->last > j->size ? j->last - j->size + 1 : 1;
    uint64_t seq = since + 1 > oldest ? since + 1 : oldest;
    json_open(w, NULL, '{');
    json_put_int(w, "last", (int64_t)j->last);
    json_open(w, "entries", '[');
    for (; seq <= j->last && max > 0; seq++, max--)
        put_entry(w, &j->ring[seq % j->size]);
    json_close(w);
    json_put_int(w, "next", (int64_t)(seq - 1));
    json_close(w);
}
