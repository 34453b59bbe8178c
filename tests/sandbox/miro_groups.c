#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_change.h"
#include "miro_members.h"
#include "miro_rfc.h"

enum { TEAM_NAME_MAX = 60 };

static bool no_such_group(struct problem *pb, struct str id)
{
    return refuse(pb, 404, NULL, "No resource with ID %.*s", (int)(id.n < 64 ? id.n : 64), id.p);
}

static const struct miro_team *seen(const struct call *c, const struct team_record *t)
{
    const struct miro_team *team = t->t.in_scim ? &t->t : NULL;
    if (team && c->rq->fault == MIRO_FAULT_STALE_READ && t->writes > 0)
        team = t->before;
    return team && !team->deleted ? team : NULL;
}

bool group_answer(struct call *c, int status, const struct miro_team *t)
{
    snprintf(c->reply->user_id, sizeof c->reply->user_id, "%s", t->id);
    snprintf(c->reply->user_name, sizeof c->reply->user_name, "%s", t->displayName);
    dialect_note_version(c, t->version);
    c->reply->status = status;
    render_team(c, NULL, t);
    return true;
}

bool group_find(struct call *c, struct team_record **ret, struct problem *pb)
{
    struct team_record *t = miro_store_group(c->m, c->id);
    if (!t)
        return no_such_group(pb, c->id);
    *ret = t;
    snprintf(c->reply->user_id, sizeof c->reply->user_id, "%s", t->t.id);
    snprintf(c->reply->user_name, sizeof c->reply->user_name, "%s", t->t.displayName);
    return dialect_precondition(c, t->t.version, pb);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

bool group_get(struct call *c, struct problem *pb)
{
    const struct team_record *t = miro_store_group(c->m, c->id);
    const struct miro_team *team = t ? seen(c, t) : NULL;
    if (!team)
        return no_such_group(pb, c->id);
    return dialect_precondition(c, team->version, pb) && group_answer(c, 200, team);
}

bool groups_list(struct call *c, struct problem *pb)
{
    bool rfc = c->m->cfg.profile == MIRO_PROFILE_SCIM;
    struct miro_filter *f;
    struct list l = {.v = xcalloc(c->m->n_teams + 1, sizeof(void *)),
                     .get = rfc ? rfc_group_value : team_value,
                     .render = render_team};
    for (size_t i = 0; i < c->m->n_teams; i++) {
        const struct miro_team *t = seen(c, c->m->teams[i]);
        if (t)
            l.v[l.n++] = t;
    }
    bool done = list_filter(c, rfc, &f, pb) && list_answer(c, &l, f, pb);
    miro_filter_free(f);
    free(l.v);
    return done;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static bool check_name(const struct call *c, const struct team_record *self, const cJSON *value,
                       struct problem *pb)
{
    const char *name = cJSON_GetStringValue(value);
    if (!name || !*name || text_characters(name) > TEAM_NAME_MAX)
        return refuse(pb, 400, "invalidValue",
                      "Attribute 'displayName' is invalid: 1 to %d characters are expected", TEAM_NAME_MAX);
    const struct team_record *other = miro_store_team_named(c->m, name);
    if (other && other != self)
        return refuse(pb, 409, "uniqueness", "Group name '%.200s' is invalid: 'not unique'", name);
    return true;
}

/* ---- PATCH --------------------------------------------------------------------------------------------- */

/* A change of a team in the making. */
struct team_change {
    struct call *c;
    struct team_record *team; /* NULL: being created */
    struct members members;
    char *displayName; /* NULL: stays */
    struct problem *pb;
};

static bool set_name(struct team_change *tc, const cJSON *value)
{
    if (!check_name(tc->c, tc->team, value, tc->pb))
        return false;
    free(tc->displayName);
    tc->displayName = xstrdup(value->valuestring);
    return true;
}

static bool change_members(struct team_change *tc, enum op op, const cJSON *value)
{
    switch (op) {
    case OP_ADD:
        return members_add(&tc->members, value, tc->pb);
    case OP_REPLACE:
        return members_replace(&tc->members, value, tc->pb);
    case OP_REMOVE:
        if (value && tc->c->m->cfg.remove_list == MIRO_REMOVE_REFUSED)
            return refuse(tc->pb, 400, "invalidPath", "A Remove takes no value");
        return members_remove(&tc->members, tc->c->m->cfg.remove_list == MIRO_REMOVE_EVERYBODY ? NULL : value,
                              tc->pb);
    }
    return false;
}

static bool remove_filtered(struct team_change *tc, enum op op, const char *path, const char *bracket)
{
    const char *closer = strrchr(path, ']');
    struct miro_filter *f;
    struct error err = {0};
    if (op != OP_REMOVE || !closer || closer < bracket || closer[1] != '\0')
        return refuse(tc->pb, 400, "invalidPath", "Path '%.200s' is invalid", path);
    if (!miro_filter_parse((struct str){bracket + 1, (size_t)(closer - bracket - 1)}, &f, &err))
        return refuse(tc->pb, 400, "invalidPath", "Path '%.200s' is invalid: %.200s", path, err.message);
    bool done = members_remove_filtered(&tc->members, f, tc->pb);
    miro_filter_free(f);
    return done;
}

/* Okta's form: an object of attributes; id and unknown ones are ignored. */
static bool change_pathless(struct team_change *tc, enum op op, const cJSON *value)
{
    const cJSON *name = json_get(value, "displayName"), *members = json_get(value, "members");
    if (!cJSON_IsObject(value))
        return refuse(tc->pb, 400, "invalidValue", "An operation without path needs an object as value");
    return (!name || set_name(tc, name)) && (!members || change_members(tc, op, members));
}

static bool patch_team(void *ctx, enum op op, const char *path, const cJSON *value)
{
    struct team_change *tc = ctx;
    char normal[MIRO_FILTER_PATH_MAX];
    if (!path)
        return change_pathless(tc, op, value);
    const char *bracket = strchr(path, '[');
    size_t n = bracket ? (size_t)(bracket - path) : strlen(path);
    if (miro_path_normalise((struct str){path, n}, normal) && strcmp(normal, "members") == 0)
        return bracket ? remove_filtered(tc, op, path, bracket) : change_members(tc, op, value);
    if (!bracket && strcmp(normal, "displayname") == 0 && op != OP_REMOVE)
        return set_name(tc, value);
    return refuse(tc->pb, 400, "invalidPath", "Path '%.200s' is invalid: members or displayName is expected",
                  path);
}

/* Makes the change, unless a fault says otherwise, and answers. */
static bool finish(struct team_change *tc, bool done, int status)
{
    struct call *c = tc->c;
    if (done && c->rq->fault != MIRO_FAULT_UNCHANGED) {
        miro_store_touch_team(c, tc->team);
        c->reply->applied = true;
        if (tc->displayName)
            miro_store_rename_team(c->m, tc->team, tc->displayName);
        members_commit(&tc->members, c->rq->fault == MIRO_FAULT_PARTIAL);
    }
    if (done)
        group_answer(c, status, &tc->team->t);
    members_done(&tc->members);
    free(tc->displayName);
    return done;
}

static int64_t count_members(const cJSON *body)
{
    int64_t n = 0;
    const cJSON *operations = json_get(body, "Operations");
    for (const cJSON *el = operations ? operations->child : NULL; el; el = el->next) {
        const cJSON *value = json_get(el, "value");
        const cJSON *members = cJSON_IsArray(value) ? value : json_get(value, "members");
        n += cJSON_IsArray(members) ? cJSON_GetArraySize(members) : 0;
    }
    return n;
}

int64_t miro_patch_members(struct str body)
{
    cJSON *root = NULL;
    struct error err;
    int64_t n = json_parse(body, &root, &err) ? count_members(root) : 0;
    cJSON_Delete(root);
    return n;
}

static bool few_enough(const cJSON *body, struct problem *pb)
{
    return count_members(body) <= MIRO_PATCH_MEMBERS_MAX ||
           refuse(pb, 413, NULL, "More than %d members in one request", MIRO_PATCH_MEMBERS_MAX);
}

bool group_patch(struct call *c, struct problem *pb)
{
    struct team_change tc = {.c = c, .pb = pb};
    if (!group_find(c, &tc.team, pb) || !few_enough(c->body, pb))
        return false;
    members_init(&tc.members, c, tc.team);
    return finish(&tc, patch_each(c->body, patch_team, &tc, pb), 200);
}

/* ---- user-group mode only ------------------------------------------------------------------------------ */

bool group_create(struct call *c, struct problem *pb)
{
    const cJSON *name = json_get(c->body, "displayName"), *members = json_get(c->body, "members");
    if (!check_name(c, NULL, name, pb))
        return false;
    struct team_change tc = {
        .c = c,
        .team = miro_store_add_team(c->m, miro_store_scim_kind(c->m), name->valuestring, NULL),
        .pb = pb};
    members_init(&tc.members, c, tc.team);
    bool added = !members || members_add(&tc.members, members, pb);
    if (!added || c->rq->fault == MIRO_FAULT_NOT_STORED)
        tc.team->t.deleted = true;
    if (added && c->rq->fault == MIRO_FAULT_NOT_STORED) {
        members_done(&tc.members);
        return group_answer(c, 201, &tc.team->t);
    }
    location_of(c->m, "Groups", tc.team->t.id, c->reply->location, sizeof c->reply->location);
    return finish(&tc, added, 201);
}

bool group_put(struct call *c, struct problem *pb)
{
    struct team_change tc = {.c = c, .pb = pb};
    const cJSON *name = json_get(c->body, "displayName"), *members = json_get(c->body, "members");
    if (!group_find(c, &tc.team, pb))
        return false;
    members_init(&tc.members, c, tc.team);
    bool done = (!name || set_name(&tc, name)) && (!members || members_replace(&tc.members, members, pb));
    return finish(&tc, done, 200);
}

bool group_delete(struct call *c, struct problem *pb)
{
    struct team_record *t = NULL;
    if (!group_find(c, &t, pb))
        return false;
    assert(t);
    c->reply->status = 204;
    if (c->rq->fault == MIRO_FAULT_UNCHANGED)
        return true;
    miro_store_remove_team(c, t);
    return true;
}
