/* sandbox_exchange.h - one HTTP request from its first header to its answer, or to what a fault makes of it.
 *
 *     READING → (serve) → answer now
 *                       → suspended: latency, slow ──timer──→ answer
 *                       → suspended: hang ──client gone──→ closed
 *                       → closed without an answer
 *
 * An exchange lives as long as its connection and, when it is to be applied late, until that is done. */
#ifndef ROLLCALL_SANDBOX_EXCHANGE_H
#define ROLLCALL_SANDBOX_EXCHANGE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct sandbox;
struct exchange;

/* The callbacks of the daemon; ctx is the sandbox. */
void *exchange_begin(void *ctx, const char *uri, struct MHD_Connection *conn);
enum MHD_Result exchange_handle(void *ctx, struct MHD_Connection *conn, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_n, void **con_cls);
void exchange_end(void *ctx, struct MHD_Connection *conn, void **con_cls,
                  enum MHD_RequestTerminationCode why);

void exchanges_let_go(struct sandbox *sb);      /* closes all suspended connections */
void exchanges_forget_late(struct sandbox *sb); /* drops what would have been applied late */

#endif
