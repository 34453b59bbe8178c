#include "../../worker/http_client.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "mem.h"

enum { REQUEST_MAX = 8192, WAIT_MS = 10000 };

/* A server for one test: answers each request of each connection with the next of its scripted replies. */
struct server {
    int fd;
    uint16_t port;
    pthread_t thread;
    const char *const *replies; /* NULL ends: then it closes without an answer */
    char requests[4][REQUEST_MAX];
    _Atomic int n_requests;
    _Atomic int n_connections;
    bool close_after_reply;
    bool silent;  /* reads and never answers */
    bool blurts;  /* answers before it has read anything */
    SSL_CTX *tls; /* NULL: in clear */
};

struct peer {
    int fd;
    SSL *tls; /* NULL: in clear */
};

static ssize_t peer_read(const struct peer *p, void *to, size_t n)
{
    return p->tls ? SSL_read(p->tls, to, (int)n) : read(p->fd, to, n);
}

static ssize_t peer_write(const struct peer *p, const char *text)
{
    return p->tls ? SSL_write(p->tls, text, (int)strlen(text)) : write(p->fd, text, strlen(text));
}

static bool read_request(const struct peer *p, char *out)
{
    size_t n = 0;
    while (n < REQUEST_MAX - 1) {
        ssize_t got = peer_read(p, out + n, REQUEST_MAX - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        out[n] = '\0';
        const char *end = strstr(out, "\r\n\r\n");
        if (!end)
            continue;
        const char *length = strcasestr(out, "\r\nContent-Length:");
        size_t body = length ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
        if (n >= (size_t)(end - out) + 4 + body)
            return true;
    }
    return false;
}

static void serve_connection(struct server *s, const struct peer *p)
{
    if (s->blurts && peer_write(p, s->replies[0]) < 0)
        s->n_requests++;
    while (s->n_requests < 4 && read_request(p, s->requests[s->n_requests])) {
        const char *reply = s->replies[s->n_requests++];
        if (s->silent)
            continue;
        if (!reply || peer_write(p, reply) < 0 || s->close_after_reply)
            break;
    }
}

static void accept_connection(struct server *s, int fd)
{
    struct peer p = {.fd = fd};
    if (s->tls) {
        p.tls = SSL_new(s->tls);
        SSL_set_fd(p.tls, fd);
    }
    char more[256];
    if (!p.tls || SSL_accept(p.tls) == 1)
        serve_connection(s, &p);
    else /* who is cut while it writes does not hear why */
        while (read(fd, more, sizeof more) > 0)
            ;
    SSL_free(p.tls);
    close(fd);
}

static void *serve(void *ctx)
{
    struct server *s = ctx;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        s->n_connections++;
        accept_connection(s, fd);
    }
    return NULL;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static void server_listen(struct server *s, int queue)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    signal(SIGPIPE, SIG_IGN); /* as the worker does */
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(s->fd, queue), 0);
    getsockname(s->fd, (struct sockaddr *)&address, &size);
    s->port = ntohs(address.sin_port);
}

static void server_serve(struct server *s)
{
    pthread_create(&s->thread, NULL, serve, s);
}

static void server_start(struct server *s)
{
    server_listen(s, 16);
    server_serve(s);
}

/* Does not wait until the connection is there. */
static int connect_to(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS);
    return fd;
}

/* After http_client_free: the connections are closed then, and the thread is back in accept. */
static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* ---- the client under test ----------------------------------------------------------------------------- */

struct trial {
    struct loop *loop;
    struct http_client *client;
    bool may_write;
    int asked;
    int done;
    struct call_reply reply; /* of the last call; body and error copied */
    char *body;
    char *error;
    char *headers; /* "name=value\n" */
};

static bool on_may_write(void *ctx, const struct call *call)
{
    struct trial *t = ctx;
    (void)call;
    t->asked++;
    return t->may_write;
}

