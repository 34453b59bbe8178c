#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "year_company.h"

static const char *get(const struct policy_facts *f, const char *name)
{
    bool named;
    /* The value is the record's. */
    /* cppcheck-suppress returnDanglingLifetime */
    return f->attr(f->person, name, &named);
}

static void copy(const struct policy_facts *f, const char *name, struct attrs *to)
{
    const char *value = get(f, name);
    if (value)
        attrs_set(to, name, value);
}

static void decide_attrs(const struct policy_facts *f, struct attrs *to)
{
    static const char *const plain[] = {"userName", "displayName", "employeeNumber", "title"};
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        copy(f, plain[i], to);
    if (get(f, "name.givenName") && get(f, "name.familyName")) {
        copy(f, "name.givenName", to);
        copy(f, "name.familyName", to);
    }
    bool named = false;
    const char *department = f->attr(f->person, "department", &named);
    if (named)
        attrs_set(to, "department", department); /* cleared there when cleared here */
}

static void decide_rights(const struct policy_facts *f, struct desired *ret)
{
    char name[ATTR_NAME_MAX + 1];
    const char *role = get(f, "adminRole");
    copy(f, "userType", &ret->attrs);
    copy(f, "role", &ret->attrs);
    ret->has_roles = true;
    if (!role)
        return;
    snprintf(name, sizeof name, ATTR_ROLE_PREFIX "%s", role);
    attrs_set(&ret->attrs, name, "true");
}

static bool says_teams, says_farewell;

void policy_say_farewell(bool says)
{
    says_farewell = says;
}

void policy_say_teams(bool says)
{
    says_teams = says;
}

/* Of teams 4 and 5 it says who is no member, of the others only who is one. */
static void decide_teams(const struct policy_facts *f, struct attrs *to)
{
    const char *name;
    bool member;
    for (size_t i = 0; (name = f->group(f->person, i, &member)); i++)
        if (member || strcmp(name, "team 4") == 0 || strcmp(name, "team 5") == 0)
            attrs_set(to, name, member ? "true" : NULL);
}

static void decorate(struct attrs *to)
{
    const char *name = attrs_get(to, "displayName");
    if (!name)
        return;
    char *decorated = xasprintf("%s *", name);
    attrs_set(to, "displayName", decorated);
    free(decorated);
}

void policy_decide(const struct policy_facts *f, unsigned policy, struct desired *ret)
{
    if (policy & POLICY_OF_THE_YEAR) {
        company_decide(f, policy, ret);
        return;
    }
    *ret = (struct desired){.kind = DESIRE_ACCOUNT, .active = ACTIVE_OFF};
    if (f->employment == EMPLOYMENT_DELETED && get(f, "purge")) {
        ret->kind = DESIRE_ABSENT;
        return;
    }
    bool gone = f->employment == EMPLOYMENT_LEFT || f->employment == EMPLOYMENT_DELETED;
    ret->leave_teams = says_farewell;
    if (gone || f->suspended || f->ended)
        return;
    ret->leave_teams = false;
    if (!get(f, "userName")) {
        ret->kind = DESIRE_NOTHING;
        return;
    }
    ret->leave_teams = says_farewell && (policy & POLICY_NARROW) && !get(f, "department");
    if ((policy & POLICY_NARROW) && !get(f, "department"))
        return;
    ret->active = f->employment == EMPLOYMENT_JOINED ? ACTIVE_ON : ACTIVE_AS_IS;
    decide_attrs(f, &ret->attrs);
    decide_rights(f, ret);
    if (policy & POLICY_DECORATES)
        decorate(&ret->attrs);
    ret->has_teams = says_teams;
    if (says_teams)
        decide_teams(f, &ret->teams);
}

static const char *register_of(const void *person, const char *name, bool *ret_named)
{
    const struct person *p = person;
    *ret_named = false;
    for (size_t i = 0; i < p->n_attrs; i++)
        *ret_named |= strcmp(p->attrs[i].name, name) == 0;
    return person_attr(p, name);
}

static const char *group_of(const void *person, size_t i, bool *ret_member)
{
    const struct person *p = person;
    if (i >= p->n_groups)
        return NULL;
    *ret_member = p->groups[i].member;
    return p->groups[i].name;
}

void policy_answer(const struct person_view *view, unsigned policy, struct desired *ret)
{
    const struct person *p = view->person;
    struct policy_facts f = {
        .employment = p->employment,
        .suspended = p->suspended,
        .ended = p->employment == EMPLOYMENT_JOINED && !p->suspended && !view->may_have_access,
        .person = p,
        .attr = register_of,
        .group = group_of,
    };
    if (p->access_until_ms && (p->access_ended || p->access_until_ms <= view->now_ms))
        f.ended = true;
    policy_decide(&f, policy, ret);
}
