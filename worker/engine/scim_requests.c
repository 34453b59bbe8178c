/* scim_requests.c - steps as requests. */
#include "scim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"
#include "scim_attributes.h"

#define URN_PATCH "urn:ietf:params:scim:api:messages:2.0:PatchOp"

enum { PATCH_TYPICAL = 400 };

/* ---- paths --------------------------------------------------------------------------------------------- */

void scim_request_done(struct scim_request *r)
{
    free(r->path);
    free(r->body);
    *r = (struct scim_request){0};
}

static void percent_encode(const char *text, struct buf *out)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-._~", *c) != NULL;
        if (plain)
            buf_addc(out, (char)*c);
        else
            buf_addf(out, "%%%02X", *c);
    }
}

static char *resource_path(const char *resources, const char *id, const char *query)
{
    struct buf path;
    buf_init(&path, SCIM_REQUEST_MAX);
    buf_adds(&path, resources);
    percent_encode(id, &path);
    buf_adds(&path, query);
    return buf_take(&path);
}

static char *user_path(const char *id)
{
    return resource_path("/Users/", id, "");
}

void scim_read(const char *id, struct scim_request *ret)
{
    *ret = (struct scim_request){.path = user_path(id)};
}

void scim_find(const char *match, const char *value, struct scim_request *ret)
{
    struct buf filter, path;
    buf_init(&filter, SCIM_REQUEST_MAX);
    buf_init(&path, SCIM_REQUEST_MAX);
    scim_path(match, &filter);
    buf_adds(&filter, " eq ");
    struct json_out w;
    json_out_init(&w, &filter);
    json_put_string(&w, NULL, value); /* RFC 7644 3.4.2.2: a filter's value is JSON */
    buf_adds(&path, "/Users?filter=");
    percent_encode(filter.p, &path);
    buf_done(&filter);
    *ret = (struct scim_request){.path = buf_take(&path)};
}

static void take_body(struct buf *body, struct scim_request *ret)
{
    assert(buf_ok(body)); /* attr.h's limits see to it */
    ret->body_n = body->n;
    ret->body = buf_take(body);
}

/* The members of one place that have a value, as members of the open object. */
static size_t put_members(struct json_out *w, const struct attrs *attrs, enum scim_place_kind place)
{
    size_t n = 0;
    for (size_t i = 0; i < attrs->n; i++) {
        const char *member;
        if (scim_place_of(attrs->v[i].name, &member) != place || !attrs->v[i].value || !*attrs->v[i].value)
            continue;
        if (w)
            json_put_string(w, member, attrs->v[i].value);
        n++;
    }
    return n;
}

static void put_name(struct json_out *w, const struct profile *p, const struct attrs *attrs)
{
    bool both = attrs_get(attrs, "name.givenName") && attrs_get(attrs, "name.familyName");
    if (put_members(NULL, attrs, PLACE_NAME) == 0 || (p->name_needs_both && !both))
        return;
    json_open(w, "name", '{');
    put_members(w, attrs, PLACE_NAME);
    json_close(w);
}

/* What lives in an entry of a list, of type "work" or "photo". */
static void put_entries(struct json_out *w, const struct profile *p, const struct attrs *attrs,
                        enum scim_place_kind place)
{
    for (size_t i = 0; i < attrs->n; i++) {
        const char *member, *value = attrs->v[i].value;
        if (scim_place_of(attrs->v[i].name, &member) != place || !value ||
            profile_read_only(p, attrs->v[i].name))
            continue;
        json_open(w, member, '[');
        json_open(w, NULL, '{');
        json_put_string(w, "value", value);
        json_put_string(w, "type", place == PLACE_WORK ? "work" : "photo");
        if (place == PLACE_WORK)
            json_put_bool(w, "primary", true);
        json_close(w);
        json_close(w);
    }
}

static void put_role(struct json_out *w, const char *role, const char *type, bool primary)
{
    json_open(w, NULL, '{');
    json_put_string(w, "value", role);
    if (type)
        json_put_string(w, "type", type);
    json_put_bool(w, "primary", primary);
    json_close(w);
}

static void put_roles(struct json_out *w, const struct profile *p, const struct attrs *attrs)
{
    const char *role = attrs_get(attrs, "role");
    bool any = role != NULL;
    for (size_t i = 0; i < attrs->n; i++)
        any |= attr_role(attrs->v[i].name) && attrs->v[i].value;
    if (!any)
        return;
    json_open(w, "roles", '[');
    if (role)
        put_role(w, role, p->primary_role_type, true);
    for (size_t i = 0; i < attrs->n; i++)
        if (attr_role(attrs->v[i].name) && attrs->v[i].value)
            put_role(w, attr_role(attrs->v[i].name), p->admin_role_type, false);
    json_close(w);
}

static void put_manager(struct json_out *w, const struct attrs *attrs)
{
    if (put_members(NULL, attrs, PLACE_MANAGER) == 0)
        return;
    json_open(w, "manager", '{');
    for (size_t i = 0; i < attrs->n; i++) {
        const char *member, *flat = attrs->v[i].name;
        if (scim_place_of(flat, &member) == PLACE_MANAGER && attrs->v[i].value)
            json_put_string(w, scim_manager_member(flat), attrs->v[i].value);
    }
    json_close(w);
}

static bool has_enterprise(const struct attrs *attrs)
{
    return put_members(NULL, attrs, PLACE_ENTERPRISE) + put_members(NULL, attrs, PLACE_MANAGER) > 0;
}

