/* Miro's REST side: user groups, their members, and the teams that they belong to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

enum { NAME_MAX_CHARACTERS = 60, DESCRIPTION_MAX_CHARACTERS = 300, MEMBERS_MAX = 500 };

static bool no_such_group(struct problem *pb)
{
    return rest_no_such(pb, "User group");
}

static void put_group(struct call *c, const struct miro_team *g)
{
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "id", g->id);
    json_put_string(&c->out, "name", g->team_name);
    if (g->description)
        json_put_string(&c->out, "description", g->description);
    json_put_string(&c->out, "type", "user-group");
    json_close(&c->out);
}

static bool answer_group(struct call *c, int status, const struct miro_team *g)
{
    snprintf(c->reply->user_id, sizeof c->reply->user_id, "%s", g->id);
    put_group(c, g);
    return rest_done(c, status);
}

/* ---- groups --------------------------------------------------------------------------------------------- */

static const struct team_record *group_named(const struct miro *m, const char *name)
{
    for (size_t i = 0; i < m->n_teams; i++)
        if (!m->teams[i]->t.deleted && m->teams[i]->t.user_group && same_name(m->teams[i]->t.team_name, name))
            return m->teams[i];
    return NULL;
}

static bool read_group(const struct call *c, const struct team_record *self, const char **name,
                       const char **description, struct problem *pb)
{
    if (!rest_text(c, "name", NAME_MAX_CHARACTERS, !self, name, pb) ||
        !rest_text(c, "description", DESCRIPTION_MAX_CHARACTERS, false, description, pb))
        return false;
    const struct team_record *other = *name ? group_named(c->m, *name) : NULL;
    return !other || other == self || refuse(pb, 409, NULL, "A user group '%.200s' exists already", *name);
}

bool rest_groups(struct call *c, struct problem *pb)
{
    struct rest_page page;
    if (!rest_page_open(c, &page, pb))
        return false;
    for (size_t i = 0; i < c->m->n_teams; i++) {
        const struct miro_team *g = &c->m->teams[i]->t;
        if (!g->deleted && g->user_group && rest_page_takes(&page, g->id))
            put_group(c, g);
    }
    return rest_page_close(&page, pb);
}

bool rest_group_create(struct call *c, struct problem *pb)
{
    const char *name, *description;
    if (!read_group(c, NULL, &name, &description, pb))
        return false;
    struct team_record *g = miro_store_add_team(c->m, USER_GROUP, name, NULL);
    g->t.description = xstrdup_null(description);
    c->reply->applied = true;
    return answer_group(c, 201, &g->t);
}

bool rest_group(struct call *c, struct problem *pb)
{
    const struct team_record *g = rest_team_at(c, 1, true);
    return g ? answer_group(c, 200, &g->t) : no_such_group(pb);
}

bool rest_group_change(struct call *c, struct problem *pb)
{
    struct team_record *g = rest_team_at(c, 1, true);
    const char *name, *description;
    if (!g)
        return no_such_group(pb);
    if (!read_group(c, g, &name, &description, pb))
        return false;
    miro_store_touch_team(c, g);
    if (name)
        miro_store_rename_team(c->m, g, name);
    if (description) {
        free(g->t.description);
        g->t.description = *description ? xstrdup(description) : NULL;
    }
    c->reply->applied = true;
    return answer_group(c, 200, &g->t);
}

bool rest_group_delete(struct call *c, struct problem *pb)
{
    struct team_record *g = rest_team_at(c, 1, true);
    if (!g)
        return no_such_group(pb);
    miro_store_remove_team(c, g);
    return rest_done(c, 204);
}

/* ---- members -------------------------------------------------------------------------------------------- */

static void put_member(struct json_out *w, const struct miro_user *u)
{
    json_open(w, NULL, '{');
    json_put_string(w, "id", u->id);
    json_put_string(w, "email", u->userName);
    json_put_string(w, "type", "user-group-member");
    json_close(w);
}

/* A page of what the group that the path names has. */
static bool open_page(struct call *c, const struct team_record **g, struct rest_page *page,
                      struct problem *pb)
{
    *g = rest_team_at(c, 1, true);
    return *g ? rest_page_open(c, page, pb) : no_such_group(pb);
}

bool rest_group_members(struct call *c, struct problem *pb)
{
    const struct team_record *g = NULL;
    struct rest_page page;
    if (!open_page(c, &g, &page, pb))
        return false;
    for (size_t i = 0; i < g->t.n_members; i++)
        if (rest_page_takes(&page, g->t.members[i]->id))
            put_member(&c->out, g->t.members[i]);
    return rest_page_close(&page, pb);
}

static bool find_member(struct call *c, struct team_record **g, struct record **r, struct problem *pb)
{
    *g = rest_team_at(c, 1, true);
    if (!*g)
        return no_such_group(pb);
    *r = rest_user_at(c, 2);
    return (*r && miro_is_member(&(*g)->t, &(*r)->u)) || rest_no_such(pb, "User group member");
}

