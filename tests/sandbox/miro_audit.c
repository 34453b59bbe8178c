#include "miro_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

/* Miro's own names are not published with SCIM's effects: these are ours, in the form of its samples. */
static const struct {
    const char *name, *category;
} kinds[AUDIT_KINDS] = {
    [AUDIT_USER_ADDED] = {"organization_user_added", "user_management"},
    [AUDIT_USER_REMOVED] = {"organization_user_removed", "user_management"},
    [AUDIT_USER_DEACTIVATED] = {"user_deactivated", "user_management"},
    [AUDIT_USER_REACTIVATED] = {"user_reactivated", "user_management"},
    [AUDIT_EMAIL_CHANGED] = {"user_email_changed", "user_management"},
    [AUDIT_LICENCE_CHANGED] = {"user_license_changed", "user_management"},
    [AUDIT_ADMIN_PROMOTED] = {"company_admin_promoted", "user_management"},
    [AUDIT_ADMIN_REVOKED] = {"company_admin_revoked", "user_management"},
    [AUDIT_ROLES_CHANGED] = {"user_admin_roles_changed", "user_management"},
    [AUDIT_PROFILE_CHANGED] = {"user_profile_changed", "user_management"},
    [AUDIT_SESSIONS_RESET] = {"user_sessions_reset", "authentication"},
    [AUDIT_TEAM_CREATED] = {"team_created", "team_management"},
    [AUDIT_TEAM_DELETED] = {"team_deleted", "team_management"},
    [AUDIT_TEAM_RENAMED] = {"team_renamed", "team_management"},
    [AUDIT_TEAM_SETTINGS] = {"team_settings_changed", "team_management"},
    [AUDIT_TEAM_JOINED] = {"team_user_added", "team_management"},
    [AUDIT_TEAM_LEFT] = {"team_user_removed", "team_management"},
    [AUDIT_TEAM_ROLE] = {"team_user_role_changed", "team_management"},
    [AUDIT_GROUP_CREATED] = {"user_group_created", "user_group_management"},
    [AUDIT_GROUP_DELETED] = {"user_group_deleted", "user_group_management"},
    [AUDIT_GROUP_CHANGED] = {"user_group_changed", "user_group_management"},
    [AUDIT_GROUP_JOINED] = {"user_group_user_added", "user_group_management"},
    [AUDIT_GROUP_LEFT] = {"user_group_user_removed", "user_group_management"},
    [AUDIT_GROUP_ATTACHED] = {"user_group_added_to_team", "user_group_management"},
    [AUDIT_GROUP_DETACHED] = {"user_group_removed_from_team", "user_group_management"},
    [AUDIT_SCIM_ENABLED] = {"scim_enabled", "security"},
    [AUDIT_SCIM_DISABLED] = {"scim_disabled", "security"},
    [AUDIT_SCIM_TOKEN] = {"scim_token_generated", "security"},
};

const char *audit_name(enum audit_kind kind)
{
    return kinds[kind].name;
}

const char *audit_category(enum audit_kind kind)
{
    return kinds[kind].category;
}

static void event_done(struct audit_event *e)
{
    free(e->object_name);
    free(e->from);
    free(e->to);
    *e = (struct audit_event){0};
}

void audit_init(struct audit *a, int64_t max)
{
    size_t size = max > 0 ? (size_t)max : 0;
    *a = (struct audit){.size = size, .ring = size ? xcalloc(size, sizeof *a->ring) : NULL};
}

