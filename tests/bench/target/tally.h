/* tally.h - how many records a topic holds, and of how many different things, as read_committed readers see them. Blocks
 * until the end of every partition is reached. */
#ifndef ROLLCALL_BENCH_TALLY_H
#define ROLLCALL_BENCH_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* How a record's value says what it is about: n bytes behind the first `before`. */
struct tally_mark {
    const char *before;
    size_t n;
};

struct tally {
    uint64_t records;   /* with the mark */
    uint64_t different; /* of them */
    uint64_t unmarked;
};

/* Fails with ERROR_TEMPORARY when the topic cannot be read to its end in a minute. */
bool tally_topic(const char *brokers, const char *topic, const struct tally_mark *mark, struct tally *ret,
                 struct error *err) __attribute__((warn_unused_result));

#endif
