/* mutation.h - deliberate defects, to prove that the simulator can fail.
 *
 *      if (!MUTATION(MUTATION_DOUBT_IGNORED) && doubtful(t))
 *          …
 *
 * Built with -DROLLCALL_MUTATIONS (only the program sim-mutants is), one of them can be switched on at run
 * time; everywhere else MUTATION() is the constant false and costs nothing. tests/sim/mutations.c has the
 * table of names, descriptions and the number of seeds within which each must be caught: a new mutation goes
 * into both. Thread rule: set before the first engine is made, then read-only. */
#ifndef ROLLCALL_ENGINE_MUTATION_H
#define ROLLCALL_ENGINE_MUTATION_H

#include <stdbool.h>

enum mutation {
    MUTATION_NONE,
    /* merge */
    MUTATION_MERGE_IGNORES_STAMP,    /* what arrives last wins */
    MUTATION_MERGE_TIE_BY_ARRIVAL,   /* equal stamps: what arrives last wins, not the more restrictive word */
    MUTATION_COMPLETE_IS_PARTIAL,    /* a complete profile clears nothing */
    MUTATION_GROUPS_ONLY_ADD,        /* a complete list of groups ends no membership */
    MUTATION_SCHEDULED_AT_ONCE,      /* effectiveAt is not waited for */
    MUTATION_ACCESS_UNTIL_NOT_FIRED, /* accessUntil passes and nothing happens */
    MUTATION_HOLD_SURVIVES_LEAVING,  /* left and deleted do not end a suspension */
    MUTATION_NO_DEDUPE,              /* an event seen before is merged and answered again */
    /* commits */
    MUTATION_OFFSETS_LEFT_OUT,      /* a batch names only the partitions whose offset has moved */
    MUTATION_POSITION_NOT_ADVANCED, /* engine_position stays where the restore left it */
    MUTATION_UNDO_FORGOTTEN,        /* an aborted batch is taken for committed */
    MUTATION_UNDO_FORGETS_PENDING,  /* the undo restores the registers, not what is owed */
    MUTATION_RESULT_TWICE,          /* what has its result stays pending */
    MUTATION_SUPERSEDED_AT_ONCE,    /* whatever a newer event finds pending is called superseded */
    MUTATION_RESULT_DROPPED,     /* of several events that become final together only the last is answered */
    MUTATION_CALL_BEFORE_COMMIT, /* a call starts before the record that asks for it is committed */
    MUTATION_SEQ_NOT_ADVANCED,   /* the record's sequence number stays */
    MUTATION_INVALID_TWICE,      /* offsets already merged are not skipped */
    MUTATION_CAUTION_IGNORED,    /* however many died over a record, it is merged as ever */
    /* doubt, lease, takeover */
    MUTATION_DOUBT_IGNORED,        /* a call of unknown outcome leaves no doubt */
    MUTATION_DOUBT_NOT_REREAD,     /* doubt ends with time alone, nobody looks */
    MUTATION_DOUBT_ENDS_EARLY,     /* the first read ends the doubt */
    MUTATION_LEASE_IGNORED,        /* engine_call_may_write always says yes */
    MUTATION_TAKEOVER_IS_CLEAN,    /* an unclean takeover leaves no doubt */
    MUTATION_UNKNOWN_IS_ABSENT,    /* an account never looked up counts as absent */
    MUTATION_TWO_CALLS_PER_PERSON, /* a second call to an account starts while the first is in flight */
    /* replies */
    MUTATION_REFUSED_REPEATED,     /* what the target refused is tried again and again */
    MUTATION_REPLY_NOT_READ,       /* a write's 200 is believed without looking at the body */
    MUTATION_LINK_KEPT_ON_404,     /* a 404 does not drop the link */
    MUTATION_FIRST_404_DROPS_LINK, /* the first 404 does, which may be old */
    MUTATION_RETRY_AFTER_IGNORED,  /* 429 is retried at once */
    MUTATION_NO_BACKOFF,           /* temporary failures are retried at once */
    MUTATION_READ_ENDS_BACKOFF,    /* a read ends the back-off of a failed write */
    MUTATION_LEAVER_GIVEN_UP,      /* a cut that was not applied is not tried again */
    MUTATION_GUARD_IGNORED,        /* the guard lets everything pass */
    MUTATION_GUARD_FORGETS,        /* it counts nothing */
    MUTATION_HELD_LICENCE_STOPS,   /* a licence that is held or denied keeps everything else waiting */
    MUTATION_BUDGET_IGNORED,       /* calls start without asking the budget */
    MUTATION_BUCKET_SHARE_IGNORED, /* each bucket spends the whole limit */
    MUTATION_LEAVER_SLICE_IGNORED, /* nothing of a limit is the leavers' own */
    MUTATION_PACE_NEVER_CUT,       /* a 429 without a word only makes the class wait */
    MUTATION_BREAKER_NEVER_OPENS,  /* a target that refuses everything is called on and on */
    MUTATION_BREAKER_NEVER_CLOSES, /* a probe that works changes nothing */
    MUTATION_BREAKER_PROBES_CROWD, /* while open any number of calls may start after the pause */
    MUTATION_TROUBLE_COUNTS,       /* the target's own trouble makes deadlines pass */
    /* sources that are asked */
    MUTATION_FETCH_NOT_AWAITED,   /* accounts are made and changed before the source has answered */
    MUTATION_FETCH_RESULT_EARLY,  /* so are results of thin events */
    MUTATION_FETCH_OLD_ANSWERS,   /* a fetch answers thin events that came after it began */
    MUTATION_FETCH_AS_OF_ANSWER,  /* fetched words count as of the answer, not of the question */
    MUTATION_FETCH_REVIVES,       /* a fetched "joined" counts more than "left" */
    MUTATION_LEAVER_AWAITS_FETCH, /* cuts wait for the source too */
    /* teams */
    MUTATION_TEAM_LEFT_UNMADE, /* memberships that we did not make are taken back like ours */
    MUTATION_TEAM_MADE_LATE,   /* that a membership is ours is noted when it is seen, not before it is made */
    MUTATION_TEAM_DOUBTS_ONE,  /* of a batch of unknown outcome only the first person is doubted */
    MUTATION_TEAM_BLAMES_ALL,  /* a batch that was refused is refused to everybody in it */
    MUTATION_FAREWELL_SKIPPED, /* whoever is to leave teams before the cut is cut at once, without a word */
    MUTATION_TEAM_MISSED_FOREVER, /* a team that appears wakes nobody */
    /* resources that are put back whole */
    MUTATION_PUT_STALE, /* as it was read once, also when the service says that it has changed since */
    /* rights */
    MUTATION_LICENCE_LOWERED,    /* a lower licence is asked for */
    MUTATION_ROLE_MADE_LATE,     /* that a role is ours is noted when it is seen, not before it is given */
    MUTATION_ROLE_TAKEN_UNMADE,  /* roles that we did not give are taken back like ours */
    MUTATION_GROUP_MADE_BLINDLY, /* a group is made without a listing that no older call can outdate */
    MUTATION_GROUP_MADE_AGAIN,   /* … and though the target has it, as it says when it is asked for it */
    /* what people decide */
    MUTATION_POLICY_ERROR_CUTS, /* a policy that fails takes access away */
    MUTATION_PAUSE_IGNORED,     /* a paused target is called */
    MUTATION_PAUSE_FORGETS,     /* what a pause parked is not taken up again */
    MUTATION_RETRY_REPEATED,    /* a retry acts again and again */
    MUTATION_PROVISION_TWICE,   /* a provision is taken up whenever it is seen */
    MUTATION_PROVISION_DROPPED, /* a provision has no result */
    /* sweep */
    MUTATION_SWEEP_FORGETS_RESTORED, /* who is restored is taken to be in step */
    MUTATION_SWEEP_LOST,             /* a sweep that is cut short counts as done */
    MUTATION_SWEEP_UNDONE,           /* what an abort takes back of it is not planned again */
    MUTATION_SWEEP_NO_NEW_TARGETS,   /* persons get no state at a new target */
    /* what takes weeks to show: the simulated year's */
    MUTATION_LEFT_IS_GONE, /* who has left is forgotten like who was deleted */
    MUTATION_TURN_KEPT, /* who may start a call starts all that he may, before it is the next target's turn */
    /* dry run */
    MUTATION_PLAN_WRITES,  /* it writes */
    MUTATION_PLAN_FORGETS, /* an event that needs no call is not told */
    MUTATIONS,
};

#ifdef ROLLCALL_MUTATIONS
extern enum mutation mutation_active;
#define MUTATION(x) (mutation_active == (x))
#else
#define MUTATION(x) ((void)(x), false)
#endif

#endif
