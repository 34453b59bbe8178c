/* fuzz.h - what a fuzz target is: one function that takes any bytes and must neither crash nor break its property.
 *
 * Each fuzz_*.c is a program of its own: with libFuzzer it looks for bytes that break it (`make fuzz`), with replay.c it
 * runs the bytes that are kept in corpus/ (`make fuzz-replay`, part of `make test`). Properties are asserts. */
#ifndef ROLLCALL_TESTS_FUZZ_H
#define ROLLCALL_TESTS_FUZZ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes the bytes up to the next newline off *rest; what is left begins after it. */
static inline struct str fuzz_line(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    struct str line = {rest->p, n};
    size_t used = end ? n + 1 : n;
    *rest = (struct str){rest->p + used, rest->n - used};
    return line;
}

static inline bool fuzz_equal(const struct buf *a, const struct buf *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

#endif
