/* chaos.h - what may go wrong in a run, and how often. Each run switches some kinds of trouble on and leaves
 * the others out ("swarm testing"): a run with everything at once hides what a run with one thing shows. */
#ifndef ROLLCALL_SIM_CHAOS_H
#define ROLLCALL_SIM_CHAOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng;

/* What becomes of one request. */
enum fate {
    FATE_WELL,         /* arrives, is answered */
    FATE_SLOW,         /* so too, just within the timeout */
    FATE_REFUSED,      /* no connection: certainly not sent */
    FATE_LOST,         /* never arrives; the client waits until its timeout */
    FATE_CUT,          /* connection cut, never arrives */
    FATE_DROPPED,      /* applied, then the connection is cut */
    FATE_ANSWER_LOST,  /* applied; the client waits until its timeout */
    FATE_LATE,         /* applied long after the client has gone */
    FATE_CUT_LATE,     /* connection cut at once, applied long after */
    FATE_GATEWAY_LATE, /* answered 504 by something in between, applied long after */
    FATE_429,
    FATE_429_RETRY_AFTER,
    FATE_500,
    FATE_502,
    FATE_503,
    FATE_504,
    FATE_500_APPLIED, /* applied, then answered 500 */
    FATE_UNCHANGED,   /* a write answered 200 that changed nothing */
    FATE_NOT_STORED,  /* 201, and nothing is stored */
    FATE_STALE_READ,  /* what was true a moment ago */
    FATE_401,         /* the token is refused */
    FATES,
};

/* What is the matter with a target that is down. */
enum down {
    DOWN_NOT,
    DOWN_REFUSES, /* no connection */
    DOWN_TOKEN,   /* 401 */
    DOWN_FAILS,   /* 500, 502, 503, no answer */
    DOWN_MOSTLY,  /* the same, and now and then it works */
};

enum { SICK_FATES_MAX = 8, SICK_PERSONS_MAX = 4 };

/* Chances in thousandths; 0: not in this run. */
struct chaos {
    /* the log */
    unsigned permute, duplicate, invalid, poison, gap, compact;
    unsigned abort, slow_commit, slow_marker, reread;
    /* hosts and the group; drawn every `beat_ms` */
    int64_t beat_ms;
    unsigned crash, pause, zombie, shake, stop;
    unsigned pause_at_step; /* in the middle of a commit, or before a request is written */
    bool skew;
    /* the network and the target */
    unsigned fate[FATES];
    /* trouble that lasts: these runs are otherwise calm, and measure what it does to the others */
    bool sick_person;
    enum down down;    /* of each tenant's first target */
    bool reads_answer; /* only the writes of the sick fail, with one of these: */
    enum fate sick_writes[SICK_FATES_MAX];
    unsigned n_sick_writes, n_sick; /* and there may be several such persons */
    bool short_deadline; /* what the sick person's events do not live to see; a leaver is tried again daily */
    bool lagging;        /* most reads are stale while names change quickly; little else goes wrong */
    unsigned guard; /* accounts of a bucket that may be cut, and made, while nobody approves; 0: any number */
    unsigned spread; /* buckets of each tenant */
    bool tight;      /* limits so low that they matter */
    bool crowded;    /* and more movers than they let through, of whom one leaves: calm otherwise */
    bool
        understated; /* the target bears less than the configuration says, and its 429 says no more: likewise */
    unsigned policy_fails; /* the policy itself, at a question */
    bool decisions;        /* people pause, retry and provision */
    bool policies;         /* the policy is replaced now and then */
    bool late_target;      /* one is configured while the run goes on */
    unsigned thin;         /* events whose source has to be asked; 0: sources have no API */
    unsigned source_fails; /* a source, at a question: no answer, 401, 429, 5xx */
    unsigned source_lags;  /* it takes seconds */
    enum down source_down; /* while it is; calm otherwise: what it does to leavers */
    bool teams;            /* people are put into teams, which come and change their names */
    bool user_groups;      /* team 2 does not appear: it is ours to make, of which nobody but us knows how */
    unsigned deaf;  /* a process, when a listing of teams is committed: it ends before it hears of that */
    bool moving;    /* and that is most of what happens, to one company, so that several wait for one team */
    bool dry_run;   /* all processes only plan */
    bool discovers; /* targets are asked what they can do before they are called for anybody */
    bool puts;      /* they are said to have no PATCH: accounts are read and put back whole */
    bool mute;      /* they answer PATCHes with 204: what came of them is read */
    bool rights;    /* licences, primary and admin roles */
    bool licences;  /* with a guard: each licence is held, and some are denied; accounts are made freely */
    bool farewell;  /* leavers leave all teams before they are cut */
    /* the plot */
    bool two_targets, renames, existing_accounts, future_dated, access_ends, complete, deletions, ties, holds,
        afterwords;
};

void chaos_draw(struct chaos *c, struct prng *r);
/* Sources that are asked, in some runs; drawn from a source of chance of its own. */
void chaos_draw_thin(struct chaos *c, struct prng *r);
/* How targets are talked to, likewise. */
void chaos_draw_ways(struct chaos *c, struct prng *r);

/* Kinds of trouble, one by one, for whoever looks for the least that makes a run fail. */
size_t chaos_kinds(void);
const char *chaos_kind_name(size_t kind);
/* Leaves it out; false: it is not in this run. */
bool chaos_leave_out(struct chaos *c, size_t kind);
const char *fate_name(enum fate fate);

#endif
