/* miro_core.h - what the modules of the pure core share; nobody outside includes it.
 *
 * A request travels: miro.c (route, token, limits) → miro_users.c or miro_groups.c (decide on a draft,
 * commit) → miro_render.c (answer). The store (miro_store.c) is the only one that changes users, teams and
 * indexes. Thread rule: as miro.h. Allocation failures abort, see mem.h. */
#ifndef ROLLCALL_MIRO_CORE_H
#define ROLLCALL_MIRO_CORE_H

#include "miro.h"

#include "json.h"
#include "miro_audit.h"
#include "miro_filter.h"
#include "miro_index.h"
#include "miro_limits.h"
#include "miro_oauth.h"
#include "miro_rest.h"

#define URN_USER       "urn:ietf:params:scim:schemas:core:2.0:User"
#define URN_GROUP      "urn:ietf:params:scim:schemas:core:2.0:Group"
#define URN_ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define URN_LIST       "urn:ietf:params:scim:api:messages:2.0:ListResponse"
#define URN_ERROR      "urn:ietf:params:scim:api:messages:2.0:Error"
#define URN_PATCH      "urn:ietf:params:scim:api:messages:2.0:PatchOp"

enum {
    MIRO_QUERY_MAX = 8192, /* bytes of a query string, above: 400 */
    MIRO_OPERATIONS_MAX = 1000,
};

/* A user and what only the core needs to know. `u` comes first: a struct miro_user * of the store is a
 * record. */
struct record {
    struct miro_user u;
    struct miro_user *before; /* content before the last write; NULL with u.writes > 0: did not exist */
    unsigned marks;           /* scratch of a membership change, 0 between requests */
};

struct team_record {
    struct miro_team t;
    struct miro_team *before; /* as above */
    uint64_t writes;
};

struct miro {
    struct miro_config cfg; /* with own copies of the strings */
    struct record **users;  /* in order of creation, deleted ones included */
    size_t n_users, size_users;
    struct index by_id;   /* all users */
    struct index by_name; /* users that are not deleted, lower-case userName */
    struct team_record **teams;
    size_t n_teams;
    uint64_t users_made, teams_made; /* the ids' counters */
    struct limits limits;
    struct rest rest;
    struct audit audit;
    struct oauth oauth;
    int64_t now_ms; /* of the request under way, or of the last one */
};

/* Why a request is refused. */
struct problem {
    int status;
    const char *scim_type; /* NULL: none */
    char detail[512];
};

