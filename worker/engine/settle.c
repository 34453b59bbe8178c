/* settle.c - from "the target agrees" (or never will) to one result for each event that waited for it. */
#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "digest.h"
#include "settle.h"

enum { RESULT_MAX = 900 * 1024, RESULT_TYPICAL = 1000 };

/* ---- records ------------------------------------------------------------------------------------------- */

/* Writes one record; what does not fit is what was changed, then: that it was done counts more than its text. */
static void write_fitting(struct result *r, const struct slot *slot, bool dead, struct buf *out)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        buf_init(out, RESULT_MAX);
        buf_reserve(out, RESULT_TYPICAL);
        if (dead)
            deadletter_write_rejected(r, slot->live, slot->partition, out);
        else
            result_write(r, out);
        if (buf_ok(out) || r->n_changes == 0)
            return;
        buf_done(out);
        r->n_changes = 0;
    }
}

static void publish(struct engine *e, const struct slot *slot, struct result r)
{
    struct person_key key;
    struct buf out;
    slot_key(slot, &key);
    r.tenant = key.tenant;
    r.directory = key.directory;
    r.subject = key.subject;
    struct str record_key = {slot->key, slot->key_n};
    e->stats.results[r.outcome]++;
    write_fitting(&r, slot, false, &out);
    outbox_add(e, TOPIC_RESULTS, slot->partition, record_key, &out);
    if (r.outcome != OUTCOME_REJECTED)
        return;
    write_fitting(&r, slot, true, &out);
    outbox_add(e, TOPIC_DEADLETTERS, slot->partition, record_key, &out);
}

void settle_unmerged(struct engine *e, struct slot *slot, const struct pending *event, const char *target,
                     const struct event *ev, struct now now)
{
    static const char cause[] =
        "this person already has as many attributes, groups or future-dated events as one may";
    if (e->cfg.plan_only) {
        dryrun_tell_event(e, slot, target, event, FORETOLD_REFUSED, cause, now);
        return;
    }
    publish(e, slot,
            (struct result){.event = event,
                            .unmerged = ev,
                            .target = target,
                            .outcome = OUTCOME_REJECTED,
                            .cause = cause,
                            .finished_ms = now.wall_ms});
}

/* ---- which outcome ------------------------------------------------------------------------------------- */

/* What the end of one piece of work means for the events that waited. */
struct verdict {
    const struct work *work;
    const struct plan *plan;
    const struct person *person;
    size_t last; /* index of the newest pending event that had a part in the operations; SIZE_MAX: none */
    const char *last_id;
    bool was_refused; /* a cut, before this work was begun */
};

static bool survives(const struct person *p, const struct pending *event)
{
    return event->empty || person_word_survives(p, event->type, event_id_hash(event->id)) ||
           fetch_confirms(p, event);
}

/* An operation that ended before the event was queued was not made for it. */
static bool had_part(const struct work *w, const struct pending *event)
{
    for (size_t i = 0; i < w->n_operations; i++)
        if (w->operations[i].effective && w->operations[i].finished_ms >= event->queued_at_ms)
            return true;
    return false;
}

static bool is_cut(enum event_type type)
{
    return type == EVENT_LEFT || type == EVENT_DELETED || type == EVENT_SUSPENDED;
}

static bool waits_for_its_time(const struct person *p, const struct pending *event)
{
    return person_is_scheduled(p, event_id_hash(event->id));
}

static bool has_to_wait(const struct person *p, const struct pending *event)
{
    return waits_for_its_time(p, event) || fetch_holds_result(p, event);
}

/* What comes later was not meant: it is told what becomes of it. */
void settle_as_denied(const struct person *p, struct target_state *t)
{
    t->denied = true;
    for (size_t i = 0; i < t->n_pending; i++)
        t->pending[i].denied |= !has_to_wait(p, &t->pending[i]);
}

void settle_not_denied(struct target_state *t)
{
    t->denied = false;
    for (size_t i = 0; i < t->n_pending; i++)
        t->pending[i].denied = false;
}

static enum outcome outcome_of(const struct verdict *v, const struct pending *event, size_t index)
{
    if (!survives(v->person, event))
        return OUTCOME_SUPERSEDED;
    if (v->plan->rejected)
        return OUTCOME_REJECTED;
    if (v->plan->denied && event->denied)
        return OUTCOME_DENIED;
    if (v->plan->ignored)
        return OUTCOME_IGNORED;
    if (index == v->last)
        return OUTCOME_APPLIED;
    return v->last != SIZE_MAX && index < v->last && had_part(v->work, event) ? OUTCOME_MERGED
                                                                              : OUTCOME_UNCHANGED;
}

