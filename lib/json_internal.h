/* json_internal.h - shared by json*.c: a string's plain bytes, eight at a time, and the scanner's count of values. */
#ifndef ROLLCALL_JSON_INTERNAL_H
#define ROLLCALL_JSON_INTERNAL_H

#include <endian.h>
#include <string.h>

#include "json.h"

#define JSON_HIGH_BITS UINT64_C(0x8080808080808080)

/* The high bit of each byte of word that is zero; above the first of them that of others, too. */
static inline uint64_t json_zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & JSON_HIGH_BITS;
}

/* Likewise of each byte that is a control character, a quote or a backslash. */
static inline uint64_t json_special(uint64_t word)
{
    uint64_t controls = (word - UINT64_C(0x2020202020202020)) & ~word & JSON_HIGH_BITS;
    return controls | json_zero_bytes(word ^ UINT64_C(0x2222222222222222)) |
           json_zero_bytes(word ^ UINT64_C(0x5c5c5c5c5c5c5c5c));
}

/* How many bytes at the beginning of s stand for themselves in JSON; `also`, 0 or JSON_HIGH_BITS: bits that none of them
 * may have. */
static inline size_t json_plain(struct str s, uint64_t also)
{
    size_t at = 0;
    for (uint64_t word; s.n - at >= sizeof word; at += sizeof word) {
        memcpy(&word, s.p + at, sizeof word);
        word = le64toh(word); /* the first byte lowest */
        uint64_t stop = json_special(word) | (word & also);
        if (stop)
            return at + (size_t)__builtin_ctzll(stop) / 8;
    }
    while (at < s.n && !((json_special((unsigned char)s.p[at] | UINT64_C(0x2020202020202000)) |
                          ((unsigned char)s.p[at] & also))))
        at++;
    return at;
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
