/* simtarget.h - a simulated target behind a simulated network: the sandbox's Miro, and a fate for every
 * request.
 *
 *      written ──► (delay) ──► arrives: miro_handle ──► (delay) ──► answer
 *         │             └ may be long after the client has gone        └ may be lost
 *         └ timeout, cut connection: the client knows nothing
 *
 * An exchange keeps its own copy of the request, so that it outlives the process that wrote it. */
#ifndef ROLLCALL_SIM_SIMTARGET_H
#define ROLLCALL_SIM_SIMTARGET_H

#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "../sandbox/miro.h"
#include "world.h"

struct proc;
struct simtarget;

/* An admin role that accounts have which were there before us. */
#define SIMTARGET_BOSS "boss@example.com" /* an admin who is nobody of the scenario, where there are roles */
#define SIMTARGET_ROLE "Security Admin"

struct simtarget *simtarget_new(struct world *w, size_t index);
void simtarget_free(struct simtarget *t);

/* The request is on the wire; p gets one answer, or CALL_UNKNOWN, or CALL_NOT_SENT. */
void simtarget_send(struct simtarget *t, struct proc *p, const struct call *call);

const struct miro *simtarget_miro(const struct simtarget *t);
/* The i-th of a person's accounts, in order of creation; NULL: there are no more. */
const struct miro_user *simtarget_account(const struct simtarget *t, size_t person, size_t i);
uint64_t simtarget_requests(const struct simtarget *t); /* written so far, but for listings of teams */
struct miro *simtarget_own(struct simtarget *t);        /* for what people do there */
uint64_t simtarget_on_way(const struct simtarget *t);   /* written, and may still land */
/* How often it answered 429 because it bears less than it is said to. */
uint64_t simtarget_throttled(const struct simtarget *t);
int64_t simtarget_last_ms(const struct simtarget *t); /* when the last one was written */

#endif
