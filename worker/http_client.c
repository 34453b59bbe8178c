#include "http_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "failpoint.h"
#include "http_client_headers.h"
#include "http_client_sockets.h"
#include "http_client_token.h"
#include "mem.h"
#include "now.h"
#include "reply_headers.h"
#include "reply_hints.h"

#define ETAG "etag:"

enum { BODY_KEPT_MAX = 64 * 1024, ETAG_SIZE = 256 };

/* libcurl looks through the connections of a multi handle at the beginning and the end of each call, and each look is a
 * miss in the cache: those of a target with many are spread over several. Few stay together, so that HTTP/2 has them on
 * one connection. */
enum { CALLS_PER_MULTI = 16 };

/* libcurl takes and gives back both buffers with each call; a user or a PATCH is a kilobyte, and what is longer goes
 * in pieces. */
enum { RECEIVE_BUFFER = 4096, SEND_BUFFER = 16384 };

struct target {
    struct http_client *client;
    CURLU *url;         /* parsed once; what lies below it goes into the request line as it is */
    const char *prefix; /* in base_url: its path */
    char *base_url;
    char *ca_file; /* NULL: the system's */
    char *before_token;
    bool source;
    size_t reply_max;
    char *certificate, *key, *ca;             /* PEM; NULL: none */
    unsigned token, certificates;             /* count changes of them */
    struct http_token *oauth;                 /* NULL: its token does not change by itself */
    struct transfer *waiting;                 /* for a token; they are running, too */
    struct header_set *headers;               /* of a source: the token's alone, its calls add theirs */
    size_t first_multi, n_multis, next_multi; /* its transfers take turns */
    struct transfer *idle;                    /* handles without a call */
};

struct transfer { /* a call and its easy handle; handles are reused within a target */
    void (*end)(void *self, CURLcode code); /* first, as in http_client_token.c */
    struct transfer *next_waiting;
    unsigned token;        /* that it was sent with, as counted in target */
    unsigned certificates; /* likewise, that its handle has */
    bool held;             /* in target->waiting, not in its multi handle */
    struct http_client *client;
    struct http_multi *multi; /* the easy handle's for its life: its connection lies there */
    struct target *target;
    struct transfer *next;  /* in target->idle or client->running */
    struct transfer **link; /* what points at it in client->running */
    CURL *easy;
    char error[CURL_ERROR_SIZE];
    const struct call *call;
    struct header_set *headers;
    struct buf body;
    struct reply_hints hints;
    char etag[ETAG_SIZE];                /* "": none, or longer than any that makes sense */
    struct reply_headers *reply_headers; /* of a source; else NULL */
    int64_t started_ms;
    bool written; /* may_write said yes: the request may have left */
    bool refused; /* may_write said no, or the request would have been written twice */
};

struct http_client {
    struct loop *loop;
    struct http_callbacks callbacks;
    struct http_sockets *sockets;
    CURLSH *shared; /* addresses */
    bool no_proxy;  /* the environment names none: libcurl would look for one at each call */
    struct target *targets;
    size_t n_targets;
    struct transfer *running;
    size_t n_running;
    bool only_read; /* a dry run */
};

/* ---- what libcurl calls during a transfer -------------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    buf_add(&t->body, p, size * n);
    return buf_ok(&t->body) ? size * n : 0;
}

static void note_etag(struct transfer *t, struct str line)
{
    size_t name = strlen(ETAG);
    if (line.n <= name || strncasecmp(line.p, ETAG, name) != 0)
        return;
    const char *from = line.p + name, *to = line.p + line.n;
    for (; from < to && (*from == ' ' || *from == '\t'); from++)
        ;
    for (; to > from && (unsigned char)to[-1] <= ' '; to--)
        ;
    bool fits = from < to && (size_t)(to - from) < sizeof t->etag;
    snprintf(t->etag, sizeof t->etag, "%.*s", fits ? (int)(to - from) : 0, from);
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    reply_hints_line(&t->hints, (struct str){p, size * n});
    if (t->reply_headers)
        reply_headers_line(t->reply_headers, (struct str){p, size * n});
    else
        note_etag(t, (struct str){p, size * n});
    return size * n;
}

/* libcurl repeats a request by itself when a kept connection dies before the first byte of the answer. The
 * target may have acted on the first one all the same, so a write is not repeated; its outcome is then
 * unknown. */
