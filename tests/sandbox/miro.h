/* miro.h - a Miro to talk to: the behaviour of Miro's SCIM API as a pure state machine.
 *
 * No sockets, no clock, no threads, no randomness: every answer follows from the configuration, the requests
 * so far and the `now_ms` given. The program miro-sandbox puts HTTP in front of it, the simulator calls it
 * directly. Thread rule: one owner at a time. Nothing here fails except loading a state file; a bad request
 * gets a bad reply. */
#ifndef ROLLCALL_MIRO_H
#define ROLLCALL_MIRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "buf.h"
#include "error.h"

enum {
    MIRO_ID_SIZE = 20,             /* 19 decimal digits and NUL */
    MIRO_NAME_MAX = 254,           /* bytes of a userName: an e-mail address */
    MIRO_BODY_MAX = 800000,        /* bytes of a request body, above: 413 */
    MIRO_PATCH_MEMBERS_MAX = 8000, /* members in one PATCH, above: 413 */
    MIRO_REPLY_MAX = 64 << 20,
    MIRO_TEAM_SETTINGS_MAX = 16, /* a team's settings that are one of several words */
};

/* Calls that Miro counts apart. */
enum miro_class {
    MIRO_USERS_LIST,
    MIRO_USER_GET,
    MIRO_USER_CREATE,
    MIRO_USER_PUT,
    MIRO_USER_PATCH,
    MIRO_USER_DELETE,
    MIRO_GROUPS_LIST,
    MIRO_GROUP_GET,
    MIRO_GROUP_PATCH_SMALL,
    MIRO_GROUP_PATCH_LARGE,
    MIRO_GROUP_WRITE, /* POST, PUT and DELETE of a group: user_group mode only */
    MIRO_DISCOVERY,   /* ServiceProviderConfig, ResourceTypes, Schemas: not limited */
    MIRO_CLASSES,
};

enum miro_fault {
    MIRO_FAULT_NONE,
    MIRO_FAULT_UNCHANGED,  /* PATCH or PUT: 200 with the old state, nothing applied; DELETE: 204, nothing done
                            */
    MIRO_FAULT_NOT_STORED, /* POST: 201 with a body, nothing stored */
    MIRO_FAULT_STALE_READ, /* GET: answers from the state before the last write to each user or group */
    MIRO_FAULT_401,        /* the rest: this status, nothing applied */
    MIRO_FAULT_400,
    MIRO_FAULT_403,
    MIRO_FAULT_404,
    MIRO_FAULT_405,
    MIRO_FAULT_409,
    MIRO_FAULT_413,
    MIRO_FAULT_415,
    MIRO_FAULT_429,             /* without Retry-After */
    MIRO_FAULT_429_RETRY_AFTER, /* with the seconds of a window */
    MIRO_FAULT_500,
    MIRO_FAULT_502,
    MIRO_FAULT_503,
    MIRO_FAULT_504,
    MIRO_FAULT_500_APPLIED, /* applied, then answered with 500 */
    MIRO_FAULT_PARTIAL,     /* PATCH of a group: half of the members are dealt with, then 504 */
    MIRO_FAULTS,
};

enum miro_window { MIRO_WINDOW_FIXED, MIRO_WINDOW_SLIDING };
enum miro_rates {
    MIRO_RATES_DEVELOPERS,
    MIRO_RATES_HELP
}; /* the developers' table, the Help Center's stricter one */
enum miro_group_mode { MIRO_TEAMS, MIRO_USER_GROUPS }; /* teams: group POST, PUT and DELETE are 405 */

enum miro_profile { MIRO_PROFILE_MIRO, MIRO_PROFILE_SCIM }; /* scim: RFC 7643 and 7644, strictly */

/* How SCIM servers differ; the first of each is what Miro does. */
enum miro_patch { /* PATCH: 200 with the resource; 204; 204 when nothing changed; not supported */
                  MIRO_PATCH_BODY,
                  MIRO_PATCH_EMPTY,
                  MIRO_PATCH_EMPTY_WHEN_UNCHANGED,
                  MIRO_PATCH_501,
                  MIRO_PATCH_405,
};
enum miro_filtering { MIRO_FILTER_YES, MIRO_FILTER_REFUSED, MIRO_FILTER_IGNORED };
enum miro_etag {
    MIRO_ETAG_OFF,
    MIRO_ETAG_ON,
    MIRO_ETAG_REQUIRED
}; /* required: writes without If-Match are 428 */
enum miro_members_shown {
    MIRO_MEMBERS_SHOWN,
    MIRO_MEMBERS_ASKED,
    MIRO_MEMBERS_HIDDEN
};                                                                            /* asked: by attributes= */
enum miro_paging { MIRO_PAGING_INDEX, MIRO_PAGING_CURSOR, MIRO_PAGING_BOTH }; /* cursor: RFC 9865 */
enum miro_seats { MIRO_SEATS_RESTRICT, MIRO_SEATS_400, MIRO_SEATS_409 };      /* Full asked for, none left */
enum miro_past_end { MIRO_PAST_END_EMPTY, MIRO_PAST_END_FIRST_PAGE };
enum miro_remove_list {
    MIRO_REMOVE_LISTED,
    MIRO_REMOVE_REFUSED,
    MIRO_REMOVE_EVERYBODY
}; /* Remove with a value */

