/* year.h - a company's year on the virtual clock: the story of year_story.h told to the same log, workers, targets and
 * witness as the runs of trouble, in which idle time is leapt over.
 *
 *      busy ──nothing to do──► leap to the next appointment (what is told, an incident, a look at what is held),
 *                              or to what an engine has on its own calendar (words that fall due, retries, listings)
 *
 * All year workers die, sleep, stop and are shaken, calls fail, the target is down now and then; somebody looks in every
 * hour and approves of what the guards hold. In the end everything that invariants.h checks has to hold, and every person
 * and every team has to be as the policy says. Thread rule: single-threaded. */
#ifndef ROLLCALL_SIM_YEAR_H
#define ROLLCALL_SIM_YEAR_H

#include <stdbool.h>

#include "buf.h"
#include "run.h"
#include "year_story.h"

struct moved;
struct world;

struct year { /* what happens in it, and what is counted */
    struct year_story story;
    struct year_options options;
    struct prng chance;
    bool clean_due;
    bool approval_due;
    uint64_t leaps, incidents, outages, approvals, cleanings;
    uint64_t most_held; /* persons */
    uint64_t removals;  /* of memberships, applied */
    uint64_t removals_at_reorganisation,
        removals_unapproved; /* before it; and after it until somebody approved */
    bool approved_since;
    bool at_rest;     /* nothing was under way when the clock was read last */
    size_t beside;    /* who were looked at and had their teams while a licence was held */
    size_t licences;  /* at the end: who was given one */
    size_t farewells; /* at the end: leavers who are in no team, as the policy wants it */
};

/* True: every promise held. Else failures (initialised by the caller) gets a line for each that did not. Prints what
 * happened in the year. */
bool year_run(const struct year_options *o, bool verbose, struct buf *failures, struct run_figures *sum);

/* A PATCH of a team was applied. */
void year_moved(struct world *w, const struct moved *moved);
/* While nothing is under way: whose licence is held has the teams all the same. */
void year_check_held(struct world *w);
/* At the end: teams, licences, roles, the guard, what must have happened. */
void year_check(struct world *w);

#endif