static int on_about_to_write(void *ctx, char *to, char *from, int to_port, int from_port)
{
    struct transfer *t = ctx;
    (void)to, (void)from, (void)to_port, (void)from_port;
    bool again = t->written && t->call->write;
    if (again || !t->client->callbacks.may_write(t->client->callbacks.ctx, t->call)) {
        t->refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->written = true;
    FAILPOINT("after-request-written");
    return CURL_PREREQFUNC_OK;
}

/* ---- transfers ----------------------------------------------------------------------------------------- */

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
    struct curl_blob blob = {
        .data = (void *)(uintptr_t)pem, .len = pem ? strlen(pem) : 0, .flags = CURL_BLOB_COPY};
    if (pem)
        curl_easy_setopt(easy, option, &blob);
}

/* Whom a connection trusts, and how it goes. */
static void set_connection(const struct http_client *c, const struct target *target, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_SHARE, c->shared);
    if (target->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca_file);
    if (target->ca_file || target->ca) /* they alone: libcurl adds its directory else */
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    set_blob(easy, CURLOPT_CAINFO_BLOB, target->ca);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, target->certificate);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, target->key);
    if (c->no_proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static void on_transfer_end(void *self, CURLcode code);

static struct transfer *transfer_new(struct http_client *c, struct target *target)
{
    struct transfer *t = xcalloc(1, sizeof *t);
    t->end = on_transfer_end;
    t->certificates = target->certificates;
    t->client = c;
    t->target = target;
    t->multi = http_sockets_multi(c->sockets, target->first_multi + target->next_multi++ % target->n_multis);
    buf_init(&t->body, target->reply_max);
    t->reply_headers = target->source ? xcalloc(1, sizeof *t->reply_headers) : NULL;
    t->easy = curl_easy_init();
    if (!t->easy)
        abort(); /* out of memory */
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_CURLU, target->url);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_about_to_write);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    http_multi_prepare(t->multi, t->easy);
    set_connection(c, target, t->easy);
    return t;
}

static void transfer_free(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    header_set_drop(t->headers);
    buf_done(&t->body);
    if (t->reply_headers)
        reply_headers_clear(t->reply_headers);
    free(t->reply_headers);
    free(t);
}

static struct transfer *transfer_get(struct http_client *c, struct target *target)
{
    struct transfer *t = target->idle;
    if (!t)
        return transfer_new(c, target);
    target->idle = t->next;
    return t;
}

/* Takes it off `running`, forgets the call, keeps the handle. */
static void transfer_put(struct transfer *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->client->n_running--;
    header_set_drop(t->headers);
    t->headers = NULL;
    t->call = NULL;
    buf_clear(&t->body);
    if (t->body.size > BODY_KEPT_MAX)
        buf_done(&t->body);
    if (t->reply_headers)
        reply_headers_clear(t->reply_headers);
    if (t->certificates != t->target->certificates) {
        transfer_free(t);
        return;
    }
    t->next = t->target->idle;
    t->target->idle = t;
}

static void transfer_run(struct transfer *t)
{
    struct http_client *c = t->client;
    t->next = c->running;
    if (t->next)
        t->next->link = &t->next;
    t->link = &c->running;
    c->running = t;
    c->n_running++;
}

/* The method and body of one call on a handle that may have carried another before. */
static void set_request(struct transfer *t, const struct call *call)
{
    CURL *easy = t->easy;
    char *path = xasprintf("%s%s", t->target->prefix, call->path);
    curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, path); /* copies */
    free(path);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers->list);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_n);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
}

static struct header_set *headers_for(const struct target *target, const struct call *call)
{
    if (target->source)
        return header_set_for(target->headers, call);
    return call->n_headers > 0 ? header_set_besides(target->headers, call) : header_set_use(target->headers);
}

static void transfer_send(struct transfer *t)
{
    t->headers = headers_for(t->target, t->call);
    t->token = t->target->token;
    set_request(t, t->call);
    FAILPOINT("before-call");
    http_multi_start(t->multi, t->easy);
}

void http_client_start(struct http_client *c, const struct call *call)
{
    assert(call->target < c->n_targets);
    struct target *target = &c->targets[call->target];
    assert(!c->only_read || target->source || strcmp(call->method, "GET") == 0);
    struct transfer *t = transfer_get(c, target);
    t->call = call;
    t->written = t->refused = false;
    t->error[0] = t->etag[0] = '\0';
    t->started_ms = clock_mono_ms();
    reply_hints_clear(&t->hints);
    transfer_run(t);
    t->held = target->oauth && !http_token_want(target->oauth);
    if (t->held) {
        t->next_waiting = target->waiting;
        target->waiting = t;
    } else {
        transfer_send(t);
    }
}

/* ---- endings ------------------------------------------------------------------------------------------- */

