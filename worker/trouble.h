/* trouble.h - says once when a target's breaker opens and once when it closes.
 *
 * The engine decides; this is the line in the log and the gauge. The gauge follows at once; of a target that comes and
 * goes there is a line at most each TROUBLE_QUIET_MS. The loop's thread. */
#ifndef ROLLCALL_WORKER_TROUBLE_H
#define ROLLCALL_WORKER_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "metrics.h"

enum { TROUBLE_QUIET_MS = 60000 };

struct trouble {      /* of one target; begins zeroed */
    bool open;        /* as noted last */
    bool said;        /* with open: a line told so */
    bool spoken;      /* quiet_ms is valid */
    int64_t quiet_ms; /* no line before; CLOCK_MONOTONIC */
    int64_t since_ms; /* with open */
};

enum trouble_line { TROUBLE_NO_LINE, TROUBLE_BEGINS, TROUBLE_ENDS };

/* Takes note of the breaker's state after a call; answers what is to be logged. Pure but for t. */
enum trouble_line trouble_note(struct trouble *t, bool open, int64_t now_ms);

/* trouble_note with the lines and the gauges; reply is the one after which the target is so. m may be NULL. */
void trouble_tell(struct trouble *t, const char *target, const struct engine_target_figures *figures,
                  const struct call_reply *reply, struct metrics *m);

#endif
