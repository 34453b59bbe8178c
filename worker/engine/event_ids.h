/* event_ids.h - ids of recent events as a record holds them.
 *
 * They are most of the record of a person of whom much is heard, so they are written tightly: 8 bytes each in base64 of
 * the URL alphabet, 11 characters of which the last two bits are nothing, one after the other, in one string. Records
 * of version 1 have an array of hexadecimal hashes. Pure; any thread. */
#ifndef ROLLCALL_ENGINE_EVENT_IDS_H
#define ROLLCALL_ENGINE_EVENT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum { EVENT_ID_TEXT = 11 };

/* n: PERSON_RECENT_MAX at most. */
void event_ids_put(struct json_out *w, const char *name, const uint64_t *ids, size_t n);
/* The caller frees *ret_ids; false: no such list, or more than PERSON_RECENT_MAX. */
bool event_ids_read(const cJSON *value, uint64_t **ret_ids, size_t *ret_n)
    __attribute__((warn_unused_result));

#endif
