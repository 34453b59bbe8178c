/* utf8.h - is this text? Thread-safe; cannot fail. */
#ifndef ROLLCALL_UTF8_H
#define ROLLCALL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Length (1–4) of the well-formed UTF-8 sequence at the start of s (RFC 3629: shortest form, no surrogates);
 * 0 when there is none. */
size_t utf8_sequence(struct str s);

bool utf8_ok(struct str s);

/* Well-formed UTF-8 without control characters (U+0000–001F, U+007F). */
bool utf8_printable(struct str s);

#endif
