/* RFC 7643's schemas as tables (§4.1, §4.2, §4.3), and GET /Schemas. */
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_rfc.h"

#define TEXT(n)                                                                                              \
    {                                                                                                        \
        .name = n                                                                                            \
    }
#define BOOL(n)                                                                                              \
    {                                                                                                        \
        .name = n, .type = RFC_BOOLEAN                                                                       \
    }
#define REF(n, to)                                                                                           \
    {                                                                                                        \
        .name = n, .type = RFC_REFERENCE, .exact = true, .refs = to                                          \
    }
#define ONE(n, table)                                                                                        \
    {                                                                                                        \
        .name = n, .type = RFC_COMPLEX, .subs = table                                                        \
    }
#define MANY(n, table)                                                                                       \
    {                                                                                                        \
        .name = n, .type = RFC_COMPLEX, .multi = true, .subs = table                                         \
    }

static const struct rfc_attribute name_subs[] = {
    TEXT("formatted"),
    TEXT("familyName"),
    TEXT("givenName"),
    TEXT("middleName"),
    TEXT("honorificPrefix"),
    TEXT("honorificSuffix"),
    {0},
};
static const struct rfc_attribute email_subs[] = {
    TEXT("value"), TEXT("display"), {.name = "type", .canonical = "work home other"}, BOOL("primary"), {0},
};
static const struct rfc_attribute phone_subs[] = {
    TEXT("value"),
    TEXT("display"),
    {.name = "type", .canonical = "work home mobile fax pager other"},
    BOOL("primary"),
    {0},
};
static const struct rfc_attribute im_subs[] = {
    TEXT("value"),
    TEXT("display"),
    {.name = "type", .canonical = "aim gtalk icq xmpp msn skype qq yahoo"},
    BOOL("primary"),
    {0},
};
static const struct rfc_attribute photo_subs[] = {
    REF("value", "external"),
    TEXT("display"),
    {.name = "type", .canonical = "photo thumbnail"},
    BOOL("primary"),
    {0},
};
static const struct rfc_attribute address_subs[] = {
    TEXT("formatted"),
    TEXT("streetAddress"),
    TEXT("locality"),
    TEXT("region"),
    TEXT("postalCode"),
    TEXT("country"),
    {.name = "type", .canonical = "work home other"},
    BOOL("primary"),
    {0},
};
static const struct rfc_attribute value_subs[] = {
    TEXT("value"), TEXT("display"), TEXT("type"), BOOL("primary"), {0},
};
static const struct rfc_attribute certificate_subs[] = {
    {.name = "value", .type = RFC_BINARY, .exact = true}, TEXT("display"), TEXT("type"), BOOL("primary"), {0},
};
static const struct rfc_attribute group_subs[] = {
    {.name = "value", .mutability = RFC_READ_ONLY},
    {.name = "$ref", .type = RFC_REFERENCE, .mutability = RFC_READ_ONLY, .exact = true, .refs = "User Group"},
    {.name = "display", .mutability = RFC_READ_ONLY},
    {.name = "type", .mutability = RFC_READ_ONLY, .canonical = "direct indirect"},
    {0},
};

static const struct rfc_attribute user_attributes[] = {
    {.name = "userName", .required = true, .unique = true},
    ONE("name", name_subs),
    TEXT("displayName"),
    TEXT("nickName"),
    REF("profileUrl", "external"),
    TEXT("title"),
    TEXT("userType"),
    TEXT("preferredLanguage"),
    TEXT("locale"),
    TEXT("timezone"),
    BOOL("active"),
    {.name = "password", .mutability = RFC_WRITE_ONLY},
    MANY("emails", email_subs),
    MANY("phoneNumbers", phone_subs),
    MANY("ims", im_subs),
    MANY("photos", photo_subs),
    MANY("addresses", address_subs),
    {.name = "groups", .type = RFC_COMPLEX, .multi = true, .mutability = RFC_READ_ONLY, .subs = group_subs},
    MANY("entitlements", value_subs),
    MANY("roles", value_subs),
    MANY("x509Certificates", certificate_subs),
    {0},
};

static const struct rfc_attribute manager_subs[] = {
    TEXT("value"),
    REF("$ref", "User"),
    {.name = "displayName", .mutability = RFC_READ_ONLY},
    {0},
};
static const struct rfc_attribute enterprise_attributes[] = {
    TEXT("employeeNumber"),
    TEXT("costCenter"),
    TEXT("organization"),
    TEXT("division"),
    TEXT("department"),
    ONE("manager", manager_subs),
    {0},
};

