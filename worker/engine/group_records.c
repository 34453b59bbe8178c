/* group_records.c - what is told of groups as such through the targets topic: who misses one, why there is none, which are
 * ours. As with teams only what is read back is in force, and what is not is put down again. */
#include "group_records.h"

#include "engine_state.h"

void groups_want(struct engine *e, struct target *t, const char *group)
{
    if (attrs_find(&t->wants, group))
        return;
    attrs_set(&t->wants, group, NULL);
    listings_look(e);
}

/* It outlives the record of the team itself, which the topic may have lost when a worker reads it. */
static char *former(const struct target *t, const char *group)
{
    return (char *)(uintptr_t)directory_former(&t->directory, group, NULL);
}

void groups_publish_wants(struct engine *e, struct target *t, int32_t origin, struct now now)
{
    for (size_t i = 0; i < t->wants.n; i++) {
        char *group = t->wants.v[i].name;
        if (t->wants.v[i].value)
            continue;
        listing_publish(e, origin,
                        &(struct directory_record){.kind = DIRECTORY_WANT,
                                                   .target = (char *)(uintptr_t)t->cfg->name,
                                                   .name = group,
                                                   .former = former(t, group),
                                                   .at_ms = now.wall_ms});
        attrs_set(&t->wants, group, "sent");
    }
}

void groups_undo(struct target *t)
{
    for (size_t i = 0; i < t->wants.n; i++)
        attrs_set(&t->wants, t->wants.v[i].name, NULL);
    t->groups.made_sent = false;
    attrs_done(&t->groups.rested);
}

void groups_read_back(struct target *t, const struct directory_record *r)
{
    if (r->kind == DIRECTORY_WANT)
        attrs_remove(&t->wants, r->name);
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
