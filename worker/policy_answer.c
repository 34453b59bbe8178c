#include "policy_answer.h"

#include <stdlib.h>

#include "mem.h"

static const char *const kinds[] = {
    [DESIRE_NOTHING] = "leave alone", [DESIRE_ACCOUNT] = "account", [DESIRE_ABSENT] = "delete"};

/* What is named true or false: teams, admin roles. */
static void add_named(struct attrs *to, const char *what, const char *name, bool wanted)
{
    char *pair = xasprintf("%s.%s", what, name);
    attrs_set(to, pair, wanted ? "true" : "false");
    free(pair);
}

static void add_teams(struct attrs *to, const struct attrs *teams)
{
    for (size_t i = 0; i < teams->n; i++)
        add_named(to, "teams", teams->v[i].name, teams->v[i].value != NULL);
    if (teams->n == 0)
        attrs_set(to, "teams", "none named");
}

/* Admin roles stand among them. */
static void add_attrs(struct attrs *to, const struct attrs *attrs, bool has_roles)
{
    bool none = true;
    for (size_t i = 0; i < attrs->n; i++) {
        const struct attr *a = &attrs->v[i];
        if (attr_role(a->name)) {
            add_named(to, "admin_roles", attr_role(a->name), a->value != NULL);
            none = false;
        } else {
            attrs_set(to, a->name, a->value);
        }
    }
    if (has_roles && none)
        attrs_set(to, "admin_roles", "none named");
}

void policy_answer_pairs(const struct desired *d, struct attrs *ret)
{
    attrs_set(ret, ANSWER_KIND, kinds[d->kind]);
    if (d->kind != DESIRE_ACCOUNT)
        return;
    add_attrs(ret, &d->attrs, d->has_roles);
    if (d->active != ACTIVE_AS_IS)
        attrs_set(ret, "active", d->active == ACTIVE_ON ? "true" : "false");
    if (d->has_teams)
        add_teams(ret, &d->teams);
    if (d->leave_teams)
        attrs_set(ret, "leave_teams", "true");
}
