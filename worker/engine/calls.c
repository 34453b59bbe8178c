/* calls.c - which call may start now, and what happens when it is over. */
#include "fetch.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

enum { OUTDATED_AT_ONCE = 64, BOARD_SEEN_MAX = 4096 };

/* ---- starting ------------------------------------------------------------------------------------------ */

static bool lease_valid(const struct engine *e, struct now now)
{
    return now.boot_ms < e->lease_until_ms || MUTATION(MUTATION_LEASE_IGNORED);
}

/* Of all who travel in it. */
static void build_move(struct flight *f)
{
    const char **members = xcalloc(f->n_riders, sizeof *members);
    size_t n = 0;
    for (const struct flight *r = f; r; r = r->rider)
        members[n++] = person_target(r->slot->live, r->work->name)->link;
    bool built = f->put &&
                 scim_put_team(f->team_id, &f->work->was_team, members, n, f->step == STEP_JOIN, &f->request);
    assert(built || !f->put); /* it was a Group when it was read */
    if (!f->put)
        scim_move(f->target->profile, f->team_id, members, n, f->step == STEP_JOIN, &f->request);
    free(members);
}

/* What was found out before a pause, a back-off or a long queue and what is today make no absence together. It may wait for
 * twice as long each time: where everybody's next page comes after that, no list would ever be whole. Whatever has failed before
 * goes on counting. */
static void drop_aged_search(struct work *w, struct now now)
{
    enum { DOUBLED_MAX = 16 };
    const struct search *s = &w->search;
    unsigned doubled = w->searches_aged < DOUBLED_MAX ? w->searches_aged : DOUBLED_MAX;
    bool begun = s->wish && (s->step > 0 || s->listed > 0);
    if (!begun || now.boot_ms - w->search_taken_ms <= w->target->cfg->call_life_ms << doubled)
        return;
    search_done(&w->search);
    w->searches_aged++;
    w->search_broke_off |= w->failures > 0;
}

/* A part of the search for the account. */
static void build_search(struct flight *f, const struct plan_input *in, const struct plan *plan)
{
    const struct target *t = f->target;
    struct work *w = f->work;
    struct search_wish wish;
    f->by_match = true;
    plan_search(in, &wish);
    search_begin(&w->search, &wish);
    if (w->search.step == 0 && w->search.listed == 0)
        w->search_ms = f->started.wall_ms;
    f->search = w->search.wish;
    f->search_ms = w->search_ms;
    if (!plan->find.lists) {
        scim_find(t->profile, plan->find.matches[0].attr, plan->find.matches[0].value, &f->request);
        return;
    }
    struct scim_page page = plan->find.page;
    page.count = f->list_count = target_page(t);
    scim_list_users(&page, &f->request);
}

/* A change of the account. */
static void build_change(struct flight *f, const struct target_state *t, const struct plan *plan)
{
    const struct profile *profile = f->target->profile;
    bool bare = f->target->can.bare_paths, updates = plan->step == STEP_UPDATE,
         on = plan->step == STEP_ACTIVATE;
    if (f->put) {
        enum scim_access access = updates ? ACCESS_AS_IS : on ? ACCESS_ON : ACCESS_OFF;
        bool built = scim_put_user(t->link, &f->work->was_account, &plan->changes, access, &f->request);
        assert(built); /* it was a User when it was read */
        (void)built;
    } else if (updates) {
        scim_update(profile, t->link, &plan->changes, &t->known_attrs, bare, &f->request);
    } else {
        scim_set_active(profile, t->link, on, bare, &f->request);
    }
}

