/* webhook.h - the webhooks that the load is made of, each with a subject of its own: "00ubench" and the number in 12
 * digits, which is found again in the topic whoever put it there.
 *
 * One owner; nothing can fail but the reading of files. */
#ifndef ROLLCALL_BENCH_WEBHOOK_H
#define ROLLCALL_BENCH_WEBHOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define WEBHOOK_MARK "00ubench"
enum { WEBHOOK_DIGITS = 12, WEBHOOK_KINDS_MAX = 16, WEBHOOK_MAX = 64 * 1024, WEBHOOK_ANY_2XX = 0 };

/* The sender's secrets, which the system under test must have. */
#define WEBHOOK_KEY   "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" /* base64; whsec_… as a secret */
#define WEBHOOK_TOKEN "a-secret-of-the-bench-for-okta"

struct webhook_kind;

struct webhooks {
    const struct webhook_kind *kinds[WEBHOOK_KINDS_MAX]; /* taken in turn */
    struct str files[WEBHOOK_KINDS_MAX];                 /* of those that are stored; owned */
    size_t n;
    struct buf key;           /* decoded */
    struct buf body, message; /* scratch */
};

/* kinds: names divided by commas (webhook.c has the table); a name with a '/' is the file of a request that is sent as
 * it is. Fails with ERROR_INPUT. */
bool webhooks_init(struct webhooks *w, const char *kinds, struct error *err)
    __attribute__((warn_unused_result));
void webhooks_done(struct webhooks *w);

/* Appends the number-th request; returns the status that it should be answered with, or
 * WEBHOOK_ANY_2XX. */
int webhooks_write(struct webhooks *w, uint64_t number, struct buf *out);

#endif
