/* engine_state.h - what the engine consists of. Private to worker/engine.
 *
 *      engine.c      life, time, figures          partitions.c  assigned, revoked, dropped
 *      events.c      merging                      commit.c      batches, undo
 *      calls.c       queue → call                 replies.c     answer → what is known
 *      target.c      whose call is next, and what answers say about the target
 *      converge.c    plan → queue, wait or …      settle.c      … results
 *      slot.c        a person in memory           work.c        a person at a target      outbox.c  records to go
 *      obey.c        what people decided        sweep.c       everybody is planned anew
 *      fetch.c       what sources are asked     dryrun.c      plans instead of writes
 *      attributes.c  what is not sent, and which admin roles are ours
 *      discovery.c   what targets can do
 *      attach.c      groups in teams, by REST
 *      listing.c     the teams of a target      groups.c      … made, renamed, deleted (group_jobs.c, group_records.c)
 *
 * One event: events.c merges it into the slot's person and calls converge_slot; that plans each target and
 * either settles it (results go to the outbox) or opens it and marks the slot dirty; commit.c writes the
 * slot; when the batch is committed converge_slot queues the step; calls.c starts it, takes the answer and
 * calls converge_slot again. */
#ifndef ROLLCALL_ENGINE_STATE_H
#define ROLLCALL_ENGINE_STATE_H

#include "attach.h"
#include "breaker.h"
#include "budget.h"
#include "caution.h"
#include "control.h"
#include "directory.h"
#include "discovery.h"
#include "engine.h"
#include "foretell.h"
#include "group_jobs.h"
#include "group_records.h"
#include "groups.h"
#include "guard.h"
#include "inflight.h"
#include "listing.h"
#include "mutation.h"
#include "plan.h"
#include "record.h"
#include "result.h"
#include "scim.h"
#include "store.h"
#include "turns.h"

enum priority { PRIORITY_LEAVER, PRIORITY_MOVER, PRIORITY_JOINER, PRIORITY_SWEEP, PRIORITIES };

struct work_list {
    struct work *first, *last;
};

/* What the guard knows of one bucket at a target. See wards.c. */
struct ward {
    struct guard guard;              /* with what is dirty */
    struct guard batched, committed; /* in the outstanding batch; in the log: what an abort goes back to */
    int32_t partition;               /* where the bucket lives; -1: not known yet */
    uint64_t active;                 /* persons of the bucket with an active account */
    bool dirty;
    struct ward *dirty_next;
};

enum admission {
    ADMITTED,
    HELD,        /* until a person decides */
    DENIED,      /* just now: whoever waits for it gets that result */
    AGREED,      /* denied before: it counts as what is wanted */
    PASSED_OVER, /* unusually many are asked for, and this one waits for nobody */
};

/* One bucket of the tenant at a target: its share of the limits, and who waits for it. Buckets are owned one by one, so
 * each has a budget of its own, which whoever owns the bucket spends; together they have all of the limits. */
struct lane {
    struct budget budget;
    struct ward ward;
    uint64_t tenure; /* the newest for which the budget has been restarted, see lane_follow */
    struct work_list ready[PRIORITIES][LIMITS_MAX + 1]; /* by class; the last is unlimited */
};

/* A target as configured, with what it costs and who waits for it. */
struct target {
    const struct engine_target *cfg;
    uint64_t generation; /* cfg's, as the last sweep began */
    const struct profile *profile;
    struct turn turn;
    signed char class_of[STEPS]; /* index into the limits; -1: unlimited */
    struct lane *lanes;          /* by bucket */
    unsigned n_lanes;
    unsigned next_lane; /* round robin */
    struct inflight inflight;
    struct breaker breaker;
    bool paused;        /* by a person: no call starts */
    int64_t resumed_ms; /* wall clock: deadlines run from there at the earliest; 0: it never was paused */
    int64_t retry_ms;   /* what failed before this is tried again; 0: nothing */
    size_t waiting;
    size_t doubtful;            /* accounts in doubt, of those with work */
    bool sweep_waits;           /* the sweep has put persons off until fewer wait for it */
    bool sweep_misses_teams;    /* … until its teams are listed */
    struct directory directory; /* its teams, as the targets topic says */
    struct listing listing;     /* … and as we find them, where bucket 0 is ours */
    int32_t home;               /* partition of the tenant's bucket 0 */
    int64_t teams_wanted_ms;    /* somebody of ours misses a team since then (wall clock); 0: nobody */
    bool wish_sent;             /* that was put down, and is not read back yet */
    struct capabilities can;    /* what it can do, as the targets topic and the configuration say */
    bool can_known;             /* else nobody calls it yet */
    int64_t can_ms;             /* when it was asked for that (wall clock); 0: never */
    uint32_t can_version;       /* counts changes of it */
    struct discovery discovery; /* it is asked, where bucket 0 is ours */
    struct attrs
        wants; /* groups that our persons miss, "PARTITION/GROUP", until read back; "sent": put down */
    struct group_jobs groups; /* what is done to them, where bucket 0 is ours */
    struct attach attach;     /* of a REST side: likewise, where they belong */
    char *unattached;         /* why not all of them are where they belong; NULL: no reason is known */
};

