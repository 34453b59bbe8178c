/* group_jobs.c - the configuration's words about groups against what the target has: the next thing to be done, and
 * whether the one under way still is. */
#include "group_jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"
#include "mem.h"

enum { REST_MIN_MS = 60 * 1000 };

/* ---- what the configuration says ----------------------------------------------------------------------- */

const char *groups_name(const struct engine_target *cfg, const char *team)
{
    const char *name = team;
    for (size_t i = 0; i < cfg->n_team_names; i++) {
        if (strcmp(cfg->team_names[i].name, team) == 0)
            return cfg->team_names[i].group;
        if (strcmp(cfg->team_names[i].group, team) == 0)
            name = NULL;
    }
    return name;
}

static bool is_owned(const struct engine_target *cfg, const char *group)
{
    for (size_t i = 0; i < cfg->n_owned_groups; i++) {
        const char *owned = cfg->owned_groups[i];
        size_t n = strlen(owned);
        bool beginning = n > 0 && owned[n - 1] == '*';
        if (beginning ? strncmp(owned, group, n - 1) == 0 : strcmp(owned, group) == 0)
            return true;
    }
    return false;
}

static bool is_retired(const struct engine_target *cfg, const char *group)
{
    for (size_t i = 0; i < cfg->n_retired_groups; i++)
        if (strcmp(cfg->retired_groups[i], group) == 0)
            return true;
    return false;
}

bool groups_retires(const struct engine_target *cfg, const char *group)
{
    return cfg->group_mode == GROUP_MODE_USER_GROUP && is_retired(cfg, group);
}

bool groups_makes(const struct engine_target *cfg, const char *group)
{
    return cfg->group_mode == GROUP_MODE_USER_GROUP && is_owned(cfg, group) && !is_retired(cfg, group);
}

/* ---- what was tried ------------------------------------------------------------------------------------ */

char *group_job_key(const struct group_job *job)
{
    enum step step = job->makes                       ? STEP_GROUP_MAKE
                     : job->step == STEP_GROUP_DELETE ? STEP_GROUP_LOOK
                                                      : job->step;
    return xasprintf("%s/%s", step_name(step), job->name);
}

void group_job_rest(struct target *t, const struct group_job *job, struct now now)
{
    int64_t ms = t->cfg->teams_relist_ms > REST_MIN_MS ? t->cfg->teams_relist_ms : REST_MIN_MS;
    char until[24], *key = group_job_key(job);
    snprintf(until, sizeof until, "%lld", (long long)(now.wall_ms + ms));
    attrs_set(&t->groups.rested, key, until);
    free(key);
}

bool group_job_rests(const struct target *t, const struct group_job *job, struct now now)
{
    char *key = group_job_key(job);
    const char *until = attrs_get(&t->groups.rested, key);
    free(key);
    return until && strtoll(until, NULL, 10) > now.wall_ms;
}

/* ---- what is to be done -------------------------------------------------------------------------------- */

bool group_is_missing(struct target *t, const char *group)
{
    const char *id;
    return directory_find(&t->directory, group, &id) == TEAM_MISSING;
}

/* It was there, and one listing alone says that it is not: that one may have been wrong. */
static bool is_unsure(const struct target *t, const char *group)
{
    int64_t at_ms = directory_vanished_ms(&t->directory, group);
    return at_ms > 0 && t->directory.listed_ms < at_ms + t->cfg->call_life_ms;
}

bool group_job_is_by_listing(const struct group_job *job)
{
    return job->makes || job->step == STEP_GROUP_RENAME;
}

static bool is_listed(const struct group_jobs *g)
{
    return g->listed_boot_ms > 0 && g->listed_boot_ms >= g->safe_boot_ms;
}

bool group_job_knows(const struct target *t, const struct group_job *job, struct now now)
{
    const struct group_jobs *g = &t->groups;
    bool fresh =
        g->listed_boot_ms >= job->failed_boot_ms && now.boot_ms - g->shown_boot_ms <= t->cfg->call_life_ms;
    return (is_listed(g) && (fresh || !group_job_is_by_listing(job))) ||
           MUTATION(MUTATION_GROUP_MADE_BLINDLY);
}

/* One that lacks a listing holds up none that lacks none. */
static void offer(const struct target *t, struct group_job *job, struct group_job *best, struct now now)
{
    char *key = group_job_key(job);
    const struct setback *failed = setbacks_find(&t->groups.setbacks, key);
    int64_t next_boot_ms = best->next_boot_ms;
    free(key);
    job->failed_boot_ms = failed ? failed->noted_boot_ms : 0;
    job->rested_boot_ms = failed ? failed->next_boot_ms : 0;
    bool rests = job->rested_boot_ms > now.boot_ms, knows = group_job_knows(t, job, now);
    job->ready = knows && !rests;
    if (knows && rests && (next_boot_ms == 0 || job->rested_boot_ms < next_boot_ms))
        next_boot_ms = job->rested_boot_ms;
    bool earlier = job->rested_boot_ms < best->rested_boot_ms;
    if (best->step == STEP_NONE || (job->ready == best->ready ? earlier : job->ready))
        *best = *job;
    best->next_boot_ms = next_boot_ms;
}

/* None comes before one that has not failed, unless that alone lacks a listing. */
static bool is_first(const struct target *t, const struct group_job *best)
{
    return best->step != STEP_NONE && best->rested_boot_ms == 0 && (best->ready || !is_listed(&t->groups));
}

