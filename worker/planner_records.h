/* planner_records.h - a planner's part of the persons topic: whom it asks about, and the engine's restore. Main thread. */
#ifndef ROLLCALL_WORKER_PLANNER_RECORDS_H
#define ROLLCALL_WORKER_PLANNER_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "engine/engine.h"
#include "error.h"

struct asked_persons { /* release with asked_persons_done; zeroed: none */
    char **v;          /* keys of their records, sorted */
    size_t n;
};

void asked_persons_add(struct asked_persons *a, struct str key);
bool asked_persons_find(const struct asked_persons *a, struct str key, size_t *ret);
void asked_persons_done(struct asked_persons *a);

/* Adds up to n whose keys begin with prefix: those whose hash is smallest, so that the choice is as good as a draw and the
 * same each time. Reads the partition once. */
bool planner_records_sample(const struct config *cfg, int32_t partition, const char *prefix, size_t n,
                            struct asked_persons *ret, struct error *err) __attribute__((warn_unused_result));

struct planner_restore { /* all borrowed */
    const struct config *cfg;
    struct engine *engine;
    int32_t partition, partitions;
    uint64_t generation;
    int64_t offset;     /* as of which the partition counts as read */
    const char *prefix; /* "tenant/directory/": colleagues, of whom the guard counts the active */
    const struct asked_persons *persons;
};

/* The partition as if it had been closed in order and everybody but those asked about were in step. */
bool planner_records_restore(const struct planner_restore *r, struct error *err)
    __attribute__((warn_unused_result));

#endif
