/* tally.h - how many results a topic holds, and of how many events, as read_committed readers see them. Blocks
 * until the end of every partition is reached. */
#ifndef ROLLCALL_BENCH_TALLY_H
#define ROLLCALL_BENCH_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct tally {
    uint64_t records;
    uint64_t events; /* different ones */
};

/* Fails with ERROR_TEMPORARY when the topic cannot be read to its end in a minute. */
bool tally_results(const char *brokers, const char *topic, struct tally *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
