/* run.h - one run: from a seed to a verdict. */
#ifndef ROLLCALL_SIM_RUN_H
#define ROLLCALL_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct run_figures { /* summed over runs */
    uint64_t events, requests, processes;
    int64_t virtual_ms;
};

/* True: every promise held. Else `failures` (initialised by the caller) gets a line for each that did not. */
bool run_seed(uint64_t seed, bool verbose, struct buf *failures, struct run_figures *sum);

#endif
