/* bonds.h - which user group is in which team, against what the configuration says: what a round of attach.c is to ask and
 * to change next. */
#ifndef ROLLCALL_ENGINE_BONDS_H
#define ROLLCALL_ENGINE_BONDS_H

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"

struct attach;
struct target;

struct bond_change { /* borrows from the round */
    enum step step;  /* STEP_NONE: what is open waits for what was put down */
    const char *group, *team;
    int64_t rested_boot_ms;
};

/* "GROUP/TEAM"; NULL: "". Caller frees. */
char *bond_key(const char *group, const char *team);
/* Takes why not all is as configured; the first one is told. */
void bonds_problem(struct attach *a, char *problem);
/* What is to be put down: it is ours, of that group's name; NULL: it is not. */
void bonds_note(struct attach *a, const char *key, const char *group);

/* A group that matters and whose teams are not known; NULL: there is none, but what rests. */
const char *bonds_unasked(struct target *t);
/* The next change: access is taken away before it is given, and what failed comes last. False: nothing is left to be done
 * in this round. */
bool bonds_find_change(struct target *t, const struct target *of, struct bond_change *ret);

#endif
