/* ServiceProviderConfig, ResourceTypes and Schemas. What differs between them is in tables. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_core.h"

static void put_schemas(struct call *c, const char *urn)
{
    json_open(&c->out, "schemas", '[');
    json_put_string(&c->out, NULL, urn);
    json_close(&c->out);
}

static void put_support(struct call *c, const char *name, bool supported)
{
    json_open(&c->out, name, '{');
    json_put_bool(&c->out, "supported", supported);
    if (strcmp(name, "bulk") == 0) {
        json_put_int(&c->out, "maxOperations", 0);
        json_put_int(&c->out, "maxPayloadSize", 0);
    }
    if (strcmp(name, "filter") == 0)
        json_put_int(&c->out, "maxResults",
                     c->m->cfg.profile == MIRO_PROFILE_SCIM ? c->m->cfg.page_max : 200);
    json_close(&c->out);
}

/* RFC 9865 §4 */
static void put_pagination(struct call *c)
{
    const struct miro_config *cfg = &c->m->cfg;
    json_open(&c->out, "pagination", '{');
    json_put_bool(&c->out, "cursor", true);
    json_put_bool(&c->out, "index", cfg->paging == MIRO_PAGING_BOTH);
    json_put_string(&c->out, "defaultPaginationMethod", cfg->paging == MIRO_PAGING_BOTH ? "index" : "cursor");
    if (cfg->page_default > 0)
        json_put_int(&c->out, "defaultPageSize", cfg->page_default);
    if (cfg->page_max > 0)
        json_put_int(&c->out, "maxPageSize", cfg->page_max);
    json_close(&c->out);
}

static void put_authentication(struct call *c)
{
    json_open(&c->out, "authenticationSchemes", '[');
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "type", "oauthbearertoken");
    json_put_string(&c->out, "name", "OAuth Bearer Token");
    json_put_string(&c->out, "description", "Authentication scheme using the OAuth Bearer Token Standard");
    json_put_string(&c->out, "specUri", "https://www.rfc-editor.org/info/rfc6750");
    json_put_bool(&c->out, "primary", true);
    json_close(&c->out);
    json_close(&c->out);
}

/* What RFC 7643 §3.1 wants of every resource; Miro shows none here. */
static void put_meta(struct call *c, const char *type, const char *path)
{
    char location[320];
    if (c->m->cfg.profile == MIRO_PROFILE_MIRO)
        return;
    snprintf(location, sizeof location, "%s/%s", c->m->cfg.base_url, path);
    json_open(&c->out, "meta", '{');
    json_put_string(&c->out, "resourceType", type);
    json_put_string(&c->out, "location", location);
    json_close(&c->out);
}

bool discovery_config(struct call *c, struct problem *pb)
{
    const struct miro_config *cfg = &c->m->cfg;
    const struct {
        const char *name;
        bool supported;
    } features[] = {{"patch", cfg->patch != MIRO_PATCH_501 && cfg->patch != MIRO_PATCH_405},
                    {"bulk", false},
                    {"filter", cfg->filtering == MIRO_FILTER_YES},
                    {"changePassword", false},
                    {"sort", true},
                    {"etag", cfg->etag != MIRO_ETAG_OFF}};
    (void)pb;
    json_open(&c->out, NULL, '{');
    put_schemas(c, "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig");
    json_put_string(&c->out, "documentationUri",
                    c->m->cfg.profile == MIRO_PROFILE_SCIM ? "https://www.rfc-editor.org/info/rfc7644"
                                                           : "https://developers.miro.com/docs/scim");
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        put_support(c, features[i].name, features[i].supported);
    if (cfg->paging != MIRO_PAGING_INDEX)
        put_pagination(c);
    put_authentication(c);
    put_meta(c, "ServiceProviderConfig", "ServiceProviderConfig");
    json_close(&c->out);
    c->reply->status = 200;
    return true;
}

/* ---- lists of fixed resources -------------------------------------------------------------------------- */

struct fixed {
    const char *id;
    void (*put)(struct call *c, const struct fixed *f);
    const void *data;
};

static bool answer_fixed(struct call *c, const struct fixed *v, size_t n, struct problem *pb)
{
    c->reply->status = 200;
    for (size_t i = 0; i < n; i++)
        if (c->id.n > 0 && c->id.n == strlen(v[i].id) && strncasecmp(c->id.p, v[i].id, c->id.n) == 0) {
            v[i].put(c, &v[i]);
            return true;
        }
    if (c->id.n > 0)
        return refuse(pb, 404, NULL, "No resource with ID %.*s", (int)(c->id.n < 200 ? c->id.n : 200),
                      c->id.p);
    json_open(&c->out, NULL, '{');
    put_schemas(c, URN_LIST);
    json_put_int(&c->out, "totalResults", (int64_t)n);
    if (c->m->cfg.profile == MIRO_PROFILE_SCIM) {
        json_put_int(&c->out, "startIndex", 1);
        json_put_int(&c->out, "itemsPerPage", (int64_t)n);
    }
    json_open(&c->out, "Resources", '[');
    for (size_t i = 0; i < n; i++)
        v[i].put(c, &v[i]);
    json_close(&c->out);
    json_close(&c->out);
    return true;
}

