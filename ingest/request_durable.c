#include "request_internal.h"

#include <stdlib.h>

#include "counters.h"
#include "failpoint.h"
#include "loop.h"

enum { UNDER_WAY_MAX = 1000 }; /* records of one request at Kafka: the rest waits for their reports */

/* ---- waiting ------------------------------------------------------------------------------------------- */

void request_unlist(struct request *req)
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

void request_drop_records(struct request *req)
{
    event_list_done(&req->events);
    buf_done(&req->raw);
    req->raw_record = (struct record){0};
}

void request_leave_load(struct request *req)
{
    if (req->entered)
        load_leave(req->owner->load);
    req->entered = false;
}

/* When something has to happen if nothing else does. */
static int64_t due_ms(const struct request *req)
{
    bool may_spool = req->owner->port && req->spool == UNSPOOLED && req->x;
    return may_spool ? req->begun_ms + (req->deadline_ms - req->begun_ms) / 2 : req->deadline_ms;
}

static void wait_for_durability(struct request *req)
{
    struct requests *r = req->owner;
    if (req->waiting)
        return;
    req->waiting = true;
    req->next = r->waiting;
    if (req->next)
        req->next->prev = req;
    r->waiting = req;
    if (r->n_waiting++ == 0 || due_ms(req) < r->next_deadline_ms)
        r->next_deadline_ms = due_ms(req);
    metrics_add(r->metrics, COUNT_IN_FLIGHT, NULL, 1);
}

/* Gives all events of the request to the spool, at most once. false: it does not take them, or there is none. */
static bool hand_over(struct request *req)
{
    struct requests *r = req->owner;
    if (!r->port || req->spool != UNSPOOLED || req->answered || !req->x)
        return false;
    req->spool = SPOOL_FAILED;
    struct spool_job *job = spool_job_new();
    for (size_t i = 0; i < req->events.n; i++)
        if (!spool_job_add(job, &req->events.v[i], req->src->spread)) {
            spool_job_free(job);
            return false;
        }
    if (req->raw_record.key.n > 0 && !spool_job_add_raw(job, &req->raw_record)) {
        spool_job_free(job);
        return false;
    }
    if (!spool_put(r->port, job, req))
        return false;
    req->spool = SPOOLING;
    return true;
}

/* The body for the archive, if there is one. */
static bool publish_raw(struct request *req, struct error *err)
{
    if (req->raw_record.key.n == 0)
        return true;
    if (!publisher_send_record(req->owner->publisher, PUBLISHER_RAW, &req->raw_record, req, err))
        return false;
    req->outstanding++;
    return true;
}

static void cannot_publish(struct request *req, const struct error *err)
{
    req->failed = true; /* whatever is reported of those before */
    if (err->kind == ERROR_INPUT)
        request_reject(req, 422, "event");
    else
        request_unavailable(req, "overload");
}

/* The sender is told 503 when all is reported, and the others are not to be lost behind this one each time it repeats. */
static void pass_over(struct request *req)
{
    req->failed = req->refused = true;
    req->unsent--;
}

/* As many of the events as may be under way; none while the spool has all of them. */
static void publish_more(struct request *req)
{
    struct error err;
    while (req->unsent > 0 && req->outstanding < UNDER_WAY_MAX && !req->answered &&
           (req->spool == UNSPOOLED || req->spool == SPOOL_FAILED)) {
        const struct event *ev = &req->events.v[req->events.n - req->unsent];
        if (publisher_send(req->owner->publisher, ev, req->src->spread, req, &err)) {
            req->outstanding++;
            req->unsent--;
        } else if (err.kind == ERROR_PERMANENT) {
            pass_over(req);
        } else if (err.kind != ERROR_TEMPORARY || !hand_over(req)) {
            cannot_publish(req, &err);
            break; /* also when nobody is there to be answered */
        }
    }
    if (req->unsent == 0 && !req->owner->port)
        request_drop_records(req);
}

static void publish(struct request *req)
{
    struct error err;
    if (!publish_raw(req, &err) && !(err.kind == ERROR_TEMPORARY && hand_over(req))) {
        request_unavailable(req, "overload");
        return;
    }
    publish_more(req);
    if (req->outstanding == 0 && req->spool != SPOOLING)
        request_unavailable(req, "kafka");
    else if (!req->answered)
        wait_for_durability(req);
}

/* Behind what is unsent in the spool, or there at once when Kafka is known to be away. */
static bool belongs_into_spool(const struct requests *r)
{
    return r->port && (spool_first(r->spool) || (publisher_down(r->publisher) && spool_usable(r->spool)));
}