/* Instead of a write. See dryrun.c. */
struct dryrun {
    struct foresight foresight;
    enum guard_word guard;
    enum known_kind known; /* as it was planned from */
    bool known_active;
};

/* What goes on for one person at one target; lives while the target is open. Not part of the record:
 * operations and changes are facts that an undo does not take back. */
struct work {
    struct slot *slot;
    struct partition *home;             /* the slot's */
    struct work *home_prev, *home_next; /* in its list */
    uint32_t policy_gen;                /* of the policy that `desired` comes from, or would come from */
    struct target *target;              /* NULL: not configured any more */
    struct lane *lane;                  /* with target */
    char *name;                         /* of the target: also valid when it is not configured any more */
    struct flight *flight;              /* the call in flight; NULL: none */
    /* in a ready list */
    bool doubtful; /* counted in target->doubtful */
    bool queued;
    enum priority priority;
    int list;
    enum step step; /* that it was queued for, */
    bool cuts;      /* for the sake of a cut */
    struct work *prev, *next;
    /* the policy's word, kept until the person or the policy changes */
    bool desired_valid;
    struct desired desired;
    struct wanted_team
        *teams; /* of desired.teams, as of teams_version; borrow from it and from the directory */
    size_t n_teams;
    uint32_t teams_version;
    bool teams_valid;
    /* since it was opened */
    bool fresh;      /* the account was read … */
    int64_t read_ms; /* … then (boot clock); see work_is_fresh */
    bool one_by_one; /* an update was refused as a whole: find the culprit */
    bool refused;    /* an attribute was refused */
    enum admission
        licence;     /* of a change of userType, in the plan made last; not ADMITTED: planned without it */
    bool trouble;    /* the last failure was the target's own: no deadline */
    bool resumed;    /* it was open before: what was done for it until then is not known here */
    bool stepped;    /* there was something to do or to wait for, not just a policy that fails */
    bool cut_again;  /* a cut that was refused before is tried daily */
    bool held;       /* the guard held the step that was planned last */
    unsigned exists; /* how often a create was answered "exists" */
    unsigned kept_active;  /* how often a cut was answered 200 and nothing happened */
    unsigned attempts;     /* calls */
    int64_t started_ms;    /* first call; 0: none yet */
    struct dryrun *dryrun; /* what would be done; NULL: nothing, or it is done */
    bool unverified;       /* a write was answered without a body: the next read verifies `written` */
    enum step written_step;
    struct attrs written, written_before;
    int64_t written_until_ms;           /* a read begun before then may be older than that */
    bool written_in_doubt;              /* a call of unknown outcome may have undone it */
    struct search search;               /* of the account, while there is no link */
    int64_t search_ms;                  /* when it began (wall clock) */
    int64_t search_taken_ms;            /* when its last answer came (boot clock) */
    unsigned searches_aged;             /* how often it was begun anew since it had waited for too long */
    bool search_broke_off;              /* a list did not come to its end: failures count until one does */
    struct whole was_account, was_team; /* as they were read, to be put back; without body: not at hand */
    char *team_at_hand;                 /* the id of was_team */
    unsigned changed;                   /* how often in a row something was not as it was read any more */
    bool teams_hidden;                  /* the account was read and said nothing of teams */
    struct attrs teams_read;            /* those that have been asked since then, by id */
    bool all_teams; /* all of its teams were noted then, as for who leaves them; none was joined since */
    struct attrs joining,
        leaving; /* moves that were answered with success: the next read verifies them; id → name */
    int64_t moves_until_ms; /* a read begun before then may be older than they are */
    struct attrs doubted;   /* team ids of those that a call of unknown outcome may have undone since */
    uint32_t can_version;   /* of what the target can do, as the step was planned with */
    uint64_t team;          /* it was queued for, or 0: who waits for the same one may travel in one call */
    unsigned batch_max;     /* so many persons in one call at most: fewer after each failure; 0: any number */
    unsigned team_gone;     /* how often a move was answered with 404 */
    int64_t teams_asked_ms; /* when a listing was asked for on behalf of this work; 0: it was not */
    bool reconsidered;      /* a person had refused something, and has approved it since */
    const char *surprise;   /* of a source: what it has said, and has to say again; static; NULL: nothing */
    int64_t surprise_until_ms; /* valid with surprise: asked from then on (wall clock) */
    struct operation *operations;
    size_t n_operations;
    struct change *changes;
    size_t n_changes;
    /* likewise: what it met */
    bool bare;                 /* a create was refused: without all that does not identify the account */
    bool conflicted;           /* an update met a conflict, and the account was read again */
    bool vanished;             /* the account that we knew is not there any more */
    char *farewell_why;        /* why no more teams are left before the cut; NULL: they may be */
    int64_t farewell_until_ms; /* nor from then on (wall clock); 0: nobody is to leave before a cut */
    /* for the undo */
    bool learnt;         /* an answer came since the last batch */
    bool learnt_batched; /* one is part of the outstanding batch */
    bool wrote;          /* the same for answers to writes */
    bool wrote_batched;
    int64_t doubt_until_ms; /* doubt that answers (or none) have left; 0: none */
    char *link;             /* the link as answers have set it; NULL: none did, or it was dropped */
    bool write_failed;      /* these as in the target's state */
    uint32_t failures;
    int64_t failing_since_ms, cut_failing_since_ms, failed_ms;
    int64_t next_attempt_ms;
};

