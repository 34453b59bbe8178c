#include "request.h"

#include <assert.h>
#include <stdlib.h>

#include "counters.h"
#include "failpoint.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "normalise.h"
#include "utf8.h"

enum { RETRY_AFTER_S = 2, CHALLENGE_MAX = 1024 };

static const char PREFIX[] = "/hooks/";
static const char NO_SOURCE[] = "none"; /* label of requests that name no source of ours */

struct request {
    struct requests *owner;
    struct exchange *x; /* NULL: gone */
    struct sources *set;
    struct source *src;            /* NULL: unknown */
    struct request *prev, *next;   /* while waiting */
    int64_t begun_ms, deadline_ms; /* monotonic */
    size_t outstanding;            /* events without a report */
    bool waiting, failed, answered;
    unsigned counts[EVENT_TYPES];
};

/* ---- sets of sources ----------------------------------------------------------------------------------- */

static void set_drop(struct requests *r, struct sources *set)
{
    if (set && set != r->set && set->references == 0)
        sources_free(set);
}

void requests_use(struct requests *r, struct sources *set)
{
    struct sources *old = r->set;
    r->set = set;
    set_drop(r, old);
}

void requests_done(struct requests *r)
{
    assert(!r->waiting);
    requests_use(r, NULL);
}

/* ---- answering ----------------------------------------------------------------------------------------- */

static const char *label(const struct request *req)
{
    return req->src ? req->src->name : NO_SOURCE;
}

static void unlist(struct request *req)
{
    struct requests *r = req->owner;
    if (!req->waiting)
        return;
    req->waiting = false;
    if (req->prev)
        req->prev->next = req->next;
    else
        r->waiting = req->next;
    if (req->next)
        req->next->prev = req->prev;
    r->n_waiting--;
    metrics_add(r->metrics, COUNT_IN_FLIGHT, NULL, -1);
}

static void answer(struct request *req, const char *kind, const struct answer *a)
{
    unlist(req);
    if (req->answered || !req->x)
        return;
    req->answered = true;
    metrics_add2(req->owner->metrics, COUNT_REQUESTS, label(req), kind, 1);
    exchange_answer(req->x, a);
}

static void reject(struct request *req, unsigned status, const char *reason)
{
    metrics_add2(req->owner->metrics, COUNT_REJECTED, label(req), reason, 1);
    answer(req, "rejected", &(struct answer){.status = status, .reason = reason});
}

static void unavailable(struct request *req, const char *reason)
{
    answer(req, reason, &(struct answer){.status = 503, .reason = reason, .retry_after_s = RETRY_AFTER_S});
}

static void succeed(struct request *req, const char *kind)
{
    answer(req, kind, &(struct answer){.status = req->src->success_status});
}

/* ---- the head ------------------------------------------------------------------------------------------ */

static struct source *find_source(struct sources *set, struct str path)
{
    size_t n = sizeof PREFIX - 1;
    if (path.n <= n || memcmp(path.p, PREFIX, n) != 0)
        return NULL;
    return sources_find(set, (struct str){path.p + n, path.n - n});
}

static bool media_type_ok(const struct source *src, const struct message *m)
{
    char type[SOURCE_TEXT_MAX];
    size_t count = message_header(m, "content-type", NULL);
    if (count == 0 || src->n_media_types == 0)
        return true;
    message_media_type(m, type, sizeof type);
    for (size_t i = 0; count == 1 && i < src->n_media_types; i++)
        if (strcmp(type, src->media_types[i]) == 0)
            return true;
    return false;
}

static void shake_hands(struct request *req, const struct message *m)
{
    const struct source_handshake *h = &req->src->handshake;
    struct str value = {0};
    struct buf body;
    struct json_out w;
    if (message_header(m, h->header, &value) != 1 || value.n == 0 || value.n > CHALLENGE_MAX ||
        !utf8_printable(value)) {
        reject(req, 400, "bad_handshake");
        return;
    }
    buf_init(&body, CHALLENGE_MAX * 2);
    json_out_init(&w, &body);
    json_open(&w, NULL, '{');
    json_put_str(&w, h->member, value);
    json_close(&w);
    if (buf_ok(&body))
        answer(req, "handshake", &(struct answer){.status = 200, .body = buf_str(&body)});
    else
        reject(req, 400, "bad_handshake");
    buf_done(&body);
}

