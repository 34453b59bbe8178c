#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mem.h"

enum { FIRST_SIZE = 128 };

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    for (; s.n > 0 && is_white(s.p[0]); s.n--)
        s.p++;
    while (s.n > 0 && is_white(s.p[s.n - 1]))
        s.n--;
    return s;
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->p)
        b->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL; false (and overflow) when that passes the maximum. */
static bool grow(struct buf *b, size_t n)
{
    if (n > b->max - b->n) {
        b->overflow = true;
        return false;
    }
    size_t need = b->n + n + 1;
    size_t size = b->size ? b->size : FIRST_SIZE;
    while (size < need)
        size *= 2;
    b->p = xreallocarray(b->p, size, 1);
    b->size = size;
    return true;
}

void buf_reserve(struct buf *b, size_t n)
{
    if (n <= b->max && n >= b->size) {
        b->p = xreallocarray(b->p, n + 1, 1);
        b->size = n + 1;
        b->p[b->n] = '\0';
    }
}

/* The way of nearly every call: what is allocated suffices. */
static inline bool reserve(struct buf *b, size_t n)
{
    if (b->overflow)
        return false;
    return (n < b->size - b->n && n <= b->max - b->n) || grow(b, n);
}

char *buf_extend(struct buf *b, size_t n)
{
    if (!reserve(b, n))
        return NULL;
    char *at = b->p + b->n;
    b->n += n;
    b->p[b->n] = '\0';
    return at;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    char *at = buf_extend(b, n);
    if (at && n > 0)
        memcpy(at, p, n);
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    char *at = buf_extend(b, 1);
    if (at)
        *at = c;
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

size_t int_format(int64_t value, char out[INT_FORMAT_SIZE])
{
    char digits[INT_FORMAT_SIZE];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    digits[--at] = '\0';
    for (; left >= 10; left /= 100) { /* two at a time: divisions are what it costs */
        unsigned pair = (unsigned)(left % 100);
        digits[--at] = (char)('0' + pair % 10);
        digits[--at] = (char)('0' + pair / 10);
    }
    if (left > 0 || at == sizeof digits - 1)
        digits[--at] = (char)('0' + left);
    if (value < 0)
        digits[--at] = '-';
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at - 1;
}

void buf_addi(struct buf *b, int64_t value)
{
    char text[INT_FORMAT_SIZE];
    buf_add(b, text, int_format(value, text));
}

bool digits_parse(struct str text, int64_t *ret)
{
    int64_t value = 0;
    if (text.n == 0 || text.n > 15)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (text.p[i] - '0');
    }
    *ret = value;
    return true;
}

char *buf_take(struct buf *b)
{
    char *p = b->p ? b->p : xstrdup("");
    *b = (struct buf){.max = b->max};
    return p;
}
