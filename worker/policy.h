/* policy.h - from a person and a target to the account that the target should hold: policy.lua or policy.yaml.
 *
 *     return {desired = function(person, target) … end}
 *
 * person: {tenant, directory, subject, employment = "joined|left|deleted|unknown", suspended, active, accessUntil, profile =
 * {name = value}, groups = {name = true}}; target: its name. deploy/config/policy.lua says what the answer may be,
 * deploy/policy.md how the same is said in YAML. Immutable once loaded: a new policy is a new object. One thread at a time. */
#ifndef ROLLCALL_WORKER_POLICY_H
#define ROLLCALL_WORKER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "engine/engine.h"
#include "error.h"

struct policy;

/* Loads the file. Fails with ERROR_INPUT (script) or ERROR_SYSTEM (file). */
bool policy_new(const char *path, struct policy **ret, struct error *err) __attribute__((warn_unused_result));
void policy_free(struct policy *p);

/* Changes with every byte of the file, and with the program's rollcall.rules. */
uint64_t policy_fingerprint(const struct policy *p);

/* Each target for which a policy in YAML has rules of its own. name is borrowed. */
void policy_each_target(struct policy *p, void (*fn)(void *ctx, const char *name), void *ctx);

/* The policy's word; *ret is released with desired_done. False: the script failed or said something that
 * means nothing; ERROR_INPUT with the script's line or the attribute. */
bool policy_ask(struct policy *p, const struct person_view *view, const char *target, struct desired *ret,
                struct error *err) __attribute__((warn_unused_result));

/* The same of an answer that somebody has written down: null or "nothing" leaves alone, an object is read as desired()'s
 * table is. */
bool policy_read_answer(struct policy *p, const cJSON *answer, struct desired *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