static void find_last(struct verdict *v, const struct target_state *t)
{
    v->last = SIZE_MAX;
    for (size_t i = 0; i < t->n_pending; i++)
        if (!has_to_wait(v->person, &t->pending[i]) && survives(v->person, &t->pending[i]) &&
            had_part(v->work, &t->pending[i]))
            v->last = i;
    v->last_id = v->last != SIZE_MAX ? t->pending[v->last].id : NULL;
}

static void fill(const struct verdict *v, const struct target_state *t, struct result *r, struct now now)
{
    const struct work *w = v->work;
    r->target = w->name;
    r->account_id = t->link;
    r->finished_ms = now.wall_ms;
    r->attempts = w->attempts;
    r->started_ms = w->started_ms;
    r->not_fetched = r->event && r->outcome != OUTCOME_SUPERSEDED ? fetch_failure(v->person, r->event) : NULL;
    if (r->outcome == OUTCOME_APPLIED || r->outcome == OUTCOME_REJECTED || r->outcome == OUTCOME_DENIED) {
        r->operations = w->operations;
        r->n_operations = w->n_operations;
        r->changes = w->changes;
        r->n_changes = w->n_changes;
    }
    if (r->outcome == OUTCOME_APPLIED || r->outcome == OUTCOME_REJECTED || r->outcome == OUTCOME_UNCHANGED) {
        r->state = t;
        r->profile = w->target ? w->target->profile : NULL;
    }
    if (r->outcome == OUTCOME_MERGED)
        r->merged_into = v->last_id;
    if (r->outcome == OUTCOME_DENIED) {
        r->cause = "the guard held it, as unusually many were asked for, and a person refused it";
        r->action = "if it is to be done all the same, approve it after all (rollcall-worker control "
                    "approve; the id is in control holds --denied), or say it anew";
    }
    if (r->outcome == OUTCOME_UNCHANGED && w->vanished && plan_wants_cut(&w->desired)) {
        r->cause = FINDING_VANISHED;
        r->action = advice_for(r->profile, FINDING_VANISHED, FINDING_VANISHED);
    }
    if (r->outcome == OUTCOME_REJECTED) {
        r->cause = v->plan->rejected;
        r->action = v->plan->action;
    }
}

/* Of something that no event asked for: what caused it, and when. */
static uint64_t effect_id(const struct work *w, const char *cause, int64_t at_ms)
{
    uint64_t parts[] = {w->slot->hash, digest_hash64(w->name, strlen(w->name)),
                        digest_hash64(cause, strlen(cause)), (uint64_t)at_ms};
    return digest_hash64(parts, sizeof parts);
}

/* ---- settling ------------------------------------------------------------------------------------------ */

static bool any_effective(const struct work *w)
{
    for (size_t i = 0; i < w->n_operations; i++)
        if (w->operations[i].effective)
            return true;
    return false;
}

/* Whether an event's result says now what became of the plan. */
static bool told_by_events(const struct verdict *v, const struct target_state *t)
{
    for (size_t i = 0; i < t->n_pending; i++)
        if (!has_to_wait(v->person, &t->pending[i]) && survives(v->person, &t->pending[i]))
            return true;
    return false;
}

/* What came to nothing is told too, once: a refused cut is tried again daily, and that goes on until it works. So is what was
 * begun before a takeover: whether that was done by then is not known here. */
static enum outcome effect_outcome(const struct verdict *v, const struct target_state *t)
{
    bool again = v->work->cut_again || (v->work->resumed && v->was_refused && !t->swept_ms);
    bool told = told_by_events(v, t) || again || !v->work->stepped;
    if (v->plan->rejected && !told)
        return OUTCOME_REJECTED;
    if (v->plan->denied && !told)
        return OUTCOME_DENIED;
    if (any_effective(v->work))
        return OUTCOME_APPLIED;
    bool unasked = (t->due_ms || t->swept_ms) && !(again && v->plan->rejected);
    return v->work->resumed && unasked && !v->plan->ignored && !told_by_events(v, t) ? OUTCOME_UNCHANGED
                                                                                     : OUTCOMES;
}

/* What no event asked for: a changed policy or target, a date that came due, a repair. Its id is made of when, as the record
 * keeps it. */
