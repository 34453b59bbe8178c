/* service.h - a small HTTP/1.1 service for benchmarks: one thread, keep-alive, answers after a delay.
 *
 *      readable ──► request whole? ──► handle: the answer's body ──► due queue ──(delay)──► written ──► answered
 *
 * Requests of one connection are served one after the other. The delay is the same for all, so the queue is in
 * order of time. An answer leaves within half a millisecond of its time, early or late, so that waiting needs
 * no spinning. What does not parse closes its connection and is counted. Runs in its owner's loop. */
#ifndef ROLLCALL_BENCH_SERVICE_H
#define ROLLCALL_BENCH_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "loop.h"

enum { SERVICE_REQUEST_MAX = 8192, SERVICE_ANSWER_MAX = 4096, SERVICE_NO_TAG = -1 };

struct request {
    struct str method, path, body; /* borrowed */
};

struct service_callbacks {
    void *ctx;
    /* Appends the answer's body; returns a tag for `answered`, or SERVICE_NO_TAG. *status is 200 before. */
    int64_t (*handle)(void *ctx, const struct request *r, int *status, struct buf *body);
    void (*answered)(void *ctx, int64_t tag);
};

struct service;

/* Listens on a free port of 127.0.0.1. Fails with ERROR_SYSTEM. */
bool service_new(struct loop *loop, const struct service_callbacks *callbacks, struct service **ret,
                 struct error *err) __attribute__((warn_unused_result));
void service_free(struct service *s);

int service_port(const struct service *s);
void service_set_delay(struct service *s, int64_t ms);
/* Milliseconds until an answer is due, -1: none waits. */
int service_timeout_ms(const struct service *s);
/* Writes the answers that are due; once in each turn of the loop. */
void service_run(struct service *s);
uint64_t service_broken(const struct service *s); /* connections closed for what came or would not go */

#endif
