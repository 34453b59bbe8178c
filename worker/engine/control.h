/* control.h - what people decided: the states of the control topic, read strictly and kept by key.
 *
 * schemas/control.schema.json is the contract, struct control_state its C form. To change it: schema, examples and
 * this module in one commit. A record that is not wholly understood is refused, and what its key said before stays in
 * force. Pure; single-threaded. */
#ifndef ROLLCALL_ENGINE_CONTROL_H
#define ROLLCALL_ENGINE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

enum {
    CONTROL_KEY_MAX = 400,
    CONTROL_VALUE_MAX = 16 * 1024,
    CONTROL_STATES_MAX = 100000,
    CONTROL_BY_MAX = 256,
    CONTROL_REASON_MAX = 1024,
    CONTROL_HOLD_MAX = 256, /* bytes of a hold's id */
    CONTROL_CURSOR_MAX = 4096,
    CONTROL_PROVISION_LIFE_MS = 24 * 3600000, /* who asked for "now" a day ago has gone home */
};

#define CONTROL_ALL "all" /* every target: no target may be called so */

enum control_kind {
    CONTROL_HOLD,
    CONTROL_PAUSE,
    CONTROL_RETRY,
    CONTROL_PROVISION,
    CONTROL_LOAD, /* how far an initial load has come: the command's own note, workers do nothing about it */
    CONTROL_KINDS
};
enum control_decision { DECISION_NONE, DECISION_APPROVE, DECISION_DENY };

struct control_state {          /* release with control_state_done */
    struct control_state *next; /* the container's */
    char *key;
    enum control_kind kind;
    char *by, *reason;
    int64_t at_ms;
    enum control_decision decision; /* hold */
    char *hold;             /* hold: id of the one that is meant; NULL: all of target before held_before_ms */
    int64_t held_before_ms; /* hold, with hold NULL */
    char *target;           /* hold with hold NULL, pause, retry; else NULL */
    bool paused;            /* pause */
    char *person;           /* provision: tenant/directory/subject; else NULL */
    int64_t time_ms;        /* retry, provision; load: when it began */
    char *source;           /* load: whose people; else NULL */
    char *cursor;           /* load: of the next page; NULL: the first, or none is left */
    bool done;              /* load */
    int64_t pages, people, left; /* load: published so far; left: of these, who is gone */
    int64_t skipped;             /* load: of people, whom no event could describe */
};

struct control {
    struct control_state **buckets;
    size_t n_buckets, n;
    size_t n_of[CONTROL_KINDS];
};

struct control_change { /* what a record did */
    enum control_kind kind;
    const struct control_state *state; /* NULL: taken back. Valid until the next record */
};

const char *control_kind_name(enum control_kind kind);

/* Reads one record; a value is given. Fails with ERROR_INPUT and the member's name. */
bool control_state_read(struct str key, struct str value, struct control_state *ret, struct error *err)
    __attribute__((warn_unused_result));
/* Appends the JSON value. */
void control_state_write(const struct control_state *s, struct buf *out);
void control_state_done(struct control_state *s);

void control_init(struct control *c);
void control_done(struct control *c);

/* Takes a record of the topic; an empty value takes the state back. Fails with ERROR_INPUT; then nothing changes. */
bool control_take(struct control *c, struct str key, struct str value, struct control_change *ret,
                  struct error *err) __attribute__((warn_unused_result));
void control_each(const struct control *c, void (*fn)(void *ctx, const struct control_state *s), void *ctx);

/* ---- what is in force ---------------------------------------------------------------------------------- */

/* The target itself, or all, is paused. */
bool control_paused(const struct control *c, const char *target);
/* When somebody let the target (or all) go on; 0: nobody had to. */
int64_t control_resumed_ms(const struct control *c, const char *target);
/* What failed before this is to be tried again; 0: nothing. */
int64_t control_retry_ms(const struct control *c, const char *target);
/* The person (tenant/directory/subject) is to be converged, as of this time; 0: not asked for. */
int64_t control_provision_ms(const struct control *c, struct str person);
/* Identity of the provision's result at a target (result.effect): who asked waits for that. */
uint64_t control_provision_effect(struct str person, const char *target, int64_t time_ms);
/* What was decided about a hold of the target's guard: by its id, or by a time after held_at_ms (INT64_MAX: by its id
 * only). The later decision counts, of two of one instant deny; but who was denied by name is not approved with all others. */
enum control_decision control_decision(const struct control *c, const char *hold, const char *target,
                                       int64_t held_at_ms);

#endif
