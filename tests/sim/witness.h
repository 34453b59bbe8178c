/* witness.h - what is watched while a run goes on: every committed transaction and every request. It keeps
 * what the final checks (invariants.h) count, and finds at once what must never be true at any instant. */
#ifndef ROLLCALL_SIM_WITNESS_H
#define ROLLCALL_SIM_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "../sandbox/miro.h"
#include "chaos.h"
#include "scenario.h"

struct txn;
struct proc;

enum { WITNESS_OUTCOME_SIZE = 16 };

struct answer { /* the committed result of one event at one target */
    unsigned n; /* how many there are: exactly one is right */
    int64_t at_ms;
    char outcome[WITNESS_OUTCOME_SIZE];
    bool
        calls_failed; /* rejected for what the target, or nobody, said: not for want of a name, nor a finding */
};

struct account_note { /* one person at one target */
    bool rejected;    /* an event got "rejected" */
    bool gave_up;     /* likewise, and not for an attribute or a team alone */
    bool lied_teams;  /* a 200 to a move that was not true */
    bool kept_team;   /* it was told why a team was not left, and is not known as active since */
    bool lied_attrs, lied_name, lied_number, lied_rights, lied_on; /* a 200 that was not true */
    const struct proc *busy;                                       /* has a request without an answer */
    uint64_t busy_assignment; /* what it had when that request was written */
    unsigned n_busy;
    unsigned landing; /* writes on their way, whoever wrote them and whether or not somebody still waits */
    unsigned recent;  /* requests since recent_ms */
    int64_t recent_ms;
    unsigned writes; /* likewise since writes_ms, while all of them fail */
    int64_t writes_ms;
    uint64_t held_word;    /* of the licence that was held last */
    uint64_t held_words;   /* … which asked for it then; the record that denies it may know newer ones */
    bool is_denied;        /* by the newest record */
    uint64_t denied;       /* the word that is denied */
    uint64_t denied_words; /* … a licence is denied as long as these count; 0: none is */
    char rest_method[8];   /* and class of calls */
    int64_t rest_until_ms; /* the target asked for a rest, of this process: */
    const struct proc *rest_of;
};

struct asked_note {        /* what one slot asked of a target that is down */
    const struct proc *of; /* who has the slot: a new process knows nothing of the target */
    int64_t first_ms;      /* 0: nothing yet */
    int64_t last_ms;       /* and last */
    int64_t window_ms;     /* when the present window began */
    unsigned n;            /* requests in it */
};

struct witness {
    struct answer *answers;        /* [event * n_targets + target] */
    struct account_note *accounts; /* [person * n_targets + target] */
    struct asked_note asked[WORLD_SLOTS_MAX][WORLD_TARGETS_MAX];
    int64_t *seqs; /* of the person's newest committed record; -1: none */
    int64_t offsets[WORLD_PARTITIONS_MAX];
    unsigned invalid; /* dead letters of kind "invalid" */
    unsigned rejected, rejected_letters;
    char **effects; /* ids of results without an event */
    size_t n_effects;
};

struct witness *witness_new(const struct scenario *s);
void witness_free(struct witness *l);

/* The engine has handed the call out. */
void witness_started(struct world *w, const struct call *call);
void witness_committed(struct world *w, const struct txn *txn);
/* person -1: of nobody's account. */
void witness_written(struct world *w, const struct proc *p, size_t target, int person,
                     const struct call *call);
/* assignment: what the process had when the request was written. */
void witness_answered(struct world *w, const struct proc *p, uint64_t assignment, size_t target, int person,
                      const char *method, const char *path, const struct call_reply *reply);
/* A write is on its way and will land. */
void witness_under_way(struct world *w, size_t target, int person);
void witness_landed(struct world *w, size_t target, int person, enum fate fate, const char *method,
                    const char *body);

/* A target goes down; its probes are counted from now on. */
void witness_outage(struct world *w, size_t target);

/* The person's afterword is told: what was refused is wanted otherwise now. */
void witness_afterword(struct world *w, size_t person);

struct account_note *witness_account(const struct world *w, size_t person, size_t target);
struct answer *witness_answer(const struct world *w, size_t event, size_t target);
bool answer_is(const struct answer *a, const char *outcome);
bool answer_cuts(const struct answer *a); /* a leaver's: says that access is gone */

#endif