struct type {
    const char *endpoint, *schema, *extension;
};

static const struct type user_type = {"/Users", URN_USER, URN_ENTERPRISE},
                         group_type = {"/Groups", URN_GROUP, NULL};

static void put_type(struct call *c, const struct fixed *f)
{
    const struct type *type = f->data;
    json_open(&c->out, NULL, '{');
    put_schemas(c, "urn:ietf:params:scim:schemas:core:2.0:ResourceType");
    json_put_string(&c->out, "id", f->id);
    json_put_string(&c->out, "name", f->id);
    json_put_string(&c->out, "endpoint", type->endpoint);
    json_put_string(&c->out, "schema", type->schema);
    if (type->extension) {
        json_open(&c->out, "schemaExtensions", '[');
        json_open(&c->out, NULL, '{');
        json_put_string(&c->out, "schema", type->extension);
        json_put_bool(&c->out, "required", false);
        json_close(&c->out);
        json_close(&c->out);
    }
    char path[64];
    snprintf(path, sizeof path, "ResourceTypes/%s", f->id);
    put_meta(c, "ResourceType", path);
    json_close(&c->out);
}

bool discovery_types(struct call *c, struct problem *pb)
{
    static const struct fixed types[] = {{"User", put_type, &user_type}, {"Group", put_type, &group_type}};
    return answer_fixed(c, types, ARRAY_SIZE(types), pb);
}

/* ---- schemas ------------------------------------------------------------------------------------------- */

struct attribute {
    const char *name, *type;
    bool multi, required, read_only;
    const char *subs; /* names of sub-attributes, separated by blanks; all strings */
};

static const struct attribute user_attributes[] = {
    {"userName", "string", false, true, false, NULL},
    {"displayName", "string", false, false, false, NULL},
    {"name", "complex", false, false, false, "formatted familyName givenName"},
    {"userType", "string", false, false, false, NULL},
    {"active", "boolean", false, false, false, NULL},
    {"emails", "complex", true, false, true, "value type primary"},
    {"photos", "complex", true, false, false, "value type"},
    {"groups", "complex", true, false, true, "value display"},
    {"roles", "complex", true, false, false, "value display type primary"},
    {"preferredLanguage", "string", false, false, false, NULL},
    {0},
};

static const struct attribute group_attributes[] = {
    {"displayName", "string", false, true, false, NULL},
    {"members", "complex", true, false, false, "value type display"},
    {0},
};

static const struct attribute enterprise_attributes[] = {
    {"employeeNumber", "string", false, false, false, NULL},
    {"costCenter", "string", false, false, false, NULL},
    {"organization", "string", false, false, false, NULL},
    {"division", "string", false, false, false, NULL},
    {"department", "string", false, false, false, NULL},
    {"manager", "complex", false, false, false, "value displayName"},
    {0},
};

static void put_subs(struct call *c, const char *subs)
{
    json_open(&c->out, "subAttributes", '[');
    for (const char *p = subs; *p;) {
        size_t n = strcspn(p, " ");
        bool primary = n == 7 && strncmp(p, "primary", n) == 0;
        json_open(&c->out, NULL, '{');
        json_put_str(&c->out, "name", (struct str){p, n});
        json_put_string(&c->out, "type", primary ? "boolean" : "string");
        json_put_bool(&c->out, "multiValued", false);
        json_close(&c->out);
        p += n + (p[n] == ' ');
    }
    json_close(&c->out);
}

static void put_attribute(struct call *c, const struct attribute *at)
{
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "name", at->name);
    json_put_string(&c->out, "type", at->type);
    json_put_bool(&c->out, "multiValued", at->multi);
    json_put_bool(&c->out, "required", at->required);
    json_put_bool(&c->out, "caseExact", false);
    json_put_string(&c->out, "mutability", at->read_only ? "readOnly" : "readWrite");
    json_put_string(&c->out, "returned", "default");
    json_put_string(&c->out, "uniqueness", strcmp(at->name, "userName") == 0 ? "server" : "none");
    if (at->subs)
        put_subs(c, at->subs);
    json_close(&c->out);
}

static void put_schema(struct call *c, const struct fixed *f)
{
    json_open(&c->out, NULL, '{');
    put_schemas(c, "urn:ietf:params:scim:schemas:core:2.0:Schema");
    json_put_string(&c->out, "id", f->id);
    json_put_string(&c->out, "name", f->data == group_attributes ? "Group" : "User");
    json_open(&c->out, "attributes", '[');
    for (const struct attribute *at = f->data; at->name; at++)
        put_attribute(c, at);
    json_close(&c->out);
    json_close(&c->out);
}

bool discovery_schemas(struct call *c, struct problem *pb)
{
    static const struct fixed schemas[] = {{URN_USER, put_schema, user_attributes},
                                           {URN_GROUP, put_schema, group_attributes},
                                           {URN_ENTERPRISE, put_schema, enterprise_attributes}};
    return answer_fixed(c, schemas, ARRAY_SIZE(schemas), pb);
}
