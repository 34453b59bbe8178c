/* plan_print.h - plan records for a person who asked: `rollcall-worker plan`. Main thread. */
#ifndef ROLLCALL_WORKER_PLAN_PRINT_H
#define ROLLCALL_WORKER_PLAN_PRINT_H

#include "json.h"

/* One target, as text. */
void plan_print(const cJSON *plan);
/* The same of a target for which there is no plan. */
void plan_print_waiting(const char *target, const char *why);

#endif
