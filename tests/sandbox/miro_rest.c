#include "miro_rest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_core.h"

static const uint64_t org_id_base = 3074457345000000000u;
static const int64_t level_cost[] = {0, 50, 100, 500, 2000};

bool rest_is(const char *target)
{
    return strncmp(target, "/v2/", 4) == 0 || strncmp(target, "/v1/", 4) == 0;
}

void rest_init(struct miro *m)
{
    struct rest *r = &m->rest;
    size_t n = 0;
    while (m->cfg.rest_tokens && m->cfg.rest_tokens[n] && n < REST_TOKENS_MAX)
        n++;
    snprintf(r->org_id, sizeof r->org_id, "%" PRIu64, org_id_base + m->cfg.seed % 1000000 * 10007 + 140946);
    r->n_tokens = n ? n : 1;
    for (size_t i = 0; i < r->n_tokens; i++) {
        r->credits[i].stat.limit = m->cfg.rest_credits;
        r->credits[i].stat.window_ms = m->cfg.rest_window_ms > 0 ? m->cfg.rest_window_ms : 1;
    }
}

void rest_clear_limits(struct miro *m)
{
    for (size_t i = 0; i < m->rest.n_tokens; i++) {
        struct miro_credits *stat = &m->rest.credits[i].stat;
        stat->used = 0;
        stat->calls = stat->over = 0;
    }
}

size_t miro_rest_tokens_n(const struct miro *m)
{
    return m->rest.n_tokens;
}

struct miro_credits miro_credits_get(const struct miro *m, size_t token)
{
    return m->rest.credits[token].stat;
}

/* ---- routes -------------------------------------------------------------------------------------------- */

#define ORG   "/v2/orgs/*"
#define READ  "organizations:read"
#define T_GET "organizations:teams:read"
#define T_SET "organizations:teams:write"
#define G_GET "organizations:groups:read"
#define G_SET "organizations:groups:write"

/* Scopes and levels are those of Miro's OpenAPI document. */
static const struct rest_route {
    const char *method, *path; /* "*": an id */
    const char *scopes[2];
    int level;
    rest_fn *call;
} routes[] = {
    {"GET", "/v1/oauth-token", {NULL, NULL}, 1, rest_token},
    {"GET", ORG, {READ, NULL}, 3, rest_org},
    {"GET", ORG "/members", {READ, NULL}, 3, rest_members},
    {"GET", ORG "/members/*", {READ, NULL}, 3, rest_member},
    {"GET", ORG "/teams", {T_GET, NULL}, 1, rest_teams},
    {"POST", ORG "/teams", {T_SET, NULL}, 1, rest_team_create},
    {"GET", ORG "/teams/*", {T_GET, NULL}, 1, rest_team},
    {"PATCH", ORG "/teams/*", {T_SET, NULL}, 1, rest_team_change},
    {"DELETE", ORG "/teams/*", {T_SET, NULL}, 4, rest_team_delete},
    {"GET", ORG "/teams/*/settings", {T_GET, NULL}, 1, rest_team_settings},
    {"PATCH", ORG "/teams/*/settings", {T_SET, NULL}, 2, rest_team_settings_change},
    {"GET", ORG "/default_teams_settings", {T_GET, NULL}, 1, rest_default_settings},
    {"GET", ORG "/teams/*/members", {T_GET, NULL}, 2, rest_team_members},
    {"POST", ORG "/teams/*/members", {T_SET, NULL}, 2, rest_team_invite},
    {"GET", ORG "/teams/*/members/*", {T_GET, NULL}, 1, rest_team_member},
    {"PATCH", ORG "/teams/*/members/*", {T_SET, NULL}, 2, rest_team_member_change},
    {"DELETE", ORG "/teams/*/members/*", {T_SET, NULL}, 1, rest_team_member_delete},
    {"GET", ORG "/groups", {G_GET, NULL}, 1, rest_groups},
    {"POST", ORG "/groups", {G_SET, NULL}, 1, rest_group_create},
    {"GET", ORG "/groups/*", {G_GET, NULL}, 1, rest_group},
    {"PATCH", ORG "/groups/*", {G_SET, NULL}, 1, rest_group_change},
    {"DELETE", ORG "/groups/*", {G_SET, NULL}, 4, rest_group_delete},
    {"GET", ORG "/groups/*/members", {G_GET, NULL}, 1, rest_group_members},
    {"POST", ORG "/groups/*/members", {G_SET, NULL}, 1, rest_group_member_add},
    {"PATCH", ORG "/groups/*/members", {G_SET, NULL}, 1, rest_group_members_change},
    {"GET", ORG "/groups/*/members/*", {G_GET, NULL}, 1, rest_group_member},
    {"DELETE", ORG "/groups/*/members/*", {G_SET, NULL}, 4, rest_group_member_delete},
    {"GET", ORG "/groups/*/teams", {G_GET, T_GET}, 1, rest_group_teams},
    {"GET", ORG "/groups/*/teams/*", {G_GET, T_GET}, 1, rest_group_team},
    {"GET", ORG "/teams/*/groups", {G_GET, T_GET}, 1, rest_team_groups},
    {"POST", ORG "/teams/*/groups", {G_GET, T_SET}, 1, rest_team_group_add},
    {"GET", ORG "/teams/*/groups/*", {G_GET, T_GET}, 1, rest_team_group},
    {"DELETE", ORG "/teams/*/groups/*", {G_GET, T_SET}, 1, rest_team_group_delete},
    {"GET", "/v2/audit/logs", {"auditlogs:read", NULL}, 2, rest_audit_logs},
    {"POST", "/v2/sessions/reset_all", {"sessions:delete", NULL}, 3, rest_reset_sessions},
};