/* Fill with miro_config_default, then change. Strings are borrowed during miro_new only. Lists end with NULL.
 */
struct miro_config {
    uint64_t seed;            /* of the ids */
    const char *token;        /* NULL: any bearer token will do */
    const char *oauth_client; /* "ID=SECRET": bearer tokens are had at /oauth/token; NULL: `token` */
    int64_t oauth_life_s;     /* of such a token */
    const char *base_url;     /* in meta.location and Location */
    const char *default_team; /* every new user joins it; NULL: no such team */
    const char *admin;        /* userName of a first company and team admin; NULL: nobody */
    const char *const *allowed_domains; /* others: 409 not whitelisted; NULL: every domain */
    const char *const
        *claimed_domains; /* a userName may only leave and enter these, else 400; NULL: every domain */
    const char *const
        *foreign_domains;            /* claimed by another organisation: a userName may not enter them, 400 */
    const char *const *second_org;   /* userNames that are in another organisation too: updates are 409 */
    const char *const *domain_teams; /* "domain=team": whose users join that team too; NULL: none */
    const char *const *licences;     /* userTypes that the organisation has; NULL: all */
    const char *const *custom_roles; /* admin roles beside the prebuilt ones; NULL: any name will do */
    const char *default_licence;     /* userType of new users: "Full", "Free" or "Free Restricted" */
    int64_t full_licences;           /* with default "Full": later users become Free Restricted; -1: no end */
    enum miro_profile profile;
    enum miro_group_mode group_mode;
    int duplicate_status;            /* POST of an existing userName: 409 or 400 */
    int rename_duplicate_status;     /* PATCH or PUT to an existing userName: 400 or 409 */
    bool count_over_max_is_error;    /* count > 1000: 400 instead of clamping */
    bool omit_paging_when_unpaged;   /* no startIndex and itemsPerPage unless the request pages */
    bool internal_location;          /* meta.location names an internal host */
    bool scim_disabled;              /* everything: 403 */
    bool licences_full_only;         /* userType: only "Full" is accepted, as older documents say */
    bool admin_deactivation_refused; /* active=false of a company admin: 409 */
    bool recreate_with_new_id;       /* POST of a deleted userName: new id instead of the old one */
    bool partial_add_is_error; /* group Add with some unknown ids: 404 instead of adding the known ones */
    bool show_team_admins;     /* groups list their admins among the members */
    bool frozen_is_silent;     /* frozen attributes of inactive users: 200 unchanged instead of 409 */
    bool downgrade_is_silent;  /* userType downwards: 200 unchanged instead of 400 */
    enum miro_seats seats_full;
    bool delete_needs_inactive;  /* DELETE of an active user: 409, as in Miro's pages */
    bool delete_deactivates;     /* DELETE: 204, but the user is only deactivated */
    bool deactivation_restricts; /* active=false: stays active, as Free Restricted */
    bool put_clears;             /* PUT clears the attributes it does not name */
    enum miro_patch patch;
    enum miro_filtering filtering;
    enum miro_etag etag;
    enum miro_members_shown members;
    enum miro_paging paging;
    enum miro_past_end past_end;
    enum miro_remove_list remove_list;
    int64_t page_default, page_max; /* resources on a page without count, and at most; 0: all */
    bool names_case_exact; /* `userName eq` finds only the exact spelling, while POST compares without case */
    bool total_is_page;    /* totalResults is what the page holds */
    bool items_are_count;  /* itemsPerPage is the count asked for */
    bool booleans_strict;  /* "true" is no boolean: 400 */
    bool unknown_method_404; /* instead of 405 */
    enum miro_rates rates;
    enum miro_window window;
    int64_t window_ms;   /* 30,000 in the real Miro */
    bool share_levels;   /* calls of one level share one counter, instead of one counter per call */
    bool enforce_limits; /* false: counted, but never 429 */
    bool retry_after;    /* 429 carries Retry-After */
    bool rate_headers;   /* X-RateLimit-Limit, -Remaining, -Reset */
    bool keep_history;   /* of activity, per user */
    const char *org_name;
    const char *const *rest_tokens; /* "TOKEN" or "TOKEN=scope+scope"; NULL: any token, all scopes */
    int64_t rest_credits;           /* per token and minute */
    int64_t rest_window_ms;         /* a minute in the real Miro */
    int64_t audit_max;              /* audit events that are remembered; 0: none are written */
};

