#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_change.h"

enum { TEXT_MAX = 60, LONG_TEXT_MAX = 120, NUMBER_MAX = 20, URL_MAX = 1000 };

bool refuse(struct problem *pb, int status, const char *scim_type, const char *format, ...)
{
    pb->status = status;
    pb->scim_type = scim_type;
    va_list args;
    va_start(args, format);
    vsnprintf(pb->detail, sizeof pb->detail, format, args);
    va_end(args);
    return false;
}

/* ---- what a path names --------------------------------------------------------------------------------- */

static bool bad_path(struct problem *pb, const char *path)
{
    return refuse(pb, 400, "invalidPath", "Path '%.200s' is invalid", path);
}

static bool target_filtered(const char *path, const char *bracket, struct target *t, struct problem *pb)
{
    const char *closer = strrchr(path, ']');
    struct error err = {0};
    if (!closer || closer < bracket || (closer[1] != '\0' && closer[1] != '.'))
        return bad_path(pb, path);
    if (!miro_path_normalise((struct str){path, (size_t)(bracket - path)}, t->attribute) ||
        (closer[1] && !miro_path_normalise(str_of(closer + 2), t->sub)))
        return bad_path(pb, path);
    memcpy(t->path, t->attribute, sizeof t->path);
    if (miro_filter_parse((struct str){bracket + 1, (size_t)(closer - bracket - 1)}, &t->filter, &err))
        return true;
    return refuse(pb, 400, "invalidPath", "Path '%.200s' is invalid: %.200s", path, err.message);
}

static bool target_parse(const char *path, struct target *t, struct problem *pb)
{
    *t = (struct target){0};
    const char *bracket = strchr(path, '[');
    if (bracket)
        return target_filtered(path, bracket, t, pb);
    if (!miro_path_normalise(str_of(path), t->path))
        return bad_path(pb, path);
    size_t n = strcspn(t->path, ".");
    memcpy(t->attribute, t->path, n);
    if (t->path[n])
        memcpy(t->sub, t->path + n + 1, strlen(t->path + n + 1) + 1);
    return true;
}

/* ---- text attributes ----------------------------------------------------------------------------------- */

static const struct text {
    const char *path; /* as in requests, lower case */
    const char *attr; /* as in struct attrs */
    size_t max;       /* characters */
} texts[] = {
    {"displayname", "displayName", TEXT_MAX},
    {"name.formatted", "name.formatted", TEXT_MAX},
    {"name.givenname", "name.givenName", TEXT_MAX},
    {"name.familyname", "name.familyName", TEXT_MAX},
    {"preferredlanguage", "preferredLanguage", NUMBER_MAX},
    {"employeenumber", "employeeNumber", NUMBER_MAX},
    {"costcenter", "costCenter", LONG_TEXT_MAX},
    {"organization", "organization", LONG_TEXT_MAX},
    {"division", "division", LONG_TEXT_MAX},
    {"department", "department", LONG_TEXT_MAX},
    {"manager.displayname", "manager.displayName", TEXT_MAX},
};

size_t text_characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

bool refuse_value(struct problem *pb, const char *attr, const char *why)
{
    return refuse(pb, 400, "invalidValue", "Attribute '%s' is invalid: %s", attr, why);
}

static bool change_text(struct change *ch, const struct text *text, enum op op, const cJSON *value)
{
    if (op == OP_REMOVE || cJSON_IsNull(value)) {
        attrs_remove(&ch->draft->attributes, text->attr);
        return true;
    }
    if (!cJSON_IsString(value))
        return refuse_value(ch->pb, text->attr, "a string is expected");
    if (text_characters(value->valuestring) > text->max)
        return refuse(ch->pb, 400, "invalidValue", "Attribute '%s' is invalid: longer than %zu characters",
                      text->attr, text->max);
    if (*value->valuestring)
        attrs_set(&ch->draft->attributes, text->attr, value->valuestring);
    else
        attrs_remove(&ch->draft->attributes, text->attr);
    return true;
}

/* ---- the attributes with rules of their own ------------------------------------------------------------ */

