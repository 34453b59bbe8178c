#include "policy_cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"
#include "yaml_doc.h"

enum { FILE_MAX = 1024 * 1024, PLACE_SIZE = 160, VALUE_SIZE = 32 };

static const int64_t SOME_DAY_MS = INT64_C(1767225600000); /* now_ms of a case: a policy has no clock */

/* Where a value stands: "cases[3].person". */
struct place {
    char text[PLACE_SIZE];
};

__attribute__((format(printf, 1, 2))) static struct place place(const char *format, ...)
{
    struct place p;
    va_list args;
    va_start(args, format);
    vsnprintf(p.text, sizeof p.text, format, args);
    va_end(args);
    return p;
}

static bool wrong(struct error *err, const char *where, const char *key, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s%s%s: %s", where, *where && *key ? "." : "", key, what);
}

static bool check_keys(const cJSON *object, const char *where, const char *const known[], struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsObject(object))
        return wrong(err, where, "", "must be a mapping");
    cJSON_ArrayForEach(item, object)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], item->string) != 0)
            i++;
        if (!known[i])
            return wrong(err, where, item->string, "unknown key");
    }
    return true;
}

/* ---- values -------------------------------------------------------------------------------------------- */

/* A scalar as text, in space if it has to be written; NULL: it is none. */
static const char *text_of(const cJSON *item, char space[VALUE_SIZE])
{
    int64_t number;
    if (cJSON_IsString(item))
        return item->valuestring;
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item) ? "true" : "false";
    if (!json_to_int64(item, &number))
        return NULL;
    snprintf(space, VALUE_SIZE, "%lld", (long long)number);
    return space;
}

/* Absent: *ret stays. Caller frees. */
static bool read_text(const cJSON *object, const char *where, const char *key, char **ret, struct error *err)
{
    const cJSON *item = json_get(object, key);
    char space[VALUE_SIZE];
    const char *text = item ? text_of(item, space) : NULL;
    if (item && (!text || !*text))
        return wrong(err, where, key, "must be a text");
    if (text) {
        free(*ret);
        *ret = xstrdup(text);
    }
    return true;
}

static bool read_bool(const cJSON *object, const char *where, const char *key, bool *ret, struct error *err)
{
    const cJSON *item = json_get(object, key);
    if (item && !cJSON_IsBool(item))
        return wrong(err, where, key, "must be true or false");
    if (item)
        *ret = cJSON_IsTrue(item);
    return true;
}

/* ---- the person ---------------------------------------------------------------------------------------- */

static bool read_employment(const cJSON *object, const char *where, struct person *p, struct error *err)
{
    const cJSON *item = json_get(object, "employment");
    const char *said = cJSON_GetStringValue(item);
    p->employment = EMPLOYMENT_JOINED;
    if (!item)
        return true;
    for (enum employment e = EMPLOYMENT_UNKNOWN; said && e <= EMPLOYMENT_DELETED; e++)
        if (strcmp(employment_name(e), said) == 0) {
            p->employment = e;
            return true;
        }
    return wrong(err, where, "employment", "must be joined, left, deleted or unknown");
}

static bool read_profile(const cJSON *profile, const char *where, struct person *p, struct error *err)
{
    const cJSON *item;
    if (profile && !cJSON_IsObject(profile))
        return wrong(err, where, "profile", "must be a mapping");
    size_t n = (size_t)cJSON_GetArraySize(profile);
    if (n > PERSON_ATTRS_MAX)
        return wrong(err, where, "profile", "more attributes than a person may have");
    p->attrs = xcalloc(n + 1, sizeof *p->attrs);
    cJSON_ArrayForEach(item, profile)
    {
        char space[VALUE_SIZE];
        const char *text = text_of(item, space);
        if (!text && !cJSON_IsNull(item))
            return wrong(err, place("%s.profile", where).text, item->string, "must be a text");
        p->attrs[p->n_attrs++] = (struct attr_register){xstrdup(item->string), xstrdup_null(text), {0}};
    }
    return true;
}

static bool read_groups(const cJSON *groups, const char *where, struct person *p, struct error *err)
{
    const cJSON *item;
    if (groups && !cJSON_IsArray(groups))
        return wrong(err, where, "groups", "must be a list");
    size_t n = (size_t)cJSON_GetArraySize(groups);
    if (n > PERSON_GROUPS_MAX)
        return wrong(err, where, "groups", "more groups than a person may have");
    p->groups = xcalloc(n + 1, sizeof *p->groups);
    cJSON_ArrayForEach(item, groups)
    {
        char space[VALUE_SIZE];
        const char *text = text_of(item, space);
        if (!text || !*text)
            return wrong(err, where, "groups", "must be a list of texts");
        p->groups[p->n_groups++] = (struct group_register){xstrdup(text), true, {0}};
    }
    return true;
}

