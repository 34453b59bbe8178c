#include "http_tls.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>

#include "digest.h"
#include "mem.h"
#include "secret.h"

enum { CHAIN_MAX = 8 };

static const char PRIORITIES[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";

struct pair {
    struct pair *older;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
    int64_t expires_s;
    char hash[2][SHA256_HEX_SIZE]; /* of certificate and key as read */
};

struct http_tls {
    struct pair *newest;
};

static _Atomic(const struct pair *) serving; /* of the one http_tls */

static void pair_free(struct pair *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    free(p);
}

static bool failed(int code, const char *what, struct error *err)
{
    return error_set(err, ERROR_INPUT, "ingest.tls.%s: %s", what, gnutls_strerror(code));
}

/* Do they belong together? */
static bool match(const gnutls_datum_t *certificate, const gnutls_datum_t *key, struct error *err)
{
    gnutls_certificate_credentials_t both;
    int code = gnutls_certificate_allocate_credentials(&both);
    if (code < 0)
        return failed(code, "certificate", err);
    code = gnutls_certificate_set_x509_key_mem(both, certificate, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(both);
    return code >= 0 || failed(code, "certificate and key", err);
}

static bool import_chain(struct pair *p, const gnutls_datum_t *pem, struct error *err)
{
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned n = CHAIN_MAX;
    int code = gnutls_x509_crt_list_import(chain, &n, pem, GNUTLS_X509_FMT_PEM,
                                           GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (code <= 0)
        return failed(code, "certificate", err);
    p->expires_s = gnutls_x509_crt_get_expiration_time(chain[0]);
    n = (unsigned)code;
    for (unsigned i = 0; i < n; i++) {
        code = code < 0 ? code : gnutls_pcert_import_x509(&p->chain[i], chain[i], 0);
        p->n += code >= 0;
        gnutls_x509_crt_deinit(chain[i]);
    }
    return code >= 0 || failed(code, "certificate", err);
}

static bool import(struct pair *p, const struct secret *certificate, const struct secret *key,
                   struct error *err)
{
    gnutls_datum_t c = {(unsigned char *)certificate->p, (unsigned)certificate->n};
    gnutls_datum_t k = {(unsigned char *)key->p, (unsigned)key->n};
    if (!match(&c, &k, err) || !import_chain(p, &c, err))
        return false;
    int code = gnutls_privkey_init(&p->key);
    if (code >= 0)
        code = gnutls_privkey_import_x509_raw(p->key, &k, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code < 0)
        return failed(code, "key", err);
    digest_sha256_hex(certificate->p, certificate->n, p->hash[0]);
    digest_sha256_hex(key->p, key->n, p->hash[1]);
    return true;
}

static bool load(const struct config_tls *cfg, struct pair **ret, struct error *err)
{
    struct secret certificate = {0}, key = {0};
    if (!secret_load_text(cfg->certificate, &certificate, err))
        return error_wrap(err, "ingest.tls.certificate");
    struct pair *p = xcalloc(1, sizeof *p);
    bool ok = secret_load_text(cfg->key, &key, err) ? import(p, &certificate, &key, err)
                                                    : error_wrap(err, "ingest.tls.key");
    secret_done(&certificate);
    secret_done(&key);
    if (ok)
        *ret = p;
    else
        pair_free(p);
    return ok;
}

bool http_tls_reload(struct http_tls *t, const struct config_tls *cfg, struct error *err)
{
    struct pair *p = NULL;
    if (!load(cfg, &p, err))
        return false;
    if (t->newest && memcmp(t->newest->hash, p->hash, sizeof p->hash) == 0) {
        pair_free(p); /* reloads for other reasons shall not add up */
        return true;
    }
    p->older = t->newest;
    t->newest = p;
    atomic_store(&serving, p);
    return true;
}

bool http_tls_new(const struct config_tls *cfg, struct http_tls **ret, struct error *err)
{
    struct http_tls *t = xcalloc(1, sizeof *t);
    if (!http_tls_reload(t, cfg, err)) {
        free(t);
        return false;
    }
    *ret = t;
    return true;
}

void http_tls_free(struct http_tls *t)
{
    if (!t)
        return;
    atomic_store(&serving, NULL);
    while (t->newest) {
        struct pair *p = t->newest;
        t->newest = p->older;
        pair_free(p);
    }
    free(t);
}

int64_t http_tls_expires_s(const struct http_tls *t)
{
    return t->newest->expires_s;
}

/* In a handshake, on the thread that serves it. What is returned is borrowed. */
static int on_handshake(gnutls_session_t session, const gnutls_datum_t *ca, int n_ca,
                        const gnutls_pk_algorithm_t *pk, int n_pk, gnutls_pcert_st **ret_chain,
                        unsigned *ret_n, gnutls_privkey_t *ret_key)
{
    const struct pair *p = atomic_load(&serving);
    (void)session, (void)ca, (void)n_ca, (void)pk, (void)n_pk;
    if (!p)
        return -1;
    *ret_chain = (gnutls_pcert_st *)(uintptr_t)p->chain;
    *ret_n = p->n;
    *ret_key = p->key;
    return 0;
}

void http_tls_options(struct MHD_OptionItem *options)
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)on_handshake};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES};
    options[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}
