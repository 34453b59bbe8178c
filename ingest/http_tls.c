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
    struct secret client_ca;
};

static _Atomic(const struct pair *) serving; /* of the one http_tls */
static const char *client_ca;                /* its PEM, for MHD; NULL: none. Set before a thread serves */

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

static bool check_ca(const struct secret *ca, struct error *err)
{
    gnutls_x509_trust_list_t list;
    gnutls_datum_t pem = {(unsigned char *)ca->p, (unsigned)ca->n};
    if (ca->n == 0)
        return true;
    if (gnutls_x509_trust_list_init(&list, 0) < 0)
        return error_set(err, ERROR_SYSTEM, "ingest.tls.client_ca: out of memory");
    int code = gnutls_x509_trust_list_add_trust_mem(list, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
    gnutls_x509_trust_list_deinit(list, 1);
    return code > 0 || error_set(err, ERROR_INPUT, "ingest.tls.client_ca: no certificate in it");
}

bool http_tls_new(const struct config_tls *cfg, struct http_tls **ret, struct error *err)
{
    struct http_tls *t = xcalloc(1, sizeof *t);
    bool ok = !cfg->client_ca || secret_load_text(cfg->client_ca, &t->client_ca, err) ||
              error_wrap(err, "ingest.tls.client_ca");
    if (!ok || !check_ca(&t->client_ca, err) || !http_tls_reload(t, cfg, err)) {
        secret_done(&t->client_ca);
        free(t);
        return false;
    }
    client_ca = t->client_ca.p;
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
    client_ca = NULL;
    secret_done(&t->client_ca);
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

static char *subject_of(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t certificate;
    gnutls_datum_t name;
    char *subject = NULL;
    if (gnutls_x509_crt_init(&certificate) < 0)
        return NULL;
    if (gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) >= 0 &&
        gnutls_x509_crt_get_dn3(certificate, &name, 0) >= 0) {
        subject = xstrndup((const char *)name.data, name.size);
        gnutls_free(name.data);
    }
    gnutls_x509_crt_deinit(certificate);
    return subject;
}

/* MHD asks for a certificate and takes whatever comes, or none: other sources of the listener need none. One that says
 * what it is for must be for clients. */
char *http_tls_client(void *session)
{
    unsigned n = 0, status = 0;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    const gnutls_datum_t *chain = client_ca ? gnutls_certificate_get_peers(session, &n) : NULL;
    if (!chain || n == 0 || gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0 || status != 0)
        return NULL;
    return subject_of(&chain[0]);
}

void http_tls_options(struct MHD_OptionItem *options)
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)on_handshake};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES};
    options[2] = (struct MHD_OptionItem){client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
                                         (void *)(uintptr_t)client_ca};
    options[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

/* A record is its type, a version, the length of the rest and the rest. Alerts show their type before TLS 1.3; there all
 * records look like data, and those of two bytes (an alert's level and what it says, one for the true type, the tag) are
 * told by their length: data that is as short, from a client that waits for its answer, is the beginning of nothing. */
bool http_tls_is_end(const unsigned char *begin, size_t n)
{
    enum { HEADER = 5, ALERT = 21, DATA = 23, ALERT_SEALED = 2 + 1 + 16 };
    size_t rest = n > HEADER ? (size_t)begin[3] << 8 | begin[4] : 0;
    if (rest == 0 || n != HEADER + rest)
        return false;
    return begin[0] == ALERT || (begin[0] == DATA && rest == ALERT_SEALED);
}

void http_tls_say(void *session, struct str text)
{
    (void)!gnutls_record_send(session, text.p, text.n);
    (void)!gnutls_bye(session, GNUTLS_SHUT_WR);
}
