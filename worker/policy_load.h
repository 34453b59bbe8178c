/* policy_load.h - a policy's file into a Lua host: policy.lua as it is, policy.yaml by way of rollcall.rules.policy, so that
 * one thing decides whatever the form. One thread at a time. */
#ifndef ROLLCALL_WORKER_POLICY_LOAD_H
#define ROLLCALL_WORKER_POLICY_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "lua_host.h"

/* What ends with .yaml or .yml is YAML, everything else Lua. The script has a function `desired`; the fingerprint changes
 * with every byte of the file and of rollcall.rules. Fails with ERROR_INPUT (what stands in the file, with line or path) or
 * ERROR_SYSTEM (the file cannot be read). */
bool policy_load(struct lua_host *h, const char *path, lua_script *ret, uint64_t *ret_fingerprint,
                 struct error *err) __attribute__((warn_unused_result));

#endif
