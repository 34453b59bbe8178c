#include "histogram.h"

#include <math.h>
#include <stddef.h>

#include "mem.h"

enum { STEPS = 1 << HISTOGRAM_STEP_BITS };

/* Values below 2 × STEPS stand for themselves; above, an octave is divided into STEPS steps of 2^e. */
static size_t index_of(uint64_t value)
{
    if (value < 2 * STEPS)
        return value;
    unsigned e = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return (size_t)e * STEPS + (value >> e);
}

/* The largest value of the step. */
static int64_t value_of(size_t index)
{
    if (index < 2 * STEPS)
        return (int64_t)index;
    unsigned e = (unsigned)(index / STEPS) - 1;
    return (int64_t)(((index - (size_t)e * STEPS + 1) << e) - 1);
}

void histogram_add(struct histogram *h, int64_t value)
{
    size_t index = index_of(value < 0 ? 0 : (uint64_t)value);
    h->counts[index < ARRAY_SIZE(h->counts) ? index : ARRAY_SIZE(h->counts) - 1]++;
    h->n++;
    if (value > h->max)
        h->max = value;
}

int64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t seen = 0, wanted = (uint64_t)ceil(share * (double)h->n);
    for (size_t i = 0; h->n > 0 && i < ARRAY_SIZE(h->counts) - 1; i++) {
        seen += h->counts[i];
        if (seen >= wanted && seen > 0)
            return value_of(i) < h->max ? value_of(i) : h->max;
    }
    return h->max;
}
