#include "follower.h"

#include "loop.h"

enum { POLL_MS = 100 };

bool follower_open(struct follower *f, const struct config *cfg, enum kafka_topic topic, struct error *err)
{
    return topic_reader_new(cfg, topic, &f->reader, err);
}

bool follower_catch_up(struct follower *f, int slice_ms, struct error *err)
{
    if (!f->begun && !topic_reader_begin(f->reader, TOPIC_FROM_BEGINNING, slice_ms, err))
        return false;
    f->begun = true;
    for (int64_t until_ms = clock_mono_ms() + slice_ms;
         !topic_reader_reached(f->reader) && clock_mono_ms() < until_ms;)
        if (!topic_reader_poll(f->reader, POLL_MS, f->take, f->ctx, err))
            return false;
    return topic_reader_reached(f->reader) ||
           error_set(err, ERROR_TEMPORARY, "the %s topic is not read to its end yet", f->name);
}

int follower_fd(const struct follower *f)
{
    return topic_reader_fd(f->reader);
}

bool follower_take(struct follower *f, struct error *err)
{
    return topic_reader_poll(f->reader, 0, f->take, f->ctx, err) || error_wrap(err, "%s", f->name);
}

void follower_done(struct follower *f)
{
    topic_reader_free(f->reader);
}
