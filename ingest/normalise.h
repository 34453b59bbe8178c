/* normalise.h - from a verified request to lifecycle events: runs the source's `events` and fills in the
 * rest.
 *
 * Thread rule: that of the set of sources. */
#ifndef INGEST_NORMALISE_H
#define INGEST_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "event.h"
#include "message.h"
#include "source.h"

struct event_list {
    struct event *v;
    size_t n;
    size_t skipped; /* items that the script makes no event of */
};

/* What a request is refused for here. */
enum normalise_result {
    NORMALISE_OK,
    NORMALISE_ENCODING, /* not UTF-8 */
    NORMALISE_DEPTH,    /* nested too deeply */
    NORMALISE_JSON,     /* not JSON for another reason */
    NORMALISE_SCRIPT,   /* the script failed on it, or returned what is no list of events */
    NORMALISE_EVENT,    /* an event breaks a rule of the schema */
    NORMALISE_TOO_MANY, /* more events than a request may carry */
};

/* delivery: the id that verification found, n = 0 if none. On NORMALISE_OK *ret is filled (release it with
 * event_list_done); otherwise err says what is wrong, without the sender's data. */
enum normalise_result normalise(struct sources *set, struct source *src, const struct message *m,
                                struct str delivery, int64_t received_at_ms, struct event_list *ret,
                                struct error *err);
void event_list_done(struct event_list *list);

const char *normalise_result_name(enum normalise_result result);

#endif
