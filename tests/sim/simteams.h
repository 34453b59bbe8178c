/* simteams.h - the targets topic as every process reads it, each in its own time; the teams that there are and what
 * becomes of them; and whether people are in the right ones at the end.
 *
 *     team 0      is there from the beginning           team 2   appears while the run goes on, or is made by us, and
 *                                                          then not listed for a while though it is there
 *     team 1      is removed, and made anew later
 *     team 3      has another name for a while           team 4, 5   are named false by the policy who left them
 *     others      is named by nobody */
#ifndef ROLLCALL_SIM_SIMTEAMS_H
#define ROLLCALL_SIM_SIMTEAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "simlog.h"
#include "world.h"

enum { SIMTEAMS_N = 6 };

struct miro;
struct miro_user;
struct proc;
struct simteams;

extern const char *const simteams_owned[1]; /* groups that the pool makes, if it makes any */

struct simteams *simteams_new(struct world *w);
void simteams_free(struct simteams *t);
/* Teams and old memberships of a target, before the run begins. */
void simteams_furnish(struct world *w, size_t target, struct miro *m);
/* An answer to a listing: for a while the target lacks a team that it has. */
void simteams_short_list(struct world *w, size_t target, struct buf *body);
/* What becomes of teams, if the run has such. */
void simteams_begin(struct world *w);

/* A record was committed: every process hears of it. */
void simteams_committed(struct world *w, const struct log_record *r);
/* The cleaner passes over the targets topic. False: somebody has still to read, nothing was done. */
bool simteams_clean(struct world *w);
/* The process reads what it has not read yet. */
void simteams_read(struct proc *p);

struct moved { /* by one PATCH; borrowed */
    const size_t *persons;
    size_t n_persons;
    const char *body;
};

/* A PATCH of a team was applied. */
void simteams_moved(struct world *w, size_t target, const char *team, const struct moved *moved);
/* The teams as they are now were listed, and that is known to everybody. */
bool simteams_settled(const struct world *w);
/* Some team has no other admin: such an account cannot be cut. */
bool simteams_needs(const struct miro_user *user);
/* Of each person at each target. */
void simteams_check(struct world *w, size_t person, size_t target, const struct desired *want);
/* No more removals than the guard lets pass. */
void simteams_check_guard(struct world *w, size_t target, unsigned bucket, unsigned most);

#endif
