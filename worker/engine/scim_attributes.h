/* scim_attributes.h - where an attribute of attr.h lives in a SCIM User. Private to scim_*.c. Pure. */
#ifndef ROLLCALL_ENGINE_SCIM_ATTRIBUTES_H
#define ROLLCALL_ENGINE_SCIM_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "attr.h"
#include "buf.h"
#include "json.h"

#define SCIM_URN_USER       "urn:ietf:params:scim:schemas:core:2.0:User"
#define SCIM_URN_ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

enum scim_place_kind {
    PLACE_CORE,       /* member of the User itself, by its own name; what the table does not have */
    PLACE_NAME,       /* member of "name" */
    PLACE_WORK,       /* "value" of the entry of type "work" */
    PLACE_ENTERPRISE, /* member of the enterprise extension */
    PLACE_MANAGER,    /* its "manager", there "value" or "displayName" */
    PLACE_PHOTO,      /* "value" of the entry of type "photo" */
    PLACE_ROLE,       /* "value" of the primary entry of "roles" */
    PLACE_ADMIN_ROLE, /* an entry of "roles" that is not the primary one: there, or not */
};

struct scim_place {
    const char *flat; /* our name */
    enum scim_place_kind kind;
    const char *member; /* in its place */
};

/* All that have one of their own; static. */
const struct scim_place *scim_places(size_t *ret_n);
/* Borrows flat. */
enum scim_place_kind scim_place_of(const char *flat, const char **ret_member);
/* Of PLACE_MANAGER: which member of it. */
const char *scim_manager_member(const char *flat);
/* As a schema's definition nests it: "name.givenName", "emails", "enterprise.department". */
#define SCIM_SCHEMA_ENTERPRISE "enterprise."
enum { SCIM_SCHEMA_NAME_SIZE = 2 * ATTR_NAME_MAX };
void scim_schema_name(const char *flat, char out[SCIM_SCHEMA_NAME_SIZE]);
/* As PATCH names it (RFC 7644 3.5.2), and as a filter compares it with a value (3.4.2.2, whose grammar has nothing behind the
 * brackets of an entry); each replaces what is in out. */
void scim_path(const char *flat, struct buf *out);
void scim_filter(const char *flat, const char *value, struct buf *out);
/* Some services say booleans as "True". */
bool scim_is_true(const cJSON *value);

#endif
