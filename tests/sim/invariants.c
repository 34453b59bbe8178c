#include "invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../worker/engine/record.h"
#include "json.h"
#include "witness.h"
#include "mem.h"
#include "oracle.h"
#include "permute.h"
#include "scenario.h"
#include "simcontrol.h"
#include "simlog.h"
#include "simsource.h"
#include "simtarget.h"
#include "simteams.h"
#include "spared.h"
#include "simworker.h"

enum {
    P4_BOUND_MS = 15 * 1000,
    /* The probe under way, a pause, a back-off, doubt, and the work itself. */
    P4_RECOVERY_MS = WORLD_TIMEOUT_MS + WORLD_BREAKER_MAX_MS * 5 / 4 + WORLD_RETRY_CAP_MS +
                     WORLD_CALL_LIFE_MS + P4_BOUND_MS,
    P5_LEAVER_MS = 8 * 1000, /* the pace's step is 15 s in such runs */
    P5_THROTTLED_MAX = 16,   /* 9 to 12 as a rule; 12 to 19 where the rate is not lowered */
    /* After its deadline: the last write's timeout, the doubt it leaves, one back-off, and the commit. */
    P2_GIVE_UP_MS =
        WORLD_DEADLINE_SHORT_MS + WORLD_TIMEOUT_MS + WORLD_CALL_LIFE_MS + WORLD_RETRY_CAP_MS + P4_BOUND_MS,
};

static bool is(const struct answer *a, const char *outcome)
{
    return a->n > 0 && strcmp(a->outcome, outcome) == 0;
}

static bool takes(const struct world *w, size_t event, size_t target)
{
    size_t person = w->scenario->events[event].person;
    return !w->scenario->events[event].left_out &&
           w->scenario->persons[person].tenant == w->scenario->targets[target].tenant;
}

/* Events that were merged before it was configured owe it nothing. */
static bool may_miss(const struct world *w, size_t target)
{
    return w->scenario->targets[target].since_ms > 0;
}

/* ---- P2 ------------------------------------------------------------------------------------------------ */

static unsigned count_invalid(const struct scenario *s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->n_tellings; i++)
        n += s->tellings[i].event < 0;
    return n;
}

static void check_results(struct world *w)
{
    const struct scenario *s = w->scenario;
    for (size_t i = 0; i < s->n_events; i++)
        for (size_t t = 0; t < s->n_targets; t++) {
            unsigned n = witness_answer(w, i, t)->n;
            if (n != (takes(w, i, t) ? 1u : 0u) && !(n == 0 && may_miss(w, t)))
                world_fail(w, "P2 results", "event %zu (person %zu) has %u results at %s", i,
                           s->events[i].person, n, s->targets[t].name);
        }
    if (w->witness->rejected != w->witness->rejected_letters)
        world_fail(w, "P2 letters", "%u dead letters for %u rejected results", w->witness->rejected_letters,
                   w->witness->rejected);
    if (w->witness->invalid != count_invalid(w->scenario))
        world_fail(w, "P2 letters", "%u dead letters for %u invalid records", w->witness->invalid,
                   count_invalid(w->scenario));
}

static bool all_answered(const struct world *w)
{
    for (size_t i = 0; i < w->scenario->n_events; i++)
        for (size_t t = 0; t < w->scenario->n_targets; t++)
            if (takes(w, i, t) && !may_miss(w, t) && witness_answer(w, i, t)->n == 0)
                return false;
    return w->witness->invalid >= count_invalid(w->scenario);
}

static bool all_read(const struct world *w)
{
    for (int32_t p = 0; p < w->scenario->partitions; p++)
        if (simlog_events_end(w->log, p) > 0 && w->witness->offsets[p] < simlog_events_end(w->log, p))
            return false;
    return true;
}

/* What the committed records themselves say is still to be done. */
static bool all_closed(const struct world *w)
{
    static const char *const signs[] = {"\"open\":true", "\"scheduled\":[{", "\"wanted\":"};
    for (size_t i = 0; i < w->scenario->n_persons; i++) {
        const struct sim_person *p = &w->scenario->persons[i];
        const struct log_record *r = simlog_person(w->log, p->partition, str_of(p->key));
        for (size_t j = 0; r && j < ARRAY_SIZE(signs); j++)
            if (memmem(r->value, r->value_n, signs[j], strlen(signs[j])))
                return false;
    }
    return true;
}

