/* scim.h - steps as SCIM requests, SCIM answers as accounts. RFC 7643/7644; differences between kinds:
 * profile.h.
 *
 * Pure; single-threaded. Attribute names are attr.h's flat ones; this module alone knows their place in SCIM.
 */
#ifndef ROLLCALL_ENGINE_SCIM_H
#define ROLLCALL_ENGINE_SCIM_H

#include <stdbool.h>

#include "attr.h"
#include "buf.h"
#include "error.h"
#include "profile.h"

/* The largest request: ATTRS_MAX attributes of ATTR_VALUE_MAX bytes, six for each in JSON at worst. */
enum { SCIM_ID_MAX = 256 }; /* longer ids are none */
enum { SCIM_REQUEST_MAX = 512 * 1024, SCIM_REPLY_MAX = 1024 * 1024 };

struct account { /* as a target described it; release with account_done */
    char *id;
    bool active;
    struct attrs attrs;
    struct attrs teams; /* id → name as it was shown; names may be missing */
    bool says_teams;    /* it has a list of them */
};

void account_done(struct account *a);

struct scim_request {   /* release with scim_request_done */
    const char *method; /* static; NULL: the step's */
    char *path;
    char *body; /* NULL: none */
    size_t body_n;
    char *if_match; /* header line; NULL: none */
};

void scim_request_done(struct scim_request *r);

struct scim_page {      /* of a list */
    size_t start;       /* 1 for the first */
    unsigned count;     /* so many at once */
    const char *cursor; /* RFC 9865: instead of start, "" for the first; NULL: by start. Borrowed */
};

/* GET /Users/{id}. */
void scim_read(const char *id, struct scim_request *ret);
/* GET /Groups/{id}. */
void scim_read_team(const char *id, struct scim_request *ret);
/* GET /Users?filter=match eq "value". */
void scim_find(const struct profile *p, const char *match, const char *value, struct scim_request *ret);
/* GET /Users, everybody. */
void scim_list_users(const struct scim_page *page, struct scim_request *ret);
/* POST /Users with attrs (NULL values left out) and active=true. */
void scim_create(const struct profile *p, const struct attrs *attrs, struct scim_request *ret);
/* PATCH /Users/{id}: replaces what has a value, removes what has none. known: as the account is, for kinds that do not
 * replace what is not there. bare_paths: what is replaced stands in the value of one operation without a path. */
void scim_update(const struct profile *p, const char *id, const struct attrs *changes,
                 const struct attrs *known, bool bare_paths, struct scim_request *ret);
/* PATCH /Users/{id} active. */
void scim_set_active(const struct profile *p, const char *id, bool active, bool bare_paths,
                     struct scim_request *ret);
/* DELETE /Users/{id}. */
void scim_delete(const char *id, struct scim_request *ret);
/* PATCH /Groups/{team}: adds (or removes) members, which are ids of accounts. */
void scim_move(const struct profile *p, const char *team, const char *const *members, size_t n, bool add,
               struct scim_request *ret);
/* GET /Groups, ids and names only. */
void scim_list_teams(const struct scim_page *page, struct scim_request *ret);

/* ---- without PATCH: a resource as it was read, changed and put back ------------------------------------- */

struct whole {  /* release with whole_done */
    char *body; /* NULL: none */
    size_t n;
    char *etag; /* as the service writes it; NULL: none */
};

/* guarded: the service tells versions apart; etag: its header's, NULL: as meta.version says, if it does. */
void whole_take(struct whole *w, struct str body, bool guarded, const char *etag);
void whole_done(struct whole *w);

enum scim_access { ACCESS_AS_IS, ACCESS_ON, ACCESS_OFF };

/* PUT /Users/{id} with all that it was read with but for these changes; what we do not know of stays as it is. False: what
 * was read is no User. */
bool scim_put_user(const char *id, const struct whole *was, const struct attrs *changes,
                   enum scim_access access, struct scim_request *ret) __attribute__((warn_unused_result));
/* PUT /Groups/{team}, likewise; nobody is a member twice. */
bool scim_put_team(const char *team, const struct whole *was, const char *const *members, size_t n, bool add,
                   struct scim_request *ret) __attribute__((warn_unused_result));

/* ---- answers ------------------------------------------------------------------------------------------- */

/* A User resource. Fails with ERROR_TEMPORARY on a body that is none. */
bool scim_parse_user(struct str body, struct account *ret, struct error *err)
    __attribute__((warn_unused_result));

enum { SCIM_MATCHES_MAX = 8 };

struct scim_match { /* borrowed */
    const char *attr, *value;
};

struct user_page {  /* release with user_page_done */
    size_t n;       /* accounts on it */
    int64_t total;  /* as the target says; -1: it does not */
    char *cursor;   /* of the next page; NULL: none is named */
    uint64_t first; /* tells it from other pages; 0: it is empty */
    size_t found;   /* accounts with the value of matches[rank] and of none before it */
    size_t rank;
    struct account account; /* the first of them */
};

/* A list of Users, of which those count that match (as scim_values_equal compares). Fails with ERROR_TEMPORARY on a body
 * that is none. */
bool scim_parse_users(struct str body, const struct scim_match *matches, size_t n_matches,
                      struct user_page *ret, struct error *err) __attribute__((warn_unused_result));
void user_page_done(struct user_page *page);

struct team_page {
    size_t n;        /* teams on it, those without id or name included */
    size_t nameless; /* of them: without, or with more than there may be */
    int64_t total;   /* as the target says; -1: it does not */
    char *cursor;    /* of the next page, the caller's to free; NULL: none is named */
};

/* A list of Groups: puts id → name of each into `teams`. Fails with ERROR_TEMPORARY on a body that is none. */
bool scim_parse_teams(struct str body, struct attrs *teams, struct team_page *ret, struct error *err)
    __attribute__((warn_unused_result));

enum team_shows { TEAM_SHOWS_NOBODY, TEAM_SHOWS_OTHERS, TEAM_SHOWS_MEMBER };

/* A Group: whether an account is a member. NOBODY: it has no list of members, so they may be hidden. False: it is none. */
bool scim_parse_team(struct str body, const char *member, enum team_shows *ret)
    __attribute__((warn_unused_result));
/* POST /Groups without members; PATCH its displayName; GET it with members; DELETE it. */
void scim_make_group(const char *name, struct scim_request *ret);
void scim_rename_group(const struct profile *p, const char *id, const char *name, struct scim_request *ret);
void scim_read_group(const char *id, struct scim_request *ret);
void scim_delete_group(const char *id, struct scim_request *ret);

struct group_answer {  /* release with group_answer_done */
    char *id, *name;   /* name: NULL if it has none */
    bool says_members; /* it has a list of them, perhaps an empty one */
    size_t n_members;
};

/* A Group resource. Fails with ERROR_TEMPORARY on a body that is none. */
bool scim_parse_group(struct str body, struct group_answer *ret, struct error *err)
    __attribute__((warn_unused_result));
void group_answer_done(struct group_answer *g);

enum { SCIM_TYPE_MAX = 32, SCIM_DETAIL_MAX = 256 };

/* scimType and detail of an error body; "" where there is none. The detail may hold personal data: never log
 * it. */
void scim_parse_error(struct str body, char scim_type[SCIM_TYPE_MAX], char detail[SCIM_DETAIL_MAX]);

/* Whether it is SCIM's form of an error. */
bool scim_is_error(struct str body);

/* Whether it lives in a list's entry of a certain type. */
bool scim_has_type(const char *name);

/* Whether two values of an attribute are the same to a target: userName and addresses without case. */
bool scim_values_equal(const char *name, const char *a, const char *b);

#endif
