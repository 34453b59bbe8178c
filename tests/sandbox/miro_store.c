#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_core.h"

/* Ids look like Miro's: 19 digits, above 2^53 (so that clients that keep them as double are found out),
 * neither dense nor starting at one. */
static const uint64_t user_id_base = 3458764500000000000u, team_id_base = 3074457300000000000u;
enum { ID_STEP = 10007, SEEDS = 50000 };
static const uint64_t seed_step = 1000000000000u;

static void make_id(uint64_t base, uint64_t seed, uint64_t n, char out[MIRO_ID_SIZE])
{
    snprintf(out, MIRO_ID_SIZE, "%019" PRIu64, base + seed % SEEDS * seed_step + n * ID_STEP);
}

bool same_name(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* ---- the content of a user ----------------------------------------------------------------------------- */

void user_copy(struct miro_user *to, const struct miro_user *from)
{
    *to = *from;
    to->userName = xstrdup_null(from->userName);
    attrs_copy(&to->attributes, &from->attributes);
    to->admin_roles = xcalloc(from->n_admin_roles, sizeof *to->admin_roles);
    for (size_t i = 0; i < from->n_admin_roles; i++)
        to->admin_roles[i] = xstrdup(from->admin_roles[i]);
    to->teams = xcalloc(from->n_teams, sizeof(struct miro_team *));
    for (size_t i = 0; i < from->n_teams; i++)
        to->teams[i] = from->teams[i];
    to->history = NULL;
    to->n_history = 0;
}

void user_done(struct miro_user *u)
{
    free(u->userName);
    attrs_done(&u->attributes);
    for (size_t i = 0; i < u->n_admin_roles; i++)
        free(u->admin_roles[i]);
    free(u->admin_roles);
    free(u->teams);
    free(u->history);
    *u = (struct miro_user){0};
}

void user_set_admin_role(struct miro_user *u, const char *name, bool present)
{
    size_t at = 0;
    while (at < u->n_admin_roles && !same_name(u->admin_roles[at], name))
        at++;
    if (present == (at < u->n_admin_roles))
        return;
    if (present) {
        u->admin_roles = xreallocarray(u->admin_roles, u->n_admin_roles + 1, sizeof *u->admin_roles);
        u->admin_roles[u->n_admin_roles++] = xstrdup(name);
        return;
    }
    free(u->admin_roles[at]);
    u->n_admin_roles--;
    memmove(&u->admin_roles[at], &u->admin_roles[at + 1], (u->n_admin_roles - at) * sizeof *u->admin_roles);
}

static void before_free(struct miro_user *before)
{
    if (before)
        user_done(before);
    free(before);
}

/* ---- users --------------------------------------------------------------------------------------------- */

void miro_store_init(struct miro *m)
{
    m->users = NULL;
    m->teams = NULL;
    m->n_users = m->size_users = m->n_teams = 0;
}

static void team_done(struct miro_team *t)
{
    free(t->displayName);
    free(t->team_name);
    free(t->members);
    free(t->admins);
}

static void team_before_free(struct miro_team *before)
{
    if (before)
        team_done(before);
    free(before);
}

void miro_store_done(struct miro *m)
{
    for (size_t i = 0; i < m->n_users; i++) {
        before_free(m->users[i]->before);
        user_done(&m->users[i]->u);
        free(m->users[i]);
    }
    for (size_t i = 0; i < m->n_teams; i++) {
        team_before_free(m->teams[i]->before);
        team_done(&m->teams[i]->t);
        free(m->teams[i]);
    }
    free(m->users);
    free(m->teams);
    index_done(&m->by_id);
    index_done(&m->by_name);
    miro_store_init(m);
}

struct record *miro_store_user(const struct miro *m, const char *id, size_t n)
{
    return index_get(&m->by_id, id, n);
}

struct record *miro_store_user_named(const struct miro *m, const char *userName)
{
    return index_get(&m->by_name, userName, strlen(userName));
}

struct record *miro_store_deleted_named(const struct miro *m, const char *userName)
{
    for (size_t i = m->n_users; i-- > 0;)
        if (m->users[i]->u.deleted && same_name(m->users[i]->u.userName, userName))
            return m->users[i];
    return NULL;
}

bool user_visible(const struct miro_user *u)
{
    return !u->deleted && !u->guest && !u->uncaptured;
}

void miro_store_next_user_id(struct miro *m, char out[MIRO_ID_SIZE])
{
    do
        make_id(user_id_base, m->cfg.seed, ++m->users_made, out);
    while (miro_store_user(m, out, strlen(out)));
}

struct record *miro_store_add_user(struct miro *m, struct miro_user *draft)
{
    if (m->n_users == m->size_users) {
        m->size_users = m->size_users ? m->size_users * 2 : 64;
        m->users = xreallocarray(m->users, m->size_users, sizeof(struct record *));
    }
    struct record *r = xcalloc(1, sizeof *r);
    r->u = *draft;
    *draft = (struct miro_user){0};
    m->users[m->n_users++] = r;
    index_put(&m->by_id, r->u.id, r);
    if (!r->u.deleted)
        index_put(&m->by_name, r->u.userName, r);
    return r;
}

void miro_store_note_activity(struct miro *m, struct record *r, int64_t at_ms, const char *cause,
                              uint64_t seq)
{
    struct miro_user *u = &r->u;
    bool active = u->active && !u->deleted;
    if (!m->cfg.keep_history || (u->n_history > 0 && u->history[u->n_history - 1].active == active))
        return;
    if ((u->n_history & (u->n_history - 1)) == 0) /* grows at powers of two */
        u->history = xreallocarray(u->history, u->n_history ? u->n_history * 2 : 1, sizeof *u->history);
    u->history[u->n_history++] = (struct miro_activity){at_ms, active, cause, seq};
}

void miro_store_touch(struct call *c, struct record *r)
{
    struct miro_user *before = xcalloc(1, sizeof *before);
    user_copy(before, &r->u);
    before_free(r->before);
    r->before = before;
    r->u.changed_at_ms = c->now_ms;
    r->u.writes++;
    c->reply->applied = true;
}

void miro_store_commit(struct call *c, struct record *r, struct miro_user *draft, const char *cause)
{
    struct miro *m = c->m;
    if (!r->u.deleted)
        index_remove(&m->by_name, r->u.userName);
    struct miro_user *before = xcalloc(1, sizeof *before);
    *before = r->u;
    r->u = *draft;
    *draft = (struct miro_user){0};
    r->u.history = before->history; /* the history stays with the user */
    r->u.n_history = before->n_history;
    before->history = NULL;
    before_free(r->before);
    r->before = before;
    r->u.changed_at_ms = c->now_ms;
    r->u.writes = before->writes + 1;
    if (!r->u.deleted)
        index_put(&m->by_name, r->u.userName, r);
    miro_store_note_activity(m, r, c->now_ms, cause, c->rq->seq);
    c->reply->applied = true;
}

void miro_store_remove_user(struct call *c, struct record *r, const char *cause)
{
    miro_store_touch(c, r);
    while (r->u.n_teams > 0)
        team_leave(r->u.teams[0], &r->u);
    index_remove(&c->m->by_name, r->u.userName);
    r->u.deleted = true;
    r->u.active = false;
    miro_store_note_activity(c->m, r, c->now_ms, cause, c->rq->seq);
}

/* ---- teams --------------------------------------------------------------------------------------------- */

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
        if (!m->teams[i]->t.deleted && same_name(m->teams[i]->t.displayName, name))
            return m->teams[i];
    return NULL;
}