/* Fills and returns false. */
bool refuse(struct problem *pb, int status, const char *scim_type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The query's parameters, decoded. NULL: absent. */
struct query {
    char *filter, *attributes, *sort_by, *sort_order, *start_index, *count, *cursor;
    char *excluded; /* excludedAttributes: only in the profile scim */
};

/* One request under way. */
struct call {
    struct miro *m;
    const struct miro_request *rq;
    int64_t now_ms;
    struct str id;                /* path segment behind /Users/ or /Groups/ */
    const char *query_text;       /* REST: behind '?', "" if none */
    struct str ids[REST_IDS_MAX]; /* of a REST path: organisation, team or group, member */
    struct query query;
    cJSON *body; /* of POST, PUT, PATCH */
    struct miro_reply *reply;
    struct json_out out; /* onto reply->body */
};

/* ---- miro_config.c ------------------------------------------------------------------------------------- */
void miro_config_keep(struct miro_config *cfg); /* the strings become our own */
void miro_config_done(struct miro_config *cfg); /* frees them */

/* ---- miro_store.c -------------------------------------------------------------------------------------- */
bool same_name(const char *a, const char *b); /* without regard to ASCII case */
void user_copy(struct miro_user *to,
               const struct miro_user *from); /* deep, but without history; teams are borrowed */
void user_done(struct miro_user *u);
void user_set_admin_role(struct miro_user *u, const char *name, bool present);
void miro_store_init(struct miro *m);
void miro_store_done(struct miro *m);
struct record *miro_store_user(const struct miro *m, const char *id, size_t n);
struct record *miro_store_user_named(const struct miro *m, const char *userName);    /* not deleted */
struct record *miro_store_deleted_named(const struct miro *m, const char *userName); /* the latest one */
bool user_visible(const struct miro_user *u);                                        /* to SCIM */
void miro_store_next_user_id(struct miro *m, char out[MIRO_ID_SIZE]);
/* A new user with the content of the draft, whose content moves. */
struct record *miro_store_add_user(struct miro *m, struct miro_user *draft);
/* What a request does to a user: the draft's content becomes the user's (and moves), the old one is kept for
 * stale reads, the history and the indexes follow. */
void miro_store_commit(struct call *c, struct record *r, struct miro_user *draft, const char *cause);
/* The beginning and the end of a change in place, when no draft is needed (membership). */
void miro_store_touch(struct call *c, struct record *r);
void miro_store_note_activity(struct miro *m, struct record *r, int64_t at_ms, const char *cause,
                              uint64_t seq);
void miro_store_remove_user(struct call *c, struct record *r,
                            const char *cause); /* leaves every team, deleted */

/* ---- miro_teams.c -------------------------------------------------------------------------------------- */
/* Who never completed registration leaves the organisation with the last team. */
void miro_store_leave(struct call *c, struct team_record *t, struct record *r, const char *cause);
struct team_record *miro_store_team(const struct miro *m, const char *id, size_t n);
void miro_store_make_id(uint64_t base, uint64_t seed, uint64_t n, char out[MIRO_ID_SIZE]);
void team_record_free(struct team_record *t);
struct team_record *miro_store_group(const struct miro *m, struct str id);         /* only what SCIM shows */
struct team_record *miro_store_team_named(const struct miro *m, const char *name); /* as above */
struct team_record *miro_store_default_team(const struct miro *m);                 /* NULL: there is none */
enum team_kind { TEAM, USER_GROUP };
enum team_kind miro_store_scim_kind(const struct miro *m); /* of what SCIM calls a Group */
struct team_record *miro_store_add_team(struct miro *m, enum team_kind kind, const char *name,
                                        const char *id);
void miro_store_remove_team(struct call *c, struct team_record *t);
void miro_store_touch_team(struct call *c, struct team_record *t);
void miro_store_rename_team(struct miro *m, struct team_record *t, const char *name); /* what SCIM shows */
void team_join(struct miro *m, struct miro_team *t, struct miro_user *u, bool as_admin);
void team_leave(struct miro *m, struct miro_team *t, struct miro_user *u);
void team_set_admin(struct miro *m, struct miro_team *t, struct miro_user *u, bool admin);
bool team_has_admin(const struct miro_team *t, const struct miro_user *u);
/* True when no other active user is an admin of the team. */
bool team_last_admin(const struct miro_team *t, const struct miro_user *u);
/* True when the user may neither be deactivated nor deleted: the last admin of a team or of the company. */
bool last_admin(const struct miro *m, const struct miro_user *u);
bool last_company_admin(const struct miro *m, const struct miro_user *u);
int64_t full_licences_used(const struct miro *m);

/* ---- miro_attributes.c --------------------------------------------------------------------------------- */
enum op { OP_ADD, OP_REPLACE, OP_REMOVE };

/* A change in the making. */
struct change {
    struct miro *m;
    struct miro_user *draft;
    const struct miro_user *old; /* NULL: a new user */
    struct problem *pb;
};

/* Sets, clears or adds to what `path` (attribute path, PATCH path or URN) names; value is NULL for OP_REMOVE
 * without one. Unknown and read-only attributes are ignored. */
bool attribute_change(struct change *ch, enum op op, const char *path, const cJSON *value);
/* Each member of an object is changed as a path of its own. */
bool attribute_change_object(struct change *ch, enum op op, const char *prefix, const cJSON *object);
/* Rules that hold between attributes, after the last change. */
bool attributes_check(struct change *ch);
/* The i-th value of a normalised path, NULL when there are no more; a miro_getter. Valid until the next call.
 */
const char *user_value(const void *user, const char *path, size_t i);
const char *team_value(const void *team, const char *path, size_t i);
/* displayName → name.formatted → given and family name → userName. */
void user_display_name(const struct miro_user *u, char *out, size_t size);
const char *role_name(enum miro_org_role role);
bool role_prebuilt(const char *name); /* an admin role that every organisation has */
bool role_parse(const char *name, enum miro_org_role *ret);
bool email_ok(const char *s);
bool user_name_ok(const struct miro *m, const char *s);       /* at Miro an e-mail address, else any text */
bool name_listed(const char *const *names, const char *name); /* NULL list: true */

/* ---- miro_users.c, miro_groups.c, miro_discovery.c ----------------------------------------------------- */
typedef bool call_fn(struct call *c, struct problem *pb); /* false: pb says why */
bool user_answer(struct call *c, int status, const struct miro_user *u);
bool user_find(struct call *c, struct record **ret, struct problem *pb); /* that a write is about */
struct record *user_store_created(struct call *c, struct miro_user *draft);
bool group_answer(struct call *c, int status, const struct miro_team *t);
bool group_find(struct call *c, struct team_record **ret, struct problem *pb);
call_fn users_list, user_get, user_create, user_put, user_patch, user_delete;
call_fn groups_list, group_get, group_patch, group_create, group_put, group_delete;
call_fn discovery_config, discovery_types, discovery_schemas;

/* Walks Operations: op(ctx, op, path, value), path NULL when absent. */
bool patch_each(const cJSON *body, bool (*each)(void *ctx, enum op op, const char *path, const cJSON *value),
                void *ctx, struct problem *pb);

/* ---- miro_list.c --------------------------------------------------------------------------------------- */
struct list {
    const void **v; /* users or teams, in order of creation */
    size_t n;
    miro_getter *get;
    void (*render)(struct call *c, const char *name, const void *resource);
};
/* Filters (NULL: all), sorts, pages and writes a ListResponse. Reorders l->v, which stays the caller's. */
bool list_answer(struct call *c, struct list *l, const struct miro_filter *filter, struct problem *pb);
bool query_decode(struct str text, char **ret);                   /* percent-encoding; the caller frees */
char *query_normalise(const char *list);                          /* of attributes; the caller frees */
bool query_lists(const char *list, const char *name, bool below); /* an item is `name`, or below it */
bool query_parse(const char *text, struct query *ret, struct problem *pb);
void query_done(struct query *q);

/* The filter of the query, unless there is none or it is ignored: NULL; groups do not take complex ones. */
bool list_filter(const struct call *c, bool complex, struct miro_filter **ret, struct problem *pb);

/* ---- miro_dialect.c: how SCIM servers differ ------------------------------------------------------------ */
bool dialect_patch_supported(const struct miro *m, const char *method,
                             struct problem *pb); /* else 501 or 405 */
/* If-Match and If-None-Match against the resource's version; notes the ETag of the answer. */
bool dialect_precondition(struct call *c, uint64_t version, struct problem *pb);
void dialect_note_version(struct call *c, uint64_t version);
void dialect_etag(uint64_t version, char *out, size_t size);
/* A PATCH that has been answered with 200: the body goes when the dialect has none. */
void dialect_trim_patch(struct call *c, const struct buf *before);
bool dialect_wants_before(const struct call *c);
/* The page of a list, index or cursor; start is 0-based. */
struct page {
    size_t start, n;
    size_t asked; /* count as asked for, or the default */
    bool cursor;  /* answered by RFC 9865 */
};
bool dialect_page(const struct call *c, const struct list *l, struct page *ret, struct problem *pb);

/* ---- miro_render.c ------------------------------------------------------------------------------------- */
void render_user(struct call *c, const char *name, const void *user);
void render_team(struct call *c, const char *name, const void *team);
void render_problem(struct miro_reply *r, const struct problem *pb);
void location_of(const struct miro *m, const char *type, const char *id, char *out, size_t size);

#endif
