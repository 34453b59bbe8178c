/* Roles: one primary role in the organisation, and any number of admin roles. */
#include <string.h>

#include "mem.h"
#include "miro_change.h"

enum { ROLE_MAX = 60 };

static const char *const role_names[] = {
    [MIRO_INTERNAL_USER] = "ORGANIZATION_INTERNAL_USER",
    [MIRO_INTERNAL_ADMIN] = "ORGANIZATION_INTERNAL_ADMIN",
    [MIRO_EXTERNAL_USER] = "ORGANIZATION_EXTERNAL_USER",
    [MIRO_TEAM_GUEST] = "ORGANIZATION_TEAM_GUEST_USER",
};

const char *role_name(enum miro_org_role role)
{
    return role_names[role];
}

bool role_parse(const char *name, enum miro_org_role *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(role_names); i++)
        if (same_name(role_names[i], name)) {
            *ret = (enum miro_org_role)i;
            return true;
        }
    return false;
}

static bool set_org_role(struct change *ch, const char *name)
{
    enum miro_org_role role;
    if (!role_parse(name, &role) || role > MIRO_INTERNAL_ADMIN)
        return refuse_value(ch->pb, "roles.value",
                            "ORGANIZATION_INTERNAL_ADMIN or ORGANIZATION_INTERNAL_USER is expected");
    if (role == ch->draft->role)
        return true;
    if (change_frozen(ch))
        return refuse_frozen(ch, "roles.value");
    if (ch->old && role == MIRO_INTERNAL_USER && last_company_admin(ch->m, ch->old))
        return refuse_last_admin(ch->pb);
    ch->draft->role = role;
    return true;
}

bool role_prebuilt(const char *name)
{
    static const char *const names[] = {"Content Admin", "User Admin", "Security Admin", NULL};
    return name_listed(names, name);
}

static bool set_admin_role(struct change *ch, const char *name, bool present)
{
    if (!*name || text_characters(name) > ROLE_MAX)
        return refuse_value(ch->pb, "roles.value", "the name of an admin role is expected");
    if (present && ch->m->cfg.custom_roles && !role_prebuilt(name) &&
        !name_listed(ch->m->cfg.custom_roles, name))
        return refuse_value(ch->pb, "roles.value", "no such admin role in this organization");
    if (change_frozen(ch))
        return refuse_frozen(ch, "roles.value");
    user_set_admin_role(ch->draft, name, present);
    return true;
}

/* One element of a roles value: an object, or a bare name. */
static bool change_role(struct change *ch, enum op op, const cJSON *element)
{
    const char *value = cJSON_IsString(element) ? element->valuestring : json_string(element, "value");
    const char *type = cJSON_IsObject(element) ? json_string(element, "type") : NULL;
    enum miro_org_role role;
    if (!value)
        return refuse_value(ch->pb, "roles", "each role needs a value");
    bool org = type ? same_name(type, "organization_user_role") : role_parse(value, &role);
    if (type && !org && !same_name(type, "organization_admin_role"))
        return refuse_value(ch->pb, "roles.type",
                            "organization_user_role or organization_admin_role is expected");
    if (!org)
        return set_admin_role(ch, value, op != OP_REMOVE);
    if (op == OP_REMOVE)
        return refuse_value(ch->pb, "roles", "the primary role cannot be removed");
    return set_org_role(ch, value);
}

static bool change_role_list(struct change *ch, enum op op, const cJSON *value)
{
    while ((op == OP_REPLACE || !value) && ch->draft->n_admin_roles > 0) {
        size_t n = ch->draft->n_admin_roles;
        if (!set_admin_role(ch, ch->draft->admin_roles[n - 1], false))
            return false;
        if (ch->draft->n_admin_roles == n)
            break; /* frozen, silently */
    }
    if (!cJSON_IsArray(value))
        return !value || change_role(ch, op, value);
    for (const cJSON *el = value->child; el; el = el->next)
        if (!change_role(ch, op, el))
            return false;
    return true;
}

/* The i-th role is the i-th value of user_value(u, "roles"): first the primary one, then the admin roles. */
static bool change_matched_role(struct change *ch, size_t i, enum op op, const cJSON *value)
{
    if (i == 0 && op == OP_REMOVE)
        return refuse_value(ch->pb, "roles", "the primary role cannot be removed");
    const char *name = cJSON_IsObject(value) ? json_string(value, "value") : cJSON_GetStringValue(value);
    if (op != OP_REMOVE && !name)
        return refuse_value(ch->pb, "roles.value", "a string is expected");
    if (i == 0)
        return set_org_role(ch, name);
    if (!set_admin_role(ch, ch->draft->admin_roles[i - 1], false))
        return false;
    return op == OP_REMOVE || set_admin_role(ch, name, true);
}

static bool change_filtered_roles(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    if (*t->sub && strcmp(t->sub, "value") != 0)
        return true; /* display, type and primary follow from the value */
    bool any = false;
    for (size_t i = ch->draft->n_admin_roles + 1; i-- > 0;) {
        if (!miro_filter_match_element(t->filter, user_value, ch->draft, "roles", i))
            continue;
        any = true;
        if (!change_matched_role(ch, i, op, value))
            return false;
    }
    return any || refuse(ch->pb, 400, "noTarget", "No role matches the path");
}

bool change_roles(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    if (t->filter)
        return change_filtered_roles(ch, t, op, value);
    if (!*t->sub)
        return change_role_list(ch, op, value);
    return strcmp(t->sub, "value") != 0 || change_matched_role(ch, 0, op, value);
}
