#include "profile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "mutation.h"

/* ---- steps --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *method, *path; /* path: how it begins */
} steps[STEPS] = {
    [STEP_NONE] = {"none", "", ""},
    [STEP_WAIT] = {"wait", "", ""},
    [STEP_LOOKUP] = {"lookup", "GET", "/Users"},
    [STEP_FETCH] = {"fetch", "GET", "/Users/"},
    [STEP_LIST] = {"list", "GET", "/Groups"},
    [STEP_DISCOVER] = {"discover", "GET", "/ServiceProviderConfig"},
    [STEP_TEAM] = {"read-team", "GET", "/Groups/"},
    [STEP_GROUP_LOOK] = {"group look", "GET", "/Groups/"},
    [STEP_ATTACH_LOOK] = {"attach look", "GET", "/v2/"},
    [STEP_CREATE] = {"create", "POST", "/Users"},
    [STEP_DEACTIVATE] = {"deactivate", "PATCH", "/Users/"},
    [STEP_ACTIVATE] = {"activate", "PATCH", "/Users/"},
    [STEP_UPDATE] = {"update", "PATCH", "/Users/"},
    [STEP_DELETE] = {"delete", "DELETE", "/Users/"},
    [STEP_JOIN] = {"join", "PATCH", "/Groups/"},
    [STEP_LEAVE] = {"leave", "PATCH", "/Groups/"},
    [STEP_GROUP_MAKE] = {"group make", "POST", "/Groups"},
    [STEP_GROUP_RENAME] = {"group rename", "PATCH", "/Groups/"},
    [STEP_GROUP_DELETE] = {"group delete", "DELETE", "/Groups/"},
    [STEP_ATTACH] = {"attach", "POST", "/v2/"},
    [STEP_DETACH] = {"detach", "DELETE", "/v2/"},
};

const char *step_name(enum step step)
{
    return steps[step].name;
}

const char *step_method(enum step step)
{
    return steps[step].method;
}

const char *step_resource(enum step step)
{
    return strncmp(steps[step].path, "/Groups", 7) == 0 ? "Group" : "User";
}

/* ---- meanings ------------------------------------------------------------------------------------------ */

enum {
    ANY_STEP = 0x7fffffff,
    BY_MATCH = 1 << STEPS, /* a look-up without a link */
    CREATES = 1 << STEP_CREATE,
    LISTS = 1 << STEP_LIST,
    DISCOVERS = 1 << STEP_DISCOVER,
    TEAMS = 1 << STEP_TEAM,
    WRITES = ((1 << STEPS) - 1) & ~((1 << STEP_CREATE) - 1),
    GROUPS = 1 << STEP_GROUP_LOOK | 1 << STEP_GROUP_MAKE | 1 << STEP_GROUP_RENAME | 1 << STEP_GROUP_DELETE,
    MOVES = 1 << STEP_JOIN | 1 << STEP_LEAVE,
    LINKED =
        1 << STEP_LOOKUP | 1 << STEP_DEACTIVATE | 1 << STEP_ACTIVATE | 1 << STEP_UPDATE | 1 << STEP_DELETE,
};

struct meaning_row {
    int from, to;          /* status */
    unsigned steps;        /* bits of enum step */
    const char *scim_type; /* any case; NULL: any */
    const char *detail;    /* substring, any case; NULL: any */
    struct meaning meaning;
};

#define MEANS(class, health)                                                                                 \
    {                                                                                                        \
        REPLY_##class, HEALTH_##health, false                                                                \
    }
#define CROWDED                                                                                              \
    {                                                                                                        \
        REPLY_TEMPORARY, HEALTH_SUSPECT, true                                                                \
    }

