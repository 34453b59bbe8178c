/* profile.h - what a kind of target is like: limits, PATCH dialect, attributes, what a status means.
 *
 * Tables, not code: a difference between targets is a row here. Miro's rows come from its developers' pages
 * (D-RATE, D-USERS, D-ERR, SPEC), the generic ones from RFC 7643/7644. Pure; thread-safe. */
#ifndef ROLLCALL_ENGINE_PROFILE_H
#define ROLLCALL_ENGINE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"

/* One step of a plan: one call. */
enum step {
    STEP_NONE,        /* converged */
    STEP_WAIT,        /* converged, but doubtful: wait for doubt_until, then read */
    STEP_LOOKUP,      /* read the account, by link or by match */
    STEP_FETCH,       /* ask a source about the person */
    STEP_LIST,        /* of the target, not of a person: read its teams */
    STEP_DISCOVER,    /* likewise: ask what it can do */
    STEP_TEAM,        /* read a team: whether the account is a member, and what a PUT changes */
    STEP_GROUP_LOOK,  /* of the target: read a group, its members too */
    STEP_ATTACH_LOOK, /* of its REST side: groups, teams, and which belong together */
    STEP_CREATE,
    STEP_DEACTIVATE, /* PATCH active=false */
    STEP_ACTIVATE,   /* PATCH active=true */
    STEP_UPDATE,     /* PATCH the attributes that differ */
    STEP_DELETE,
    STEP_JOIN,       /* PATCH a team: add members, also of several persons */
    STEP_LEAVE,      /* PATCH a team: remove members, likewise */
    STEP_GROUP_MAKE, /* of the target, these three */
    STEP_GROUP_RENAME,
    STEP_GROUP_DELETE,
    STEP_ATTACH, /* of its REST side, these two: a group to a team */
    STEP_DETACH,
    STEPS,
};

const char *step_name(enum step step); /* "lookup" … */
const char *step_method(enum step step);
const char *step_resource(enum step step); /* "User" or "Group" */
static inline bool step_moves(enum step step)
{
    return step == STEP_JOIN || step == STEP_LEAVE;
}
static inline bool step_writes(enum step step)
{
    return step >= STEP_CREATE;
}

enum reply_class {
    REPLY_OK,
    REPLY_EXISTS,    /* create: an account with that name is there: look it up */
    REPLY_GONE,      /* the linked account is not there any more */
    REPLY_NONE,      /* a look-up: nobody matches */
    REPLY_CHANGED,   /* what was to be put back is not as it was read any more: read it again */
    REPLY_TEMPORARY, /* try again */
    REPLY_THROTTLED, /* try again, and the whole class of calls rests */
    REPLY_TROUBLE,   /* the target's or the token's own trouble, nobody's record is at fault: try again, no
                        deadline */
    REPLY_PERMANENT, /* will not work until somebody changes something */
    REPLY_BARRED,    /* likewise, whatever of this account is changed */
};

/* What the end of a call says about the target as a whole. */
enum health {
    HEALTH_WELL,    /* it does its work, whatever it says to this call */
    HEALTH_NO_WORD, /* it asks for patience, or the call was held back here */
    HEALTH_SUSPECT, /* a failure that may be this person's alone */
    HEALTH_SICK,    /* one that no person can cause */
    HEALTH_CERTAIN, /* one that will not pass by itself: the token is refused */
};

struct meaning {
    enum reply_class class;
    enum health health;
    bool crowded; /* it had more to do than it could: fewer calls at once */
};

enum { LIMITS_MAX = 10 };

/* A class of calls that a target counts together. */
struct limit {
    const char *name;
    unsigned count;
    int64_t window_ms;
    const char *method, *path; /* which calls: this method (NULL: any), a path that begins so, */
    size_t below;              /* and a body shorter than this; 0: any */
    bool shared;               /* leavers meet others here */
};

/* What a target makes of one attribute. */
struct attribute_rule {
    const char *name;           /* NULL ends the list */
    unsigned characters_max;    /* 0: any number */
    bool is_number;             /* anything else is ignored without a word */
    bool is_required;           /* cannot be without a value */
    bool is_derived;            /* without a value the target shows one that it makes of the others */
    const char *const *allowed; /* by SCIM, ends with NULL; NULL: any */
};

/* By SCIM an account's licence changes to one of the same or a higher rank only. */
struct licence {
    const char *name; /* NULL ends the list */
    int rank;
};

struct profile {
    const char *kind;
    const char *op_replace, *op_remove, *op_add; /* spelling of PATCH operations */
    bool bare_member_id;                         /* members[value eq 123], without quotation marks */
    bool keeps_last_team;   /* whoever leaves the last team may lose the account with it */
    unsigned batch_members; /* of one PATCH of a team, at most */
    size_t batch_bytes;     /* its body is shorter than this */
    unsigned list_page;     /* teams asked for at once */
    bool
        adds_entries; /* the first entry of a list is added: a path with a filter has to match (RFC 7644 3.5.2.3) */
    const char *find_query; /* of a look-up by filter: how many at most */
    bool
        insists; /* a look-up that misses somebody who is there is tried by other attributes, and in a list */
    bool teams_tell; /* whether an account is a member is asked of the team, where the account does not say */
    const char *move_query;             /* of a PATCH of a team: keeps the answer short */
    bool name_needs_both;               /* a name object needs givenName and familyName */
    bool core_schema_only;              /* "schemas" of a POST names the core URN alone */
    const char *const *read_only;       /* attributes that writes do not change; NULL-terminated */
    const struct attribute_rule *rules; /* of attributes that have any; NULL: none has */
    unsigned names_max;                 /* characters of givenName and familyName together; 0: any number */
    const struct licence *licences;     /* of userType; NULL: it is an attribute like others */
    const char *admin_role_type;        /* tells admin roles from others; NULL: all but the primary one are */
    const char *primary_role_type;      /* with it */
    const struct meaning_row
        *meanings; /* of this kind; looked up before those of all kinds; ends with an empty row */
    struct limit limits[LIMITS_MAX]; /* classes; unused ones have no name; the first that fits counts */
};

/* NULL: no such kind. */
const struct profile *profile_find(const char *kind);

bool profile_read_only(const struct profile *p, const char *attr);
const struct attribute_rule *profile_rule(const struct profile *p, const char *attr); /* NULL: none */

enum { PROFILE_REASON_MAX = 160 };
#define PROFILE_NOT_SENT "not sent: " /* what such reasons begin with */

/* Whether the wanted value of an attribute cannot work, so that it is not sent: it is too long, a lower licence … Then
 * `reason` says why. want: all that is wanted; known: the value that the account has, NULL: none, or there is no account. */
bool profile_refuses(const struct profile *p, const struct attrs *want, const char *attr, const char *known,
                     char reason[PROFILE_REASON_MAX]);

/* Index of the class called name, -1 if there is none. */
int profile_limit_index(const struct profile *p, const char *name);
/* Index of the class that a call counts in, -1: unlimited. */
int profile_class(const struct profile *p, const char *method, const char *path, size_t body_n);
/* The same for a step: bodies of those whose class depends on them are kept short. */
int profile_step_class(const struct profile *p, enum step step);

struct answer_facts {
    enum step step;
    bool by_match; /* a look-up without a link: a 404 is about the base URL, not about an account */
    int status;
    const char *scim_type, *detail; /* of the error body, "" if none */
};

struct meaning profile_meaning(const struct profile *p, const struct answer_facts *answer);
/* Of a call without an answer. */
struct meaning profile_failure_meaning(enum call_failure failure);

#endif
