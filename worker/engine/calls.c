/* calls.c - which call may start now, and what happens when it is over. */
#include "fetch.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { OUTDATED_AT_ONCE = 64 };

/* ---- starting ------------------------------------------------------------------------------------------ */

static bool lease_valid(const struct engine *e, struct now now)
{
    return now.boot_ms < e->lease_until_ms || MUTATION(MUTATION_LEASE_IGNORED);
}

static void build_request(struct flight *f, const struct target_state *t, const struct plan *plan)
{
    const struct profile *profile = f->target->profile;
    switch (plan->step) {
    case STEP_LOOKUP:
        f->by_match = !t->link;
        f->find_value = xstrdup_null(plan->find_value);
        if (t->link)
            scim_read(t->link, &f->request);
        else
            scim_find(f->target->cfg->match, plan->find_value, &f->request);
        break;
    case STEP_CREATE:
        scim_create(profile, &plan->changes, &f->request);
        break;
    case STEP_UPDATE:
        scim_update(profile, t->link, &plan->changes, &f->request);
        break;
    case STEP_DEACTIVATE:
    case STEP_ACTIVATE:
        scim_set_active(profile, t->link, plan->step == STEP_ACTIVATE, &f->request);
        break;
    case STEP_DELETE:
        scim_delete(t->link, &f->request);
        break;
    default:
        assert(false);
    }
}

static void link_flight(struct engine *e, struct flight *f)
{
    f->next = e->flights;
    if (e->flights)
        e->flights->prev = f;
    e->flights = f;
    e->n_flights++;
    engine_partition(e, f->partition)->in_flight++;
}

static void unlink_flight(struct engine *e, struct flight *f)
{
    *(f->prev ? &f->prev->next : &e->flights) = f->next;
    if (f->next)
        f->next->prev = f->prev;
    e->n_flights--;
    struct partition *p = f->slot ? engine_partition(e, f->partition) : NULL;
    if (p)
        p->in_flight--;
}

static void flight_free(struct flight *f)
{
    scim_request_done(&f->request);
    source_request_done(&f->ask);
    attrs_done(&f->changes);
    free(f->find_value);
    free(f);
}

/* One step of the plan as a SCIM call. */
static void build_call(struct flight *f, struct work *w, struct target_state *t, struct now now)
{
    struct plan plan;
    work_plan(w, t, now, &plan);
    assert(plan.step > STEP_WAIT); /* converge_slot planned the same */
    f->step = plan.step;
    build_request(f, t, &plan);
    attrs_copy(&f->changes, &plan.changes);
    plan_done(&plan);
    f->call.method = step_method(f->step);
    f->call.path = f->request.path;
    f->call.body = f->request.body;
    f->call.body_n = f->request.body_n;
}

static struct flight *start(struct engine *e, struct work *w, struct now now)
{
    struct target_state *t = person_target(w->slot->live, w->name);
    struct flight *f = xcalloc(1, sizeof *f);
    f->target = w->target;
    f->lane = w->lane;
    f->slot = w->slot;
    f->work = w;
    f->person = w->slot->hash | 1; /* 0 is nobody */
    f->partition = w->slot->partition;
    f->started = now;
    f->step = w->step;
    if (w->step == STEP_FETCH)
        fetch_build(e, f, t);
    else
        build_call(f, w, t, now);
    f->class = w->target->class_of[f->step];
    f->call.id = ++e->next_call_id;
    f->call.target = (size_t)(w->target - e->targets);
    f->call.timeout_ms = w->target->cfg->timeout_ms;
    f->call.write = step_writes(f->step);
    f->call.n_persons = 1;
    work_dequeue(w);
    w->flight = f;
    w->started_ms = w->started_ms ? w->started_ms : now.wall_ms;
    target_call_starts(w->target, f, now);
    link_flight(e, f);
    e->stats.calls++;
    return f;
}