void audit_done(struct audit *a)
{
    for (size_t i = 0; i < a->size; i++)
        event_done(&a->ring[i]);
    free(a->ring);
    *a = (struct audit){0};
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static struct audit_event *add(struct audit *a)
{
    struct audit_event *e = &a->ring[++a->last % a->size];
    event_done(e);
    e->seq = a->last;
    return e;
}

static bool writes(const struct miro *m)
{
    return m->audit.size > 0 && m->audit.actor != ACTOR_NONE;
}

static struct audit_event *note(struct miro *m, enum audit_kind kind, const char *from, const char *to)
{
    struct audit_event *e = add(&m->audit);
    e->at_ms = m->now_ms;
    e->kind = kind;
    e->actor = m->audit.actor;
    e->from = xstrdup_null(from);
    e->to = xstrdup_null(to);
    return e;
}

void audit_note_user(struct miro *m, enum audit_kind kind, const struct miro_user *u,
                     const struct miro_team *t, const char *from, const char *to)
{
    if (!writes(m))
        return;
    struct audit_event *e = note(m, kind, from, to);
    snprintf(e->object_id, sizeof e->object_id, "%s", u->id);
    snprintf(e->team_id, sizeof e->team_id, "%s", t ? t->id : "");
    e->object_name = xstrdup(u->userName);
}

void audit_note_team(struct miro *m, enum audit_kind kind, const struct miro_team *t, const char *from,
                     const char *to)
{
    if (!writes(m))
        return;
    struct audit_event *e = note(m, kind, from, to);
    snprintf(e->object_id, sizeof e->object_id, "%s", t->id);
    snprintf(e->team_id, sizeof e->team_id, "%s", t->user_group ? "" : t->id);
    e->object_name = xstrdup(t->team_name);
}

void audit_note_org(struct miro *m, enum audit_kind kind)
{
    if (m->audit.size > 0)
        note(m, kind, NULL, NULL)->actor = ACTOR_USER;
}

static bool same_roles(const struct miro_user *a, const struct miro_user *b)
{
    if (a->n_admin_roles != b->n_admin_roles)
        return false;
    for (size_t i = 0; i < a->n_admin_roles; i++)
        if (!same_name(a->admin_roles[i], b->admin_roles[i]))
            return false;
    return true;
}

/* Attributes that are not the licence. */
static bool same_profile(const struct miro_user *a, const struct miro_user *b)
{
    size_t i = 0, k = 0;
    for (;; i++, k++) {
        i += i < a->attributes.n && strcmp(a->attributes.v[i].name, "userType") == 0;
        k += k < b->attributes.n && strcmp(b->attributes.v[k].name, "userType") == 0;
        if (i >= a->attributes.n || k >= b->attributes.n)
            return i >= a->attributes.n && k >= b->attributes.n;
        if (strcmp(a->attributes.v[i].name, b->attributes.v[k].name) != 0 ||
            strcmp(a->attributes.v[i].value, b->attributes.v[k].value) != 0)
            return false;
    }
}

void audit_note_changes(struct miro *m, const struct miro_user *before, const struct miro_user *after)
{
    if (!writes(m))
        return;
    const char *old = attrs_get(&before->attributes, "userType"),
               *new = attrs_get(&after->attributes, "userType");
    if (before->deleted && !after->deleted)
        audit_note_user(m, AUDIT_USER_ADDED, after, NULL, NULL, NULL);
    else if (before->active != after->active)
        audit_note_user(m, after->active ? AUDIT_USER_REACTIVATED : AUDIT_USER_DEACTIVATED, after, NULL, NULL,
                        NULL);
    if (strcmp(before->userName, after->userName) != 0)
        audit_note_user(m, AUDIT_EMAIL_CHANGED, after, NULL, before->userName, after->userName);
    if (old && new &&strcmp(old, new) != 0)
        audit_note_user(m, AUDIT_LICENCE_CHANGED, after, NULL, old, new);
    if (before->role != after->role)
        audit_note_user(m, after->role == MIRO_INTERNAL_ADMIN ? AUDIT_ADMIN_PROMOTED : AUDIT_ADMIN_REVOKED,
                        after, NULL, role_name(before->role), role_name(after->role));
    if (!same_roles(before, after))
        audit_note_user(m, AUDIT_ROLES_CHANGED, after, NULL, NULL, NULL);
    if (!same_profile(before, after))
        audit_note_user(m, AUDIT_PROFILE_CHANGED, after, NULL, NULL, NULL);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

size_t audit_n(const struct audit *a)
{
    return a->last < a->size ? (size_t)a->last : a->size;
}

const struct audit_event *audit_at(const struct audit *a, size_t i)
{
    return &a->ring[(a->last - audit_n(a) + 1 + i) % a->size];
}

/* ---- the state file ------------------------------------------------------------------------------------ */

void audit_put_state(const struct audit *a, struct json_out *w, const char *name)
{
    static const char *const actors[] = {"none", "scim_provisioner", "user"};
    json_open(w, name, '[');
    for (size_t i = 0; i < audit_n(a); i++) {
        const struct audit_event *e = audit_at(a, i);
        json_open(w, NULL, '{');
        json_put_int(w, "at", e->at_ms);
        json_put_string(w, "event", kinds[e->kind].name);
        json_put_string(w, "by", actors[e->actor]);
        json_put_string(w, "objectId", e->object_id);
        json_put_string(w, "objectName", e->object_name);
        json_put_string(w, "teamId", e->team_id);
        json_put_string(w, "from", e->from);
        json_put_string(w, "to", e->to);
        json_close(w);
    }
    json_close(w);
}

static void read_event(struct audit *a, const cJSON *object, enum audit_kind kind)
{
    const char *by = json_string(object, "by"), *id = json_string(object, "objectId");
    const char *team = json_string(object, "teamId");
    struct audit_event *e = add(a);
    e->kind = kind;
    e->actor = by && strcmp(by, "user") == 0 ? ACTOR_USER : ACTOR_SCIM;
    json_int64(object, "at", &e->at_ms);
    snprintf(e->object_id, sizeof e->object_id, "%.19s", id ? id : "");
    snprintf(e->team_id, sizeof e->team_id, "%.19s", team ? team : "");
    e->object_name = xstrdup_null(json_string(object, "objectName"));
    e->from = xstrdup_null(json_string(object, "from"));
    e->to = xstrdup_null(json_string(object, "to"));
}

void audit_read_state(struct audit *a, const cJSON *list)
{
    for (const cJSON *el = list && a->size ? list->child : NULL; el; el = el->next) {
        const char *name = json_string(el, "event");
        for (int kind = 0; name && kind < AUDIT_KINDS; kind++)
            if (strcmp(kinds[kind].name, name) == 0)
                read_event(a, el, (enum audit_kind)kind);
    }
}
