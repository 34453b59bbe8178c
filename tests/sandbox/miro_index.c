#include "miro_index.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

enum { FIRST_SIZE = 64 };

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* FNV-1a, then mixed: the table uses the low bits. */
static size_t hash(const char *key, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ lower(key[i])) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

static bool equal(const char *stored, const char *key, size_t n)
{
    return strncasecmp(stored, key, n) == 0 && stored[n] == '\0';
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t find(const struct index *ix, const char *key, size_t n)
{
    size_t at = hash(key, n) & (ix->size - 1);
    while (ix->slots[at].key && !equal(ix->slots[at].key, key, n))
        at = (at + 1) & (ix->size - 1);
    return at;
}

static void grow(struct index *ix)
{
    struct index old = *ix;
    ix->size = old.size ? old.size * 2 : FIRST_SIZE;
    ix->slots = xcalloc(ix->size, sizeof *ix->slots);
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].key)
            ix->slots[find(ix, old.slots[i].key, strlen(old.slots[i].key))] = old.slots[i];
    free(old.slots);
}

void index_done(struct index *ix)
{
    free(ix->slots);
    *ix = (struct index){0};
}

void *index_get(const struct index *ix, const char *key, size_t n)
{
    return ix->size ? ix->slots[find(ix, key, n)].value : NULL;
}

void index_put(struct index *ix, const char *key, void *value)
{
    assert(value);
    if (ix->n * 2 >= ix->size)
        grow(ix);
    struct index_slot *slot = &ix->slots[find(ix, key, strlen(key))];
    ix->n += !slot->key;
    *slot = (struct index_slot){key, value};
}

/* Closes the gap, so that no search stops too early (linear probing without tombstones). */
void index_remove(struct index *ix, const char *key)
{
    if (!ix->size)
        return;
    size_t mask = ix->size - 1, gap = find(ix, key, strlen(key));
    if (!ix->slots[gap].key)
        return;
    ix->n--;
    for (size_t at = (gap + 1) & mask; ix->slots[at].key; at = (at + 1) & mask) {
        size_t home = hash(ix->slots[at].key, strlen(ix->slots[at].key)) & mask;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        ix->slots[gap] = ix->slots[at];
        gap = at;
    }
    ix->slots[gap] = (struct index_slot){0};
}
