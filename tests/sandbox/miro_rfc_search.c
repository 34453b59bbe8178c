/* The profile `scim`: POST .search (RFC 7644 §3.4.3), a query in a body; of users, of groups, or of both. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_rfc.h"

static char *joined(const cJSON *list)
{
    struct buf text;
    if (!cJSON_IsArray(list))
        return NULL;
    buf_init(&text, MIRO_QUERY_MAX);
    for (const cJSON *el = list->child; el; el = el->next)
        if (cJSON_IsString(el))
            buf_addf(&text, "%s%s", text.n ? "," : "", el->valuestring);
    char *result = query_normalise(text.p ? text.p : "");
    buf_done(&text);
    return result;
}

static char *number(const cJSON *value)
{
    int64_t n;
    return json_to_int64(value, &n) ? xasprintf("%" PRId64, n) : NULL;
}

static bool check_search(const cJSON *body, struct problem *pb)
{
    static const struct {
        const char *name, *what;
        cJSON_bool (*is)(const cJSON *value);
    } members[] = {
        {"filter", "a string", cJSON_IsString},     {"sortBy", "a string", cJSON_IsString},
        {"sortOrder", "a string", cJSON_IsString},  {"cursor", "a string", cJSON_IsString},
        {"attributes", "a list", cJSON_IsArray},    {"excludedAttributes", "a list", cJSON_IsArray},
        {"startIndex", "a number", cJSON_IsNumber}, {"count", "a number", cJSON_IsNumber}};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const cJSON *value = json_get(body, members[i].name);
        if (value && !cJSON_IsNull(value) && !members[i].is(value))
            return refuse(pb, 400, "invalidSyntax", "%s must be %s", members[i].name, members[i].what);
    }
    return true;
}

static bool read_search(struct call *c, struct problem *pb)
{
    struct query *q = &c->query;
    if (!check_search(c->body, pb))
        return false;
    query_done(q);
    *q = (struct query){
        .filter = xstrdup_null(json_string(c->body, "filter")),
        .sort_by = xstrdup_null(json_string(c->body, "sortBy")),
        .sort_order = xstrdup_null(json_string(c->body, "sortOrder")),
        .cursor = xstrdup_null(json_string(c->body, "cursor")),
        .attributes = joined(json_get(c->body, "attributes")),
        .excluded = joined(json_get(c->body, "excludedAttributes")),
        .start_index = number(json_get(c->body, "startIndex")),
        .count = number(json_get(c->body, "count")),
    };
    return true;
}

static bool is_search(const struct call *c, struct problem *pb)
{
    return str_eq(c->id, str_of(".search")) || refuse(pb, 405, NULL, "POST is not supported");
}

bool rfc_users_search(struct call *c, struct problem *pb)
{
    return is_search(c, pb) && read_search(c, pb) && users_list(c, pb);
}

bool rfc_groups_search(struct call *c, struct problem *pb)
{
    return is_search(c, pb) && read_search(c, pb) && groups_list(c, pb);
}

/* ---- both ----------------------------------------------------------------------------------------------- */

struct any { /* one of them */
    const struct miro_user *user;
    const struct miro_team *group;
};

static const char *any_value(const void *subject, const char *path, size_t i)
{
    const struct any *any = subject;
    return any->user ? rfc_user_value(any->user, path, i) : rfc_group_value(any->group, path, i);
}

static void render_any(struct call *c, const char *name, const void *resource)
{
    const struct any *any = resource;
    if (any->user)
        rfc_render_user(c, name, any->user);
    else
        rfc_render_group(c, name, any->group);
}

bool rfc_search(struct call *c, struct problem *pb)
{
    const struct miro *m = c->m;
    size_t n = m->n_users + m->n_teams;
    struct any *all = xcalloc(n + 1, sizeof *all);
    struct list l = {.v = xcalloc(n + 1, sizeof(void *)), .get = any_value, .render = render_any};
    struct miro_filter *f = NULL;
    bool good = read_search(c, pb);
    for (size_t i = 0; i < m->n_users; i++)
        if (user_visible(&m->users[i]->u))
            all[l.n++].user = &m->users[i]->u;
    for (size_t i = 0; i < m->n_teams; i++)
        if (!m->teams[i]->t.deleted && m->teams[i]->t.in_scim)
            all[l.n++].group = &m->teams[i]->t;
    for (size_t i = 0; i < l.n; i++)
        l.v[i] = &all[i];
    bool done = good && list_filter(c, true, &f, pb) && list_answer(c, &l, f, pb);
    miro_filter_free(f);
    free(l.v);
    free(all);
    return done;
}
