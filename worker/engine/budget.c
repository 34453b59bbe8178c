#include "budget.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "mutation.h"

enum { BURST_PART = 50, SLICE_PART = 50, SMALL = 10 }; /* one of so many, one at least */
enum {
    PACE_MIN_PART = 16,
    RECOVERY_WINDOWS = 20
}; /* never slower than one of; from standstill to full rate in */

/* ---- shares -------------------------------------------------------------------------------------------- */

unsigned budget_part(unsigned count, unsigned bucket, unsigned spread)
{
    if (MUTATION(MUTATION_BUCKET_SHARE_IGNORED))
        return count;
    return count / spread + (bucket < count % spread);
}

static unsigned part_of(unsigned count, unsigned part)
{
    return count >= part ? count / part : 1;
}

/* Two where that is little, so that a turn that comes late loses nothing. */
static double burst_of(const struct budget_class *c)
{
    unsigned part = part_of(c->limit.count, BURST_PART);
    return part == 1 && c->limit.count >= SMALL ? 2 : part;
}

/* The leavers' own. A limit of one call cannot be shared: it is everybody's. */
static unsigned slice_of(const struct budget_class *c)
{
    if (!c->limit.shared || c->limit.count < 2 || MUTATION(MUTATION_LEAVER_SLICE_IGNORED))
        return 0;
    return part_of(c->limit.count, SLICE_PART);
}

/* Tokens per millisecond; the one more is for instants that are cut to milliseconds. */
static double rate_of(const struct budget_class *c)
{
    return c->limit.count / (double)(c->limit.window_ms + 1);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

void budget_init(struct budget *b, const struct limit limits[LIMITS_MAX], int64_t now_ms)
{
    *b = (struct budget){0};
    for (; b->n < LIMITS_MAX && limits[b->n].name; b->n++) {
        struct budget_class *c = &b->classes[b->n];
        c->limit = limits[b->n];
        c->places = c->limit.count;
        c->arrived = xcalloc(c->places, sizeof *c->arrived);
        c->refilled_ms = now_ms;
        c->pace = 1;
    }
}

void budget_done(struct budget *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->classes[i].arrived);
    *b = (struct budget){0};
}

/* An owner sends burst + slice + rate · t at most in a time t, and so do two together in a window and the time that
 * calls are on their way: the second one's tokens begin below zero by all that is not rate · window. */
void budget_restart(struct budget *b, int64_t taken_ms, int64_t on_way_ms)
{
    for (size_t i = 0; i < b->n; i++) {
        struct budget_class *c = &b->classes[i];
        c->tokens = -(burst_of(c) + 2.0 * slice_of(c) + rate_of(c) * (double)on_way_ms);
        c->refilled_ms = taken_ms;
    }
}

/* ---- spending ------------------------------------------------------------------------------------------ */

static int64_t *arrived_at(const struct budget_class *c, unsigned i)
{
    return &c->arrived[(c->first + i) % c->places];
}

