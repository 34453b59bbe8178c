/* continuity.h - proves that what is written continues where the restore ended, with nothing missed in between.
 *
 *      offsets of a partition of the persons topic
 *      ──── read by the restore ────┤ end ├─ aborted, or nothing ─┤ our first record ├──►
 *
 * A restore reads to where a broker says that the partition ends. One that was stopped while the others went on without it
 * answers for a moment as the leader that it was, and its end is too early. What it says cannot be told from the truth, but
 * its acknowledgements can: it has none by all in-sync replicas. So the first record that goes to a partition after its restore
 * (its "open" record: no event is merged and no call starts before that is committed) tells where the records end in truth, before
 * the transaction is committed. Pure but for the reading of what lies between; the ledger's thread only. */
#ifndef ROLLCALL_WORKER_CONTINUITY_H
#define ROLLCALL_WORKER_CONTINUITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "restore.h"

struct continuity {
    struct continuity_part { /* not proved yet */
        int32_t partition;
        int64_t end;   /* where the restore ended */
        bool sent;     /* a record is on its way in the transaction under way */
        int64_t first; /* offset of the first that was acknowledged of it; -1: none yet */
    } * v;
    size_t n;
    void *ctx;
    /* False: committed records lie between the two offsets, or that could not be found out. */
    bool (*nothing_between)(void *ctx, int32_t partition, int64_t from, int64_t to);
};

/* These partitions were restored, and no others are ours. */
void continuity_begin(struct continuity *c, const struct restore_part *v, size_t n);
void continuity_done(struct continuity *c);

/* A transaction begins: what an earlier one has sent was aborted. */
void continuity_begin_sending(struct continuity *c);
/* A record goes to the partition; true: where it comes to lie is of interest. */
bool continuity_sends(struct continuity *c, int32_t partition);
/* All in-sync replicas have it. */
void continuity_written(struct continuity *c, int32_t partition, int64_t offset);

enum continuity_verdict {
    CONTINUITY_PROVED, /* of all partitions that were sent something: they are not looked at again */
    CONTINUITY_OPEN,   /* something was not acknowledged: the transaction is not to be committed */
    CONTINUITY_BROKEN, /* nor is this one, nor any other: the restore has missed something (err says where) */
};

/* When nothing is on its way any more. */
enum continuity_verdict continuity_prove(struct continuity *c, struct error *err);

#endif
