/* The profile `scim`: users and groups are created, replaced and patched as documents. Reading, deleting, ETags and
 * what a write does to the store are the same as Miro's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_members.h"
#include "miro_rfc.h"

/* ---- users ---------------------------------------------------------------------------------------------- */

static bool name_free(const struct call *c, const cJSON *document, const char *id, struct problem *pb)
{
    const char *name = json_string(document, "userName");
    if (strlen(name) > MIRO_NAME_MAX)
        return refuse(pb, 400, "invalidValue", "Attribute 'userName' is longer than %d bytes", MIRO_NAME_MAX);
    const struct record *other = miro_store_user_named(c->m, name);
    return !other || strcmp(other->u.id, id) == 0 ||
           refuse(pb, 409, "uniqueness", "A user '%.300s' exists already", name);
}

bool rfc_user_create(struct call *c, struct problem *pb)
{
    cJSON *document = rfc_clean(&rfc_user_schema, c->body, pb);
    if (!document || !name_free(c, document, "", pb)) {
        cJSON_Delete(document);
        return false;
    }
    if (!json_get(document, "active"))
        cJSON_AddTrueToObject(document, "active");
    struct miro_user draft = {
        .role = MIRO_INTERNAL_USER, .created_at_ms = c->now_ms, .changed_at_ms = c->now_ms};
    miro_store_next_user_id(c->m, draft.id);
    rfc_user_take(&draft, document);
    location_of(c->m, "Users", draft.id, c->reply->location, sizeof c->reply->location);
    if (c->rq->fault == MIRO_FAULT_NOT_STORED)
        user_answer(c, 201, &draft);
    else
        user_answer(c, 201, &user_store_created(c, &draft)->u);
    user_done(&draft);
    return true;
}

/* The document becomes the user's, unless a fault says otherwise; takes ownership. */
static bool commit_user(struct call *c, struct record *r, cJSON *document, const char *cause,
                        struct problem *pb)
{
    if (!name_free(c, document, r->u.id, pb)) {
        cJSON_Delete(document);
        return false;
    }
    struct miro_user draft;
    user_copy(&draft, &r->u);
    rfc_user_take(&draft, document);
    if (c->rq->fault != MIRO_FAULT_UNCHANGED)
        miro_store_commit(c, r, &draft, cause);
    user_done(&draft);
    return user_answer(c, 200, &r->u);
}

bool rfc_user_put(struct call *c, struct problem *pb)
{
    struct record *r = NULL;
    if (!user_find(c, &r, pb))
        return false;
    cJSON *document = rfc_clean(&rfc_user_schema, c->body, pb);
    return document && commit_user(c, r, document, "PUT /Users", pb);
}

/* The operations on a copy of the document, and the result checked as if it had been sent whole; NULL: pb says why. */
static cJSON *patched(struct call *c, const struct rfc_schema *schema, cJSON *document, struct problem *pb)
{
    struct rfc_patch p = {.m = c->m, .schema = schema, .document = document, .pb = pb};
    cJSON *result = NULL;
    if (patch_each(c->body, rfc_patch_one, &p, pb)) {
        cJSON *schemas = cJSON_AddArrayToObject(document, "schemas");
        cJSON_AddItemToArray(schemas, cJSON_CreateString(schema->urn));
        result = rfc_clean(schema, document, pb);
    }
    cJSON_Delete(document);
    return result;
}

bool rfc_user_patch(struct call *c, struct problem *pb)
{
    struct record *r = NULL;
    if (!user_find(c, &r, pb))
        return false;
    cJSON *document = patched(c, &rfc_user_schema, rfc_user_document(&r->u), pb);
    return document && commit_user(c, r, document, "PATCH /Users", pb);
}

/* ---- groups --------------------------------------------------------------------------------------------- */

static bool members_exist(const struct call *c, const cJSON *document, struct problem *pb)
{
    const cJSON *list = json_get(document, "members");
    for (const cJSON *el = list ? list->child : NULL; el; el = el->next) {
        const char *id = json_string(el, "value"), *type = json_string(el, "type");
        const struct record *r = id ? miro_store_user(c->m, id, strlen(id)) : NULL;
        if (!r || !user_visible(&r->u) || (type && !same_name(type, "User")))
            return refuse(pb, 400, "invalidValue", "Member '%.100s' is no user", id ? id : "");
    }
    return true;
}

/* The document becomes the group's. */
static bool commit_group(struct call *c, struct team_record *t, const cJSON *document, int status,
                         struct problem *pb)
{
    static const cJSON nobody = {.type = cJSON_Array};
    struct members members;
    const cJSON *list = json_get(document, "members");
    members_init(&members, c, t);
    bool done = members_replace(&members, list ? list : &nobody, pb);
    if (done && c->rq->fault != MIRO_FAULT_UNCHANGED) {
        miro_store_touch_team(c, t);
        c->reply->applied = true;
        miro_store_rename_team(c->m, t, json_string(document, "displayName"));
        free(t->t.external_id);
        t->t.external_id = xstrdup_null(json_string(document, "externalId"));
        members_commit(&members, c->rq->fault == MIRO_FAULT_PARTIAL);
    }
    members_done(&members);
    return done && group_answer(c, status, &t->t);
}

bool rfc_group_create(struct call *c, struct problem *pb)
{
    cJSON *document = rfc_clean(&rfc_group_schema, c->body, pb);
    bool done = document && members_exist(c, document, pb);
    if (done) {
        enum miro_fault fault = c->rq->fault;
        struct team_record *t =
            miro_store_add_team(c->m, miro_store_scim_kind(c->m), json_string(document, "displayName"), NULL);
        location_of(c->m, "Groups", t->t.id, c->reply->location, sizeof c->reply->location);
        t->t.deleted = fault == MIRO_FAULT_NOT_STORED;
        done = t->t.deleted ? group_answer(c, 201, &t->t) : commit_group(c, t, document, 201, pb);
    }
    cJSON_Delete(document);
    return done;
}

static bool replace_group(struct call *c, struct team_record *t, cJSON *document, struct problem *pb)
{
    bool done = document && members_exist(c, document, pb) && commit_group(c, t, document, 200, pb);
    cJSON_Delete(document);
    return done;
}

bool rfc_group_put(struct call *c, struct problem *pb)
{
    struct team_record *t = NULL;
    return group_find(c, &t, pb) && replace_group(c, t, rfc_clean(&rfc_group_schema, c->body, pb), pb);
}

bool rfc_group_patch(struct call *c, struct problem *pb)
{
    struct team_record *t = NULL;
    if (!group_find(c, &t, pb))
        return false;
    return replace_group(c, t, patched(c, &rfc_group_schema, rfc_group_document(c->m, &t->t), pb), pb);
}