static void next_team_id(struct miro *m, char out[MIRO_ID_SIZE])
{
    do
        make_id(team_id_base, m->cfg.seed, ++m->teams_made, out);
    while (miro_store_team(m, out, strlen(out)));
}

struct team_record *miro_store_add_team(struct miro *m, const char *name, const char *id)
{
    struct team_record *t = xcalloc(1, sizeof *t);
    if (id)
        snprintf(t->t.id, sizeof t->t.id, "%s", id);
    else
        next_team_id(m, t->t.id);
    t->t.displayName = xstrdup(name);
    t->t.team_name = xstrdup(name);
    m->teams = xreallocarray(m->teams, m->n_teams + 1, sizeof(struct team_record *));
    m->teams[m->n_teams++] = t;
    return t;
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
    team_before_free(t->before);
    t->before = before;
    t->writes++;
    t->t.version++;
    t->t.changed_at_ms = c->now_ms;
}

void miro_store_rename_team(struct team_record *t, const char *name)
{
    char *copy = xstrdup(name);
    free(t->t.displayName);
    t->t.displayName = copy;
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

void team_join(struct miro_team *t, struct miro_user *u, bool as_admin)
{
    if (!miro_is_member(t, u)) {
        list_push(&t->members, &t->n_members, u);
        u->teams = xreallocarray(u->teams, u->n_teams + 1, sizeof(struct miro_team *));
        u->teams[u->n_teams++] = t;
        t->version++;
    }
    if (as_admin && !team_has_admin(t, u))
        list_push(&t->admins, &t->n_admins, u);
}

void team_leave(struct miro_team *t, struct miro_user *u)
{
    list_drop(t->members, &t->n_members, u);
    list_drop(t->admins, &t->n_admins, u);
    t->version++;
    for (size_t i = 0; i < u->n_teams; i++)
        if (u->teams[i] == t) {
            u->n_teams--;
            memmove(&u->teams[i], &u->teams[i + 1], (u->n_teams - i) * sizeof(struct miro_team *));
            return;
        }
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
