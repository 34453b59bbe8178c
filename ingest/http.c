#include "http_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "counters.h"
#include "http_tls.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

enum {
    SPARE_MAX = 256,  /* ended exchanges kept for the next ones */
    HEAD_ROOM = 4096, /* of MHD's memory per connection, beside the head: its own tables and our answer */
    HEADER_OVERHEAD = 64,
    ENDS = 64, /* taken at once */
};

/* ---- the head ------------------------------------------------------------------------------------------ */

static enum MHD_Result take_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_n,
                                   const char *value, size_t value_n)
{
    struct exchange *x = ctx;
    struct message *m = &x->message;
    (void)kind;
    x->head_bytes += name_n + value_n + 4;
    if (m->n_headers == MESSAGE_HEADERS_MAX) {
        x->fault = HEAD_TOO_MANY;
        return MHD_NO;
    }
    m->headers[m->n_headers++] = (struct message_header){{name, name_n}, {value ? value : "", value_n}};
    return MHD_YES;
}

/* A spare one or a new one; everything before `message` is zero. */
static struct exchange *exchange_take(struct http *h)
{
    struct exchange *x = h->spare;
    if (x) {
        h->spare = x->next_spare;
        h->n_spare--;
    } else {
        x = xmalloc(sizeof *x);
    }
    memset(x, 0, offsetof(struct exchange, message));
    x->message.n_headers = 0;
    x->message.body = x->message.certificate = (struct str){0};
    x->answer_body[0] = '\0';
    return x;
}

static void exchange_give_back(struct http *h, struct exchange *x)
{
    if (h->n_spare == SPARE_MAX) {
        free(x);
        return;
    }
    x->next_spare = h->spare;
    h->spare = x;
    h->n_spare++;
}

/* The request's target as it was sent, before MHD cuts a query off and takes it apart. */
static void *take_target(void *ctx, const char *target, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info->socket_context;
    (void)ctx;
    c->target = str_of(target);
    c->target_ok = head_target_ok(c->target);
    const char *mark = strchr(target, '?');
    free(c->query);
    c->query = mark ? xstrdup(mark + 1) : NULL;
    return NULL; /* what on_request finds as its request: none yet */
}

/* Is the head what MHD made of it, byte for byte? Its parser takes a lone CR or LF for a line's end, joins
 * folded lines and stops at NUL (0.9.75). From 1.0 it refuses them itself and keeps no such layout. */
static bool sent_strictly(const struct exchange *x, const char *version)
{
    const struct connection *c = x->connection;
    if (!c->target_ok)
        return false;
    if (MHD_VERSION >= 0x01000000)
        return true;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct head_raw raw = {c->target, str_of(version), info ? info->header_size : 0};
    return head_is_whole(&x->message, &raw);
}

/* Of the connection's TLS, asked for with its first request: the handshake is over by then. */
static struct str certificate_of(const struct http *h, struct connection *c, struct MHD_Connection *mhd)
{
    if (h->settings.tls && !c->certificate_known) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        c->certificate = info && info->tls_session ? http_tls_client(info->tls_session) : NULL;
        c->certificate_known = true;
    }
    return str_of(c->certificate);
}

static struct exchange *exchange_new(struct http *h, struct MHD_Connection *mhd, const char *path,
                                     const char *method, const char *version)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *x = exchange_take(h);
    x->http = h;
    h->n_exchanges++;
    x->mhd = mhd;
    x->connection = info->socket_context;
    x->connection->x = x;
    x->connection->served = true;
    x->message.method = str_of(method);
    x->message.path = str_of(path);
    x->message.query = str_of(x->connection->query);
    x->message.proxied = x->connection->proxied;
    x->message.certificate = certificate_of(h, x->connection, mhd);
    x->head_bytes = x->message.method.n + x->message.path.n;
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, take_header, x);
    if (x->fault == HEAD_OK)
        x->fault = head_check(&x->message, x->head_bytes, (size_t)h->settings.header_bytes, &x->declared);
    if (x->fault == HEAD_OK && (!sent_strictly(x, version) || !head_version_ok(&x->message, str_of(version))))
        x->fault = HEAD_FRAMING;
    return x;
}

/* Clients behind a proxy share its connections: what counts is their requests. One that the proxy does not name counts as
 * the proxy does, not at all. */
static void enter_client(struct exchange *x)
{
    struct http *h = x->http;
    struct sockaddr_storage client;
    x->client_slot = ADDRESSES_NO_SLOT;
    if (x->connection->proxied && proxies_client(h->settings.proxies, &x->message, &client))
        x->crowded =
            !addresses_enter_client(h->settings.addresses, (const struct sockaddr *)&client, &x->client_slot);
    if (x->crowded)
        x->client_slot = ADDRESSES_NO_SLOT;
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* Takes a piece of body. A body somewhat too large is read to its end, so that the client gets to see the
 * answer; one far too large is not. */
static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *n)
{
    x->received += *n;
    if (x->state == BODY_COMPLETE)
        exchange_keep_body(x, data, *n);
    *n = 0;
    if (x->state == BODY_COMPLETE || x->received <= 2 * x->body_max)
        return MHD_YES;
    x->oversized = true;
    exchange_last_words(x, "413 Content Too Large");
    return MHD_NO;
}

