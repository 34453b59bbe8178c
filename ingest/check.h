/* check.h - `rollcall-ingest check SOURCE FILE`: what a stored request would become, without sending
 * anything.
 *
 * Thread rule: main only. */
#ifndef INGEST_CHECK_H
#define INGEST_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "error.h"
#include "source.h"

enum { CHECK_FILE_MAX = 8 * 1024 * 1024 };

/* Reads a file of at most as many bytes as out may hold; fails with ERROR_SYSTEM or ERROR_INPUT. */
bool check_read_file(const char *path, struct buf *out, struct error *err)
    __attribute__((warn_unused_result));

/* Reads the request in `path` as if it had come for src at now_ms and prints how it is verified and answered,
 * and the Kafka records made of it. *ret_accepted: it would have been answered with success. What fails
 * verification is shown all the same. Fails only when the file is no request. */
bool check_run(struct sources *set, struct source *src, const char *path, int64_t now_ms, FILE *out,
               bool *ret_accepted, struct error *err) __attribute__((warn_unused_result));

#endif