/* Of all kinds (RFC 7644 §3.12, RFC 9110), after those of the kind. The first row that fits counts. */
static const struct meaning_row meanings[] = {
    {200, 299, ANY_STEP, NULL, NULL, MEANS(OK, WELL)},
    {300, 399, DISCOVERS, NULL, NULL, MEANS(PERMANENT, NO_WORD)},
    {300, 399, ANY_STEP, NULL, NULL, MEANS(TROUBLE, SICK)},
    {401, 401, ANY_STEP, NULL, NULL, MEANS(TROUBLE, CERTAIN)},
    {403, 405, DISCOVERS, NULL, NULL, MEANS(PERMANENT, NO_WORD)}, /* it says nothing of itself */
    {501, 501, DISCOVERS, NULL, NULL, MEANS(PERMANENT, NO_WORD)},
    {403, 405, LISTS | GROUPS, NULL, NULL, MEANS(PERMANENT, NO_WORD)}, /* it has no teams, or none for us */
    {501, 501, LISTS | GROUPS, NULL, NULL, MEANS(PERMANENT, NO_WORD)},
    {403, 403, TEAMS, NULL, NULL, MEANS(PERMANENT, NO_WORD)}, /* this one is not for us to see */
    {403, 403, ANY_STEP, NULL, NULL, MEANS(TROUBLE, SUSPECT)},
    {404, 404, LINKED | MOVES | TEAMS, NULL, NULL, MEANS(GONE, WELL)},
    {404, 404, ANY_STEP, NULL, NULL, MEANS(TROUBLE, SICK)},
    {407, 407, ANY_STEP, NULL, NULL, MEANS(TROUBLE, SICK)}, /* a proxy on the way */
    {412, 412, WRITES, NULL, NULL, MEANS(CHANGED, WELL)},
    {408, 408, ANY_STEP, NULL, NULL, MEANS(TEMPORARY, NO_WORD)},
    {400, 409, CREATES, "uniqueness", NULL, MEANS(EXISTS, WELL)},
    {409, 409, CREATES, NULL, NULL, MEANS(EXISTS, WELL)},
    {425, 425, ANY_STEP, NULL, NULL, MEANS(TEMPORARY, NO_WORD)},
    {429, 429, ANY_STEP, NULL, NULL, MEANS(THROTTLED, NO_WORD)},
    {400, 499, ANY_STEP, "tooManyRequests", NULL, MEANS(THROTTLED, NO_WORD)},
    {400, 499, ANY_STEP, NULL, NULL, MEANS(PERMANENT, WELL)},
    {502, 502, ANY_STEP, NULL, NULL, CROWDED},
    {504, 504, ANY_STEP, NULL, NULL, CROWDED},
    {500, 599, ANY_STEP, NULL, NULL, MEANS(TEMPORARY, SUSPECT)},
};

/* 409 is Miro's for business rules as well as for "exists", which may also be a 400 (D-ERR, STALE, H-SCIM). */
static const struct meaning_row miro_meanings[] = {
    {409, 409, ANY_STEP, NULL, "whitelist", MEANS(PERMANENT, WELL)},
    {409, 409, ANY_STEP, NULL, "at least one admin", MEANS(PERMANENT, WELL)},
    {409, 409, 1 << STEP_UPDATE, NULL, "more than one organi", MEANS(BARRED, WELL)},
    {400, 400, CREATES, NULL, "not unique", MEANS(EXISTS, WELL)},
    {0},
};

/* Services that came before RFC 7644's "uniqueness", or do not fill scimType in. */
static const struct meaning_row scim_meanings[] = {
    {400, 400, CREATES, NULL, "not unique", MEANS(EXISTS, WELL)},
    {400, 400, CREATES, NULL, "already exists", MEANS(EXISTS, WELL)},
    {409, 409, CREATES, "mutability", NULL, MEANS(PERMANENT, WELL)},
    {0},
};

/* 403: a scope, or another organisation (SPEC). 404: one of the two has gone. */
static const struct meaning_row miro_rest_meanings[] = {
    {403, 403, ANY_STEP, NULL, NULL, MEANS(PERMANENT, NO_WORD)},
    {404, 404, ANY_STEP, NULL, NULL, MEANS(GONE, NO_WORD)},
    {0},
};

/* A person that is not there is an answer like others. */
static const struct meaning_row source_meanings[] = {
    {404, 404, ANY_STEP, NULL, NULL, MEANS(GONE, SUSPECT)}, /* of most persons: it has lost them, not we */
    {410, 410, ANY_STEP, NULL, NULL, MEANS(GONE, SUSPECT)},
    {0},
};

