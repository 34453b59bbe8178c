/* http_client_internal.h - what http_client.c (targets, tokens, the API) and http_client_transfer.c (one call on its easy
 * handle) share. Private to http_client*.c; the loop's thread. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_INTERNAL_H
#define ROLLCALL_WORKER_HTTP_CLIENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "buf.h"
#include "http_client.h"
#include "http_client_headers.h"
#include "http_client_sockets.h"
#include "http_client_token.h"
#include "reply_headers.h"
#include "reply_hints.h"

enum { ETAG_SIZE = 256 };

struct target {
    struct http_client *client;
    CURLU *url;         /* parsed once; what lies below it goes into the request line as it is */
    const char *prefix; /* in base_url: its path */
    char *base_url;
    char *ca_file; /* NULL: the system's */
    char *before_token;
    bool source, json;
    size_t reply_max;
    char *certificate, *key, *ca;             /* PEM; NULL: none */
    unsigned token, certificates;             /* count changes of them */
    struct http_token *oauth;                 /* NULL: its token does not change by itself */
    struct transfer *waiting;                 /* for a token; they are running, too */
    struct header_set *headers;               /* of a source: the token's alone, its calls add theirs */
    size_t first_multi, n_multis, next_multi; /* its transfers take turns */
    struct transfer *idle;                    /* handles without a call */
};

struct transfer { /* a call and its easy handle; handles are reused within a target */
    void (*end)(void *self, CURLcode code); /* first, as in http_client_token.c */
    struct transfer *next_waiting;
    unsigned token;        /* that it was sent with, as counted in target */
    unsigned certificates; /* likewise, that its handle has */
    bool held;             /* in target->waiting, not in its multi handle */
    struct http_client *client;
    struct http_multi *multi; /* the easy handle's for its life: its connection lies there */
    struct target *target;
    struct transfer *next;  /* in target->idle or client->running */
    struct transfer **link; /* what points at it in client->running */
    CURL *easy;
    char error[CURL_ERROR_SIZE];
    const struct call *call;
    struct header_set *headers;
    struct buf body;
    size_t head_n; /* bytes of header lines, interim answers included */
    struct reply_hints hints;
    char etag[ETAG_SIZE];                /* "": none, or longer than any that makes sense */
    struct reply_headers *reply_headers; /* of a source; else NULL */
    int64_t started_ms;
    bool written; /* may_write said yes: the request may have left */
    bool refused; /* may_write said no, or the request would have been written twice */
};

struct http_client {
    struct loop *loop;
    struct http_callbacks callbacks;
    struct http_sockets *sockets;
    CURLSH *shared; /* addresses */
    bool no_proxy;  /* the environment names none: libcurl would look for one at each call */
    struct target *targets;
    size_t n_targets;
    struct transfer *running;
    size_t n_running;
    bool only_read; /* a dry run */
};

/* Of a target: an idle handle, or a new one. */
struct transfer *transfer_get(struct http_client *c, struct target *target);
/* Begins to run: `call` is told to `done` once. */
void transfer_begin(struct transfer *t, const struct call *call);
/* With the target's token, header lines and certificates as they are now. */
void transfer_send(struct transfer *t);
/* Tells the call's end; its handle is idle then. */
void transfer_answer(struct transfer *t, const struct call_reply *reply);
/* Takes it off `running`, forgets the call, keeps the handle. */
void transfer_put(struct transfer *t);
void transfer_free(struct transfer *t);

/* Whom a connection of this target trusts, and how it goes: also of one to its token endpoint. */
void target_set_connection(const struct target *target, CURL *easy);

#endif
