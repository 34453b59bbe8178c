#include "budget.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "mem.h"

enum { BURST_SHARE = 10 }; /* a tenth of the limit may go at once */

void budget_init(struct budget *b, const struct limit limits[LIMITS_MAX], int64_t now_ms)
{
    *b = (struct budget){0};
    for (; b->n < LIMITS_MAX && limits[b->n].name; b->n++) {
        struct budget_class *c = &b->classes[b->n];
        c->limit = limits[b->n];
        c->done = xcalloc(c->limit.count, sizeof *c->done);
        c->refilled_ms = now_ms;
    }
}

void budget_done(struct budget *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->classes[i].done);
    *b = (struct budget){0};
}

void budget_restart(struct budget *b, int64_t now_ms)
{
    for (size_t i = 0; i < b->n; i++) {
        b->classes[i].tokens = 0;
        b->classes[i].refilled_ms = now_ms;
    }
}

static double burst_of(const struct budget_class *c)
{
    unsigned burst = c->limit.count / BURST_SHARE;
    return burst > 0 ? burst : 1;
}

/* Tokens per millisecond. A limit of one call has no room for a burst: it is paced by the log alone. */
static double rate_of(const struct budget_class *c)
{
    double spread = (double)c->limit.count - burst_of(c);
    return (spread > 0 ? spread : 1) / (double)c->limit.window_ms;
}

static void refresh(struct budget_class *c, int64_t now_ms)
{
    while (c->n_done > 0 && now_ms - c->done[c->first] > c->limit.window_ms) {
        c->first = (c->first + 1) % c->limit.count;
        c->n_done--;
    }
    if (now_ms > c->refilled_ms) {
        c->tokens += (double)(now_ms - c->refilled_ms) * rate_of(c);
        c->refilled_ms = now_ms;
    }
    if (c->tokens > burst_of(c))
        c->tokens = burst_of(c);
}

int64_t budget_ready_in(struct budget *b, int class, int64_t now_ms)
{
    if (class < 0)
        return 0;
    struct budget_class *c = &b->classes[class];
    refresh(c, now_ms);
    int64_t wait = c->paused_until_ms > now_ms ? c->paused_until_ms - now_ms : 0;
    if (c->in_flight + c->n_done >= c->limit.count) {
        if (c->n_done == 0)
            return INT64_MAX; /* all places are in flight */
        int64_t place = c->done[c->first] + c->limit.window_ms + 1 - now_ms;
        wait = place > wait ? place : wait;
    }
    if (c->tokens < 1) {
        int64_t token = (int64_t)ceil((1 - c->tokens) / rate_of(c));
        wait = token > wait ? token : wait;
    }
    return wait;
}

void budget_take(struct budget *b, int class, int64_t now_ms)
{
    if (class < 0)
        return;
    struct budget_class *c = &b->classes[class];
    refresh(c, now_ms);
    assert(c->in_flight + c->n_done < c->limit.count);
    c->in_flight++;
    c->tokens -= 1;
}

void budget_give(struct budget *b, int class, int64_t now_ms)
{
    if (class < 0)
        return;
    struct budget_class *c = &b->classes[class];
    assert(c->in_flight > 0);
    refresh(c, now_ms);
    c->in_flight--;
    c->done[(c->first + c->n_done) % c->limit.count] = now_ms;
    c->n_done++;
}

void budget_pause(struct budget *b, int class, int64_t until_ms)
{
    if (class >= 0 && until_ms > b->classes[class].paused_until_ms)
        b->classes[class].paused_until_ms = until_ms;
}