static void refuse_method(struct request *req)
{
    bool get = req->src->handshake.method[0];
    metrics_add2(req->owner->metrics, COUNT_REJECTED, label(req), "method", 1);
    answer(req, "rejected",
           &(struct answer){.status = 405, .reason = "method", .allow = get ? "GET, POST" : "POST"});
}

static void check_head(struct request *req, const struct message *m)
{
    enum head_fault fault = exchange_fault(req->x);
    if (fault != HEAD_OK)
        reject(req, head_fault_status(fault), head_fault_name(fault));
    else if (!req->src)
        reject(req, 404, "unknown_source");
    else if (str_eq(m->method, str_of(req->src->handshake.method)) && m->method.n > 0)
        shake_hands(req, m);
    else if (!str_eq(m->method, str_of("POST")))
        refuse_method(req);
    else if (exchange_declared(req->x) > req->set->limits.body_bytes)
        reject(req, 413, "body_too_large");
    else if (!media_type_ok(req->src, m))
        reject(req, 415, "media_type");
    else
        exchange_body_max(req->x, (size_t)req->set->limits.body_bytes);
}

static void on_head(void *ctx, struct exchange *x)
{
    struct requests *r = ctx;
    struct request *req = xcalloc(1, sizeof *req);
    *req = (struct request){.owner = r, .x = x, .set = r->set, .begun_ms = clock_mono_ms()};
    req->set->references++;
    req->deadline_ms = req->begun_ms + req->set->deadline_ms;
    req->src = find_source(req->set, exchange_message(x)->path);
    exchange_set_user(x, req);
    check_head(req, exchange_message(x));
}

/* ---- the body ------------------------------------------------------------------------------------------ */

static void wait_for_reports(struct request *req)
{
    struct requests *r = req->owner;
    req->waiting = true;
    req->next = r->waiting;
    if (req->next)
        req->next->prev = req;
    r->waiting = req;
    if (r->n_waiting++ == 0 || req->deadline_ms < r->next_deadline_ms)
        r->next_deadline_ms = req->deadline_ms;
    metrics_add(r->metrics, COUNT_IN_FLIGHT, NULL, 1);
}

static void publish(struct request *req, const struct event_list *list)
{
    struct error err;
    FAILPOINT("ingest.before_publish");
    for (size_t i = 0; i < list->n; i++) {
        const struct event *ev = &list->v[i];
        if (!publisher_send(req->owner->publisher, ev, req->src->spread, req, &err)) {
            if (err.kind == ERROR_INPUT)
                reject(req, 422, "event");
            else
                unavailable(req, "overload");
            return;
        }
        req->outstanding++;
        req->counts[ev->type]++;
    }
    wait_for_reports(req);
}

static unsigned status_of(enum normalise_result result)
{
    switch (result) {
    case NORMALISE_OK:
    case NORMALISE_ENCODING:
    case NORMALISE_DEPTH:
    case NORMALISE_JSON:
        return 400;
    case NORMALISE_TOO_MANY:
        return 413;
    case NORMALISE_SCRIPT:
    case NORMALISE_EVENT:
        break;
    }
    return 422;
}

static void make_events(struct request *req, const struct message *m, struct str delivery)
{
    struct requests *r = req->owner;
    struct event_list list;
    struct error err = {0};
    enum normalise_result result = normalise(req->set, req->src, m, delivery, clock_real_ms(), &list, &err);
    if (result != NORMALISE_OK) {
        if (result == NORMALISE_SCRIPT)
            metrics_add(r->metrics, COUNT_SCRIPT_FAULTS, req->src->name, 1);
        log_warn("request refused", LOG_S("source", req->src->name),
                 LOG_S("reason", normalise_result_name(result)), LOG_ERROR_FIELD(&err));
        reject(req, status_of(result), normalise_result_name(result));
        return;
    }
    if (list.skipped > 0)
        metrics_add(r->metrics, COUNT_SKIPPED, req->src->name, (int64_t)list.skipped);
    if (list.n == 0)
        succeed(req, "ignored");
    else
        publish(req, &list);
    event_list_done(&list);
}

