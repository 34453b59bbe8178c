#include "verify_key.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "mem.h"

enum { ED25519_KEY_SIZE = 32, HEX_BYTES_MAX = 512, DECODED_MAX = 64 * 1024 };

static const char *digest_name(enum verify_algorithm algorithm)
{
    return algorithm == VERIFY_HMAC_SHA1 ? "SHA1" : algorithm == VERIFY_HMAC_SHA512 ? "SHA512" : "SHA256";
}

static bool mac_init(struct verify_key *key, const struct buf *secret)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[8];
    memcpy(digest, digest_name(key->algorithm), strlen(digest_name(key->algorithm)) + 1);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    key->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds its own reference */
    return key->mac && EVP_MAC_init(key->mac, (const unsigned char *)secret->p, secret->n, params) == 1;
}

static bool make(struct verify_key *key, const struct buf *secret, struct error *err)
{
    switch (key->algorithm) {
    case VERIFY_STATIC:
    case VERIFY_ITEM:
    case VERIFY_CERTIFICATE:
        digest_sha256(secret->p, secret->n, key->digest);
        return true;
    case VERIFY_HMAC_SHA1:
    case VERIFY_HMAC_SHA256:
    case VERIFY_HMAC_SHA512:
        return mac_init(key, secret) || error_set(err, ERROR_INPUT, "is not a usable key");
    case VERIFY_ED25519:
        key->public =
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)secret->p, secret->n);
        return key->public || error_set(err, ERROR_INPUT, "is not a usable key");
    case VERIFY_JWS:
        return jws_keys_new(buf_str(secret), &key->jws, err);
    }
    return false;
}

/* Both alphabets are one to base64_decode, so the strict form is compared with what encoding makes of it. */
static bool decode_strict(struct str text, struct buf *out)
{
    struct buf again;
    buf_init(&again, text.n + 4);
    bool ok = base64_decode(text, out) && buf_ok(out);
    if (ok)
        base64_encode(out->p, out->n, &again);
    ok = ok && str_eq(buf_str(&again), text);
    if (again.p)
        OPENSSL_cleanse(again.p, again.size);
    buf_done(&again);
    return ok;
}

bool verify_decode(struct str text, enum verify_encoding encoding, struct buf *out)
{
    unsigned char bytes[HEX_BYTES_MAX];
    switch (encoding) {
    case VERIFY_UTF8:
        buf_add(out, text.p, text.n);
        return buf_ok(out);
    case VERIFY_BASE64:
        return base64_decode(text, out) && buf_ok(out);
    case VERIFY_BASE64_STRICT:
        return decode_strict(text, out);
    case VERIFY_HEX:
        if (text.n / 2 > sizeof bytes || !hex_decode(text, bytes, text.n / 2))
            return false;
        buf_add(out, bytes, text.n / 2);
        OPENSSL_cleanse(bytes, sizeof bytes);
        return buf_ok(out);
    }
    return false;
}

/* Cuts a known prefix off the secret and says which algorithm it is for. */
static enum verify_algorithm cut_prefix(const struct verify_secrets *how, struct str *secret)
{
    for (size_t i = 0; i < how->n_prefixes; i++) {
        const struct verify_label *prefix = &how->prefixes[i];
        size_t n = strlen(prefix->text);
        if (secret->n >= n && memcmp(secret->p, prefix->text, n) == 0) {
            *secret = (struct str){secret->p + n, secret->n - n};
            return prefix->algorithm;
        }
    }
    return how->algorithm;
}

bool verify_key_init(struct verify_key *key, const struct verify_secrets *how,
                     const struct verify_secret *secret, size_t number, struct error *err)
{
    struct str text = str_of(secret->text);
    struct buf bytes;
    bool done = false;
    buf_init(&bytes, DECODED_MAX);
    *key = (struct verify_key){.name = xstrdup_null(secret->name), .algorithm = cut_prefix(how, &text)};
    size_t min = key->algorithm == VERIFY_ED25519 ? ED25519_KEY_SIZE : how->min;
    size_t max = key->algorithm == VERIFY_ED25519 ? ED25519_KEY_SIZE : how->max;
    if (!verify_decode(text, how->encoding, &bytes))
        error_set(err, ERROR_INPUT, "secret %zu is not in the encoding that the source wants", number);
    else if (bytes.n < min || bytes.n > max)
        error_set(err, ERROR_INPUT, "secret %zu has %zu bytes, wanted are %zu to %zu", number, bytes.n, min,
                  max);
    else if (!make(key, &bytes, err))
        error_wrap(err, "secret %zu", number);
    else
        done = true;
    if (bytes.p)
        OPENSSL_cleanse(bytes.p, bytes.size);
    buf_done(&bytes);
    return done;
}

void verify_key_done(struct verify_key *key)
{
    free(key->name);
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_free(key->public);
    jws_keys_free(key->jws);
    OPENSSL_cleanse(key, sizeof *key);
}

bool verify_key_mac(struct verify_key *key, const struct verify_pieces *pieces)
{
    size_t n = 0;
    if (key->n_expected > 0)
        return true;
    if (EVP_MAC_init(key->mac, NULL, 0, NULL) != 1)
        return false;
    for (size_t i = 0; i < pieces->n; i++) {
        struct str piece = pieces->v[i];
        if (piece.n > 0 && EVP_MAC_update(key->mac, (const unsigned char *)piece.p, piece.n) != 1)
            return false;
    }
    if (EVP_MAC_final(key->mac, key->expected, &n, sizeof key->expected) != 1)
        return false;
    key->n_expected = n;
    return true;
}

bool verify_key_matches_ed25519(const struct verify_key *key, struct str message, struct str sig)
{
    if (sig.n != VERIFY_ED25519_SIZE)
        return false;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->public) == 1 &&
              EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, (const unsigned char *)message.p,
                               message.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool verify_key_matches_static(const struct verify_key *key, struct str value)
{
    unsigned char digest[SHA256_SIZE];
    digest_sha256(value.p, value.n, digest);
    return CRYPTO_memcmp(digest, key->digest, sizeof digest) == 0;
}
