#include "http_client_sockets.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mem.h"
#include "now.h"

enum { IDLE_CONNECTIONS_MIN = 16, IDLE_CONNECTIONS_MAX = 4096, MULTIS_MAX = 64 };

struct http_multi {
    struct http_sockets *sockets;
    CURLM *handle;
    int64_t due_ms; /* CLOCK_MONOTONIC; -1: libcurl wants no timer */
};

struct http_sockets {
    struct loop *loop;
    http_sockets_ended *ended;
    struct http_multi *multis;
    size_t n_multis;
    struct watch **watches; /* by descriptor */
    size_t n_watches;
};

/* ---- sockets ------------------------------------------------------------------------------------------- */

static void tell_ended(struct http_multi *m)
{
    int left;
    for (CURLMsg *msg; (msg = curl_multi_info_read(m->handle, &left));)
        if (msg->msg == CURLMSG_DONE)
            m->sockets->ended(msg->easy_handle, msg->data.result);
}

static void act(struct http_multi *m, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(m->handle, fd, what, &running);
    tell_ended(m);
}

/* A connection stays in the loop between calls, though libcurl takes it out after each and puts it in again with the
 * next: what it does not want to hear of is rare (the other side closes) and takes it out then. Descriptors of which we
 * do not see the closing (of a resolver) leave the loop when they are told to. */
struct watch {
    struct http_multi *multi;
    curl_socket_t fd;
    bool connection; /* on_close will be called */
    bool wanted;
    uint32_t events; /* in the loop; 0: not there */
};

static void leave_loop(struct watch *watch)
{
    if (watch->events)
        loop_remove(watch->multi->sockets->loop, watch->fd);
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

static struct watch *watch_of(struct http_multi *m, curl_socket_t fd)
{
    struct http_sockets *s = m->sockets;
    size_t need = (size_t)fd + 1;
    if (need > s->n_watches) {
        s->watches = xreallocarray(s->watches, need * 2, sizeof(struct watch *));
        memset(s->watches + s->n_watches, 0, (need * 2 - s->n_watches) * sizeof(struct watch *));
        s->n_watches = need * 2;
    }
    if (!s->watches[fd])
        s->watches[fd] = xcalloc(1, sizeof(struct watch));
    s->watches[fd]->multi = m;
    s->watches[fd]->fd = fd;
    return s->watches[fd];
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct http_multi *m = ctx;
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
    return loop_add(m->sockets->loop, fd, events, on_ready, watch, NULL) ? 0 : -1;
}

/* Of a connection, or of an attempt at one. Of an attempt that came to nothing libcurl 7.88 closes the socket without
 * on_close: what stands here of it is not about this one, which the loop does not have yet. */
static int on_open(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct http_multi *m = ctx;
    struct watch *watch = watch_of(m, fd);
    (void)purpose;
    leave_loop(watch);
    *watch = (struct watch){.multi = m, .fd = fd, .connection = true};
    return CURL_SOCKOPT_OK;
}

static int on_close(void *ctx, curl_socket_t fd)
{
    struct http_sockets *s = ctx;
    if ((size_t)fd < s->n_watches && s->watches[fd]) {
        leave_loop(s->watches[fd]);
        free(s->watches[fd]);
        s->watches[fd] = NULL;
    }
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http_multi *m = ctx;
    (void)multi;
    m->due_ms = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    return 0;
}

/* ---- transfers ----------------------------------------------------------------------------------------- */

void http_multi_prepare(struct http_multi *m, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, m);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, m->sockets);
}

void http_multi_start(struct http_multi *m, CURL *easy)
{
    CURLMcode code = curl_multi_add_handle(m->handle, easy);
    assert(code == CURLM_OK);
    (void)code;
}

void http_multi_stop(struct http_multi *m, CURL *easy)
{
    curl_multi_remove_handle(m->handle, easy);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

struct http_multi *http_sockets_multi(struct http_sockets *s, size_t i)
{
    return &s->multis[i % s->n_multis];
}

struct http_sockets *http_sockets_new(struct loop *loop, size_t wanted, size_t calls,
                                      http_sockets_ended *ended)
{
    struct http_sockets *s = xcalloc(1, sizeof *s);
    *s = (struct http_sockets){.loop = loop, .ended = ended};
    s->n_multis = wanted < 1 ? 1 : wanted < MULTIS_MAX ? wanted : MULTIS_MAX;
    size_t kept = calls / s->n_multis + IDLE_CONNECTIONS_MIN;
    size_t most = IDLE_CONNECTIONS_MAX / s->n_multis;
    s->multis = xcalloc(s->n_multis, sizeof *s->multis);
    for (size_t i = 0; i < s->n_multis; i++) {
        struct http_multi *m = &s->multis[i];
        *m = (struct http_multi){.sockets = s, .handle = curl_multi_init(), .due_ms = -1};
        if (!m->handle)
            abort(); /* out of memory */
        curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS, (long)(kept < most ? kept : most));
        curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
        curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
    }
    return s;
}

void http_sockets_free(struct http_sockets *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_multis; i++)
        curl_multi_cleanup(s->multis[i].handle); /* closes kept connections: on_close is called for them */
    for (size_t i = 0; i < s->n_watches; i++)
        free(s->watches[i]);
    free(s->watches);
    free(s->multis);
    free(s);
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

int http_sockets_timeout_ms(const struct http_sockets *s)
{
    int64_t first = -1;
    for (size_t i = 0; i < s->n_multis; i++)
        if (s->multis[i].due_ms >= 0 && (first < 0 || s->multis[i].due_ms < first))
            first = s->multis[i].due_ms;
    if (first < 0)
        return -1;
    int64_t left = first - clock_mono_ms();
    return left < 0 ? 0 : (int)left;
}

void http_sockets_run(struct http_sockets *s)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < s->n_multis; i++) {
        struct http_multi *m = &s->multis[i];
        if (m->due_ms < 0 || m->due_ms > now_ms)
            continue;
        m->due_ms = -1;
        act(m, CURL_SOCKET_TIMEOUT, 0);
    }
}
