/* source_words.h - what is asked of a source's API, what it answers, and what that says of a person.
 *
 * Plain data between the scripts that know a vendor (source_api.h), the engine that decides when to ask, and the HTTP
 * client. Thread rule: one owner at a time. */
#ifndef ROLLCALL_SOURCE_WORDS_H
#define ROLLCALL_SOURCE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "event.h"

enum {
    SOURCE_PATH_MAX = 4096,
    SOURCE_BODY_MAX = 64 * 1024,
    SOURCE_HEADERS_SENT_MAX = 8,
    SOURCE_HEADER_MAX = 1024
};

struct source_request { /* a read; release with source_request_done */
    char *method;       /* GET or POST */
    char *path;         /* below the source's base URL, with query */
    char *body;         /* NULL: none */
    size_t body_n;
    char **headers; /* "name: value" */
    size_t n_headers;
};

struct source_header {
    const char *name; /* lower case */
    const char *value;
};

struct source_reply { /* borrowed */
    int status;
    struct str body;
    const struct source_header *headers;
    size_t n_headers;
};

/* Everything that a source says of one person; release with source_person_done. */
struct source_person {
    bool known;         /* false: the source does not know the person, and nothing else is valid */
    bool suspended;     /* it says that access is suspended */
    bool not_suspended; /* it says that access is not: neither is said by a source that cannot tell */
    struct event
        words; /* type: joined, left, or changed where it says neither; profile (complete, unless the API tells a part), groups (where it says any), accessUntil */
};

void source_request_done(struct source_request *r);
void source_person_done(struct source_person *p);

#endif
