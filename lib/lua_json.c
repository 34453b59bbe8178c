/* Views: userdata over cJSON nodes. */
#include <math.h>
#include <stdlib.h>

#include "json.h"
#include "lua_internal.h"

static const char view_type[] = "rollcall.json";
static const char null_address; /* its address is rollcall.null */

struct view {
    const cJSON *node;
    uint64_t generation;
    const cJSON *cursor; /* the element last read, so that reading an array in order costs one step each */
    lua_Integer position;
    lua_Integer length; /* -1: not counted yet */
};

void lua_host_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_address);
}

bool lua_host_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == (void *)(uintptr_t)&null_address;
}

static void push_number(lua_State *L, double number)
{
    if (number == trunc(number) && fabs(number) <= 0x1p53)
        lua_pushinteger(L, (lua_Integer)number);
    else
        lua_pushnumber(L, number);
}

static void push_view(lua_State *L, const cJSON *node)
{
    struct view *view = lua_newuserdatauv(L, sizeof *view, 0);
    *view = (struct view){.node = node, .generation = lua_host_of(L)->generation, .length = -1};
    lua_rawgetp(L, LUA_REGISTRYINDEX, view_type);
    lua_setmetatable(L, -2);
}

/* As luaL_testudata, which looks the metatable up by its name: every access of a script passes here. */
static struct view *test_view(lua_State *L, int index)
{
    struct view *view = lua_touserdata(L, index);
    if (!view || !lua_getmetatable(L, index))
        return NULL;
    bool ours = lua_topointer(L, -1) == lua_host_of(L)->views;
    lua_pop(L, 1);
    return ours ? view : NULL;
}

void lua_json_push(lua_State *L, const cJSON *node, bool keep_null)
{
    if (cJSON_IsString(node))
        lua_pushlstring(L, node->valuestring, strlen(node->valuestring));
    else if (cJSON_IsNumber(node))
        push_number(L, node->valuedouble);
    else if (cJSON_IsBool(node))
        lua_pushboolean(L, cJSON_IsTrue(node));
    else if (cJSON_IsObject(node) || cJSON_IsArray(node))
        push_view(L, node);
    else if (node && keep_null)
        lua_host_push_null(L);
    else
        lua_pushnil(L);
}

void lua_host_push_json(struct lua_host *h, const cJSON *node)
{
    lua_json_push(h->L, node, false);
}

void lua_host_push_plain(lua_State *L, const cJSON *node)
{
    bool list = cJSON_IsArray(node);
    lua_Integer i = 0;
    const cJSON *item;
    if (!list && !cJSON_IsObject(node)) {
        lua_json_push(L, node, true);
        return;
    }
    luaL_checkstack(L, 4, "a document is nested too deeply");
    lua_newtable(L);
    cJSON_ArrayForEach(item, node)
    {
        if (!list)
            lua_pushstring(L, item->string);
        lua_host_push_plain(L, item);
        if (list)
            lua_rawseti(L, -2, ++i);
        else
            lua_rawset(L, -3);
    }
}

const cJSON *lua_host_to_json(struct lua_host *h, int index)
{
    const struct view *view = test_view(h->L, index);
    return view && view->generation == h->generation ? view->node : NULL;
}

static struct view *check_view(lua_State *L, int index)
{
    struct view *view = test_view(L, index);
    if (!view)
        view = luaL_checkudata(L, index, view_type); /* raises */
    if (view->generation != lua_host_of(L)->generation)
        luaL_error(L, "this JSON document is gone: keep values, not views, between calls");
    return view;
}

/* Element i of an array, from 1; NULL when there is none. */
static const cJSON *element(struct view *view, lua_Integer i)
{
    if (i < 1)
        return NULL;
    if (!view->cursor || i < view->position) {
        view->cursor = view->node->child;
        view->position = 1;
    }
    const cJSON *node = view->cursor;
    lua_Integer at = view->position;
    for (; node && at < i; at++)
        node = node->next;
    if (node) {
        view->cursor = node;
        view->position = i;
    }
    return node;
}

static int view_index(lua_State *L)
{
    struct view *view = check_view(L, 1);
    const cJSON *found = NULL;
    if (cJSON_IsArray(view->node) && lua_isinteger(L, 2))
        found = element(view, lua_tointeger(L, 2));
    else if (lua_type(L, 2) == LUA_TSTRING)
        found = json_get(view->node, lua_tostring(L, 2));
    lua_json_push(L, found, false);
    return 1;
}

static int view_length(lua_State *L)
{
    struct view *view = check_view(L, 1);
    if (view->length < 0)
        view->length = cJSON_GetArraySize(view->node);
    lua_pushinteger(L, view->length);
    return 1;
}

/* Upvalues: the view, the next node, its position. */
static int view_next(lua_State *L)
{
    const struct view *view = check_view(L, lua_upvalueindex(1));
    const cJSON *node = lua_touserdata(L, lua_upvalueindex(2));
    lua_Integer position = lua_tointeger(L, lua_upvalueindex(3));
    if (!node) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushlightuserdata(L, node->next);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushinteger(L, position + 1);
    lua_replace(L, lua_upvalueindex(3));
    if (cJSON_IsArray(view->node))
        lua_pushinteger(L, position);
    else
        lua_pushstring(L, node->string);
    lua_json_push(L, node, true);
    return 2;
}

static int view_pairs(lua_State *L)
{
    const struct view *view = check_view(L, 1);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, view->node->child);
    lua_pushinteger(L, 1);
    lua_pushcclosure(L, view_next, 3);
    return 1;
}

static int push_text(lua_State *L)
{
    lua_pushstring(L, lua_touserdata(L, 1));
    return 1;
}

static int view_tostring(lua_State *L)
{
    char *text = cJSON_PrintUnformatted(check_view(L, 1)->node);
    lua_pushcfunction(L, push_text); /* called, not run here: text must be freed when it raises */
    lua_pushlightuserdata(L, text);
    int rc = lua_pcall(L, 1, 1, 0);
    free(text);
    return rc == LUA_OK ? 1 : lua_error(L);
}

static int view_equal(lua_State *L)
{
    lua_pushboolean(L, check_view(L, 1)->node == check_view(L, 2)->node);
    return 1;
}

void lua_json_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__index", view_index},       {"__len", view_length}, {"__pairs", view_pairs},
        {"__tostring", view_tostring}, {"__eq", view_equal},   {NULL, NULL},
    };
    luaL_newmetatable(L, view_type);
    luaL_setfuncs(L, methods, 0);
    lua_host_of(L)->views = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, view_type);
}
