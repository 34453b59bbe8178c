/* attr.h - a small ordered map of attribute name → value, the common currency of profiles and accounts.
 *
 * Names are SCIM attribute paths without the enterprise URN: "userName", "name.givenName", "displayName",
 * "title", "department", "employeeNumber", "manager" (manager.value), "emails.work" … ; any other name is
 * carried for the policy to read. Values are strings ("true"/"false" for booleans); NULL means: known to be
 * without value (cleared). "roles.NAME" is an admin role: "true" had, NULL not had; "role" the primary one. Kept sorted by name, so that equal sets are equal byte for byte. Thread rule: one
 * owner at a time; cannot fail. */
#ifndef ROLLCALL_ATTR_H
#define ROLLCALL_ATTR_H

#include <stdbool.h>
#include <stddef.h>

#define ATTR_ROLE_PREFIX "roles."

enum { ATTR_NAME_MAX = 64, ATTR_VALUE_MAX = 1024, ATTRS_MAX = 64 };

struct attr {
    char *name;
    char *value; /* NULL: cleared */
};

struct attrs {
    struct attr *v; /* sorted by name */
    size_t n;
};

void attrs_done(struct attrs *a);                            /* frees the content; a is empty afterwards */
void attrs_copy(struct attrs *to, const struct attrs *from); /* `to` must be empty or zeroed */
void attrs_set(struct attrs *a, const char *name, const char *value); /* copies both; value may be NULL */
void attrs_remove(struct attrs *a, const char *name);
const struct attr *attrs_find(const struct attrs *a, const char *name); /* NULL: no word about it */
const char *attrs_get(const struct attrs *a, const char *name);         /* NULL: cleared or no word */
/* The admin role that an attribute stands for; NULL: it is none. Borrows name. */
const char *attr_role(const char *name);

#endif
