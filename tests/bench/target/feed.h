/* feed.h - publishes the events of the benchmark's persons, as ingest would.
 *
 * Two ways. `next`: one event of one person, keyed as ingest keys it; the program publishes a person's next
 * event when the target sees the call for the one before, so that a level-triggered worker has one thing to do
 * for each event. `backlog`: everything in advance, keyed by person, for consumers that take every record by
 * itself. One thread, which calls feed_run in every turn. */
#ifndef ROLLCALL_BENCH_FEED_H
#define ROLLCALL_BENCH_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct feed_settings {
    const char *brokers;
    const char *topic; /* of `next` */
    size_t n_persons, n_tenants;
    unsigned spread; /* of each tenant */
};

struct feed;

bool feed_new(const struct feed_settings *settings, struct feed **ret, struct error *err)
    __attribute__((warn_unused_result));
void feed_free(struct feed *f);

/* The next event of the person; the first one is `joined`. */
void feed_next(struct feed *f, size_t person);
/* n events, in turn for all persons, to a topic of their own; blocks until they are acknowledged. */
bool feed_backlog(struct feed *f, const char *topic, size_t n, struct error *err)
    __attribute__((warn_unused_result));
/* Delivery reports. */
void feed_run(struct feed *f);

uint64_t feed_published(const struct feed *f); /* by `next` */
uint64_t feed_failed(const struct feed *f);    /* not acknowledged */

#endif
