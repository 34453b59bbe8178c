/* kafka.h - what both programs share of Kafka: client settings by role, topic names, topics made and
 * verified.
 *
 * Only lib/kafka*.c, ingest's publisher and the worker's shell see rdkafka.h. Thread-safe (no state). */
#ifndef ROLLCALL_KAFKA_H
#define ROLLCALL_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

enum kafka_topic {
    KAFKA_EVENTS,
    KAFKA_PERSONS,     /* compacted; partition n belongs to partition n of events */
    KAFKA_RESULTS,     /* same partitions as events */
    KAFKA_DEADLETTERS, /* same partitions as events */
    KAFKA_CONTROL,     /* compacted */
    KAFKA_TARGETS,     /* compacted */
    KAFKA_PLANS,
    KAFKA_RAW, /* compacted and deleted; only with ingest.archive */
    KAFKA_TOPICS,
};

enum { KAFKA_TOPIC_NAME_SIZE = 128, KAFKA_WARNINGS_MAX = 16, KAFKA_WARNING_SIZE = 256 };

/* "<topic_prefix>.events" … */
void kafka_topic_name(const struct config *cfg, enum kafka_topic topic, char out[KAFKA_TOPIC_NAME_SIZE]);

/* Of the events that workers read: in mode plan those of worker.dry_run.live_prefix, which nobody writes to by
 * kafka_topic_name then. */
void kafka_events_read_name(const struct config *cfg, char out[KAFKA_TOPIC_NAME_SIZE]);

enum kafka_role {
    KAFKA_ROLE_ADMIN,     /* metadata and topic administration */
    KAFKA_ROLE_PUBLISHER, /* idempotent producer, acks=all (ingest) */
    KAFKA_ROLE_LEDGER,    /* transactional producer; transactional.id = <group>-<slot> */
    KAFKA_ROLE_EVENTS,  /* group consumer: read_committed, no auto commit, range; group.instance.id = slot */
    KAFKA_ROLE_RESTORE, /* assigns by hand, read_committed, no commits, PARTITION_EOF on */
    KAFKA_ROLE_WATERMARK, /* as RESTORE but read_uncommitted: sees the true high watermark */
};

/* Settings for a client of the role, config's kafka.properties applied last but one: what correctness rests
 * on (acks, isolation, auto commit …) cannot be overridden and such a property fails.
 * auto.offset.reset is error: an offset that is gone is told (RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) and
 * nothing is skipped; without a committed offset assign RD_KAFKA_OFFSET_BEGINNING. slot: for LEDGER and
 * EVENTS, else NULL. librdkafka's log lines go to log.h. The caller owns *ret (rd_kafka_new takes it, or
 * rd_kafka_conf_destroy). Fails with ERROR_INPUT and the property's path. */
bool kafka_conf_new(const struct config *cfg, enum kafka_role role, const char *slot,
                    struct rd_kafka_conf_s **ret, struct error *err) __attribute__((warn_unused_result));

/* A consumer without a group, of role RESTORE or WATERMARK; the caller destroys it. The end of a partition is told by an
 * empty answer, and the broker holds those back for empty_wait_ms. Fails as kafka_conf_new. */
bool kafka_reader_new(const struct config *cfg, enum kafka_role role, int empty_wait_ms,
                      struct rd_kafka_s **ret, struct error *err) __attribute__((warn_unused_result));

/* Whether kafka_conf_new would like kafka.properties, their secrets included. Talks to nobody. Fails likewise. */
bool kafka_properties_check(const struct config *cfg, struct error *err) __attribute__((warn_unused_result));

struct kafka_warnings { /* for the caller to log */
    size_t n;
    char v[KAFKA_WARNINGS_MAX][KAFKA_WARNING_SIZE];
};

/* Reads the settings of all topics and refuses wrong ones (persons not compacted, partition counts that differ
 * …); the message holds the command that mends it. With kafka.manage_topics on, missing topics are created
 * first, with the right settings (but not the events that a dry run reads); off, they are awaited, never created (nor by the broker), and settings that
 * may not be read are a warning.
 * Blocks for at most timeout_ms. ret_partitions: number of partitions of events; may be NULL. Fails with
 * ERROR_TEMPORARY when brokers do not answer, ERROR_INPUT when a person has to act. */
bool kafka_topics_ensure(const struct config *cfg, int timeout_ms, int *ret_partitions,
                         struct kafka_warnings *ret_warnings, struct error *err)
    __attribute__((warn_unused_result));

#endif
