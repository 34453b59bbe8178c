/* Tokens: signed by whom they should be, saying what they should, and nothing that the library would choke on. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjose/cjose.h>

#include "mem.h"
#include "source_kit.h"
#include "test_lib.h"

static const char CLAIMS[] =
    "{\"iss\":\"https://idp.example.com/\",\"aud\":[\"other\",\"ours\"],\"iat\":1700000000,\"jti\":\"j\","
    "\"events\":{}}";

static char *make_token(const cjose_jwk_t *key, const char *alg, const char *typ, const char *claims)
{
    cjose_err err;
    const char *text;
    cjose_header_t *header = cjose_header_new(&err);
    cjose_header_set(header, CJOSE_HDR_ALG, alg, &err);
    if (typ)
        cjose_header_set(header, "typ", typ, &err);
    const char *kid = cjose_jwk_get_kid(key, &err);
    if (kid)
        cjose_header_set(header, CJOSE_HDR_KID, kid, &err);
    cjose_jws_t *jws = cjose_jws_sign(key, header, (const uint8_t *)claims, strlen(claims), &err);
    ck_assert_msg(jws && cjose_jws_export(jws, &text, &err), "%s", err.message);
    char *token = xstrdup(text);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return token;
}

static char *key_set(const cjose_jwk_t *key)
{
    cjose_err err;
    char *text = cjose_jwk_to_json(key, false, &err);
    char *set = xasprintf("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"},%s]}", text);
    free(text);
    return set;
}

static enum verify_outcome check_token(struct fixture *f, const char *token, size_t n)
{
    struct message m = {.method = str_of("POST"), .body = {token, n}};
    return check_at(f, &m, 1700000000000);
}

START_TEST(a_token_verifies_and_with_any_bit_flipped_it_fails)
{
    cjose_err err;
    struct fixture f;
    struct verified found = {0};
    cjose_jwk_t *key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
    char *set = key_set(key);
    char *token = make_token(key, "ES256", "secevent+jwt", CLAIMS);
    size_t n = strlen(token);
    must_load(&f, "set", "issuer=https://idp.example.com/,audience=ours", ",", set);
    struct message m = {.method = str_of("POST"), .body = {token, n}};
    ck_assert_int_eq(verifier_check(f.set->v[0].verifier, &m, 1700000000000, &found), VERIFY_OK);
    ck_assert(str_eq(found.content, str_of(CLAIMS)));
    for (size_t bit = 0; bit < n * 8; bit++) {
        /* The last symbol of each part has bits that stand for nothing. */
        bool last = bit / 8 == n - 1 || token[bit / 8 + 1] == '.';
        char before = token[bit / 8];
        token[bit / 8] = (char)(before ^ (1 << (bit % 8)));
        ck_assert_msg(last || check_token(&f, token, n) != VERIFY_OK, "bit %zu", bit);
        token[bit / 8] = before;
    }
    ck_assert_int_eq(check_token(&f, "", 0), VERIFY_MALFORMED);
    done(&f);
    free(token);
    free(set);
    cjose_jwk_release(key);
}
END_TEST

static const struct {
    const char *name, *alg, *typ, *claims;
    enum verify_outcome want;
} tokens[] = {
    {"without typ", "ES256", NULL, CLAIMS, VERIFY_FORGED},
    {"with the long typ", "ES256", "application/SECEVENT+jwt", CLAIMS, VERIFY_OK},
    {"an access token", "ES256", "JWT", CLAIMS, VERIFY_FORGED},
    {"from another issuer", "ES256", "secevent+jwt",
     "{\"iss\":\"https://x/\",\"aud\":\"ours\",\"iat\":1700000000}", VERIFY_FORGED},
    {"for another audience", "ES256", "secevent+jwt",
     "{\"iss\":\"https://idp.example.com/\",\"aud\":[\"x\"],\"iat\":1700000000}", VERIFY_FORGED},
    {"with exp", "ES256", "secevent+jwt",
     "{\"iss\":\"https://idp.example.com/\",\"aud\":\"ours\",\"iat\":1700000000,\"exp\":1800000000}",
     VERIFY_FORGED},
    {"with sub", "ES256", "secevent+jwt",
     "{\"iss\":\"https://idp.example.com/\",\"aud\":\"ours\",\"iat\":1700000000,\"sub\":\"x\"}",
     VERIFY_FORGED},
    {"without iat", "ES256", "secevent+jwt", "{\"iss\":\"https://idp.example.com/\",\"aud\":\"ours\"}",
     VERIFY_MALFORMED},
    {"from the future", "ES256", "secevent+jwt",
     "{\"iss\":\"https://idp.example.com/\",\"aud\":\"ours\",\"iat\":1700000061}", VERIFY_STALE},
    {"that holds no JSON", "ES256", "secevent+jwt", "x", VERIFY_MALFORMED},
};