static void settle_effect(struct engine *e, struct work *w, const struct target_state *t,
                          const struct verdict *v, struct now now)
{
    if (!t->open || v->last != SIZE_MAX || t->provision_owed)
        return;
    int64_t due_ms = t->due_ms ? t->due_ms : w->started_ms ? w->started_ms : now.wall_ms;
    struct result r = {.outcome = effect_outcome(v, t),
                       .effect =
                           t->swept_ms ? effect_id(w, "policy", t->swept_ms) : effect_id(w, "due", due_ms)};
    if (r.outcome == OUTCOMES)
        return;
    fill(v, t, &r, now);
    if (!r.cause && w->reconsidered)
        r.cause = "control: the guard held it, a person refused it and has approved it since";
    if (!r.cause)
        r.cause = t->swept_ms ? "policy: it, the targets or their teams have changed"
                              : "no event: a date that came due or a repair";
    publish(e, w->slot, r);
}

static enum outcome provision_outcome(const struct work *w, const struct plan *plan)
{
    if (plan->rejected)
        return OUTCOME_REJECTED;
    if (plan->denied || plan->agreed)
        return OUTCOME_DENIED;
    if (plan->ignored)
        return OUTCOME_IGNORED;
    return any_effective(w) ? OUTCOME_APPLIED : OUTCOME_UNCHANGED;
}

/* Who asked for a person is told all that was done, and also that nothing had to be. */
static void settle_provision(struct engine *e, struct work *w, struct target_state *t,
                             const struct verdict *v, struct now now)
{
    if (!t->provision_owed)
        return;
    struct str key = {w->slot->key, w->slot->key_n};
    struct result r = {.effect = control_provision_effect(key, w->name, t->provision_ms),
                       .outcome = provision_outcome(w, v->plan)};
    fill(v, t, &r, now);
    r.operations = w->operations;
    r.n_operations = w->n_operations;
    r.cause = r.cause ? r.cause : "provision: a person asked for it";
    t->provision_owed = false;
    if (!MUTATION(MUTATION_PROVISION_DROPPED))
        publish(e, w->slot, r);
}

/* What a person held back, or wants tried again, has its whole time anew. 0: nothing of it has failed. */
static bool has_failed_long(const struct work *w, int64_t from_ms, struct now now)
{
    const struct target *target = w->target;
    int64_t anew_ms = target->resumed_ms > target->retry_ms ? target->resumed_ms : target->retry_ms;
    anew_ms = anew_ms > from_ms ? anew_ms : from_ms;
    return from_ms && now.wall_ms - anew_ms > target->cfg->deadline_ms;
}

/* It has waited for its deadline, from the first failure in a row on; an event that cuts, from that of the cut. */
static bool is_late(const struct work *w, const struct target_state *t, const struct pending *event,
                    struct now now)
{
    bool cuts = is_cut(event->type) && plan_wants_cut(&w->desired);
    int64_t from_ms = cuts ? t->cut_failing_since_ms : t->failing_since_ms;
    if (MUTATION(MUTATION_TROUBLE_COUNTS) || (from_ms && event->queued_at_ms > from_ms))
        from_ms = event->queued_at_ms;
    return has_failed_long(w, from_ms, now);
}

/* late: only those. */
static void settle_pending(struct engine *e, struct work *w, struct target_state *t, const struct verdict *v,
                           bool late, struct now now)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n_pending; i++) {
        const struct pending *event = &t->pending[i];
        bool drop = MUTATION(MUTATION_RESULT_DROPPED) && i + 1 < t->n_pending;
        if (has_to_wait(v->person, event) || (late && !is_late(w, t, event, now))) {
            t->pending[kept++] = *event;
            continue;
        }
        struct result r = {.event = event, .outcome = outcome_of(v, event, i)};
        fill(v, t, &r, now);
        if (!drop)
            publish(e, w->slot, r);
        if (MUTATION(MUTATION_RESULT_TWICE) && w->n_operations > 0)
            publish(e, w->slot, r);
    }
    t->n_pending = kept;
}

static void forget_work(struct work *w)
{
    for (size_t i = 0; i < w->n_changes; i++) {
        free(w->changes[i].attribute);
        free(w->changes[i].before);
        free(w->changes[i].after);
    }
    w->n_changes = w->n_operations = 0;
    w->fresh = w->one_by_one = w->trouble = w->unverified = w->refused = w->cut_again = w->stepped = false;
    w->resumed = w->bare = w->conflicted = w->vanished = w->reconsidered = false;
    work_end_farewell(w);
    w->all_teams = false;
    w->exists = w->kept_active = w->attempts = w->batch_max = w->team_gone = 0;
    w->started_ms = w->teams_asked_ms = 0;
    attrs_done(&w->joining);
    attrs_done(&w->leaving);
    attrs_done(&w->doubted);
    dryrun_free(w->dryrun);
    w->dryrun = NULL;
    attrs_done(&w->written);
    attrs_done(&w->written_before);
}

