#include "plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "digest.h"
#include "mem.h"
#include "mutation.h"

void plan_done(struct plan *p)
{
    attrs_done(&p->changes);
}

bool plan_wants_cut(const struct desired *d)
{
    return d->kind == DESIRE_ABSENT || (d->kind == DESIRE_ACCOUNT && d->active == ACTIVE_OFF);
}

/* ---- fingerprints -------------------------------------------------------------------------------------- */

uint64_t plan_value_fingerprint(const char *value)
{
    return value ? digest_hash64(value, strlen(value)) : 1;
}

uint64_t plan_fingerprint(const struct person *p, const struct desired *d)
{
    uint64_t wish = (uint64_t)d->kind << 8 | (uint64_t)d->active | (uint64_t)d->leave_teams << 16;
    uint64_t parts[4] = {wish, p->employment_stamp.event, p->suspension_stamp.event, 0};
    for (size_t i = 0; i < d->attrs.n; i++) {
        uint64_t pair[3] = {parts[3], plan_value_fingerprint(d->attrs.v[i].name),
                            plan_value_fingerprint(d->attrs.v[i].value)};
        parts[3] = digest_hash64(pair, sizeof pair);
    }
    for (size_t i = 0; i < d->teams.n; i++) {
        uint64_t pair[3] = {parts[3], plan_value_fingerprint(d->teams.v[i].name),
                            d->teams.v[i].value != NULL};
        parts[3] = digest_hash64(pair, sizeof pair);
    }
    return digest_hash64(parts, sizeof parts);
}

static uint64_t membership_fingerprint(const struct person *p, const char *id, bool member, bool last)
{
    uint64_t parts[] = {plan_value_fingerprint(id), member, last, p->employment_stamp.event,
                        p->suspension_stamp.event};
    return digest_hash64(parts, sizeof parts);
}

uint64_t plan_team_fingerprint(const struct person *p, const struct target_state *t, const char *id,
                               bool member)
{
    bool last = !member && t->known_groups <= 1; /* one more makes a new question of it */
    return membership_fingerprint(p, id, member, last);
}

uint64_t plan_denial_fingerprint(const struct person *p, const char *id)
{
    return membership_fingerprint(p, id, false, false);
}

void plan_team_missing(const char *name, char out[PLAN_TEAM_REFUSED_SIZE])
{
    snprintf(out, PLAN_TEAM_REFUSED_SIZE, REFUSED_TEAM "%s", name);
}

void plan_team_refused(const char *id, char out[PLAN_TEAM_REFUSED_SIZE])
{
    snprintf(out, PLAN_TEAM_REFUSED_SIZE, REFUSED_MOVE "%s", id);
}

void plan_team_denied(const char *id, char out[PLAN_TEAM_REFUSED_SIZE])
{
    snprintf(out, PLAN_TEAM_REFUSED_SIZE, REFUSED_DENIED "/%s", id);
}

const char *plan_refused_name(enum step step)
{
    switch (step) {
    case STEP_CREATE:
        return REFUSED_CREATE;
    case STEP_ACTIVATE:
        return REFUSED_ACTIVATE;
    case STEP_DEACTIVATE:
    case STEP_DELETE:
        return REFUSED_CUT;
    default:
        return NULL;
    }
}

