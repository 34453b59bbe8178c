#include "invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../worker/engine/record.h"
#include "accounts.h"
#include "delays.h"
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
            if (n != (scenario_takes(w->scenario, i, t) ? 1u : 0u) && !(n == 0 && may_miss(w, t)))
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
            if (scenario_takes(w->scenario, i, t) && !may_miss(w, t) && witness_answer(w, i, t)->n == 0)
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

static bool owns(const struct proc *p, int32_t partition)
{
    return p && p->parts[partition].state == PART_OWNED && engine_clean(p->engine, partition);
}

/* What was decided of persons while nobody had their partition is done by who takes it over, once that is open. */
static bool all_owned(const struct world *w)
{
    for (int32_t partition = 0; partition < w->scenario->partitions; partition++) {
        bool owned = false;
        for (size_t i = 0; i < w->n_slots; i++)
            owned |= owns(w->slots[i], partition);
        if (!owned)
            return false;
    }
    return true;
}

bool invariants_settled(const struct world *w)
{
    return invariants_idle(w) && all_owned(w) && all_read(w) && simcontrol_all_read(w) && all_answered(w) &&
           all_closed(w) && all_swept(w) && simteams_settled(w);
}

/* ---- P3: after a leaver's result ----------------------------------------------------------------------- */

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
            if (answer_is(witness_answer(w, of[i], t), "superseded") &&
                decides(expected, &s->events[of[i]].ev))
                world_fail(w, "P2 superseded",
                           "event %zu of person %zu is called superseded at %s and still holds", of[i],
                           person, s->targets[t].name);
}

/* A future-dated word is not acted upon before its time. */
static void check_early(struct world *w, size_t event, size_t target)
{
    const struct answer *a = witness_answer(w, event, target);
    int64_t due = w->scenario->events[event].ev.effective_at_ms;
    if ((answer_is(a, "applied") || answer_is(a, "unchanged")) && a->at_ms < due - WORLD_SKEW_MAX_MS)
        world_fail(w, "P3 early", "event %zu has its result at %s %lld ms before it takes effect", event,
                   w->scenario->targets[target].name, (long long)(due - a->at_ms));
}

static void check_leaver(struct world *w, size_t event, size_t target)
{
    const struct answer *a = witness_answer(w, event, target);
    const struct sim_event *se = &w->scenario->events[event];
    if ((se->ev.type != EVENT_LEFT && se->ev.type != EVENT_DELETED) || !answer_cuts(a))
        return;
    const struct miro_user *user;
    for (size_t i = 0; (user = simtarget_account(w->targets[target], se->person, i)); i++) {
        if (miro_was_active_at(user, a->at_ms) && !scenario_called_back(w->scenario, event, a->at_ms))
            world_fail(w, "P3 leaver", "person %zu at %s is active when event %zu gets its result",
                       se->person, w->scenario->targets[target].name, event);
        for (size_t h = 0; h < user->n_history; h++)
            if (user->history[h].active && user->history[h].at_ms > a->at_ms &&
                !scenario_called_back(w->scenario, event, user->history[h].at_ms))
                world_fail(w, "P3 leaver",
                           "person %zu at %s is revived at %.3f s, after the result of event %zu", se->person,
                           w->scenario->targets[target].name,
                           (double)(user->history[h].at_ms - WORLD_EPOCH_MS) / 1000.0, event);
    }
}

/* ---- P3: records --------------------------------------------------------------------------------------- */

static size_t events_of(const struct world *w, size_t person, const struct event **ret)
{
    size_t n = 0, n_of;
    const size_t *of = scenario_events_of(w->scenario, person, &n_of);
    for (size_t i = 0; i < n_of; i++)
        if (!w->scenario->events[of[i]].left_out)
            ret[n++] = &w->scenario->events[of[i]].ev;
    return n;
}

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
        accounts_check(&(struct account_check){w, person, t, &want, witness_account(w, person, t), findable});
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
        accounts_check_findings(w, i);
        spared_check(w, i);
    }
    for (size_t i = 0; i < s->n_events; i++)
        for (size_t t = 0; t < s->n_targets; t++) {
            check_leaver(w, i, t);
            check_early(w, i, t);
        }
    delays_check(w);
    for (size_t t = 0; w->chaos.guard > 0 && t < s->n_targets; t++)
        accounts_check_guard(w, t);
    simcontrol_check(w);
}
