/* scim_requests.c - steps as requests. */
#include "scim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json.h"
#include "mem.h"
#include "scim_attributes.h"

#define URN_GROUP "urn:ietf:params:scim:schemas:core:2.0:Group"
#define URN_PATCH "urn:ietf:params:scim:api:messages:2.0:PatchOp"

enum { PATCH_TYPICAL = 400 };

/* ---- paths --------------------------------------------------------------------------------------------- */

void scim_request_done(struct scim_request *r)
{
    free(r->path);
    free(r->body);
    free(r->if_match);
    *r = (struct scim_request){0};
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

void scim_read_team(const char *id, struct scim_request *ret)
{
    *ret = (struct scim_request){.path = resource_path("/Groups/", id, "")};
}

void scim_find(const struct profile *p, const char *match, const char *value, struct scim_request *ret)
{
    struct buf filter, path;
    buf_init(&filter, SCIM_REQUEST_MAX);
    buf_init(&path, SCIM_REQUEST_MAX);
    scim_filter(match, value, &filter);
    buf_adds(&path, "/Users?filter=");
    percent_encode(filter.p, &path);
    buf_adds(&path, p->find_query);
    buf_done(&filter);
    *ret = (struct scim_request){.path = buf_take(&path)};
}

static void put_page(const struct scim_page *page, struct buf *path)
{
    if (page->cursor) {
        buf_adds(path, "cursor=");
        percent_encode(page->cursor, path);
    } else {
        buf_addf(path, "startIndex=%zu", page->start);
    }
    buf_addf(path, "&count=%u", page->count);
}

static void list(const char *query, const struct scim_page *page, struct scim_request *ret)
{
    struct buf path;
    buf_init(&path, SCIM_REQUEST_MAX);
    buf_adds(&path, query);
    put_page(page, &path);
    *ret = (struct scim_request){.path = buf_take(&path)};
}

void scim_list_users(const struct scim_page *page, struct scim_request *ret)
{
    list("/Users?", page, ret);
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

static const char *entry_type(enum scim_place_kind kind)
{
    return kind == PLACE_WORK ? "work" : kind == PLACE_PHOTO ? "photo" : NULL;
}

static void put_entry(struct json_out *w, const char *name, enum scim_place_kind kind, const char *value)
{
    json_open(w, name, '[');
    json_open(w, NULL, '{');
    json_put_string(w, "value", value);
    if (entry_type(kind))
        json_put_string(w, "type", entry_type(kind));
    if (kind != PLACE_PHOTO)
        json_put_bool(w, "primary", true);
    json_close(w);
    json_close(w);
}

/* What lives in an entry of a list, of type "work" or "photo". */
static void put_entries(struct json_out *w, const struct profile *p, const struct attrs *attrs,
                        enum scim_place_kind place)
{
    for (size_t i = 0; i < attrs->n; i++) {
        const char *member, *value = attrs->v[i].value;
        if (scim_place_of(attrs->v[i].name, &member) == place && value &&
            !profile_read_only(p, attrs->v[i].name))
            put_entry(w, member, place, value);
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

static void put_operation(struct json_out *w, const char *op, const char *path)
{
    json_open(w, NULL, '{');
    json_put_string(w, "op", op);
    if (path)
        json_put_string(w, "path", path);
}

/* Where nothing is, known: as it is, a path with a filter would meet nothing (RFC 7644 3.5.2.3). */
static bool is_first_entry(const struct profile *p, const char *name, const struct attrs *known)
{
    const char *value = known ? attrs_get(known, name) : NULL;
    return p->adds_entries && (scim_has_type(name) || strcmp(name, "role") == 0) && !(value && *value);
}

/* Goes into the value of a replacement without a path (RFC 7644 3.5.2.3); roles are added and removed one by one. */
static bool goes_bare(const struct attr *change)
{
    return change->value && !attr_role(change->name) && strcmp(change->name, "role") != 0;
}

static void put_bare(struct json_out *w, const struct profile *p, const char *op, const struct attrs *changes)
{
    if (changes->n == 0)
        return;
    put_operation(w, op, NULL);
    json_open(w, "value", '{');
    put_members(w, changes, PLACE_CORE);
    put_name(w, p, changes);
    put_entries(w, p, changes, PLACE_WORK);
    put_entries(w, p, changes, PLACE_PHOTO);
    put_enterprise(w, changes);
    json_close(w);
    json_close(w);
}

/* A list that is replaced loses its other entries: the first one of a type is added here, too. */
static void put_all_bare(struct json_out *w, const struct profile *p, const struct attrs *changes,
                         const struct attrs *known)
{
    struct attrs added = {0}, replaced = {0};
    for (size_t i = 0; i < changes->n; i++) {
        const struct attr *change = &changes->v[i];
        if (goes_bare(change))
            attrs_set(is_first_entry(p, change->name, known) ? &added : &replaced, change->name,
                      change->value);
    }
    put_bare(w, p, p->op_replace, &replaced);
    put_bare(w, p, p->op_add, &added);
    attrs_done(&added);
    attrs_done(&replaced);
}

static void put_added_role(struct json_out *w, const struct profile *p, const char *role)
{
    put_operation(w, p->op_add, "roles");
    json_open(w, "value", '[');
    put_role(w, role, p->admin_role_type, false);
    json_close(w);
}

static void put_by_path(struct json_out *w, const struct profile *p, const struct attr *change)
{
    struct buf path;
    buf_init(&path, SCIM_REQUEST_MAX);
    scim_path(change->name, &path);
    put_operation(w, change->value ? p->op_replace : p->op_remove, path.p);
    if (change->value)
        json_put_string(w, "value", change->value);
    buf_done(&path);
}

static void put_change(struct json_out *w, const struct profile *p, const struct attr *change,
                       const struct attrs *known)
{
    const char *member;
    enum scim_place_kind kind = scim_place_of(change->name, &member);
    if (change->value && kind == PLACE_ADMIN_ROLE) {
        put_added_role(w, p, attr_role(change->name));
    } else if (change->value && is_first_entry(p, change->name, known)) {
        put_operation(w, p->op_add, member);
        put_entry(w, "value", kind, change->value);
    } else {
        put_by_path(w, p, change);
    }
    json_close(w);
}

void scim_update(const struct profile *p, const char *id, const struct attrs *changes,
                 const struct attrs *known, bool bare_paths, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    if (bare_paths)
        put_all_bare(&w, p, changes, known);
    for (size_t i = 0; i < changes->n; i++) {
        const struct attr *change = &changes->v[i];
        if (!bare_paths || !goes_bare(change))
            put_change(&w, p, change, known);
    }
    close_patch(&w, &body, id, ret);
}

void scim_set_active(const struct profile *p, const char *id, bool active, bool bare_paths,
                     struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    put_operation(&w, p->op_replace, bare_paths ? NULL : "active");
    if (bare_paths) {
        json_open(&w, "value", '{');
        json_put_bool(&w, "active", active);
        json_close(&w);
    } else {
        json_put_bool(&w, "value", active);
    }
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

void scim_list_teams(const struct scim_page *page, struct scim_request *ret)
{
    list("/Groups?attributes=id,displayName&", page, ret);
}

/* ---- groups as such ------------------------------------------------------------------------------------ */

void scim_make_group(const char *name, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    buf_init(&body, SCIM_REQUEST_MAX);
    json_out_init(&w, &body);
    json_open(&w, NULL, '{');
    json_open(&w, "schemas", '[');
    json_put_string(&w, NULL, URN_GROUP);
    json_close(&w);
    json_put_string(&w, "displayName", name);
    json_close(&w);
    *ret = (struct scim_request){.path = xstrdup("/Groups")};
    take_body(&body, ret);
}

void scim_rename_group(const struct profile *p, const char *id, const char *name, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    json_open(&w, NULL, '{');
    json_put_string(&w, "op", p->op_replace);
    json_put_string(&w, "path", "displayName");
    json_put_string(&w, "value", name);
    json_close(&w);
    close_patch_at(&w, &body, resource_path("/Groups/", id, p->move_query), ret);
}

void scim_read_group(const char *id, struct scim_request *ret)
{
    *ret = (struct scim_request){.path = resource_path("/Groups/", id, "?attributes=id,displayName,members")};
}

void scim_delete_group(const char *id, struct scim_request *ret)
{
    *ret = (struct scim_request){.path = resource_path("/Groups/", id, "")};
}
