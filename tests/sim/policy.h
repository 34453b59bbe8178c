/* policy.h - the simulated company's policy: a pure function of what is said of a person. The engine asks it
 * through its port with what it has merged, the oracle with what it has folded: the only code that the two
 * share. */
#ifndef ROLLCALL_SIM_POLICY_H
#define ROLLCALL_SIM_POLICY_H

#include <stdbool.h>

#include "../../worker/engine/engine.h"
#include "../../worker/engine/person.h"

struct policy_facts {
    enum employment employment;
    bool suspended, ended; /* ended: accessUntil has passed */
    const void *person;
    /* NULL: cleared or never named; *ret_named tells which */
    const char *(*attr)(const void *person, const char *name, bool *ret_named);
    /* The i-th group that was ever named, and whether the person is in it; NULL: there are no more. */
    const char *(*group)(const void *person, size_t i, bool *ret_member);
};

/* Whether the policy says anything of teams; of the whole run. */
void policy_say_teams(bool says);
/* Whether leavers leave all teams first. */
void policy_say_farewell(bool says);

/* Policies differ in: */
enum {
    POLICY_DECORATES = 1 << 0, /* everybody's displayName has a sign added */
    POLICY_NARROW = 1 << 1,    /* who has no department has no access */
    POLICIES = 1 << 2,
    /* of another company, see year_company.h: */
    POLICY_OF_THE_YEAR = 1 << 2,
    POLICY_REORGANISED = 1 << 3,
};

void policy_decide(const struct policy_facts *f, unsigned policy, struct desired *ret);

/* What a working engine_ports.policy answers. */
void policy_answer(const struct person_view *view, unsigned policy, struct desired *ret);

#endif
