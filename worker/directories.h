/* directories.h - the teams of targets, on their way to the engine: the targets topic read whole before the worker joins
 * its group, and followed from then on; with a line and a metric when a target's teams cannot be listed, or groups not be attached to teams.
 *
 * The loop's thread. */
#ifndef ROLLCALL_WORKER_DIRECTORIES_H
#define ROLLCALL_WORKER_DIRECTORIES_H

#include <stdbool.h>

#include "config.h"
#include "engine/engine.h"
#include "error.h"
#include "metrics.h"

struct directories;

/* Borrows cfg, engine and metrics until directories_free. Talks to nobody yet. */
bool directories_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                     struct directories **ret, struct error *err) __attribute__((warn_unused_result));
/* Reads towards the end as it stood at the first success; true when it is reached. Blocks for about slice_ms.
 * ERROR_TEMPORARY: not there yet, call again. */
bool directories_catch_up(struct directories *d, int slice_ms, struct error *err)
    __attribute__((warn_unused_result));
/* Readable when there is something to take. */
int directories_fd(const struct directories *d);
/* Takes what is there, without waiting. Fails when the topic cannot be followed any more: the process has to end. */
bool directories_take(struct directories *d, struct error *err) __attribute__((warn_unused_result));
/* After a call that is about a target: what became of it. */
void directories_tell(struct directories *d);
void directories_free(struct directories *d);

#endif
