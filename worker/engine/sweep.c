/* sweep.c - everybody is planned anew when the policy or the targets have changed, and when the teams of a target have,
 * whoever depends on them.
 *
 *      new generation ─► everybody is behind ─► walk, in portions ─┬─ in step: packed again, nothing is written
 *                             ▲                                    ├─ not in step: opened, written with the new mark
 *                             │                                    └─ too many wait for the target, or its teams are
 *                             │                                       not listed yet: put off
 *                             └─────── another walk, when that is over ◄┘
 *      nobody is behind ─► the partition's record says which generation everybody was planned under
 *
 * The generation is a fingerprint of the policy and the targets. It stands in the header of every person's record that is
 * written, and in the partition's record once nobody is behind. From a new generation on the partition's record says
 * none, before or together with the first record that comes of it: a restore then takes everybody for behind whose own
 * mark is another one. So a sweep is resumed by walking again, and going back to an older generation finds exactly those
 * whom the newer one has changed.
 *
 * Of teams the partition's record has the fingerprint of the directories under which everybody was planned who depends on
 * them, and none from the first record of a new listing on: a restore that finds another one takes all of these for
 * behind. A person's record has no mark of its own, but a flag: a policy that names teams there. */
#include "engine_state.h"

#include <string.h>

#include "digest.h"

enum {
    LOOKED_AT_ONCE = 20000,
    DIRTY_MAX = 2000, /* who waits for a commit is held unpacked */
};

/* ---- who is behind ------------------------------------------------------------------------------------- */

/* The partition's record says so when somebody is the last. */
void sweep_mark(struct engine *e, struct slot *slot, bool behind)
{
    if (slot->behind == behind)
        return;
    struct partition *p = engine_partition(e, slot->partition);
    slot->behind = behind;
    p->n_behind += behind ? 1 : (size_t)-1;
    p->record_dirty |= p->n_behind == 0 && p->state == PARTITION_LIVE;
}

static void mark_behind(void *ctx, struct slot *slot)
{
    sweep_mark(ctx, slot, true);
}

static bool decided_anew(const struct target *t)
{
    return t->generation != t->cfg->generation;
}

static void mark_concerned(void *ctx, struct slot *slot)
{
    struct person_key key;
    slot_key(slot, &key);
    struct target_range targets = engine_targets_of(ctx, key.tenant, key.directory);
    for (size_t i = 0; i < targets.n; i++)
        if (decided_anew(targets.v[i]))
            sweep_mark(ctx, slot, true);
}

/* That somebody is behind stands in the partitions' records before anything comes of it. */
static void write_marks(struct engine *e)
{
    for (size_t i = 0; i < e->n_partitions; i++) {
        struct partition *p = e->partitions[i];
        p->record_dirty |= p->state == PARTITION_LIVE || p->state == PARTITION_REVOKED;
    }
}

static void walk_all(struct engine *e)
{
    write_marks(e);
    for (size_t i = 0; i < e->n_partitions; i++)
        sweep_start_walk(e, e->partitions[i]);
}

/* Who is not concerned stays in step: the partition's record says so when the others are, and a restore before that walks
 * through more than it has to. */
void sweep_begin(struct engine *e)
{
    bool some = false;
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        some |= decided_anew(&e->targets[i]);
    store_each(&e->store, -1, some ? mark_concerned : mark_behind, e);
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        e->targets[i].generation = e->targets[i].cfg->generation;
    walk_all(e);
}

/* ---- news of teams ------------------------------------------------------------------------------------- */

bool sweep_needs_teams(const struct slot *slot)
{
    return slot->in_teams || slot->refused;
}

struct news {
    struct engine *e;
    const struct target *target;
};

static void hear_news(void *ctx, struct slot *slot)
{
    const struct news *news = ctx;
    struct person_key key;
    if (!sweep_needs_teams(slot) || slot->behind)
        return;
    slot_key(slot, &key);
    if (strcmp(key.tenant, news->target->cfg->tenant) == 0 &&
        strcmp(key.directory, news->target->cfg->directory) == 0)
        sweep_mark(news->e, slot, true);
}

static uint64_t whole_of_all(const struct engine *e)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        const struct target *t = &e->targets[i];
        uint64_t parts[] = {hash, digest_hash64(t->cfg->name, strlen(t->cfg->name)), t->directory.whole};
        if (t->directory.whole)
            hash = digest_hash64(parts, sizeof parts);
    }
    return hash;
}

void sweep_take_teams(struct engine *e, struct target *t, const struct directory_record *r)
{
    bool changing = t->directory.changing;
    uint64_t whole = t->directory.whole;
    directory_take(&t->directory, r);
    e->n_teams_changing += (size_t)t->directory.changing - (size_t)changing;
    if (t->directory.changing && !changing)
        write_marks(e);
    if (t->directory.whole == whole)
        return;
    e->teams_whole = whole_of_all(e);
    if (!MUTATION(MUTATION_TEAM_MISSED_FOREVER))
        store_each(&e->store, -1, hear_news, &(struct news){e, t});
    walk_all(e);
}

