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

struct scim_request { /* release with scim_request_done */
    char *path;
    char *body; /* NULL: none */
    size_t body_n;
};

void scim_request_done(struct scim_request *r);

/* GET /Users/{id}. */
void scim_read(const char *id, struct scim_request *ret);
/* GET /Users?filter=match eq "value". */
void scim_find(const char *match, const char *value, struct scim_request *ret);
/* POST /Users with attrs (NULL values left out) and active=true. */
void scim_create(const struct profile *p, const struct attrs *attrs, struct scim_request *ret);
/* PATCH /Users/{id}: replaces what has a value, removes what has none. */
void scim_update(const struct profile *p, const char *id, const struct attrs *changes,
                 struct scim_request *ret);
/* PATCH /Users/{id} active. */
void scim_set_active(const struct profile *p, const char *id, bool active, struct scim_request *ret);
/* DELETE /Users/{id}. */
void scim_delete(const char *id, struct scim_request *ret);
/* PATCH /Groups/{team}: adds (or removes) members, which are ids of accounts. */
void scim_move(const struct profile *p, const char *team, const char *const *members, size_t n, bool add,
               struct scim_request *ret);
/* GET /Groups, ids and names only. start: 1 for the first. */
void scim_list_teams(size_t start, unsigned count, struct scim_request *ret);

/* A User resource. Fails with ERROR_TEMPORARY on a body that is none. */
bool scim_parse_user(struct str body, struct account *ret, struct error *err)
    __attribute__((warn_unused_result));

/* A list of Users: *ret_found = how many match attribute `match` = value (compared without case, as userName
 * is); *ret = the first of them, zeroed when there is none. */
bool scim_parse_list(struct str body, const char *match, const char *value, size_t *ret_found,
                     struct account *ret, struct error *err) __attribute__((warn_unused_result));

struct team_page {
    size_t n;        /* teams on it, those without id or name included */
    size_t nameless; /* of them: without, or with more than there may be */
    int64_t total;   /* as the target says; -1: it does not */
};

/* A list of Groups: puts id → name of each into `teams`. Fails with ERROR_TEMPORARY on a body that is none. */
bool scim_parse_teams(struct str body, struct attrs *teams, struct team_page *ret, struct error *err)
    __attribute__((warn_unused_result));

enum { SCIM_TYPE_MAX = 32, SCIM_DETAIL_MAX = 256 };

/* scimType and detail of an error body; "" where there is none. The detail may hold personal data: never log
 * it. */
void scim_parse_error(struct str body, char scim_type[SCIM_TYPE_MAX], char detail[SCIM_DETAIL_MAX]);

/* Whether two values of an attribute are the same to a target: userName and addresses without case. */
bool scim_values_equal(const char *name, const char *a, const char *b);

#endif