/* Frozen attributes of an inactive user: 409, or (by a switch) nothing happens. */
bool change_frozen(const struct change *ch)
{
    return ch->old && !ch->draft->active;
}

bool refuse_frozen(struct change *ch, const char *attr)
{
    if (ch->m->cfg.frozen_is_silent)
        return true;
    return refuse(ch->pb, 409, NULL, "Attribute '%s' of a deactivated user cannot be updated", attr);
}

bool refuse_last_admin(struct problem *pb)
{
    return refuse(pb, 409, NULL, "Any account in organization must have at least one admin");
}

bool email_ok(const char *s)
{
    const char *at = strchr(s, '@');
    if (!at || at == s || strchr(at + 1, '@') || strlen(s) > MIRO_NAME_MAX)
        return false;
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("\"(),:;<>[\\]", *p))
            return false;
    const char *dot = strchr(at + 1, '.');
    return dot && dot > at + 1 && s[strlen(s) - 1] != '.';
}

bool user_name_ok(const struct miro *m, const char *s)
{
    return m->cfg.profile == MIRO_PROFILE_MIRO ? email_ok(s) : *s && strlen(s) <= MIRO_NAME_MAX;
}

bool name_listed(const char *const *names, const char *name)
{
    if (!names)
        return true;
    for (; *names; names++)
        if (same_name(name, *names))
            return true;
    return false;
}

static bool domain_listed(const char *const *domains, const char *email)
{
    const char *at = strchr(email, '@');
    return name_listed(domains, at ? at + 1 : "");
}

static bool check_new_name(struct change *ch, const char *name)
{
    const struct miro_config *cfg = &ch->m->cfg;
    if (!email_ok(name))
        return refuse(ch->pb, 400, "invalidValue", "User name '%.300s' is invalid: 'not an email'", name);
    if (!domain_listed(cfg->allowed_domains, name))
        return refuse(ch->pb, 409, NULL, "%.300s is not whitelisted", name);
    if (ch->old && !domain_listed(cfg->claimed_domains, ch->old->userName))
        return refuse(ch->pb, 400, "invalidValue", "The domain of '%.300s' is not claimed",
                      ch->old->userName);
    if (ch->old && cfg->foreign_domains && domain_listed(cfg->foreign_domains, name))
        return refuse(ch->pb, 400, "invalidValue",
                      "The domain of '%.300s' is claimed by another organization", name);
    if (ch->old && !domain_listed(cfg->claimed_domains, name))
        return refuse(ch->pb, 400, "invalidValue", "The domain of '%.300s' is not claimed", name);
    const struct record *other = miro_store_user_named(ch->m, name);
    if (other && other->u.uncaptured)
        return refuse(ch->pb, 409, NULL, "User '%.300s' is not a member of the enterprise account", name);
    if (!other || strcmp(other->u.id, ch->draft->id) == 0)
        return true;
    int status = ch->old ? cfg->rename_duplicate_status : cfg->duplicate_status;
    return refuse(ch->pb, status, status == 400 ? "invalidValue" : "uniqueness",
                  "User name '%.300s' is invalid: 'not unique'", name);
}

static bool change_user_name(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    (void)t;
    if (op == OP_REMOVE || !cJSON_IsString(value))
        return refuse_value(ch->pb, "userName", "a string is expected");
    const char *name = value->valuestring;
    if (ch->draft->userName && strcmp(ch->draft->userName, name) == 0)
        return true;
    if (change_frozen(ch))
        return refuse_frozen(ch, "userName");
    if (!check_new_name(ch, name))
        return false;
    free(ch->draft->userName);
    ch->draft->userName = xstrdup(name);
    return true;
}

/* Booleans come as true, "true" and "True", unless a switch forbids the latter. */
static bool read_bool(const struct change *ch, const cJSON *value, bool *ret)
{
    if (cJSON_IsBool(value)) {
        *ret = cJSON_IsTrue(value);
        return true;
    }
    if (!cJSON_IsString(value) || ch->m->cfg.booleans_strict)
        return false;
    *ret = same_name(value->valuestring, "true");
    return *ret || same_name(value->valuestring, "false");
}

