/* zone.h - local time to instants, by the system's time zone files (tzdata), without the process's TZ.
 *
 * A zone is a name of that database ("Europe/Berlin"), "UTC", "Z", or an offset as "+02:00" or "-0800". Files are read
 * once. Beyond the last change that a file lists (2037 with Debian's) its last offset holds.
 * Thread-safe. */
#ifndef ROLLCALL_ZONE_H
#define ROLLCALL_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* Is there such a zone? */
bool zone_ok(struct str name);

/* The instant at which clocks of the zone show local_ms (milliseconds since 1970 as they are read off). What they show
 * twice is the first time, what they never show is read with the offset before the change. False: no such zone. */
bool zone_to_utc(struct str name, int64_t local_ms, int64_t *ret_ms);

/* Reads what senders write for an instant: RFC 3339; the same with an offset of four digits, with " UTC", or without
 * any, which then is local time in the zone; a date alone, perhaps with an offset: the beginning of that day; a number
 * of seconds or milliseconds since 1970. zone n = 0: UTC. False: it is none of these, or there is no such zone. */
bool zone_parse(struct str text, struct str zone, int64_t *ret_ms);

#endif
