/* holdings.h - what the guards hold, as the persons topic says: for whoever has to decide. Main thread; cannot fail. */
#ifndef ROLLCALL_WORKER_HOLDINGS_H
#define ROLLCALL_WORKER_HOLDINGS_H

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

#endif
