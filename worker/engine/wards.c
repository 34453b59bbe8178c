/* wards.c - the guard at work: whether a step that takes or gives access may be taken, is held, or was denied.
 *
 *      plan ─► guarded? ─no──────────────────────────────────────────► go on
 *               │ yes: admitted before, and wanted ever since ───────► go on
 *               │      room in the window: counted, admitted ────────► go on
 *               └───── no room: held ── a person approves: admitted ─► go on
 *                                    └─ a person denies: agreed to, until a newer word or an approval
 *
 * Held and denied is what is said, as a newer word asks anew; admitted and counted is what is done: however often a cut is
 * asked for before it is done, it is one.
 * A ward is one bucket of a tenant at a target. Its counts travel in the transaction that admits; an abort takes
 * both back. The record of the ward lives in the bucket's partition, beside the persons it protects. */
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"
#include "settle.h"

enum { DEED_TEXT_SIZE = 17 }; /* NUL included */

/* ---- where things are ---------------------------------------------------------------------------------- */

/* An account of this person was active, or is no more: what shares are taken of. */
void wards_note_active(struct engine *e, struct slot *slot, bool active)
{
    struct person_key key;
    if (slot->active == active)
        return;
    slot->active = active;
    slot_key(slot, &key);
    struct target_range targets = engine_targets_of(e, key.tenant, key.directory);
    for (size_t i = 0; i < targets.n; i++)
        lane_of(targets.v[i], slot)->ward.active += active ? 1 : (uint64_t)-1;
}

/* ---- decisions ----------------------------------------------------------------------------------------- */

static enum guarded guarded_by(const struct plan *plan)
{
    switch (plan->step) {
    case STEP_DEACTIVATE:
        return GUARD_DEACTIVATION;
    case STEP_DELETE:
        return GUARD_DELETION;
    case STEP_CREATE:
        return GUARD_CREATION;
    case STEP_UPDATE:
        return attrs_get(&plan->changes, "userType") ? GUARD_UPGRADE : GUARDED;
    case STEP_LEAVE:
        return GUARD_REMOVAL;
    default:
        return GUARDED;
    }
}

/* What is to be done; each licence and each team is a question of its own. */
static uint64_t deed(enum guarded what, const char *of)
{
    uint64_t parts[] = {(uint64_t)what + 1, plan_value_fingerprint(of)};
    return digest_hash64(parts, sizeof parts) | 1; /* never 0 */
}

static const char *licence_or_team(const struct plan *plan, enum guarded what)
{
    const char *licence = what == GUARD_UPGRADE ? attrs_get(&plan->changes, "userType") : NULL;
    return what == GUARD_REMOVAL ? plan->team_id : licence;
}

static uint64_t deed_of(const struct plan *plan, enum guarded what)
{
    return deed(what, licence_or_team(plan, what));
}

/* … and what was said that asks for it; an attribute that changes meanwhile makes no new question of it. Denials in records are of
 * this: made otherwise, it would ask anew about all of them, and do what there is room for. */
static uint64_t word(const struct person *p, enum guarded what, const char *of)
{
    uint64_t parts[] = {(uint64_t)what + 1, p->employment_stamp.event, p->suspension_stamp.event,
                        p->access_until_stamp.event, plan_value_fingerprint(of)};
    return digest_hash64(parts, sizeof parts) | 1;
}

static uint64_t word_of(const struct person *p, const struct plan *plan, enum guarded what)
{
    return word(p, what, licence_or_team(plan, what));
}

static void hold_id(const struct work *w, uint64_t asked, char out[GUARD_HOLD_SIZE])
{
    uint64_t parts[] = {w->slot->hash, digest_hash64(w->name, strlen(w->name)), asked};
    snprintf(out, GUARD_HOLD_SIZE, "%016llx", (unsigned long long)digest_hash64(parts, sizeof parts));
}

static void unhold(struct engine *e, struct work *w, struct target_state *t)
{
    if (!t->held_word)
        return;
    t->held_word = 0;
    t->held_since_ms = 0;
    free(t->held_team);
    t->held_team = NULL;
    slot_mark_dirty(e, w->slot);
}

static void undeny(struct engine *e, struct work *w, struct target_state *t)
{
    if (!target_state_refused(t, REFUSED_DENIED))
        return;
    target_state_forgive(t, REFUSED_DENIED);
    slot_mark_dirty(e, w->slot);
}