/* Everybody was planned under the newest policy, and it is written down. */
static bool all_swept(const struct world *w)
{
    char mark[64];
    snprintf(mark, sizeof mark, "\"swept\":\"%016llx\"",
             (unsigned long long)world_generation(w, w->scenario->n_targets));
    for (int32_t p = 0; p < w->scenario->partitions; p++) {
        const struct log_record *r = simlog_person(w->log, p, str_of(RECORD_PARTITION_KEY));
        if (!r || !memmem(r->value, r->value_n, mark, strlen(mark)))
            return false;
    }
    return true;
}

bool invariants_idle(const struct world *w)
{
    for (size_t t = 0; t < w->n_targets; t++)
        if (simtarget_on_way(w->targets[t]) > 0)
            return false;
    for (size_t i = 0; i < w->n_procs; i++) {
        const struct proc *p = w->procs[i];
        if (p->dead)
            continue;
        struct engine_stats stats;
        engine_stats(p->engine, &stats);
        if (p->in_flight > 0 || p->commit != COMMIT_NONE || stats.waiting > 0 || stats.doubtful > 0 ||
            stats.behind > 0)
            return false;
    }
    return true;
}

bool invariants_settled(const struct world *w)
{
    return invariants_idle(w) && all_read(w) && all_answered(w) && all_closed(w) && all_swept(w) &&
           simteams_settled(w);
}

/* ---- P3: accounts -------------------------------------------------------------------------------------- */

static size_t events_of(const struct world *w, size_t person, const struct event **ret)
{
    size_t n = 0, n_of;
    const size_t *of = scenario_events_of(w->scenario, person, &n_of);
    for (size_t i = 0; i < n_of; i++)
        if (!w->scenario->events[of[i]].left_out)
            ret[n++] = &w->scenario->events[of[i]].ev;
    return n;
}

struct account_check {
    struct world *w;
    size_t person, target;
    const struct desired *want;
    const struct account_note *note;
    bool findable; /* somebody has said what the account is called */
};

/* What was refused once is not tried again until something else is wanted, and an afterword does not say
 * these. */
static bool is_spoilt(const struct account_note *note, const char *name)
{
    if (strcmp(name, "title") == 0) /* Miro does not keep it */
        return true;
    if (strcmp(name, "userName") == 0)
        return note->lied_name;
    return strcmp(name, "employeeNumber") == 0 ? note->lied_number : note->lied_attrs;
}

/* The history knows nothing of who was inactive when he was deleted: whoever came back is made anew. */
static bool was_deleted(const struct miro_user *user)
{
    if (user->n_history > 0 && user->created_at_ms > user->history[0].at_ms)
        return true;
    for (size_t i = 0; i < user->n_history; i++)
        if (strncmp(user->history[i].cause, "DELETE", 6) == 0)
            return true;
    return user->deleted;
}

static bool has_admin_role(const struct miro_user *user, const char *role)
{
    for (size_t i = 0; i < user->n_admin_roles; i++)
        if (strcmp(user->admin_roles[i], role) == 0)
            return true;
    return false;
}

static bool is_admin(const struct miro_user *user)
{
    return user->role == MIRO_INTERNAL_ADMIN;
}

