/* consumer.h - the group consumer of the events topic.
 *
 * Static membership (group.instance.id = slot), range assignor, read_committed, no commits of its own:
 * offsets travel in the ledger's transactions. All callbacks run inside consumer_poll or consumer_close on
 * the loop's thread. While a rebalance waits for consumer_assign or consumer_unassign the membership goes on
 * (heartbeats are librdkafka's). */
#ifndef ROLLCALL_WORKER_CONSUMER_H
#define ROLLCALL_WORKER_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "restore.h"

struct rd_kafka_consumer_group_metadata_s;
struct rd_kafka_message_s;
struct rd_kafka_s;

enum { CONSUMER_POLL_EVERY_MS = 1000 }; /* at least */

struct consumer;

struct consumer_callbacks {
    void *ctx;
    /* The group gives us these; answer with consumer_assign (or _unassign) some time. group: the membership
     * at this moment; ownership goes to the callee. */
    void (*assigned)(void *ctx, const int32_t *partitions, size_t n,
                     struct rd_kafka_consumer_group_metadata_s *group);
    /* All go back; answer with consumer_unassign some time. lost: they may already be somebody else's. */
    void (*revoked)(void *ctx, bool lost);
    /* A record. True: done with it. False: the callee keeps it (and destroys it), and wants no more now. */
    bool (*message)(void *ctx, struct rd_kafka_message_s *message);
    /* The consumer is done for; the process has to end. */
    void (*failed)(void *ctx, const struct error *err);
};

/* Talks to nobody yet; callbacks are copied. Fails with ERROR_INPUT or ERROR_SYSTEM. */
bool consumer_new(const struct config *cfg, const char *slot, const struct consumer_callbacks *callbacks,
                  struct consumer **ret, struct error *err) __attribute__((warn_unused_result));
/* Joins the group. From here on partitions may be ours, and stay so for a session time-out when the process
 * ends: whatever else can fail at start comes before. Fails with ERROR_INPUT. */
bool consumer_subscribe(struct consumer *c, struct error *err) __attribute__((warn_unused_result));
/* After consumer_close, and after whoever borrowed the handle is gone. */
void consumer_free(struct consumer *c);

/* For the ledger: committed offsets and seeks. */
struct rd_kafka_s *consumer_handle(struct consumer *c);

/* Readable when something arrived while nothing was there (and then only): tell it by consumer_ready, and
 * poll until consumer_more says no. */
int consumer_fd(const struct consumer *c);
void consumer_ready(struct consumer *c);
/* Takes what is there, at most max records and everything else; ends early when the callee wants no more. */
size_t consumer_poll(struct consumer *c, size_t max);
/* The last poll did not reach the end, or consumer_ready was called since, or it is long ago. */
bool consumer_more(const struct consumer *c);

/* Starts reading at the offsets. */
void consumer_assign(struct consumer *c, const struct partition_offset *v, size_t n);
void consumer_unassign(struct consumer *c);
/* Throws prefetched records away, so not often. */
void consumer_pause(struct consumer *c, bool paused);

/* Leaves; a static member's partitions stay its own until the session times out. Blocks for a moment. */
void consumer_close(struct consumer *c);

#endif
