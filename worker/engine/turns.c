#include "turns.h"

#include <stdbool.h>
#include <stdlib.h>

#include "mem.h"

void turns_done(struct turns *t)
{
    free(t->heap);
    *t = (struct turns){0};
}

/* ---- heap ---------------------------------------------------------------------------------------------- */

static bool earlier(const struct turn *a, const struct turn *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void place(struct turns *t, size_t at, struct turn *turn)
{
    t->heap[at - 1] = turn;
    turn->place = at;
}

static void sift_up(struct turns *t, struct turn *turn)
{
    size_t at = turn->place;
    for (; at > 1 && earlier(turn, t->heap[at / 2 - 1]); at /= 2)
        place(t, at, t->heap[at / 2 - 1]);
    place(t, at, turn);
}

static void sift_down(struct turns *t, struct turn *turn)
{
    size_t at = turn->place;
    for (size_t child; (child = at * 2) <= t->n; at = child) {
        if (child < t->n && earlier(t->heap[child], t->heap[child - 1]))
            child++;
        if (!earlier(t->heap[child - 1], turn))
            break;
        place(t, at, t->heap[child - 1]);
    }
    place(t, at, turn);
}

static void enter(struct turns *t, struct turn *turn)
{
    if (t->n == t->size) {
        t->size = t->size ? t->size * 2 : 16;
        t->heap = xreallocarray(t->heap, t->size, sizeof(struct turn *));
    }
    place(t, ++t->n, turn);
    sift_up(t, turn);
}

static void leave(struct turns *t, struct turn *turn)
{
    struct turn *last = t->heap[--t->n];
    if (last != turn) {
        place(t, turn->place, last);
        sift_up(t, last);
        sift_down(t, last);
    }
    turn->place = 0;
}

/* ---- turns --------------------------------------------------------------------------------------------- */

void turns_wait(struct turn *turn, int64_t at_ms)
{
    struct turns *t = turn->turns;
    if (turn->place)
        leave(t, turn);
    if (at_ms == INT64_MAX)
        return;
    turn->at_ms = at_ms;
    turn->number = ++t->number;
    enter(t, turn);
}

void turns_call(struct turn *turn)
{
    if (!turn->place || turn->at_ms > turn->turns->now_ms)
        turns_wait(turn, turn->turns->now_ms);
}

struct turn *turns_next(struct turns *t, int64_t now_ms)
{
    t->now_ms = now_ms;
    return t->n > 0 && t->heap[0]->at_ms <= now_ms ? t->heap[0] : NULL;
}

int64_t turns_first_ms(const struct turns *t)
{
    return t->n > 0 ? t->heap[0]->at_ms : INT64_MAX;
}
