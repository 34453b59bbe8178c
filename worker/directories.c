#include "directories.h"

#include <stdlib.h>

#include "follower.h"
#include "log.h"
#include "mem.h"
#include "now.h"
#include "worker_metrics.h"

struct directories {
    const struct config *cfg;
    struct engine *engine;
    struct metrics *metrics;
    bool *unknown, *unattached, *full; /* by target, as was said last */
    struct follower topic;
};

/* What the target said may name anybody: the record has it, the line has not. */
static void tell_unattached(struct directories *d, size_t i, const char *why)
{
    const char *target = d->cfg->targets.v[i].name;
    metrics_set(d->metrics, WM_GROUPS_UNATTACHED, target, why != NULL);
    if (why && !d->unattached[i])
        log_warn("groups are not attached to teams as configured", LOG_S("target", target),
                 LOG_S("why", why));
    else if (!why && d->unattached[i])
        log_info("groups are attached to teams as configured", LOG_S("target", target));
    d->unattached[i] = why;
}

static void tell_full(struct directories *d, size_t i, bool full)
{
    const char *target = d->cfg->targets.v[i].name;
    if (full && !d->full[i])
        log_warn("as many groups are to be made as are kept in mind: who is to be in another one waits",
                 LOG_S("target", target));
    else if (!full && d->full[i])
        log_info("there is room again for groups that are to be made", LOG_S("target", target));
    d->full[i] = full;
}

void directories_tell(struct directories *d)
{
    for (size_t i = 0; i < d->cfg->targets.n; i++) {
        const char *target = d->cfg->targets.v[i].name;
        struct engine_target_figures figures;
        engine_target_figures(d->engine, i, &figures);
        bool unknown = figures.teams_failed;
        metrics_set(d->metrics, WM_TEAMS, target, (int64_t)figures.teams);
        metrics_set(d->metrics, WM_TEAMS_UNKNOWN, target, unknown);
        if (unknown && !d->unknown[i])
            log_warn("the target's teams cannot be listed: nobody is put into those that are not known",
                     LOG_S("target", target));
        else if (!unknown && d->unknown[i])
            log_info("the target's teams are listed again", LOG_S("target", target));
        d->unknown[i] = unknown;
        tell_unattached(d, i, figures.unattached);
        tell_full(d, i, figures.wants_full);
    }
}

static void take_record(void *ctx, const struct topic_record *record)
{
    struct directories *d = ctx;
    struct error err;
    if (!engine_target_record(d->engine, record->key, record->value, now_read(), &err))
        log_warn("record about a target is not understood and passed over",
                 LOG_I("partition", record->partition), LOG_I("offset", record->offset),
                 LOG_ERROR_FIELD(&err));
}

bool directories_catch_up(struct directories *d, int slice_ms, struct error *err)
{
    bool reached = follower_catch_up(&d->topic, slice_ms, err);
    directories_tell(d);
    return reached;
}

int directories_fd(const struct directories *d)
{
    return follower_fd(&d->topic);
}

bool directories_take(struct directories *d, struct error *err)
{
    bool ok = follower_take(&d->topic, err);
    directories_tell(d);
    return ok;
}

bool directories_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                     struct directories **ret, struct error *err)
{
    struct directories *d = xcalloc(1, sizeof *d);
    *d = (struct directories){.cfg = cfg,
                              .engine = engine,
                              .metrics = metrics,
                              .topic = {.name = "targets", .take = take_record, .ctx = d}};
    if (!follower_open(&d->topic, cfg, KAFKA_TARGETS, err)) {
        free(d);
        return false;
    }
    d->unknown = xcalloc(cfg->targets.n, sizeof *d->unknown);
    d->unattached = xcalloc(cfg->targets.n, sizeof *d->unattached);
    d->full = xcalloc(cfg->targets.n, sizeof *d->full);
    *ret = d;
    return true;
}

void directories_free(struct directories *d)
{
    if (!d)
        return;
    follower_done(&d->topic);
    free(d->unknown);
    free(d->unattached);
    free(d->full);
    free(d);
}