void miro_config_default(struct miro_config *cfg);
void miro_config_profile(struct miro_config *cfg,
                         enum miro_profile profile); /* what the profile starts from */

struct miro;
struct miro *miro_new(const struct miro_config *cfg); /* NULL: defaults */
void miro_free(struct miro *m);
/* Other switches from now on; users and teams stay. Limits start anew when their table or window is another. */
void miro_configure(struct miro *m, const struct miro_config *cfg);

struct miro_request { /* all borrowed; any string may be NULL */
    const char *method;
    const char *target;        /* path and query, below or with the base path /api/v1/scim */
    const char *authorization; /* "Bearer …"; NULL is accepted when no token is configured */
    const char *content_type;  /* NULL counts as application/json */
    const char *accept;
    const char *if_match, *if_none_match;
    const char *body;
    size_t body_n;
    enum miro_fault fault;
    uint64_t seq; /* the caller's number of the request: cause in the users' histories */
};

struct miro_reply {
    int status;
    struct buf body; /* empty for 204 */
    char content_type[40];
    char retry_after[24];       /* "" : no such header */
    char location[320];         /* "" : no such header */
    char etag[32];              /* "" : no such header */
    bool challenge;             /* WWW-Authenticate: Bearer */
    char allow[64];             /* with 405; "" : no such header */
    char user_id[MIRO_ID_SIZE]; /* the user or group the request was about; "" if none or many */
    char user_name[MIRO_NAME_MAX + 2];
    enum miro_class class;
    bool counted;   /* class is valid */
    bool applied;   /* the state has changed */
    int rest_level; /* of Miro's REST side, 1–4; 0: SCIM, or no such call */
    bool has_rate;  /* the three rate headers are to be sent */
    int64_t rate_limit, rate_remaining, rate_reset_s;
};

void miro_reply_init(struct miro_reply *r);
void miro_reply_done(struct miro_reply *r);

/* Counts the request at its arrival and, unless it is over its limit, applies and answers it. These three
 * functions initialise *ret; release it with miro_reply_done before it is used again. */
void miro_handle(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret);

/* The two halves, for requests that are applied later than they arrive. miro_arrive checks the token, counts,
 * and returns false with a complete reply (401, 403, 429 or the fault's status) when the request goes no
 * further. */
bool miro_arrive(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret);
void miro_apply(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret);

/* How many members the operations of a group PATCH name; 0 also for what is none. */
int64_t miro_patch_members(struct str body);

/* ---- limits -------------------------------------------------------------------------------------------- */

struct miro_limit {
    const char *name; /* "PATCH /Users/{id}" */
    int level;        /* 1–4; 0: not limited */
    int64_t limit;    /* 0: not limited */
    int64_t window_ms;
    uint64_t arrivals;
    int64_t max_sliding; /* most arrivals in any sliding window so far */
    int64_t max_fixed;   /* most arrivals in any fixed window so far (aligned to multiples of window_ms) */
    uint64_t over;       /* arrivals above the limit: 429, or would have been one */
};

const char *miro_class_name(enum miro_class class);
struct miro_limit miro_limit_get(const struct miro *m, enum miro_class class);
uint64_t miro_over_limit(const struct miro *m); /* sum over all classes; tests want 0 */
void miro_limits_clear(struct miro *m);
const char *
miro_fault_name(enum miro_fault fault); /* "none", "unchanged", "not_stored", "stale_read", "429" … */
bool miro_fault_parse(const char *name, enum miro_fault *ret);

struct miro_credits { /* of one token's REST calls */
    int64_t limit, used, window_ms;
    uint64_t calls, over; /* over: 429, or would have been one */
};
size_t miro_rest_tokens_n(const struct miro *m);
struct miro_credits miro_credits_get(const struct miro *m, size_t token);

/* ---- looking inside ------------------------------------------------------------------------------------ */

enum miro_org_role { MIRO_INTERNAL_USER, MIRO_INTERNAL_ADMIN, MIRO_EXTERNAL_USER, MIRO_TEAM_GUEST };

struct miro_activity {
    int64_t at_ms;
    bool active;       /* false also for deleted */
    const char *cause; /* "POST /Users", "PATCH /Users", "PUT /Users", "DELETE /Users", "group Add", "group
                          Remove", "load" */
    uint64_t seq;      /* of the request */
};

struct miro_team;

struct miro_membership {
    int64_t joined_at_ms, changed_at_ms;
};

