/* listen.h - listening sockets that share an address (SO_REUSEPORT): the kernel spreads connections over
 * them.
 *
 * Thread rule: none, there is no state. */
#ifndef INGEST_LISTEN_H
#define INGEST_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Opens n sockets on "host:port" into fds; port 0 picks one for all. Fails with ERROR_INPUT (address) or
 * ERROR_SYSTEM; then none is open. */
bool listen_open(const char *address, size_t n, int *fds, uint16_t *ret_port, struct error *err)
    __attribute__((warn_unused_result));

#endif
