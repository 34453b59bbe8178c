#include "delays.h"

#include <string.h>

#include "scenario.h"
#include "simtarget.h"
#include "witness.h"

enum {
    P4_BOUND_MS = 15 * 1000,
    P4_SHARE_MS = 30 * 1000, /* a window: of a bucket's small share the sick may have used all */
    /* The probe under way, a pause, a back-off, doubt, and the work itself. */
    P4_RECOVERY_MS = WORLD_TIMEOUT_MS + WORLD_BREAKER_MAX_MS * 5 / 4 + WORLD_RETRY_CAP_MS +
                     WORLD_CALL_LIFE_MS + P4_BOUND_MS,
    P5_LEAVER_MS = 8 * 1000, /* the pace's step is 15 s in such runs */
    P5_THROTTLED_MAX = 16,   /* 9 to 12 as a rule; 12 to 19 where the rate is not lowered */
    /* After its deadline: the last write's timeout, the doubt it leaves, as long again for a 404 that may be old, one back-off,
     * and the commit. */
    P2_GIVE_UP_MS = WORLD_DEADLINE_SHORT_MS + WORLD_TIMEOUT_MS + 2 * WORLD_CALL_LIFE_MS + WORLD_RETRY_CAP_MS +
                    P4_BOUND_MS,
};

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
    if (!w->scenario->persons[se->person].sick || !scenario_takes(w->scenario, event, target) ||
        latest > w->scenario->quiet_ms)
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
    int64_t due = due_ms(se), bound_ms = P4_BOUND_MS + (w->chaos.spread > 1 ? P4_SHARE_MS : 0);
    if (a->at_ms - due > bound_ms)
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
    if (answer_is(a, "rejected") && a->calls_failed)
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
    bool held = !is_named(w, se->person, due_ms(se)) || scenario_called_back(w->scenario, event, a->at_ms);
    if (cuts && answer_cuts(a) && !held && a->at_ms - due_ms(se) > P4_BOUND_MS)
        world_fail(w, "P4 source", "event %zu of person %zu waited %lld ms at %s for a source that is down",
                   event, se->person, (long long)(a->at_ms - due_ms(se)), w->scenario->targets[target].name);
}

void delays_check(struct world *w)
{
    for (size_t i = 0; i < w->scenario->n_events; i++)
        for (size_t t = 0; t < w->scenario->n_targets; t++) {
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
}
