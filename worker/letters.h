/* letters.h - the dead letters as an operator sees them: chosen by a filter, with what became of each.
 *
 * schemas/deadletter.schema.json is the contract. A mark (replayed, dropped) stands behind its letter in the same
 * partition: what became of a letter is known when the topic was read to its end. Pure; one owner at a time. */
#ifndef ROLLCALL_WORKER_LETTERS_H
#define ROLLCALL_WORKER_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "buf.h"
#include "error.h"
#include "event.h"

enum {
    LETTERS_MAX = 100000,                  /* that a filter may choose, and */
    LETTERS_BYTES_MAX = 512 * 1024 * 1024, /* how long they may be together */
    LETTER_IDS_MAX = 1000,
    LETTER_ID_SIZE = 40,
};

enum letter_state { LETTER_OPEN, LETTER_REPLAYED, LETTER_DROPPED };

struct letter_id { /* where it stands in the dead letters topic; as text "partition:offset" */
    int32_t partition;
    int64_t offset;
};

struct letter {
    struct letter_id id;
    enum letter_state state; /* after letters_settle */
    char *key;               /* NULL: none, or no text */
    char *text;              /* the JSON value */
    int64_t at_ms;
};

struct letter_filter {                    /* NULL, 0: whatever it is */
    const char *tenant, *target, *reason; /* reason: part of it, in any case of letters */
    const char *person;                   /* tenant/directory/subject, or the subject alone */
    int64_t since_ms, until_ms;           /* since ≤ at < until */
    struct letter_id ids[LETTER_IDS_MAX];
    size_t n_ids;
    bool settled; /* also what was replayed or dropped */
};

struct letters { /* zeroed, then letters_take */
    struct letter_filter filter;
    struct letter *v;
    size_t n, bytes;
    struct letter_mark *marks;
    size_t n_marks;
    size_t strange;  /* records that are no dead letters */
    size_t left_out; /* older ones that the limit leaves out */
    bool overflow;   /* more than LETTERS_MAX or LETTERS_BYTES_MAX: what is here is not all */
};

const char *letter_state_name(enum letter_state state);
bool letter_id_parse(const char *text, struct letter_id *ret);
void letter_id_format(struct letter_id id, char out[LETTER_ID_SIZE]);

/* A record of the topic. Copies what it keeps. */
void letters_take(struct letters *l, struct letter_id id, struct str key, struct str value);
/* After the last: what became of each, in the order of time, and only the newest `limit`; how many more there are is in
 * left_out. */
void letters_settle(struct letters *l, size_t limit);
void letters_done(struct letters *l);

/* The event that repeats the letter's: with an id of its own, which wins ties against the one it repeats, so that the
 * same words count as said by it; the same for the same letter, so that a replay that is repeated is a duplicate.
 * Fails with ERROR_INPUT when there is no event in it: an effect, or a record that is still none. Release with
 * event_done. */
bool letter_replay(const struct letter *letter, int64_t now_ms, struct event *ret, struct error *err)
    __attribute__((warn_unused_result));

struct letter_mark_words {
    const char *replay; /* id of the new event; NULL: dropped */
    const char *by, *reason;
    int64_t at_ms;
};

/* Value of the mark on a letter. */
void letter_mark_write(const struct letter *letter, const struct letter_mark_words *words, struct buf *out);

#endif
