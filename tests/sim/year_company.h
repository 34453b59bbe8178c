/* year_company.h - the company whose year is simulated (year.h): what its departments, places and professions are called,
 * and its policy, a pure function of what is said of a person.
 *
 *      department "Legal" ─► team "Legal"       until the reorganisation, which joins some departments' teams
 *      location "Oslo"    ─► team "Oslo"
 *      title "Lead Baker" ─► team "Baker"       its last word; who leads has the licence Full, who does not says nothing of it
 *      some professions   ─► a primary role, an admin role
 *      left               ─► deactivated; who has an even number leaves all teams first
 *
 * Thread rule: none; cannot fail. */
#ifndef ROLLCALL_SIM_YEAR_COMPANY_H
#define ROLLCALL_SIM_YEAR_COMPANY_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

enum { COMPANY_NAME_SIZE = 32 };
#define COMPANY_LEAD "Lead "

enum company_unit { COMPANY_DEPARTMENT, COMPANY_LOCATION, COMPANY_PROFESSION, COMPANY_UNITS };

struct company { /* how many there are of each; together: its teams */
    size_t n[COMPANY_UNITS];
};

/* teams: COMPANY_UNITS at least. */
void company_init(struct company *c, size_t teams);
size_t company_teams(const struct company *c);
/* The name of the i-th unit of its kind, which is its team's. */
void company_name(enum company_unit unit, size_t i, char out[COMPANY_NAME_SIZE]);
/* The name of team i of all of them. */
void company_team(const struct company *c, size_t i, char out[COMPANY_NAME_SIZE]);
/* Whether the title's bearer is to have the licence Full. */
bool company_leads(const char *title);
/* The department whose team a department's people are in after the reorganisation. */
size_t company_successor(size_t department);

/* The word of the policy, as policy_decide: with POLICY_REORGANISED the one after the reorganisation. */
void company_decide(const struct policy_facts *f, unsigned policy, struct desired *ret);

#endif
