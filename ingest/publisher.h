/* publisher.h - one thread's idempotent producer: events in, delivery reports out. Only publisher.c sees
 * rdkafka.h.
 *
 * It has two lanes to the brokers, each a producer of its own: one sends at once (best for a few requests),
 * one gathers for a millisecond (much less work per event when many are under way); the number under way
 * chooses. Order between events does not matter here: readers go by occurredAt. A linger.ms in
 * kafka.properties decides for good.
 *
 * Thread rule: everything on the owner's thread, delivery reports inside publisher_poll and publisher_free.
 * publisher_down alone may be called from any thread. */
#ifndef INGEST_PUBLISHER_H
#define INGEST_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"
#include "event.h"
#include "metrics.h"
#include "record.h"

struct publisher;

enum publisher_outcome {
    PUBLISHER_DELIVERED, /* acknowledged by all in-sync replicas */
    PUBLISHER_FAILED,    /* not, or not known to be; may work later */
    PUBLISHER_REFUSED,   /* the broker will not have this record */
};

/* Called once for every record that was sent. */
typedef void publisher_report_fn(void *opaque, enum publisher_outcome outcome);

enum publisher_topic { PUBLISHER_EVENTS, PUBLISHER_RAW, PUBLISHER_TOPICS };

enum publisher_kind {
    PUBLISHER_HASTY,   /* gives a record up when its sender has long been answered */
    PUBLISHER_PATIENT, /* never gives up; one lane, so that the order of records with the same key is kept */
};

/* Keeps cfg until publisher_free. */
bool publisher_new(const struct config *cfg, enum publisher_kind kind, publisher_report_fn *report,
                   struct metrics *metrics, struct publisher **ret, struct error *err)
    __attribute__((warn_unused_result));
/* Gives up what is still under way (its reports say so). */
void publisher_free(struct publisher *p);

/* For epoll, EPOLLIN, edge-triggered: reports are waiting. */
int publisher_fd(const struct publisher *p);
void publisher_poll(struct publisher *p);

/* Queues the event and keeps opaque for its report. ERROR_TEMPORARY: the queue is full; then there is no
 * report. */
bool publisher_send(struct publisher *p, const struct event *ev, unsigned spread, void *opaque,
                    struct error *err) __attribute__((warn_unused_result));

/* The same for what is a record already. A value without bytes (p NULL) is a tombstone. ERROR_INPUT: its headers are
 * broken, or there is no archive to take it. */
bool publisher_send_record(struct publisher *p, enum publisher_topic topic, const struct record *record,
                           void *opaque, struct error *err) __attribute__((warn_unused_result));

size_t publisher_in_flight(const struct publisher *p);
bool publisher_down(const struct publisher *p);  /* no broker can be reached, as far as is known */
bool publisher_fatal(const struct publisher *p); /* it cannot go on until it is renewed */
/* Makes it anew if it cannot go on, at most once a second; what was under way is given up (its reports say so). */
void publisher_renew(struct publisher *p);

#endif
