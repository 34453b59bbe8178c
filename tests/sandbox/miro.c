#include "miro.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "miro_rfc.h"

static const char *const base_paths[] = {"/api/v1/scim", "/scim/v2"};

struct miro *miro_new(const struct miro_config *cfg)
{
    struct miro *m = xcalloc(1, sizeof *m);
    if (cfg)
        m->cfg = *cfg;
    else
        miro_config_default(&m->cfg);
    miro_config_keep(&m->cfg);
    miro_store_init(m);
    limits_init(&m->limits, &m->cfg);
    rest_init(m);
    audit_init(&m->audit, m->cfg.audit_max);
    if (m->cfg.default_team)
        miro_store_add_team(m, TEAM, m->cfg.default_team, NULL);
    if (m->cfg.admin) {
        struct miro_user_spec spec = {.userName = m->cfg.admin, .admin = true};
        const struct miro_user *admin = miro_add_user(m, &spec, 0);
        if (m->cfg.default_team)
            miro_join_team(m, m->teams[0]->t.id, admin->id, true);
    }
    return m;
}

void miro_configure(struct miro *m, const struct miro_config *cfg)
{
    struct miro_config old = m->cfg;
    m->cfg = *cfg;
    miro_config_keep(&m->cfg);
    if (old.rates != cfg->rates || old.window != cfg->window || old.window_ms != cfg->window_ms ||
        old.share_levels != cfg->share_levels) {
        limits_done(&m->limits);
        limits_init(&m->limits, &m->cfg);
    }
    if (old.scim_disabled != cfg->scim_disabled)
        audit_note_org(m, cfg->scim_disabled ? AUDIT_SCIM_DISABLED : AUDIT_SCIM_ENABLED);
    if (cfg->token && (!old.token || strcmp(old.token, cfg->token) != 0))
        audit_note_org(m, AUDIT_SCIM_TOKEN);
    rest_init(m);
    miro_config_done(&old);
}

void miro_free(struct miro *m)
{
    if (!m)
        return;
    miro_store_done(m);
    audit_done(&m->audit);
    limits_done(&m->limits);
    miro_config_done(&m->cfg);
    free(m);
}

/* ---- replies ------------------------------------------------------------------------------------------- */

void miro_reply_init(struct miro_reply *r)
{
    *r = (struct miro_reply){0};
    buf_init(&r->body, MIRO_REPLY_MAX);
}

void miro_reply_done(struct miro_reply *r)
{
    buf_done(&r->body);
}

/* The reply is in the type that was asked for; SCIM's own when either will do. */
static void mirror_accept(const struct miro_request *rq, struct miro_reply *r)
{
    const char *json = rq->accept ? strcasestr(rq->accept, "application/json") : NULL;
    const char *scim = rq->accept ? strcasestr(rq->accept, "application/scim+json") : NULL;
    bool plain = json && (!scim || json < scim);
    snprintf(r->content_type, sizeof r->content_type, "application/%s", plain ? "json" : "scim+json");
}

/* ---- routes -------------------------------------------------------------------------------------------- */

struct route {
    const char *resource;
    bool with_id;
    const char *method;
    enum miro_class class;
    call_fn *call;
    bool user_groups_only;
};

static const struct route miro_routes[] = {
    {"Users", false, "GET", MIRO_USERS_LIST, users_list, false},
    {"Users", false, "POST", MIRO_USER_CREATE, user_create, false},
    {"Users", true, "GET", MIRO_USER_GET, user_get, false},
    {"Users", true, "PUT", MIRO_USER_PUT, user_put, false},
    {"Users", true, "PATCH", MIRO_USER_PATCH, user_patch, false},
    {"Users", true, "DELETE", MIRO_USER_DELETE, user_delete, false},
    {"Groups", false, "GET", MIRO_GROUPS_LIST, groups_list, false},
    {"Groups", true, "GET", MIRO_GROUP_GET, group_get, false},
    {"Groups", true, "PATCH", MIRO_GROUP_PATCH_LARGE, group_patch, false},
    {"Groups", false, "POST", MIRO_GROUP_WRITE, group_create, true},
    {"Groups", true, "PUT", MIRO_GROUP_WRITE, group_put, true},
    {"Groups", true, "DELETE", MIRO_GROUP_WRITE, group_delete, true},
    {"ServiceProviderConfig", false, "GET", MIRO_DISCOVERY, discovery_config, false},
    {"ResourceTypes", false, "GET", MIRO_DISCOVERY, discovery_types, false},
    {"ResourceTypes", true, "GET", MIRO_DISCOVERY, discovery_types, false},
    {"Schemas", false, "GET", MIRO_DISCOVERY, discovery_schemas, false},
    {"Schemas", true, "GET", MIRO_DISCOVERY, discovery_schemas, false},
};

