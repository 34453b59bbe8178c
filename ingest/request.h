/* request.h - the life of a request on one thread: what is allowed, who it is from, what it becomes, when it
 * is answered.
 *
 *     head ──limits──▶ body ──verify──▶ events ──publish──▶ waiting ──reports──▶ answered
 *       └─ 4xx, handshake  └─ reject_status, 4xx   └─ 503       └─ deadline: 503
 *
 * A request outlives its exchange when Kafka has not reported on all its events yet. Thread rule: one
 * thread. */
#ifndef INGEST_REQUEST_H
#define INGEST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "metrics.h"
#include "publisher.h"
#include "source.h"

struct request;

struct requests {
    struct sources *set; /* for requests to come; owned, see requests_use */
    struct publisher *publisher;
    struct metrics *metrics;
    struct request *waiting; /* suspended ones */
    size_t n_waiting;
    int64_t next_deadline_ms; /* monotonic; no request is due before */
};

/* Takes the set over (and frees the one before when its last request has ended). */
void requests_use(struct requests *r, struct sources *set);
void requests_done(struct requests *r); /* none may be left */

struct http_callbacks requests_callbacks(struct requests *r);
publisher_report_fn request_report; /* opaque is a struct request */

/* Answers 503 to those whose deadline has passed; all: to every one that waits. */
void requests_expire(struct requests *r, int64_t now_ms, bool all);
int requests_timeout_ms(const struct requests *r, int64_t now_ms); /* until the next deadline; -1: none */

#endif
