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

static inline bool json_in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

struct json_counts {
    size_t values;
    size_t inexact; /* of these, see json_inexact */
};

/* Whether the text of a number is an integer beyond 2^53: two of them may be one double. */
bool json_inexact(struct str number);

/* json_check, and what the text holds. */
bool json_scan(struct str text, struct json_counts *ret, struct error *err);

#endif
