#include "service.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"

enum { BACKLOG = 4096, SLACK_US = 500 };

struct connection {
    struct service *service;
    struct connection *prev, *next; /* all of them */
    struct connection *next_due;    /* valid while busy */
    int fd;
    bool busy; /* its answer waits in the queue */
    bool gone; /* the client left meanwhile */
    int64_t due_us;
    int64_t tag;
    struct buf out;
    size_t n;
    char in[SERVICE_REQUEST_MAX];
};

struct service {
    struct loop *loop;
    struct service_callbacks callbacks;
    int fd, port;
    int64_t delay_us;
    struct connection *connections;
    struct connection *first_due, **last_due;
    struct buf body;
    uint64_t broken;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* ---- connections --------------------------------------------------------------------------------------- */

static void connection_free(struct connection *c)
{
    struct service *s = c->service;
    *(c->prev ? &c->prev->next : &s->connections) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    buf_done(&c->out);
    free(c);
}

/* The queue may still hold it: then it goes when its answer is due. */
static void connection_close(struct connection *c)
{
    loop_remove(c->service->loop, c->fd);
    close(c->fd);
    c->gone = true;
    if (!c->busy)
        connection_free(c);
}

static void connection_break(struct connection *c)
{
    c->service->broken++;
    connection_close(c);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

/* Value of a Content-Length among the header lines; 0 if there is none. */
static size_t content_length(const char *p, const char *end)
{
    static const char name[] = "\r\ncontent-length:";
    for (; (p = memchr(p, '\r', (size_t)(end - p))) != NULL; p++)
        if ((size_t)(end - p) > sizeof name && strncasecmp(p, name, sizeof name - 1) == 0)
            return strtoul(p + sizeof name - 1, NULL, 10);
    return 0;
}

/* Bytes of the request that begins at in; 0: not whole yet; -1: none. */
static ssize_t parse(const char *in, size_t n, struct request *ret)
{
    const char *head_end = memmem(in, n, "\r\n\r\n", 4);
    if (!head_end)
        return n < SERVICE_REQUEST_MAX - 1 ? 0 : -1;
    const char *space = memchr(in, ' ', (size_t)(head_end - in));
    const char *second = space ? memchr(space + 1, ' ', (size_t)(head_end - space - 1)) : NULL;
    if (!second)
        return -1;
    const char *body = head_end + 4;
    size_t body_n = content_length(second, body), total = (size_t)(body - in) + body_n;
    if (body_n > SERVICE_REQUEST_MAX || total > SERVICE_REQUEST_MAX - 1)
        return -1;
    if (total > n)
        return 0;
    *ret = (struct request){.method = {in, (size_t)(space - in)},
                            .path = {space + 1, (size_t)(second - space - 1)},
                            .body = {body, body_n}};
    return (ssize_t)total;
}

static void make_answer(struct connection *c, const struct request *r)
{
    struct service *s = c->service;
    int status = 200;
    buf_clear(&s->body);
    c->tag = s->callbacks.handle(s->callbacks.ctx, r, &status, &s->body);
    buf_clear(&c->out);
    buf_addf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: application/scim+json\r\nContent-Length: %zu\r\n\r\n",
             status, status == 200 ? "OK" : "No", s->body.n);
    buf_add(&c->out, s->body.p, s->body.n);
    assert(buf_ok(&c->out));
}

static void enqueue(struct connection *c)
{
    struct service *s = c->service;
    c->busy = true;
    c->due_us = now_us() + s->delay_us;
    c->next_due = NULL;
    *s->last_due = c;
    s->last_due = &c->next_due;
}

/* Takes the request at the front of the buffer, if it is whole and nothing of this connection waits. */
static void serve(struct connection *c)
{
    struct request r;
    if (c->busy || c->n == 0)
        return;
    c->in[c->n] = '\0';
    ssize_t used = parse(c->in, c->n, &r);
    if (used < 0) {
        connection_break(c);
        return;
    }
    if (used == 0)
        return;
    make_answer(c, &r);
    c->n -= (size_t)used;
    memmove(c->in, c->in + used, c->n);
    enqueue(c);
}

static void on_readable(void *ctx, uint32_t events)
{
    struct connection *c = ctx;
    ssize_t got = read(c->fd, c->in + c->n, sizeof c->in - 1 - c->n);
    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        connection_close(c);
        return;
    }
    c->n += (size_t)got;
    serve(c);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* They fit the socket's buffer: the client asks one thing at a time. */
static void answer(struct connection *c)
{
    struct service *s = c->service;
    c->busy = false;
    if (c->gone) {
        connection_free(c);
        return;
    }
    int64_t tag = c->tag;
    ssize_t sent = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);
    if (tag != SERVICE_NO_TAG)
        s->callbacks.answered(s->callbacks.ctx, tag);
    if (sent != (ssize_t)c->out.n)
        connection_break(c);
    else
        serve(c);
}

void service_run(struct service *s)
{
    if (!s->first_due)
        return;
    int64_t until_us = now_us() + SLACK_US;
    while (s->first_due && s->first_due->due_us <= until_us) {
        struct connection *c = s->first_due;
        s->first_due = c->next_due;
        if (!s->first_due)
            s->last_due = &s->first_due;
        answer(c);
    }
}

int service_timeout_ms(const struct service *s)
{
    if (!s->first_due)
        return -1;
    int64_t left_us = s->first_due->due_us - now_us();
    return left_us <= SLACK_US ? 0 : (int)((left_us + SLACK_US) / 1000);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void accept_one(struct service *s, int fd)
{
    static const int one = 1;
    struct error err;
    struct connection *c = xcalloc(1, sizeof *c);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->service = s;
    c->fd = fd;
    buf_init(&c->out, SERVICE_ANSWER_MAX + 256);
    c->next = s->connections;
    if (c->next)
        c->next->prev = c;
    s->connections = c;
    if (!loop_add(s->loop, fd, EPOLLIN, on_readable, c, &err))
        connection_break(c);
}

static void on_acceptable(void *ctx, uint32_t events)
{
    struct service *s = ctx;
    (void)events;
    for (int fd; (fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
        accept_one(s, fd);
}

static bool open_socket(struct service *s, struct error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, size) < 0 || listen(s->fd, BACKLOG) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&at, &size) < 0)
        return error_set(err, ERROR_SYSTEM, "listening: %m");
    s->port = ntohs(at.sin_port);
    return loop_add(s->loop, s->fd, EPOLLIN, on_acceptable, s, err);
}

bool service_new(struct loop *loop, const struct service_callbacks *callbacks, struct service **ret,
                 struct error *err)
{
    struct service *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->callbacks = *callbacks;
    s->last_due = &s->first_due;
    buf_init(&s->body, SERVICE_ANSWER_MAX);
    if (!open_socket(s, err)) {
        service_free(s);
        return false;
    }
    *ret = s;
    return true;
}

void service_free(struct service *s)
{
    if (!s)
        return;
    for (struct connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        c->busy = false;
        connection_close(c);
    }
    if (s->fd >= 0) {
        loop_remove(s->loop, s->fd);
        close(s->fd);
    }
    buf_done(&s->body);
    free(s);
}

int service_port(const struct service *s)
{
    return s->port;
}

void service_set_delay(struct service *s, int64_t ms)
{
    s->delay_us = ms * 1000;
}

uint64_t service_broken(const struct service *s)
{
    return s->broken;
}
