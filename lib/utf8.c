#include "utf8.h"

static bool continues(struct str s, size_t at)
{
    return at < s.n && ((unsigned char)s.p[at] & 0xc0) == 0x80;
}

/* Sequences whose second byte has a narrower range: overlong forms, surrogates, above U+10FFFF (Unicode,
 * table 3-7). */
static bool second_byte_ok(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t utf8_sequence(struct str s)
{
    if (s.n == 0)
        return 0;
    unsigned char first = (unsigned char)s.p[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                    : first >= 0xe0 && first <= 0xef ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    for (size_t i = 1; i < length; i++)
        if (!continues(s, i))
            return 0;
    return length > 0 && second_byte_ok(first, (unsigned char)s.p[1]) ? length : 0;
}

static bool control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool scan(struct str s, bool controls)
{
    while (s.n > 0) {
        size_t length = (unsigned char)*s.p < 0x80 ? 1 : utf8_sequence(s);
        if (length == 0 || (!controls && control(*s.p)))
            return false;
        s.p += length;
        s.n -= length;
    }
    return true;
}

bool utf8_ok(struct str s)
{
    return scan(s, true);
}

bool utf8_printable(struct str s)
{
    return scan(s, false);
}
