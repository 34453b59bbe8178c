/* trace.h - the W3C trace context that an event carries on.
 *
 * Thread rule: none, there is no state. */
#ifndef INGEST_TRACE_H
#define INGEST_TRACE_H

#include "event.h"
#include "message.h"

/* The request's traceparent if it has exactly one and it is valid (version 00), else a new one. */
void trace_parent(const struct message *m, char out[EVENT_TRACEPARENT_SIZE]);

#endif
