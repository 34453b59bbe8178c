/* teams.c - a person's teams at a target: from the names that the policy says to ids, and what to say of those that
 * cannot be found.
 *
 *      name ─► directory ─┬─ one team: its id; plan.c compares that with the account's own groups
 *                         ├─ none, and the listing is old: a newer one is wished for and awaited, all else goes on
 *                         └─ none, or several: refused under "teams.NAME", which the result shows
 *
 * A listing that has changed any team makes all be planned anew to whom something was refused, or whose policy says
 * something of teams: sweep.c.
 *
 * What a target refuses about a team that is there rests under "teams/ID". */
#include "engine_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "mem.h"

enum { MISSING_REASON_MAX = 512 };

/* ---- names and ids ------------------------------------------------------------------------------------- */

/* It is to go: who is in it stays, and nobody joins. */
static bool is_closed(const struct work *w, const struct wanted_team *team)
{
    return team->member && team->group && groups_retires(w->target->cfg, team->group);
}

void teams_resolve(struct work *w)
{
    struct directory *d = &w->target->directory;
    const struct attrs *said = &w->desired.teams;
    if (w->teams_valid && w->teams_version == d->version)
        return;
    free(w->teams);
    w->teams = xcalloc(said->n, sizeof *w->teams);
    w->n_teams = said->n;
    for (size_t i = 0; i < said->n; i++) {
        struct wanted_team *team = &w->teams[i];
        *team = (struct wanted_team){.name = said->v[i].name, .member = said->v[i].value};
        team->group = groups_name(w->target->cfg, team->name);
        if (team->group && !is_closed(w, team))
            directory_find(d, team->group, &team->id);
    }
    w->teams_version = d->version;
    w->teams_valid = true;
}

static const struct wanted_team *wanted(const struct work *w, const char *name)
{
    for (size_t i = 0; i < w->n_teams; i++)
        if (strcmp(w->teams[i].name, name) == 0)
            return &w->teams[i];
    return NULL;
}

static const struct wanted_team *wanted_by_id(const struct work *w, const char *id)
{
    for (size_t i = 0; i < w->n_teams; i++)
        if (w->teams[i].id && strcmp(w->teams[i].id, id) == 0)
            return &w->teams[i];
    return NULL;
}

/* ---- what was refused and is no question any more ------------------------------------------------------ */

/* A team that is there now, or is not wanted any more. */
static bool is_missing_over(const struct work *w, const struct refused *r)
{
    const struct wanted_team *team = wanted(w, r->what + strlen(REFUSED_TEAM));
    return !team || team->id || !team->member;
}

/* Nothing is said of the team any more, and no membership there is ours. */
static bool is_refusal_over(const struct work *w, const struct target_state *t, const struct refused *r)
{
    const char *id = r->what + strlen(REFUSED_MOVE);
    return !w->desired.leave_teams && !wanted_by_id(w, id) && !attrs_find(&t->made_teams, id);
}

