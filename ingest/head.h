/* head.h - is the head of a request one that every party on the way reads alike, and of bearable size?
 *
 * What MHD lets pass or leaves to us. Thread-safe; cannot fail. */
#ifndef INGEST_HEAD_H
#define INGEST_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum head_fault {
    HEAD_OK,
    HEAD_TOO_MANY, /* headers */
    HEAD_TOO_LARGE,
    HEAD_FRAMING, /* the body's length is said in no way, or in two */
    HEAD_HOST,
    HEAD_EXPECTATION,
    HEAD_FAULTS,
};

/* bytes: size of the head as it came. *ret_declared: Content-Length, -1 without one. */
enum head_fault head_check(const struct message *m, size_t bytes, size_t max, int64_t *ret_declared);

unsigned head_fault_status(enum head_fault fault); /* the HTTP status to refuse it with */
const char *head_fault_name(enum head_fault fault);

#endif