/* ---- MHD's callbacks ----------------------------------------------------------------------------------- */

static enum MHD_Result begin(struct http *h, struct MHD_Connection *mhd, const char *path, const char *method,
                             const char *version, void **ctx)
{
    struct exchange *x = exchange_new(h, mhd, path, method, version);
    *ctx = x;
    enter_client(x);
    h->settings.callbacks.on_head(h->settings.callbacks.ctx, x);
    buf_init(&x->body, x->body_max);
    if (!x->answered)
        return MHD_YES;
    /* Without a body to skip, the connection can go on. */
    x->early =
        x->declared > 0 || message_header(&x->message, "transfer-encoding", NULL) > 0 || x->fault != HEAD_OK;
    return exchange_queue_answer(x);
}

static enum MHD_Result complete(struct exchange *x)
{
    struct http *h = x->http;
    if (!x->complete) {
        x->complete = true;
        x->message.body = buf_str(&x->body);
        if (x->declared > 0 && x->state == BODY_COMPLETE && (size_t)x->declared != x->body.n)
            x->message.body = (struct str){0}; /* MHD never does this; a wrong length must not verify */
        h->settings.callbacks.on_complete(h->settings.callbacks.ctx, x);
        if (!x->answered) {
            x->suspended = true;
            exchange_drop_body(x);
            MHD_suspend_connection(x->mhd);
            return MHD_YES;
        }
    }
    return x->answered ? exchange_queue_answer(x) : MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mhd, const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **request)
{
    struct exchange *x = *request;
    if (!x)
        return begin(ctx, mhd, path, method, version, request);
    if (*data_size > 0)
        return take_body(x, data, data_size);
    return complete(x);
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct http *h = ctx;
    struct exchange *x = *request;
    (void)mhd;
    if (!x)
        return;
    enum http_end end = code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? HTTP_ANSWERED : HTTP_LOST;
    if (!x->complete && !x->answered)
        end = x->oversized ? HTTP_OVERSIZED : HTTP_TRUNCATED;
    h->settings.callbacks.on_gone(h->settings.callbacks.ctx, x, end);
    exchange_drop_body(x);
    addresses_leave_client(h->settings.addresses, x->client_slot);
    x->connection->x = NULL;
    x->connection->waiting_since = clock_mono_ms();
    h->n_exchanges--;
    exchange_give_back(h, x);
    *request = NULL;
}

static void leave(struct http *h, uint32_t slot)
{
    addresses_leave(h->settings.addresses, slot);
}

/* At accept. The slot waits for on_connection; should MHD give up in between, the next accept gives it back.
 */
static enum MHD_Result on_accept(void *ctx, const struct sockaddr *from, socklen_t from_size)
{
    static const char *const reasons[] = {
        [ADDRESSES_FULL] = "connections", [ADDRESSES_TOO_MANY] = "connections_per_address"};
    struct http *h = ctx;
    (void)from_size;
    if (h->slot_pending)
        leave(h, h->slot);
    enum addresses_verdict verdict;
    h->proxied = proxies_trust(h->settings.proxies, from);
    h->slot = ADDRESSES_NO_SLOT;
    if (h->proxied)
        verdict = addresses_enter_proxy(h->settings.addresses) ? ADDRESSES_WELCOME : ADDRESSES_FULL;
    else
        verdict = addresses_enter(h->settings.addresses, from, &h->slot);
    h->slot_pending = verdict == ADDRESSES_WELCOME;
    if (!h->slot_pending)
        metrics_add(h->settings.metrics, COUNT_REFUSED, reasons[verdict], 1);
    return h->slot_pending ? MHD_YES : MHD_NO;
}

static void connection_open(struct http *h, struct MHD_Connection *mhd, void **context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct connection *c = xcalloc(1, sizeof *c);
    assert(h->slot_pending);
    h->slot_pending = false;
    c->fd = info->connect_fd;
    c->slot = h->slot;
    c->proxied = h->proxied;
    c->waiting_since = clock_mono_ms();
    struct epoll_event end = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(h->ends, EPOLL_CTL_ADD, c->fd, &end) != 0)
        shutdown(c->fd, SHUT_RDWR); /* out of memory: MHD gives a connection up then, too */
    c->next = h->connections;
    if (c->next)
        c->next->prev = c;
    h->connections = c;
    *context = c;
}

