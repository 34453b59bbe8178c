#include "simgroup.h"

#include <stdlib.h>

#include "mem.h"
#include "scenario.h"
#include "simworker.h"

enum { EXPIRY_CHECK_MS = 250, REBALANCE_MAX_MS = 12000, JOIN_DELAY_MS = 100 };

struct member {
    uint64_t id; /* 0: none under this slot */
    int64_t heard_ms;
    bool joined; /* has rejoined in the rebalance under way */
};

struct group {
    struct world *world;
    int generation;
    bool rebalancing;
    int64_t since_ms; /* of the rebalance */
    struct member members[WORLD_SLOTS_MAX];
    int owners[WORLD_PARTITIONS_MAX]; /* slot; -1: nobody */
};

static void rebalance(struct group *g)
{
    if (g->rebalancing)
        return;
    g->rebalancing = true;
    g->since_ms = world_now(g->world);
    for (size_t i = 0; i < WORLD_SLOTS_MAX; i++)
        g->members[i].joined = false;
    world_trace(g->world, "group rebalance begins");
}

static size_t list_members(const struct group *g, size_t slots[WORLD_SLOTS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < WORLD_SLOTS_MAX; i++)
        if (g->members[i].id)
            slots[n++] = i;
    return n;
}

static void tell_assignment(struct group *g, size_t slot)
{
    uint32_t mine = 0;
    for (int32_t p = 0; p < g->world->scenario->partitions; p++)
        if (g->owners[p] == (int)slot)
            mine |= 1u << p;
    proc_assigned(g->world, slot, g->members[slot].id, g->generation, mine);
}

static void assign(struct group *g)
{
    size_t slots[WORLD_SLOTS_MAX], n = list_members(g, slots);
    g->rebalancing = false;
    g->generation++;
    for (int32_t p = 0; p < g->world->scenario->partitions; p++)
        g->owners[p] = n ? (int)slots[prng_range(&g->world->prng, 0, (int64_t)n - 1)] : -1;
    world_trace(g->world, "group generation %d, %zu members", g->generation, n);
    for (size_t i = 0; i < n; i++)
        tell_assignment(g, slots[i]);
}

static void remove_member(struct group *g, size_t slot, const char *why)
{
    world_trace(g->world, "group w%zu %s", slot, why);
    g->members[slot] = (struct member){0};
    rebalance(g);
}

/* Members that are silent, or that do not rejoin in time, are removed; when all have joined, the rebalance
 * ends. */
static void check(void *ctx, uint64_t arg)
{
    struct group *g = ctx;
    (void)arg;
    int64_t now = world_now(g->world);
    bool all = true, late = g->rebalancing && now - g->since_ms > REBALANCE_MAX_MS;
    for (size_t i = 0; i < WORLD_SLOTS_MAX; i++) {
        struct member *m = &g->members[i];
        if (m->id && now - m->heard_ms > WORLD_SESSION_MS)
            remove_member(g, i, "has been silent for a session");
        else if (m->id && late && !m->joined)
            remove_member(g, i, "did not rejoin in time");
        all = all && (!m->id || m->joined);
    }
    if (g->rebalancing && all && now - g->since_ms > JOIN_DELAY_MS)
        assign(g);
    clock_after(&g->world->clock, EXPIRY_CHECK_MS, check, g, 0);
}

struct group *group_new(struct world *w)
{
    struct group *g = xcalloc(1, sizeof *g);
    g->world = w;
    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++)
        g->owners[p] = -1;
    clock_after(&w->clock, 0, check, g, 0);
    return g;
}

void group_free(struct group *g)
{
    free(g);
}

void group_join(struct group *g, size_t slot, uint64_t member)
{
    struct member *m = &g->members[slot];
    bool takes_place = m->id != 0 && m->id != member;
    m->id = member;
    m->heard_ms = world_now(g->world);
    if (takes_place && !g->rebalancing) {
        world_trace(g->world, "group w%zu#%llu takes its slot's place", slot, (unsigned long long)member);
        tell_assignment(g, slot);
        return;
    }
    rebalance(g);
    m->joined = true;
}

void group_leave(struct group *g, size_t slot, uint64_t member)
{
    if (g->members[slot].id == member)
        remove_member(g, slot, "leaves");
}

enum heartbeat_reply group_heartbeat(struct group *g, size_t slot, uint64_t member)
{
    struct member *m = &g->members[slot];
    if (m->id != member)
        return m->id ? HEARTBEAT_FENCED : HEARTBEAT_UNKNOWN;
    m->heard_ms = world_now(g->world);
    return g->rebalancing && !m->joined ? HEARTBEAT_REJOIN : HEARTBEAT_OK;
}

bool group_validates(const struct group *g, const struct group_meta *meta)
{
    if (meta->generation < 0)
        return true; /* rd_kafka_consumer_group_metadata_new: a commit from outside of the group */
    return g->members[meta->slot].id == meta->member && g->generation == meta->generation;
}

void group_leap(struct group *g, int64_t ms)
{
    for (size_t i = 0; i < WORLD_SLOTS_MAX; i++)
        g->members[i].heard_ms += ms;
}

void group_shake(struct group *g)
{
    rebalance(g);
}