static void on_done(void *ctx, const struct call *call, const struct call_reply *reply, int64_t elapsed_ms)
{
    struct trial *t = ctx;
    (void)call, (void)elapsed_ms;
    t->done++;
    t->reply = *reply;
    free(t->body);
    free(t->error);
    t->body = xstrndup(reply->body.p ? reply->body.p : "", reply->body.n);
    t->error = xstrdup_null(reply->error);
    free(t->headers);
    t->headers = xstrdup("");
    for (size_t i = 0; i < reply->n_headers; i++) {
        char *longer = xasprintf("%s%s=%s\n", t->headers, reply->headers[i].name, reply->headers[i].value);
        free(t->headers);
        t->headers = longer;
    }
}

static void trial_init_target(struct trial *t, const char *scheme, uint16_t port, struct http_target target)
{
    const struct http_callbacks callbacks = {.ctx = t, .may_write = on_may_write, .done = on_done};
    struct error err = {0};
    *t = (struct trial){.may_write = true};
    ck_assert_msg(loop_new(&t->loop, &err), "%s", err.message);
    char *url = xasprintf("%s://%s:%d/scim", scheme, target.base_url ? target.base_url : "127.0.0.1", port);
    target.base_url = url;
    target.in_flight_max = 4;
    ck_assert_msg(http_client_new(t->loop, &target, 1, &callbacks, &t->client, &err), "%s", err.message);
    free(url);
}

static void trial_init_url(struct trial *t, const char *scheme, uint16_t port, const char *token)
{
    trial_init_target(t, scheme, port, (struct http_target){.token = token});
}

static void trial_init(struct trial *t, uint16_t port, const char *token)
{
    trial_init_url(t, "http", port, token);
}

static void trial_done(struct trial *t)
{
    http_client_free(t->client);
    loop_free(t->loop);
    free(t->body);
    free(t->error);
    free(t->headers);
}

static void await(struct trial *t, int calls)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    http_client_run(t->client);
    while (t->done < calls && clock_mono_ms() < until) {
        int wait = http_client_timeout_ms(t->client);
        loop_wait(t->loop, wait < 0 || wait > 100 ? 100 : wait);
        http_client_run(t->client);
    }
    ck_assert_int_eq(t->done, calls);
    ck_assert_uint_eq(http_client_in_flight(t->client), 0);
}

static void run(struct trial *t, const struct call *call)
{
    http_client_start(t->client, call);
    await(t, t->done + 1);
}

static const struct call get = {.method = "GET", .path = "/Users/1?attributes=id", .timeout_ms = 5000};
static const struct call patch = {.method = "PATCH",
                                  .path = "/Users/1",
                                  .body = "{\"a\":1}",
                                  .body_n = 7,
                                  .timeout_ms = 5000,
                                  .write = true};
static const struct call delete = {.method = "DELETE", .path = "/Users/1", .timeout_ms = 5000, .write = true};

static const char *const ok[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                                 "HTTP/1.1 204 No Content\r\n\r\n",
                                 "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", NULL};

START_TEST(sends_what_scim_asks_for_on_one_kept_connection)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, "s3cret");

    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_int_eq(t.reply.status, 200);
    ck_assert_str_eq(t.body, "{}");
    run(&t, &delete);
    ck_assert_int_eq(t.reply.status, 204);
    ck_assert_str_eq(t.body, "");
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 404);
    ck_assert_str_eq(t.body, "gone");

    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_connections, 1);
    ck_assert_ptr_nonnull(strstr(s.requests[0], "PATCH /scim/Users/1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Authorization: Bearer s3cret\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Content-Type: application/scim+json\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Accept: application/scim+json"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "\r\n\r\n{\"a\":1}"));
    ck_assert_ptr_null(strstr(s.requests[0], "Expect:"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "DELETE /scim/Users/1 HTTP/1.1\r\n"));
    ck_assert_ptr_null(strcasestr(s.requests[1], "chunked"));
    ck_assert_ptr_nonnull(strstr(s.requests[2], "GET /scim/Users/1?attributes=id HTTP/1.1\r\n"));
}
END_TEST

