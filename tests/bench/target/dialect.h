/* dialect.h - the little of SCIM that the benchmark's target speaks: look up, read, PATCH; answers as Miro's.
 *
 * Persons are users from the start, active, with their number as id, below /tNN (tenant NN). A PATCH is
 * answered with the whole user and the value that it set, so that writers who verify can. */
#ifndef ROLLCALL_BENCH_DIALECT_H
#define ROLLCALL_BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "service.h"

enum dialect_call { DIALECT_FIND, DIALECT_READ, DIALECT_PATCH };

struct dialect_request {
    enum dialect_call call;
    size_t tenant, person;
    int64_t number; /* of a PATCH: of the event that it carries out */
};

/* False: nothing that this target knows. */
bool dialect_parse(const struct request *r, struct dialect_request *ret);
/* The user as a SCIM resource with displayName "Person P #number" (number < 0: "Person P"); DIALECT_FIND: in
 * a list. */
void dialect_write(const struct dialect_request *r, int64_t number, struct buf *out);

#endif