/* Given up, and the last look has failed: a create may have landed, and no other name may lead to it. */
static bool may_be_created(const struct target_state *t)
{
    return t->known == KNOWN_UNKNOWN && t->write_failed;
}

static void end_attempts(struct target_state *t)
{
    t->open = t->denied = false;
    if (!may_be_created(t)) {
        free(t->create_as);
        t->create_as = NULL;
    }
    t->attempts = 0;
    t->failing_since_ms = t->cut_failing_since_ms = 0;
    t->write_failed = false;
    t->next_attempt_ms = 0;
    t->swept_ms = t->due_ms = 0;
    t->held_word = 0; /* of a target that is not configured any more */
    t->held_since_ms = 0;
    free(t->held_team);
    t->held_team = NULL;
    target_state_forget_failure(t);
}

static bool has_ripe(const struct person *p, const struct target_state *t)
{
    for (size_t i = 0; i < t->n_pending; i++)
        if (!has_to_wait(p, &t->pending[i]))
            return true;
    return false;
}

/* The one attribute or team that is refused; NULL: there are several, or none any more. */
static const struct refused *only_refused(const struct target_state *t)
{
    const struct refused *only = NULL;
    for (size_t i = 0; i < t->n_refused; i++) {
        if (t->refused[i].what[0] == '+')
            continue;
        if (only)
            return NULL;
        only = &t->refused[i];
    }
    return only;
}

/* All that was asked for was refused attribute by attribute: the plan is empty now, and nobody got what he
 * wanted. */
static struct plan final_plan(const struct work *w, const struct target_state *t, const struct plan *plan)
{
    struct plan last = *plan;
    bool cut = w->desired_valid && plan_wants_cut(&w->desired); /* teams alone: access has ended */
    if (plan->rejected || plan->ignored || !w->refused || any_effective(w) || cut)
        return last;
    const struct refused *only = only_refused(t);
    last.rejected = only ? only->reason : "the target refuses the attributes or teams that were to change";
    last.action = only ? advice_for(w->target->profile, only->what, only->reason)
                       : "see refused: what can be done about each stands there";
    return last;
}

/* Ripe ones first, each in their order; how many they are. */
static size_t ripe_first(const struct person *p, struct target_state *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_pending; i++) {
        struct pending event = t->pending[i];
        if (waits_for_its_time(p, &event))
            continue;
        memmove(&t->pending[n + 1], &t->pending[n], (i - n) * sizeof event);
        t->pending[n++] = event;
    }
    return n;
}

/* A dry run: one plan record instead of results. */
static void settle_dry(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                       struct now now)
{
    size_t ripe = ripe_first(w->slot->live, t);
    if (!MUTATION(MUTATION_PLAN_FORGETS) || w->dryrun)
        dryrun_settle(e, w, t, plan, ripe, now);
    t->n_pending -= ripe;
    if (ripe > 0) /* without any there may be no list at all */
        memmove(t->pending, &t->pending[ripe], t->n_pending * sizeof *t->pending);
    t->provision_owed = false;
}

void settle(struct engine *e, struct work *w, struct target_state *t, const struct plan *planned,
            struct now now)
{
    struct slot *slot = w->slot;
    struct plan final = final_plan(w, t, planned);
    const struct plan *plan = &final;
    work_dequeue(w);
    bool was_refused = t->retry_cut_ms != 0;
    bool cut_refused = plan->rejected && w->target && plan_wants_cut(&w->desired);
    if (cut_refused && !t->retry_cut_ms && !MUTATION(MUTATION_LEAVER_GIVEN_UP)) {
        t->retry_cut_ms = now.wall_ms + RETRY_CUT_MS;
        slot_mark_dirty(e, slot);
    }
    if (!cut_refused && t->retry_cut_ms) {
        t->retry_cut_ms = 0;
        slot_mark_dirty(e, slot);
    }
    if (!t->open && !t->provision_owed && !w->dryrun && !has_ripe(slot->live, t)) {
        t->denied = false;
        if (t->due_ms)
            slot_mark_dirty(e, slot);
        t->due_ms = 0; /* there was nothing to do */
        return;
    }
    struct verdict v = {w, plan, slot->live, SIZE_MAX, NULL, was_refused};
    if (e->cfg.plan_only) {
        settle_dry(e, w, t, plan, now);
    } else {
        find_last(&v, t);
        settle_effect(e, w, t, &v, now);
        settle_provision(e, w, t, &v, now);
        settle_pending(e, w, t, &v, false, now);
    }
    if (w->target && w->desired_valid) {
        teams_forget_ended(w, t);
        attributes_forget_ended(&w->desired.attrs, t, now);
    }
    end_attempts(t);
    if (!cut_refused)
        t->admitted = 0; /* a cut that is tried again daily was counted */
    attrs_done(&t->admitted_moves);
    forget_work(w);
    slot_mark_dirty(e, slot);
}

