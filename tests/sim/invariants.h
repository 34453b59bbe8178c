/* invariants.h - the promises, checked when a run has come to rest (witness.h checks those that hold at every
 * instant).
 *
 *  P2  exactly one committed result per accepted event and target, one dead letter per invalid record
 *  P3  records equal the oracle's fold, also those merged in other orders; accounts are what the policy wants
 * of that fold; after a leaver's result nobody is active unless a later word called them back P4  trouble of
 * one person or target does not delay the others P5  no window at a target holds more than its limit */
#ifndef ROLLCALL_SIM_INVARIANTS_H
#define ROLLCALL_SIM_INVARIANTS_H

#include "world.h"

/* Everything that is owed has been committed and nothing is on its way. */
bool invariants_settled(const struct world *w);

/* No process has anything to do, as far as it knows. */
bool invariants_idle(const struct world *w);

void invariants_check(struct world *w);

#endif