/* ---- kinds of targets ---------------------------------------------------------------------------------- */

/* emails are generated from userName, externalId is ignored (H-ENTRA, SPEC). */
static const char *const miro_read_only[] = {"emails.work", "externalId", NULL};
static const char *const scim_read_only[] = {NULL};
static const char *const source_read_only[] = {NULL};

/* Guest roles can be seen and not given (SPEC). */
static const char *const miro_roles[] = {"ORGANIZATION_INTERNAL_USER", "ORGANIZATION_INTERNAL_ADMIN", NULL};

/* SPEC, D-USERS. A longer value would be a 400 for the whole request. */
static const struct attribute_rule miro_rules[] = {
    {"userName", .is_required = true},
    {"displayName", .characters_max = 60, .is_derived = true},
    {"name.formatted", .characters_max = 60, .is_derived = true},
    {"name.givenName", .characters_max = 60},
    {"name.familyName", .characters_max = 60},
    {"employeeNumber", .characters_max = 20},
    {"costCenter", .characters_max = 120},
    {"organization", .characters_max = 120},
    {"division", .characters_max = 120},
    {"department", .characters_max = 120},
    {"manager", .characters_max = 19, .is_number = true},
    {"manager.displayName", .characters_max = 60},
    {"userType", .is_required = true},
    {"role", .is_required = true, .allowed = miro_roles},
    {0},
};

/* The names of D-USERS; which rank which has is told nowhere but by H-FLP's "Full cannot go back to Free". */
static const struct licence miro_licences[] = {
    {"Free Restricted", 0}, {"Free", 1},     {"Basic", 1}, {"Full (Trial)", 2},
    {"Standard", 3},        {"Advanced", 4}, {"Full", 4},  {0},
};

static const struct profile profiles[] = {
    {
        .kind = "miro",
        .op_replace = "Replace",
        .op_remove = "Remove",
        .op_add = "Add",
        .bare_member_id = true,
        .keeps_last_team = true,
        .batch_members = 11, /* the twelfth makes 500 bytes, with ids of 19 digits */
        .batch_bytes = 500,
        .list_page = 1000,
        .find_query = "",
        .move_query = "?attributes=id", /* the answer would list up to 8,000 members */
        .name_needs_both = true,
        .core_schema_only = true,
        .read_only = miro_read_only,
        .rules = miro_rules,
        .names_max = 60,
        .licences = miro_licences,
        .admin_role_type = "organization_admin_role",
        .primary_role_type = "organization_user_role",
        .meanings = miro_meanings,
        .limits = /* D-RATE: requests in 30 s, per method; a PATCH of exactly 500 bytes is undefined: a large one */
        {
            {"users.read", 200, 30000, "GET", "/Users", 0, true},
            {"users.create", 200, 30000, "POST", "/Users", 0, false},
            {"users.update", 100, 30000, "PATCH", "/Users/", 0, true},
            {"users.delete", 20, 30000, "DELETE", "/Users/", 0, false},
            {"groups.read", 20, 30000, "GET", "/Groups/", 0, false},
            {"groups.list", 5, 30000, "GET", "/Groups", 0, false},
            {"groups.update", 100, 30000, "PATCH", "/Groups/", 500, true},
            {"groups.update_large", 5, 30000, "PATCH", "/Groups/", 0, false},
            {"groups.create", 5, 30000, "POST", "/Groups", 0,
             false}, /* no source has these two: as the smallest */
            {"groups.delete", 5, 30000, "DELETE", "/Groups/", 0, false},
        },
    },
    {
        .kind = "scim",
        .op_replace = "replace",
        .op_remove = "remove",
        .op_add = "add",
        .adds_entries = true,
        .batch_members = 50,
        .batch_bytes = 16 * 1024,
        .list_page = 200,
        .find_query = "&startIndex=1&count=20", /* some count otherwise, or answer nothing without */
        .insists = true,
        .teams_tell = true,
        .move_query = "", /* some apply it to the team itself, which lacks its name then (SCIMMY) */
        .read_only = scim_read_only,
        .meanings = scim_meanings,
        .limits = /* no published limits: a pace that small services bear; configure what yours allows */
        {
            {"users.read", 600, 60000, "GET", "/Users", 0, true},
            {"users.create", 300, 60000, "POST", "/Users", 0, false},
            {"users.update", 600, 60000, "PATCH", "/Users/", 0, true},
            {"users.delete", 60, 60000, "DELETE", "/Users/", 0, false},
            {"groups.read", 300, 60000, "GET", "/Groups", 0, false},
            {"groups.update", 300, 60000, "PATCH", "/Groups/", 0, true},
            {"groups.create", 60, 60000, "POST", "/Groups", 0, false},
            {"groups.delete", 60, 60000, "DELETE", "/Groups/", 0, false},
        },
    },
    {
        .kind = "miro_rest",
        .op_replace = "",
        .op_remove = "",
        .find_query = "",
        .list_page = 100,
        .read_only = scim_read_only,
        .meanings = miro_rest_meanings,
        .limits = /* D-RATE-REST: 100,000 credits a minute; each of these calls is of level 1, 50 credits */
        {{"rest", 2000, 60000, NULL, "/v2/", 0, false}},
    },
    {
        .kind = "source", /* its file says how much it allows */
        .op_replace = "",
        .op_remove = "",
        .find_query = "",
        .read_only = source_read_only,
        .meanings = source_meanings,
        .limits = {{"api", 300, 60000, "GET", "/", 0, true}},
    },
};

