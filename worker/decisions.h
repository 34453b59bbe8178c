/* decisions.h - a log line per decision of a committed batch.
 *
 * Rejections and records that are no events at info (at warn, if somebody keeps access who must not), other results at debug: ids, target, outcome and place
 * in the log, never a word of the target or about the person. The loop's thread; cannot fail. */
#ifndef ROLLCALL_WORKER_DECISIONS_H
#define ROLLCALL_WORKER_DECISIONS_H

#include "engine/engine.h"

void decisions_log(const struct engine_batch *batch);

/* The guard holds more than was told last: one warning line, at most one a minute. */
struct held_alarm { /* zero: nothing was told yet */
    uint64_t told;
    int64_t at_ms;
};

void decisions_alarm_held(struct held_alarm *alarm, const struct engine_stats *stats, int64_t mono_ms);

#endif
