/* target_probe.h - single GETs to one target, as an administrator asks: by the worker's HTTP client, with its token, proxy and
 * certificates, one at a time. Blocks until the answer is there. Main thread. */
#ifndef ROLLCALL_WORKER_TARGET_PROBE_H
#define ROLLCALL_WORKER_TARGET_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "engine/engine.h"
#include "error.h"

struct target_probe;

/* cfg has one target. Fails with ERROR_INPUT (its token, its base URL) or ERROR_SYSTEM. Borrows cfg. */
bool target_probe_new(const struct config *cfg, struct target_probe **ret, struct error *err)
    __attribute__((warn_unused_result));
void target_probe_free(struct target_probe *p);

struct probe_answer { /* borrowed until the next GET */
    enum call_outcome outcome;
    enum call_failure failure; /* without a reply */
    const char *error;         /* the same in words */
    int status;                /* of CALL_REPLIED */
    struct str body;
    int64_t elapsed_ms;
};

/* path: below the base URL, with query. */
void target_probe_get(struct target_probe *p, const char *path, struct probe_answer *ret);
/* The same below rest.url, of a target that has one. */
void target_probe_get_rest(struct target_probe *p, const char *path, struct probe_answer *ret);

#endif
