#include "chaos.h"

#include <string.h>

#include "mem.h"
#include "prng.h"
#include "world.h"

static const char *const fate_names[FATES] = {
    "well", "slow",      "refused",      "lost",      "cut",        "dropped",    "answer lost",
    "late", "cut, late", "504, late",    "429",       "429+",       "500",        "502",
    "503",  "504",       "500, applied", "unchanged", "not stored", "stale read", "401",
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
    c->poison = prng_chance(r, 150) ? (unsigned)prng_range(r, 1, 150) : 0;
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
    for (int i = FATE_SLOW; i <= FATE_STALE_READ; i++) {
        const struct fate_odds *odds = &fate_odds[i];
        c->fate[i] = prng_chance(r, odds->often) ? (unsigned)prng_range(r, 1, odds->most) : 0;
    }
}

/* What a broken person looks like to a target that is well: it reads, and cannot write. */
static void draw_sick_writes(struct chaos *c, struct prng *r)
{
    static const enum fate failures[] = {FATE_500,  FATE_500_APPLIED, FATE_CUT, FATE_DROPPED,
                                         FATE_LOST, FATE_ANSWER_LOST, FATE_LATE};
    _Static_assert(ARRAY_SIZE(failures) <= SICK_FATES_MAX, "all of them have to fit");
    c->sick_person = c->reads_answer = true;
    c->n_sick = (unsigned)prng_range(r, 1, SICK_PERSONS_MAX);
    c->short_deadline = prng_chance(r, 500);
    if (prng_chance(r, 700)) {
        c->sick_writes[c->n_sick_writes++] = failures[prng_range(r, 0, ARRAY_SIZE(failures) - 1)];
        return;
    }
    memcpy(c->sick_writes, failures, sizeof failures);
    c->n_sick_writes = ARRAY_SIZE(failures);
}

static void draw_lasting(struct chaos *c, struct prng *r)
{
    if (prng_chance(r, 400)) {
        draw_sick_writes(c, r);
        return;
    }
    c->sick_person = prng_chance(r, 500);
    c->n_sick = c->sick_person;
    if (!c->sick_person)
        c->down = (enum down)prng_range(r, DOWN_REFUSES, DOWN_MOSTLY);
    /* What fails for a few persons only may be theirs: a deadline that passes before it is known is no defect. */
    c->short_deadline = c->down < DOWN_FAILS && prng_chance(r, 500);
}

/* Nothing goes wrong but the limits. */
static void draw_limits(struct chaos *c, struct prng *r)
{
    c->crowded = c->tight = prng_chance(r, 500);
    c->understated = !c->crowded;
    c->permute = c->duplicate = c->invalid = c->poison = 0;
    c->future_dated = c->access_ends = c->existing_accounts = c->two_targets = false;
    c->spread = c->crowded ? c->spread : 1;
}

/* A target whose reads come from a replica that lags, and people whose names change meanwhile. */
static void draw_lagging(struct chaos *c, struct prng *r)
{
    c->lagging = c->renames = c->holds = true;
    c->decisions = prng_chance(r, 500); /* a provision reads what is known */
    c->fate[FATE_STALE_READ] = (unsigned)prng_range(r, 300, 700);
    c->fate[FATE_SLOW] = maybe(r, 300);
    c->abort = maybe(r, 200);
}

/* With chance of its own: what else a seed draws stays as it is. */
static void draw_changes(struct chaos *c, struct prng r)
{
    r.state = ~r.state;
    c->policies = prng_chance(&r, 300);
    c->late_target = prng_chance(&r, 300);
    if (c->late_target && c->abort > 0)
        c->abort += 150; /* of what the sweep to it has written, too */
    c->dry_run = prng_chance(&r, 100);
}

static void draw(struct chaos *c, struct prng *r)
{
    *c = (struct chaos){.beat_ms = 1000};
    static const unsigned spreads[] = {2, 3, 8};
    c->spread = prng_chance(r, 700) ? 1 : spreads[prng_range(r, 0, ARRAY_SIZE(spreads) - 1)];
    draw_plot(c, r);
    if (prng_chance(r, 170)) {
        draw_lasting(c, r);
        c->poison = 0; /* it delays everybody of its partition */
        return;
    }
    if (prng_chance(r, 80)) {
        draw_lagging(c, r);
        return;
    }
    if (prng_chance(r, 100)) {
        draw_limits(c, r);
        return;
    }
    c->tight = prng_chance(r, 200);
    c->decisions = prng_chance(r, 350);
    c->guard = prng_chance(r, 150) ? (unsigned)prng_range(r, 1, 3) : 0;
    c->policy_fails = prng_chance(r, 200) ? (unsigned)prng_range(r, 1, 200) : 0;
    draw_hosts(c, r);
    draw_network(c, r);
    draw_changes(c, *r);
}

/* Nothing goes wrong but the sources: they are down, or so slow that more is told while they are asked. */
static void draw_source_trouble(struct chaos *c, struct prng *r)
{
    *c = (struct chaos){.beat_ms = 1000, .spread = 1, .holds = true, .rights = c->rights};
    c->permute = maybe(r, 500);
    c->deletions = prng_chance(r, 500);
    c->thin = (unsigned)prng_range(r, 300, 700);
    if (prng_chance(r, 500))
        c->source_lags = 1000;
    else
        c->source_down = prng_chance(r, 500) ? DOWN_REFUSES : DOWN_TOKEN;
}

