#include "clock.h"

#include <stdlib.h>

#include "mem.h"

void clock_init(struct clock *c, int64_t now_ms)
{
    *c = (struct clock){.now_ms = now_ms};
}

void clock_done(struct clock *c)
{
    free(c->heap);
    *c = (struct clock){0};
}

static bool before(const struct clock_entry *a, const struct clock_entry *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct clock *c, size_t i, size_t j)
{
    struct clock_entry t = c->heap[i];
    c->heap[i] = c->heap[j];
    c->heap[j] = t;
}

static void sift_down(struct clock *c, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < c->n && before(&c->heap[child], &c->heap[least]))
                least = child;
        if (least == i)
            return;
        swap(c, i, least);
        i = least;
    }
}

void clock_after(struct clock *c, int64_t delay_ms, void (*fn)(void *ctx, uint64_t arg), void *ctx,
                 uint64_t arg)
{
    if (c->n == c->size) {
        c->size = c->size ? 2 * c->size : 64;
        c->heap = xreallocarray(c->heap, c->size, sizeof *c->heap);
    }
    size_t i = c->n++;
    c->heap[i] = (struct clock_entry){c->now_ms + (delay_ms > 0 ? delay_ms : 0), c->order++, fn, ctx, arg};
    for (; i > 0 && before(&c->heap[i], &c->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(c, i, (i - 1) / 2);
}

bool clock_step(struct clock *c, int64_t until_ms)
{
    if (c->n == 0 || c->heap[0].at_ms > until_ms) {
        c->now_ms = until_ms;
        return false;
    }
    struct clock_entry entry = c->heap[0];
    c->heap[0] = c->heap[--c->n];
    sift_down(c, 0);
    c->now_ms = entry.at_ms;
    entry.fn(entry.ctx, entry.arg);
    return true;
}

void clock_leap(struct clock *c, int64_t ms)
{
    c->now_ms += ms;
    for (size_t i = 0; i < c->n; i++)
        c->heap[i].at_ms += ms;
}
