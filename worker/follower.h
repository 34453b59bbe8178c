/* follower.h - a topic that is read whole before the worker joins its group, and followed from then on.
 *
 * The loop's thread. */
#ifndef ROLLCALL_WORKER_FOLLOWER_H
#define ROLLCALL_WORKER_FOLLOWER_H

#include <stdbool.h>

#include "error.h"
#include "topic_reader.h"

struct follower {
    const char *name; /* of the topic, as errors call it */
    topic_record_fn *take;
    void *ctx;
    struct topic_reader *reader;
    bool begun;
};

/* name, take and ctx are set. Talks to nobody yet. */
bool follower_open(struct follower *f, const struct config *cfg, enum kafka_topic topic, struct error *err)
    __attribute__((warn_unused_result));
/* Reads towards the end as it stood at the first success; true when it is reached. Blocks for about slice_ms.
 * ERROR_TEMPORARY: not there yet, call again. */
bool follower_catch_up(struct follower *f, int slice_ms, struct error *err)
    __attribute__((warn_unused_result));
/* Readable when there is something to take. */
int follower_fd(const struct follower *f);
/* Takes what is there, without waiting. Fails when the topic cannot be followed any more: the process has to end. */
bool follower_take(struct follower *f, struct error *err) __attribute__((warn_unused_result));
void follower_done(struct follower *f);

#endif
