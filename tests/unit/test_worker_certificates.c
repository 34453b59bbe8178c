/* Which PEM files are taken before a target is called with them. */
#include "worker/certificates.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "mem.h"
#include "worker/now.h"
#include "test_lib.h"

enum { LIFE_S = 7200 };

static EVP_PKEY *keys[2];
static char *certificate, *key, *other_key, *sealed_key;

static char *text_of(BIO *out)
{
    char *text;
    long n = BIO_get_mem_data(out, &text);
    char *copy = xstrndup(text, (size_t)n);
    BIO_free(out);
    return copy;
}

static char *certify(EVP_PKEY *of)
{
    X509 *made = X509_new();
    BIO *out = BIO_new(BIO_s_mem());
    X509_gmtime_adj(X509_getm_notBefore(made), 0);
    X509_gmtime_adj(X509_getm_notAfter(made), LIFE_S);
    X509_set_pubkey(made, of);
    ck_assert_int_gt(X509_sign(made, of, EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_bio_X509(out, made), 1);
    X509_free(made);
    return text_of(out);
}

static char *write_key(EVP_PKEY *of, const EVP_CIPHER *cipher)
{
    BIO *out = BIO_new(BIO_s_mem());
    unsigned char phrase[] = "phrase";
    ck_assert_int_eq(PEM_write_bio_PrivateKey(out, of, cipher, phrase, cipher ? 6 : 0, NULL, NULL), 1);
    return text_of(out);
}

static void set_up(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        keys[i] = EVP_EC_gen("P-256");
    certificate = certify(keys[0]);
    key = write_key(keys[0], NULL);
    other_key = write_key(keys[1], NULL);
    sealed_key = write_key(keys[0], EVP_aes_256_cbc());
}

static void tear_down(void)
{
    char *texts[] = {certificate, key, other_key, sealed_key};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        EVP_PKEY_free(keys[i]);
}

START_TEST(a_pair_is_taken_and_says_when_it_expires)
{
    struct error err = {0};
    int64_t expires_s = 0, by_s = clock_real_ms() / 1000 + LIFE_S;
    ck_assert_msg(certificates_pair(certificate, key, &expires_s, &err), "%s", err.message);
    ck_assert(expires_s > by_s - 60 && expires_s <= by_s);
    ck_assert(certificates_ca(certificate, &err));
}
END_TEST

START_TEST(what_is_none_is_refused_with_a_word)
{
    const struct {
        const char *certificate, *key, *said;
    } rows[] = {
        {certificate, other_key, "tls: certificate and key do not belong together"},
        {certificate, sealed_key, "tls.key: no private key in PEM, or one with a passphrase"},
        {certificate, certificate, "tls.key: no private key in PEM, or one with a passphrase"},
        {key, key, "tls.certificate: no certificate in PEM"},
        {"", "", "tls.certificate: no certificate in PEM"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        int64_t expires_s = -1;
        ck_assert(!certificates_pair(rows[i].certificate, rows[i].key, &expires_s, &err));
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_str_eq(err.message, rows[i].said);
        ck_assert_int_eq(expires_s, -1);
    }
    struct error err = {0};
    ck_assert(!certificates_ca(key, &err));
    ck_assert_str_eq(err.message, "tls.ca: no certificate in PEM");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_certificates");
    TCase *tc = tcase_create("certificates");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_pair_is_taken_and_says_when_it_expires);
    tcase_add_test(tc, what_is_none_is_refused_with_a_word);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
