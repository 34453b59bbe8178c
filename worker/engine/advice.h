/* advice.h - what a person can do about a refusal or a finding: the recommended action of a result.
 *
 * One table, by kind of target, by what was refused, and by a part of the reason. A case without a row of its own gets what
 * its step is advised in general. Pure; thread-safe. */
#ifndef ROLLCALL_ENGINE_ADVICE_H
#define ROLLCALL_ENGINE_ADVICE_H

#include "profile.h"

/* Findings of ours: the beginning of a reason. */
#define FINDING_INACTIVE "finding: the account exists and is inactive, and it was not us who deactivated it"
#define FINDING_NUMBER   "finding: the account carries another employeeNumber"
#define FINDING_SEVERAL  "finding: several accounts match"
#define FINDING_UNSEEN   "finding: the target says that the account exists, yet no lookup finds it"
#define FINDING_VANISHED                                                                                     \
    "finding: the account that we knew is not there any more, and it was not us who deleted it"

/* what: as in struct refused, or the step's name there. Static; never NULL. p NULL: of a target that is not configured any
 * more. */
const char *advice_for(const struct profile *p, const char *what, const char *reason);

#endif
