/* caution.h - a partition whose owners die: less is merged at once, and what may have killed them is tried first.
 *
 *      unlimited ── a death ──► steps of 64 events, doubled by every commit that moves on ──► unlimited
 *                     └─ a second one without progress: what follows is tried out before it is merged
 *
 * After one death at most a step's events are merged before they are committed, so after a second one at the same
 * place the cause lies among the next 64 records, if it is a record at all. The number of deaths is kept in the
 * partition's record. Pure data and pure functions; single-threaded. */
#ifndef ROLLCALL_ENGINE_CAUTION_H
#define ROLLCALL_ENGINE_CAUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

enum { CAUTION_DEATHS = 2, CAUTION_STEP = 64, CAUTION_STEP_MAX = 4096 };

struct caution {       /* zero: nothing has happened */
    uint32_t deaths;   /* unclean ends in a row without progress */
    uint32_t step;     /* events that may wait for one commit; 0: no limit */
    uint32_t try_left; /* events that are tried out first */
};

/* Found the partition open. deaths: as its record says; progress: its last owner has committed events. */
void caution_after_death(struct caution *c, uint32_t deaths, bool progress);

/* An event was merged; a commit has moved on (true: the deaths that the record counts are over). */
void caution_merged(struct caution *c);
bool caution_progress(struct caution *c);

/* What was merged comes again. */
void caution_undo(struct caution *c);

/* OFFER_TAKE, OFFER_TRY, or OFFER_LATER: after the next commit. merged: events that wait for it. */
enum offer caution_offer(const struct caution *c, uint32_t merged);

#endif
