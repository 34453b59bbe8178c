/* sandbox_journal.h - every SCIM request that arrived, in order, and what became of it: what tests read.
 *
 * A ring: the oldest entries go when there are more than its size. Thread rule: one owner at a time; cannot
 * fail. */
#ifndef ROLLCALL_SANDBOX_JOURNAL_H
#define ROLLCALL_SANDBOX_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "miro.h"

enum { JOURNAL_BODY_MAX = 16384 }; /* bytes kept of a request's body */

struct journal_entry {
    uint64_t seq;                                /* from 1 */
    int64_t arrived_ms, applied_ms, answered_ms; /* 0: not (yet) */
    char *method, *target, *body;                /* body may be NULL */
    size_t body_n;                               /* as received */
    int status;                                  /* 0: no answer was sent (yet) */
    char id[MIRO_ID_SIZE];                       /* of the user or group */
    char name[MIRO_NAME_MAX + 2];
    const char *fault; /* name; "none" */
    const char *class; /* NULL: not counted */
    bool late;         /* applied after the client had gone */
    bool over;         /* 429 by the limits, not by a fault */
};

struct journal {
    struct journal_entry *ring;
    size_t size;
    uint64_t last; /* seq of the newest entry; 0: none */
};

void journal_init(struct journal *j, size_t size);
void journal_done(struct journal *j);
void journal_clear(struct journal *j);

/* A new entry with copies of the strings. */
struct journal_entry *journal_add(struct journal *j, const struct miro_request *rq, int64_t arrived_ms);
struct journal_entry *journal_find(struct journal *j, uint64_t seq); /* NULL: gone */
/* {"last": n, "next": n, "entries": […]}: entries after `since`, at most `max`; ask again since `next`. */
void journal_put_json(const struct journal *j, uint64_t since, size_t max, struct json_out *w);

#endif
