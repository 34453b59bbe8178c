#include "certificates.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static BIO *open_text(const char *text)
{
    size_t n = strlen(text);
    return n <= INT_MAX ? BIO_new_mem_buf(text, (int)n) : NULL;
}

/* A key with a passphrase is none: there is nobody to ask. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

/* The first in the text. */
static X509 *read_certificate(const char *text)
{
    BIO *in = open_text(text);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return certificate;
}

static EVP_PKEY *read_key(const char *text)
{
    BIO *in = open_text(text);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return key;
}

static int64_t expiry_of(const X509 *certificate)
{
    struct tm tm;
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

bool certificates_pair(const char *certificate, const char *key, int64_t *ret_expires_s, struct error *err)
{
    X509 *ours = read_certificate(certificate);
    EVP_PKEY *its = read_key(key);
    bool ok = false;
    if (!ours)
        error_set(err, ERROR_INPUT, "tls.certificate: no certificate in PEM");
    else if (!its)
        error_set(err, ERROR_INPUT, "tls.key: no private key in PEM, or one with a passphrase");
    else
        ok = X509_check_private_key(ours, its) == 1 ||
             error_set(err, ERROR_INPUT, "tls: certificate and key do not belong together");
    if (ok)
        *ret_expires_s = expiry_of(ours);
    X509_free(ours);
    EVP_PKEY_free(its);
    ERR_clear_error();
    return ok;
}

bool certificates_ca(const char *ca, struct error *err)
{
    X509 *first = read_certificate(ca);
    bool ok = first || error_set(err, ERROR_INPUT, "tls.ca: no certificate in PEM");
    X509_free(first);
    ERR_clear_error();
    return ok;
}