void request_make_durable(struct request *req)
{
    FAILPOINT("ingest.before_publish");
    for (size_t i = 0; i < req->events.n; i++)
        if (!req->events.v[i].unreadable)
            req->counts[req->events.v[i].type]++;
    req->unsent = req->events.n;
    req->entered = !req->owner->closed && load_enter(req->owner->load);
    if (req->owner->closed)
        request_unavailable(req, "stopping");
    else if (!req->entered)
        request_unavailable(req, "overload");
    else if (!belongs_into_spool(req->owner))
        publish(req);
    else if (hand_over(req))
        wait_for_durability(req);
    else
        request_unavailable(req, "overload");
}

void request_keep_refused(struct request *req)
{
    struct error err;
    if (req->raw_record.key.n > 0 && !(belongs_into_spool(req->owner) && hand_over(req)) &&
        !publish_raw(req, &err) && !hand_over(req))
        metrics_add(req->owner->metrics, COUNT_PUBLISH_FAILED, "archive", 1);
    req->failed = true; /* whatever is reported: there is nothing to answer any more */
}

/* ---- reports and ends ---------------------------------------------------------------------------------- */

void request_release(struct request *req)
{
    struct requests *r = req->owner;
    struct sources *set = req->set;
    if (req->x || req->outstanding > 0 || req->spool == SPOOLING)
        return;
    request_unlist(req);
    request_leave_load(req);
    request_drop_records(req);
    free(req->reply);
    free(req);
    set->references--;
    requests_drop_set(r, set);
}

/* Once, even if the sender was told 503 before. */
static void count_durable(struct request *req)
{
    struct metrics *m = req->owner->metrics;
    if (req->counted)
        return;
    req->counted = true;
    for (int type = 0; type < EVENT_TYPES; type++)
        if (req->counts[type] > 0)
            metrics_add2(m, COUNT_EVENTS, req->src->name, event_type_name((enum event_type)type),
                         req->counts[type]);
}

static void accept_durable(struct request *req, const char *kind)
{
    count_durable(req);
    if (req->answered)
        return;
    metrics_add(req->owner->metrics, COUNT_SECONDS, req->src->name, clock_mono_ms() - req->begun_ms);
    request_succeed(req, req->empty ? "ignored" : kind);
}

void request_report(void *opaque, enum publisher_outcome outcome)
{
    struct request *req = opaque;
    req->failed = req->failed || outcome != PUBLISHER_DELIVERED;
    req->refused = req->refused || outcome == PUBLISHER_REFUSED;
    req->outstanding--;
    if (!req->failed || req->refused)
        publish_more(req);
    else
        (void)hand_over(req);
    if (req->outstanding > 0)
        return;
    FAILPOINT("ingest.before_answer");
    if (!req->failed && req->unsent == 0)
        accept_durable(req, "accepted");
    else if (req->spool != SPOOLING)
        request_unavailable(req, "kafka");
    request_release(req);
}

void request_spooled(void *opaque, bool kept)
{
    struct request *req = opaque;
    req->spool = kept ? SPOOLED : SPOOL_FAILED;
    if (kept)
        accept_durable(req, "spooled");
    else if (req->failed || req->outstanding == 0)
        request_unavailable(req, "spool"); /* otherwise Kafka may still report in time */
    request_release(req);
}

/* ---- deadlines ----------------------------------------------------------------------------------------- */

void requests_close(struct requests *r)
{
    r->closed = true;
    for (struct request *req = r->waiting, *next; req; req = next) {
        next = req->next;
        request_unavailable(req, "deadline");
    }
}

void requests_expire(struct requests *r, int64_t now_ms)
{
    if (r->n_waiting == 0 || now_ms < r->next_deadline_ms)
        return;
    r->next_deadline_ms = INT64_MAX;
    for (struct request *req = r->waiting, *next; req; req = next) {
        next = req->next;
        if (req->deadline_ms <= now_ms) {
            request_unavailable(req, "deadline");
            continue;
        }
        if (due_ms(req) <= now_ms)
            (void)hand_over(req); /* Kafka is slow, or gone without a word */
        if (due_ms(req) < r->next_deadline_ms)
            r->next_deadline_ms = due_ms(req);
    }
}

int requests_timeout_ms(const struct requests *r, int64_t now_ms)
{
    if (r->n_waiting == 0)
        return -1;
    return r->next_deadline_ms <= now_ms ? 0 : (int)(r->next_deadline_ms - now_ms);
}
