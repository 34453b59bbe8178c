/* What scripts may use of Lua's libraries, and how far. */
#include <math.h>
#include <string.h>

#include "lua_internal.h"
#include "mem.h"

enum { PATTERN_MAX = 256, OPTIONAL_MAX = 8 };

/* Steps that one match may take; more than this costs about half a second. */
static const double MATCH_STEPS_MAX = 0x1p28;

static const char *const base_names[] = {"assert",   "error",    "ipairs", "next",   "pairs",
                                         "pcall",    "rawequal", "rawget", "rawlen", "select",
                                         "tonumber", "tostring", "type",   NULL};
static const char *const string_names[] = {"byte",  "char",  "find", "format",  "gmatch", "gsub",  "len",
                                           "lower", "match", "rep",  "reverse", "sub",    "upper", NULL};
static const char *const table_names[] = {"concat", "insert", "pack", "remove", "sort", "unpack", NULL};
static const char *const math_names[] = {"abs",  "ceil",       "floor", "fmod",       "huge",
                                         "max",  "maxinteger", "min",   "mininteger", "tointeger",
                                         "type", "ult",        NULL};
static const char *const utf8_names[] = {"char", "charpattern", "codepoint", "codes", "len", "offset", NULL};

static const struct {
    const char *name; /* NULL: global functions */
    lua_CFunction open;
    const char *const *names;
} libraries[] = {
    {NULL, luaopen_base, base_names},      {"string", luaopen_string, string_names},
    {"table", luaopen_table, table_names}, {"math", luaopen_math, math_names},
    {"utf8", luaopen_utf8, utf8_names},
};

/* How a pattern can branch. */
struct branches {
    int repeats;   /* each may try every length of the subject */
    int optionals; /* each doubles */
};

/* p stands behind '['; returns what is behind the set. A ']' at the start is an element. */
static const char *behind_set(const char *p, const char *end)
{
    if (p < end && *p == '^')
        p++;
    for (bool first = true; p < end && (first || *p != ']'); first = false, p++)
        if (*p == '%' && p + 1 < end)
            p++;
    return p < end ? p + 1 : end;
}

/* What a '%' starts: an item that may repeat, or something that may not. Moves *p behind it. */
static bool is_item(const char **p, const char *end, struct branches *b)
{
    char c = *p < end ? *(*p)++ : '\0';
    bool references = c >= '0' && c <= '9', balances = c == 'b';
    b->repeats += references || balances;
    return !references && !balances && c != 'f';
}

/* A sign counts where Lua takes it for one: behind an item; elsewhere it stands for itself. */
static struct branches count_branches(const char *p, size_t n)
{
    struct branches b = {0};
    const char *end = p + n;
    bool behind_item = false;
    while (p < end) {
        char c = *p++;
        if (behind_item && (c == '*' || c == '+' || c == '-' || c == '?')) {
            b.repeats += c != '?';
            b.optionals += c == '?';
            behind_item = false;
        } else if (c == '[') {
            p = behind_set(p, end);
            behind_item = true;
        } else {
            behind_item = c == '%' ? is_item(&p, end, &b) : c != '(' && c != ')';
        }
    }
    return b;
}

/* Lua's matcher backtracks without counting, and no hook fires inside it, so its work is bounded beforehand:
 * a subject of n bytes and r repeats take at most about n^r steps from each place where a match may start. */
static void check_pattern(lua_State *L, bool may_anchor)
{
    size_t subject, n;
    luaL_checklstring(L, 1, &subject);
    const char *pattern = luaL_checklstring(L, 2, &n);
    if (subject > LUA_SUBJECT_MAX)
        luaL_error(L, "the subject of a pattern is longer than %d bytes", LUA_SUBJECT_MAX);
    if (n > PATTERN_MAX)
        luaL_error(L, "a pattern is longer than %d bytes", PATTERN_MAX);
    struct branches b = count_branches(pattern, n);
    bool anchored = may_anchor && n > 0 && pattern[0] == '^';
    double steps = pow((double)subject, b.repeats + !anchored) * pow(2, b.optionals);
    if (b.repeats > 0 && steps > MATCH_STEPS_MAX)
        luaL_error(L, "this pattern may take too long on %d bytes: anchor it with ^ or repeat less",
                   (int)subject);
    if (b.optionals > OPTIONAL_MAX)
        luaL_error(L, "a pattern has more than %d optional items", OPTIONAL_MAX);
}

