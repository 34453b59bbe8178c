#include "server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "addresses.h"
#include "counters.h"
#include "handshake.h"
#include "http.h"
#include "http_tls.h"
#include "listen.h"
#include "load.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "proxies.h"
#include "publisher.h"
#include "request.h"
#include "source.h"
#include "spool.h"

enum {
    THREADS_MAX = 256, /* as the config allows */
    SWEEP_MS = 500,
    RECEIVE_FACTOR = 4, /* a request has so many deadlines to arrive in */
    DRAIN_EXTRA_MS = 1000,
    BEHIND_SHARE = 4, /* a turn that takes such a part of the deadline: who comes now would wait too long */
    QUIET_MS = 50,    /* a client between two requests on one connection is let finish */
    LAST_TURNS = 4,
    ALIVE_MS = 10 * 1000,
};

static const int64_t BODIES_MIN = 64 * 1024 * 1024; /* of all threads */

struct thread {
    struct server *server;
    pthread_t id;
    struct loop *loop;
    struct http *http;
    struct publisher *publisher;
    struct requests requests;
    int64_t swept_ms;
    _Atomic(struct sources *) next_set; /* a reload's, to be taken */
    _Atomic bool stopping;
    _Atomic int64_t turned_ms; /* last turn, monotonic */
};

struct server {
    struct metrics *metrics;
    struct addresses *addresses;
    struct proxies *proxies;
    struct http_tls *tls;    /* NULL: plain HTTP */
    struct archive *archive; /* NULL: none */
    struct load *load;
    struct spool *spool; /* NULL: none */
    int64_t deadline_ms;
    uint16_t port;
    size_t n_threads, n_started;
    struct thread *threads;
};

/* ---- one thread ---------------------------------------------------------------------------------------- */

static void wake(void *ctx, uint32_t events)
{
    (void)ctx; /* a turn looks at everything */
    (void)events;
}

static void take_ends(void *ctx, uint32_t events)
{
    (void)events;
    http_take_ends(ctx);
}

