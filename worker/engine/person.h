/* person.h - what is known about one person: registers that merge, and the state of each target.
 *
 * A register keeps one value and the stamp of the event that set it; merging an event sets those registers
 * whose stamp is older. So every order of the same events gives the same registers (promise P3).
 *
 *     joined / left / deleted ──► employment     left, deleted: also suspension = off (a hold ends with it)
 *     suspended / resumed ──────► suspension
 *     profile, accessUntil, groups of any event ──► one register each
 *     effectiveAt in the future ─► `scheduled`, merged with its own stamp when due: a word said later wins
 *
 * Pure data and pure functions; single-threaded. */
#ifndef ROLLCALL_ENGINE_PERSON_H
#define ROLLCALL_ENGINE_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "engine.h"
#include "event.h"
#include "event_ids.h"
#include "guard.h"
#include "source_words.h"

/* Together they keep a record below RECORD_MAX. */
enum {
    PERSON_ATTRS_MAX = 128,
    PERSON_GROUPS_MAX = 512,
    PERSON_SCHEDULED_MAX = 16,
    PERSON_SCHEDULED_BYTES_MAX = 64 * 1024, /* of the scheduled events' values together */
    PERSON_PENDING_MAX = 16,
    PERSON_TEAMS_MAX = 128, /* memberships that we made, at a target; likewise admin roles */
    PERSON_REASON_MAX = 512,
};

struct stamp {
    int64_t at_ms;  /* the event's occurredAt; 0: never set */
    uint64_t event; /* first 64 bits of the event's id */
};

enum employment { EMPLOYMENT_UNKNOWN, EMPLOYMENT_JOINED, EMPLOYMENT_LEFT, EMPLOYMENT_DELETED };

struct attr_register {
    char *name;
    char *value; /* NULL: cleared */
    struct stamp stamp;
};

struct group_register {
    char *name;
    bool member;
    struct stamp stamp;
};

/* A future-dated event, kept until it is due. */
struct scheduled {
    int64_t due_ms;
    size_t bytes; /* of the event's JSON value */
    struct event event;
};

/* An event that still owes a result at a target. */
struct pending {
    char id[EVENT_ID_SIZE];
    char trace_id[33]; /* from traceparent; "" if none */
    char
        source[EVENT_NAME_MAX + 1]; /* name of the source that sent it; "" in records of before it was kept */
    enum event_type type;
    int64_t occurred_at_ms;
    bool empty;           /* it says nothing, so nothing can overrule it */
    bool needs_fetch;     /* it only says that something changed */
    bool denied;          /* a person has refused what the guard held meanwhile */
    int64_t queued_at_ms; /* when the worker merged it */
    int64_t offset;       /* in the events partition */
};

enum known_kind { KNOWN_UNKNOWN, KNOWN_ABSENT, KNOWN_ACCOUNT };

#define REFUSED_TEAM "teams." /* + name: a team that is not there */
#define REFUSED_MOVE "teams/" /* + id: a membership that cannot be had, or ended */
/* What the guard held and a person refused; the fingerprint is the guard's word. With "/id": a removal from that team. */
#define REFUSED_DENIED "+denied"

/* What a target refused: not tried again until the fingerprint of what we want changes. */
struct refused {
    char *what; /* attribute name, or "+create", "+delete", "+adopt", "+active" for the whole step */
    uint64_t fingerprint;
    char *reason;
    char *team;                 /* of REFUSED_MOVE: the team's name then; else NULL */
    char hold[GUARD_HOLD_SIZE]; /* of REFUSED_DENIED: the id under which it was held; else "" */
    int64_t held_since_ms;      /* valid with hold */
};

/* A source that is asked about persons stands among the targets by this and its name. */
#define SOURCE_PREFIX "source."
enum { SOURCE_TARGET_SIZE = sizeof SOURCE_PREFIX + EVENT_NAME_MAX };
bool is_source(const char *target);

/* What a move was for. */
#define MOVED_IN  "in"
#define MOVED_OUT "out"

