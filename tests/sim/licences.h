/* licences.h - P7: no licence is given before somebody approves, and none that somebody has denied. Each is unusual in these
 * runs (of few persons), and some of those that are held are denied, at once and by their id. */
#ifndef ROLLCALL_SIM_LICENCES_H
#define ROLLCALL_SIM_LICENCES_H

#include <stddef.h>

#include "../../worker/engine/person.h"
#include "world.h"

/* The person's record as it was committed now. */
void licences_note(struct world *w, size_t person, const struct person *p);
/* How many of a person's accounts have the larger one; before and after a call. */
unsigned licences_of(const struct world *w, size_t target, size_t person);
void licences_given(struct world *w, size_t target, size_t person);

/* At the end. */
bool licences_denied(const struct world *w, size_t person, size_t target);

#endif
