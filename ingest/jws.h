/* jws.h - JSON Web Signatures (RFC 7515, compact form) by public keys of a key set (RFC 7517): security event
 * tokens and bearer tokens. Only jws.c sees cjose.h.
 *
 * Thread rule: a key set belongs to one thread. */
#ifndef INGEST_JWS_H
#define INGEST_JWS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "verify.h"

struct jws_keys;

/* Reads {"keys": […]}, or one key. Keys of a kind that is not supported are left out, as are symmetric ones (a
 * public key set never holds any); RSA keys must have 2048 bits. Fails with ERROR_INPUT if none is left. */
bool jws_keys_new(struct str jwks, struct jws_keys **ret, struct error *err)
    __attribute__((warn_unused_result));
void jws_keys_free(struct jws_keys *keys);
size_t jws_keys_count(const struct jws_keys *keys);

/* Checks signature and claims. VERIFY_UNKNOWN_KEY: the token names a key (kid) that is not in the set. On VERIFY_OK the claims (JSON) are added to `claims`. */
enum verify_outcome jws_check(const struct jws_keys *keys, struct str token, const struct verify_claims *want,
                              int64_t now_ms, struct buf *claims);

#endif
