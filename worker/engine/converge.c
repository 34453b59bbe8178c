/* converge.c - for each target of a person: plan, then queue the step, wait, or settle. */
#include "fetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "settle.h"

/* ---- converging ---------------------------------------------------------------------------------------- */

static enum priority priority_of(const struct work *w, const struct target_state *t)
{
    if (is_source(t->target))
        return fetch_priority(w->slot->live);
    if (t->n_pending == 0 && t->swept_ms)
        return PRIORITY_SWEEP;
    if (plan_wants_cut(&w->desired))
        return PRIORITY_LEAVER;
    if (t->n_pending == 0)
        return PRIORITY_SWEEP;
    return t->link ? PRIORITY_MOVER : PRIORITY_JOINER;
}

static void open_target(struct engine *e, struct slot *slot, struct target_state *t, struct now now)
{
    if (t->open)
        return;
    t->open = true;
    if (t->n_pending == 0 && !t->provision_owed && !t->due_ms)
        *(slot->behind ? &t->swept_ms : &t->due_ms) = now.wall_ms;
    slot->gen++;
    slot_mark_dirty(e, slot);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool in_trouble(const struct target *t)
{
    return t->breaker.open && !MUTATION(MUTATION_TROUBLE_COUNTS);
}

/* While the target is in trouble nobody's failures count, also those that came before it was known: what waits begins
 * anew when it is well again, whoever owns it then. */
static void wait_for_target(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    if (!in_trouble(w->target) || t->attempts == 0 || t->next_attempt_ms > now.wall_ms)
        return;
    answer_forget_failures(w, t);
    slot_mark_dirty(e, w->slot);
}

static bool at_most(int64_t *at_ms, int64_t most_ms)
{
    bool beyond = *at_ms > most_ms;
    *at_ms = beyond ? most_ms : *at_ms;
    return beyond;
}

/* What is to be tried again waits for as long as was meant. */
static bool distrust_wait(const struct work *w, struct target_state *t, struct now now)
{
    const struct engine_target *cfg = w->target->cfg;
    int64_t next_ms = t->next_attempt_ms;
    if (t->failed_ms > now.wall_ms + cfg->call_life_ms && next_ms >= t->failed_ms) {
        next_ms -= t->failed_ms - now.wall_ms;
        t->failed_ms = now.wall_ms;
    }
    at_most(&next_ms, now.wall_ms + later(later(cfg->retry_cap_ms, cfg->call_life_ms), RETRY_AFTER_MAX_MS));
    bool ahead = next_ms != t->next_attempt_ms;
    t->next_attempt_ms = next_ms;
    return ahead;
}

/* By a clock that was ahead the last owner has put it off: from now on nothing waits for longer than anybody may put it off,
 * and nothing has failed since a time to come. */
static void distrust_clock(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    int64_t now_ms = now.wall_ms, life_ms = now_ms + w->target->cfg->call_life_ms;
    bool ahead = distrust_wait(w, t, now);
    if (ahead) {
        w->next_attempt_ms = t->next_attempt_ms;
        at_most(&w->failed_ms, now_ms);
    }
    ahead |= at_most(&t->missing_until_ms, life_ms);
    ahead |= at_most(&t->doubt_until_ms, life_ms);
    ahead |= at_most(&t->switched_until_ms, life_ms);
    ahead |= at_most(&t->moved_until_ms, life_ms);
    ahead |= at_most(&t->retry_cut_ms, now_ms + RETRY_CUT_MS);
    ahead |= at_most(&t->failing_since_ms, now_ms);
    ahead |= at_most(&t->cut_failing_since_ms, now_ms);
    at_most(&w->doubt_until_ms, life_ms);
    at_most(&w->written_until_ms, life_ms);
    at_most(&w->moves_until_ms, life_ms);
    at_most(&w->failing_since_ms, now_ms);
    at_most(&w->cut_failing_since_ms, now_ms);
    if (ahead)
        slot_mark_dirty(e, w->slot);
}

/* What has failed for another wish says nothing of a cut: nobody keeps access because of it. The events that have waited
 * for the other one go on doing so. */
static void begin_cut(struct engine *e, struct work *w, struct target_state *t)
{
    if (t->attempts == 0 || t->cut_failing_since_ms || !plan_wants_cut(&w->desired))
        return;
    t->attempts = w->failures = 0;
    t->next_attempt_ms = w->next_attempt_ms = 0;
    slot_mark_dirty(e, w->slot);
}

static void proceed(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                    struct now now)
{
    struct slot *slot = w->slot;
    const struct partition *partition = engine_partition(e, slot->partition);
    open_target(e, slot, t, now);
    w->stepped = true;
    teams_intend(e, w, t, plan);
    attributes_intend(e, w, t, plan);
    bool committed =
        (slot->gen == slot->committed_gen && partition->opened) || MUTATION(MUTATION_CALL_BEFORE_COMMIT);
    bool paused =
        w->target->paused && !MUTATION(MUTATION_PAUSE_IGNORED); /* parked: nothing stays unpacked for it */
    if (plan->step == STEP_WAIT || t->next_attempt_ms > now.wall_ms || !committed || paused ||
        partition->state != PARTITION_LIVE)
        work_dequeue(w);
    else {
        lane_follow(w->lane, w->target, partition);
        w->step = plan->step;
        w->cuts = plan_wants_cut(&w->desired);
        w->can_version = w->target->can_version;
        w->team = step_moves(plan->step) ? plan_value_fingerprint(plan->team_id) : 0;
        work_enqueue(w, priority_of(w, t), w->target->class_of[plan->step]);
    }
}

/* The policy has a word again, or its word is not needed: nothing waits for it any more, and that it had none is no
 * failure of calls. */
static void unpark(struct engine *e, struct work *w, struct target_state *t)
{
    if (!t->next_attempt_ms || !target_state_waits_for_policy(t))
        return;
    answer_forget_failures(w, t);
    target_state_forget_failure(t);
    slot_mark_dirty(e, w->slot);
}

/* For the day when it has none. Who is only out of scope is cut when he leaves. */
static void note_word(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    bool nothing = t->link && w->desired.kind == DESIRE_NOTHING && work_wants_no_cut(e, w, now);
    if (t->out_of_reach == nothing)
        return;
    t->out_of_reach = nothing;
    slot_mark_dirty(e, w->slot);
}

/* The policy failed and nothing says that access must go: wait for a policy that works, like for a target. */
static void park(struct engine *e, struct work *w, struct target_state *t, const struct error *err,
                 struct now now)
{
    work_dequeue(w);
    if (t->retry_cut_ms && t->retry_cut_ms <= now.wall_ms) {
        t->retry_cut_ms = now.wall_ms + w->target->cfg->retry_cap_ms;
        slot_mark_dirty(e, w->slot);
    }
    if (!t->open && !t->provision_owed && t->n_pending == 0)
        return;
    open_target(e, w->slot, t, now);
    w->trouble = true;
    t->attempts++;
    target_state_failed(t, now.wall_ms);
    t->next_attempt_ms = now.wall_ms + w->target->cfg->retry_cap_ms;
    target_state_wait_for_policy(t, err->message);
    slot_mark_dirty(e, w->slot);
}

/* A refused cut is tried again daily. */
static void retry_cut(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    if (!t->retry_cut_ms || t->retry_cut_ms > now.wall_ms)
        return;
    t->retry_cut_ms = now.wall_ms + RETRY_CUT_MS; /* so that a takeover knows it, too */
    w->cut_again = true;
    target_state_forgive(t, REFUSED_CUT);
    target_state_forgive(t, REFUSED_DEADLINE);
    target_state_forgive(t, REFUSED_ADOPT);
    target_state_set_known(t, KNOWN_UNKNOWN);
    slot_mark_dirty(e, w->slot);
}

/* No create is under way, nor will there be one. */
static void drop_name(struct engine *e, struct work *w, struct target_state *t)
{
    bool wanted = w->desired.kind == DESIRE_ACCOUNT && w->desired.active == ACTIVE_ON;
    if (!t->create_as || wanted || t->link || t->doubt_until_ms || t->known != KNOWN_ABSENT)
        return;
    free(t->create_as);
    t->create_as = NULL;
    slot_mark_dirty(e, w->slot);
}

/* The name by which a create may come to be under way: settled before the call, changed only while none is.
 */
static void choose_name(struct engine *e, struct work *w, struct target_state *t)
{
    const char *name = plan_match_value(w->slot->live, &w->desired, w->target->cfg->match);
    bool needed = !t->link && w->desired.kind == DESIRE_ACCOUNT && w->desired.active == ACTIVE_ON && name;
    if (!needed || work_is_protected(w, t, NULL))
        return;
    if (t->create_as && (t->doubt_until_ms || t->known != KNOWN_ABSENT || strcmp(t->create_as, name) == 0))
        return;
    free(t->create_as);
    t->create_as = xstrdup(name);
    w->slot->gen++;
    slot_mark_dirty(e, w->slot);
}

/* What a search has found, or not found, says nothing of an account by another name: that is looked for anew. */
static void doubt_search(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    struct plan_input in;
    struct search_wish wish;
    if (t->link || t->known == KNOWN_UNKNOWN)
        return;
    work_plan_input(w, t, now, &in);
    if (in.desired->kind == DESIRE_NOTHING)
        return;
    plan_search(&in, &wish);
    uint64_t subject = search_subject(&wish);
    if (!subject || subject == t->searched)
        return;
    target_state_set_known(t, KNOWN_UNKNOWN);
    w->fresh = false;
    slot_mark_dirty(e, w->slot);
}

/* From the first team that a leaver leaves on: how long the cut may be held up by it. */
enum { FAREWELL_MS = 20 * 1000 };

/* A cut before which something else has failed already comes at once. What the account is in all the same when it is cut
 * was not known before: a read may be older than the last move. */
static void begin_farewell(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                           struct now now)
{
    if (plan->before_cut && !w->farewell_until_ms)
        w->farewell_until_ms = now.wall_ms + FAREWELL_MS;
    if (plan->step == STEP_DEACTIVATE && w->desired.leave_teams)
        teams_stay(e, w, t, t->attempts > 0 ? "calls before it failed" : "the account was not seen in it",
                   now);
}

/* Before a takeover or an undo, by other hands, or for a word that is superseded: in which teams the account still is, nobody
 * may have been told. One without a link was never ours to cut. */
static bool was_cut_before(const struct work *w, const struct target_state *t, struct now now)
{
    return t->link && work_is_fresh(w, now) && t->known == KNOWN_ACCOUNT && !t->known_active;
}

static void heed_farewell(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    if (!w->desired.leave_teams)
        work_end_farewell(w); /* called back */
    else if (work_farewell_ends(w, now))
        teams_stay(e, w, t, "it took too long", now);
    else if (w->farewell_why)
        teams_tell_staying(e, w, t, now);
    else if (was_cut_before(w, t, now))
        teams_stay(e, w, t, "the account was inactive already", now);
}

/* The plan ends there: what is held waits for a person; what was denied counts as what is wanted. */
static void end_plan(struct work *w, const struct target_state *t, struct plan *plan,
                     enum admission admission, struct now now)
{
    attrs_done(&plan->changes);
    w->held = admission == HELD;
    plan->step = admission == HELD ? STEP_WAIT : STEP_NONE;
    plan->denied |= admission == DENIED;
    plan->agreed = admission == AGREED;
    if (plan->step == STEP_NONE && t->doubt_until_ms > now.wall_ms)
        plan->step = STEP_WAIT;
}

/* True: to be planned again. */
static bool heed_guard(struct engine *e, struct work *w, struct target_state *t, struct plan *plan,
                       struct now now)
{
    enum admission admission = wards_admit(e, w, t, plan, now);
    if (admission == ADMITTED) {
        begin_farewell(e, w, t, plan, now);
        return plan->step == STEP_LEAVE && !plan->before_cut && !work_is_fresh(w, now); /* it reads first */
    }
    if (admission == PASSED_OVER) {
        teams_stay(e, w, t, "unusually many removals at once", now);
        return true;
    }
    if (wards_pass_by(w, plan, admission)) {
        plan_done(plan);
        return true;
    }
    end_plan(w, t, plan, admission, now);
    return false;
}

/* Nobody can be asked for so long that the event is done with what it says by itself. */
static bool fetch_is_late(const struct work *w, const struct target_state *t, struct now now)
{
    if (t->attempts == 0 || w->attempts == 0 || w->trouble || w->target->paused || in_trouble(w->target))
        return false;
    int64_t from = later(t->failing_since_ms, later(w->target->resumed_ms, w->target->retry_ms));
    return now.wall_ms - from > w->target->cfg->deadline_ms;
}

/* A source, which has no account of the person: asked as long as an event wants it. */
static void converge_source(struct engine *e, struct slot *slot, struct target_state *t, struct now now)
{
    struct work *w = work_find(slot, t->target);
    if (!t->wanted || (w && w->flight))
        return;
    if (!w)
        w = work_add(e, slot, t->target);
    if (w->target) {
        distrust_clock(e, w, t, now);
        obey_retry(e, w, t);
        wait_for_target(e, w, t, now);
    }
    if (!w->target || fetch_is_late(w, t, now)) {
        fetch_give_up(e, w, t, now);
        return;
    }
    const struct plan ask = {.step = STEP_FETCH};
    proceed(e, w, t, &ask, now);
}

/* The plan after the deadline, the guard and what a team's removal has to heed. */
static void plan_next(struct engine *e, struct work *w, struct target_state *t, struct plan *plan,
                      struct now now)
{
    work_plan(w, t, now, plan);
    if (plan->step != STEP_NONE && settle_overdue(e, w, t, now)) {
        target_state_refuse(t, REFUSED_DEADLINE, plan_fingerprint(w->slot->live, &w->desired),
                            t->last_failure ? t->last_failure : "deadline passed");
        target_state_failed(t, now.wall_ms);
        plan_done(plan);
        work_plan(w, t, now, plan);
    }
    /* Also a rejection is final only when nothing can land any more; that of an older event does not wait: settle.h. */
    if (plan->step == STEP_NONE && !plan->ignored && t->doubt_until_ms > now.wall_ms)
        plan->step = STEP_WAIT;
}

/* Removals that cannot be rest one by one: each lets the plan go on to the next. False: put off. */
static bool plan_all(struct engine *e, struct work *w, struct target_state *t, struct plan *plan,
                     struct now now)
{
    w->licence = wards_licence(e, w, t, now);
    for (bool again = true; again;) {
        plan_next(e, w, t, plan, now);
        if (plan->step != STEP_NONE && sweep_puts_off(e, w, t))
            return false;
        again = plan->step == STEP_LEAVE && !plan->before_cut && plan->last_team;
        if (again)
            teams_keep_last(e, w, t, plan, now);
        else if (e->cfg.plan_only && step_writes(plan->step) && !MUTATION(MUTATION_PLAN_WRITES))
            again = dryrun_step(e, w, t, plan, now);
        else
            again = heed_guard(e, w, t, plan, now);
    }
    return true;
}

/* All that goes on without the licence is done: then it is waited for, or told as denied. */
static void conclude(struct work *w, const struct target_state *t, struct plan *plan, struct now now)
{
    if (plan->step != STEP_NONE || plan->ignored || plan->rejected)
        return;
    plan->denied |= t->denied && !plan_wants_cut(&w->desired); /* whoever is cut is told so */
    if (w->licence != ADMITTED)
        end_plan(w, t, plan, w->licence, now);
}

/* Whoever has all but teams that were not listed yet waits for these. False: put off, as only a sweep asks. */
static bool await_teams(struct work *w, const struct target_state *t, bool awaited, struct plan *plan)
{
    bool awaits = awaited && plan->step == STEP_NONE && !plan->ignored && !plan->rejected && t->link &&
                  t->known == KNOWN_ACCOUNT && t->known_active;
    if (!awaits)
        return true;
    if (sweep_misses_teams(w, t))
        return false;
    plan->step = STEP_WAIT;
    w->slot->awaits_teams = true;
    return true;
}

/* False: put off, to be planned anew later. */
static bool converge_target(struct engine *e, struct slot *slot, struct target_state *t, struct now now)
{
    struct work *w = work_find(slot, t->target);
    if (!w)
        w = work_add(e, slot, t->target);
    if (w->flight && !MUTATION(MUTATION_TWO_CALLS_PER_PERSON))
        return true; /* planned when it is over */
    w->held = false;
    struct plan plan = {.ignored = true, .rejected = NULL};
    struct error err;
    if (!w->target) { /* removed from the configuration */
        settle(e, w, t, &plan, now);
        return true;
    }
    distrust_clock(e, w, t, now);
    obey_provision(e, w, t, now);
    if (!work_ask_policy(e, w, t, now, &err)) {
        bool fetching = fetch_awaited(slot->live); /* what it stumbles over may be what is missing */
        if (fetching)
            work_dequeue(w);
        else if (t->next_attempt_ms <= now.wall_ms)
            park(e, w, t, &err, now);
        return !fetching;
    }
    unpark(e, w, t);
    note_word(e, w, t, now);
    if (fetch_holds_plan(w, t)) {
        work_dequeue(w);
        return false; /* planned when the source has answered */
    }
    obey_retry(e, w, t);
    wards_reconsider(e, w, t);
    retry_cut(e, w, t, now);
    if (t->open || t->n_pending > 0)
        choose_name(e, w, t);
    drop_name(e, w, t);
    doubt_search(e, w, t, now);
    begin_cut(e, w, t);
    wait_for_target(e, w, t, now);
    bool awaited = teams_note(e, w, t, now);
    attributes_note(e, w, t, now);
    heed_farewell(e, w, t, now);
    if (!plan_all(e, w, t, &plan, now) || !await_teams(w, t, awaited, &plan)) {
        plan_done(&plan);
        return false;
    }
    conclude(w, t, &plan, now);
    if (plan.step == STEP_NONE)
        settle(e, w, t, &plan, now);
    else
        proceed(e, w, t, &plan, now);
    plan_done(&plan);
    return true;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t target_due(const struct slot *slot, const struct target_state *t, struct now now)
{
    const struct work *w = work_find(slot, t->target);
    bool later = w && w->flight && t->retry_cut_ms <= now.wall_ms; /* looked at when the call is over */
    int64_t due = later ? 0 : t->retry_cut_ms;
    if (w && w->queued && w->farewell_until_ms && !w->farewell_why)
        due = earliest(due, w->farewell_until_ms);
    if (!t->open || (w && (w->flight || w->queued)))
        return due;
    if (t->next_attempt_ms > now.wall_ms)
        return earliest(due, t->next_attempt_ms);
    if (t->missing_until_ms > now.wall_ms)
        due = earliest(due, t->missing_until_ms);
    return t->doubt_until_ms > now.wall_ms ? earliest(due, t->doubt_until_ms) : due;
}

/* A deleted person's record goes when late events have had their time to meet it. */
static int64_t tombstone_due(const struct engine *e, const struct person *p)
{
    return p->gone_since_ms ? p->gone_since_ms + e->cfg.tombstone_ms : 0;
}

/* A deleted person for whom nothing is owed any more. */
static bool is_gone(const struct person *p)
{
    bool deleted = p->employment == EMPLOYMENT_DELETED ||
                   (p->employment == EMPLOYMENT_LEFT && MUTATION(MUTATION_LEFT_IS_GONE));
    if (!deleted || p->n_scheduled > 0)
        return false;
    for (size_t i = 0; i < p->n_targets; i++)
        if (p->targets[i].open || p->targets[i].n_pending > 0 || p->targets[i].retry_cut_ms)
            return false;
    return true;
}

static void note_gone(struct engine *e, struct slot *slot, struct now now)
{
    struct person *p = slot->live;
    bool gone = is_gone(p);
    if (gone == (p->gone_since_ms != 0))
        return;
    p->gone_since_ms = gone ? now.wall_ms : 0;
    slot_mark_dirty(e, slot);
}

int64_t converge_due(const struct engine *e, const struct slot *slot, struct now now)
{
    const struct person *p = slot->live;
    int64_t due = slot->tombstone ? 0 : earliest(person_next_due(p), tombstone_due(e, p));
    for (size_t i = 0; i < p->n_targets; i++)
        due = earliest(due, target_due(slot, &p->targets[i], now));
    return due;
}

/* Effects need no event: a word that came due concerns every target that takes the person, also one that is new. */
static void fire_due(struct engine *e, struct slot *slot, struct now now)
{
    struct person *p = slot->live;
    for (size_t i = 0; i < p->n_scheduled && p->scheduled[i].due_ms <= now.wall_ms; i++)
        fetch_want(e, slot, &p->scheduled[i].event);
    int64_t due_ms = person_next_due(p);
    if (!person_fire_due(slot->live, now.wall_ms))
        return;
    sweep_add_targets(e, slot);
    for (size_t i = 0; i < p->n_targets; i++) {
        p->targets[i].swept_ms = 0; /* what is done now is the word's */
        p->targets[i].due_ms = is_source(p->targets[i].target) ? 0 : due_ms;
    }
    slot->gen++;
    slot_mark_dirty(e, slot);
    work_forget_desired(slot);
}

void converge_slot(struct engine *e, struct slot *slot, struct now now)
{
    const struct partition *partition = engine_partition(e, slot->partition);
    if (!partition || partition_rests(partition->state) || partition->state == PARTITION_CLOSED)
        return;
    struct person *p = slot_live(e, slot);
    if (slot->taken_over)
        partition_doubt_takeover(e, slot, now);
    fire_due(e, slot, now);
    obey_person(e, slot, now);
    slot->awaits_teams = false;
    bool all = true;
    if (slot->behind)
        sweep_add_targets(e, slot);
    for (size_t i = 0; i < p->n_targets; i++)
        if (is_source(p->targets[i].target))
            converge_source(e, slot, &p->targets[i], now);
    for (size_t i = 0; i < p->n_targets; i++) {
        struct target_state *t = &p->targets[i];
        if (is_source(t->target))
            continue;
        all &= converge_target(e, slot, t, now);
        work_count_doubt(work_find(slot, t->target), t->doubt_until_ms != 0);
    }
    if (all)
        sweep_mark(e, slot, false);
    note_gone(e, slot, now);
    int64_t gone = tombstone_due(e, p);
    bool over = gone && gone <= now.wall_ms; /* not any more, if an event came since */
    if (over && !slot->tombstone)
        slot_mark_dirty(e, slot);
    slot->tombstone = over;
    work_drop_finished(slot);
    store_set_due(&e->store, slot, converge_due(e, slot, now));
    slot_release(e, slot);
}