START_TEST(a_source_is_asked_in_its_own_way_and_its_headers_are_told)
{
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nLink: <https://x.example/2>; rel=\"next\"\r\nLINK: <y>\r\nX-Next:  c2 \r\n"
        "Content-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL};
    static const char *const headers[] = {"accept: text/csv", "x-version: 2"};
    const struct call page = {.method = "GET",
                              .path = "/people/..?x",
                              .timeout_ms = 5000,
                              .headers = headers,
                              .n_headers = ARRAY_SIZE(headers)};
    const struct call search = {
        .method = "POST", .path = "/search", .body = "{}", .body_n = 2, .timeout_ms = 5000};
    struct server s = {.replies = replies};
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "http", s.port,
                      (struct http_target){.token = "k3y", .before_token = "x-key: SSWS ", .source = true});
    run(&t, &page);
    ck_assert_ptr_nonnull(strstr(t.headers, "link=<https://x.example/2>; rel=\"next\", <y>\n"));
    ck_assert_ptr_nonnull(strstr(t.headers, "x-next=c2\n"));
    run(&t, &search);
    ck_assert_ptr_null(strstr(t.headers, "x-next"));
    trial_done(&t);
    server_stop(&s);
    ck_assert_ptr_nonnull(
        strstr(s.requests[0], "GET /scim/people/..?x HTTP/1.1\r\n")); /* as the script has it */
    ck_assert_ptr_nonnull(strstr(s.requests[0], "x-key: SSWS k3y\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "x-version: 2\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "accept: text/csv\r\n"));
    ck_assert_ptr_null(strstr(s.requests[0], "application/json"));
    ck_assert_ptr_null(strcasestr(s.requests[0], "content-type"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "POST /scim/search HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "Accept: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "Content-Type: application/json\r\n"));
}
END_TEST

START_TEST(calls_after_a_reload_carry_the_new_token)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, "old");
    run(&t, &get);
    http_client_set_token(t.client, 0, "new");
    run(&t, &get);
    http_client_set_token(t.client, 0, NULL);
    run(&t, &get);
    trial_done(&t);
    server_stop(&s);
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Bearer old\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "Bearer new\r\n"));
    ck_assert_ptr_null(strstr(s.requests[2], "Authorization"));
}
END_TEST

START_TEST(tells_when_to_come_again_and_follows_no_redirect)
{
    static const char *const replies[] = {
        "HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", NULL};
    struct server s = {.replies = replies};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 429);
    ck_assert_int_eq(t.reply.retry_after_ms, 3000);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 302);
    ck_assert_int_eq(t.reply.retry_after_ms, -1);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 2);
}
END_TEST

START_TEST(what_may_not_be_written_is_not_sent)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    t.may_write = false;
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_HELD_BACK);
    ck_assert_str_eq(t.error, "lease over");
    ck_assert_int_eq(t.asked, 1);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 0);
}
END_TEST

START_TEST(a_refused_connection_is_not_sent)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    server_stop(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_CONNECT);
    ck_assert_int_eq(t.asked, 0);
    trial_done(&t);
}
END_TEST

/* libcurl closes such a socket without a word, and its number is the next one's. */
START_TEST(after_a_connection_that_never_came_about_the_next_one_works)
{
    struct server s = {.replies = ok};
    struct trial t;
    struct call hasty = get;
    int fillers[2];
    hasty.timeout_ms = 200;
    server_listen(&s, 0);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        fillers[i] = connect_to(s.port); /* its queue is full: it answers no more */
    trial_init(&t, s.port, NULL);
    run(&t, &hasty);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        shutdown(fillers[i], SHUT_RDWR); /* their numbers stay taken */
    server_serve(&s);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    trial_done(&t);
    server_stop(&s);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        close(fillers[i]);
}
END_TEST

