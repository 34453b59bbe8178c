#include "clock.h"

#include <assert.h>
#include <stdlib.h>

#include "mem.h"

void clock_init(struct clock *c, int64_t now_ms)
{
    *c = (struct clock){.now_ms = now_ms};
}

void clock_done(struct clock *c)
{
    free(c->under_way.v);
    free(c->appointments.v);
    *c = (struct clock){0};
}

/* ---- heaps --------------------------------------------------------------------------------------------- */

static bool before(const struct clock_entry *a, const struct clock_entry *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct clock_heap *h, size_t i, size_t j)
{
    struct clock_entry t = h->v[i];
    h->v[i] = h->v[j];
    h->v[j] = t;
}

static void sift_down(struct clock_heap *h, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < h->n && before(&h->v[child], &h->v[least]))
                least = child;
        if (least == i)
            return;
        swap(h, i, least);
        i = least;
    }
}

static void enter(struct clock_heap *h, const struct clock_entry *entry)
{
    if (h->n == h->size) {
        h->size = h->size ? 2 * h->size : 64;
        h->v = xreallocarray(h->v, h->size, sizeof *h->v);
    }
    size_t i = h->n++;
    h->v[i] = *entry;
    for (; i > 0 && before(&h->v[i], &h->v[(i - 1) / 2]); i = (i - 1) / 2)
        swap(h, i, (i - 1) / 2);
}

/* ---- things to do -------------------------------------------------------------------------------------- */

void clock_after(struct clock *c, int64_t delay_ms, void (*fn)(void *ctx, uint64_t arg), void *ctx,
                 uint64_t arg)
{
    enter(&c->under_way,
          &(struct clock_entry){c->now_ms + (delay_ms > 0 ? delay_ms : 0), c->order++, fn, ctx, arg});
}

void clock_at(struct clock *c, int64_t at_ms, void (*fn)(void *ctx, uint64_t arg), void *ctx, uint64_t arg)
{
    enter(&c->appointments,
          &(struct clock_entry){at_ms > c->now_ms ? at_ms : c->now_ms, c->order++, fn, ctx, arg});
}

int64_t clock_next_appointment(const struct clock *c)
{
    return c->appointments.n > 0 ? c->appointments.v[0].at_ms : INT64_MAX;
}

/* The heap whose first is to be done next; NULL: there is nothing. */
static struct clock_heap *next_of(struct clock *c)
{
    struct clock_heap *a = &c->under_way, *b = &c->appointments;
    if (a->n == 0 || b->n == 0)
        return a->n > 0 ? a : b->n > 0 ? b : NULL;
    return before(&b->v[0], &a->v[0]) ? b : a;
}

bool clock_step(struct clock *c, int64_t until_ms)
{
    struct clock_heap *h = next_of(c);
    if (!h || h->v[0].at_ms > until_ms) {
        c->now_ms = until_ms;
        return false;
    }
    struct clock_entry entry = h->v[0];
    h->v[0] = h->v[--h->n];
    sift_down(h, 0);
    c->now_ms = entry.at_ms;
    entry.fn(entry.ctx, entry.arg);
    return true;
}

void clock_leap(struct clock *c, int64_t ms)
{
    c->now_ms += ms;
    assert(c->now_ms <= clock_next_appointment(c));
    for (size_t i = 0; i < c->under_way.n; i++)
        c->under_way.v[i].at_ms += ms;
}
