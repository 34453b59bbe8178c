/* simsource.h - the companies' sources, which the engine asks about persons of whom a webhook says only that they
 * changed: one for each tenant, named after it, behind a network with fates of its own.
 *
 * Every answer says something new of the person (its number is in each value), so that the committed record tells which
 * answer it holds. The sources say "joined" of everybody, always: they know nothing of leavers yet. */
#ifndef ROLLCALL_SIM_SIMSOURCE_H
#define ROLLCALL_SIM_SIMSOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "world.h"

struct proc;
struct simsource;

struct simsource *simsource_new(struct world *w);
void simsource_free(struct simsource *s);

/* One more engine target for each tenant, behind the others; returns how many. */
size_t simsource_configure(const struct world *w, struct engine_target *targets,
                           const struct engine_target *like);
const char *simsource_name(size_t tenant); /* as a target */

/* The engine's ports. */
bool simsource_fetch(const struct person_view *view, struct source_request *ret);
bool simsource_person(const struct world *w, const struct source_reply *reply, struct source_person *ret);

/* The engine has handed the call out; the request is on the wire. */
void simsource_begin(struct world *w, struct proc *p, const struct call *call);
void simsource_send(struct world *w, struct proc *p, const struct call *call);

uint64_t simsource_requests(const struct world *w);
/* Whether a question about the person that was asked at from_ms or later has been answered. */
bool simsource_answered(const struct world *w, size_t person, int64_t from_ms);
/* What the answer called `number` ("f12") said, as an event of its time; release with event_done. False: no such answer
 * about this person. *ret_begun_ms: when it was asked; *ret_wall_ms: by the clock of who asked. */
bool simsource_said(const struct world *w, size_t person, const char *number, struct event *ret,
                    int64_t *ret_begun_ms, int64_t *ret_wall_ms);

#endif
