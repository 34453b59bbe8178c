/* target_checks.h - what an administrator wants to know of a target before it is switched on: reachable, token, SCIM switched
 * on, what it can do, look-ups, limits, teams. A line per check: ok, warning or failed, and then what to do. Only GETs are
 * sent. Main thread. */
#ifndef ROLLCALL_WORKER_TARGET_CHECKS_H
#define ROLLCALL_WORKER_TARGET_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "config.h"
#include "engine/engine.h"
#include "target_probe.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_FAILED };

struct target_checks {
    const struct config *cfg; /* of one target */
    const struct engine_config *engine_config;
    struct target_probe *probe;
    int64_t accounts; /* as the target says; -1: not known */
    size_t counts[CHECK_FAILED + 1];
};

/* A line on stdout, counted. advice: the next line, what to do; NULL: nothing. What others wrote comes out without what could
 * steer a terminal. */
void target_checks_say(struct target_checks *c, enum check_level level, const char *name, const char *advice,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Everything about the service itself. False: there is no sense in asking more. */
bool target_checks_service(struct target_checks *c);
/* wanted: name → "true", those that a policy names for somebody. */
void target_checks_teams(struct target_checks *c, const struct attrs *wanted);

#endif
