/* Looking inside, fixtures, and what happens behind the client's back. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "miro_rfc.h"

const struct miro_user *miro_user_by_name(const struct miro *m, const char *userName)
{
    const struct record *r = miro_store_user_named(m, userName);
    return r ? &r->u : NULL;
}

const struct miro_user *miro_user_by_id(const struct miro *m, const char *id)
{
    const struct record *r = miro_store_user(m, id, strlen(id));
    return r ? &r->u : NULL;
}

size_t miro_users_n(const struct miro *m)
{
    return m->n_users;
}

const struct miro_user *miro_user_at(const struct miro *m, size_t i)
{
    return &m->users[i]->u;
}

const struct miro_team *miro_team_by_name(const struct miro *m, const char *displayName)
{
    const struct team_record *t = miro_store_team_named(m, displayName);
    return t ? &t->t : NULL;
}

const struct miro_team *miro_team_by_id(const struct miro *m, const char *id)
{
    const struct team_record *t = miro_store_team(m, id, strlen(id));
    return t ? &t->t : NULL;
}

size_t miro_teams_n(const struct miro *m)
{
    return m->n_teams;
}

const struct miro_team *miro_team_at(const struct miro *m, size_t i)
{
    return &m->teams[i]->t;
}

bool miro_was_active_at(const struct miro_user *user, int64_t at_ms)
{
    bool active = false;
    for (size_t i = 0; i < user->n_history && user->history[i].at_ms <= at_ms; i++)
        active = user->history[i].active;
    return active;
}

/* ---- fixtures ------------------------------------------------------------------------------------------ */

bool miro_name_free(const struct miro *m, const char *userName)
{
    return user_name_ok(m, userName) && !miro_store_user_named(m, userName);
}

const struct miro_user *miro_add_user(struct miro *m, const struct miro_user_spec *spec, int64_t now_ms)
{
    struct miro_user u = {
        .userName = xstrdup(spec->userName),
        .active = !spec->inactive,
        .guest = spec->guest,
        .other_org = spec->other_org,
        .unregistered = spec->unregistered,
        .uncaptured = spec->uncaptured,
        .created_at_ms = now_ms,
        .role = spec->guest   ? MIRO_EXTERNAL_USER
                : spec->admin ? MIRO_INTERNAL_ADMIN
                              : MIRO_INTERNAL_USER,
    };
    m->now_ms = now_ms;
    u.licence_at_ms = now_ms;
    miro_store_next_user_id(m, u.id);
    if (spec->displayName)
        attrs_set(&u.attributes, "displayName", spec->displayName);
    attrs_set(&u.attributes, "userType", spec->guest ? "Free Restricted" : m->cfg.default_licence);
    if (m->cfg.profile == MIRO_PROFILE_SCIM)
        rfc_user_take(&u, rfc_user_document(&u));
    struct record *r = miro_store_add_user(m, &u);
    r->u.changed_at_ms = now_ms;
    miro_store_note_activity(m, r, now_ms, "load", 0);
    return &r->u;
}

const struct miro_team *miro_add_team(struct miro *m, const char *name)
{
    return &miro_store_add_team(m, miro_store_scim_kind(m), name, NULL)->t;
}

void miro_rename_team(struct miro *m, const char *team_id, const char *displayName)
{
    struct team_record *t = miro_store_team(m, team_id, strlen(team_id));
    assert(t);
    miro_store_rename_team(m, t, displayName);
}

void miro_remove_team(struct miro *m, const char *team_id)
{
    struct team_record *t = miro_store_team(m, team_id, strlen(team_id));
    assert(t);
    while (t->t.n_members > 0)
        team_leave(m, &t->t, t->t.members[0]);
    t->t.deleted = true;
}

void miro_join_team(struct miro *m, const char *team_id, const char *user_id, bool as_admin)
{
    struct team_record *t = miro_store_team(m, team_id, strlen(team_id));
    struct record *r = miro_store_user(m, user_id, strlen(user_id));
    assert(t && r);
    team_join(m, &t->t, &r->u, as_admin);
}

void miro_note_sign_in(struct miro *m, const char *user_id, int64_t at_ms)
{
    struct record *r = miro_store_user(m, user_id, strlen(user_id));
    assert(r);
    r->u.last_activity_at_ms = at_ms;
}

void miro_set_active(struct miro *m, const char *user_id, bool active, int64_t now_ms)
{
    struct record *r = miro_store_user(m, user_id, strlen(user_id));
    assert(r);
    r->u.active = active;
    if (r->u.document) {
        cJSON_DeleteItemFromObject(r->u.document, "active");
        cJSON_AddBoolToObject(r->u.document, "active", active);
    }
    r->u.changed_at_ms = now_ms;
    miro_store_note_activity(m, r, now_ms, "load", 0);
}
