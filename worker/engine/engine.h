/* engine.h - all decisions of the worker, no I/O.
 *
 * A single-threaded state machine. It never reads a clock, opens a socket or sleeps; randomness comes from
 * the seed. Two shells drive it: worker/ (Kafka, libcurl) and tests/sim (a simulated log and target).
 *
 *      restore, events ──► merge ──► plan ──► batch to commit ──► calls that may start ──► replies ─┐
 *                            ▲                                                                     │
 *                            └────────────────────────── converge ◄───────────────────────────────┘
 *
 * Rules the shell keeps:
 *  1. one batch is outstanding at a time; it is answered by engine_batch_committed or engine_batch_aborted;
 *  2. a batch is one Kafka transaction: its records, and all its offsets through the group's metadata;
 *  3. after an abort the events of each partition are delivered again from engine_position();
 *  4. engine_call_may_write is asked when the request is about to be written, and obeyed;
 *  5. every call handed out is answered once by engine_call_done. */
#ifndef ROLLCALL_ENGINE_H
#define ROLLCALL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "buf.h"
#include "error.h"
#include "event.h"
#include "source_words.h"

struct engine;
struct person;

struct now {
    int64_t wall_ms; /* CLOCK_REALTIME: what records carry */
    int64_t boot_ms; /* CLOCK_BOOTTIME: lease, budget; never goes back and counts while the host sleeps */
};

/* ---- configuration ------------------------------------------------------------------------------------- */

struct engine_limit {       /* overrides the profile's table */
    const char *class_name; /* "users.read", "users.create", … : see profile.h */
    unsigned count;
    int64_t window_ms;
};

/* What the guard counts. */
enum guarded {
    GUARD_DEACTIVATION,
    GUARD_DELETION,
    GUARD_CREATION,
    GUARD_UPGRADE,
    GUARD_REMOVAL, /* from a team */
    GUARDED,
};

struct engine_guard_limit { /* within the window; see guard.h */
    uint32_t count;         /* 0: any number */
    uint32_t percent;       /* of the active accounts; 0: any share */
    uint32_t floor;         /* so many may always be done */
};

struct engine_guard {
    int64_t window_ms;
    struct engine_guard_limit limits[GUARDED];
};

/* What the configuration says of something that a service may say itself. */
enum engine_switch { SWITCH_AS_SAID, SWITCH_ON, SWITCH_OFF };

struct engine_capabilities { /* see capabilities.h */
    enum engine_switch patch, filter, etag, cursor, groups, members, bare_paths;
};

enum group_mode { GROUP_MODE_TEAM, GROUP_MODE_USER_GROUP, GROUP_MODE_NONE };

struct engine_team_name {
    const char *name, *group; /* in the policy, at the target */
};

struct engine_attachment { /* names as the REST API has them */
    const char *group, *team;
};

