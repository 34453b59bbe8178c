/* miro_audit.h - what the audit log of an organisation would say: who has changed what.
 *
 * The store writes the events, so that each change has one, whichever face it came through. A ring: the oldest go
 * when there are more than the configuration allows. Thread rule: as miro.h; cannot fail. */
#ifndef ROLLCALL_MIRO_AUDIT_H
#define ROLLCALL_MIRO_AUDIT_H

#include "json.h"
#include "miro.h"

/* Who makes the changes of the request under way. */
enum actor {
    ACTOR_NONE, /* fixtures and state files: nothing is written */
    ACTOR_SCIM,
    ACTOR_USER, /* the owner of the REST token */
};

enum audit_kind {
    AUDIT_USER_ADDED,
    AUDIT_USER_REMOVED,
    AUDIT_USER_DEACTIVATED,
    AUDIT_USER_REACTIVATED,
    AUDIT_EMAIL_CHANGED,
    AUDIT_LICENCE_CHANGED,
    AUDIT_ADMIN_PROMOTED,
    AUDIT_ADMIN_REVOKED,
    AUDIT_ROLES_CHANGED,
    AUDIT_PROFILE_CHANGED,
    AUDIT_SESSIONS_RESET,
    AUDIT_TEAM_CREATED,
    AUDIT_TEAM_DELETED,
    AUDIT_TEAM_RENAMED,
    AUDIT_TEAM_SETTINGS,
    AUDIT_TEAM_JOINED,
    AUDIT_TEAM_LEFT,
    AUDIT_TEAM_ROLE,
    AUDIT_GROUP_CREATED,
    AUDIT_GROUP_DELETED,
    AUDIT_GROUP_CHANGED,
    AUDIT_GROUP_JOINED,
    AUDIT_GROUP_LEFT,
    AUDIT_GROUP_ATTACHED,
    AUDIT_GROUP_DETACHED,
    AUDIT_SCIM_ENABLED,
    AUDIT_SCIM_DISABLED,
    AUDIT_SCIM_TOKEN,
    AUDIT_KINDS,
};

struct audit_event {
    uint64_t seq; /* from 1 */
    int64_t at_ms;
    enum audit_kind kind;
    enum actor actor;
    char object_id[MIRO_ID_SIZE];  /* of the user, team or group; "" : the organisation */
    char team_id[MIRO_ID_SIZE];    /* "" : no team is concerned */
    char *object_name, *from, *to; /* NULL: nothing to say */
};

struct audit {
    struct audit_event *ring;
    size_t size; /* 0: nothing is written */
    uint64_t last;
    enum actor actor;
};

void audit_init(struct audit *a, int64_t max);
void audit_done(struct audit *a);
const char *audit_name(enum audit_kind kind);
const char *audit_category(enum audit_kind kind);

/* from and to may be NULL. */
void audit_note_user(struct miro *m, enum audit_kind kind, const struct miro_user *u,
                     const struct miro_team *t, const char *from, const char *to);
void audit_note_team(struct miro *m, enum audit_kind kind, const struct miro_team *t, const char *from,
                     const char *to);
void audit_note_org(struct miro *m, enum audit_kind kind);
/* Every difference of a user before and after. */
void audit_note_changes(struct miro *m, const struct miro_user *before, const struct miro_user *after);
/* The i-th of what is remembered, the oldest first. */
size_t audit_n(const struct audit *a);
const struct audit_event *audit_at(const struct audit *a, size_t i);

void audit_put_state(const struct audit *a, struct json_out *w, const char *name);
void audit_read_state(struct audit *a, const cJSON *list);

#endif