static void build_request(struct flight *f, const struct plan_input *in, const struct plan *plan)
{
    const struct target_state *t = in->state;
    switch (plan->step) {
    case STEP_LOOKUP:
        if (t->link)
            scim_read(t->link, &f->request);
        else
            build_search(f, in, plan);
        break;
    case STEP_CREATE:
        scim_create(f->target->profile, &plan->changes, &f->request);
        break;
    case STEP_UPDATE:
    case STEP_DEACTIVATE:
    case STEP_ACTIVATE:
        build_change(f, t, plan);
        break;
    case STEP_DELETE:
        scim_delete(t->link, &f->request);
        break;
    case STEP_TEAM:
        scim_read_team(plan->team_id, &f->request);
        break;
    case STEP_JOIN:
    case STEP_LEAVE:
        build_move(f);
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
    for (const struct flight *r = f; r && f->errand == ERRAND_NONE; r = r->rider)
        engine_partition(e, r->partition)->in_flight++;
}

static void unlink_flight(struct engine *e, struct flight *f)
{
    *(f->prev ? &f->prev->next : &e->flights) = f->next;
    if (f->next)
        f->next->prev = f->prev;
    e->n_flights--;
    for (const struct flight *r = f; r; r = r->rider) {
        struct partition *p = r->slot ? engine_partition(e, r->partition) : NULL;
        if (p)
            p->in_flight--;
    }
}

static void flight_free(struct flight *f)
{
    scim_request_done(&f->request);
    source_request_done(&f->ask);
    attrs_done(&f->changes);
    free(f->team_id);
    free(f->team_name);
    free(f);
}

/* Packed while it waited: the policy has to be asked again. It fails, or time has passed and it wants something else. */
static bool changed_its_mind(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    struct plan plan;
    struct error err;
    bool teams_changed = w->desired.has_teams && w->teams_version != w->target->directory.version;
    if (w->desired_valid)
        return teams_changed;
    if (!work_ask_policy(e, w, t, now, &err))
        return true;
    work_plan(w, t, now, &plan);
    bool moves_elsewhere = step_moves(plan.step) && plan_value_fingerprint(plan.team_id) != w->team;
    bool upgrades = plan.step == STEP_UPDATE && attrs_get(&plan.changes, "userType") && !t->admitted;
    plan_done(&plan);
    return plan.step != w->step || upgrades ||
           moves_elsewhere; /* another step asks the guard, and for a commit */
}

/* One person's part of a call. */
static struct flight *flight_new(struct work *w, const struct plan *plan, struct now now)
{
    struct flight *f = xcalloc(1, sizeof *f);
    f->target = w->target;
    f->lane = w->lane;
    f->slot = w->slot;
    f->work = w;
    f->person = w->slot->hash | 1; /* 0 is nobody */
    f->partition = w->slot->partition;
    f->step = plan->step;
    f->class = w->target->class_of[plan->step];
    f->started = now;
    f->n_riders = 1;
    f->gen = w->slot->gen;
    attrs_copy(&f->changes, &plan->changes);
    f->team_id = xstrdup_null(plan->team_id);
    f->team_name = xstrdup_null(plan->team_name);
    f->before_cut = plan->before_cut;
    f->joins = plan->joins;
    f->put = !f->target->can.patch && strcmp(step_method(plan->step), "PATCH") == 0;
    work_dequeue(w);
    w->flight = f;
    w->started_ms = w->started_ms ? w->started_ms : now.wall_ms;
    return f;
}

/* ---- several persons in one call ----------------------------------------------------------------------- */

/* Bytes of its body, with one more. */
static size_t size_with(const struct flight *f, const char *member)
{
    struct scim_request request;
    const char **members = xcalloc(f->n_riders + 1, sizeof *members);
    size_t n = 0;
    for (const struct flight *r = f; r; r = r->rider)
        members[n++] = person_target(r->slot->live, r->work->name)->link;
    members[n++] = member;
    scim_move(f->target->profile, f->team_id, members, n, f->step == STEP_JOIN, &request);
    size_t size = request.body_n;
    scim_request_done(&request);
    free(members);
    return size;
}

static bool has_room(const struct flight *f, const struct work *w)
{
    unsigned n = f->n_riders + 1;
    return n <= f->target->profile->batch_members && (w->batch_max == 0 || n <= w->batch_max) &&
           (f->work->batch_max == 0 || n <= f->work->batch_max);
}

/* w waits for the same: its change travels along, if it still wants it. Whoever has left meanwhile waits no more. */
static struct flight *board(struct engine *e, struct flight *f, struct work *w, struct now now)
{
    struct target_state *t = person_target(slot_live(e, w->slot), w->name);
    struct plan plan;
    if (work_is_behind(e, w) || changed_its_mind(e, w, t, now)) {
        slot_release(e, w->slot);
        return NULL;
    }
    work_plan(w, t, now, &plan);
    bool same = plan.step == f->step && strcmp(plan.team_id, f->team_id) == 0 && !f->put &&
                size_with(f, t->link) < f->target->profile->batch_bytes;
    struct flight *rider = same ? flight_new(w, &plan, now) : NULL;
    plan_done(&plan);
    return rider;
}

/* Who waits behind w for the same team, as many as fit. */
static void gather(struct engine *e, struct flight *f, struct now now)
{
    struct flight *last = f;
    unsigned seen = 0;
    for (enum priority p = PRIORITY_MOVER; p < PRIORITIES; p++)
        for (struct work *w = f->lane->ready[p][f->class].first, *next; w && seen < BOARD_SEEN_MAX;
             w = next, seen++) {
            next = w->next;
            if (w->step != f->step || w->team != f->work->team || w->target != f->target || !has_room(f, w) ||
                !work_is_fresh(w, now))
                continue;
            struct flight *rider = board(e, f, w, now);
            if (!rider)
                continue;
            last->rider = rider;
            last = rider;
            f->n_riders++;
        }
    for (struct flight *r = f; r; r = r->rider)
        r->n_riders = f->n_riders;
    if (f->n_riders > 1) /* no single person's failure */
        f->person = digest_hash64(f->team_id, strlen(f->team_id)) | 1;
}

/* ---- whose turn it is ---------------------------------------------------------------------------------- */

static const struct call *launch(struct engine *e, struct flight *f, size_t n_persons, struct now now)
{
    if (f->request.path) {
        f->call.method = f->request.method ? f->request.method : step_method(f->step);
        f->call.path = f->request.path;
        f->call.body = f->request.body;
        f->call.body_n = f->request.body_n;
        f->call.headers = (const char *const *)&f->request.if_match;
        f->call.n_headers = f->request.if_match ? 1 : 0;
    }
    f->call.id = ++e->next_call_id;
    f->call.target = (size_t)(f->target - e->targets);
    f->call.timeout_ms = f->target->cfg->timeout_ms;
    f->call.write = step_writes(f->step);
    assert(!e->cfg.plan_only || !f->call.write || MUTATION(MUTATION_PLAN_WRITES));
    f->call.n_persons = n_persons;
    target_call_starts(f->target, f, now);
    link_flight(e, f);
    e->stats.calls++;
    return &f->call;
}

/* One step of the plan as a SCIM call. NULL: time has made another one of it than it waited for, in another class. */
static struct flight *board_first(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    struct plan plan;
    struct plan_input in;
    drop_aged_search(w, now);
    work_plan(w, t, now, &plan);
    if (plan.step != w->step) {
        plan_done(&plan);
        return NULL;
    }
    struct flight *f = flight_new(w, &plan, now);
    if (step_moves(f->step))
        gather(e, f, now);
    work_plan_input(w, t, now, &in);
    build_request(f, &in, &plan);
    plan_done(&plan);
    return f;
}

static struct flight *board_any(struct engine *e, struct work *w, struct now now)
{
    static const struct plan ask = {.step = STEP_FETCH};
    struct target_state *t = person_target(w->slot->live, w->name);
    if (w->step != STEP_FETCH)
        return board_first(e, w, t, now);
    struct flight *f = flight_new(w, &ask, now);
    fetch_build(e, f, t);
    return f;
}

/* It waited so long that the account has to be read again first. */
static bool aged(const struct work *w, struct now now)
{
    bool puts = step_writes(w->step) && w->step != STEP_CREATE && !w->target->can.patch;
    return (step_moves(w->step) || w->step == STEP_DELETE || puts) && !work_is_fresh(w, now);
}

/* Doubt has ended since the work was queued, or its read has aged: it must read first, and that may be another class. */
static bool outdated(struct engine *e, struct work *w, struct now now)
{
    struct target_state *t = person_target(slot_live(e, w->slot), w->name);
    if (w->step == STEP_FETCH)
        return !fetch_prepare(e, w, now);
    if (work_is_behind(e, w) || w->can_version != w->target->can_version || aged(w, now) ||
        (w->step == STEP_LEAVE && work_farewell_ends(w, now)) || changed_its_mind(e, w, t, now))
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
        struct flight *f = NULL;
        if (discovery_ready_in(t, now) == 0)
            return launch(e, discovery_start(t, now), 0, now);
        if (listing_ready_in(t, now) == 0)
            return launch(e, listing_start(t, now), 0, now);
        if (groups_ready_in(t, now) == 0)
            return launch(e, groups_start(t, now), 0, now);
        if (attach_ready_in(t, now) == 0)
            return launch(e, attach_start(t, now), 0, now);
        for (unsigned n = 0; (w = target_next_work(t, now)); n++) {
            if (!outdated(e, w, now) && (f = board_any(e, w, now)))
                break;
            if (n == OUTDATED_AT_ONCE)
                return NULL; /* the next turn goes on */
            converge_slot(e, w->slot, now);
        }
        int64_t wait = w ? 0 : target_ready_in(t, now);
        if (!w && wait == 0)
            wait = 1; /* whatever the reason: nobody waits for one target */
        if (!w || !MUTATION(MUTATION_TURN_KEPT))
            turns_wait(turn, wait < INT64_MAX ? now.boot_ms + wait : wait); /* behind the others */
        if (w)
            return launch(e, f, f->n_riders, now);
    }
    return NULL;
}

