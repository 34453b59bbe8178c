/* wildcard.h - patterns as people write them: `*` stands for any text, `?` for one character, `\` takes what follows as
 * it is; everything else means itself, whatever the case of ASCII letters.
 *
 * Never more than |pattern| × |text| steps, whatever both hold. Thread-safe; cannot fail. */
#ifndef ROLLCALL_WILDCARD_H
#define ROLLCALL_WILDCARD_H

#include <stdbool.h>

#include "buf.h"

enum { WILDCARD_MAX = 256 }; /* bytes that a pattern should have at most */

/* A character is one of UTF-8; of text that is none, a byte. */
bool wildcard_match(struct str pattern, struct str text);

#endif
