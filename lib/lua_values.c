/* Helpers for reading what senders say: times, and parts of JSON documents. */
#include <string.h>

#include "json.h"
#include "lua_internal.h"
#include "zone.h"

enum { PATH_MAX_BYTES = 256 };

static struct str check_text(lua_State *L, int index)
{
    struct str s;
    s.p = luaL_checklstring(L, index, &s.n);
    return s;
}

/* time(value [, zone]) → ms or nil: see zone_parse. Numbers too. */
static int value_time(lua_State *L)
{
    int64_t ms;
    struct str zone = lua_isnoneornil(L, 2) ? (struct str){0} : check_text(L, 2);
    if (zone.n > 0 && !zone_ok(zone))
        return luaL_error(L, "no such time zone");
    bool ok = lua_isinteger(L, 1) || lua_type(L, 1) == LUA_TSTRING;
    if (ok && zone_parse(check_text(L, 1), zone, &ms))
        lua_pushinteger(L, ms);
    else
        lua_pushnil(L);
    return 1;
}

/* How a text is written, without what it says: "11/30/2026" → "99/99/9999". */
static void shape(struct str text, char *out, size_t size)
{
    size_t n = text.n < size - 1 ? text.n : size - 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool digit = c >= '0' && c <= '9', mark = c < 0x80 && c && strchr(" ./:,+-", c);
        out[i] = digit ? '9' : mark ? (char)c : 'a';
    }
    out[n] = '\0';
}

/* "0000-00-00 …", as databases write none. */
static bool no_date(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr("0-:T.Z ", text.p[i]))
            return false;
    return true;
}

/* due(value [, zone]) → ms, or nil where there is none. What is there and cannot be read is an error: it would count as
 * now. */
static int value_due(lua_State *L)
{
    char shown[32];
    lua_settop(L, 2);
    if (lua_isnil(L, 1) || lua_host_is_null(L, 1))
        return 0;
    value_time(L);
    if (!lua_isnil(L, -1))
        return 1;
    struct str text = lua_type(L, 1) == LUA_TSTRING ? check_text(L, 1) : str_of("?");
    if (no_date(text))
        return 0;
    shape(text, shown, sizeof shown);
    return luaL_error(L, "a date or time written like %s cannot be read", shown);
}

/* The node at "a.b.c" below root; member names with dots in them cannot be reached. */
static const cJSON *walk(const cJSON *root, struct str path)
{
    char name[PATH_MAX_BYTES];
    const cJSON *node = root;
    while (node && path.n > 0) {
        const char *dot = memchr(path.p, '.', path.n);
        size_t n = dot ? (size_t)(dot - path.p) : path.n, cut = n + (dot ? 1 : 0);
        if (n >= sizeof name)
            return NULL;
        memcpy(name, path.p, n);
        name[n] = '\0';
        node = json_get(node, name);
        path = (struct str){path.p + cut, path.n - cut};
    }
    return node;
}

/* get(view, "a.b.c") → value or nil; nil too when a step is missing, or view is none */
static int value_get(lua_State *L)
{
    const cJSON *root = lua_host_to_json(lua_host_of(L), 1);
    lua_json_push(L, walk(root, check_text(L, 2)), false);
    return 1;
}

static bool is_scalar(const cJSON *node)
{
    return cJSON_IsString(node) || cJSON_IsNumber(node) || cJSON_IsBool(node);
}

/* pick(view, {to = "from.path", …} [, clears]) → table of what is there. What is null or an empty text there is left
 * out, or cleared (rollcall.null) when `clears`: for senders whose view names everything. Lists and objects are left
 * out. */
static int value_pick(lua_State *L)
{
    const cJSON *root = lua_host_to_json(lua_host_of(L), 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    bool clears = lua_toboolean(L, 3);
    lua_settop(L, 2);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, 4)) {
        const cJSON *node = lua_type(L, 5) == LUA_TSTRING ? walk(root, check_text(L, 5)) : NULL;
        bool empty = node && (cJSON_IsNull(node) || (cJSON_IsString(node) && !node->valuestring[0]));
        if (empty ? !clears : !is_scalar(node))
            continue;
        lua_pushvalue(L, 4);
        if (empty)
            lua_host_push_null(L);
        else
            lua_json_push(L, node, false);
        lua_rawset(L, 3);
    }
    lua_settop(L, 3);
    return 1;
}

/* list(value) → a table: of an array's elements; of the value alone if it is no array; empty for nil. XML cannot tell
 * one of many from one. */
