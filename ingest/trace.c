#include "trace.h"

#include <assert.h>
#include <sys/random.h>

#include "digest.h"

enum { TRACE_SIZE = 16, SPAN_SIZE = 8, LENGTH = EVENT_TRACEPARENT_SIZE - 1 };

static bool lower_hex(const char *p, size_t n, bool *ret_zero)
{
    *ret_zero = true;
    for (size_t i = 0; i < n; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
        *ret_zero = *ret_zero && p[i] == '0';
    }
    return true;
}

/* "00-<32 hex>-<16 hex>-<2 hex>", ids not all zero. */
static bool valid(struct str s)
{
    bool trace_zero, span_zero, flags_zero;
    return s.n == LENGTH && memcmp(s.p, "00-", 3) == 0 && lower_hex(s.p + 3, 32, &trace_zero) &&
           s.p[35] == '-' && lower_hex(s.p + 36, 16, &span_zero) && s.p[52] == '-' &&
           lower_hex(s.p + 53, 2, &flags_zero) && !trace_zero && !span_zero;
}

/* Numbers that are unlikely to meet again; nothing secret rests on them (splitmix64). */
static uint64_t next_number(void)
{
    static _Thread_local uint64_t state;
    if (state == 0) {
        ssize_t got = getrandom(&state, sizeof state, 0);
        assert(got == (ssize_t)sizeof state);
    }
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) | 1; /* never all zero */
}

void trace_parent(const struct message *m, char out[EVENT_TRACEPARENT_SIZE])
{
    struct str given = {0};
    if (message_header(m, "traceparent", &given) == 1 && valid(given)) {
        memcpy(out, given.p, LENGTH);
        out[LENGTH] = '\0';
        return;
    }
    uint64_t numbers[3] = {next_number(), next_number(), next_number()};
    memcpy(out, "00-", 3);
    hex_encode(numbers, TRACE_SIZE, out + 3);
    out[35] = '-';
    hex_encode(&numbers[2], SPAN_SIZE, out + 36);
    memcpy(out + 52, "-01", 4);
}
