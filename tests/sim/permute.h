/* permute.h - "any order of the same events gives the same record": merges a person's events in random
 * orders, with duplicates, and compares the registers with the oracle's fold; and compares the record of the
 * run itself. */
#ifndef ROLLCALL_SIM_PERMUTE_H
#define ROLLCALL_SIM_PERMUTE_H

#include <stddef.h>

#include "buf.h"
#include "event.h"
#include "oracle.h"
#include "world.h"

/* Merges events in some random orders and compares each outcome with `expected`. */
void permute_check(struct world *w, size_t person, const struct event *const *events, size_t n,
                   const struct oracle_person *expected);

/* The committed record of the person (JSON; empty: none) against `expected`. */
void permute_check_record(struct world *w, size_t person, const struct oracle_person *expected,
                          struct str json);

#endif
