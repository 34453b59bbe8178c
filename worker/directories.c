#include "directories.h"

#include <stdlib.h>

#include "log.h"
#include "mem.h"
#include "now.h"
#include "topic_reader.h"

enum { POLL_MS = 100 };

struct directories {
    struct engine *engine;
    struct topic_reader *reader;
    bool begun;
};

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
    return topic_reader_reached(d->reader) ||
           error_set(err, ERROR_TEMPORARY, "the targets topic is not read to its end yet");
}

int directories_fd(const struct directories *d)
{
    return topic_reader_fd(d->reader);
}

bool directories_take(struct directories *d, struct error *err)
{
    return topic_reader_poll(d->reader, 0, take_record, d, err) || error_wrap(err, "targets");
}

bool directories_new(const struct config *cfg, struct engine *engine, struct directories **ret,
                     struct error *err)
{
    struct topic_reader *reader;
    if (!topic_reader_new(cfg, KAFKA_TARGETS, &reader, err))
        return false;
    struct directories *d = xcalloc(1, sizeof *d);
    *d = (struct directories){.engine = engine, .reader = reader};
    *ret = d;
    return true;
}

void directories_free(struct directories *d)
{
    if (!d)
        return;
    topic_reader_free(d->reader);
    free(d);
}
