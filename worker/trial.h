/* trial.h - tries something out in a child process, where its death ends nobody else.
 *
 * The child is a copy of this process at this moment with one thread; what it changes is gone with it. It must
 * not talk to anybody: no Kafka, no HTTP, no log. The loop's thread; waits for the child, TRIAL_MS at most. */
#ifndef ROLLCALL_WORKER_TRIAL_H
#define ROLLCALL_WORKER_TRIAL_H

#include <stdbool.h>

enum { TRIAL_MS = 2000, TRIALS = 2 };

/* True: a child came through fn(ctx). False: of TRIALS children each died or did not come back in time. Where no
 * child can be had (processes, memory) it is true: nothing speaks against fn. */
bool trial_survived(void (*fn)(void *ctx), void *ctx);

#endif