/* Not in runs with trouble that lasts, nor with guards: those measure something else. */
void chaos_draw_thin(struct chaos *c, struct prng *r)
{
    bool measured = c->sick_person || c->down || c->lagging || c->crowded || c->understated || c->guard > 0;
    if (measured || !prng_chance(r, 300))
        return;
    if (prng_chance(r, 250)) {
        draw_source_trouble(c, r);
        return;
    }
    c->thin = (unsigned)prng_range(r, 100, 700);
    c->source_fails = maybe(r, 400);
    c->source_lags = maybe(r, 1000);
}

/* The sandbox's groups have no PUT, and of limits only the usual ones hold for the one of accounts. */
void chaos_draw_ways(struct chaos *c, struct prng *r)
{
    struct prng own = {r->state ^ 0x6d757465}; /* what else a seed draws stays as it is */
    bool few_calls = c->tight || c->crowded || c->understated;
    bool delays = c->sick_person || c->down || c->source_down || c->crowded || c->understated; /* measured */
    c->mute = prng_chance(&own, 150) && !delays;
    c->discovers = prng_chance(r, 250);
    c->puts = prng_chance(r, 200) && !c->teams && !c->farewell && !few_calls && !c->sick_person && !c->down;
}

/* Leaving teams may take a cut longer than some runs measure. */
static void draw_lives(struct chaos *c, struct prng *r)
{
    bool measured = c->sick_person || c->down || c->crowded || c->understated || c->lagging;
    c->rights = prng_chance(r, c->guard > 0 ? 800 : 400);
    c->farewell = prng_chance(r, 250) && !c->teams && !measured;
    c->licences = c->guard > 0 && c->rights && prng_chance(r, 600);
    c->existing_accounts |= c->licences; /* whoever is new has one from the beginning */
}

/* Where nothing is measured that a failing neighbour in a team's call would spoil. */
void chaos_draw(struct chaos *c, struct prng *r)
{
    struct prng own = {r->state ^ 0x7465616d73}; /* so that runs without teams are as they always were */
    struct prng lives = {r->state ^ 0x6c69766573};
    draw(c, r);
    c->teams = prng_chance(&own, 600) && !c->sick_person && !c->down && !c->crowded && !c->understated &&
               !c->lagging;
    if (c->late_target || (c->policies && prng_chance(&own, 800))) /* sweeps are seldom disturbed by them */
        c->teams = false;
    c->teams = c->teams &&
               !(c->tight && c->spread > WORLD_TIGHT_MOVES); /* who has no share of a limit can do nothing */
    c->moving = c->teams && !c->tight && prng_chance(&own, 600);
    if (c->teams && !c->dry_run)
        c->deaf = maybe(&own, 1000);
    draw_lives(c, &lives);
    c->user_groups = c->teams && !c->dry_run && prng_chance(&own, 400);
    if (!c->moving)
        return;
    c->spread = 1;
    c->existing_accounts = true; /* one of them cannot leave */
    c->decisions = c->future_dated = c->access_ends = c->deletions = false;
    c->policy_fails = 0;
}

/* ---- kinds of trouble ---------------------------------------------------------------------------------- */

static const struct kind {
    const char *name;
    size_t at, size;
} kinds[] = {
#define KIND(member)                                                                                         \
    {                                                                                                        \
#member, offsetof(struct chaos, member), sizeof((struct chaos *)0)->member                           \
    }
    KIND(permute),     KIND(duplicate),   KIND(invalid),      KIND(poison),
    KIND(gap),         KIND(compact),     KIND(abort),        KIND(slow_commit),
    KIND(slow_marker), KIND(reread),      KIND(crash),        KIND(pause),
    KIND(zombie),      KIND(shake),       KIND(stop),         KIND(pause_at_step),
    KIND(skew),        KIND(guard),       KIND(tight),        KIND(policy_fails),
    KIND(decisions),   KIND(discovers),   KIND(puts),         KIND(mute),
    KIND(policies),    KIND(late_target), KIND(renames),      KIND(future_dated),
    KIND(access_ends), KIND(complete),    KIND(deletions),    KIND(ties),
    KIND(holds),       KIND(afterwords),  KIND(two_targets),  KIND(existing_accounts),
    KIND(teams),       KIND(thin),        KIND(source_fails), KIND(source_lags),
    KIND(dry_run),     KIND(deaf),        KIND(rights),       KIND(licences),
    KIND(farewell),    KIND(user_groups),
#undef KIND
};

size_t chaos_kinds(void)
{
    return ARRAY_SIZE(kinds) + FATES - 1;
}

const char *chaos_kind_name(size_t kind)
{
    return kind < ARRAY_SIZE(kinds) ? kinds[kind].name : fate_names[kind - ARRAY_SIZE(kinds) + 1];
}

bool chaos_leave_out(struct chaos *c, size_t kind)
{
    static const char none[sizeof(uint64_t)];
    struct kind fate = {NULL, offsetof(struct chaos, fate), sizeof c->fate[0]};
    if (kind >= ARRAY_SIZE(kinds))
        fate.at += (kind - ARRAY_SIZE(kinds) + 1) * sizeof c->fate[0];
    const struct kind *k = kind < ARRAY_SIZE(kinds) ? &kinds[kind] : &fate;
    char *member = (char *)c + k->at;
    if (memcmp(member, none, k->size) == 0)
        return false;
    memset(member, 0, k->size);
    return true;
}
