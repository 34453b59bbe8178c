/* groups.c - a target's groups as such: those that the configuration says are ours are made when somebody is to be put
 * into them, renamed and deleted, by whoever owns the bucket 0 of the tenant.
 *
 *      somebody misses one of ours ─► want ─► targets topic ─► the owner: a listing of its own has it not ─► POST
 *      teams.renames: the old name is there, the new one is not ────────────┤                            ─► PATCH
 *      teams.retired: it is there, we made it, and nobody is in it ─────────┘                      ─► GET, DELETE
 *                                                                                                           │
 *      everybody ◄─ targets topic ◄─ "made", or why not ◄─────── the next listing shows what came of it ◄───┘
 *
 * Two workers must never make one: only who owns the bucket does, under its lease, and decides by a listing that it has begun
 * itself when no call of an owner before, or of its own that had no answer, can have an effect any more. */
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "digest.h"
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

/* ---- wants --------------------------------------------------------------------------------------------- */

void groups_want(struct engine *e, struct target *t, const char *group)
{
    if (attrs_find(&t->wants, group))
        return;
    attrs_set(&t->wants, group, NULL);
    listings_look(e);
}

/* In a transaction of any partition of ours. */
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
                                                   .at_ms = now.wall_ms});
        attrs_set(&t->wants, group, "sent");
    }
}

/* What was put down is put down again, what came to nothing is tried again. */
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

static void publish_want(struct engine *e, const struct target *t, const char *group, const char *failed,
                         struct now now)
{
    listing_publish(e, t->home,
                    &(struct directory_record){.kind = DIRECTORY_WANT,
                                               .target = (char *)(uintptr_t)t->cfg->name,
                                               .name = (char *)(uintptr_t)group,
                                               .gone = !failed,
                                               .failed = (char *)(uintptr_t)failed,
                                               .at_ms = now.wall_ms});
}

/* group NULL: it is deleted. */
static void publish_made(struct engine *e, const struct target *t, const char *id, const char *group,
                         struct now now)
{
    listing_publish(e, t->home,
                    &(struct directory_record){.kind = DIRECTORY_MADE,
                                               .target = (char *)(uintptr_t)t->cfg->name,
                                               .id = (char *)(uintptr_t)id,
                                               .name = (char *)(uintptr_t)group,
                                               .at_ms = now.wall_ms});
}

/* ---- what is to be done -------------------------------------------------------------------------------- */

/* A deletion is decided by a look. */
static enum step decider(enum step step)
{
    return step == STEP_GROUP_DELETE ? STEP_GROUP_LOOK : step;
}

static bool is_listings_word(enum step step)
{
    return step == STEP_GROUP_MAKE || step == STEP_GROUP_RENAME;
}

static char *rest_key(enum step step, const char *name)
{
    return xasprintf("%s/%s", step_name(step), name);
}

static void rest(struct target *t, enum step step, const char *name, struct now now)
{
    int64_t ms = t->cfg->teams_relist_ms > REST_MIN_MS ? t->cfg->teams_relist_ms : REST_MIN_MS;
    char until[24], *key = rest_key(step, name);
    snprintf(until, sizeof until, "%lld", (long long)(now.wall_ms + ms));
    attrs_set(&t->groups.rested, key, until);
    free(key);
}

static bool rests(const struct target *t, enum step step, const char *name, struct now now)
{
    char *key = rest_key(step, name);
    const char *until = attrs_get(&t->groups.rested, key);
    free(key);
    return until && strtoll(until, NULL, 10) > now.wall_ms;
}

struct job { /* borrows */
    enum step step;
    const char *id, *name, *to;
};

static bool is_missing(struct target *t, const char *group)
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

static bool find_rename(struct target *t, struct job *ret, struct now now)
{
    for (size_t i = 0; i < t->cfg->n_group_renames; i++) {
        const struct engine_team_name *wanted = &t->cfg->group_renames[i];
        const char *id;
        if (directory_find(&t->directory, wanted->name, &id) != TEAM_FOUND || !is_missing(t, wanted->group) ||
            is_unsure(t, wanted->group) || rests(t, STEP_GROUP_RENAME, wanted->name, now))
            continue;
        *ret = (struct job){STEP_GROUP_RENAME, id, wanted->name, wanted->group};
        return true;
    }
    return false;
}

