/* PATCH of a document (RFC 7644 §3.5.2): any path that the schemas know, with or without a value filter. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_rfc.h"

/* What a path names: an attribute of the core or of the extension, elements of it, a sub-attribute of those. */
struct place {
    cJSON *container;               /* the document, or its extension's object */
    const struct rfc_attribute *at; /* NULL: the whole extension */
    const struct rfc_attribute *sub;
    struct miro_filter *filter;
};

static const struct rfc_attribute external_id = {.name = "externalId", .exact = true};

static bool bad_path(struct problem *pb, const char *path)
{
    return refuse(pb, 400, "invalidPath", "Path '%.200s' names no attribute", path);
}

/* The extension's object, made when it is to be written. */
static cJSON *extension_of(struct rfc_patch *p)
{
    const char *urn = p->schema->extension->urn;
    cJSON *object = rfc_member(p->document, urn);
    if (!object) {
        object = cJSON_CreateObject();
        cJSON_AddItemToObject(p->document, urn, object);
    }
    return object;
}

/* Takes a schema's URN off the path; false: the path goes on with neither ':' nor its end. */
static const struct rfc_attribute *table_for(struct rfc_patch *p, const char **path, struct place *pl)
{
    const struct rfc_schema *const schemas[] = {p->schema, p->schema->extension};
    pl->container = p->document;
    for (size_t i = 0; i < ARRAY_SIZE(schemas) && schemas[i]; i++) {
        size_t n = strlen(schemas[i]->urn);
        if (strncasecmp(*path, schemas[i]->urn, n) != 0 || ((*path)[n] != ':' && (*path)[n] != '\0'))
            continue;
        *path += n + ((*path)[n] == ':');
        if (i == 1)
            pl->container = extension_of(p);
        return schemas[i]->attributes;
    }
    return p->schema->attributes;
}

static bool find_sub(struct rfc_patch *p, const char *whole, const char *sub, struct place *pl)
{
    if (!*sub)
        return true;
    pl->sub = pl->at->subs ? rfc_find(pl->at->subs, str_of(sub)) : NULL;
    return pl->sub || bad_path(p->pb, whole);
}

static bool find_filter(struct rfc_patch *p, const char *whole, const char *from, struct place *pl)
{
    const char *closer = strrchr(from, ']');
    struct error err = {0};
    if (!closer || (closer[1] && closer[1] != '.') || !pl->at->multi)
        return bad_path(p->pb, whole);
    if (!miro_filter_parse((struct str){from, (size_t)(closer - from)}, &pl->filter, &err))
        return refuse(p->pb, 400, "invalidFilter", "Path '%.200s': %.200s", whole, err.message);
    return find_sub(p, whole, closer[1] ? closer + 2 : "", pl);
}

static bool find_place(struct rfc_patch *p, const char *path, struct place *pl)
{
    const char *whole = path;
    const struct rfc_attribute *table = table_for(p, &path, pl);
    if (!*path)
        return table != p->schema->attributes || bad_path(p->pb, whole);
    size_t n = strcspn(path, ".[");
    pl->at = rfc_find(table, (struct str){path, n});
    if (!pl->at && pl->container == p->document && n == strlen(external_id.name) &&
        strncasecmp(path, external_id.name, n) == 0)
        pl->at = &external_id;
    if (!pl->at)
        return bad_path(p->pb, whole);
    if (path[n] == '[')
        return find_filter(p, whole, path + n + 1, pl);
    return find_sub(p, whole, path[n] ? path + n + 1 : "", pl);
}

/* ---- elements ------------------------------------------------------------------------------------------- */

static const char *element_value(const void *subject, const char *path, size_t i)
{
    const cJSON *el = subject;
    const cJSON *value = cJSON_IsObject(el) ? rfc_member(el, path) : el;
    if (i > 0 || !value)
        return NULL;
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "true" : "false";
    return cJSON_GetStringValue(value);
}

static bool matches(const struct place *pl, const cJSON *el)
{
    return !pl->filter || miro_filter_match(pl->filter, element_value, el);
}

static void put(cJSON *object, const char *name, cJSON *value)
{
    cJSON *old = rfc_member(object, name);
    if (old)
        cJSON_Delete(cJSON_DetachItemViaPointer(object, old));
    if (value)
        cJSON_AddItemToObject(object, name, value);
}

