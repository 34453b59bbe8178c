#include "http_client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "failpoint.h"
#include "mem.h"
#include "now.h"
#include "reply_headers.h"
#include "reply_hints.h"

enum { IDLE_CONNECTIONS_MIN = 16, IDLE_CONNECTIONS_MAX = 4096, BODY_KEPT_MAX = 64 * 1024 };

/* libcurl looks through the connections of a multi handle at the beginning and the end of each call, and each look is a
 * miss in the cache: those of a target with many are spread over several. Few stay together, so that HTTP/2 has them on
 * one connection. */
enum { CALLS_PER_MULTI = 16, MULTIS_MAX = 64 };

/* libcurl takes and gives back both buffers with each call; a user or a PATCH is a kilobyte, and what is longer goes
 * in pieces. */
enum { RECEIVE_BUFFER = 4096, SEND_BUFFER = 16384 };

/* The header lines of a target; calls under way keep the ones that they began with when the token changes. */
struct header_set {
    unsigned users;
    struct curl_slist *list;
};

struct target {
    CURLU *url;         /* parsed once; what lies below it goes into the request line as it is */
    const char *prefix; /* in base_url: its path */
    char *base_url;
    char *ca_file; /* NULL: the system's */
    char *before_token;
    bool source;
    size_t reply_max;
    struct header_set *headers;               /* of a source: the token's alone, its calls add theirs */
    size_t first_multi, n_multis, next_multi; /* its transfers take turns */
    struct transfer *idle;                    /* handles without a call */
};

struct multi {
    struct http_client *client;
    CURLM *handle;
    int64_t due_ms; /* CLOCK_MONOTONIC; -1: libcurl wants no timer */
};

struct transfer { /* a call and its easy handle; handles are reused within a target */
    struct http_client *client;
    struct multi *multi; /* the easy handle's for its life: its connection lies there */
    struct target *target;
    struct transfer *next;  /* in target->idle or client->running */
    struct transfer **link; /* what points at it in client->running */
    CURL *easy;
    char error[CURL_ERROR_SIZE];
    const struct call *call;
    struct header_set *headers;
    struct buf body;
    struct reply_hints hints;
    struct reply_headers *reply_headers; /* of a source; else NULL */
    int64_t started_ms;
    bool written; /* may_write said yes: the request may have left */
    bool refused; /* may_write said no, or the request would have been written twice */
};

struct http_client {
    struct loop *loop;
    struct http_callbacks callbacks;
    struct multi *multis;
    size_t n_multis;
    CURLSH *shared;         /* addresses */
    bool no_proxy;          /* the environment names none: libcurl would look for one at each call */
    struct watch **watches; /* by descriptor */
    size_t n_watches;
    struct target *targets;
    size_t n_targets;
    struct transfer *running;
    size_t n_running;
    bool only_read; /* a dry run */
};

/* ---- header sets --------------------------------------------------------------------------------------- */

static void append_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        abort(); /* out of memory */
    *list = longer;
}

static struct header_set *header_set_of(const char *const *lines, size_t n)
{
    struct header_set *set = xcalloc(1, sizeof *set);
    set->users = 1;
    for (size_t i = 0; i < n; i++)
        append_header(&set->list, lines[i]);
    return set;
}

static struct header_set *header_set_new(const struct target *target, const char *token)
{
    static const char *const fixed[] = {
        /* libcurl looks through all of them some ten times a call */
        "Accept: application/scim+json, application/json;q=0.9",
        "Content-Type: application/scim+json",
        "User-Agent: rollcall",
    };
    struct header_set *set = header_set_of(fixed, target->source ? 0 : ARRAY_SIZE(fixed));
    if (token) {
        char *line = xasprintf("%s%s", target->before_token, token);
        append_header(&set->list, line);
        explicit_bzero(line, strlen(line));
        free(line);
    }
    return set;
}

static bool names_header(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->n_headers; i++)
        if (strncmp(call->headers[i], name, strlen(name)) == 0)
            return true;
    return false;
}

/* What a call to a source says goes before what we would. */
static struct header_set *header_set_for(const struct target *target, const struct call *call)
{
    struct header_set *set = header_set_of(call->headers, call->n_headers);
    append_header(&set->list, "User-Agent: rollcall");
    if (!names_header(call, "accept:"))
        append_header(&set->list, "Accept: application/json");
    if (call->body && !names_header(call, "content-type:"))
        append_header(&set->list, "Content-Type: application/json");
    for (const struct curl_slist *line = target->headers->list; line; line = line->next)
        append_header(&set->list, line->data);
    return set;
}

static struct header_set *header_set_use(struct header_set *set)
{
    set->users++;
    return set;
}

