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
static const uint64_t user_id_base = 3458764500000000000u;
enum { ID_STEP = 10007, SEEDS = 50000 };
static const uint64_t seed_step = 1000000000000u;

void miro_store_make_id(uint64_t base, uint64_t seed, uint64_t n, char out[MIRO_ID_SIZE])
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
    to->memberships = xcalloc(from->n_teams, sizeof *to->memberships);
    for (size_t i = 0; i < from->n_teams; i++)
        to->memberships[i] = from->memberships[i];
    to->document = from->document ? cJSON_Duplicate(from->document, true) : NULL;
    to->history = NULL;
    to->n_history = 0;
}

void user_done(struct miro_user *u)
{
    free(u->userName);
    attrs_done(&u->attributes);
    cJSON_Delete(u->document);
    for (size_t i = 0; i < u->n_admin_roles; i++)
        free(u->admin_roles[i]);
    free(u->admin_roles);
    free(u->teams);
    free(u->memberships);
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

void miro_store_done(struct miro *m)
{
    for (size_t i = 0; i < m->n_users; i++) {
        before_free(m->users[i]->before);
        user_done(&m->users[i]->u);
        free(m->users[i]);
    }
    for (size_t i = 0; i < m->n_teams; i++) {
        team_record_free(m->teams[i]);
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
        miro_store_make_id(user_id_base, m->cfg.seed, ++m->users_made, out);
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

static void note_licence(const struct miro *m, const struct miro_user *before, struct miro_user *u)
{
    const char *old = attrs_get(&before->attributes, "userType"),
               *new = attrs_get(&u->attributes, "userType");
    if (!old || !new || strcmp(old, new) != 0)
        u->licence_at_ms = m->now_ms;
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
    note_licence(m, r->before, &r->u);
    audit_note_changes(m, r->before, &r->u);
    c->reply->applied = true;
}

void miro_store_remove_user(struct call *c, struct record *r, const char *cause)
{
    miro_store_touch(c, r);
    while (r->u.n_teams > 0)
        team_leave(c->m, r->u.teams[0], &r->u);
    audit_note_user(c->m, AUDIT_USER_REMOVED, &r->u, NULL, NULL, NULL);
    index_remove(&c->m->by_name, r->u.userName);
    r->u.deleted = true;
    r->u.active = false;
    miro_store_note_activity(c->m, r, c->now_ms, cause, c->rq->seq);
}