/* What is done after all is not told as denied. */
static void reconsider(struct engine *e, struct work *w, struct target_state *t, const char *denied)
{
    bool another = false;
    target_state_forgive(t, denied);
    for (size_t i = 0; i < t->n_refused; i++)
        another |= strncmp(t->refused[i].what, REFUSED_DENIED, strlen(REFUSED_DENIED)) == 0;
    if (!another)
        settle_not_denied(t);
    w->reconsidered = true;
    slot_mark_dirty(e, w->slot);
}

static void hold(struct engine *e, struct work *w, struct target_state *t, enum guarded what, uint64_t word,
                 const char *team, struct now now)
{
    t->held_word = word;
    hold_id(w, word, t->held_id);
    t->held_what = what;
    t->held_team = xstrdup_null(team);
    t->held_since_ms = now.wall_ms;
    slot_mark_dirty(e, w->slot);
    e->stats.held_total++;
}

static void deed_text(uint64_t deed, char out[DEED_TEXT_SIZE])
{
    snprintf(out, DEED_TEXT_SIZE, "%016llx", (unsigned long long)deed);
}

/* Removals are counted team by team, in whichever order they are tried again. */
static bool was_admitted(const struct target_state *t, const struct plan *plan, enum guarded what)
{
    char text[DEED_TEXT_SIZE];
    uint64_t wanted = deed_of(plan, what);
    deed_text(wanted, text);
    const char *removal = plan->step == STEP_LEAVE ? attrs_get(&t->admitted_moves, plan->team_id) : NULL;
    return t->admitted == wanted || (removal && strcmp(removal, text) == 0);
}

static void admit_removal(struct target_state *t, const char *team_id)
{
    char text[DEED_TEXT_SIZE];
    deed_text(deed(GUARD_REMOVAL, team_id), text);
    if (t->admitted_moves.n < PERSON_TEAMS_MAX)
        attrs_set(&t->admitted_moves, team_id, text);
}

/* The call waits until this is committed. */
static void admit(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                  enum guarded what)
{
    if (t->held_word == word_of(w->slot->live, plan, what))
        unhold(e, w, t);
    if (!plan->before_cut) /* the cut was admitted before, and is not counted again */
        t->admitted = deed_of(plan, what);
    if (plan->step == STEP_LEAVE)
        admit_removal(t, plan->team_id);
    w->slot->gen++;
    slot_mark_dirty(e, w->slot);
}

/* Who is wanted with access again is cut anew when that comes, and likewise the other way round. */
static void forget_deeds(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan)
{
    bool cut = t->admitted == deed(GUARD_DEACTIVATION, NULL) || t->admitted == deed(GUARD_DELETION, NULL);
    bool turned = t->admitted && cut != plan_wants_cut(&w->desired);
    bool joined = plan->step == STEP_JOIN && attrs_find(&t->admitted_moves, plan->team_id);
    if (turned)
        t->admitted = 0;
    if (joined)
        attrs_remove(&t->admitted_moves, plan->team_id);
    if (turned || joined)
        slot_mark_dirty(e, w->slot);
}

static void count(struct engine *e, struct ward *ward, const struct work *w, enum guarded what,
                  struct now now)
{
    if (MUTATION(MUTATION_GUARD_FORGETS))
        return;
    guard_count(&ward->guard, &w->target->cfg->guard, what, now.wall_ms);
    ward->partition = w->slot->partition;
    if (!ward->dirty) {
        ward->dirty = true;
        ward->dirty_next = e->wards_dirty;
        e->wards_dirty = ward;
    }
}

static uint32_t allowance(const struct ward *ward, const struct work *w, enum guarded what)
{
    return guard_allowance(&w->target->cfg->guard, what, w->target->n_lanes, ward->active);
}

static bool has_room(const struct ward *ward, const struct work *w, enum guarded what, struct now now)
{
    return guard_done(&ward->guard, &w->target->cfg->guard, what, now.wall_ms) < allowance(ward, w, what) ||
           MUTATION(MUTATION_GUARD_IGNORED);
}

/* A removal rests alone, and the others are asked about; anything else is the whole wish. */
static void deny(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan)
{
    char what[PLAN_TEAM_REFUSED_SIZE] = REFUSED_DENIED, reason[PERSON_REASON_MAX];
    uint64_t fingerprint = t->held_word;
    snprintf(reason, sizeof reason, "%s: held by the guard, then denied", guard_name(t->held_what));
    if (plan->step == STEP_LEAVE) {
        plan_team_denied(plan->team_id, what);
        fingerprint = plan_denial_fingerprint(w->slot->live, plan->team_id);
    }
    target_state_deny(t, what, fingerprint, reason, t->held_id, t->held_since_ms);
    settle_as_denied(w->slot->live, t);
    if (t->held_team)
        target_state_refused_team(t, what, t->held_team);
    unhold(e, w, t);
}