static void merge(cJSON *object, cJSON *from)
{
    while (from && from->child) {
        cJSON *el = cJSON_DetachItemViaPointer(from, from->child);
        char *name = xstrdup(el->string);
        put(object, name, el);
        free(name);
    }
    cJSON_Delete(from);
}

/* A new primary value takes the place of the old one. */
static void keep_one_primary(cJSON *list, const cJSON *primary)
{
    for (cJSON *el = list->child; el; el = el->next)
        if (el != primary && cJSON_IsTrue(json_get(el, "primary")))
            put(el, "primary", cJSON_CreateFalse());
}

/* The same element, or one that names the same value and says no more about it. */
static bool same_element(const cJSON *have, const cJSON *el)
{
    const char *old = json_string(have, "value"), *new = json_string(el, "value");
    if (old && new &&strcmp(old, new) != 0)
        return false; /* the common case, and cheap: groups are large */
    return cJSON_Compare(have, el, true) || (old && new &&cJSON_GetArraySize(el) == 1);
}

static void append(cJSON *list, cJSON *values)
{
    while (values && values->child) {
        cJSON *el = cJSON_DetachItemViaPointer(values, values->child);
        bool there = false;
        for (const cJSON *old = list->child; old && !there; old = old->next)
            there = same_element(old, el);
        if (there) {
            cJSON_Delete(el);
            continue;
        }
        if (cJSON_IsTrue(json_get(el, "primary")))
            keep_one_primary(list, el);
        cJSON_AddItemToArray(list, el);
    }
    cJSON_Delete(values);
}

/* ---- operations ----------------------------------------------------------------------------------------- */

static bool writable(const struct place *pl, struct problem *pb)
{
    if ((pl->at && pl->at->mutability == RFC_READ_ONLY) || (pl->sub && pl->sub->mutability == RFC_READ_ONLY))
        return refuse(pb, 400, "mutability", "Attribute '%s' is read-only",
                      pl->sub && pl->at->mutability != RFC_READ_ONLY ? pl->sub->name : pl->at->name);
    if (pl->filter && pl->sub && pl->sub->mutability == RFC_IMMUTABLE)
        return refuse(pb, 400, "mutability", "Attribute '%s' is immutable", pl->sub->name);
    return true;
}

/* A value for the place; a multi-valued attribute also takes a single element. */
static bool read_value(const struct place *pl, const cJSON *value, cJSON **ret, struct problem *pb)
{
    const struct rfc_attribute *at = pl->sub ? pl->sub : pl->at;
    struct rfc_attribute single = *at;
    if (at->multi && (pl->filter || !cJSON_IsArray(value))) {
        single.multi = false;
        cJSON *item = NULL;
        if (!rfc_clean_value(&single, value, &item, pb))
            return false;
        if (pl->filter) {
            *ret = item;
            return true;
        }
        *ret = cJSON_CreateArray();
        if (item)
            cJSON_AddItemToArray(*ret, item);
        return true;
    }
    return rfc_clean_value(at, value, ret, pb);
}

static bool set_filtered(struct rfc_patch *p, const struct place *pl, cJSON *value)
{
    cJSON *list = rfc_member(pl->container, pl->at->name);
    bool any = false;
    for (cJSON *el = list ? list->child : NULL; el; el = el->next) {
        if (!matches(pl, el))
            continue;
        any = true;
        if (pl->sub)
            put(el, pl->sub->name, cJSON_Duplicate(value, true));
        else
            merge(el, cJSON_Duplicate(value, true));
        if (cJSON_IsTrue(json_get(el, "primary")))
            keep_one_primary(list, el);
    }
    cJSON_Delete(value);
    return any || refuse(p->pb, 400, "noTarget", "No value of '%s' matches", pl->at->name);
}

/* A sub-attribute without a filter: of the object, or of every element. */
static bool set_sub(const struct place *pl, cJSON *value)
{
    cJSON *object = rfc_member(pl->container, pl->at->name);
    if (!object) {
        object = pl->at->multi ? cJSON_CreateArray() : cJSON_CreateObject();
        cJSON_AddItemToObject(pl->container, pl->at->name, object);
        if (pl->at->multi)
            cJSON_AddItemToArray(object, cJSON_CreateObject());
    }
    for (cJSON *el = pl->at->multi ? object->child : object; el; el = pl->at->multi ? el->next : NULL)
        put(el, pl->sub->name, cJSON_Duplicate(value, true));
    cJSON_Delete(value);
    return true;
}

