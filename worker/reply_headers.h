/* reply_headers.h - the headers of a reply as scripts are given them: names in lower case, each once.
 *
 * What is too much is left out, since a source's answer is not ours to limit and a script asks for few of them. Thread
 * rule: one owner at a time, here the loop's thread. Cannot fail. */
#ifndef ROLLCALL_WORKER_REPLY_HEADERS_H
#define ROLLCALL_WORKER_REPLY_HEADERS_H

#include "buf.h"
#include "source_words.h"

enum { REPLY_HEADERS_MAX = 64, REPLY_HEADER_BYTES_MAX = 16 * 1024 };

struct reply_headers {
    struct source_header v[REPLY_HEADERS_MAX]; /* owned */
    size_t n, bytes;
};

/* One header line as received. A status line begins a new reply and clears. A name that comes again adds its value to the
 * first, behind a comma (RFC 9110 §5.3). */
void reply_headers_line(struct reply_headers *h, struct str line);
void reply_headers_clear(struct reply_headers *h);

#endif