START_TEST(a_server_that_speaks_no_tls_is_refused_as_such)
{
    struct server s = {.replies = ok, .blurts = true};
    struct trial t;
    server_start(&s);
    trial_init_url(&t, "https", s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

/* A certificate that has signed itself, for the address given, in a file of that name. */
static SSL_CTX *certify(const char *address, char *file)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    char *names = xasprintf("IP:%s", address);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(cert, extension, -1);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    FILE *out = fdopen(mkstemp(file), "w");
    PEM_write_X509(out, cert);
    fclose(out);
    ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_EXTENSION_free(extension);
    X509_free(cert);
    EVP_PKEY_free(key);
    free(names);
    return ctx;
}

START_TEST(talks_tls_to_who_is_certified_on_one_kept_connection)
{
    enum { LONG = 100 * 1000 }; /* several records */
    char file[] = "/tmp/rollcall-test-XXXXXX", *text = xmalloc(LONG + 100);
    int head = snprintf(text, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LONG);
    memset(text + head, 'x', LONG);
    text[head + LONG] = '\0';
    const char *const replies[] = {ok[0], text, ok[2], NULL};
    struct server s = {.replies = replies, .tls = certify("127.0.0.1", file)};
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "https", s.port, (struct http_target){.token = "s3cret", .ca_file = file});
    run(&t, &patch);
    ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    ck_assert_str_eq(t.body, "{}");
    run(&t, &get);
    ck_assert_uint_eq(strlen(t.body), LONG);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 404);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_connections, 1);
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Authorization: Bearer s3cret\r\n"));
    SSL_CTX_free(s.tls);
    unlink(file);
    free(text);
}
END_TEST

START_TEST(who_is_not_certified_gets_nothing)
{
    static const struct {
        const char *address;
        bool trusted;
    } cases[] = {{"127.0.0.1", false}, {"127.0.0.2", true}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char file[] = "/tmp/rollcall-test-XXXXXX";
        struct server s = {.replies = ok, .tls = certify(cases[i].address, file)};
        struct trial t;
        server_start(&s);
        trial_init_target(&t, "https", s.port,
                          (struct http_target){.token = "s3cret", .ca_file = cases[i].trusted ? file : NULL});
        run(&t, &patch);
        ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
        ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
        ck_assert_int_eq(t.asked, 0);
        trial_done(&t);
        server_stop(&s);
        ck_assert_int_eq(s.n_requests, 0);
        SSL_CTX_free(s.tls);
        unlink(file);
    }
}
END_TEST

START_TEST(a_cut_connection_leaves_the_outcome_unknown)
{
    static const char *const nothing[] = {NULL};
    struct server s = {.replies = nothing};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_CUT);
    ck_assert_ptr_nonnull(t.error);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

START_TEST(a_time_out_leaves_the_outcome_unknown)
{
    struct server s = {.replies = ok, .silent = true};
    struct trial t;
    struct call hasty = patch;
    hasty.timeout_ms = 100;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &hasty);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_TIMEOUT);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

