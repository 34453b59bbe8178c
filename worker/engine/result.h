/* result.h - result and dead letter records. schemas/result.schema.json and deadletter.schema.json are the
 * contract; to change the form: schema, examples and this file in one commit. Pure; thread-safe. */
#ifndef ROLLCALL_ENGINE_RESULT_H
#define ROLLCALL_ENGINE_RESULT_H

#include "buf.h"
#include "engine.h"
#include "person.h"
#include "profile.h"

enum outcome {
    OUTCOME_APPLIED,    /* operations listed */
    OUTCOME_UNCHANGED,  /* the target already agreed */
    OUTCOME_SUPERSEDED, /* later words had decided */
    OUTCOME_MERGED,     /* made together with a later event, which is named */
    OUTCOME_IGNORED,    /* policy wants nothing here, or the target was removed */
    OUTCOME_REJECTED,   /* permanent failure or deadline passed; a copy goes to dead letters */
    OUTCOME_DENIED,     /* held, then refused by a person */
    OUTCOMES,
};

struct operation { /* one step that was carried out, retries included */
    enum step step;
    bool put;          /* by PUT instead of PATCH */
    uint64_t team;     /* tells moves apart; 0: it is none */
    int status;        /* of the last answer; 0: none */
    unsigned attempts; /* calls it took */
    int64_t ms;        /* from the first call to the last answer */
    int64_t finished_ms;
    bool effective; /* it changed something at the target */
};

struct change {
    char *attribute;
    char *before, *after; /* NULL: no value */
    int64_t at_ms;
};

struct result {                   /* borrowed parts */
    const struct pending *event;  /* NULL: an effect without an event */
    const struct event *unmerged; /* the event itself, if it could not be merged; else NULL */
    uint64_t effect;              /* identity of such an effect: person, cause and time */
    const char *tenant, *directory, *subject, *target;
    enum outcome outcome;
    const char *account_id; /* NULL: none */
    const struct operation *operations;
    size_t n_operations;
    const struct change *changes;
    size_t n_changes;
    const struct target_state *state; /* for the refused attributes; may be NULL */
    const struct profile *profile;    /* of the target, with state */
    const char *merged_into;          /* event id; NULL unless merged */
    const char *cause, *action;       /* NULL: none */
    const char *not_fetched; /* why a thin event counts with what it says by itself; NULL: it does not */
    unsigned attempts;
    int64_t started_ms; /* first call; 0: none was needed */
    int64_t finished_ms;
};

const char *outcome_name(enum outcome outcome);

void result_write(const struct result *r, struct buf *out);

/* Dead letter of a rejected event: the result, and the event as it can be sent again – what the person's registers
 * still hold of it, for what later words have overruled would not count anyhow. */
void deadletter_write_rejected(const struct result *r, const struct person *p, int32_t partition,
                               struct buf *out);

enum { DEADLETTER_HEADERS_MAX = 16 * 1024 }; /* bytes of names and values; what does not fit is left out */

/* Dead letter of a record that is no event. */
struct invalid_record {
    int32_t partition;
    int64_t offset;
    struct str key, value;
    const struct record_header *headers;
    size_t n_headers;
    const char *reason;
    int64_t at_ms;
};

void deadletter_write_invalid(const struct invalid_record *r, struct buf *out);

#endif
