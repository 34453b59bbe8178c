/* lua_host.h - a sandbox for operators' Lua 5.4 scripts (sources, policy).
 *
 * Inside: base functions without load*, require, metatables and collectgarbage; string, table, math and utf8
 * reduced to what ends; the `rollcall` helpers; no I/O, no clock except rollcall.now(). Each script has
 * globals of its own and returns one table. A call is limited in instructions (fresh for each call), in CPU
 * time (2 s) and in memory; subjects of pattern functions to LUA_SUBJECT_MAX bytes, and to fewer the more a
 * pattern can backtrack. Whatever a script does comes back as ERROR_INPUT "name.lua:12: message".
 *
 * A call:
 *     lua_State *L = lua_host_state(h);
 *     if (!lua_host_begin(h, script, "events", err)) return false;  // pushes the function
 *     lua_host_push_json(h, document); lua_pushstring(L, tenant);   // arguments
 *     if (!lua_host_call(h, 2, 1, err)) return false;               // stack is clean on failure
 *     … read the result at index -1 with lua_host_field_* …
 *     lua_host_end(h);                                              // empties the stack, JSON views end
 *
 * The memory limit holds inside lua_host_call (and lua_host_load) only, so pushing and reading outside cannot
 * raise it; but reading must be raw (lua_host_field_*, lua_next, lua_rawgeti): a result may hold JSON views,
 * whose metamethods raise errors.
 *
 * JSON views: a userdata over a cJSON node: v.name, v[1], #v, pairs(v) in document order, tostring(v) (its
 * JSON). Strings, numbers, booleans become Lua values; JSON null reads as nil, and as rollcall.null when
 * iterating. A view is valid until lua_host_end; later use is a Lua error.
 *
 * Thread rule: a host belongs to one thread. */
#ifndef ROLLCALL_LUA_HOST_H
#define ROLLCALL_LUA_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <lua.h>

#include "buf.h"
#include "error.h"

enum { LUA_SUBJECT_MAX = 64 * 1024, LUA_SCRIPT_FILE_MAX = 256 * 1024 };

struct lua_host;

struct lua_limits {
    size_t memory_bytes;   /* of the whole host; 0: 16 MiB */
    unsigned instructions; /* VM instructions per call; 0: one million */
};

typedef int lua_script; /* a loaded script; valid until lua_host_free */

struct lua_host *lua_host_new(const struct lua_limits *limits); /* limits NULL: the defaults */
void lua_host_free(struct lua_host *h);
lua_State *lua_host_state(struct lua_host *h);

/* Runs the file, which must return a table. Text only, no bytecode. Fails with ERROR_INPUT (script) or
 * ERROR_SYSTEM (file). The _text form takes the content; name stands in messages. */
bool lua_host_load(struct lua_host *h, const char *path, lua_script *ret, struct error *err)
    __attribute__((warn_unused_result));
bool lua_host_load_text(struct lua_host *h, const char *name, struct str text, lua_script *ret,
                        struct error *err) __attribute__((warn_unused_result));

/* The table on top of the stack, which is popped, as a script of that name. */
bool lua_host_keep(struct lua_host *h, const char *name, lua_script *ret, struct error *err)
    __attribute__((warn_unused_result));
/* Scripts that are loaded from now on find the library's table as rollcall.<name>, one table for all of them. */
void lua_host_add_library(struct lua_host *h, lua_script library, const char *name);

bool lua_host_has_function(struct lua_host *h, lua_script script, const char *function);
void lua_host_push_table(struct lua_host *h, lua_script script); /* the table that the script returned */

/* Pushes the named function of the script's table; ERROR_INPUT when it has none. */
bool lua_host_begin(struct lua_host *h, lua_script script, const char *function, struct error *err)
    __attribute__((warn_unused_result));
/* Calls it with n_args pushed since; leaves n_results on the stack. On failure the stack is as before begin.
 */
bool lua_host_call(struct lua_host *h, int n_args, int n_results, struct error *err)
    __attribute__((warn_unused_result));
/* Empties the stack and invalidates all JSON views. */
void lua_host_end(struct lua_host *h);

/* Pushes a view of node (scalars as values, NULL as nil). Borrows the document until lua_host_end. */
void lua_host_push_json(struct lua_host *h, const cJSON *node);
/* Pushes node as plain Lua tables, JSON null as rollcall.null, for a script to keep. Of a document whose size and depth are
 * limited: the host's memory limit does not hold here. */
void lua_host_push_plain(lua_State *L, const cJSON *node);
/* The node of a view at index, NULL when it is something else or stale. */
const cJSON *lua_host_to_json(struct lua_host *h, int index);
/* Pushes / recognises rollcall.null. */
void lua_host_push_null(lua_State *L);
bool lua_host_is_null(lua_State *L, int index);

/* Raw reads of the member `key` of the table at index. *_string: the bytes live while the table does. True:
 * present and of that type. An absent member (nil) yields false with *ret_present false; wrong types yield
 * false with true. */
bool lua_host_field_string(lua_State *L, int index, const char *key, struct str *ret, bool *ret_present);
bool lua_host_field_integer(lua_State *L, int index, const char *key, int64_t *ret, bool *ret_present);
bool lua_host_field_boolean(lua_State *L, int index, const char *key, bool *ret, bool *ret_present);
/* Pushes the member (nil when absent) and returns its Lua type; pop it. */
int lua_host_field(lua_State *L, int index, const char *key);

#endif
