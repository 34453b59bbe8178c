/* scim_put.c - without PATCH: a resource as it was read, changed and put back whole. */
#include "scim.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "mem.h"
#include "scim_attributes.h"

/* ---- as it was read ------------------------------------------------------------------------------------ */

void whole_done(struct whole *w)
{
    free(w->body);
    free(w->etag);
    *w = (struct whole){0};
}

static char *version_of(struct str body)
{
    struct json_doc doc = {0};
    struct error ignored;
    char *version = json_doc_parse(body, &doc, &ignored)
                        ? xstrdup_null(json_string(json_get(doc.root, "meta"), "version"))
                        : NULL;
    json_doc_done(&doc);
    return version;
}

static bool may_stand_in_a_header(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c > '~')
            return false;
    return *text;
}

void whole_take(struct whole *w, struct str body, bool guarded, const char *etag)
{
    whole_done(w);
    w->body = body.n > 0 ? xmemdup(body.p, body.n) : NULL; /* it may hold a NUL */
    w->n = body.n;
    w->etag = !guarded ? NULL : etag ? xstrdup(etag) : version_of(body);
    if (w->etag && !may_stand_in_a_header(w->etag)) {
        free(w->etag);
        w->etag = NULL;
    }
}

/* ---- changes ------------------------------------------------------------------------------------------- */