static const struct route rfc_routes[] = {
    {"Users", false, "GET", MIRO_USERS_LIST, users_list, false},
    {"Users", false, "POST", MIRO_USER_CREATE, rfc_user_create, false},
    {"Users", true, "GET", MIRO_USER_GET, user_get, false},
    {"Users", true, "POST", MIRO_USERS_LIST, rfc_users_search, false},
    {"Users", true, "PUT", MIRO_USER_PUT, rfc_user_put, false},
    {"Users", true, "PATCH", MIRO_USER_PATCH, rfc_user_patch, false},
    {"Users", true, "DELETE", MIRO_USER_DELETE, user_delete, false},
    {".search", false, "POST", MIRO_USERS_LIST, rfc_search, false},
    {"Groups", false, "GET", MIRO_GROUPS_LIST, groups_list, false},
    {"Groups", false, "POST", MIRO_GROUP_WRITE, rfc_group_create, true},
    {"Groups", true, "GET", MIRO_GROUP_GET, group_get, false},
    {"Groups", true, "POST", MIRO_GROUPS_LIST, rfc_groups_search, false},
    {"Groups", true, "PUT", MIRO_GROUP_WRITE, rfc_group_put, true},
    {"Groups", true, "PATCH", MIRO_GROUP_PATCH_LARGE, rfc_group_patch, false},
    {"Groups", true, "DELETE", MIRO_GROUP_WRITE, group_delete, true},
    {"ServiceProviderConfig", false, "GET", MIRO_DISCOVERY, discovery_config, false},
    {"ResourceTypes", false, "GET", MIRO_DISCOVERY, discovery_types, false},
    {"ResourceTypes", true, "GET", MIRO_DISCOVERY, discovery_types, false},
    {"Schemas", false, "GET", MIRO_DISCOVERY, rfc_schemas, false},
    {"Schemas", true, "GET", MIRO_DISCOVERY, rfc_schemas, false},
};

struct routes {
    const struct route *v;
    size_t n;
};

static struct routes routes_of(const struct miro *m)
{
    if (m->cfg.profile == MIRO_PROFILE_SCIM)
        return (struct routes){rfc_routes, ARRAY_SIZE(rfc_routes)};
    return (struct routes){miro_routes, ARRAY_SIZE(miro_routes)};
}

struct path {
    struct str resource, id; /* id.n 0: none */
    const char *query;
};

/* "/api/v1/scim/Users/123/?a=b" → "Users", "123", "a=b". False: deeper than any route. */
static bool split_target(const char *target, struct path *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(base_paths); i++) {
        size_t base = strlen(base_paths[i]);
        if (strncmp(target, base_paths[i], base) == 0 && target[base] == '/')
            target += base;
    }
    size_t n = strcspn(target, "?");
    ret->query = target[n] ? target + n + 1 : "";
    while (n > 0 && target[n - 1] == '/')
        n--;
    const char *p = target + (n > 0 && *target == '/'), *end = target + n;
    const char *slash = p < end ? memchr(p, '/', (size_t)(end - p)) : NULL;
    ret->resource = (struct str){p, (size_t)((slash ? slash : end) - p)};
    ret->id = slash ? (struct str){slash + 1, (size_t)(end - slash - 1)} : (struct str){end, 0};
    return !slash || !memchr(ret->id.p, '/', ret->id.n);
}

static bool route_exists(const struct miro *m, const struct route *rt)
{
    return !rt->user_groups_only || m->cfg.group_mode == MIRO_USER_GROUPS;
}