bool rest_group_member(struct call *c, struct problem *pb)
{
    struct team_record *g = NULL;
    struct record *r = NULL;
    if (!find_member(c, &g, &r, pb))
        return false;
    put_member(&c->out, &r->u);
    return rest_done(c, 200);
}

/* Guests and the deactivated cannot be put into a group here: only SCIM's group Add revives. */
static bool can_join(const struct record *r)
{
    return r && r->u.active && !r->u.guest;
}

static void join(struct call *c, struct team_record *g, struct record *r)
{
    miro_store_touch(c, r);
    team_join(c->m, &g->t, &r->u, false);
}

bool rest_group_member_add(struct call *c, struct problem *pb)
{
    struct team_record *g = rest_team_at(c, 1, true);
    const char *email = json_string(c->body, "email");
    struct record *r = email ? rest_user(c->m, email) : NULL;
    if (!g)
        return no_such_group(pb);
    if (!email)
        return refuse(pb, 400, NULL, "email is required");
    if (!can_join(r))
        return refuse(pb, 400, NULL, "User %.300s cannot join the group", email);
    if (miro_is_member(&g->t, &r->u))
        return refuse(pb, 409, NULL, "User %.300s is in the group already", email);
    miro_store_touch_team(c, g);
    join(c, g, r);
    put_member(&c->out, &r->u);
    return rest_done(c, 201);
}

bool rest_group_member_delete(struct call *c, struct problem *pb)
{
    struct team_record *g = NULL;
    struct record *r = NULL;
    if (!find_member(c, &g, &r, pb))
        return false;
    miro_store_touch_team(c, g);
    miro_store_leave(c, g, r, "group Remove");
    return rest_done(c, 204);
}

/* ---- many members at once: 207 -------------------------------------------------------------------------- */

static void put_failure(struct json_out *w, const char *operation, const char *who)
{
    char *message = xasprintf("No such users: %s", who);
    json_open(w, NULL, '{');
    json_put_string(w, "operation", operation);
    json_put_int(w, "status", 400);
    json_open(w, "error", '{');
    json_put_string(w, "type", "error");
    json_put_string(w, "code", "invalidParameters");
    json_put_string(w, "message", message);
    json_put_int(w, "status", 400);
    json_close(w);
    json_close(w);
    free(message);
}

static void open_success(struct json_out *w, const char *operation)
{
    json_open(w, NULL, '{');
    json_put_string(w, "operation", operation);
    json_put_int(w, "status", 200);
    json_open(w, "affectedUsers", '[');
}

/* Whom a list names, each once. */
struct named {
    struct record *v[MEMBERS_MAX];
    size_t n;
    struct buf others; /* who are not as it needs them */
};

static void name_once(struct named *nm, struct record *r)
{
    for (size_t i = 0; i < nm->n; i++)
        if (nm->v[i] == r)
            return;
    nm->v[nm->n++] = r;
}

static void read_named(struct named *nm, const struct call *c, const struct team_record *g, const cJSON *list,
                       bool are_members)
{
    nm->n = 0;
    buf_init(&nm->others, 1 << 16);
    for (const cJSON *el = list->child; el; el = el->next) {
        const char *name = cJSON_GetStringValue(el);
        struct record *r = name ? rest_user(c->m, name) : NULL;
        if (are_members ? r && miro_is_member(&g->t, &r->u) : can_join(r))
            name_once(nm, r);
        else
            buf_addf(&nm->others, "%s%.300s", nm->others.n ? ", " : "", name ? name : "?");
    }
}

/* Those who can be added are; the others are named in an object of their own. */
static void add_members(struct call *c, struct team_record *g, const cJSON *list)
{
    struct named nm;
    read_named(&nm, c, g, list, false);
    open_success(&c->out, "addMembers");
    for (size_t i = 0; i < nm.n; i++) {
        if (!miro_is_member(&g->t, &nm.v[i]->u))
            join(c, g, nm.v[i]);
        put_member(&c->out, &nm.v[i]->u);
    }
    json_close(&c->out);
    json_close(&c->out);
    if (nm.others.n > 0)
        put_failure(&c->out, "addMembers", nm.others.p);
    buf_done(&nm.others);
}

/* All of them, or none when one is no member. */
static void remove_members(struct call *c, struct team_record *g, const cJSON *list)
{
    struct named nm;
    read_named(&nm, c, g, list, true);
    if (nm.others.n > 0) {
        put_failure(&c->out, "removeMembers", nm.others.p);
    } else {
        open_success(&c->out, "removeMembers");
        for (size_t i = 0; i < nm.n; i++) {
            put_member(&c->out, &nm.v[i]->u);
            miro_store_leave(c, g, nm.v[i], "group Remove");
        }
        json_close(&c->out);
        json_close(&c->out);
    }
    buf_done(&nm.others);
}

