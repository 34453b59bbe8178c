/* parking.h - partitions that were given back in order and may come straight back: the range assignor revokes everything
 * at each rebalance. What is known of their persons stays in memory until the next assignment tells.
 *
 * Ours again are those whose committed offset and end of records are as we left them: nobody else has written since.
 * The loop's thread; cannot fail. */
#ifndef ROLLCALL_WORKER_PARKING_H
#define ROLLCALL_WORKER_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "restore.h"

struct parking { /* zero: empty */
    struct restore_part *v;
    size_t n;
};

void parking_done(struct parking *p); /* frees the list; the engine's partitions are the engine's */

/* Parks a closed and clean partition whose records end at `end`. */
void parking_add(struct parking *p, struct engine *engine, int32_t partition, int64_t end);

/* A new assignment: drops what is not among it; fills in how the others were left. */
void parking_match(struct parking *p, struct engine *engine, struct restore_part *v, size_t n);

/* The restore has compared: takes everything out; drops what somebody else has written to. */
void parking_resolve(struct parking *p, struct engine *engine, const struct restore_part *v, size_t n);

#endif