static bool set_whole(const struct place *pl, enum op op, cJSON *value)
{
    cJSON *have = rfc_member(pl->container, pl->at->name);
    if (have && value && pl->at->multi && op == OP_ADD) {
        append(have, value);
    } else if (have && value && cJSON_IsObject(value)) {
        merge(have, value);
    } else {
        cJSON *fresh = value;
        if (value && pl->at->multi) { /* elements given twice are kept once */
            fresh = cJSON_CreateArray();
            append(fresh, value);
        }
        put(pl->container, pl->at->name, fresh);
    }
    return true;
}

static bool set(struct rfc_patch *p, const struct place *pl, enum op op, const cJSON *value)
{
    cJSON *clean = NULL;
    if (!writable(pl, p->pb) || !read_value(pl, value, &clean, p->pb))
        return false;
    if (pl->filter)
        return set_filtered(p, pl, clean);
    return pl->sub ? set_sub(pl, clean) : set_whole(pl, op, clean);
}

/* Remove with a list as value is no standard: a switch says what becomes of it. */
static bool remove_listed(struct rfc_patch *p, const struct place *pl, const cJSON *value)
{
    cJSON *list = rfc_member(pl->container, pl->at->name);
    if (p->m->cfg.remove_list == MIRO_REMOVE_REFUSED)
        return refuse(p->pb, 400, "invalidValue", "A remove takes no value");
    if (p->m->cfg.remove_list == MIRO_REMOVE_EVERYBODY) {
        put(pl->container, pl->at->name, NULL);
        return true;
    }
    const cJSON *first = cJSON_IsArray(value) ? value->child : value;
    for (const cJSON *el = first; el; el = cJSON_IsArray(value) ? el->next : NULL) {
        const char *wanted = cJSON_IsObject(el) ? json_string(el, "value") : cJSON_GetStringValue(el);
        for (cJSON *have = list ? list->child : NULL, *next; have; have = next) {
            const char *is = json_string(have, "value");
            next = have->next;
            if (is && wanted && strcmp(is, wanted) == 0)
                cJSON_Delete(cJSON_DetachItemViaPointer(list, have));
        }
    }
    return true;
}

static bool drop(struct rfc_patch *p, const struct place *pl, const cJSON *value)
{
    cJSON *have = rfc_member(pl->container, pl->at->name);
    if (!writable(pl, p->pb))
        return false;
    if ((pl->at->required && !pl->sub) || (pl->sub && pl->sub->required))
        return refuse(p->pb, 400, "mutability", "Attribute '%s' is required", pl->at->name);
    if (value && pl->at->multi && !pl->filter && !pl->sub)
        return remove_listed(p, pl, value);
    if (!pl->filter && !pl->sub) {
        put(pl->container, pl->at->name, NULL);
        return true;
    }
    for (cJSON *el = have && pl->at->multi ? have->child : have, *next; el; el = next) {
        next = pl->at->multi ? el->next : NULL;
        if (!matches(pl, el))
            continue;
        if (pl->sub)
            put(el, pl->sub->name, NULL);
        else
            cJSON_Delete(cJSON_DetachItemViaPointer(have, el));
    }
    return true;
}

static bool set_members(struct rfc_patch *p, enum op op, const char *prefix, const cJSON *object)
{
    if (!cJSON_IsObject(object))
        return refuse(p->pb, 400, "invalidValue", "An object of attributes is expected as value");
    for (const cJSON *el = object->child; el; el = el->next) {
        if (same_name(el->string, "schemas") ||
            (!*prefix && (same_name(el->string, "id") || same_name(el->string, "meta"))))
            continue;
        char *path = xasprintf("%s%s%s", prefix, *prefix ? ":" : "", el->string);
        bool done = rfc_patch_one(p, op, path, el);
        free(path);
        if (!done)
            return false;
    }
    return true;
}

bool rfc_patch_one(void *ctx, enum op op, const char *path, const cJSON *value)
{
    struct rfc_patch *p = ctx;
    struct place pl = {0};
    if (!path)
        return set_members(p, op, "", value);
    bool done = find_place(p, path, &pl);
    if (done && pl.at)
        done = op == OP_REMOVE ? drop(p, &pl, value) : set(p, &pl, op, value);
    else if (done && op == OP_REMOVE)
        put(p->document, p->schema->extension->urn, NULL);
    else if (done)
        done = set_members(p, op, p->schema->extension->urn, value);
    miro_filter_free(pl.filter);
    return done;
}
