#include "store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

enum { FIRST_BUCKETS = 1024 };

/* ---- by partition -------------------------------------------------------------------------------------- */

static struct slot_list *list_of(struct store *s, int32_t partition)
{
    size_t at = (size_t)partition;
    assert(partition >= 0);
    if (at >= s->n_lists) {
        s->lists = xreallocarray(s->lists, at + 1, sizeof *s->lists);
        memset(&s->lists[s->n_lists], 0, (at + 1 - s->n_lists) * sizeof *s->lists);
        s->n_lists = at + 1;
    }
    return &s->lists[at];
}

static void join(struct store *s, struct slot *slot, int32_t partition)
{
    struct slot_list *l = list_of(s, partition);
    slot->partition = partition;
    slot->partition_next = NULL;
    slot->partition_prev = l->last;
    *(l->last ? &l->last->partition_next : &l->first) = slot;
    l->last = slot;
    l->n++;
}

static void leave(struct store *s, struct slot *slot)
{
    struct slot_list *l = list_of(s, slot->partition);
    if (l->walk == slot)
        l->walk = slot->partition_next;
    *(slot->partition_prev ? &slot->partition_prev->partition_next : &l->first) = slot->partition_next;
    *(slot->partition_next ? &slot->partition_next->partition_prev : &l->last) = slot->partition_prev;
    l->n--;
}

void store_move(struct store *s, struct slot *slot, int32_t partition)
{
    if (slot->partition == partition)
        return;
    leave(s, slot);
    join(s, slot, partition);
}

size_t store_count(const struct store *s, int32_t partition)
{
    return (size_t)partition < s->n_lists ? s->lists[partition].n : 0;
}

void store_each(struct store *s, int32_t partition, void (*fn)(void *ctx, struct slot *slot), void *ctx)
{
    int32_t first = partition < 0 ? 0 : partition, last = partition < 0 ? (int32_t)s->n_lists - 1 : partition;
    for (int32_t p = first; p <= last && p < (int32_t)s->n_lists; p++) {
        for (struct slot *slot = s->lists[p].first, *next; slot; slot = next) {
            next = slot->partition_next;
            fn(ctx, slot);
        }
    }
}

void store_walk_begin(struct store *s, int32_t partition)
{
    struct slot_list *l = list_of(s, partition);
    l->walk = l->first;
}

struct slot *store_walk_next(struct store *s, int32_t partition)
{
    struct slot_list *l = list_of(s, partition);
    struct slot *slot = l->walk;
    if (slot)
        l->walk = slot->partition_next;
    return slot;
}

/* ---- by key -------------------------------------------------------------------------------------------- */

void store_init(struct store *s)
{
    *s = (struct store){.packer = packer_new(), .n_buckets = FIRST_BUCKETS};
    s->buckets = xcalloc(s->n_buckets, sizeof(struct slot *));
}

void store_done(struct store *s)
{
    assert(s->n == 0);
    free(s->buckets);
    free(s->heap);
    free(s->lists);
    packer_free(s->packer);
    *s = (struct store){0};
}

static void grow(struct store *s)
{
    size_t n = s->n_buckets * 2;
    struct slot **buckets = xcalloc(n, sizeof(struct slot *));
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (struct slot *slot = s->buckets[i], *next; slot; slot = next) {
            next = slot->next;
            slot->next = buckets[slot->hash & (n - 1)];
            buckets[slot->hash & (n - 1)] = slot;
        }
    }
    free(s->buckets);
    s->buckets = buckets;
    s->n_buckets = n;
}

struct slot *store_find(const struct store *s, struct str key)
{
    uint64_t hash = digest_hash64(key.p, key.n);
    for (struct slot *slot = s->buckets[hash & (s->n_buckets - 1)]; slot; slot = slot->next)
        if (slot->hash == hash && slot->key_n == key.n && memcmp(slot->key, key.p, key.n) == 0)
            return slot;
    return NULL;
}

struct slot *store_add(struct store *s, struct str key, int32_t partition)
{
    if (s->n >= s->n_buckets)
        grow(s);
    struct slot *slot = xcalloc(1, sizeof *slot + key.n + 1);
    slot->hash = digest_hash64(key.p, key.n);
    slot->key_n = (uint32_t)key.n;
    memcpy(slot->key, key.p, key.n);
    struct slot **bucket = &s->buckets[slot->hash & (s->n_buckets - 1)];
    slot->next = *bucket;
    *bucket = slot;
    join(s, slot, partition);
    s->n++;
    return slot;
}

void store_remove(struct store *s, struct slot *slot)
{
    assert(!slot->live && !slot->works);
    store_set_due(s, slot, 0);
    struct slot **at = &s->buckets[slot->hash & (s->n_buckets - 1)];
    while (*at != slot)
        at = &(*at)->next;
    *at = slot->next;
    leave(s, slot);
    s->n--;
    packed_clear(&slot->committed);
    free(slot);
}

struct str store_committed(const struct store *s, const struct slot *slot)
{
    return packed_get(s->packer, &slot->committed);
}

void store_set_committed(struct store *s, struct slot *slot, struct str record)
{
    packed_set(s->packer, &slot->committed, record);
}

void store_set_committed_loose(struct slot *slot, struct str record)
{
    packed_set_loose(&slot->committed, record);
}

void store_pack(struct store *s, struct slot *slot)
{
    packed_tighten(s->packer, &slot->committed);
}

/* ---- by due time --------------------------------------------------------------------------------------- */

static bool earlier(const struct slot *a, const struct slot *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : strcmp(a->key, b->key) < 0;
}

static void place(struct store *s, size_t at, struct slot *slot)
{
    s->heap[at] = slot;
    slot->heap_at = (uint32_t)at;
}

static void sift_up(struct store *s, size_t at)
{
    struct slot *slot = s->heap[at];
    while (at > 0 && earlier(slot, s->heap[(at - 1) / 2])) {
        place(s, at, s->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(s, at, slot);
}

static void sift_down(struct store *s, size_t at)
{
    struct slot *slot = s->heap[at];
    for (;;) {
        size_t child = at * 2 + 1;
        if (child + 1 < s->n_heap && earlier(s->heap[child + 1], s->heap[child]))
            child++;
        if (child >= s->n_heap || !earlier(s->heap[child], slot))
            break;
        place(s, at, s->heap[child]);
        at = child;
    }
    place(s, at, slot);
}

static void heap_remove(struct store *s, struct slot *slot)
{
    size_t at = slot->heap_at;
    struct slot *last = s->heap[--s->n_heap];
    if (last != slot) {
        place(s, at, last);
        sift_up(s, at);
        sift_down(s, last->heap_at);
    }
    slot->due_ms = 0;
}

void store_set_due(struct store *s, struct slot *slot, int64_t due_ms)
{
    if (slot->due_ms == due_ms)
        return;
    if (slot->due_ms)
        heap_remove(s, slot);
    if (!due_ms)
        return;
    if (s->n_heap == s->heap_size) {
        s->heap_size = s->heap_size ? s->heap_size * 2 : 64;
        s->heap = xreallocarray(s->heap, s->heap_size, sizeof(struct slot *));
    }
    slot->due_ms = due_ms;
    place(s, s->n_heap, slot);
    sift_up(s, s->n_heap++);
}

struct slot *store_first_due(const struct store *s)
{
    return s->n_heap > 0 ? s->heap[0] : NULL;
}