/* Licences only go up; a role that we gave goes when the policy names it no more, one that was there before us stays. */
static void check_rights(const struct account_check *c, const struct miro_user *user)
{
    static const char *const ours[] = {"Content Admin", "User Admin"};
    const struct attrs *want = &c->want->attrs;
    const char *target = c->w->scenario->targets[c->target].name, *role = attrs_get(want, "role");
    const char *licence = attrs_get(want, "userType"), *has = attrs_get(&user->attributes, "userType");
    if (!c->w->chaos.rights || c->note->lied_rights)
        return;
    if (licence && strcmp(licence, "Full") == 0 && strcmp(has, licence) != 0)
        world_fail(c->w, "P3 rights", "person %zu at %s has the licence %s, not %s", c->person, target, has,
                   licence);
    if (role && is_admin(user) != (strstr(role, "ADMIN") != NULL))
        world_fail(c->w, "P3 rights", "person %zu at %s has another role than %s", c->person, target, role);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
        char name[ATTR_NAME_MAX + 1];
        snprintf(name, sizeof name, ATTR_ROLE_PREFIX "%s", ours[i]);
        if (has_admin_role(user, ours[i]) != (attrs_get(want, name) != NULL))
            world_fail(c->w, "P3 rights", "person %zu at %s %s %s", c->person, target,
                       has_admin_role(user, ours[i]) ? "still is" : "is not", ours[i]);
    }
    const struct sim_person *p = &c->w->scenario->persons[c->person];
    bool first = user->n_history > 0 && user->history[0].at_ms <= WORLD_EPOCH_MS && !was_deleted(user);
    if (p->existing && !p->inactive && first && !has_admin_role(user, SIMTARGET_ROLE))
        world_fail(c->w, "P7 rights", "person %zu at %s has lost what others gave", c->person, target);
}

static bool is_right(const char *name)
{
    return attr_role(name) || strcmp(name, "role") == 0 || strcmp(name, "userType") == 0;
}

static bool agrees(const struct miro_user *user, const char *name, const char *value, const char **ret_has)
{
    bool is_name = strcmp(name, "userName") == 0;
    *ret_has = is_name ? user->userName : attrs_get(&user->attributes, name);
    if (is_name)
        return value && strcasecmp(*ret_has, value) == 0;
    return strcmp(*ret_has ? *ret_has : "", value ? value : "") == 0;
}

static void check_attrs(const struct account_check *c, const struct miro_user *user)
{
    for (size_t i = 0; i < c->want->attrs.n; i++) {
        const char *name = c->want->attrs.v[i].name, *value = c->want->attrs.v[i].value, *has;
        if (!is_right(name) && !is_spoilt(c->note, name) && !agrees(user, name, value, &has))
            world_fail(c->w, "P3 account", "person %zu at %s: %s is \"%s\", not \"%s\"", c->person,
                       c->w->scenario->targets[c->target].name, name, has ? has : "", value ? value : "");
    }
    check_rights(c, user);
}

/* Whoever may not have access has none, in any account, whatever else went wrong. */
static void check_cut(const struct account_check *c, const struct miro_user *user, bool may_exist)
{
    if (user->deleted || !c->findable || simteams_needs(user))
        return;
    const char *target = c->w->scenario->targets[c->target].name;
    if (user->active)
        world_fail(c->w, "P3 leaver", "person %zu at %s is still active as %s", c->person, target,
                   user->userName);
    else if (!may_exist && !c->note->rejected && c->w->chaos.policy_fails == 0) /* then a cut is enough */
        world_fail(c->w, "P3 account", "person %zu at %s still exists as %s", c->person, target,
                   user->userName);
}

static void check_account(const struct account_check *c)
{
    const struct account_note *note = c->note;
    bool cut =
        c->want->kind == DESIRE_ABSENT || (c->want->kind == DESIRE_ACCOUNT && c->want->active == ACTIVE_OFF);
    unsigned active = 0;
    const struct miro_user *user;
    for (size_t i = 0; (user = simtarget_account(c->w->targets[c->target], c->person, i)); i++) {
        if (cut)
            check_cut(c, user, c->want->kind == DESIRE_ACCOUNT);
        else if (user->active && !user->deleted && active++ == 0 && c->want->kind == DESIRE_ACCOUNT &&
                 !note->rejected)
            check_attrs(c, user);
    }
    if (active > 1)
        world_fail(c->w, "P3 account", "person %zu has %u active accounts at %s", c->person, active,
                   c->w->scenario->targets[c->target].name);
    if (c->want->kind == DESIRE_ACCOUNT && c->want->active == ACTIVE_ON && active == 0 && !note->lied_on &&
        !note->rejected)
        world_fail(c->w, "P3 account", "person %zu has no active account at %s", c->person,
                   c->w->scenario->targets[c->target].name);
}

