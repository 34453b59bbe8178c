/* body.h - a request's body, whatever its form, as what JSON can say: so that source scripts know one kind only.
 *
 *   JSON     itself
 *   lines    JSON, or one JSON value a line (NDJSON): an array of them
 *   form     application/x-www-form-urlencoded; PHP-style names: data[ids][0]=7 is {"data": {"ids": ["7"]}}
 *   XML      see xml.h
 *
 * Thread rule: none. */
#ifndef INGEST_BODY_H
#define INGEST_BODY_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "error.h"
#include "message.h"
#include "source.h"

/* The form in which the source's requests of this media type are read. */
enum source_format body_format(const struct source *src, const struct message *m);

/* Lines that are no JSON, among others that are. */
struct body_bad {
    size_t n;
    struct error first; /* which line, and why */
};

/* The caller frees *ret with cJSON_Delete. Fails with ERROR_INPUT; the message holds nothing of the body. With bad, lines that
 * cannot be read are left out and told there, as long as there is one that can; without (NULL) one fails the body. */
bool body_parse(enum source_format format, struct str body, cJSON **ret, struct body_bad *bad,
                struct error *err) __attribute__((warn_unused_result));

#endif
