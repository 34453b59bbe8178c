/* policy_answer.h - what a policy wants as pairs of texts, to be compared and shown. Thread-safe; cannot fail. */
#ifndef ROLLCALL_WORKER_POLICY_ANSWER_H
#define ROLLCALL_WORKER_POLICY_ANSWER_H

#include "attr.h"
#include "engine/engine.h"

#define ANSWER_KIND "answer" /* "leave alone", "account" or "delete" */

/* Every word of d: ANSWER_KIND, active, leave_teams, each attribute (NULL: emptied), teams.NAME and admin_roles.NAME (true or
 * false); teams = "none named" when something is said of teams and none is named, admin_roles likewise. ret is empty or zeroed; release with attrs_done. */
void policy_answer_pairs(const struct desired *d, struct attrs *ret);

#endif