struct engine_target {
    const char *name;
    const char *tenant;
    const char *directory; /* the one directory whose persons it takes */
    const char *kind; /* "miro" or "scim"; "source": asked about persons, its name is "source." and its own;
                         "miro_rest": the REST side of another target, its name is "rest." and that one's */
    const char *rest_of; /* of kind miro_rest: that target; NULL: it is none */
    const char *org;     /* likewise: the organisation's id there */
    const struct engine_attachment *attached,
        *detached; /* likewise: which groups are to be in which teams, and not */
    size_t n_attached, n_detached;
    const char
        *match; /* attribute that identifies an account before there is a link; "userName" by default */
    const char *const
        *matches; /* several, in order of precedence, of which `match` is one; NULL: that alone */
    size_t n_matches;
    bool discovers; /* it is asked what it can do before it is called for anybody */
    struct engine_capabilities capabilities;
    int64_t timeout_ms;   /* of one call */
    int64_t call_life_ms; /* longest time that a call of unknown outcome may still land */
    int64_t arrival_ms;   /* a dead owner's calls are on their way to the target for so long at most */
    unsigned in_flight_max;
    unsigned spread; /* buckets of the tenant: each has its share of the limits; 0 counts as 1 */
    int64_t retry_base_ms, retry_cap_ms;
    int64_t deadline_ms; /* an event whose calls keep failing for so long is rejected */
    int64_t breaker_pause_ms,
        breaker_pause_max_ms; /* between probes of a target in trouble: at first, at most */
    const struct engine_limit *limits;
    size_t n_limits;
    struct engine_guard guard;
    int64_t
        teams_relist_ms; /* teams are listed again so long after the last time; 0: only when one is missing */
    int64_t teams_missing_ms; /* a listing younger than this is believed about a team that it has not */
    enum group_mode group_mode;
    bool leaves_last; /* nobody is lost with the last team, whatever the profile says */
    const struct engine_team_name *team_names; /* teams with another name there than in the policy */
    size_t n_team_names;
    const struct engine_team_name *group_renames; /* groups of the one name that are to have the other */
    size_t n_group_renames;
    const char *const *owned_groups; /* names there, or how they begin and "*": made when they are missing */
    size_t n_owned_groups;
    const char *const *retired_groups; /* names there: deleted, if we made them */
    size_t n_retired_groups;
    const char *const *protected_names; /* userNames out of reach of policy */
    size_t n_protected;
    uint64_t
        generation; /* of what decides about its tenant's persons: when that has changed at some targets, a new policy
                            concerns their tenants' persons only; else everybody */
};

enum desire { DESIRE_NOTHING, DESIRE_ACCOUNT, DESIRE_ABSENT };
enum desire_active { ACTIVE_AS_IS, ACTIVE_ON, ACTIVE_OFF };

enum { TEAMS_MAX = 64, TEAM_NAME_MAX = 255 }; /* in one answer; bytes */

struct desired { /* release with desired_done */
    enum desire kind;
    enum desire_active active;
    struct attrs attrs; /* attributes not named here are never changed */
    bool has_teams;     /* false: nothing is said of teams, and no membership is touched */
    struct attrs teams; /* by name: "true" a member, NULL not a member */
    bool
        has_roles; /* admin roles are named among attrs; those that we gave and that are not are taken back */
    bool leave_teams; /* with ACTIVE_OFF: out of all teams first, if that works at once */
};

struct person_view { /* borrowed */
    const char *tenant, *directory, *subject;
    const struct person *person;
    bool may_have_access; /* joined, not suspended, accessUntil not passed */
    int64_t now_ms;
};

struct engine_ports {
    void *ctx;
    /* The policy's word for one person at one target; pure. False: the policy itself failed. */
    bool (*policy)(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                   struct error *err);
    /* What to ask a source (an index into targets) for one person; pure. False: its script failed. */
    bool (*fetch)(void *ctx, const struct person_view *view, size_t source, struct source_request *ret,
                  struct error *err);
    /* What its answer says; pure. False: ERROR_TEMPORARY, there is no sense in it, ask again; else the script failed. */
    bool (*person)(void *ctx, const struct person_view *view, size_t source, const struct source_reply *reply,
                   struct source_person *ret, struct error *err);
};

struct engine_config { /* borrowed for the engine's life, also what it points to */
    const struct engine_target *targets;
    size_t n_targets;
    int32_t partitions;   /* of the events topic, as it is now */
    const char *slot;     /* who we are, for the partition's record */
    int64_t lease_ms;     /* session timeout − heartbeat interval */
    int64_t tombstone_ms; /* how long a deleted person's record is kept: 30 days */
    uint64_t
        generation; /* fingerprint of the policy and the targets, below 2^63: who was planned under another is
                            planned anew */
    unsigned sweep_at_once;   /* persons that a sweep plans in one tick */
    size_t sweep_waiting_max; /* it puts persons off while so many calls wait for a target */
    bool plan_only;           /* a dry run: no call that writes, plan records instead of results */
    size_t live_max; /* so many persons who wait for calls are kept parsed (6 KB each), the rest is packed */
    uint64_t seed;
};

