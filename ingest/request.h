/* request.h - the life of a request on one thread: what is allowed, who it is from, what it becomes, when it
 * is answered.
 *
 *     head ──limits──▶ body ──verify──▶ events ──publish──▶ waiting ──reports──▶ answered
 *       └─ 4xx, handshake  └─ reject_status, 4xx   └─ 503   │   └─ deadline: 503    ▲
 *                                                           └─ spool ── on disk ────┘
 *
 * To the spool goes at once what must queue behind it or comes while no broker can be reached, and later what Kafka has
 * not acknowledged by half of the deadline or has failed; such an event may come twice, with the same id. A request
 * outlives its exchange while Kafka has not reported on all its events or the spool has its job. Thread rule: one
 * thread. */
#ifndef INGEST_REQUEST_H
#define INGEST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive.h"
#include "http.h"
#include "load.h"
#include "metrics.h"
#include "publisher.h"
#include "source.h"
#include "spool.h"

struct request;

struct requests {
    struct sources *set; /* for requests to come; owned, see requests_use */
    struct publisher *publisher;
    struct spool *spool;     /* NULL: none */
    struct spool_port *port; /* to it */
    struct metrics *metrics;
    struct request *waiting; /* suspended ones */
    size_t n_waiting;
    int64_t next_deadline_ms; /* monotonic; no request is due before */
    bool closed;              /* none waits any more */
    int64_t behind_until_ms;  /* monotonic; the thread is late: who comes before is turned away */
    struct load *load;
    const struct archive *archive; /* NULL: none */
};

/* Takes the set over (and frees the one before when its last request has ended). */
void requests_use(struct requests *r, struct sources *set);
void requests_done(struct requests *r); /* none may be left */

struct http_callbacks requests_callbacks(struct requests *r);
publisher_report_fn request_report; /* opaque is a struct request */
spool_done_fn request_spooled;      /* likewise */

/* Answers 503 to those whose deadline has passed. */
void requests_expire(struct requests *r, int64_t now_ms);
/* Answers 503 to all that wait and to those that come; none waits from now on. */
void requests_close(struct requests *r);
int requests_timeout_ms(const struct requests *r, int64_t now_ms); /* until the next deadline; -1: none */

#endif
