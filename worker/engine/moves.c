/* moves.c - what answers say about memberships: to a PATCH of a team, and in the account's own list of teams.
 *
 *      JOIN, LEAVE ─┬─ 2xx ──► joining, leaving ──► the account is read ─┬─ as wanted: done
 *                   │                                                   ├─ not yet: read again when it cannot be old news
 *                   │                                                   ├─ undone, perhaps, by a call that landed late: made again
 *                   │                                                   └─ not at all: refused
 *                   └─ else: of several persons in one call each is tried with half as many, until the culprit is alone */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "mem.h"

enum { TEAM_GONE_MAX = 2 };

/* ---- the answer to a move ------------------------------------------------------------------------------ */

void move_made(const struct answer *a)
{
    const struct flight *f = a->f;
    struct work *w = a->w;
    attrs_remove(&a->t->known_teams, f->team_id);
    attrs_remove(&w->teams_read, f->team_id);
    attrs_set(f->step == STEP_JOIN ? &w->joining : &w->leaving, f->team_id, f->team_name);
    w->all_teams &= f->step != STEP_JOIN;
    w->moves_until_ms = a->now.wall_ms + f->target->cfg->call_life_ms;
    attrs_remove(&w->doubted, f->team_id);
    if (a->t->doubt_until_ms)
        attrs_set(&w->doubted, f->team_id, NULL);
    target_state_note_move(a->t, f->team_id, f->step == STEP_JOIN, w->moves_until_ms);
}

bool move_split(const struct answer *a)
{
    if (a->f->n_riders <= 1 || MUTATION(MUTATION_TEAM_BLAMES_ALL))
        return false;
    a->w->batch_max = a->f->n_riders / 2;
    return true;
}

static void refuse(const struct answer *a, const char *id, const char *name, bool member, const char *reason)
{
    char what[PLAN_TEAM_REFUSED_SIZE];
    plan_team_refused(id, what);
    answer_refuse(a, what, plan_team_fingerprint(a->w->slot->live, a->t, id, member), reason);
    target_state_refused_team(a->t, what, name);
    a->w->refused = true;
    /* What cannot be read may be there all the same: it stays ours. */
    bool unread = a->f->step == STEP_TEAM && target_state_membership(a->t, id) == MEMBER_UNKNOWN;
    if (member && !a->t->doubt_until_ms && !unread)
        attrs_remove(&a->t->made_teams, id);
}

void move_refused(const struct answer *a, const char *reason)
{
    refuse(a, a->f->team_id, a->f->team_name, a->f->step == STEP_JOIN || a->f->joins, reason);
}

/* Of a leaver: what became of the team is told, and the cut comes next. */
bool move_ends_farewell(const struct answer *a, const char *reason)
{
    if (!a->f->before_cut)
        return false;
    teams_stay(a->e, a->w, a->t, reason, a->now);
    return true;
}

/* The team is not there any more, or the account is not: what either is like is asked for. */
void move_gone(const struct answer *a, const char *reason)
{
    teams_wish(a->e, a->f->target, a->now.wall_ms);
    target_state_set_known(a->t, KNOWN_UNKNOWN);
    a->w->fresh = false;
    if (++a->w->team_gone >= TEAM_GONE_MAX)
        move_refused(a, reason);
    else
        answer_fail(a, reason, 0);
}

void team_gone(const struct answer *a, const char *reason)
{
    const struct flight *f = a->f;
    teams_wish(a->e, f->target, a->now.wall_ms);
    attrs_set(&a->t->known_teams, f->team_id, NULL);
    attrs_set(&a->w->teams_read, f->team_id, "true");
    moves_verify(a);
    if (!f->joins || f->before_cut)
        return;
    if (++a->w->team_gone >= TEAM_GONE_MAX)
        move_refused(a, reason);
    else
        answer_fail(a, reason, 0);
}

/* ---- what the account says ----------------------------------------------------------------------------- */

