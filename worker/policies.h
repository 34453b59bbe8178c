/* policies.h - the policies of all tenants: tenants[].policy, else worker.policy.
 *
 * Each file is loaded once, however many tenants have it. Immutable once loaded, as policy.h: a reload makes a new
 * object. One thread at a time. */
#ifndef ROLLCALL_WORKER_POLICIES_H
#define ROLLCALL_WORKER_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "engine/engine.h"
#include "error.h"

struct policies;
struct policy;

/* All or none. Fails as policy_new, with the key that names the file. */
bool policies_new(const struct config *cfg, struct policies **ret, struct error *err)
    __attribute__((warn_unused_result));
void policies_free(struct policies *p);

/* The tenant's policy changes it, and which tenant has which; where no tenant has its own it is worker.policy's. */
uint64_t policies_fingerprint(const struct policies *p);

/* Of the tenant's policy; ctx: the policies. */
uint64_t policies_fingerprint_of(const void *ctx, const char *tenant);

/* Borrowed. A tenant that is not known has worker.policy. */
struct policy *policies_of(const struct policies *p, const char *tenant);

/* The word of the policy of the person's tenant, as policy_ask. */
bool policies_ask(struct policies *p, const struct person_view *view, const char *target, struct desired *ret,
                  struct error *err) __attribute__((warn_unused_result));

#endif
