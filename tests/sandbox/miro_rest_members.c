/* Miro's REST side: the token, the organisation, its members, their sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

enum { EMAILS_MAX = 10 };

/* ---- the token and the organisation --------------------------------------------------------------------- */

static void put_named(struct json_out *w, const char *name, const char *type, const char *id, const char *as)
{
    json_open(w, name, '{');
    json_put_string(w, "type", type);
    json_put_string(w, "name", as);
    json_put_string(w, "id", id);
    json_close(w);
}

static void put_owner(struct call *c, const char *name, const struct miro_user *owner)
{
    char display[512] = "";
    if (owner)
        user_display_name(owner, display, sizeof display);
    put_named(&c->out, name, "user", owner ? owner->id : "0", display);
}

static void put_scopes(struct call *c)
{
    const char *authorization = c->rq->authorization; /* NULL: behind the client's back */
    const char *token = authorization ? authorization + strlen("Bearer ") : "";
    json_open(&c->out, "scopes", '[');
    for (const char *const *each = c->m->cfg.rest_tokens; each && *each; each++) {
        size_t n = strcspn(*each, "=");
        if (strlen(token) != n || strncmp(*each, token, n) != 0 || !(*each)[n])
            continue;
        for (const char *p = *each + n + 1; *p; p += strcspn(p, "+"), p += *p == '+')
            json_put_str(&c->out, NULL, (struct str){p, strcspn(p, "+")});
    }
    json_close(&c->out);
}

bool rest_token(struct call *c, struct problem *pb)
{
    const struct miro_user *owner = rest_owner(c->m);
    const struct team_record *team = miro_store_default_team(c->m);
    (void)pb;
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "type", "user");
    put_named(&c->out, "organization", "organization", c->m->rest.org_id, c->m->cfg.org_name);
    put_named(&c->out, "team", "team", team ? team->t.id : "0", team ? team->t.team_name : "");
    put_owner(c, "createdBy", owner);
    put_owner(c, "user", owner);
    put_scopes(c);
    json_close(&c->out);
    return rest_done(c, 200);
}

bool rest_org(struct call *c, struct problem *pb)
{
    const struct miro *m = c->m;
    (void)pb;
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "id", m->rest.org_id);
    json_put_string(&c->out, "name", m->cfg.org_name);
    json_put_string(&c->out, "plan", "company");
    json_put_int(&c->out, "fullLicensesPurchased",
                 m->cfg.full_licences >= 0 ? m->cfg.full_licences : full_licences_used(m));
    json_put_string(&c->out, "type", "organization");
    json_close(&c->out);
    return rest_done(c, 200);
}

/* ---- members -------------------------------------------------------------------------------------------- */

const char *rest_licence(const char *licence)
{
    static const char *const names[][2] = {
        {"Full", "full"},         {"Free", "free"},         {"Free Restricted", "free_restricted"},
        {"Basic", "basic"},       {"Standard", "standard"}, {"Full (Trial)", "full_trial"},
        {"Advanced", "advanced"},
    };
    for (size_t i = 0; licence && i < ARRAY_SIZE(names); i++)
        if (same_name(names[i][0], licence))
            return names[i][1];
    return "unknown";
}

static const char *role_of(const struct miro_user *u)
{
    static const char *const names[] = {
        [MIRO_INTERNAL_USER] = "organization_internal_user",
        [MIRO_INTERNAL_ADMIN] = "organization_internal_admin",
        [MIRO_EXTERNAL_USER] = "organization_external_user",
        [MIRO_TEAM_GUEST] = "organization_team_guest_user",
    };
    return names[u->role];
}

static void put_admin_roles(struct json_out *w, const struct miro_user *u)
{
    json_open(w, "adminRoles", '[');
    for (size_t i = 0; i < u->n_admin_roles; i++) {
        json_open(w, NULL, '{');
        json_put_string(w, "type", role_prebuilt(u->admin_roles[i]) ? "prebuilt" : "custom");
        json_put_string(w, "name", u->admin_roles[i]);
        json_close(w);
    }
    json_close(w);
}

static void put_member(struct call *c, const struct miro_user *u)
{
    struct json_out *w = &c->out;
    json_open(w, NULL, '{');
    json_put_string(w, "id", u->id);
    json_put_string(w, "email", u->userName);
    json_put_bool(w, "active", u->active);
    json_put_string(w, "license", rest_licence(attrs_get(&u->attributes, "userType")));
    json_put_string(w, "role", role_of(u));
    if (u->last_activity_at_ms)
        json_put_time(w, "lastActivityAt", u->last_activity_at_ms);
    if (u->licence_at_ms)
        json_put_time(w, "licenseAssignedAt", u->licence_at_ms);
    put_admin_roles(w, u);
    json_put_string(w, "type", "organization-member");
    json_close(w);
}

