/* worker.h - the pieces of rollcall-worker put together, and the loop that runs them. Main thread. */
#ifndef ROLLCALL_WORKER_WORKER_H
#define ROLLCALL_WORKER_WORKER_H

#include <stdbool.h>

#include "config.h"
#include "error.h"

struct worker;

/* Opens everything, bottom-up. Blocks signals first, so no thread may have been started before. Keeps cfg and
 * slot until worker_free. Waits for brokers as long as it takes; a SIGTERM meanwhile ends that, and
 * worker_run then returns at once. Kinds of failure: ERROR_INPUT and ERROR_PERMANENT: a person has to act. */
bool worker_new(const struct config *cfg, const char *slot, struct worker **ret, struct error *err)
    __attribute__((warn_unused_result));
/* Runs until SIGTERM or SIGINT and drained. Fails when something failed for good, or the drain ran out of
 * time; then the process should end at once, as after a crash: a tear-down could wait for what has failed. */
bool worker_run(struct worker *w, struct error *err) __attribute__((warn_unused_result));
/* Tears down in reverse; takes at most a few seconds, or the process says so and dies of SIGALRM. */
void worker_free(struct worker *w);

/* What --check looks at beyond the config file: policy, secrets and classes of limits. */
bool worker_check(const struct config *cfg, struct error *err) __attribute__((warn_unused_result));

#endif
