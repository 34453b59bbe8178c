/* topic_writer.h - records for the commands: an idempotent producer that waits for the acknowledgement of all in-sync
 * replicas. Main thread only. */
#ifndef ROLLCALL_WORKER_TOPIC_WRITER_H
#define ROLLCALL_WORKER_TOPIC_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "event.h"
#include "kafka.h"

struct topic_writer;

struct topic_message { /* borrowed */
    enum kafka_topic topic;
    int32_t partition; /* -1: by key, as Java's clients do */
    struct str key;
    struct str value; /* p NULL: a tombstone */
    const struct event_header *headers;
    size_t n_headers;
};

bool topic_writer_new(const struct config *cfg, int timeout_ms, struct topic_writer **ret, struct error *err)
    __attribute__((warn_unused_result));
/* Fails with ERROR_TEMPORARY when no acknowledgement came in time: the record may have been written all the same;
 * ERROR_PERMANENT when rights are missing. */
bool topic_writer_send(struct topic_writer *w, const struct topic_message *m, struct error *err)
    __attribute__((warn_unused_result));
/* The same for several, in their order, with one wait for all of them. */
bool topic_writer_send_all(struct topic_writer *w, const struct topic_message *m, size_t n, struct error *err)
    __attribute__((warn_unused_result));
void topic_writer_free(struct topic_writer *w);

#endif
