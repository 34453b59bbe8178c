#include "bonds.h"

#include <stdlib.h>
#include <string.h>

#include "engine_state.h"
#include "mem.h"

/* ---- what the configuration says, by id ---------------------------------------------------------------- */

char *bond_key(const char *group, const char *team)
{
    return xasprintf("%s/%s", group ? group : "", team ? team : "");
}

enum { FOUND_NONE, FOUND_ONE, FOUND_MORE };

static int find_named(const struct attrs *all, const char *name, const char **ret_id)
{
    int found = FOUND_NONE;
    for (size_t i = 0; i < all->n && found < FOUND_MORE; i++) {
        if (strcmp(all->v[i].value, name) != 0)
            continue;
        *ret_id = all->v[i].name;
        found++;
    }
    return found;
}

void bonds_problem(struct attach *a, char *problem)
{
    if (a->problem)
        free(problem);
    else
        a->problem = problem;
}

/* The ids of the two; false: told why not. */
static bool resolve(struct attach *a, const struct engine_attachment *pair, const char **ret_group,
                    const char **ret_team)
{
    int groups = find_named(&a->groups, pair->group, ret_group),
        teams = find_named(&a->teams, pair->team, ret_team);
    if (groups != FOUND_ONE)
        bonds_problem(
            a, xasprintf("%s user group is called \"%s\"", groups ? "more than one" : "no", pair->group));
    else if (teams != FOUND_ONE)
        bonds_problem(a, xasprintf("%s team is called \"%s\"", teams ? "more than one" : "no", pair->team));
    return groups == FOUND_ONE && teams == FOUND_ONE;
}

void bonds_note(struct attach *a, const char *key, const char *group)
{
    attrs_set(&a->noted, key, group);
    a->noted_sent = false;
}

/* ---- what is to be done -------------------------------------------------------------------------------- */

/* It has failed in this round, or not long before. Key: as of bonds, of a group's list with "" for the team. */
static bool rests(const struct attach *a, const char *key)
{
    return setbacks_next(&a->setbacks, key) > a->began_boot_ms;
}

static bool list_rests(const struct attach *a, const char *group)
{
    char *key = bond_key(group, NULL);
    bool resting = rests(a, key);
    free(key);
    return resting;
}

/* A group that matters and whose teams are not known; NULL: there is none. */
static const char *unasked(struct attach *a, const struct engine_attachment *pairs, size_t n)
{
    const char *group, *team;
    for (size_t i = 0; i < n; i++)
        if (resolve(a, &pairs[i], &group, &team) && !attrs_find(&a->asked, group) && !list_rests(a, group))
            return group;
    return NULL;
}

/* What has not failed, then what has rested for longest. */
static void offer(struct bond_change *best, const struct bond_change *change)
{
    if (!best->step || change->rested_boot_ms < best->rested_boot_ms)
        *best = *change;
}

/* NULL: nothing can be said of that pair in this round. Caller frees. */
static char *known_key(struct attach *a, const struct engine_attachment *pair, struct bond_change *ret)
{
    if (!resolve(a, pair, &ret->group, &ret->team) || !attrs_find(&a->asked, ret->group))
        return NULL;
    char *key = bond_key(ret->group, ret->team);
    ret->rested_boot_ms = setbacks_next(&a->setbacks, key);
    return key;
}

/* False: there is nothing to do about it in this round. */
static bool attach_pair(struct target *t, const struct target *of, const struct engine_attachment *pair,
                        struct bond_change *best)
{
    struct attach *a = &t->attach;
    struct bond_change change = {.step = STEP_ATTACH};
    char *key = known_key(a, pair, &change);
    if (!key)
        return false;
    bool open = !attrs_find(&a->bonds, key) && !rests(a, key),
         ours = attrs_find(&of->directory.attached, key), noted = attrs_find(&a->noted, key);
    if (open && ours && !noted)
        offer(best, &change);
    else if (open && !noted)
        bonds_note(a, key, pair->group);
    free(key);
    return open;
}

/* Likewise; what is not there any more is forgotten. */
static bool detach_pair(struct target *t, const struct target *of, const struct engine_attachment *pair,
                        struct bond_change *best)
{
    struct attach *a = &t->attach;
    struct bond_change change = {.step = STEP_DETACH};
    char *key = known_key(a, pair, &change);
    if (!key)
        return false;
    bool ours = attrs_find(&of->directory.attached, key), there = attrs_find(&a->bonds, key),
         open = ours && there && !rests(a, key);
    if (open)
        offer(best, &change);
    else if (ours && !there && !attrs_find(&a->noted, key))
        bonds_note(a, key, NULL);
    free(key);
    return open;
}

const char *bonds_unasked(struct target *t)
{
    const char *group = unasked(&t->attach, t->cfg->detached, t->cfg->n_detached);
    return group ? group : unasked(&t->attach, t->cfg->attached, t->cfg->n_attached);
}

bool bonds_find_change(struct target *t, const struct target *of, struct bond_change *ret)
{
    bool open = false;
    *ret = (struct bond_change){.step = STEP_NONE};
    for (size_t i = 0; i < t->cfg->n_detached; i++)
        open |= detach_pair(t, of, &t->cfg->detached[i], ret);
    for (size_t i = 0; i < t->cfg->n_attached; i++)
        open |= attach_pair(t, of, &t->cfg->attached[i], ret);
    return open;
}
