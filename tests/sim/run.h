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

/* What a run leaves out: kinds of trouble, and events as if they had never happened. */
enum { RUN_KINDS_MAX = 64, RUN_EVENTS_MAX = 256 };

struct run_less { /* zero: nothing */
    bool kinds[RUN_KINDS_MAX];
    bool events[RUN_EVENTS_MAX];
};

/* True: every promise held. Else `failures` (initialised by the caller) gets a line for each that did not. */
bool run_seed(uint64_t seed, const struct run_less *less, bool verbose, struct buf *failures,
              struct run_figures *sum);

#endif
