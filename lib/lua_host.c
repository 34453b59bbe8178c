#include "lua_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file.h"
#include "lua_internal.h"
#include "mem.h"

enum { MEMORY_DEFAULT = 16 << 20, INSTRUCTIONS_DEFAULT = 1000000, HOOK_INTERVAL = 250, STACK_SLOTS = 64 };

static const int64_t CALL_CPU_MAX_NS = INT64_C(2000000000);

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The clock starts at the first count: most calls end before it. */
static bool has_left(struct lua_host *h)
{
    h->left -= HOOK_INTERVAL;
    if (h->deadline_ns == 0)
        h->deadline_ns = cpu_ns() + CALL_CPU_MAX_NS;
    return h->left > 0 && cpu_ns() < h->deadline_ns;
}

/* After exhaustion it fires at each instruction, so that no pcall of the script can go on for long. */
static void on_count(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct lua_host *h = lua_host_of(L);
    if (!h->exhausted && has_left(h))
        return;
    if (!h->exhausted)
        lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
    h->exhausted = true;
    luaL_error(L,
               h->left > 0 ? "more CPU time than a call may take" : "more instructions than a call may take");
}

/* lua_pcall within the limits. Errors end as ERROR_INPUT; the stack is then as before the function was
 * pushed. */
static bool call(struct lua_host *h, int n_args, int n_results, struct error *err)
{
    lua_State *L = h->L;
    int base = lua_gettop(L) - n_args - 1;
    h->left = h->instructions;
    h->deadline_ns = 0;
    h->exhausted = false;
    h->limited = true;
    int interval = h->instructions < HOOK_INTERVAL ? (int)h->instructions : HOOK_INTERVAL;
    lua_sethook(L, on_count, LUA_MASKCOUNT, interval);
    int rc = lua_pcall(L, n_args, n_results, 0);
    lua_sethook(L, NULL, 0, 0);
    h->limited = false;
    if (rc == LUA_OK)
        return true;
    const char *message =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error that is not a string";
    error_set(err, ERROR_INPUT, "%s", message);
    lua_settop(L, base);
    return false;
}

static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    fprintf(stderr, "rollcall: Lua error outside a call: %s\n", message ? message : "?");
    return 0; /* Lua aborts */
}

struct lua_host *lua_host_new(const struct lua_limits *limits)
{
    struct lua_host *h = xcalloc(1, sizeof *h);
    h->memory_max = limits && limits->memory_bytes ? limits->memory_bytes : MEMORY_DEFAULT;
    h->instructions = limits && limits->instructions ? limits->instructions : INSTRUCTIONS_DEFAULT;
    h->L = lua_newstate(lua_memory, h);
    assert(h->L);
    *(struct lua_host **)lua_getextraspace(h->L) = h;
    lua_atpanic(h->L, panic);
    lua_checkstack(h->L, STACK_SLOTS);
    lua_sandbox_open(h->L);
    h->sandbox = luaL_ref(h->L, LUA_REGISTRYINDEX);
    return h;
}

void lua_host_free(struct lua_host *h)
{
    if (!h)
        return;
    lua_close(h->L);
    lua_memory_drop(h);
    free(h);
}

lua_State *lua_host_state(struct lua_host *h)
{
    return h->L;
}

