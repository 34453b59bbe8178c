/* farewells.h - P3: who was to leave all teams before the cut is in none, or the person's record says of each why not. */
#ifndef ROLLCALL_SIM_FAREWELLS_H
#define ROLLCALL_SIM_FAREWELLS_H

#include <stddef.h>

struct miro_user;
struct person;
struct world;

/* Each committed record: what was told may be forgiven again, by "control retry" or another word. */
void farewells_note(struct world *w, size_t person, const struct person *p);
/* Of an account that such a cut has ended. */
void farewells_check(struct world *w, size_t person, size_t target, const struct miro_user *user);

#endif
