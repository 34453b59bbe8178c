/* handshake.h - requests of set-up that are answered without verification, as the source's rules say: a challenge that
 * is echoed, a token that is kept, a ping.
 *
 * Nothing in them is believed. Thread rule: that of the request. */
#ifndef INGEST_HANDSHAKE_H
#define INGEST_HANDSHAKE_H

#include "buf.h"
#include "error.h"
#include "http.h"
#include "message.h"
#include "source.h"

enum { HANDSHAKE_BODY_MAX = 2048 };

enum handshake_result {
    HANDSHAKE_NONE,     /* the request is none */
    HANDSHAKE_OK,       /* *ret is the answer */
    HANDSHAKE_BAD,      /* what is asked cannot be echoed: 400 */
    HANDSHAKE_NOT_KEPT, /* a token came and cannot be kept, or another one is; err says why: 409 */
};

/* Looks at the head: method, headers, query. The answer's body lives in `body`. */
enum handshake_result handshake_head(const struct source *src, const struct message *m, struct buf *body,
                                     struct answer *ret);
/* Looks at the body of a request that carries no proof at all (VERIFY_MISSING). */
enum handshake_result handshake_body(const struct source *src, const struct message *m, struct buf *body,
                                     struct answer *ret, struct error *err);

/* At the start: what one who was killed while it kept a token has left beside the source's file goes. */
void handshake_clear(const struct source *src);

/* "GET, POST": for 405. */
void handshake_allowed(const struct source *src, char *out, size_t size);

#endif