bool rest_group_members_change(struct call *c, struct problem *pb)
{
    struct team_record *g = rest_team_at(c, 1, true);
    const cJSON *add = json_get(c->body, "membersToAdd"), *drop = json_get(c->body, "membersToRemove");
    if (!g)
        return no_such_group(pb);
    if ((!add && !drop) || (add && !cJSON_IsArray(add)) || (drop && !cJSON_IsArray(drop)))
        return refuse(pb, 400, NULL, "membersToAdd or membersToRemove, lists of ids or emails, are required");
    if (cJSON_GetArraySize(add) + cJSON_GetArraySize(drop) > MEMBERS_MAX)
        return refuse(pb, 413, NULL, "More than %d members in one request", MEMBERS_MAX);
    miro_store_touch_team(c, g);
    json_open(&c->out, NULL, '[');
    if (drop && drop->child)
        remove_members(c, g, drop);
    if (add && add->child)
        add_members(c, g, add);
    json_close(&c->out);
    return rest_done(c, 207);
}

/* ---- groups in teams ------------------------------------------------------------------------------------ */

static void put_bond(struct json_out *w, const char *id, const char *type)
{
    json_open(w, NULL, '{');
    json_put_string(w, "id", id);
    json_put_string(w, "role", "member");
    json_put_string(w, "type", type);
    json_close(w);
}

/* Where the team stands among the group's; n_attached: nowhere. */
static size_t bond_at(const struct miro_team *g, const struct miro_team *t)
{
    size_t i = 0;
    while (i < g->n_attached && g->attached[i] != t)
        i++;
    return i;
}

bool rest_group_teams(struct call *c, struct problem *pb)
{
    const struct team_record *g = NULL;
    struct rest_page page;
    if (!open_page(c, &g, &page, pb))
        return false;
    for (size_t i = 0; i < g->t.n_attached; i++)
        if (rest_page_takes(&page, g->t.attached[i]->id))
            put_bond(&c->out, g->t.attached[i]->id, "user-group-team");
    return rest_page_close(&page, pb);
}

/* The group and the team that the path names, bound or not. */
static bool find_bond(struct call *c, size_t group_at, struct team_record **g, struct team_record **t,
                      struct problem *pb)
{
    *g = rest_team_at(c, group_at, true);
    *t = rest_team_at(c, 3 - group_at, false);
    if (!*t)
        return rest_no_such(pb, "Team");
    return (*g && bond_at(&(*g)->t, &(*t)->t) < (*g)->t.n_attached) ||
           rest_no_such(pb, "User group in the team");
}

bool rest_group_team(struct call *c, struct problem *pb)
{
    struct team_record *g, *t;
    if (!find_bond(c, 1, &g, &t, pb))
        return false;
    put_bond(&c->out, t->t.id, "user-group-team");
    return rest_done(c, 200);
}

bool rest_team_groups(struct call *c, struct problem *pb)
{
    const struct team_record *t = rest_team_at(c, 1, false);
    struct rest_page page;
    if (!t)
        return rest_no_such(pb, "Team");
    if (!rest_page_open(c, &page, pb))
        return false;
    for (size_t i = 0; i < c->m->n_teams; i++) {
        const struct miro_team *g = &c->m->teams[i]->t;
        if (bond_at(g, &t->t) < g->n_attached && rest_page_takes(&page, g->id))
            put_bond(&c->out, g->id, "team-group");
    }
    return rest_page_close(&page, pb);
}

bool rest_team_group(struct call *c, struct problem *pb)
{
    struct team_record *g, *t;
    if (!find_bond(c, 2, &g, &t, pb))
        return false;
    put_bond(&c->out, g->t.id, "team-group");
    return rest_done(c, 200);
}

bool rest_team_group_add(struct call *c, struct problem *pb)
{
    struct team_record *t = rest_team_at(c, 1, false);
    const char *id = json_string(c->body, "userGroupId"), *role = json_string(c->body, "role");
    struct team_record *g = id ? miro_store_team(c->m, id, strlen(id)) : NULL;
    if (!t)
        return rest_no_such(pb, "Team");
    if (!role || strcmp(role, "member") != 0)
        return refuse(pb, 400, NULL, "role must be member");
    if (!g || !g->t.user_group)
        return refuse(pb, 400, NULL, "userGroupId must be the id of a user group");
    if (bond_at(&g->t, &t->t) < g->t.n_attached)
        return refuse(pb, 409, NULL, "The user group is in the team already");
    g->t.attached = xreallocarray(g->t.attached, g->t.n_attached + 1, sizeof(struct miro_team *));
    g->t.attached[g->t.n_attached++] = &t->t;
    audit_note_team(c->m, AUDIT_GROUP_ATTACHED, &g->t, NULL, t->t.id);
    c->reply->applied = true;
    put_bond(&c->out, g->t.id, "team-group");
    return rest_done(c, 201);
}

bool rest_team_group_delete(struct call *c, struct problem *pb)
{
    struct team_record *g, *t;
    if (!find_bond(c, 2, &g, &t, pb))
        return false;
    size_t i = bond_at(&g->t, &t->t);
    g->t.attached[i] = g->t.attached[--g->t.n_attached];
    audit_note_team(c->m, AUDIT_GROUP_DETACHED, &g->t, t->t.id, NULL);
    c->reply->applied = true;
    return rest_done(c, 204);
}