uint64_t sweep_teams_mark(const struct engine *e, const struct partition *p)
{
    return p->n_behind > 0 || e->n_teams_changing > 0 ? 0 : e->teams_whole;
}

/* ---- planning one -------------------------------------------------------------------------------------- */

void sweep_add_targets(struct engine *e, struct slot *slot)
{
    struct person_key key;
    slot_key(slot, &key);
    struct target_range targets = engine_targets_of(e, key.tenant, key.directory);
    for (size_t i = 0; i < targets.n && !MUTATION(MUTATION_SWEEP_NO_NEW_TARGETS); i++)
        person_target_add(slot->live, targets.v[i]->cfg->name);
}

static bool has_room(const struct engine *e, struct target *t)
{
    bool room = !t->paused && t->waiting < e->cfg.sweep_waiting_max;
    t->sweep_waits |= !room;
    return room;
}

static bool only_sweep_asks(const struct work *w, const struct target_state *t)
{
    return w->slot->behind && !t->open && t->n_pending == 0 && !t->provision_owed && !t->due_ms;
}

bool sweep_puts_off(const struct engine *e, const struct work *w, const struct target_state *t)
{
    return only_sweep_asks(w, t) && !has_room(e, w->target);
}

bool sweep_misses_teams(const struct work *w, const struct target_state *t)
{
    if (!only_sweep_asks(w, t))
        return false;
    w->target->sweep_misses_teams = true;
    return true;
}

void sweep_teams_listed(struct target *t)
{
    t->sweep_waits |= t->sweep_misses_teams;
    t->sweep_misses_teams = false;
}

/* Whether it is worth unpacking the person: somebody takes them. Who is open is planned anew at once. */
static bool worth_a_look(const struct engine *e, const struct slot *slot)
{
    struct person_key key;
    slot_key(slot, &key);
    struct target_range targets = engine_targets_of(e, key.tenant, key.directory);
    bool room = targets.n == 0 || slot->open || slot->live;
    for (size_t i = 0; i < targets.n; i++)
        room |= has_room(e, targets.v[i]);
    return room;
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

void sweep_start_walk(struct engine *e, struct partition *p)
{
    p->sweeping = p->n_behind > 0;
    p->walk_again = false;
    if (p->sweeping)
        store_walk_begin(&e->store, p->partition);
}

static bool may_walk(const struct partition *p)
{
    return p->sweeping && p->opened && p->state == PARTITION_LIVE;
}

bool sweep_may_run(const struct engine *e)
{
    for (size_t i = 0; i < e->n_partitions; i++)
        if (may_walk(e->partitions[i]) && e->n_dirty < DIRTY_MAX)
            return true;
    return false;
}

/* A target for which persons were put off has room again: another walk finds them. */
static bool room_came(struct engine *e)
{
    bool came = false;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        struct target *t = &e->targets[i];
        if (!t->sweep_waits || t->paused || t->waiting > e->cfg.sweep_waiting_max / 2)
            continue;
        t->sweep_waits = false;
        came = true;
    }
    return came;
}

static void walk_again(struct engine *e)
{
    bool waits = false;
    for (size_t i = 0; i < e->n_partitions; i++)
        waits |= e->partitions[i]->n_behind > 0 && !e->partitions[i]->sweeping;
    if (!waits || !room_came(e))
        return;
    for (size_t i = 0; i < e->n_partitions; i++) {
        struct partition *p = e->partitions[i];
        p->walk_again = p->sweeping;
        if (!p->sweeping)
            sweep_start_walk(e, p);
    }
}

struct portion {
    unsigned looked_at, planned;
};

static void walk(struct engine *e, struct partition *p, struct portion *portion, struct now now)
{
    while (portion->planned < e->cfg.sweep_at_once && portion->looked_at < LOOKED_AT_ONCE &&
           e->n_dirty < DIRTY_MAX) {
        struct slot *slot = store_walk_next(&e->store, p->partition);
        if (!slot) {
            p->sweeping = false;
            if (p->walk_again)
                sweep_start_walk(e, p);
            return;
        }
        portion->looked_at++;
        if (!slot->behind || !worth_a_look(e, slot))
            continue;
        converge_slot(e, slot, now);
        portion->planned++;
    }
}

void sweep_run(struct engine *e, struct now now)
{
    struct portion portion = {0};
    walk_again(e);
    for (size_t i = 0; i < e->n_partitions; i++)
        if (may_walk(e->partitions[i]))
            walk(e, e->partitions[i], &portion, now);
}
