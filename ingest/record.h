/* record.h - one Kafka record as bytes: what the spool keeps and sends later.
 *
 * Headers are "name NUL value NUL …". Persisted by the spool: see spool_file.h before changing them. Thread rule:
 * none, there is no state. */
#ifndef INGEST_RECORD_H
#define INGEST_RECORD_H

#include <stdbool.h>

#include "buf.h"
#include "event.h"

struct record { /* borrowed */
    struct str key, headers, value;
};

/* Appends key, headers and value of the event to out; *ret borrows from out until it changes. false: the event is
 * larger than a record may be, or out is full. */
bool record_of_event(const struct event *ev, unsigned spread, struct buf *out, struct record *ret);

/* Calls put for each header. false: they are not well-formed. */
bool record_each_header(struct str headers, void (*put)(void *ctx, const char *name, const char *value),
                        void *ctx);

#endif