static void name_allowed(const struct miro *m, const struct path *path, char *out, size_t size)
{
    const struct routes all = routes_of(m);
    size_t n = 0;
    *out = '\0';
    for (size_t i = 0; i < all.n && n < size; i++) {
        const struct route *rt = &all.v[i];
        if (str_eq(path->resource, str_of(rt->resource)) && rt->with_id == (path->id.n > 0) &&
            route_exists(m, rt) && (m->cfg.patch != MIRO_PATCH_405 || strcmp(rt->method, "PATCH") != 0))
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", rt->method);
    }
}

static const struct route *find_route(const struct miro *m, const struct miro_request *rq,
                                      const struct path *path, struct problem *pb)
{
    const struct routes all = routes_of(m);
    bool known = false;
    for (size_t i = 0; i < all.n; i++) {
        const struct route *rt = &all.v[i];
        if (!str_eq(path->resource, str_of(rt->resource)) || rt->with_id != (path->id.n > 0))
            continue;
        known = true;
        if (strcmp(rt->method, rq->method) == 0 && route_exists(m, rt))
            return dialect_patch_supported(m, rq->method, pb) ? rt : NULL;
    }
    if (known && !m->cfg.unknown_method_404)
        refuse(pb, 405, NULL, "Method %.20s is not supported", rq->method);
    else
        refuse(pb, 404, NULL, "No such endpoint");
    return NULL;
}

static const struct route *route(const struct miro *m, const struct miro_request *rq, struct path *path,
                                 struct problem *pb)
{
    if (!split_target(rq->target, path)) {
        refuse(pb, 404, NULL, "No such endpoint");
        return NULL;
    }
    return find_route(m, rq, path, pb);
}

/* ---- arrival: token, limits, faults that need no work -------------------------------------------------- */

static bool authorised(const struct miro *m, const char *authorization, int64_t now_ms)
{
    bool bearer = authorization && strncasecmp(authorization, "Bearer ", 7) == 0;
    if (m->cfg.oauth_client)
        return bearer && authorization[7] && oauth_good(m, authorization + 7, now_ms);
    return !m->cfg.token || (bearer && strcmp(authorization + 7, m->cfg.token) == 0);
}

static bool count(struct miro *m, const struct miro_request *rq, const struct route *rt, int64_t now_ms,
                  struct miro_reply *ret, struct problem *pb)
{
    ret->class = rt->class;
    if (rt->class == MIRO_GROUP_PATCH_LARGE && rq->body_n < 500)
        ret->class = MIRO_GROUP_PATCH_SMALL;
    ret->counted = true;
    struct limits_verdict v = limits_arrive(&m->limits, ret->class, now_ms);
    ret->has_rate = m->cfg.rate_headers && v.limit > 0;
    ret->rate_limit = v.limit;
    ret->rate_remaining = v.remaining;
    ret->rate_reset_s = (v.free_at_ms + 999) / 1000;
    if (!v.over || !m->cfg.enforce_limits)
        return true;
    if (m->cfg.retry_after)
        snprintf(ret->retry_after, sizeof ret->retry_after, "%" PRId64, (v.free_at_ms - now_ms + 999) / 1000);
    return refuse(pb, 429, "tooManyRequests",
                  "The user has sent too many requests in a given amount of time");
}

static const struct fault {
    const char *name;
    int status; /* 0: not of this kind */
    const char *detail;
} faults[MIRO_FAULTS] = {
    [MIRO_FAULT_NONE] = {"none", 0, NULL},
    [MIRO_FAULT_UNCHANGED] = {"unchanged", 0, NULL},
    [MIRO_FAULT_NOT_STORED] = {"not_stored", 0, NULL},
    [MIRO_FAULT_STALE_READ] = {"stale_read", 0, NULL},
    [MIRO_FAULT_401] = {"401", 401, "The token does not authorize the organization"},
    [MIRO_FAULT_400] = {"400", 400, "Unexpected request"},
    [MIRO_FAULT_404] = {"404", 404, "No resource with this ID"},
    [MIRO_FAULT_405] = {"405", 405, "Method is not supported"},
    [MIRO_FAULT_409] = {"409", 409, "The request conflicts with a rule of the organization"},
    [MIRO_FAULT_413] = {"413", 413, "The payload is larger than 800000 bytes"},
    [MIRO_FAULT_415] = {"415", 415, "Media type is not supported"},
    [MIRO_FAULT_403] = {"403", 403, "SCIM integration is disabled"},
    [MIRO_FAULT_429] = {"429", 429, "The user has sent too many requests in a given amount of time"},
    [MIRO_FAULT_429_RETRY_AFTER] = {"429_retry_after", 429,
                                    "The user has sent too many requests in a given amount of time"},
    [MIRO_FAULT_500] = {"500", 500, "Unexpected error, contact support"},
    [MIRO_FAULT_502] = {"502", 502, "Bad gateway"},
    [MIRO_FAULT_503] = {"503", 503, "Service unavailable"},
    [MIRO_FAULT_504] = {"504", 504, "Gateway timeout"},
    [MIRO_FAULT_500_APPLIED] = {"500_applied", 0, "Unexpected error, contact support"},
    [MIRO_FAULT_PARTIAL] = {"partial", 0, "Gateway timeout"},
};

