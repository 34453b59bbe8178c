/* histogram.h - how often which time was seen, within 1 %: 128 steps for each power of two, as HdrHistogram has them.
 * One owner; nothing can fail. */
#ifndef ROLLCALL_BENCH_HISTOGRAM_H
#define ROLLCALL_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEP_BITS = 7, HISTOGRAM_OCTAVES = 34 };

struct histogram {
    uint64_t counts[HISTOGRAM_OCTAVES
                    << HISTOGRAM_STEP_BITS]; /* the last one: 2^40 and above, twelve days in µs */
    uint64_t n;
    int64_t max;
};

void histogram_add(struct histogram *h, int64_t value); /* below 0 counts as 0 */

/* The least value that at least `share` (0 to 1) of all values do not exceed, rounded up by at most 1 %; 0: there are
 * none. */
int64_t histogram_at(const struct histogram *h, double share);

#endif
