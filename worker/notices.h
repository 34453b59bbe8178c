/* notices.h - what people decided, on its way to the engine: the control topic read whole before the worker joins its
 * group, and followed from then on; with log lines, metrics and the alarm while something is paused.
 *
 * The loop's thread. */
#ifndef ROLLCALL_WORKER_NOTICES_H
#define ROLLCALL_WORKER_NOTICES_H

#include <stdbool.h>

#include "config.h"
#include "engine/engine.h"
#include "error.h"
#include "metrics.h"

struct notices;

/* Borrows engine and metrics until notices_free. Talks to nobody yet. */
bool notices_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                 struct notices **ret, struct error *err) __attribute__((warn_unused_result));
/* Reads towards the end as it stood at the first success; true when it is reached. Blocks for about slice_ms.
 * ERROR_TEMPORARY: not there yet, call again. */
bool notices_catch_up(struct notices *n, int slice_ms, struct error *err) __attribute__((warn_unused_result));
/* Readable when there is something to take. */
int notices_fd(const struct notices *n);
/* Takes what is there, without waiting. Fails when the topic cannot be followed any more: the process has to end. */
bool notices_take(struct notices *n, struct error *err) __attribute__((warn_unused_result));
void notices_free(struct notices *n);

#endif
