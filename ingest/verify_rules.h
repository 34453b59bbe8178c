/* verify_rules.h - the `verify` table of a source file, read into C. Thread rule: that of the Lua host. */
#ifndef INGEST_VERIFY_RULES_H
#define INGEST_VERIFY_RULES_H

#include "rules_reader.h"
#include "verify.h"

/* With the `verify` table on top of the stack; ctx is the struct verify_rules. A rule that would protect nothing is
 * refused too: a signature without the body, a time that is not signed. */
rules_fn verify_rules_read;

#endif
