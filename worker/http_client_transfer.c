#include "http_client_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "failpoint.h"
#include "http_client_codes.h"
#include "mem.h"
#include "now.h"

#define ETAG "etag:"

enum { BODY_KEPT_MAX = 64 * 1024 };

/* libcurl takes and gives back both buffers with each call; a user or a PATCH is a kilobyte, and what is longer goes
 * in pieces. */
enum { RECEIVE_BUFFER = 4096, SEND_BUFFER = 16384 };

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
    t->head_n += size * n;
    if (t->head_n > HTTP_HEAD_MAX)
        return 0;
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

void target_set_connection(const struct target *target, CURL *easy)
{
    const struct http_client *c = target->client;
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* or later */
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's are not the target's */
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

/* A handle keeps the certificates that it was made with. */
static void make_handle(struct transfer *t)
{
    t->certificates = t->target->certificates;
    t->easy = curl_easy_init();
    if (!t->easy)
        abort(); /* out of memory */
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_CURLU, t->target->url);
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
    target_set_connection(t->target, t->easy);
}

static struct transfer *transfer_new(struct http_client *c, struct target *target)
{
    struct transfer *t = xcalloc(1, sizeof *t);
    t->end = on_transfer_end;
    t->client = c;
    t->target = target;
    t->multi = http_sockets_multi(c->sockets, target->first_multi + target->next_multi++ % target->n_multis);
    buf_init(&t->body, target->reply_max);
    t->reply_headers = target->source ? xcalloc(1, sizeof *t->reply_headers) : NULL;
    make_handle(t);
    return t;
}

void transfer_free(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    header_set_drop(t->headers);
    buf_done(&t->body);
    if (t->reply_headers)
        reply_headers_clear(t->reply_headers);
    free(t->reply_headers);
    free(t);
}

struct transfer *transfer_get(struct http_client *c, struct target *target)
{
    struct transfer *t = target->idle;
    if (!t)
        return transfer_new(c, target);
    target->idle = t->next;
    return t;
}

void transfer_put(struct transfer *t)
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
    t->next = t->target->idle;
    t->target->idle = t;
}

void transfer_begin(struct transfer *t, const struct call *call)
{
    struct http_client *c = t->client;
    t->next = c->running;
    if (t->next)
        t->next->link = &t->next;
    t->link = &c->running;
    c->running = t;
    c->n_running++;
    t->call = call;
    t->written = t->refused = false;
    t->error[0] = t->etag[0] = '\0';
    t->started_ms = clock_mono_ms();
    t->head_n = 0;
    reply_hints_clear(&t->hints);
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

void transfer_send(struct transfer *t)
{
    if (t->certificates != t->target->certificates) {
        curl_easy_cleanup(t->easy);
        make_handle(t);
    }
    t->headers = headers_for(t->target, t->call);
    t->token = t->target->token;
    set_request(t, t->call);
    FAILPOINT("before-call");
    http_multi_start(t->multi, t->easy);
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
    if (t->refused)
        return t->written ? FAILURE_CUT : FAILURE_HELD_BACK;
    if (http_code_is_tls(code, t->error))
        return FAILURE_TLS;
    if (!t->written)
        return FAILURE_CONNECT;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return FAILURE_TIMEOUT;
    bool too_large = !buf_ok(&t->body) || t->head_n > HTTP_HEAD_MAX;
    return code == CURLE_WRITE_ERROR && too_large ? FAILURE_TOO_LARGE : FAILURE_CUT;
}

/* Never the error buffer: it can hold URLs, and those hold personal data. */
static const char *reason_of(enum call_failure failure, CURLcode code)
{
    switch (failure) {
    case FAILURE_HELD_BACK:
        return "lease over";
    case FAILURE_TOO_LARGE:
        return "reply too large";
    case FAILURE_TLS:
        return http_code_tls_reason(code);
    default:
        return code == CURLE_ABORTED_BY_CALLBACK ? "connection lost after the request was written"
                                                 : curl_easy_strerror(code);
    }
}

void transfer_answer(struct transfer *t, const struct call_reply *reply)
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
    transfer_answer(t, &reply);
}
