#include "http_client_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* libcurl looks through the connections of a multi handle at the beginning and the end of each call, and each look is a
 * miss in the cache: those of a target with many are spread over several. Few stay together, so that HTTP/2 has them on
 * one connection. */
enum { CALLS_PER_MULTI = 16 };

/* ---- tokens that are had from elsewhere ---------------------------------------------------------------- */

static struct header_set *headers_of(const struct target *target, const char *token)
{
    return header_set_new(&(struct header_rules){target->source, target->json, target->before_token}, token);
}

static void set_headers(struct target *target, const char *token)
{
    header_set_drop(target->headers);
    target->headers = headers_of(target, token);
    target->token++;
}

static void on_token_prepare(void *ctx, CURL *easy)
{
    const struct target *target = ctx;
    target_set_connection(target, easy);
}

static void on_token(void *ctx, const char *token, enum call_failure failure, const char *why)
{
    struct target *target = ctx;
    struct transfer *waiting = target->waiting;
    struct call_reply none = {
        .outcome = CALL_NOT_SENT, .retry_after_ms = -1, .failure = failure, .error = why};
    if (token)
        set_headers(target, token);
    target->waiting = NULL;
    for (struct transfer *t = waiting, *next; t; t = next) {
        next = t->next_waiting;
        t->held = false;
        if (token)
            transfer_send(t);
        else
            transfer_answer(t, &none);
    }
}

/* ---- calls --------------------------------------------------------------------------------------------- */

/* Of a transfer, or of a token being had. */
static void on_ended(CURL *easy, CURLcode code)
{
    void *self = NULL;
    void (*end)(void *, CURLcode);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&self);
    memcpy(&end, self, sizeof end);
    end(self, code);
}

void http_client_start(struct http_client *c, const struct call *call)
{
    assert(call->target < c->n_targets);
    struct target *target = &c->targets[call->target];
    assert(!c->only_read || target->source || strcmp(call->method, "GET") == 0);
    struct transfer *t = transfer_get(c, target);
    transfer_begin(t, call);
    t->held = target->oauth && !http_token_want(target->oauth);
    if (t->held) {
        t->next_waiting = target->waiting;
        target->waiting = t;
    } else {
        transfer_send(t);
    }
}

int http_client_timeout_ms(const struct http_client *c)
{
    return http_sockets_timeout_ms(c->sockets);
}

void http_client_run(struct http_client *c)
{
    http_sockets_run(c->sockets);
}

void http_client_only_read(struct http_client *c)
{
    c->only_read = true;
}

size_t http_client_in_flight(const struct http_client *c)
{
    return c->n_running;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

void http_client_set_token(struct http_client *c, size_t target, const char *token)
{
    assert(target < c->n_targets);
    struct target *t = &c->targets[target];
    if (t->oauth)
        http_token_set_secret(t->oauth, token);
    else
        set_headers(t, token);
}

static void take_certificates(struct target *target, const struct http_target *from)
{
    char **const mine[] = {&target->certificate, &target->key, &target->ca};
    const char *const theirs[] = {from->certificate, from->key, from->ca};
    for (size_t i = 0; i < ARRAY_SIZE(mine); i++) {
        if (*mine[i])
            explicit_bzero(*mine[i], strlen(*mine[i]));
        free(*mine[i]);
        *mine[i] = xstrdup_null(theirs[i]);
    }
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void drop_idle(struct target *target)
{
    for (struct transfer *t; (t = target->idle);) {
        target->idle = t->next;
        transfer_free(t);
    }
}

void http_client_set_certificates(struct http_client *c, size_t target, const struct http_target *from)
{
    struct target *t = &c->targets[target];
    if (same(t->certificate, from->certificate) && same(t->key, from->key) && same(t->ca, from->ca))
        return;
    take_certificates(t, from);
    t->certificates++;
}

static bool names_a_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (getenv(names[i]))
            return true;
    return false;
}

static bool set_url(struct target *target, const char *base_url, struct error *err)
{
    target->base_url = xstrdup(base_url);
    target->url = curl_url();
    if (!target->url)
        abort(); /* out of memory */
    const char *host = strstr(target->base_url, "://");
    if (!host || curl_url_set(target->url, CURLUPART_URL, base_url, 0) != CURLUE_OK)
        return error_set(err, ERROR_INPUT, "%s: not a URL", base_url);
    host += strlen("://");
    target->prefix = host + strcspn(host, "/");
    return true;
}

static void add_oauth(struct http_client *c, struct target *target, const struct http_target *from)
{
    const struct http_oauth *oauth = &from->oauth;
    const struct grant_rules rules = {oauth->token_url, oauth->client_id, oauth->scope, from->token,
                                      oauth->in_body};
    target->oauth = http_token_new(http_sockets_multi(c->sockets, target->first_multi), &rules,
                                   &(struct http_token_callbacks){target, on_token_prepare, on_token});
}

static bool add_targets(struct http_client *c, const struct http_target *targets, size_t n, struct error *err)
{
    size_t calls = 0, multis = 0;
    c->targets = xcalloc(n, sizeof *c->targets);
    c->n_targets = n;
    for (size_t i = 0; i < n; i++) {
        struct target *target = &c->targets[i];
        target->client = c;
        take_certificates(target, &targets[i]);
        if (!set_url(target, targets[i].base_url, err))
            return false;
        target->ca_file = xstrdup_null(targets[i].ca_file);
        target->before_token =
            xstrdup(targets[i].before_token ? targets[i].before_token : "Authorization: Bearer ");
        target->source = targets[i].source;
        target->json = targets[i].json;
        target->reply_max = targets[i].reply_max ? targets[i].reply_max : HTTP_REPLY_MAX;
        target->headers = headers_of(target, targets[i].oauth.token_url ? NULL : targets[i].token);
        target->first_multi = multis;
        target->n_multis = targets[i].in_flight_max / CALLS_PER_MULTI + 1;
        multis += target->n_multis;
        calls += targets[i].in_flight_max;
    }
    c->sockets = http_sockets_new(c->loop, multis, calls, on_ended);
    for (size_t i = 0; i < n; i++)
        if (targets[i].oauth.token_url)
            add_oauth(c, &c->targets[i], &targets[i]);
    return true;
}

bool http_client_new(struct loop *loop, const struct http_target *targets, size_t n_targets,
                     const struct http_callbacks *callbacks, struct http_client **ret, struct error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_SYSTEM, "libcurl does not start");
    struct http_client *c = xcalloc(1, sizeof *c);
    *c = (struct http_client){
        .loop = loop, .callbacks = *callbacks, .shared = curl_share_init(), .no_proxy = !names_a_proxy()};
    if (!c->shared)
        abort(); /* out of memory */
    curl_share_setopt(c->shared, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    if (!add_targets(c, targets, n_targets, err)) {
        http_client_free(c);
        return false;
    }
    *ret = c;
    return true;
}

static void free_target(struct target *target)
{
    static const struct http_target none;
    drop_idle(target);
    http_token_free(target->oauth);
    take_certificates(target, &none);
    header_set_drop(target->headers);
    free(target->before_token);
    free(target->ca_file);
    curl_url_cleanup(target->url);
    free(target->base_url);
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    while (c->running) {
        if (!c->running->held)
            http_multi_stop(c->running->multi, c->running->easy);
        transfer_put(c->running);
    }
    for (size_t i = 0; i < c->n_targets; i++)
        free_target(&c->targets[i]);
    http_sockets_free(c->sockets);
    curl_share_cleanup(c->shared);
    free(c->targets);
    free(c);
    curl_global_cleanup();
}
