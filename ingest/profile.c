#include "profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lua.h>

#include "buf.h"

static const char ENTERPRISE[] = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
static const double INTEGER_MAX = 9007199254740992.0; /* 2^53 */

enum { DEPTH_MAX = 3 }; /* extension, attribute, sub-attribute */

struct reader {
    struct lua_host *host;
    struct attrs *out;
    struct error *err;
};

static bool read_members(struct reader *r, int index, const char *prefix, int depth);

/* prefix + "." + key without the URN; false when it gets too long. */
static bool join(const char *prefix, struct str key, char out[ATTR_NAME_MAX + 1])
{
    size_t urn = sizeof ENTERPRISE - 1;
    if (key.n >= urn && memcmp(key.p, ENTERPRISE, urn) == 0)
        key = (struct str){key.p + urn, key.n - urn};
    while (key.n > 0 && key.p[0] == ':')
        key = (struct str){key.p + 1, key.n - 1};
    if (prefix[0] && str_eq(key, str_of("value")))
        key.n = 0;
    int n = snprintf(out, ATTR_NAME_MAX + 1, "%s%s%.*s", prefix, prefix[0] && key.n > 0 ? "." : "",
                     (int)key.n, key.p);
    return n >= 0 && n <= ATTR_NAME_MAX && !memchr(key.p, '\0', key.n);
}

static bool put(struct reader *r, const char *name, const char *value)
{
    if (!name[0])
        return error_set(r->err, ERROR_INPUT, "profile: a name is empty");
    if (r->out->n >= ATTRS_MAX && !attrs_find(r->out, name))
        return error_set(r->err, ERROR_INPUT, "profile: more than %d attributes", ATTRS_MAX);
    attrs_set(r->out, name, value);
    return true;
}

static bool put_text(struct reader *r, const char *name, struct str text)
{
    char value[ATTR_VALUE_MAX + 1];
    if (text.n > ATTR_VALUE_MAX || (text.n > 0 && memchr(text.p, '\0', text.n)))
        return error_set(r->err, ERROR_INPUT, "profile: a value is longer than %d bytes or holds a NUL",
                         ATTR_VALUE_MAX);
    for (size_t i = 0; i < text.n; i++) /* what is no text becomes a blank: no reason to lose an event */
        value[i] = (unsigned char)text.p[i] < ' ' && !strchr("\t\n\r", text.p[i]) ? ' ' : text.p[i];
    value[text.n] = '\0';
    return put(r, name, value);
}

static bool put_number(struct reader *r, const char *name, double number)
{
    char text[32];
    bool integer = fabs(number) <= INTEGER_MAX && floor(number) == number;
    snprintf(text, sizeof text, integer ? "%.0f" : "%.17g", number);
    return put(r, name, text);
}

static bool read_json(struct reader *r, const cJSON *node, const char *name, int depth)
{
    char path[ATTR_NAME_MAX + 1];
    if (cJSON_IsString(node))
        return put_text(r, name, str_of(node->valuestring));
    if (cJSON_IsBool(node))
        return put(r, name, cJSON_IsTrue(node) ? "true" : "false");
    if (cJSON_IsNumber(node))
        return put_number(r, name, node->valuedouble);
    if (cJSON_IsNull(node))
        return put(r, name, NULL);
    if (!cJSON_IsObject(node) || depth == DEPTH_MAX)
        return error_set(r->err, ERROR_INPUT, "profile: lists and deep objects are not attributes");
    for (const cJSON *child = node->child; child; child = child->next)
        if (!join(name, str_of(child->string), path))
            return error_set(r->err, ERROR_INPUT, "profile: a name is longer than %d bytes", ATTR_NAME_MAX);
        else if (!read_json(r, child, path, depth + 1))
            return false;
    return true;
}

/* The value on top of the stack, which stays. */
static bool read_value(struct reader *r, const char *name, int depth)
{
    lua_State *L = lua_host_state(r->host);
    struct str text;
    if (lua_host_is_null(L, -1))
        return put(r, name, NULL);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        text.p = lua_tolstring(L, -1, &text.n);
        return put_text(r, name, text);
    case LUA_TBOOLEAN:
        return put(r, name, lua_toboolean(L, -1) ? "true" : "false");
    case LUA_TNUMBER:
        return put_number(r, name, lua_tonumber(L, -1));
    default:
        return read_members(r, lua_gettop(L), name, depth);
    }
}

static bool read_table(struct reader *r, int index, const char *prefix, int depth)
{
    lua_State *L = lua_host_state(r->host);
    char path[ATTR_NAME_MAX + 1];
    bool ok = true;
    lua_pushnil(L);
    while (ok && lua_next(L, index)) {
        struct str key = {0};
        if (lua_type(L, -2) == LUA_TSTRING)
            key.p = lua_tolstring(L, -2, &key.n);
        ok = (key.n > 0 && join(prefix, key, path)) ||
             error_set(r->err, ERROR_INPUT, "profile: names are strings of at most %d bytes", ATTR_NAME_MAX);
        ok = ok && read_value(r, path, depth + 1);
        lua_pop(L, ok ? 1 : 2);
    }
    return ok;
}

static bool read_members(struct reader *r, int index, const char *prefix, int depth)
{
    lua_State *L = lua_host_state(r->host);
    const cJSON *node = lua_host_to_json(r->host, index);
    if (cJSON_IsObject(node))
        return read_json(r, node, prefix, depth);
    if (lua_istable(L, index) && depth < DEPTH_MAX)
        return read_table(r, index, prefix, depth);
    return error_set(r->err, ERROR_INPUT, "profile: lists and deep objects are not attributes");
}

bool profile_read(struct lua_host *host, int index, struct attrs *ret, struct error *err)
{
    struct reader r = {host, ret, err};
    return read_members(&r, index, "", 0);
}
