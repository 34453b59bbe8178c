/* oracle.h - what has to come out, found in another way: all events of a person are sorted once and folded.
 * Nothing here knows of registers, stamps, deliveries or records; it shares no code with worker/engine.
 *
 * "The last word wins": of two words the one that was said later counts; said at the same instant, the more
 * restrictive one; equally restrictive, the one with the larger event id. */
#ifndef ROLLCALL_SIM_ORACLE_H
#define ROLLCALL_SIM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "../../worker/engine/person.h"
#include "event.h"

enum { ORACLE_NAMES_MAX = 32 };

struct oracle_attr {
    const char *name;
    const char *value; /* NULL: cleared */
    const struct event *by;
};

struct oracle_group {
    const char *name;
    bool member;
};

struct oracle_person { /* borrows from the events */
    enum employment employment;
    const struct event *employment_by, *suspension_by, *access_by; /* NULL: no word */
    bool suspended;
    int64_t access_until_ms;
    bool ended;
    struct oracle_attr attrs[ORACLE_NAMES_MAX];
    size_t n_attrs;
    struct oracle_group groups[ORACLE_NAMES_MAX];
    size_t n_groups;
};

/* Folds the distinct events that have taken effect at now_ms. */
void oracle_fold(const struct event *const *events, size_t n, int64_t now_ms, struct oracle_person *ret);

/* The account that the policy wants then; release with desired_done. */
void oracle_desired(const struct oracle_person *p, unsigned policy, struct desired *ret);

const char *oracle_attr(const struct oracle_person *p, const char *name, bool *ret_named);

#endif
