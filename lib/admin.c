#include "admin.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "config.h"
#include "mem.h"

enum {
    CONNECTIONS_MAX = 64,
    CONNECTION_MEMORY = 16 * 1024,
    IDLE_S = 15,
    BACKLOG = 64,
    BUSY_POLL_MS = 20,
    REASON_MAX = 1024,
    PAGE_MAX = 32 * 1024 * 1024,
};

struct admin {
    struct MHD_Daemon *daemon;
    struct admin_callbacks callbacks;
};

/* ---- pages --------------------------------------------------------------------------------------------- */

struct page {
    unsigned status;
    const char *type;
    struct buf body;
};

static void make_health(struct admin *a, struct page *page)
{
    (void)a;
    buf_adds(&page->body, "ok\n"); /* who can say so is alive: it is the program's loop that runs this */
}

static void make_ready(struct admin *a, struct page *page)
{
    struct buf reason;
    buf_init(&reason, REASON_MAX);
    if (!a->callbacks.ready || a->callbacks.ready(a->callbacks.ctx, &reason)) {
        buf_adds(&page->body, "ready\n");
    } else {
        page->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        buf_addf(&page->body, "not ready: %s\n", reason.n ? reason.p : "starting");
    }
    buf_done(&reason);
}

static void make_metrics(struct admin *a, struct page *page)
{
    page->type = "text/plain; version=0.0.4; charset=utf-8";
    if (a->callbacks.metrics)
        a->callbacks.metrics(a->callbacks.ctx, &page->body);
}

static const struct {
    const char *path;
    void (*make)(struct admin *a, struct page *page);
} pages[] = {
    {"/healthz", make_health},
    {"/readyz", make_ready},
    {"/metrics", make_metrics},
};

static void make_page(struct admin *a, const char *method, const char *path, struct page *page)
{
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        if (strcmp(path, pages[i].path) != 0)
            continue;
        if (strcmp(method, MHD_HTTP_METHOD_GET) == 0)
            pages[i].make(a, page);
        else
            page->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        return;
    }
    page->status = MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct page *page)
{
    if (!buf_ok(&page->body)) {
        buf_clear(&page->body);
        page->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    size_t n = page->body.n;
    char *body = buf_take(&page->body);
    struct MHD_Response *response = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close"); /* see admin_timeout_ms */
    if (page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
    enum MHD_Result queued = MHD_queue_response(connection, page->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Answers at once, before any body is read: a request that brings one is cut off after the answer. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **con_cls)
{
    (void)version, (void)upload, (void)upload_size, (void)con_cls;
    struct page page = {.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
    buf_init(&page.body, PAGE_MAX);
    make_page(cls, method, url, &page);
    enum MHD_Result result = answer(connection, &page);
    buf_done(&page.body);
    return result;
}

/* ---- the listener -------------------------------------------------------------------------------------- */

static int listen_on(const struct addrinfo *ai)
{
    const int yes = 1;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

/* The listening socket, or -1. */
static int open_listener(const char *address, struct error *err)
{
    char *host, service[8];
    uint16_t port;
    if (!config_address_parse(address, &host, &port, err))
        return -1;
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int rc = getaddrinfo(host, service, &hints, &found);
    free(host);
    if (rc != 0) {
        error_set(err, ERROR_INPUT, "%s: %s", address, gai_strerror(rc));
        return -1;
    }
    int fd = listen_on(found);
    if (fd < 0)
        error_set(err, ERROR_SYSTEM, "%s: %s", address, strerror(errno));
    freeaddrinfo(found);
    return fd;
}

bool admin_new(const char *address, const struct admin_callbacks *callbacks, struct admin **ret,
               struct error *err)
{
    int fd = open_listener(address, err);
    if (fd < 0)
        return error_wrap(err, "admin listener");
    struct admin *a = xcalloc(1, sizeof *a);
    a->callbacks = *callbacks;
    a->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, a, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    if (!a->daemon) {
        close(fd);
        free(a);
        return error_set(err, ERROR_SYSTEM, "admin listener: %s: libmicrohttpd does not start", address);
    }
    *ret = a;
    return true;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    MHD_stop_daemon(a->daemon);
    free(a);
}

int admin_fd(const struct admin *a)
{
    return MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* libmicrohttpd 0.9.75 watches connections edge-triggered, yet reads no more than its buffer takes and then
 * tells no one that bytes are left: whoever has a connection must run it now and then. Connections are
 * short-lived here. */
int admin_timeout_ms(const struct admin *a)
{
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections == 0)
        return -1;
    return MHD_get_timeout(a->daemon, &ms) == MHD_YES && ms < BUSY_POLL_MS ? (int)ms : BUSY_POLL_MS;
}

void admin_run(struct admin *a)
{
    MHD_run(a->daemon);
}

uint16_t admin_port(const struct admin *a)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.v6 = {0}};
    socklen_t size = sizeof name;
    int fd = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
    if (getsockname(fd, &name.any, &size) != 0)
        return 0;
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}