const struct profile *profile_find(const char *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(profiles); i++)
        if (strcmp(profiles[i].kind, kind) == 0)
            return &profiles[i];
    return NULL;
}

bool profile_read_only(const struct profile *p, const char *attr)
{
    for (const char *const *name = p->read_only; *name; name++)
        if (strcmp(*name, attr) == 0)
            return true;
    return false;
}

/* ---- what is not sent ---------------------------------------------------------------------------------- */

const struct attribute_rule *profile_rule(const struct profile *p, const char *attr)
{
    for (const struct attribute_rule *rule = p->rules; rule && rule->name; rule++)
        if (strcmp(rule->name, attr) == 0)
            return rule;
    return NULL;
}

static const struct licence *find_licence(const struct profile *p, const char *name)
{
    for (const struct licence *l = p->licences; name && l && l->name; l++)
        if (strcasecmp(l->name, name) == 0)
            return l;
    return NULL;
}

/* Of UTF-8. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; text && *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

__attribute__((format(printf, 2, 3))) static bool not_sent(char reason[PROFILE_REASON_MAX],
                                                           const char *format, ...)
{
    int n = snprintf(reason, PROFILE_REASON_MAX, PROFILE_NOT_SENT);
    va_list args;
    va_start(args, format);
    vsnprintf(reason + n, PROFILE_REASON_MAX - (size_t)n, format, args);
    va_end(args);
    return true;
}

static bool is_allowed(const struct attribute_rule *rule, const char *value)
{
    for (const char *const *one = rule->allowed; one && *one; one++)
        if (strcasecmp(*one, value) == 0)
            return true;
    return !rule->allowed;
}

static bool breaks(const struct attribute_rule *rule, const char *value, char reason[PROFILE_REASON_MAX])
{
    if (!value)
        return rule->is_required && not_sent(reason, "the target lets nobody be without it");
    if (rule->is_number && value[strspn(value, "0123456789")])
        return not_sent(reason, "the target ignores what is no number");
    if (rule->characters_max && characters(value) > rule->characters_max)
        return not_sent(reason, "the target takes at most %u characters", rule->characters_max);
    return !is_allowed(rule, value) && not_sent(reason, "no value that can be given by SCIM");
}

static bool breaks_names(const struct profile *p, const struct attrs *want, const char *attr,
                         char reason[PROFILE_REASON_MAX])
{
    bool is_name = strcmp(attr, "name.givenName") == 0 || strcmp(attr, "name.familyName") == 0;
    const char *given = attrs_get(want, "name.givenName"), *family = attrs_get(want, "name.familyName");
    return p->names_max && is_name && characters(given) + characters(family) > p->names_max &&
           not_sent(reason, "the target takes at most %u characters of givenName and familyName together",
                    p->names_max);
}

static bool lowers(const struct profile *p, const char *value, const char *known,
                   char reason[PROFILE_REASON_MAX])
{
    const struct licence *to = find_licence(p, value), *from = find_licence(p, known);
    return to && from && to->rank < from->rank && !MUTATION(MUTATION_LICENCE_LOWERED) &&
           not_sent(reason, "finding: by SCIM licences only go up, and the account has %s", from->name);
}

bool profile_refuses(const struct profile *p, const struct attrs *want, const char *attr, const char *known,
                     char reason[PROFILE_REASON_MAX])
{
    const struct attribute_rule *rule = profile_rule(p, attr);
    const char *value = attrs_get(want, attr);
    value = value && *value ? value : NULL;
    if (!rule || profile_read_only(p, attr))
        return false;
    return breaks(rule, value, reason) || breaks_names(p, want, attr, reason) ||
           (strcmp(attr, "userType") == 0 && lowers(p, value, known, reason));
}

/* ---- limits -------------------------------------------------------------------------------------------- */