static bool seats_left(const struct change *ch)
{
    const struct miro *m = ch->m;
    return m->cfg.full_licences < 0 || full_licences_used(m) < m->cfg.full_licences;
}

static bool has_seat(const struct miro_user *u)
{
    const char *licence = attrs_get(&u->attributes, "userType");
    return licence && same_name(licence, "Full");
}

static bool change_active(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    (void)t;
    bool active;
    if (op == OP_REMOVE || !read_bool(ch, value, &active))
        return refuse_value(ch->pb, "active", "true or false is expected");
    if (ch->old && ch->draft->active && !active) {
        if (last_admin(ch->m, ch->old))
            return refuse_last_admin(ch->pb);
        if (ch->m->cfg.admin_deactivation_refused && ch->draft->role == MIRO_INTERNAL_ADMIN)
            return refuse(ch->pb, 409, NULL, "A company admin cannot be deactivated");
        if (ch->m->cfg.deactivation_restricts) {
            attrs_set(&ch->draft->attributes, "userType", "Free Restricted");
            return true;
        }
    }
    if (active && !ch->draft->active && !seats_left(ch) && has_seat(ch->draft))
        attrs_set(&ch->draft->attributes, "userType", "Free Restricted"); /* the seat went to somebody else */
    ch->draft->active = active;
    return true;
}

static const struct licence {
    const char *name;
    int rank;
} licences[] = {
    {"Free Restricted", 0}, {"Free", 1},     {"Basic", 1}, {"Full (Trial)", 2},
    {"Standard", 3},        {"Advanced", 4}, {"Full", 4},
};

static const struct licence *licence_find(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(licences); i++)
        if (same_name(licences[i].name, name))
            return &licences[i];
    return NULL;
}

static bool change_licence(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    (void)t;
    const struct licence *wanted = licence_find(op == OP_REMOVE ? NULL : cJSON_GetStringValue(value));
    const struct licence *have = ch->old ? licence_find(attrs_get(&ch->draft->attributes, "userType")) : NULL;
    if (!wanted || !name_listed(ch->m->cfg.licences, wanted->name))
        return refuse_value(ch->pb, "userType", "no such licence in this organization");
    if (wanted == have)
        return true;
    if (ch->m->cfg.licences_full_only && !same_name(wanted->name, "Full"))
        return refuse_value(ch->pb, "userType", "only 'Full' is accepted");
    if (change_frozen(ch))
        return refuse_frozen(ch, "userType");
    if (have && wanted->rank < have->rank)
        return ch->m->cfg.downgrade_is_silent ||
               refuse_value(ch->pb, "userType", "licences cannot be downgraded");
    if (same_name(wanted->name, "Full") && !seats_left(ch))
        return ch->m->cfg.seats_full == MIRO_SEATS_RESTRICT ||
               refuse(ch->pb, ch->m->cfg.seats_full == MIRO_SEATS_400 ? 400 : 409, NULL,
                      "There are no Full licenses left in the organization");
    attrs_set(&ch->draft->attributes, "userType", wanted->name);
    return true;
}

/* manager.value is a number at Miro: anything else is ignored. */
static bool change_manager(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    (void)t;
    if (cJSON_IsObject(value))
        return attribute_change_object(ch, op, "manager.", value);
    if (op == OP_REMOVE || cJSON_IsNull(value)) {
        attrs_remove(&ch->draft->attributes, "manager");
        return true;
    }
    const char *s = cJSON_GetStringValue(value);
    if (s && *s && strlen(s) < MIRO_ID_SIZE && s[strspn(s, "0123456789")] == '\0')
        attrs_set(&ch->draft->attributes, "manager", s);
    return true;
}

static bool photo_ok(const char *url)
{
    static const char *const types[] = {".jpg", ".jpeg", ".bmp", ".png", ".gif"};
    if ((strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) || strlen(url) > URL_MAX)
        return false;
    size_t n = strcspn(url, "?#");
    const char *dot = NULL;
    for (const char *p = strstr(url, "://") + 3; p < url + n; p++) {
        if (*p == '/')
            dot = p; /* a dot counts only in the last segment */
        else if (*p == '.' && dot)
            dot = p;
    }
    if (!dot || *dot == '/')
        return true; /* no extension: the fetched Content-Type decides */
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if ((size_t)(url + n - dot) == strlen(types[i]) && strncasecmp(dot, types[i], strlen(types[i])) == 0)
            return true;
    return false;
}

