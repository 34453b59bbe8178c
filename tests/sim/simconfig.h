/* simconfig.h - what a process is configured with: targets, sources, and what goes with the kind of run. Thread rule:
 * single-threaded. */
#ifndef ROLLCALL_SIM_SIMCONFIG_H
#define ROLLCALL_SIM_SIMCONFIG_H

#include "simworker.h"

/* What all kinds of run begin with: time limits that agree with the simulated network, the profile's limits, no guard. A story
 * completes it into world.like. */
struct engine_target simconfig_target(void);

/* The configuration as it is at this moment, into p. */
void simconfig_process(struct proc *p);

#endif