/* A read that contradicts a move that was answered just now comes from before it, perhaps also when that was verified: by
 * another replica. */
static void doubt_contradiction(const struct answer *a, const char *id, bool member)
{
    struct target_state *t = a->t;
    const char *moved = attrs_get(&t->moved, id);
    bool others_write = a->e->cfg.plan_only; /* as with `switched` */
    if (!moved || step_writes(a->f->step) || others_write || a->f->started.wall_ms >= t->moved_until_ms)
        return;
    if (member != (strcmp(moved, MOVED_IN) == 0))
        answer_doubt_until(a, t->moved_until_ms);
}

static void know(const struct answer *a, const struct account *account, const char *id)
{
    bool member = attrs_find(&account->teams, id);
    attrs_set(&a->t->known_teams, id, member ? "true" : NULL);
    doubt_contradiction(a, id, member);
}

static void know_all(const struct answer *a, const struct account *account, const struct attrs *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        know(a, account, ids->v[i].name);
}

/* Of a leaver who leaves all teams: all that there are, by name, as many as a record may hold. */
static void know_to_leave(const struct answer *a, const struct account *account)
{
    for (size_t i = 0; i < account->teams.n && a->t->known_teams.n < PERSON_TEAMS_MAX; i++) {
        const struct attr *team = &account->teams.v[i];
        attrs_set(&a->t->known_teams, team->name, team->value ? team->value : "true");
        doubt_contradiction(a, team->name, true);
    }
}

void moves_know(const struct answer *a, const struct account *account)
{
    struct work *w = a->w;
    bool asked_alone = a->f->step == STEP_LOOKUP && !a->f->by_match; /* a list may leave them out */
    bool tells = asked_alone || account->says_teams;
    w->all_teams = tells && w->desired.leave_teams;
    if (!tells)
        return;
    w->teams_hidden = !account->says_teams && a->f->target->profile->teams_tell;
    attrs_done(&w->teams_read);
    if (w->teams_hidden)
        return;
    a->t->known_groups = (uint32_t)account->teams.n;
    if (w->desired.leave_teams) {
        know_all(a, account, &w->leaving);
        know_to_leave(a, account);
    }
    if (!w->desired.has_teams)
        return;
    teams_resolve(w);
    for (size_t i = 0; i < w->n_teams; i++)
        if (w->teams[i].id)
            know(a, account, w->teams[i].id);
    know_all(a, account, MUTATION(MUTATION_TEAM_LEFT_UNMADE) ? &account->teams : &a->t->made_teams);
    know_all(a, account, &w->joining);
    know_all(a, account, &w->leaving);
}

static void done(const struct answer *a, enum step step, const char *id, const char *name)
{
    char what[PLAN_TEAM_REFUSED_SIZE];
    bool joined = step == STEP_JOIN;
    plan_team_refused(id, what);
    target_state_forgive(a->t, what);
    answer_change(a, "teams", joined ? NULL : name, joined ? name : NULL);
    answer_effective_move(a, step, id);
    a->w->batch_max = 0;
    if (joined && MUTATION(MUTATION_TEAM_MADE_LATE))
        attrs_set(&a->t->made_teams, id, name);
    if (!joined && !a->t->known_active) /* nothing else will look at it again */
        attrs_remove(&a->t->made_teams, id);
}

/* A team that shows no members hides them, or has none: then a move that was answered with success counts, and else what
 * was known before. */
static enum team_state hidden_membership(const struct answer *a, const char *id)
{
    if (attrs_find(&a->w->joining, id))
        return MEMBER;
    if (a->f->target->can.members || attrs_find(&a->w->leaving, id))
        return MEMBER_NOT;
    return target_state_membership(a->t, id) == MEMBER ? MEMBER : MEMBER_NOT;
}

/* For the case that it is to be put back. The reason why it must not be, NULL: it may: put back without the members that it
 * hides it would have none, and without ETags two of us would undo each other. */
