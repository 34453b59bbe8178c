/* message.h - one HTTP request as plain data: what verification and source scripts look at.
 *
 * Everything is borrowed from whoever made the message (the HTTP server, a stored request file) and lives as
 * long as that. Thread rule: none, it is only read. */
#ifndef INGEST_MESSAGE_H
#define INGEST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"

enum { MESSAGE_HEADERS_MAX = 64 };

struct message_header {
    struct str name;
    struct str value;
};

struct message {
    struct str method;
    struct str path;  /* without the query */
    struct str query; /* behind the '?', as sent; n = 0: none */
    struct message_header headers[MESSAGE_HEADERS_MAX];
    size_t n_headers;
    struct str body; /* as received, never re-printed */
    /* What is known of the client's certificate: its subject or fingerprint, told by TLS itself or by a proxy that
     * may be believed; n = 0: none. */
    struct str certificate;
    bool proxied; /* a trusted proxy has brought it: its headers about the client may be believed */
};

/* How many headers have this name (any case); *ret (may be NULL) is the first one's value without white space
 * around it. */
size_t message_header(const struct message *m, const char *name, struct str *ret);

/* Adds the decoded value of the first query parameter of this name (application/x-www-form-urlencoded); false when
 * there is none, it is badly encoded, or longer than out may be. */
bool message_query(const struct message *m, const char *name, struct buf *out);

/* Decodes %XX and '+' onto out; false when a '%' is not followed by two digits. */
bool message_unescape(struct str text, struct buf *out);

/* The media type of Content-Type in lower case, without parameters, in out; "" when there is none or it is
 * longer. */
void message_media_type(const struct message *m, char *out, size_t size);

/* Reads a stored request: request line, headers, empty line, body; line ends LF or CRLF in the head. *ret
 * borrows from text. Fails with ERROR_INPUT and the line's number. */
bool message_read(struct str text, struct message *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
