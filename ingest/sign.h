/* sign.h - `rollcall-ingest sign SOURCE FILE`: a stored request as the sender would have sent it just now, to try a
 * source with.
 *
 * Thread rule: main only. */
#ifndef INGEST_SIGN_H
#define INGEST_SIGN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "error.h"
#include "source.h"

/* Reads the request in `path`, replaces what proves its origin by what the source's secrets and the time now_ms make of
 * it, and prints it in the form that `check` reads. Fails with ERROR_INPUT when the file is no request, or the source
 * wants what only the sender can make (JWS, Ed25519, a certificate). */
bool sign_run(const struct source *src, const struct config_source *cfg, const char *path, int64_t now_ms,
              FILE *out, struct error *err) __attribute__((warn_unused_result));

#endif
