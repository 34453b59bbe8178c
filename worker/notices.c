#include "notices.h"

#include <stdlib.h>

#include "engine/control.h"
#include "follower.h"
#include "log.h"
#include "mem.h"
#include "now.h"
#include "worker_metrics.h"

struct notices {
    struct engine *engine;
    struct metrics *metrics;
    struct follower topic;
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
    if (!follower_catch_up(&n->topic, slice_ms, err))
        return false;
    n->caught_up = true;
    tell_pauses(n);
    return true;
}

int notices_fd(const struct notices *n)
{
    return follower_fd(&n->topic);
}

bool notices_take(struct notices *n, struct error *err)
{
    bool ok = follower_take(&n->topic, err);
    tell_pauses(n);
    return ok;
}

bool notices_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                 struct notices **ret, struct error *err)
{
    struct notices *n = xcalloc(1, sizeof *n);
    *n = (struct notices){
        .engine = engine, .metrics = metrics, .topic = {.name = "control", .take = take_record, .ctx = n}};
    if (!follower_open(&n->topic, cfg, KAFKA_CONTROL, err)) {
        free(n);
        return false;
    }
    n->paused = xcalloc(engine_target_count(engine), sizeof *n->paused);
    *ret = n;
    return true;
}

void notices_free(struct notices *n)
{
    if (!n)
        return;
    follower_done(&n->topic);
    free(n->paused);
    free(n);
}
