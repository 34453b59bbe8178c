/* miro_rfc.h - the profile `scim`: a server as RFC 7643 and RFC 7644 have it, over the same store.
 *
 * A user's attributes are a JSON document (miro_user.document) that one table of schemas checks, patches and shows; what
 * the rest of the sandbox knows of a user (userName, active, flat attributes) follows from it at each commit. A group's
 * document is made when it is asked for. Thread rule: as miro.h. */
#ifndef ROLLCALL_MIRO_RFC_H
#define ROLLCALL_MIRO_RFC_H

#include "miro_core.h"

enum rfc_type { RFC_STRING, RFC_BOOLEAN, RFC_REFERENCE, RFC_BINARY, RFC_COMPLEX };
enum rfc_mutability { RFC_READ_WRITE, RFC_READ_ONLY, RFC_WRITE_ONLY, RFC_IMMUTABLE };

struct rfc_attribute {
    const char *name; /* NULL: end of the table */
    enum rfc_type type;
    enum rfc_mutability mutability;
    bool multi, required, unique, exact; /* exact: letter case counts */
    const char *canonical, *refs;        /* words separated by blanks; NULL: none */
    const struct rfc_attribute *subs;    /* RFC_COMPLEX */
};

struct rfc_schema {
    const char *urn, *name, *description;
    const struct rfc_attribute *attributes;
    const struct rfc_schema *extension; /* NULL: none */
};

extern const struct rfc_schema rfc_user_schema, rfc_group_schema, rfc_enterprise_schema;

const struct rfc_attribute *rfc_find(const struct rfc_attribute *table,
                                     struct str name); /* in any case; NULL: no such */

/* ---- miro_rfc_check.c ----------------------------------------------------------------------------------- */
/* A clean document of what the body says: names in the schema's spelling, without what is read-only, null or empty.
 * Refuses unknown attributes, wrong types, missing ones, a second primary. NULL: pb says why. */
cJSON *rfc_clean(const struct rfc_schema *schema, const cJSON *body, struct problem *pb);
bool rfc_clean_value(const struct rfc_attribute *at, const cJSON *value, cJSON **ret, struct problem *pb);
cJSON *rfc_member(const cJSON *object, const char *name); /* in any case */

/* ---- miro_rfc_patch.c ----------------------------------------------------------------------------------- */
struct rfc_patch {
    const struct miro *m;
    const struct rfc_schema *schema;
    cJSON *document;
    struct problem *pb;
};
bool rfc_patch_one(void *ctx, enum op op, const char *path, const cJSON *value); /* ctx: struct rfc_patch */

/* ---- miro_rfc_document.c -------------------------------------------------------------------------------- */
/* Users from fixtures get a document of what is known of them. */
cJSON *rfc_user_document(const struct miro_user *u);      /* the caller frees */
void rfc_user_take(struct miro_user *u, cJSON *document); /* takes ownership; the flat attributes follow */
cJSON *rfc_group_document(const struct miro *m, const struct miro_team *t); /* the caller frees */
miro_getter rfc_user_value, rfc_group_value;
void rfc_render_user(struct call *c, const char *name, const void *user);
void rfc_render_group(struct call *c, const char *name, const void *team);

/* ---- miro_rfc_resources.c, miro_rfc_search.c, miro_rfc_schema.c -------------------------------------------------------------- */
call_fn rfc_user_create, rfc_user_put, rfc_user_patch, rfc_users_search;
call_fn rfc_group_create, rfc_group_put, rfc_group_patch, rfc_groups_search;
call_fn rfc_schemas, rfc_search;

#endif