/* An account that somebody else had deactivated is never activated by us. */
static void check_findings(struct world *w, size_t person)
{
    const struct miro_user *user;
    for (size_t t = 0; w->scenario->persons[person].inactive && t < w->n_targets; t++) {
        for (size_t i = 0; (user = simtarget_account(w->targets[t], person, i)); i++) {
            if (user->active && !was_deleted(user))
                world_fail(w, "P7 finding", "person %zu at %s: the inactive account %s was adopted", person,
                           w->scenario->targets[t].name, user->userName);
        }
    }
}

/* ---- P3: after a leaver's result ----------------------------------------------------------------------- */

/* Whether somebody had called the person back, or said something newer, by at_ms. */
static bool called_back(const struct world *w, size_t leaver, int64_t at_ms)
{
    size_t n;
    const struct sim_event *left = &w->scenario->events[leaver];
    const size_t *of = scenario_events_of(w->scenario, left->person, &n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_event *se = &w->scenario->events[of[i]];
        if (se->told && se->first_told_ms <= at_ms && se->ev.type == EVENT_JOINED &&
            se->ev.occurred_at_ms > left->ev.occurred_at_ms)
            return true;
    }
    return false;
}

static bool is_cut_done(const struct answer *a)
{
    return is(a, "applied") || is(a, "unchanged");
}

/* Something of what holds in the end is this event's word. */
static bool decides(const struct oracle_person *p, const struct event *ev)
{
    bool suspends = ev->type == EVENT_SUSPENDED || ev->type == EVENT_RESUMED;
    if (p->employment_by == ev || p->access_by == ev || (suspends && p->suspension_by == ev))
        return true;
    for (size_t i = 0; i < p->n_attrs; i++)
        if (p->attrs[i].by == ev)
            return true;
    return false;
}

/* What still holds has never been superseded. */
static void check_superseded(struct world *w, size_t person, const struct oracle_person *expected)
{
    const struct scenario *s = w->scenario;
    size_t n;
    const size_t *of = scenario_events_of(s, person, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < s->n_targets; t++)
            if (is(witness_answer(w, of[i], t), "superseded") && decides(expected, &s->events[of[i]].ev))
                world_fail(w, "P2 superseded",
                           "event %zu of person %zu is called superseded at %s and still holds", of[i],
                           person, s->targets[t].name);
}

/* A future-dated word is not acted upon before its time. */
static void check_early(struct world *w, size_t event, size_t target)
{
    const struct answer *a = witness_answer(w, event, target);
    int64_t due = w->scenario->events[event].ev.effective_at_ms;
    if ((is(a, "applied") || is(a, "unchanged")) && a->at_ms < due - WORLD_SKEW_MAX_MS)
        world_fail(w, "P3 early", "event %zu has its result at %s %lld ms before it takes effect", event,
                   w->scenario->targets[target].name, (long long)(due - a->at_ms));
}

static void check_leaver(struct world *w, size_t event, size_t target)
{
    const struct answer *a = witness_answer(w, event, target);
    const struct sim_event *se = &w->scenario->events[event];
    if ((se->ev.type != EVENT_LEFT && se->ev.type != EVENT_DELETED) || !is_cut_done(a))
        return;
    const struct miro_user *user;
    for (size_t i = 0; (user = simtarget_account(w->targets[target], se->person, i)); i++) {
        if (miro_was_active_at(user, a->at_ms) && !called_back(w, event, a->at_ms))
            world_fail(w, "P3 leaver", "person %zu at %s is active when event %zu gets its result",
                       se->person, w->scenario->targets[target].name, event);
        for (size_t h = 0; h < user->n_history; h++)
            if (user->history[h].active && user->history[h].at_ms > a->at_ms &&
                !called_back(w, event, user->history[h].at_ms))
                world_fail(w, "P3 leaver",
                           "person %zu at %s is revived at %.3f s, after the result of event %zu", se->person,
                           w->scenario->targets[target].name,
                           (double)(user->history[h].at_ms - WORLD_EPOCH_MS) / 1000.0, event);
    }
}

