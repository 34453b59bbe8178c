/* archive_tools.h - what an operator does with archived bodies: replay them through a corrected source, erase those that
 * name a person.
 *
 * Both read the topic twice: what a tombstone erases must be known first. Thread rule: one thread; blocks. */
#ifndef INGEST_ARCHIVE_TOOLS_H
#define INGEST_ARCHIVE_TOOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "error.h"

struct replay {
    const char *source;
    int64_t since_ms, until_ms; /* received at: since ≤ at < until */
    bool dry_run;               /* tells and publishes nothing */
};

/* Publishes the events that the source's file now makes of its archived bodies. Each is a new event that names the old
 * one (replayOf) and happened a millisecond later, so that it wins where they differ; the same file makes the same ids
 * again. What names a person who was erased after it had been received is left out. Tells out what it did. Fails with
 * ERROR_INPUT or ERROR_TEMPORARY; then a part may be published already. */
bool archive_replay(const struct config *cfg, const struct replay *what, FILE *out, struct error *err)
    __attribute__((warn_unused_result));

/* person: "tenant/directory/subject". Erases every archived body of the directory's sources of which an event about the
 * person is made, or that names the subject (mention.h); tells out which of them cannot be parsed. Leaves a mark, for bodies that
 * were on their way, and erases those that older marks speak of. */
bool archive_erase(const struct config *cfg, const char *person, FILE *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
