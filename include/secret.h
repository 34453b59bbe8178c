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
 * ERROR_INPUT when the ref is malformed, names nothing or what may not be read, or the value is empty, longer
 * than SECRET_SIZE_MAX or holds anything but printable ASCII, so that it can stand in a header; with
 * ERROR_SYSTEM when reading fails. */
bool secret_load(const char *ref, struct secret *ret, struct error *err) __attribute__((warn_unused_result));

/* The same for text of any bytes but NUL, such as a PEM key. */
bool secret_load_text(const char *ref, struct secret *ret, struct error *err)
    __attribute__((warn_unused_result));

void secret_done(struct secret *s); /* wipes and frees; s is empty afterwards */

#endif
