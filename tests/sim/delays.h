/* delays.h - P2, P4, P5: how long events waited, and how much the targets were asked, looked at when a run has come to rest. */
#ifndef ROLLCALL_SIM_DELAYS_H
#define ROLLCALL_SIM_DELAYS_H

#include "world.h"

void delays_check(struct world *w);

#endif
