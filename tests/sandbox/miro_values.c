/* The values of attribute paths, for filters and sorting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

void user_display_name(const struct miro_user *u, char *out, size_t size)
{
    const char *display = attrs_get(&u->attributes, "displayName");
    const char *formatted = attrs_get(&u->attributes, "name.formatted");
    const char *given = attrs_get(&u->attributes, "name.givenName");
    const char *family = attrs_get(&u->attributes, "name.familyName");
    if (display || formatted)
        snprintf(out, size, "%s", display ? display : formatted);
    else if (given || family)
        snprintf(out, size, "%s%s%s", given ? given : "", given && family ? " " : "", family ? family : "");
    else
        snprintf(out, size, "%s", u->userName);
}

typedef const char *value_fn(const struct miro_user *u, size_t i);

static const char *text_bool(bool b)
{
    return b ? "true" : "false";
}

static const char *get_id(const struct miro_user *u, size_t i)
{
    return i == 0 ? u->id : NULL;
}

static const char *get_name(const struct miro_user *u, size_t i)
{
    return i == 0 ? u->userName : NULL;
}

static const char *get_active(const struct miro_user *u, size_t i)
{
    return i == 0 ? text_bool(u->active) : NULL;
}

static const char *get_display(const struct miro_user *u, size_t i)
{
    static _Thread_local char out[512];
    user_display_name(u, out, sizeof out);
    return i == 0 ? out : NULL;
}

static const char *get_work(const struct miro_user *u, size_t i)
{
    (void)u;
    return i == 0 ? "work" : NULL;
}

static const char *get_first_is_primary(const struct miro_user *u, size_t i)
{
    (void)u;
    return i == 0 ? "true" : NULL;
}

static const char *get_photo_type(const struct miro_user *u, size_t i)
{
    return i == 0 && attrs_get(&u->attributes, "photo") ? "photo" : NULL;
}

/* The i-th of the user's teams that SCIM shows. */
static const struct miro_team *group_at(const struct miro_user *u, size_t i)
{
    for (size_t k = 0; k < u->n_teams; k++)
        if (u->teams[k]->in_scim && i-- == 0)
            return u->teams[k];
    return NULL;
}

static const char *get_team_id(const struct miro_user *u, size_t i)
{
    const struct miro_team *t = group_at(u, i);
    return t ? t->id : NULL;
}

static const char *get_team_name(const struct miro_user *u, size_t i)
{
    const struct miro_team *t = group_at(u, i);
    return t ? t->displayName : NULL;
}

static const char *get_role(const struct miro_user *u, size_t i)
{
    if (i == 0)
        return role_name(u->role);
    return i <= u->n_admin_roles ? u->admin_roles[i - 1] : NULL;
}

static const char *get_role_type(const struct miro_user *u, size_t i)
{
    if (i == 0)
        return "organization_user_role";
    return i <= u->n_admin_roles ? "organization_admin_role" : NULL;
}

static const char *get_role_primary(const struct miro_user *u, size_t i)
{
    return i <= u->n_admin_roles ? text_bool(i == 0) : NULL;
}

static const char *get_resource_type(const struct miro_user *u, size_t i)
{
    (void)u;
    return i == 0 ? "User" : NULL;
}

static const struct {
    const char *path;
    value_fn *get;    /* or */
    const char *attr; /* this text attribute */
} values[] = {
    {"id", get_id, NULL},
    {"username", get_name, NULL},
    {"active", get_active, NULL},
    {"displayname", get_display, NULL},
    {"name.formatted", NULL, "name.formatted"},
    {"name.givenname", NULL, "name.givenName"},
    {"name.familyname", NULL, "name.familyName"},
    {"usertype", NULL, "userType"},
    {"preferredlanguage", NULL, "preferredLanguage"},
    {"emails", get_name, NULL},
    {"emails.value", get_name, NULL},
    {"emails.type", get_work, NULL},
    {"emails.primary", get_first_is_primary, NULL},
    {"photos", NULL, "photo"},
    {"photos.value", NULL, "photo"},
    {"photos.type", get_photo_type, NULL},
    {"groups", get_team_id, NULL},
    {"groups.value", get_team_id, NULL},
    {"groups.display", get_team_name, NULL},
    {"roles", get_role, NULL},
    {"roles.value", get_role, NULL},
    {"roles.type", get_role_type, NULL},
    {"roles.primary", get_role_primary, NULL},
    {"employeenumber", NULL, "employeeNumber"},
    {"costcenter", NULL, "costCenter"},
    {"organization", NULL, "organization"},
    {"division", NULL, "division"},
    {"department", NULL, "department"},
    {"manager", NULL, "manager"},
    {"manager.value", NULL, "manager"},
    {"manager.displayname", NULL, "manager.displayName"},
    {"meta.resourcetype", get_resource_type, NULL},
};

const char *user_value(const void *user, const char *path, size_t i)
{
    const struct miro_user *u = user;
    for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
        if (strcmp(values[k].path, path) != 0)
            continue;
        if (values[k].get)
            return values[k].get(u, i);
        return i == 0 ? attrs_get(&u->attributes, values[k].attr) : NULL;
    }
    return NULL;
}

const char *team_value(const void *team, const char *path, size_t i)
{
    const struct miro_team *t = team;
    if (i > 0)
        return NULL;
    if (strcmp(path, "id") == 0)
        return t->id;
    return strcmp(path, "displayname") == 0 ? t->displayName : NULL;
}
