#include "year.h"

#include <stdio.h>
#include <string.h>

#include "invariants.h"
#include "mem.h"
#include "scenario.h"
#include "simconfig.h"
#include "simcontrol.h"
#include "simgroup.h"
#include "simlog.h"
#include "simtarget.h"
#include "simteams.h"
#include "simworker.h"
#include "witness.h"
#include "world.h"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    LEAP_MIN_MS = 2000,
    LOOK_MS = HOUR_MS,           /* somebody looks at what is held */
    DECIDE_MAX_MS = 3 * HOUR_MS, /* and thinks about it */
    SLEEP_MAX_MS = MINUTE_MS,
    OUTAGE_MAX_MS = HOUR_MS,
    INCIDENT_DAYS = 5, /* until the next one, at most */
    OUTAGE_OF = 8,     /* one incident of so many */
    SLOTS = 3,
};

/* As the configuration has it by default, but for numbers that go with the size of the company. */
static struct engine_target configured(const struct year_options *o)
{
    uint32_t persons = (uint32_t)o->persons;
    struct engine_target t = simconfig_target();
    t.guard = (struct engine_guard){.window_ms = 24 * HOUR_MS,
                                    .limits = {[GUARD_DEACTIVATION] = {persons / 20, 20, 20},
                                               [GUARD_DELETION] = {persons / 100, 5, 10},
                                               [GUARD_CREATION] = {persons / 10, 0, 0},
                                               [GUARD_UPGRADE] = {persons / 20, 20, 20},
                                               [GUARD_REMOVAL] = {persons / 20, 20, 20}}};
    t.teams_relist_ms = HOUR_MS;
    t.teams_missing_ms = MINUTE_MS;
    return t;
}

/* One call in forty or so has something happen to it, all year; nothing that is answered is a lie. */
static void draw_network(struct chaos *c)
{
    static const struct {
        enum fate fate;
        unsigned per_mille;
    } odds[] = {{FATE_SLOW, 5},        {FATE_REFUSED, 2},     {FATE_LOST, 1},      {FATE_CUT, 2},
                {FATE_DROPPED, 2},     {FATE_LATE, 1},        {FATE_CUT_LATE, 1},  {FATE_429, 1},
                {FATE_500, 2},         {FATE_502, 1},         {FATE_503, 3},       {FATE_504, 1},
                {FATE_ANSWER_LOST, 1}, {FATE_500_APPLIED, 1}, {FATE_STALE_READ, 2}};
    for (size_t i = 0; i < ARRAY_SIZE(odds); i++)
        c->fate[odds[i].fate] = odds[i].per_mille;
}

static struct chaos trouble_of_the_year(void)
{
    struct chaos c = {
        .beat_ms = HOUR_MS,
        .spread = YEAR_SPREAD,
        .gap = 20,
        .reread = 5,
        .abort = 5,
        .slow_commit = 10,
        .slow_marker = 10,
        .pause_at_step = 0,
        .skew = true,
        .rights = true,
    };
    draw_network(&c);
    return c;
}

/* ---- what goes wrong ----------------------------------------------------------------------------------- */

static void outage_ends(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    (void)arg;
    w->scenario->targets[0].down = false;
    w->chaos.down = DOWN_NOT;
    world_trace(w, "outage of the target ends");
}

static void outage_begins(struct world *w)
{
    struct prng *r = &w->year->chance;
    w->year->outages++;
    w->chaos.down = (enum down)prng_range(r, DOWN_REFUSES, DOWN_MOSTLY);
    w->scenario->targets[0].down = true;
    witness_outage(w, 0);
    world_trace(w, "outage of the target begins");
    clock_at(&w->clock, world_now(w) + prng_range(r, MINUTE_MS, OUTAGE_MAX_MS), outage_ends, w, 0);
}

static void hurt(struct world *w, struct proc *p)
{
    struct prng *r = &w->year->chance;
    switch (prng_range(r, 0, 4)) {
    case 0:
    case 1:
        proc_kill(p, "killed");
        return;
    case 2:
        proc_pause(p, prng_delay(r, 200, SLEEP_MAX_MS));
        w->slots[p->slot] = NULL; /* somebody else is started under its slot while it sleeps */
        return;
    case 3:
        proc_pause(p, prng_delay(r, 50, SLEEP_MAX_MS));
        return;
    default:
        proc_stop(p);
    }
}