struct engine *engine_new(const struct engine_config *cfg, const struct engine_ports *ports);
void engine_free(struct engine *e);
void desired_done(struct desired *d);

/* ---- partitions ---------------------------------------------------------------------------------------- */

/* Begins a partition: its records follow in the order of the log (a later one replaces), then restore_end. */
void engine_restore_begin(struct engine *e, int32_t partition);

struct record_header {
    const char *name, *value;
};

/* One record of the persons topic; empty value = tombstone. Fails with ERROR_PERMANENT on a record of a newer
 * version or one that cannot be understood. */
bool engine_restore_record(struct engine *e, int32_t partition, struct str key, struct str value,
                           const struct record_header *headers, size_t n_headers, struct error *err);

/* Ends the restore. committed = the group's offset, -1 if it has none. Fails with ERROR_PERMANENT, saying how
 * to fix it: records without a committed offset (expired group), a record ahead of the offset (foreign
 * group), another partition count than the one stored. */
bool engine_restore_end(struct engine *e, int32_t partition, int64_t committed, struct now now,
                        struct error *err);

/* Nobody has ever read the partition, and its first event that is there is at offset: what is gone of it is nobody's
 * loss. After engine_restore_end without a committed offset. */
void engine_begin_at(struct engine *e, int32_t partition, int64_t offset);

/* No new calls for this partition. */
void engine_revoke(struct engine *e, int32_t partition);
/* Calls in flight for it (-1: for all). */
size_t engine_in_flight(const struct engine *e, int32_t partition);
/* Calls still in flight become doubt; the partition's record is closed with the next batch. After
 * engine_revoke. */
void engine_close(struct engine *e, int32_t partition, struct now now);
/* Nothing of the partition waits for a commit. */
bool engine_clean(const struct engine *e, int32_t partition);
/* Keeps what is known of a closed and clean partition, for the case that it comes straight back: nothing is done for it
 * until engine_unpark (its committed offset and the end of its records are as they were left: it is ours again, as after
 * a restore) or engine_drop. */
void engine_park(struct engine *e, int32_t partition, struct now now);
void engine_unpark(struct engine *e, int32_t partition, struct now now);
/* Forgets the partition, without a word to the log. Answers to its calls are still accepted (and ignored). */
void engine_drop(struct engine *e, int32_t partition);
/* Next offset to read: what was last committed. -1: not ours. */
int64_t engine_position(const struct engine *e, int32_t partition);

/* ---- events -------------------------------------------------------------------------------------------- */

enum offer {
    OFFER_TAKE, /* give it: engine_event or engine_event_invalid */
    OFFER_TRY, /* workers have died hereabouts: try out first whether it can be given, where that kills nobody; if it
                    cannot, engine_event_poison */
    OFFER_LATER, /* not now: offer it again when the next batch is answered, and nothing of the partition before */
    OFFER_KNOWN, /* merged before, or none of ours: pass it over */
};

/* Asks before the record at offset is so much as parsed: one that kills its reader must not do so for ever. */
enum offer engine_offer(struct engine *e, int32_t partition, int64_t offset);

/* Merges ev, read at offset of partition; ev stays the caller's. An offset already merged is ignored. */
void engine_event(struct engine *e, int32_t partition, int64_t offset, const struct event *ev,
                  struct now now);
struct no_event { /* a record that is none; borrowed */
    struct str key, value;
    const struct record_header *headers;
    size_t n_headers;
    const char *reason;
};

/* A record that is no event: goes to dead letters whole, with the reason; offset moves on. */
void engine_event_invalid(struct engine *e, int32_t partition, int64_t offset, const struct no_event *record,
                          struct now now);
/* A record that kills whoever merges it: goes to dead letters as it is (its reason is not asked for). */
void engine_event_poison(struct engine *e, int32_t partition, int64_t offset, const struct no_event *record,
                         struct now now);

/* ---- commits ------------------------------------------------------------------------------------------- */