/* Groups in groups are not kept: a member is a user. */
static const struct rfc_attribute member_subs[] = {
    {.name = "value", .mutability = RFC_IMMUTABLE},
    {.name = "$ref", .type = RFC_REFERENCE, .mutability = RFC_IMMUTABLE, .exact = true, .refs = "User"},
    {.name = "type", .mutability = RFC_IMMUTABLE, .canonical = "User"},
    {0},
};
static const struct rfc_attribute group_attributes[] = {
    {.name = "displayName", .required = true},
    MANY("members", member_subs),
    {0},
};

const struct rfc_schema rfc_enterprise_schema = {URN_ENTERPRISE, "EnterpriseUser", "Enterprise user",
                                                 enterprise_attributes, NULL};
const struct rfc_schema rfc_user_schema = {URN_USER, "User", "User account", user_attributes,
                                           &rfc_enterprise_schema};
const struct rfc_schema rfc_group_schema = {URN_GROUP, "Group", "Group", group_attributes, NULL};

const struct rfc_attribute *rfc_find(const struct rfc_attribute *table, struct str name)
{
    for (; table->name; table++)
        if (strlen(table->name) == name.n && strncasecmp(table->name, name.p, name.n) == 0)
            return table;
    return NULL;
}

/* ---- GET /Schemas --------------------------------------------------------------------------------------- */

static void put_words(struct json_out *w, const char *name, const char *words)
{
    if (!words)
        return;
    json_open(w, name, '[');
    for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
        json_put_str(w, NULL, (struct str){p, strcspn(p, " ")});
    json_close(w);
}

static void put_attributes(struct json_out *w, const char *name, const struct rfc_attribute *at)
{
    static const char *const types[] = {"string", "boolean", "reference", "binary", "complex"};
    static const char *const mutabilities[] = {"readWrite", "readOnly", "writeOnly", "immutable"};
    json_open(w, name, '[');
    for (; at->name; at++) {
        json_open(w, NULL, '{');
        json_put_string(w, "name", at->name);
        json_put_string(w, "type", types[at->type]);
        json_put_string(w, "description", at->name);
        json_put_bool(w, "multiValued", at->multi);
        json_put_bool(w, "required", at->required);
        if (at->type != RFC_BOOLEAN && at->type != RFC_COMPLEX)
            json_put_bool(w, "caseExact", at->exact);
        json_put_string(w, "mutability", mutabilities[at->mutability]);
        json_put_string(w, "returned", at->mutability == RFC_WRITE_ONLY ? "never" : "default");
        json_put_string(w, "uniqueness", at->unique ? "server" : "none");
        put_words(w, "canonicalValues", at->canonical);
        put_words(w, "referenceTypes", at->refs);
        if (at->subs)
            put_attributes(w, "subAttributes", at->subs);
        json_close(w);
    }
    json_close(w);
}

static void put_schema(struct call *c, const struct rfc_schema *s)
{
    char location[320];
    struct json_out *w = &c->out;
    json_open(w, NULL, '{');
    json_open(w, "schemas", '[');
    json_put_string(w, NULL, "urn:ietf:params:scim:schemas:core:2.0:Schema");
    json_close(w);
    json_put_string(w, "id", s->urn);
    json_put_string(w, "name", s->name);
    json_put_string(w, "description", s->description);
    put_attributes(w, "attributes", s->attributes);
    location_of(c->m, "Schemas", s->urn, location, sizeof location);
    json_open(w, "meta", '{');
    json_put_string(w, "resourceType", "Schema");
    json_put_string(w, "location", location);
    json_close(w);
    json_close(w);
}

bool rfc_schemas(struct call *c, struct problem *pb)
{
    const struct rfc_schema *const all[] = {&rfc_user_schema, &rfc_group_schema, &rfc_enterprise_schema};
    if (c->query.filter)
        return refuse(pb, 403, NULL, "Schemas cannot be filtered");
    c->reply->status = 200;
    for (size_t i = 0; c->id.n > 0 && i < ARRAY_SIZE(all); i++)
        if (strlen(all[i]->urn) == c->id.n && strncasecmp(all[i]->urn, c->id.p, c->id.n) == 0) {
            put_schema(c, all[i]);
            return true;
        }
    if (c->id.n > 0)
        return refuse(pb, 404, NULL, "No schema %.*s", (int)(c->id.n < 200 ? c->id.n : 200), c->id.p);
    json_open(&c->out, NULL, '{');
    json_open(&c->out, "schemas", '[');
    json_put_string(&c->out, NULL, URN_LIST);
    json_close(&c->out);
    json_put_int(&c->out, "totalResults", ARRAY_SIZE(all));
    json_put_int(&c->out, "startIndex", 1);
    json_put_int(&c->out, "itemsPerPage", ARRAY_SIZE(all));
    json_open(&c->out, "Resources", '[');
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        put_schema(c, all[i]);
    json_close(&c->out);
    json_close(&c->out);
    return true;
}
