/* What a body says, checked against the schemas and in their spelling. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_rfc.h"

enum { TEXT_BYTES_MAX = 100000, VALUES_MAX = 20000 };

cJSON *rfc_member(const cJSON *object, const char *name)
{
    for (cJSON *el = object ? object->child : NULL; el; el = el->next)
        if (el->string && same_name(el->string, name))
            return el;
    return NULL;
}

static bool bad_type(struct problem *pb, const struct rfc_attribute *at, const char *what)
{
    return refuse(pb, 400, "invalidValue", "Attribute '%s' is invalid: %s is expected", at->name, what);
}

static bool base64_ok(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_");
    return strspn(text + n, "=") + n == strlen(text);
}

static bool clean_simple(const struct rfc_attribute *at, const cJSON *value, cJSON **ret, struct problem *pb)
{
    if (at->type == RFC_BOOLEAN) {
        if (!cJSON_IsBool(value))
            return bad_type(pb, at, "true or false");
    } else if (!cJSON_IsString(value)) {
        return bad_type(pb, at, "a string");
    } else if (strlen(value->valuestring) > TEXT_BYTES_MAX) {
        return bad_type(pb, at, "a shorter string");
    } else if (at->type == RFC_BINARY && !base64_ok(value->valuestring)) {
        return bad_type(pb, at, "base64");
    }
    *ret = cJSON_Duplicate(value, true);
    return true;
}

/* Adds to `to` what `object` says about the attributes of the table. */
static bool clean_members(const struct rfc_attribute *table, const cJSON *object, cJSON *to,
                          struct problem *pb)
{
    for (const cJSON *el = object->child; el; el = el->next) {
        const struct rfc_attribute *at = rfc_find(table, str_of(el->string));
        cJSON *value = NULL;
        if (!at && same_name(el->string, "schemas"))
            continue; /* of an extension: some clients name it there too */
        if (!at)
            return refuse(pb, 400, "invalidSyntax", "Attribute '%.100s' is unknown", el->string);
        if (rfc_member(to, at->name))
            return refuse(pb, 400, "invalidSyntax", "Attribute '%s' is there twice", at->name);
        if (at->mutability == RFC_READ_ONLY)
            continue;
        if (!rfc_clean_value(at, el, &value, pb))
            return false;
        if (value)
            cJSON_AddItemToObject(to, at->name, value);
    }
    return true;
}

static bool clean_complex(const struct rfc_attribute *at, const cJSON *value, cJSON **ret, struct problem *pb)
{
    if (!cJSON_IsObject(value))
        return bad_type(pb, at, "an object");
    *ret = cJSON_CreateObject();
    if (!clean_members(at->subs, value, *ret, pb))
        return false;
    if (!(*ret)->child) {
        cJSON_Delete(*ret);
        *ret = NULL;
    }
    return true;
}

static bool one_primary(const struct rfc_attribute *at, const cJSON *list, struct problem *pb)
{
    int n = 0;
    for (const cJSON *el = list ? list->child : NULL; el; el = el->next)
        n += cJSON_IsTrue(json_get(el, "primary"));
    return n <= 1 ||
           refuse(pb, 400, "invalidValue", "Attribute '%s' has more than one primary value", at->name);
}

static bool clean_many(const struct rfc_attribute *at, const cJSON *value, cJSON **ret, struct problem *pb)
{
    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) > VALUES_MAX)
        return bad_type(pb, at, "a list");
    *ret = cJSON_CreateArray();
    for (const cJSON *el = value->child; el; el = el->next) {
        cJSON *item = NULL;
        bool good =
            at->type == RFC_COMPLEX ? clean_complex(at, el, &item, pb) : clean_simple(at, el, &item, pb);
        if (item)
            cJSON_AddItemToArray(*ret, item);
        if (!good)
            return false;
    }
    if (!(*ret)->child) {
        cJSON_Delete(*ret);
        *ret = NULL;
    }
    return one_primary(at, *ret, pb);
}

bool rfc_clean_value(const struct rfc_attribute *at, const cJSON *value, cJSON **ret, struct problem *pb)
{
    *ret = NULL;
    if (cJSON_IsNull(value))
        return true;
    bool good = at->multi                 ? clean_many(at, value, ret, pb)
                : at->type == RFC_COMPLEX ? clean_complex(at, value, ret, pb)
                                          : clean_simple(at, value, ret, pb);
    if (!good) {
        cJSON_Delete(*ret);
        *ret = NULL;
    }
    return good;
}

/* ---- whole documents ------------------------------------------------------------------------------------ */

static bool schemas_ok(const struct rfc_schema *schema, const cJSON *body, struct problem *pb)
{
    const cJSON *list = rfc_member(body, "schemas");
    bool core = false;
    for (const cJSON *el = list ? list->child : NULL; el; el = el->next) {
        const char *urn = cJSON_IsString(el) ? el->valuestring : "";
        if (same_name(urn, schema->urn))
            core = true;
        else if (!schema->extension || !same_name(urn, schema->extension->urn))
            return refuse(pb, 400, "invalidSyntax", "Schema '%.200s' is unknown", urn);
    }
    return core || refuse(pb, 400, "invalidSyntax", "schemas must contain %s", schema->urn);
}

static const struct rfc_attribute external_id = {.name = "externalId", .exact = true};

/* Members that are no attributes of the core schema; *done says that the member has been dealt with. */
static bool clean_common(const struct rfc_schema *schema, const cJSON *el, cJSON *to, bool *done,
                         struct problem *pb)
{
    cJSON *value = NULL;
    *done = same_name(el->string, "schemas") || same_name(el->string, "id") || same_name(el->string, "meta");
    if (*done)
        return true;
    if (same_name(el->string, external_id.name)) {
        *done = true;
        if (!rfc_clean_value(&external_id, el, &value, pb))
            return false;
    } else if (schema->extension && same_name(el->string, schema->extension->urn)) {
        const struct rfc_attribute whole = {
            .name = schema->extension->urn, .type = RFC_COMPLEX, .subs = schema->extension->attributes};
        *done = true;
        if (!rfc_clean_value(&whole, el, &value, pb))
            return false;
    }
    if (value)
        cJSON_AddItemToObject(
            to, same_name(el->string, external_id.name) ? external_id.name : schema->extension->urn, value);
    return true;
}

static bool clean_all(const struct rfc_schema *schema, const cJSON *body, cJSON *to, struct problem *pb)
{
    cJSON *rest = cJSON_CreateObject();
    bool good = true, done;
    for (const cJSON *el = body->child; el && good; el = el->next) {
        good = clean_common(schema, el, to, &done, pb);
        if (good && !done)
            cJSON_AddItemReferenceToObject(rest, el->string, (cJSON *)el);
    }
    good = good && clean_members(schema->attributes, rest, to, pb);
    cJSON_Delete(rest);
    for (const struct rfc_attribute *at = schema->attributes; good && at->name; at++) {
        const char *text = cJSON_GetStringValue(rfc_member(to, at->name));
        if (at->required && (!text || !*text))
            good = refuse(pb, 400, "invalidValue", "Attribute '%s' is required", at->name);
    }
    return good;
}

cJSON *rfc_clean(const struct rfc_schema *schema, const cJSON *body, struct problem *pb)
{
    if (!schemas_ok(schema, body, pb))
        return NULL;
    cJSON *to = cJSON_CreateObject();
    if (clean_all(schema, body, to, pb))
        return to;
    cJSON_Delete(to);
    return NULL;
}
