/* attach.h - a target's user groups in teams: attached and detached over the service's REST API, by who owns the tenant's
 * bucket 0. See attach.c. */
#ifndef ROLLCALL_ENGINE_ATTACH_H
#define ROLLCALL_ENGINE_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "engine.h"
#include "profile.h"
#include "setbacks.h"

struct call_reply;
struct directory_record;
struct flight;
struct partition;
struct target;

enum attach_phase {
    ATTACH_RESTS,
    ATTACH_GROUPS,  /* all groups are listed, by pages */
    ATTACH_TEAMS,   /* all teams */
    ATTACH_BONDS,   /* of each group that matters the teams that it is attached to */
    ATTACH_CHANGES, /* what differs is changed, one by one */
};

struct attach {
    enum attach_phase phase;
    char *cursor;               /* of the next page; NULL: the first */
    struct attrs groups, teams; /* id → name */
    struct attrs asked;         /* groups whose teams are known, by id */
    struct attrs bonds;         /* what is attached, by "GROUP/TEAM" */
    int64_t began_boot_ms;
    char *problem; /* the first thing that could not be done in this round */
    /* the call to be made, or under way */
    enum step step; /* STEP_NONE: none */
    char *group, *team;
    int64_t late_boot_ms; /* of a change: from then on it is looked at anew instead */
    struct flight *flight;
    int64_t next_ms; /* CLOCK_BOOTTIME: not before */
    /* between rounds */
    struct setbacks setbacks; /* changes, and lists of a group's teams ("GROUP/"), that failed and rest */
    struct attrs noted; /* what is put down of attachments of ours, until it is read back: "GROUP/TEAM" → the
                             group's name; NULL: it is none any more */
    bool noted_sent;    /* that was put down */
    bool again;         /* another round, as soon as may be */
    uint32_t version;   /* of the target's directory, as the last round began */
    int64_t round_ms;   /* when that was (wall clock); 0: there was none */
    int64_t safe_boot_ms; /* none begins before: calls may be on their way */
    bool taken;           /* valid: */
    uint64_t tenure;      /* of the partition, for which all of this holds */
};

/* Of a target that is the REST side of another one. What is to be done next; the time (wall clock) to look again,
 * INT64_MAX: when something happens. */
int64_t attach_look(struct engine *e, struct target *t, struct now now);
void attach_retry(struct target *t); /* a person wants what failed tried at once */
void attach_undo(struct target *t);  /* what was put down is put down again */
/* Ours no more, or configured otherwise; a call in flight may have its effect yet. */
void attach_leave(struct target *t, struct now now);
void attach_done(struct target *t);
void attach_read_back(struct target *t, const struct directory_record *r);

int64_t attach_ready_in(struct target *t, struct now now); /* as listing_ready_in */
struct flight *attach_start(struct target *t, struct now now);
bool attach_may_write(const struct engine *e, const struct flight *f);
void attach_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now);

#endif