/* Packed while it waited: the policy has to be asked again. It fails, or time has passed and it wants something else. */
static bool changed_its_mind(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    struct plan plan;
    struct error err;
    if (w->desired_valid)
        return false;
    if (!work_ask_policy(e, w, t, now, &err))
        return true;
    work_plan(w, t, now, &plan);
    bool upgrades = plan.step == STEP_UPDATE && attrs_get(&plan.changes, "userType") && !t->admitted;
    plan_done(&plan);
    return plan.step != w->step || upgrades; /* another step asks the guard, and for a commit */
}

/* Doubt has ended since the work was queued: it must read first, and that may be another class. */
static bool outdated(struct engine *e, struct work *w, struct now now)
{
    struct target_state *t = person_target(slot_live(e, w->slot), w->name);
    if (w->step == STEP_FETCH)
        return !fetch_prepare(e, w, now);
    if (work_is_behind(e, w) || changed_its_mind(e, w, t, now))
        return true;
    return t->doubt_until_ms && now.wall_ms >= t->doubt_until_ms && !MUTATION(MUTATION_DOUBT_NOT_REREAD) &&
           w->list != w->target->class_of[STEP_LOOKUP];
}

const struct call *engine_call_next(struct engine *e, struct now now)
{
    if (!lease_valid(e, now))
        return NULL;
    for (struct turn *turn; (turn = turns_next(&e->turns, now.boot_ms));) {
        struct target *t = (struct target *)((char *)turn - offsetof(struct target, turn));
        struct work *w;
        for (unsigned n = 0; (w = target_next_work(t, now)) && outdated(e, w, now); n++) {
            if (n == OUTDATED_AT_ONCE)
                return NULL; /* the next turn goes on */
            converge_slot(e, w->slot, now);
        }
        int64_t wait = w ? 0 : target_ready_in(t, now);
        if (!w && wait == 0)
            wait = 1; /* whatever the reason: nobody waits for one target */
        turns_wait(turn, wait < INT64_MAX ? now.boot_ms + wait : wait); /* behind the others */
        if (w)
            return &start(e, w, now)->call;
    }
    return NULL;
}

bool engine_call_may_write(const struct engine *e, const struct call *call, struct now now)
{
    const struct flight *f = (const struct flight *)call;
    bool paused = f->target->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
    return f->slot && !paused && lease_valid(e, now);
}

/* ---- ending -------------------------------------------------------------------------------------------- */

/* Past its deadline one look after the doubt is enough, whatever came of it. */
static void end_hopeless_doubt(struct flight *f, struct target_state *t)
{
    bool last_look = f->step == STEP_LOOKUP && t->doubt_until_ms && f->started.wall_ms >= t->doubt_until_ms;
    if (last_look && target_state_refused(t, REFUSED_DEADLINE) && !f->work->trouble &&
        !f->target->breaker.open)
        t->doubt_until_ms = f->work->doubt_until_ms = 0;
}

void engine_call_done(struct engine *e, const struct call *call, const struct call_reply *reply,
                      struct now now)
{
    struct flight *f = (struct flight *)(uintptr_t)call;
    target_call_ends(e, f, reply, now);
    unlink_flight(e, f);
    if (f->target->waiting > 0)
        turns_call(&f->target->turn);
    e->stats.replies += reply->outcome == CALL_REPLIED;
    e->stats.unknown += reply->outcome == CALL_UNKNOWN;
    if (!f->slot) {
        flight_free(f);
        return;
    }
    struct slot *slot = f->slot;
    struct target_state *t = person_target(slot_live(e, slot), f->work->name);
    assert(t); /* the committed record asked for the call, so every version of it knows the target */
    f->work->flight = NULL;
    struct error err;
    if (f->step == STEP_FETCH)
        fetch_take(&(struct answer){e, f, f->work, t, reply, now});
    else if (f->stale || !work_ask_policy(e, f->work, t, now, &err))
        reply_take_stale(e, f, t, reply, now);
    else
        reply_take(e, f, t, reply, now);
    end_hopeless_doubt(f, t);
    f->work->learnt = true;
    f->work->wrote |= step_writes(f->step);
    slot_mark_dirty(e, slot);
    flight_free(f);
    converge_slot(e, slot, now);
}
