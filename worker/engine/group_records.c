/* group_records.c - what is told of groups as such through the targets topic: who misses one, why there is none, which are
 * ours. As with teams only what is read back is in force, and what is not is put down again. */
#include "group_records.h"

#include <stdlib.h>
#include <string.h>

#include "engine_state.h"
#include "mem.h"

/* By partition, as a want goes with the one whose person says it: "12/Guild". */
static char *want_key(int32_t partition, const char *group)
{
    return xasprintf("%d/%s", partition, group);
}

static int32_t partition_of(const char *key)
{
    return (int32_t)strtol(key, NULL, 10);
}

static const char *group_of(const char *key)
{
    return strchr(key, '/') + 1;
}

void groups_want(struct engine *e, struct target *t, int32_t partition, const char *group)
{
    char *key = want_key(partition, group);
    if (!attrs_find(&t->wants, key)) {
        attrs_set(&t->wants, key, NULL);
        listings_look(e);
    }
    free(key);
}

void groups_drop_wants(struct engine *e, int32_t partition)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        struct attrs *wants = &e->targets[i].wants;
        for (size_t n = wants->n; n-- > 0;)
            if (partition_of(wants->v[n].name) == partition)
                attrs_remove(wants, wants->v[n].name);
    }
    listings_look(e);
}

/* It outlives the record of the team itself, which the topic may have lost when a worker reads it. */
static char *former(const struct target *t, const char *group)
{
    return (char *)(uintptr_t)directory_former(&t->directory, group, NULL);
}

static bool is_put_down(const struct engine *e, const struct target *t, const char *group)
{
    bool sent = false;
    for (size_t i = 0; !sent && i < e->n_partitions; i++) {
        char *key = want_key(e->partitions[i]->partition, group);
        sent = attrs_get(&t->wants, key);
        free(key);
    }
    return sent;
}

void groups_publish_wants(struct engine *e, struct target *t, struct now now)
{
    for (size_t i = 0; i < t->wants.n; i++) {
        const struct attr *want = &t->wants.v[i];
        const struct partition *p = engine_partition(e, partition_of(want->name));
        const char *group = group_of(want->name);
        bool may = p && p->state == PARTITION_LIVE && p->opened;
        if (want->value || !may || is_put_down(e, t, group))
            continue;
        listing_publish(e, p->partition,
                        &(struct directory_record){.kind = DIRECTORY_WANT,
                                                   .target = (char *)(uintptr_t)t->cfg->name,
                                                   .name = (char *)(uintptr_t)group,
                                                   .former = former(t, group),
                                                   .at_ms = now.wall_ms});
        attrs_set(&t->wants, want->name, "sent");
    }
}

void groups_undo(struct target *t)
{
    for (size_t i = 0; i < t->wants.n; i++)
        attrs_set(&t->wants, t->wants.v[i].name, NULL);
    t->groups.made_sent = false;
    attrs_done(&t->groups.rested);
}

void groups_read_back(const struct engine *e, struct target *t, const struct directory_record *r)
{
    for (size_t i = 0; r->kind == DIRECTORY_WANT && t->wants.n > 0 && i < e->n_partitions; i++) {
        char *key = want_key(e->partitions[i]->partition, r->name);
        attrs_remove(&t->wants, key);
        free(key);
    }
    if (r->kind == DIRECTORY_MADE && r->name)
        attrs_remove(&t->groups.made, r->id);
}

void groups_publish_want(struct engine *e, const struct target *t, const char *group, const char *failed,
                         struct now now)
{
    listing_publish(e, t->home,
                    &(struct directory_record){.kind = DIRECTORY_WANT,
                                               .target = (char *)(uintptr_t)t->cfg->name,
                                               .name = (char *)(uintptr_t)group,
                                               .gone = !failed,
                                               .failed = (char *)(uintptr_t)failed,
                                               .former = failed ? former(t, group) : NULL,
                                               .at_ms = now.wall_ms});
}

void groups_publish_made(struct engine *e, const struct target *t, const char *id, const char *group,
                         struct now now)
{
    listing_publish(e, t->home,
                    &(struct directory_record){.kind = DIRECTORY_MADE,
                                               .target = (char *)(uintptr_t)t->cfg->name,
                                               .id = (char *)(uintptr_t)id,
                                               .name = (char *)(uintptr_t)group,
                                               .at_ms = now.wall_ms});
}