/* ---- P4, P5 -------------------------------------------------------------------------------------------- */

static int64_t due_ms(const struct sim_event *se)
{
    return se->first_told_ms > se->ev.effective_at_ms ? se->first_told_ms : se->ev.effective_at_ms;
}

/* Reads that answer do not keep an event alive whose writes fail. */
static void check_deadline(struct world *w, size_t event, size_t target)
{
    const struct sim_event *se = &w->scenario->events[event];
    const struct answer *a = witness_answer(w, event, target);
    int64_t latest = due_ms(se) + P2_GIVE_UP_MS;
    if (!w->scenario->persons[se->person].sick || !takes(w, event, target) || latest > w->scenario->quiet_ms)
        return;
    if (a->n == 0 || a->at_ms > latest)
        world_fail(w, "P2 deadline", "event %zu of person %zu at %s has no result %d s after it was told",
                   event, se->person, w->scenario->targets[target].name, P2_GIVE_UP_MS / 1000);
}

static void check_delay(struct world *w, size_t event, size_t target)
{
    const struct sim_event *se = &w->scenario->events[event];
    const struct answer *a = witness_answer(w, event, target);
    if (w->scenario->targets[target].down || w->scenario->persons[se->person].sick || a->n == 0)
        return;
    int64_t due = due_ms(se);
    if (a->at_ms - due > P4_BOUND_MS)
        world_fail(w, "P4 delay", "event %zu of person %zu waited %lld ms at %s", event, se->person,
                   (long long)(a->at_ms - due), w->scenario->targets[target].name);
}

/* What waits for a target that is down is not rejected, and has its result soon after the target is well. */
static void check_recovery(struct world *w, size_t event, size_t target)
{
    const struct sim_event *se = &w->scenario->events[event];
    const struct answer *a = witness_answer(w, event, target);
    if (!w->scenario->targets[target].down || a->n == 0)
        return;
    int64_t well = due_ms(se) > w->scenario->quiet_ms ? due_ms(se) : w->scenario->quiet_ms;
    if (a->at_ms - well > P4_RECOVERY_MS)
        world_fail(w, "P4 recovery",
                   "event %zu of person %zu at %s is answered %lld ms after the target is well", event,
                   se->person, w->scenario->targets[target].name, (long long)(a->at_ms - well));
    if (is(a, "rejected") && a->calls_failed)
        world_fail(w, "P4 trouble", "event %zu of person %zu is rejected because %s was down", event,
                   se->person, w->scenario->targets[target].name);
}

/* Movers may take all of a limit but what is the leavers' own. */
static void check_urgent(struct world *w, size_t event, size_t target)
{
    const struct sim_event *se = &w->scenario->events[event];
    const struct answer *a = witness_answer(w, event, target);
    if (se->urgent && a->n > 0 && a->at_ms - se->first_told_ms > P5_LEAVER_MS)
        world_fail(w, "P5 leaver", "person %zu waits %lld ms for the cut at %s behind movers", se->person,
                   (long long)(a->at_ms - se->first_told_ms), w->scenario->targets[target].name);
}

/* Who bears less than is configured is found out, not tried again and again. */
static void check_throttled(struct world *w)
{
    for (size_t t = 0; w->chaos.understated && t < w->n_targets; t++)
        if (simtarget_throttled(w->targets[t]) > P5_THROTTLED_MAX)
            world_fail(w, "P5 throttled", "%s says 429 to %llu calls", w->scenario->targets[t].name,
                       (unsigned long long)simtarget_throttled(w->targets[t]));
}

/* Whether the account was cut, or made, by us before somebody approved of everything. */
static bool was_cut(const struct world *w, const struct miro_user *user)
{
    if (user->deleted) /* deletions are not limited here, and look the same in the history */
        return false;
    for (size_t h = 1; h < user->n_history; h++)
        if (user->history[h - 1].active && !user->history[h].active &&
            user->history[h].at_ms < w->scenario->quiet_ms)
            return true;
    return false;
}

static bool was_made(const struct world *w, const struct miro_user *user)
{
    return user->n_history > 0 && user->history[0].at_ms > WORLD_EPOCH_MS &&
           user->history[0].at_ms < w->scenario->quiet_ms;
}

