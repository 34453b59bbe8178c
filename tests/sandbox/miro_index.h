/* miro_index.h - hash index from a string key to a record; the key lives in the record. Keys are compared
 * without regard to ASCII case. Thread rule: one owner at a time; cannot fail. */
#ifndef ROLLCALL_MIRO_INDEX_H
#define ROLLCALL_MIRO_INDEX_H

#include <stddef.h>

struct index_slot {
    const char *key; /* borrowed from the record; NULL: free */
    void *value;
};

struct index {
    struct index_slot *slots;
    size_t size; /* power of two; 0 before the first entry */
    size_t n;
};

void index_done(struct index *ix);
void *index_get(const struct index *ix, const char *key, size_t n); /* NULL: absent */
void index_put(struct index *ix, const char *key, void *value);     /* replaces; key must stay valid */
void index_remove(struct index *ix, const char *key);

#endif