static void refresh(struct budget_class *c, int64_t now_ms)
{
    while (c->n_arrived > 0 && now_ms - *arrived_at(c, 0) > c->limit.window_ms) {
        c->first = (c->first + 1) % c->places;
        c->n_arrived--;
    }
    if (now_ms <= c->refilled_ms)
        return;
    double passed = (double)(now_ms - c->refilled_ms);
    c->tokens = fmin(c->tokens + passed * rate_of(c) * c->pace, burst_of(c));
    c->pace = fmin(c->pace + passed / (double)(c->limit.window_ms * RECOVERY_WINDOWS), 1);
    c->refilled_ms = now_ms;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When the n-th of the places taken comes free. */
static int64_t nth_free_ms(const struct budget_class *c, int64_t n)
{
    if (n > c->n_arrived)
        return INT64_MAX; /* it is in flight */
    return *arrived_at(c, (unsigned)n - 1) + c->limit.window_ms + 1;
}

/* Until the log has a place for this share. Others than leavers take one only if as many as the leavers' slice remain,
 * or come free soon: in the time in which the pace makes them, and a step. */
static int64_t place_in(const struct budget_class *c, enum budget_share share, int64_t now_ms)
{
    int64_t free_now = (int64_t)c->limit.count - c->in_flight - c->n_arrived, slice = slice_of(c), wait = 0;
    if (free_now < 1)
        wait = nth_free_ms(c, 1 - free_now);
    if (share == BUDGET_ORDINARY && wait != INT64_MAX && free_now < 1 + slice) {
        int64_t last = nth_free_ms(c, 1 + slice - free_now);
        int64_t soon = (slice + 1) * (c->limit.window_ms + 1) / c->limit.count;
        wait = last == INT64_MAX ? last : later(wait, last - soon);
    }
    return wait == INT64_MAX ? wait : later(wait - now_ms, 0);
}

static int64_t token_in(const struct budget_class *c, enum budget_share share)
{
    double missing = 1 - c->tokens - (share == BUDGET_LEAVERS ? slice_of(c) : 0);
    return missing > 0 ? (int64_t)ceil(missing / (rate_of(c) * c->pace)) : 0;
}

int64_t budget_ready_in(struct budget *b, int class, enum budget_share share, int64_t now_ms)
{
    if (class < 0)
        return 0;
    struct budget_class *c = &b->classes[class];
    if (c->limit.count == 0)
        return INT64_MAX;
    refresh(c, now_ms);
    int64_t wait = later(c->paused_until_ms - now_ms, token_in(c, share));
    return later(wait, place_in(c, share, now_ms));
}

void budget_take(struct budget *b, int class, int64_t now_ms)
{
    if (class < 0)
        return;
    struct budget_class *c = &b->classes[class];
    refresh(c, now_ms);
    assert(c->in_flight + c->n_arrived < c->limit.count);
    c->in_flight++;
    c->tokens -= 1;
}

void budget_give(struct budget *b, int class, int64_t arrived_ms, int64_t now_ms)
{
    if (class < 0)
        return;
    struct budget_class *c = &b->classes[class];
    assert(c->in_flight > 0);
    refresh(c, now_ms);
    c->in_flight--;
    unsigned i = c->n_arrived++;
    for (; i > 0 && *arrived_at(c, i - 1) > arrived_ms; i--)
        *arrived_at(c, i) = *arrived_at(c, i - 1);
    *arrived_at(c, i) = arrived_ms;
}

bool budget_is_unseen(const struct budget *b, int64_t now_ms)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct budget_class *c = &b->classes[i];
        if (c->in_flight > 0 || (c->n_arrived > 0 && *arrived_at(c, c->n_arrived - 1) > now_ms))
            return true;
    }
    return false;
}

static void set_limit(struct budget_class *c, struct limit limit, int64_t now_ms)
{
    refresh(c, now_ms);
    unsigned taken = c->in_flight + c->n_arrived, places = limit.count > taken ? limit.count : taken;
    int64_t *arrived = xcalloc(places, sizeof *arrived);
    for (unsigned i = 0; i < c->n_arrived; i++)
        arrived[i] = *arrived_at(c, i);
    free(c->arrived);
    c->arrived = arrived;
    c->places = places;
    c->first = 0;
    c->limit = limit;
    c->tokens = fmin(c->tokens, burst_of(c));
}

void budget_set_limits(struct budget *b, const struct limit limits[LIMITS_MAX], int64_t now_ms)
{
    for (size_t i = 0; i < b->n; i++) {
        struct budget_class *c = &b->classes[i];
        if (c->limit.count != limits[i].count || c->limit.window_ms != limits[i].window_ms)
            set_limit(c, limits[i], now_ms);
    }
}

void budget_pause(struct budget *b, int class, int64_t until_ms)
{
    if (class >= 0 && until_ms > b->classes[class].paused_until_ms)
        b->classes[class].paused_until_ms = until_ms;
}

void budget_slow(struct budget *b, int class, int64_t started_ms, int64_t now_ms)
{
    if (class < 0 || started_ms < b->classes[class].slowed_ms || MUTATION(MUTATION_PACE_NEVER_CUT))
        return;
    struct budget_class *c = &b->classes[class];
    refresh(c, now_ms);
    c->pace = fmax(c->pace / 2, 1.0 / PACE_MIN_PART);
    c->slowed_ms = now_ms;
}
