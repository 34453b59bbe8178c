#include "simworker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "witness.h"
#include "mem.h"
#include "mutations.h"
#include "policy.h"
#include "scenario.h"
#include "simconfig.h"
#include "simcontrol.h"
#include "simgroup.h"
#include "simsource.h"
#include "simtarget.h"
#include "simteams.h"

enum {
    TURN_MAX_MS = 1000,
    REVOKE_AWAIT_MS = 3000, /* for calls in flight */
    REVOKE_COMMIT_MS = 3000,
    HEARTBEAT_ANSWER_MS = 300,
    READ_MAX = 6,          /* events of a partition in a turn */
    READ_STORY_MAX = 1000, /* where time is measured */
    STEP_PAUSE_MIN_MS = WORLD_LEASE_MS - 1000,
    STEP_PAUSE_MAX_MS = WORLD_TXN_TIMEOUT_MS + 2000,
};

static void turn(void *ctx, uint64_t arg);
static void heartbeat(void *ctx, uint64_t arg);

struct now proc_now(const struct proc *p)
{
    int64_t now = world_now(p->world);
    return (struct now){.wall_ms = now + p->skew_ms, .boot_ms = now - p->booted_ms};
}

bool proc_absent(struct proc *p, void (*fn)(void *ctx, uint64_t arg), uint64_t arg)
{
    if (p->dead)
        return true;
    int64_t left = p->paused_until_ms - world_now(p->world);
    if (left <= 0)
        return false;
    clock_after(&p->world->clock, left, fn, p, arg);
    return true;
}

void proc_turn_in(struct proc *p, int64_t delay_ms)
{
    int64_t at = world_now(p->world) + delay_ms;
    if (p->turn_at_ms <= at)
        return;
    p->turn_at_ms = at;
    clock_after(&p->world->clock, delay_ms, turn, p, ++p->turn_no);
}

/* ---- beginning and end --------------------------------------------------------------------------------- */

static bool ask_policy(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                       struct error *err)
{
    struct world *w = ((struct proc *)ctx)->world;
    (void)target;
    if (!w->quiet && prng_chance(&w->prng, w->chaos.policy_fails))
        return error_set(err, ERROR_PERMANENT, "the policy is broken");
    policy_answer(view, ((struct proc *)ctx)->policy, ret);
    return true;
}

uint64_t world_generation(const struct world *w, size_t n_targets)
{
    return (uint64_t)w->revisions << 8 | n_targets;
}

static bool ask_request(void *ctx, const struct person_view *view, size_t source, struct source_request *ret,
                        struct error *err)
{
    (void)ctx, (void)source, (void)err;
    return simsource_fetch(view, ret);
}

static bool ask_words(void *ctx, const struct person_view *view, size_t source,
                      const struct source_reply *reply, struct source_person *ret, struct error *err)
{
    (void)view, (void)source, (void)err;
    return simsource_person(((struct proc *)ctx)->world, reply, ret);
}

/* The producer first, as it may have to wait for what its predecessor left; then the group. */
static void begin(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (proc_absent(p, begin, arg))
        return;
    struct world *w = p->world;
    if (simlog_producer_init(w->log, p->slot, &p->epoch) == TXN_BUSY) {
        clock_after(&w->clock, prng_range(&w->prng, 10, 200), begin, p, 0);
        return;
    }
    simcontrol_read(p);
    simteams_read(p);
    p->member = prng_next(&w->prng) | 1;
    group_join(w->group, p->slot, p->member);
    heartbeat(p, 0);
    proc_turn_in(p, 0);
}

struct proc *proc_start(struct world *w, size_t slot)
{
    struct proc *p = xcalloc(1, sizeof *p);
    p->world = w;
    p->slot = slot;
    snprintf(p->name, sizeof p->name, "w%zu#%zu", slot, w->n_procs);
    p->skew_ms = w->chaos.skew ? prng_range(&w->prng, -WORLD_SKEW_MAX_MS, WORLD_SKEW_MAX_MS) : 0;
    p->booted_ms = world_now(w) - prng_range(&w->prng, 1000, 100000);
    p->turn_at_ms = INT64_MAX;
    p->policy = w->policy;
    simconfig_process(p);
    p->ports =
        (struct engine_ports){.ctx = p, .policy = ask_policy, .fetch = ask_request, .person = ask_words};
    p->engine = engine_new(&p->cfg, &p->ports);
    w->procs = xreallocarray(w->procs, w->n_procs + 1, sizeof *w->procs);
    w->procs[w->n_procs++] = p;
    w->slots[slot] = p;
    world_trace(w, "%s starts", p->name);
    clock_after(&w->clock, prng_range(&w->prng, 0, 100), begin, p, 0);
    return p;
}

