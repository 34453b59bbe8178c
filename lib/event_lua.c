#include "event_lua.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lua.h>

#include "buf.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"

/* ---- the profile, flattened ---------------------------------------------------------------------------- */

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
    size_t before = strlen(prefix), dot = before > 0 && key.n > 0;
    if (before + dot + key.n > ATTR_NAME_MAX || (key.n > 0 && memchr(key.p, '\0', key.n)))
        return false;
    memcpy(out, prefix, before);
    out[before] = '.';
    if (key.n > 0)
        memcpy(out + before + dot, key.p, key.n);
    out[before + dot + key.n] = '\0';
    return true;
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
static bool read_attribute(struct reader *r, const char *name, int depth)
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
        ok = ok && read_attribute(r, path, depth + 1);
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

static bool profile_read(struct lua_host *host, int index, struct attrs *ret, struct error *err)
{
    struct reader r = {host, ret, err};
    return read_members(&r, index, "", 0);
}

/* ---- members of the table on top of the stack ----------------------------------------------------------- */

static bool wrong(struct error *err, const char *key, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s: %s", key, what);
}

bool event_lua_text(lua_State *L, const char *key, size_t max, char **ret, struct error *err)
{
    struct str text;
    bool present;
    if (!lua_host_field_string(L, -1, key, &text, &present))
        return !present || wrong(err, key, "must be a string");
    if (text.n > max || memchr(text.p, '\0', text.n))
        return wrong(err, key, "is too long or holds a NUL");
    *ret = xstrndup(text.p, text.n);
    return true;
}

/* 9999-12-31T23:59:59.999Z: the last instant that RFC 3339 can write. */
static const int64_t TIME_MAX_MS = 253402300799999;

static bool time_ok(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

/* An instant in RFC 3339 or in integer milliseconds. *ret stays when absent; null counts as absent. */
bool event_lua_time(lua_State *L, const char *key, int64_t *ret, bool *ret_present, struct error *err)
{
    struct str text;
    int64_t ms;
    bool present;
    lua_host_field(L, -1, key);
    bool null = lua_host_is_null(L, -1);
    lua_pop(L, 1);
    *ret_present = false;
    if (null)
        return true;
    if (lua_host_field_string(L, -1, key, &text, &present)) {
        if (!rfc3339_parse(text, ret))
            return wrong(err, key, "is no instant in RFC 3339");
    } else if (!present) {
        return true;
    } else if (lua_host_field_integer(L, -1, key, &ms, &present) && time_ok(ms)) {
        *ret = ms;
    } else {
        return wrong(err, key, "must be an instant in RFC 3339 or milliseconds");
    }
    *ret_present = true;
    return true;
}

/* The member of an object of the body, where null is not the same as absent. */
static bool read_access_member(const cJSON *object, struct event *ev, struct error *err)
{
    const cJSON *member = json_get(object, "accessUntil");
    ev->has_access_until = member != NULL;
    if (!member || cJSON_IsNull(member))
        return true;
    if (json_int64(object, "accessUntil", &ev->access_until_ms) && time_ok(ev->access_until_ms))
        return true;
    return (cJSON_IsString(member) && rfc3339_parse(str_of(member->valuestring), &ev->access_until_ms)) ||
           wrong(err, "accessUntil", "must be an instant in RFC 3339 or milliseconds");
}

/* accessUntil: absent says nothing, null says without end, a view of an object stands for its member. */
bool event_lua_access_until(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    lua_host_field(L, -1, "accessUntil");
    bool null = lua_host_is_null(L, -1);
    const cJSON *object = lua_host_to_json(host, lua_gettop(L));
    lua_pop(L, 1);
    if (cJSON_IsObject(object))
        return read_access_member(object, ev, err);
    if (!event_lua_time(L, "accessUntil", &ev->access_until_ms, &ev->has_access_until, err))
        return false;
    ev->has_access_until = ev->has_access_until || null;
    return true;
}

static bool add_group(struct event *ev, struct str name, struct error *err)
{
    if (ev->n_groups == EVENT_GROUPS_MAX || name.n > EVENT_GROUP_NAME_MAX || memchr(name.p, '\0', name.n))
        return wrong(err, "groups", "too many, or a name is too long");
    if (!ev->groups)
        ev->groups = xcalloc(EVENT_GROUPS_MAX, sizeof *ev->groups);
    ev->groups[ev->n_groups++] = xstrndup(name.p, name.n);
    return true;
}

/* A table or a JSON view of strings, on top of the stack. */
static bool read_group_list(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    const cJSON *node = lua_host_to_json(host, lua_gettop(L)), *item;
    bool ok = true;
    if (cJSON_IsArray(node)) {
        cJSON_ArrayForEach(item, node)
        {
            if (!cJSON_IsString(item))
                return wrong(err, "groups", "must be strings");
            if (!add_group(ev, str_of(item->valuestring), err))
                return false;
        }
        return true;
    }
    if (!lua_istable(L, -1))
        return wrong(err, "groups", "must be a list");
    size_t n = (size_t)lua_rawlen(L, -1);
    for (size_t i = 1; ok && i <= n; i++) {
        struct str name = {0};
        lua_rawgeti(L, -1, (lua_Integer)i);
        if (lua_type(L, -1) == LUA_TSTRING)
            name.p = lua_tolstring(L, -1, &name.n);
        ok = name.p ? add_group(ev, name, err) : wrong(err, "groups", "must be strings");
        lua_pop(L, 1);
    }
    return ok;
}

bool event_lua_groups(struct lua_host *host, struct event *ev, bool *ret_given, struct error *err)
{
    lua_State *L = lua_host_state(host);
    *ret_given = lua_host_field(L, -1, "groups") != LUA_TNIL && !lua_host_is_null(L, -1);
    bool ok = !*ret_given || read_group_list(host, ev, err);
    lua_pop(L, 1);
    return ok;
}

bool event_lua_profile(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    bool ok = lua_host_field(L, -1, "profile") == LUA_TNIL || lua_host_is_null(L, -1) ||
              profile_read(host, lua_gettop(L), &ev->profile, err);
    lua_pop(L, 1);
    return ok;
}