enum { RETRY_CUT_MS = 24 * 3600 * 1000 }; /* until a refused cut is tried again */

/* A call of the target's own, which is nobody's. */
enum errand { ERRAND_NONE, ERRAND_LISTING, ERRAND_DISCOVERY, ERRAND_GROUPS, ERRAND_ATTACH };

/* A call in flight. */
struct flight {
    struct call call; /* first: the shell's pointer is ours */
    struct flight *prev, *next;
    struct target *target;
    struct lane *lane;
    struct slot *slot; /* NULL: its partition is gone, the answer only frees the budget */
    struct work *work;
    int32_t partition;
    enum step step;
    int class;
    bool by_match;
    struct meaning meaning;    /* of its answer */
    bool probe;                /* it asks whether the target is well again */
    uint64_t wanted;           /* of a fetch: the wish that it answers */
    struct source_request ask; /* … and what it asks */
    uint64_t person;           /* tells persons apart, also when the slot is gone */
    bool stale; /* the record was undone since it started: no word of it is written any more, an answer only
                   says that something is known no more */
    uint64_t search;     /* with by_match: the wish that it is about */
    int64_t search_ms;   /* with by_match: when the search began of which it is a part (wall clock) */
    unsigned list_count; /* with by_match: accounts asked for at once; 0: no list was */
    bool put;            /* PUT instead of PATCH */
    struct attrs changes;
    char *team_id, *team_name; /* STEP_JOIN, STEP_LEAVE, STEP_TEAM */
    bool before_cut;           /* STEP_LEAVE: of a leaver, who is cut whatever becomes of it */
    bool joins;                /* STEP_TEAM: for the sake of joining it */
    uint32_t gen;              /* of the slot when it started */
    struct flight *rider; /* the next person whose change travels in this call; only the first is a call */
    unsigned n_riders;    /* of the whole call, 1 without others */
    enum errand errand;
    struct scim_request request;
    struct now started;
};

enum partition_state {
    PARTITION_RESTORING,
    PARTITION_LIVE,
    PARTITION_REVOKED,
    PARTITION_CLOSED,
    PARTITION_PARKED
};

