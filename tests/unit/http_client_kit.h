/* http_client_kit.h - the HTTP client in a loop of its own, and a server of scripted replies that it talks to, in clear or by
 * TLS. */
#ifndef ROLLCALL_TEST_HTTP_CLIENT_KIT_H
#define ROLLCALL_TEST_HTTP_CLIENT_KIT_H

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

static inline ssize_t peer_read(const struct peer *p, void *to, size_t n)
{
    return p->tls ? SSL_read(p->tls, to, (int)n) : read(p->fd, to, n);
}

static inline ssize_t peer_write(const struct peer *p, const char *text)
{
    return p->tls ? SSL_write(p->tls, text, (int)strlen(text)) : write(p->fd, text, strlen(text));
}

static inline bool read_request(const struct peer *p, char *out)
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

static inline void serve_connection(struct server *s, const struct peer *p)
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

static inline void accept_connection(struct server *s, int fd)
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

static inline void *serve(void *ctx)
{
    struct server *s = ctx;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        s->n_connections++;
        accept_connection(s, fd);
    }
    return NULL;
}

static inline struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static inline void server_listen(struct server *s, int queue)
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

static inline void server_serve(struct server *s)
{
    pthread_create(&s->thread, NULL, serve, s);
}

static inline void server_start(struct server *s)
{
    server_listen(s, 16);
    server_serve(s);
}

/* After http_client_free: the connections are closed then, and the thread is back in accept. */
static inline void server_stop(struct server *s)
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

static inline bool on_may_write(void *ctx, const struct call *call)
{
    struct trial *t = ctx;
    (void)call;
    t->asked++;
    return t->may_write;
}

static inline void on_done(void *ctx, const struct call *call, const struct call_reply *reply,
                           int64_t elapsed_ms)
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

static inline void trial_init_target(struct trial *t, const char *scheme, uint16_t port,
                                     struct http_target target)
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

static inline void trial_init_url(struct trial *t, const char *scheme, uint16_t port, const char *token)
{
    trial_init_target(t, scheme, port, (struct http_target){.token = token});
}

static inline void trial_done(struct trial *t)
{
    http_client_free(t->client);
    loop_free(t->loop);
    free(t->body);
    free(t->error);
    free(t->headers);
}

static inline void await(struct trial *t, int calls)
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

static inline void run(struct trial *t, const struct call *call)
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

static const char *const ok[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                                 "HTTP/1.1 204 No Content\r\n\r\n",
                                 "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", NULL};

/* A certificate that has signed itself, for the address given, in a file of that name. */
static inline SSL_CTX *certify(const char *address, char *file)
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

/* ---- who we are ---------------------------------------------------------------------------------------- */

#define JSON(n, text) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n" text
static const char *const tokens[] = {
    JSON(61, "{\"access_token\":\"t1\",\"token_type\":\"Bearer\",\"expires_in\":3600}"),
    JSON(25, "{\"access_token\":\"t2\"}    "), JSON(25, "{\"access_token\":\"t3\"}    "), NULL};

static inline char *pem_of(const char *file)
{
    char text[4096];
    FILE *in = fopen(file, "r");
    size_t n = fread(text, 1, sizeof text, in);
    fclose(in);
    return xstrndup(text, n);
}

static inline char *key_of(SSL_CTX *ctx)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    PEM_write_bio_PrivateKey(out, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL);
    long n = BIO_get_mem_data(out, &text);
    char *copy = xstrndup(text, (size_t)n);
    BIO_free(out);
    return copy;
}

#endif
