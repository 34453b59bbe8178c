/* verify_key.h - one secret of a source, ready to check signatures with.
 *
 * Thread rule: a key belongs to one thread. */
#ifndef INGEST_VERIFY_KEY_H
#define INGEST_VERIFY_KEY_H

#include <openssl/evp.h>

#include "digest.h"
#include "jws.h"
#include "verify.h"

enum { VERIFY_MAC_MAX = 64, VERIFY_ED25519_SIZE = 64 };

struct verify_key {
    char *name; /* NULL: none */
    enum verify_algorithm algorithm;
    EVP_MAC_CTX *mac;                       /* HMAC: keyed; each use starts it over with the same key */
    EVP_PKEY *public;                       /* Ed25519 */
    struct jws_keys *jws;                   /* JWS */
    unsigned char digest[SHA256_SIZE];      /* static: SHA-256 of the secret, so that lengths do not show */
    unsigned char expected[VERIFY_MAC_MAX]; /* HMAC: of the message at hand, once computed */
    size_t n_expected;                      /* 0: not computed */
};

/* What a form signs, piece by piece. */
struct verify_pieces {
    struct str v[VERIFY_PARTS_MAX];
    size_t n;
};

/* Decodes text of a header or a secret; false when it is not in the encoding. */
bool verify_decode(struct str text, enum verify_encoding encoding, struct buf *out);

/* Makes a key of the secret's text; number is its position, for messages. verify_key_done it also on failure. */
bool verify_key_init(struct verify_key *key, const struct verify_secrets *how,
                     const struct verify_secret *secret, size_t number, struct error *err);
void verify_key_done(struct verify_key *key);

/* The HMAC over the pieces, in key->expected; false: it could not be computed. */
bool verify_key_mac(struct verify_key *key, const struct verify_pieces *pieces);
bool verify_key_matches_static(const struct verify_key *key, struct str value);
/* message: the pieces in one. */
bool verify_key_matches_ed25519(const struct verify_key *key, struct str message, struct str sig);

static inline bool verify_is_hmac(enum verify_algorithm algorithm)
{
    return algorithm == VERIFY_HMAC_SHA1 || algorithm == VERIFY_HMAC_SHA256 ||
           algorithm == VERIFY_HMAC_SHA512;
}

#endif