struct target_state {
    char *target;    /* name */
    char *link;      /* the target's id of the account; NULL: none */
    char *create_as; /* match value by which a create may be under way; NULL: none. See plan.h */
    enum known_kind known;
    uint64_t searched; /* without a link: search_subject of the search that `known` is from; 0: of none */
    bool known_active; /* valid with KNOWN_ACCOUNT */
    struct attrs known_attrs; /* valid with KNOWN_ACCOUNT: attributes as the target said them last */
    struct attrs known_teams; /* likewise, by the team's id: "true" a member, NULL none */
    uint32_t known_groups;    /* of how many teams it is a member */
    bool names_teams;         /* the policy says something of teams there: news of them concern the person */
    bool out_of_reach; /* with a link: the policy wants nothing there, also of a leaver, by its last word */
    struct attrs made_teams; /* memberships that we make or made: id → name of the team then */
    struct attrs made_roles; /* admin roles that we give or gave, as attributes ("roles.NAME") */
    int64_t doubt_until_ms;  /* a call of unknown outcome may land until then (wall clock); 0: no doubt */
    int64_t
        missing_until_ms; /* the link was answered with 404; one that is asked for from then on drops it (wall
                                 clock); 0: no such answer since it was last seen */
    int64_t
        switched_until_ms; /* a write was answered: a read begun before then that contradicts it may be old (wall
                                  clock); 0: none lately */
    bool switched_on;      /* valid with switched_until_ms */
    struct attrs moved;    /* likewise of teams: id → MOVED_IN or MOVED_OUT, valid until then: */
    int64_t moved_until_ms;   /* 0: none lately */
    bool open;                /* work under way: a call may be in flight once this is committed */
    bool write_failed;        /* a write is among `attempts`: a read that works does not end them */
    uint32_t attempts;        /* failures in a row */
    int64_t failing_since_ms; /* the first of them (wall clock); 0: none, or not known */
    int64_t
        cut_failing_since_ms; /* the first of those of a cut; 0: `attempts` are not of one, so that no cut waits */
    int64_t next_attempt_ms; /* wall clock; 0: at once */
    int64_t failed_ms;    /* wall clock: when it failed or was refused last, or up to when that is forgiven */
    char *last_failure;   /* may hold personal data, as the whole record does: not for logs; NULL: none */
    int64_t retry_cut_ms; /* a leaver was refused: tried again then (daily); 0: no */
    int64_t provision_ms; /* the newest "provision" taken up, as of its time; 0: there was none */
    bool provision_owed;  /* its result is still to come */
    int64_t swept_ms;     /* with open: a sweep has opened it then, no event (wall clock); 0: not so */
    int64_t
        due_ms; /* with open, or about to be: so has a date, which came due then, or something that was found then; 0: not so */
    bool denied;       /* with open: a person refused something that the guard held */
    uint64_t admitted; /* what the guard has let pass, while work is under way; 0: nothing. See wards.c */
    struct attrs admitted_moves; /* likewise removals, each team's: id → the same as text */
    uint64_t held_word;          /* word that it holds; 0: none */
    enum guarded held_what;      /* valid with held_word, as is: */
    char held_id[GUARD_HOLD_SIZE];
    int64_t held_since_ms;
    char *held_team; /* of GUARD_REMOVAL: the team's name; else NULL */
    uint64_t
        wanted; /* of a source, which has no account: the newest event that wants it asked; 0: none does */
    int64_t fetched_ms; /* when the question that was answered last was asked; 0: none yet */
    char *unfetched;    /* why the last wish ended without an answer; NULL: it did not */
    struct refused *refused;
    size_t n_refused;
    struct pending *pending; /* in the order of merging */
    size_t n_pending;
};

struct person {
    uint64_t seq;   /* of the record: last committed + 1 */
    int64_t offset; /* of the newest event merged, in its partition */
    enum employment employment;
    struct stamp employment_stamp;
    bool suspended;
    struct stamp suspension_stamp;
    /* Where `employment`, or `suspended`, is the word of a source that was asked: what events alone say. */
    bool employment_asked, suspension_asked;
    enum employment employment_told; /* valid with employment_asked, as is: */
    struct stamp employment_told_stamp;
    bool suspended_told; /* valid with suspension_asked, as is: */
    struct stamp suspension_told_stamp;
    int64_t access_until_ms; /* 0: without end */
    struct stamp access_until_stamp;
    int64_t
        gone_since_ms; /* deleted, and nothing is owed any more since then: a tombstone follows; 0: not so */
    bool access_ended; /* latched when access_until_ms has passed: a slower clock does not undo it */
    struct stamp complete_stamp; /* of the newest complete profile: older words about attributes are void */
    struct attr_register *attrs; /* sorted by name */
    size_t n_attrs;
    struct stamp complete_groups_stamp; /* of the newest complete list of groups, likewise */
    struct group_register *groups;      /* sorted by name */
    size_t n_groups;
    struct event_ids recent;
    struct scheduled *scheduled; /* sorted by due_ms, then event id */
    size_t n_scheduled;
    struct target_state *targets;
    size_t n_targets;
};

