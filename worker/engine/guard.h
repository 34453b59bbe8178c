/* guard.h - no mass damage: counts what is done to the accounts of one bucket at one target, and says when it is unusual.
 *
 *      admitted while   done within the window < max(floor, min(count, percent of the active accounts))
 *
 * The floor keeps small and newly loaded tenants working, where every share is a handful. The window slides in parts
 * of a twenty-fourth. What a person has approved is not counted: it would use up the room of the ordinary. Counts
 * live in a record of the bucket's own, so that they survive restarts and travel in the transaction that asks for
 * what they count. Pure data and pure functions; times are the wall clock's, ms; single-threaded. */
#ifndef ROLLCALL_ENGINE_GUARD_H
#define ROLLCALL_ENGINE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "engine.h"
#include "error.h"

/* A window has 24 parts; a 25th is partly in it. */
enum { GUARD_HOLD_SIZE = 17 }; /* of a hold's id, NUL included */
enum { GUARD_WINDOW_PARTS = 24, GUARD_PARTS = GUARD_WINDOW_PARTS + 1, GUARD_RECORD_MAX = 8 * 1024 };

struct guard { /* zero: nothing was done yet */
    struct guard_part {
        int64_t begin_ms; /* a multiple of the part's length */
        uint32_t n[GUARDED];
    } parts[GUARD_PARTS]; /* newest first; begin_ms 0: unused */
};

const char *guard_name(enum guarded what); /* "deactivation" … */

/* How many may be done within the window; UINT32_MAX: any number. share: number of buckets that the target's
 * allowance is divided among, 1 at least; active: accounts of this bucket that are active. */
uint32_t guard_allowance(const struct engine_guard *cfg, enum guarded what, unsigned share, uint64_t active);

/* How many were done within the window. */
uint32_t guard_done(const struct guard *g, const struct engine_guard *cfg, enum guarded what, int64_t now_ms);
void guard_count(struct guard *g, const struct engine_guard *cfg, enum guarded what, int64_t now_ms);

/* The record's value; see schemas/person.schema.json, $defs/guard. Reading fails with ERROR_PERMANENT. */
void guard_record_write(const struct guard *g, struct buf *out);
bool guard_record_read(struct str value, struct guard *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
