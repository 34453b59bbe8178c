/* tenants.h - many companies on few workers, one of them in a storm: does it slow the others?
 *
 * Eleven tenants of ten persons each share two workers and four partitions. One more has three thousand persons, fifty times
 * the events of all others, in bursts, and two targets: one that bears everything it is asked, so that it always has
 * calls that could start, and one that is down. Nothing else goes wrong. Of every event of the others the time from being
 * told to the committed result stays below a bound that is worked out from the steps that it has to take. */
#ifndef ROLLCALL_SIM_TENANTS_H
#define ROLLCALL_SIM_TENANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "run.h"

/* True: every promise held. Else failures (initialised by the caller) gets a line for each that did not. Prints how long the
 * others waited, and the bound. */
bool tenants_run(uint64_t seed, bool verbose, struct buf *failures, struct run_figures *sum);

#endif