enum merge { MERGE_NEW, MERGE_DUPLICATE, MERGE_SUPERSEDED, MERGE_SCHEDULED, MERGE_FULL };

void person_done(struct person *p); /* frees the content; p is zeroed */

/* Merges ev. MERGE_NEW: it set at least one register, or says nothing at all. MERGE_SUPERSEDED: later words
 * had decided everything it says. MERGE_DUPLICATE: seen before, nothing changed. MERGE_SCHEDULED: effectiveAt
 * lies after now_ms, kept for then. MERGE_FULL: the person already holds as many words as one may; not
 * merged. */
enum merge person_merge(struct person *p, const struct event *ev, int64_t now_ms);

/* Merges what a source has answered, as of words.occurred_at_ms. Its restrictive words count as an event's do; "joined"
 * counts only where no event has ever said joined, left or deleted, so that no fetch revives whom an event calls gone,
 * whatever comes in which order. certain: it has said so twice, so it takes its own older "left" or "suspended" back, and
 * what events say counts again. False: it is more than one person may have, and only what cuts is merged. */
bool person_merge_fetched(struct person *p, const struct source_person *said, bool certain);
/* What the source (by the id of its words) has said before, and would take back. */
bool person_takes_back_left(const struct person *p, const struct source_person *said, uint64_t word);
bool person_takes_back_suspended(const struct person *p, const struct source_person *said, uint64_t word);

/* Merges what is due of `scheduled` and latches accessUntil. True if anything changed. */
bool person_fire_due(struct person *p, int64_t now_ms);

/* The next instant at which person_fire_due will have something to do; 0: none. */
int64_t person_next_due(const struct person *p);

/* True if at least one register still holds what that event set, or it waits in `scheduled`. */
bool person_word_survives(const struct person *p, enum event_type type, uint64_t event);
bool person_is_scheduled(const struct person *p, uint64_t event);

const char *person_attr(const struct person *p, const char *name); /* NULL: cleared or no word */
const char *employment_name(enum employment e);                    /* "unknown", "joined" … */
bool person_may_have_access(const struct person *p, int64_t now_ms);

/* First 64 bits of an event id. */
uint64_t event_id_hash(const char id[EVENT_ID_SIZE]);

struct target_state *person_target(struct person *p, const char *target);     /* NULL: none yet */
struct target_state *person_target_add(struct person *p, const char *target); /* finds or adds */
/* Whether the account is a member of the team, as far as is known. */
enum team_state { MEMBER_UNKNOWN, MEMBER_NOT, MEMBER };
enum team_state target_state_membership(const struct target_state *t, const char *team);
void target_state_done(struct target_state *t);                            /* frees the content */
void target_state_set_known(struct target_state *t, enum known_kind kind); /* frees what was known */
/* What targets and policies say may be cut off in the middle of a character; a record is UTF-8. Caller frees. */
char *reason_text(const char *reason);
void target_state_fail(struct target_state *t,
                       const char *reason); /* the last failure, as text that a record can hold */
void target_state_note_move(struct target_state *t, const char *team, bool in, int64_t until_ms);
void target_state_forget_moves(struct target_state *t);
void target_state_forget_failure(struct target_state *t);
/* Not a call has failed but the policy, which told why. */
void target_state_wait_for_policy(struct target_state *t, const char *why);
bool target_state_waits_for_policy(const struct target_state *t);
void target_state_refuse(struct target_state *t, const char *what, uint64_t fingerprint, const char *reason);
/* A person refused what was held under that id since then. */
void target_state_deny(struct target_state *t, const char *what, uint64_t fingerprint, const char *reason,
                       const char *hold, int64_t held_since_ms);
/* That refusal is of a team of this name. */
void target_state_refused_team(struct target_state *t, const char *what, const char *team);
void target_state_forgive(struct target_state *t, const char *what);
void target_state_forgive_all(struct target_state *t);
void target_state_set_unfetched(struct target_state *t, const char *why); /* NULL: nothing to tell */
/* Something failed or was refused at now_ms; only ever moves forward. */
void target_state_failed(struct target_state *t, int64_t now_ms);
const struct refused *target_state_refused(const struct target_state *t, const char *what);

#endif
