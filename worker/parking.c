#include "parking.h"

#include <stdlib.h>

#include "mem.h"
#include "now.h"

void parking_done(struct parking *p)
{
    free(p->v);
    *p = (struct parking){0};
}

void parking_add(struct parking *p, struct engine *engine, int32_t partition, int64_t end)
{
    engine_park(engine, partition, now_read());
    p->v = xreallocarray(p->v, p->n + 1, sizeof *p->v);
    p->v[p->n++] = (struct restore_part){
        .partition = partition, .left_offset = engine_position(engine, partition), .left_end = end};
}

static struct restore_part *find(struct restore_part *v, size_t n, int32_t partition)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].partition == partition)
            return &v[i];
    return NULL;
}

void parking_match(struct parking *p, struct engine *engine, struct restore_part *v, size_t n)
{
    size_t stay = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct restore_part *back = find(v, n, p->v[i].partition);
        if (back) {
            *back = p->v[i];
            p->v[stay++] = p->v[i];
        } else {
            engine_drop(engine, p->v[i].partition);
        }
    }
    p->n = stay;
}

void parking_resolve(struct parking *p, struct engine *engine, const struct restore_part *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!v[i].kept && find(p->v, p->n, v[i].partition))
            engine_drop(engine, v[i].partition);
    parking_done(p);
}
