/* miro_filter.h - SCIM filters (RFC 7644 §3.4.2.2): parsing, and matching against anything that can be asked
 * for the values of a path. Attribute names and operators in any case; values quoted as in JSON, or bare words, as
 * Miro's own samples show (`members[value eq 3074457364022187294]`). Thread rule: one owner at a time. */
#ifndef ROLLCALL_MIRO_FILTER_H
#define ROLLCALL_MIRO_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"

enum { MIRO_FILTER_DEPTH_MAX = 32, MIRO_FILTER_PATH_MAX = 64 };

/* The i-th value of a normalised path (lower case, no URN), "" for an element without it, NULL behind the
 * last. */
typedef const char *miro_getter(const void *subject, const char *path, size_t i);

struct miro_filter;

/* Fails with ERROR_INPUT and the byte where the text stops making sense. */
bool miro_filter_parse(struct str text, struct miro_filter **ret, struct error *err)
    __attribute__((warn_unused_result));
void miro_filter_free(struct miro_filter *f);

bool miro_filter_match(const struct miro_filter *f, miro_getter *get, const void *subject);
/* The same with paths relative to the i-th element of `attribute`. */
bool miro_filter_match_element(const struct miro_filter *f, miro_getter *get, const void *subject,
                               const char *attribute, size_t i);

/* The value when the whole filter is `path eq value`, else NULL. */
const char *miro_filter_is_eq(const struct miro_filter *f, const char *path);
/* True when a path has a dot or brackets. */
bool miro_filter_is_complex(const struct miro_filter *f);

/* Lower-cases a path and takes off the core or enterprise schema's URN; false when it does not fit. */
bool miro_path_normalise(struct str path, char out[MIRO_FILTER_PATH_MAX]);

#endif
