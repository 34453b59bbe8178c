#include "verify.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "digest.h"
#include "mem.h"

enum {
    ED25519_KEY_SIZE = 32,
    ED25519_SIGNATURE_SIZE = 64,
    SIGNATURE_MAX = 64,
    HEADERS_SIGNED_MAX = 16 * 1024
};

struct key {
    enum verify_algorithm algorithm;
    EVP_MAC_CTX *mac;                    /* HMAC: keyed; each use starts it over with the same key */
    EVP_PKEY *public;                    /* Ed25519 */
    unsigned char digest[SHA256_SIZE];   /* static: SHA-256 of the secret, so that lengths do not show */
    unsigned char expected[SHA256_SIZE]; /* HMAC: of the message at hand, once computed */
    bool computed;
};

struct verifier {
    struct verify_rules rules;
    struct key keys[VERIFY_SECRETS_MAX];
    size_t n_keys;
    struct buf message; /* what is signed, in one piece: Ed25519 only */
};

/* ---- secrets ------------------------------------------------------------------------------------------- */

static bool hmac_key_init(struct key *key, const struct buf *secret)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    key->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds its own reference */
    return key->mac && EVP_MAC_init(key->mac, (const unsigned char *)secret->p, secret->n, params) == 1;
}

static bool key_init(struct key *key, const struct buf *secret)
{
    switch (key->algorithm) {
    case VERIFY_STATIC:
        digest_sha256(secret->p, secret->n, key->digest);
        return true;
    case VERIFY_HMAC_SHA256:
        return hmac_key_init(key, secret);
    case VERIFY_ED25519:
        key->public =
            EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)secret->p, secret->n);
        return key->public != NULL;
    }
    return false;
}

