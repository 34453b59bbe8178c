/* calls.h - private to the engine: how a call's answer changes what is known. calls.c starts and ends calls, replies.c
 * says what an answer means, answer.c what that changes, verify.c whether a write did what it said. */
#ifndef ROLLCALL_ENGINE_CALLS_H
#define ROLLCALL_ENGINE_CALLS_H

#include "engine_state.h"

enum { REPLY_REASON_MAX = SCIM_DETAIL_MAX + 64 };

struct answer { /* one call's answer on its way into the state */
    struct engine *e;
    struct flight *f;
    struct work *w;
    struct target_state *t;
    const struct call_reply *reply;
    struct now now;
};

/* answer.c */
/* The call is to be tried again, at_least_ms from now (0: the target has not said when). */
void answer_fail(const struct answer *a, const char *reason, int64_t at_least_ms);
/* The same where the class of calls rests (target.c has seen to it): nobody needs to come before. */
void answer_throttled(const struct answer *a, const char *reason);
/* What failed so far counts no more. */
void answer_forget_failures(struct work *w, struct target_state *t);
/* The call may have been applied, or may be yet. */
void answer_doubt(const struct answer *a);
/* What was read may be older than what it is to tell of: read again when it cannot be any more. */
void answer_doubt_until(const struct answer *a, int64_t until_ms);
void answer_drop_link(const struct answer *a);
void answer_set_link(const struct answer *a, const char *id);
void answer_know(const struct answer *a, const struct account *account);
/* Whether the account is otherwise than is known, in what is known of it. */
bool answer_differs(const struct answer *a, const struct account *account);
/* The target refuses `what` (an attribute, or a whole step) with this fingerprint of what we want. */
void answer_refuse(const struct answer *a, const char *what, uint64_t fingerprint, const char *reason);
void answer_refuse_step(const struct answer *a, const char *what, const char *reason);
void answer_refuse_attribute(const struct answer *a, const struct attr *want, const char *reason);
/* For the result: a call was answered with status (0: not at all), an attribute changed, a step had its effect. */
void answer_operation(const struct answer *a, int status);
void answer_change(const struct answer *a, const char *attribute, const char *before, const char *after);
void answer_effective(const struct answer *a, enum step step);
void answer_effective_move(const struct answer *a, enum step step, const char *team);

/* verify.c */
/* The account is known anew: whether a write of that step had the effect that its answer promised. */
void answer_verify(const struct answer *a, enum step step, const struct attrs *written,
                   const struct attrs *before);

/* The same for a write whose answer had no body, by the read that follows it. What contradicts it may be older than it, or
 * done by a call that landed late: then it is read, or written, again before anything is said of it. */
void answer_verify_read(const struct answer *a);

/* moves.c */
/* The answer to a move: it was made (to be verified); or several were to move: each is tried in a smaller call; or it is
 * refused; or there is nothing of that id. */
void move_made(const struct answer *a);
bool move_split(const struct answer *a);
void move_refused(const struct answer *a, const char *reason);
/* The call of a leaver before the cut has failed and may work later: nobody waits for that. False: it was another call. */
bool move_ends_farewell(const struct answer *a, const char *reason);
void move_gone(const struct answer *a, const char *reason);
/* A team that was to be read is not there: it has no members, and whoever is to join it cannot. */
void team_gone(const struct answer *a, const char *reason);
/* A team was read: whether the account is a member. */
void team_read(const struct answer *a);
/* Of which teams that matter the account says it is a member; and whether moves had their effect. */
void moves_know(const struct answer *a, const struct account *account);
void moves_verify(const struct answer *a);

/* replies.c */
/* In words: "400 invalidValue: …". */
void reply_describe(const struct call_reply *reply, char reason[REPLY_REASON_MAX]);
/* Takes the answer into the target's state and the work; the caller converges the slot afterwards. */
void reply_take(struct engine *e, struct flight *f, struct target_state *t, const struct call_reply *reply,
                struct now now);

/* The same for a call that was started for a version of the record that has been undone (or whose policy
 * fails now): failures and doubt are facts; of the account we only know that we
 * do not know. */
void reply_take_stale(struct engine *e, struct flight *f, struct target_state *t,
                      const struct call_reply *reply, struct now now);

#endif
