/* http_client.h - calls to targets and sources over libcurl, driven by the loop.
 *
 * The multi interface with sockets (curl_multi_socket_action) on the program's own epoll; connections are
 * kept, HTTP/2 where TLS offers it. Nothing queues inside libcurl: what may be under way is limited by the
 * engine. One easy handle pool per target. A write is sent at most once: libcurl's own repetition on a
 * connection that died is refused.
 *
 * What a call came to:
 *     NOT_SENT  no connection, no token, or may_write said no: nothing was written; also a 401 to a token that was good
 *               before, since nothing was done and the next call has a new one
 *     UNKNOWN   written, perhaps in part, and no whole answer (time-out, cut, over HTTP_REPLY_MAX or HTTP_HEAD_MAX)
 *     REPLIED   any status; redirects are not followed
 *
 * Everything, callbacks included, happens on the loop's thread; nothing blocks. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_H
#define ROLLCALL_WORKER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "error.h"
#include "loop.h"

enum { HTTP_REPLY_MAX = 1024 * 1024, HTTP_HEAD_MAX = 64 * 1024, HTTP_CONNECT_TIMEOUT_MS = 5000 };

struct http_client;

struct http_oauth { /* client credentials, see http_client_token.h; token_url NULL: not this way */
    const char *token_url, *client_id, *scope; /* scope NULL: none is named */
    bool in_body;                              /* who we are stands in the body, else in HTTP Basic */
};

struct http_target {      /* copied, except the token, of which the header line is kept */
    const char *base_url; /* http(s)://host/path without a trailing slash */
    const char *token;    /* NULL: no Authorization header; with oauth: the client's secret */
    struct http_oauth oauth;
    const char *certificate, *key,
        *ca;             /* PEM: ours, NULL: none; who certifies the target, NULL: as ca_file says */
    const char *ca_file; /* certificates that are trusted; NULL: the system's */
    unsigned in_flight_max;
    bool source;              /* speaks plain JSON, its calls bring headers, its replies tell theirs */
    bool json;                /* speaks plain JSON instead of SCIM's */
    const char *before_token; /* in its header line; NULL: "Authorization: Bearer " */
    size_t reply_max;         /* 0: HTTP_REPLY_MAX */
};

struct http_callbacks {
    void *ctx;
    /* Asked when the call's request is about to be written: once for a write; again when a read is repeated.
     */
    bool (*may_write)(void *ctx, const struct call *call);
    /* Once per call; reply is borrowed. elapsed_ms: from http_client_start. */
    void (*done)(void *ctx, const struct call *call, const struct call_reply *reply, int64_t elapsed_ms);
};

/* Copies callbacks, keeps loop until http_client_free. Fails with ERROR_SYSTEM, or ERROR_INPUT for a base URL that is
 * none. Paths of calls are sent as they are: visible ASCII. */
bool http_client_new(struct loop *loop, const struct http_target *targets, size_t n_targets,
                     const struct http_callbacks *callbacks, struct http_client **ret, struct error *err)
    __attribute__((warn_unused_result));
/* Cuts what is under way without a word to the callbacks. */
void http_client_free(struct http_client *c);

/* Starts call, which stays the engine's and must live until `done`. Its target is an index into `targets`. */
void http_client_start(struct http_client *c, const struct call *call);
/* Calls begun from now on carry the new token, or are made with one had by the new secret. */
void http_client_set_token(struct http_client *c, size_t target, const char *token);
/* … over connections with these certificates. */
void http_client_set_certificates(struct http_client *c, size_t target, const struct http_target *from);

/* Does what libcurl's timer asks for and answers what ended. After loop_wait, and after a round of starts. */
void http_client_run(struct http_client *c);
/* http_client_run is due in so many milliseconds; -1: only sockets. */
int http_client_timeout_ms(const struct http_client *c);
/* From now on nothing but GET goes to a target: whoever starts anything else ends the process before libcurl sees it. */
void http_client_only_read(struct http_client *c);
size_t http_client_in_flight(const struct http_client *c);

#endif