static bool decode(struct str text, enum verify_encoding encoding, struct buf *out)
{
    unsigned char bytes[512];
    switch (encoding) {
    case VERIFY_UTF8:
        buf_add(out, text.p, text.n);
        return buf_ok(out);
    case VERIFY_BASE64:
        return base64_decode(text, out) && buf_ok(out);
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
static enum verify_algorithm cut_prefix(const struct verify_rules *rules, struct str *secret)
{
    for (size_t i = 0; i < rules->n_secret_prefixes; i++) {
        const struct verify_label *prefix = &rules->secret_prefixes[i];
        size_t n = strlen(prefix->text);
        if (secret->n >= n && memcmp(secret->p, prefix->text, n) == 0) {
            *secret = (struct str){secret->p + n, secret->n - n};
            return prefix->algorithm;
        }
    }
    return rules->secret_algorithm;
}

static bool add_key(struct verifier *v, const char *text, struct error *err)
{
    struct key *key = &v->keys[v->n_keys];
    struct str secret = str_of(text);
    struct buf bytes;
    bool done = false;
    buf_init(&bytes, 1024);
    key->algorithm = cut_prefix(&v->rules, &secret);
    size_t min = key->algorithm == VERIFY_ED25519 ? ED25519_KEY_SIZE : v->rules.secret_min;
    size_t max = key->algorithm == VERIFY_ED25519 ? ED25519_KEY_SIZE : v->rules.secret_max;
    if (!decode(secret, v->rules.secret_encoding, &bytes))
        error_set(err, ERROR_INPUT, "secret %zu is not in the encoding that the source wants", v->n_keys + 1);
    else if (bytes.n < min || bytes.n > max)
        error_set(err, ERROR_INPUT, "secret %zu has %zu bytes, wanted are %zu to %zu", v->n_keys + 1, bytes.n,
                  min, max);
    else if (!key_init(key, &bytes))
        error_set(err, ERROR_INPUT, "secret %zu is not a usable key", v->n_keys + 1);
    else
        done = true;
    v->n_keys++; /* also when half made: verifier_free looks at it */
    if (bytes.p)
        OPENSSL_cleanse(bytes.p, bytes.size);
    buf_done(&bytes);
    return done;
}

bool verifier_new(const struct verify_rules *rules, const char *const *secrets, size_t n_secrets,
                  size_t body_max, struct verifier **ret, struct error *err)
{
    if (n_secrets == 0)
        return error_set(err, ERROR_INPUT, "at least one secret is needed");
    if (n_secrets > VERIFY_SECRETS_MAX)
        return error_set(err, ERROR_INPUT, "at most %d secrets can be active", VERIFY_SECRETS_MAX);
    struct verifier *v = xcalloc(1, sizeof *v);
    v->rules = *rules;
    buf_init(&v->message, body_max + HEADERS_SIGNED_MAX);
    for (size_t i = 0; i < n_secrets; i++) {
        if (!add_key(v, secrets[i], err)) {
            verifier_free(v);
            return false;
        }
    }
    *ret = v;
    return true;
}

void verifier_free(struct verifier *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->n_keys; i++) {
        EVP_MAC_CTX_free(v->keys[i].mac);
        EVP_PKEY_free(v->keys[i].public);
    }
    buf_done(&v->message);
    OPENSSL_cleanse(v->keys, sizeof v->keys);
    free(v);
}

/* ---- one message --------------------------------------------------------------------------------------- */

/* The bytes of one signed part; presence and uniqueness of headers are known by then. */
static struct str part_bytes(const struct verify_part *part, const struct message *m)
{
    struct str value = {0};
    switch (part->kind) {
    case PART_LITERAL:
        return str_of(part->text);
    case PART_HEADER:
        message_header(m, part->text, &value);
        return value;
    case PART_BODY:
        return m->body;
    }
    return value;
}

static bool hmac_matches(struct key *key, const struct verify_form *form, const struct message *m,
                         struct str sig)
{
    size_t n = 0;
    if (sig.n != SHA256_SIZE)
        return false;
    if (!key->computed) {
        if (EVP_MAC_init(key->mac, NULL, 0, NULL) != 1)
            return false;
        for (size_t i = 0; i < form->n_parts; i++) {
            struct str part = part_bytes(&form->parts[i], m);
            if (part.n > 0 && EVP_MAC_update(key->mac, (const unsigned char *)part.p, part.n) != 1)
                return false;
        }
        if (EVP_MAC_final(key->mac, key->expected, &n, sizeof key->expected) != 1 || n != SHA256_SIZE)
            return false;
        key->computed = true;
    }
    return CRYPTO_memcmp(key->expected, sig.p, SHA256_SIZE) == 0;
}

static bool ed25519_matches(struct verifier *v, const struct key *key, const struct verify_form *form,
                            const struct message *m, struct str sig)
{
    if (sig.n != ED25519_SIGNATURE_SIZE)
        return false;
    if (v->message.n == 0) {
        for (size_t i = 0; i < form->n_parts; i++) {
            struct str part = part_bytes(&form->parts[i], m);
            buf_add(&v->message, part.p, part.n);
        }
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && buf_ok(&v->message) && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->public) == 1 &&
              EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n, (const unsigned char *)v->message.p,
                               v->message.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool static_matches(const struct key *key, struct str value)
{
    unsigned char digest[SHA256_SIZE];
    digest_sha256(value.p, value.n, digest);
    return CRYPTO_memcmp(digest, key->digest, sizeof digest) == 0;
}

/* One signature, still encoded, against every key of its algorithm. */
static enum verify_outcome check_one(struct verifier *v, const struct verify_form *form,
                                     const struct message *m, enum verify_algorithm algorithm,
                                     struct str text)
{
    struct buf sig;
    bool match = false;
    buf_init(&sig, algorithm == VERIFY_STATIC ? HEADERS_SIGNED_MAX : SIGNATURE_MAX);
    bool readable = decode(text, form->encoding, &sig);
    for (size_t i = 0; readable && !match && i < v->n_keys; i++) {
        struct key *key = &v->keys[i];
        if (key->algorithm != algorithm)
            continue;
        switch (algorithm) {
        case VERIFY_STATIC:
            match = static_matches(key, buf_str(&sig));
            break;
        case VERIFY_HMAC_SHA256:
            match = hmac_matches(key, form, m, buf_str(&sig));
            break;
        case VERIFY_ED25519:
            match = ed25519_matches(v, key, form, m, buf_str(&sig));
            break;
        }
    }
    buf_done(&sig);
    return match ? VERIFY_OK : readable ? VERIFY_FORGED : VERIFY_MALFORMED;
}

/* Cuts the next word off a list that is separated by blanks. */
static bool next_token(struct str *list, struct str *ret)
{
    while (list->n > 0 && list->p[0] == ' ')
        *list = (struct str){list->p + 1, list->n - 1};
    size_t n = 0;
    while (n < list->n && list->p[n] != ' ')
        n++;
    *ret = (struct str){list->p, n};
    *list = (struct str){list->p + n, list->n - n};
    return n > 0;
}

static const struct verify_label *find_version(const struct verify_form *form, struct str name)
{
    for (size_t i = 0; i < form->n_versions; i++)
        if (str_eq(str_of(form->versions[i].text), name))
            return &form->versions[i];
    return NULL;
}

/* "v1,base64 v1a,base64 v9,…": unknown versions are skipped, any match passes. */
static enum verify_outcome check_list(struct verifier *v, const struct verify_form *form,
                                      const struct message *m, struct str list)
{
    enum verify_outcome outcome = VERIFY_MALFORMED;
    struct str token;
    for (unsigned count = 0; next_token(&list, &token); count++) {
        const char *comma = memchr(token.p, ',', token.n);
        if (count == VERIFY_SIGNATURES_MAX || !comma)
            return VERIFY_MALFORMED;
        size_t at = (size_t)(comma - token.p);
        const struct verify_label *version = find_version(form, (struct str){token.p, at});
        struct str text = {comma + 1, token.n - at - 1};
        enum verify_outcome one = version ? check_one(v, form, m, version->algorithm, text) : VERIFY_FORGED;
        if (one == VERIFY_OK)
            return VERIFY_OK;
        if (one == VERIFY_FORGED)
            outcome = VERIFY_FORGED;
    }
    return outcome;
}

static enum verify_outcome check_single(struct verifier *v, const struct verify_form *form,
                                        const struct message *m, struct str value)
{
    size_t n = strlen(form->prefix);
    if (value.n < n || (n > 0 && memcmp(value.p, form->prefix, n) != 0))
        return VERIFY_MALFORMED;
    return check_one(v, form, m, form->algorithm, (struct str){value.p + n, value.n - n});
}

/* ---- freshness and headers ----------------------------------------------------------------------------- */

/* Digits only: no sign, no blank, no fraction. */
static bool read_digits(struct str text, int64_t *ret)
{
    int64_t value = 0;
    if (text.n == 0 || text.n > 15)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (text.p[i] - '0');
    }
    *ret = value;
    return true;
}

static enum verify_outcome check_time(const struct verify_form *form, const struct message *m, int64_t now_ms)
{
    struct str text = {0};
    int64_t at;
    if (form->time_unit == VERIFY_NO_TIME)
        return VERIFY_OK;
    message_header(m, form->time_header, &text);
    if (!read_digits(text, &at))
        return VERIFY_MALFORMED;
    if (form->time_unit == VERIFY_SECONDS)
        at *= 1000;
    return at < now_ms - form->past_s * 1000 || at > now_ms + form->future_s * 1000 ? VERIFY_STALE
                                                                                    : VERIFY_OK;
}

static enum verify_outcome check_once(const struct message *m, const char *name)
{
    struct str value = {0};
    size_t count = name[0] ? message_header(m, name, &value) : 1;
    if (count > 1)
        return VERIFY_DUPLICATE;
    return count == 1 && (value.n > 0 || !name[0]) ? VERIFY_OK : VERIFY_MALFORMED;
}

/* Every header that the form reads is there, once, and not empty. */
static enum verify_outcome check_headers(const struct verify_form *form, const struct message *m)
{
    const char *names[] = {form->header, form->time_header, form->delivery_header};
    enum verify_outcome outcome = VERIFY_OK;
    for (size_t i = 0; i < ARRAY_SIZE(names) && outcome == VERIFY_OK; i++)
        outcome = check_once(m, names[i]);
    for (size_t i = 0; i < form->n_parts && outcome == VERIFY_OK; i++)
        if (form->parts[i].kind == PART_HEADER)
            outcome = check_once(m, form->parts[i].text);
    return outcome;
}

static const struct verify_form *find_form(const struct verify_rules *rules, const struct message *m)
{
    for (size_t i = 0; i < rules->n_forms; i++)
        if (message_header(m, rules->forms[i].header, NULL) > 0)
            return &rules->forms[i];
    return NULL;
}

enum verify_outcome verifier_check(struct verifier *v, const struct message *m, int64_t now_ms,
                                   struct str *ret_delivery)
{
    struct str value = {0};
    const struct verify_form *form = find_form(&v->rules, m);
    if (!form)
        return VERIFY_MISSING;
    enum verify_outcome outcome = check_headers(form, m);
    if (outcome == VERIFY_OK)
        outcome = check_time(form, m, now_ms);
    if (outcome != VERIFY_OK)
        return outcome;
    for (size_t i = 0; i < v->n_keys; i++)
        v->keys[i].computed = false;
    buf_clear(&v->message);
    message_header(m, form->header, &value);
    outcome = form->n_versions > 0 ? check_list(v, form, m, value) : check_single(v, form, m, value);
    *ret_delivery = (struct str){0};
    if (outcome == VERIFY_OK && form->delivery_header[0])
        message_header(m, form->delivery_header, ret_delivery);
    return outcome;
}

const char *verify_outcome_name(enum verify_outcome outcome)
{
    static const char *const names[VERIFY_OUTCOMES] = {"ok",        "missing", "malformed",
                                                       "duplicate", "stale",   "forged"};
    return names[outcome];
}
