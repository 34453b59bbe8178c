/* miro_members.h - a change of a team's members: decided as a whole, then made as a whole.
 *
 * The draft is a list of users in order of joining; marks in the records say who is in it. Every operation
 * checks and edits the draft only; members_commit joins, removes, revives. Thread rule: one draft at a time.
 */
#ifndef ROLLCALL_MIRO_MEMBERS_H
#define ROLLCALL_MIRO_MEMBERS_H

#include "miro_core.h"

struct members {
    struct call *c;
    struct team_record *team;
    struct record **v; /* everybody who is or was in the draft, repetitions possible */
    size_t n, size;
};

void members_init(struct members *d, struct call *c, struct team_record *team);
void members_done(struct members *d); /* also after members_commit */

/* `value`: an array of {"value": id}, one such object, or an id. */
bool members_add(struct members *d, const cJSON *value, struct problem *pb);
bool members_replace(struct members *d, const cJSON *value, struct problem *pb);
bool members_remove(struct members *d, const cJSON *value, struct problem *pb); /* NULL: everybody */
bool members_remove_filtered(struct members *d, const struct miro_filter *f, struct problem *pb);

/* With half, only the first half of the differences is made. */
void members_commit(struct members *d, bool half);

#endif
