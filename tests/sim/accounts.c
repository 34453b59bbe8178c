#include "accounts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "farewells.h"
#include "licences.h"
#include "mem.h"
#include "simtarget.h"
#include "simteams.h"

/* ---- P3: what they are --------------------------------------------------------------------------------- */

/* What was refused once is not tried again until something else is wanted, and an afterword does not say
 * these. */
static bool is_spoilt(const struct account_note *note, const char *name)
{
    if (strcmp(name, "title") == 0) /* Miro does not keep it */
        return true;
    if (strcmp(name, "userName") == 0)
        return note->lied_name;
    return strcmp(name, "employeeNumber") == 0 ? note->lied_number : note->lied_attrs;
}

/* The history knows nothing of who was inactive when he was deleted: whoever came back is made anew. */
bool accounts_was_deleted(const struct miro_user *user)
{
    if (user->n_history > 0 && user->created_at_ms > user->history[0].at_ms)
        return true;
    for (size_t i = 0; i < user->n_history; i++)
        if (strncmp(user->history[i].cause, "DELETE", 6) == 0)
            return true;
    return user->deleted;
}

static bool has_admin_role(const struct miro_user *user, const char *role)
{
    for (size_t i = 0; i < user->n_admin_roles; i++)
        if (strcmp(user->admin_roles[i], role) == 0)
            return true;
    return false;
}

static bool is_admin(const struct miro_user *user)
{
    return user->role == MIRO_INTERNAL_ADMIN;
}

/* Licences only go up; a role that we gave goes when the policy names it no more, one that was there before us stays. */
static void check_rights(const struct account_check *c, const struct miro_user *user)
{
    static const char *const ours[] = {"Content Admin", "User Admin"};
    const struct attrs *want = &c->want->attrs;
    const char *target = c->w->scenario->targets[c->target].name, *role = attrs_get(want, "role");
    const char *licence = attrs_get(want, "userType"), *has = attrs_get(&user->attributes, "userType");
    if (!c->w->chaos.rights || c->note->lied_rights)
        return;
    if (licence && strcmp(licence, "Full") == 0 && strcmp(has, licence) != 0 &&
        !licences_denied(c->w, c->person, c->target))
        world_fail(c->w, "P3 rights", "person %zu at %s has the licence %s, not %s", c->person, target, has,
                   licence);
    if (role && is_admin(user) != (strstr(role, "ADMIN") != NULL))
        world_fail(c->w, "P3 rights", "person %zu at %s has another role than %s", c->person, target, role);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
        char name[ATTR_NAME_MAX + 1];
        snprintf(name, sizeof name, ATTR_ROLE_PREFIX "%s", ours[i]);
        if (has_admin_role(user, ours[i]) != (attrs_get(want, name) != NULL))
            world_fail(c->w, "P3 rights", "person %zu at %s %s %s", c->person, target,
                       has_admin_role(user, ours[i]) ? "still is" : "is not", ours[i]);
    }
    const struct sim_person *p = &c->w->scenario->persons[c->person];
    bool first =
        user->n_history > 0 && user->history[0].at_ms <= WORLD_EPOCH_MS && !accounts_was_deleted(user);
    if (p->existing && !p->inactive && first && !has_admin_role(user, SIMTARGET_ROLE))
        world_fail(c->w, "P7 rights", "person %zu at %s has lost what others gave", c->person, target);
}

static bool is_right(const char *name)
{
    return attr_role(name) || strcmp(name, "role") == 0 || strcmp(name, "userType") == 0;
}

static bool agrees(const struct miro_user *user, const char *name, const char *value, const char **ret_has)
{
    bool is_name = strcmp(name, "userName") == 0;
    *ret_has = is_name ? user->userName : attrs_get(&user->attributes, name);
    if (is_name)
        return value && strcasecmp(*ret_has, value) == 0;
    return strcmp(*ret_has ? *ret_has : "", value ? value : "") == 0;
}

static void check_attrs(const struct account_check *c, const struct miro_user *user)
{
    for (size_t i = 0; i < c->want->attrs.n; i++) {
        const char *name = c->want->attrs.v[i].name, *value = c->want->attrs.v[i].value, *has;
        if (!is_right(name) && !is_spoilt(c->note, name) && !agrees(user, name, value, &has))
            world_fail(c->w, "P3 account", "person %zu at %s: %s is \"%s\", not \"%s\"", c->person,
                       c->w->scenario->targets[c->target].name, name, has ? has : "", value ? value : "");
    }
    check_rights(c, user);
}

/* Whoever may not have access has none, in any account, whatever else went wrong. */
static void check_cut(const struct account_check *c, const struct miro_user *user, bool may_exist)
{
    if (user->deleted || !c->findable || simteams_needs(user))
        return;
    const char *target = c->w->scenario->targets[c->target].name;
    if (user->active)
        world_fail(c->w, "P3 leaver", "person %zu at %s is still active as %s", c->person, target,
                   user->userName);
    else if (!may_exist && !c->note->rejected && c->w->chaos.policy_fails == 0) /* then a cut is enough */
        world_fail(c->w, "P3 account", "person %zu at %s still exists as %s", c->person, target,
                   user->userName);
}

