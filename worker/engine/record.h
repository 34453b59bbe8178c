/* record.h - a person as a record of the persons topic, and back.
 *
 * Value: JSON, schemas/person.schema.json. Beside it a header with what restore and scheduling need, so that a restore
 * parses nothing. To change the form: raise RECORD_VERSION if an older worker would misread it, and change schema,
 * examples and this codec in one commit. Pure;
 * single-threaded. */
#ifndef ROLLCALL_ENGINE_RECORD_H
#define ROLLCALL_ENGINE_RECORD_H

#include "buf.h"
#include "error.h"
#include "person.h"

enum {
    RECORD_VERSION = 4, /* still read: 1: recent events as an array of hashes. 2: no complete groups. 3: every
                           register with a stamp of its own, every known attribute with its value */
    RECORD_GUARD_KEY_MAX = 160,
    RECORD_MAX = 900 * 1024, /* below message.max.bytes, 1,000,000 by default */
    RECORD_OPEN = 1 << 0,    /* flag: some target has work under way */
    RECORD_REFUSED = 1 << 1, /* flag: some target has refused something */
    RECORD_UNCUT = 1 << 2,   /* flag: somebody who must not have access keeps it, and is tried again daily */
    RECORD_ACTIVE = 1 << 3,  /* flag: some account is active, as far as is known */
    RECORD_HELD = 1 << 4,    /* flag: the guard holds something */
    RECORD_TEAMS = 1 << 5,   /* flag: the policy names teams somewhere, or some membership is ours */
    RECORD_DENIED = 1 << 6,  /* flag: a person refused something that the guard held */
};

#define WARD_KEY_PREFIX      "!guard/"    /* + target/bucket: counts of the guard */
#define RECORD_PARTITION_KEY "!partition" /* the partition's own record; no tenant's name begins so */

/* Appends the JSON value. */
void record_write(const struct person *p, struct buf *out);

/* Reads a value into *ret (release with person_done). ERROR_PERMANENT: a newer version, or not such a record.
 */
bool record_read(struct str value, struct person *ret, struct error *err) __attribute__((warn_unused_result));

/* RECORD_OPEN etc. as they go into the header. */
unsigned record_flags(const struct person *p);

/* The header "state": these numbers, decimal, with a blank between two. */
#define RECORD_STATE "state"
enum { RECORD_STATE_SIZE = 5 * INT_FORMAT_SIZE };
struct record_state {
    int64_t seq, offset;
    int64_t due_ms; /* 0: none */
    unsigned flags;
    uint64_t policy; /* the generation under which the person was planned; 0: not said */
};
void record_state_format(const struct record_state *s, char out[RECORD_STATE_SIZE]);
/* Of whatever version; what is missing is 0. */
void record_state_read(const struct record_header *headers, size_t n, struct record_state *ret);

/* The partition's own record: whether its last owner went without closing it. */
struct partition_record {
    int32_t partition;
    int32_t partitions; /* of the events topic when it was written */
    bool open;
    const char *slot; /* borrowed when writing; not read */
    int64_t opened_at_ms;
    int64_t offset;    /* next offset when it was written */
    uint32_t deaths;   /* caution.h */
    bool calls_unseen; /* closed, and calls whose end nobody has seen may still arrive */
    uint64_t
        swept; /* generation under which everybody in it was planned; 0: a sweep is under way, or none ever was */
    uint64_t teams; /* likewise the teams (sweep_teams_mark) under which everybody was who depends on them */
    struct attrs spreads; /* of each tenant, in decimal; borrowed when writing */
};

void partition_record_write(const struct partition_record *r, struct buf *out);
/* ret->spreads is the caller's to release, with attrs_done. */
bool partition_record_read(struct str value, struct partition_record *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