static int least(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static void take_sources(struct thread *t)
{
    struct sources *set = atomic_exchange(&t->next_set, NULL);
    if (set)
        requests_use(&t->requests, set);
}

/* After a turn that took too long, nothing new is taken on for as long again: what is there already is served first. */
static void note_lateness(struct thread *t, int64_t now_ms, int64_t begun_ms)
{
    if (now_ms - begun_ms > t->server->deadline_ms / BEHIND_SHARE)
        t->requests.behind_until_ms = now_ms + (now_ms - begun_ms);
}

/* One turn: reports of Kafka and the spool, deadlines, requests, wait. What resumes a connection comes first, so that its answer leaves in the
 * same turn. */
static void turn(struct thread *t, int most_ms)
{
    int64_t now = clock_mono_ms();
    publisher_poll(t->publisher);
    publisher_renew(t->publisher);
    if (t->requests.port)
        spool_poll(t->requests.port);
    requests_expire(&t->requests, now);
    http_run(t->http);
    if (now - t->swept_ms >= SWEEP_MS) {
        http_sweep(t->http, now);
        t->swept_ms = now;
    }
    take_sources(t);
    note_lateness(t, clock_mono_ms(), now);
    atomic_store_explicit(&t->turned_ms, now, memory_order_relaxed);
    int timeout = least(http_timeout_ms(t->http), requests_timeout_ms(&t->requests, now));
    loop_wait(t->loop, least(timeout, most_ms));
}

static bool idle(const struct thread *t)
{
    return http_exchanges(t->http) == 0 && publisher_in_flight(t->publisher) == 0 &&
           (!t->requests.port || spool_pending(t->requests.port) == 0);
}

static void drain(struct thread *t)
{
    int64_t end = clock_mono_ms() + t->server->deadline_ms + DRAIN_EXTRA_MS;
    http_run(t->http); /* takes what is already in the backlog */
    http_stop_listening(t->http);
    int64_t busy_ms = clock_mono_ms(), now = busy_ms;
    for (; now < end && now - busy_ms < QUIET_MS; now = clock_mono_ms()) {
        turn(t, QUIET_MS);
        if (!idle(t))
            busy_ms = clock_mono_ms();
    }
    requests_close(&t->requests);
    for (int i = 0; i < LAST_TURNS; i++)
        http_run(t->http);
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    while (!atomic_load(&t->stopping))
        turn(t, SWEEP_MS);
    drain(t);
    return NULL;
}

static bool http_init(struct thread *t, const struct config *cfg, int fd, struct error *err)
{
    const struct config_ingest *in = &cfg->ingest;
    int64_t bodies = in->limits.body_bytes * 16 > BODIES_MIN ? in->limits.body_bytes * 16 : BODIES_MIN;
    struct http_settings settings = {
        .listen_fd = fd,
        .tls = t->server->tls != NULL,
        .header_bytes = in->limits.header_bytes,
        .receive_ms = in->deadline_ms * RECEIVE_FACTOR,
        .bodies_bytes = bodies / (int64_t)t->server->n_threads,
        .connections = in->limits.connections,
        .addresses = t->server->addresses,
        .proxies = t->server->proxies,
        .metrics = t->server->metrics,
        .callbacks = requests_callbacks(&t->requests),
    };
    return http_new(&settings, &t->http, err);
}

static bool load_sources(struct server *s, const struct config *cfg, struct sources **ret, struct error *err)
{
    if (!sources_load(cfg, ret, err))
        return false;
    for (size_t i = 0; i < (*ret)->n; i++)
        (*ret)->v[i].rate = load_rate(s->load, (*ret)->v[i].name);
    return true;
}

/* fd is taken over, even on failure. */
static bool thread_init(struct thread *t, const struct config *cfg, int fd, struct error *err)
{
    struct server *s = t->server;
    struct sources *set;
    if (!load_sources(s, cfg, &set, err)) {
        close(fd);
        return false;
    }
    for (size_t i = 0; i < set->n; i++)
        handshake_clear(&set->v[i]);
    t->requests =
        (struct requests){.set = set, .metrics = s->metrics, .load = s->load, .archive = s->archive};
    if (!loop_new(&t->loop, err) ||
        !publisher_new(cfg, PUBLISHER_HASTY, request_report, s->metrics, &t->publisher, err)) {
        close(fd);
        return false;
    }
    t->requests.publisher = t->publisher;
    t->requests.spool = s->spool;
    if (s->spool)
        t->requests.port = spool_port_new(s->spool, t->loop, request_spooled);
    t->swept_ms = clock_mono_ms();
    atomic_store(&t->turned_ms, t->swept_ms);
    return http_init(t, cfg, fd, err) &&
           loop_add(t->loop, publisher_fd(t->publisher), EPOLLIN, wake, NULL, err) &&
           loop_add(t->loop, http_fd(t->http), EPOLLIN, wake, NULL, err) &&
           loop_add(t->loop, http_ends_fd(t->http), EPOLLIN, take_ends, t->http, err);
}

static void thread_done(struct thread *t)
{
    http_free(t->http);
    if (t->requests.port)
        spool_poll(t->requests.port); /* what it finished after our last turn */
    spool_port_free(t->requests.port);
    t->requests.port = NULL;
    publisher_free(t->publisher);
    requests_done(&t->requests);
    sources_free(atomic_load(&t->next_set));
    loop_free(t->loop);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

bool server_new(const struct config *cfg, struct metrics *metrics, struct server **ret, struct error *err)
{
    const struct config_ingest_limits *limits = &cfg->ingest.limits;
    int fds[THREADS_MAX];
    size_t n = (size_t)cfg->ingest.threads;
    struct server *s = xcalloc(1, sizeof *s);
    *s = (struct server){.metrics = metrics, .deadline_ms = cfg->ingest.deadline_ms};
    assert(n >= 1 && n <= THREADS_MAX);
    s->addresses = addresses_new(limits->connections, limits->connections_per_address);
    s->threads = xcalloc(n, sizeof *s->threads);
    s->load = load_new(cfg);
    bool ok = (!cfg->ingest.tls.certificate || http_tls_new(&cfg->ingest.tls, &s->tls, err)) &&
              archive_new(cfg, &s->archive, err) &&
              proxies_new(&cfg->ingest.trusted_proxies, &s->proxies, err) &&
              (!cfg->ingest.spool.path || spool_new(cfg, metrics, &s->spool, err)) &&
              listen_open(cfg->ingest.listen, n, fds, &s->port, err);
    size_t opened = ok ? n : 0;
    s->n_threads = opened;
    for (size_t i = 0; i < opened; i++) {
        s->threads[i].server = s;
        if (ok)
            ok = thread_init(&s->threads[i], cfg, fds[i], err);
        else
            close(fds[i]);
    }
    if (!ok) {
        server_free(s);
        return false;
    }
    *ret = s;
    return true;
}

bool server_start(struct server *s, struct error *err)
{
    if (s->spool && !spool_start(s->spool, err))
        return false;
    for (; s->n_started < s->n_threads; s->n_started++) {
        struct thread *t = &s->threads[s->n_started];
        int rc = pthread_create(&t->id, NULL, thread_main, t);
        if (rc != 0)
            return error_set(err, ERROR_SYSTEM, "cannot start a thread: %s", strerror(rc));
        char name[16];
        snprintf(name, sizeof name, "ingest-%zu", s->n_started);
        pthread_setname_np(t->id, name);
    }
    return true;
}

void server_stop(struct server *s)
{
    for (size_t i = 0; i < s->n_started; i++) {
        atomic_store(&s->threads[i].stopping, true);
        loop_wake(s->threads[i].loop);
    }
    for (size_t i = 0; i < s->n_started; i++)
        pthread_join(s->threads[i].id, NULL);
    s->n_started = 0;
    if (s->spool)
        spool_stop(s->spool);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    server_stop(s);
    for (size_t i = 0; i < s->n_threads; i++)
        thread_done(&s->threads[i]);
    free(s->threads);
    spool_free(s->spool);
    http_tls_free(s->tls);
    archive_free(s->archive);
    proxies_free(s->proxies);
    load_free(s->load);
    addresses_free(s->addresses);
    free(s);
}

bool server_reload(struct server *s, const struct config *cfg, struct error *err)
{
    struct sources *sets[THREADS_MAX] = {0};
    for (size_t i = 0; i < s->n_threads; i++) {
        if (load_sources(s, cfg, &sets[i], err))
            continue;
        while (i-- > 0)
            sources_free(sets[i]);
        return false;
    }
    if (s->tls && cfg->ingest.tls.certificate && !http_tls_reload(s->tls, &cfg->ingest.tls, err)) {
        for (size_t i = 0; i < s->n_threads; i++)
            sources_free(sets[i]);
        return false;
    }
    load_use(s->load, cfg);
    addresses_limit(s->addresses, cfg->ingest.limits.connections, cfg->ingest.limits.connections_per_address);
    for (size_t i = 0; i < s->n_threads; i++) {
        sources_free(atomic_exchange(&s->threads[i].next_set, sets[i]));
        loop_wake(s->threads[i].loop);
    }
    return true;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

void server_kafka_is_there(struct server *s)
{
    if (s->spool)
        spool_release(s->spool);
}

/* With a spool that keeps events, Kafka may be away. */
bool server_ready(struct server *s, struct buf *reason)
{
    bool spool = s->spool && spool_usable(s->spool);
    for (size_t i = 0; i < s->n_threads; i++) {
        if (atomic_load(&s->threads[i].stopping)) {
            buf_adds(reason, "stopping");
            return false;
        }
        if (!spool && publisher_down(s->threads[i].publisher)) {
            buf_adds(reason, s->spool ? "no broker can be reached and the spool keeps nothing"
                                      : "no broker can be reached");
            return false;
        }
    }
    return true;
}

bool server_alive(struct server *s)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < s->n_threads; i++)
        if (now - atomic_load_explicit(&s->threads[i].turned_ms, memory_order_relaxed) > ALIVE_MS)
            return false;
    return true;
}

void server_gauges(struct server *s)
{
    metrics_set(s->metrics, COUNT_CONNECTIONS, NULL, addresses_count(s->addresses));
    if (s->tls)
        metrics_set(s->metrics, COUNT_TLS_EXPIRES, NULL, http_tls_expires_s(s->tls));
    if (s->spool)
        spool_gauges(s->spool);
}
