/* source_rules.h - the declarative part of a source file (content_types, headers, handshake, verify) read
 * into C.
 *
 * Every unknown key, wrong type or unknown word is an error with its path, as verify.accept[1].time.unit: a
 * rule that is silently not understood would be a hole.
 *
 * Thread rule: that of the Lua host. */
#ifndef INGEST_SOURCE_RULES_H
#define INGEST_SOURCE_RULES_H

#include <stdbool.h>

#include "error.h"
#include "lua_host.h"
#include "source.h"
#include "verify.h"

/* Reads the script's table into the source's rules and *ret_verify; fails with ERROR_INPUT. */
bool source_rules_read(struct lua_host *host, lua_script script, struct source *src,
                       struct verify_rules *ret_verify, struct error *err)
    __attribute__((warn_unused_result));

#endif