static unsigned bucket_of(const struct world *w, size_t person)
{
    return event_bucket(str_of(strchr(w->scenario->persons[person].key, '/') + 1), w->chaos.spread);
}

/* No more persons than the guard lets pass. */
static void check_guard(struct world *w, size_t target)
{
    const struct miro *m = simtarget_miro(w->targets[target]);
    for (unsigned bucket = 0; bucket < w->chaos.spread; bucket++) {
        unsigned cut = 0, made = 0, most = (w->chaos.guard + w->chaos.spread - 1) / w->chaos.spread;
        for (size_t i = 0; i < miro_users_n(m); i++) {
            const struct miro_user *user = miro_user_at(m, i);
            int person = scenario_person_of(w->scenario, user->userName, strlen(user->userName));
            if (person < 0 || bucket_of(w, (size_t)person) != bucket)
                continue;
            cut += was_cut(w, user);
            made += was_made(w, user) && !w->scenario->persons[person].existing;
        }
        simteams_check_guard(w, target, bucket, most);
        if (cut > most || made > most)
            world_fail(w, "P7 guard", "%u accounts cut and %u made at %s, bucket %u, where %u may be", cut,
                       made, w->scenario->targets[target].name, bucket, most);
    }
}

static void check_limits(struct world *w)
{
    for (size_t t = 0; t < w->n_targets; t++)
        for (int class = 0; !w->scenario->targets[t].wide && class < MIRO_CLASSES; class ++) {
            struct miro_limit limit = miro_limit_get(simtarget_miro(w->targets[t]), (enum miro_class) class);
            if (limit.over > 0)
                world_fail(w, "P5 limits", "%s: %llu calls of %s above the limit",
                           w->scenario->targets[t].name, (unsigned long long)limit.over, limit.name);
        }
}

static bool is_named(const struct world *w, size_t person, int64_t at_ms)
{
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_event *se = &w->scenario->events[of[i]];
        if (se->told && se->first_told_ms <= at_ms && attrs_get(&se->ev.profile, "userName"))
            return true;
    }
    return false;
}

/* A source that is down holds up no leaver, unless nobody has said what the account is called. Who was called back has
 * more to wait for. */
static void check_source_down(struct world *w, size_t event, size_t target)
{
    const struct sim_event *se = &w->scenario->events[event];
    const struct answer *a = witness_answer(w, event, target);
    bool cuts = se->ev.type == EVENT_LEFT || se->ev.type == EVENT_DELETED || se->ev.type == EVENT_SUSPENDED;
    bool held = !is_named(w, se->person, due_ms(se)) || called_back(w, event, a->at_ms);
    if (cuts && is_cut_done(a) && !held && a->at_ms - due_ms(se) > P4_BOUND_MS)
        world_fail(w, "P4 source", "event %zu of person %zu waited %lld ms at %s for a source that is down",
                   event, se->person, (long long)(a->at_ms - due_ms(se)), w->scenario->targets[target].name);
}

/* ---- P3: records --------------------------------------------------------------------------------------- */

/* A future-dated word that later ones have overruled before its time is not asked about. */
static int64_t newest_thin_ms(const struct world *w, size_t person)
{
    int64_t newest = 0;
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_event *se = &w->scenario->events[of[i]];
        bool asked =
            se->ev.type == EVENT_CHANGED || (se->ev.type != EVENT_DELETED && se->ev.effective_at_ms == 0);
        if (se->told && se->ev.needs_fetch && asked && se->first_told_ms > newest)
            newest = se->first_told_ms;
    }
    return newest;
}

/* The last that a source has said of the person, as an event; false: it was not asked. Only the record tells which answer
 * that is, but not how old it may be: begun after the newest thin event, and as old as the question. */
