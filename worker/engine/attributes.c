/* attributes.c - what the profile knows of attributes before any call: values that cannot work are refused here, each
 * alone, and told in the result; and which admin roles are ours to take back.
 *
 * A value that is not sent rests like one that the target refused, under the attribute's name; the reason begins with
 * PROFILE_NOT_SENT, so that it is taken back here when it does not hold any more. */
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "mem.h"

/* ---- what is not sent ---------------------------------------------------------------------------------- */

/* There is an account to change, or there will be one. */
static bool is_of_interest(const struct work *w, const struct target_state *t)
{
    const struct desired *d = &w->desired;
    if (d->kind != DESIRE_ACCOUNT || plan_wants_cut(d) || work_is_protected(w, t, NULL))
        return false;
    if (t->known == KNOWN_ABSENT)
        return d->active == ACTIVE_ON;
    return t->known == KNOWN_ACCOUNT && t->link && t->known_active;
}

static bool is_not_sent(const struct refused *r)
{
    return strncmp(r->reason, PROFILE_NOT_SENT, strlen(PROFILE_NOT_SENT)) == 0;
}

static void refuse(struct engine *e, struct work *w, struct target_state *t, const struct attr *want,
                   const char *reason, struct now now)
{
    const struct refused *r = target_state_refused(t, want->name);
    uint64_t fingerprint = plan_value_fingerprint(want->value);
    if (r && r->fingerprint == fingerprint && strcmp(r->reason, reason) == 0)
        return;
    target_state_refuse(t, want->name, fingerprint, reason);
    target_state_failed(t, now.wall_ms);
    w->failed_ms = t->failed_ms;
    w->refused = true;
    e->stats.refused++;
    slot_mark_dirty(e, w->slot);
}

/* What holds no more, or of attributes of which nothing is said any more. */
static void forgive_what_is_over(struct engine *e, struct work *w, struct target_state *t)
{
    char reason[PROFILE_REASON_MAX];
    for (size_t i = t->n_refused; i-- > 0;) {
        const char *name = t->refused[i].what;
        if (!is_not_sent(&t->refused[i]))
            continue;
        if (attrs_find(&w->desired.attrs, name) &&
            profile_refuses(w->target->profile, &w->desired.attrs, name, attrs_get(&t->known_attrs, name),
                            reason))
            continue;
        target_state_forgive(t, name);
        slot_mark_dirty(e, w->slot);
    }
}

void attributes_note(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    const struct attrs *want = &w->desired.attrs;
    char reason[PROFILE_REASON_MAX];
    if (!is_of_interest(w, t))
        return;
    attributes_forget_ended(want, t, now);
    forgive_what_is_over(e, w, t);
    for (size_t i = 0; i < want->n; i++)
        if (profile_refuses(w->target->profile, want, want->v[i].name,
                            attrs_get(&t->known_attrs, want->v[i].name), reason))
            refuse(e, w, t, &want->v[i], reason, now);
}

/* ---- what is there ------------------------------------------------------------------------------------- */

/* What a target shows of somebody without a displayName (Miro, D-USERS): the first of these that there is. */
static bool is_derived(const struct attrs *account, const char *value)
{
    const char *formatted = attrs_get(account, "name.formatted"), *user_name = attrs_get(account, "userName");
    const char *given = attrs_get(account, "name.givenName"), *family = attrs_get(account, "name.familyName");
    char both[2 * ATTR_VALUE_MAX + 2];
    snprintf(both, sizeof both, "%s%s%s", given ? given : "", given && family ? " " : "",
             family ? family : "");
    return (formatted && strcmp(value, formatted) == 0) || (*both && strcmp(value, both) == 0) ||
           (user_name && strcmp(value, user_name) == 0);
}

const char *attribute_value(const struct profile *p, const struct attrs *account, const char *name,
                            const char *wanted)
{
    const char *value = attrs_get(account, name);
    const struct attribute_rule *rule = profile_rule(p, name);
    bool none = !wanted || !*wanted;
    return value && none && rule && rule->is_derived && is_derived(account, value) ? NULL : value;
}

/* ---- admin roles --------------------------------------------------------------------------------------- */

void attributes_intend(struct engine *e, struct work *w, struct target_state *t, const struct plan *plan)
{
    for (size_t i = 0; i < plan->changes.n; i++) {
        const struct attr *change = &plan->changes.v[i];
        if (!attr_role(change->name) || !change->value || attrs_find(&t->made_roles, change->name) ||
            t->made_roles.n >= PERSON_TEAMS_MAX || MUTATION(MUTATION_ROLE_MADE_LATE))
            continue;
        attrs_set(&t->made_roles, change->name, "true");
        w->slot->gen++; /* the call waits for its commit */
        slot_mark_dirty(e, w->slot);
    }
}

void attributes_forget_ended(const struct attrs *want, struct target_state *t, struct now now)
{
    struct attrs *made = &t->made_roles;
    bool may_be_old = t->doubt_until_ms || t->switched_until_ms > now.wall_ms;
    if (may_be_old || t->known != KNOWN_ACCOUNT || !t->known_active)
        return;
    for (size_t i = made->n; i-- > 0;) {
        const struct attr *known = attrs_find(&t->known_attrs, made->v[i].name);
        if (!(want && attrs_get(want, made->v[i].name)) && known && !known->value)
            attrs_remove(made, made->v[i].name);
    }
}
