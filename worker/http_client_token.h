/* http_client_token.h - OAuth 2.0 client credentials (RFC 6749 4.4): a target's token, had from its token endpoint in the
 * loop of the calls, renewed before it expires and when it is refused. Private to http_client*.c; the loop's thread.
 *
 *      none ── want ──► fetching ── token ──► good ── nine tenths of its life ──► good, and fetching
 *       ▲                  │                   │
 *       └──── failed ──────┘◄── expired, or refused by the target ──┘
 *
 * `told` is called once for each fetch. Neither secret nor token ever stands in a log. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_TOKEN_H
#define ROLLCALL_WORKER_HTTP_CLIENT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "engine/engine.h"
#include "http_client_grant.h"
#include "http_client_sockets.h"

struct http_token;

struct http_token_callbacks {
    void *ctx;
    /* Called on the new easy handle before each fetch: certificates, proxy. */
    void (*prepare)(void *ctx, CURL *easy);
    /* token NULL: there is none, because of this. */
    void (*told)(void *ctx, const char *token, enum call_failure failure, const char *why);
};

/* Keeps multi; copies the rest. */
struct http_token *http_token_new(struct http_multi *multi, const struct grant_rules *rules,
                                  const struct http_token_callbacks *callbacks);
void http_token_free(struct http_token *t); /* NULL is none; cuts a fetch without a word */
void http_token_set_secret(struct http_token *t, const char *client_secret);

/* True: the token that was told last is good now (a new one may be on its way). False: one is being fetched. */
bool http_token_want(struct http_token *t);
/* The target has answered a call with the token that was told last: refused or not. True: it was good before, so a new
 * one may help; once a minute, or a service that refuses one thing for ever would be asked for it without end. */
bool http_token_answered(struct http_token *t, bool refused);

#endif