START_TEST(a_token_must_say_what_is_wanted)
{
    cjose_err err;
    struct fixture f;
    cjose_jwk_t *key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
    char *set = key_set(key);
    must_load(&f, "set", "issuer=https://idp.example.com/,audience=ours", ",", set);
    char *token = make_token(key, tokens[_i].alg, tokens[_i].typ, tokens[_i].claims);
    enum verify_outcome outcome = check_token(&f, token, strlen(token));
    ck_assert_msg(outcome == tokens[_i].want, "%s: %s", tokens[_i].name, verify_outcome_name(outcome));
    done(&f);
    free(token);
    free(set);
    cjose_jwk_release(key);
}
END_TEST

START_TEST(a_token_that_names_a_key_we_do_not_have_is_neither_ours_nor_forged)
{
    cjose_err err;
    struct fixture f;
    cjose_jwk_t *old = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
    cjose_jwk_t *new = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
    ck_assert(cjose_jwk_set_kid(old, "old", 3, &err) && cjose_jwk_set_kid(new, "new", 3, &err));
    char *set = key_set(old), *fresh = key_set(new);
    char *token = make_token(new, "ES256", "secevent+jwt", CLAIMS);
    must_load(&f, "set", "issuer=any", ",", set);
    ck_assert_int_eq(check_token(&f, token, strlen(token)), VERIFY_UNKNOWN_KEY);
    done(&f);
    must_load(&f, "set", "issuer=any", ",", fresh); /* what a reload brings */
    ck_assert_int_eq(check_token(&f, token, strlen(token)), VERIFY_OK);
    free(token);
    ck_assert(cjose_jwk_set_kid(old, "new", 3, &err));
    token = make_token(old, "ES256", "secevent+jwt", CLAIMS); /* who only names it */
    ck_assert_int_eq(check_token(&f, token, strlen(token)), VERIFY_FORGED);
    free(token);
    free(set);
    free(fresh);
    done(&f);
    cjose_jwk_release(old);
    cjose_jwk_release(new);
}
END_TEST

START_TEST(a_token_without_signature_or_by_another_key_is_forged)
{
    /* {"alg":"none","typ":"secevent+jwt"} */
    static const char none[] = "eyJhbGciOiJub25lIiwidHlwIjoic2VjZXZlbnQrand0In0.e30.";
    cjose_err err;
    struct fixture f;
    cjose_jwk_t *key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
    cjose_jwk_t *other = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &err);
    cjose_jwk_t *shared =
        cjose_jwk_create_oct_spec((const uint8_t *)"0123456789abcdef0123456789abcdef", 32, &err);
    char *set = key_set(key);
    must_load(&f, "set", "issuer=any", ",", set);
    ck_assert_int_ne(check_token(&f, none, strlen(none)), VERIFY_OK);
    char *token = make_token(other, "ES256", "secevent+jwt", CLAIMS);
    ck_assert_int_eq(check_token(&f, token, strlen(token)), VERIFY_FORGED);
    free(token);
    token = make_token(shared, "HS256", "secevent+jwt", CLAIMS);
    ck_assert_int_eq(check_token(&f, token, strlen(token)), VERIFY_FORGED);
    free(token);
    free(set);
    done(&f);
    cjose_jwk_release(key);
    cjose_jwk_release(other);
    cjose_jwk_release(shared);
}
END_TEST