void proc_reload(struct proc *p)
{
    p->policy = p->world->policy;
    world_trace(p->world, "%s loads policy %u", p->name, p->policy);
    engine_policy_changed(p->engine, world_generation(p->world, p->n_targets), proc_now(p));
    proc_turn_in(p, 1);
}

void proc_kill(struct proc *p, const char *why)
{
    if (p->dead)
        return;
    world_trace(p->world, "%s dies: %s", p->name, why);
    p->dead = true;
    engine_free(p->engine);
    p->engine = NULL;
    if (p->world->slots[p->slot] == p)
        p->world->slots[p->slot] = NULL;
}

void proc_free(struct proc *p)
{
    if (p->engine)
        engine_free(p->engine);
    free(p);
}

void proc_maybe_pause(struct proc *p)
{
    struct world *w = p->world;
    if (!w->quiet && prng_chance(&w->prng, w->chaos.pause_at_step))
        proc_pause(p, prng_delay(&w->prng, STEP_PAUSE_MIN_MS, STEP_PAUSE_MAX_MS));
}

void proc_pause(struct proc *p, int64_t ms)
{
    world_trace(p->world, "%s pauses for %lld ms", p->name, (long long)ms);
    p->paused_until_ms = world_now(p->world) + ms;
}

/* ---- giving up partitions ------------------------------------------------------------------------------ */

static void drop_part(struct proc *p, int32_t i)
{
    if (p->parts[i].state != PART_NONE)
        engine_drop(p->engine, i);
    p->parts[i] = (struct proc_part){0};
}

static void end_assignment(struct proc *p)
{
    p->assigned = 0;
    p->assignment++;
    p->revoking = p->closing = false;
}

void proc_drop_all(struct proc *p)
{
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++)
        drop_part(p, i);
    end_assignment(p);
}

static void begin_revoke(struct proc *p)
{
    world_trace(p->world, "%s revokes", p->name);
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++) {
        struct proc_part *part = &p->parts[i];
        if (part->state == PART_RESTORING) {
            engine_drop(p->engine, i);
            *part = (struct proc_part){0};
        } else if (part->state == PART_OWNED) {
            engine_revoke(p->engine, i);
            part->state = PART_REVOKED;
        }
    }
    p->assigned = 0;
    p->assignment++;
    p->revoking = true;
    p->closing = false;
    p->revoke_until_ms = world_now(p->world) + REVOKE_AWAIT_MS;
}

/* What was given up in order stays in memory, in case that it comes straight back. */
static void park_part(struct proc *p, int32_t i)
{
    engine_park(p->engine, i, proc_now(p));
    p->parts[i] = (struct proc_part){.state = PART_PARKED,
                                     .kept = true,
                                     .left_offset = engine_position(p->engine, i),
                                     .left_end = simlog_high_watermark(p->world->log, i)};
}

static void finish_revoke(struct proc *p, bool in_order)
{
    proc_commit_give_up(p);
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++) {
        struct proc_part *part = &p->parts[i];
        if (in_order && !p->stopping && part->state == PART_REVOKED)
            park_part(p, i);
        else if (part->state != PART_NONE && part->state != PART_PARKED)
            drop_part(p, i);
    }
    end_assignment(p);
    if (p->stopping) {
        group_leave(p->world->group, p->slot, p->member);
        proc_kill(p, "stopped in order");
        return;
    }
    group_join(p->world->group, p->slot, p->member);
}

static bool all_clean(const struct proc *p)
{
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++)
        if (p->parts[i].state != PART_NONE && !engine_clean(p->engine, i))
            return false;
    return true;
}

