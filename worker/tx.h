/* tx.h - one Kafka transaction: a batch of the engine, all or nothing.
 *
 *     begin ─► produce records ─► send offsets ─► commit ──► TX_COMMITTED
 *                 └──────────────────┴──────────────┴─ abort ─► TX_ABORTED, or TX_FATAL
 *
 * The first one after a restore waits for the acknowledgement of its records before its offsets are sent: where they came to lie
 * proves that the restore was whole (continuity.h).
 *
 * The offsets go through the metadata of the group membership that the batch was made under: the group
 * refuses them (and with them the records) when the partitions have meanwhile gone to somebody else. Blocks;
 * the ledger's thread only. */
#ifndef ROLLCALL_WORKER_TX_H
#define ROLLCALL_WORKER_TX_H

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "continuity.h"
#include "engine/engine.h"
#include "kafka.h"
#include "pulse.h"

enum { TX_TOPICS = TOPIC_PLANS + 1 };

struct tx { /* plain data; the owner keeps what it points to */
    rd_kafka_t *rk;
    char events[KAFKA_TOPIC_NAME_SIZE];
    char topics[TX_TOPICS][KAFKA_TOPIC_NAME_SIZE]; /* by enum engine_topic */
    struct pulse *pulse;
    struct continuity continuity; /* of the persons topic's partitions since their restore */
};

enum tx_end {
    TX_COMMITTED,
    TX_ABORTED, /* nothing of the batch is visible to anybody, now or later */
    TX_FATAL,   /* the producer is done for, and whether the batch is visible is for the successor to find out
                 */
};

struct tx_result {
    enum tx_end end;
    int64_t sent_boot_ms; /* TX_COMMITTED: when the offsets were sent (CLOCK_BOOTTIME) */
    struct error err;     /* of the other two */
};

/* Before the producer is made: which records were acknowledged where is to be told to this one. */
void tx_configure(struct tx *tx, rd_kafka_conf_t *conf);
/* First call of all: takes over the transactional id, which fences the process that had it and ends its open
 * transaction. Waits for the brokers. Fails for good or when the pulse stops. */
bool tx_init(struct tx *tx, struct error *err) __attribute__((warn_unused_result));

/* group: the membership captured in the assign callback. */
void tx_run(struct tx *tx, const struct engine_batch *batch, const rd_kafka_consumer_group_metadata_t *group,
            struct tx_result *ret);

/* ---- what an error of a step means; apart for tests ---------------------------------------------------- */

enum tx_step { TX_INIT, TX_BEGIN, TX_PRODUCE, TX_OFFSETS, TX_COMMIT, TX_ABORT, TX_STEPS };

enum tx_verdict {
    TX_RETRY,          /* the same step again, after a pause */
    TX_UNDO,           /* abort; the producer lives */
    TX_UNDO_THEN_EXIT, /* abort, and the process has to go */
    TX_EXIT,           /* nothing more can be done with this producer */
};

struct tx_fault {
    rd_kafka_resp_err_t code;
    bool fatal, retriable, abortable; /* as librdkafka says */
};

enum tx_verdict tx_judge(enum tx_step step, const struct tx_fault *fault);
/* What an operator should know about the code; NULL: nothing beyond librdkafka's words. */
const char *tx_advice(rd_kafka_resp_err_t code);

#endif