/* Upvalue 1: Lua's own function, which runs in our frame and reads our arguments. */
static int run_original(lua_State *L)
{
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int capped_match(lua_State *L)
{
    check_pattern(L, true);
    return run_original(L);
}

static int capped_gmatch(lua_State *L)
{
    check_pattern(L, false);
    return run_original(L);
}

static int capped_find(lua_State *L)
{
    size_t subject;
    luaL_checklstring(L, 1, &subject);
    if (!lua_toboolean(L, 4))
        check_pattern(L, true);
    else if (subject > LUA_SUBJECT_MAX)
        luaL_error(L, "the subject of find is longer than %d bytes", LUA_SUBJECT_MAX);
    return run_original(L);
}

static int capped_rep(lua_State *L)
{
    size_t n, separator;
    luaL_checklstring(L, 1, &n);
    luaL_optlstring(L, 3, "", &separator);
    lua_Integer times = luaL_checkinteger(L, 2);
    if (times > LUA_SUBJECT_MAX || (times > 0 && (size_t)times * (n + separator) > LUA_SUBJECT_MAX))
        luaL_error(L, "rep makes more than %d bytes", LUA_SUBJECT_MAX);
    return run_original(L);
}

static const struct {
    const char *name;
    lua_CFunction function;
} capped[] = {
    {"find", capped_find},   {"gmatch", capped_gmatch}, {"gsub", capped_match},
    {"match", capped_match}, {"rep", capped_rep},
};

/* Wraps the capped functions of the string table on top of the stack. */
static void cap_strings(lua_State *L)
{
    for (size_t i = 0; i < ARRAY_SIZE(capped); i++) {
        lua_getfield(L, -1, capped[i].name);
        lua_pushcclosure(L, capped[i].function, 1);
        lua_setfield(L, -2, capped[i].name);
    }
}

/* Copies the named members of the table on top of the stack into the one at index `to`, and pops it. */
static void copy_members(lua_State *L, int to, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, to, *names);
    }
    lua_pop(L, 1);
}

/* luaopen_base fills the global table and returns it; nothing else refers to that table afterwards. */
static void open_library(lua_State *L, size_t i, int sandbox)
{
    lua_pushcfunction(L, libraries[i].open);
    lua_call(L, 0, 1);
    if (!libraries[i].name) {
        copy_members(L, sandbox, libraries[i].names);
        return;
    }
    lua_newtable(L);
    lua_insert(L, -2);
    copy_members(L, lua_gettop(L) - 1, libraries[i].names);
    if (libraries[i].open == luaopen_string)
        cap_strings(L);
    lua_setfield(L, sandbox, libraries[i].name);
}

/* Methods of strings (("x"):upper()) are those of the sandbox. No script can reach this table to change it.
 */
static void set_string_methods(lua_State *L, int sandbox)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, sandbox, "string");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
}

static void forget_globals(lua_State *L)
{
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

void lua_sandbox_open(lua_State *L)
{
    lua_newtable(L);
    int sandbox = lua_gettop(L);
    for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
        open_library(L, i, sandbox);
    set_string_methods(L, sandbox);
    lua_json_open(L);
    lua_helpers_open(L);
    lua_setfield(L, sandbox, "rollcall");
    forget_globals(L);
}

/* Pushes a copy of the table at index; tables in it are copied too, down to `depth`. */
static void copy_table(lua_State *L, int index, int depth)
{
    lua_newtable(L);
    int copy = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        int value = lua_gettop(L);
        lua_pushvalue(L, value - 1);
        if (depth > 0 && lua_istable(L, value))
            copy_table(L, value, depth - 1);
        else
            lua_pushvalue(L, value);
        lua_rawset(L, copy);
    }
}

void lua_sandbox_copy(lua_State *L, int index)
{
    copy_table(L, index, 1);
}
