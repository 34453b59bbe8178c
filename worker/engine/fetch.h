/* fetch.h - private to the engine: asking a source for what a webhook did not say. See fetch.c. */
#ifndef ROLLCALL_ENGINE_FETCH_H
#define ROLLCALL_ENGINE_FETCH_H

#include "calls.h"

/* ev has been merged: where it is thin and its source can be asked, it is. The slot is marked dirty. */
void fetch_want(struct engine *e, struct slot *slot, const struct event *ev);
/* Some source is still to be asked, or to answer. */
bool fetch_awaited(const struct person *p);
/* The event's result waits for that; those of cuts do not. */
bool fetch_holds_result(const struct person *p, const struct pending *event);
/* The source has said again what a thin event says of employment or suspension. */
bool fetch_confirms(const struct person *p, const struct pending *event);
/* What is to be done at the target (whose desired account is known) waits for it. */
bool fetch_holds_plan(const struct work *w, const struct target_state *t);
/* Why a thin event counts with what it says by itself; NULL: it need not, or is still being asked. */
const char *fetch_failure(const struct person *p, const struct pending *event);
enum priority fetch_priority(const struct person *p);

/* The wish ends unanswered. */
void fetch_give_up(struct engine *e, struct work *w, struct target_state *t, struct now now);

/* Asks the source's script what to ask (the person is live), just before the call starts. False: it failed, and the wish
 * has ended. */
bool fetch_prepare(struct engine *e, struct work *w, struct now now);
void fetch_build(struct engine *e, struct flight *f,
                 const struct target_state *t); /* with what was prepared */
void fetch_take(const struct answer *a);

#endif
