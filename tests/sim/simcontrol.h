/* simcontrol.h - the control topic, and the people who write to it.
 *
 * While the trouble lasts they pause targets and let them go on, want everything tried again, and provision persons. A
 * process reads the whole topic before it joins and hears the rest with a delay of its own. What has to follow is kept
 * here and not asked of the engine: which targets a process was told to leave alone, and which provisions are owed. */
#ifndef ROLLCALL_SIM_SIMCONTROL_H
#define ROLLCALL_SIM_SIMCONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "world.h"

struct proc;
struct simcontrol;

struct simcontrol *simcontrol_new(struct world *w);
void simcontrol_free(struct simcontrol *c);

/* People begin to decide, if the run has such. */
void simcontrol_begin(struct world *w);
/* Somebody approves of all that the target's guards hold now. */
void simcontrol_approve(struct world *w, size_t target);
/* Somebody denies what is held under that id. */
void simcontrol_deny(struct world *w, const char *hold);
/* They let everything go on. */
void simcontrol_quieten(struct world *w);

/* The process reads what it has not read yet. */
void simcontrol_read(struct proc *p);

/* Every process that lives, be it stopped at the moment, has read what was told. */
bool simcontrol_all_read(const struct world *w);

/* A result without an event; false: no provision asked for it. */
bool simcontrol_note_effect(struct world *w, const char *id);
/* Each person's last provision has exactly one result at each of his targets, the others at most one. */
void simcontrol_check(struct world *w);

#endif