int profile_limit_index(const struct profile *p, const char *name)
{
    for (int i = 0; i < LIMITS_MAX && p->limits[i].name; i++)
        if (strcmp(p->limits[i].name, name) == 0)
            return i;
    return -1;
}

int profile_class(const struct profile *p, const char *method, const char *path, size_t body_n)
{
    for (int i = 0; i < LIMITS_MAX && p->limits[i].name; i++) {
        const struct limit *l = &p->limits[i];
        if ((!l->method || strcmp(l->method, method) == 0) && strncmp(path, l->path, strlen(l->path)) == 0 &&
            (l->below == 0 || body_n < l->below))
            return i;
    }
    return -1;
}

int profile_step_class(const struct profile *p, enum step step)
{
    return profile_class(p, steps[step].method, steps[step].path, 0);
}

/* ---- what an answer means ------------------------------------------------------------------------------ */

struct meaning profile_failure_meaning(enum call_failure failure)
{
    static const struct meaning failures[FAILURES] = {
        [FAILURE_OTHER] = {REPLY_TEMPORARY, HEALTH_SUSPECT, false},
        [FAILURE_HELD_BACK] = {REPLY_TEMPORARY, HEALTH_NO_WORD, false},
        [FAILURE_CONNECT] = {REPLY_TEMPORARY, HEALTH_SICK, false},
        [FAILURE_TLS] = {REPLY_TROUBLE, HEALTH_CERTAIN, false},
        [FAILURE_TIMEOUT] = {REPLY_TEMPORARY, HEALTH_SUSPECT, true},
        [FAILURE_CUT] = {REPLY_TEMPORARY, HEALTH_SUSPECT, false},
        [FAILURE_TOO_LARGE] = {REPLY_TEMPORARY, HEALTH_WELL, false},
        [FAILURE_TOKEN] = {REPLY_TROUBLE, HEALTH_SICK, false},
        [FAILURE_TOKEN_REFUSED] = {REPLY_TROUBLE, HEALTH_CERTAIN, false},
    };
    return failures[failure];
}

static bool fits(const struct meaning_row *row, const struct answer_facts *a)
{
    unsigned asked = a->by_match ? BY_MATCH : 1u << a->step;
    return a->status >= row->from && a->status <= row->to && (row->steps & asked) &&
           (!row->scim_type || strcasecmp(a->scim_type, row->scim_type) == 0) &&
           (!row->detail || strcasestr(a->detail, row->detail));
}

struct meaning profile_meaning(const struct profile *p, const struct answer_facts *answer)
{
    for (const struct meaning_row *row = p->meanings; row->to; row++)
        if (fits(row, answer))
            return row->meaning;
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (fits(&meanings[i], answer))
            return meanings[i].meaning;
    return (struct meaning){REPLY_TROUBLE, HEALTH_SICK,
                            false}; /* no HTTP status at all that a SCIM service gives */
}