/* Matches the path against the pattern; what stands at the stars goes to ids. */
static bool path_matches(const char *pattern, struct str path, struct str ids[REST_IDS_MAX])
{
    size_t n = 0, at = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p != '*') {
            if (at >= path.n || path.p[at++] != *p)
                return false;
            continue;
        }
        size_t start = at;
        while (at < path.n && path.p[at] != '/')
            at++;
        if (at == start)
            return false;
        ids[n++] = (struct str){path.p + start, at - start};
    }
    return at == path.n;
}

static const struct rest_route *find_route(const struct miro_request *rq, struct str ids[REST_IDS_MAX],
                                           struct problem *pb)
{
    struct str path = {rq->target, strcspn(rq->target, "?")};
    bool known = false;
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (!path_matches(routes[i].path, path, ids))
            continue;
        known = true;
        if (strcmp(routes[i].method, rq->method) == 0)
            return &routes[i];
    }
    if (known)
        refuse(pb, 405, NULL, "Method %.20s is not supported", rq->method);
    else
        refuse(pb, 404, NULL, "No such endpoint");
    return NULL;
}

/* ---- tokens -------------------------------------------------------------------------------------------- */

/* The number of the token, and its scopes ("" : all of them). */
static bool find_token(const struct miro *m, const char *authorization, size_t *ret, const char **scopes)
{
    const char *given =
        authorization && strncasecmp(authorization, "Bearer ", 7) == 0 ? authorization + 7 : NULL;
    *scopes = "";
    *ret = 0;
    if (!m->cfg.rest_tokens || !given)
        return given != NULL;
    for (size_t i = 0; i < m->rest.n_tokens; i++) {
        const char *token = m->cfg.rest_tokens[i];
        size_t n = strcspn(token, "=");
        if (strlen(given) != n || strncmp(token, given, n) != 0)
            continue;
        *ret = i;
        *scopes = token[n] ? token + n + 1 : "";
        return true;
    }
    return false;
}

static bool has_scope(const char *scopes, const char *wanted)
{
    size_t n = strlen(wanted);
    for (const char *p = scopes; *p; p += strcspn(p, "+"), p += *p == '+')
        if (strcspn(p, "+") == n && strncmp(p, wanted, n) == 0)
            return true;
    return !*scopes;
}

static bool check_token(struct miro *m, const struct miro_request *rq, size_t *token, const char **scopes,
                        struct problem *pb)
{
    if (find_token(m, rq->authorization, token, scopes))
        return true;
    bool about_token = strncmp(rq->target, "/v1/oauth-token", 15) == 0;
    return refuse(pb, about_token && rq->authorization ? 400 : 401, NULL,
                  rq->authorization ? "Invalid token provided" : "No authorization token provided");
}

/* ---- credits ------------------------------------------------------------------------------------------- */

