/* certificates.h - PEM files for TLS with a target, looked at before they are used: libcurl would say so with the first
 * call. Only certificates.c sees OpenSSL's certificates. Pure. */
#ifndef ROLLCALL_WORKER_CERTIFICATES_H
#define ROLLCALL_WORKER_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Ours, and its key. *ret_expires_s: Unix time. Fails with ERROR_INPUT when one of them is none, or they do not belong
 * together. */
bool certificates_pair(const char *certificate, const char *key, int64_t *ret_expires_s, struct error *err)
    __attribute__((warn_unused_result));
/* Whom we trust: fails with ERROR_INPUT when there is no certificate in it. */
bool certificates_ca(const char *ca, struct error *err) __attribute__((warn_unused_result));

#endif