struct miro_user {
    char id[MIRO_ID_SIZE];
    char *userName;
    bool active;
    bool deleted;      /* no longer in the organisation: SCIM answers 404; a group Add brings it back */
    bool guest;        /* invisible to SCIM */
    bool other_org;    /* also in another organisation: updates are 409 */
    bool unregistered; /* never completed registration: leaves the organisation with the last team */
    bool uncaptured;   /* has a profile, is no member: invisible, updates and POST are 409 */
    enum miro_org_role role;
    char **admin_roles; /* "Content Admin" … */
    size_t n_admin_roles;
    /* displayName, name.formatted, name.givenName, name.familyName, userType, preferredLanguage, photo (URL),
     * employeeNumber, costCenter, organization, division, department, manager (manager.value),
     * manager.displayName */
    struct attrs attributes;
    struct miro_team **teams;            /* user groups included */
    struct miro_membership *memberships; /* as many as teams */
    size_t n_teams;
    struct miro_activity *history;
    size_t n_history;
    int64_t created_at_ms;
    int64_t changed_at_ms;  /* of the last write that was applied */
    struct cJSON *document; /* profile scim: the attributes; NULL otherwise */
    uint64_t writes;        /* applied to this user, whatever they changed */
    int64_t last_activity_at_ms, licence_at_ms, sessions_reset_at_ms; /* what REST shows or does; 0: never */
};

struct miro_team {
    char id[MIRO_ID_SIZE];
    char *displayName; /* the security group's name: what SCIM shows and renames */
    char *team_name;   /* the team's own name in Miro's pages */
    bool deleted;
    bool user_group;             /* REST's groups; otherwise a team */
    bool in_scim;                /* SCIM shows it as a Group: teams, or in user_group mode the user groups */
    char *external_id;           /* profile scim; NULL: none */
    char *description;           /* of a user group; NULL: none */
    struct miro_team **attached; /* the teams that a user group belongs to */
    size_t n_attached;
    unsigned char settings[MIRO_TEAM_SETTINGS_MAX]; /* rows of a table in miro_rest_settings.c */
    char *allowed_domains;                          /* comma-separated; NULL: none */
    struct miro_user **members;                     /* admins included, in order of joining */
    size_t n_members;
    struct miro_user **admins;
    size_t n_admins;
    int64_t created_at_ms, changed_at_ms;
    uint64_t version; /* changes with every change, whoever makes it */
};

/* All borrowed, valid until the next request or load. Names are compared without regard to case. Deleted
 * users are found by id and by iteration, not by name. */
const struct miro_user *miro_user_by_name(const struct miro *m, const char *userName);
const struct miro_user *miro_user_by_id(const struct miro *m, const char *id);
size_t miro_users_n(const struct miro *m);
const struct miro_user *miro_user_at(const struct miro *m, size_t i); /* in order of creation */
const struct miro_team *miro_team_by_name(const struct miro *m, const char *displayName);
const struct miro_team *miro_team_by_id(const struct miro *m, const char *id);
size_t miro_teams_n(const struct miro *m);
const struct miro_team *miro_team_at(const struct miro *m, size_t i);
bool miro_is_member(const struct miro_team *team, const struct miro_user *user);
bool miro_was_active_at(const struct miro_user *user, int64_t at_ms); /* by the history */

/* ---- changing it behind the client's back, and fixtures ------------------------------------------------ */

struct miro_user_spec { /* what a person in Miro's pages could have done */
    const char *userName;
    const char *displayName; /* may be NULL */
    bool inactive, guest, other_org, unregistered, uncaptured, admin;
};

/* A userName that nobody has and that a state file may hold. */
bool miro_name_free(const struct miro *m, const char *userName);
const struct miro_user *miro_add_user(struct miro *m, const struct miro_user_spec *spec, int64_t now_ms);
/* What SCIM shows as a group: a team, or in user_group mode a user group. */
const struct miro_team *miro_add_team(struct miro *m, const char *name);
void miro_note_sign_in(struct miro *m, const char *user_id, int64_t at_ms); /* lastActivityAt */
void miro_rename_team(struct miro *m, const char *team_id,
                      const char *displayName);             /* of the security group */
void miro_remove_team(struct miro *m, const char *team_id); /* as in Miro\'s pages, whatever the group mode */
void miro_join_team(struct miro *m, const char *team_id, const char *user_id, bool as_admin);
void miro_set_active(struct miro *m, const char *user_id, bool active, int64_t now_ms);

/* The state as JSON, and back: miro_load_json replaces users and teams (limits and configuration stay). Fails
 * with ERROR_INPUT and changes nothing then. */
void miro_dump_json(const struct miro *m, struct buf *out);
bool miro_load_json(struct miro *m, struct str json, int64_t now_ms, struct error *err)
    __attribute__((warn_unused_result));

#endif