/* Not (or not any more) ours to write for. */
static inline bool partition_rests(enum partition_state state)
{
    return state == PARTITION_RESTORING || state == PARTITION_PARKED;
}

struct partition {
    int32_t partition;
    enum partition_state state;
    int64_t position;  /* next offset to merge */
    int64_t batched;   /* position in the outstanding batch */
    int64_t committed; /* position after the last commit */
    int64_t opened_at_ms;
    uint64_t tenure;     /* unique, rising: which assignment this is; 0: nobody had it before */
    int64_t taken_ms;    /* CLOCK_BOOTTIME at the end of the restore */
    bool calls_on_way;   /* the owner before did not close it, or had calls whose end it has not seen */
    size_t n_taken_over; /* slots */
    bool opened;         /* our "open" record is committed: calls may start */
    uint32_t merged,
        merged_batched; /* events that wait for their commit, and those in the outstanding batch */
    struct caution caution;
    bool record_dirty, record_batched;
    bool record_found; /* restore: there was one */
    struct partition_record found;
    int64_t offset_max; /* restore: of the records' offsets; -1: there was none */
    size_t in_flight;
    size_t n_dirty;
    size_t n_behind; /* slots that the sweep has yet to plan */
    bool sweeping;   /* its walk is under way; with n_behind and without: it waits for room at a target */
    bool walk_again; /* … room came meanwhile, perhaps for somebody whom it has passed by */
    struct work *works_first, *works_last; /* all of the partition's, those of an older policy first */
};

struct outbox_item {
    struct out_record record;
    int32_t origin; /* partition whose events or persons it comes from */
};

struct outbox { /* finished records that wait for the next batch */
    struct outbox_item *v;
    size_t n, size;
};

struct batch_item {
    struct slot *slot;             /* NULL: not a person's record, or its partition is gone */
    struct ward *ward;             /* likewise */
    char state[RECORD_STATE_SIZE]; /* header */
};

struct batch {
    bool outstanding;
    struct engine_batch out;
    struct batch_item *items; /* parallel to out.records */
};

struct engine {
    struct engine_config cfg;
    struct engine_ports ports;
    struct target *targets;
    struct target **by_name; /* the same, sorted */
    struct target **by_home; /* those with accounts, sorted by tenant and directory */
    size_t n_homes;
    struct source_request prepared; /* of the fetch that starts next */
    struct control control;         /* what people decided */
    struct store store;
    struct partition **partitions; /* pointers stay valid while one is owned */
    size_t n_partitions;
    struct partition **by_number; /* the same, NULL where one is not owned */
    int32_t n_numbers;
    struct slot *dirty_first, *dirty_last;
    size_t n_dirty;
    uint64_t generation; /* engine_config's, or as it was changed to */
    uint32_t policy_gen; /* counts policies */
    bool replanning;     /* some work may be behind */
    struct outbox outbox;
    struct batch batch;
    struct ward *wards_dirty;
    struct wake { /* whom decisions concern that came since the last tick */
        bool working, refused, held, teams;
    } wake;
    bool teams_used;         /* some policy has named a team, here or elsewhere */
    uint64_t teams_whole;    /* fingerprint of all directories as of their last listings; 0: there was none */
    size_t n_teams_changing; /* directories of which a listing is under way */
    int64_t
        teams_due_ms; /* when directories and listings are looked at next (wall clock); 0: nothing is due */
    int64_t discoveries_due_ms; /* likewise of discoveries */
    size_t record_hint;         /* how much room the next record probably needs */
    struct flight *flights;     /* all calls in flight */
    size_t n_flights;
    uint64_t next_call_id;
    uint64_t tenures;       /* assignments from others so far */
    struct turns turns;     /* of the targets */
    int64_t lease_until_ms; /* CLOCK_BOOTTIME */
    uint64_t random;
    struct engine_stats stats;
};

/* engine.c */
uint64_t engine_random(struct engine *e);

