#include "addresses.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "digest.h"
#include "mem.h"

enum { RUN = 32, COUNT_BITS = 16, COUNT_MAX = (1 << COUNT_BITS) - 1, SLOTS_MIN = 1024 };

struct addresses {
    _Atomic int64_t connections;
    _Atomic int64_t connections_max, per_address_max;
    uint64_t key[2];          /* of the hash: nobody can choose addresses that share a run */
    size_t n_slots;           /* a power of two */
    _Atomic uint64_t slots[]; /* hash << COUNT_BITS | count; free when the count is 0 */
};

struct addresses *addresses_new(int64_t connections_max, int64_t per_address_max)
{
    size_t n = SLOTS_MIN;
    while ((int64_t)n < connections_max * 4)
        n *= 2;
    struct addresses *a = xcalloc(1, sizeof *a + n * sizeof a->slots[0]);
    a->n_slots = n;
    addresses_limit(a, connections_max, per_address_max);
    ssize_t got = getrandom(a->key, sizeof a->key, 0);
    assert(got == (ssize_t)sizeof a->key);
    return a;
}

void addresses_free(struct addresses *a)
{
    free(a);
}

void addresses_limit(struct addresses *a, int64_t connections_max, int64_t per_address_max)
{
    atomic_store(&a->connections_max, connections_max);
    atomic_store(&a->per_address_max, per_address_max < COUNT_MAX ? per_address_max : COUNT_MAX);
}

int64_t addresses_count(struct addresses *a)
{
    return atomic_load(&a->connections);
}

size_t addresses_slots(const struct addresses *a)
{
    return a->n_slots;
}

/* The bytes that stand for a client, behind the key; 0 bytes when the family has none. IPv4 in IPv6 counts as
 * IPv4. */
static size_t client_bytes(const struct sockaddr *from, unsigned char *out)
{
    if (from->sa_family == AF_INET) {
        memcpy(out, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
        return 4;
    }
    if (from->sa_family != AF_INET6)
        return 0;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    size_t n = IN6_IS_ADDR_V4MAPPED(six) ? 4 : 8;
    memcpy(out, &six->s6_addr[n == 4 ? 12 : 0], n);
    return n;
}

/* Counts one more in the slot if it is this client's, or free and `claim` is set. */
static bool try_slot(struct addresses *a, size_t at, uint64_t hash, bool claim, bool *full)
{
    uint64_t word = atomic_load(&a->slots[at]);
    for (;;) {
        uint64_t count = word & COUNT_MAX;
        bool mine = count > 0 && word >> COUNT_BITS == hash;
        if (!mine && !(claim && count == 0))
            return false;
        if (mine && (int64_t)count >= atomic_load(&a->per_address_max)) {
            *full = true;
            return false;
        }
        uint64_t next = mine ? word + 1 : hash << COUNT_BITS | 1;
        if (atomic_compare_exchange_weak(&a->slots[at], &word, next))
            return true;
    }
}

static enum addresses_verdict enter_slot(struct addresses *a, uint64_t hash, uint32_t *ret_slot)
{
    bool full = false;
    for (int claim = 0; claim < 2; claim++) {
        for (size_t i = 0; i < RUN; i++) {
            size_t at = (hash + i) & (a->n_slots - 1);
            if (try_slot(a, at, hash, claim, &full)) {
                *ret_slot = (uint32_t)at;
                return ADDRESSES_WELCOME;
            }
            if (full)
                return ADDRESSES_TOO_MANY;
        }
    }
    return ADDRESSES_FULL; /* a run without a free slot: refuse rather than lose count */
}

/* Counts the address alone; one of a family without addresses is always welcome. */
static enum addresses_verdict enter_address(struct addresses *a, const struct sockaddr *from,
                                            uint32_t *ret_slot)
{
    unsigned char keyed[sizeof a->key + 8];
    memcpy(keyed, a->key, sizeof a->key);
    size_t n = client_bytes(from, keyed + sizeof a->key);
    *ret_slot = ADDRESSES_NO_SLOT;
    if (n == 0)
        return ADDRESSES_WELCOME;
    return enter_slot(a, digest_hash64(keyed, sizeof a->key + n) >> COUNT_BITS, ret_slot);
}

bool addresses_enter_proxy(struct addresses *a)
{
    if (atomic_fetch_add(&a->connections, 1) < atomic_load(&a->connections_max))
        return true;
    atomic_fetch_sub(&a->connections, 1);
    return false;
}

enum addresses_verdict addresses_enter(struct addresses *a, const struct sockaddr *from, uint32_t *ret_slot)
{
    if (!addresses_enter_proxy(a))
        return ADDRESSES_FULL;
    enum addresses_verdict verdict = enter_address(a, from, ret_slot);
    if (verdict != ADDRESSES_WELCOME)
        atomic_fetch_sub(&a->connections, 1);
    return verdict;
}

void addresses_leave(struct addresses *a, uint32_t slot)
{
    addresses_leave_client(a, slot);
    atomic_fetch_sub(&a->connections, 1);
}

bool addresses_enter_client(struct addresses *a, const struct sockaddr *from, uint32_t *ret_slot)
{
    return enter_address(a, from, ret_slot) == ADDRESSES_WELCOME;
}

void addresses_leave_client(struct addresses *a, uint32_t slot)
{
    if (slot == ADDRESSES_NO_SLOT)
        return;
    uint64_t before = atomic_fetch_sub(&a->slots[slot], 1);
    assert((before & COUNT_MAX) > 0);
}
