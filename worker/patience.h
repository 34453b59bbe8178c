/* patience.h - what does not get on is told, and in the end the process gives up: a restart always recovers, and
 * what is wrong with the brokers is waited out at the start.
 *
 * Kafka's client repeats most things for ever; without this a worker could wait for an answer that never comes
 * and nobody would know. The loop's thread. */
#ifndef ROLLCALL_WORKER_PATIENCE_H
#define ROLLCALL_WORKER_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

enum { PATIENCE_TELL_MS = 10000, PATIENCE_REPEAT_MS = 30000 };

struct patience { /* zeroed */
    const char *what;
    int64_t since_ms; /* with what: CLOCK_MONOTONIC */
    int64_t told_ms;  /* 0: not yet */
};

struct waiting {
    const char *what;  /* "restoring": a literal; NULL: nothing is waited for */
    const char *doing; /* NULL: nobody is doing anything about it */
    const char *error; /* the last one; NULL: none */
    int64_t moved_ms;  /* CLOCK_MONOTONIC: last sign of progress */
};

/* Once a turn, at least every second. False: it has lasted limit_ms without progress. */
bool patience_look(struct patience *p, const struct waiting *w, int64_t limit_ms, struct error *err)
    __attribute__((warn_unused_result));
/* Something has been told and is not over. */
bool patience_strained(const struct patience *p);

#endif