/* slot.c */
void engine_index_targets(struct engine *e);
struct target *engine_target(const struct engine *e, const char *name); /* NULL: not configured */
struct target_range {
    struct target *const *v; /* in the order of the configuration */
    size_t n;
};
/* Those that take persons of the tenant's directory. */
struct target_range engine_targets_of(const struct engine *e, const char *tenant, const char *directory);
struct partition *engine_partition(const struct engine *e, int32_t partition);
struct person *slot_live(struct engine *e, struct slot *slot); /* parses if packed */
void slot_release(struct engine *e, struct slot *slot);        /* packs if nothing is going on */
void slot_mark_dirty(struct engine *e, struct slot *slot);
void slot_unmark_dirty(struct engine *e, struct slot *slot);
void slot_set_flags(struct engine *e, struct slot *slot, unsigned flags); /* of the committed record */
/* Back to the committed record, as restored; for a slot that is neither dirty nor in a batch. */
void slot_rest(struct engine *e, struct slot *slot);
void slot_forget(struct engine *e,
                 struct slot *slot); /* frees it with its works; its flights go on without it */
struct person_key {
    char tenant[EVENT_NAME_MAX + 1], directory[EVENT_NAME_MAX + 1];
    const char *subject; /* borrowed from the slot's key */
};
void slot_key(const struct slot *slot, struct person_key *ret); /* splits "tenant/directory/subject" */

/* work.c */
struct lane *lane_of(const struct target *t, const struct slot *slot); /* the lane of the person's bucket */
struct work *work_find(const struct slot *slot, const char *target);
struct work *work_add(struct engine *e, struct slot *slot, const char *target);
void work_free_all(struct slot *slot);
void work_drop_team(struct work *w);        /* it is not at hand any more */
void work_drop_finished(struct slot *slot); /* those that are over make room */
void work_count_doubt(struct work *w, bool doubtful);
/* What was read of the account is recent enough to move or delete it. */
bool work_is_fresh(const struct work *w, struct now now);
/* Keeps its place if it has one there. */
void work_enqueue(struct work *w, enum priority priority, int class);
void work_dequeue(struct work *w);
void work_forget_desired(struct slot *slot);
/* Forgets the word of an older policy. */
void work_catch_up(struct engine *e, struct work *w);
static inline bool work_is_behind(const struct engine *e, const struct work *w)
{
    return w->policy_gen != e->policy_gen;
}
/* The policy's word into w->desired; false: it failed and there is nothing to fall back on. */
bool work_ask_policy(struct engine *e, struct work *w, const struct target_state *t, struct now now,
                     struct error *err);
/* Of a person of whom it wants nothing: whether that is so also when he leaves. Asks it, if he is not gone. */
bool work_wants_no_cut(struct engine *e, const struct work *w, struct now now);
/* An account out of reach of policy, by any name that the person, the policy or the target (what is known, and
 * `account` if given) has for it. */
bool work_is_protected(const struct work *w, const struct target_state *t, const struct attrs *account);
/* Nobody is to leave teams before a cut (any more). */
void work_end_farewell(struct work *w);
/* The time for leaving teams before a cut is over just now: what remains of them is to be told. */
static inline bool work_farewell_ends(const struct work *w, struct now now)
{
    return w->farewell_until_ms && now.wall_ms >= w->farewell_until_ms && !w->farewell_why;
}
void work_plan(struct work *w, struct target_state *t, struct now now, struct plan *ret);
/* What it plans from; borrows. */
void work_plan_input(const struct work *w, const struct target_state *t, struct now now,
                     struct plan_input *ret);

/* teams.c */
/* What the policy says of teams, with the ids that the directory has for them now. */
void teams_resolve(struct work *w);
/* Writes down which teams are missing, and asks for a listing; true: one is awaited. */
bool teams_note(struct engine *e, struct work *w, struct target_state *t, struct now now);
/* Before a call that makes a membership: from its commit on it is ours. */
void teams_intend(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan);
/* Of an active account without doubt, which is not a member any more, and nothing can make it one: it is not ours. What
 * was put down for a call that was never sent, too. */
void teams_forget_ended(struct work *w, struct target_state *t);
/* A removal that cannot be: the account has no other team. */
void teams_keep_last(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                     struct now now);
/* Of a leaver: no more teams are left before the cut; those that remain are told, as soon as they are known. */
void teams_stay(struct engine *e, struct work *w, struct target_state *t, const char *why, struct now now);
void teams_tell_staying(struct engine *e, struct work *w, struct target_state *t, struct now now);
void teams_wish(struct engine *e, struct target *t, int64_t at_ms);

