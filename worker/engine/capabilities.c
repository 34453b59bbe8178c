#include "capabilities.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "event.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"
#include "scim_attributes.h"

enum { KEY_MAX = sizeof CAPABILITIES_KIND + 1 + EVENT_NAME_MAX, PAGE_MAX_MAX = 100000 };

/* The switches: under which names they stand in the record and in the configuration's words. */
static const struct {
    const char *name;
    size_t offset, said;
} switches[] = {
#define SWITCH(name, member)                                                                                 \
    {                                                                                                        \
        name, offsetof(struct capabilities, member), offsetof(struct engine_capabilities, member)            \
    }
    SWITCH("patch", patch),          SWITCH("filter", filter), SWITCH("etag", etag),
    SWITCH("cursor", cursor),        SWITCH("groups", groups), SWITCH("members", members),
    SWITCH("barePaths", bare_paths),
#undef SWITCH
};

static bool *switch_of(struct capabilities *c, size_t i)
{
    return (bool *)((char *)c + switches[i].offset);
}

void capabilities_default(struct capabilities *ret)
{
    *ret = (struct capabilities){.patch = true, .filter = true, .groups = true};
}

void capabilities_done(struct capabilities *c)
{
    attrs_done(&c->writable);
    *c = (struct capabilities){0};
}

void capabilities_copy(struct capabilities *to, const struct capabilities *from)
{
    *to = *from;
    to->writable = (struct attrs){0};
    attrs_copy(&to->writable, &from->writable);
}

void capabilities_override(struct capabilities *c, const struct engine_capabilities *said)
{
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        enum engine_switch word = *(const enum engine_switch *)((const char *)said + switches[i].said);
        if (word != SWITCH_AS_SAID)
            *switch_of(c, i) = word == SWITCH_ON;
    }
}

bool capabilities_write(const struct capabilities *c, const char *attr)
{
    char name[SCIM_SCHEMA_NAME_SIZE];
    if (c->writable.n == 0)
        return true;
    scim_schema_name(attr, name);
    return attrs_find(&c->writable, name);
}

/* ---- what the service says ----------------------------------------------------------------------------- */

static bool supported(const cJSON *root, const char *name, bool otherwise)
{
    const cJSON *word = json_get(json_get(root, name), "supported");
    return cJSON_IsBool(word) ? cJSON_IsTrue(word) : otherwise;
}

static unsigned size_said(const cJSON *root, const char *section, const char *name)
{
    int64_t n;
    return json_int64(json_get(root, section), name, &n) && n > 0 && n <= PAGE_MAX_MAX ? (unsigned)n : 0;
}

static void take_pages(struct capabilities *c, const cJSON *root)
{
    unsigned filter = size_said(root, "filter", "maxResults"),
             page = size_said(root, "pagination", "maxPageSize");
    const cJSON *pagination = json_get(root, "pagination");
    c->cursor = cJSON_IsTrue(json_get(pagination, "cursor"));
    c->page_max = page ? page : filter;
}

bool capabilities_take_config(struct capabilities *c, struct str body)
{
    struct json_doc doc = {0};
    struct error ignored;
    bool ok = json_doc_parse(body, &doc, &ignored) &&
              (cJSON_IsObject(json_get(doc.root, "patch")) || cJSON_IsObject(json_get(doc.root, "filter")));
    if (ok) {
        c->proved = true;
        c->patch = supported(doc.root, "patch", c->patch);
        c->filter = supported(doc.root, "filter", c->filter);
        c->etag = supported(doc.root, "etag", c->etag);
        take_pages(c, doc.root);
    }
    json_doc_done(&doc);
    return ok;
}

static bool same_path(const char *endpoint, const char *path)
{
    return endpoint && strcasecmp(endpoint + (*endpoint == '/'), path) == 0;
}

