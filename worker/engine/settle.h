/* settle.h - private to the engine: results for the events that have waited at a target. */
#ifndef ROLLCALL_ENGINE_SETTLE_H
#define ROLLCALL_ENGINE_SETTLE_H

#include "engine_state.h"

/* Ends the work at a target: every pending event that is not scheduled gets its result. */
void settle(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
            struct now now);
/* Rejects the events whose calls have kept failing until their deadline, while those for younger ones go on, so that
 * doubt about what these do is no reason to wait: each may leave a new one before the last is over. True: there is no younger
 * one, or it is a cut, which is the same whatever is said meanwhile: the plan is given up. Not when it is the target's own
 * trouble, and not before this work has seen a failure itself: why the last owner's calls failed is not known here. */
bool settle_overdue(struct engine *e, struct work *w, struct target_state *t, struct now now);
/* When one was added: events of which nothing survives have their results at once, whatever is under way. */
void settle_superseded(struct engine *e, struct slot *slot, struct target_state *t, struct now now);
/* Then, when there are too many all the same: keeps the list short. */
void settle_oldest(struct engine *e, struct slot *slot, struct target_state *t, struct now now);
/* Rejects an event that could not be merged: nothing of it stands in the person's registers. */
void settle_unmerged(struct engine *e, struct slot *slot, const struct pending *event, const char *target,
                     const struct event *ev, struct now now);
/* A person has refused what these asked for together, or has thought better of it. */
void settle_as_denied(const struct person *p, struct target_state *t);
void settle_not_denied(struct target_state *t);

#endif
