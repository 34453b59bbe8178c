/* request_internal.h - what the two halves of a request's life share: request.c takes it in and answers it,
 * request_durable.c waits until its events are kept. Not for others; thread rule as in request.h. */
#ifndef INGEST_REQUEST_INTERNAL_H
#define INGEST_REQUEST_INTERNAL_H

#include "normalise.h"
#include "record.h"
#include "request.h"

struct request {
    struct requests *owner;
    struct exchange *x; /* NULL: gone */
    struct sources *set;
    struct source *src;            /* NULL: unknown */
    struct request *prev, *next;   /* while waiting */
    int64_t begun_ms, deadline_ms; /* monotonic */
    struct event_list events;      /* until it is answered, when there is a spool that may need them */
    struct buf raw;                /* the body for the archive, as long as the events */
    struct record raw_record;      /* in it; no key: none */
    size_t unsent;                 /* the last so many events have not been given to Kafka yet */
    size_t outstanding;            /* records without a report */
    enum { UNSPOOLED, SPOOLING, SPOOLED, SPOOL_FAILED } spool;
    bool empty; /* no event is made of it: only the archive has to have it */
    bool waiting, entered, failed, refused, counted, answered;
    char *reply; /* what the source's script wants to be answered; NULL: nothing */
    unsigned counts[EVENT_TYPES];
};

/* An answer, once: the first one counts. Takes the request off the waiting list, and drops what only a waiting one needs.
 * kind: label `answer` of the count of requests. */
void request_answer(struct request *req, const char *kind, const struct answer *a);
void request_succeed(struct request *req, const char *kind);
void request_reject(struct request *req, unsigned status, const char *reason);
void request_unavailable(struct request *req, const char *reason); /* 503, Retry-After */

/* Publishes the events (and the body for the archive), or hands them to the spool, and waits; or answers 503. */
void request_make_durable(struct request *req);
/* A verified request that makes no events is told so at once, before or after this; its body is kept for the day when the
 * source's file is mended, if Kafka or the spool takes it. */
void request_keep_refused(struct request *req);
/* Frees the request if its exchange has ended and nobody else has a hand on it. */
void request_release(struct request *req);

/* Parts of an answer and of an end. */
void request_unlist(struct request *req);
void request_drop_records(struct request *req);
void request_leave_load(struct request *req);
void requests_drop_set(struct requests *r, struct sources *set);

#endif