/* A person thinks better of it, and names it: an approval of all that is held means those who are held, and one that came before
 * all were denied is no second thought. */
static bool is_reconsidered(const struct engine *e, const struct work *w, const struct refused *denied)
{
    return denied->hold[0] &&
           control_decision(&e->control, denied->hold, w->name, INT64_MAX) == DECISION_APPROVE &&
           control_decision(&e->control, denied->hold, w->name, denied->held_since_ms) == DECISION_APPROVE;
}

void wards_reconsider(struct engine *e, struct work *w, struct target_state *t)
{
    static const char removal[] = REFUSED_DENIED "/";
    for (size_t i = t->n_refused; w->slot->denied && i-- > 0;) {
        const struct refused *r = &t->refused[i];
        if (strncmp(r->what, removal, strlen(removal)) != 0 || !is_reconsidered(e, w, r))
            continue;
        char what[PLAN_TEAM_REFUSED_SIZE];
        snprintf(what, sizeof what, "%s", r->what);
        admit_removal(t, what + strlen(removal));
        reconsider(e, w, t, what);
        w->slot->gen++;
    }
}

static enum admission approve(struct engine *e, struct work *w, struct target_state *t,
                              const struct plan *plan, enum guarded what)
{
    answer_forget_failures(w, t);         /* their deadline has passed meanwhile */
    w->fresh &= plan->step != STEP_LEAVE; /* and what is known of the teams may be days old */
    admit(e, w, t, plan, what);
    return ADMITTED;
}

/* What to do about a word that is held. */
static enum admission decide(struct engine *e, struct work *w, struct target_state *t,
                             const struct plan *plan, struct now now)
{
    switch (control_decision(&e->control, t->held_id, w->name, t->held_since_ms)) {
    case DECISION_APPROVE:
        return approve(e, w, t, plan, t->held_what);
    case DECISION_DENY:
        if (t->doubt_until_ms > now.wall_ms)
            break; /* nothing is final yet: asked again then */
        deny(e, w, t, plan);
        return DENIED;
    case DECISION_NONE:
        break;
    }
    return HELD;
}

/* A licence and a removal are asked about side by side, each for itself. */
static bool stands_beside(const struct target_state *t, enum guarded what)
{
    return (t->held_what == GUARD_UPGRADE && what == GUARD_REMOVAL) ||
           (t->held_what == GUARD_REMOVAL && what == GUARD_UPGRADE);
}

/* The word that asks for the licence which is yet to be given; 0: none is. */
static uint64_t word_of_licence(const struct work *w, const struct target_state *t, struct now now)
{
    struct plan_input in;
    work_plan_input(w, t, now, &in);
    const char *licence = plan_licence_due(&in);
    return licence ? word(in.person, GUARD_UPGRADE, licence) : 0;
}

enum admission wards_licence(const struct engine *e, const struct work *w, const struct target_state *t,
                             struct now now)
{
    const struct refused *denied = target_state_refused(t, REFUSED_DENIED);
    bool stands = denied && denied->fingerprint == word_of_licence(w, t, now) &&
                  allowance(&w->lane->ward, w, GUARD_UPGRADE) != UINT32_MAX && !is_reconsidered(e, w, denied);
    return stands ? AGREED : ADMITTED;
}

/* A cut that was denied, of an account that is known well enough: it is not read again and again for what is not done. */
static bool is_denied_cut(const struct engine *e, const struct work *w, const struct target_state *t)
{
    enum guarded what = w->desired.kind == DESIRE_ABSENT ? GUARD_DELETION : GUARD_DEACTIVATION;
    const struct refused *denied = target_state_refused(t, REFUSED_DENIED);
    return denied && plan_wants_cut(&w->desired) && t->known == KNOWN_ACCOUNT && t->link &&
           !t->doubt_until_ms && denied->fingerprint == word(w->slot->live, what, NULL) &&
           allowance(&w->lane->ward, w, what) != UINT32_MAX && !is_reconsidered(e, w, denied);
}

/* The step asks nothing of the guard, so what is wanted no more is held no more, nor denied. Of the licence the step alone says
 * nothing: what an account lacks may be sent in pieces, or after it was activated. Removals come after all else. */
