/* Documents of users and groups: made, shown, asked for values, and what the rest of the sandbox knows of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_rfc.h"
#include "rfc3339.h"

/* ---- flat attributes ------------------------------------------------------------------------------------ */

/* Where the flat attributes (include/attr.h) stand in a document: member, or member and sub-attribute; of a
 * multi-valued one its first element. */
static const struct flat {
    const char *name, *member, *sub;
    bool extension, list;
} flats[] = {
    {"displayName", "displayName", NULL, false, false},
    {"externalId", "externalId", NULL, false, false},
    {"nickName", "nickName", NULL, false, false},
    {"title", "title", NULL, false, false},
    {"userType", "userType", NULL, false, false},
    {"preferredLanguage", "preferredLanguage", NULL, false, false},
    {"locale", "locale", NULL, false, false},
    {"timezone", "timezone", NULL, false, false},
    {"name.formatted", "name", "formatted", false, false},
    {"name.givenName", "name", "givenName", false, false},
    {"name.familyName", "name", "familyName", false, false},
    {"emails.work", "emails", "value", false, true},
    {"phoneNumbers.work", "phoneNumbers", "value", false, true},
    {"photo", "photos", "value", false, true},
    {"employeeNumber", "employeeNumber", NULL, true, false},
    {"costCenter", "costCenter", NULL, true, false},
    {"organization", "organization", NULL, true, false},
    {"division", "division", NULL, true, false},
    {"department", "department", NULL, true, false},
    {"manager", "manager", "value", true, false},
    {"manager.displayName", "manager", "displayName", true, false},
};

static const char *flat_value(const struct flat *f, const cJSON *document)
{
    const cJSON *from = f->extension ? json_get(document, URN_ENTERPRISE) : document;
    const cJSON *value = json_get(from, f->member);
    if (f->list)
        value = value ? value->child : NULL;
    return cJSON_GetStringValue(f->sub ? json_get(value, f->sub) : value);
}

void rfc_user_take(struct miro_user *u, cJSON *document)
{
    const cJSON *active = json_get(document, "active");
    cJSON_Delete(u->document);
    u->document = document;
    free(u->userName);
    u->userName = xstrdup(json_string(document, "userName"));
    u->active = !cJSON_IsFalse(active);
    attrs_done(&u->attributes);
    u->attributes = (struct attrs){0};
    for (size_t i = 0; i < ARRAY_SIZE(flats); i++) {
        const char *value = flat_value(&flats[i], document);
        if (value)
            attrs_set(&u->attributes, flats[i].name, value);
    }
}

static cJSON *member_of(cJSON *object, const char *name, bool list)
{
    cJSON *have = rfc_member(object, name);
    if (have)
        return list ? have->child : have;
    have = list ? cJSON_CreateArray() : cJSON_CreateObject();
    cJSON_AddItemToObject(object, name, have);
    if (!list)
        return have;
    cJSON_AddItemToArray(have, cJSON_CreateObject());
    return have->child;
}

cJSON *rfc_user_document(const struct miro_user *u)
{
    if (u->document)
        return cJSON_Duplicate(u->document, true);
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "userName", u->userName);
    cJSON_AddBoolToObject(document, "active", u->active);
    for (size_t i = 0; i < ARRAY_SIZE(flats); i++) {
        const char *value = attrs_get(&u->attributes, flats[i].name);
        if (!value)
            continue;
        cJSON *to = flats[i].extension ? member_of(document, URN_ENTERPRISE, false) : document;
        if (flats[i].sub)
            to = member_of(to, flats[i].member, flats[i].list);
        cJSON_AddStringToObject(to, flats[i].sub ? flats[i].sub : flats[i].member, value);
    }
    return document;
}

cJSON *rfc_group_document(const struct miro *m, const struct miro_team *t)
{
    char text[512];
    cJSON *document = cJSON_CreateObject(), *list = cJSON_CreateArray();
    cJSON_AddStringToObject(document, "displayName", t->displayName);
    if (t->external_id)
        cJSON_AddStringToObject(document, "externalId", t->external_id);
    for (size_t i = 0; i < t->n_members; i++) {
        cJSON *el = cJSON_CreateObject();
        cJSON_AddStringToObject(el, "value", t->members[i]->id);
        location_of(m, "Users", t->members[i]->id, text, sizeof text);
        cJSON_AddStringToObject(el, "$ref", text);
        cJSON_AddStringToObject(el, "type", "User");
        cJSON_AddItemToArray(list, el);
    }
    if (list->child)
        cJSON_AddItemToObject(document, "members", list);
    else
        cJSON_Delete(list);
    return document;
}

