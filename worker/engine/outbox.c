/* outbox.c - finished records that wait for the next batch. */
#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>

#include "mem.h"

void outbox_add(struct engine *e, enum engine_topic topic, int32_t origin, struct str key, struct buf *value)
{
    assert(buf_ok(value)); /* every part of a record has a limit of its own */
    struct outbox *o = &e->outbox;
    if (o->n == o->size) {
        o->size = o->size ? o->size * 2 : 16;
        o->v = xreallocarray(o->v, o->size, sizeof *o->v);
    }
    size_t n = value->n;
    char *text = n > 0 ? buf_take(value) : NULL; /* nothing: a tombstone */
    buf_done(value);
    o->v[o->n++] = (struct outbox_item){
        .record = {.topic = topic,
                   .partition = topic == TOPIC_TARGETS ? 0 : -1, /* a listing stands behind its teams */
                   .key = {xmemdup(key.p, key.n), key.n},
                   .value = {text, n}},
        .origin = origin,
    };
}

void out_record_free(struct out_record *r)
{
    free((char *)(uintptr_t)r->key.p);
    free((char *)(uintptr_t)r->value.p);
}

void outbox_drop(struct engine *e, int32_t origin)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->outbox.n; i++) {
        if (origin >= 0 && e->outbox.v[i].origin != origin)
            e->outbox.v[kept++] = e->outbox.v[i];
        else
            out_record_free(&e->outbox.v[i].record);
    }
    e->outbox.n = kept;
}
