/* http_client_sockets.h - libcurl's sockets and timers in the program's loop. Private to http_client*.c; everything,
 * `ended` included, happens on the loop's thread. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_SOCKETS_H
#define ROLLCALL_WORKER_HTTP_CLIENT_SOCKETS_H

#include <stddef.h>

#include <curl/curl.h>

#include "loop.h"

struct http_sockets;
struct http_multi; /* one of its multi handles */

/* A transfer is over; it is still in its multi handle. */
typedef void http_sockets_ended(CURL *easy, CURLcode code);

/* As many multi handles as wanted, within reason; calls: that may be under way at once. Keeps loop until
 * http_sockets_free. */
struct http_sockets *http_sockets_new(struct loop *loop, size_t wanted, size_t calls,
                                      http_sockets_ended *ended);
/* Closes all connections; transfers have been stopped. */
void http_sockets_free(struct http_sockets *s);
struct http_multi *http_sockets_multi(struct http_sockets *s, size_t i); /* i modulo their number */

/* Once in an easy handle's life, before it is started: its connections belong to m. */
void http_multi_prepare(struct http_multi *m, CURL *easy);
void http_multi_start(struct http_multi *m, CURL *easy);
void http_multi_stop(struct http_multi *m, CURL *easy);

/* Does what libcurl's timers ask for, and tells what ended. */
void http_sockets_run(struct http_sockets *s);
/* http_sockets_run is due in so many milliseconds; -1: only sockets. */
int http_sockets_timeout_ms(const struct http_sockets *s);

#endif
