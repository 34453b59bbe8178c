#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "mem.h"

enum { ANSWER_MAX = 8192, EVENTS = 256, PATIENCE_MS = 10000, PACE_MS = 1 };

struct client {
    int fd; /* -1: to be opened before the next request */
    bool waiting;
    int expected;
    int64_t due_us;
    uint64_t served; /* on this connection */
    struct buf out;
    size_t sent;
    char in[ANSWER_MAX];
    size_t in_n;
};

struct run {
    const struct load_settings *s;
    struct load_report *report;
    struct client *clients;
    struct client **idle; /* a stack */
    size_t n_idle;
    int epoll;
    int64_t begun_us, answered_us; /* answered_us: the last one */
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Length of the answer with its body, 0 when it does not say. */
static size_t whole_length(const char *p, const char *head_end, bool *ret_close)
{
    size_t length = 0;
    bool known = false;
    *ret_close = false;
    for (const char *line = p; line < head_end;) {
        const char *end = memmem(line, (size_t)(head_end + 2 - line), "\r\n", 2);
        if (strncasecmp(line, "content-length:", 15) == 0) {
            length = strtoul(line + 15, NULL, 10);
            known = true;
        } else if (strncasecmp(line, "connection: close", 17) == 0) {
            *ret_close = true;
        }
        line = end + 2;
    }
    return known ? (size_t)(head_end + 4 - p) + length : 0;
}

int load_answer(const char *p, size_t n, bool *ret_close)
{
    const char *head_end = memmem(p, n, "\r\n\r\n", 4);
    if (!head_end)
        return n >= ANSWER_MAX ? -1 : 0;
    int status = n > 12 && memcmp(p, "HTTP/1.1 ", 9) == 0 ? (int)strtol(p + 9, NULL, 10) : 0;
    size_t whole = whole_length(p, head_end, ret_close);
    if (status == 204)
        whole = (size_t)(head_end + 4 - p);
    if (status < 200 || whole == 0 || whole > ANSWER_MAX || n > whole)
        return -1;
    return n == whole ? status : 0;
}

/* ---- one client ---------------------------------------------------------------------------------------- */

static void close_client(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->served = 0;
}

static bool open_client(struct run *r, struct client *c, struct error *err)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(r->s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Connecting blocks, and is done at once on loopback; what follows must not block. */
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0 ||
        epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &wanted) != 0)
        return error_set(err, ERROR_TEMPORARY, "cannot connect to port %u: %s", r->s->port, strerror(errno));
    return true;
}

/* What does not fit into the socket's buffer goes when there is room again. */
static void push(struct run *r, struct client *c)
{
    ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        c->sent += (size_t)n;
    struct epoll_event wanted = {.events = EPOLLIN | (c->sent < c->out.n ? (uint32_t)EPOLLOUT : 0),
                                 .data.ptr = c};
    if (c->sent < c->out.n || n < 0)
        epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, &wanted);
}

static bool send_next(struct run *r, struct client *c, int64_t due_us, struct error *err)
{
    if (c->fd < 0 && !open_client(r, c, err))
        return false;
    buf_clear(&c->out);
    c->expected = webhooks_write(r->s->webhooks, r->s->first + r->report->sent, &c->out);
    c->sent = c->in_n = 0;
    c->waiting = true;
    c->due_us = due_us > 0 ? due_us : now_us();
    r->report->sent++;
    push(r, c);
    return true;
}

static bool is_expected(const struct client *c, int status)
{
    return c->expected == WEBHOOK_ANY_2XX ? status / 100 == 2 : status == c->expected;
}

static void answered(struct run *r, struct client *c, int status, bool closed)
{
    struct load_report *report = r->report;
    r->answered_us = now_us();
    histogram_add(&report->us, r->answered_us - c->due_us);
    report->answered++;
    if (status == 503)
        report->refused++;
    else if (!is_expected(c, status) && report->unexpected++ == 0)
        report->status = status;
    c->served++;
    c->waiting = false;
    if (closed || (r->s->per_connection > 0 && c->served >= r->s->per_connection))
        close_client(c);
    r->idle[r->n_idle++] = c;
}

static void broken(struct run *r, struct client *c)
{
    close_client(c);
    if (!c->waiting)
        return; /* it is idle already; the server may close such connections */
    r->report->broken++;
    c->waiting = false;
    r->idle[r->n_idle++] = c;
}

static void on_event(struct run *r, struct client *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if (events & EPOLLOUT) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(r->epoll, EPOLL_CTL_MOD, c->fd, &wanted);
        push(r, c);
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !c->waiting) {
        broken(r, c);
        return;
    }
    bool closed = false;
    c->in_n += (size_t)n;
    int status = load_answer(c->in, c->in_n, &closed);
    if (status < 0)
        broken(r, c);
    else if (status > 0)
        answered(r, c, status, closed);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static bool is_over(const struct run *r)
{
    return r->report->sent >= r->s->requests || (r->s->until_ms > 0 && clock_mono_ms() >= r->s->until_ms);
}

/* Requests that are due, as far as there are clients for them. */
static bool send_due(struct run *r, struct error *err)
{
    while (r->n_idle > 0 && !is_over(r)) {
        int64_t due_us = 0;
        if (r->s->per_s > 0) {
            due_us = r->begun_us + (int64_t)(r->report->sent * 1000000 / r->s->per_s);
            if (due_us > now_us())
                return true;
        }
        if (!send_next(r, r->idle[--r->n_idle], due_us, err))
            return false;
    }
    return true;
}

static bool turn(struct run *r, struct error *err)
{
    struct epoll_event events[EVENTS];
    if (!send_due(r, err))
        return false;
    int n = epoll_wait(r->epoll, events, EVENTS, r->s->per_s > 0 ? PACE_MS : PATIENCE_MS);
    for (int i = 0; i < n; i++)
        on_event(r, events[i].data.ptr, events[i].events);
    if (now_us() - r->answered_us > PATIENCE_MS * INT64_C(1000))
        return error_set(err, ERROR_TEMPORARY, "nothing is answered any more; %lu of %lu were",
                         (unsigned long)r->report->answered, (unsigned long)r->report->sent);
    return true;
}

bool load_run(const struct load_settings *settings, struct load_report *ret, struct error *err)
{
    struct run r = {.s = settings, .report = ret, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    r.clients = xcalloc(settings->connections, sizeof *r.clients);
    r.idle = xcalloc(settings->connections, sizeof *r.idle);
    bool ok = r.epoll >= 0 || error_set(err, ERROR_SYSTEM, "epoll: %s", strerror(errno));
    for (size_t i = 0; i < settings->connections; i++) {
        struct client *c = &r.clients[i];
        buf_init(&c->out, WEBHOOK_MAX);
        c->fd = -1;
        ok = ok && open_client(&r, c, err);
        r.idle[r.n_idle++] = c;
    }
    r.begun_us = r.answered_us = now_us();
    while (ok && (!is_over(&r) || r.n_idle < settings->connections))
        ok = turn(&r, err);
    ret->ms = (r.answered_us - r.begun_us) / 1000;
    for (size_t i = 0; i < settings->connections; i++) {
        close_client(&r.clients[i]);
        buf_done(&r.clients[i].out);
    }
    free(r.clients);
    free(r.idle);
    close(r.epoll);
    return ok;
}
