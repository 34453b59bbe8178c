/* topic_reader.h - reads all partitions of a topic, read_committed and without a group, and then follows it.
 *
 *     topic_reader_new ─► topic_reader_begin (again while ERROR_TEMPORARY) ─► topic_reader_poll … topic_reader_reached
 *
 * The end is the high watermark at the time of topic_reader_begin, open transactions included: what was written before
 * is given before topic_reader_reached says yes. A topic that is given more partitions later needs a new reader. One
 * owner at a time. */
#ifndef ROLLCALL_TOPIC_READER_H
#define ROLLCALL_TOPIC_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "event.h"
#include "kafka.h"

struct topic_reader;
struct rd_kafka_message_s;

enum { TOPIC_HEADERS_MAX = 32 }; /* further ones are not read */

enum topic_start { TOPIC_FROM_BEGINNING, TOPIC_FROM_END };

struct topic_record { /* borrowed, until the callback returns */
    int32_t partition;
    int64_t offset;
    int64_t time_ms;                    /* its writer's clock, or the broker's, as the topic is set */
    struct str key;                     /* p NULL: none */
    struct str value;                   /* p NULL: a tombstone */
    const struct event_header *headers; /* TOPIC_HEADERS_MAX of them */
    size_t n_headers;
    const struct rd_kafka_message_s *message; /* all of it */
};

typedef void topic_record_fn(void *ctx, const struct topic_record *record);

/* Talks to nobody yet. Fails with ERROR_INPUT or ERROR_SYSTEM. */
bool topic_reader_new(const struct config *cfg, enum kafka_topic topic, struct topic_reader **ret,
                      struct error *err) __attribute__((warn_unused_result));
/* Before topic_reader_begin: of all partitions only this one is read. */
void topic_reader_only(struct topic_reader *r, int32_t partition);
/* Of the topic, before it is begun; fails as topic_reader_begin does. */
bool topic_reader_ask_partitions(struct topic_reader *r, int timeout_ms, int32_t *ret, struct error *err)
    __attribute__((warn_unused_result));
/* The same once it is. */
int32_t topic_reader_partitions(const struct topic_reader *r);
/* Blocks for timeout_ms a partition at most. ERROR_TEMPORARY: brokers do not answer, ask again. */
bool topic_reader_begin(struct topic_reader *r, enum topic_start from, int timeout_ms, struct error *err)
    __attribute__((warn_unused_result));
/* Gives what is there to fn; waits wait_ms at most for the first. Fails for good only (rights, records deleted before
 * they were read); passing trouble is waited out. */
bool topic_reader_poll(struct topic_reader *r, int wait_ms, topic_record_fn *fn, void *ctx, struct error *err)
    __attribute__((warn_unused_result));
/* Every record that stood there at topic_reader_begin has been given. */
bool topic_reader_reached(const struct topic_reader *r);
/* Readable when something arrived: then poll with wait_ms 0. */
int topic_reader_fd(const struct topic_reader *r);
void topic_reader_free(struct topic_reader *r);

/* Begins and reads until the end is reached, for at most timeout_ms. ERROR_TEMPORARY: not reached. */
bool topic_reader_read_all(struct topic_reader *r, int timeout_ms, topic_record_fn *fn, void *ctx,
                           struct error *err) __attribute__((warn_unused_result));

#endif
