/* slot.c - one person of the store while something is going on: parsed, dirty, packed again. */
#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* ---- finding ------------------------------------------------------------------------------------------- */

static int order_by_name(const void *a, const void *b)
{
    const struct target *left = *(struct target *const *)a, *right = *(struct target *const *)b;
    return strcmp(left->cfg->name, right->cfg->name);
}

static int compare_homes(const struct engine_target *t, const char *tenant, const char *directory)
{
    int order = strcmp(t->tenant, tenant);
    return order ? order : strcmp(t->directory, directory);
}

static int order_by_home(const void *a, const void *b)
{
    const struct target *left = *(struct target *const *)a, *right = *(struct target *const *)b;
    int order = compare_homes(left->cfg, right->cfg->tenant, right->cfg->directory);
    return order ? order : left < right ? -1 : left > right;
}

void engine_index_targets(struct engine *e)
{
    size_t n = e->cfg.n_targets;
    e->by_name = xcalloc(n, sizeof(struct target *));
    e->by_home = xcalloc(n, sizeof(struct target *));
    for (size_t i = 0; i < n; i++) {
        e->by_name[i] = &e->targets[i];
        if (!is_source(e->targets[i].cfg->name) && !e->targets[i].cfg->rest_of)
            e->by_home[e->n_homes++] = &e->targets[i];
    }
    qsort(e->by_name, n, sizeof(struct target *), order_by_name);
    qsort(e->by_home, e->n_homes, sizeof(struct target *), order_by_home);
}

struct target *engine_target(const struct engine *e, const char *name)
{
    size_t low = 0, high = e->cfg.n_targets;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(e->by_name[middle]->cfg->name, name);
        if (order == 0)
            return e->by_name[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

struct target_range engine_targets_of(const struct engine *e, const char *tenant, const char *directory)
{
    size_t low = 0, high = e->n_homes, n = 0;
    while (low < high) { /* the first that is not before them */
        size_t middle = (low + high) / 2;
        bool before = compare_homes(e->by_home[middle]->cfg, tenant, directory) < 0;
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    while (low + n < e->n_homes && compare_homes(e->by_home[low + n]->cfg, tenant, directory) == 0)
        n++;
    return (struct target_range){&e->by_home[low], n};
}

struct partition *engine_partition(const struct engine *e, int32_t partition)
{
    return partition >= 0 && partition < e->n_numbers ? e->by_number[partition] : NULL;
}

/* ---- slots --------------------------------------------------------------------------------------------- */

void slot_key(const struct slot *slot, struct person_key *ret)
{
    const char *tenant_end = strchr(slot->key, '/');
    const char *directory_end = tenant_end ? strchr(tenant_end + 1, '/') : NULL;
    assert(directory_end);
    size_t tenant_n = (size_t)(tenant_end - slot->key),
           directory_n = (size_t)(directory_end - tenant_end - 1);
    assert(tenant_n < sizeof ret->tenant && directory_n < sizeof ret->directory);
    memcpy(ret->tenant, slot->key, tenant_n);
    ret->tenant[tenant_n] = '\0';
    memcpy(ret->directory, tenant_end + 1, directory_n);
    ret->directory[directory_n] = '\0';
    ret->subject = directory_end + 1;
}

struct person *slot_live(struct engine *e, struct slot *slot)
{
    if (slot->live)
        return slot->live;
    struct person *p = xcalloc(1, sizeof *p);
    if (slot_committed(slot)) {
        struct error err;
        bool ok = record_read(store_committed(&e->store, slot), p, &err);
        assert(ok); /* a record that cannot be read is refused at the restore, ours can */
    }
    slot->live = p;
    e->stats.live++;
    return p;
}

static void free_live(struct engine *e, struct slot *slot)
{
    if (!slot->live)
        return;
    person_done(slot->live);
    free(slot->live);
    slot->live = NULL;
    e->stats.live--;
}

/* Whether to keep the person as it is: it will be needed soon. */
static bool busy(const struct engine *e, const struct slot *slot)
{
    bool waits = false;
    for (size_t i = 0; i < slot->n_works; i++) {
        if (slot->works[i]->flight)
            return true;
        waits |= slot->works[i]->queued;
    }
    return waits && e->stats.live <= e->cfg.live_max;
}

void slot_release(struct engine *e, struct slot *slot)
{
    if (slot->dirty || slot->batched || busy(e, slot))
        return;
    free_live(e, slot);
    work_forget_desired(slot);
    store_pack(&e->store, slot);
}

void slot_mark_dirty(struct engine *e, struct slot *slot)
{
    if (slot->dirty)
        return;
    slot->dirty = true;
    slot->dirty_next = NULL;
    slot->dirty_prev = e->dirty_last;
    *(e->dirty_last ? &e->dirty_last->dirty_next : &e->dirty_first) = slot;
    e->dirty_last = slot;
    e->n_dirty++;
    engine_partition(e, slot->partition)->n_dirty++;
}

void slot_unmark_dirty(struct engine *e, struct slot *slot)
{
    if (!slot->dirty)
        return;
    slot->dirty = false;
    *(slot->dirty_prev ? &slot->dirty_prev->dirty_next : &e->dirty_first) = slot->dirty_next;
    *(slot->dirty_next ? &slot->dirty_next->dirty_prev : &e->dirty_last) = slot->dirty_prev;
    e->n_dirty--;
    engine_partition(e, slot->partition)->n_dirty--;
}

void slot_rest(struct engine *e, struct slot *slot)
{
    assert(!slot->dirty && !slot->batched);
    work_free_all(slot);
    free_live(e, slot);
    store_pack(&e->store, slot);
    slot->gen = slot->batched_gen = slot->committed_gen = 0;
}

void slot_set_flags(struct engine *e, struct slot *slot, unsigned flags)
{
    bool uncut = flags & RECORD_UNCUT;
    e->stats.uncut += (uint64_t)uncut - slot->uncut;
    slot->uncut = uncut;
    slot->open = flags & RECORD_OPEN;
    slot->refused = flags & RECORD_REFUSED;
    slot->in_teams = flags & RECORD_TEAMS;
    slot->denied = flags & RECORD_DENIED;
    wards_note_active(e, slot, flags & RECORD_ACTIVE);
    bool held = flags & RECORD_HELD;
    e->stats.held += (uint64_t)held - slot->held;
    slot->held = held;
}

void slot_forget(struct engine *e, struct slot *slot)
{
    slot_set_flags(e, slot, 0);
    sweep_mark(e, slot, false);
    if (slot->taken_over)
        engine_partition(e, slot->partition)->n_taken_over--;
    slot_unmark_dirty(e, slot);
    work_free_all(slot);
    free_live(e, slot);
    store_remove(&e->store, slot);
}