static bool change_photo(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    if (cJSON_IsArray(value))
        value = cJSON_GetArrayItem(value, 0);
    if (cJSON_IsObject(value))
        value = json_get(value, "value");
    if (op == OP_REMOVE || !value || cJSON_IsNull(value)) {
        attrs_remove(&ch->draft->attributes, "photo");
        return true;
    }
    if (*t->sub && strcmp(t->sub, "value") != 0)
        return true;
    if (!cJSON_IsString(value) || !photo_ok(value->valuestring))
        return refuse_value(ch->pb, "photos", "the URL of a jpg, jpeg, bmp, png or gif is expected");
    attrs_set(&ch->draft->attributes, "photo", value->valuestring);
    return true;
}

/* ---- groups of attributes ------------------------------------------------------------------------------ */

static bool change_name(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    (void)t;
    if (cJSON_IsObject(value))
        return attribute_change_object(ch, op, "name.", value);
    if (op != OP_REMOVE)
        return refuse_value(ch->pb, "name", "an object is expected");
    static const char *const parts[] = {"name.formatted", "name.givenName", "name.familyName"};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        attrs_remove(&ch->draft->attributes, parts[i]);
    return true;
}

/* A schema's URN as path: its attributes are members of the value. */
static bool change_extension(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    (void)t;
    return !cJSON_IsObject(value) || attribute_change_object(ch, op, "", value);
}

static const struct {
    const char *path;
    change_fn *change;
    bool subs; /* sub-attributes and filters come here too */
} rules[] = {
    {"username", change_user_name, false},
    {"active", change_active, false},
    {"usertype", change_licence, false},
    {"manager", change_manager, false},
    {"manager.value", change_manager, false},
    {"photos", change_photo, true},
    {"roles", change_roles, true},
    {"name", change_name, false},
    {"", change_extension, false},
};

static bool change_target(struct change *ch, const struct target *t, enum op op, const cJSON *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (strcmp(rules[i].path, rules[i].subs ? t->attribute : t->path) == 0)
            return rules[i].change(ch, t, op, value);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strcmp(texts[i].path, t->path) == 0)
            return change_text(ch, &texts[i], op, value);
    return true; /* unknown and read-only attributes are ignored */
}

bool attribute_change(struct change *ch, enum op op, const char *path, const cJSON *value)
{
    struct target t;
    bool done = target_parse(path, &t, ch->pb) && change_target(ch, &t, op, value);
    miro_filter_free(t.filter);
    return done;
}

static bool change_member(struct change *ch, enum op op, const char *prefix, const cJSON *member)
{
    char path[2 * MIRO_FILTER_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s%s", prefix, member->string);
    return (size_t)n >= sizeof path || attribute_change(ch, op, path, member); /* too long to be known */
}

/* Activation comes first and deactivation last, whatever the members' order: what is frozen in an inactive
 * user can be set by the object that activates or deactivates. */
bool attribute_change_object(struct change *ch, enum op op, const char *prefix, const cJSON *object)
{
    const cJSON *active = NULL;
    bool on = false;
    for (const cJSON *el = object->child; el && !active; el = el->next)
        if (!*prefix && same_name(el->string, "active"))
            active = el;
    if (active && read_bool(ch, active, &on) && on && !change_member(ch, op, prefix, active))
        return false;
    for (const cJSON *el = object->child; el; el = el->next)
        if (el != active && !change_member(ch, op, prefix, el))
            return false;
    return !active || on || change_member(ch, op, prefix, active);
}

bool attributes_check(struct change *ch)
{
    const char *given = attrs_get(&ch->draft->attributes, "name.givenName");
    const char *family = attrs_get(&ch->draft->attributes, "name.familyName");
    if (given && family && text_characters(given) + text_characters(family) > TEXT_MAX)
        return refuse_value(ch->pb, "name",
                            "givenName and familyName together are longer than 60 characters");
    return true;
}
