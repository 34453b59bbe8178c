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

/* ---- for stories that are told instead of drawn (year.h, tenants.h) -------------------------------------- */

struct world;

/* A calm world at the beginning of time; then w->chaos, scenario, policy, like, n_slots are set, and it begins. */
void run_world_init(struct world *w, uint64_t seed, bool verbose);
/* Everything that is in it, all tellings, and a process for each slot. */
void run_world_begin(struct world *w);
void run_world_done(struct world *w, struct run_figures *sum);

void run_until(struct world *w, int64_t until_ms);
/* The newest policy is w->policy; each process hears of it in its own time. */
void run_announce_policy(struct world *w);
/* Everything is well from now on, settles, rests, and is looked at. */
void run_end(struct world *w);

#endif
