/* holdings.h - what the guards hold and what a person has denied of it, as the persons topic says: for whoever has to decide. Main
 * thread; cannot fail. */
#ifndef ROLLCALL_WORKER_HOLDINGS_H
#define ROLLCALL_WORKER_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "engine/guard.h"

struct holding {
    struct holding *next; /* in its bucket, until sorted */
    char *person;         /* tenant/directory/subject */
    char *target;
    char *what;
    char *team;               /* of a removal; else NULL */
    bool denied;              /* a person has refused it; it can be approved after all */
    char id[GUARD_HOLD_SIZE]; /* as control approve and deny want it */
    int64_t since_ms;
};

enum { HOLDINGS_BUCKETS = 16384 };

struct holdings {                              /* zeroed; release with holdings_done */
    struct holding *buckets[HOLDINGS_BUCKETS]; /* by person */
    struct holding **v;                        /* after holdings_sort */
    size_t n;
};

/* A record of the topic, in the order of its partition: the newest of a person counts. */
void holdings_take(struct holdings *h, struct str key, struct str value);
/* By target, then since when. */
void holdings_sort(struct holdings *h);
void holdings_done(struct holdings *h);
/* After holdings_sort; NULL: nothing is held, or was denied, under that id. */
const struct holding *holdings_find(const struct holdings *h, const char *id);

#endif
