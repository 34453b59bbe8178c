/* trouble.h - which targets refuse or fail everything, said once when it begins and once when it ends.
 *
 * Some endings of a call speak of the target or its token and not of a person: 401, 403, 404 of the base,
 * redirects, 5xx, no connection, no answer. A run of them is trouble; any other answer ends it. Throttling is
 * none. The gauge follows at once; of a target that comes and goes there is a line at most each
 * TROUBLE_QUIET_MS. The loop's thread. */
#ifndef ROLLCALL_WORKER_TROUBLE_H
#define ROLLCALL_WORKER_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "metrics.h"

enum { TROUBLE_QUIET_MS = 60000 };

struct trouble {  /* of one target; begins zeroed */
    unsigned run; /* troubled endings without another one between them */
    bool active;
    bool said;        /* with active: a line told so */
    int64_t quiet_ms; /* no line before; CLOCK_MONOTONIC */
    int64_t since_ms; /* with active */
};

enum trouble_line { TROUBLE_NO_LINE, TROUBLE_BEGINS, TROUBLE_ENDS };

/* Takes note of how a call ended; answers what is to be logged. Pure but for t. */
enum trouble_line trouble_note(struct trouble *t, const struct call *call, const struct call_reply *reply,
                               int64_t now_ms);

/* trouble_note with the lines and the gauge. m may be NULL. */
void trouble_tell(struct trouble *t, const char *target, const struct call *call,
                  const struct call_reply *reply, struct metrics *m);

#endif