static void header_set_drop(struct header_set *set)
{
    if (!set || --set->users > 0)
        return;
    for (struct curl_slist *line = set->list; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(set->list);
    free(set);
}

/* ---- what libcurl calls during a transfer -------------------------------------------------------------- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    buf_add(&t->body, p, size * n);
    return buf_ok(&t->body) ? size * n : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    reply_hints_line(&t->hints, (struct str){p, size * n});
    if (t->reply_headers)
        reply_headers_line(t->reply_headers, (struct str){p, size * n});
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

static int on_open(void *ctx, curl_socket_t fd, curlsocktype purpose);
static int on_close(void *ctx, curl_socket_t fd);

/* ---- transfers ----------------------------------------------------------------------------------------- */

static struct transfer *transfer_new(struct http_client *c, struct target *target)
{
    struct transfer *t = xcalloc(1, sizeof *t);
    t->client = c;
    t->target = target;
    t->multi = &c->multis[(target->first_multi + target->next_multi++ % target->n_multis) % c->n_multis];
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
    curl_easy_setopt(t->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_about_to_write);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION, on_open);
    curl_easy_setopt(t->easy, CURLOPT_SOCKOPTDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, c);
    curl_easy_setopt(t->easy, CURLOPT_SHARE, c->shared);
    if (target->ca_file)
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, target->ca_file);
    if (c->no_proxy)
        curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
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

void http_client_start(struct http_client *c, const struct call *call)
{
    assert(call->target < c->n_targets);
    struct target *target = &c->targets[call->target];
    assert(!c->only_read || target->source || strcmp(call->method, "GET") == 0);
    struct transfer *t = transfer_get(c, target);
    t->call = call;
    t->headers = target->source ? header_set_for(target, call) : header_set_use(target->headers);
    t->written = t->refused = false;
    t->error[0] = '\0';
    t->started_ms = clock_mono_ms();
    reply_hints_clear(&t->hints);
    set_request(t, call);
    transfer_run(t);
    FAILPOINT("before-call");
    CURLMcode code = curl_multi_add_handle(t->multi->handle, t->easy);
    assert(code == CURLM_OK);
    (void)code;
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

static void transfer_end(struct transfer *t, CURLcode code)
{
    struct http_client *c = t->client;
    curl_multi_remove_handle(t->multi->handle, t->easy);
    struct call_reply reply = {.outcome = outcome_of(t, code), .retry_after_ms = -1};
    if (reply.outcome == CALL_REPLIED) {
        long status = 0;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        reply.status = (int)status;
        reply.body = buf_str(&t->body);
        reply.retry_after_ms = reply_hints_wait_ms(&t->hints, reply.status, clock_real_ms());
        reply.headers = t->reply_headers ? t->reply_headers->v : NULL;
        reply.n_headers = t->reply_headers ? t->reply_headers->n : 0;
    } else {
        reply.failure = failure_of(t, code);
        reply.error = reason_of(reply.failure, code);
    }
    FAILPOINT("after-reply");
    c->callbacks.done(c->callbacks.ctx, t->call, &reply, clock_mono_ms() - t->started_ms);
    transfer_put(t);
}

static void answer_ended(struct multi *m)
{
    int left;
    for (CURLMsg *msg; (msg = curl_multi_info_read(m->handle, &left));) {
        struct transfer *t = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_end(t, code);
    }
}

/* ---- sockets and the timer ----------------------------------------------------------------------------- */

static void act(struct multi *m, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(m->handle, fd, what, &running);
    answer_ended(m);
}

/* A connection stays in the loop between calls, though libcurl takes it out after each and puts it in again with the
 * next: what it does not want to hear of is rare (the other side closes) and takes it out then. Descriptors of which we
 * do not see the closing (of a resolver) leave the loop when they are told to. */
struct watch {
    struct multi *multi;
    curl_socket_t fd;
    bool connection; /* on_close will be called */
    bool wanted;
    uint32_t events; /* in the loop; 0: not there */
};

static void leave_loop(struct watch *watch)
{
    if (watch->events)
        loop_remove(watch->multi->client->loop, watch->fd);
    watch->events = 0;
}

static void on_ready(void *ctx, uint32_t events)
{
    struct watch *watch = ctx;
    int what = 0;
    if (!watch->wanted) {
        leave_loop(watch);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP))
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_ERR;
    act(watch->multi, watch->fd, what); /* may free watch */
}