static void find_rename(struct target *t, struct group_job *best, struct now now)
{
    for (size_t i = 0; i < t->cfg->n_group_renames && !is_first(t, best); i++) {
        const struct engine_team_name *wanted = &t->cfg->group_renames[i];
        struct group_job job = {.step = STEP_GROUP_RENAME, .name = wanted->name, .to = wanted->group};
        if (directory_find(&t->directory, job.name, &job.id) != TEAM_FOUND || !group_is_missing(t, job.to) ||
            is_unsure(t, job.to) || group_job_rests(t, &job, now))
            continue;
        offer(t, &job, best, now);
    }
}

/* One that has borne the name, and that no list shows any more, is asked for itself first: lists may lack what is there. */
static struct group_job making(const struct target *t, const char *name)
{
    const char *former =
        MUTATION(MUTATION_GROUP_MADE_AGAIN) ? NULL : directory_former(&t->directory, name, NULL);
    return (struct group_job){
        .step = former ? STEP_GROUP_LOOK : STEP_GROUP_MAKE, .id = former, .name = name, .makes = true};
}

/* Another group is to bear the name: a second one would draw its people out. NULL: none is. */
static const struct engine_team_name *rename_to(struct target *t, const char *group)
{
    const char *id;
    for (size_t i = 0; i < t->cfg->n_group_renames; i++)
        if (strcmp(t->cfg->group_renames[i].group, group) == 0 &&
            directory_find(&t->directory, t->cfg->group_renames[i].name, &id) != TEAM_MISSING)
            return &t->cfg->group_renames[i];
    return NULL;
}

char *group_rename_failure(struct target *t, const char *group, struct now now)
{
    const struct engine_team_name *renamed = rename_to(t, group);
    struct group_job job = {.step = STEP_GROUP_RENAME, .name = renamed ? renamed->name : group};
    if (!renamed || t->directory.changing)
        return NULL;
    if (directory_find(&t->directory, job.name, &job.id) == TEAM_AMBIGUOUS)
        return xasprintf("one called \"%s\" is to be renamed to it, and several groups are called so",
                         job.name);
    return group_job_rests(t, &job, now) ? xstrdup("another group is to be renamed to it, which has failed")
                                         : NULL;
}

static bool is_to_be_made(struct target *t, const struct group_want *want, struct now now)
{
    struct group_job job = {.makes = true, .name = want->name};
    int64_t rested_ms = now.wall_ms - want->at_ms;
    bool failed_lately = want->failed && rested_ms < t->cfg->teams_relist_ms;
    return !failed_lately && groups_makes(t->cfg, want->name) && group_is_missing(t, want->name) &&
           !rename_to(t, want->name) && !group_job_rests(t, &job, now);
}

static void find_want(struct target *t, struct group_job *best, struct now now)
{
    for (size_t i = 0; i < t->directory.n_wanted && !is_first(t, best); i++) {
        const struct group_want *want = &t->directory.wanted[i];
        if (!is_to_be_made(t, want, now) || is_unsure(t, want->name))
            continue;
        struct group_job job = making(t, want->name);
        offer(t, &job, best, now);
    }
}

/* Only what we have made, and that is asked first whether anybody is in it. */
static void find_retired(struct target *t, struct group_job *best, struct now now)
{
    for (size_t i = 0;
         t->cfg->group_mode == GROUP_MODE_USER_GROUP && i < t->cfg->n_retired_groups && !is_first(t, best);
         i++) {
        struct group_job job = {.step = STEP_GROUP_LOOK, .name = t->cfg->retired_groups[i]};
        if (directory_find(&t->directory, job.name, &job.id) != TEAM_FOUND ||
            !attrs_find(&t->directory.made, job.id) || group_job_rests(t, &job, now))
            continue;
        offer(t, &job, best, now);
    }
}

static bool may_act(const struct engine *e, const struct target *t)
{
    return !e->cfg.plan_only && t->cfg->group_mode != GROUP_MODE_NONE && !t->directory.changing &&
           !t->directory.failed;
}

bool group_job_find(const struct engine *e, struct target *t, struct group_job *ret, struct now now)
{
    *ret = (struct group_job){.step = STEP_NONE};
    if (!may_act(e, t))
        return false;
    find_rename(t, ret, now);
    find_want(t, ret, now);
    find_retired(t, ret, now);
    return ret->step != STEP_NONE;
}

int64_t group_job_sure_in(const struct engine *e, struct target *t, struct now now)
{
    int64_t in = INT64_MAX;
    for (size_t i = 0; may_act(e, t) && i < t->directory.n_wanted; i++) {
        const struct group_want *want = &t->directory.wanted[i];
        if (!is_to_be_made(t, want, now) || !is_unsure(t, want->name))
            continue;
        int64_t wait = directory_vanished_ms(&t->directory, want->name) + t->cfg->call_life_ms - now.wall_ms;
        in = wait < in ? wait : in;
    }
    return in > 0 ? in : 0;
}

bool group_job_stands(struct target *t)
{
    const struct group_jobs *g = &t->groups;
    const char *id;
    bool there = directory_find(&t->directory, g->name, &id) == TEAM_FOUND, renames = false;
    if (g->makes)
        return groups_makes(t->cfg, g->name) && group_is_missing(t, g->name) && !rename_to(t, g->name);
    there = there && strcmp(id, g->id) == 0;
    if (g->step != STEP_GROUP_RENAME)
        return there && groups_retires(t->cfg, g->name);
    for (size_t i = 0; i < t->cfg->n_group_renames; i++)
        renames |= strcmp(t->cfg->group_renames[i].name, g->name) == 0 &&
                   strcmp(t->cfg->group_renames[i].group, g->to) == 0;
    return there && renames && t->cfg->group_mode != GROUP_MODE_NONE && group_is_missing(t, g->to);
}
