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

enum { NORMALISE_REPLY_MAX = 1536 };

struct event_list {
    struct event *v;
    size_t n;
    char **why; /* n_why reasons of skipped items, as far as the script says them */
    size_t n_why;
    size_t skipped; /* items that the script makes no event of */
    size_t forged;  /* items that did not carry their secret and were left out */
    bool
        unproved; /* no item carries the secret that each should: nobody's request, and no event is made of it */
    size_t n_bad;      /* of v: what cannot be understood (event.unreadable) */
    bool script_fault; /* the script failed on an item, or on the whole */
    char *reply;       /* what the script wants to be answered; NULL: nothing */
};

/* What a request is refused for here. */
enum normalise_result {
    NORMALISE_OK,
    NORMALISE_ENCODING,  /* not UTF-8 */
    NORMALISE_DEPTH,     /* nested too deeply */
    NORMALISE_JSON,      /* not JSON, XML or a form, for another reason */
    NORMALISE_SCRIPT,    /* the script failed on it, or returned what is no list of events */
    NORMALISE_EVENT,     /* an event breaks a rule of the schema */
    NORMALISE_TOO_MANY,  /* more events than a request may carry */
    NORMALISE_TOO_LARGE, /* more values than are read before it is known whose they are (unproved, then) */
};

/* verified: what verification found; NULL: nobody has looked (then secrets of items are not asked for either). On
 * NORMALISE_OK *ret is filled (release it with event_list_done); otherwise err says what is wrong, without the sender's
 * data. In a strict source what cannot be understood fails the request; otherwise it is in the list too, as what it is, and
 * only NORMALISE_TOO_LARGE is left to fail with. */
enum normalise_result normalise(struct sources *set, struct source *src, const struct message *m,
                                const struct verified *verified, int64_t received_at_ms,
                                struct event_list *ret, struct error *err);
void event_list_done(struct event_list *list);

const char *normalise_result_name(enum normalise_result result);

#endif
