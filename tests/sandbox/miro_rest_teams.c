/* Miro's REST side: teams and their members. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_change.h"

enum { NAME_MAX_CHARACTERS = 60 };

static bool no_such_team(struct problem *pb)
{
    return rest_no_such(pb, "Team");
}

static void put_team(struct call *c, const struct miro_team *t)
{
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "id", t->id);
    json_put_string(&c->out, "name", t->team_name);
    json_put_string(&c->out, "type", "team");
    json_close(&c->out);
}

static bool answer_team(struct call *c, int status, const struct miro_team *t)
{
    snprintf(c->reply->user_id, sizeof c->reply->user_id, "%s", t->id);
    put_team(c, t);
    return rest_done(c, status);
}

/* ---- teams ---------------------------------------------------------------------------------------------- */

bool rest_teams(struct call *c, struct problem *pb)
{
    struct rest_page page;
    char *name = rest_query(c, "name");
    bool done = rest_page_open(c, &page, pb);
    for (size_t i = 0; done && i < c->m->n_teams; i++) {
        const struct miro_team *t = &c->m->teams[i]->t;
        if (!t->deleted && !t->user_group && (!name || strcasestr(t->team_name, name)) &&
            rest_page_takes(&page, t->id))
            put_team(c, t);
    }
    free(name);
    return done && rest_page_close(&page, pb);
}

/* The caller becomes the first admin: a team has one. */
bool rest_team_create(struct call *c, struct problem *pb)
{
    const char *name;
    if (!rest_text(c, "name", NAME_MAX_CHARACTERS, true, &name, pb))
        return false;
    const struct miro_user *owner = rest_owner(c->m);
    struct team_record *t = miro_store_add_team(c->m, TEAM, name, NULL);
    if (owner)
        team_join(c->m, &t->t, &miro_store_user(c->m, owner->id, strlen(owner->id))->u, true);
    c->reply->applied = true;
    return answer_team(c, 201, &t->t);
}

bool rest_team(struct call *c, struct problem *pb)
{
    const struct team_record *t = rest_team_at(c, 1, false);
    return t ? answer_team(c, 200, &t->t) : no_such_team(pb);
}

/* The team's name; that of its security group, which SCIM shows, stays. */
bool rest_team_change(struct call *c, struct problem *pb)
{
    struct team_record *t = rest_team_at(c, 1, false);
    const char *name;
    if (!t)
        return no_such_team(pb);
    if (!rest_text(c, "name", NAME_MAX_CHARACTERS, true, &name, pb))
        return false;
    miro_store_touch_team(c, t);
    audit_note_team(c->m, AUDIT_TEAM_RENAMED, &t->t, t->t.team_name, name);
    free(t->t.team_name);
    t->t.team_name = xstrdup(name);
    c->reply->applied = true;
    return answer_team(c, 200, &t->t);
}

bool rest_team_delete(struct call *c, struct problem *pb)
{
    struct team_record *t = rest_team_at(c, 1, false);
    if (!t)
        return no_such_team(pb);
    miro_store_remove_team(c, t);
    return rest_done(c, 204);
}

/* ---- members -------------------------------------------------------------------------------------------- */

static const char *role_in(const struct miro_team *t, const struct miro_user *u)
{
    if (u->role == MIRO_TEAM_GUEST)
        return "team_guest";
    if (u->guest)
        return "non_team";
    return team_has_admin(t, u) ? "admin" : "member";
}

/* When the user joined the team; zero for those whom a user group has brought. */
static struct miro_membership membership(const struct miro_team *t, const struct miro_user *u)
{
    for (size_t i = 0; i < u->n_teams; i++)
        if (u->teams[i] == t)
            return u->memberships[i];
    return (struct miro_membership){0};
}

static void put_member(struct call *c, const struct miro_team *t, const struct miro_user *u)
{
    const struct miro_user *owner = rest_owner(c->m);
    struct miro_membership ms = membership(t, u);
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "id", u->id);
    json_put_string(&c->out, "role", role_in(t, u));
    json_put_time(&c->out, "createdAt", ms.joined_at_ms);
    if (owner)
        json_put_string(&c->out, "createdBy", owner->id);
    json_put_time(&c->out, "modifiedAt", ms.changed_at_ms);
    if (owner)
        json_put_string(&c->out, "modifiedBy", owner->id);
    json_put_string(&c->out, "teamId", t->id);
    json_put_string(&c->out, "type", "team-member");
    json_close(&c->out);
}

static bool answer_member(struct call *c, int status, const struct miro_team *t, const struct miro_user *u)
{
    put_member(c, t, u);
    return rest_done(c, status);
}

/* Members of the team's user groups are members of the team, without having joined it. */
static const struct miro_user *in_groups(const struct miro *m, const struct miro_team *t, size_t *group,
                                         size_t *member)
{
    for (; *group < m->n_teams; (*group)++, *member = 0) {
        const struct miro_team *g = &m->teams[*group]->t;
        bool attached = false;
        for (size_t k = 0; k < g->n_attached; k++)
            attached |= g->attached[k] == t;
        if (attached && *member < g->n_members)
            return g->members[(*member)++];
    }
    return NULL;
}

