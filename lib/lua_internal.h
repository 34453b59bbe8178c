/* lua_internal.h - what the files of lua_host.h's module share. Thread rule: a host belongs to one thread. */
#ifndef ROLLCALL_LUA_INTERNAL_H
#define ROLLCALL_LUA_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua_host.h"

enum { LUA_SPARE_CLASSES = 16 };

struct lua_spare;

struct lua_host {
    lua_State *L;
    size_t memory_max, memory_used;
    bool limited;                               /* inside a call: the memory limit holds */
    bool exhausted;                             /* this call has used up its instructions or its time */
    unsigned instructions;                      /* a call's allowance */
    int64_t left;                               /* what remains of it */
    int64_t deadline_ns;                        /* on the thread's CPU clock; 0: not set yet */
    uint64_t generation;                        /* of JSON views: older ones are stale */
    const void *views;                          /* the metatable of JSON views, to be compared */
    struct lua_spare *spare[LUA_SPARE_CLASSES]; /* blocks that wait for their next use */
    lua_script sandbox;                         /* the table that each script's globals are copied from */
};

static inline struct lua_host *lua_host_of(lua_State *L)
{
    return *(struct lua_host **)lua_getextraspace(L);
}

/* Lua's allocator; the host is its context. */
void *lua_memory(void *host, void *p, size_t osize, size_t nsize);
void lua_memory_drop(struct lua_host *h); /* gives kept blocks back */

/* Pushes a new table of what scripts may use; also makes the views' metatable. */
void lua_sandbox_open(lua_State *L);
/* Pushes a copy of the sandbox table at index, its libraries copied too: a script changes its own only. */
void lua_sandbox_copy(lua_State *L, int index);

void lua_json_open(lua_State *L);
/* As lua_host_push_json, but JSON null becomes rollcall.null when `keep_null`. May raise. */
void lua_json_push(lua_State *L, const cJSON *node, bool keep_null);

/* Adds the helpers that read senders' values to the table on top of the stack. */
void lua_values_add(lua_State *L);

/* Pushes the `rollcall` table. */
void lua_helpers_open(lua_State *L);

#endif
