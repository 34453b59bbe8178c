/* spared.h - P7: whom no word takes access away keeps it, also while the policy fails. Checked when a run has come to rest. */
#ifndef ROLLCALL_SIM_SPARED_H
#define ROLLCALL_SIM_SPARED_H

#include "world.h"

void spared_check(struct world *w, size_t person);

#endif
