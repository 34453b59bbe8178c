#include "reading.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "intake.h"
#include "log.h"
#include "mem.h"
#include "now.h"
#include "worker_metrics.h"

/* ---- records ------------------------------------------------------------------------------------------- */

void reading_begin_turn(struct reading *r)
{
    r->turn_ms = clock_mono_ms();
}

static bool turn_is_over(const struct reading *r)
{
    return r->turn_ms && clock_mono_ms() - r->turn_ms >= READING_TURN_MAX_MS;
}

/* A pause does not work at once: what still comes lines up behind what is kept. */
bool reading_take(struct reading *r, rd_kafka_message_t *message)
{
    if (r->n_kept == 0 && !turn_is_over(r)) {
        r->ahead++;
        if (intake_event(r->engine, message, now_read()))
            return true;
    }
    r->kept = xreallocarray(r->kept, r->n_kept + 1, sizeof(rd_kafka_message_t *));
    r->kept[r->n_kept++] = message;
    return false;
}

void reading_offer_kept(struct reading *r)
{
    size_t taken = 0;
    while (taken < r->n_kept && !turn_is_over(r) && intake_event(r->engine, r->kept[taken], now_read()))
        rd_kafka_message_destroy(r->kept[taken++]);
    r->ahead += taken;
    r->n_kept -= taken;
    if (r->n_kept > 0)
        memmove(r->kept, &r->kept[taken], r->n_kept * sizeof(rd_kafka_message_t *));
    else
        reading_forget_kept(r);
}

void reading_forget_kept(struct reading *r)
{
    for (size_t i = 0; i < r->n_kept; i++)
        rd_kafka_message_destroy(r->kept[i]);
    free(r->kept);
    r->kept = NULL;
    r->n_kept = 0;
}

/* ---- the flow ------------------------------------------------------------------------------------------ */

void reading_note_waiting(struct reading *r, uint64_t waiting)
{
    r->crowded = waiting > (r->crowded ? READING_WAITING_MAX / 10 * 9 : READING_WAITING_MAX);
}

void reading_resume(struct reading *r)
{
    r->held_since_ms = 0;
    if (!r->paused)
        return;
    r->paused = false;
    consumer_pause(r->consumer, false);
    metrics_set(r->metrics, WM_READING_HELD, NULL, 0);
}

static void pause_reading(struct reading *r)
{
    r->paused = true;
    consumer_pause(r->consumer, true);
    metrics_set(r->metrics, WM_READING_HELD, NULL, 1);
    log_warn("reading paused", LOG_S("why", r->crowded ? "too many persons wait" : "commits do not follow"));
}

/* True: leave the queue alone for a moment. */
static bool hold(struct reading *r, bool serving)
{
    bool too_far = serving && (r->ahead >= READING_AHEAD_MAX || r->crowded || r->n_kept > 0);
    if (!too_far) {
        reading_resume(r);
        return false;
    }
    if (r->paused)
        return false;
    if (r->held_since_ms == 0)
        r->held_since_ms = clock_mono_ms();
    if (clock_mono_ms() - r->held_since_ms < READING_PAUSE_AFTER_MS)
        return true;
    pause_reading(r);
    return false;
}

void reading_poll(struct reading *r, bool serving)
{
    if (!hold(r, serving) && consumer_more(r->consumer))
        consumer_poll(r->consumer, READING_POLL_MAX);
}

int reading_timeout_ms(const struct reading *r)
{
    if (!r->held_since_ms || r->paused)
        return -1;
    int64_t left = r->held_since_ms + READING_PAUSE_AFTER_MS - clock_mono_ms();
    return left < 0 ? 0 : (int)left;
}
