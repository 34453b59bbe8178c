#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/person.h"
#include "lua_host.h"
#include "mem.h"
#include "policy_load.h"
#include "rfc3339.h"
#include "utf8.h"

struct policy {
    struct lua_host *host;
    lua_script script;
    uint64_t fingerprint;
};

/* ---- the person as a Lua table ------------------------------------------------------------------------- */

static void set_string(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_profile(lua_State *L, const struct person *p)
{
    lua_createtable(L, 0, (int)p->n_attrs);
    for (size_t i = 0; i < p->n_attrs; i++)
        if (p->attrs[i].value)
            set_string(L, p->attrs[i].name, p->attrs[i].value);
    lua_setfield(L, -2, "profile");
}

static void set_groups(lua_State *L, const struct person *p)
{
    lua_createtable(L, 0, (int)p->n_groups);
    for (size_t i = 0; i < p->n_groups; i++)
        if (p->groups[i].member)
            set_boolean(L, p->groups[i].name, true);
    lua_setfield(L, -2, "groups");
}

/* The register as it was said, passed or not: what it means now is in `active`. */
static void set_access_until(lua_State *L, const struct person *p)
{
    char text[RFC3339_SIZE];
    if (!p->access_until_ms)
        return;
    rfc3339_format(p->access_until_ms, text);
    set_string(L, "accessUntil", text);
}

static void push_person(lua_State *L, const struct person_view *view)
{
    lua_createtable(L, 0, 9);
    set_string(L, "tenant", view->tenant);
    set_string(L, "directory", view->directory);
    set_string(L, "subject", view->subject);
    set_string(L, "employment", employment_name(view->person->employment));
    set_boolean(L, "suspended", view->person->suspended);
    set_boolean(L, "active", view->may_have_access);
    set_access_until(L, view->person);
    set_profile(L, view->person);
    set_groups(L, view->person);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static bool refuse(struct error *err, const char *name, const char *why)
{
    return error_set(err, ERROR_INPUT, "desired(): %s %s", name, why);
}

static bool read_active(lua_State *L, struct desired *d, struct error *err)
{
    if (!lua_isboolean(L, -1))
        return refuse(err, "active", "must be true, false or nil");
    d->active = lua_toboolean(L, -1) ? ACTIVE_ON : ACTIVE_OFF;
    return true;
}

static bool read_delete(lua_State *L, struct desired *d, struct error *err)
{
    if (!lua_isboolean(L, -1))
        return refuse(err, "delete", "must be true, false or nil");
    if (lua_toboolean(L, -1))
        d->kind = DESIRE_ABSENT;
    return true;
}

/* A copy of the scalar on top of the stack, so that lua_next goes on undisturbed. False: not a value. */
static bool read_value(lua_State *L, const char **ret)
{
    *ret = NULL;
    if (lua_host_is_null(L, -1))
        return true;
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        *ret = lua_toboolean(L, -1) ? "true" : "false";
        return true;
    case LUA_TSTRING:
        *ret = lua_tostring(L, -1);
        return strlen(*ret) == lua_rawlen(L, -1);
    case LUA_TNUMBER:
        if (!lua_isinteger(L, -1))
            return false;
        *ret = lua_tostring(L, -1); /* converts the copy on the stack, not the table's value */
        return true;
    default:
        return false;
    }
}

static bool read_leave_teams(lua_State *L, struct desired *d, struct error *err)
{
    if (!lua_isboolean(L, -1))
        return refuse(err, "leave_teams", "must be true, false or nil");
    d->leave_teams = lua_toboolean(L, -1);
    return true;
}

static bool read_attribute(lua_State *L, const char *name, struct desired *d, struct error *err)
{
    const char *value;
    if (attr_role(name))
        return refuse(err, name, "is said in admin_roles");
    if (!read_value(L, &value))
        return refuse(err, name, "must be a string, an integer, a boolean or rollcall.null");
    if (value && strlen(value) > ATTR_VALUE_MAX)
        return refuse(err, name, "is too long");
    if (d->attrs.n >= ATTRS_MAX)
        return refuse(err, name, "is one attribute too many");
    attrs_set(&d->attrs, name, value);
    return true;
}

/* ---- teams and admin roles: names, with true and false ------------------------------------------------- */

/* Takes one name. False: refused, and *err says why. */
typedef bool take_name_fn(struct str name, bool wanted, struct desired *d, struct error *err);

static bool is_name(struct str name, size_t max)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return false;
    return name.n > 0 && name.n <= max && utf8_ok(name);
}

static bool take_team(struct str name, bool member, struct desired *d, struct error *err)
{
    if (!is_name(name, TEAM_NAME_MAX))
        return refuse(err, "teams", "must have names of 1 to 255 bytes of UTF-8, without control characters");
    const struct attr *said = attrs_find(&d->teams, name.p);
    if (said && (said->value != NULL) != member)
        return refuse(err, "teams", "names a team both true and false");
    if (d->teams.n >= TEAMS_MAX && !said)
        return refuse(err, "teams", "names more than 64 teams");
    attrs_set(&d->teams, name.p, member ? "true" : NULL);
    return true;
}