/* Awaits calls, closes, commits; each for a bounded time. */
static void continue_revoke(struct proc *p)
{
    bool late = world_now(p->world) >= p->revoke_until_ms;
    if (p->closing) {
        bool in_order = p->commit == COMMIT_NONE && all_clean(p);
        if (late || in_order)
            finish_revoke(p, in_order);
        return;
    }
    if (!late && engine_in_flight(p->engine, -1) > 0)
        return;
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++)
        if (p->parts[i].state == PART_REVOKED)
            engine_close(p->engine, i, proc_now(p));
    p->closing = true;
    p->revoke_until_ms = world_now(p->world) + REVOKE_COMMIT_MS;
}

void proc_stop(struct proc *p)
{
    world_trace(p->world, "%s is told to stop", p->name);
    p->stopping = true;
    if (p->epoch == 0)
        proc_kill(p, "stopped before it began");
    else if (!p->revoking)
        begin_revoke(p);
}

static void lose_all(struct proc *p)
{
    world_trace(p->world, "%s has lost its partitions", p->name);
    proc_commit_give_up(p);
    proc_drop_all(p);
    p->member = prng_next(&p->world->prng) | 1;
    group_join(p->world->group, p->slot, p->member);
}

static void act_on_heartbeat(struct proc *p, enum heartbeat_reply reply)
{
    switch (reply) {
    case HEARTBEAT_OK:
        return;
    case HEARTBEAT_REJOIN:
        if (!p->revoking && p->meta.generation > 0)
            begin_revoke(p);
        proc_turn_in(p, 1);
        return;
    case HEARTBEAT_UNKNOWN:
        if (p->stopping)
            proc_kill(p, "removed while stopping");
        else
            lose_all(p);
        return;
    case HEARTBEAT_FENCED:
        proc_kill(p, "another process has its slot");
        return;
    }
}

/* The answer says something about the member that asked, which the process may have ceased to be. */
static uint64_t pack_answer(const struct proc *p, enum heartbeat_reply reply)
{
    return p->member << 8 | (uint64_t)reply;
}

static void heartbeat_answered(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    enum heartbeat_reply reply = (enum heartbeat_reply)(arg & 255);
    if (!proc_absent(p, heartbeat_answered, arg) && arg == pack_answer(p, reply))
        act_on_heartbeat(p, reply);
}

static void heartbeat(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (proc_absent(p, heartbeat, arg))
        return;
    struct world *w = p->world;
    enum heartbeat_reply reply = group_heartbeat(w->group, p->slot, p->member);
    clock_after(&w->clock, prng_delay(&w->prng, 1, HEARTBEAT_ANSWER_MS), heartbeat_answered, p,
                pack_answer(p, reply));
    clock_after(&w->clock, WORLD_HEARTBEAT_MS, heartbeat, p, 0);
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static void give_event(struct proc *p, int32_t i, int64_t offset, int event)
{
    if (event == SCENARIO_POISON)
        proc_kill(p, "poisoned");
    else if (event == SCENARIO_INVALID)
        engine_event_invalid(p->engine, i, offset,
                             &(struct no_event){str_of("acme/0"), str_of("{"), NULL, 0, "no JSON"},
                             proc_now(p));
    else
        engine_event(p->engine, i, offset, &p->world->scenario->events[event].ev, proc_now(p));
}

/* False: not now, or never again. */
static bool take_event(struct proc *p, int32_t i, int64_t offset, int event)
{
    enum offer offer = engine_offer(p->engine, i, offset);
    if (offer == OFFER_LATER)
        return false;
    world_trace(p->world, "%s reads %d:%lld event %d%s", p->name, i, (long long)offset, event,
                offer == OFFER_KNOWN ? " again" : "");
    if (offer == OFFER_TRY && event == SCENARIO_POISON)
        engine_event_poison(p->engine, i, offset,
                            &(struct no_event){str_of("acme/0"), str_of("x"), NULL, 0, NULL}, proc_now(p));
    else if (offer != OFFER_KNOWN)
        give_event(p, i, offset, event);
    return !p->dead;
}

static void deliver(struct proc *p, int32_t i)
{
    struct world *w = p->world;
    struct proc_part *part = &p->parts[i];
    if (!w->quiet && prng_chance(&w->prng, w->chaos.reread))
        part->read_next = engine_position(p->engine, i); /* a seek, and what was fetched before it */
    for (int64_t n = prng_range(&w->prng, 1, w->like ? READ_STORY_MAX : READ_MAX); n > 0; n--) {
        int64_t offset = part->read_next;
        int event;
        if (!simlog_read_event(w->log, i, &offset, &event))
            return;
        if (!take_event(p, i, offset, event))
            return;
        part->read_next = offset + 1;
    }
}

static bool unread(const struct proc *p)
{
    int event;
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++) {
        int64_t offset = p->parts[i].read_next;
        if (p->parts[i].state == PART_OWNED && simlog_read_event(p->world->log, i, &offset, &event))
            return true;
    }
    return false;
}