static bool is_to_be_made(struct target *t, const struct group_want *want, struct now now)
{
    int64_t rested_ms = now.wall_ms - want->at_ms;
    bool failed_lately = want->failed && rested_ms < t->cfg->teams_relist_ms;
    return !failed_lately && groups_makes(t->cfg, want->name) && is_missing(t, want->name) &&
           !rests(t, STEP_GROUP_MAKE, want->name, now);
}

static bool find_want(struct target *t, struct job *ret, struct now now)
{
    for (size_t i = 0; i < t->directory.n_wanted; i++) {
        const struct group_want *want = &t->directory.wanted[i];
        if (!is_to_be_made(t, want, now) || is_unsure(t, want->name))
            continue;
        *ret = (struct job){STEP_GROUP_MAKE, NULL, want->name, NULL};
        return true;
    }
    return false;
}

/* Only what we have made, and that is asked first whether anybody is in it. */
static bool find_retired(struct target *t, struct job *ret, struct now now)
{
    for (size_t i = 0; t->cfg->group_mode == GROUP_MODE_USER_GROUP && i < t->cfg->n_retired_groups; i++) {
        const char *name = t->cfg->retired_groups[i], *id;
        if (directory_find(&t->directory, name, &id) != TEAM_FOUND || !attrs_find(&t->directory.made, id) ||
            rests(t, STEP_GROUP_LOOK, name, now))
            continue;
        *ret = (struct job){STEP_GROUP_LOOK, id, name, NULL};
        return true;
    }
    return false;
}

static bool may_act(const struct engine *e, const struct target *t)
{
    return !e->cfg.plan_only && t->cfg->group_mode != GROUP_MODE_NONE && !t->directory.changing &&
           !t->directory.failed;
}

static bool find_job(const struct engine *e, struct target *t, struct job *ret, struct now now)
{
    return may_act(e, t) && (find_rename(t, ret, now) || find_want(t, ret, now) || find_retired(t, ret, now));
}

static bool knows_enough(const struct target *t)
{
    const struct group_jobs *g = &t->groups;
    bool listed = g->listed_boot_ms > 0 && g->listed_boot_ms >= g->safe_boot_ms;
    return listed || MUTATION(MUTATION_GROUP_MADE_BLINDLY);
}

/* Until the second listing that a group is made by which has vanished. */
static int64_t sure_in(const struct engine *e, struct target *t, struct now now)
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

int64_t groups_listing_in(const struct engine *e, struct target *t, struct now now)
{
    struct job job;
    if (t->groups.step)
        return INT64_MAX;
    int64_t sure = sure_in(e, t, now), wait = t->groups.safe_boot_ms - now.boot_ms;
    if (!t->groups.again && (knows_enough(t) || !find_job(e, t, &job, now)))
        return sure;
    wait = wait > 0 ? wait : 0;
    return wait < sure ? wait : sure;
}

/* ---- the one under way --------------------------------------------------------------------------------- */

static void drop_job(struct target *t)
{
    struct group_jobs *g = &t->groups;
    free(g->id);
    free(g->name);
    free(g->to);
    g->id = g->name = g->to = NULL;
    g->step = STEP_NONE;
}

static void end_job(struct target *t)
{
    drop_job(t);
    free(t->groups.failing);
    t->groups.failing = NULL;
    t->groups.failures = 0;
    t->groups.next_ms = 0;
}

static bool is_paused(const struct target *t)
{
    return t->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
}

/* What it was decided by may have changed since then: other people make and fill groups, too. */
static bool is_old(const struct target *t, int64_t decided_boot_ms, struct now now)
{
    return now.boot_ms - decided_boot_ms > t->cfg->call_life_ms && !MUTATION(MUTATION_GROUP_MADE_BLINDLY);
}

