#include "jws.h"

#include <stdlib.h>

#include <cjose/cjose.h>

#include "digest.h"
#include "json.h"
#include "mem.h"

enum { KEYS_MAX = 32, RSA_BITS_MIN = 2048, SKEW_MS = 60 * 1000 };

struct jws_keys {
    cjose_jwk_t *v[KEYS_MAX];
    size_t n;
};

/* ---- what the library is spared ------------------------------------------------------------------------ */

/* base64url without padding, of a length that encoding can make: cjose 0.6.2 asserts what it should refuse, and one request,
 * or one key, would end the process. */
static bool part_ok(struct str part)
{
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_'))
            return false;
    }
    return part.n > 0 && part.n % 4 != 1;
}

/* ---- key sets ------------------------------------------------------------------------------------------ */

static bool usable(const cjose_jwk_t *key)
{
    cjose_err ignored;
    cjose_jwk_kty_t type = cjose_jwk_get_kty(key, &ignored);
    return type == CJOSE_JWK_KTY_EC ||
           (type == CJOSE_JWK_KTY_RSA && cjose_jwk_get_keysize(key, &ignored) >= RSA_BITS_MIN);
}

static bool is_number(const char *member)
{
    static const char *const members[] = {"n", "e", "x", "y", "d", "p", "q", "dp", "dq", "qi", "k"};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (strcmp(member, members[i]) == 0)
            return true;
    return false;
}

/* Also of a member that is there twice: the library takes the other one. */
static bool numbers_ok(const cJSON *node)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, node) if (item->string && is_number(item->string) && cJSON_IsString(item) &&
                                       !part_ok(str_of(item->valuestring))) return false;
    return true;
}

static void add_key(struct jws_keys *keys, const cJSON *node)
{
    cjose_err ignored;
    char *text = keys->n < KEYS_MAX && numbers_ok(node) ? cJSON_PrintUnformatted(node) : NULL;
    cjose_jwk_t *key = text ? cjose_jwk_import(text, strlen(text), &ignored) : NULL;
    free(text);
    if (key && usable(key))
        keys->v[keys->n++] = key;
    else if (key)
        cjose_jwk_release(key);
}

size_t jws_keys_count(const struct jws_keys *keys)
{
    return keys->n;
}

bool jws_keys_new(struct str jwks, struct jws_keys **ret, struct error *err)
{
    cJSON *root;
    if (!json_parse(jwks, &root, NULL))
        return error_set(err, ERROR_INPUT, "is no JSON Web Key Set");
    struct jws_keys *keys = xcalloc(1, sizeof *keys);
    const cJSON *list = json_get(root, "keys"), *item;
    if (cJSON_IsArray(list))
        cJSON_ArrayForEach(item, list) add_key(keys, item);
    else if (cJSON_IsObject(root))
        add_key(keys, root);
    cJSON_Delete(root);
    if (keys->n > 0) {
        *ret = keys;
        return true;
    }
    jws_keys_free(keys);
    return error_set(err, ERROR_INPUT,
                     "holds no usable public key (RSA of 2048 bits or more, P-256, P-384, P-521)");
}

void jws_keys_free(struct jws_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->n; i++)
        cjose_jwk_release(keys->v[i]);
    free(keys);
}

/* ---- the token ----------------------------------------------------------------------------------------- */

/* The header is a JSON object. */
static bool object_ok(struct str part)
{
    struct buf text;
    cJSON *object = NULL;
    buf_init(&text, part.n);
    bool ok =
        base64_decode(part, &text) && json_parse(buf_str(&text), &object, NULL) && cJSON_IsObject(object);
    cJSON_Delete(object);
    buf_done(&text);
    return ok;
}

/* "header.payload.signature", checked before the library sees it. */
static bool compact_ok(struct str token)
{
    for (int i = 0; i < 3; i++) {
        const char *dot = token.n > 0 ? memchr(token.p, '.', token.n) : NULL;
        struct str part = {token.p, dot ? (size_t)(dot - token.p) : token.n};
        if ((dot == NULL) != (i == 2) || !part_ok(part) || (i == 0 && !object_ok(part)))
            return false;
        token = (struct str){token.p + part.n + 1, i == 2 ? 0 : token.n - part.n - 1};
    }
    return true;
}

/* typ: case does not matter, nor "application/" before it (RFC 7515 4.1.9). */
static bool typ_ok(const char *typ, const char *want)
{
    static const char APPLICATION[] = "application/";
    size_t n = sizeof APPLICATION - 1;
    if (!want[0])
        return true;
    if (typ && strncasecmp(typ, APPLICATION, n) == 0)
        typ += n;
    return typ && strcasecmp(typ, want) == 0;
}