static const char *keep_team(const struct answer *a, enum team_shows shows)
{
    const struct flight *f = a->f;
    work_drop_team(a->w);
    if (f->target->can.patch)
        return NULL;
    whole_take(&a->w->was_team, a->reply->body, f->target->can.etag, a->reply->etag);
    a->w->team_at_hand = xstrdup(f->team_id);
    if (shows == TEAM_SHOWS_NOBODY && !f->target->can.members)
        return "the target has no PATCH and does not show the team's members: its teams cannot be changed "
               "(capabilities.members: on, if a team without members looks so)";
    return a->w->was_team.etag ? NULL
                               : "the target has neither PATCH nor ETags: its teams cannot be changed safely";
}

void team_read(const struct answer *a)
{
    const struct flight *f = a->f;
    enum team_shows shows;
    if (!a->t->link || !scim_parse_team(a->reply->body, a->t->link, &shows)) {
        answer_fail(a, "the answer is not a SCIM Group", 0);
        return;
    }
    enum team_state is = shows == TEAM_SHOWS_NOBODY   ? hidden_membership(a, f->team_id)
                         : shows == TEAM_SHOWS_MEMBER ? MEMBER
                                                      : MEMBER_NOT;
    const char *fixed = keep_team(a, shows);
    attrs_set(&a->t->known_teams, f->team_id, is == MEMBER ? "true" : NULL);
    if (shows != TEAM_SHOWS_NOBODY)
        doubt_contradiction(a, f->team_id, is == MEMBER);
    attrs_set(&a->w->teams_read, f->team_id, "true");
    moves_verify(a);
    bool wants_change = f->joins ? is == MEMBER_NOT : is == MEMBER;
    if (fixed && wants_change)
        move_refused(a, fixed);
}

static void verify(const struct answer *a, enum step step, struct attrs *moves)
{
    bool old_news = a->f->started.wall_ms < a->w->moves_until_ms;
    for (size_t i = moves->n; i-- > 0;) {
        char *id = xstrdup(moves->v[i].name), *name = xstrdup(moves->v[i].value);
        enum team_state is = target_state_membership(a->t, id);
        bool as_wanted = is == (step == STEP_JOIN ? MEMBER : MEMBER_NOT);
        bool unread = a->w->teams_hidden && !attrs_find(&a->w->teams_read, id);
        if (unread) {
            ; /* the team is asked next */
        } else if (is != MEMBER_UNKNOWN && !as_wanted && old_news) {
            answer_doubt_until(a, a->w->moves_until_ms);
        } else {
            attrs_remove(moves, id);
            if (as_wanted)
                done(a, step, id, name);
            else if (is != MEMBER_UNKNOWN && !attrs_find(&a->w->doubted, id))
                refuse(a, id, name, step == STEP_JOIN, "the target answered with success and did nothing");
        }
        free(id);
        free(name);
    }
}

/* Whoever is cut has joined nothing, and has left what no answer contradicts. */
static void verify_farewell(const struct answer *a)
{
    struct attrs left = a->w->leaving;
    a->w->leaving = (struct attrs){0};
    attrs_done(&a->w->joining);
    for (size_t i = 0; i < left.n; i++) {
        const char *id = left.v[i].name, *name = left.v[i].value;
        if (target_state_membership(a->t, id) == MEMBER)
            refuse(a, id, name, false, "the target answered with success and did nothing");
        else
            done(a, STEP_LEAVE, id, name);
    }
    attrs_done(&left);
}

void moves_verify(const struct answer *a)
{
    if (!a->t->known_active)
        verify_farewell(a);
    verify(a, STEP_JOIN, &a->w->joining);
    verify(a, STEP_LEAVE, &a->w->leaving);
    if (a->w->joining.n + a->w->leaving.n == 0)
        attrs_done(&a->w->doubted);
    if (a->w->desired.has_teams)
        teams_forget_ended(a->w, a->t);
}