/* In runs with farewells every cut of ours is one, but while the policy fails. */
static bool was_farewell(const struct account_check *c, const struct miro_user *user)
{
    const struct miro_activity *last = user->n_history > 0 ? &user->history[user->n_history - 1] : NULL;
    return c->w->chaos.farewell && c->want->leave_teams && c->w->chaos.policy_fails == 0 && !user->active &&
           !user->deleted && last && !last->active && strcmp(last->cause, "PATCH /Users") == 0;
}

void accounts_check(const struct account_check *c)
{
    const struct account_note *note = c->note;
    bool cut =
        c->want->kind == DESIRE_ABSENT || (c->want->kind == DESIRE_ACCOUNT && c->want->active == ACTIVE_OFF);
    unsigned active = 0;
    const struct miro_user *user;
    for (size_t i = 0; (user = simtarget_account(c->w->targets[c->target], c->person, i)); i++) {
        if (was_farewell(c, user) && !note->kept_team)
            farewells_check(c->w, c->person, c->target, user);
        if (cut)
            check_cut(c, user, c->want->kind == DESIRE_ACCOUNT);
        else if (user->active && !user->deleted && active++ == 0 && c->want->kind == DESIRE_ACCOUNT &&
                 !note->rejected)
            check_attrs(c, user);
    }
    if (active > 1)
        world_fail(c->w, "P3 account", "person %zu has %u active accounts at %s", c->person, active,
                   c->w->scenario->targets[c->target].name);
    if (c->want->kind == DESIRE_ACCOUNT && c->want->active == ACTIVE_ON && active == 0 && !note->lied_on &&
        !note->rejected)
        world_fail(c->w, "P3 account", "person %zu has no active account at %s", c->person,
                   c->w->scenario->targets[c->target].name);
}

/* An account that somebody else had deactivated is never activated by us. */
void accounts_check_findings(struct world *w, size_t person)
{
    const struct miro_user *user;
    for (size_t t = 0; w->scenario->persons[person].inactive && t < w->n_targets; t++) {
        for (size_t i = 0; (user = simtarget_account(w->targets[t], person, i)); i++) {
            if (user->active && !accounts_was_deleted(user))
                world_fail(w, "P7 finding", "person %zu at %s: the inactive account %s was adopted", person,
                           w->scenario->targets[t].name, user->userName);
        }
    }
}

/* ---- P7: how many are cut or made ---------------------------------------------------------------------- */

/* Whether the account was cut, or made, by us before somebody approved of everything. */
static bool was_cut(const struct world *w, const struct miro_user *user)
{
    for (size_t h = 1; h < user->n_history; h++)
        if (user->history[h - 1].active && !user->history[h].active &&
            strncmp(user->history[h].cause, "DELETE", 6) != 0 && /* deletions are not limited here */
            user->history[h].at_ms < w->scenario->quiet_ms)
            return true;
    return false;
}

static bool was_made(const struct world *w, const struct miro_user *user)
{
    return user->n_history > 0 && user->history[0].at_ms > WORLD_EPOCH_MS &&
           user->history[0].at_ms < w->scenario->quiet_ms;
}

/* A create that lands when the account of its next try is gone already: tried twice it is still one, for the guard too. */
static bool is_earlier_try(const struct world *w, size_t target, size_t person, const struct miro_user *user)
{
    const struct miro_user *before;
    for (size_t i = 0; (before = simtarget_account(w->targets[target], person, i)) && before != user; i++)
        if (before->n_history > 0 && before->history[0].seq > user->history[0].seq)
            return true;
    return false;
}

static unsigned bucket_of(const struct world *w, size_t person)
{
    return event_bucket(str_of(strchr(w->scenario->persons[person].key, '/') + 1), w->chaos.spread);
}

/* No more persons than the guard lets pass. */
void accounts_check_guard(struct world *w, size_t target)
{
    const struct miro *m = simtarget_miro(w->targets[target]);
    for (unsigned bucket = 0; bucket < w->chaos.spread; bucket++) {
        unsigned cut = 0, made = 0, most = (w->chaos.guard + w->chaos.spread - 1) / w->chaos.spread;
        for (size_t i = 0; i < miro_users_n(m); i++) {
            const struct miro_user *user = miro_user_at(m, i);
            int person = scenario_person_of(w->scenario, user->userName, strlen(user->userName));
            if (person < 0 || bucket_of(w, (size_t)person) != bucket)
                continue;
            cut += was_cut(w, user);
            made += was_made(w, user) && !w->scenario->persons[person].existing &&
                    !is_earlier_try(w, target, (size_t)person, user);
        }
        simteams_check_guard(w, target, bucket, most);
        if (cut > most || (made > most && !w->chaos.licences))
            world_fail(w, "P7 guard", "%u accounts cut and %u made at %s, bucket %u, where %u may be", cut,
                       made, w->scenario->targets[target].name, bucket, most);
    }
}
