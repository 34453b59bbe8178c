/* plan.h - desired − known = the next step. Pure; no state of its own.
 *
 *
 * Order within a plan: read what is unknown → cut access → give access → attributes → join teams → leave teams. A leaver who
 * is to leave all teams first does so if that works at once (plan_input.farewell); the cut never waits for it.
 * Attributes of an inactive account are frozen (Miro, D-USERS), so they wait for access; a team's Add would give it
 * access again, so it is never sent for an inactive account. Nobody leaves a team before those to join are seen to be
 * joined: boards of somebody without a team go to others. What a target refused rests until its
 * fingerprint changes; a refused step rests alone, a refused attribute leaves the others to go on.
 *
 * A create that may be under way occupies a name. Until that is cleared up the account is looked up and
 * created by this name only (target_state.create_as), and while there is doubt it is not renamed: a create
 * that lands late then meets "exists" instead of making a second account that nobody knows. */
#ifndef ROLLCALL_ENGINE_PLAN_H
#define ROLLCALL_ENGINE_PLAN_H

#include "capabilities.h"
#include "engine.h"
#include "person.h"
#include "profile.h"
#include "scim.h"
#include "search.h"

enum { PLAN_TEAM_REFUSED_SIZE = SCIM_ID_MAX + 16 }; /* TEAM_NAME_MAX is shorter */

struct plan_input { /* borrowed */
    const struct profile *profile;
    const struct person *person;
    const struct target_state *state;
    const struct desired *desired;
    const char *match; /* attribute by whose value an account is made, and found while one may be under way */
    const char *const
        *matches; /* attributes by which an account without a link is found, in order of precedence */
    size_t n_matches;
    const struct capabilities *can; /* what the target can do */
    const struct search *search;    /* as far as it has come */
    bool must_be;                   /* a create was answered "exists" */
    const struct whole
        *account; /* without PATCH: the account as it was read, to be put back; else without body */
    const struct whole *team; /* likewise … */
    const char *team_id;      /* … of this team; NULL: none */
    bool
        teams_hidden; /* the account, read just now, does not say of which teams it is a member: they are asked */
    const struct attrs *teams_read; /* with teams_hidden: those that have been, by id */
    bool all_teams; /* all teams of the account were noted when it was read, and it has joined none since */
    int64_t now_ms;
    bool leaves_last;     /* the last team may be left, whatever the profile says */
    bool fresh;           /* state->known was read since this work was opened, and lately */
    bool without_licence; /* userType waits for a person, or was denied: all else goes on */
    bool bare;            /* a create names what identifies the account alone: with all else it was refused */
    bool
        farewell; /* there is still time to leave teams before a cut that asks for it, and no such call has failed */
    const struct wanted_team
        *teams; /* what the policy says of teams, with their ids; with desired->has_teams */
    size_t n_teams;
    const struct attrs *joining, *leaving; /* moves that were answered and not verified yet, id → name */
    enum step written_step;                /* likewise a write without a body in its answer, … */
    const struct attrs *written;           /* … and what; NULL: none */
};

struct wanted_team {
    const char *name;  /* as the policy says it */
    const char *group; /* as the target does; NULL: that name is another team's there */
    const char *id;    /* NULL: there is none of that name, or more than one */
    bool member;
};

struct plan { /* release with plan_done */
    enum step step;
    struct attrs changes; /* STEP_CREATE: all attributes; STEP_UPDATE: those that differ */
    bool ignored;         /* STEP_NONE because the policy wants nothing here */
    bool denied;          /* STEP_NONE because a person refused what the guard held */
    bool agreed;          /* STEP_NONE because that refusal still stands */
    bool planned;         /* STEP_NONE because a dry run has told it before */
    const char *rejected; /* STEP_NONE because of this; NULL: agreed. Borrowed from the state, or static */
    const char *action;   /* what a person can do about it; static; NULL with rejected NULL */
    struct search_question find;     /* STEP_LOOKUP without a link; borrows; n 0: with one */
    const char *team_id, *team_name; /* STEP_JOIN, STEP_LEAVE, STEP_TEAM; borrowed */
    bool joins;                      /* STEP_TEAM: for the sake of joining it */
    bool last_team;                  /* STEP_LEAVE: the account has no other one, and may be lost with it */
    bool before_cut;                 /* STEP_LEAVE: of a leaver, who is cut next whatever becomes of it */
};

/* What a look-up without a link is about; borrows from in. */
void plan_search(const struct plan_input *in, struct search_wish *ret);

void plan_make(const struct plan_input *in, struct plan *ret);
void plan_done(struct plan *p);

/* Names under which a whole step rests in target_state.refused. */
#define REFUSED_CREATE   "+create"
#define REFUSED_ADOPT    "+adopt"
#define REFUSED_ACTIVATE "+activate"
#define REFUSED_CUT      "+cut"
#define REFUSED_PLANNED  "+planned"  /* the whole plan: a dry run has told it */
#define REFUSED_DEADLINE "+deadline" /* the whole plan: its calls kept failing for too long */

const char *plan_refused_name(enum step step); /* NULL: steps that never rest as a whole */

/* Of everything the step wants: the desired account and the words that ask for it. */
uint64_t plan_fingerprint(const struct person *p, const struct desired *d);
uint64_t plan_value_fingerprint(const char *value);
/* Of one membership: also of the words that decide access, so that a newer one asks anew. */
uint64_t plan_team_fingerprint(const struct person *p, const struct target_state *t, const char *id,
                               bool member);
/* Likewise of a removal that a person denied: whatever becomes of the account's other teams. */
uint64_t plan_denial_fingerprint(const struct person *p, const char *id);
/* Whether that move was refused, or that removal denied, and nothing has changed since. */
bool plan_team_rests(const struct person *p, const struct target_state *t, const char *id, bool member);
/* Under which name it rests in target_state.refused: by the team's id, since two may bear one name in turn. */
void plan_team_missing(const char *name, char out[PLAN_TEAM_REFUSED_SIZE]);
void plan_team_refused(const char *id, char out[PLAN_TEAM_REFUSED_SIZE]);
void plan_team_denied(const char *id, char out[PLAN_TEAM_REFUSED_SIZE]);

/* Whether an account found by match may become this person's; if not, *ret_reason (static) says why. */
bool plan_may_adopt(const struct plan_input *in, const struct account *found, const char **ret_reason);

/* Of a team that the account is known to be in: as it said it just now, or as it was when we made the membership. */
const char *plan_team_name(const struct target_state *t, const struct attr *team);

bool plan_wants_cut(const struct desired *d);

/* The licence that the account is to get and, as far as is known, does not have; NULL: none. Borrowed. */
const char *plan_licence_due(const struct plan_input *in);

/* Value of the match attribute: the policy's, else the person's. NULL: none. */
const char *plan_match_value(const struct person *p, const struct desired *d, const char *match);

/* A cut for which there is none: it looks for what events of later days announce, as that may be there already. */
bool plan_cuts_nameless(const struct person *p, const struct desired *d, const char *match);

#endif
