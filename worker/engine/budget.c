#include "budget.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "mem.h"

enum { LEAVERS_SHARE = 20, BURST_SHARE = 20 }; /* a twentieth each, one place at least */

/* ---- shares -------------------------------------------------------------------------------------------- */

static unsigned part(unsigned count, unsigned share)
{
    return count >= share ? count / share : 1;
}

/* Places of a share. A limit of one call cannot be shared: it is everybody's. */
static unsigned places(const struct budget_class *c, enum budget_share share)
{
    unsigned reserved = c->limit.count > 1 ? part(c->limit.count, LEAVERS_SHARE) : 0;
    return share == BUDGET_LEAVERS ? reserved : c->limit.count - reserved;
}

static double burst_of(const struct budget_class *c, enum budget_share share)
{
    unsigned n = places(c, share);
    return n > 0 ? part(n, BURST_SHARE) : 0;
}

/* Tokens per millisecond. A share of one place has no room beside its burst: one call in a window, never two. */
static double rate_of(const struct budget_class *c, enum budget_share share)
{
    double n = places(c, share), spread = n - burst_of(c, share);
    return (spread > 0 ? spread : n) / (double)c->limit.window_ms;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

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
        for (enum budget_share share = 0; share < BUDGET_SHARES; share++)
            b->classes[i].tokens[share] = 0;
        b->classes[i].refilled_ms = now_ms;
    }
}

/* ---- spending ------------------------------------------------------------------------------------------ */

static void refresh(struct budget_class *c, int64_t now_ms)
{
    while (c->n_done > 0 && now_ms - c->done[c->first] > c->limit.window_ms) {
        c->first = (c->first + 1) % c->limit.count;
        c->n_done--;
    }
    double passed = now_ms > c->refilled_ms ? (double)(now_ms - c->refilled_ms) : 0;
    for (enum budget_share share = 0; share < BUDGET_SHARES; share++) {
        c->tokens[share] += passed * rate_of(c, share);
        if (c->tokens[share] > burst_of(c, share))
            c->tokens[share] = burst_of(c, share);
    }
    if (passed > 0)
        c->refilled_ms = now_ms;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Until the log has a place that this share may take. */
static int64_t place_in(const struct budget_class *c, enum budget_share share, int64_t now_ms)
{
    unsigned usable = share == BUDGET_LEAVERS ? c->limit.count : places(c, BUDGET_ORDINARY);
    unsigned used = c->in_flight + c->n_done;
    if (used < usable)
        return 0;
    unsigned must_go = used - usable; /* completions that have to leave the window first, but one */
    if (must_go >= c->n_done)
        return INT64_MAX;
    return c->done[(c->first + must_go) % c->limit.count] + c->limit.window_ms + 1 - now_ms;
}

static int64_t token_in(const struct budget_class *c, enum budget_share share)
{
    if (c->tokens[share] >= 1)
        return 0;
    double rate = rate_of(c, share);
    return rate > 0 ? (int64_t)ceil((1 - c->tokens[share]) / rate) : INT64_MAX;
}

int64_t budget_ready_in(struct budget *b, int class, enum budget_share share, int64_t now_ms)
{
    if (class < 0)
        return 0;
    struct budget_class *c = &b->classes[class];
    refresh(c, now_ms);
    int64_t token = token_in(c, BUDGET_ORDINARY);
    if (share == BUDGET_LEAVERS && token_in(c, BUDGET_LEAVERS) < token)
        token = token_in(c, BUDGET_LEAVERS);
    int64_t wait = c->paused_until_ms > now_ms ? c->paused_until_ms - now_ms : 0;
    return later(later(wait, token), place_in(c, share, now_ms));
}

void budget_take(struct budget *b, int class, enum budget_share share, int64_t now_ms)
{
    if (class < 0)
        return;
    struct budget_class *c = &b->classes[class];
    refresh(c, now_ms);
    assert(c->in_flight + c->n_done < c->limit.count);
    bool own = share == BUDGET_LEAVERS && c->tokens[BUDGET_ORDINARY] < 1;
    c->in_flight++;
    c->tokens[own ? BUDGET_LEAVERS : BUDGET_ORDINARY] -= 1;
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