/* Compiles the text with globals of its own; leaves the function on the stack. */
static bool compile(struct lua_host *h, const char *name, struct str text, struct error *err)
{
    lua_State *L = h->L;
    char chunk[128];
    snprintf(chunk, sizeof chunk, "@%s", name);
    if (luaL_loadbufferx(L, text.p ? text.p : "", text.n, chunk, "t") != LUA_OK) {
        error_set(err, ERROR_INPUT, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
        return false;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->sandbox);
    lua_sandbox_copy(L, lua_gettop(L));
    lua_setupvalue(L, -3, 1); /* _ENV */
    lua_pop(L, 1);
    return true;
}

bool lua_host_keep(struct lua_host *h, const char *name, lua_script *ret, struct error *err)
{
    if (!lua_istable(h->L, -1)) {
        lua_pop(h->L, 1);
        return error_set(err, ERROR_INPUT, "%s: returns no table", name);
    }
    *ret = luaL_ref(h->L, LUA_REGISTRYINDEX);
    return true;
}

bool lua_host_load_text(struct lua_host *h, const char *name, struct str text, lua_script *ret,
                        struct error *err)
{
    return compile(h, name, text, err) && call(h, 0, 1, err) && lua_host_keep(h, name, ret, err);
}

void lua_host_add_library(struct lua_host *h, lua_script library, const char *name)
{
    lua_rawgeti(h->L, LUA_REGISTRYINDEX, h->sandbox);
    lua_getfield(h->L, -1, "rollcall");
    lua_rawgeti(h->L, LUA_REGISTRYINDEX, library);
    lua_setfield(h->L, -2, name);
    lua_pop(h->L, 2);
}

bool lua_host_load(struct lua_host *h, const char *path, lua_script *ret, struct error *err)
{
    const char *slash = strrchr(path, '/');
    struct buf text;
    buf_init(&text, LUA_SCRIPT_FILE_MAX);
    bool ok = (file_read(path, &text, err) || error_wrap(err, "%s", path)) &&
              lua_host_load_text(h, slash ? slash + 1 : path, buf_str(&text), ret, err);
    buf_done(&text);
    return ok;
}

void lua_host_push_table(struct lua_host *h, lua_script script)
{
    lua_rawgeti(h->L, LUA_REGISTRYINDEX, script);
}

bool lua_host_has_function(struct lua_host *h, lua_script script, const char *function)
{
    lua_host_push_table(h, script);
    bool has = lua_host_field(h->L, -1, function) == LUA_TFUNCTION;
    lua_pop(h->L, 2);
    return has;
}

bool lua_host_begin(struct lua_host *h, lua_script script, const char *function, struct error *err)
{
    lua_host_push_table(h, script);
    if (lua_host_field(h->L, -1, function) != LUA_TFUNCTION) {
        lua_pop(h->L, 2);
        return error_set(err, ERROR_INPUT, "the script has no function \"%s\"", function);
    }
    lua_remove(h->L, -2);
    return true;
}

bool lua_host_call(struct lua_host *h, int n_args, int n_results, struct error *err)
{
    return call(h, n_args, n_results, err);
}

void lua_host_end(struct lua_host *h)
{
    lua_settop(h->L, 0);
    h->generation++;
    if (h->memory_used > h->memory_max / 2) {
        lua_gc(h->L, LUA_GCCOLLECT);
        lua_memory_drop(h);
    }
}

int lua_host_field(lua_State *L, int index, const char *key)
{
    index = lua_absindex(L, index);
    if (!lua_istable(L, index)) {
        lua_pushnil(L);
        return LUA_TNIL;
    }
    lua_pushstring(L, key);
    return lua_rawget(L, index);
}

bool lua_host_field_string(lua_State *L, int index, const char *key, struct str *ret, bool *ret_present)
{
    int type = lua_host_field(L, index, key);
    *ret_present = type != LUA_TNIL;
    if (type == LUA_TSTRING)
        ret->p = lua_tolstring(L, -1, &ret->n);
    lua_pop(L, 1);
    return type == LUA_TSTRING;
}

bool lua_host_field_integer(lua_State *L, int index, const char *key, int64_t *ret, bool *ret_present)
{
    int type = lua_host_field(L, index, key), whole = 0;
    *ret_present = type != LUA_TNIL;
    lua_Integer value = type == LUA_TNUMBER ? lua_tointegerx(L, -1, &whole) : 0;
    if (whole)
        *ret = value;
    lua_pop(L, 1);
    return whole != 0;
}

bool lua_host_field_boolean(lua_State *L, int index, const char *key, bool *ret, bool *ret_present)
{
    int type = lua_host_field(L, index, key);
    *ret_present = type != LUA_TNIL;
    if (type == LUA_TBOOLEAN)
        *ret = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return type == LUA_TBOOLEAN;
}
