#include "year_company.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { MERGED = 4 /* of so many departments one goes to the one before it */ };

static const char *const departments[] = {
    "Engineering", "Sales",    "Support",  "Finance",  "Legal",    "Marketing", "Design",   "Research",
    "Operations",  "Security", "Quality",  "Facility", "Treasury", "Logistics", "Training", "Procurement",
    "Analytics",   "Platform", "Partners", "Field",    "Brand",    "Press",     "Audit",    "Health",
};
static const char *const locations[] = {
    "Oslo",   "Berlin", "Lisbon", "Austin", "Dublin", "Madrid",  "Warsaw", "Tokyo",  "Sydney", "Toronto",
    "Zurich", "Vienna", "Prague", "Milan",  "Ghent",  "Tallinn", "Porto",  "Bergen", "Nantes", "Cork",
};
static const char *const professions[] = {
    "Developer", "Designer", "Analyst", "Manager",  "Writer",     "Tester",    "Seller",  "Planner",
    "Lawyer",    "Buyer",    "Trainer", "Engineer", "Controller", "Assistant", "Auditor", "Scientist",
};

static const struct {
    const char *profession, *role;
} admins[] = {
    {"Analyst", ATTR_ROLE_PREFIX "Content Admin"},
    {"Tester", ATTR_ROLE_PREFIX "User Admin"},
};
static const struct {
    const char *const *names;
    size_t n;
} units[COMPANY_UNITS] = {
    [COMPANY_DEPARTMENT] = {departments, ARRAY_SIZE(departments)},
    [COMPANY_LOCATION] = {locations, ARRAY_SIZE(locations)},
    [COMPANY_PROFESSION] = {professions, ARRAY_SIZE(professions)},
};

/* In the proportion of the lists, which are 60 names together. */
void company_init(struct company *c, size_t teams)
{
    size_t left = teams - COMPANY_UNITS;
    c->n[COMPANY_DEPARTMENT] = 1 + left * 2 / 5;
    c->n[COMPANY_LOCATION] = 1 + left / 3;
    c->n[COMPANY_PROFESSION] = teams - c->n[COMPANY_DEPARTMENT] - c->n[COMPANY_LOCATION];
}

size_t company_teams(const struct company *c)
{
    return c->n[COMPANY_DEPARTMENT] + c->n[COMPANY_LOCATION] + c->n[COMPANY_PROFESSION];
}

/* Beyond its list a name gets a number: "Legal.2". */
void company_name(enum company_unit unit, size_t i, char out[COMPANY_NAME_SIZE])
{
    size_t round = i / units[unit].n;
    if (round == 0)
        snprintf(out, COMPANY_NAME_SIZE, "%s", units[unit].names[i]);
    else
        snprintf(out, COMPANY_NAME_SIZE, "%s.%u", units[unit].names[i % units[unit].n], (unsigned)round + 1);
}

void company_team(const struct company *c, size_t i, char out[COMPANY_NAME_SIZE])
{
    enum company_unit unit = COMPANY_DEPARTMENT;
    while (unit < COMPANY_PROFESSION && i >= c->n[unit])
        i -= c->n[unit++];
    company_name(unit, i, out);
}

bool company_leads(const char *title)
{
    return strncmp(title, COMPANY_LEAD, strlen(COMPANY_LEAD)) == 0;
}

size_t company_successor(size_t department)
{
    return department % MERGED == MERGED - 1 ? department - 1 : department;
}

/* ---- the policy ---------------------------------------------------------------------------------------- */

static const char *get(const struct policy_facts *f, const char *name)
{
    bool named;
    /* The value is the record's. */
    /* cppcheck-suppress returnDanglingLifetime */
    return f->attr(f->person, name, &named);
}

/* The number of a department that is called so; as many as there are names: there is none. */
static size_t department_of(const char *name)
{
    size_t n = strcspn(name, "."), round = name[n] ? strtoul(name + n + 1, NULL, 10) - 1 : 0;
    for (size_t i = 0; i < ARRAY_SIZE(departments); i++)
        if (strlen(departments[i]) == n && strncmp(departments[i], name, n) == 0)
            return round * ARRAY_SIZE(departments) + i;
    return ARRAY_SIZE(departments);
}

static void add_department(const char *department, unsigned policy, struct attrs *teams)
{
    char name[COMPANY_NAME_SIZE];
    size_t i = department_of(department);
    company_name(COMPANY_DEPARTMENT, policy & POLICY_REORGANISED ? company_successor(i) : i, name);
    attrs_set(teams, name, "true");
}

static void decide_teams(const struct policy_facts *f, unsigned policy, struct attrs *teams)
{
    const char *department = get(f, "department"), *location = get(f, "location"), *title = get(f, "title");
    if (department)
        add_department(department, policy, teams);
    if (location)
        attrs_set(teams, location, "true");
    if (title)
        attrs_set(teams, strrchr(title, ' ') ? strrchr(title, ' ') + 1 : title, "true");
}

/* What is cleared here is cleared there; an account is never without a name. */
static void decide_attrs(const struct policy_facts *f, struct attrs *to)
{
    static const char *const kept[] = {"userName", "displayName", "name.givenName", "name.familyName"};
    static const char *const cleared[] = {"department", "costCenter", "division", "employeeNumber",
                                          "manager"};
    bool named;
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        if (get(f, kept[i]))
            attrs_set(to, kept[i], get(f, kept[i]));
    for (size_t i = 0; i < ARRAY_SIZE(cleared); i++) {
        const char *value = f->attr(f->person, cleared[i], &named);
        if (named)
            attrs_set(to, cleared[i], value);
    }
}

/* Titles say what somebody may do there. */
static void decide_rights(const struct policy_facts *f, struct desired *ret)
{
    const char *title = get(f, "title"),
               *profession = title && strrchr(title, ' ') ? strrchr(title, ' ') + 1 : title;
    bool manages = profession && strcmp(profession, "Manager") == 0;
    attrs_set(&ret->attrs, "role", manages ? "ORGANIZATION_INTERNAL_ADMIN" : "ORGANIZATION_INTERNAL_USER");
    ret->has_roles = true;
    if (!title)
        return;
    if (company_leads(title))
        attrs_set(&ret->attrs, "userType", "Full");
    for (size_t i = 0; i < ARRAY_SIZE(admins); i++)
        if (strcmp(profession, admins[i].profession) == 0)
            attrs_set(&ret->attrs, admins[i].role, "true");
}

/* Half of the people leave their teams before they are cut. */
static bool leaves_teams(const struct policy_facts *f)
{
    const char *number = get(f, "employeeNumber");
    return f->employment == EMPLOYMENT_LEFT && number && strtoul(number + 1, NULL, 10) % 2 == 0;
}

void company_decide(const struct policy_facts *f, unsigned policy, struct desired *ret)
{
    *ret = (struct desired){.kind = DESIRE_ACCOUNT, .active = ACTIVE_OFF};
    if (f->employment == EMPLOYMENT_DELETED) {
        ret->kind = DESIRE_ABSENT;
        return;
    }
    ret->leave_teams = leaves_teams(f);
    if (f->employment == EMPLOYMENT_LEFT || f->suspended || f->ended)
        return;
    if (!get(f, "userName") ||
        f->employment != EMPLOYMENT_JOINED) { /* nobody has said yet that they are there */
        ret->kind = DESIRE_NOTHING;
        return;
    }
    ret->active = ACTIVE_ON;
    decide_attrs(f, &ret->attrs);
    decide_rights(f, ret);
    ret->has_teams = true;
    decide_teams(f, policy, &ret->teams);
}
