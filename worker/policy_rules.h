/* policy_rules.h - the text of policy_terms.lua and policy_rules.lua, which every policy finds as rollcall.rules. Thread-safe; cannot fail. */
#ifndef ROLLCALL_WORKER_POLICY_RULES_H
#define ROLLCALL_WORKER_POLICY_RULES_H

#include "buf.h"

struct str policy_rules_text(void);

#endif
