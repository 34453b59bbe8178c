/* rfc3339.h - instants as milliseconds since 1970-01-01T00:00:00Z, and their text form. Thread-safe. */
#ifndef ROLLCALL_RFC3339_H
#define ROLLCALL_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum { RFC3339_SIZE = 25 }; /* "2026-11-22T08:44:15.123Z" and NUL */

/* Reads "2026-11-22T08:44:15[.fraction](Z|±hh:mm)" (RFC 3339, also with a blank or lower-case t instead of
 * T); a date without time or zone is refused: a source that sends such dates converts them with the zone it
 * knows. False when text is not such an instant or lies outside the years 1970–9999. */
bool rfc3339_parse(struct str text, int64_t *ret_ms);

/* Writes UTC with milliseconds. ms must lie in the years 1970–9999 (asserted). */
void rfc3339_format(int64_t ms, char out[RFC3339_SIZE]);

#endif
