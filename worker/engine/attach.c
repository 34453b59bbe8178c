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
 * one that was there already is never ours. What fails rests by itself (setbacks.h) and is tried again in another round, behind
 * all that has not failed. */
#include "attach.h"

#include <stdlib.h>
#include <string.h>

#include "bonds.h"
#include "calls.h"
#include "engine_state.h"
#include "mem.h"
#include "miro_rest.h"

enum { ROUND_MIN_MS = 60 * 1000, FOUND_MAX = 20000 };

#define NO_ANSWER "the REST API does not answer"

static bool is_configured(const struct target *t, const struct target *of)
{
    return t->cfg->n_attached > 0 || (t->cfg->n_detached > 0 && of->directory.attached.n > 0);
}

/* ---- rounds -------------------------------------------------------------------------------------------- */

static void drop_call(struct attach *a)
{
    free(a->group);
    free(a->team);
    free(a->cursor);
    a->group = a->team = a->cursor = NULL;
    a->step = STEP_NONE;
    a->next_ms = 0;
}

static void end_round(struct attach *a)
{
    drop_call(a);
    attrs_done(&a->groups);
    attrs_done(&a->teams);
    attrs_done(&a->asked);
    attrs_done(&a->bonds);
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

static void end_told(struct attach *a, struct target *of)
{
    for (size_t i = 0; i < a->setbacks.n; i++)
        if (a->setbacks.v[i].why)
            bonds_problem(a, xstrdup(a->setbacks.v[i].why));
    tell(of, a->problem);
    a->problem = NULL;
    end_round(a);
}

/* All is as configured, or here is why not. What could have been tried in this round and failed not again, has no need to. */
static void finish(struct target *t, struct target *of)
{
    struct attach *a = &t->attach;
    setbacks_remove_until(&a->setbacks, a->began_boot_ms);
    end_told(a, of);
}

/* What is known is too old to go on by. */
static void look_again(struct attach *a, struct target *of)
{
    end_told(a, of);
    a->again = true;
}

void attach_leave(struct target *t, struct now now)
{
    struct attach *a = &t->attach;
    int64_t latest = now.boot_ms + t->cfg->call_life_ms, safe = a->safe_boot_ms;
    if (a->flight && step_writes(a->flight->step) && latest > safe)
        safe = latest;
    end_round(a);
    attrs_done(&a->noted);
    setbacks_done(&a->setbacks);
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

static int64_t every_ms(const struct target *t)
{
    return t->cfg->teams_relist_ms > ROUND_MIN_MS ? t->cfg->teams_relist_ms : ROUND_MIN_MS;
}

/* By time, or when something that failed has rested. */
static int64_t next_round_ms(const struct target *t, struct now now)
{
    const struct attach *a = &t->attach;
    int64_t first = setbacks_first(&a->setbacks), at_ms = a->round_ms + every_ms(t);
    int64_t rested_ms = first < INT64_MAX ? now.wall_ms + first - now.boot_ms : INT64_MAX;
    rested_ms = rested_ms > a->round_ms + ROUND_MIN_MS ? rested_ms : a->round_ms + ROUND_MIN_MS;
    return rested_ms < at_ms ? rested_ms : at_ms;
}

/* 0: now. Wall clock. */
static int64_t begins_at_ms(const struct target *t, const struct target *of, struct now now)
{
    const struct attach *a = &t->attach;
    bool news = a->version != of->directory.version && !of->directory.changing;
    int64_t at_ms = a->again || news || a->round_ms == 0 ? 0 : next_round_ms(t, now);
    int64_t safe_ms = a->safe_boot_ms > now.boot_ms ? now.wall_ms + a->safe_boot_ms - now.boot_ms : 0;
    at_ms = safe_ms > at_ms ? safe_ms : at_ms;
    return at_ms > now.wall_ms ? at_ms : 0;
}

/* Not before it is safe. */
void attach_retry(struct target *t)
{
    struct attach *a = &t->attach;
    setbacks_done(&a->setbacks);
    a->again = true;
    a->next_ms = 0;
}

static void begin(const struct engine *e, struct target *t, const struct target *of, struct now now)
{
    struct attach *a = &t->attach;
    a->phase = ATTACH_GROUPS;
    a->again = false;
    a->version = of->directory.version;
    a->round_ms = now.wall_ms;
    a->began_boot_ms = now.boot_ms;
    lane_follow(&t->lanes[0], t, engine_partition(e, t->home));
}

/* ---- what is put down ---------------------------------------------------------------------------------- */

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

static void ask_for_bonds(struct target *t)
{
    struct attach *a = &t->attach;
    const char *group = bonds_unasked(t);
    if (group)
        call_for(a, STEP_ATTACH_LOOK, group, NULL);
    else
        a->phase = ATTACH_CHANGES;
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
    struct bond_change change;
    if (!bonds_find_change(t, of, &change)) {
        finish(t, of);
    } else if (change.step) {
        call_for(a, change.step, change.group, change.team);
        a->late_boot_ms = late_boot_ms(t, now);
    }
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
    if (is_late(a, now))
        look_again(a, of);
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
    if (a->phase != ATTACH_RESTS)
        return INT64_MAX;
    at_ms = begins_at_ms(t, of, now);
    return at_ms ? at_ms : now.wall_ms + 1;
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

static char *call_key(const struct attach *a)
{
    return bond_key(a->group, a->team);
}

static void end_call(struct attach *a)
{
    char *key = call_key(a);
    setbacks_remove(&a->setbacks, key);
    free(key);
    drop_call(a);
}

/* The phase goes on behind this list. */
static void end_list(struct attach *a)
{
    if (a->group)
        attrs_set(&a->asked, a->group, NULL);
    else
        a->phase++;
    end_call(a);
}

/* What the call is for, by the names of the configuration. */
static char *describe(const struct attach *a, const struct call_reply *reply)
{
    const char *group = a->group ? attrs_get(&a->groups, a->group) : NULL,
               *team = a->team ? attrs_get(&a->teams, a->team) : NULL;
    if (reply->outcome != CALL_REPLIED)
        return xstrdup(NO_ANSWER);
    if (reply->status == 403)
        return xstrdup("the REST token lacks a right (403): organizations:groups:read, "
                       "organizations:teams:read and organizations:teams:write of this rest.org");
    return xasprintf("the REST API answers %d to %s%s%s%s%s%s", reply->status, step_name(a->step),
                     group ? " \"" : "", group ? group : "", team ? "\", \"" : "", team ? team : "",
                     group ? "\"" : "");
}

/* Told when it fails again; or at once, if it lasts. What lasts is tried again in the next round by time. */
static const struct setback *set_back(struct target *t, const struct call_reply *reply, bool lasts,
                                      struct now now)
{
    struct attach *a = &t->attach;
    char *key = call_key(a);
    const struct setback *before = setbacks_find(&a->setbacks, key);
    char *why = lasts || before ? describe(a, reply) : NULL;
    lasts |= before && now.wall_ms - before->since_ms > t->cfg->deadline_ms;
    struct setback_terms terms = {.base_ms = t->cfg->retry_base_ms,
                                  .cap_ms = t->cfg->retry_cap_ms,
                                  .at_least_ms = lasts ? a->began_boot_ms + every_ms(t) - now.boot_ms
                                                       : reply->retry_after_ms,
                                  .anew = t->breaker.open};
    const struct setback *noted = setbacks_note(&a->setbacks, key, why, &terms, now);
    free(key);
    free(why);
    return noted;
}

/* What is not this call's own trouble stops all. */
static void fail(struct target *t, struct target *of, const struct call_reply *reply, enum reply_class class,
                 struct now now)
{
    struct attach *a = &t->attach;
    const struct setback *s = set_back(t, reply, false, now);
    bool all = !a->group || class == REPLY_THROTTLED || class == REPLY_TROUBLE || t->breaker.open;
    if (!all) {
        drop_call(a);
    } else if (now.wall_ms - s->since_ms <= t->cfg->deadline_ms) {
        a->next_ms = s->next_boot_ms;
    } else {
        bonds_problem(a, xstrdup(NO_ANSWER));
        end_call(a);
        finish(t, of);
    }
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
        fail(t, of, reply, REPLY_TEMPORARY, now);
        return;
    }
    bool more = cursor && list->n > before && list->n < FOUND_MAX;
    free(a->cursor);
    a->cursor = more ? cursor : NULL;
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
        bonds_note(a, key, NULL);
    free(key);
    end_call(a);
}

/* It has gone meanwhile, or somebody else has attached it. */
static bool is_settled(const struct attach *a, const struct call_reply *reply)
{
    int status = reply->outcome == CALL_REPLIED ? reply->status : 0;
    return a->group && status == (a->step == STEP_ATTACH ? 409 : 404);
}

static void take_settled(struct attach *a)
{
    char *key = call_key(a);
    if (a->step == STEP_ATTACH_LOOK) {
        end_list(a);
    } else {
        if (a->step == STEP_ATTACH)
            attrs_set(&a->bonds, key, NULL);
        else
            attrs_remove(&a->bonds, key);
        bonds_note(a, key, NULL);
        end_call(a);
    }
    free(key);
}

/* What cannot be is told, and tried again by time; an attachment that is not of our making is not ours. */
static void give_up(struct target *t, struct target *of, const struct call_reply *reply, struct now now)
{
    struct attach *a = &t->attach;
    if (is_settled(a, reply)) {
        take_settled(a);
    } else if (a->group) {
        char *key = call_key(a);
        if (a->step == STEP_ATTACH)
            bonds_note(a, key, NULL);
        free(key);
        set_back(t, reply, true, now);
        drop_call(a);
    } else {
        bonds_problem(a, describe(a, reply));
        end_call(a);
        finish(t, of);
    }
}

/* It may have been done, or may be yet: another round tells. */
static void doubt(struct target *t, struct target *of, const struct call_reply *reply, struct now now)
{
    struct attach *a = &t->attach;
    a->safe_boot_ms = now.boot_ms + t->cfg->call_life_ms;
    set_back(t, reply, false, now);
    look_again(a, of);
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
        give_up(t, of, reply, now);
    else if (step_writes(a->step) && leaves_doubt(reply))
        doubt(t, of, reply, now);
    else
        fail(t, of, reply, class, now);
    listings_look(e);
}
