/* http_client_codes.h - what libcurl's codes say of TLS. Private to http_client*.c; pure. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_CODES_H
#define ROLLCALL_WORKER_HTTP_CLIENT_CODES_H

#include <stdbool.h>

#include <curl/curl.h>

/* No TLS came about: we do not trust them, they do not trust us, or there is no common protocol. error: the handle's error
 * buffer. With TLS 1.3 a client hears that its certificate is refused when the handshake is over for it and the request is
 * written; only the text of the error tells it from a connection that was cut. */
bool http_code_is_tls(CURLcode code, const char *error);
/* The same in words, which name nobody. */
const char *http_code_tls_reason(CURLcode code);

#endif
