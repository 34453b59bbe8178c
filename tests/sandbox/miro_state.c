/* The state as JSON, and back. The same form serves as a hand-written fixture: only userName and displayName
 * are required, members may be named by id or by userName. To change it: miro_dump_json, the readers here,
 * README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_rfc.h"

/* ---- out ----------------------------------------------------------------------------------------------- */

static void put_history(struct json_out *w, const struct miro_user *u)
{
    json_open(w, "history", '[');
    for (size_t i = 0; i < u->n_history; i++) {
        json_open(w, NULL, '{');
        json_put_int(w, "at", u->history[i].at_ms);
        json_put_bool(w, "active", u->history[i].active);
        json_put_string(w, "cause", u->history[i].cause);
        json_put_int(w, "seq", (int64_t)u->history[i].seq);
        json_close(w);
    }
    json_close(w);
}

static void put_memberships(struct json_out *w, const struct miro_user *u)
{
    json_open(w, "memberships", '[');
    for (size_t i = 0; i < u->n_teams; i++) {
        json_open(w, NULL, '{');
        json_put_string(w, "team", u->teams[i]->id);
        json_put_int(w, "joinedAt", u->memberships[i].joined_at_ms);
        json_put_int(w, "changedAt", u->memberships[i].changed_at_ms);
        json_close(w);
    }
    json_close(w);
}

static void put_document(struct json_out *w, const cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);
    if (text)
        json_put_raw(w, "document", str_of(text));
    cJSON_free(text);
}

static void put_user(struct json_out *w, const struct miro_user *u)
{
    json_open(w, NULL, '{');
    json_put_string(w, "id", u->id);
    json_put_string(w, "userName", u->userName);
    json_put_bool(w, "active", u->active);
    json_put_bool(w, "deleted", u->deleted);
    json_put_bool(w, "guest", u->guest);
    json_put_bool(w, "otherOrg", u->other_org);
    json_put_bool(w, "unregistered", u->unregistered);
    json_put_bool(w, "uncaptured", u->uncaptured);
    json_put_string(w, "role", role_name(u->role));
    json_open(w, "adminRoles", '[');
    for (size_t i = 0; i < u->n_admin_roles; i++)
        json_put_string(w, NULL, u->admin_roles[i]);
    json_close(w);
    json_open(w, "attributes", '{');
    for (size_t i = 0; i < u->attributes.n; i++)
        json_put_string(w, u->attributes.v[i].name, u->attributes.v[i].value);
    json_close(w);
    json_open(w, "teams", '[');
    for (size_t i = 0; i < u->n_teams; i++)
        json_put_string(w, NULL, u->teams[i]->displayName);
    json_close(w);
    if (u->document)
        put_document(w, u->document);
    put_memberships(w, u);
    put_history(w, u);
    json_put_int(w, "createdAt", u->created_at_ms);
    json_put_int(w, "changedAt", u->changed_at_ms);
    json_put_int(w, "lastActivityAt", u->last_activity_at_ms);
    json_put_int(w, "licenceAssignedAt", u->licence_at_ms);
    json_put_int(w, "sessionsResetAt", u->sessions_reset_at_ms);
    json_put_int(w, "writes", (int64_t)u->writes);
    json_close(w);
}

static void put_ids(struct json_out *w, const char *name, struct miro_user *const *v, size_t n)
{
    json_open(w, name, '[');
    for (size_t i = 0; i < n; i++)
        json_put_string(w, NULL, v[i]->id);
    json_close(w);
}

static void put_team(struct json_out *w, const struct miro_team *t)
{
    json_open(w, NULL, '{');
    json_put_string(w, "id", t->id);
    json_put_string(w, "displayName", t->displayName);
    json_put_string(w, "teamName", t->team_name);
    json_put_bool(w, "deleted", t->deleted);
    put_ids(w, "members", t->members, t->n_members);
    put_ids(w, "admins", t->admins, t->n_admins);
    json_put_bool(w, "userGroup", t->user_group);
    json_put_string(w, "description", t->description);
    json_put_string(w, "externalId", t->external_id);
    json_open(w, "attachedTo", '[');
    for (size_t i = 0; i < t->n_attached; i++)
        json_put_string(w, NULL, t->attached[i]->id);
    json_close(w);
    rest_put_settings(w, "settings", t, false);
    json_put_int(w, "createdAt", t->created_at_ms);
    json_put_int(w, "changedAt", t->changed_at_ms);
    json_put_int(w, "version", (int64_t)t->version);
    json_close(w);
}

