/* Text encodings of bytes: the second half of digest.h. */
#include "digest.h"

void hex_encode(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = p;
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct str text, unsigned char *out, size_t n)
{
    if (text.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void base64_encode(const void *p, size_t n, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = p;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t bits = (uint32_t)in[i] << 16;
        bits |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        bits |= left > 2 ? in[i + 2] : 0;
        char quad[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                        digits[bits & 63]};
        if (left < 3)
            quad[3] = '=';
        if (left < 2)
            quad[2] = '=';
        buf_add(out, quad, sizeof quad);
    }
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Without its padding; false when the padding does not fill the last group. */
static bool strip_padding(struct str *text)
{
    size_t padding = 0;
    while (padding < 2 && text->n > 0 && text->p[text->n - 1] == '=') {
        text->n--;
        padding++;
    }
    return padding == 0 || (text->n + padding) % 4 == 0;
}

bool base64_decode(struct str text, struct buf *out)
{
    if (!strip_padding(&text) || text.n % 4 == 1)
        return false;
    char *to = buf_extend(out, text.n * 6 / 8);
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.n; i++) {
        int digit = base64_digit(text.p[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            if (to)
                *to++ = (char)(bits >> count & 0xff);
        }
    }
    return (bits & ((1u << count) - 1)) == 0; /* one text per value: unused bits are zero */
}

void percent_encode(const char *text, struct buf *out)
{
    for (const char *c = text; *c; c++)
        if (percent_plain(*c))
            buf_addc(out, *c);
        else
            buf_addf(out, "%%%02X", (unsigned char)*c);
}

bool percent_is_segment(const char *text, size_t max)
{
    return text && *text && strlen(text) <= max && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}