static cJSON *member(cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void set_text(cJSON *object, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    if (value)
        cJSON_AddStringToObject(object, name, value);
}

/* The object of that name, made when it is missing and something is to be put into it; NULL: not needed. */
static cJSON *part(cJSON *object, const char *name, const char *value)
{
    cJSON *there = member(object, name);
    if (cJSON_IsObject(there) || !value)
        return there;
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return cJSON_AddObjectToObject(object, name);
}

/* "schemas" names the extensions that are used. */
static void name_schema(cJSON *user, const char *urn)
{
    cJSON *schemas = member(user, "schemas"), *item;
    if (!cJSON_IsArray(schemas)) {
        cJSON_DeleteItemFromObjectCaseSensitive(user, "schemas");
        schemas = cJSON_AddArrayToObject(user, "schemas");
    }
    cJSON_ArrayForEach(item,
                       schemas) if (cJSON_IsString(item) && strcasecmp(item->valuestring, urn) == 0) return;
    cJSON_AddItemToArray(schemas, cJSON_CreateString(urn));
}

/* Which entry of a list an attribute is. */
struct entry {
    const char *member, *text; /* the entry has this member with this text … */
    bool primary; /* … or, without, it is the primary one, if that is said here, and else not */
};

static bool is_entry(const cJSON *item, const struct entry *e)
{
    const char *text = e->member ? json_string(item, e->member) : NULL;
    if (e->member && !(text && strcasecmp(text, e->text) == 0))
        return false;
    return (e->member && strcmp(e->member, "type") == 0) ||
           scim_is_true(json_get(item, "primary")) == e->primary;
}

/* That entry of the list, and no other; value NULL: it goes. */
static void set_entry(cJSON *user, const char *name, const struct entry *e, const char *value)
{
    cJSON *list = member(user, name), *entry = NULL, *item;
    cJSON_ArrayForEach(item, list) entry = !entry && is_entry(item, e) ? item : entry;
    if (!value) {
        cJSON_Delete(cJSON_DetachItemViaPointer(list, entry));
        return;
    }
    if (!cJSON_IsArray(list)) {
        cJSON_DeleteItemFromObjectCaseSensitive(user, name);
        list = cJSON_AddArrayToObject(user, name);
    }
    if (!entry) {
        entry = cJSON_CreateObject();
        if (e->member)
            cJSON_AddStringToObject(entry, e->member, e->text);
        if (e->primary)
            cJSON_AddTrueToObject(entry, "primary");
        cJSON_AddItemToArray(list, entry);
    }
    set_text(entry, "value", value);
}

static void clear_manager(cJSON *enterprise, const char *name)
{
    cJSON *manager = member(enterprise, "manager");
    set_text(manager, name, NULL);
    if (manager && !manager->child)
        cJSON_DeleteItemFromObjectCaseSensitive(enterprise, "manager");
}

static void set_attribute(cJSON *user, const char *flat, const char *value)
{
    const char *name;
    enum scim_place_kind kind = scim_place_of(flat, &name);
    cJSON *enterprise;
    switch (kind) {
    case PLACE_CORE:
        set_text(user, name, value);
        break;
    case PLACE_NAME:
        set_text(part(user, "name", value), name, value);
        break;
    case PLACE_WORK:
        set_entry(user, name, &(struct entry){"type", "work", !member(user, name)}, value);
        break;
    case PLACE_PHOTO:
        set_entry(user, name, &(struct entry){"type", "photo", false}, value);
        break;
    case PLACE_ROLE:
        set_entry(user, name, &(struct entry){.primary = true}, value);
        break;
    case PLACE_ADMIN_ROLE:
        set_entry(user, name, &(struct entry){"value", attr_role(flat), false},
                  value ? attr_role(flat) : NULL);
        break;
    case PLACE_ENTERPRISE:
    case PLACE_MANAGER:
        enterprise = part(user, SCIM_URN_ENTERPRISE, value);
        if (value)
            name_schema(user, SCIM_URN_ENTERPRISE);
        if (kind == PLACE_MANAGER && value)
            set_text(part(enterprise, "manager", value), scim_manager_member(flat), value);
        else if (kind == PLACE_MANAGER)
            clear_manager(enterprise, scim_manager_member(flat));
        else
            set_text(enterprise, name, value);
        break;
    }
}

/* ---- requests ------------------------------------------------------------------------------------------ */

/* What a service keeps itself: it would have to pass it over (RFC 7644 3.5.1), and some do not. */
static void leave_out_read_only(cJSON *resource)
{
    cJSON_DeleteItemFromObjectCaseSensitive(resource, "meta");
    cJSON_DeleteItemFromObjectCaseSensitive(resource, "groups");
}

static cJSON *open_whole(const struct whole *was)
{
    cJSON *resource = NULL;
    struct error ignored;
    if (!was->body || !json_parse((struct str){was->body, was->n}, &resource, &ignored))
        return NULL;
    if (cJSON_IsObject(resource))
        return resource;
    cJSON_Delete(resource);
    return NULL;
}

/* Takes the resource and, of ret, the path. */
static void close_whole(cJSON *resource, const struct whole *was, struct scim_request *ret)
{
    leave_out_read_only(resource);
    ret->method = "PUT";
    ret->body = cJSON_PrintUnformatted(resource);
    ret->body_n = strlen(ret->body);
    if (was->etag)
        ret->if_match = xasprintf("If-Match: %s", was->etag);
    cJSON_Delete(resource);
}

bool scim_put_user(const char *id, const struct whole *was, const struct attrs *changes,
                   enum scim_access access, struct scim_request *ret)
{
    cJSON *user = open_whole(was);
    if (!user)
        return false;
    for (size_t i = 0; i < changes->n; i++)
        set_attribute(user, changes->v[i].name, changes->v[i].value);
    if (access != ACCESS_AS_IS) {
        cJSON_DeleteItemFromObjectCaseSensitive(user, "active");
        cJSON_AddBoolToObject(user, "active", access == ACCESS_ON);
    }
    scim_read(id, ret); /* the same resource */
    close_whole(user, was, ret);
    return true;
}

static bool is_one_of(const char *id, const char *const *members, size_t n)
{
    for (size_t i = 0; id && i < n; i++)
        if (strcmp(members[i], id) == 0)
            return true;
    return false;
}

static bool is_member(const cJSON *list, const char *id)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *value = json_string(item, "value");
        if (value && strcmp(value, id) == 0)
            return true;
    }
    return false;
}

bool scim_put_team(const char *team, const struct whole *was, const char *const *members, size_t n, bool add,
                   struct scim_request *ret)
{
    cJSON *group = open_whole(was), *now = cJSON_CreateArray(), *item;
    if (!group) {
        cJSON_Delete(now);
        return false;
    }
    while ((item = cJSON_DetachItemFromArray(member(group, "members"), 0))) {
        const char *id = json_string(item, "value");
        bool stays = id && !is_member(now, id) && !(!add && is_one_of(id, members, n));
        if (stays)
            cJSON_AddItemToArray(now, item);
        else
            cJSON_Delete(item);
    }
    for (size_t i = 0; add && i < n; i++)
        if (!is_member(now, members[i])) {
            item = cJSON_CreateObject();
            cJSON_AddStringToObject(item, "value", members[i]);
            cJSON_AddItemToArray(now, item);
        }
    cJSON_DeleteItemFromObjectCaseSensitive(group, "members");
    cJSON_AddItemToObject(group, "members", now);
    scim_read_team(team, ret);
    close_whole(group, was, ret);
    return true;
}