static void on_complete(void *ctx, struct exchange *x)
{
    struct request *req = exchange_user(x);
    const struct message *m = exchange_message(x);
    struct str delivery = {0};
    (void)ctx;
    if (exchange_body(x) == BODY_TOO_LARGE) {
        reject(req, 413, "body_too_large");
        return;
    }
    if (exchange_body(x) == BODY_NO_ROOM) {
        unavailable(req, "overload");
        return;
    }
    enum verify_outcome outcome = verifier_check(req->src->verifier, m, clock_real_ms(), &delivery);
    if (outcome != VERIFY_OK) {
        log_debug("request refused", LOG_S("source", req->src->name),
                  LOG_S("reason", verify_outcome_name(outcome)));
        reject(req, req->src->reject_status, verify_outcome_name(outcome));
        return;
    }
    make_events(req, m, delivery);
}

/* ---- reports and ends ---------------------------------------------------------------------------------- */

static void release(struct request *req)
{
    struct requests *r = req->owner;
    struct sources *set = req->set;
    if (req->x || req->outstanding > 0)
        return;
    unlist(req);
    free(req);
    set->references--;
    set_drop(r, set);
}

static void count_published(const struct request *req)
{
    struct metrics *m = req->owner->metrics;
    for (int type = 0; type < EVENT_TYPES; type++)
        if (req->counts[type] > 0)
            metrics_add2(m, COUNT_EVENTS, req->src->name, event_type_name((enum event_type)type),
                         req->counts[type]);
}

void request_report(void *opaque, bool delivered)
{
    struct request *req = opaque;
    req->failed = req->failed || !delivered;
    if (--req->outstanding > 0)
        return;
    FAILPOINT("ingest.before_answer");
    if (!req->failed)
        count_published(req);
    if (req->failed) {
        unavailable(req, "kafka");
    } else if (!req->answered) {
        metrics_add(req->owner->metrics, COUNT_SECONDS, req->src->name, clock_mono_ms() - req->begun_ms);
        succeed(req, "accepted");
    }
    release(req);
}

static void on_gone(void *ctx, struct exchange *x, enum http_end end)
{
    struct requests *r = ctx;
    struct request *req = exchange_user(x);
    if (end == HTTP_TRUNCATED)
        metrics_add2(r->metrics, COUNT_REJECTED, label(req), "truncated", 1);
    else if (end == HTTP_OVERSIZED)
        metrics_add2(r->metrics, COUNT_REJECTED, label(req), "body_too_large", 1);
    req->x = NULL;
    release(req);
}

struct http_callbacks requests_callbacks(struct requests *r)
{
    return (struct http_callbacks){r, on_head, on_complete, on_gone};
}

/* ---- deadlines ----------------------------------------------------------------------------------------- */

void requests_expire(struct requests *r, int64_t now_ms, bool all)
{
    if (r->n_waiting == 0 || (!all && now_ms < r->next_deadline_ms))
        return;
    r->next_deadline_ms = INT64_MAX;
    for (struct request *req = r->waiting, *next; req; req = next) {
        next = req->next;
        if (all || req->deadline_ms <= now_ms)
            unavailable(req, "deadline");
        else if (req->deadline_ms < r->next_deadline_ms)
            r->next_deadline_ms = req->deadline_ms;
    }
}

int requests_timeout_ms(const struct requests *r, int64_t now_ms)
{
    if (r->n_waiting == 0)
        return -1;
    return r->next_deadline_ms <= now_ms ? 0 : (int)(r->next_deadline_ms - now_ms);
}
