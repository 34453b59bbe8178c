#include "chaos.h"

#include "mem.h"
#include "prng.h"

static const char *const fate_names[FATES] = {
    "well", "slow",      "refused",      "lost",      "cut",        "dropped",    "answer lost",
    "late", "cut, late", "504, late",    "429",       "429+",       "500",        "502",
    "503",  "504",       "500, applied", "unchanged", "not stored", "stale read",
};

const char *fate_name(enum fate fate)
{
    return fate_names[fate];
}

/* In how many runs there is such a fate, and of how many requests at most; both in thousandths. */
static const struct fate_odds {
    unsigned often, most;
} fate_odds[FATES] = {
    [FATE_SLOW] = {300, 120},
    [FATE_REFUSED] = {300, 120},
    [FATE_LOST] = {300, 120},
    [FATE_CUT] = {300, 120},
    [FATE_DROPPED] = {300, 120},
    [FATE_ANSWER_LOST] = {300, 120},
    [FATE_LATE] = {450, 200},
    [FATE_CUT_LATE] = {450, 200},
    [FATE_GATEWAY_LATE] = {300, 150},
    [FATE_429] = {300, 80},
    [FATE_429_RETRY_AFTER] = {300, 80},
    [FATE_500] = {300, 120},
    [FATE_502] = {300, 80},
    [FATE_503] = {300, 120},
    [FATE_504] = {300, 80},
    [FATE_500_APPLIED] = {300, 120},
    [FATE_UNCHANGED] = {500, 250},
    [FATE_NOT_STORED] = {300, 250},
    [FATE_STALE_READ] = {300, 200},
};

/* Off in half of the runs, else up to max. */
static unsigned maybe(struct prng *r, unsigned max)
{
    return prng_chance(r, 500) ? 0 : (unsigned)prng_range(r, 1, max);
}

static void draw_plot(struct chaos *c, struct prng *r)
{
    bool *const flags[] = {&c->two_targets, &c->renames,   &c->existing_accounts, &c->future_dated,
                           &c->access_ends, &c->complete,  &c->deletions,         &c->ties,
                           &c->holds,       &c->afterwords};
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        *flags[i] = prng_chance(r, 500);
    c->permute = maybe(r, 1000);
    c->duplicate = maybe(r, 500);
    c->invalid = maybe(r, 200);
    c->gap = maybe(r, 300);
}

static void draw_hosts(struct chaos *c, struct prng *r)
{
    c->beat_ms = prng_range(r, 300, 6000);
    c->crash = maybe(r, 300);
    c->pause = maybe(r, 300);
    c->zombie = maybe(r, 200);
    c->shake = maybe(r, 300);
    c->stop = maybe(r, 200);
    c->skew = prng_chance(r, 500);
    c->abort = maybe(r, 400);
    c->slow_commit = maybe(r, 200);
    c->slow_marker = maybe(r, 300);
    c->compact = maybe(r, 1000);
    c->reread = maybe(r, 100);
    c->pause_at_step = maybe(r, 40);
}

static void draw_network(struct chaos *c, struct prng *r)
{
    if (prng_chance(r, 150))
        return;
    for (int i = FATE_SLOW; i < FATES; i++) {
        const struct fate_odds *odds = &fate_odds[i];
        c->fate[i] = prng_chance(r, odds->often) ? (unsigned)prng_range(r, 1, odds->most) : 0;
    }
}

void chaos_draw(struct chaos *c, struct prng *r)
{
    *c = (struct chaos){.beat_ms = 1000};
    c->spread = prng_chance(r, 700) ? 1 : (unsigned)prng_range(r, 2, 3);
    draw_plot(c, r);
    if (prng_chance(r, 100)) {
        c->sick_person = prng_chance(r, 500);
        c->target_down = !c->sick_person;
        c->short_deadline = c->sick_person && prng_chance(r, 500);
        return;
    }
    c->tight = prng_chance(r, 200);
    c->policy_fails = prng_chance(r, 200) ? (unsigned)prng_range(r, 1, 200) : 0;
    draw_hosts(c, r);
    draw_network(c, r);
}