/* A denial counts until the removal is not wanted any more. */
static bool is_denial_over(const struct work *w, const struct target_state *t, const struct refused *r)
{
    const char *id = r->what + strlen(REFUSED_DENIED "/"), *name_then = attrs_get(&t->made_teams, id);
    const struct wanted_team *team = wanted_by_id(w, id);
    if (team)
        return team->member;
    return !name_then || wanted(w, name_then);
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void forgive_what_is_over(struct engine *e, struct work *w, struct target_state *t)
{
    for (size_t i = t->n_refused; i-- > 0;) {
        const struct refused *r = &t->refused[i];
        bool over = (begins(r->what, REFUSED_TEAM) && is_missing_over(w, r)) ||
                    (begins(r->what, REFUSED_MOVE) && is_refusal_over(w, t, r)) ||
                    (begins(r->what, REFUSED_DENIED "/") && is_denial_over(w, t, r));
        if (!over)
            continue;
        target_state_forgive(t, r->what);
        slot_mark_dirty(e, w->slot);
    }
}

/* ---- what is missing ----------------------------------------------------------------------------------- */

static void refuse(struct engine *e, struct work *w, struct target_state *t, const char *what,
                   uint64_t fingerprint, const char *reason, struct now now)
{
    const struct refused *r = target_state_refused(t, what);
    if (r && r->fingerprint == fingerprint && strcmp(r->reason, reason) == 0)
        return;
    target_state_refuse(t, what, fingerprint, reason);
    target_state_failed(t, now.wall_ms);
    w->failed_ms = t->failed_ms;
    w->refused = true;
    e->stats.refused++;
    slot_mark_dirty(e, w->slot);
}

static void refuse_missing(struct engine *e, struct work *w, struct target_state *t,
                           const struct wanted_team *team, struct now now)
{
    struct directory *d = &w->target->directory;
    const char *id;
    char what[PLAN_TEAM_REFUSED_SIZE];
    const struct group_want *want = team->group ? directory_want(d, team->group) : NULL;
    char reason[MISSING_REASON_MAX] = "no team of this name (the security group's) is there: make it there "
                                      "or mend the policy; it is taken up then";
    if (!team->group)
        snprintf(reason, sizeof reason, "finding: teams.names gives the team of this name another one");
    else if (directory_find(d, team->group, &id) == TEAM_AMBIGUOUS)
        snprintf(reason, sizeof reason, "finding: several teams have this name: rename all but one there");
    else if (is_closed(w, team))
        snprintf(reason, sizeof reason,
                 "finding: the group is retired (teams.retired): nobody is put into it");
    else if (d->failed)
        snprintf(reason, sizeof reason, "the target's teams cannot be listed: %s", d->failed);
    else if (want && want->failed && groups_makes(w->target->cfg, team->group))
        snprintf(reason, sizeof reason, "the group cannot be made: %s", want->failed);
    else if (strcmp(team->group, team->name) != 0)
        snprintf(reason, sizeof reason,
                 "no team is called \"%.255s\" there, as teams.names has it: make or rename it, or mend "
                 "teams.names",
                 team->group);
    plan_team_missing(team->name, what);
    refuse(e, w, t, what, plan_value_fingerprint(team->name), reason, now);
}

/* Whether the listing in force is young enough to say that a team is not there. */
static bool is_recent(const struct work *w, struct now now)
{
    const struct directory *d = &w->target->directory;
    if (d->listed_ms == 0)
        return false;
    return d->listed_ms >= now.wall_ms - w->target->cfg->teams_missing_ms ||
           (w->teams_asked_ms && d->listed_ms >= w->teams_asked_ms);
}

/* The owner makes it, unless that has failed. */
static bool is_being_made(struct engine *e, struct work *w, const struct wanted_team *team)
{
    struct directory *d = &w->target->directory;
    const char *id;
    if (e->cfg.plan_only || !team->group || d->failed || !groups_makes(w->target->cfg, team->group) ||
        directory_find(d, team->group, &id) != TEAM_MISSING)
        return false;
    const struct group_want *want = directory_want(d, team->group);
    if (!want)
        groups_want(e, w->target, w->slot->partition, team->group);
    return !want || !want->failed;
}

static bool await(struct engine *e, struct work *w, struct now now)
{
    w->teams_asked_ms = w->teams_asked_ms ? w->teams_asked_ms : now.wall_ms;
    teams_wish(e, w->target, w->teams_asked_ms);
    return true;
}

/* The name under which a membership of ours is known follows the policy's: a team may be renamed there and here. */
static void follow_names(struct engine *e, struct work *w, struct target_state *t)
{
    for (size_t i = 0; i < w->n_teams; i++) {
        const struct wanted_team *team = &w->teams[i];
        const char *then = team->id ? attrs_get(&t->made_teams, team->id) : NULL;
        if (!team->member || !then || strcmp(then, team->name) == 0)
            continue;
        attrs_set(&t->made_teams, team->id, team->name);
        slot_mark_dirty(e, w->slot);
    }
}

/* Whoever is to hear what becomes of teams. */
static void note_named(struct engine *e, struct work *w, struct target_state *t)
{
    bool names = w->desired.has_teams && w->n_teams > 0;
    if (t->names_teams == names)
        return;
    t->names_teams = names;
    slot_mark_dirty(e, w->slot);
}

static bool is_in_closed(const struct work *w, const struct target_state *t, const struct wanted_team *team)
{
    const char *id;
    return is_closed(w, team) && directory_find(&w->target->directory, team->group, &id) == TEAM_FOUND &&
           target_state_membership(t, id) == MEMBER;
}

bool teams_note(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    bool awaited = false;
    teams_resolve(w);
    note_named(e, w, t);
    if (t->n_refused > 0)
        forgive_what_is_over(e, w, t);
    if (!w->desired.has_teams || w->n_teams == 0 || plan_wants_cut(&w->desired) ||
        work_is_protected(w, t, NULL))
        return false;
    follow_names(e, w, t);
    if (w->target->directory.listed_ms == 0)
        return await(e, w, now);
    for (size_t i = 0; i < w->n_teams; i++) {
        const struct wanted_team *team = &w->teams[i];
        if (!team->member || team->id || is_in_closed(w, t, team))
            continue;
        if (is_closed(w, team))
            refuse_missing(e, w, t, team, now);
        else if (!is_recent(w, now))
            awaited = await(e, w, now);
        else if (is_being_made(e, w, team))
            awaited = true;
        else
            refuse_missing(e, w, t, team, now);
    }
    return awaited;
}

/* ---- what is about to be done -------------------------------------------------------------------------- */

void teams_intend(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan)
{
    if (plan->step != STEP_JOIN || attrs_find(&t->made_teams, plan->team_id) ||
        t->made_teams.n >= PERSON_TEAMS_MAX || MUTATION(MUTATION_TEAM_MADE_LATE))
        return;
    attrs_set(&t->made_teams, plan->team_id, plan->team_name);
    w->slot->gen++; /* the call waits for its commit */
    slot_mark_dirty(e, w->slot);
}

void teams_forget_ended(struct work *w, struct target_state *t)
{
    struct attrs *made = &t->made_teams;
    if (t->doubt_until_ms || t->known != KNOWN_ACCOUNT || !t->known_active)
        return;
    teams_resolve(w);
    for (size_t i = made->n; i-- > 0;) {
        const char *id = made->v[i].name;
        const struct wanted_team *team = wanted_by_id(w, id);
        bool wanted_still = attrs_find(&w->joining, id) || (team && team->member);
        if (!wanted_still && target_state_membership(t, id) == MEMBER_NOT)
            attrs_remove(made, id);
    }
}

void teams_keep_last(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                     struct now now)
{
    char what[PLAN_TEAM_REFUSED_SIZE];
    plan_team_refused(plan->team_id, what);
    refuse(e, w, t, what, plan_team_fingerprint(w->slot->live, t, plan->team_id, false),
           "the account's last team, without which the target may remove the account: put it into another "
           "one first",
           now);
    target_state_refused_team(t, what, plan->team_name);
}

static void tell_staying(struct engine *e, struct work *w, struct target_state *t, const char *id,
                         const char *name, struct now now)
{
    char what[PLAN_TEAM_REFUSED_SIZE], reason[MISSING_REASON_MAX];
    snprintf(reason, sizeof reason, "not left before the cut: %s", w->farewell_why);
    plan_team_refused(id, what);
    if (attrs_find(&w->leaving, id) || plan_team_rests(w->slot->live, t, id, false))
        return;
    refuse(e, w, t, what, plan_team_fingerprint(w->slot->live, t, id, false), reason, now);
    target_state_refused_team(t, what, name);
}

void teams_tell_staying(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    for (size_t i = 0; i < t->known_teams.n; i++) {
        const struct attr *team = &t->known_teams.v[i];
        if (team->value)
            tell_staying(e, w, t, team->name, plan_team_name(t, team), now);
    }
    bool silent = w->teams_hidden && t->known == KNOWN_ACCOUNT && t->known_active;
    for (size_t i = 0; silent && i < t->made_teams.n; i++) {
        const struct attr *made = &t->made_teams.v[i];
        if (target_state_membership(t, made->name) == MEMBER_UNKNOWN)
            tell_staying(e, w, t, made->name, made->value ? made->value : made->name, now);
    }
}

void teams_stay(struct engine *e, struct work *w, struct target_state *t, const char *why, struct now now)
{
    if (w->farewell_why || MUTATION(MUTATION_FAREWELL_SKIPPED))
        return;
    w->farewell_why = xstrdup(why);
    teams_tell_staying(e, w, t, now);
}
