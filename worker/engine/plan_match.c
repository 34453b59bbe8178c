/* plan_match.c - by which values an account is looked for, and whether one that was found is this person's. */
#include "plan.h"

#include <string.h>

#include "advice.h"
#include "mem.h"

/* ---- what is looked for -------------------------------------------------------------------------------- */

static bool has(const char *value)
{
    return value && *value;
}

const char *plan_match_value(const struct person *p, const struct desired *d, const char *match)
{
    const char *value = attrs_get(&d->attrs, match);
    return value ? value : person_attr(p, match);
}

bool plan_cuts_nameless(const struct person *p, const struct desired *d, const char *match)
{
    return plan_wants_cut(d) && !has(plan_match_value(p, d, match));
}

static void add_value(const char *attr, const char *value, struct search_wish *ret)
{
    if (!has(value) || ret->n == SCIM_MATCHES_MAX)
        return;
    for (size_t i = 0; i < ret->n; i++)
        if (strcmp(ret->matches[i].attr, attr) == 0 && strcmp(ret->matches[i].value, value) == 0)
            return;
    ret->matches[ret->n++] = (struct scim_match){attr, value};
}

/* Announced is what events of later days say, the next day first. */
static void add_match(const struct plan_input *in, const char *attr, struct search_wish *ret)
{
    const struct person *p = in->person;
    for (size_t i = 0; i < ret->n; i++)
        if (strcmp(ret->matches[i].attr, attr) == 0)
            return;
    if (in->state->create_as && strcmp(attr, in->match) == 0)
        add_value(attr, in->state->create_as, ret);
    else if (!plan_cuts_nameless(p, in->desired, attr))
        add_value(attr, plan_match_value(p, in->desired, attr), ret);
    else
        for (size_t i = 0; i < p->n_scheduled; i++)
            add_value(attr, attrs_get(&p->scheduled[i].event.profile, attr), ret);
}

void plan_search(const struct plan_input *in, struct search_wish *ret)
{
    static const char *const others[] = {"userName", "emails.work", "externalId"};
    *ret = (struct search_wish){.filters = in->can->filter,
                                .cursor = in->can->cursor,
                                .must_be = in->must_be && in->profile->insists};
    for (size_t i = 0; i < in->n_matches; i++)
        add_match(in, in->matches[i], ret);
    ret->n_asked = ret->n;
    for (size_t i = 0; i < ARRAY_SIZE(others) && ret->must_be; i++)
        add_match(in, others[i], ret);
}

/* ---- what is found ------------------------------------------------------------------------------------- */

static bool is_found_by_its_name(const struct plan_input *in, const struct account *found)
{
    for (size_t i = 0; i < in->n_matches; i++) {
        const char *ours = plan_match_value(in->person, in->desired, in->matches[i]);
        if (has(ours) && scim_values_equal(in->matches[i], attrs_get(&found->attrs, in->matches[i]), ours))
            return true;
    }
    return false;
}

/* It is by this event's word that the account may have been found. */
static bool announces(const struct plan_input *in, const struct event *ev, const struct account *found)
{
    for (size_t i = 0; i < in->n_matches; i++) {
        const char *match = in->matches[i], *theirs = attrs_get(&found->attrs, match),
                   *announced = attrs_get(&ev->profile, match);
        if (plan_cuts_nameless(in->person, in->desired, match) && has(announced) &&
            (!has(theirs) || scim_values_equal(match, theirs, announced)))
            return true;
    }
    return false;
}

/* A number is a word against an account with another one, also a number that is announced together with the name. */
static bool is_anothers(const struct plan_input *in, const struct account *found)
{
    const char *theirs = attrs_get(&found->attrs, "employeeNumber"),
               *ours = plan_match_value(in->person, in->desired, "employeeNumber");
    if (!has(theirs))
        return false;
    bool said = has(ours), same = said && strcmp(ours, theirs) == 0, own = is_found_by_its_name(in, found);
    for (size_t i = 0; i < in->person->n_scheduled && !own; i++) {
        const struct event *ev = &in->person->scheduled[i].event;
        const char *announced = attrs_get(&ev->profile, "employeeNumber");
        if (!has(announced) || !announces(in, ev, found))
            continue;
        said = true;
        same |= strcmp(announced, theirs) == 0;
    }
    return said && !same;
}

bool plan_may_adopt(const struct plan_input *in, const struct account *found, const char **ret_reason)
{
    const struct desired *d = in->desired;
    if (is_anothers(in, found)) {
        *ret_reason = FINDING_NUMBER;
        return false;
    }
    if (!found->active && (d->kind == DESIRE_ABSENT || !plan_wants_cut(d))) {
        *ret_reason = FINDING_INACTIVE;
        return false;
    }
    return true;
}
