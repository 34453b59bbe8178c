/* slot.c - one person of the store while something is going on: parsed, dirty, packed again. */
#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* ---- finding ------------------------------------------------------------------------------------------- */

struct target *engine_target(struct engine *e, const char *name)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        if (strcmp(e->cfg.targets[i].name, name) == 0)
            return &e->targets[i];
    return NULL;
}

struct partition *engine_partition(const struct engine *e, int32_t partition)
{
    for (size_t i = 0; i < e->n_partitions; i++)
        if (e->partitions[i]->partition == partition)
            return e->partitions[i];
    return NULL;
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
    if (slot->committed.p) {
        struct error err;
        bool ok = record_read(packed_str(&slot->committed), p, &err);
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

static bool busy(const struct slot *slot)
{
    for (size_t i = 0; i < slot->n_works; i++)
        if (slot->works[i]->queued || slot->works[i]->flight)
            return true;
    return false;
}

void slot_release(struct engine *e, struct slot *slot)
{
    if (!slot->dirty && !slot->batched && !busy(slot))
        free_live(e, slot);
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
}

void slot_unmark_dirty(struct engine *e, struct slot *slot)
{
    if (!slot->dirty)
        return;
    slot->dirty = false;
    *(slot->dirty_prev ? &slot->dirty_prev->dirty_next : &e->dirty_first) = slot->dirty_next;
    *(slot->dirty_next ? &slot->dirty_next->dirty_prev : &e->dirty_last) = slot->dirty_prev;
}

void slot_rest(struct engine *e, struct slot *slot)
{
    assert(!slot->dirty && !slot->batched);
    work_free_all(slot);
    free_live(e, slot);
    slot->gen = slot->batched_gen = slot->committed_gen = 0;
}

void slot_set_flags(struct engine *e, struct slot *slot, unsigned flags)
{
    bool uncut = flags & RECORD_UNCUT;
    e->stats.uncut += (uint64_t)uncut - slot->uncut;
    slot->uncut = uncut;
    slot->open = flags & RECORD_OPEN;
    slot->refused = flags & RECORD_REFUSED;
    wards_note_active(e, slot, flags & RECORD_ACTIVE);
    bool held = flags & RECORD_HELD;
    e->stats.held += (uint64_t)held - slot->held;
    slot->held = held;
}

void slot_forget(struct engine *e, struct slot *slot)
{
    slot_set_flags(e, slot, 0);
    slot_unmark_dirty(e, slot);
    work_free_all(slot);
    free_live(e, slot);
    store_remove(&e->store, slot);
}
