/* json_internal.h - shared by json*.c: eight bytes of a string at a time, and the scanner's count of values. */
#ifndef ROLLCALL_JSON_INTERNAL_H
#define ROLLCALL_JSON_INTERNAL_H

#include "json.h"

#define JSON_HIGH_BITS UINT64_C(0x8080808080808080)

/* Not zero if a byte of word is zero. */
static inline uint64_t json_zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & JSON_HIGH_BITS;
}

/* Whether one of eight bytes is a control character, a quote or a backslash. */
static inline bool json_special_in(uint64_t word)
{
    uint64_t controls = (word - UINT64_C(0x2020202020202020)) & ~word & JSON_HIGH_BITS;
    return (controls | json_zero_bytes(word ^ UINT64_C(0x2222222222222222)) |
            json_zero_bytes(word ^ UINT64_C(0x5c5c5c5c5c5c5c5c))) != 0;
}

/* json_check, and how many values the text holds. */
bool json_scan(struct str text, size_t *ret_values, struct error *err);

#endif
