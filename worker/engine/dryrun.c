/* dryrun.c - instead of a write: what would be done is told, and the wish rests until it changes (`+planned`).
 *
 *      plan ─► a write? ─no──► as ever: reads, doubt, waiting
 *               │ yes
 *               ▼
 *      dryrun_step: the guard's word, all calls foreseen ─► settled ─► dryrun_settle: one plan record, no result
 *
 * Afterwards the account is unknown: the worker that writes may have done the same, so whatever is wanted next begins
 * with a read. */
#include "engine_state.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

enum { PLAN_MAX = 900 * 1024 };

/* ---- foreseeing ---------------------------------------------------------------------------------------- */

static enum guard_word guard_says(enum admission admission, bool guarded)
{
    if (admission == HELD)
        return GUARD_HOLDS;
    return guarded ? GUARD_ADMITS : GUARD_SILENT;
}

/* A person decides about the real thing: nothing waits for that here. */
static void let_go(struct target_state *t)
{
    t->held_word = 0;
    t->held_since_ms = 0;
}

bool dryrun_step(struct engine *e, struct work *w, struct target_state *t, struct plan *plan, struct now now)
{
    if (t->doubt_until_ms) { /* what is there now may not be what was found */
        attrs_done(&plan->changes);
        plan->step = STEP_WAIT;
        return false;
    }
    uint64_t admitted = t->admitted;
    enum admission admission = wards_admit(e, w, t, plan, now);
    bool denied = admission == DENIED || admission == AGREED,
         goes_on = denied && wards_pass_by(w, plan, admission);
    attrs_done(&plan->changes);
    plan->step = STEP_NONE;
    plan->denied = denied;
    if (denied)
        return goes_on;
    let_go(t);
    struct dryrun *d = w->dryrun = xcalloc(1, sizeof *d);
    d->guard = guard_says(admission, t->admitted != admitted || admitted);
    d->known = t->known;
    d->known_active = t->known_active;
    struct plan_input in;
    work_plan_input(w, t, now, &in);
    foresee(&in, &d->foresight);
    target_state_refuse(t, REFUSED_PLANNED, plan_fingerprint(w->slot->live, &w->desired), "told as a plan");
    target_state_failed(t, now.wall_ms); /* a retry of before does not ask for it again */
    target_state_set_known(t, KNOWN_UNKNOWN);
    w->fresh = w->unverified = false;
    slot_mark_dirty(e, w->slot);
    return false;
}

void dryrun_free(struct dryrun *d)
{
    if (d)
        foresight_done(&d->foresight);
    free(d);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static void publish(struct engine *e, const struct slot *slot, struct foretold *f, struct now now)
{
    struct person_key key;
    struct buf out;
    slot_key(slot, &key);
    f->tenant = key.tenant;
    f->directory = key.directory;
    f->subject = key.subject;
    f->at_ms = now.wall_ms;
    uint64_t parts[] = {slot->hash, digest_hash64(f->target, strlen(f->target)), slot->live->seq,
                        f->n_events > 0 ? event_id_hash(f->events[0].id) : 0};
    f->id = digest_hash64(parts, sizeof parts);
    buf_init(&out, PLAN_MAX);
    foretell_write(f, &out);
    e->stats.plans++;
    outbox_add(e, TOPIC_PLANS, slot->partition, (struct str){slot->key, slot->key_n}, &out);
}

static enum verdict_word verdict_of(const struct work *w, const struct target_state *t,
                                    const struct plan *plan)
{
    if (w->dryrun)
        return FORETOLD_CALLS;
    if (!w->target)
        return FORETOLD_REMOVED;
    if (plan->rejected)
        return FORETOLD_REFUSED;
    if (plan->denied)
        return FORETOLD_DENIED;
    if (plan->planned)
        return FORETOLD_PLANNED;
    if (work_is_protected(w, t, NULL))
        return FORETOLD_PROTECTED;
    return plan->ignored ? FORETOLD_IGNORED : FORETOLD_AGREED;
}

static const char *cause_of(const struct work *w, const struct target_state *t, size_t n_events)
{
    if (n_events > 0)
        return "event";
    if (t->provision_owed)
        return "provision";
    return t->swept_ms || w->slot->behind ? "policy" : "due";
}

/* ripe: the events that are answered by it come first. Nobody who asked for nothing is told that there is nothing to do. */
void dryrun_settle(struct engine *e, struct work *w, const struct target_state *t, const struct plan *plan,
                   size_t n_ripe, struct now now)
{
    enum verdict_word verdict = verdict_of(w, t, plan);
    bool idle = verdict != FORETOLD_CALLS && verdict != FORETOLD_REFUSED && verdict != FORETOLD_DENIED;
    if (n_ripe == 0 && !t->provision_owed && idle)
        return;
    struct foretold f = {.target = w->name,
                         .verdict = verdict,
                         .cause = cause_of(w, t, n_ripe),
                         .events = t->pending,
                         .n_events = n_ripe,
                         .desired = w->desired_valid ? &w->desired : NULL,
                         .known = w->dryrun ? w->dryrun->known : t->known,
                         .known_active = w->dryrun ? w->dryrun->known_active : t->known_active,
                         .account_id = t->link,
                         .foresight = w->dryrun ? &w->dryrun->foresight : NULL,
                         .guard = w->dryrun ? w->dryrun->guard : GUARD_SILENT,
                         .reason = plan->rejected,
                         .action = plan->action};
    publish(e, w->slot, &f, now);
}

void dryrun_tell_event(struct engine *e, const struct slot *slot, const char *target,
                       const struct pending *event, enum verdict_word verdict, const char *reason,
                       struct now now)
{
    struct foretold f = {.target = target,
                         .verdict = verdict,
                         .cause = "event",
                         .events = event,
                         .n_events = 1,
                         .reason = reason};
    publish(e, slot, &f, now);
}
