#include "notices.h"

#include <stdlib.h>

#include "engine/control.h"
#include "log.h"
#include "mem.h"
#include "now.h"
#include "topic_reader.h"
#include "worker_metrics.h"

enum { POLL_MS = 100 };

struct notices {
    struct engine *engine;
    struct metrics *metrics;
    struct topic_reader *reader;
    bool begun;
    bool caught_up;
    bool *paused; /* by target, as was said last */
};

/* The alarm: a metric by target, a line when it begins and when it ends. No names or reasons of people: `rollcall-worker
 * control list` has them. */
static void tell_pauses(struct notices *n)
{
    for (size_t i = 0; i < engine_target_count(n->engine); i++) {
        const char *target = engine_target_name(n->engine, i);
        bool paused = engine_paused(n->engine, i);
        metrics_set(n->metrics, WM_PAUSED, target, paused);
        if (paused && !n->paused[i])
            log_warn("target is paused, nothing is called there until somebody resumes it",
                     LOG_S("target", target));
        else if (!paused && n->paused[i])
            log_warn("target goes on", LOG_S("target", target));
        n->paused[i] = paused;
    }
}

/* A record's key may name a person, its text anything: the line says where it stands. */
static void take_record(void *ctx, const struct topic_record *record)
{
    struct notices *n = ctx;
    struct error err;
    bool ok = engine_control(n->engine, record->key, record->value, now_read(), &err);
    metrics_add(n->metrics, WM_DECISIONS, ok ? "obeyed" : "refused", 1);
    if (!ok)
        log_warn("decision is not understood and not obeyed", LOG_I("partition", record->partition),
                 LOG_I("offset", record->offset), LOG_ERROR_FIELD(&err));
    else if (n->caught_up)
        log_info("decision obeyed", LOG_I("partition", record->partition), LOG_I("offset", record->offset));
}

bool notices_catch_up(struct notices *n, int slice_ms, struct error *err)
{
    if (!n->begun && !topic_reader_begin(n->reader, TOPIC_FROM_BEGINNING, slice_ms, err))
        return false;
    n->begun = true;
    for (int64_t until_ms = clock_mono_ms() + slice_ms;
         !topic_reader_reached(n->reader) && clock_mono_ms() < until_ms;)
        if (!topic_reader_poll(n->reader, POLL_MS, take_record, n, err))
            return false;
    if (!topic_reader_reached(n->reader))
        return error_set(err, ERROR_TEMPORARY, "the control topic is not read to its end yet");
    n->caught_up = true;
    tell_pauses(n);
    return true;
}

int notices_fd(const struct notices *n)
{
    return topic_reader_fd(n->reader);
}

bool notices_take(struct notices *n, struct error *err)
{
    bool ok = topic_reader_poll(n->reader, 0, take_record, n, err);
    tell_pauses(n);
    return ok || error_wrap(err, "control");
}

bool notices_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                 struct notices **ret, struct error *err)
{
    struct topic_reader *reader;
    if (!topic_reader_new(cfg, KAFKA_CONTROL, &reader, err))
        return false;
    struct notices *n = xcalloc(1, sizeof *n);
    *n = (struct notices){.engine = engine, .metrics = metrics, .reader = reader};
    n->paused = xcalloc(engine_target_count(engine), sizeof *n->paused);
    *ret = n;
    return true;
}

void notices_free(struct notices *n)
{
    if (!n)
        return;
    topic_reader_free(n->reader);
    free(n->paused);
    free(n);
}
