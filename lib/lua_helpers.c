/* The `rollcall` table that scripts find. Times are milliseconds since 1970; what cannot be read gives nil.
 */

#include "digest.h"
#include "loop.h"
#include "lua_internal.h"
#include "rfc3339.h"
#include "wildcard.h"

static const int64_t TIME_MAX_MS = INT64_C(253402300799999);

static struct str check_text(lua_State *L, int index)
{
    struct str s;
    s.p = luaL_checklstring(L, index, &s.n);
    return s;
}

/* format_time(ms) → text */
static int helper_format_time(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 1);
    luaL_argcheck(L, ms >= 0 && ms <= TIME_MAX_MS, 1, "outside the years 1970 to 9999");
    char text[RFC3339_SIZE];
    rfc3339_format(ms, text);
    lua_pushstring(L, text);
    return 1;
}

static int helper_now(lua_State *L)
{
    lua_pushinteger(L, clock_real_ms());
    return 1;
}

static int helper_sha256_hex(lua_State *L)
{
    struct str s = check_text(L, 1);
    char hex[SHA256_HEX_SIZE];
    digest_sha256_hex(s.p, s.n, hex);
    lua_pushstring(L, hex);
    return 1;
}

/* Lower case of ASCII letters, whatever the locale. */
static int helper_lower(lua_State *L)
{
    struct str s = check_text(L, 1);
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, s.n);
    for (size_t i = 0; i < s.n; i++)
        to[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    luaL_pushresultsize(&b, s.n);
    return 1;
}

static int helper_trim(lua_State *L)
{
    struct str s = str_trim(check_text(L, 1));
    lua_pushlstring(L, s.p, s.n);
    return 1;
}

/* like(text, pattern): see wildcard.h */
static int helper_like(lua_State *L)
{
    struct str text = check_text(L, 1), pattern = check_text(L, 2);
    luaL_argcheck(L, pattern.n <= WILDCARD_MAX, 2, "a pattern is longer than 256 bytes");
    luaL_argcheck(L, text.n <= LUA_SUBJECT_MAX, 1, "the subject of a pattern is longer than 65536 bytes");
    lua_pushboolean(L, wildcard_match(pattern, text));
    return 1;
}

/* Pushes b's content and frees it, also when pushing raises: b's memory is first moved into Lua's. */
static int push_and_free(lua_State *L, struct buf *b, bool ok, void *copy)
{
    size_t n = b->n;
    if (ok && n > 0)
        memcpy(copy, b->p, n);
    buf_done(b);
    if (ok)
        lua_pushlstring(L, copy, n);
    else
        lua_pushnil(L);
    return 1;
}

static int helper_base64_encode(lua_State *L)
{
    struct str s = check_text(L, 1);
    size_t size = (s.n + 2) / 3 * 4;
    void *copy = lua_newuserdatauv(L, size, 0);
    struct buf b;
    buf_init(&b, size);
    base64_encode(s.p, s.n, &b);
    return push_and_free(L, &b, true, copy);
}

/* base64_decode(text) → bytes or nil */
static int helper_base64_decode(lua_State *L)
{
    struct str s = check_text(L, 1);
    void *copy = lua_newuserdatauv(L, s.n, 0);
    struct buf b;
    buf_init(&b, s.n);
    bool ok = base64_decode(s, &b);
    return push_and_free(L, &b, ok, copy);
}

/* escape(text) → the text as one segment of a path, or a value of a query (RFC 3986: all but unreserved is escaped) */
static int helper_escape(lua_State *L)
{
    static const char digits[] = "0123456789ABCDEF";
    struct str s = check_text(L, 1);
    luaL_Buffer b;
    char *start = luaL_buffinitsize(L, &b, s.n * 3), *to = start;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = percent_plain(s.p[i]) && (c != '.' || s.n > 2); /* "." and ".." are no names in a path */
        if (!plain)
            *to++ = '%';
        *to++ = plain ? (char)c : digits[c >> 4];
        if (!plain)
            *to++ = digits[c & 15];
    }
    luaL_pushresultsize(&b, (size_t)(to - start));
    return 1;
}

void lua_helpers_open(lua_State *L)
{
    static const luaL_Reg helpers[] = {
        {"format_time", helper_format_time},
        {"now", helper_now},
        {"sha256_hex", helper_sha256_hex},
        {"lower", helper_lower},
        {"trim", helper_trim},
        {"like", helper_like},
        {"escape", helper_escape},
        {"base64_encode", helper_base64_encode},
        {"base64_decode", helper_base64_decode},
        {NULL, NULL},
    };
    luaL_newlib(L, helpers);
    lua_values_add(L);
    lua_host_push_null(L);
    lua_setfield(L, -2, "null");
}