static void end_questions(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                          uint64_t licence)
{
    const struct refused *denied = target_state_refused(t, REFUSED_DENIED);
    bool removal_may_come = t->held_what == GUARD_REMOVAL && plan->step != STEP_NONE;
    if (!removal_may_come && t->held_word != licence)
        unhold(e, w, t);
    if (denied && denied->fingerprint != licence)
        undeny(e, w, t);
}

/* What is asked for again stays the same hold: somebody may be about to decide about it by its id. Else it ends. */
static void keep_hold(struct engine *e, struct work *w, struct target_state *t, enum guarded what,
                      uint64_t word)
{
    bool whole = what != GUARD_UPGRADE && what != GUARD_REMOVAL; /* these are of a licence, of a team */
    if (!t->held_word || t->held_word == word || stands_beside(t, what))
        return;
    if (t->held_what != what || !whole) {
        unhold(e, w, t);
        return;
    }
    t->held_word = word;
    slot_mark_dirty(e, w->slot);
}

static enum admission admit_step(struct engine *e, struct work *w, struct target_state *t,
                                 const struct plan *plan, struct now now)
{
    enum guarded what = guarded_by(plan);
    struct ward *ward = &w->lane->ward;
    if (plan->step == STEP_LOOKUP && is_denied_cut(e, w, t))
        return AGREED;
    if (plan->step <= STEP_LOOKUP && plan->step != STEP_NONE)
        return ADMITTED; /* what is wanted turns out when something is known */
    if (what == GUARDED || allowance(ward, w, what) == UINT32_MAX) {
        end_questions(e, w, t, plan, what == GUARD_UPGRADE ? 0 : word_of_licence(w, t, now));
        return ADMITTED;
    }
    uint64_t asked = word_of(w->slot->live, plan, what);
    const struct refused *denied = target_state_refused(t, REFUSED_DENIED);
    if (denied && denied->fingerprint == asked && !is_reconsidered(e, w, denied))
        return AGREED;
    if (denied && denied->fingerprint == asked) {
        reconsider(e, w, t, REFUSED_DENIED);
        return approve(e, w, t, plan, what);
    }
    if (was_admitted(t, plan, what))
        return ADMITTED;
    keep_hold(e, w, t, what, asked);
    if (t->held_word == asked)
        return decide(e, w, t, plan, now);
    if (!has_room(ward, w, what, now)) {
        if (t->held_word)
            return HELD; /* one question at a time: this one follows when that one is answered */
        hold(e, w, t, what, asked, plan->team_name, now);
        return decide(e, w, t, plan, now); /* "all held before": decided already, perhaps */
    }
    count(e, ward, w, what, now);
    admit(e, w, t, plan, what);
    return ADMITTED;
}

/* Of a leaver, who is out of the teams before the cut: never held, for then the cut would wait. */
static enum admission admit_farewell(struct engine *e, struct work *w, struct target_state *t,
                                     const struct plan *plan, struct now now)
{
    struct ward *ward = &w->lane->ward;
    if (allowance(ward, w, GUARD_REMOVAL) == UINT32_MAX || was_admitted(t, plan, GUARD_REMOVAL))
        return ADMITTED;
    if (!has_room(ward, w, GUARD_REMOVAL, now))
        return PASSED_OVER;
    count(e, ward, w, GUARD_REMOVAL, now);
    admit(e, w, t, plan, GUARD_REMOVAL);
    return ADMITTED;
}

/* The account is gone, and what a person has to decide about its licence is so of the new one. */
static bool holds_licence(const struct work *w, const struct target_state *t, const struct attrs *changes)
{
    const char *licence = attrs_get(changes, "userType");
    return licence && t->held_word == word(w->slot->live, GUARD_UPGRADE, licence);
}

enum admission wards_admit(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                           struct now now)
{
    static const struct plan cut = {.step = STEP_DEACTIVATE};
    forget_deeds(e, w, t, plan);
    if (plan->step == STEP_CREATE && holds_licence(w, t, &plan->changes))
        return w->licence = HELD;
    if (!plan->before_cut)
        return admit_step(e, w, t, plan, now);
    enum admission admission =
        admit_step(e, w, t, &cut, now);     /* nobody leaves a team for a cut that is held */
    bool leaves = plan->step == STEP_LEAVE; /* not one that only reads the team */
    return admission == ADMITTED && leaves ? admit_farewell(e, w, t, plan, now) : admission;
}