bool rest_member(struct call *c, struct problem *pb)
{
    const struct record *r = rest_user_at(c, 1);
    if (!r)
        return rest_no_such(pb, "Organization member");
    put_member(c, &r->u);
    return rest_done(c, 200);
}

/* With emails the answer is a bare array, and no other filter counts. */
static bool members_by_email(struct call *c, const char *emails, struct problem *pb)
{
    size_t n = 1;
    for (const char *p = emails; *p; p++)
        n += *p == ',';
    if (n > EMAILS_MAX)
        return refuse(pb, 400, NULL, "emails must not name more than %d addresses", EMAILS_MAX);
    json_open(&c->out, NULL, '[');
    for (const char *p = emails; *p; p += strcspn(p, ","), p += *p == ',') {
        char *email = xstrndup(p, strcspn(p, ","));
        const struct record *r = miro_store_user_named(c->m, email);
        if (r && rest_visible(&r->u))
            put_member(c, &r->u);
        free(email);
    }
    json_close(&c->out);
    return rest_done(c, 200);
}

struct member_filter {
    char *role, *licence, *active; /* NULL: any */
};

static bool one_of(const char *value, const char *names, struct problem *pb, const char *what)
{
    size_t n = value ? strlen(value) : 0;
    for (const char *p = names; value && *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && strncmp(p, value, n) == 0)
            return true;
    return !value || refuse(pb, 400, NULL, "%s must be one of: %s", what, names);
}

static bool filter_ok(const struct member_filter *f, struct problem *pb)
{
    return one_of(f->role,
                  "organization_internal_admin organization_internal_user organization_external_user "
                  "organization_team_guest_user unknown",
                  pb, "role") &&
           one_of(f->licence,
                  "advanced standard basic full occasional free free_restricted full_trial unknown", pb,
                  "license") &&
           one_of(f->active, "true false", pb, "active");
}

static bool passes(const struct member_filter *f, const struct miro_user *u)
{
    return rest_visible(u) && (!f->role || strcmp(f->role, role_of(u)) == 0) &&
           (!f->licence || strcmp(f->licence, rest_licence(attrs_get(&u->attributes, "userType"))) == 0) &&
           (!f->active || (strcmp(f->active, "true") == 0) == u->active);
}

/* The cursor may name somebody who the filter does not show (any more): the list goes on behind them. */
static bool members_by_cursor(struct call *c, const struct member_filter *f, struct problem *pb)
{
    struct rest_page page;
    if (!rest_page_open(c, &page, pb))
        return false;
    for (size_t i = 0; i < c->m->n_users && !page.more; i++) {
        const struct miro_user *u = &c->m->users[i]->u;
        if (!page.found)
            page.found = strcmp(u->id, page.cursor) == 0;
        else if (passes(f, u) && rest_page_takes(&page, u->id))
            put_member(c, u);
    }
    return rest_page_close(&page, pb);
}

bool rest_members(struct call *c, struct problem *pb)
{
    char *emails = rest_query(c, "emails");
    struct member_filter f = {rest_query(c, "role"), rest_query(c, "license"), rest_query(c, "active")};
    bool done = emails && *emails ? members_by_email(c, emails, pb)
                                  : filter_ok(&f, pb) && members_by_cursor(c, &f, pb);
    free(emails);
    free(f.role);
    free(f.licence);
    free(f.active);
    return done;
}

/* ---- sessions ------------------------------------------------------------------------------------------- */

bool rest_reset_sessions(struct call *c, struct problem *pb)
{
    char *email = rest_query(c, "email");
    struct record *r = email ? miro_store_user_named(c->m, email) : NULL;
    bool given = email && *email;
    free(email);
    if (!given)
        return refuse(pb, 400, NULL, "email is required");
    if (!r || !rest_visible(&r->u))
        return rest_no_such(pb, "User");
    r->u.sessions_reset_at_ms = c->now_ms;
    audit_note_user(c->m, AUDIT_SESSIONS_RESET, &r->u, NULL, NULL, NULL);
    c->reply->applied = true;
    return rest_done(c, 200);
}