/* curl is about to write the request: the last moment to ask whether it still may be. */
static void write_request(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (proc_absent(p, write_request, arg))
        return;
    const struct call *call = (const struct call *)(uintptr_t)arg;
    if (!engine_call_may_write(p->engine, call, proc_now(p)) && !SIM_MUTATION(SIM_LEASE_NOT_ASKED)) {
        struct call_reply reply = {.outcome = CALL_NOT_SENT,
                                   .retry_after_ms = -1,
                                   .failure = FAILURE_HELD_BACK,
                                   .error = "lease is over"};
        world_trace(p->world, "%s may not write %s %s", p->name, call->method, call->path);
        p->in_flight--;
        engine_call_done(p->engine, call, &reply, proc_now(p));
        proc_turn_in(p, 1);
        return;
    }
    if (call->target >= p->n_targets)
        simsource_send(p->world, p, call);
    else
        simtarget_send(p->world->targets[call->target], p, call);
}

static void start_calls(struct proc *p)
{
    struct world *w = p->world;
    const struct call *call;
    for (int n = 0; n < 8 && (call = engine_call_next(p->engine, proc_now(p))); n++) {
        p->in_flight++;
        if (call->target >= p->n_targets)
            simsource_begin(w, p, call);
        else
            witness_started(w, call);
        clock_after(&w->clock, prng_delay(&w->prng, 0, 60), write_request, p, (uintptr_t)call);
        proc_maybe_pause(p);
    }
}

bool proc_answer(struct proc *p, const struct call *call, const struct call_reply *reply,
                 int64_t *ret_wait_ms)
{
    *ret_wait_ms = p->paused_until_ms - world_now(p->world);
    if (!p->dead && *ret_wait_ms > 0)
        return false;
    if (p->dead)
        return true;
    p->in_flight--;
    engine_call_done(p->engine, call, reply, proc_now(p));
    proc_turn_in(p, prng_range(&p->world->prng, 0, 10));
    return true;
}

static void do_one(struct proc *p, int what)
{
    switch (what) {
    case 0:
        engine_tick(p->engine, proc_now(p));
        return;
    case 1:
        for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++)
            if (!p->dead && p->parts[i].state == PART_OWNED)
                deliver(p, i);
        return;
    case 2:
        start_calls(p);
        return;
    default:
        if (p->commit == COMMIT_NONE)
            proc_commit_start(p);
    }
}

/* One turn of the loop; its parts in any order, as epoll may report them. */
static void turn(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (arg != p->turn_no || proc_absent(p, turn, arg))
        return;
    struct world *w = p->world;
    p->turn_at_ms = INT64_MAX;
    int first = (int)prng_range(&w->prng, 0, 3);
    for (int i = 0; i < 4 && !p->dead; i++)
        do_one(p, (first + i) % 4);
    if (!p->dead && p->revoking)
        continue_revoke(p);
    if (p->dead)
        return;
    int64_t wake = engine_wake_in(p->engine, proc_now(p));
    if (wake < 0 || wake > TURN_MAX_MS)
        wake = TURN_MAX_MS;
    if (unread(p) || (p->revoking && wake > 20))
        wake = 20;
    proc_turn_in(p, wake + prng_range(&w->prng, wake > 0 ? 0 : 1, 10));
}