/* A PATCH of a group's members is charged by the member. */
static int64_t cost_of(const struct rest_route *rt, const struct miro_request *rq)
{
    cJSON *body = NULL;
    struct error err;
    int64_t items = 1;
    if (rt->call == rest_group_members_change &&
        json_parse((struct str){rq->body, rq->body_n}, &body, &err)) {
        items = cJSON_GetArraySize(json_get(body, "membersToAdd")) +
                cJSON_GetArraySize(json_get(body, "membersToRemove"));
        cJSON_Delete(body);
    }
    return level_cost[rt->level] * (items > 1 ? items : 1);
}

static bool charge(struct miro *m, struct credits *cr, int64_t cost, int64_t now_ms, struct miro_reply *ret,
                   struct problem *pb)
{
    struct miro_credits *stat = &cr->stat;
    int64_t start = now_ms - now_ms % stat->window_ms;
    if (start != cr->window_start_ms) {
        cr->window_start_ms = start;
        stat->used = 0;
    }
    bool over = stat->used + cost > stat->limit;
    stat->calls++;
    stat->over += over;
    if (!over)
        stat->used += cost;
    ret->has_rate = true;
    ret->rate_limit = stat->limit;
    ret->rate_remaining = stat->limit - stat->used;
    ret->rate_reset_s = (start + stat->window_ms + 999) / 1000;
    if (!over || !m->cfg.enforce_limits)
        return true;
    return refuse(pb, 429, NULL, "Too many requests, try again after the limit has been reset");
}

/* ---- arrival ------------------------------------------------------------------------------------------- */

static bool check_scopes(const struct rest_route *rt, const char *scopes, struct problem *pb)
{
    for (size_t i = 0; i < ARRAY_SIZE(rt->scopes); i++)
        if (rt->scopes[i] && !has_scope(scopes, rt->scopes[i]))
            return refuse(pb, 403, NULL, "The token lacks the scope %s", rt->scopes[i]);
    return true;
}

bool rest_arrive(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret,
                 struct problem *pb)
{
    struct str ids[REST_IDS_MAX] = {{NULL, 0}};
    size_t token;
    const char *scopes;
    snprintf(ret->content_type, sizeof ret->content_type, "application/json");
    if (!check_token(m, rq, &token, &scopes, pb))
        return false;
    const struct rest_route *rt = find_route(rq, ids, pb);
    if (!rt)
        return false;
    ret->rest_level = rt->level;
    if (!charge(m, &m->rest.credits[token], cost_of(rt, rq), now_ms, ret, pb) ||
        !check_scopes(rt, scopes, pb))
        return false;
    if (ids[0].n > 0 && !str_eq(ids[0], str_of(m->rest.org_id)))
        return refuse(pb, 403, NULL, "The token does not belong to this organization");
    return true;
}

bool rest_apply(struct call *c, struct problem *pb)
{
    snprintf(c->reply->content_type, sizeof c->reply->content_type, "application/json");
    const struct rest_route *rt = find_route(c->rq, c->ids, pb);
    size_t n = strcspn(c->rq->target, "?");
    c->query_text = c->rq->target[n] ? c->rq->target + n + 1 : "";
    bool writes = rt && (strcmp(rt->method, "POST") == 0 || strcmp(rt->method, "PATCH") == 0);
    if (writes && rt->call != rest_reset_sessions && !c->body)
        return refuse(pb, 400, NULL, "A JSON object is expected as body");
    return rt && rt->call(c, pb);
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static const char *code_of(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {400, "invalidParameters"}, {401, "tokenNotProvided"},     {403, "forbiddenAccess"},
        {404, "notFound"},          {405, "methodNotAllowed"},     {409, "conflict"},
        {413, "payloadTooLarge"},   {415, "unsupportedMediaType"}, {429, "tooManyRequests"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "internalServerError";
}

void rest_render_problem(struct miro_reply *r, const struct problem *pb)
{
    struct json_out w;
    r->status = pb->status;
    snprintf(r->content_type, sizeof r->content_type, "application/json");
    buf_clear(&r->body);
    json_out_init(&w, &r->body);
    json_open(&w, NULL, '{');
    json_put_string(&w, "type", "error");
    json_put_string(&w, "code", code_of(pb->status));
    json_put_string(&w, "message", pb->detail);
    json_put_int(&w, "status", pb->status);
    json_close(&w);
}

bool rest_no_such(struct problem *pb, const char *what)
{
    return refuse(pb, 404, NULL, "%s not found", what);
}

bool rest_done(struct call *c, int status)
{
    c->reply->status = status;
    return true;
}