static void incident(void *ctx, uint64_t arg);

/* Shortly after something was told, when it hurts. */
static void next_incident(struct world *w)
{
    const struct scenario *s = w->scenario;
    struct prng *r = &w->year->chance;
    int64_t at_ms =
        world_now(w) +
        prng_range(r, HOUR_MS, (int64_t)INCIDENT_DAYS * YEAR_DAY_MS / (int64_t)w->year->options.pace);
    size_t low = 0, high = s->n_tellings;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->tellings[mid].at_ms < at_ms)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < s->n_tellings)
        clock_at(&w->clock, s->tellings[low].at_ms + prng_range(r, 0, 3000), incident, w, 0);
}

static void incident(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    struct prng *r = &w->year->chance;
    struct proc *p = w->slots[prng_range(r, 0, (int64_t)w->n_slots - 1)];
    (void)arg;
    w->year->incidents++;
    if (prng_range(r, 1, OUTAGE_OF) == 1 && !w->scenario->targets[0].down)
        outage_begins(w);
    else if (prng_range(r, 0, 3) == 0)
        group_shake(w->group);
    else if (p && !p->stopping)
        hurt(w, p);
    next_incident(w);
}

/* ---- the calendar -------------------------------------------------------------------------------------- */

static uint64_t count_held(const struct world *w)
{
    uint64_t held = 0;
    for (size_t i = 0; i < w->n_slots; i++) {
        struct engine_stats stats;
        if (!w->slots[i])
            continue;
        engine_stats(w->slots[i]->engine, &stats);
        held += stats.held;
    }
    return held;
}

static void approve(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    (void)arg;
    w->year->approval_due = false;
    w->year->approvals++;
    if (w->year->at_rest)
        year_check_held(w);
    w->year->approved_since = true;
    simcontrol_approve(w, 0);
}

static void look(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    struct year *y = w->year;
    uint64_t held = count_held(w);
    y->most_held = held > y->most_held ? held : y->most_held;
    if (held > 0 && !y->approval_due) {
        y->approval_due = true;
        clock_at(&w->clock,
                 world_now(w) + prng_range(&y->chance, 0, DECIDE_MAX_MS / (int64_t)y->options.pace), approve,
                 w, 0);
    }
    clock_at(&w->clock, world_now(w) + LOOK_MS / (int64_t)y->options.pace, look, w, arg);
}

static void reorganise(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    (void)arg;
    w->policy = POLICY_OF_THE_YEAR | POLICY_REORGANISED;
    w->year->removals_at_reorganisation = w->year->removals;
    w->year->approved_since = false;
    run_announce_policy(w);
}

static void clean(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    w->year->clean_due = true;
    clock_at(&w->clock, world_now(w) + YEAR_DAY_MS, clean, w, arg);
}

static void fill_calendar(struct world *w)
{
    clock_at(&w->clock, w->year->story.reorganised_ms, reorganise, w, 0);
    clock_at(&w->clock, WORLD_EPOCH_MS + LOOK_MS, look, w, 0);
    clock_at(&w->clock, WORLD_EPOCH_MS + YEAR_DAY_MS, clean, w, 0);
    next_incident(w);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static bool proc_rests(const struct proc *p, unsigned *owned)
{
    int event;
    if (!p || p->epoch == 0 || p->revoking || p->stopping || p->paused_until_ms > world_now(p->world))
        return false;
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++) {
        int64_t offset = p->parts[i].read_next;
        if (p->parts[i].state == PART_OWNED &&
            (simlog_read_event(p->world->log, i, &offset, &event) || !engine_clean(p->engine, i)))
            return false;
        *owned += p->parts[i].state == PART_OWNED;
    }
    return true;
}

/* Every partition is served, everything is read and committed, nothing is under way. */
static bool rests(const struct world *w)
{
    unsigned owned = 0;
    for (size_t i = 0; i < w->n_slots; i++)
        if (!proc_rests(w->slots[i], &owned))
            return false;
    return owned == (unsigned)w->scenario->partitions && invariants_idle(w);
}

