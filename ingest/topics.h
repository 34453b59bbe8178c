/* topics.h - makes sure of Kafka's topics in a thread of its own, as long as it takes: with a spool, webhooks are
 * taken meanwhile.
 *
 * Thread rule: main's. */
#ifndef INGEST_TOPICS_H
#define INGEST_TOPICS_H

#include <stdbool.h>

#include "config.h"
#include "error.h"
#include "loop.h"

struct topics;

enum topics_state {
    TOPICS_AWAITED,
    TOPICS_RIGHT,
    TOPICS_WRONG, /* a person has to act */
};

/* Wakes the loop when the state changes. */
bool topics_start(const struct config *cfg, struct loop *loop, struct topics **ret, struct error *err)
    __attribute__((warn_unused_result));
/* err says why when they are wrong. */
enum topics_state topics_state(struct topics *t, struct error *err);
void topics_free(struct topics *t); /* waits for the attempt under way, seconds at most; NULL is fine */

/* The same on the caller's thread, once. Logs what the operator should know. */
bool topics_ensure(const struct config *cfg, struct error *err) __attribute__((warn_unused_result));

#endif