/* ---- deadlines ----------------------------------------------------------------------------------------- */

/* Why they fail is not known yet, or is no failure of the person's. */
static bool no_deadline(const struct work *w, const struct target_state *t)
{
    return t->attempts == 0 || w->attempts == 0 || w->trouble || w->target->paused || t->held_word ||
           (w->target->breaker.open && !MUTATION(MUTATION_TROUBLE_COUNTS));
}

bool settle_overdue(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    bool cuts = plan_wants_cut(&w->desired);
    size_t n_late = 0, n_young = 0;
    if (no_deadline(w, t))
        return false;
    for (size_t i = 0; i < t->n_pending; i++)
        if (!has_to_wait(w->slot->live, &t->pending[i]))
            *(is_late(w, t, &t->pending[i], now) ? &n_late : &n_young) += 1;
    if (n_late == 0)
        return false;
    if (cuts ? has_failed_long(w, t->cut_failing_since_ms, now) : n_young == 0 || e->cfg.plan_only)
        return true;
    if (e->cfg.plan_only)
        return false;
    const char *why = t->last_failure ? t->last_failure : "deadline passed";
    const struct plan plan = {.rejected = why,
                              .action = advice_for(w->target->profile, REFUSED_DEADLINE, why)};
    const struct verdict v = {w, &plan, w->slot->live, SIZE_MAX, NULL, false};
    settle_pending(e, w, t, &v, true, now);
    slot_mark_dirty(e, w->slot);
    return false;
}

/* ---- early results ------------------------------------------------------------------------------------- */

static void publish_early(struct engine *e, const struct slot *slot, const struct target_state *t,
                          const struct pending *event, const char *merged_into, struct now now)
{
    if (e->cfg.plan_only) {
        dryrun_tell_event(e, slot, t->target, event, merged_into ? FORETOLD_MERGED : FORETOLD_SUPERSEDED,
                          NULL, now);
        return;
    }
    publish(e, slot,
            (struct result){.event = event,
                            .target = t->target,
                            .account_id = t->link,
                            .outcome = merged_into ? OUTCOME_MERGED : OUTCOME_SUPERSEDED,
                            .merged_into = merged_into,
                            .finished_ms = now.wall_ms});
}

void settle_superseded(struct engine *e, struct slot *slot, struct target_state *t, struct now now)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n_pending; i++) {
        const struct pending *event = &t->pending[i];
        bool alive = survives(slot->live, event) && !MUTATION(MUTATION_SUPERSEDED_AT_ONCE);
        if (alive || event->needs_fetch ||
            i + 1 == t->n_pending) /* a source may yet confirm what a thin one says */
            t->pending[kept++] = *event;
        else
            publish_early(e, slot, t, event, NULL, now);
    }
    t->n_pending = kept;
}

/* A cut in force keeps its place in the list: its result must say what became of it. */
static bool may_go_early(const struct person *p, const struct pending *event)
{
    return !survives(p, event) || (!is_cut(event->type) && !waits_for_its_time(p, event));
}

/* The newest event that will get a result of its own work; else the newest. What waits for a source goes with another
 * that waits for one, if there is any. */
static const char *newest_survivor(const struct person *p, const struct target_state *t, bool fetched)
{
    for (size_t i = t->n_pending; fetched && i-- > 1;)
        if (fetch_holds_result(p, &t->pending[i]) && !waits_for_its_time(p, &t->pending[i]))
            return t->pending[i].id;
    for (size_t i = t->n_pending; i-- > 1;)
        if (survives(p, &t->pending[i]) && !waits_for_its_time(p, &t->pending[i]))
            return t->pending[i].id;
    return t->pending[t->n_pending - 1].id;
}

void settle_oldest(struct engine *e, struct slot *slot, struct target_state *t, struct now now)
{
    for (size_t i = 0; i + 1 < t->n_pending; i++) {
        if (!may_go_early(slot->live, &t->pending[i]))
            continue;
        bool alive = survives(slot->live, &t->pending[i]);
        const char *newest = newest_survivor(slot->live, t, fetch_holds_result(slot->live, &t->pending[i]));
        publish_early(e, slot, t, &t->pending[i], alive ? newest : NULL, now);
        memmove(&t->pending[i], &t->pending[i + 1], (t->n_pending - i - 1) * sizeof *t->pending);
        t->n_pending--;
        return;
    }
}
