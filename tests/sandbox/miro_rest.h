/* miro_rest.h - Miro's REST side: /v1/oauth-token and /v2, over the same users and teams as SCIM.
 *
 * A request travels: miro_arrive → rest_arrive (token, scopes, credits) → miro_apply → rest_apply (route, call). Errors
 * are `struct problem`s as everywhere, written in REST's form. Thread rule: as miro.h. */
#ifndef ROLLCALL_MIRO_REST_H
#define ROLLCALL_MIRO_REST_H

#include "json.h"
#include "miro.h"

enum { REST_IDS_MAX = 3, REST_TOKENS_MAX = 16 };

struct credits {
    struct miro_credits stat;
    int64_t window_start_ms;
};

struct rest {
    char org_id[MIRO_ID_SIZE];
    struct credits credits[REST_TOKENS_MAX];
    size_t n_tokens; /* 1 when any token will do */
};

struct call;
struct problem;
struct record;
struct team_record;

bool rest_is(const char *target);
void rest_init(struct miro *m);
/* As miro_arrive; when the request goes on, ret->has_rate tells of the credits. */
bool rest_arrive(struct miro *m, const struct miro_request *rq, int64_t now_ms, struct miro_reply *ret,
                 struct problem *pb);
bool rest_apply(struct call *c, struct problem *pb); /* does and answers */
void rest_render_problem(struct miro_reply *r, const struct problem *pb);
void rest_clear_limits(struct miro *m);

/* ---- what its calls share --------------------------------------------------------------------------------- */
typedef bool rest_fn(struct call *c, struct problem *pb);
rest_fn rest_token, rest_org, rest_members, rest_member, rest_reset_sessions;
rest_fn rest_teams, rest_team_create, rest_team, rest_team_change, rest_team_delete;
rest_fn rest_team_settings, rest_team_settings_change, rest_default_settings;
rest_fn rest_team_members, rest_team_member, rest_team_invite, rest_team_member_change,
    rest_team_member_delete;
rest_fn rest_groups, rest_group_create, rest_group, rest_group_change, rest_group_delete;
rest_fn rest_group_members, rest_group_member, rest_group_member_add, rest_group_members_change,
    rest_group_member_delete;
rest_fn rest_group_teams, rest_group_team, rest_team_groups, rest_team_group, rest_team_group_add,
    rest_team_group_delete;
rest_fn rest_audit_logs;

/* A value of the query, decoded, for the caller to free; NULL: absent. */
char *rest_query(const struct call *c, const char *name);
/* limit: 1–100, 100 when absent. */
bool rest_limit(const struct call *c, size_t *ret, struct problem *pb);
bool rest_text(const struct call *c, const char *name, size_t max, bool required, const char **ret,
               struct problem *pb);
bool rest_no_such(struct problem *pb, const char *what); /* 404; returns false */
bool rest_done(struct call *c, int status);              /* without a body; returns true */
/* The person who the token belongs to: the first active company admin; NULL: there is none. */
const struct miro_user *rest_owner(const struct miro *m);
bool rest_visible(const struct miro_user *u); /* guests too */
struct record *rest_user(const struct miro *m, const char *id_or_email);
struct record *rest_user_at(const struct call *c, size_t i); /* of the path; NULL: there is none */
struct team_record *rest_team_at(const struct call *c, size_t i, bool user_group);

/* A page of a list whose cursor is the id of the last element received. */
struct rest_page {
    struct call *c;
    size_t limit, n; /* at most, and so far */
    char *cursor;    /* NULL: the first page */
    bool found;      /* the cursor's element has been met, or there is none */
    bool more;
    char last[MIRO_ID_SIZE];
};
bool rest_page_open(struct call *c, struct rest_page *ret, struct problem *pb); /* writes up to data: [ */
bool rest_page_takes(struct rest_page *p,
                     const char *id); /* true: the element belongs to the page, write it */
bool rest_page_close(struct rest_page *p, struct problem *pb);

/* Team settings in a dump and back. */
void rest_put_settings(struct json_out *w, const char *name, const struct miro_team *t, bool all);
bool rest_read_settings(struct miro_team *t, const cJSON *settings, struct problem *pb);
const char *rest_licence(const char *licence); /* "Free Restricted" → "free_restricted" */

#endif
