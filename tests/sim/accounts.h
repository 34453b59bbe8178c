/* accounts.h - P3, P7: what the targets hold when a run has come to rest is what the policy wants of each person, nobody
 * else's account was touched, and no more of them were cut or made than the guard lets pass. */
#ifndef ROLLCALL_SIM_ACCOUNTS_H
#define ROLLCALL_SIM_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "witness.h"
#include "world.h"

struct account_check {
    struct world *w;
    size_t person, target;
    const struct desired *want;
    const struct account_note *note;
    bool findable; /* somebody has said what the account is called */
};

void accounts_check(const struct account_check *c);
void accounts_check_findings(struct world *w, size_t person);
void accounts_check_guard(struct world *w, size_t target);

/* Now, or before it came back under the same id. */
bool accounts_was_deleted(const struct miro_user *user);

#endif