/* What goes on beside a step that the guard holds, or that a person refused. True: that is to be planned.
 *
 *      creation                nothing: there is no account
 *      deactivation, deletion  nothing: whoever is to be cut gets nothing else, and leaves teams only for a cut that comes
 *      licence                 all else: it is planned again without userType, and the event waits for the decision
 *      removal from a team     all else comes before it; denied: the next removal */
bool wards_pass_by(struct work *w, const struct plan *plan, enum admission admission)
{
    bool anew = plan->step == STEP_CREATE && w->licence != ADMITTED && attrs_get(&plan->changes, "userType");
    bool licence = plan->step == STEP_UPDATE || anew, removal = plan->step == STEP_LEAVE && !plan->before_cut;
    if (licence)
        w->licence = admission;
    return (licence && !MUTATION(MUTATION_HELD_LICENCE_STOPS)) || (removal && admission == DENIED);
}

/* ---- records ------------------------------------------------------------------------------------------- */

/* "!guard/<target>/<bucket>": no tenant's name begins so. */
static void put_key(const struct engine *e, const struct ward *ward, struct buf *out)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        for (unsigned b = 0; b < e->targets[i].n_lanes; b++)
            if (&e->targets[i].lanes[b].ward == ward)
                buf_addf(out, WARD_KEY_PREFIX "%s/%u", e->targets[i].cfg->name, b);
}

/* Of a bucket or target that is not configured (any more): passed over. */
bool wards_restore(struct engine *e, int32_t partition, struct str key, struct str value, struct error *err)
{
    char name[RECORD_GUARD_KEY_MAX];
    struct guard guard;
    snprintf(name, sizeof name, "%.*s", (int)key.n, key.p);
    char *bucket = strrchr(name, '/');
    if (value.n == 0 || bucket < name + strlen(WARD_KEY_PREFIX))
        return true;
    *bucket++ = '\0';
    struct target *t = engine_target(e, name + strlen(WARD_KEY_PREFIX));
    unsigned long number = strtoul(bucket, NULL, 10);
    if (!guard_record_read(value, &guard, err))
        return false;
    if (!t || number >= t->n_lanes)
        return true;
    struct ward *ward = &t->lanes[number].ward;
    ward->guard = ward->committed = guard;
    ward->partition = partition;
    return true;
}

size_t wards_count_dirty(const struct engine *e)
{
    size_t n = 0;
    for (const struct ward *ward = e->wards_dirty; ward; ward = ward->dirty_next)
        n++;
    return n;
}

/* The next dirty one, as a record; NULL: none is left. */
struct ward *wards_batch_next(struct engine *e, struct out_record *r)
{
    struct ward *ward = e->wards_dirty;
    struct buf key, value;
    if (!ward)
        return NULL;
    e->wards_dirty = ward->dirty_next;
    ward->dirty = false;
    ward->batched = ward->guard;
    buf_init(&key, RECORD_GUARD_KEY_MAX);
    buf_init(&value, GUARD_RECORD_MAX);
    put_key(e, ward, &key);
    guard_record_write(&ward->guard, &value);
    *r = (struct out_record){.topic = TOPIC_PERSONS, .partition = ward->partition};
    r->key.n = key.n;
    r->key.p = buf_take(&key);
    r->value.n = value.n;
    r->value.p = buf_take(&value);
    return ward;
}

void ward_committed(struct ward *ward)
{
    ward->committed = ward->batched;
}

static void each_ward(struct engine *e, int32_t partition, void (*fn)(struct ward *ward))
{
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        for (unsigned b = 0; b < e->targets[i].n_lanes; b++) {
            struct ward *ward = &e->targets[i].lanes[b].ward;
            if (partition < 0 || ward->partition == partition)
                fn(ward);
        }
}

static void undo(struct ward *ward)
{
    ward->guard = ward->committed;
    ward->dirty = false;
}

void wards_undo(struct engine *e)
{
    e->wards_dirty = NULL;
    each_ward(e, -1, undo);
}

static void forget(struct ward *ward)
{
    *ward = (struct ward){.partition = -1, .active = ward->active};
}

void wards_drop(struct engine *e, int32_t partition)
{
    for (struct ward **at = &e->wards_dirty; *at;) {
        if ((*at)->partition == partition)
            *at = (*at)->dirty_next;
        else
            at = &(*at)->dirty_next;
    }
    each_ward(e, partition, forget);
}
