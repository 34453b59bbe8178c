/* The store's teams and user groups: which there are, who is in them, and who must not leave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

static const uint64_t team_id_base = 3074457300000000000u;

static void team_done(struct miro_team *t)
{
    free(t->displayName);
    free(t->team_name);
    free(t->external_id);
    free(t->description);
    free(t->allowed_domains);
    free(t->members);
    free(t->admins);
    free(t->attached);
}

static void team_before_free(struct miro_team *before)
{
    if (before)
        team_done(before);
    free(before);
}

void team_record_free(struct team_record *t)
{
    team_before_free(t->before);
    team_done(&t->t);
    free(t);
}

struct team_record *miro_store_team(const struct miro *m, const char *id, size_t n)
{
    for (size_t i = 0; i < m->n_teams; i++) {
        const char *have = m->teams[i]->t.id;
        if (!m->teams[i]->t.deleted && strlen(have) == n && memcmp(have, id, n) == 0)
            return m->teams[i];
    }
    return NULL;
}

struct team_record *miro_store_team_named(const struct miro *m, const char *name)
{
    for (size_t i = 0; i < m->n_teams; i++)
        if (!m->teams[i]->t.deleted && m->teams[i]->t.in_scim && same_name(m->teams[i]->t.displayName, name))
            return m->teams[i];
    return NULL;
}

struct team_record *miro_store_group(const struct miro *m, struct str id)
{
    struct team_record *t = miro_store_team(m, id.p, id.n);
    return t && t->t.in_scim ? t : NULL;
}

struct team_record *miro_store_default_team(const struct miro *m)
{
    const char *name = m->cfg.default_team;
    for (size_t i = 0; name && i < m->n_teams; i++)
        if (!m->teams[i]->t.deleted && !m->teams[i]->t.user_group &&
            same_name(m->teams[i]->t.team_name, name))
            return m->teams[i];
    return NULL;
}

enum team_kind miro_store_scim_kind(const struct miro *m)
{
    return m->cfg.group_mode == MIRO_USER_GROUPS ? USER_GROUP : TEAM;
}

static void next_team_id(struct miro *m, char out[MIRO_ID_SIZE])
{
    do
        miro_store_make_id(team_id_base, m->cfg.seed, ++m->teams_made, out);
    while (miro_store_team(m, out, strlen(out)));
}

struct team_record *miro_store_add_team(struct miro *m, enum team_kind kind, const char *name, const char *id)
{
    struct team_record *t = xcalloc(1, sizeof *t);
    t->t.user_group = kind == USER_GROUP;
    t->t.in_scim = kind == miro_store_scim_kind(m);
    t->t.created_at_ms = t->t.changed_at_ms = m->now_ms;
    if (id)
        snprintf(t->t.id, sizeof t->t.id, "%s", id);
    else
        next_team_id(m, t->t.id);
    t->t.displayName = xstrdup(name);
    t->t.team_name = xstrdup(name);
    m->teams = xreallocarray(m->teams, m->n_teams + 1, sizeof(struct team_record *));
    m->teams[m->n_teams++] = t;
    audit_note_team(m, kind == TEAM ? AUDIT_TEAM_CREATED : AUDIT_GROUP_CREATED, &t->t, NULL, NULL);
    return t;
}

/* Teams that have lost a user group, or the other way round, forget each other. */
static void detach_all(struct miro *m, const struct miro_team *gone)
{
    for (size_t i = 0; i < m->n_teams; i++) {
        struct miro_team *t = &m->teams[i]->t;
        for (size_t k = 0; k < t->n_attached; k++)
            if (t->attached[k] == gone)
                t->attached[k] = t->attached[--t->n_attached];
    }
}

void miro_store_remove_team(struct call *c, struct team_record *t)
{
    miro_store_touch_team(c, t);
    while (t->t.n_members > 0)
        team_leave(c->m, &t->t, t->t.members[0]);
    t->t.n_attached = 0;
    detach_all(c->m, &t->t);
    t->t.deleted = true;
    audit_note_team(c->m, t->t.user_group ? AUDIT_GROUP_DELETED : AUDIT_TEAM_DELETED, &t->t, NULL, NULL);
    c->reply->applied = true;
}

static struct miro_user **list_copy(struct miro_user *const *v, size_t n)
{
    struct miro_user **copy = xcalloc(n, sizeof(struct miro_user *));
    for (size_t i = 0; i < n; i++)
        copy[i] = v[i];
    return copy;
}

void miro_store_touch_team(struct call *c, struct team_record *t)
{
    struct miro_team *before = xcalloc(1, sizeof *before);
    *before = t->t;
    before->displayName = xstrdup(t->t.displayName);
    before->team_name = xstrdup(t->t.team_name);
    before->members = list_copy(t->t.members, t->t.n_members);
    before->admins = list_copy(t->t.admins, t->t.n_admins);
    before->external_id = xstrdup_null(t->t.external_id);
    before->description = xstrdup_null(t->t.description);
    before->allowed_domains = xstrdup_null(t->t.allowed_domains);
    before->attached = NULL; /* never asked for */
    before->n_attached = 0;
    team_before_free(t->before);
    t->before = before;
    t->writes++;
    t->t.version++;
    t->t.changed_at_ms = c->now_ms;
}

