#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_change.h"
#include "miro_rfc.h"

static bool no_such_user(struct problem *pb, struct str id)
{
    return refuse(pb, 404, NULL, "No resource with ID %.*s", (int)(id.n < 64 ? id.n : 64), id.p);
}

/* What a GET sees of a user; NULL: nothing. */
static const struct miro_user *seen(const struct call *c, const struct record *r)
{
    const struct miro_user *u = &r->u;
    if (c->rq->fault == MIRO_FAULT_STALE_READ && u->writes > 0)
        u = r->before;
    return u && user_visible(u) ? u : NULL;
}

static void note_user(struct call *c, const struct miro_user *u)
{
    snprintf(c->reply->user_id, sizeof c->reply->user_id, "%s", u->id);
    snprintf(c->reply->user_name, sizeof c->reply->user_name, "%s", u->userName);
}

bool user_answer(struct call *c, int status, const struct miro_user *u)
{
    note_user(c, u);
    dialect_note_version(c, u->writes);
    c->reply->status = status;
    render_user(c, NULL, u);
    return true;
}

/* The user that a write is about. */
bool user_find(struct call *c, struct record **ret, struct problem *pb)
{
    struct record *r = miro_store_user(c->m, c->id.p, c->id.n);
    if (r && r->u.uncaptured && !r->u.deleted)
        return refuse(pb, 409, NULL, "User '%.300s' is not a member of the enterprise account",
                      r->u.userName);
    if (!r || !user_visible(&r->u))
        return no_such_user(pb, c->id);
    note_user(c, &r->u);
    if (r->u.other_org && strcmp(c->rq->method, "DELETE") != 0)
        return refuse(pb, 409, NULL, "User '%.300s' belongs to more than one organization", r->u.userName);
    *ret = r;
    return dialect_precondition(c, r->u.writes, pb);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

bool user_get(struct call *c, struct problem *pb)
{
    const struct record *r = miro_store_user(c->m, c->id.p, c->id.n);
    const struct miro_user *u = r ? seen(c, r) : NULL;
    if (!u)
        return no_such_user(pb, c->id);
    return dialect_precondition(c, u->writes, pb) && user_answer(c, 200, u);
}

/* The common question, `userName eq "…"`, is answered from the index. */
static bool candidates(struct call *c, const char *userName, const void **v, size_t *n)
{
    const struct record *r = userName ? miro_store_user_named(c->m, userName) : NULL;
    if (!userName || c->rq->fault == MIRO_FAULT_STALE_READ)
        return false;
    *n = 0;
    if (r && seen(c, r) && (!c->m->cfg.names_case_exact || strcmp(r->u.userName, userName) == 0)) {
        v[(*n)++] = &r->u;
        note_user(c, &r->u);
    }
    return true;
}

static miro_getter *values_of(const struct miro *m)
{
    return m->cfg.profile == MIRO_PROFILE_SCIM ? rfc_user_value : user_value;
}

bool users_list(struct call *c, struct problem *pb)
{
    struct miro_filter *f = NULL;
    struct list l = {
        .v = xcalloc(c->m->n_users + 1, sizeof(void *)), .get = values_of(c->m), .render = render_user};
    bool done = list_filter(c, true, &f, pb);
    if (done && !candidates(c, miro_filter_is_eq(f, "username"), l.v, &l.n))
        for (size_t i = 0; i < c->m->n_users; i++) {
            const struct miro_user *u = seen(c, c->m->users[i]);
            if (u)
                l.v[l.n++] = u;
        }
    done = done && list_answer(c, &l, f, pb);
    miro_filter_free(f);
    free(l.v);
    return done;
}

/* ---- creating ------------------------------------------------------------------------------------------ */

/* An empty account, or the one that a deleted user comes back with. */
static void start_draft(struct call *c, const char *userName, struct miro_user *draft)
{
    const struct record *gone =
        c->m->cfg.recreate_with_new_id ? NULL : miro_store_deleted_named(c->m, userName);
    *draft = (struct miro_user){
        .active = true, .role = MIRO_INTERNAL_USER, .created_at_ms = c->now_ms, .changed_at_ms = c->now_ms};
    for (const char *const *name = c->m->cfg.second_org; name && *name; name++)
        draft->other_org |= same_name(*name, userName);
    if (gone)
        snprintf(draft->id, sizeof draft->id, "%s", gone->u.id);
    else
        miro_store_next_user_id(c->m, draft->id);
}

static bool check_create(const struct cJSON *body, const char *userName, struct problem *pb)
{
    const cJSON *name = json_get(body, "name");
    if (!userName)
        return refuse(pb, 400, "invalidValue", "Attribute 'userName' is required");
    if (name && (!json_string(name, "givenName") || !json_string(name, "familyName")))
        return refuse(pb, 400, "invalidValue",
                      "Attributes 'name.givenName' and 'name.familyName' are required");
    return true;
}

/* What "internal Miro logic" decides when the request says nothing. */
static void default_licence(struct call *c, struct miro_user *draft)
{
    const struct miro_config *cfg = &c->m->cfg;
    const char *licence = cfg->default_licence;
    if (attrs_get(&draft->attributes, "userType"))
        return;
    if (same_name(licence, "Full") && cfg->full_licences >= 0 &&
        full_licences_used(c->m) >= cfg->full_licences)
        licence = "Free Restricted";
    attrs_set(&draft->attributes, "userType", licence);
}

/* The default team, and what the domain's settings add. No writes to the teams: a copy of the members for each new user
 * would cost too much. */
static void join_first_teams(struct miro *m, struct miro_user *u)
{
    struct team_record *team = miro_store_default_team(m);
    if (team)
        team_join(m, &team->t, u, false);
    const char *at = strchr(u->userName, '@');
    for (const char *const *rule = m->cfg.domain_teams; at && rule && *rule; rule++) {
        size_t n = strcspn(*rule, "=");
        bool ours = (*rule)[n] && strlen(at + 1) == n && strncasecmp(at + 1, *rule, n) == 0;
        team = ours ? miro_store_team_named(m, *rule + n + 1) : NULL;
        if (team)
            team_join(m, &team->t, u, false);
    }
}

struct record *user_store_created(struct call *c, struct miro_user *draft)
{
    struct record *r = miro_store_user(c->m, draft->id, strlen(draft->id));
    if (r) {
        miro_store_commit(c, r, draft, "POST /Users");
    } else {
        r = miro_store_add_user(c->m, draft);
        r->u.changed_at_ms = c->now_ms;
        r->u.writes = 1;
        r->u.licence_at_ms = c->now_ms;
        miro_store_note_activity(c->m, r, c->now_ms, "POST /Users", c->rq->seq);
        audit_note_user(c->m, AUDIT_USER_ADDED, &r->u, NULL, NULL, NULL);
        c->reply->applied = true;
    }
    join_first_teams(c->m, &r->u);
    return r;
}

bool user_create(struct call *c, struct problem *pb)
{
    const char *userName = json_string(c->body, "userName");
    if (!check_create(c->body, userName, pb))
        return false;
    struct miro_user draft;
    start_draft(c, userName, &draft);
    struct change ch = {.m = c->m, .draft = &draft, .pb = pb};
    bool done = attribute_change_object(&ch, OP_ADD, "", c->body) && attributes_check(&ch);
    if (done) {
        default_licence(c, &draft);
        location_of(c->m, "Users", draft.id, c->reply->location, sizeof c->reply->location);
        if (c->rq->fault == MIRO_FAULT_NOT_STORED)
            user_answer(c, 201, &draft);
        else
            user_answer(c, 201, &user_store_created(c, &draft)->u);
    }
    user_done(&draft);
    return done;
}

/* ---- changing ------------------------------------------------------------------------------------------ */

/* Commits the draft of a change that succeeded, answers, and releases the draft either way. */
static bool finish(struct call *c, struct record *r, struct change *ch, bool done, const char *cause)
{
    done = done && attributes_check(ch);
    if (done && c->rq->fault != MIRO_FAULT_UNCHANGED)
        miro_store_commit(c, r, ch->draft, cause);
    if (done)
        user_answer(c, 200, &r->u);
    user_done(ch->draft);
    return done;
}

static void clear_unnamed(struct miro_user *draft)
{
    const char *licence = attrs_get(&draft->attributes, "userType");
    char *keep = xstrdup_null(licence);
    attrs_done(&draft->attributes);
    if (keep)
        attrs_set(&draft->attributes, "userType", keep);
    free(keep);
}

bool user_put(struct call *c, struct problem *pb)
{
    struct record *r = NULL;
    if (!user_find(c, &r, pb))
        return false;
    assert(r);
    struct miro_user draft;
    user_copy(&draft, &r->u);
    if (c->m->cfg.put_clears)
        clear_unnamed(&draft);
    struct change ch = {.m = c->m, .draft = &draft, .old = &r->u, .pb = pb};
    return finish(c, r, &ch, attribute_change_object(&ch, OP_REPLACE, "", c->body), "PUT /Users");
}

static bool patch_user(void *ctx, enum op op, const char *path, const cJSON *value)
{
    struct change *ch = ctx;
    if (path)
        return attribute_change(ch, op, path, value);
    if (!cJSON_IsObject(value))
        return refuse(ch->pb, 400, "invalidValue", "An operation without path needs an object as value");
    return attribute_change_object(ch, op, "", value);
}

bool user_patch(struct call *c, struct problem *pb)
{
    struct record *r = NULL;
    if (!user_find(c, &r, pb))
        return false;
    assert(r);
    struct miro_user draft;
    user_copy(&draft, &r->u);
    struct change ch = {.m = c->m, .draft = &draft, .old = &r->u, .pb = pb};
    return finish(c, r, &ch, patch_each(c->body, patch_user, &ch, pb), "PATCH /Users");
}

/* What DELETE does: by a switch, no more than a deactivation. */
static void end_user(struct call *c, struct record *r)
{
    if (!c->m->cfg.delete_deactivates) {
        miro_store_remove_user(c, r, "DELETE /Users");
        return;
    }
    miro_store_touch(c, r);
    r->u.active = false;
    audit_note_changes(c->m, r->before, &r->u);
    miro_store_note_activity(c->m, r, c->now_ms, "DELETE /Users", c->rq->seq);
}

bool user_delete(struct call *c, struct problem *pb)
{
    struct record *r = NULL;
    if (!user_find(c, &r, pb))
        return false;
    assert(r);
    if (last_admin(c->m, &r->u))
        return refuse_last_admin(pb);
    if (c->m->cfg.delete_needs_inactive && r->u.active)
        return refuse(pb, 409, NULL, "User '%.300s' must be deactivated first", r->u.userName);
    if (c->rq->fault != MIRO_FAULT_UNCHANGED)
        end_user(c, r);
    c->reply->status = 204;
    return true;
}

/* ---- PATCH bodies -------------------------------------------------------------------------------------- */

static bool op_parse(const char *name, enum op *ret)
{
    static const char *const names[] = {"add", "replace", "remove"};
    for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
        if (same_name(names[i], name)) {
            *ret = (enum op)i;
            return true;
        }
    return false;
}

static bool has_patch_schema(const cJSON *body)
{
    const cJSON *schemas = json_get(body, "schemas");
    for (const cJSON *el = schemas ? schemas->child : NULL; el; el = el->next)
        if (cJSON_IsString(el) && same_name(el->valuestring, URN_PATCH))
            return true;
    return false;
}

static bool patch_one(const cJSON *operation, bool (*each)(void *, enum op, const char *, const cJSON *),
                      void *ctx, struct problem *pb)
{
    enum op op;
    const char *path = json_string(operation, "path");
    const cJSON *value = json_get(operation, "value"), *place = json_get(operation, "path");
    if (!op_parse(json_string(operation, "op"), &op))
        return refuse(pb, 400, "invalidSyntax", "Each operation needs an op: Add, Remove or Replace");
    if (place && !path && !cJSON_IsNull(place))
        return refuse(pb, 400, "invalidPath", "A path is a text");
    if (path && !*path)
        path = NULL;
    if (op == OP_REMOVE && !path)
        return refuse(pb, 400, "noTarget", "A Remove needs a path");
    if (op != OP_REMOVE && !value)
        return refuse(pb, 400, "invalidValue", "An Add or Replace needs a value");
    return each(ctx, op, path, value);
}

bool patch_each(const cJSON *body, bool (*each)(void *ctx, enum op op, const char *path, const cJSON *value),
                void *ctx, struct problem *pb)
{
    const cJSON *operations = json_get(body, "Operations");
    if (!has_patch_schema(body))
        return refuse(pb, 400, "invalidSyntax", "schemas must contain " URN_PATCH);
    if (!cJSON_IsArray(operations) || !operations->child ||
        cJSON_GetArraySize(operations) > MIRO_OPERATIONS_MAX)
        return refuse(pb, 400, "invalidSyntax", "Operations must have between 1 and %d elements",
                      MIRO_OPERATIONS_MAX);
    for (const cJSON *el = operations->child; el; el = el->next)
        if (!patch_one(el, each, ctx, pb))
            return false;
    return true;
}
