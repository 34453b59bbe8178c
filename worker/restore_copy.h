/* restore_copy.h - the first thing that a dry run has of a partition: the persons' records of those who write, as they stand,
 * and the offset of the events that follow them.
 *
 *     their group's offset ─► their records, read_committed to the end ─► our topic of records, then the partition's record
 *
 * Records are read after the offset, so some may have merged events beyond it: the dry run begins behind the newest of
 * them. Everything before was merged when that record was written (one transaction holds all that is dirty). Nothing is
 * written to their topics or group. Blocks; the ledger's thread only. */
#ifndef ROLLCALL_WORKER_RESTORE_COPY_H
#define ROLLCALL_WORKER_RESTORE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "pulse.h"

/* *ret_offset: where to begin; -1: they never began, and there is nothing to copy. False: cancelled (err says nothing), or
 * failed: to begin anew. */
bool restore_copy(const struct config *cfg, int32_t partition, struct pulse *pulse, int64_t *ret_offset,
                  struct error *err) __attribute__((warn_unused_result));

#endif
