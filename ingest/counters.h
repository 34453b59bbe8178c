/* counters.h - every metric of rollcall-ingest, by number; the table is in counters.c.
 *
 * Thread rule: none, the table is constant. */
#ifndef INGEST_COUNTERS_H
#define INGEST_COUNTERS_H

#include "metrics.h"

enum counter {
    COUNT_REQUESTS,        /* by source and answer */
    COUNT_REJECTED,        /* by source and reason */
    COUNT_EVENTS,          /* by source and type */
    COUNT_SKIPPED,         /* by source */
    COUNT_UNREADABLE,      /* by source */
    COUNT_SCRIPT_FAULTS,   /* by source */
    COUNT_PUBLISH_FAILED,  /* by reason */
    COUNT_SECONDS,         /* spent by requests that were answered with success */
    COUNT_REFUSED,         /* connections, by reason */
    COUNT_WITHOUT_REQUEST, /* connections that ended before a request could be read */
    COUNT_CUT,             /* connections cut because a request did not arrive in time */
    COUNT_CONNECTIONS,
    COUNT_IN_FLIGHT,
    COUNT_SPOOLED,       /* events that went into the spool */
    COUNT_SPOOL_SENT,    /* events that came out of it */
    COUNT_SPOOL_REFUSED, /* events in it that Kafka will not have */
    COUNT_SPOOL_EVENTS,
    COUNT_SPOOL_BYTES,
    COUNT_SPOOL_AGE,
    COUNT_SPOOL_USABLE,
    COUNT_TLS_EXPIRES,
    COUNT_RELOADS, /* by result */
    COUNTERS,
};

extern const struct metric_def counter_table[COUNTERS];

#endif