void miro_dump_json(const struct miro *m, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_open(&w, "users", '[');
    for (size_t i = 0; i < m->n_users; i++)
        put_user(&w, &m->users[i]->u);
    json_close(&w);
    json_open(&w, "teams", '[');
    for (size_t i = 0; i < m->n_teams; i++)
        put_team(&w, &m->teams[i]->t);
    json_close(&w);
    audit_put_state(&m->audit, &w, "audit");
    json_close(&w);
}

/* ---- in ------------------------------------------------------------------------------------------------ */

static bool read_flag(const cJSON *object, const char *name, bool missing)
{
    bool flag = missing;
    json_bool(object, name, &flag);
    return flag;
}

/* ETags go on where they were: what a client has read before is not taken for what it is now. */
static uint64_t read_version(const cJSON *object, const char *name, uint64_t missing)
{
    int64_t version;
    return json_int64(object, name, &version) && version >= 0 ? (uint64_t)version : missing;
}

static const char *known_cause(const char *name)
{
    static const char *const causes[] = {"POST /Users",   "PATCH /Users", "PUT /Users",
                                         "DELETE /Users", "group Add",    "group Remove"};
    for (size_t i = 0; name && i < ARRAY_SIZE(causes); i++)
        if (strcmp(causes[i], name) == 0)
            return causes[i];
    return "load";
}

static bool id_ok(const char *id)
{
    return *id && strlen(id) < MIRO_ID_SIZE && id[strspn(id, "0123456789")] == '\0';
}

static bool read_id(const cJSON *object, char out[MIRO_ID_SIZE], struct error *err)
{
    const char *id = json_string(object, "id");
    if (id && !id_ok(id))
        return error_set(err, ERROR_INPUT, "id must be up to 19 digits");
    snprintf(out, MIRO_ID_SIZE, "%s", id ? id : "");
    return true;
}

static void read_attributes(const cJSON *object, struct attrs *ret)
{
    const cJSON *attributes = json_get(object, "attributes");
    for (const cJSON *el = attributes ? attributes->child : NULL; el; el = el->next)
        if (cJSON_IsString(el))
            attrs_set(ret, el->string, el->valuestring);
}

static void read_admin_roles(const cJSON *object, struct miro_user *u)
{
    const cJSON *roles = json_get(object, "adminRoles");
    for (const cJSON *el = roles ? roles->child : NULL; el; el = el->next)
        if (cJSON_IsString(el))
            user_set_admin_role(u, el->valuestring, true);
}

static void read_history(struct miro *m, struct record *r, const cJSON *object, int64_t now_ms)
{
    const cJSON *history = json_get(object, "history");
    bool active = r->u.active, deleted = r->u.deleted;
    r->u.deleted = false;
    for (const cJSON *el = history ? history->child : NULL; el; el = el->next) {
        int64_t at_ms = 0, seq = 0;
        json_int64(el, "at", &at_ms);
        json_int64(el, "seq", &seq);
        r->u.active = read_flag(el, "active", true);
        miro_store_note_activity(m, r, at_ms, known_cause(json_string(el, "cause")), (uint64_t)seq);
    }
    r->u.active = active;
    r->u.deleted = deleted;
    miro_store_note_activity(m, r, now_ms, "load", 0);
}

static void read_document(struct miro_user *u, const cJSON *document)
{
    bool good = document && json_string(document, "userName");
    rfc_user_take(u, good ? cJSON_Duplicate(document, true) : rfc_user_document(u));
}

static bool check_user(const struct miro *m, const cJSON *object, struct error *err)
{
    const char *name = json_string(object, "userName"), *id = json_string(object, "id");
    if (!name || !user_name_ok(m, name))
        return error_set(err, ERROR_INPUT,
                         m->cfg.profile == MIRO_PROFILE_MIRO ? "userName must be an e-mail address"
                                                             : "userName must be a text");
    if (id && miro_store_user(m, id, strlen(id)))
        return error_set(err, ERROR_INPUT, "id is not unique");
    if (!read_flag(object, "deleted", false) && miro_store_user_named(m, name))
        return error_set(err, ERROR_INPUT, "userName is not unique");
    return true;
}

