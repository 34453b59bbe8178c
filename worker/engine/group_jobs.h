/* group_jobs.h - what the configuration says of a target's groups as such, and what is to be done about it. Pure, but for
 * what is noted of failures. */
#ifndef ROLLCALL_ENGINE_GROUP_JOBS_H
#define ROLLCALL_ENGINE_GROUP_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "profile.h"

struct target;

struct group_job { /* borrows from the configuration and the directory */
    enum step step;
    const char *id, *name, *to; /* of the group; to: STEP_GROUP_RENAME */
    bool makes;                 /* STEP_GROUP_MAKE, or STEP_GROUP_LOOK for its sake */
    int64_t failed_boot_ms;     /* for the last time; 0: it has not */
    int64_t rested_boot_ms;     /* it is not decided before; 0: likewise */
    bool ready;                 /* nor does it wait for a listing */
    int64_t next_boot_ms;       /* if not: when another one will be, without a listing; 0: none */
};

/* What the target calls a team of the policy's. NULL: nothing, as that name is what another one is called there. */
const char *groups_name(const struct engine_target *cfg, const char *team);
/* Whether the target's owner makes a group of this name when it is missing. */
bool groups_makes(const struct engine_target *cfg, const char *group);
/* Whether it is to go, so nobody is put into it any more. */
bool groups_retires(const struct engine_target *cfg, const char *group);

bool group_is_missing(struct target *t, const char *group);
/* The next one: what is ready before what is not, what has not failed before what has rested for longest, or will have
 * first. False: there is none. */
bool group_job_find(const struct engine *e, struct target *t, struct group_job *ret, struct now now);
/* It is the directory's word that decides; a deletion is decided by a look. */
bool group_job_is_by_listing(const struct group_job *job);
/* There is a listing of ours that nothing older can outdate and, where it decides, one that is younger than the job's last
 * failure and not old. */
bool group_job_knows(const struct target *t, const struct group_job *job, struct now now);
/* Milliseconds until the second listing that a group is made by which has vanished; INT64_MAX: there is none. */
int64_t group_job_sure_in(const struct engine *e, struct target *t, struct now now);
/* Whether the one under way is still to be done, as the configuration and the directory are just now. */
bool group_job_stands(struct target *t);
/* Tells jobs apart: a deletion and the look that decides it are one. Caller frees. */
char *group_job_key(const struct group_job *job);
bool group_job_rests(const struct target *t, const struct group_job *job, struct now now);
/* Another group is to be renamed so, and why it is not; NULL: none is, or it may be yet. Caller frees. */
char *group_rename_failure(struct target *t, const char *group, struct now now);
/* It is not tried again before the next listing by time. */
void group_job_rest(struct target *t, const struct group_job *job, struct now now);

#endif