static bool algorithm_ok(const char *alg, const struct verify_claims *want)
{
    for (size_t i = 0; alg && i < want->n_algorithms; i++)
        if (strcmp(alg, want->algorithms[i]) == 0)
            return true;
    return false;
}

/* No extension is understood, so none may be critical (RFC 7515 4.1.11). */
static bool header_ok(cjose_header_t *header, const struct verify_claims *want)
{
    cjose_err ignored;
    char *critical = cjose_header_get_raw(header, "crit", &ignored);
    bool plain = !critical;
    free(critical);
    return plain && algorithm_ok(cjose_header_get(header, CJOSE_HDR_ALG, &ignored), want) &&
           typ_ok(cjose_header_get(header, "typ", &ignored), want->typ);
}

/* VERIFY_OK: one of the keys has signed it. A key without a kid, and a token without one, may match any. */
static enum verify_outcome signed_by_one(const struct jws_keys *keys, cjose_jws_t *jws)
{
    cjose_err ignored;
    enum verify_outcome outcome = VERIFY_UNKNOWN_KEY;
    const char *kid = cjose_header_get(cjose_jws_get_protected(jws), CJOSE_HDR_KID, &ignored);
    for (size_t i = 0; i < keys->n; i++) {
        const char *own = cjose_jwk_get_kid(keys->v[i], &ignored);
        if (kid && own && strcmp(kid, own) != 0)
            continue;
        if (cjose_jws_verify(jws, keys->v[i], &ignored))
            return VERIFY_OK;
        outcome = VERIFY_FORGED;
    }
    return outcome;
}

/* ---- the claims ---------------------------------------------------------------------------------------- */

static bool text_is(const cJSON *item, const char *want)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, want) == 0;
}

static bool audience_ok(const cJSON *claims, const char *want)
{
    const cJSON *audience = json_get(claims, "aud"), *item;
    if (!want[0] || text_is(audience, want))
        return true;
    if (cJSON_IsArray(audience))
        cJSON_ArrayForEach(item, audience) if (text_is(item, want)) return true;
    return false;
}

/* Seconds since 1970, fractions allowed (RFC 7519 2); false when absent. */
static bool read_instant(const cJSON *claims, const char *name, int64_t *ret_ms)
{
    const cJSON *item = json_get(claims, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < 1e12))
        return false;
    *ret_ms = (int64_t)(item->valuedouble * 1000);
    return true;
}

static enum verify_outcome check_times(const cJSON *claims, const struct verify_claims *want, int64_t now_ms)
{
    int64_t issued, expires, begins;
    if (!read_instant(claims, "iat", &issued))
        return VERIFY_MALFORMED;
    if (issued > now_ms + SKEW_MS || (want->past_s > 0 && issued < now_ms - want->past_s * 1000))
        return VERIFY_STALE;
    if (read_instant(claims, "nbf", &begins) && begins > now_ms + SKEW_MS)
        return VERIFY_STALE;
    if (!want->expires) /* a security event is no access token (RFC 8417 2.2) */
        return json_get(claims, "exp") || json_get(claims, "sub") ? VERIFY_FORGED : VERIFY_OK;
    if (!read_instant(claims, "exp", &expires))
        return VERIFY_MALFORMED;
    return expires < now_ms - SKEW_MS ? VERIFY_STALE : VERIFY_OK;
}

static enum verify_outcome check_claims(struct str text, const struct verify_claims *want, int64_t now_ms)
{
    cJSON *claims;
    if (!json_parse(text, &claims, NULL))
        return VERIFY_MALFORMED;
    enum verify_outcome outcome = VERIFY_FORGED;
    if ((!want->issuer[0] || text_is(json_get(claims, "iss"), want->issuer)) &&
        audience_ok(claims, want->audience))
        outcome = check_times(claims, want, now_ms);
    cJSON_Delete(claims);
    return outcome;
}

enum verify_outcome jws_check(const struct jws_keys *keys, struct str token, const struct verify_claims *want,
                              int64_t now_ms, struct buf *claims)
{
    cjose_err ignored;
    uint8_t *payload;
    size_t n;
    cjose_jws_t *jws = compact_ok(token) ? cjose_jws_import(token.p, token.n, &ignored) : NULL;
    if (!jws)
        return VERIFY_MALFORMED;
    enum verify_outcome outcome = VERIFY_FORGED;
    if (header_ok(cjose_jws_get_protected(jws), want))
        outcome = signed_by_one(keys, jws);
    if (outcome == VERIFY_OK && cjose_jws_get_plaintext(jws, &payload, &n, &ignored)) {
        struct str text = {(const char *)payload, n};
        outcome = check_claims(text, want, now_ms);
        if (outcome == VERIFY_OK)
            buf_add(claims, text.p, text.n);
    }
    cjose_jws_release(jws);
    return outcome;
}
