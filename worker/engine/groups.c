/* groups.c - a target's groups as such: those that the configuration says are ours are made when somebody is to be put
 * into them, renamed and deleted, by whoever owns the bucket 0 of the tenant.
 *
 *      somebody misses one of ours ─► want ─► targets topic ─► the owner: a listing of its own has it not ─► POST
 *      teams.renames: the old name is there, the new one is not ────────────┤                            ─► PATCH
 *      teams.retired: it is there, we made it, and nobody is in it ─────────┘                      ─► GET, DELETE
 *                                                                                                           │
 *      everybody ◄─ targets topic ◄─ "made", or why not ◄─────── the next listing shows what came of it ◄───┘
 *
 * One that has borne the name, and that is listed no more, is asked for by its id before another one is made: GET ─► 404.
 *
 * Two workers must never make one: only who owns the bucket does, under its lease, and decides by a listing that it has begun
 * itself when no call of an owner before, or of its own that had no answer, can have an effect any more. */
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "engine_state.h"
#include "mem.h"

static struct group_job job_of(const struct group_jobs *g)
{
    return (struct group_job){.step = g->step, .id = g->id, .name = g->name, .to = g->to, .makes = g->makes};
}

int64_t groups_listing_in(const struct engine *e, struct target *t, struct now now)
{
    const struct group_jobs *g = &t->groups;
    struct group_job job;
    if (g->step)
        return INT64_MAX;
    int64_t sure = group_job_sure_in(e, t, now), from_boot_ms = g->safe_boot_ms;
    bool found = group_job_find(e, t, &job, now);
    if (!g->again && (!found || group_job_knows(t, &job, now)))
        return sure;
    if (!g->again && job.rested_boot_ms > from_boot_ms)
        from_boot_ms = job.rested_boot_ms;
    if (!g->again && g->next_ms > from_boot_ms)
        from_boot_ms = g->next_ms;
    int64_t wait = from_boot_ms > now.boot_ms ? from_boot_ms - now.boot_ms : 0;
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
    g->makes = false;
    attrs_done(&g->gone);
}

static void end_job(struct target *t)
{
    struct group_job job = job_of(&t->groups);
    char *key = group_job_key(&job);
    setbacks_remove(&t->groups.setbacks, key);
    free(key);
    drop_job(t);
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
    struct group_job job = job_of(g);
    int64_t wait = call_in(t, g->step, now);
    int64_t safe_boot_ms = now.boot_ms + (wait < t->cfg->deadline_ms ? wait : t->cfg->deadline_ms);
    if (group_job_is_by_listing(&job) && safe_boot_ms > g->safe_boot_ms)
        g->safe_boot_ms = safe_boot_ms;
    drop_job(t);
}

/* Milliseconds until one that has failed may be; INT64_MAX: when something happens, or one is under way. */
static int64_t decide(const struct engine *e, struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    struct group_job job;
    if (!group_job_find(e, t, &job, now))
        return INT64_MAX;
    int64_t next_boot_ms = job.rested_boot_ms > now.boot_ms ? job.rested_boot_ms : job.next_boot_ms;
    if (!job.ready)
        return next_boot_ms > 0 ? next_boot_ms - now.boot_ms : INT64_MAX;
    g->decided_boot_ms = group_job_is_by_listing(&job) ? g->shown_boot_ms : now.boot_ms;
    g->step = job.step;
    g->id = xstrdup_null(job.id);
    g->name = xstrdup(job.name);
    g->to = xstrdup_null(job.to);
    g->makes = job.makes;
    lane_follow(&t->lanes[0], t, engine_partition(e, t->home));
    return INT64_MAX;
}

/* Who wants a name that another group was to bear by now. */
static void tell_waiting(struct engine *e, struct target *t, struct now now)
{
    for (size_t i = 0; i < t->directory.n_wanted; i++) {
        const struct group_want *want = &t->directory.wanted[i];
        const struct group_job job = {.makes = true, .name = want->name};
        char *why = group_rename_failure(t, want->name, now);
        bool told = why && want->failed && strcmp(want->failed, why) == 0;
        if (why && !told && !group_job_rests(t, &job, now)) {
            groups_publish_want(e, t, want->name, why, now);
            group_job_rest(t, &job, now);
        }
        free(why);
    }
}

int64_t groups_look(struct engine *e, struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    for (size_t i = 0; i < g->made.n && !g->made_sent; i++)
        groups_publish_made(e, t, g->made.v[i].name, g->made.v[i].value, now);
    g->made_sent = true;
    tell_waiting(e, t, now);
    if (g->flight)
        return INT64_MAX;
    if (g->step && (is_paused(t) || is_old(t, g->decided_boot_ms, now) || !group_job_stands(t)))
        reconsider(t, now);
    if (is_paused(t))
        return INT64_MAX; /* it is looked at when that ends */
    if (!g->step && g->next_ms > now.boot_ms)
        return g->next_ms - now.boot_ms;
    int64_t rested_in = g->step ? INT64_MAX : decide(e, t, now);
    if (!g->step)
        return rested_in;
    turns_call(&t->turn);
    int64_t old_in = g->decided_boot_ms + t->cfg->call_life_ms + 1 - now.boot_ms;
    return old_in > 0 ? old_in : 1;
}

