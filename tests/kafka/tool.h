/* tool.h - what the subcommands of kafka-tool share: options, client handles, the list of partitions.
 *
 * One thread, one command per process. Every command returns false with err filled; ERROR_INPUT means that
 * the command line or the input lines are wrong or a named topic does not exist. */
#ifndef ROLLCALL_TESTS_KAFKA_TOOL_H
#define ROLLCALL_TESTS_KAFKA_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "error.h"

struct tool_options {
    const char *brokers;
    const char *transaction; /* transactional.id; NULL: no transaction */
    const char *end;         /* how a transaction ends: "commit", "abort", "leave" (open) */
    bool follow;
    bool uncommitted;
    int timeout_ms;
    char **args; /* what follows the options */
    int n_args;
};

struct tool_setting { /* one librdkafka property */
    const char *name;
    const char *value;
};

/* A client of the given type with `settings` (ended by a NULL name) on top of the brokers. The caller frees
 * *ret with rd_kafka_destroy. */
bool tool_client_new(rd_kafka_type_t type, const struct tool_options *o, const struct tool_setting *settings,
                     rd_kafka_t **ret, struct error *err) __attribute__((warn_unused_result));

/* The same for a producer: on_delivery is called with `opaque` from rd_kafka_poll and rd_kafka_flush. */
bool tool_producer_new(const struct tool_options *o, const struct tool_setting *settings,
                       void (*on_delivery)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque),
                       void *opaque, rd_kafka_t **ret, struct error *err) __attribute__((warn_unused_result));

/* All partitions of the topics in o->args, of all topics if there are none. Fails with ERROR_INPUT if one
 * does not exist; never creates a topic. The caller frees *ret with rd_kafka_topic_partition_list_destroy. */
bool tool_partitions(rd_kafka_t *rk, const struct tool_options *o, rd_kafka_topic_partition_list_t **ret,
                     struct error *err) __attribute__((warn_unused_result));

bool tool_dump(const struct tool_options *o, struct error *err) __attribute__((warn_unused_result));
bool tool_produce(const struct tool_options *o, struct error *err) __attribute__((warn_unused_result));
bool tool_topics(const struct tool_options *o, struct error *err) __attribute__((warn_unused_result));
bool tool_create(const struct tool_options *o, struct error *err) __attribute__((warn_unused_result));
bool tool_group_offsets(const struct tool_options *o, struct error *err) __attribute__((warn_unused_result));

#endif
