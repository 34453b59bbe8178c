/* addresses.h - how many connections there are, in all and per client address, over all threads.
 *
 * A fixed table of atomic words, no locks: 16 bits of count and 48 bits of a keyed hash of the address (an
 * IPv6 client is its /64), looked for in a short run of slots from the hash. Who enters keeps its slot and
 * leaves by it, so counts never leak. Two first connections of one address at the same instant may take a
 * slot each: the limit can then be passed by as many connections as there are threads, until those close.
 * Thread-safe. */
#ifndef INGEST_ADDRESSES_H
#define INGEST_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct addresses;

#define ADDRESSES_NO_SLOT UINT32_MAX

enum addresses_verdict { ADDRESSES_WELCOME, ADDRESSES_FULL, ADDRESSES_TOO_MANY };

struct addresses *addresses_new(int64_t connections_max, int64_t per_address_max);
void addresses_free(struct addresses *a);

/* Counts a connection. On ADDRESSES_WELCOME *ret_slot is to be given to addresses_leave; FULL: the program
 * has its maximum; TOO_MANY: this address has. An address of a family without addresses counts in all only.
 */
enum addresses_verdict addresses_enter(struct addresses *a, const struct sockaddr *from, uint32_t *ret_slot);
void addresses_leave(struct addresses *a, uint32_t slot);

/* A trusted proxy's connection: counts in all only, and false is FULL. To be left with ADDRESSES_NO_SLOT. */
bool addresses_enter_proxy(struct addresses *a);
/* A client's request behind such a proxy: counts for its address only. false: it has its maximum. */
bool addresses_enter_client(struct addresses *a, const struct sockaddr *from, uint32_t *ret_slot);
void addresses_leave_client(struct addresses *a, uint32_t slot);

/* New limits for connections to come. */
void addresses_limit(struct addresses *a, int64_t connections_max, int64_t per_address_max);
int64_t addresses_count(struct addresses *a);
size_t addresses_slots(const struct addresses *a); /* all slots are below */

#endif
