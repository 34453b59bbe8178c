#include "directories.h"

#include <stdlib.h>

#include "log.h"
#include "mem.h"
#include "now.h"
#include "topic_reader.h"
#include "worker_metrics.h"

enum { POLL_MS = 100 };

struct directories {
    const struct config *cfg;
    struct engine *engine;
    struct metrics *metrics;
    bool *unknown, *unattached, *full; /* by target, as was said last */
    struct topic_reader *reader;
    bool begun;
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
    if (!d->begun && !topic_reader_begin(d->reader, TOPIC_FROM_BEGINNING, slice_ms, err))
        return false;
    d->begun = true;
    for (int64_t until_ms = clock_mono_ms() + slice_ms;
         !topic_reader_reached(d->reader) && clock_mono_ms() < until_ms;)
        if (!topic_reader_poll(d->reader, POLL_MS, take_record, d, err))
            return false;
    directories_tell(d);
    return topic_reader_reached(d->reader) ||
           error_set(err, ERROR_TEMPORARY, "the targets topic is not read to its end yet");
}

int directories_fd(const struct directories *d)
{
    return topic_reader_fd(d->reader);
}

bool directories_take(struct directories *d, struct error *err)
{
    bool ok = topic_reader_poll(d->reader, 0, take_record, d, err);
    directories_tell(d);
    return ok || error_wrap(err, "targets");
}

bool directories_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                     struct directories **ret, struct error *err)
{
    struct topic_reader *reader;
    if (!topic_reader_new(cfg, KAFKA_TARGETS, &reader, err))
        return false;
    struct directories *d = xcalloc(1, sizeof *d);
    *d = (struct directories){.cfg = cfg, .engine = engine, .metrics = metrics, .reader = reader};
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
    topic_reader_free(d->reader);
    free(d->unknown);
    free(d->unattached);
    free(d->full);
    free(d);
}
