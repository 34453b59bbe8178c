/* attach.c - a target's user groups in teams: what the configuration says is attached and detached over the service's REST
 * API, by whoever owns the bucket 0 of the tenant.
 *
 *      a new owner, an hour, another directory ─► groups ─► teams ─► teams of each group that matters ─► what differs:
 *
 *      teams.attached: it is not there ─► "attached" ─► targets topic ─► in force ─► POST
 *      teams.detached: it is there, and we attached it ─────────────────────────────► DELETE ─► "attached" is forgotten
 *
 * To the engine that API is one more target (kind "miro_rest", name "rest." and the other's), so it has a budget, a breaker and
 * back-off of its own, and nothing that befalls it holds up an account. That an attachment is ours is put down before it is made;
 * one that was there already is never ours. A round that fails is followed by another one. */
#include "attach.h"

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "engine_state.h"
#include "mem.h"
#include "miro_rest.h"

enum { ROUND_MIN_MS = 60 * 1000, FOUND_MAX = 20000 };

#define NO_ANSWER "the REST API does not answer"

/* ---- what the configuration says, by id ---------------------------------------------------------------- */

static char *bond_key(const char *group, const char *team)
{
    return xasprintf("%s/%s", group, team);
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

static void note_problem(struct attach *a, char *problem)
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
        note_problem(
            a, xasprintf("%s user group is called \"%s\"", groups ? "more than one" : "no", pair->group));
    else if (teams != FOUND_ONE)
        note_problem(a, xasprintf("%s team is called \"%s\"", teams ? "more than one" : "no", pair->team));
    return groups == FOUND_ONE && teams == FOUND_ONE;
}