START_TEST(half_an_answer_is_none)
{
    static const char *const half[] = {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", NULL};
    struct server s = {.replies = half, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

/* A kept connection that dies as the next request is written: libcurl would repeat it by itself. */
/* The resolver's descriptors come and go between those of connections, with the same numbers. */
START_TEST(a_host_by_name_is_found_for_each_new_connection)
{
    struct server s = {.replies = ok, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "http", s.port, (struct http_target){.base_url = "localhost"});
    for (int i = 0; i < 3; i++) {
        run(&t, &get); /* repeated when it meets a connection that is being closed */
        ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    }
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_connections, 3);
}
END_TEST

START_TEST(a_write_is_never_sent_twice)
{
    static const char *const once[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL, NULL, NULL};
    struct server s = {.replies = once};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 2);
}
END_TEST

START_TEST(a_read_may_be_repeated)
{
    static const char *const second[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL,
                                         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", NULL};
    struct server s = {.replies = second};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_str_eq(t.body, "[]");
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 3);
}
END_TEST

START_TEST(refuses_a_body_over_the_limit)
{
    char *huge = xmalloc(HTTP_REPLY_MAX + 200);
    int head = snprintf(huge, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", HTTP_REPLY_MAX + 1);
    memset(huge + head, 'x', HTTP_REPLY_MAX + 1);
    huge[head + HTTP_REPLY_MAX + 1] = '\0';
    const char *const replies[] = {huge, NULL};
    struct server s = {.replies = replies, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_str_eq(t.error, "reply too large");
    ck_assert_int_eq(t.reply.failure, FAILURE_TOO_LARGE);
    trial_done(&t);
    server_stop(&s);
    free(huge);
}
END_TEST

START_TEST(refuses_headers_over_the_limit)
{
    struct buf huge;
    buf_init(&huge, 2 * HTTP_HEAD_MAX);
    buf_adds(&huge, "HTTP/1.1 200 OK\r\n");
    while (huge.n < HTTP_HEAD_MAX)
        buf_adds(&huge, "X-More: and more and more and more\r\n");
    buf_adds(&huge, "Content-Length: 2\r\n\r\n{}");
    const char *const replies[] = {huge.p, NULL};
    struct server s = {.replies = replies, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_TOO_LARGE);
    trial_done(&t);
    server_stop(&s);
    buf_done(&huge);
}
END_TEST

START_TEST(a_base_url_that_is_none_is_refused_at_the_start)
{
    const struct http_target targets[] = {{.base_url = "http://127.0.0.1:80/scim"},
                                          {.base_url = "http://127.0.0.1:123456/scim"}};
    const struct http_callbacks callbacks = {.may_write = on_may_write, .done = on_done};
    struct http_client *client;
    struct loop *loop;
    struct error err = {0};
    ck_assert(loop_new(&loop, &err));
    ck_assert(!http_client_new(loop, targets, 2, &callbacks, &client, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, "http://127.0.0.1:123456/scim: not a URL");
    loop_free(loop);
}
END_TEST

START_TEST(ends_with_calls_under_way)
{
    struct server s = {.replies = ok, .silent = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    http_client_start(t.client, &patch);
    http_client_run(t.client);
    ck_assert_uint_eq(http_client_in_flight(t.client), 1);
    trial_done(&t);
    ck_assert_int_eq(t.done, 0);
    server_stop(&s);
}
END_TEST

/* ---- who we are ---------------------------------------------------------------------------------------- */

#define JSON(n, text) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" text
static const char *const tokens[] = {
    JSON(61, "{\"access_token\":\"t1\",\"token_type\":\"Bearer\",\"expires_in\":3600}"),
    JSON(25, "{\"access_token\":\"t2\"}    "), JSON(25, "{\"access_token\":\"t3\"}    "), NULL};

/* A target whose tokens another server gives. */
static void trial_init_oauth(struct trial *t, uint16_t port, uint16_t token_port, bool in_body)
{
    char *url = xasprintf("http://127.0.0.1:%d/token", token_port);
    trial_init_target(
        t, "http", port,
        (struct http_target){.token = "hush hush", .oauth = {url, "we+us", "scim write", in_body}});
    free(url);
}

START_TEST(a_token_is_had_once_for_all_calls)
{
    /* One connection after the other: the server has one thread. */
    static const char *const three[] = {JSON(2, "{}"), JSON(2, "{}"), JSON(2, "{}"), NULL};
    struct server s = {.replies = three, .close_after_reply = true}, issuer = {.replies = tokens};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, false);
    http_client_start(t.client, &get);
    http_client_start(t.client, &patch);
    await(&t, 2);
    run(&t, &get);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_int_eq(issuer.n_requests, 1);
    ck_assert_ptr_nonnull(strstr(issuer.requests[0], "POST /token HTTP/1.1\r\n"));
    /* base64 of we%2Bus:hush%20hush */
    ck_assert_ptr_nonnull(
        strstr(issuer.requests[0], "Authorization: Basic d2UlMkJ1czpodXNoJTIwaHVzaA==\r\n"));
    ck_assert_ptr_nonnull(
        strstr(issuer.requests[0], "\r\n\r\ngrant_type=client_credentials&scope=scim%20write"));
    ck_assert_ptr_null(strstr(issuer.requests[0], "hush"));
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(strstr(s.requests[i], "Authorization: Bearer t1\r\n"));
}
END_TEST

START_TEST(a_token_that_was_good_and_is_refused_is_renewed_and_a_new_one_that_is_refused_is_told)
{
    static const char refused[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    static const char *const replies[] = {JSON(2, "{}"), refused, refused, refused};
    struct server s = {.replies = replies}, issuer = {.replies = tokens};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, true);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 200);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_HELD_BACK);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_int_eq(t.reply.status, 401);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.status, 401);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_ptr_nonnull(strstr(issuer.requests[0], "&client_id=we%2Bus&client_secret=hush%20hush"));
    ck_assert_ptr_null(strstr(issuer.requests[0], "Authorization"));
    for (int i = 0; i < 4; i++) {
        char line[64];
        snprintf(line, sizeof line, "Authorization: Bearer t%d\r\n", i == 0 ? 1 : i);
        ck_assert_ptr_nonnull(strstr(s.requests[i], line));
    }
}
END_TEST

/* It takes the token, and refuses one thing all the same. */
START_TEST(a_service_that_refuses_a_token_now_and_then_is_believed)
{
    static const char refused[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    static const char *const replies[] = {JSON(2, "{}"), refused, JSON(2, "{}"), refused};
    struct server s = {.replies = replies}, issuer = {.replies = tokens};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, true);
    run(&t, &get);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 200);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_int_eq(t.reply.status, 401);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
}
END_TEST

