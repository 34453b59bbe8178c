/* foresee.h - all calls that would make an account agree, in order, if each did what it says.
 *
 * plan_make again and again on a copy of the state that each step changes as its success would. What only an answer can
 * tell ends it: then `open` says that more may follow. Pure. */
#ifndef ROLLCALL_ENGINE_FORESEE_H
#define ROLLCALL_ENGINE_FORESEE_H

#include "plan.h"
#include "scim.h"

enum { FORESEE_CALLS_MAX = 8 };

#define FORESEE_NEW_ID "{id}" /* stands in paths for the id that a create would give */

struct foreseen_call {
    enum step step;
    struct scim_request request;
};

struct foreseen_change {
    char *attribute, *before, *after; /* NULL: no value */
};

struct foresight { /* release with foresight_done */
    struct foreseen_call calls[FORESEE_CALLS_MAX];
    size_t n_calls;
    struct foreseen_change *changes;
    size_t n_changes;
    bool open;
};

void foresee(const struct plan_input *in, struct foresight *ret);
void foresight_done(struct foresight *f);

#endif