enum engine_topic { TOPIC_PERSONS, TOPIC_RESULTS, TOPIC_DEADLETTERS, TOPIC_TARGETS, TOPIC_PLANS };

struct out_record {
    enum engine_topic topic;
    int32_t partition; /* -1: by key */
    struct str key;
    struct str value; /* p NULL: tombstone */
    struct record_header headers[5];
    size_t n_headers;
};

struct out_offset {
    int32_t partition;
    int64_t next;
};

struct engine_batch { /* read-only for the shell, which may hand it to another thread until it answers */
    struct out_record *records;
    size_t n_records;
    struct out_offset
        *offsets; /* of every partition we own, changed or not: a transaction without is not fenced */
    size_t n_offsets;
};

/* What has to be committed; NULL if nothing, or if one is outstanding. Also renews a lease that is half
 * spent. */
const struct engine_batch *engine_batch_take(struct engine *e, struct now now);
/* sent_boot_ms: when the commit's offsets were sent; the lease runs from there. */
void engine_batch_committed(struct engine *e, int64_t sent_boot_ms, struct now now);
/* Undoes this batch and what was dirtied since. Calls in flight and spent budget are facts and stay. */
void engine_batch_aborted(struct engine *e, struct now now);

/* ---- calls --------------------------------------------------------------------------------------------- */

struct call { /* the engine's until engine_call_done */
    uint64_t id;
    size_t target;      /* index into engine_config.targets */
    const char *method; /* GET, POST, PATCH, DELETE */
    const char *path;   /* below the target's base URL, with query: "/Users/123?attributes=id" */
    const char *body;   /* NULL: none; application/scim+json */
    size_t body_n;
    int64_t timeout_ms;
    bool write;
    size_t n_persons; /* one, several whose change travels in one call, or none: it is about the target */
    const char *const *headers; /* "name: value", besides those of all calls */
    size_t n_headers;
};

enum call_outcome {
    CALL_REPLIED,  /* a whole HTTP answer */
    CALL_NOT_SENT, /* certain: the target has not seen it (no connection, lease over) */
    CALL_UNKNOWN,  /* sent, wholly or in part, and no answer: it may have been applied, or may be yet */
};

enum call_failure { /* why there is no answer */
                    FAILURE_OTHER,
                    FAILURE_HELD_BACK,     /* engine_call_may_write said no */
                    FAILURE_CONNECT,       /* no name, no route, no connection */
                    FAILURE_TLS,           /* its certificate, or no common protocol */
                    FAILURE_TIMEOUT,       /* after the request was written */
                    FAILURE_CUT,           /* connection lost after the request was written */
                    FAILURE_TOO_LARGE,     /* the answer is longer than any that makes sense */
                    FAILURE_TOKEN,         /* no token could be had for it */
                    FAILURE_TOKEN_REFUSED, /* … because we are refused there */
                    FAILURES,
};

/* No target may ask for more patience. */
enum { RETRY_AFTER_MAX_MS = 24 * 3600 * 1000 };

struct call_reply {
    enum call_outcome outcome;
    int status;                          /* of CALL_REPLIED */
    struct str body;                     /* of CALL_REPLIED */
    int64_t retry_after_ms;              /* from Retry-After or the rate headers, at most
                                            RETRY_AFTER_MAX_MS; -1: none */
    enum call_failure failure;           /* of the other outcomes */
    const char *error;                   /* the same in words, short */
    const char *etag;                    /* of CALL_REPLIED, its header; NULL: none */
    const struct source_header *headers; /* of CALL_REPLIED by a source */
    size_t n_headers;
};

/* A call to start now; NULL: none may start. */
const struct call *engine_call_next(struct engine *e, struct now now);
/* False: the lease is over (or the partition gone); the request must not be written, answer CALL_NOT_SENT. */
bool engine_call_may_write(const struct engine *e, const struct call *call, struct now now);
void engine_call_done(struct engine *e, const struct call *call, const struct call_reply *reply,
                      struct now now);

