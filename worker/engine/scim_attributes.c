/* scim_attributes.c - the table of places. */
#include "scim_attributes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "mem.h"
#include "scim.h"

static const struct scim_place places[] = {
    {"name.formatted", PLACE_NAME, "formatted"},
    {"name.givenName", PLACE_NAME, "givenName"},
    {"name.familyName", PLACE_NAME, "familyName"},
    {"emails.work", PLACE_WORK, "emails"},
    {"phoneNumbers.work", PLACE_WORK, "phoneNumbers"},
    {"employeeNumber", PLACE_ENTERPRISE, "employeeNumber"},
    {"costCenter", PLACE_ENTERPRISE, "costCenter"},
    {"organization", PLACE_ENTERPRISE, "organization"},
    {"division", PLACE_ENTERPRISE, "division"},
    {"department", PLACE_ENTERPRISE, "department"},
    {"manager", PLACE_MANAGER, "manager"},
    {"manager.displayName", PLACE_MANAGER, "manager.displayName"},
    {"photo", PLACE_PHOTO, "photos"},
    {"role", PLACE_ROLE, "roles"},
};

const struct scim_place *scim_places(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(places);
    return places;
}

enum scim_place_kind scim_place_of(const char *flat, const char **ret_member)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (strcmp(places[i].flat, flat) != 0)
            continue;
        *ret_member = places[i].member;
        return places[i].kind;
    }
    *ret_member = attr_role(flat) ? "roles" : flat;
    return attr_role(flat) ? PLACE_ADMIN_ROLE : PLACE_CORE;
}

const char *scim_manager_member(const char *flat)
{
    return strcmp(flat, "manager") == 0 ? "value" : "displayName";
}

/* RFC 7644 3.4.2.2: a filter's value is JSON. */
static void put_equals(const char *value, struct buf *out)
{
    struct json_out w;
    buf_adds(out, " eq ");
    json_out_init(&w, out);
    json_put_string(&w, NULL, value);
}

static void put_role_path(const char *role, struct buf *out)
{
    buf_adds(out, "roles[value");
    put_equals(role, out);
    buf_addc(out, ']');
}

/* Which entry of a list it is the value of; NULL: it is in none. */
static const char *entry_of(enum scim_place_kind kind)
{
    switch (kind) {
    case PLACE_WORK:
        return "type eq \"work\"";
    case PLACE_PHOTO:
        return "type eq \"photo\"";
    case PLACE_ROLE:
        return "primary eq true";
    default:
        return NULL;
    }
}

void scim_path(const char *flat, struct buf *out)
{
    const char *member;
    enum scim_place_kind kind = scim_place_of(flat, &member);
    buf_clear(out);
    switch (kind) {
    case PLACE_CORE:
    case PLACE_NAME:
        buf_adds(out, flat);
        break;
    case PLACE_WORK:
    case PLACE_PHOTO:
    case PLACE_ROLE:
        buf_addf(out, "%s[%s].value", member, entry_of(kind));
        break;
    case PLACE_ENTERPRISE:
        buf_addf(out, SCIM_URN_ENTERPRISE ":%s", member);
        break;
    case PLACE_MANAGER:
        buf_addf(out, SCIM_URN_ENTERPRISE ":manager.%s", scim_manager_member(flat));
        break;
    case PLACE_ADMIN_ROLE:
        put_role_path(attr_role(flat), out);
        break;
    }
}

void scim_filter(const char *flat, const char *value, struct buf *out)
{
    const char *member, *entry = entry_of(scim_place_of(flat, &member));
    if (!entry) {
        scim_path(flat, out);
        put_equals(value, out);
        return;
    }
    buf_clear(out);
    buf_addf(out, "%s[%s and value", member, entry);
    put_equals(value, out);
    buf_addc(out, ']');
}

void scim_schema_name(const char *flat, char out[SCIM_SCHEMA_NAME_SIZE])
{
    const char *member;
    switch (scim_place_of(flat, &member)) {
    case PLACE_ENTERPRISE:
        snprintf(out, SCIM_SCHEMA_NAME_SIZE, SCIM_SCHEMA_ENTERPRISE "%s", member);
        break;
    case PLACE_MANAGER:
        snprintf(out, SCIM_SCHEMA_NAME_SIZE, SCIM_SCHEMA_ENTERPRISE "manager");
        break;
    case PLACE_NAME:
        snprintf(out, SCIM_SCHEMA_NAME_SIZE, "name.%s", member);
        break;
    default:
        snprintf(out, SCIM_SCHEMA_NAME_SIZE, "%s", member);
    }
}

bool scim_has_type(const char *name)
{
    const char *member;
    enum scim_place_kind kind = scim_place_of(name, &member);
    return kind == PLACE_WORK || kind == PLACE_PHOTO;
}

bool scim_values_equal(const char *name, const char *a, const char *b)
{
    a = a && *a ? a : NULL; /* no value and the empty value are one */
    b = b && *b ? b : NULL;
    if (!a || !b)
        return a == b;
    if (strcmp(a, b) == 0)
        return true;
    const char *member;
    bool any_case = strcmp(name, "userName") == 0 || strcmp(name, "userType") == 0 ||
                    strcmp(name, "role") == 0 || scim_place_of(name, &member) == PLACE_WORK;
    return any_case && strcasecmp(a, b) == 0;
}
