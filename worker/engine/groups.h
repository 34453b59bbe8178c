/* groups.h - what is done to a target's groups as such, by who owns the tenant's bucket 0: made, renamed, deleted. See
 * groups.c. */
#ifndef ROLLCALL_ENGINE_GROUPS_H
#define ROLLCALL_ENGINE_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "engine.h"
#include "profile.h"
#include "setbacks.h"

struct call_reply;
struct flight;
struct partition;
struct target;

struct group_jobs {
    /* the one under way */
    enum step step;          /* STEP_NONE: none */
    char *id, *name, *to;    /* of the group; to: STEP_GROUP_RENAME */
    int64_t decided_boot_ms; /* when what it was decided by was heard of the target */
    bool makes;              /* the step is STEP_GROUP_MAKE, or taken for its sake */
    struct attrs gone;       /* groups that have borne the name and that the target has not any more, by id */
    struct flight *flight;
    /* all of them */
    struct setbacks setbacks; /* what failed, "step/name" as below: it is decided anew each time */
    int64_t next_ms;          /* CLOCK_BOOTTIME: none before, it was the target's own trouble */
    struct attrs
        rested; /* what was tried, "step/name" → until when it is not tried again (wall clock, text) */
    struct attrs expected;  /* names that listings have to show → what to tell if they do not */
    int64_t judged_boot_ms; /* by one that is begun from then on: before, it may be old news */
    int64_t listed_boot_ms; /* when the last listing of ours that is in force was begun; 0: there is none */
    int64_t shown_boot_ms;  /* when that one came into force */
    int64_t safe_boot_ms;   /* one that is begun before then may miss what calls have done, or may do yet */
    bool again;             /* something was done, perhaps: it is to be listed */
    struct attrs made; /* groups that we have made, id → name, until that is read back from the topic */
    bool made_sent;    /* that was put down */
    bool taken;        /* valid: */
    uint64_t tenure;   /* of the partition, for which all of this holds */
};

/* By who owns bucket 0: */
void groups_follow(struct target *t, const struct partition *p, struct now now); /* since when it does */
void groups_leave(struct target *t, struct now now);                             /* it does no more */
void groups_reset(struct target *t);
void groups_listed(struct engine *e, struct target *t, int64_t began_boot_ms, struct now now);
/* For the next that is to be done. Milliseconds until it is looked for again; INT64_MAX: when something happens. */
int64_t groups_look(struct engine *e, struct target *t, struct now now);
/* Milliseconds until it needs a listing; INT64_MAX: it does not. */
int64_t groups_listing_in(const struct engine *e, struct target *t, struct now now);
int64_t groups_ready_in(struct target *t, struct now now); /* as listing_ready_in */
struct flight *groups_start(struct target *t, struct now now);
bool groups_may_write(struct target *t); /* the call in flight is still to be made */
void groups_end(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now);

#endif
