/* stamps.h - the stamps of a record, each of them once: most registers of a person were set by the same few events.
 *
 * Pure; single-threaded. */
#ifndef ROLLCALL_ENGINE_STAMPS_H
#define ROLLCALL_ENGINE_STAMPS_H

#include "json.h"
#include "person.h"

struct stamps {
    struct stamp *v;
    size_t n;
    uint32_t *places; /* while writing: index into v plus one, by hash; 0: free */
    size_t mask;
};

/* For writing: room for so many different ones at most. */
void stamps_init(struct stamps *s, size_t max);
/* Where the stamp stands; adds it. */
size_t stamps_place(struct stamps *s, struct stamp stamp);
void stamps_write(const struct stamps *s, struct json_out *w, const char *name);

/* For reading: NULL is an empty list. False: it is not such a list; release in either case. */
bool stamps_read(struct stamps *s, const cJSON *list) __attribute__((warn_unused_result));
/* The one at this place, an integer; false: none is there. */
bool stamps_at(const struct stamps *s, const cJSON *place, struct stamp *ret)
    __attribute__((warn_unused_result));

void stamps_done(struct stamps *s);

/* 64 bits, a stamp's event and others, as 16 hex digits. */
void hash_put(struct json_out *w, const char *name, uint64_t hash);
bool hash_read(const char *hex, uint64_t *ret) __attribute__((warn_unused_result)); /* NULL: false */

#endif
