/* admin.h - the admin listener of both programs: GET /healthz, /readyz, /metrics.
 *
 * libmicrohttpd with an external event loop (its own one stalls when exactly k × 128 events are ready):
 * add admin_fd to the program's epoll, call admin_run when it is readable and at least every
 * admin_timeout_ms. Everything happens on the caller's thread inside admin_run. Bounded: few connections, no
 * request bodies. */
#ifndef ROLLCALL_ADMIN_H
#define ROLLCALL_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

struct admin;

struct admin_callbacks {
    void *ctx;
    /* Ready for traffic? If not, appends a reason of one line. NULL: always ready. */
    bool (*ready)(void *ctx, struct buf *reason);
    /* Appends Prometheus text. NULL: an empty page. */
    void (*metrics)(void *ctx, struct buf *out);
};

/* Listens on "host:port" (port 0: any, see admin_port). Copies callbacks. Fails with ERROR_INPUT (address) or
 * ERROR_SYSTEM. */
bool admin_new(const char *address, const struct admin_callbacks *callbacks, struct admin **ret,
               struct error *err) __attribute__((warn_unused_result));
void admin_free(struct admin *a);

int admin_fd(const struct admin *a); /* for epoll, EPOLLIN, level-triggered */
int admin_timeout_ms(
    const struct admin *a); /* call admin_run after at most this long; -1: only on admin_fd */
void admin_run(struct admin *a);
uint16_t admin_port(const struct admin *a);

#endif