static bool read_user(struct miro *m, const cJSON *object, int64_t now_ms, struct error *err)
{
    const char *role = json_string(object, "role");
    struct miro_user u = {.role = MIRO_INTERNAL_USER};
    if (!check_user(m, object, err) || !read_id(object, u.id, err))
        return false;
    if (role && !role_parse(role, &u.role))
        return error_set(err, ERROR_INPUT, "unknown role");
    if (!*u.id)
        miro_store_next_user_id(m, u.id);
    u.userName = xstrdup(json_string(object, "userName"));
    u.active = read_flag(object, "active", true);
    u.deleted = read_flag(object, "deleted", false);
    u.guest = read_flag(object, "guest", false);
    u.other_org = read_flag(object, "otherOrg", false);
    u.unregistered = read_flag(object, "unregistered", false);
    u.uncaptured = read_flag(object, "uncaptured", false);
    json_int64(object, "createdAt", &u.created_at_ms);
    json_int64(object, "changedAt", &u.changed_at_ms);
    json_int64(object, "lastActivityAt", &u.last_activity_at_ms);
    json_int64(object, "licenceAssignedAt", &u.licence_at_ms);
    json_int64(object, "sessionsResetAt", &u.sessions_reset_at_ms);
    read_attributes(object, &u.attributes);
    if (!attrs_get(&u.attributes, "userType") && m->cfg.profile == MIRO_PROFILE_MIRO)
        attrs_set(&u.attributes, "userType", m->cfg.default_licence);
    read_admin_roles(object, &u);
    if (m->cfg.profile == MIRO_PROFILE_SCIM)
        read_document(&u, json_get(object, "document"));
    read_history(m, miro_store_add_user(m, &u), object, now_ms);
    return true;
}

static bool read_members(struct miro *m, struct miro_team *t, const cJSON *list, bool admins,
                         struct error *err)
{
    for (const cJSON *el = list ? list->child : NULL; el; el = el->next) {
        const char *name = cJSON_GetStringValue(el);
        struct record *r = name ? miro_store_user(m, name, strlen(name)) : NULL;
        if (!r && name)
            r = miro_store_user_named(m, name);
        if (!r)
            return error_set(err, ERROR_INPUT, "a member is neither the id nor the userName of a user");
        team_join(m, t, &r->u, admins);
    }
    return true;
}

static bool read_team(struct miro *m, const cJSON *object, struct error *err)
{
    const char *name = json_string(object, "displayName"), *team_name = json_string(object, "teamName");
    char id[MIRO_ID_SIZE];
    if (!name || !*name)
        return error_set(err, ERROR_INPUT, "displayName is missing");
    if (!read_id(object, id, err))
        return false;
    if (*id && miro_store_team(m, id, strlen(id)))
        return error_set(err, ERROR_INPUT, "id is not unique");
    enum team_kind kind = miro_store_scim_kind(m);
    bool group;
    if (json_bool(object, "userGroup", &group))
        kind = group ? USER_GROUP : TEAM;
    struct miro_team *t = &miro_store_add_team(m, kind, name, *id ? id : NULL)->t;
    struct problem pb;
    if (!rest_read_settings(t, json_get(object, "settings"), &pb))
        return error_set(err, ERROR_INPUT, "%s", pb.detail);
    t->external_id = xstrdup_null(json_string(object, "externalId"));
    t->description = xstrdup_null(json_string(object, "description"));
    json_int64(object, "createdAt", &t->created_at_ms);
    json_int64(object, "changedAt", &t->changed_at_ms);
    if (team_name) {
        free(t->team_name);
        t->team_name = xstrdup(team_name);
    }
    t->deleted = read_flag(object, "deleted", false);
    if (!read_members(m, t, json_get(object, "members"), false, err) ||
        !read_members(m, t, json_get(object, "admins"), true, err))
        return false;
    t->version = read_version(object, "version", t->version);
    return true;
}

