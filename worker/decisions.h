/* decisions.h - a log line per decision of a committed batch.
 *
 * Rejections and records that are no events at info (at warn, if somebody keeps access who must not), other results at debug: ids, target, outcome and place
 * in the log, never a word of the target or about the person. The loop's thread; cannot fail. */
#ifndef ROLLCALL_WORKER_DECISIONS_H
#define ROLLCALL_WORKER_DECISIONS_H

#include "engine/engine.h"

void decisions_log(const struct engine_batch *batch);

#endif
