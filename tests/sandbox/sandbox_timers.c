#include "sandbox_timers.h"

#include <stdlib.h>

#include "mem.h"

static void place(struct timers *ts, size_t i, struct timer *t)
{
    ts->heap[i] = t;
    t->place = i;
}

static void up(struct timers *ts, size_t i, struct timer *t)
{
    for (; i > 1 && ts->heap[i / 2]->at_ms > t->at_ms; i /= 2)
        place(ts, i, ts->heap[i / 2]);
    place(ts, i, t);
}

static void down(struct timers *ts, size_t i, struct timer *t)
{
    for (size_t child; (child = 2 * i) <= ts->n; i = child) {
        if (child < ts->n && ts->heap[child + 1]->at_ms < ts->heap[child]->at_ms)
            child++;
        if (ts->heap[child]->at_ms >= t->at_ms)
            break;
        place(ts, i, ts->heap[child]);
    }
    place(ts, i, t);
}

void timers_done(struct timers *ts)
{
    free(ts->heap);
    *ts = (struct timers){0};
}

void timer_set(struct timers *ts, struct timer *t, int64_t at_ms)
{
    timer_clear(ts, t);
    if (ts->n + 1 >= ts->size) {
        ts->size = ts->size ? ts->size * 2 : 64;
        ts->heap = xreallocarray(ts->heap, ts->size, sizeof(struct timer *));
    }
    t->at_ms = at_ms;
    ts->n++;
    up(ts, ts->n, t);
}

void timer_clear(struct timers *ts, struct timer *t)
{
    size_t i = t->place;
    if (i == 0)
        return;
    t->place = 0;
    struct timer *last = ts->heap[ts->n--];
    if (last == t)
        return;
    if (i > 1 && ts->heap[i / 2]->at_ms > last->at_ms)
        up(ts, i, last);
    else
        down(ts, i, last);
}

int64_t timers_next_ms(const struct timers *ts, int64_t now_ms)
{
    if (ts->n == 0)
        return -1;
    int64_t left = ts->heap[1]->at_ms - now_ms;
    return left > 0 ? left : 0;
}

void timers_run(struct timers *ts, int64_t now_ms)
{
    while (ts->n > 0 && ts->heap[1]->at_ms <= now_ms) {
        struct timer *t = ts->heap[1];
        timer_clear(ts, t);
        t->fn(t->ctx);
    }
}
