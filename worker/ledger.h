/* ledger.h - the thread that owns everything of Kafka that blocks: transactions, restore, seeks.
 *
 *      loop ── one request ──► ┌──────────────────┐ ── results, eventfd ──► loop
 *                              │ ledger's thread  │
 *      LEDGER_ANSWERED etc. ◄──└──────────────────┘
 *
 * One request at a time (ledger_idle); each is answered by exactly one closing result, a restore by LEDGER_BOUNDS and
 * any number of LEDGER_RECORDS before it. After LEDGER_FATAL nothing more is answered and the process has to end:
 * its successor finds out what was committed. All functions below belong to the loop's thread. */
#ifndef ROLLCALL_WORKER_LEDGER_H
#define ROLLCALL_WORKER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "error.h"
#include "kafka.h"
#include "patience.h"
#include "restore.h"

struct rd_kafka_consumer_group_metadata_s;
struct rd_kafka_message_s;
struct rd_kafka_s;

struct ledger;

enum ledger_event {
    LEDGER_READY,     /* once: the transactional id is ours */
    LEDGER_COMMITTED, /* sent_boot_ms */
    LEDGER_ABORTED,   /* err */
    LEDGER_BOUNDS,    /* parts: which are kept; records of the others follow */
    LEDGER_RECORDS,   /* messages: each goes to rd_kafka_message_destroy */
    LEDGER_RESTORED,  /* parts */
    LEDGER_MARKED,    /* offsets: where the records end; none if a broker did not answer */
    LEDGER_CANCELLED, /* the restore, by ledger_cancel */
    LEDGER_SOUGHT,
    LEDGER_SEEK_FAILED, /* err */
    LEDGER_FATAL,       /* err; ERROR_PERMANENT: a restart will not help */
};

struct ledger_result { /* release with ledger_result_done */
    enum ledger_event event;
    int64_t sent_boot_ms;
    int64_t took_ms; /* from request to closing result */
    struct error err;
    struct partition_offset *offsets;
    size_t n_offsets;
    struct restore_part *parts;
    size_t n_parts;
    struct rd_kafka_message_s **messages;
    size_t n_messages;
    struct ledger_result *next; /* the ledger's */
};

/* Starts the thread. Borrows cfg for the time of the call and group (the group consumer) until ledger_free.
 */
bool ledger_new(const struct config *cfg, const char *slot, struct rd_kafka_s *group, struct ledger **ret,
                struct error *err) __attribute__((warn_unused_result));
/* Stops and joins; what is under way is given up. Takes as long as one blocking call of librdkafka. */
void ledger_free(struct ledger *l);

/* Borrows batch until the closing result: LEDGER_COMMITTED or LEDGER_ABORTED. */
void ledger_commit(struct ledger *l, const struct engine_batch *batch);
/* Takes ownership of group, under whose membership all later commits are made. Closing result:
 * LEDGER_RESTORED or LEDGER_CANCELLED. */
void ledger_restore(struct ledger *l, const struct restore_part *v, size_t n,
                    struct rd_kafka_consumer_group_metadata_s *group);
/* Asks where the records of partitions end that are about to be given back. Closing result: LEDGER_MARKED. */
void ledger_mark(struct ledger *l, const int32_t *partitions, size_t n);
/* Moves the group consumer; what it had fetched is thrown away. Closing result: LEDGER_SOUGHT or
 * LEDGER_SEEK_FAILED. */
void ledger_seek(struct ledger *l, const struct partition_offset *v, size_t n);
/* Asks a restore under way to end early. Nothing under way: does nothing. */
void ledger_cancel(struct ledger *l);
/* No request is under way (its closing result has been taken). */
bool ledger_idle(const struct ledger *l);

/* Readable when results wait. */
int ledger_fd(const struct ledger *l);
/* The next result, NULL: none. */
struct ledger_result *ledger_take(struct ledger *l);
void ledger_result_done(struct ledger_result *result);

/* Milliseconds since the thread gave its last sign of life. */
int64_t ledger_silent_ms(const struct ledger *l);
/* Changes with every sign of life; valid until ledger_free, for any thread. */
const _Atomic int64_t *ledger_beat(const struct ledger *l);
/* What the thread is doing, its last trouble and last progress; leaves `what` as it is. */
void ledger_waiting(const struct ledger *l, struct waiting *ret);

#endif