/* ---- what people decide -------------------------------------------------------------------------------- */

/* Takes a record of the control topic (empty value: the state is taken back) and obeys it at once. Before the first
 * partition is restored the shell gives the whole topic, so that nothing starts that must not. Fails with ERROR_INPUT:
 * the record is not understood, and nothing has changed. */
bool engine_control(struct engine *e, struct str key, struct str value, struct now now, struct error *err)
    __attribute__((warn_unused_result));
/* No call of the target (index into engine_config.targets) starts: a person wants it so. */
bool engine_paused(const struct engine *e, size_t target);

/* ---- what is known of targets -------------------------------------------------------------------------- */

/* Takes a record of the targets topic (empty value: forgotten). Before the first partition is restored the shell gives
 * the whole topic: nothing about a team is decided before. Fails with ERROR_INPUT: the record is not understood, and
 * nothing has changed. */
bool engine_target_record(struct engine *e, struct str key, struct str value, struct now now,
                          struct error *err) __attribute__((warn_unused_result));

/* ---- time, changes, figures ---------------------------------------------------------------------------- */

/* Does what is due: scheduled words, retries, ends of doubt, tombstones. */
void engine_tick(struct engine *e, struct now now);
/* Milliseconds until engine_tick, engine_call_next or engine_batch_take may have something to do; -1: only
 * input. */
int64_t engine_wake_in(const struct engine *e, struct now now);
/* The policy was replaced: every person whom it concerns (engine_target.generation) is planned anew in this and the next ticks, those with work under way first, and no
 * call starts on the old word. generation: as in engine_config. */
void engine_policy_changed(struct engine *e, uint64_t generation, struct now now);
/* Other numbers (limits, guard, retry, time-outs, calls at once) and protected names of the same targets in the same order;
 * borrowed instead of those of before. What was spent of a limit stays spent. */
void engine_targets_changed(struct engine *e, const struct engine_target *targets, struct now now);

struct engine_stats {
    uint64_t events, duplicates, invalid, poison;
    uint64_t held, held_total; /* persons for whom the guard holds something; times that it began to */
    uint64_t calls, replies, unknown, temporary, refused;
    uint64_t results[7]; /* by enum outcome, see result.h */
    uint64_t persons, live, waiting, in_flight, doubtful;
    uint64_t uncut; /* persons who must not have access and keep it: the target refuses, tried again daily */
    uint64_t fetched, unfetched; /* wishes that a source has answered, and that ended otherwise */
    uint64_t batches, aborts, policy_errors;
    uint64_t plans;  /* records of a dry run */
    uint64_t behind; /* persons whom the sweep has yet to plan under the present policy and targets */
    int64_t
        due_ms; /* by the wall clock: when the first person, or a listing, comes up by itself; INT64_MAX: none */
};

void engine_stats(const struct engine *e, struct engine_stats *ret);

/* Those of engine_config.targets, sources that are asked included. */
size_t engine_target_count(const struct engine *e);
const char *engine_target_name(const struct engine *e, size_t target);

struct engine_target_figures {
    bool open;                /* its breaker: calls wait, one probe at a time asks whether it is well again */
    unsigned in_flight_limit; /* as it bears it */
    size_t waiting;
    size_t teams;    /* as listed last */
    bool wants_full; /* as many groups are to be made as are kept: who misses another one waits */
    const char *
        teams_failed; /* why the last listing found nothing out; NULL: it did. Borrowed until the next record */
    const char
        *unattached; /* why not all groups are in their teams, as far as it is ours to know; NULL: no reason.
                               Borrowed until the next call ends */
};

/* target: index into engine_config.targets. Changes only within engine_call_done and engine_call_next; teams within
 * engine_target_record. */
void engine_target_figures(const struct engine *e, size_t target, struct engine_target_figures *ret);

/* Appends the committed-plus-merged state of one person as JSON (the record's form); false: not known. For
 * tests and operators' tools. */
bool engine_person_json(const struct engine *e, struct str key, struct buf *out);

#endif
