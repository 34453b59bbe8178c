/* restore.h - reads what is known about the persons of some partitions back from the records topic.
 *
 * In this order, so that nothing written meanwhile by a predecessor is missed:
 *     1. the group's committed offsets of the events partitions (stable: waits for open transactions); a dry run without
 *        any copies the records of those who write first (restore_copy.h)
 *     2. that the events from there on are still there; the high watermark of the same partitions of the
 *        records topic, open transactions included
 *     3. the records, read_committed, until the end of partition lies at or beyond that watermark
 *     4. the committed offsets again: if they have moved, the records are those of another owner, and this process is to end
 * Whether the watermark was the true one is proved by the first transaction (continuity.h).
 * The last stable offset is no substitute for the watermark: with a dead worker's transaction still open,
 * reading to it gives stale state. Blocks; the ledger's thread only. */
#ifndef ROLLCALL_WORKER_RESTORE_H
#define ROLLCALL_WORKER_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "kafka.h"
#include "pulse.h"

struct rd_kafka_message_s;
struct rd_kafka_s;
struct rd_kafka_topic_s;

enum { RESTORE_CHUNK = 1000 };

struct partition_offset {
    int32_t partition;
    int64_t offset; /* -1: none */
};

struct restore_part { /* a partition to be restored, or one that was left and may be kept */
    int32_t partition;
    int64_t left_offset,
        left_end;   /* committed offset and end of its records when it was left; 0, 0: it was not ours */
    int64_t offset; /* answer: as committed by the group; -1: none */
    int64_t end;    /* answer: its records were read up to there, or are as they were left there */
    int64_t first;  /* answer, without an offset: the first event that is left */
    bool kept;      /* answer: it is as it was left, nothing is read */
};

struct restore {
    const struct config *cfg;         /* borrowed */
    struct rd_kafka_s *group;         /* borrowed: the group consumer, for the committed offsets */
    struct rd_kafka_s *asker;         /* read_uncommitted, for watermarks */
    struct rd_kafka_s *reader;        /* read_committed, reports ends of partitions */
    struct rd_kafka_topic_s *records; /* of reader */
    struct rd_kafka_topic_s *asked_events, *asked_persons; /* of asker */
    char events[KAFKA_TOPIC_NAME_SIZE];
    char persons[KAFKA_TOPIC_NAME_SIZE];
    struct pulse *pulse;
    void *ctx; /* of both */
    /* Offsets and `kept` are known, records follow; borrowed. */
    void (*bounds_known)(void *ctx, const struct restore_part *v, size_t n);
    /* Takes ownership of the messages of v (not of v). */
    void (*records_read)(void *ctx, struct rd_kafka_message_s **v, size_t n);
};

/* r: zeroed, with ctx and callbacks filled in. */
bool restore_init(struct restore *r, const struct config *cfg, struct rd_kafka_s *group, struct pulse *pulse,
                  struct error *err) __attribute__((warn_unused_result));
void restore_done(struct restore *r);

/* Fills in the answers of v. Waits for brokers as long as it takes; false: cancelled, or failed for good (err
 * says which: kind ERROR_NONE for cancelled). */
bool restore_run(struct restore *r, struct restore_part *v, size_t n, struct error *err)
    __attribute__((warn_unused_result));

/* No committed record lies between the two offsets; where our own transaction is open from `to` on. False also if that could
 * not be found out in some seconds. ctx: a struct restore. */
bool restore_nothing_between(void *ctx, int32_t partition, int64_t from, int64_t to);

/* Where the records of the partitions end, into their offsets, once no transaction is open there. Does not wait for
 * brokers; false: one did not answer, or somebody's transaction stays open. */
bool restore_ends(struct restore *r, struct partition_offset *v, size_t n)
    __attribute__((warn_unused_result));

#endif
