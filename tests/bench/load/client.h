/* client.h - clients that keep their connection and have one request under way each, all in one thread.
 *
 * Without a rate each client sends its next request when the answer is there. With one, requests fall due at even
 * distances whatever the server does, and the time of an answer counts from when its request was due: a server that
 * stands still is charged for everything that waits meanwhile. */
#ifndef ROLLCALL_BENCH_CLIENT_H
#define ROLLCALL_BENCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "histogram.h"
#include "webhook.h"

struct load_settings {
    uint16_t port; /* on 127.0.0.1 */
    size_t connections;
    uint64_t requests;       /* in all */
    uint64_t first;          /* number of the first one */
    uint64_t per_s;          /* 0: as fast as answers come */
    uint64_t per_connection; /* then it is closed and another one opened; 0: never */
    int64_t until_ms;        /* ends then at the latest (monotonic); 0: when all requests are answered */
    struct webhooks *webhooks;
};

struct load_report {
    struct histogram us;
    uint64_t sent, answered;
    uint64_t refused;    /* answered 503 */
    uint64_t unexpected; /* answered with another status than the request should be */
    int status;          /* the first one of those */
    uint64_t broken;     /* connections that ended under a request */
    int64_t ms;          /* from the first request to the last answer */
};

/* Blocks until all is done. Fails with ERROR_TEMPORARY when it cannot connect, or nothing is answered for 10 s. */
bool load_run(const struct load_settings *settings, struct load_report *ret, struct error *err)
    __attribute__((warn_unused_result));

/* What is known of an answer whose first n bytes are there: its status when it is whole, 0: more must come, -1: it is none
 * that the clients understand. *ret_close: the server closes behind it. */
int load_answer(const char *p, size_t n, bool *ret_close);

#endif
