/* proxies.h - whose word about a client's address is believed: X-Forwarded-For as trusted proxies write it.
 *
 * The header is read from its end: each proxy has appended whom it was called by, so the first address from the
 * right that is no proxy of ours is the client. What stands further left is the client's own claim. Thread rule:
 * immutable. */
#ifndef INGEST_PROXIES_H
#define INGEST_PROXIES_H

#include <stdbool.h>
#include <sys/socket.h>

#include "config.h"
#include "error.h"
#include "message.h"

struct proxies;

/* Addresses and networks: "10.0.0.0/8", "2001:db8::/32", "127.0.0.1". Fails with ERROR_INPUT. */
bool proxies_new(const struct config_strings *list, struct proxies **ret, struct error *err)
    __attribute__((warn_unused_result));
void proxies_free(struct proxies *p);

bool proxies_trust(const struct proxies *p, const struct sockaddr *from);

/* The client of a request that a trusted proxy has brought. false: it does not say, or nothing that can be read. */
bool proxies_client(const struct proxies *p, const struct message *m, struct sockaddr_storage *ret);

#endif
