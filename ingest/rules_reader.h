/* rules_reader.h - reading tables of a source file strictly: an unknown key, a wrong type or an unknown word is an
 * error with its path, as verify.accept[1].time.unit. A rule that is silently not understood would be a hole.
 *
 * Everything reads members of the table on top of the stack and leaves the stack as it was. Thread rule: that of the
 * Lua host. */
#ifndef INGEST_RULES_READER_H
#define INGEST_RULES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "config.h"
#include "error.h"
#include "lua_host.h"

struct rules_reader {
    lua_State *L;
    struct lua_host *host;
    const struct config_pairs *options; /* of the configured source, for tables that are functions of them */
    struct error *err;
    char path[128]; /* where we are in the file, for messages */
};

struct rules_word {
    const char *text; /* NULL: the end */
    int value;
};

/* Fills the error with path, key and what is wrong; false. */
bool rules_fail(struct rules_reader *r, const char *key, const char *what);
bool rules_check_keys(struct rules_reader *r, const char *const *known);

/* Absent is fine unless required. Texts longer than size - 1 are refused, and empty ones. */
bool rules_text(struct rules_reader *r, const char *key, bool required, char *out, size_t size);
bool rules_word(struct rules_reader *r, const char *key, const struct rules_word *words, bool required,
                int *ret);
bool rules_number(struct rules_reader *r, const char *key, int64_t max, int64_t *ret);
bool rules_boolean(struct rules_reader *r, const char *key, bool *ret);

typedef bool rules_fn(struct rules_reader *r, void *ctx);
/* Enters the member table `key` and reads it with fn. */
bool rules_table(struct rules_reader *r, const char *key, bool required, rules_fn *fn, void *ctx);
/* As rules_table; the member may also be a function that makes the table of the source's options. */
bool rules_made_table(struct rules_reader *r, const char *key, bool required, rules_fn *fn, void *ctx);
/* Calls fn for each item of the list on top, with the item on top. */
bool rules_list(struct rules_reader *r, size_t max, rules_fn *fn, void *ctx);

#endif
