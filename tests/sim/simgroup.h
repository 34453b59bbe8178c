/* simgroup.h - a simulated consumer group with static members (group.instance.id = slot).
 *
 * A member that is silent for a session is removed; a new process under a slot takes the old one's place at
 * once, and the old one is fenced. While members are rejoining, commits of the old generation are still
 * taken, as Kafka does; from the new generation on they are refused. A commit does not prolong the session:
 * the harsher of what brokers do. */
#ifndef ROLLCALL_SIM_SIMGROUP_H
#define ROLLCALL_SIM_SIMGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simlog.h"
#include "world.h"

enum heartbeat_reply {
    HEARTBEAT_OK,
    HEARTBEAT_REJOIN,  /* a rebalance has begun: give up what you have, then join */
    HEARTBEAT_UNKNOWN, /* removed: what you had is lost */
    HEARTBEAT_FENCED,  /* another process has the slot: exit */
};

struct group *group_new(struct world *w);
void group_free(struct group *g);

/* The process is told its partitions by proc_assigned (simworker.h) when the rebalance ends. */
void group_join(struct group *g, size_t slot, uint64_t member);
void group_leave(struct group *g, size_t slot, uint64_t member);
enum heartbeat_reply group_heartbeat(struct group *g, size_t slot, uint64_t member);
bool group_validates(const struct group *g, const struct group_meta *meta);
void group_leap(struct group *g, int64_t ms); /* time has leapt, and every heartbeat in it was answered */
void group_shake(struct group *g);            /* a rebalance for no reason of the members' */

#endif
