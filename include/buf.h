/* buf.h - borrowed bytes (struct str) and growing bytes with a maximum from birth (struct buf).
 *
 * A buf that would exceed its maximum stops growing and remembers it: append as often as you like, look at
 * buf_ok() once at the end. Content is always NUL-terminated behind `n`. Thread rule: one owner at a time. */
#ifndef ROLLCALL_BUF_H
#define ROLLCALL_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str { /* borrowed, not NUL-terminated; p may be NULL when n is 0 */
    const char *p;
    size_t n;
};

static inline struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* s without the white space of ASCII (blank, tab, line ends) at its ends. */
struct str str_trim(struct str s);

struct buf {
    char *p;       /* NULL until the first byte */
    size_t n;      /* bytes used */
    size_t size;   /* bytes allocated */
    size_t max;    /* most bytes it may ever hold */
    bool overflow; /* something did not fit; content is then incomplete */
};

void buf_init(struct buf *b, size_t max);
/* Room for n bytes in all, from a caller who knows what is coming; no promise, no limit. */
void buf_reserve(struct buf *b, size_t n);
void buf_done(struct buf *b);  /* frees; b may be reused after buf_init */
void buf_clear(struct buf *b); /* empties, keeps the memory, forgets overflow */

void buf_add(struct buf *b, const void *p, size_t n);
/* n more bytes, for the caller to fill at once; NULL: they do not fit. */
char *buf_extend(struct buf *b, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_addi(struct buf *b, int64_t value); /* decimal; much faster than buf_addf */

/* The decimal digits that buf_addi writes, NUL-terminated; returns their number. */
enum { INT_FORMAT_SIZE = 21 };
size_t int_format(int64_t value, char out[INT_FORMAT_SIZE]);
/* Reads 1 to 15 decimal digits and nothing else. */
bool digits_parse(struct str text, int64_t *ret);

static inline bool buf_ok(const struct buf *b)
{
    return !b->overflow;
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

/* The content as a string that the caller frees; "" when empty. The buf is left empty. */
char *buf_take(struct buf *b);

#endif