static bool read_access(const cJSON *object, const char *where, struct policy_case *c, struct error *err)
{
    struct person *p = &c->person;
    const char *until = json_string(object, "accessUntil");
    if (!read_bool(object, where, "suspended", &p->suspended, err))
        return false;
    if (json_get(object, "accessUntil") && (!until || !rfc3339_parse(str_of(until), &p->access_until_ms)))
        return wrong(err, where, "accessUntil", "must be an instant such as 2026-12-31T23:00:00Z");
    bool may = p->employment == EMPLOYMENT_JOINED && !p->suspended;
    c->active = may;
    if (!read_bool(object, where, "active", &c->active, err))
        return false;
    return may || !c->active ||
           wrong(err, where, "active", "only who has joined and is not suspended may be active");
}

static bool read_person(const cJSON *object, const char *where, struct policy_case *c, struct error *err)
{
    static const char *const known[] = {"employment", "suspended", "active",  "accessUntil", "profile",
                                        "groups",     "tenant",    "subject", "directory",   NULL};
    return check_keys(object, where, known, err) && read_employment(object, where, &c->person, err) &&
           read_access(object, where, c, err) && read_text(object, where, "tenant", &c->tenant, err) &&
           read_text(object, where, "directory", &c->directory, err) &&
           read_text(object, where, "subject", &c->subject, err) &&
           read_profile(json_get(object, "profile"), where, &c->person, err) &&
           read_groups(json_get(object, "groups"), where, &c->person, err);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static bool read_case(const cJSON *object, size_t i, const char *target, struct policy_case *c,
                      struct error *err)
{
    static const char *const known[] = {"name", "target", "person", "partly", "expect", NULL};
    struct place here = place("cases[%zu]", i);
    *c = (struct policy_case){.target = xstrdup_null(target),
                              .directory = xstrdup("directory"),
                              .subject = xasprintf("case-%zu", i)};
    if (!check_keys(object, here.text, known, err) || !read_text(object, here.text, "name", &c->name, err) ||
        !read_text(object, here.text, "target", &c->target, err) ||
        !read_bool(object, here.text, "partly", &c->partly, err))
        return false;
    if (!c->name)
        return wrong(err, here.text, "name", "missing");
    c->expect = json_get(object, "expect");
    return read_person(json_get(object, "person"), place("%s.person", here.text).text, c, err);
}

static bool read_cases(struct policy_cases *c, struct error *err)
{
    static const char *const known[] = {"target", "cases", NULL};
    const cJSON *list = json_get(c->document, "cases"), *item;
    char *target = NULL;
    if (!check_keys(c->document, "", known, err) || !read_text(c->document, "", "target", &target, err))
        return false;
    bool ok = cJSON_IsArray(list) || wrong(err, "", "cases", "must be a list");
    c->v = xcalloc(ok ? (size_t)cJSON_GetArraySize(list) + 1 : 1, sizeof *c->v);
    for (item = ok ? list->child : NULL; ok && item; item = item->next) {
        ok = read_case(item, c->n, target, &c->v[c->n], err);
        c->n++; /* what was read of it is released too */
    }
    free(target);
    return ok && (c->n > 0 || wrong(err, "", "cases", "there is none"));
}

bool policy_cases_load(const char *path, struct policy_cases *ret, struct error *err)
{
    struct policy_cases c = {0};
    struct buf text;
    buf_init(&text, FILE_MAX);
    bool ok = file_read(path, &text, err) && yaml_doc_parse(buf_str(&text), &c.document, err) &&
              read_cases(&c, err);
    buf_done(&text);
    if (ok) {
        *ret = c;
        return true;
    }
    policy_cases_done(&c);
    return error_wrap(err, "%s", path);
}

void policy_cases_done(struct policy_cases *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct policy_case *one = &c->v[i];
        free(one->name);
        free(one->target);
        free(one->tenant);
        free(one->directory);
        free(one->subject);
        person_done(&one->person);
    }
    free(c->v);
    cJSON_Delete(c->document);
    *c = (struct policy_cases){0};
}

struct person_view policy_case_view(const struct policy_case *c, const char *tenant)
{
    return (struct person_view){.tenant = c->tenant ? c->tenant : tenant,
                                .directory = c->directory,
                                .subject = c->subject,
                                .person = &c->person,
                                .may_have_access = c->active,
                                .now_ms = SOME_DAY_MS};
}