static int value_list(lua_State *L)
{
    const cJSON *node = lua_host_to_json(lua_host_of(L), 1), *item;
    lua_Integer n = 0;
    lua_settop(L, 1);
    lua_createtable(L, cJSON_IsArray(node) ? cJSON_GetArraySize(node) : 1, 0);
    if (cJSON_IsArray(node)) {
        cJSON_ArrayForEach(item, node)
        {
            lua_json_push(L, item, true);
            lua_rawseti(L, 2, ++n);
        }
    } else if (!lua_isnil(L, 1) && !(lua_type(L, 1) == LUA_TSTRING && lua_rawlen(L, 1) == 0)) {
        lua_pushvalue(L, 1);
        lua_rawseti(L, 2, 1);
    }
    return 1;
}

/* overlap(value, set) → the first element of the list (or the text itself) that is a key of set, or nil */
static int value_overlap(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushcfunction(L, value_list);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    for (lua_Integer i = 1; lua_rawgeti(L, 3, i) != LUA_TNIL; i++, lua_settop(L, 3)) {
        lua_pushvalue(L, 4);
        if (lua_rawget(L, 2) != LUA_TNIL) {
            lua_settop(L, 4);
            return 1;
        }
    }
    lua_pushnil(L);
    return 1;
}

/* map(value, f) → a list of what f makes of each item of list(value), without nils */
static int value_map(lua_State *L)
{
    lua_Integer n = 0;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_pushcfunction(L, value_list);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    lua_newtable(L);
    for (lua_Integer i = 1; lua_pushvalue(L, 2), lua_rawgeti(L, 3, i) != LUA_TNIL; i++, lua_settop(L, 4)) {
        lua_call(L, 1, 1);
        if (!lua_isnil(L, 5))
            lua_rawseti(L, 4, ++n);
    }
    lua_settop(L, 4);
    return 1;
}

/* Results of one item (event or list of events or nil, why it is none) at 5 and 6, into the lists at 3 and 4. */
static void take_item(lua_State *L, lua_Integer *n, lua_Integer *skipped)
{
    if (lua_isnil(L, 5)) {
        if (lua_isnil(L, 6))
            lua_pushliteral(L, "of no concern");
        lua_rawseti(L, 4, ++*skipped);
    } else if (lua_istable(L, 5) && lua_rawlen(L, 5) > 0) {
        for (lua_Integer i = 1; lua_rawgeti(L, 5, i) != LUA_TNIL; i++)
            lua_rawseti(L, 3, ++*n);
    } else {
        lua_pushvalue(L, 5);
        lua_rawseti(L, 3, ++*n);
    }
}

/* { rejected = message, fault = true } in the place of the error at 5. */
static void take_error(lua_State *L, lua_Integer *n)
{
    lua_createtable(L, 0, 2);
    luaL_tolstring(L, 5, NULL);
    lua_setfield(L, -2, "rejected");
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "fault");
    lua_rawseti(L, 3, ++*n);
}

/* each(value, f) → list, skipped: what `events` returns, with f(item, i) for each item of the list (a table, or as list()
 * has it). An item on which f fails is rejected alone. A script without allowance fails at its next instruction: no error of
 * the limits is caught for good. */
static int value_each(lua_State *L)
{
    lua_Integer n = 0, skipped = 0;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (!lua_istable(L, 1)) {
        lua_pushcfunction(L, value_list);
        lua_pushvalue(L, 1);
        lua_call(L, 1, 1);
        lua_replace(L, 1);
    }
    lua_createtable(L, (int)lua_rawlen(L, 1), 0); /* mostly one event of each */
    lua_newtable(L);
    for (lua_Integer i = 1; lua_pushvalue(L, 2), lua_rawgeti(L, 1, i) != LUA_TNIL; i++, lua_settop(L, 4)) {
        lua_pushinteger(L, i);
        if (lua_pcall(L, 2, 2, 0) == LUA_OK)
            take_item(L, &n, &skipped);
        else
            take_error(L, &n);
    }
    lua_settop(L, 4);
    return 2;
}

void lua_values_add(lua_State *L)
{
    static const luaL_Reg values[] = {
        {"time", value_time}, {"due", value_due},   {"get", value_get},
        {"pick", value_pick}, {"list", value_list}, {"overlap", value_overlap},
        {"map", value_map},   {"each", value_each}, {NULL, NULL},
    };
    luaL_setfuncs(L, values, 0);
}