/* Teams that a user group belongs to, once all are read. */
static bool read_bonds(struct miro *m, struct miro_team *g, const cJSON *object, struct error *err)
{
    const cJSON *list = json_get(object, "attachedTo");
    for (const cJSON *el = list ? list->child : NULL; el; el = el->next) {
        const char *id = cJSON_GetStringValue(el);
        struct team_record *t = id ? miro_store_team(m, id, strlen(id)) : NULL;
        if (!t || t->t.user_group || !g->user_group)
            return error_set(err, ERROR_INPUT,
                             "attachedTo: only user groups are attached, and only to teams");
        g->attached = xreallocarray(g->attached, g->n_attached + 1, sizeof(struct miro_team *));
        g->attached[g->n_attached++] = &t->t;
    }
    return true;
}

static void read_memberships(struct miro_user *u, const cJSON *object)
{
    const cJSON *list = json_get(object, "memberships");
    for (const cJSON *el = list ? list->child : NULL; el; el = el->next) {
        const char *team = json_string(el, "team");
        for (size_t i = 0; team && i < u->n_teams; i++)
            if (strcmp(u->teams[i]->id, team) == 0) {
                json_int64(el, "joinedAt", &u->memberships[i].joined_at_ms);
                json_int64(el, "changedAt", &u->memberships[i].changed_at_ms);
            }
    }
}

/* What was before the last write is not in the file: a stale read finds the same. */
static void read_writes(struct record *r, const cJSON *object)
{
    r->u.writes = read_version(object, "writes", 0);
    if (r->u.writes == 0)
        return;
    r->before = xcalloc(1, sizeof *r->before);
    user_copy(r->before, &r->u);
}

static bool is_list(const cJSON *root, const char *name, struct error *err)
{
    const cJSON *list = json_get(root, name);
    return !list || cJSON_IsArray(list) || error_set(err, ERROR_INPUT, "%s must be a list", name);
}

static bool read_state(struct miro *m, const cJSON *root, int64_t now_ms, struct error *err)
{
    const cJSON *users = json_get(root, "users"), *teams = json_get(root, "teams");
    size_t i = 0;
    if (!is_list(root, "users", err) || !is_list(root, "teams", err))
        return false;
    for (const cJSON *el = users ? users->child : NULL; el; el = el->next, i++)
        if (!read_user(m, el, now_ms, err))
            return error_wrap(err, "users[%zu]", i);
    i = 0;
    for (const cJSON *el = teams ? teams->child : NULL; el; el = el->next, i++)
        if (!read_team(m, el, err))
            return error_wrap(err, "teams[%zu]", i);
    i = 0;
    for (const cJSON *el = teams ? teams->child : NULL; el; el = el->next, i++)
        if (!read_bonds(m, &m->teams[i]->t, el, err))
            return error_wrap(err, "teams[%zu]", i);
    i = 0;
    for (const cJSON *el = users ? users->child : NULL; el; el = el->next, i++) {
        read_memberships(&m->users[i]->u, el);
        read_writes(m->users[i], el);
    }
    audit_read_state(&m->audit, json_get(root, "audit"));
    return true;
}

bool miro_load_json(struct miro *m, struct str json, int64_t now_ms, struct error *err)
{
    cJSON *root;
    if (!json_parse(json, &root, err))
        return false;
    struct miro fresh = {
        .cfg = m->cfg, .users_made = m->users_made, .teams_made = m->teams_made, .now_ms = now_ms};
    miro_store_init(&fresh);
    audit_init(&fresh.audit, m->cfg.audit_max);
    bool done = cJSON_IsObject(root)
                    ? read_state(&fresh, root, now_ms, err)
                    : error_set(err, ERROR_INPUT, "an object with users and teams is expected");
    cJSON_Delete(root);
    if (!done) {
        audit_done(&fresh.audit);
        miro_store_done(&fresh);
        return false;
    }
    if (m->cfg.default_team && !miro_store_default_team(&fresh))
        miro_store_add_team(&fresh, TEAM, m->cfg.default_team, NULL);
    fresh.limits = m->limits;
    fresh.rest = m->rest;
    audit_done(&m->audit);
    miro_store_done(m);
    *m = fresh;
    return true;
}
