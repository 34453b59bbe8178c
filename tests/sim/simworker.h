/* simworker.h - one worker process: a real engine, and the behaviour of the shell around it – polling, one
 * transaction at a time, restore, revoke, lease – with a host that crashes, pauses and has a clock of its
 * own.
 *
 *      joined ──assigned──► restoring ──► owned ──rebalance──► revoked ──► closed ──► given up, joins again
 *                                          │ removed from the group: dropped without a word, joins again
 *                                          └ fenced: exits
 *
 * A crash frees the engine with no word; requests on their way go on. A paused process does nothing at all
 * while time passes for everybody else, then goes on where it was. The dead keep their struct until the run
 * ends. */
#ifndef ROLLCALL_SIM_SIMWORKER_H
#define ROLLCALL_SIM_SIMWORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "scenario.h"
#include "simlog.h"
#include "world.h"

enum part_state { PART_NONE, PART_RESTORING, PART_OWNED, PART_REVOKED, PART_PARKED };

struct proc_part {
    enum part_state state;
    int64_t read_next; /* valid when owned */
    int64_t committed; /* while restoring: what the group said */
    int64_t until;     /* while restoring: the watermark to be reached */
    bool kept;         /* parked, and when it is restored after that: */
    int64_t left_offset, left_end;
};

enum commit_phase { COMMIT_NONE, COMMIT_BEGIN, COMMIT_OFFSETS, COMMIT_END, COMMIT_ANSWER };

struct proc {
    struct world *world;
    size_t slot;
    char name[16];
    uint64_t member; /* unique for each process and each joining */
    uint64_t epoch;  /* of its producer; 0: not yet */
    int64_t skew_ms, booted_ms;
    bool dead, stopping;
    unsigned policy; /* that it has loaded */
    int64_t paused_until_ms;
    struct engine *engine;
    struct engine_target cfg_targets[WORLD_TARGETS_MAX + SCENARIO_TENANTS_MAX];
    size_t n_targets; /* of these, with accounts; the sources are behind them */
    struct engine_config cfg;
    struct engine_ports ports;
    struct group_meta meta;
    uint32_t assigned;   /* partitions told and not yet begun */
    uint64_t assignment; /* counts them: steps of an older restore are void */
    struct proc_part parts[WORLD_PARTITIONS_MAX];
    bool revoking, closing;
    int64_t revoke_until_ms;
    enum commit_phase commit;
    uint64_t commit_no; /* steps of an older commit are void */
    const struct engine_batch *batch;
    uint64_t txn;    /* 0: not begun */
    size_t appended; /* records of the batch that have reached the log */
    bool doomed;     /* this transaction will be aborted */
    int64_t sent_boot_ms;
    int64_t lease_until_ms; /* what the rule gives it, worked out here and not by the engine */
    uint64_t turn_no;
    int64_t turn_at_ms;
    unsigned in_flight;                      /* requests handed out and not answered */
    size_t control_read;                     /* decisions read */
    size_t teams_read;                       /* likewise of the targets topic */
    bool told_paused[WORLD_TARGETS_MAX + 1]; /* by target, and all of them */
    bool paused[WORLD_TARGETS_MAX];          /* what follows: targets it must leave alone */
};

/* Starts a process under a slot that is free (or whose process has become a zombie). */
struct proc *proc_start(struct world *w, size_t slot);
void proc_free(struct proc *p);
void proc_kill(struct proc *p, const char *why);
void proc_pause(struct proc *p, int64_t ms);
void proc_maybe_pause(struct proc *p); /* at a delicate point: the host stops just here */
void proc_stop(struct proc *p);        /* SIGTERM: gives up its partitions in order, leaves */
void proc_reload(struct proc *p);      /* SIGHUP: the newest policy */

/* From the group: the rebalance is over. */
void proc_assigned(struct world *w, size_t slot, uint64_t member, int generation, uint32_t partitions);
/* From the network: an answer, or none. False while the process is paused: try again when it wakes. */
bool proc_answer(struct proc *p, const struct call *call, const struct call_reply *reply,
                 int64_t *ret_wait_ms);

struct now proc_now(const struct proc *p);

/* Of the newest policy's text, for a process that knows so many targets. */
uint64_t world_generation(const struct world *w, size_t n_targets);

/* ---- between the files of the shell -------------------------------------------------------------------- */

/* True: the process is dead, or it sleeps and fn has been put off until it wakes. */
bool proc_absent(struct proc *p, void (*fn)(void *ctx, uint64_t arg), uint64_t arg);
void proc_turn_in(struct proc *p, int64_t delay_ms); /* the loop's next turn, unless it comes sooner anyway */
void proc_commit_start(struct proc *p);              /* takes a batch if there is one */
void proc_commit_give_up(struct proc *p);            /* ends what is under way, at once */
void proc_restore_start(struct proc *p);
void proc_rewind(struct proc *p); /* after an abort: reads again from what is committed */
void proc_drop_all(struct proc *p);

#endif