/* Not ours any more; the answer to a call in flight will find that nobody waits for it. */
void groups_reset(struct target *t)
{
    drop_job(t);
    setbacks_done(&t->groups.setbacks);
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
        bool missing = group_is_missing(t, group);
        if (missing && began_boot_ms < g->judged_boot_ms) {
            g->safe_boot_ms = g->judged_boot_ms;
            g->again = true;
            continue;
        }
        if (missing)
            groups_publish_want(e, t, group, g->expected.v[i].value, now);
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
        if (!group_is_missing(t, t->directory.wanted[i].name))
            groups_publish_want(e, t, t->directory.wanted[i].name, NULL, now);
    judge(e, t, began_boot_ms, now);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

int64_t groups_ready_in(struct target *t, struct now now)
{
    const struct group_jobs *g = &t->groups;
    if (!g->step || g->flight || is_paused(t) || t->inflight.now >= t->inflight.limit ||
        is_old(t, g->decided_boot_ms, now) || !group_job_stands(t))
        return INT64_MAX;
    return call_in(t, g->step, now);
}

bool groups_may_write(struct target *t)
{
    return group_job_stands(t);
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
    struct group_job job = job_of(&t->groups);
    if (job.makes)
        groups_publish_want(e, t, job.name, reason, now);
    group_job_rest(t, &job, now);
    end_job(t);
}

/* What is not this group's own trouble stops all; else others come first. */
static void fail(struct engine *e, struct target *t, const struct call_reply *reply, enum reply_class class,
                 const char *reason, struct now now)
{
    struct group_jobs *g = &t->groups;
    struct group_job job = job_of(g);
    struct setback_terms terms = {.base_ms = t->cfg->retry_base_ms,
                                  .cap_ms = t->cfg->retry_cap_ms,
                                  .at_least_ms = reply->retry_after_ms,
                                  .anew = t->breaker.open};
    char *key = group_job_key(&job);
    const struct setback *s = setbacks_note(&g->setbacks, key, NULL, &terms, now);
    free(key);
    if (now.wall_ms - s->since_ms > t->cfg->deadline_ms) {
        give_up(e, t, reason, now);
    } else if (class == REPLY_THROTTLED || class == REPLY_TROUBLE || t->breaker.open) {
        g->next_ms = s->next_boot_ms;
        reconsider(t, now);
    } else {
        drop_job(t);
    }
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
    struct group_job job = job_of(g);
    group_job_rest(t, &job, now);
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

/* What we have made is known by its name. */
static void note_renamed(struct target *t)
{
    struct group_jobs *g = &t->groups;
    if (!attrs_find(&t->directory.made, g->id))
        return;
    attrs_set(&g->made, g->id, g->to);
    g->made_sent = false;
}

/* Nobody is in it, as the target says of it alone just now: a list that it leaves out says nothing. */
static void take_look(struct engine *e, struct target *t, const struct call_reply *reply, struct now now)
{
    struct group_jobs *g = &t->groups;
    struct group_answer group;
    struct error err;
    if (!scim_parse_group(reply->body, &group, &err)) {
        fail(e, t, reply, REPLY_TEMPORARY, err.message, now);
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
    struct group_job job = job_of(g);
    group_job_rest(t, &job, now);
    end_job(t);
}

/* That one is gone. Nor is there another that has borne the name: it may be made, by the word of the listing. */
static void take_former_gone(struct engine *e, struct target *t, struct now now)
{
    struct group_jobs *g = &t->groups;
    if (attrs_find(&t->directory.made, g->id))
        groups_publish_made(e, t, g->id, NULL, now);
    attrs_set(&g->gone, g->id, NULL);
    free(g->id);
    g->id = xstrdup_null(directory_former(&t->directory, g->name, &g->gone));
    g->step = g->id ? STEP_GROUP_LOOK : STEP_GROUP_MAKE;
}

static void take_done(struct engine *e, struct target *t, const struct call_reply *reply, struct now now)
{
    struct group_jobs *g = &t->groups;
    if (g->step == STEP_GROUP_LOOK) {
        if (g->makes)
            give_up(e, t, "the target lists it no more, and has it still", now);
        else
            take_look(e, t, reply, now);
        return;
    }
    if (g->step == STEP_GROUP_MAKE)
        take_made(t, reply);
    if (g->step == STEP_GROUP_RENAME)
        note_renamed(t);
    if (g->step == STEP_GROUP_DELETE)
        groups_publish_made(e, t, g->id, NULL, now);
    list_again(t, now);
}

/* Of a name that is taken, and a group that is gone, a listing tells. */
static bool is_settled_by_listing(const struct group_jobs *g, const struct flight *f,
                                  const struct call_reply *reply)
{
    bool taken = g->step == STEP_GROUP_MAKE && (f->meaning.class == REPLY_EXISTS || reply->status == 409);
    return taken || (g->id && reply->status == 404);
}

static bool is_former_gone(const struct group_jobs *g, const struct call_reply *reply)
{
    return g->makes && g->step == STEP_GROUP_LOOK && reply->outcome == CALL_REPLIED && reply->status == 404;
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
    char said[REPLY_REASON_MAX], reason[REPLY_REASON_MAX + 64];
    reply_describe(reply, said);
    bool looks = g->makes && g->step == STEP_GROUP_LOOK;
    snprintf(reason, sizeof reason, "%s%s", looks ? "whether it is still there is not said: " : "", said);
    if (reply->failure == FAILURE_HELD_BACK) {
        g->next_ms = now.boot_ms + 1;
        reconsider(t, now);
    } else if (is_former_gone(g, reply)) {
        take_former_gone(e, t, now);
    } else if (reply->outcome == CALL_REPLIED && is_settled_by_listing(g, f, reply)) {
        if (g->step == STEP_GROUP_MAKE)
            attrs_set(&g->expected, g->name, reason);
        list_again(t, now);
    } else if (f->meaning.class == REPLY_PERMANENT || f->meaning.class == REPLY_GONE) {
        give_up(e, t, reason, now);
    } else {
        if (step_writes(g->step) && leaves_doubt(reply))
            doubt(t, now);
        fail(e, t, reply, f->meaning.class, reason, now);
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
