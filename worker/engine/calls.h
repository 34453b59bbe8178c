/* calls.h - private to the engine: how a call's answer changes what is known. See calls.c, replies.c. */
#ifndef ROLLCALL_ENGINE_CALLS_H
#define ROLLCALL_ENGINE_CALLS_H

#include "engine_state.h"

/* Takes the answer into the target's state and the work; the caller converges the slot afterwards. */
void reply_take(struct engine *e, struct flight *f, struct target_state *t, const struct call_reply *reply,
                struct now now);

/* The same for a call that was started for a version of the record that has been undone (or whose policy
 * fails now): failures, doubt and the target's wish for rest are facts; of the account we only know that we
 * do not know. */
void reply_take_stale(struct engine *e, struct flight *f, struct target_state *t,
                      const struct call_reply *reply, struct now now);

/* The same for a call whose partition is gone: only the target's wish for rest counts. */
void reply_take_orphan(struct flight *f, const struct call_reply *reply, struct now now);

#endif
