/* cli_provision.h - waits for the results that a provision of one person has to bring, and prints them. Main thread. */
#ifndef ROLLCALL_WORKER_CLI_PROVISION_H
#define ROLLCALL_WORKER_CLI_PROVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "engine/control.h"
#include "error.h"

struct provision;

/* Finds the targets that take the person (tenant/directory/subject) and goes to the end of the results topic: before
 * the decision of time_ms is written. Fails with ERROR_INPUT when no target takes such a person, ERROR_TEMPORARY when
 * brokers do not answer. Borrows cfg and person until provision_free. */
bool provision_new(const struct config *cfg, const char *person, int64_t time_ms, struct provision **ret,
                   struct error *err) __attribute__((warn_unused_result));
/* Prints each target's result as it comes. The exit code: 0 all came, 66 nothing is known of the person, 69 one of them was
 * rejected, 75 not all came in time, which is said with what may be the matter. */
int provision_wait(struct provision *p, int64_t timeout_ms);
/* Every result has come. */
bool provision_complete(const struct provision *p);
void provision_free(struct provision *p);

#endif
