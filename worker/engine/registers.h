/* registers.h - a person's registers, one by one: which of two words counts, and what a complete list voids.
 *
 * The merge of events (person.c) is made of these. With dry they only answer whether the word would count. Pure; for person.c
 * alone. */
#ifndef ROLLCALL_ENGINE_REGISTERS_H
#define ROLLCALL_ENGINE_REGISTERS_H

#include "person.h"

bool stamp_eq(struct stamp a, struct stamp b);
/* Whether a word with stamp `a` beats the one with stamp `b`. restrict_a_b: how much more restrictive a's value is than b's
 * (> 0: more); it decides between words of the same instant, then the event id does. */
bool registers_wins(struct stamp a, struct stamp b, int restrict_a_b);

/* True: the word counts. */
bool registers_set_employment(struct person *p, enum employment value, struct stamp stamp, bool dry);
bool registers_set_suspension(struct person *p, bool on, struct stamp stamp, bool dry);
bool registers_set_access_until(struct person *p, int64_t until_ms, struct stamp stamp, bool dry);
bool registers_set_attr(struct person *p, const char *name, const char *value, struct stamp stamp, bool dry);
bool registers_set_group(struct person *p, const char *name, bool member, struct stamp stamp, bool dry);
/* After the event's own attributes, or groups: what a complete profile, or list of groups, does not name. */
bool registers_set_complete(struct person *p, struct stamp stamp, bool dry);
bool registers_set_groups_complete(struct person *p, const struct event *ev, struct stamp stamp, bool dry);

/* What events alone say, below the word of a source that was asked. */
void registers_tell_employment(struct person *p, enum employment value, struct stamp stamp);
void registers_tell_suspension(struct person *p, bool on, struct stamp stamp);

/* Index of the register called name, or where it belongs. base, n, size describe the array, whose members begin with their
 * name. */
size_t registers_find(const void *base, size_t n, size_t size, const char *name, bool *found);

#endif
