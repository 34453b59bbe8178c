#include "policy_answer.h"

#include <stdlib.h>

#include "mem.h"

static const char *const kinds[] = {
    [DESIRE_NOTHING] = "leave alone", [DESIRE_ACCOUNT] = "account", [DESIRE_ABSENT] = "delete"};

/* The same grammar for whatever is named true or false. */
static void add_named(struct attrs *to, const char *what, const struct attrs *named)
{
    for (size_t i = 0; i < named->n; i++) {
        char *name = xasprintf("%s.%s", what, named->v[i].name);
        attrs_set(to, name, named->v[i].value ? "true" : "false");
        free(name);
    }
    if (named->n == 0)
        attrs_set(to, what, "none named");
}

void policy_answer_pairs(const struct desired *d, struct attrs *ret)
{
    attrs_set(ret, ANSWER_KIND, kinds[d->kind]);
    if (d->kind != DESIRE_ACCOUNT)
        return;
    for (size_t i = 0; i < d->attrs.n; i++)
        attrs_set(ret, d->attrs.v[i].name, d->attrs.v[i].value);
    if (d->active != ACTIVE_AS_IS)
        attrs_set(ret, "active", d->active == ACTIVE_ON ? "true" : "false");
    if (d->has_teams)
        add_named(ret, "teams", &d->teams);
}