void miro_store_rename_team(struct miro *m, struct team_record *t, const char *name)
{
    char *copy = xstrdup(name);
    audit_note_team(m, t->t.user_group ? AUDIT_GROUP_CHANGED : AUDIT_TEAM_RENAMED, &t->t, t->t.displayName,
                    name);
    free(t->t.displayName);
    t->t.displayName = copy;
    if (t->t.user_group) { /* it has but one name */
        free(t->t.team_name);
        t->t.team_name = xstrdup(name);
    }
    t->t.version++;
}

/* ---- who is in which team ------------------------------------------------------------------------------ */

static void list_push(struct miro_user ***v, size_t *n, struct miro_user *u)
{
    if ((*n & (*n - 1)) == 0) /* grows at powers of two */
        *v = xreallocarray(*v, *n ? *n * 2 : 1, sizeof(struct miro_user *));
    (*v)[(*n)++] = u;
}

static void list_drop(struct miro_user **v, size_t *n, const struct miro_user *u)
{
    for (size_t i = 0; i < *n; i++) {
        if (v[i] != u)
            continue;
        (*n)--;
        memmove(&v[i], &v[i + 1], (*n - i) * sizeof(struct miro_user *));
        return;
    }
}

bool miro_is_member(const struct miro_team *team, const struct miro_user *user)
{
    for (size_t i = 0; i < user->n_teams; i++)
        if (user->teams[i] == team)
            return true;
    return false;
}

bool team_has_admin(const struct miro_team *t, const struct miro_user *u)
{
    for (size_t i = 0; i < t->n_admins; i++)
        if (t->admins[i] == u)
            return true;
    return false;
}

static size_t membership_of(const struct miro_user *u, const struct miro_team *t)
{
    size_t i = 0;
    while (i < u->n_teams && u->teams[i] != t)
        i++;
    return i;
}

void team_join(struct miro *m, struct miro_team *t, struct miro_user *u, bool as_admin)
{
    if (!miro_is_member(t, u)) {
        list_push(&t->members, &t->n_members, u);
        u->teams = xreallocarray(u->teams, u->n_teams + 1, sizeof(struct miro_team *));
        u->memberships = xreallocarray(u->memberships, u->n_teams + 1, sizeof *u->memberships);
        u->memberships[u->n_teams] = (struct miro_membership){m->now_ms, m->now_ms};
        u->teams[u->n_teams++] = t;
        t->version++;
        audit_note_user(m, t->user_group ? AUDIT_GROUP_JOINED : AUDIT_TEAM_JOINED, u, t, NULL, NULL);
    }
    if (as_admin)
        team_set_admin(m, t, u, true);
}

void team_set_admin(struct miro *m, struct miro_team *t, struct miro_user *u, bool admin)
{
    if (admin == team_has_admin(t, u))
        return;
    if (admin)
        list_push(&t->admins, &t->n_admins, u);
    else
        list_drop(t->admins, &t->n_admins, u);
    u->memberships[membership_of(u, t)].changed_at_ms = m->now_ms;
    t->version++;
    audit_note_user(m, AUDIT_TEAM_ROLE, u, t, admin ? "member" : "admin", admin ? "admin" : "member");
}

void team_leave(struct miro *m, struct miro_team *t, struct miro_user *u)
{
    size_t i = membership_of(u, t);
    list_drop(t->members, &t->n_members, u);
    list_drop(t->admins, &t->n_admins, u);
    t->version++;
    if (i == u->n_teams)
        return;
    u->n_teams--;
    memmove(&u->teams[i], &u->teams[i + 1], (u->n_teams - i) * sizeof(struct miro_team *));
    memmove(&u->memberships[i], &u->memberships[i + 1], (u->n_teams - i) * sizeof *u->memberships);
    audit_note_user(m, t->user_group ? AUDIT_GROUP_LEFT : AUDIT_TEAM_LEFT, u, t, NULL, NULL);
}

void miro_store_leave(struct call *c, struct team_record *t, struct record *r, const char *cause)
{
    if (r->u.unregistered && r->u.n_teams == 1) {
        miro_store_remove_user(c, r, cause);
        return;
    }
    miro_store_touch(c, r);
    team_leave(c->m, &t->t, &r->u);
}

bool team_last_admin(const struct miro_team *t, const struct miro_user *u)
{
    if (!team_has_admin(t, u))
        return false;
    for (size_t i = 0; i < t->n_admins; i++)
        if (t->admins[i] != u && t->admins[i]->active)
            return false;
    return true;
}

bool last_company_admin(const struct miro *m, const struct miro_user *u)
{
    if (u->role != MIRO_INTERNAL_ADMIN)
        return false;
    for (size_t i = 0; i < m->n_users; i++) {
        const struct miro_user *other = &m->users[i]->u;
        if (strcmp(other->id, u->id) != 0 && user_visible(other) && other->active &&
            other->role == MIRO_INTERNAL_ADMIN)
            return false;
    }
    return true;
}

bool last_admin(const struct miro *m, const struct miro_user *u)
{
    for (size_t i = 0; i < u->n_teams; i++)
        if (team_last_admin(u->teams[i], u))
            return true;
    return last_company_admin(m, u);
}

int64_t full_licences_used(const struct miro *m)
{
    int64_t used = 0;
    for (size_t i = 0; i < m->n_users; i++) {
        const struct miro_user *u = &m->users[i]->u;
        const char *licence = attrs_get(&u->attributes, "userType");
        used += user_visible(u) && u->active && licence && strcmp(licence, "Full") == 0;
    }
    return used;
}
