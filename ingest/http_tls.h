/* http_tls.h - the certificate of the HTTPS listener, replaced while it serves. Only http_tls.c sees GnuTLS, which
 * libmicrohttpd speaks TLS with.
 *
 * Certificate and key are read and checked as a pair; a handshake takes the newest pair. Older pairs live until
 * http_tls_free, for handshakes that have begun with them. There is one per process: GnuTLS's callback carries no
 * context. Thread rule: main's; handshakes on any thread. */
#ifndef INGEST_HTTP_TLS_H
#define INGEST_HTTP_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "error.h"

struct http_tls;
struct MHD_OptionItem;

enum { HTTP_TLS_OPTIONS = 4, HTTP_TLS_END_MAX = 128 };

/* Fails with ERROR_INPUT when a file is missing, no PEM, or key and certificate do not belong together. */
bool http_tls_new(const struct config_tls *cfg, struct http_tls **ret, struct error *err)
    __attribute__((warn_unused_result));
/* The files as they are now, or, on failure, as before. */
bool http_tls_reload(struct http_tls *t, const struct config_tls *cfg, struct error *err)
    __attribute__((warn_unused_result));
void http_tls_free(struct http_tls *t); /* NULL is fine */

int64_t http_tls_expires_s(const struct http_tls *t); /* Unix time; of the newest certificate */

/* The subject of the client's certificate ("CN=hr.example.com,O=Acme", RFC 4514) if it gave one, and one that client_ca
 * vouches for; NULL otherwise. The caller frees it. session: GnuTLS's. */
char *http_tls_client(void *session);

/* What MHD has to be told: HTTP_TLS_OPTIONS items, the last is MHD_OPTION_END. */
void http_tls_options(struct MHD_OptionItem *options);

/* What lies unread on a connection is what a client says at its end (close_notify, or another alert) and nothing else. More
 * than HTTP_TLS_END_MAX bytes are not. */
bool http_tls_is_end(const unsigned char *begin, size_t n);
/* Writes on a session past MHD, and closes our side of it. Best effort. */
void http_tls_say(void *session, struct str text);

#endif
