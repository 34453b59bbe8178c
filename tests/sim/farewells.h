/* farewells.h - P3: who was to leave all teams before the cut is in none, or is told why not. */
#ifndef ROLLCALL_SIM_FAREWELLS_H
#define ROLLCALL_SIM_FAREWELLS_H

#include <stddef.h>

struct account_note;
struct cJSON;
struct miro_user;
struct person;
struct world;

/* Each committed record: what was told may be forgiven again, by "control retry" or another word. */
void farewells_note(struct world *w, size_t person, const struct person *p);
/* Each result: also what its record does not say any more, since it is forgiven before both are committed. */
void farewells_note_result(struct account_note *note, const struct cJSON *result);
/* Of an account that such a cut has ended. */
void farewells_check(struct world *w, size_t person, size_t target, const struct miro_user *user);

#endif