/* True when an earlier group of the team has the user too, or the team itself. */
static bool met_before(const struct miro *m, const struct miro_team *t, const struct miro_user *u,
                       size_t group)
{
    if (miro_is_member(t, u))
        return true;
    for (size_t g = 0; g < group; g++)
        for (size_t k = 0; k < m->teams[g]->t.n_attached; k++)
            if (m->teams[g]->t.attached[k] == t && miro_is_member(&m->teams[g]->t, u))
                return true;
    return false;
}

static bool belongs(const struct miro *m, const struct miro_team *t, const struct miro_user *u)
{
    return met_before(m, t, u, m->n_teams);
}

static void list_member(struct rest_page *page, const char *role, const struct miro_team *t,
                        const struct miro_user *u)
{
    if (rest_visible(u) && (!role || strcmp(role, role_in(t, u)) == 0) && rest_page_takes(page, u->id))
        put_member(page->c, t, u);
}

bool rest_team_members(struct call *c, struct problem *pb)
{
    const struct team_record *t = rest_team_at(c, 1, false);
    struct rest_page page;
    if (!t)
        return no_such_team(pb);
    if (!rest_page_open(c, &page, pb))
        return false;
    char *role = rest_query(c, "role");
    for (size_t i = 0; i < t->t.n_members; i++)
        list_member(&page, role, &t->t, t->t.members[i]);
    size_t group = 0, member = 0;
    for (const struct miro_user *u; (u = in_groups(c->m, &t->t, &group, &member)) != NULL;)
        if (!met_before(c->m, &t->t, u, group))
            list_member(&page, role, &t->t, u);
    free(role);
    return rest_page_close(&page, pb);
}

/* The team and the member that the path names; with `joined`, one who has joined the team as such. */
static bool find_member(struct call *c, bool joined, struct team_record **t, struct record **r,
                        struct problem *pb)
{
    *t = rest_team_at(c, 1, false);
    if (!*t)
        return no_such_team(pb);
    *r = rest_user_at(c, 2);
    if (*r && (joined ? miro_is_member(&(*t)->t, &(*r)->u) : belongs(c->m, &(*t)->t, &(*r)->u)))
        return true;
    return rest_no_such(pb, "Team member");
}

bool rest_team_member(struct call *c, struct problem *pb)
{
    struct team_record *t = NULL;
    struct record *r = NULL;
    return find_member(c, false, &t, &r, pb) && answer_member(c, 200, &t->t, &r->u);
}

static bool read_role(const struct call *c, bool required, bool *admin, struct problem *pb)
{
    const char *role = json_string(c->body, "role");
    *admin = role && strcmp(role, "admin") == 0;
    if ((role && (*admin || strcmp(role, "member") == 0)) || (!json_get(c->body, "role") && !required))
        return true;
    return refuse(pb, 400, NULL, "role must be one of: member admin");
}

/* Only those who are in the organisation already, active, and no guests. */
bool rest_team_invite(struct call *c, struct problem *pb)
{
    struct team_record *t = rest_team_at(c, 1, false);
    const char *email = json_string(c->body, "email");
    struct record *r = email ? miro_store_user_named(c->m, email) : NULL;
    bool admin;
    if (!t)
        return no_such_team(pb);
    if (!email || !read_role(c, false, &admin, pb))
        return email ? false : refuse(pb, 400, NULL, "email is required");
    if (!r || !rest_visible(&r->u))
        return refuse(pb, 404, NULL, "User %.300s is not in the organization", email);
    if (miro_is_member(&t->t, &r->u))
        return refuse(pb, 409, NULL, "User %.300s is in the team already", email);
    if (!r->u.active)
        return refuse(pb, 409, NULL, "User %.300s is deactivated", email);
    miro_store_touch_team(c, t);
    miro_store_touch(c, r);
    team_join(c->m, &t->t, &r->u, admin);
    return answer_member(c, 201, &t->t, &r->u);
}

bool rest_team_member_change(struct call *c, struct problem *pb)
{
    struct team_record *t = NULL;
    struct record *r = NULL;
    bool admin;
    if (!find_member(c, true, &t, &r, pb) || !read_role(c, true, &admin, pb))
        return false;
    if (!admin && team_last_admin(&t->t, &r->u))
        return refuse_last_admin(pb);
    if (admin && r->u.guest)
        return refuse(pb, 409, NULL, "A guest cannot be a team admin");
    miro_store_touch_team(c, t);
    team_set_admin(c->m, &t->t, &r->u, admin);
    c->reply->applied = true;
    return answer_member(c, 200, &t->t, &r->u);
}

bool rest_team_member_delete(struct call *c, struct problem *pb)
{
    struct team_record *t = NULL;
    struct record *r = NULL;
    if (!find_member(c, true, &t, &r, pb))
        return false;
    if (team_last_admin(&t->t, &r->u))
        return refuse_last_admin(pb);
    miro_store_touch_team(c, t);
    miro_store_leave(c, t, r, "team Remove");
    return rest_done(c, 204);
}
