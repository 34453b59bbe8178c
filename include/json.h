/* json.h - reading JSON strictly (over cJSON) and writing it fast (onto a buf).
 *
 * Strict: one document, valid UTF-8, no NUL, nesting ≤ JSON_DEPTH_MAX; duplicate keys: the first one counts.
 * cJSON holds numbers as double, which instants (ms) fit exactly. An integer beyond 2^53, such as some senders' ids, becomes
 * a string of its digits: as a double it would be its neighbour's too.
 * Thread rule: one owner at a time. */
#ifndef ROLLCALL_JSON_H
#define ROLLCALL_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "buf.h"
#include "error.h"

enum { JSON_DEPTH_MAX = 32 };

/* Parses text; the caller frees *ret with cJSON_Delete. Fails with ERROR_INPUT and says at which byte. */
bool json_parse(struct str text, cJSON **ret, struct error *err) __attribute__((warn_unused_result));

/* A document that is read once: all of it lies in one piece of memory, which takes a fraction of the time where
 * documents come by the thousand. `root` is for reading only: cJSON must not change, detach or delete it. */
struct json_doc {
    const cJSON *root;
    void *memory;
};

/* As json_parse, the same texts and the same errors (of a value that cannot be represented, such as a lone surrogate, the
 * byte may be another); release with json_doc_done. */
bool json_doc_parse(struct str text, struct json_doc *ret, struct error *err)
    __attribute__((warn_unused_result));
void json_doc_done(struct json_doc *d); /* also of one that is zeroed */

/* The depth and UTF-8 checks of json_parse alone. */
bool json_check(struct str text, struct error *err) __attribute__((warn_unused_result));
/* The same, and how many values json_parse would make of it: what that costs. */
bool json_count(struct str text, size_t *ret_values, struct error *err) __attribute__((warn_unused_result));

/* Member access: NULL / false when the member is absent or of another type; object may be NULL. Borrowed. */
const cJSON *json_get(const cJSON *object, const char *name); /* case-sensitive */
const char *json_string(const cJSON *object, const char *name);
bool json_int64(const cJSON *object, const char *name, int64_t *ret); /* integers within ±2^53 only */
bool json_to_int64(const cJSON *item, int64_t *ret);                  /* the same of an item; NULL: false */
bool json_bool(const cJSON *object, const char *name, bool *ret);

/* Writer: commas and escapes are its business. Usage:
 *     struct json_out w; json_out_init(&w, &buf);
 *     json_open(&w, NULL, '{'); json_put_string(&w, "a", "b"); json_close(&w);
 * `name` is NULL inside arrays and for the root. */
struct json_out {
    struct buf *buf;
    bool comma; /* a value has been written at the current level */
    unsigned depth;
    char closers[JSON_DEPTH_MAX];
};

void json_out_init(struct json_out *w, struct buf *buf);
void json_open(struct json_out *w, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json_out *w);
void json_put_string(struct json_out *w, const char *name, const char *value); /* NULL value: null */
void json_put_str(struct json_out *w, const char *name, struct str value);
void json_put_int(struct json_out *w, const char *name, int64_t value);
void json_put_bool(struct json_out *w, const char *name, bool value);
void json_put_null(struct json_out *w, const char *name);
void json_put_raw(struct json_out *w, const char *name, struct str json); /* must be valid JSON */
void json_put_time(struct json_out *w, const char *name, int64_t ms);     /* RFC 3339 */

#endif
