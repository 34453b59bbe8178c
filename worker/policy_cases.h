/* policy_cases.h - a file of persons and the accounts that a policy should want for them; deploy/policy.md shows one.
 *
 * YAML or JSON, read strictly: unknown keys and wrong types are errors with their path (cases[3].person.groups). One owner at
 * a time. */
#ifndef ROLLCALL_WORKER_POLICY_CASES_H
#define ROLLCALL_WORKER_POLICY_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "engine/engine.h"
#include "engine/person.h"
#include "error.h"

struct policy_case { /* all of it owned by the list */
    char *name;
    char *target, *tenant; /* NULL: none is said */
    char *directory, *subject;
    struct person person;
    bool active;         /* may have access */
    bool partly;         /* only what is expected is compared */
    const cJSON *expect; /* as written; NULL: nothing is expected, the case only describes a person */
};

struct policy_cases { /* release with policy_cases_done; also one that is zeroed */
    struct policy_case *v;
    size_t n;
    cJSON *document;
};

/* Fails with ERROR_INPUT, or ERROR_SYSTEM when the file cannot be read. */
bool policy_cases_load(const char *path, struct policy_cases *ret, struct error *err)
    __attribute__((warn_unused_result));
void policy_cases_done(struct policy_cases *c);

/* The person as a policy is asked about one; tenant: of whoever says none. Borrows both. */
struct person_view policy_case_view(const struct policy_case *c, const char *tenant);

#endif