START_TEST(without_a_token_nothing_is_sent)
{
    static const char *const replies[] = {"HTTP/1.1 400 No\r\nContent-Length: 4\r\n\r\nhush",
                                          "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", JSON(2, "{}"),
                                          NULL};
    static const enum call_failure failures[] = {FAILURE_TOKEN_REFUSED, FAILURE_TOKEN, FAILURE_TOKEN};
    struct server s = {.replies = ok}, issuer = {.replies = replies};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, false);
    for (size_t i = 0; i < 3; i++) {
        run(&t, &patch);
        ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
        ck_assert_int_eq(t.reply.failure, failures[i]);
        ck_assert_ptr_null(strstr(t.error, "hush"));
    }
    ck_assert_int_eq(t.asked, 0);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_int_eq(s.n_connections, 0);
}
END_TEST

START_TEST(ends_while_a_token_is_awaited)
{
    struct server s = {.replies = ok}, issuer = {.replies = tokens, .silent = true};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, false);
    http_client_start(t.client, &patch);
    http_client_run(t.client);
    ck_assert_uint_eq(http_client_in_flight(t.client), 1);
    trial_done(&t);
    ck_assert_int_eq(t.done, 0);
    server_stop(&s);
    server_stop(&issuer);
}
END_TEST

static char *pem_of(const char *file)
{
    char text[4096];
    FILE *in = fopen(file, "r");
    size_t n = fread(text, 1, sizeof text, in);
    fclose(in);
    return xstrndup(text, n);
}

static char *key_of(SSL_CTX *ctx)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    PEM_write_bio_PrivateKey(out, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL);
    long n = BIO_get_mem_data(out, &text);
    char *copy = xstrndup(text, (size_t)n);
    BIO_free(out);
    return copy;
}

START_TEST(shows_its_certificate_to_who_wants_one)
{
    char theirs[] = "/tmp/rollcall-test-XXXXXX", ours[] = "/tmp/rollcall-test-XXXXXX";
    struct server s = {.replies = ok, .tls = certify("127.0.0.1", theirs)};
    SSL_CTX *us = certify("127.0.0.1", ours);
    char *ca = pem_of(theirs), *certificate = pem_of(ours), *key = key_of(us);
    SSL_CTX_set_verify(s.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ck_assert_int_eq(SSL_CTX_load_verify_locations(s.tls, ours, NULL), 1);
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "https", s.port, (struct http_target){.ca = ca});
    run(&t, &get); /* TLS 1.3: for us the handshake is over, and the request is written */
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
    ck_assert_str_eq(t.error, "our certificate is refused");
    http_client_set_certificates(t.client, 0,
                                 &(struct http_target){.ca = ca, .certificate = certificate, .key = key});
    run(&t, &get);
    ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    trial_done(&t);
    server_stop(&s);
    SSL_CTX_free(s.tls);
    SSL_CTX_free(us);
    unlink(theirs);
    unlink(ours);
    free(ca);
    free(certificate);
    free(key);
}
END_TEST

