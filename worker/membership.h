/* membership.h - which partitions are ours, and everything that has to happen when that changes.
 *
 *            assigned                restored               aborted
 *     IDLE ───────────► RESTORING ────────────► RUNNING ◄──────────► SEEKING
 *       ▲                   │ revoked              │ revoked, drain     │ sought
 *       │                   ▼                      ▼                    │
 *       └──────── dropped, unassigned ◄──── LEAVING: calls in flight end (bounded), the partition's record is
 * closed and committed, then dropped. Lost partitions are dropped at once.
 *
 * It feeds the engine, hands its batches to the ledger and tells the engine what came of them. The loop's
 * thread; nothing here blocks. */
#ifndef ROLLCALL_WORKER_MEMBERSHIP_H
#define ROLLCALL_WORKER_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumer.h"
#include "engine/engine.h"
#include "ledger.h"
#include "metrics.h"

struct rd_kafka_consumer_group_metadata_s;
struct rd_kafka_message_s;

enum { MEMBERSHIP_ABORTING_MS = 8000 }; /* beside the time that one abort and its next try may take */

struct membership;

struct membership_settings {
    struct engine *engine;   /* kept */
    struct metrics *metrics; /* kept; may be NULL */
    int partitions;          /* of the events topic, as the engine was told */
    int64_t drain_ms;        /* most time for LEAVING */
    int64_t transaction_timeout_ms;
    void *ctx;
    /* The process has to end; ERROR_PERMANENT: a restart alone will not help. */
    void (*failed)(void *ctx, const struct error *err);
};

struct membership *membership_new(const struct membership_settings *settings);
/* Before the first callback or turn; keeps both. */
void membership_connect(struct membership *m, struct consumer *consumer, struct ledger *ledger);
void membership_free(struct membership *m);

/* consumer_callbacks; ctx is the membership. */
void membership_assigned(void *ctx, const int32_t *partitions, size_t n,
                         struct rd_kafka_consumer_group_metadata_s *group);
void membership_revoked(void *ctx, bool lost);
bool membership_message(void *ctx, struct rd_kafka_message_s *message);
void membership_failed(void *ctx, const struct error *err);

/* Steps of a loop turn, in this order. */
void membership_take_results(struct membership *m);
void membership_poll(struct membership *m);
void membership_commit(struct membership *m); /* also whatever is due of LEAVING */
/* The next turn is due in so many milliseconds; -1: only input. */
int membership_timeout_ms(const struct membership *m);
/* A batch could be taken now (0), after a pause (ms), or not before something arrives (-1). */
int membership_commit_in_ms(const struct membership *m);

/* Gives everything back and takes nothing more. */
void membership_drain(struct membership *m);
bool membership_drained(const struct membership *m);
/* A commit was aborted and undone a short while ago. What succeeds in between may be all that does not need what is
 * broken: a topic that is not there fails only the batches that have something for it. */
bool membership_aborting(const struct membership *m);
/* Giving partitions back or draining: bounded, whatever Kafka does. */
bool membership_leaving(const struct membership *m);
/* Serving, or with nothing to serve; if not, *ret_why (static) says why. */
bool membership_ready(const struct membership *m, const char **ret_why);

#endif
