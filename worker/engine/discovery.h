/* discovery.h - asking a target what it can do, under way. See discovery.c. */
#ifndef ROLLCALL_ENGINE_DISCOVERY_H
#define ROLLCALL_ENGINE_DISCOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "capabilities.h"

struct flight;

struct discovery {
    bool running; /* questions are asked */
    bool whole;   /* all are answered (or nothing is said): published until it is read back from the topic */
    bool published;
    int64_t at_ms;     /* when it began (wall clock) */
    unsigned question; /* the next one */
    struct capabilities found;
    struct flight *flight;
    uint32_t failures;        /* of the present question */
    int64_t failing_since_ms, /* wall clock */
        next_ms;              /* CLOCK_BOOTTIME: not before */
    uint64_t tenure;          /* the assignment of bucket 0 in which it was asked last */
};

#endif