static enum call_outcome outcome_of(const struct transfer *t, CURLcode code)
{
    if (code == CURLE_OK)
        return CALL_REPLIED;
    return t->written ? CALL_UNKNOWN : CALL_NOT_SENT;
}

static enum call_failure failure_of(const struct transfer *t, CURLcode code)
{
    static const struct {
        CURLcode code;
        enum call_failure failure;
    } rows[] = {
        {CURLE_PEER_FAILED_VERIFICATION, FAILURE_TLS}, {CURLE_SSL_CONNECT_ERROR, FAILURE_TLS},
        {CURLE_SSL_CACERT_BADFILE, FAILURE_TLS},       {CURLE_SSL_ISSUER_ERROR, FAILURE_TLS},
        {CURLE_SSL_INVALIDCERTSTATUS, FAILURE_TLS},    {CURLE_SSL_CIPHER, FAILURE_TLS},
    };
    if (t->refused)
        return t->written ? FAILURE_CUT : FAILURE_HELD_BACK;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].code == code)
            return rows[i].failure;
    if (!t->written)
        return FAILURE_CONNECT;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return FAILURE_TIMEOUT;
    return code == CURLE_WRITE_ERROR && !buf_ok(&t->body) ? FAILURE_TOO_LARGE : FAILURE_CUT;
}

/* Never the error buffer: it can hold URLs, and those hold personal data. */
static const char *reason_of(enum call_failure failure, CURLcode code)
{
    switch (failure) {
    case FAILURE_HELD_BACK:
        return "lease over";
    case FAILURE_TOO_LARGE:
        return "reply too large";
    default:
        return code == CURLE_ABORTED_BY_CALLBACK ? "connection lost after the request was written"
                                                 : curl_easy_strerror(code);
    }
}

static void answer(struct transfer *t, const struct call_reply *reply)
{
    struct http_client *c = t->client;
    FAILPOINT("after-reply");
    c->callbacks.done(c->callbacks.ctx, t->call, reply, clock_mono_ms() - t->started_ms);
    transfer_put(t);
}

/* A token that was good before may have been withdrawn: nothing was done, and the next call has a new one. */
static bool may_be_renewed(const struct transfer *t, int status)
{
    struct target *target = t->target;
    if (!target->oauth || t->token != target->token)
        return target->oauth && status == 401; /* it has been, meanwhile */
    return http_token_answered(target->oauth, status == 401) && status == 401;
}

static void on_transfer_end(void *self, CURLcode code)
{
    struct transfer *t = self;
    http_multi_stop(t->multi, t->easy);
    struct call_reply reply = {.outcome = outcome_of(t, code), .retry_after_ms = -1};
    if (reply.outcome == CALL_REPLIED) {
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        reply.status = (int)status;
        reply.body = buf_str(&t->body);
        reply.retry_after_ms = reply_hints_wait_ms(&t->hints, reply.status, clock_real_ms());
        reply.etag = t->etag[0] ? t->etag : NULL;
        reply.headers = t->reply_headers ? t->reply_headers->v : NULL;
        reply.n_headers = t->reply_headers ? t->reply_headers->n : 0;
    } else {
        reply.failure = failure_of(t, code);
        reply.error = reason_of(reply.failure, code);
    }
    if (reply.outcome == CALL_REPLIED && may_be_renewed(t, reply.status))
        reply = (struct call_reply){.outcome = CALL_NOT_SENT,
                                    .retry_after_ms = -1,
                                    .failure = FAILURE_HELD_BACK,
                                    .error = "the token has expired"};
    answer(t, &reply);
}

/* Of a transfer, or of a token being had. */
static void on_ended(CURL *easy, CURLcode code)
{
    void *self = NULL;
    void (*end)(void *, CURLcode);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&self);
    memcpy(&end, self, sizeof end);
    end(self, code);
}

/* ---- tokens that are had from elsewhere ---------------------------------------------------------------- */

static struct header_set *headers_of(const struct target *target, const char *token)
{
    return header_set_new(&(struct header_rules){target->source, target->before_token}, token);
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
    set_connection(target->client, target, easy);
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
            answer(t, &none);
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

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

/* A handle has the certificates that it was made with: those without a call are made anew. */
void http_client_set_certificates(struct http_client *c, size_t target, const struct http_target *from)
{
    struct target *t = &c->targets[target];
    if (same(t->certificate, from->certificate) && same(t->key, from->key) && same(t->ca, from->ca))
        return;
    take_certificates(t, from);
    drop_idle(t);
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
    const struct http_token_rules rules = {oauth->token_url, oauth->client_id, oauth->scope, from->token,
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
