#include "load.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { BURST_S = 2, AFTER_MAX_S = 3600 }; /* of a source that says no burst of its own */

struct load_rate {
    struct load_rate *next;
    char *source;
    _Atomic int64_t interval_us; /* between two requests; 0: as many as come */
    _Atomic int64_t burst_us;    /* how far the allowance may be spent ahead */
    _Atomic int64_t spent_us;    /* monotonic */
};

struct load {
    _Atomic int64_t requests, requests_max;
    struct load_rate *rates;
};

struct load *load_new(const struct config *cfg)
{
    struct load *l = xcalloc(1, sizeof *l);
    load_use(l, cfg);
    return l;
}

void load_free(struct load *l)
{
    if (!l)
        return;
    while (l->rates) {
        struct load_rate *r = l->rates;
        l->rates = r->next;
        free(r->source);
        free(r);
    }
    free(l);
}

static void rate_set(struct load_rate *r, const struct config_source *source)
{
    int64_t per_s = source->rate_per_s, interval = per_s > 0 ? 1000000 / per_s : 0;
    int64_t burst = source->burst > 0 ? source->burst : per_s * BURST_S;
    atomic_store(&r->burst_us, (burst > 0 ? burst - 1 : 0) * interval);
    atomic_store(&r->interval_us, interval);
}

void load_use(struct load *l, const struct config *cfg)
{
    atomic_store(&l->requests_max, cfg->ingest.limits.requests);
    for (size_t i = 0; i < cfg->sources.n; i++)
        rate_set(load_rate(l, cfg->sources.v[i].name), &cfg->sources.v[i]);
}

struct load_rate *load_rate(struct load *l, const char *source)
{
    struct load_rate *r = l->rates;
    while (r && strcmp(r->source, source) != 0)
        r = r->next;
    if (r)
        return r;
    r = xcalloc(1, sizeof *r);
    r->source = xstrdup(source);
    r->next = l->rates;
    l->rates = r;
    return r;
}

bool load_enter(struct load *l)
{
    if (atomic_fetch_add(&l->requests, 1) < atomic_load(&l->requests_max))
        return true;
    atomic_fetch_sub(&l->requests, 1);
    return false;
}

void load_leave(struct load *l)
{
    int64_t before = atomic_fetch_sub(&l->requests, 1);
    assert(before > 0);
}

bool load_full(struct load *l)
{
    return atomic_load_explicit(&l->requests, memory_order_relaxed) >=
           atomic_load_explicit(&l->requests_max, memory_order_relaxed);
}

bool load_take(struct load_rate *r, int64_t now_ms, unsigned *ret_after_s)
{
    int64_t interval = atomic_load(&r->interval_us), burst = atomic_load(&r->burst_us), now = now_ms * 1000;
    int64_t spent = atomic_load(&r->spent_us), from;
    if (interval == 0)
        return true;
    do {
        from = spent > now ? spent : now;
        int64_t early = from - now - burst;
        if (early > 0) {
            int64_t after = (early + 999999) / 1000000;
            *ret_after_s = after < AFTER_MAX_S ? (unsigned)after : AFTER_MAX_S;
            return false;
        }
    } while (!atomic_compare_exchange_weak(&r->spent_us, &spent, from + interval));
    return true;
}
