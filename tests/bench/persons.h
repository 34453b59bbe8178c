/* persons.h - typical persons for the benches: what a joiner, a change of job and two memberships leave behind.
 *
 * Person i is always the same: ten profile attributes, two groups, five recent events, linked and known at one target,
 * every second one at two. Names are made of syllables, ids are random bits, as in life. Single-threaded. */
#ifndef ROLLCALL_BENCH_PERSONS_H
#define ROLLCALL_BENCH_PERSONS_H

#include "../../worker/engine/person.h"
#include "buf.h"

struct persons {
    size_t tenants;  /* person i belongs to tenant i % tenants */
    size_t targets;  /* of each tenant: 1, or 2 for "every second one at two" */
    int64_t at_ms;   /* when they joined */
    size_t open_one; /* of so many persons one has work under way; 0: nobody */
};

/* The record's key, "tNNN/hr/NNNNNNN"; out is cleared first. */
void persons_key(const struct persons *ps, size_t i, struct buf *out);
/* Name of one of the tenant's targets. */
void persons_target(size_t tenant, size_t number, char out[24]);
/* Release with person_done. */
void persons_make(const struct persons *ps, size_t i, struct person *ret);

#endif
