#include "request_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "counters.h"
#include "failpoint.h"
#include "handshake.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "normalise.h"

enum { RAW_OVERHEAD = 128 * 1024, RETRY_AFTER_S = 2, RETRY_SPOOL_S = 30, RETRY_KEY_S = 60 };

static const char PREFIX[] = "/hooks/";
static const char NO_SOURCE[] = "none"; /* label of requests that name no source of ours */

/* ---- sets of sources ----------------------------------------------------------------------------------- */

void requests_drop_set(struct requests *r, struct sources *set)
{
    if (set && set != r->set && set->references == 0)
        sources_free(set);
}

void requests_use(struct requests *r, struct sources *set)
{
    struct sources *old = r->set;
    r->set = set;
    requests_drop_set(r, old);
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

void request_answer(struct request *req, const char *kind, const struct answer *a)
{
    request_unlist(req);
    if (req->answered || !req->x)
        return;
    req->answered = true;
    request_leave_load(req);
    request_drop_records(req);
    metrics_add2(req->owner->metrics, COUNT_REQUESTS, label(req), kind, 1);
    exchange_answer(req->x, a);
}

void request_reject(struct request *req, unsigned status, const char *reason)
{
    metrics_add2(req->owner->metrics, COUNT_REJECTED, label(req), reason, 1);
    request_answer(req, "rejected", &(struct answer){.status = status, .reason = reason});
}

static void unavailable_for(struct request *req, const char *reason, unsigned after_s)
{
    request_answer(req, reason, &(struct answer){.status = 503, .reason = reason, .retry_after_s = after_s});
}

void request_unavailable(struct request *req, const char *reason)
{
    unavailable_for(req, reason,
                    strcmp(reason, "spool") == 0 ? RETRY_SPOOL_S : RETRY_AFTER_S); /* disks heal slowly */
}

void request_succeed(struct request *req, const char *kind)
{
    request_answer(req, kind,
                   &(struct answer){.status = req->src->success_status,
                                    .body = str_of(req->reply),
                                    .type = req->src->reply_type[0] ? req->src->reply_type : NULL});
}

/* As reject, in the words of a sender that has its own. */
static void refuse(struct request *req, unsigned status, const char *word, const char *reason)
{
    const struct source_refusal *refusal = &req->src->refusal;
    struct buf body;
    struct json_out w;
    if (!refusal->member[0] || status < 400) {
        metrics_add2(req->owner->metrics, COUNT_REJECTED, label(req), reason, 1);
        request_answer(req, "rejected",
                       &(struct answer){.status = status, .reason = status < 400 ? NULL : reason});
        return;
    }
    buf_init(&body, 512);
    json_out_init(&w, &body);
    json_open(&w, NULL, '{');
    json_put_string(&w, refusal->member, word[0] ? word : refusal->other);
    json_put_string(&w, "description", reason);
    json_close(&w);
    metrics_add2(req->owner->metrics, COUNT_REJECTED, label(req), reason, 1);
    request_answer(req, "rejected", &(struct answer){.status = status, .body = buf_str(&body)});
    buf_done(&body);
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

/* True: the request was a handshake and has its answer. */
static bool shake_hands(struct request *req, const struct message *m)
{
    struct buf body;
    struct answer a;
    buf_init(&body, HANDSHAKE_BODY_MAX);
    enum handshake_result result = handshake_head(req->src, m, &body, &a);
    if (result == HANDSHAKE_OK)
        request_answer(req, "handshake", &a);
    else if (result != HANDSHAKE_NONE)
        request_reject(req, 400, "bad_handshake");
    buf_done(&body);
    return result != HANDSHAKE_NONE;
}

static void refuse_method(struct request *req)
{
    struct answer a = {.status = 405, .reason = "method"};
    handshake_allowed(req->src, a.allow, sizeof a.allow);
    metrics_add2(req->owner->metrics, COUNT_REJECTED, label(req), "method", 1);
    request_answer(req, "rejected", &a);
}

static void check_head(struct request *req, const struct message *m)
{
    enum head_fault fault = exchange_fault(req->x);
    if (fault != HEAD_OK)
        request_reject(req, head_fault_status(fault), head_fault_name(fault));
    else if (!req->src)
        request_reject(req, 404, "unknown_source");
    else if (shake_hands(req, m))
        return;
    else if (!str_eq(m->method, str_of("POST")))
        refuse_method(req);
    else if (exchange_crowded(req->x))
        request_unavailable(req, "address");
    else if (req->begun_ms < req->owner->behind_until_ms || load_full(req->owner->load))
        request_unavailable(req, "overload"); /* before anything of the body is read or verified */
    else if (exchange_declared(req->x) > req->set->limits.body_bytes)
        request_reject(req, 413, "body_too_large");
    else if (!media_type_ok(req->src, m))
        request_reject(req, 415, "media_type");
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

static unsigned status_of(enum normalise_result result)
{
    switch (result) {
    case NORMALISE_OK:
    case NORMALISE_ENCODING:
    case NORMALISE_DEPTH:
    case NORMALISE_JSON:
        return 400;
    case NORMALISE_TOO_MANY:
    case NORMALISE_TOO_LARGE:
        return 413;
    case NORMALISE_SCRIPT:
    case NORMALISE_EVENT:
        break;
    }
    return 422;
}

static void count_unreadable(struct request *req, const struct event_list *list)
{
    size_t i = 0;
    while (!list->v[i].unreadable)
        i++;
    metrics_add(req->owner->metrics, COUNT_UNREADABLE, req->src->name, (int64_t)list->n_bad);
    log_warn("cannot be understood, becomes a dead letter", LOG_S("source", req->src->name),
             LOG_I("items", list->n_bad), LOG_S("first", list->v[i].unreadable));
}

static void seal(struct request *req, const struct message *m, const struct verified *verified,
                 int64_t now_ms)
{
    if (!req->owner->archive)
        return;
    buf_init(&req->raw, m->body.n * 2 + RAW_OVERHEAD);
    if (!archive_seal(req->owner->archive, req->src, m, verified, now_ms, &req->raw, &req->raw_record))
        req->raw_record = (struct record){0}; /* cannot be: the head of a request is limited */
}

/* Nobody has proved anything: success, which tells a stranger nothing and is what such senders want, and no trace but a
 * count. */
static void disregard(struct request *req, const struct event_list *list)
{
    struct metrics *m = req->owner->metrics;
    if (list->forged > 0)
        metrics_add2(m, COUNT_REJECTED, req->src->name, "forged_item", (int64_t)list->forged);
    else
        metrics_add2(m, COUNT_REJECTED, req->src->name, "missing", 1);
    request_answer(req, "rejected", &(struct answer){.status = req->src->success_status});
}

/* True: the request is within its source's rate. */
static bool take_rate(struct request *req)
{
    unsigned after_s = 0;
    if (load_take(req->src->rate, clock_mono_ms(), &after_s))
        return true;
    unavailable_for(req, "rate", after_s);
    return false;
}

static void make_events(struct request *req, const struct message *m, const struct verified *verified)
{
    struct requests *r = req->owner;
    struct event_list list = {0};
    struct error err = {0};
    int64_t now = clock_real_ms();
    enum normalise_result result = normalise(req->set, req->src, m, verified, now, &list, &err);
    if (result == NORMALISE_TOO_LARGE)
        request_reject(req, status_of(result), normalise_result_name(result));
    else if (list.unproved)
        disregard(req, &list);
    if (list.unproved || (verified->items && !take_rate(req))) {
        event_list_done(&list);
        return;
    }
    seal(req, m, verified, now);
    if (result == NORMALISE_SCRIPT || list.script_fault)
        metrics_add(r->metrics, COUNT_SCRIPT_FAULTS, req->src->name, 1);
    if (result != NORMALISE_OK) {
        request_keep_refused(req);
        log_warn("request refused", LOG_S("source", req->src->name),
                 LOG_S("reason", normalise_result_name(result)), LOG_ERROR_FIELD(&err));
        refuse(req, status_of(result), "", normalise_result_name(result));
        return;
    }
    req->reply = list.reply;
    list.reply = NULL;
    if (list.n_bad > 0)
        count_unreadable(req, &list);
    if (list.forged > 0)
        metrics_add2(r->metrics, COUNT_REJECTED, req->src->name, "forged_item", (int64_t)list.forged);
    if (list.skipped > 0)
        metrics_add(r->metrics, COUNT_SKIPPED, req->src->name, (int64_t)list.skipped);
    req->events = list;
    req->empty = list.n == 0;
    if (list.n == 0 && !r->archive)
        request_succeed(req, "ignored");
    else
        request_make_durable(req);
}

/* True: a body of set-up, such as a ping, which nobody has signed. */
static bool shake_unsigned(struct request *req, const struct message *m)
{
    struct buf body;
    struct answer a;
    struct error err = {0};
    buf_init(&body, HANDSHAKE_BODY_MAX);
    enum handshake_result result = handshake_body(req->src, m, &body, &a, &err);
    if (result == HANDSHAKE_OK)
        request_answer(req, "handshake", &a);
    else if (result == HANDSHAKE_BAD)
        request_reject(req, 400, "bad_handshake");
    else if (result == HANDSHAKE_NOT_KEPT)
        request_reject(req, 409, "not_kept");
    if (result == HANDSHAKE_NOT_KEPT)
        log_warn("handshake refused", LOG_S("source", req->src->name), LOG_ERROR_FIELD(&err));
    buf_done(&body);
    return result != HANDSHAKE_NONE;
}

static void on_complete(void *ctx, struct exchange *x)
{
    struct request *req = exchange_user(x);
    const struct message *m = exchange_message(x);
    struct verified verified = {0};
    (void)ctx;
    if (exchange_body(x) == BODY_TOO_LARGE) {
        request_reject(req, 413, "body_too_large");
        return;
    }
    if (exchange_body(x) == BODY_NO_ROOM) {
        request_unavailable(req, "overload");
        return;
    }
    enum verify_outcome outcome = verifier_check(req->src->verifier, m, clock_real_ms(), &verified);
    if (outcome == VERIFY_MISSING && shake_unsigned(req, m))
        return;
    if (outcome != VERIFY_OK) {
        log_debug("request refused", LOG_S("source", req->src->name),
                  LOG_S("reason", verify_outcome_name(outcome)));
        if (outcome == VERIFY_UNKNOWN_KEY) { /* senders repeat after a 503: by then the new key may be here */
            unavailable_for(req, verify_outcome_name(outcome), RETRY_KEY_S);
            return;
        }
        refuse(req, req->src->reject_status, req->src->refusal.words[outcome], verify_outcome_name(outcome));
        return;
    }
    if (verified.items || take_rate(req)) /* of items it is known only when they are read */
        make_events(req, m, &verified);
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
    request_release(req);
}

struct http_callbacks requests_callbacks(struct requests *r)
{
    return (struct http_callbacks){r, on_head, on_complete, on_gone};
}
