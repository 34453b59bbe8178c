#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_rfc.h"

/* ---- the query's `attributes`: which parts are wanted. id and schemas always are. ---------------------- */

/* True when an item of the (normalised, comma-separated) list is `name`, or below it when `below`. */
bool query_lists(const char *list, const char *name, bool below)
{
    size_t n = strlen(name);
    for (const char *p = list; *p;) {
        size_t item = strcspn(p, ",");
        if (item >= n && memcmp(p, name, n) == 0 && (item == n || (below && p[n] == '.')))
            return true;
        p += item + (p[item] == ',');
    }
    return false;
}

static bool wants(const struct call *c, const char *attribute)
{
    return !c->query.attributes || query_lists(c->query.attributes, attribute, true);
}

/* `path` is attribute.sub */
static bool wants_sub(const struct call *c, const char *attribute, const char *path)
{
    return !c->query.attributes || query_lists(c->query.attributes, attribute, false) ||
           query_lists(c->query.attributes, path, false);
}

void location_of(const struct miro *m, const char *type, const char *id, char *out, size_t size)
{
    const char *base = m->cfg.internal_location ? "http://api-internal:9111/api/v1/scim" : m->cfg.base_url;
    snprintf(out, size, "%s/%s/%s", base, type, id);
}

static void render_meta(struct call *c, const char *type, const char *plural, const char *id,
                        uint64_t version)
{
    char etag[32];
    if (!wants(c, "meta"))
        return;
    char location[320];
    location_of(c->m, plural, id, location, sizeof location);
    json_open(&c->out, "meta", '{');
    json_put_string(&c->out, "resourceType", type);
    json_put_string(&c->out, "location", location);
    if (c->m->cfg.etag != MIRO_ETAG_OFF) {
        dialect_etag(version, etag, sizeof etag);
        json_put_string(&c->out, "version", etag);
    }
    json_close(&c->out);
}

/* ---- users --------------------------------------------------------------------------------------------- */

static void put_attr(struct call *c, const struct miro_user *u, const char *name, const char *attr)
{
    const char *value = attrs_get(&u->attributes, attr);
    if (value)
        json_put_string(&c->out, name, value);
}

static void render_name(struct call *c, const struct miro_user *u)
{
    static const char *const parts[][3] = {{"name.formatted", "name.formatted", "formatted"},
                                           {"name.familyname", "name.familyName", "familyName"},
                                           {"name.givenname", "name.givenName", "givenName"}};
    if (!wants(c, "name"))
        return;
    json_open(&c->out, "name", '{');
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (wants_sub(c, "name", parts[i][0]))
            put_attr(c, u, parts[i][2], parts[i][1]);
    json_close(&c->out);
}

static void render_emails(struct call *c, const struct miro_user *u)
{
    if (!wants(c, "emails"))
        return;
    json_open(&c->out, "emails", '[');
    json_open(&c->out, NULL, '{');
    if (wants_sub(c, "emails", "emails.value"))
        json_put_string(&c->out, "value", u->userName);
    if (wants_sub(c, "emails", "emails.type"))
        json_put_string(&c->out, "type", "work");
    if (wants_sub(c, "emails", "emails.primary"))
        json_put_bool(&c->out, "primary", true);
    json_close(&c->out);
    json_close(&c->out);
}

static void render_photos(struct call *c, const struct miro_user *u)
{
    const char *photo = attrs_get(&u->attributes, "photo");
    if (!wants(c, "photos"))
        return;
    json_open(&c->out, "photos", '[');
    if (photo) {
        json_open(&c->out, NULL, '{');
        if (wants_sub(c, "photos", "photos.type"))
            json_put_string(&c->out, "type", "photo");
        if (wants_sub(c, "photos", "photos.value"))
            json_put_string(&c->out, "value", photo);
        json_close(&c->out);
    }
    json_close(&c->out);
}

static void render_groups(struct call *c, const struct miro_user *u)
{
    if (!wants(c, "groups"))
        return;
    json_open(&c->out, "groups", '[');
    for (size_t i = 0; i < u->n_teams; i++) {
        if (!u->teams[i]->in_scim)
            continue;
        json_open(&c->out, NULL, '{');
        if (wants_sub(c, "groups", "groups.value"))
            json_put_string(&c->out, "value", u->teams[i]->id);
        if (wants_sub(c, "groups", "groups.display"))
            json_put_string(&c->out, "display", u->teams[i]->displayName);
        json_close(&c->out);
    }
    json_close(&c->out);
}

static void render_role(struct call *c, const char *value, const char *display, const char *type,
                        bool primary)
{
    json_open(&c->out, NULL, '{');
    if (wants_sub(c, "roles", "roles.value"))
        json_put_string(&c->out, "value", value);
    if (wants_sub(c, "roles", "roles.display"))
        json_put_string(&c->out, "display", display);
    if (wants_sub(c, "roles", "roles.type"))
        json_put_string(&c->out, "type", type);
    if (wants_sub(c, "roles", "roles.primary"))
        json_put_bool(&c->out, "primary", primary);
    json_close(&c->out);
}

static void render_roles(struct call *c, const struct miro_user *u)
{
    if (!wants(c, "roles"))
        return;
    json_open(&c->out, "roles", '[');
    const char *display = u->role == MIRO_INTERNAL_ADMIN ? "Company Admin" : "Member";
    render_role(c, role_name(u->role), display, "organization_user_role", true);
    for (size_t i = 0; i < u->n_admin_roles; i++)
        render_role(c, u->admin_roles[i], u->admin_roles[i], "organization_admin_role", false);
    json_close(&c->out);
}

