#include "profile.h"

#include <string.h>
#include <strings.h>

#include "mem.h"

/* ---- steps --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *method;
} steps[STEPS] = {
    [STEP_NONE] = {"none", ""},
    [STEP_WAIT] = {"wait", ""},
    [STEP_LOOKUP] = {"lookup", "GET"},
    [STEP_CREATE] = {"create", "POST"},
    [STEP_DEACTIVATE] = {"deactivate", "PATCH"},
    [STEP_ACTIVATE] = {"activate", "PATCH"},
    [STEP_UPDATE] = {"update", "PATCH"},
    [STEP_DELETE] = {"delete", "DELETE"},
};

const char *step_name(enum step step)
{
    return steps[step].name;
}

const char *step_method(enum step step)
{
    return steps[step].method;
}

/* ---- kinds of targets ---------------------------------------------------------------------------------- */

/* emails are generated from userName, externalId is ignored (H-ENTRA, SPEC). */
static const char *const miro_read_only[] = {"emails.work", "externalId", NULL};
static const char *const scim_read_only[] = {NULL};

static const struct profile profiles[] = {
    {
        .kind = "miro",
        .op_replace = "Replace",
        .op_remove = "Remove",
        .name_needs_both = true,
        .core_schema_only = true,
        .read_only = miro_read_only,
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
        },
    },
    {
        .kind = "scim",
        .op_replace = "replace",
        .op_remove = "remove",
        .read_only = scim_read_only,
        .limits = /* no published limits: a pace that small services bear; configure what yours allows */
        {
            {"users.read", 600, 60000, "GET", "/Users", 0, true},
            {"users.create", 300, 60000, "POST", "/Users", 0, false},
            {"users.update", 600, 60000, "PATCH", "/Users/", 0, true},
            {"users.delete", 60, 60000, "DELETE", "/Users/", 0, false},
            {"groups.read", 300, 60000, "GET", "/Groups", 0, false},
            {"groups.update", 300, 60000, "PATCH", "/Groups/", 0, true},
        },
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
        if (strcmp(l->method, method) == 0 && strncmp(path, l->path, strlen(l->path)) == 0 &&
            (l->below == 0 || body_n < l->below))
            return i;
    }
    return -1;
}

int profile_step_class(const struct profile *p, enum step step)
{
    return profile_class(p, step_method(step),
                         step == STEP_LOOKUP || step == STEP_CREATE ? "/Users" : "/Users/", 0);
}

/* ---- what an answer means ------------------------------------------------------------------------------ */

enum {
    ANY_STEP = 0xffff,
    LINKED = 1 << STEP_DEACTIVATE | 1 << STEP_ACTIVATE | 1 << STEP_UPDATE | 1 << STEP_DELETE
};

struct meaning {
    int from, to;       /* status */
    unsigned steps;     /* bits of enum step */
    const char *detail; /* substring of the detail, any case; NULL: any */
    enum reply_class class;
};

/* The first row that fits counts. Miro uses 409 for business rules as well as for "exists" (D-ERR, STALE). */
static const struct meaning meanings[] = {
    {200, 299, ANY_STEP, NULL, REPLY_OK},
    {300, 399, ANY_STEP, NULL, REPLY_TROUBLE},
    {401, 401, ANY_STEP, NULL, REPLY_TROUBLE},
    {403, 403, ANY_STEP, NULL, REPLY_TROUBLE},
    {404, 404, LINKED, NULL, REPLY_GONE},
    {404, 404, 1 << STEP_LOOKUP, NULL, REPLY_GONE}, /* by link; by match it is the base that is not there */
    {404, 404, ANY_STEP, NULL, REPLY_TROUBLE},
    {408, 408, ANY_STEP, NULL, REPLY_TEMPORARY},
    {409, 409, ANY_STEP, "whitelist", REPLY_PERMANENT},
    {409, 409, 1 << STEP_CREATE, NULL, REPLY_EXISTS},
    {400, 400, 1 << STEP_CREATE, "not unique", REPLY_EXISTS},
    {425, 425, ANY_STEP, NULL, REPLY_TEMPORARY},
    {429, 429, ANY_STEP, NULL, REPLY_THROTTLED},
    {400, 499, ANY_STEP, NULL, REPLY_PERMANENT},
    {500, 599, ANY_STEP, NULL, REPLY_TEMPORARY},
};

enum reply_class profile_classify(const struct profile *p, enum step step, int status, const char *scim_type,
                                  const char *detail)
{
    (void)p; /* one table serves both kinds; a third that differs brings its own */
    if (step == STEP_CREATE && strcasecmp(scim_type, "uniqueness") == 0)
        return REPLY_EXISTS;
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
        const struct meaning *m = &meanings[i];
        if (status >= m->from && status <= m->to && (m->steps & 1u << step) &&
            (!m->detail || strcasestr(detail, m->detail)))
            return m->class;
    }
    return REPLY_TROUBLE; /* no HTTP status at all that a SCIM service gives */
}
