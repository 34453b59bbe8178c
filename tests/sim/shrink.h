/* shrink.h - the least of a failing run that still fails.
 *
 * Leaves out one kind of trouble after the other, then events, in halves, quarters … one by one; what fails without
 * something goes on without it. Each try is a process of its own, because an assertion ends it. */
#ifndef ROLLCALL_SIM_SHRINK_H
#define ROLLCALL_SIM_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "run.h"

/* The run fails as it is. */
void shrink(uint64_t seed, struct run_less *less);

/* As options of sim: "--only 'crash;pause' --keep 3,17"; prints, parses. False: no such kind or number. */
void shrink_print(const struct run_less *less);
bool shrink_parse_kinds(char *list, struct run_less *less);
bool shrink_parse_events(char *list, struct run_less *less);

#endif
