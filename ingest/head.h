/* head.h - is the head of a request one that every party on the way reads alike, and of bearable size?
 *
 * What MHD lets pass or leaves to us. Thread rule: none, there is no state; cannot fail. */
#ifndef INGEST_HEAD_H
#define INGEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum head_fault {
    HEAD_OK,
    HEAD_TOO_MANY, /* headers */
    HEAD_TOO_LARGE,
    HEAD_FRAMING, /* two parties could read it as two different messages */
    HEAD_HOST,
    HEAD_EXPECTATION,
    HEAD_FAULTS,
};

/* bytes: size of the head as it came. *ret_declared: Content-Length, -1 without one. */
enum head_fault head_check(const struct message *m, size_t bytes, size_t max, int64_t *ret_declared);

/* Is a request's target printable ASCII without blanks? */
bool head_target_ok(struct str target);

struct head_raw {
    struct str target;  /* with its query */
    struct str version; /* "HTTP/1.1" */
    size_t size;        /* from the method to the empty line, which is included */
};

/* Do the message's parts, all still where the client's bytes were received, make up the head with exactly one
 * blank, colon and CRLF between them? What a parser skipped, joined or moved (a lone CR or LF, a folded line,
 * NUL and what comes after it) leaves a gap. Not seen: a NUL just before a lone CR or LF. */
bool head_is_whole(const struct message *m, const struct head_raw *raw);

/* HTTP/1.0 knows no Transfer-Encoding (RFC 9112 6.1): an older party in front takes the body for what follows. */
bool head_version_ok(const struct message *m, struct str version);

unsigned head_fault_status(enum head_fault fault); /* the HTTP status to refuse it with */
const char *head_fault_name(enum head_fault fault);

#endif
