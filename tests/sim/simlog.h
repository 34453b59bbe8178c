/* simlog.h - a simulated Kafka: the five topics, transactions with their markers, committed offsets.
 *
 * What it shares with the real one, because defects hide there (facts: tests/kafka/README.md):
 *  - a transaction is decided at one instant, but its markers reach each partition later, each in its own
 * time: until then its offsets are unstable and its records lie above the last stable offset;
 *  - the high watermark counts records of open transactions;
 *  - offsets in a transaction are the only thing the group validates; none given, none validated;
 *  - a producer of the same slot fences the older one; a transaction left open is aborted by its timeout.
 * Committed records and offsets are checked as they are decided (witness.h). */
#ifndef ROLLCALL_SIM_SIMLOG_H
#define ROLLCALL_SIM_SIMLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "world.h"

enum { SIMLOG_HEADERS_MAX = 5, SIMLOG_TOPICS = TOPIC_PLANS + 1 };

struct log_record {
    int64_t offset;
    uint64_t txn;
    char *key;
    size_t key_n;
    char *value; /* NULL: tombstone */
    size_t value_n;
    struct record_header headers[SIMLOG_HEADERS_MAX]; /* owned */
    size_t n_headers;
};

struct log_part { /* one partition of one topic */
    struct log_record *v;
    size_t n;
    int64_t end; /* next offset */
};

enum txn_state { TXN_OPEN, TXN_COMMITTED, TXN_ABORTED };

struct txn {
    uint64_t id;
    size_t slot;
    uint64_t epoch;
    enum txn_state state;
    int64_t began_ms, decided_ms;
    int64_t offsets[WORLD_PARTITIONS_MAX]; /* -1: not in it */
    bool offsets_pending;
    bool touched[SIMLOG_TOPICS][WORLD_PARTITIONS_MAX]; /* marker still to come */
    size_t first[SIMLOG_TOPICS]
                [WORLD_PARTITIONS_MAX]; /* index of its first record there; valid when touched */
};

enum txn_reply {
    TXN_OK,
    TXN_BUSY,    /* markers of the transaction before are still on their way: try again */
    TXN_FENCED,  /* fatal: another producer has the slot, or the transaction timed out */
    TXN_ILLEGAL, /* abortable: the group does not know this member in this generation */
};

struct group_meta { /* who says so: captured at assignment */
    size_t slot;
    uint64_t member;
    int generation;
};

struct cJSON;
struct simlog;
struct simlog *simlog_new(struct world *w);
void simlog_free(struct simlog *log);

/* ---- events -------------------------------------------------------------------------------------------- */

/* event: index into the scenario, -1: a record that is no event. */
void simlog_append_event(struct simlog *log, int32_t partition, int event);
/* The first record at or after *offset, which is set to its offset; false at the end. */
bool simlog_read_event(const struct simlog *log, int32_t partition, int64_t *offset, int *ret_event);
int64_t simlog_events_end(const struct simlog *log, int32_t partition);

/* ---- transactions -------------------------------------------------------------------------------------- */

/* A new producer of the slot: fences the older one and aborts what it left. */
enum txn_reply simlog_producer_init(struct simlog *log, size_t slot, uint64_t *ret_epoch);
enum txn_reply simlog_begin(struct simlog *log, size_t slot, uint64_t epoch, uint64_t *ret_txn);
enum txn_reply simlog_append(struct simlog *log, uint64_t id, const struct out_record *record);
enum txn_reply simlog_send_offsets(struct simlog *log, uint64_t id, const struct group_meta *meta,
                                   const struct out_offset *offsets, size_t n);
enum txn_reply simlog_end(struct simlog *log, uint64_t id, bool commit);

/* ---- what a restore reads ------------------------------------------------------------------------------ */

/* False while an undecided transaction holds offsets of the partition. -1: none. */
bool simlog_committed(const struct simlog *log, int32_t partition, int64_t *ret_offset);
int64_t simlog_high_watermark(const struct simlog *log, int32_t partition);     /* of persons */
int64_t simlog_last_stable_offset(const struct simlog *log, int32_t partition); /* of persons */
/* Committed records of persons below `end`, in order. compact: as a cleaner might have left them, which may
 * or may not have passed. */
void simlog_read_persons(struct simlog *log, int32_t partition, int64_t end, bool compact,
                         void (*take)(void *ctx, const struct log_record *record), void *ctx);

/* The newest committed value of a person; NULL: none, or forgotten. */
const struct log_record *simlog_person(const struct simlog *log, int32_t partition, struct str key);

/* What that value says of a target; NULL: nothing. The caller frees *ret_document, which may be NULL. */
const struct cJSON *simlog_state(const struct simlog *log, int32_t partition, struct str key,
                                 const char *target, struct cJSON **ret_document);

/* The cleaner passes, when nothing is on its way: of persons only the newest records are left, and of other topics nothing,
 * since the witness has seen it. False: a transaction is not over, nothing was done. */
bool simlog_clean(struct simlog *log);

const struct txn *simlog_txn(const struct simlog *log, uint64_t txn);
const struct log_part *simlog_part(const struct simlog *log, enum engine_topic topic, int32_t partition);

#endif
