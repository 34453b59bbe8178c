#include "person.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "utf8.h"

bool is_source(const char *target)
{
    return strncmp(target, SOURCE_PREFIX, strlen(SOURCE_PREFIX)) == 0;
}

struct target_state *person_target(struct person *p, const char *target)
{
    for (size_t i = 0; i < p->n_targets; i++)
        if (strcmp(p->targets[i].target, target) == 0)
            return &p->targets[i];
    return NULL;
}

struct target_state *person_target_add(struct person *p, const char *target)
{
    struct target_state *t = person_target(p, target);
    if (t)
        return t;
    p->targets = xreallocarray(p->targets, p->n_targets + 1, sizeof *p->targets);
    t = &p->targets[p->n_targets++];
    *t = (struct target_state){.target = xstrdup(target)};
    return t;
}

enum team_state target_state_membership(const struct target_state *t, const char *team)
{
    const struct attr *known = attrs_find(&t->known_teams, team);
    return !known ? MEMBER_UNKNOWN : known->value ? MEMBER : MEMBER_NOT;
}

/* Those of before go on as long as this one: they are forgotten together. */
void target_state_note_move(struct target_state *t, const char *team, bool in, int64_t until_ms)
{
    if (!attrs_find(&t->moved, team) && t->moved.n >= PERSON_TEAMS_MAX)
        return;
    attrs_set(&t->moved, team, in ? MOVED_IN : MOVED_OUT);
    t->moved_until_ms = until_ms;
}

void target_state_forget_moves(struct target_state *t)
{
    attrs_done(&t->moved);
    t->moved_until_ms = 0;
}

void target_state_set_known(struct target_state *t, enum known_kind kind)
{
    attrs_done(&t->known_attrs);
    attrs_done(&t->known_teams);
    t->known_groups = 0;
    t->known = kind;
    t->searched = 0;
    t->known_active = false;
}

const struct refused *target_state_refused(const struct target_state *t, const char *what)
{
    for (size_t i = 0; i < t->n_refused; i++)
        if (strcmp(t->refused[i].what, what) == 0)
            return &t->refused[i];
    return NULL;
}

static void refused_done(struct refused *r)
{
    free(r->what);
    free(r->reason);
    free(r->team);
}

void target_state_forgive(struct target_state *t, const char *what)
{
    for (size_t i = 0; i < t->n_refused; i++) {
        if (strcmp(t->refused[i].what, what) != 0)
            continue;
        refused_done(&t->refused[i]);
        t->refused[i] = t->refused[--t->n_refused];
        return;
    }
}

void target_state_forgive_all(struct target_state *t)
{
    for (size_t i = t->n_refused; i-- > 0;)
        if (strncmp(t->refused[i].what, REFUSED_DENIED, strlen(REFUSED_DENIED)) !=
            0) /* a person's word, not the target's */
            target_state_forgive(t, t->refused[i].what);
}

void target_state_failed(struct target_state *t, int64_t now_ms)
{
    t->failed_ms = now_ms > t->failed_ms ? now_ms : t->failed_ms;
}

char *reason_text(const char *reason)
{
    struct buf text;
    buf_init(&text, PERSON_REASON_MAX);
    for (struct str rest = str_of(reason); rest.n > 0 && buf_ok(&text);) {
        size_t n = utf8_sequence(rest);
        if (n > 0 && text.n + n <= PERSON_REASON_MAX)
            buf_add(&text, rest.p, n);
        n = n > 0 ? n : 1;
        rest = (struct str){rest.p + n, rest.n - n};
    }
    if (text.n == 0)
        buf_addc(&text, '?');
    return buf_take(&text);
}

void target_state_fail(struct target_state *t, const char *reason)
{
    free(t->last_failure);
    t->last_failure = reason_text(reason);
}

void target_state_forget_failure(struct target_state *t)
{
    free(t->last_failure);
    t->last_failure = NULL;
}

#define POLICY_FAILED "policy: "

void target_state_wait_for_policy(struct target_state *t, const char *why)
{
    char *reason = xasprintf(POLICY_FAILED "%s", why);
    target_state_fail(t, reason);
    free(reason);
}

bool target_state_waits_for_policy(const struct target_state *t)
{
    return t->last_failure && strncmp(t->last_failure, POLICY_FAILED, strlen(POLICY_FAILED)) == 0;
}

void target_state_refuse(struct target_state *t, const char *what, uint64_t fingerprint, const char *reason)
{
    target_state_forgive(t, what);
    t->refused = xreallocarray(t->refused, t->n_refused + 1, sizeof *t->refused);
    t->refused[t->n_refused++] =
        (struct refused){.what = xstrdup(what), .fingerprint = fingerprint, .reason = reason_text(reason)};
}

void target_state_deny(struct target_state *t, const char *what, uint64_t fingerprint, const char *reason,
                       const char *hold, int64_t held_since_ms)
{
    target_state_refuse(t, what, fingerprint, reason);
    struct refused *r = &t->refused[t->n_refused - 1];
    memcpy(r->hold, hold, GUARD_HOLD_SIZE);
    r->held_since_ms = held_since_ms;
}

void target_state_refused_team(struct target_state *t, const char *what, const char *team)
{
    for (size_t i = 0; i < t->n_refused; i++) {
        if (strcmp(t->refused[i].what, what) != 0)
            continue;
        free(t->refused[i].team);
        t->refused[i].team = xstrdup(team);
    }
}

void target_state_set_unfetched(struct target_state *t, const char *why)
{
    free(t->unfetched);
    t->unfetched = why ? reason_text(why) : NULL;
}

void target_state_done(struct target_state *t)
{
    free(t->target);
    free(t->link);
    free(t->create_as);
    free(t->last_failure);
    free(t->unfetched);
    attrs_done(&t->known_attrs);
    attrs_done(&t->known_teams);
    attrs_done(&t->made_teams);
    attrs_done(&t->moved);
    attrs_done(&t->made_roles);
    free(t->held_team);
    attrs_done(&t->admitted_moves);
    for (size_t i = 0; i < t->n_refused; i++)
        refused_done(&t->refused[i]);
    free(t->refused);
    free(t->pending);
}
