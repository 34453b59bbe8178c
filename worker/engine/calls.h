/* calls.h - private to the engine: how a call's answer changes what is known. See calls.c, replies.c. */
#ifndef ROLLCALL_ENGINE_CALLS_H
#define ROLLCALL_ENGINE_CALLS_H

#include "engine_state.h"

/* Takes the answer into the target's state and the work; the caller converges the slot afterwards. */
void reply_take(struct engine *e, struct flight *f, struct target_state *t, const struct call_reply *reply,
                struct now now);

#endif
