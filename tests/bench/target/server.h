/* server.h - a small HTTP/1.1 server for benchmarks: one thread, keep-alive, answers after a delay.
 *
 *      readable ──► request whole? ──► handle: the answer's body ──► due queue ──(delay)──► written ──► answered
 *
 * Requests of one connection are served one after the other. The delay is the same for all, so the queue is in
 * order of time. An answer leaves within half a millisecond of its time, early or late, so that waiting needs
 * no spinning. What does not parse closes its connection and is counted. Runs in its owner's loop. */
#ifndef ROLLCALL_BENCH_SERVER_H
#define ROLLCALL_BENCH_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "loop.h"

enum { SERVER_REQUEST_MAX = 8192, SERVER_ANSWER_MAX = 4096, SERVER_NO_TAG = -1 };

struct request {
    struct str method, path, body; /* borrowed */
};

struct server_callbacks {
    void *ctx;
    /* Appends the answer's body; returns a tag for `answered`, or SERVER_NO_TAG. *status is 200 before. */
    int64_t (*handle)(void *ctx, const struct request *r, int *status, struct buf *body);
    void (*answered)(void *ctx, int64_t tag);
};

struct server;

/* Listens on a free port of 127.0.0.1. Fails with ERROR_SYSTEM. */
bool server_new(struct loop *loop, const struct server_callbacks *callbacks, struct server **ret,
                struct error *err) __attribute__((warn_unused_result));
void server_free(struct server *s);

int server_port(const struct server *s);
void server_set_delay(struct server *s, int64_t ms);
/* Milliseconds until an answer is due, -1: none waits. */
int server_timeout_ms(const struct server *s);
/* Writes the answers that are due; once in each turn of the loop. */
void server_run(struct server *s);
uint64_t server_broken(const struct server *s); /* connections closed for what came or would not go */

#endif
