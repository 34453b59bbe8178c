/* store.h - the persons this worker owns: packed until touched.
 *
 * A slot holds up to three versions of one person:
 *
 *      committed   the record as the log has it (what an abort goes back to), packed unless the person is busy
 *      (batched)   bytes of the record in the outstanding batch, which owns them until it is answered
 *      live        the parsed person, while something is going on with it
 *
 * Slots are found by key (open hashing), by due time (binary heap) and by partition (a list for each, so that whatever
 * concerns one partition costs as much as it holds). A typical person takes 0.7 KiB: tests/bench. Single-threaded. */
#ifndef ROLLCALL_ENGINE_STORE_H
#define ROLLCALL_ENGINE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "pack.h"
#include "person.h"

struct work;

struct slot {
    struct slot *next;                            /* in its bucket */
    struct slot *partition_prev, *partition_next; /* in its partition's list */
    uint64_t hash;
    int32_t partition;
    uint32_t key_n;
    struct packed committed;
    struct person *live; /* NULL: packed */
    struct work **works; /* one per target it has work at; NULL while there is none */
    uint32_t n_works;
    bool batched;           /* part of the outstanding batch */
    bool tombstone;         /* its record in the batch is a tombstone */
    bool dirty;             /* differs from what was last batched */
    bool taken_over;        /* from an owner that died: what it had under way is still to be doubted */
    bool open;              /* the committed record has RECORD_OPEN */
    bool refused;           /* the committed record has RECORD_REFUSED */
    bool uncut;             /* likewise RECORD_UNCUT */
    bool active, held;      /* likewise RECORD_ACTIVE, RECORD_HELD */
    bool denied;            /* likewise RECORD_DENIED */
    bool behind;            /* not planned yet under the present policy and targets: sweep.c */
    bool in_teams;          /* the committed record has RECORD_TEAMS */
    bool awaits_teams;      /* some work waits for its target's teams to be listed */
    uint32_t gen;           /* counts what asks for calls: words merged, links changed, targets opened */
    uint32_t batched_gen;   /* gen when it was batched */
    uint32_t committed_gen; /* gen of the committed record: a call may start when it equals gen */
    uint32_t heap_at;
    int64_t due_ms;          /* wall clock; 0: not in the heap */
    int64_t restored_due_ms; /* due_ms while its partition is restored, closed or parked; else 0 */
    struct slot *dirty_prev, *dirty_next;
    char key[]; /* tenant/directory/subject and NUL */
};

struct slot_list {
    struct slot *first, *last;
    struct slot *walk; /* where store_walk_next goes on; NULL: at the end */
    size_t n;
};

struct store {
    struct packer *packer;
    struct slot_list *lists; /* by partition */
    size_t n_lists;
    struct slot **buckets;
    size_t n_buckets, n;
    struct slot **heap; /* ordered by due_ms, then key */
    size_t n_heap, heap_size;
};

void store_init(struct store *s);
void store_done(struct store *s); /* slots must have been removed */

struct slot *store_find(const struct store *s, struct str key);
struct slot *store_add(struct store *s, struct str key, int32_t partition); /* must not be there */
void store_remove(struct store *s, struct slot *slot); /* frees it; live and works must be NULL */

/* 0 takes it out of the heap. */
void store_set_due(struct store *s, struct slot *slot, int64_t due_ms);
struct slot *store_first_due(const struct store *s); /* NULL: none */

/* The record as the log has it. Borrowed until the store's next use. */
struct str store_committed(const struct store *s, const struct slot *slot);
void store_set_committed(struct store *s, struct slot *slot, struct str record); /* copies */
/* The same, uncompressed until store_pack: of a person who is busy the next version comes soon. */
void store_set_committed_loose(struct slot *slot, struct str record);
void store_pack(struct store *s, struct slot *slot);
static inline bool slot_committed(const struct slot *slot)
{
    return !packed_empty(&slot->committed);
}

size_t store_count(const struct store *s, int32_t partition);
void store_move(struct store *s, struct slot *slot, int32_t partition);
/* Calls fn for every slot of the partition (-1: of all, one partition after the other), in the order in which they came; fn may remove the slot it was given. */
void store_each(struct store *s, int32_t partition, void (*fn)(void *ctx, struct slot *slot), void *ctx);
/* The same in portions, one walk a partition; slots may come and go between them. NULL: the end. */
void store_walk_begin(struct store *s, int32_t partition);
struct slot *store_walk_next(struct store *s, int32_t partition);

#endif