START_TEST(a_bearer_token_is_read_from_its_header_and_must_not_have_expired)
{
    static const char claims[] =
        "{\"iss\":\"https://idp.example.com/\",\"aud\":\"ours\",\"sub\":\"x\",\"iat\":1700000000,"
        "\"exp\":1700000600}";
    cjose_err ignored;
    struct error err = {0};
    struct verify_rules rules = {.n_any = 1, .n_forms = 1};
    struct verifier *v;
    struct verified found = {0};
    cjose_jwk_t *key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &ignored);
    char *set = key_set(key), *token = make_token(key, "ES256", NULL, claims),
         *value = xasprintf("bearer %s", token);
    const struct verify_secret secret = {NULL, set};
    rules.forms[0] = (struct verify_form){.header = "authorization",
                                          .prefix = "Bearer ",
                                          .algorithm = VERIFY_JWS,
                                          .secrets = {.algorithm = VERIFY_JWS, .min = 16, .max = 4096},
                                          .claims = {.algorithms = {"ES256"},
                                                     .n_algorithms = 1,
                                                     .issuer = "https://idp.example.com/",
                                                     .audience = "ours",
                                                     .expires = true}};
    ck_assert_msg(verifier_new(&rules, &secret, 1, 1024, &v, &err), "%s", err.message);
    struct message m = {
        .headers = {{str_of("Authorization"), str_of(value)}}, .n_headers = 1, .body = str_of("{}")};
    ck_assert_int_eq(verifier_check(v, &m, 1700000000000, &found), VERIFY_OK);
    ck_assert_uint_eq(found.content.n, 0); /* the body is what counts */
    ck_assert_int_eq(verifier_check(v, &m, 1700000661000, &found), VERIFY_STALE);
    m.headers[0].value = str_of(token);
    ck_assert_int_eq(verifier_check(v, &m, 1700000000000, &found), VERIFY_MALFORMED);
    verifier_free(v);
    free(value);
    free(token);
    free(set);
    cjose_jwk_release(key);
}
END_TEST

START_TEST(rsa_keys_have_2048_bits)
{
    static const uint8_t exponent[] = {1, 0, 1};
    for (size_t bits = 1024; bits <= 2048; bits *= 2) {
        cjose_err ignored;
        struct error err = {0};
        struct fixture f;
        cjose_jwk_t *key = cjose_jwk_create_RSA_random(bits, exponent, sizeof exponent, &ignored);
        char *set = key_set(key);
        bool loaded = load(&f, "set", "issuer=any", ",", set, &err);
        ck_assert_msg(loaded == (bits == 2048), "%zu bits: %s", bits, err.message);
        char *token = make_token(key, "PS256", "secevent+jwt", CLAIMS);
        if (loaded) {
            ck_assert_int_eq(check_token(&f, token, strlen(token)), VERIFY_OK);
            sources_free(f.set);
        }
        free(f.text);
        free(token);
        free(set);
        cjose_jwk_release(key);
    }
}
END_TEST

START_TEST(a_key_set_without_a_public_key_is_refused)
{
    static const char *const sets[] = {
        "not JSON, but long enough", "{\"keys\":[]}        ",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
        /* lengths that no encoding has: the library would end the process */
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AAAAA\",\"e\":\"AQAB\"}]}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"x\":\"A\",\"y\":\"AA\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        struct fixture f;
        struct error err = {0};
        ck_assert_msg(!load(&f, "set", "issuer=any", ",", sets[i], &err), "%s", sets[i]);
        free(f.text);
    }
}
END_TEST

START_TEST(whose_tokens_and_for_whom_must_be_said)
{
    static const struct {
        const char *options;
        bool loads;
    } said[] = {{"", false},
                {"issuer=https://idp.example.com/", false},
                {"audience=ours", false},
                {"issuer=https://idp.example.com/,audience=ours", true},
                {"issuer=any", true},
                {"issuer=any,audience=ours", true}};
    cjose_err cjose;
    cjose_jwk_t *key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &cjose);
    char *set = key_set(key);
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct fixture f;
        struct error err = {0};
        bool loaded = load(&f, "set", said[i].options, ",", set, &err);
        ck_assert_msg(loaded == said[i].loads &&
                          (loaded || strstr(err.message, "give options issuer and audience")),
                      "%s: %s", said[i].options, err.message);
        if (loaded)
            done(&f);
        else
            free(f.text);
    }
    free(set);
    cjose_jwk_release(key);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("jws");
    Suite *suite = suite_create("ingest_jws");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_token_verifies_and_with_any_bit_flipped_it_fails);
    tcase_add_loop_test(tc, a_token_must_say_what_is_wanted, 0, ARRAY_SIZE(tokens));
    tcase_add_test(tc, a_token_that_names_a_key_we_do_not_have_is_neither_ours_nor_forged);
    tcase_add_test(tc, a_token_without_signature_or_by_another_key_is_forged);
    tcase_add_test(tc, a_bearer_token_is_read_from_its_header_and_must_not_have_expired);
    tcase_add_test(tc, rsa_keys_have_2048_bits);
    tcase_add_test(tc, a_key_set_without_a_public_key_is_refused);
    tcase_add_test(tc, whose_tokens_and_for_whom_must_be_said);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