static const char *const extension[][2] = {
    {"employeenumber", "employeeNumber"}, {"costcenter", "costCenter"},
    {"organization", "organization"},     {"division", "division"},
    {"department", "department"},
};

static bool has_extension(const struct call *c, const struct miro_user *u)
{
    for (size_t i = 0; i < ARRAY_SIZE(extension); i++)
        if (attrs_get(&u->attributes, extension[i][1]) && wants_sub(c, "enterprise", extension[i][0]))
            return true;
    return (attrs_get(&u->attributes, "manager") || attrs_get(&u->attributes, "manager.displayName")) &&
           (wants(c, "manager") || wants(c, "enterprise"));
}

static void render_extension(struct call *c, const struct miro_user *u)
{
    if (!has_extension(c, u))
        return;
    json_open(&c->out, URN_ENTERPRISE, '{');
    for (size_t i = 0; i < ARRAY_SIZE(extension); i++)
        if (wants_sub(c, "enterprise", extension[i][0]))
            put_attr(c, u, extension[i][1], extension[i][1]);
    if ((attrs_get(&u->attributes, "manager") || attrs_get(&u->attributes, "manager.displayName")) &&
        (wants(c, "manager") || wants(c, "enterprise"))) {
        json_open(&c->out, "manager", '{');
        put_attr(c, u, "value", "manager");
        put_attr(c, u, "displayName", "manager.displayName");
        json_close(&c->out);
    }
    json_close(&c->out);
}

void render_user(struct call *c, const char *name, const void *user)
{
    const struct miro_user *u = user;
    struct json_out *w = &c->out;
    char display[512];
    if (c->m->cfg.profile == MIRO_PROFILE_SCIM) {
        rfc_render_user(c, name, user);
        return;
    }
    user_display_name(u, display, sizeof display);
    json_open(w, name, '{');
    json_open(w, "schemas", '[');
    json_put_string(w, NULL, URN_USER);
    if (has_extension(c, u))
        json_put_string(w, NULL, URN_ENTERPRISE);
    json_close(w);
    json_put_string(w, "id", u->id);
    if (wants(c, "username"))
        json_put_string(w, "userName", u->userName);
    render_name(c, u);
    if (wants(c, "displayname"))
        json_put_string(w, "displayName", display);
    if (wants(c, "usertype"))
        put_attr(c, u, "userType", "userType");
    if (wants(c, "active"))
        json_put_bool(w, "active", u->active);
    render_emails(c, u);
    render_photos(c, u);
    render_groups(c, u);
    render_roles(c, u);
    if (wants(c, "preferredlanguage"))
        put_attr(c, u, "preferredLanguage", "preferredLanguage");
    render_extension(c, u);
    render_meta(c, "User", "Users", u->id, u->writes);
    json_close(w);
}

/* ---- teams --------------------------------------------------------------------------------------------- */

static void render_member(struct call *c, const struct miro_user *u)
{
    char display[512];
    json_open(&c->out, NULL, '{');
    if (wants_sub(c, "members", "members.value"))
        json_put_string(&c->out, "value", u->id);
    if (wants_sub(c, "members", "members.type"))
        json_put_string(&c->out, "type", "User");
    if (wants_sub(c, "members", "members.display")) {
        user_display_name(u, display, sizeof display);
        json_put_string(&c->out, "display", display);
    }
    json_close(&c->out);
}

static void render_members(struct call *c, const struct miro_team *t)
{
    enum miro_members_shown shown = c->m->cfg.members;
    if (!wants(c, "members") || shown == MIRO_MEMBERS_HIDDEN ||
        (shown == MIRO_MEMBERS_ASKED && !c->query.attributes))
        return;
    json_open(&c->out, "members", '[');
    for (size_t i = 0; i < t->n_members; i++) {
        const struct miro_user *u = t->members[i];
        if (user_visible(u) && (c->m->cfg.show_team_admins || !team_has_admin(t, u)))
            render_member(c, u);
    }
    json_close(&c->out);
}

void render_team(struct call *c, const char *name, const void *team)
{
    const struct miro_team *t = team;
    if (c->m->cfg.profile == MIRO_PROFILE_SCIM) {
        rfc_render_group(c, name, team);
        return;
    }
    json_open(&c->out, name, '{');
    json_open(&c->out, "schemas", '[');
    json_put_string(&c->out, NULL, URN_GROUP);
    json_close(&c->out);
    json_put_string(&c->out, "id", t->id);
    if (wants(c, "displayname"))
        json_put_string(&c->out, "displayName", t->displayName);
    render_members(c, t);
    render_meta(c, "Group", "Groups", t->id, t->version);
    json_close(&c->out);
}

void render_problem(struct miro_reply *r, const struct problem *pb)
{
    struct json_out w;
    char status[8];
    snprintf(status, sizeof status, "%d", pb->status);
    r->status = pb->status;
    buf_clear(&r->body);
    json_out_init(&w, &r->body);
    json_open(&w, NULL, '{');
    json_open(&w, "schemas", '[');
    json_put_string(&w, NULL, URN_ERROR);
    json_close(&w);
    json_put_string(&w, "status", status);
    if (pb->scim_type)
        json_put_string(&w, "scimType", pb->scim_type);
    json_put_string(&w, "detail", pb->detail);
    json_close(&w);
    if (pb->status == 304)
        buf_clear(&r->body);
}
