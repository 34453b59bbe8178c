#include "simconfig.h"

#include "mem.h"
#include "prng.h"
#include "scenario.h"
#include "simsource.h"
#include "simteams.h"

enum {
    WIDE = 100000, /* calls in: */
    WIDE_MS = 1000,
    WIDE_IN_FLIGHT = 1000,
    DEADLINE_MS = 24 * 3600 * 1000,
};

/* The Help Center's table: level 3 for writes, in a long window. */
static const struct engine_limit tight[] = {
    {"users.read", 200, WORLD_TIGHT_WINDOW_MS},  {"users.create", 20, WORLD_TIGHT_WINDOW_MS},
    {"users.update", 20, WORLD_TIGHT_WINDOW_MS}, {"users.delete", 20, WORLD_TIGHT_WINDOW_MS},
    {"groups.list", 5, WORLD_TIGHT_WINDOW_MS},   {"groups.update", WORLD_TIGHT_MOVES, WORLD_TIGHT_WINDOW_MS}};
static const struct engine_limit overstated[] = {
    {"users.update", 5 * WORLD_UNDERSTATED, WORLD_UNDERSTATED_WINDOW_MS}};
static const struct engine_limit wide[] = {
    {"users.read", WIDE, WIDE_MS}, {"users.create", WIDE, WIDE_MS}, {"users.update", WIDE, WIDE_MS}};
static const struct engine_limit moving[] = {{"groups.update", WORLD_MOVES, WORLD_MOVES_WINDOW_MS}};

struct engine_target simconfig_target(void)
{
    static const struct engine_limit none[1]; /* but the profile's */
    return (struct engine_target){
        .timeout_ms = WORLD_TIMEOUT_MS,
        .call_life_ms = WORLD_CALL_LIFE_MS,
        .arrival_ms = WORLD_LANDING_MAX_MS,
        .in_flight_max = 8,
        .retry_base_ms = 500,
        .retry_cap_ms = WORLD_RETRY_CAP_MS,
        .breaker_pause_ms = 500,
        .breaker_pause_max_ms = WORLD_BREAKER_MAX_MS,
        .deadline_ms = DEADLINE_MS,
        .limits = none,
    };
}

/* As runs of trouble need it. */
static struct engine_target target_in_trouble(const struct chaos *c)
{
    struct engine_target t = simconfig_target();
    t.in_flight_max = 4;
    if (c->short_deadline)
        t.deadline_ms = WORLD_DEADLINE_SHORT_MS;
    t.guard = (struct engine_guard){.window_ms = WORLD_GUARD_WINDOW_MS,
                                    .limits = {[GUARD_DEACTIVATION] = {.count = c->guard},
                                               [GUARD_CREATION] = {.count = c->licences ? 0 : c->guard},
                                               [GUARD_UPGRADE] = {.percent = c->licences ? 1 : 0},
                                               [GUARD_REMOVAL] = {.count = c->guard}}};
    t.teams_relist_ms = WORLD_RELIST_MS;
    t.teams_missing_ms = WORLD_MISSING_MS;
    t.group_mode = c->user_groups ? GROUP_MODE_USER_GROUP : GROUP_MODE_TEAM;
    t.leaves_last = c->user_groups;
    t.owned_groups = simteams_owned;
    t.n_owned_groups = 1;
    t.limits = c->tight ? tight : c->moving ? moving : overstated;
    t.n_limits = c->tight ? ARRAY_SIZE(tight) : c->moving || c->understated;
    return t;
}

static void configure_targets(struct proc *p)
{
    const struct world *w = p->world;
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->n_targets; i++) {
        struct engine_target *t = &p->cfg_targets[i];
        *t = w->like ? *w->like : target_in_trouble(&w->chaos);
        t->name = s->targets[i].name;
        t->tenant = s->tenants[s->targets[i].tenant];
        t->directory = "hr";
        t->kind = "miro";
        t->match = "userName";
        t->spread = w->chaos.spread;
        t->discovers = w->chaos.discovers;
        t->capabilities.patch = w->chaos.puts ? SWITCH_OFF : SWITCH_AS_SAID;
        if (!s->targets[i].wide)
            continue;
        t->in_flight_max = WIDE_IN_FLIGHT;
        t->limits = wide;
        t->n_limits = ARRAY_SIZE(wide);
    }
}

static size_t targets_known(const struct world *w)
{
    size_t n = 0;
    while (n < w->scenario->n_targets && w->scenario->targets[n].since_ms <= world_now(w))
        n++;
    return n;
}

void simconfig_process(struct proc *p)
{
    const struct scenario *s = p->world->scenario;
    configure_targets(p);
    p->n_targets = targets_known(p->world);
    p->cfg = (struct engine_config){
        .targets = p->cfg_targets,
        .n_targets =
            p->n_targets + simsource_configure(p->world, &p->cfg_targets[p->n_targets], p->cfg_targets),
        .partitions = s->partitions,
        .slot = p->name,
        .lease_ms = WORLD_LEASE_MS,
        .tombstone_ms = WORLD_TOMBSTONE_MS,
        .live_max = p->world->seed % 3 * 4, /* nobody is kept, some, nearly all */
        .plan_only = p->world->chaos.dry_run,
        .sweep_at_once = p->world->like ? 64 : 1,
        .sweep_waiting_max = p->world->like ? 256 : 1,
        .seed = prng_next(&p->world->prng),
    };
    p->cfg.generation = world_generation(p->world, p->n_targets);
}