const char *miro_fault_name(enum miro_fault fault)
{
    return faults[fault].name;
}

bool miro_fault_parse(const char *name, enum miro_fault *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
        if (strcmp(faults[i].name, name) == 0) {
            *ret = (enum miro_fault)i;
            return true;
        }
    return false;
}

static bool fault_status(const struct miro *m, enum miro_fault fault, struct miro_reply *ret,
                         struct problem *pb)
{
    if (faults[fault].status == 0)
        return true;
    if (fault == MIRO_FAULT_429_RETRY_AFTER)
        snprintf(ret->retry_after, sizeof ret->retry_after, "%" PRId64, (m->limits.window_ms + 999) / 1000);
    return refuse(pb, faults[fault].status, faults[fault].status == 429 ? "tooManyRequests" : NULL, "%s",
                  faults[fault].detail);
}

static void answer_problem(const struct miro *m, const struct miro_request *rq, struct miro_reply *ret,
                           const struct problem *pb)
{
    if (oauth_is(m, rq->target))
        oauth_render_problem(ret, pb);
    else if (rest_is(rq->target))
        rest_render_problem(ret, pb);
    else
        render_problem(ret, pb);
}

static bool admit(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret,
                  struct problem *pb)
{
    struct path path;
    if (oauth_is(m, rq->target))
        return fault_status(m, rq->fault, ret, pb);
    if (rest_is(rq->target))
        return rest_arrive(m, rq, now_ms, ret, pb) && fault_status(m, rq->fault, ret, pb);
    bool known = authorised(m, rq->authorization, now_ms);
    ret->challenge = m->cfg.profile == MIRO_PROFILE_SCIM && !known;
    if (!known)
        return refuse(pb, 401, NULL, "The token does not authorize the organization");
    if (m->cfg.scim_disabled)
        return refuse(pb, 403, NULL, "SCIM integration is disabled");
    const struct route *rt = route(m, rq, &path, pb);
    if (!rt && pb->status == 405)
        name_allowed(m, &path, ret->allow, sizeof ret->allow);
    return rt && count(m, rq, rt, now_ms, ret, pb) && fault_status(m, rq->fault, ret, pb);
}

bool miro_arrive(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret)
{
    struct problem pb = {0};
    miro_reply_init(ret);
    mirror_accept(rq, ret);
    bool goes_on = admit(m, rq, now_ms, ret, &pb);
    if (!goes_on)
        answer_problem(m, rq, ret, &pb);
    return goes_on;
}

/* ---- application --------------------------------------------------------------------------------------- */

static bool json_type(const char *content_type)
{
    static const char *const types[] = {"application/json", "application/scim+json"};
    for (size_t i = 0; content_type && i < ARRAY_SIZE(types); i++) {
        size_t n = strlen(types[i]);
        if (strncasecmp(content_type, types[i], n) == 0 && strchr("; ", content_type[n]))
            return true;
    }
    return !content_type;
}

static bool read_body(struct call *c, struct problem *pb)
{
    const struct miro_request *rq = c->rq;
    struct error err = {0};
    if (strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "DELETE") == 0)
        return true;
    if (rq->body_n > MIRO_BODY_MAX)
        return refuse(pb, 413, NULL, "The payload is larger than %d bytes", MIRO_BODY_MAX);
    if (!json_type(rq->content_type))
        return refuse(pb, 415, NULL, "Media type %.100s is not supported", rq->content_type);
    if (!json_parse((struct str){rq->body, rq->body_n}, &c->body, &err))
        return refuse(pb, 400, "invalidSyntax", "%s", err.message);
    return cJSON_IsObject(c->body) || refuse(pb, 400, "invalidSyntax", "A JSON object is expected");
}

