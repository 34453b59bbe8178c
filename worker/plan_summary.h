/* plan_summary.h - many plans in a few lines: for who asks about a sample. Main thread. */
#ifndef ROLLCALL_WORKER_PLAN_SUMMARY_H
#define ROLLCALL_WORKER_PLAN_SUMMARY_H

#include <stddef.h>

#include "attr.h"
#include "json.h"

struct plan_summary { /* zeroed: nothing yet; release with plan_summary_done */
    size_t plans, agree, nothing, made, changed, cut, revived, deleted, held, refused;
    struct attrs changes; /* attribute → how many times it would be changed, as text */
    char *refusal;        /* the first: of whom, and why */
};

void plan_summary_add(struct plan_summary *s, const char *person, const cJSON *plan);
/* "displayName 4, department 2", the most frequent first; the caller frees it. "" when nothing is changed. */
char *plan_summary_changes(const struct plan_summary *s);
void plan_summary_done(struct plan_summary *s);

#endif
