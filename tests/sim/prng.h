/* prng.h - the one source of chance of a simulated run: the same seed gives the same run, on every machine.
 */
#ifndef ROLLCALL_SIM_PRNG_H
#define ROLLCALL_SIM_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

/* splitmix64: passes BigCrush, and every seed is a good one. */
static inline uint64_t prng_next(struct prng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* low ≤ result ≤ high */
static inline int64_t prng_range(struct prng *r, int64_t low, int64_t high)
{
    return low + (int64_t)(prng_next(r) % (uint64_t)(high - low + 1));
}

static inline bool prng_chance(struct prng *r, unsigned per_mille)
{
    return prng_next(r) % 1000 < per_mille;
}

/* Delays are mostly short and sometimes long: half of them within a tenth of the way. */
static inline int64_t prng_delay(struct prng *r, int64_t low, int64_t high)
{
    return prng_chance(r, 500) ? prng_range(r, low, low + (high - low) / 10) : prng_range(r, low, high);
}

#endif
