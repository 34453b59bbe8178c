/* secret.h - secrets by reference: "file:PATH", "env:NAME" or "credential:NAME" (systemd's
 * $CREDENTIALS_DIRECTORY).
 *
 * Values never stand in the config file and never appear in an error or a log. Thread-safe. */
#ifndef ROLLCALL_SECRET_H
#define ROLLCALL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum { SECRET_SIZE_MAX = 64 * 1024 };

struct secret {
    char *p; /* NUL-terminated, n bytes without NUL inside; NULL when empty */
    size_t n;
};

/* Is ref well-formed? Reads nothing. Fails with ERROR_INPUT. */
bool secret_ref_ok(const char *ref, struct error *err);

/* Reads the value, strips one trailing newline (LF or CR LF); release with secret_done. Fails with
 * ERROR_INPUT when the ref is malformed, names nothing, or the value is empty, holds a NUL or is longer than
 * SECRET_SIZE_MAX; with ERROR_SYSTEM when it cannot be read. */
bool secret_load(const char *ref, struct secret *ret, struct error *err) __attribute__((warn_unused_result));

void secret_done(struct secret *s); /* wipes and frees; s is empty afterwards */

/* memcmp == 0 in time that depends on the lengths only. */
bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size);

#endif
