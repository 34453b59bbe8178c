/* mutations.h - the deliberate defects by name: those of the engine (worker/engine/mutation.h, only in the
 * program sim-mutants) and those of the simulated shell, which break a rule that a real shell has to keep. To
 * add one: an enum constant, a row in mutations.c, and the place where it bites. */
#ifndef ROLLCALL_SIM_MUTATIONS_H
#define ROLLCALL_SIM_MUTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../worker/engine/mutation.h"

enum sim_mutation {
    SIM_NONE,
    SIM_RESTORE_TO_LSO,   /* reads up to the last stable offset, not to the high watermark */
    SIM_WATERMARK_FIRST,  /* asks for the watermark before the committed offset */
    SIM_NO_GROUP_FENCING, /* offsets with rd_kafka_consumer_group_metadata_new */
    SIM_OFFSETS_EMPTY,    /* sends no offsets at all */
    SIM_LEASE_NOT_ASKED,  /* writes without engine_call_may_write */
    SIM_NO_REWIND,        /* after an abort goes on reading where it was */
    SIM_KEPT_UNCHECKED,   /* what comes back after a rebalance is taken to be as it was left */
    SIM_CONTROL_NOT_READ, /* joins before it has read what people decided */
    SIM_TEAMS_NOT_READ,   /* a worker joins before it has read what is known of teams */
    SIM_MUTATIONS,
};

extern enum sim_mutation sim_mutation_active;
#define SIM_MUTATION(x) (sim_mutation_active == (x))

struct mutation_row {
    const char *name;
    enum mutation engine;  /* MUTATION_NONE: one of the shell's */
    enum sim_mutation sim; /* SIM_NONE: one of the engine's */
    unsigned seeds;        /* caught within this many, counted from 1; 0: by a story */
    const char *what;
};

size_t mutations_n(void);
const struct mutation_row *mutations_at(size_t i);
/* The story that catches it, as options of sim; NULL: seeds do. */
const char *mutations_story(const struct mutation_row *row);

/* NULL name: none. False: no such mutation, or this program has none of the engine's. */
bool mutations_activate(const char *name);

#endif
