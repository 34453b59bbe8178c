/* http.h - one thread's HTTP server: libmicrohttpd run from the thread's own epoll loop. Only http.c sees
 * microhttpd.h; everybody else sees exchanges: one request and its answer.
 *
 *     head complete → on_head: may answer at once (the body is then not read and the connection closes)
 *     body complete → on_complete: answers now, or later with exchange_answer (suspended meanwhile)
 *     either way    → on_gone: the exchange ends; its pointer is invalid afterwards
 *
 * What is sent too slowly is cut by http_sweep, and who does not take his answer. Thread rule: everything on the owner's thread. */
#ifndef INGEST_HTTP_H
#define INGEST_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addresses.h"
#include "error.h"
#include "head.h"
#include "message.h"
#include "metrics.h"
#include "proxies.h"

struct http;
struct exchange;

enum { ANSWER_HEADERS_MAX = 2, ANSWER_HEADER_MAX = 256 };

struct answer_header {
    const char *name; /* lives as long as the exchange */
    char value[ANSWER_HEADER_MAX];
};

struct answer {
    unsigned status;
    const char *reason;     /* body is {"error":"<reason>"}; NULL: see body */
    struct str body;        /* n = 0: no body */
    const char *type;       /* media type of body, lives as long as the exchange; NULL: JSON */
    unsigned retry_after_s; /* 0: no such header */
    char allow[32];         /* value of Allow; "": none */
    struct answer_header headers[ANSWER_HEADERS_MAX];
    size_t n_headers;
};

enum http_end {
    HTTP_ANSWERED,
    HTTP_TRUNCATED, /* the client went before its message was complete */
    HTTP_OVERSIZED, /* it sent far more than allowed; 413 was said and the connection cut */
    HTTP_LOST,      /* complete, but the client went before the answer */
};

struct http_callbacks {
    void *ctx;
    void (*on_head)(void *ctx, struct exchange *x);
    void (*on_complete)(void *ctx, struct exchange *x);
    void (*on_gone)(void *ctx, struct exchange *x, enum http_end end);
};

struct http_settings {
    int listen_fd;        /* taken over, closed by http_free or http_stop_listening */
    bool tls;             /* http_tls has the certificate */
    int64_t header_bytes; /* largest head of a request */
    int64_t receive_ms;   /* a connection that completes no request, or takes no answer, for so long is cut */
    int64_t bodies_bytes; /* of all bodies under way on this thread */
    int64_t connections;  /* safety net; addresses rules */
    struct addresses *addresses;
    const struct proxies *proxies;
    struct metrics *metrics;
    struct http_callbacks callbacks;
};

bool http_new(const struct http_settings *settings, struct http **ret, struct error *err)
    __attribute__((warn_unused_result));
/* Every exchange must have been answered. Connections are closed. */
void http_free(struct http *h);

int http_fd(const struct http *h);         /* for epoll, EPOLLIN, level-triggered */
int http_timeout_ms(const struct http *h); /* call http_run after at most this long; -1: only on http_fd */
void http_run(struct http *h);
int http_ends_fd(const struct http *h); /* for epoll, EPOLLIN: call http_take_ends, outside of http_run */
void http_take_ends(struct http *h);
void http_stop_listening(struct http *h); /* from now on connections close after their answer */
void http_sweep(struct http *h, int64_t now_ms);
size_t http_exchanges(const struct http *h); /* under way */

/* The body: inside on_complete until the answer. */
const struct message *exchange_message(const struct exchange *x);
enum head_fault exchange_fault(const struct exchange *x);
/* The client behind a trusted proxy has as many requests under way as it may. */
bool exchange_crowded(const struct exchange *x);
int64_t exchange_declared(const struct exchange *x);    /* Content-Length; -1: none */
void exchange_body_max(struct exchange *x, size_t max); /* in on_head; default 0 */

enum exchange_body { BODY_COMPLETE, BODY_TOO_LARGE, BODY_NO_ROOM };
enum exchange_body exchange_body(const struct exchange *x);

/* Copies the answer. Once per exchange. What was borrowed from the body ends. */
void exchange_answer(struct exchange *x, const struct answer *answer);

void exchange_set_user(struct exchange *x, void *user);
void *exchange_user(const struct exchange *x);

#endif