/* attributes.c */
/* Writes down what is not sent, since it cannot work: the others go on without it. */
void attributes_note(struct engine *e, struct work *w, struct target_state *t, struct now now);
/* Before a call that gives an admin role: from its commit on it is ours. */
void attributes_intend(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan);
/* An admin role that is not wanted any more (want NULL: none is), and that the account has not, is not ours: once no old read can
 * show it, and be put back. */
void attributes_forget_ended(const struct attrs *want, struct target_state *t, struct now now);
/* What a value of the account counts as, where `wanted` is wanted: what a target makes of the others is none. */
const char *attribute_value(const struct profile *p, const struct attrs *account, const char *name,
                            const char *wanted);

/* listing.c */
void listings_tick(struct engine *e, struct now now);
void listings_look(struct engine *e); /* at the next tick: something has changed */
void listings_undo(struct engine *e); /* what was to be published is published again */
/* Milliseconds until a call to list the target's teams may start; INT64_MAX: none is wanted. */
int64_t listing_ready_in(struct target *t, struct now now);
struct flight *listing_start(struct target *t, struct now now);
void listing_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now);
bool listing_may_write(const struct engine *e, const struct flight *f);

/* discovery.c */
void discovery_init(struct target *t); /* until it is known */
void discovery_done(struct target *t);
void discovery_take(struct engine *e, const struct capabilities_record *r);
void discoveries_tick(struct engine *e, struct now now);
void discoveries_look(struct engine *e); /* at the next tick: something has changed */
void discoveries_undo(struct engine *e); /* what was to be published is published again */
/* As with listings. */
int64_t discovery_ready_in(struct target *t, struct now now);
struct flight *discovery_start(struct target *t, struct now now);
void discovery_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now);
bool discovery_may_write(const struct engine *e, const struct flight *f);
void listing_publish(struct engine *e, int32_t origin, const struct directory_record *r);

/* wards.c */
void wards_note_active(struct engine *e, struct slot *slot, bool active);
/* Whether the plan's step may be taken. ADMITTED is written down: the call waits for that commit. */
enum admission wards_admit(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan,
                           struct now now);
/* Before the plan: removals that were denied and have been approved since are wanted again. */
void wards_reconsider(struct engine *e, struct work *w, struct target_state *t);
/* AGREED: the licence was denied, so the plan begins without it. ADMITTED: the guard is asked. */
enum admission wards_licence(const struct engine *e, const struct work *w, const struct target_state *t,
                             struct now now);
/* What goes on beside a step that is held or denied. True: that is to be planned. */
bool wards_pass_by(struct work *w, const struct plan *plan, enum admission admission);
bool wards_restore(struct engine *e, int32_t partition, struct str key, struct str value, struct error *err);
size_t wards_count_dirty(const struct engine *e);
/* The next dirty one, as a record; NULL: none is left. */
struct ward *wards_batch_next(struct engine *e, struct out_record *r);
void ward_committed(struct ward *ward);
void wards_undo(struct engine *e);                    /* back to what is committed */
void wards_drop(struct engine *e, int32_t partition); /* forgets those of the partition */

/* outbox.c */
/* Takes value; an empty one is a tombstone. origin: the partition it comes from; losing that takes the record back. */
void outbox_add(struct engine *e, enum engine_topic topic, int32_t origin, struct str key, struct buf *value);
/* Takes out what comes from the partition; -1: everything. */
void outbox_drop(struct engine *e, int32_t origin);
void out_record_free(struct out_record *r);

/* converge.c */
void converge_slot(struct engine *e, struct slot *slot, struct now now);
/* When the person (live) next has something due, by the wall clock; 0: never. */
int64_t converge_due(const struct engine *e, const struct slot *slot, struct now now);

/* obey.c */
void obey_wake(struct engine *e, struct now now); /* whom decisions since the last tick concern is due */
/* What people decided about all of a person's targets, and about one: before it is planned. */
void obey_person(struct engine *e, struct slot *slot, struct now now);
void obey_provision(struct engine *e, struct work *w, struct target_state *t, struct now now);
void obey_retry(struct engine *e, struct work *w,
                struct target_state *t); /* spent when it acts: only while the policy works */
/* Forgets failures and refusals, so that everything is tried again at once. */
void obey_forgive(struct work *w, struct target_state *t);
/* A decision in force may concern a person with nothing under way. */
bool obey_concerns(const struct engine *e, const struct slot *slot);

