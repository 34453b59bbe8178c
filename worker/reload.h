/* reload.h - what of the configuration may change while the worker runs: the numbers of targets and tenants (limits, guard,
 * retry, breaker, time-outs, calls at once), protected accounts, tokens. Main thread.
 *
 * What makes a target another one (name, tenant, directory, kind, base_url, match), which targets and tenants there are and
 * how they are spread needs a restart, and so does everything outside of them. */
#ifndef ROLLCALL_WORKER_RELOAD_H
#define ROLLCALL_WORKER_RELOAD_H

#include "config.h"
#include "error.h"

/* Reads the file of `running` again, checks it, and puts its targets in the order of `running`. Free with config_free.
 * Fails with ERROR_INPUT (or ERROR_SYSTEM): the file is wrong, or what it changes needs a restart, which err says. */
bool reload_config(const struct config *running, struct config **ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