/* Whoever has got a newer word since then is taken out: an Add would give a leaver access again. The others go without. */
static bool all_aboard(const struct flight *f)
{
    for (const struct flight *r = f; r; r = r->rider)
        if (!r->slot || r->stale || (step_moves(f->step) && r->slot->gen != r->gen))
            return false;
    return true;
}

bool engine_call_may_write(const struct engine *e, const struct call *call, struct now now)
{
    const struct flight *f = (const struct flight *)call;
    bool paused = f->target->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
    bool wanted = f->errand == ERRAND_NONE        ? all_aboard(f)
                  : f->errand == ERRAND_DISCOVERY ? discovery_may_write(e, f)
                  : f->errand == ERRAND_ATTACH    ? attach_may_write(e, f)
                                                  : listing_may_write(e, f);
    bool dry = e->cfg.plan_only && call->write && !MUTATION(MUTATION_PLAN_WRITES);
    return wanted && !dry && !paused && lease_valid(e, now);
}

/* ---- ending -------------------------------------------------------------------------------------------- */

/* Past its deadline one look after the doubt is enough, whatever came of it. But a link that leads to nobody says nothing of a
 * create that may have landed since, by the name that was free again: that is looked for yet. */
static void end_hopeless_doubt(struct flight *f, struct target_state *t)
{
    bool last_look = f->step == STEP_LOOKUP && t->doubt_until_ms && f->started.wall_ms >= t->doubt_until_ms;
    bool by_name_yet = f->meaning.class == REPLY_GONE && !f->by_match && t->create_as;
    if (last_look && !by_name_yet && target_state_refused(t, REFUSED_DEADLINE) && !f->work->trouble &&
        !f->target->breaker.open)
        t->doubt_until_ms = f->work->doubt_until_ms = 0;
}

