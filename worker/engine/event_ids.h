/* event_ids.h - ids of a person's recent events, as a record holds them.
 *
 * They are most of the record of a person of whom much is heard, so they are written tightly: the first 8 bytes of each
 * in base64 of the URL alphabet, 11 characters of which the last two bits are nothing, one after the other, in one
 * string. In memory they lie in the same form: a record is written much more often than an id is looked for. Records of
 * version 1 have an array of hexadecimal hashes. Pure; one owner at a time. */
#ifndef ROLLCALL_ENGINE_EVENT_IDS_H
#define ROLLCALL_ENGINE_EVENT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum { EVENT_IDS_MAX = 256, EVENT_ID_TEXT = 11 };

struct event_ids {
    char *text; /* n times EVENT_ID_TEXT, oldest first */
    size_t n;   /* EVENT_IDS_MAX at most */
};

bool event_ids_has(const struct event_ids *ids, uint64_t id);
void event_ids_add(struct event_ids *ids, uint64_t id); /* the oldest makes room for it */
void event_ids_done(struct event_ids *ids);             /* forgets all */

void event_ids_put(struct json_out *w, const char *name, const struct event_ids *ids);
/* Release with event_ids_done. False: no such list, or too long. */
bool event_ids_read(const cJSON *value, struct event_ids *ret) __attribute__((warn_unused_result));

#endif