/* ---- values for filters and sorting --------------------------------------------------------------------- */

static const char *text_of(const cJSON *value)
{
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "true" : "false";
    return cJSON_GetStringValue(value);
}

/* The i-th value of a path below an object; "" for an element without the sub-attribute. */
static const char *walk(const cJSON *object, const char *path, size_t i)
{
    char first[MIRO_FILTER_PATH_MAX];
    size_t n = strcspn(path, ".");
    memcpy(first, path, n);
    first[n] = '\0';
    const cJSON *value = rfc_member(object, first);
    if (value && cJSON_IsArray(value))
        value = cJSON_GetArrayItem(value, (int)i);
    else if (i > 0)
        return NULL;
    if (!value || !cJSON_IsObject(value))
        return value ? text_of(value) : NULL;
    const char *text = text_of(rfc_member(value, path[n] ? path + n + 1 : "value"));
    return text ? text : "";
}

static const char *instant(int64_t ms)
{
    static _Thread_local char text[2][RFC3339_SIZE];
    static _Thread_local unsigned turn;
    turn ^= 1;
    rfc3339_format(ms, text[turn]);
    return text[turn];
}

const char *rfc_user_value(const void *user, const char *path, size_t i)
{
    const struct miro_user *u = user;
    if (strcmp(path, "id") == 0)
        return i == 0 ? u->id : NULL;
    if (strcmp(path, "meta.resourcetype") == 0)
        return i == 0 ? "User" : NULL;
    if (strcmp(path, "meta.created") == 0 || strcmp(path, "meta.lastmodified") == 0)
        return i == 0 ? instant(path[5] == 'c' ? u->created_at_ms : u->changed_at_ms) : NULL;
    if (strncmp(path, "groups", 6) == 0)
        return user_value(user, path, i);
    const char *value = walk(u->document, path, i);
    return value ? value : walk(json_get(u->document, URN_ENTERPRISE), path, i);
}

const char *rfc_group_value(const void *team, const char *path, size_t i)
{
    const struct miro_team *t = team;
    if (strcmp(path, "members") == 0 || strcmp(path, "members.value") == 0)
        return i < t->n_members ? t->members[i]->id : NULL;
    if (strcmp(path, "members.type") == 0)
        return i < t->n_members ? "User" : NULL;
    if (i > 0)
        return NULL;
    if (strcmp(path, "externalid") == 0)
        return t->external_id;
    if (strcmp(path, "meta.created") == 0 || strcmp(path, "meta.lastmodified") == 0)
        return instant(path[5] == 'c' ? t->created_at_ms : t->changed_at_ms);
    if (strcmp(path, "meta.resourcetype") == 0)
        return "Group";
    return team_value(team, path, i);
}

/* ---- showing -------------------------------------------------------------------------------------------- */

static void lower(const char *name, char out[MIRO_FILTER_PATH_MAX])
{
    if (!miro_path_normalise(str_of(name), out))
        *out = '\0';
}

/* Whether `attributes` and `excludedAttributes` leave the attribute; `group` is "enterprise" for the extension's. */
static bool shown(const struct call *c, const char *group, const char *name)
{
    const struct query *q = &c->query;
    char key[MIRO_FILTER_PATH_MAX];
    lower(name, key);
    if (q->attributes)
        return query_lists(q->attributes, key, true) || (group && query_lists(q->attributes, group, false));
    return !q->excluded ||
           (!query_lists(q->excluded, key, false) && !(group && query_lists(q->excluded, group, false)));
}

static bool sub_shown(const struct call *c, const char *group, const char *name, const char *sub)
{
    const struct query *q = &c->query;
    char key[MIRO_FILTER_PATH_MAX], whole[2 * MIRO_FILTER_PATH_MAX];
    lower(name, key);
    snprintf(whole, sizeof whole, "%s.", key);
    lower(sub, whole + strlen(whole));
    if (q->attributes)
        return query_lists(q->attributes, key, false) || query_lists(q->attributes, whole, false) ||
               (group && query_lists(q->attributes, group, false));
    return !q->excluded || !query_lists(q->excluded, whole, false);
}

static void put_simple(struct json_out *w, const char *name, const cJSON *value)
{
    if (cJSON_IsBool(value))
        json_put_bool(w, name, cJSON_IsTrue(value));
    else
        json_put_string(w, name, cJSON_GetStringValue(value));
}

static void put_complex(struct call *c, const char *group, const char *attribute, const char *name,
                        const cJSON *value)
{
    json_open(&c->out, name, '{');
    for (const cJSON *el = value->child; el; el = el->next)
        if (sub_shown(c, group, attribute, el->string))
            put_simple(&c->out, el->string, el);
    json_close(&c->out);
}