/* For one of those whose change travelled in it. */
static void end_of_flight(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now)
{
    struct slot *slot = f->slot;
    if (!slot)
        return;
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
}

void engine_call_done(struct engine *e, const struct call *call, const struct call_reply *reply,
                      struct now now)
{
    struct flight *f = (struct flight *)(uintptr_t)call;
    target_call_ends(e, f, reply, now);
    unlink_flight(e, f);
    e->stats.replies += reply->outcome == CALL_REPLIED;
    e->stats.unknown += reply->outcome == CALL_UNKNOWN;
    if (f->errand == ERRAND_LISTING)
        listing_ends(e, f, reply, now);
    else if (f->errand == ERRAND_DISCOVERY)
        discovery_ends(e, f, reply, now);
    else if (f->errand == ERRAND_GROUPS)
        groups_end(e, f, reply, now);
    else if (f->errand == ERRAND_ATTACH)
        attach_ends(e, f, reply, now);
    if (f->target->waiting > 0 || target_has_errand(f->target))
        turns_call(&f->target->turn);
    struct meaning meaning = f->meaning;
    for (struct flight *r = f, *next; r; r = next) {
        next = r->rider;
        r->meaning = meaning;
        struct slot *slot = r->slot;
        end_of_flight(e, r, reply, now);
        flight_free(r);
        if (slot)
            converge_slot(e, slot, now);
    }
}