/* As the configuration and the directory are just now. */
static bool stands(struct target *t)
{
    const struct group_jobs *g = &t->groups;
    const char *id;
    bool there = directory_find(&t->directory, g->name, &id) == TEAM_FOUND, renames = false;
    if (g->step == STEP_GROUP_MAKE)
        return groups_makes(t->cfg, g->name) && is_missing(t, g->name);
    there = there && strcmp(id, g->id) == 0;
    if (g->step != STEP_GROUP_RENAME)
        return there && groups_retires(t->cfg, g->name);
    for (size_t i = 0; i < t->cfg->n_group_renames; i++)
        renames |= strcmp(t->cfg->group_renames[i].name, g->name) == 0 &&
                   strcmp(t->cfg->group_renames[i].group, g->to) == 0;
    return there && renames && t->cfg->group_mode != GROUP_MODE_NONE && is_missing(t, g->to);
}

static int64_t call_in(struct target *t, enum step step, struct now now)
{
    int64_t budget = budget_ready_in(&t->lanes[0].budget, t->class_of[step], BUDGET_ORDINARY, now.boot_ms),
            breaker = breaker_ready_in(&t->breaker, now.boot_ms), back_off = t->groups.next_ms - now.boot_ms;
    int64_t wait = budget > breaker ? budget : breaker;
    wait = back_off > wait ? back_off : wait;
    return wait > 0 ? wait : 0;
}

/* It is decided anew, if it is still to be done: by a listing of the time when it can be. */
static void reconsider(struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    int64_t wait = call_in(t, g->step, now);
    int64_t safe_boot_ms = now.boot_ms + (wait < t->cfg->deadline_ms ? wait : t->cfg->deadline_ms);
    if (is_listings_word(g->step) && safe_boot_ms > g->safe_boot_ms)
        g->safe_boot_ms = safe_boot_ms;
    drop_job(t);
}

static void forget_other_failures(struct group_jobs *g, const struct job *job)
{
    char *key = rest_key(job->step, job->name);
    if (g->failing && strcmp(g->failing, key) != 0) {
        free(g->failing);
        g->failing = NULL;
        g->failures = 0;
    }
    free(key);
}

static void decide(const struct engine *e, struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    struct job job;
    if (!knows_enough(t) || !find_job(e, t, &job, now))
        return;
    g->decided_boot_ms = is_listings_word(job.step) ? g->shown_boot_ms : now.boot_ms;
    if (is_old(t, g->decided_boot_ms, now)) {
        g->safe_boot_ms = now.boot_ms;
        return;
    }
    forget_other_failures(g, &job);
    g->step = job.step;
    g->id = xstrdup_null(job.id);
    g->name = xstrdup(job.name);
    g->to = xstrdup_null(job.to);
    lane_follow(&t->lanes[0], t, engine_partition(e, t->home));
}

int64_t groups_look(struct engine *e, struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    for (size_t i = 0; i < g->made.n && !g->made_sent; i++)
        publish_made(e, t, g->made.v[i].name, g->made.v[i].value, now);
    g->made_sent = true;
    if (g->flight)
        return INT64_MAX;
    if (g->step && (is_paused(t) || is_old(t, g->decided_boot_ms, now) || !stands(t)))
        reconsider(t, now);
    if (is_paused(t))
        return INT64_MAX; /* it is looked at when that ends */
    if (!g->step && g->next_ms > now.boot_ms)
        return g->next_ms - now.boot_ms;
    if (!g->step)
        decide(e, t, now);
    if (!g->step)
        return INT64_MAX;
    turns_call(&t->turn);
    int64_t old_in = g->decided_boot_ms + t->cfg->call_life_ms + 1 - now.boot_ms;
    return old_in > 0 ? old_in : 1;
}

/* Not ours any more; the answer to a call in flight will find that nobody waits for it. */
void groups_reset(struct target *t)
{
    end_job(t);
    attrs_done(&t->groups.rested);
    attrs_done(&t->groups.expected);
    attrs_done(&t->groups.made);
    t->groups = (struct group_jobs){0};
}

/* The same, and what is on its way then counts when it is ours again. */
void groups_leave(struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    int64_t safe_boot_ms = g->safe_boot_ms, latest = now.boot_ms + t->cfg->call_life_ms;
    if (g->flight && step_writes(g->flight->step) && latest > safe_boot_ms)
        safe_boot_ms = latest;
    groups_reset(t);
    g->safe_boot_ms = safe_boot_ms;
}

