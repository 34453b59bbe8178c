/* reading.h - the flow of events from the consumer into the engine: how far ahead of the commits it runs, and what the
 * engine takes later.
 *
 * Too far ahead, the queue is left alone for a moment. When that moment gets long the partitions are paused instead,
 * because the queue also carries the group's words; a pause throws away what was fetched. The loop's thread. */
#ifndef ROLLCALL_WORKER_READING_H
#define ROLLCALL_WORKER_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumer.h"
#include "engine/engine.h"
#include "metrics.h"

enum {
    READING_POLL_MAX = 1000,       /* records per turn */
    READING_AHEAD_MAX = 50000,     /* events merged since the last batch was taken */
    READING_WAITING_MAX = 4000000, /* persons who wait for calls: memory */
    READING_PAUSE_AFTER_MS = 3000,
    READING_TURN_MAX_MS =
        500, /* then the rest of a turn's records is kept: one trial of a record that hangs is enough
                                  for a turn, the deadman and the group wait for its end */
};

struct rd_kafka_message_s;

struct reading { /* zero, then the first three */
    struct engine *engine;
    struct consumer *consumer;
    struct metrics *metrics;
    struct rd_kafka_message_s **kept; /* in order: what the engine takes after the next commit */
    size_t n_kept;
    int64_t turn_ms;       /* monotonic: when this turn began to take records; 0: none did */
    size_t ahead;          /* events merged since the last batch was taken */
    bool crowded;          /* too many persons wait */
    int64_t held_since_ms; /* 0: events are being read */
    bool paused;
};

/* First in a turn of the loop. */
void reading_begin_turn(struct reading *r);
/* As consumer_callbacks.message: true, done with it; false, it is kept and no more are wanted now. */
bool reading_take(struct reading *r, struct rd_kafka_message_s *message);
/* A batch was answered: what was kept may be taken. */
void reading_offer_kept(struct reading *r);
/* What was kept is read again, by us or by the next owner. */
void reading_forget_kept(struct reading *r);

/* waiting: persons who wait for calls. */
void reading_note_waiting(struct reading *r, uint64_t waiting);
/* Polls the consumer, unless it is too far ahead. serving: events are wanted. */
void reading_poll(struct reading *r, bool serving);
void reading_resume(struct reading *r);
/* When reading_poll will pause instead of waiting; -1: it does not wait. */
int reading_timeout_ms(const struct reading *r);

#endif