static bool last_fetched(struct world *w, size_t person, struct event *ret)
{
    const struct sim_person *who = &w->scenario->persons[person];
    const struct log_record *r = simlog_person(w->log, who->partition, str_of(who->key));
    int64_t newest_ms = newest_thin_ms(w, person), begun_ms = 0, wall_ms = 0;
    struct person p = {0};
    struct error err;
    *ret = (struct event){0};
    bool read = r && record_read((struct str){r->value, r->value_n}, &p, &err);
    const char *number = read ? person_attr(&p, "nickName") : NULL;
    bool said = number && simsource_said(w, person, number, ret, &begun_ms, &wall_ms);
    if (newest_ms > 0 && (!said || begun_ms < newest_ms))
        world_fail(w, "P3 fetch",
                   "person %zu: what the source was asked last (%s) is older than the newest thin event",
                   person, number ? number : "nothing");
    for (size_t i = 0; said && i < p.n_attrs; i++)
        if (strcmp(p.attrs[i].name, "nickName") == 0)
            ret->occurred_at_ms = p.attrs[i].stamp.at_ms;
    if (said && ret->occurred_at_ms != wall_ms && (!w->chaos.skew || ret->occurred_at_ms < wall_ms))
        world_fail(w, "P3 fetch", "person %zu: %s was asked at %lld and counts as of %lld", person, number,
                   (long long)wall_ms, (long long)ret->occurred_at_ms);
    person_done(&p);
    return said;
}

/* Deleted so long ago that the record may be gone. */
static bool forgotten(const struct world *w, const struct oracle_person *expected)
{
    return expected->employment == EMPLOYMENT_DELETED &&
           world_now(w) - expected->employment_by->occurred_at_ms > WORLD_TOMBSTONE_MS;
}

static void check_person(struct world *w, size_t person)
{
    const struct scenario *s = w->scenario;
    size_t n;
    scenario_events_of(s, person, &n);
    const struct event **events = xcalloc(n + 2, sizeof *events);
    n = events_of(w, person, events);
    struct oracle_person expected, told;
    struct desired want;
    struct event said;
    if (last_fetched(w, person, &said))
        events[n++] = &said;
    oracle_fold(events, n, world_now(w), &told);
    expected = told;
    if (expected.employment == EMPLOYMENT_UNKNOWN && said.complete)
        expected.employment =
            EMPLOYMENT_JOINED; /* said only by the source, which counts where nobody else has spoken */
    oracle_desired(&expected, w->policy, &want);
    bool named, findable = !s->persons[person].existing || oracle_attr(&expected, "userName", &named);
    for (size_t t = 0; n > 0 && t < s->n_targets && !w->chaos.dry_run; t++) {
        if (s->targets[t].tenant != s->persons[person].tenant)
            continue;
        check_account(&(struct account_check){w, person, t, &want, witness_account(w, person, t), findable});
        simteams_check(w, person, t, &want);
    }
    if (n > 0 && !forgotten(w, &expected)) {
        const struct log_record *r =
            simlog_person(w->log, s->persons[person].partition, str_of(s->persons[person].key));
        permute_check_record(w, person, &expected, r ? (struct str){r->value, r->value_n} : (struct str){0});
        permute_check(w, person, events, n, &told);
    }
    check_superseded(w, person, &expected);
    event_done(&said);
    desired_done(&want);
    free(events);
}

void invariants_check(struct world *w)
{
    const struct scenario *s = w->scenario;
    check_results(w);
    for (size_t i = 0; i < s->n_persons; i++)
        check_person(w, i);
    for (size_t i = 0; i < s->n_persons; i++) {
        check_findings(w, i);
        spared_check(w, i);
    }
    for (size_t i = 0; i < s->n_events; i++)
        for (size_t t = 0; t < s->n_targets; t++) {
            check_leaver(w, i, t);
            check_early(w, i, t);
            check_recovery(w, i, t);
            check_urgent(w, i, t);
            if (w->chaos.source_down)
                check_source_down(w, i, t);
            if (w->chaos.sick_person || w->chaos.down)
                check_delay(w, i, t);
            if (w->chaos.reads_answer && w->chaos.short_deadline)
                check_deadline(w, i, t);
        }
    check_limits(w);
    check_throttled(w);
    for (size_t t = 0; w->chaos.guard > 0 && t < s->n_targets; t++)
        check_guard(w, t);
    simcontrol_check(w);
}
