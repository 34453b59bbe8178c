/* sandbox_faults.h - rules that say which requests go wrong, and how.
 *
 * The first rule that matches, has been skipped often enough, has hits left and wins its draw decides. Draws
 * come from the rule's seed: the same requests meet the same faults. Thread rule: one owner at a time. */
#ifndef ROLLCALL_SANDBOX_FAULTS_H
#define ROLLCALL_SANDBOX_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "miro.h"

/* What happens on the wire; the core's faults go with WIRE_ANSWER. */
enum wire {
    WIRE_ANSWER,
    WIRE_SLOW,              /* applied at once, answered delay_ms later */
    WIRE_TIMEOUT,           /* not applied, never answered */
    WIRE_DROP,              /* not applied, connection closed */
    WIRE_DROP_AFTER_COMMIT, /* applied at once, connection closed without an answer */
    WIRE_SLOW_PARTIAL, /* PATCH of a group: half at once, all of it and the answer delay_ms later, even when the
                               client has gone */
    WIRE_APPLY_LATE,   /* connection closed without an answer, applied delay_ms later */
};

const char *fault_wire_name(enum wire wire); /* "slow", "timeout" …, "none" */

struct fault_rule {
    uint64_t id;
    char *name; /* "timeout", "429" … */
    enum wire wire;
    enum miro_fault core;
    char *method, *path,
        *match;    /* NULL: any; path: prefix below the base path; match: part of body, target or name */
    int64_t times; /* hits left; -1: no end */
    int64_t skip;  /* matches to let pass first */
    int64_t hits;
    int64_t delay_ms;
    bool hold; /* DROP_AFTER_COMMIT and APPLY_LATE: leave the client waiting instead of closing */
    double probability;
    uint64_t random; /* state of the draws */
};

struct faults {
    struct fault_rule *v;
    size_t n;
    uint64_t made;
};

void faults_done(struct faults *fs);
/* One rule, or an array of them. Fails with ERROR_INPUT and adds none then. */
bool faults_add_json(struct faults *fs, const cJSON *rules, struct error *err)
    __attribute__((warn_unused_result));
/* The rule that the request meets, counted as a hit; NULL: none. `name` is the userName of the user in the
 * path, or NULL. Borrowed until the rules change. */
const struct fault_rule *faults_pick(struct faults *fs, const struct miro_request *rq, const char *name);
void faults_put_json(const struct faults *fs, struct json_out *w, const char *name);

#endif