static void put_enterprise(struct json_out *w, const struct attrs *attrs)
{
    if (!has_enterprise(attrs))
        return;
    json_open(w, SCIM_URN_ENTERPRISE, '{');
    put_members(w, attrs, PLACE_ENTERPRISE);
    put_manager(w, attrs);
    json_close(w);
}

void scim_create(const struct profile *p, const struct attrs *attrs, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    buf_init(&body, SCIM_REQUEST_MAX);
    json_out_init(&w, &body);
    json_open(&w, NULL, '{');
    json_open(&w, "schemas", '[');
    json_put_string(&w, NULL, SCIM_URN_USER);
    if (has_enterprise(attrs) && !p->core_schema_only)
        json_put_string(&w, NULL, SCIM_URN_ENTERPRISE);
    json_close(&w);
    put_members(&w, attrs, PLACE_CORE);
    json_put_bool(&w, "active", true);
    put_name(&w, p, attrs);
    put_entries(&w, p, attrs, PLACE_WORK);
    put_entries(&w, p, attrs, PLACE_PHOTO);
    put_roles(&w, p, attrs);
    put_enterprise(&w, attrs);
    json_close(&w);
    *ret = (struct scim_request){.path = xstrdup("/Users")};
    take_body(&body, ret);
}

static void open_patch(struct json_out *w, struct buf *body)
{
    buf_init(body, SCIM_REQUEST_MAX);
    buf_reserve(body, PATCH_TYPICAL);
    json_out_init(w, body);
    json_open(w, NULL, '{');
    json_open(w, "schemas", '[');
    json_put_string(w, NULL, URN_PATCH);
    json_close(w);
    json_open(w, "Operations", '[');
}

/* Takes path. */
static void close_patch_at(struct json_out *w, struct buf *body, char *path, struct scim_request *ret)
{
    json_close(w);
    json_close(w);
    *ret = (struct scim_request){.path = path};
    take_body(body, ret);
}

static void close_patch(struct json_out *w, struct buf *body, const char *id, struct scim_request *ret)
{
    close_patch_at(w, body, user_path(id), ret);
}

static void put_operation(struct json_out *w, const struct profile *p, const char *flat, const char *value,
                          struct buf *path)
{
    scim_path(flat, path);
    json_open(w, NULL, '{');
    json_put_string(w, "op", value ? p->op_replace : p->op_remove);
    json_put_string(w, "path", path->p);
    if (value)
        json_put_string(w, "value", value);
    json_close(w);
}

static void put_added_role(struct json_out *w, const struct profile *p, const char *role)
{
    json_open(w, NULL, '{');
    json_put_string(w, "op", p->op_add);
    json_put_string(w, "path", "roles");
    json_open(w, "value", '[');
    put_role(w, role, p->admin_role_type, false);
    json_close(w);
    json_close(w);
}

void scim_update(const struct profile *p, const char *id, const struct attrs *changes,
                 struct scim_request *ret)
{
    struct buf body, path;
    struct json_out w;
    buf_init(&path, SCIM_REQUEST_MAX);
    open_patch(&w, &body);
    for (size_t i = 0; i < changes->n; i++) {
        const char *flat = changes->v[i].name, *value = changes->v[i].value;
        if (attr_role(flat) && value)
            put_added_role(&w, p, attr_role(flat));
        else
            put_operation(&w, p, flat, value, &path);
    }
    buf_done(&path);
    close_patch(&w, &body, id, ret);
}

void scim_set_active(const struct profile *p, const char *id, bool active, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    json_open(&w, NULL, '{');
    json_put_string(&w, "op", p->op_replace);
    json_put_string(&w, "path", "active");
    json_put_bool(&w, "value", active);
    json_close(&w);
    close_patch(&w, &body, id, ret);
}

void scim_delete(const char *id, struct scim_request *ret)
{
    scim_read(id, ret); /* the same resource */
}

/* ---- teams --------------------------------------------------------------------------------------------- */

static void put_added(struct json_out *w, const struct profile *p, const char *const *members, size_t n)
{
    json_open(w, NULL, '{');
    json_put_string(w, "op", p->op_add);
    json_put_string(w, "path", "members");
    json_open(w, "value", '[');
    for (size_t i = 0; i < n; i++) {
        json_open(w, NULL, '{');
        json_put_string(w, "value", members[i]);
        json_close(w);
    }
    json_close(w);
    json_close(w);
}

/* One path for each: a value list is documented nowhere, and some services remove everybody then. */
static void put_removed(struct json_out *w, const struct profile *p, const char *member)
{
    struct buf path;
    buf_init(&path, SCIM_REQUEST_MAX);
    if (p->bare_member_id && strspn(member, "0123456789") == strlen(member))
        buf_addf(&path, "members[value eq %s]", member);
    else {
        struct json_out value;
        buf_adds(&path, "members[value eq ");
        json_out_init(&value, &path);
        json_put_string(&value, NULL, member);
        buf_addc(&path, ']');
    }
    json_open(w, NULL, '{');
    json_put_string(w, "op", p->op_remove);
    json_put_string(w, "path", path.p);
    json_close(w);
    buf_done(&path);
}

void scim_move(const struct profile *p, const char *team, const char *const *members, size_t n, bool add,
               struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    if (add)
        put_added(&w, p, members, n);
    for (size_t i = 0; !add && i < n; i++)
        put_removed(&w, p, members[i]);
    close_patch_at(&w, &body, resource_path("/Groups/", team, p->move_query), ret);
}

void scim_list_teams(size_t start, unsigned count, struct scim_request *ret)
{
    *ret = (struct scim_request){
        .path = xasprintf("/Groups?attributes=id,displayName&startIndex=%zu&count=%u", start, count)};
}
