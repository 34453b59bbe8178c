/* groups.h - what is done to a target's groups as such, by who owns the tenant's bucket 0: made, renamed, deleted. See
 * groups.c. */
#ifndef ROLLCALL_ENGINE_GROUPS_H
#define ROLLCALL_ENGINE_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "engine.h"
#include "profile.h"

struct flight;

struct group_jobs {
    /* the one under way */
    enum step step;          /* STEP_NONE: none */
    char *id, *name, *to;    /* of the group; to: STEP_GROUP_RENAME */
    int64_t decided_boot_ms; /* when what it was decided by was heard of the target */
    struct flight *flight;
    /* what failed last; it is decided anew each time */
    char *failing; /* "step/name" as below; NULL: nothing */
    uint32_t failures;
    int64_t failing_since_ms; /* wall clock */
    int64_t next_ms;          /* CLOCK_BOOTTIME: not before */
    /* all of them */
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

/* What the target calls a team of the policy's. NULL: nothing, as that name is what another one is called there. */
const char *groups_name(const struct engine_target *cfg, const char *team);
/* Whether the target's owner makes a group of this name when it is missing. */
bool groups_makes(const struct engine_target *cfg, const char *group);
/* Whether it is to go, so nobody is put into it any more. */
bool groups_retires(const struct engine_target *cfg, const char *group);

#endif