static bool take_role(struct str name, bool given, struct desired *d, struct error *err)
{
    char attr[ATTR_NAME_MAX + 1];
    if (!is_name(name, ATTR_NAME_MAX - strlen(ATTR_ROLE_PREFIX)))
        return refuse(err, "admin_roles",
                      "must have names of 1 to 58 bytes of UTF-8, without control characters");
    snprintf(attr, sizeof attr, ATTR_ROLE_PREFIX "%s", name.p);
    const struct attr *said = attrs_find(&d->attrs, attr);
    if (said && (said->value != NULL) != given)
        return refuse(err, "admin_roles", "names a role both true and false");
    if (d->attrs.n >= ATTRS_MAX && !said)
        return refuse(err, "admin_roles", "has a role too many");
    attrs_set(&d->attrs, attr, given ? "true" : NULL);
    return true;
}

/* {"Design", "Ops"}, {Design = true, Ops = false}, or both. */
static bool read_names(lua_State *L, const char *what, take_name_fn *take, struct desired *d,
                       struct error *err)
{
    bool ok = true;
    if (!lua_istable(L, -1))
        return refuse(err, what, "must be a table or nil");
    for (lua_pushnil(L); ok && lua_next(L, -2); lua_pop(L, ok ? 1 : 2)) {
        bool by_name = lua_type(L, -2) == LUA_TSTRING && lua_isboolean(L, -1);
        struct str name;
        if (!by_name && !(lua_isinteger(L, -2) && lua_type(L, -1) == LUA_TSTRING)) {
            ok = refuse(err, what, "must be a list of names, or names with true or false");
            continue;
        }
        name.p = lua_tolstring(L, by_name ? -2 : -1, &name.n);
        ok = take(name, !by_name || lua_toboolean(L, -1), d, err);
    }
    return ok;
}

static bool read_teams(lua_State *L, struct desired *d, struct error *err)
{
    d->has_teams = true;
    return read_names(L, "teams", take_team, d, err);
}

static bool read_roles(lua_State *L, struct desired *d, struct error *err)
{
    d->has_roles = true;
    return read_names(L, "admin_roles", take_role, d, err);
}

static bool read_entry(lua_State *L, struct desired *d, struct error *err)
{
    if (lua_type(L, -2) != LUA_TSTRING)
        return refuse(err, "the answer", "must have attribute names as keys");
    const char *name = lua_tostring(L, -2);
    if (strlen(name) > ATTR_NAME_MAX || strlen(name) != lua_rawlen(L, -2) || !*name)
        return refuse(err, "a key", "is no attribute name");
    if (strcmp(name, "active") == 0)
        return read_active(L, d, err);
    if (strcmp(name, "delete") == 0)
        return read_delete(L, d, err);
    if (strcmp(name, "teams") == 0)
        return read_teams(L, d, err);
    if (strcmp(name, "admin_roles") == 0)
        return read_roles(L, d, err);
    if (strcmp(name, "leave_teams") == 0)
        return read_leave_teams(L, d, err);
    return read_attribute(L, name, d, err);
}

static bool read_answer(lua_State *L, struct desired *d, struct error *err)
{
    *d = (struct desired){0};
    if (lua_isnil(L, -1))
        return true;
    if (!lua_istable(L, -1))
        return refuse(err, "the answer", "must be nil or a table");
    d->kind = DESIRE_ACCOUNT;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (!read_entry(L, d, err))
            return false;
    if (d->kind == DESIRE_ABSENT &&
        (d->attrs.n > 0 || d->has_teams || d->has_roles || d->leave_teams || d->active != ACTIVE_AS_IS))
        return refuse(err, "delete", "goes with nothing else");
    if (d->leave_teams && d->active != ACTIVE_OFF)
        return refuse(err, "leave_teams", "goes with active = false");
    return true;
}

bool policy_ask(struct policy *p, const struct person_view *view, const char *target, struct desired *ret,
                struct error *err)
{
    lua_State *L = lua_host_state(p->host);
    struct desired d = {0};
    if (!lua_host_begin(p->host, p->script, "desired", err))
        return false;
    push_person(L, view);
    lua_pushstring(L, target);
    bool ok = lua_host_call(p->host, 2, 1, err) && read_answer(L, &d, err);
    lua_host_end(p->host);
    if (ok)
        *ret = d;
    else
        desired_done(&d);
    return ok;
}

bool policy_read_answer(struct policy *p, const cJSON *answer, struct desired *ret, struct error *err)
{
    lua_State *L = lua_host_state(p->host);
    struct desired d = {0};
    bool nothing = cJSON_IsNull(answer) ||
                   (cJSON_IsString(answer) && strcmp(cJSON_GetStringValue(answer), "nothing") == 0);
    if (nothing)
        lua_pushnil(L);
    else
        lua_host_push_plain(L, answer);
    bool ok = read_answer(L, &d, err);
    lua_host_end(p->host);
    if (ok)
        *ret = d;
    else
        desired_done(&d);
    return ok;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

bool policy_new(const char *path, struct policy **ret, struct error *err)
{
    struct policy *p = xcalloc(1, sizeof *p);
    p->host = lua_host_new(NULL);
    bool ok = policy_load(p->host, path, &p->script, &p->fingerprint, err);
    if (ok)
        *ret = p;
    else
        policy_free(p);
    return ok;
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    lua_host_free(p->host);
    free(p);
}

uint64_t policy_fingerprint(const struct policy *p)
{
    return p->fingerprint;
}

void policy_each_target(struct policy *p, void (*fn)(void *ctx, const char *name), void *ctx)
{
    lua_State *L = lua_host_state(p->host);
    lua_host_push_table(p->host, p->script);
    if (lua_host_field(L, -1, "targets") == LUA_TTABLE)
        for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TSTRING; i++, lua_pop(L, 1))
            fn(ctx, lua_tostring(L, -1));
    lua_host_end(p->host);
}