static void connection_close(struct http *h, struct connection *c)
{
    if (!c->served)
        metrics_add(h->settings.metrics, COUNT_WITHOUT_REQUEST, NULL, 1);
    if (c->prev)
        c->prev->next = c->next;
    else
        h->connections = c->next;
    if (c->next)
        c->next->prev = c->prev;
    leave(h, c->slot);
    epoll_ctl(h->ends, EPOLL_CTL_DEL, c->fd, NULL);
    free(c->query);
    free(c->certificate);
    free(c);
}

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        connection_open(ctx, mhd, context);
    else if (*context)
        connection_close(ctx, *context);
}

/* Names of sources need no escapes, and a path that is decoded twice is a path read differently. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *mhd, char *s)
{
    (void)ctx;
    (void)mhd;
    return strlen(s);
}

static void __attribute__((format(printf, 2, 0))) on_log(void *ctx, const char *format, va_list args)
{
    char text[256];
    (void)ctx;
    if (!log_enabled(LOG_LEVEL_DEBUG))
        return;
    vsnprintf(text, sizeof text, format, args);
    log_debug("http", LOG_S("detail", text));
}

/* ---- life ---------------------------------------------------------------------------------------------- */

#if MHD_VERSION >= 0x00097601
enum { STRICT_OPTION = MHD_OPTION_CLIENT_DISCIPLINE_LVL };
#else
enum { STRICT_OPTION = MHD_OPTION_STRICT_FOR_CLIENT };
#endif

bool http_new(const struct http_settings *settings, struct http **ret, struct error *err)
{
    struct http *h = xcalloc(1, sizeof *h);
    h->settings = *settings;
    h->listening = true;
    h->ends = epoll_create1(EPOLL_CLOEXEC);
    h->held = xcalloc(addresses_slots(settings->addresses) + 1, sizeof *h->held);
    h->empty = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    size_t memory = (size_t)settings->header_bytes + HEAD_ROOM + MESSAGE_HEADERS_MAX * HEADER_OVERHEAD;
    struct MHD_OptionItem tls[HTTP_TLS_OPTIONS] = {{MHD_OPTION_END, 0, NULL}};
    if (settings->tls)
        http_tls_options(tls);
    h->daemon =
        h->ends < 0
            ? NULL
            : MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                                   (settings->tls ? MHD_USE_TLS : 0u),
                               0, on_accept, h, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
                               MHD_OPTION_LISTEN_SOCKET, settings->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                               (unsigned)settings->connections + 1, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_NOTIFY_COMPLETED,
                               on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                               MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_URI_LOG_CALLBACK,
                               take_target, h, STRICT_OPTION, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                               MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!h->empty || !h->daemon) {
        if (h->empty)
            MHD_destroy_response(h->empty);
        if (h->ends >= 0)
            close(h->ends);
        close(settings->listen_fd);
        free(h->held);
        free(h);
        return error_set(err, ERROR_SYSTEM, "cannot start the HTTP server: out of descriptors or memory");
    }
    *ret = h;
    return true;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    http_stop_listening(h);
    MHD_stop_daemon(h->daemon);
    MHD_destroy_response(h->empty);
    if (h->slot_pending)
        leave(h, h->slot);
    assert(!h->connections && h->bodies_bytes == 0);
    while (h->spare) {
        struct exchange *x = h->spare;
        h->spare = x->next_spare;
        free(x);
    }
    close(h->ends);
    free(h->held);
    free(h);
}

int http_fd(const struct http *h)
{
    return MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int http_timeout_ms(const struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
        return -1;
    return ms > 60000 ? 60000 : (int)ms;
}

void http_run(struct http *h)
{
    MHD_run(h->daemon);
}

int http_ends_fd(const struct http *h)
{
    return h->ends;
}

void http_take_ends(struct http *h)
{
    struct epoll_event ends[ENDS];
    int n = epoll_wait(h->ends, ends, ENDS, 0); /* what is more comes in the next turn */
    for (int i = 0; i < n; i++) {
        struct connection *c = ends[i].data.ptr;
        c->ended = true;
    }
}

void http_stop_listening(struct http *h)
{
    if (!h->listening)
        return;
    h->listening = false;
    MHD_socket fd = MHD_quiesce_daemon(h->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

void http_sweep(struct http *h, int64_t now_ms)
{
    for (struct connection *c = h->connections; c; c = c->next) {
        bool answered = c->x && c->x->answered;
        if (c->x && c->x->complete && !answered)
            continue;
        bool late = now_ms - c->waiting_since >= h->settings.receive_ms;
        if (late) {
            if (c->x && !answered)
                exchange_last_words(c->x, "408 Request Timeout");
            metrics_add(h->settings.metrics, COUNT_CUT, NULL, 1);
            c->waiting_since = now_ms; /* once */
        }
        if (late || (!answered && c->ended && connection_has_ended(c)))
            shutdown(c->fd, SHUT_RDWR); /* MHD sees this in any case, and closes */
    }
}

size_t http_exchanges(const struct http *h)
{
    return h->n_exchanges;
}
