/* event_lua.h - parts of an event that a script writes: read from the table on top of the host's stack, which stays.
 *
 * What sources say of a person has one form, whether a webhook tells it (ingest) or an answer of the source's API
 * (worker). All fail with ERROR_INPUT and the member's name. Thread rule: that of the Lua host. */
#ifndef ROLLCALL_EVENT_LUA_H
#define ROLLCALL_EVENT_LUA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "event.h"
#include "lua_host.h"

/* A string of at most max bytes without NUL; *ret (freed by the caller) stays when absent. */
bool event_lua_text(lua_State *L, const char *key, size_t max, char **ret, struct error *err)
    __attribute__((warn_unused_result));

/* An instant in RFC 3339 or in integer milliseconds. *ret stays when absent; null counts as absent. */
bool event_lua_time(lua_State *L, const char *key, int64_t *ret, bool *ret_present, struct error *err)
    __attribute__((warn_unused_result));

/* accessUntil: absent says nothing, null says without end, a view of an object stands for its member. */
bool event_lua_access_until(struct lua_host *host, struct event *ev, struct error *err)
    __attribute__((warn_unused_result));

/* groups: a table or a JSON view of names; *ret_given: it is there, and may be empty. */
bool event_lua_groups(struct lua_host *host, struct event *ev, bool *ret_given, struct error *err)
    __attribute__((warn_unused_result));

/* profile, flattened into SCIM attribute paths: a table or a JSON view of scalars, null (cleared) and one level of the
 * same below ("name": {"givenName": …} is "name.givenName"). The enterprise extension's URN is dropped from names. A
 * lone "value" below a name stands for the name itself ("manager": {"value": …}). */
bool event_lua_profile(struct lua_host *host, struct event *ev, struct error *err)
    __attribute__((warn_unused_result));

#endif
