/* reply_hints.h - what the headers of a reply say about when to come again.
 *
 * Retry-After (seconds or an HTTP date) counts first; without one, X-RateLimit-Reset (seconds since 1970, or
 * seconds from now) counts when the status is 429 or X-RateLimit-Remaining is 0. Values that make no sense
 * are left out, waits are cut at HINT_WAIT_MAX_MS. Thread rule: a struct has one owner at a time,
 * here the loop's thread. Cannot fail. */
#ifndef ROLLCALL_WORKER_REPLY_HINTS_H
#define ROLLCALL_WORKER_REPLY_HINTS_H

#include <stdint.h>

#include "buf.h"
#include "engine/engine.h"

enum { HINT_WAIT_MAX_MS = RETRY_AFTER_MAX_MS };

struct reply_hints {
    int64_t retry_after_s;  /* -1: absent */
    int64_t retry_at_ms;    /* of an HTTP date; -1: absent */
    int64_t rate_remaining; /* -1: absent */
    int64_t rate_reset_s;   /* -1: absent */
};

void reply_hints_clear(struct reply_hints *h);
/* One header line as received. A status line begins a new reply (after 100 Continue) and clears. */
void reply_hints_line(struct reply_hints *h, struct str line);
/* Milliseconds to wait, -1: no word about it. */
int64_t reply_hints_wait_ms(const struct reply_hints *h, int status, int64_t wall_ms);

#endif
