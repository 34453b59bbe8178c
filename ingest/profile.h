/* profile.h - the profile that a script returned, flattened into SCIM attribute paths.
 *
 * Thread rule: that of the Lua host. */
#ifndef INGEST_PROFILE_H
#define INGEST_PROFILE_H

#include <stdbool.h>

#include "attr.h"
#include "error.h"
#include "lua_host.h"

/* Reads the value at the absolute index: a table or a JSON view of scalars, null (cleared) and one level of
 * the same below ("name": {"givenName": …} is "name.givenName"). The enterprise extension's URN is dropped
 * from names. A lone "value" below a name stands for the name itself ("manager": {"value": …}). Fails with
 * ERROR_INPUT. */
bool profile_read(struct lua_host *host, int index, struct attrs *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