static bool is_configured(const struct target *t, const struct target *of)
{
    return t->cfg->n_attached > 0 || (t->cfg->n_detached > 0 && of->directory.attached.n > 0);
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

static void drop_call(struct attach *a)
{
    free(a->group);
    free(a->team);
    a->group = a->team = NULL;
    a->step = STEP_NONE;
    a->failures = 0;
}

static void end_round(struct attach *a)
{
    drop_call(a);
    free(a->cursor);
    a->cursor = NULL;
    attrs_done(&a->groups);
    attrs_done(&a->teams);
    attrs_done(&a->asked);
    attrs_done(&a->bonds);
    attrs_done(&a->tried);
    free(a->problem);
    a->problem = NULL;
    a->phase = ATTACH_RESTS;
}

/* Takes why. */
static void tell(struct target *of, char *why)
{
    free(of->unattached);
    of->unattached = why;
}

/* All is as configured, or here is why not. */
static void finish(struct target *t, struct target *of)
{
    struct attach *a = &t->attach;
    tell(of, a->problem);
    a->problem = NULL;
    end_round(a);
}

void attach_leave(struct target *t, struct now now)
{
    struct attach *a = &t->attach;
    int64_t latest = now.boot_ms + t->cfg->call_life_ms, safe = a->safe_boot_ms;
    if (a->flight && step_writes(a->flight->step) && latest > safe)
        safe = latest;
    end_round(a);
    attrs_done(&a->noted);
    *a = (struct attach){.safe_boot_ms = safe};
}

void attach_done(struct target *t)
{
    attach_leave(t, (struct now){0});
    free(t->unattached);
}

/* Whoever had it before may have calls on their way. */
static void follow(struct target *t, const struct partition *p, struct now now)
{
    struct attach *a = &t->attach;
    if (a->taken && a->tenure == p->tenure)
        return;
    attach_leave(t, now);
    a->taken = a->again = true;
    a->tenure = p->tenure;
    int64_t theirs = p->tenure ? p->taken_ms + t->cfg->call_life_ms : 0;
    a->safe_boot_ms = theirs > a->safe_boot_ms ? theirs : a->safe_boot_ms;
}

static int64_t next_round_ms(const struct target *t)
{
    int64_t every_ms = t->cfg->teams_relist_ms > ROUND_MIN_MS ? t->cfg->teams_relist_ms : ROUND_MIN_MS;
    return t->attach.round_ms + every_ms;
}

/* 0: now. Wall clock. */
static int64_t begins_at_ms(const struct target *t, const struct target *of, struct now now)
{
    const struct attach *a = &t->attach;
    bool news = a->version != of->directory.version && !of->directory.changing;
    int64_t at_ms = a->again || news || a->round_ms == 0 ? 0 : next_round_ms(t);
    int64_t safe_ms = a->safe_boot_ms > now.boot_ms ? now.wall_ms + a->safe_boot_ms - now.boot_ms : 0;
    at_ms = safe_ms > at_ms ? safe_ms : at_ms;
    return at_ms > now.wall_ms ? at_ms : 0;
}

/* Not before it is safe. */
void attach_retry(struct target *t)
{
    struct attach *a = &t->attach;
    a->again = true;
    a->failures = 0;
    a->next_ms = 0;
}

static void begin(const struct engine *e, struct target *t, const struct target *of, struct now now)
{
    struct attach *a = &t->attach;
    a->phase = ATTACH_GROUPS;
    a->again = false;
    a->version = of->directory.version;
    a->round_ms = now.wall_ms;
    lane_follow(&t->lanes[0], t, engine_partition(e, t->home));
}

/* ---- what is put down ---------------------------------------------------------------------------------- */

static void note(struct attach *a, const char *key, const char *group)
{
    attrs_set(&a->noted, key, group);
    a->noted_sent = false;
}

static void publish_noted(struct engine *e, struct target *t, struct now now)
{
    struct attach *a = &t->attach;
    for (size_t i = 0; i < a->noted.n && !a->noted_sent; i++)
        listing_publish(e, t->home,
                        &(struct directory_record){.kind = DIRECTORY_ATTACHED,
                                                   .target = (char *)(uintptr_t)t->cfg->rest_of,
                                                   .id = a->noted.v[i].name,
                                                   .name = a->noted.v[i].value,
                                                   .at_ms = now.wall_ms});
    a->noted_sent = true;
}

void attach_undo(struct target *t)
{
    t->attach.noted_sent = false;
}

void attach_read_back(struct target *t, const struct directory_record *r)
{
    const struct attr *noted = attrs_find(&t->attach.noted, r->id);
    if (noted && !noted->value == !r->name)
        attrs_remove(&t->attach.noted, r->id);
}

/* ---- the next call ------------------------------------------------------------------------------------- */

static void call_for(struct attach *a, enum step step, const char *group, const char *team)
{
    a->step = step;
    a->group = xstrdup_null(group);
    a->team = xstrdup_null(team);
}

/* A group that matters and whose teams are not known; NULL: there is none. */
static const char *unasked(struct attach *a, const struct engine_attachment *pairs, size_t n)
{
    const char *group, *team;
    for (size_t i = 0; i < n; i++)
        if (resolve(a, &pairs[i], &group, &team) && !attrs_find(&a->asked, group))
            return group;
    return NULL;
}

static void ask_for_bonds(struct target *t)
{
    struct attach *a = &t->attach;
    const char *group = unasked(a, t->cfg->attached, t->cfg->n_attached);
    group = group ? group : unasked(a, t->cfg->detached, t->cfg->n_detached);
    if (group)
        call_for(a, STEP_ATTACH_LOOK, group, NULL);
    else
        a->phase = ATTACH_CHANGES;
}

/* False: there is nothing to do about it, or not yet. */
static bool attach_pair(struct target *t, const struct target *of, const struct engine_attachment *pair)
{
    struct attach *a = &t->attach;
    const char *group, *team;
    if (!resolve(a, pair, &group, &team))
        return false;
    char *key = bond_key(group, team);
    bool open = !attrs_find(&a->bonds, key) && !attrs_find(&a->tried, key),
         ours = attrs_find(&of->directory.attached, key);
    if (open && ours && !attrs_find(&a->noted, key))
        call_for(a, STEP_ATTACH, group, team);
    else if (open && !ours && !attrs_find(&a->noted, key))
        note(a, key, pair->group);
    free(key);
    return open;
}

/* Likewise; what is not there any more is forgotten. */
static bool detach_pair(struct target *t, const struct target *of, const struct engine_attachment *pair)
{
    struct attach *a = &t->attach;
    const char *group, *team;
    if (!resolve(a, pair, &group, &team))
        return false;
    char *key = bond_key(group, team);
    bool ours = attrs_find(&of->directory.attached, key), there = attrs_find(&a->bonds, key),
         open = ours && there && !attrs_find(&a->tried, key);
    if (open)
        call_for(a, STEP_DETACH, group, team);
    else if (ours && !there && !attrs_find(&a->noted, key))
        note(a, key, NULL);
    free(key);
    return open;
}

/* From when on other people may have attached and detached, too: a pause or an open breaker may last for days. The budget's
 * wait does not count, as looking anew would only use it up. */
static int64_t late_boot_ms(struct target *t, struct now now)
{
    enum step step = t->attach.step;
    int64_t wait = budget_ready_in(&t->lanes[0].budget, t->class_of[step], BUDGET_ORDINARY, now.boot_ms);
    return now.boot_ms + t->cfg->call_life_ms + (wait < t->cfg->deadline_ms ? wait : t->cfg->deadline_ms);
}

static void change_next(struct target *t, struct target *of, struct now now)
{
    struct attach *a = &t->attach;
    bool open = false;
    for (size_t i = 0; i < t->cfg->n_attached && !a->step; i++)
        open |= attach_pair(t, of, &t->cfg->attached[i]);
    for (size_t i = 0; i < t->cfg->n_detached && !a->step; i++)
        open |= detach_pair(t, of, &t->cfg->detached[i]);
    if (a->step)
        a->late_boot_ms = late_boot_ms(t, now);
    if (!open)
        finish(t, of);
}

static void advance(struct target *t, struct target *of, struct now now)
{
    struct attach *a = &t->attach;
    if (a->phase == ATTACH_GROUPS || a->phase == ATTACH_TEAMS)
        call_for(a, STEP_ATTACH_LOOK, NULL, NULL);
    if (a->phase == ATTACH_BONDS)
        ask_for_bonds(t);
    if (a->phase == ATTACH_CHANGES)
        change_next(t, of, now);
}

static bool waits_to_change(const struct attach *a)
{
    return a->step && step_writes(a->step) && !a->flight;
}

static bool is_late(const struct attach *a, struct now now)
{
    return waits_to_change(a) && now.boot_ms >= a->late_boot_ms;
}

static void look_again(struct attach *a)
{
    end_round(a);
    a->again = true;
}

static bool is_ours(const struct engine *e, const struct target *t)
{
    const struct partition *p = engine_partition(e, t->home);
    return p && p->state == PARTITION_LIVE && p->opened;
}

int64_t attach_look(struct engine *e, struct target *t, struct now now)
{
    struct attach *a = &t->attach;
    struct target *of = engine_target(e, t->cfg->rest_of);
    if (e->cfg.plan_only || !is_ours(e, t)) {
        attach_leave(t, now);
        tell(of, NULL);
        return INT64_MAX;
    }
    follow(t, engine_partition(e, t->home), now);
    publish_noted(e, t, now);
    if (a->phase == ATTACH_RESTS && !is_configured(t, of)) {
        tell(of, NULL);
        return INT64_MAX;
    }
    if (is_late(a, now)) {
        if (a->failures > 0)
            tell(of, xstrdup(NO_ANSWER));
        look_again(a);
    }
    int64_t at_ms = a->phase == ATTACH_RESTS ? begins_at_ms(t, of, now) : INT64_MAX;
    if (at_ms == 0)
        begin(e, t, of, now);
    if (a->phase != ATTACH_RESTS && !a->step)
        advance(t, of, now);
    publish_noted(e, t, now);
    if (a->step && !a->flight)
        turns_call(&t->turn);
    if (waits_to_change(a))
        return now.wall_ms + a->late_boot_ms - now.boot_ms;
    return a->phase == ATTACH_RESTS ? (at_ms ? at_ms : next_round_ms(t)) : INT64_MAX;
}

/* ---- calls --------------------------------------------------------------------------------------------- */

int64_t attach_ready_in(struct target *t, struct now now)
{
    const struct attach *a = &t->attach;
    bool paused = t->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
    if (!a->step || a->flight || paused || t->inflight.now >= t->inflight.limit || is_late(a, now))
        return INT64_MAX;
    int64_t budget = budget_ready_in(&t->lanes[0].budget, t->class_of[a->step], BUDGET_ORDINARY, now.boot_ms),
            breaker = breaker_ready_in(&t->breaker, now.boot_ms), back_off = a->next_ms - now.boot_ms;
    int64_t wait = budget > breaker ? budget : breaker;
    wait = back_off > wait ? back_off : wait;
    return wait > 0 ? wait : 0;
}

struct flight *attach_start(struct target *t, struct now now)
{
    struct attach *a = &t->attach;
    struct flight *f = target_flight(t, ERRAND_ATTACH, a->step, now);
    const char *org = t->cfg->org;
    if (a->step == STEP_ATTACH)
        miro_rest_attach(org, a->group, a->team, &f->request);
    else if (a->step == STEP_DETACH)
        miro_rest_detach(org, a->group, a->team, &f->request);
    else if (a->group)
        miro_rest_list_teams_of(org, a->group, a->cursor, &f->request);
    else
        miro_rest_list(org, a->phase == ATTACH_GROUPS ? "groups" : "teams", a->cursor, &f->request);
    a->flight = f;
    return f;
}

bool attach_may_write(const struct engine *e, const struct flight *f)
{
    return f->target->attach.flight == f && is_ours(e, f->target);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* The phase goes on behind this list. */
static void end_list(struct attach *a)
{
    if (a->group)
        attrs_set(&a->asked, a->group, NULL);
    else
        a->phase++;
    drop_call(a);
}

static void fail(struct target *t, struct target *of, int64_t at_least_ms, struct now now)
{
    struct attach *a = &t->attach;
    int64_t wait = t->cfg->retry_base_ms;
    for (uint32_t i = 0; i < a->failures && wait < t->cfg->retry_cap_ms; i++)
        wait *= 2;
    wait = wait < t->cfg->retry_cap_ms ? wait : t->cfg->retry_cap_ms;
    a->next_ms = now.boot_ms + (wait > at_least_ms ? wait : at_least_ms);
    if (t->breaker.open || a->failures == 0)
        a->failing_since_ms = now.wall_ms;
    a->failures++;
    if (now.wall_ms - a->failing_since_ms <= t->cfg->deadline_ms)
        return;
    note_problem(a, xstrdup(NO_ANSWER));
    finish(t, of);
}

static void add_bonds(struct attach *a, const struct attrs *teams)
{
    for (size_t i = 0; i < teams->n; i++) {
        char *key = bond_key(a->group, teams->v[i].name);
        attrs_set(&a->bonds, key, NULL);
        free(key);
    }
}

/* A page that brings nothing new is the last one, whatever its cursor says. */
static void take_page(struct target *t, struct target *of, const struct call_reply *reply, struct now now)
{
    struct attach *a = &t->attach;
    struct attrs page = {0}, *list = a->phase == ATTACH_GROUPS ? &a->groups : &a->teams;
    list = a->group ? &a->bonds : list;
    size_t before = list->n;
    char *cursor = NULL;
    struct error err;
    bool ok = miro_rest_parse(reply->body, a->group ? &page : list, &cursor, &err);
    add_bonds(a, &page);
    attrs_done(&page);
    if (!ok) { /* nor was anything in it */
        fail(t, of, 0, now);
        return;
    }
    bool more = cursor && list->n > before && list->n < FOUND_MAX;
    free(a->cursor);
    a->cursor = more ? cursor : NULL;
    a->failures = 0;
    if (more)
        return;
    free(cursor);
    end_list(a);
}

static void take_done(struct target *t, struct target *of, const struct call_reply *reply, struct now now)
{
    struct attach *a = &t->attach;
    if (a->step == STEP_ATTACH_LOOK) {
        take_page(t, of, reply, now);
        return;
    }
    char *key = bond_key(a->group, a->team);
    if (a->step == STEP_ATTACH)
        attrs_set(&a->bonds, key, NULL);
    else
        attrs_remove(&a->bonds, key);
    if (a->step == STEP_DETACH)
        note(a, key, NULL);
    attrs_set(&a->tried, key, NULL);
    free(key);
    drop_call(a);
}

/* What cannot be is told; an attachment that is not of our making is not ours: somebody else's is there (409), or none. */
static void give_up(struct target *t, struct target *of, const struct call_reply *reply)
{
    struct attach *a = &t->attach;
    bool look = a->step == STEP_ATTACH_LOOK, gone = reply->outcome == CALL_REPLIED && reply->status == 404,
         there = a->step == STEP_ATTACH && reply->outcome == CALL_REPLIED && reply->status == 409;
    if (look && a->group && gone) { /* it has gone meanwhile */
        end_list(a);
        return;
    }
    if (!there && !(gone && a->step == STEP_DETACH))
        note_problem(a,
                     reply->status == 403
                         ? xstrdup("the REST token lacks a right (403): organizations:groups:read, "
                                   "organizations:teams:read and organizations:teams:write of this rest.org")
                         : xasprintf("the REST API answers %d to %s", reply->status, step_name(a->step)));
    if (look) {
        finish(t, of);
        return;
    }
    char *key = bond_key(a->group, a->team);
    attrs_set(&a->tried, key, NULL);
    if (a->step == STEP_ATTACH || gone)
        note(a, key, NULL);
    free(key);
    drop_call(a);
}

/* It may have been done, or may be yet: another round tells. */
static void doubt(struct target *t, struct now now)
{
    struct attach *a = &t->attach;
    a->safe_boot_ms = now.boot_ms + t->cfg->call_life_ms;
    look_again(a);
}

static bool leaves_doubt(const struct call_reply *reply)
{
    return reply->outcome == CALL_UNKNOWN ||
           (reply->outcome == CALL_REPLIED && reply->status >= 500 && reply->status != 503);
}

void attach_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now)
{
    struct target *t = f->target, *of = engine_target(e, t->cfg->rest_of);
    struct attach *a = &t->attach;
    enum reply_class class = f->meaning.class;
    if (a->flight != f)
        return;
    a->flight = NULL;
    if (reply->outcome == CALL_REPLIED && class == REPLY_OK)
        take_done(t, of, reply, now);
    else if (reply->failure == FAILURE_HELD_BACK)
        a->next_ms = now.boot_ms + 1;
    else if (class == REPLY_PERMANENT || class == REPLY_GONE)
        give_up(t, of, reply);
    else if (step_writes(a->step) && leaves_doubt(reply))
        doubt(t, now);
    else
        fail(t, of, reply->retry_after_ms, now);
    listings_look(e);
}