/* Whether the step called `what` rests; then the plan ends here, rejected. */
static bool rests(const struct plan_input *in, const char *what, struct plan *ret)
{
    const struct refused *r = target_state_refused(in->state, what);
    if (!r || r->fingerprint != plan_fingerprint(in->person, in->desired) ||
        MUTATION(MUTATION_REFUSED_REPEATED))
        return false;
    ret->step = STEP_NONE;
    ret->rejected = r->reason;
    ret->action = advice_for(in->profile, what, r->reason);
    return true;
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

static void plan_lookup(const struct plan_input *in, struct plan *ret)
{
    struct search_wish wish;
    ret->step = STEP_LOOKUP;
    if (in->state->link)
        return;
    plan_search(in, &wish);
    if (wish.n > 0) {
        bool asks = search_next(in->search, &wish, &ret->find);
        assert(asks); /* a search that is over is forgotten */
        (void)asks;
        return;
    }
    ret->step = STEP_NONE;
    ret->rejected = "the person has no value of the attribute that identifies an account at this target";
    ret->action = "send an event with that attribute (userName by default)";
}

/* Without PATCH the account is put back as it was read just now. */
static void plan_write(const struct plan_input *in, enum step step, struct plan *ret)
{
    ret->step = step;
    if (in->can->patch || (in->fresh && in->account->body) || MUTATION(MUTATION_PUT_STALE))
        return;
    attrs_done(&ret->changes);
    plan_lookup(in, ret);
}

/* Converged, unless a call may still land. */
static void plan_rest(const struct plan_input *in, struct plan *ret)
{
    ret->step = in->state->doubt_until_ms ? STEP_WAIT : STEP_NONE;
}

/* This value of the attribute rests: the target has refused it, or it is not sent. */
static bool rests_attribute(const struct plan_input *in, const char *name, const char *value)
{
    const struct refused *r = target_state_refused(in->state, name);
    return r && r->fingerprint == plan_value_fingerprint(value) && !MUTATION(MUTATION_REFUSED_REPEATED);
}

static bool is_read_only(const struct plan_input *in, const char *name)
{
    return profile_read_only(in->profile, name) || !capabilities_write(in->can, name);
}

static bool identifies(const struct plan_input *in, const char *name)
{
    return strcmp(name, in->match) == 0 || strcmp(name, "userName") == 0;
}

/* What a create says: what has a value and does not rest. */
static void put_created(const struct plan_input *in, struct attrs *changes)
{
    const struct attrs *want = &in->desired->attrs;
    for (size_t i = 0; i < want->n; i++) {
        const char *name = want->v[i].name, *value = want->v[i].value;
        bool aside = in->without_licence && strcmp(name, "userType") == 0;
        bool kept = identifies(in, name) ||
                    (!in->bare && !aside && !is_read_only(in, name) && !rests_attribute(in, name, value));
        if (value && *value && kept)
            attrs_set(changes, name, value);
    }
}

static void plan_absent(const struct plan_input *in, struct plan *ret)
{
    const struct desired *d = in->desired;
    if (d->kind != DESIRE_ACCOUNT || d->active != ACTIVE_ON) {
        plan_rest(in, ret);
        return;
    }
    if (rests(in, REFUSED_CREATE, ret))
        return;
    ret->step = STEP_CREATE;
    put_created(in, &ret->changes);
    if (in->state->create_as)
        attrs_set(&ret->changes, in->match, in->state->create_as);
}

/* ---- teams --------------------------------------------------------------------------------------------- */

static enum team_state membership(const struct plan_input *in, const char *id)
{
    bool unread = in->teams_hidden && !attrs_find(in->teams_read, id);
    return unread ? MEMBER_UNKNOWN : target_state_membership(in->state, id);
}

bool plan_team_rests(const struct person *p, const struct target_state *t, const char *id, bool member)
{
    char refused[PLAN_TEAM_REFUSED_SIZE], denied[PLAN_TEAM_REFUSED_SIZE];
    plan_team_refused(id, refused);
    plan_team_denied(id, denied);
    const struct refused *r = target_state_refused(t, refused),
                         *d = member ? NULL : target_state_refused(t, denied);
    return (r && r->fingerprint == plan_team_fingerprint(p, t, id, member) &&
            !MUTATION(MUTATION_REFUSED_REPEATED)) ||
           (d && d->fingerprint == plan_denial_fingerprint(p, id));
}

static bool rests_team(const struct plan_input *in, const char *id, bool member)
{
    return plan_team_rests(in->person, in->state, id, member);
}

static void plan_move(enum step step, const char *name, const char *id, struct plan *ret)
{
    ret->step = step;
    ret->team_name = name;
    ret->team_id = id;
}

const char *plan_team_name(const struct target_state *t, const struct attr *team)
{
    const char *made = attrs_get(&t->made_teams, team->name);
    if (strcmp(team->value, "true") != 0)
        return team->value;
    return made ? made : team->name;
}

static void plan_read_team(const struct plan_input *in, const char *id, struct plan *ret)
{
    *ret =
        (struct plan){.step = STEP_TEAM, .team_id = id, .team_name = attrs_get(&in->state->made_teams, id)};
    for (size_t i = 0; i < in->n_teams; i++)
        if (in->teams[i].id && strcmp(in->teams[i].id, id) == 0) {
            ret->team_name = in->teams[i].name;
            ret->joins = in->teams[i].member;
        }
    ret->team_name = ret->team_name ? ret->team_name : "";
}

/* Without PATCH the team is put back as it was read just now. */
static bool is_at_hand(const struct plan_input *in, const char *team)
{
    return in->can->patch || MUTATION(MUTATION_PUT_STALE) ||
           (in->team_id && in->team->body && strcmp(in->team_id, team) == 0);
}

/* Where the account does not say in which teams it is, a leaver leaves those that we know of: what we have made. */
static bool plan_read_made(const struct plan_input *in, struct plan *ret)
{
    const struct attrs *made = &in->state->made_teams;
    for (size_t i = 0; in->teams_hidden && i < made->n; i++) {
        const char *id = made->v[i].name;
        if (membership(in, id) != MEMBER_UNKNOWN || attrs_find(in->leaving, id) || rests_team(in, id, false))
            continue;
        plan_read_team(in, id, ret);
        ret->before_cut = true;
        return true;
    }
    return false;
}

/* A leaver leaves all teams, also the last one, for there is nothing to keep. False: there is none to leave (any more). */
static bool plan_farewell(const struct plan_input *in, struct plan *ret)
{
    const struct target_state *t = in->state;
    if (!in->desired->leave_teams || !in->farewell || t->attempts > 0 || MUTATION(MUTATION_FAREWELL_SKIPPED))
        return false;
    if (!in->fresh || !in->all_teams) {
        plan_lookup(in, ret);
        return true;
    }
    if (plan_read_made(in, ret))
        return true;
    for (size_t i = 0; i < t->known_teams.n; i++) {
        const struct attr *team = &t->known_teams.v[i];
        if (!team->value || attrs_find(in->leaving, team->name) || rests_team(in, team->name, false))
            continue;
        if (is_at_hand(in, team->name))
            plan_move(STEP_LEAVE, plan_team_name(t, team), team->name, ret);
        else
            plan_read_team(in, team->name, ret);
        ret->team_name = plan_team_name(t, team);
        ret->before_cut = true;
        return true;
    }
    return false;
}

static void plan_cut(const struct plan_input *in, struct plan *ret)
{
    const struct target_state *t = in->state;
    bool purge = in->desired->kind == DESIRE_ABSENT;
    if (!purge && !t->known_active) {
        bool unnamed =
            t->link && in->desired->leave_teams && in->fresh && !in->all_teams && t->known_groups > 0;
        if (unnamed) /* which teams these are was not asked for when it was read, and is to be told */
            plan_lookup(in, ret);
        else
            plan_rest(in, ret);
        return;
    }
    if (rests(in, REFUSED_CUT, ret) || (!t->link && rests(in, REFUSED_ADOPT, ret)))
        return;
    if (!t->link || (purge && !in->fresh))
        plan_lookup(in, ret);
    else if (purge)
        ret->step = STEP_DELETE;
    else if (!plan_farewell(in, ret))
        plan_write(in, STEP_DEACTIVATE, ret);
}

/* It was written, and is to be seen when a read cannot be older than that any more. */
static bool is_awaited(const struct plan_input *in, const char *name, const char *value)
{
    const struct attr *written = in->written ? attrs_find(in->written, name) : NULL;
    return written && in->written_step == STEP_UPDATE && scim_values_equal(name, written->value, value);
}

/* Whether the attribute is to be changed to value; false in *ret_known: nothing is known of it. */
static void compare(const struct plan_input *in, const char *name, const char *value, bool *ret_known,
                    struct attrs *changes)
{
    bool renames_in_doubt = in->state->doubt_until_ms && strcmp(name, in->match) == 0;
    bool aside = in->without_licence && strcmp(name, "userType") == 0;
    if (aside || is_read_only(in, name) || renames_in_doubt || rests_attribute(in, name, value))
        return;
    const struct attr *known = attrs_find(&in->state->known_attrs, name);
    *ret_known &= known != NULL;
    if (known && !scim_values_equal(name, known->value, value) && !is_awaited(in, name, value))
        attrs_set(changes, name, value && *value ? value : NULL);
}

const char *plan_licence_due(const struct plan_input *in)
{
    static const char name[] = "userType";
    const struct desired *d = in->desired;
    const struct attr *known = attrs_find(&in->state->known_attrs, name);
    const char *value = attrs_get(&d->attrs, name);
    if (d->kind != DESIRE_ACCOUNT || plan_wants_cut(d) || !value || !*value || is_read_only(in, name) ||
        rests_attribute(in, name, value) || is_awaited(in, name, value))
        return NULL;
    return known && scim_values_equal(name, known->value, value) ? NULL : value;
}

/* Rights are given and taken by what was looked at just now, as memberships are. */
static bool changes_rights(const struct attrs *changes)
{
    for (size_t i = 0; i < changes->n; i++)
        if (attr_role(changes->v[i].name))
            return true;
    return false;
}

/* What to change of an active account; false: something is not known of it, or not well enough. */
static bool differences(const struct plan_input *in, struct attrs *changes)
{
    const struct attrs *want = &in->desired->attrs, *made = &in->state->made_roles;
    bool known = true;
    for (size_t i = 0; i < want->n; i++)
        compare(in, want->v[i].name, want->v[i].value, &known, changes);
    for (size_t i = 0; in->desired->has_roles && i < made->n; i++)
        if (!attrs_find(want, made->v[i].name))
            compare(in, made->v[i].name, NULL, &known, changes);
    if (known && (in->fresh || !changes_rights(changes)))
        return true;
    attrs_done(changes);
    return false;
}

/* ---- joining and leaving ------------------------------------------------------------------------------- */

static bool plan_join(const struct plan_input *in, struct plan *ret)
{
    for (size_t i = 0; i < in->n_teams; i++) {
        const struct wanted_team *team = &in->teams[i];
        if (!team->member || !team->id || membership(in, team->id) != MEMBER_NOT ||
            attrs_find(in->joining, team->id) || rests_team(in, team->id, true))
            continue;
        plan_move(STEP_JOIN, team->name, team->id, ret);
        return true;
    }
    return false;
}

/* By the team's present name, or the one that it had when the membership was made: who renames a team turns nobody out. */
static bool still_wanted(const struct plan_input *in, const char *id, const char *name_then)
{
    for (size_t i = 0; i < in->n_teams; i++)
        if (in->teams[i].member && ((in->teams[i].id && strcmp(in->teams[i].id, id) == 0) ||
                                    strcmp(in->teams[i].name, name_then) == 0))
            return true;
    return false;
}

static bool is_to_leave(const struct plan_input *in, const char *id)
{
    return membership(in, id) == MEMBER && !attrs_find(in->leaving, id) && !rests_team(in, id, false);
}

/* What is held goes on being asked about, and what was admitted is done, whatever comes before it by now. */
enum leave_turn { LEAVE_HELD, LEAVE_ADMITTED, LEAVE_ANY, LEAVE_TURNS };

static bool is_turn_of(const struct plan_input *in, enum leave_turn turn, const char *id, const char *name)
{
    const struct target_state *t = in->state;
    if (turn == LEAVE_HELD)
        return t->held_word && t->held_what == GUARD_REMOVAL && t->held_team &&
               strcmp(t->held_team, name) == 0;
    return turn == LEAVE_ANY || attrs_find(&t->admitted_moves, id);
}

static bool plan_leave_in_turn(const struct plan_input *in, enum leave_turn turn, struct plan *ret)
{
    const struct attrs *made =
        MUTATION(MUTATION_TEAM_LEFT_UNMADE) ? &in->state->known_teams : &in->state->made_teams;
    for (size_t i = 0; i < in->n_teams; i++) {
        const struct wanted_team *team = &in->teams[i];
        if (team->member || !team->id || !is_to_leave(in, team->id) ||
            !is_turn_of(in, turn, team->id, team->name))
            continue;
        plan_move(STEP_LEAVE, team->name, team->id, ret);
        return true;
    }
    for (size_t i = 0; i < made->n; i++) {
        const char *id = made->v[i].name, *name = made->v[i].value ? made->v[i].value : "";
        if (still_wanted(in, id, name) || !is_to_leave(in, id) || !is_turn_of(in, turn, id, name))
            continue;
        plan_move(STEP_LEAVE, name, id, ret);
        return true;
    }
    return false;
}

static bool plan_leave(const struct plan_input *in, struct plan *ret)
{
    ret->last_team = in->profile->keeps_last_team && !in->leaves_last && in->state->known_groups <= 1;
    for (enum leave_turn turn = LEAVE_HELD; turn < LEAVE_TURNS; turn++)
        if (plan_leave_in_turn(in, turn, ret))
            return true;
    return false;
}

/* Not known, and the target has not refused to tell. */
static bool is_to_ask(const struct plan_input *in, const char *id)
{
    bool joins = false;
    for (size_t i = 0; i < in->n_teams; i++)
        joins |= in->teams[i].member && in->teams[i].id && strcmp(in->teams[i].id, id) == 0;
    return membership(in, id) == MEMBER_UNKNOWN && !rests_team(in, id, joins);
}

/* One of which something that matters is not known: a move was answered, or the policy or the teams have changed since
 * the read. */
static const char *unknown_team(const struct plan_input *in)
{
    for (size_t i = 0; i < in->n_teams; i++)
        if (in->teams[i].id && is_to_ask(in, in->teams[i].id))
            return in->teams[i].id;
    for (size_t i = 0; i < in->state->made_teams.n; i++)
        if (is_to_ask(in, in->state->made_teams.v[i].name))
            return in->state->made_teams.v[i].name;
    return NULL;
}

/* Moved is only what was looked at just now: what we know may be years old, and what others made meanwhile is not ours.
 * False: nothing is to be done. */
static bool plan_teams(const struct plan_input *in, struct plan *ret)
{
    /* Those that wait to be verified do so before anything is left. */
    bool moves = plan_join(in, ret);
    const char *unknown = unknown_team(in);
    if (!moves && !unknown && in->joining->n == 0 && in->leaving->n == 0)
        moves = plan_leave(in, ret);
    if ((moves && !in->fresh) || (!moves && unknown && (!in->fresh || !in->teams_hidden))) {
        *ret = (struct plan){.step = STEP_NONE};
        plan_lookup(in, ret);
        return true;
    }
    if (!moves && unknown)
        plan_read_team(in, unknown, ret);
    else if (moves && !is_at_hand(in, ret->team_id))
        plan_read_team(in, ret->team_id, ret);
    return moves || unknown;
}

static void plan_account(const struct plan_input *in, struct plan *ret)
{
    const struct target_state *t = in->state;
    if (!t->link) {
        if (!rests(in, REFUSED_ADOPT, ret))
            plan_lookup(in, ret);
        return;
    }
    if (!t->known_active) {
        bool awaited = in->written && in->written_step == STEP_ACTIVATE;
        if (in->desired->active != ACTIVE_ON || awaited)
            plan_rest(in, ret);
        else if (!rests(in, REFUSED_ACTIVATE, ret))
            plan_write(in, STEP_ACTIVATE, ret);
        return;
    }
    if (!differences(in, &ret->changes))
        plan_lookup(in, ret);
    else if (ret->changes.n > 0)
        plan_write(in, STEP_UPDATE, ret);
    else if (!in->desired->has_teams || !plan_teams(in, ret))
        plan_rest(in, ret);
}

/* The policy wants nothing; what we may have done ourselves before is cleared up all the same. */
static void plan_nothing(const struct plan_input *in, struct plan *ret)
{
    const struct target_state *t = in->state;
    plan_rest(in, ret);
    bool doubt_over = t->doubt_until_ms && in->now_ms >= t->doubt_until_ms;
    bool maybe_created = t->create_as && t->known == KNOWN_UNKNOWN;
    if ((doubt_over || maybe_created) && t->missing_until_ms > in->now_ms)
        ret->step = STEP_WAIT;
    else if (doubt_over || maybe_created)
        plan_lookup(in, ret);
    ret->ignored = ret->step == STEP_NONE;
    ret->rejected = ret->action = NULL;
}

static void plan_freely(const struct plan_input *in, struct plan *ret)
{
    const struct target_state *t = in->state;
    *ret = (struct plan){.step = STEP_NONE};
    enum known_kind known = t->known;
    if (MUTATION(MUTATION_UNKNOWN_IS_ABSENT) && known == KNOWN_UNKNOWN)
        known = KNOWN_ABSENT;
    bool doubt_over =
        t->doubt_until_ms && in->now_ms >= t->doubt_until_ms && !MUTATION(MUTATION_DOUBT_NOT_REREAD);
    if (in->desired->kind == DESIRE_NOTHING)
        plan_nothing(in, ret);
    else if (t->missing_until_ms > in->now_ms)
        ret->step = STEP_WAIT;
    else if (known == KNOWN_UNKNOWN || doubt_over)
        plan_lookup(in, ret);
    else if (known == KNOWN_ABSENT)
        plan_absent(in, ret);
    else if (plan_wants_cut(in->desired))
        plan_cut(in, ret);
    else
        plan_account(in, ret);
}

/* A dry run ends there until something else is wanted. */
static bool was_told(const struct plan_input *in, struct plan *ret)
{
    struct plan rest = {.step = STEP_NONE};
    if (ret->step == STEP_NONE || in->state->doubt_until_ms || !rests(in, REFUSED_PLANNED, &rest))
        return false;
    plan_done(ret);
    *ret = (struct plan){.step = STEP_NONE, .planned = true};
    return true;
}

void plan_make(const struct plan_input *in, struct plan *ret)
{
    plan_freely(in, ret);
    if (was_told(in, ret))
        return;
    struct plan given_up = {.step = STEP_NONE};
    if (ret->step == STEP_NONE || ret->step == STEP_WAIT || !rests(in, REFUSED_DEADLINE, &given_up))
        return;
    /* Past its deadline: nothing is written any more, and read only to end a doubt. */
    int64_t doubt = in->state->doubt_until_ms;
    if (doubt && in->now_ms >= doubt && ret->step == STEP_LOOKUP)
        return;
    plan_done(ret);
    *ret = given_up;
    if (doubt) {
        ret->step = STEP_WAIT;
        ret->rejected = ret->action = NULL;
    }
}