static void put_attribute(struct call *c, const char *group, const cJSON *value)
{
    const char *name = value->string;
    if (!shown(c, group, name))
        return;
    if (cJSON_IsObject(value)) {
        put_complex(c, group, name, name, value);
    } else if (cJSON_IsArray(value)) {
        json_open(&c->out, name, '[');
        for (const cJSON *el = value->child; el; el = el->next)
            if (cJSON_IsObject(el))
                put_complex(c, group, name, NULL, el);
            else
                put_simple(&c->out, NULL, el);
        json_close(&c->out);
    } else {
        put_simple(&c->out, name, value);
    }
}

static void put_head(struct call *c, const char *name, const char *urn, const cJSON *extension,
                     const char *id)
{
    json_open(&c->out, name, '{');
    json_open(&c->out, "schemas", '[');
    json_put_string(&c->out, NULL, urn);
    if (extension)
        json_put_string(&c->out, NULL, URN_ENTERPRISE);
    json_close(&c->out);
    json_put_string(&c->out, "id", id);
}

static void put_meta(struct call *c, const char *type, const char *id, int64_t created_ms, int64_t changed_ms,
                     uint64_t version)
{
    char location[320], etag[32], plural[16];
    if (!shown(c, NULL, "meta"))
        return;
    snprintf(plural, sizeof plural, "%ss", type);
    location_of(c->m, plural, id, location, sizeof location);
    json_open(&c->out, "meta", '{');
    json_put_string(&c->out, "resourceType", type);
    json_put_string(&c->out, "created", instant(created_ms));
    json_put_string(&c->out, "lastModified", instant(changed_ms));
    json_put_string(&c->out, "location", location);
    if (c->m->cfg.etag != MIRO_ETAG_OFF) {
        dialect_etag(version, etag, sizeof etag);
        json_put_string(&c->out, "version", etag);
    }
    json_close(&c->out);
}

static void put_groups(struct call *c, const struct miro_user *u)
{
    char location[320];
    bool any = false;
    for (size_t i = 0; i < u->n_teams; i++) {
        if (!u->teams[i]->in_scim || !shown(c, NULL, "groups"))
            continue;
        if (!any)
            json_open(&c->out, "groups", '[');
        any = true;
        location_of(c->m, "Groups", u->teams[i]->id, location, sizeof location);
        json_open(&c->out, NULL, '{');
        json_put_string(&c->out, "value", u->teams[i]->id);
        json_put_string(&c->out, "$ref", location);
        json_put_string(&c->out, "display", u->teams[i]->displayName);
        json_put_string(&c->out, "type", "direct");
        json_close(&c->out);
    }
    if (any)
        json_close(&c->out);
}

static void put_extension(struct call *c, const cJSON *extension)
{
    bool any = false;
    for (const cJSON *el = extension ? extension->child : NULL; el; el = el->next)
        any |= shown(c, "enterprise", el->string);
    if (!any)
        return;
    json_open(&c->out, URN_ENTERPRISE, '{');
    for (const cJSON *el = extension->child; el; el = el->next)
        put_attribute(c, "enterprise", el);
    json_close(&c->out);
}

void rfc_render_user(struct call *c, const char *name, const void *user)
{
    const struct miro_user *u = user;
    const cJSON *extension = json_get(u->document, URN_ENTERPRISE);
    put_head(c, name, URN_USER, extension, u->id);
    for (const cJSON *el = u->document ? u->document->child : NULL; el; el = el->next)
        if (el != extension && !same_name(el->string, "password"))
            put_attribute(c, NULL, el);
    put_groups(c, u);
    put_extension(c, extension);
    put_meta(c, "User", u->id, u->created_at_ms, u->changed_at_ms, u->writes);
    json_close(&c->out);
}

void rfc_render_group(struct call *c, const char *name, const void *team)
{
    const struct miro_team *t = team;
    enum miro_members_shown members = c->m->cfg.members;
    bool hidden = members == MIRO_MEMBERS_HIDDEN || (members == MIRO_MEMBERS_ASKED && !c->query.attributes);
    cJSON *document = rfc_group_document(c->m, t);
    put_head(c, name, URN_GROUP, NULL, t->id);
    for (const cJSON *el = document->child; el; el = el->next)
        if (!hidden || strcmp(el->string, "members") != 0)
            put_attribute(c, NULL, el);
    cJSON_Delete(document);
    put_meta(c, "Group", t->id, t->created_at_ms, t->changed_at_ms, t->version);
    json_close(&c->out);
}