bool capabilities_take_types(struct capabilities *c, struct str body)
{
    struct json_doc doc = {0};
    struct error ignored;
    bool parsed = json_doc_parse(body, &doc, &ignored), users = false, groups = false;
    const cJSON *list = parsed ? json_get(doc.root, "Resources") : NULL, *type;
    list = list || !parsed ? list : doc.root; /* some answer with a bare array */
    cJSON_ArrayForEach(type, list)
    {
        const char *endpoint = json_string(type, "endpoint");
        users |= same_path(endpoint, "Users");
        groups |= same_path(endpoint, "Groups");
    }
    if (users) /* else it is no list that can be trusted */
        c->groups = groups;
    json_doc_done(&doc);
    return users;
}

static bool is_writable(const cJSON *attribute)
{
    const char *mutability = json_string(attribute, "mutability");
    return !mutability || strcasecmp(mutability, "readOnly") != 0;
}

/* RFC 7643 2.1. What calls itself otherwise is no attribute of ours, and could take more room in a record than there is (a
 * control character is six bytes of JSON). */
static bool is_name(const char *name)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_$";
    size_t n = name ? strspn(name, chars) : 0;
    return n > 0 && !name[n];
}

static void note_writable(struct attrs *writable, const char *prefix, const char *name)
{
    char full[SCIM_SCHEMA_NAME_SIZE];
    int n = is_name(name) ? snprintf(full, sizeof full, "%s%s", prefix, name) : -1;
    if (n > 0 && (size_t)n < sizeof full && writable->n < CAPABILITIES_ATTRIBUTES_MAX)
        attrs_set(writable, full, "true");
}

/* An attribute, and of a single complex one what it consists of. */
static void take_attribute(struct attrs *writable, const char *prefix, const cJSON *attribute)
{
    const char *name = json_string(attribute, "name");
    const cJSON *parts = json_get(attribute, "subAttributes"), *part;
    if (!is_name(name) || !is_writable(attribute))
        return;
    note_writable(writable, prefix, name);
    if (!cJSON_IsArray(parts) || cJSON_IsTrue(json_get(attribute, "multiValued")))
        return;
    char inner[SCIM_SCHEMA_NAME_SIZE];
    int n = snprintf(inner, sizeof inner, "%s%s.", prefix, name);
    if (n < 0 || (size_t)n >= sizeof inner)
        return;
    cJSON_ArrayForEach(part, parts) if (is_writable(part))
        note_writable(writable, inner, json_string(part, "name"));
}

