/* load.h - how much the program takes on: requests under way, and the rate of each source; over all threads.
 *
 * Counts and rates are atomics, no locks. A rate is a generic cell rate algorithm: one instant, up to which the
 * allowance is spent. Thread rule: load_new, load_use, load_rate and load_free are main's; the rest any thread's. */
#ifndef INGEST_LOAD_H
#define INGEST_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct load;
struct load_rate;

struct load *load_new(const struct config *cfg);
void load_free(struct load *l);
/* New limits; what is under way or spent stays. */
void load_use(struct load *l, const struct config *cfg);

/* A verified request that will wait for Kafka or the spool. false: there are as many as there may be. */
bool load_enter(struct load *l);
void load_leave(struct load *l);
bool load_full(struct load *l); /* load_enter would fail now */

/* The source's rate, made at the first call; lives as long as l. */
struct load_rate *load_rate(struct load *l, const char *source);
/* One request more. false: over the rate; *ret_after_s says when to come again. */
bool load_take(struct load_rate *r, int64_t now_ms, unsigned *ret_after_s);

#endif