START_TEST(a_call_that_waits_for_its_token_goes_with_the_certificate_of_the_day)
{
    char theirs[] = "/tmp/rollcall-test-XXXXXX", ours[] = "/tmp/rollcall-test-XXXXXX";
    struct server s = {.replies = ok, .tls = certify("127.0.0.1", theirs)}, issuer = {.replies = tokens};
    SSL_CTX *us = certify("127.0.0.1", ours);
    char *ca = pem_of(theirs), *certificate = pem_of(ours), *key = key_of(us), *url;
    SSL_CTX_set_verify(s.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ck_assert_int_eq(SSL_CTX_load_verify_locations(s.tls, ours, NULL), 1);
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    url = xasprintf("http://127.0.0.1:%d/token", issuer.port);
    trial_init_target(&t, "https", s.port,
                      (struct http_target){.ca = ca, .token = "hush", .oauth = {url, "we", NULL, true}});
    http_client_start(t.client, &patch);
    http_client_set_certificates(t.client, 0,
                                 &(struct http_target){.ca = ca, .certificate = certificate, .key = key});
    await(&t, 1);
    ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_int_eq(s.n_connections, 1);
    SSL_CTX_free(s.tls);
    SSL_CTX_free(us);
    unlink(theirs);
    unlink(ours);
    free(ca);
    free(certificate);
    free(key);
    free(url);
}
END_TEST

START_TEST(speaks_nothing_older_than_tls_1_2)
{
    char file[] = "/tmp/rollcall-test-XXXXXX";
    struct server s = {.replies = ok, .tls = certify("127.0.0.1", file)};
    struct trial t;
    SSL_CTX_set_min_proto_version(s.tls, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(s.tls, TLS1_1_VERSION);
    SSL_CTX_set_security_level(s.tls, 0);
    server_start(&s);
    trial_init_target(&t, "https", s.port, (struct http_target){.token = "s3cret", .ca_file = file});
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 0);
    SSL_CTX_free(s.tls);
    unlink(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_http_client");
    TCase *tc = tcase_create("calls");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, sends_what_scim_asks_for_on_one_kept_connection);
    tcase_add_test(tc, a_source_is_asked_in_its_own_way_and_its_headers_are_told);
    tcase_add_test(tc, calls_after_a_reload_carry_the_new_token);
    tcase_add_test(tc, tells_when_to_come_again_and_follows_no_redirect);
    tcase_add_test(tc, what_may_not_be_written_is_not_sent);
    tcase_add_test(tc, a_refused_connection_is_not_sent);
    tcase_add_test(tc, after_a_connection_that_never_came_about_the_next_one_works);
    tcase_add_test(tc, a_server_that_speaks_no_tls_is_refused_as_such);
    tcase_add_test(tc, talks_tls_to_who_is_certified_on_one_kept_connection);
    tcase_add_test(tc, who_is_not_certified_gets_nothing);
    tcase_add_test(tc, a_cut_connection_leaves_the_outcome_unknown);
    tcase_add_test(tc, a_time_out_leaves_the_outcome_unknown);
    tcase_add_test(tc, half_an_answer_is_none);
    tcase_add_test(tc, a_host_by_name_is_found_for_each_new_connection);
    tcase_add_test(tc, a_write_is_never_sent_twice);
    tcase_add_test(tc, a_read_may_be_repeated);
    tcase_add_test(tc, refuses_a_body_over_the_limit);
    tcase_add_test(tc, refuses_headers_over_the_limit);
    tcase_add_test(tc, a_base_url_that_is_none_is_refused_at_the_start);
    tcase_add_test(tc, ends_with_calls_under_way);
    tcase_add_test(tc, a_token_is_had_once_for_all_calls);
    tcase_add_test(tc, a_token_that_was_good_and_is_refused_is_renewed_and_a_new_one_that_is_refused_is_told);
    tcase_add_test(tc, a_service_that_refuses_a_token_now_and_then_is_believed);
    tcase_add_test(tc, without_a_token_nothing_is_sent);
    tcase_add_test(tc, ends_while_a_token_is_awaited);
    tcase_add_test(tc, shows_its_certificate_to_who_wants_one);
    tcase_add_test(tc, a_call_that_waits_for_its_token_goes_with_the_certificate_of_the_day);
    tcase_add_test(tc, speaks_nothing_older_than_tls_1_2);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