/* sweep.c */
void sweep_mark(struct engine *e, struct slot *slot, bool behind);
void sweep_begin(struct engine *e); /* everybody is behind, or whose tenants the new policy concerns */
/* Takes a record of the target's teams: whose plans depend on them are behind when a listing has changed any. */
void sweep_take_teams(struct engine *e, struct target *t, const struct directory_record *r);
/* What the partition's record says of teams; 0: somebody is behind, or a listing is under way. */
uint64_t sweep_teams_mark(const struct engine *e, const struct partition *p);
/* Whether the plans of the slot (at rest) depend on teams. */
bool sweep_needs_teams(const struct slot *slot);
void sweep_start_walk(struct engine *e, struct partition *p); /* if anybody is */
void sweep_run(struct engine *e, struct now now);             /* a portion */
bool sweep_may_run(const struct engine *e);
/* Gives the person (live) states at the targets that are new. */
void sweep_add_targets(struct engine *e, struct slot *slot);
/* What a sweep alone asks for waits while too many wait for the target. */
bool sweep_puts_off(const struct engine *e, const struct work *w, const struct target_state *t);
/* True: until the target's teams are listed, since nobody else asks; another walk comes then. */
bool sweep_misses_teams(const struct work *w, const struct target_state *t);
void sweep_teams_listed(struct target *t);

/* dryrun.c */
/* Takes the place of the plan's write: foresees everything, and the plan is to be settled. True: it is to be made again, without
 * what was denied. */
bool dryrun_step(struct engine *e, struct work *w, struct target_state *t, struct plan *plan, struct now now);
/* One plan record; the events that it answers are the first n_ripe of t->pending. */
void dryrun_settle(struct engine *e, struct work *w, const struct target_state *t, const struct plan *plan,
                   size_t n_ripe, struct now now);
/* The same for an event that is answered before the others. */
void dryrun_tell_event(struct engine *e, const struct slot *slot, const char *target,
                       const struct pending *event, enum verdict_word verdict, const char *reason,
                       struct now now);
void dryrun_free(struct dryrun *d);

/* target.c */
unsigned target_page(const struct target *t); /* how many resources are asked for at once */
/* The attributes by which accounts are found there. */
size_t target_matches(const struct target *t, const char *const **ret);
/* A call of its own may be due, though nobody waits for it. */
bool target_has_errand(const struct target *t); /* such a call is to be made, or on its way */
void target_init(struct target *t, const struct engine_target *cfg, int32_t partitions);
void target_done(struct target *t);
/* The same target with other numbers: limits, guard, retry, time-outs, protected names. */
void target_set_numbers(struct target *t, const struct engine_target *cfg, struct now now);
/* Before work of the partition is queued: restarts the budget of a lane that came with it. */
void lane_follow(struct lane *lane, const struct target *t, const struct partition *p);
bool lanes_unseen(const struct engine *e, const struct partition *p, struct now now);
/* Milliseconds until a call to the target may start; INT64_MAX: when one completes, or none waits. */
int64_t target_ready_in(struct target *t, struct now now);
struct work *target_next_work(struct target *t, struct now now); /* NULL: none may start */
/* A call that is about the target as such. */
struct flight *target_flight(struct target *t, enum errand errand, enum step step, struct now now);
void target_call_starts(struct target *t, struct flight *f, struct now now);
/* Before the answer is taken into the person's record: that may have to know how the target is. */
void target_call_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now);

/* replies.c */
struct meaning reply_meaning(const struct flight *f, const struct call_reply *reply);

/* commit.c */
/* Forgets what waits of a partition that is going; what is in the outstanding batch is for its answer to
 * decide. */
void commit_drop_partition(struct engine *e, struct partition *p);

/* partitions.c */
/* Doubts what the last owner of a slot taken over had under way: before anything is planned for it. */
void partition_doubt_takeover(struct engine *e, struct slot *slot, struct now now);
/* tenant → spread, for the partition's record; ret must be empty. */
void partition_spreads(const struct engine *e, const struct partition *p, struct attrs *ret);
/* Converges every slot of the partition that has work. */
void partition_wake(struct engine *e, struct partition *p, struct now now);

#endif