/* Whoever had it before may have calls on their way, and so may we. */
void groups_follow(struct target *t, const struct partition *p, struct now now)
{
    struct group_jobs *g = &t->groups;
    if (g->taken && g->tenure == p->tenure)
        return;
    groups_leave(t, now);
    g->taken = true;
    g->tenure = p->tenure;
    int64_t theirs = p->tenure ? p->taken_ms + t->cfg->call_life_ms : 0;
    g->safe_boot_ms = theirs > g->safe_boot_ms ? theirs : g->safe_boot_ms;
}

/* What was made shows, or has to be explained: by a listing that cannot be old news. */
static void judge(struct engine *e, struct target *t, int64_t began_boot_ms, struct now now)
{
    struct group_jobs *g = &t->groups;
    for (size_t i = g->expected.n; i-- > 0;) {
        const char *group = g->expected.v[i].name;
        bool missing = is_missing(t, group);
        if (missing && began_boot_ms < g->judged_boot_ms) {
            g->safe_boot_ms = g->judged_boot_ms;
            g->again = true;
            continue;
        }
        if (missing)
            publish_want(e, t, group, g->expected.v[i].value, now);
        attrs_remove(&g->expected, group);
    }
}

/* A listing of ours is in force. */
void groups_listed(struct engine *e, struct target *t, int64_t began_boot_ms, struct now now)
{
    struct group_jobs *g = &t->groups;
    g->listed_boot_ms = began_boot_ms;
    g->shown_boot_ms = now.boot_ms;
    if (began_boot_ms < g->safe_boot_ms)
        return;
    g->again = false;
    if (t->directory.failed)
        return;
    for (size_t i = 0; i < t->directory.n_wanted; i++)
        if (!is_missing(t, t->directory.wanted[i].name))
            publish_want(e, t, t->directory.wanted[i].name, NULL, now);
    judge(e, t, began_boot_ms, now);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

int64_t groups_ready_in(struct target *t, struct now now)
{
    const struct group_jobs *g = &t->groups;
    if (!g->step || g->flight || is_paused(t) || t->inflight.now >= t->inflight.limit ||
        is_old(t, g->decided_boot_ms, now) || !stands(t))
        return INT64_MAX;
    return call_in(t, g->step, now);
}

bool groups_may_write(struct target *t)
{
    return stands(t);
}

static void build(const struct target *t, struct scim_request *ret)
{
    const struct group_jobs *g = &t->groups;
    switch (g->step) {
    case STEP_GROUP_MAKE:
        scim_make_group(g->name, ret);
        break;
    case STEP_GROUP_RENAME:
        scim_rename_group(t->profile, g->id, g->to, ret);
        break;
    case STEP_GROUP_LOOK:
        scim_read_group(g->id, ret);
        break;
    default:
        scim_delete_group(g->id, ret);
    }
}

struct flight *groups_start(struct target *t, struct now now)
{
    struct flight *f = target_flight(t, ERRAND_GROUPS, t->groups.step, now);
    build(t, &f->request);
    t->groups.flight = f;
    return f;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void give_up(struct engine *e, struct target *t, const char *reason, struct now now)
{
    struct group_jobs *g = &t->groups;
    if (g->step == STEP_GROUP_MAKE)
        publish_want(e, t, g->name, reason, now);
    rest(t, decider(g->step), g->name, now);
    end_job(t);
}

static void fail(struct engine *e, struct target *t, const char *reason, int64_t at_least_ms, struct now now)
{
    struct group_jobs *g = &t->groups;
    int64_t wait = t->cfg->retry_base_ms;
    for (uint32_t i = 0; i < g->failures && wait < t->cfg->retry_cap_ms; i++)
        wait *= 2;
    wait = wait < t->cfg->retry_cap_ms ? wait : t->cfg->retry_cap_ms;
    g->next_ms = now.boot_ms + (wait > at_least_ms ? wait : at_least_ms);
    if (t->breaker.open || g->failures == 0)
        g->failing_since_ms = now.wall_ms;
    g->failures++;
    free(g->failing);
    g->failing = rest_key(decider(g->step), g->name);
    if (now.wall_ms - g->failing_since_ms > t->cfg->deadline_ms)
        give_up(e, t, reason, now);
    else
        reconsider(t, now);
}

/* It may have been done, or may be yet: only a listing that is begun later tells. */
static void doubt(struct target *t, struct now now)
{
    t->groups.safe_boot_ms = now.boot_ms + t->cfg->call_life_ms;
    t->groups.again = true;
}

static void list_again(struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    rest(t, decider(g->step), g->name, now);
    g->safe_boot_ms = now.boot_ms + 1; /* one that was begun within this millisecond may have come before */
    g->judged_boot_ms = now.boot_ms + t->cfg->call_life_ms;
    g->again = true;
    end_job(t);
}

static void take_made(struct target *t, const struct call_reply *reply)
{
    struct group_jobs *g = &t->groups;
    struct group_answer group;
    struct error err;
    if (scim_parse_group(reply->body, &group, &err)) {
        attrs_set(&g->made, group.id, g->name);
        g->made_sent = false;
        group_answer_done(&group);
    }
    attrs_set(&g->expected, g->name, "the target answered with success and the group is not there");
}

/* Nobody is in it, as the target says of it alone just now: a list that it leaves out says nothing. */
static void take_look(struct engine *e, struct target *t, const struct call_reply *reply, struct now now)
{
    struct group_jobs *g = &t->groups;
    struct group_answer group;
    struct error err;
    if (!scim_parse_group(reply->body, &group, &err)) {
        fail(e, t, err.message, 0, now);
        return;
    }
    bool empty = group.says_members && group.n_members == 0;
    bool same = group.name && strcmp(group.name, g->name) == 0;
    group_answer_done(&group);
    if (empty && same) {
        g->step = STEP_GROUP_DELETE;
        g->decided_boot_ms = now.boot_ms;
        return;
    }
    rest(t, STEP_GROUP_LOOK, g->name, now);
    end_job(t);
}

static void take_done(struct engine *e, struct target *t, const struct call_reply *reply, struct now now)
{
    struct group_jobs *g = &t->groups;
    if (g->step == STEP_GROUP_LOOK) {
        take_look(e, t, reply, now);
        return;
    }
    if (g->step == STEP_GROUP_MAKE)
        take_made(t, reply);
    if (g->step == STEP_GROUP_DELETE)
        publish_made(e, t, g->id, NULL, now);
    list_again(t, now);
}

/* Of a name that is taken, and a group that is gone, a listing tells. */
static bool is_settled_by_listing(const struct group_jobs *g, const struct flight *f,
                                  const struct call_reply *reply)
{
    bool taken = g->step == STEP_GROUP_MAKE && (f->meaning.class == REPLY_EXISTS || reply->status == 409);
    return taken || (g->id && reply->status == 404);
}

static bool leaves_doubt(const struct call_reply *reply)
{
    return reply->outcome == CALL_UNKNOWN ||
           (reply->outcome == CALL_REPLIED && reply->status >= 500 && reply->status != 503);
}

static void take_failure(struct engine *e, struct target *t, const struct flight *f,
                         const struct call_reply *reply, struct now now)
{
    struct group_jobs *g = &t->groups;
    char reason[REPLY_REASON_MAX];
    reply_describe(reply, reason);
    if (reply->failure == FAILURE_HELD_BACK) {
        g->next_ms = now.boot_ms + 1;
        reconsider(t, now);
    } else if (reply->outcome == CALL_REPLIED && is_settled_by_listing(g, f, reply)) {
        if (g->step == STEP_GROUP_MAKE)
            attrs_set(&g->expected, g->name, reason);
        list_again(t, now);
    } else if (f->meaning.class == REPLY_PERMANENT || f->meaning.class == REPLY_GONE) {
        give_up(e, t, reason, now);
    } else {
        if (step_writes(g->step) && leaves_doubt(reply))
            doubt(t, now);
        fail(e, t, reason, reply->retry_after_ms, now);
    }
}

void groups_end(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now)
{
    struct target *t = f->target;
    if (t->groups.flight != f)
        return;
    t->groups.flight = NULL;
    if (reply->outcome == CALL_REPLIED && f->meaning.class == REPLY_OK)
        take_done(e, t, reply, now);
    else
        take_failure(e, t, f, reply, now);
    listings_look(e);
}