bool capabilities_take_schemas(struct capabilities *c, struct str body)
{
    struct json_doc doc = {0};
    struct error ignored;
    struct attrs writable = {0};
    bool parsed = json_doc_parse(body, &doc, &ignored), core = false;
    const cJSON *list = parsed ? json_get(doc.root, "Resources") : NULL, *schema, *attribute;
    list = list || !parsed ? list : doc.root;
    cJSON_ArrayForEach(schema, list)
    {
        const char *id = json_string(schema, "id");
        bool user = id && strcasecmp(id, SCIM_URN_USER) == 0,
             enterprise = id && strcasecmp(id, SCIM_URN_ENTERPRISE) == 0;
        if (!user && !enterprise)
            continue;
        core |= user;
        cJSON_ArrayForEach(attribute, json_get(schema, "attributes"))
            take_attribute(&writable, user ? "" : SCIM_SCHEMA_ENTERPRISE, attribute);
    }
    if (core && attrs_find(&writable, "userName")) {
        attrs_set(&writable, "externalId", "true"); /* of all resources, and of no schema (RFC 7643 3.1) */
        attrs_done(&c->writable);
        c->writable = writable;
        writable = (struct attrs){0};
    }
    bool ok = core && c->writable.n > 0;
    attrs_done(&writable);
    json_doc_done(&doc);
    return ok;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

void capabilities_key(const char *target, struct buf *out)
{
    buf_addf(out, CAPABILITIES_KIND "/%s", target);
}

void capabilities_value(const char *target, const struct capabilities *c, int64_t at_ms, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "kind", CAPABILITIES_KIND);
    json_put_string(&w, "target", target);
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
        json_put_bool(&w, switches[i].name, *switch_of((struct capabilities *)(uintptr_t)c, i));
    json_put_bool(&w, "proved", c->proved);
    if (c->page_max > 0)
        json_put_int(&w, "pageMax", c->page_max);
    if (c->writable.n > 0) {
        json_open(&w, "writable", '[');
        for (size_t i = 0; i < c->writable.n; i++)
            json_put_string(&w, NULL, c->writable.v[i].name);
        json_close(&w);
    }
    json_put_time(&w, "at", at_ms);
    json_close(&w);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

void capabilities_record_done(struct capabilities_record *r)
{
    free(r->target);
    capabilities_done(&r->said);
    *r = (struct capabilities_record){0};
}

bool capabilities_is_key(struct str key)
{
    size_t n = strlen(CAPABILITIES_KIND "/");
    return key.n > n && memcmp(key.p, CAPABILITIES_KIND "/", n) == 0;
}

static bool wrong(struct error *err, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s", what);
}

static bool read_key(struct str key, struct capabilities_record *r, struct error *err)
{
    char text[KEY_MAX + 1];
    if (!capabilities_is_key(key) || key.n > KEY_MAX || memchr(key.p, '\0', key.n))
        return wrong(err, "the key is missing, too long or no text");
    memcpy(text, key.p, key.n);
    text[key.n] = '\0';
    const char *target = text + strlen(CAPABILITIES_KIND "/");
    if (!event_name_ok(target))
        return wrong(err, "the key names no target");
    r->target = xstrdup(target);
    return true;
}

static bool read_writable(const cJSON *list, struct attrs *writable, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *name = cJSON_GetStringValue(item);
        if (!name || !*name || strlen(name) >= SCIM_SCHEMA_NAME_SIZE ||
            writable->n >= CAPABILITIES_ATTRIBUTES_MAX)
            return wrong(err, "writable: not a list of attributes");
        attrs_set(writable, name, "true");
    }
    return true;
}

static bool read_root(const cJSON *root, struct capabilities_record *r, struct error *err)
{
    const char *kind = json_string(root, "kind"), *target = json_string(root, "target"),
               *at = json_string(root, "at");
    int64_t page_max = 0;
    if (!kind || strcmp(kind, CAPABILITIES_KIND) != 0 || !target || strcmp(target, r->target) != 0)
        return wrong(err, "the key does not agree with the value");
    if (!at || !rfc3339_parse(str_of(at), &r->at_ms) || r->at_ms <= 0)
        return wrong(err, "at: not an RFC 3339 instant");
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        const cJSON *word = json_get(root, switches[i].name);
        if (!cJSON_IsBool(word))
            return error_set(err, ERROR_INPUT, "%s: neither true nor false", switches[i].name);
        *switch_of(&r->said, i) = cJSON_IsTrue(word);
    }
    r->said.proved = cJSON_IsTrue(json_get(root, "proved"));
    if (json_get(root, "pageMax") &&
        (!json_int64(root, "pageMax", &page_max) || page_max < 1 || page_max > PAGE_MAX_MAX))
        return wrong(err, "pageMax: not a size of pages");
    r->said.page_max = (unsigned)page_max;
    return read_writable(json_get(root, "writable"), &r->said.writable, err);
}

bool capabilities_record_read(struct str key, struct str value, struct capabilities_record *ret,
                              struct error *err)
{
    struct capabilities_record r = {0};
    cJSON *root = NULL;
    bool ok = read_key(key, &r, err);
    if (ok && value.n == 0) /* forgotten: nothing is said any more, at no time */
        capabilities_default(&r.said);
    else
        ok = ok && (value.n <= CAPABILITIES_RECORD_MAX || wrong(err, "longer than allowed")) &&
             json_parse(value, &root, err) && read_root(root, &r, err);
    cJSON_Delete(root);
    if (ok)
        *ret = r;
    else
        capabilities_record_done(&r);
    return ok;
}