static struct watch *watch_of(struct multi *m, curl_socket_t fd)
{
    struct http_client *c = m->client;
    size_t need = (size_t)fd + 1;
    if (need > c->n_watches) {
        c->watches = xreallocarray(c->watches, need * 2, sizeof(struct watch *));
        memset(c->watches + c->n_watches, 0, (need * 2 - c->n_watches) * sizeof(struct watch *));
        c->n_watches = need * 2;
    }
    if (!c->watches[fd])
        c->watches[fd] = xcalloc(1, sizeof(struct watch));
    c->watches[fd]->multi = m;
    c->watches[fd]->fd = fd;
    return c->watches[fd];
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct multi *m = ctx;
    struct watch *watch = watch_of(m, fd);
    uint32_t events =
        (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    (void)easy, (void)socket_ctx;
    watch->wanted = what != CURL_POLL_REMOVE;
    if (!watch->wanted && !watch->connection)
        leave_loop(watch);
    if (!watch->wanted || watch->events == events)
        return 0;
    watch->events = events;
    return loop_add(m->client->loop, fd, events, on_ready, watch, NULL) ? 0 : -1;
}

/* Of a connection, or of an attempt at one. */
static int on_open(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    const struct transfer *t = ctx;
    (void)purpose;
    watch_of(t->multi, fd)->connection = true;
    return CURL_SOCKOPT_OK;
}

static int on_close(void *ctx, curl_socket_t fd)
{
    struct http_client *c = ctx;
    if ((size_t)fd < c->n_watches && c->watches[fd]) {
        leave_loop(c->watches[fd]);
        free(c->watches[fd]);
        c->watches[fd] = NULL;
    }
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct multi *m = ctx;
    (void)multi;
    m->due_ms = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    return 0;
}

int http_client_timeout_ms(const struct http_client *c)
{
    int64_t first = -1;
    for (size_t i = 0; i < c->n_multis; i++)
        if (c->multis[i].due_ms >= 0 && (first < 0 || c->multis[i].due_ms < first))
            first = c->multis[i].due_ms;
    if (first < 0)
        return -1;
    int64_t left = first - clock_mono_ms();
    return left < 0 ? 0 : (int)left;
}

void http_client_run(struct http_client *c)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < c->n_multis; i++) {
        struct multi *m = &c->multis[i];
        if (m->due_ms < 0 || m->due_ms > now_ms)
            continue;
        m->due_ms = -1;
        act(m, CURL_SOCKET_TIMEOUT, 0);
    }
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
    header_set_drop(c->targets[target].headers);
    c->targets[target].headers = header_set_new(&c->targets[target], token);
}

static bool names_a_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (getenv(names[i]))
            return true;
    return false;
}

/* calls: that may be under way at once. */
static void add_multis(struct http_client *c, size_t wanted, size_t calls)
{
    c->n_multis = wanted < 1 ? 1 : wanted < MULTIS_MAX ? wanted : MULTIS_MAX;
    size_t kept = calls / c->n_multis + IDLE_CONNECTIONS_MIN;
    size_t most = IDLE_CONNECTIONS_MAX / c->n_multis;
    c->multis = xcalloc(c->n_multis, sizeof *c->multis);
    for (size_t i = 0; i < c->n_multis; i++) {
        struct multi *m = &c->multis[i];
        *m = (struct multi){.client = c, .handle = curl_multi_init(), .due_ms = -1};
        if (!m->handle)
            abort(); /* out of memory */
        curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS, (long)(kept < most ? kept : most));
        curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
        curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
    }
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

static bool add_targets(struct http_client *c, const struct http_target *targets, size_t n, struct error *err)
{
    size_t calls = 0, multis = 0;
    c->targets = xcalloc(n, sizeof *c->targets);
    c->n_targets = n;
    for (size_t i = 0; i < n; i++) {
        struct target *target = &c->targets[i];
        if (!set_url(target, targets[i].base_url, err))
            return false;
        target->ca_file = xstrdup_null(targets[i].ca_file);
        target->before_token =
            xstrdup(targets[i].before_token ? targets[i].before_token : "Authorization: Bearer ");
        target->source = targets[i].source;
        target->reply_max = targets[i].reply_max ? targets[i].reply_max : HTTP_REPLY_MAX;
        target->headers = header_set_new(target, targets[i].token);
        target->first_multi = multis;
        target->n_multis = targets[i].in_flight_max / CALLS_PER_MULTI + 1;
        multis += target->n_multis;
        calls += targets[i].in_flight_max;
    }
    add_multis(c, multis, calls);
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
    for (struct transfer *t; (t = target->idle);) {
        target->idle = t->next;
        transfer_free(t);
    }
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
        curl_multi_remove_handle(c->running->multi->handle, c->running->easy);
        transfer_put(c->running);
    }
    for (size_t i = 0; i < c->n_targets; i++)
        free_target(&c->targets[i]);
    for (size_t i = 0; i < c->n_multis; i++)
        curl_multi_cleanup(c->multis[i].handle); /* closes kept connections: on_close is called for them */
    for (size_t i = 0; i < c->n_watches; i++)
        free(c->watches[i]);
    curl_share_cleanup(c->shared);
    free(c->watches);
    free(c->multis);
    free(c->targets);
    free(c);
    curl_global_cleanup();
}
