/* foretell.h - plan records: what a dry run would do. schemas/plan.schema.json is the contract; to change the form: schema,
 * examples and this file in one commit. Pure; thread-safe. */
#ifndef ROLLCALL_ENGINE_FORETELL_H
#define ROLLCALL_ENGINE_FORETELL_H

#include "buf.h"
#include "foresee.h"

enum verdict_word { /* why there are calls, or none */
                    FORETOLD_CALLS,
                    FORETOLD_AGREED,     /* the target has it already */
                    FORETOLD_PLANNED,    /* told before, and nothing else is wanted since */
                    FORETOLD_IGNORED,    /* the policy wants nothing here */
                    FORETOLD_PROTECTED,  /* the account is out of reach of policy */
                    FORETOLD_REMOVED,    /* the target is not configured any more */
                    FORETOLD_REFUSED,    /* by the target, or a finding: see reason */
                    FORETOLD_DENIED,     /* a person has refused it */
                    FORETOLD_SUPERSEDED, /* later words had decided */
                    FORETOLD_MERGED,     /* told with a later event */
                    FORETOLD_WORDS,
};

enum guard_word { GUARD_SILENT, GUARD_ADMITS, GUARD_HOLDS, GUARD_WORDS };

struct foretold { /* borrowed parts */
    uint64_t id;
    const char *tenant, *directory, *subject, *target;
    enum verdict_word verdict;
    const char *cause; /* "event", "policy", "provision", "due" */
    const struct pending *events;
    size_t n_events;
    const struct desired *desired;     /* NULL: not asked */
    enum known_kind known;             /* before */
    bool known_active;                 /* with KNOWN_ACCOUNT */
    const char *account_id;            /* NULL: none */
    const struct foresight *foresight; /* NULL: no calls */
    enum guard_word guard;
    const char *reason, *action; /* NULL: none */
    int64_t at_ms;
};

const char *foretold_name(enum verdict_word word);
void foretell_write(const struct foretold *f, struct buf *out);

#endif