static void clean_up(struct world *w)
{
    if (!w->year->clean_due || !simteams_clean(w) || !simlog_clean(w->log))
        return;
    w->year->clean_due = false;
    w->year->cleanings++;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Until somebody has something to do. */
static int64_t idle_ms(const struct world *w, int64_t until_ms)
{
    int64_t ms = sooner(clock_next_appointment(&w->clock) - 1, until_ms) - world_now(w);
    for (size_t i = 0; i < w->n_slots; i++) {
        struct engine_stats stats;
        engine_stats(w->slots[i]->engine, &stats);
        ms = sooner(ms, stats.due_ms - proc_now(w->slots[i]).wall_ms - 1);
    }
    return ms;
}

static void leap(struct world *w, int64_t until_ms)
{
    int64_t ms = idle_ms(w, until_ms);
    if (ms < LEAP_MIN_MS)
        return;
    clean_up(w);
    clock_leap(&w->clock, ms);
    group_leap(w->group, ms);
    w->year->leaps++;
}

static void live_until(struct world *w, int64_t until_ms)
{
    while (clock_step(&w->clock, until_ms)) {
        w->year->at_rest = rests(w);
        if (w->year->at_rest)
            leap(w, until_ms);
    }
}

/* ---- the year ------------------------------------------------------------------------------------------ */

void year_moved(struct world *w, const struct moved *moved)
{
    struct year *y = w->year;
    if (!strstr(moved->body, "\"Remove\""))
        return;
    y->removals += moved->n_persons;
    if (!y->approved_since)
        y->removals_unapproved = y->removals - y->removals_at_reorganisation;
}

static void furnish(struct world *w)
{
    const struct company *c = &w->year->story.company;
    for (size_t i = 0; i < company_teams(c); i++) {
        char name[COMPANY_NAME_SIZE];
        company_team(c, i, name);
        miro_add_team(simtarget_own(w->targets[0]), name);
    }
}

static void begin(struct world *w, struct year *y, const struct year_options *o, struct engine_target *like)
{
    *y = (struct year){.options = *o, .chance = {~o->seed}, .approved_since = true};
    year_story_tell(o, &y->story);
    *like = configured(o);
    w->year = y;
    w->like = like;
    w->scenario = y->story.scenario;
    w->chaos = trouble_of_the_year();
    w->policy = POLICY_OF_THE_YEAR;
    w->n_slots = SLOTS;
    run_world_begin(w);
    furnish(w);
    fill_calendar(w);
}

static void print_year(const struct world *w)
{
    const struct year *y = w->year;
    const struct year_story *s = &y->story;
    printf("year: %zu persons at first, %zu hired, %zu left, %zu rehired, %zu deleted, %zu moved, %zu "
           "renamed, %zu held and "
           "%zu let go on, %zu contracts ended of which %zu were prolonged, %zu words dated ahead\n",
           y->options.persons, s->hires, s->told[EVENT_LEFT], s->rehires, s->told[EVENT_DELETED], s->moves,
           s->renames, s->told[EVENT_SUSPENDED], s->told[EVENT_RESUMED], s->contracts, s->extended, s->ahead);
    printf("year: %zu teams, %zu moved at once by the reorganisation; at most %llu persons held, %llu "
           "approvals; %llu "
           "incidents of which %llu outages; %llu memberships ended; %zu licences, %zu farewells; %zu had "
           "their teams while a "
           "licence was held\n",
           company_teams(&s->company), s->moved_at_once, (unsigned long long)y->most_held,
           (unsigned long long)y->approvals, (unsigned long long)y->incidents, (unsigned long long)y->outages,
           (unsigned long long)y->removals, y->licences, y->farewells, y->beside);
}

bool year_run(const struct year_options *o, bool verbose, struct buf *failures, struct run_figures *sum)
{
    struct world w;
    struct year year;
    struct engine_target like;
    run_world_init(&w, o->seed, verbose);
    begin(&w, &year, o, &like);
    live_until(&w, w.scenario->quiet_ms);
    if (w.scenario->targets[0].down)
        outage_ends(&w, 0);
    run_end(&w);
    year_check(&w);
    print_year(&w);
    bool ok = w.n_failures == 0;
    buf_add(failures, w.failures.p, w.failures.n);
    run_world_done(&w, sum);
    return ok;
}
