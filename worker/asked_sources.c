#include "asked_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

/* A page may hold thousands of people; what a call may take is a matter of seconds all the same (lua_host.h). */
static const struct lua_limits SCRIPT_LIMITS = {.memory_bytes = 128 * 1024 * 1024,
                                                .instructions = 20 * 1000 * 1000};

/* ---- one source ---------------------------------------------------------------------------------------- */

/* HTTP Basic sends the whole secret, user:password, in base64. */
static bool read_token(struct asked_source *s, struct error *err)
{
    struct secret plain = {0};
    struct buf encoded;
    if (!secret_load(s->cfg->api.token, s->api.auth == SOURCE_AUTH_BASIC ? &plain : &s->token, err))
        return error_wrap(err, "api.token");
    if (s->api.auth != SOURCE_AUTH_BASIC)
        return true;
    buf_init(&encoded, 2 * SECRET_SIZE_MAX);
    base64_encode(plain.p, plain.n, &encoded);
    s->token.n = encoded.n;
    s->token.p = buf_take(&encoded);
    secret_done(&plain);
    return true;
}

static void set_limits(struct asked_source *s)
{
    const struct config_source_api *api = &s->cfg->api;
    s->requests = (unsigned)(api->requests > 0 ? api->requests : s->api.requests);
    s->per_ms = 1000 * (api->requests > 0 ? api->per_s : s->api.per_s);
}

static bool check(const struct asked_source *s, struct error *err)
{
    if (!s->api.fetches && !s->api.lists)
        return error_set(err, ERROR_INPUT,
                         "api.token: its file has neither fetch nor list: nothing can be asked");
    if (!s->base_url[0])
        return error_set(err, ERROR_INPUT, "api.base_url: missing, and its file says none");
    return s->requests >= s->spread ||
           error_set(err, ERROR_INPUT,
                     "api.requests: %u calls, which %u buckets (tenants[].spread) cannot share", s->requests,
                     s->spread);
}

static bool load_one(struct asked_source *s, struct lua_host *host, const struct config *cfg,
                     const struct config_source *from, struct error *err)
{
    const struct config_tenant *tenant = config_tenant(cfg, from->tenant);
    *s = (struct asked_source){.cfg = from, .script = {.host = host, .options = &from->options}};
    snprintf(s->name, sizeof s->name, SOURCE_PREFIX "%s", from->name);
    char *path = xasprintf("%s/%s.lua", cfg->ingest.sources_dir, from->kind);
    bool ok = lua_host_load(host, path, &s->script.script, err) &&
              source_api_read(host, s->script.script, &s->api, err);
    free(path);
    if (!ok)
        return false;
    s->base_url = from->api.base_url ? from->api.base_url : s->api.base_url;
    s->spread = tenant && tenant->spread > 1 ? (unsigned)tenant->spread : 1;
    source_api_header(&s->api, s->before_token, sizeof s->before_token);
    set_limits(s);
    return check(s, err) && read_token(s, err);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static int by_fetch(const void *a, const void *b)
{
    const struct asked_source *x = a, *y = b;
    if (x->api.fetches != y->api.fetches)
        return x->api.fetches ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* base_url may lie in the structure itself, which sorting has moved. */
static void settle_urls(struct asked_sources *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->v[i].base_url = s->v[i].cfg->api.base_url ? s->v[i].cfg->api.base_url : s->v[i].api.base_url;
        s->n_fetched += s->v[i].api.fetches;
    }
}

bool asked_sources_load(const struct config *cfg, struct asked_sources **ret, struct error *err)
{
    struct asked_sources *s = xcalloc(1, sizeof *s);
    s->v = xcalloc(cfg->sources.n, sizeof *s->v);
    for (size_t i = 0; i < cfg->sources.n; i++) {
        const struct config_source *from = &cfg->sources.v[i];
        if (!from->api.token)
            continue;
        s->host = s->host ? s->host : lua_host_new(&SCRIPT_LIMITS);
        if (!load_one(&s->v[s->n++], s->host, cfg, from, err)) {
            asked_sources_free(s);
            return error_wrap(err, "source %s", from->name);
        }
    }
    qsort(s->v, s->n, sizeof *s->v, by_fetch);
    settle_urls(s);
    *ret = s;
    return true;
}

void asked_sources_free(struct asked_sources *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        secret_done(&s->v[i].token);
    free(s->v);
    lua_host_free(s->host);
    free(s);
}

const struct asked_source *asked_sources_find(const struct asked_sources *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i].cfg->name, name) == 0)
            return &s->v[i];
    return NULL;
}

bool asked_sources_fetch(const struct asked_sources *s, size_t source, const struct person_view *view,
                         struct source_request *ret, struct error *err)
{
    return source_api_fetch(&s->v[source].script, view->subject, ret, err);
}

bool asked_sources_person(const struct asked_sources *s, size_t source, const struct person_view *view,
                          const struct source_reply *reply, struct source_person *ret, struct error *err)
{
    return source_api_person(&s->v[source].script, view->subject, reply, ret, err);
}

struct http_target asked_source_http(const struct asked_source *s, size_t reply_max)
{
    return (struct http_target){.base_url = s->base_url,
                                .token = s->token.p,
                                .in_flight_max = (unsigned)s->cfg->api.in_flight,
                                .source = true,
                                .before_token = s->before_token,
                                .reply_max = reply_max};
}