static bool read_rest_body(struct call *c, struct problem *pb)
{
    return c->rq->body_n == 0 || read_body(c, pb);
}

/* The resource as it would be answered before the request. */
static void render_before(const struct call *c, const struct route *rt, struct buf *out)
{
    struct call look = *c;
    const struct record *user = miro_store_user(c->m, c->id.p, c->id.n);
    const struct team_record *team = miro_store_group(c->m, c->id);
    json_out_init(&look.out, out);
    if ((rt->call == user_patch || rt->call == rfc_user_patch) && user)
        render_user(&look, NULL, &user->u);
    if ((rt->call == group_patch || rt->call == rfc_group_patch) && team)
        render_team(&look, NULL, &team->t);
}

static bool perform(struct call *c, struct problem *pb)
{
    struct path path;
    const struct route *rt = route(c->m, c->rq, &path, pb);
    if (!rt)
        return false;
    c->id = path.id;
    if (!query_parse(path.query, &c->query, pb) || !read_body(c, pb))
        return false;
    struct buf before;
    buf_init(&before, MIRO_REPLY_MAX);
    if (dialect_wants_before(c))
        render_before(c, rt, &before);
    bool done = rt->call(c, pb);
    if (done)
        dialect_trim_patch(c, before.n > 0 ? &before : NULL);
    buf_done(&before);
    return done;
}

void miro_apply(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret)
{
    struct problem pb = {0};
    struct call c = {.m = m, .rq = rq, .now_ms = now_ms, .reply = ret};
    miro_reply_init(ret);
    mirror_accept(rq, ret);
    json_out_init(&c.out, &ret->body);
    m->now_ms = now_ms;
    m->audit.actor = rest_is(rq->target) ? ACTOR_USER : ACTOR_SCIM;
    bool done = oauth_is(m, rq->target) ? oauth_apply(&c, &pb)
                : rest_is(rq->target)   ? read_rest_body(&c, &pb) && rest_apply(&c, &pb)
                                        : perform(&c, &pb);
    m->audit.actor = ACTOR_NONE;
    if (done && (rq->fault == MIRO_FAULT_500_APPLIED || (rq->fault == MIRO_FAULT_PARTIAL && ret->applied)))
        done = refuse(&pb, rq->fault == MIRO_FAULT_PARTIAL ? 504 : 500, NULL, "%s", faults[rq->fault].detail);
    if (!done)
        answer_problem(m, rq, ret, &pb);
    if (ret->status != 201)
        ret->location[0] = '\0';
    cJSON_Delete(c.body);
    query_done(&c.query);
}

void miro_handle(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret)
{
    if (!miro_arrive(m, rq, now_ms, ret))
        return;
    struct miro_reply arrived = *ret;
    buf_done(&ret->body);
    miro_apply(m, rq, now_ms, ret);
    ret->class = arrived.class;
    ret->counted = arrived.counted;
    ret->has_rate = arrived.has_rate;
    ret->rate_limit = arrived.rate_limit;
    ret->rate_remaining = arrived.rate_remaining;
    ret->rate_reset_s = arrived.rate_reset_s;
    ret->rest_level = arrived.rest_level;
}

/* ---- limits -------------------------------------------------------------------------------------------- */

struct miro_limit miro_limit_get(const struct miro *m, enum miro_class class)
{
    return m->limits.by_class[class].stat;
}

uint64_t miro_over_limit(const struct miro *m)
{
    uint64_t over = 0;
    for (int i = 0; i < MIRO_CLASSES; i++)
        over += m->limits.by_class[i].stat.over;
    for (int i = 1; i < 5; i++)
        over += m->limits.by_level[i].stat.over;
    for (size_t i = 0; i < m->rest.n_tokens; i++)
        over += m->rest.credits[i].stat.over;
    return over;
}

void miro_limits_clear(struct miro *m)
{
    limits_clear(&m->limits);
    rest_clear_limits(m);
}
