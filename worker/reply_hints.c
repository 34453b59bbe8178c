#include "reply_hints.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "mem.h"

enum {
    VALUE_MAX = 64,
    /* A reset below this is a number of seconds from now, above it an instant. */
    RESET_IS_INSTANT = 100 * 1000 * 1000,
};

static const int64_t SECONDS_MAX = INT64_C(1)
                                   << 40; /* no instant that makes sense; a thousandfold fits an int64_t */

void reply_hints_clear(struct reply_hints *h)
{
    *h = (struct reply_hints){-1, -1, -1, -1};
}

/* Digits with an optional fraction, which is rounded up: waiting too short is the worse error. */
static bool parse_seconds(const char *text, int64_t *ret)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    long long n = strtoll(text, &end, 10);
    if (n > SECONDS_MAX)
        return false;
    if (*end == '.') {
        n += strspn(end + 1, "0") == strlen(end + 1) ? 0 : 1;
        end += 1 + strspn(end + 1, "0123456789");
    }
    if (*end != '\0' || n < 0)
        return false;
    *ret = n;
    return true;
}

/* RFC 9110 §5.6.7: senders write only the fixed-length form. */
static bool parse_http_date(const char *text, int64_t *ret_ms)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end != '\0')
        return false;
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static void set_retry_after(struct reply_hints *h, const char *value)
{
    if (!parse_seconds(value, &h->retry_after_s))
        (void)parse_http_date(value, &h->retry_at_ms);
}

static void set_remaining(struct reply_hints *h, const char *value)
{
    (void)parse_seconds(value, &h->rate_remaining);
}

static void set_reset(struct reply_hints *h, const char *value)
{
    (void)parse_seconds(value, &h->rate_reset_s);
}

static const struct {
    const char *name;
    void (*set)(struct reply_hints *h, const char *value);
} headers[] = {
    {"Retry-After", set_retry_after},
    {"X-RateLimit-Remaining", set_remaining},
    {"X-RateLimit-Reset", set_reset},
};

void reply_hints_line(struct reply_hints *h, struct str line)
{
    if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) {
        reply_hints_clear(h);
        return;
    }
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon)
        return;
    size_t name_n = (size_t)(colon - line.p);
    struct str value = str_trim((struct str){colon + 1, line.n - name_n - 1});
    if (value.n >= VALUE_MAX)
        return;
    char text[VALUE_MAX];
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        if (strlen(headers[i].name) == name_n && strncasecmp(headers[i].name, line.p, name_n) == 0)
            headers[i].set(h, text);
}

static int64_t clamp_wait(int64_t wait_ms)
{
    if (wait_ms < 0)
        return 0;
    return wait_ms > HINT_WAIT_MAX_MS ? HINT_WAIT_MAX_MS : wait_ms;
}

static int64_t seconds_to_ms(int64_t s)
{
    return s > HINT_WAIT_MAX_MS / 1000 ? HINT_WAIT_MAX_MS : s * 1000;
}

int64_t reply_hints_wait_ms(const struct reply_hints *h, int status, int64_t wall_ms)
{
    if (h->retry_after_s >= 0)
        return seconds_to_ms(h->retry_after_s);
    if (h->retry_at_ms >= 0)
        return clamp_wait(h->retry_at_ms - wall_ms);
    if (h->rate_reset_s < 0 || (status != 429 && h->rate_remaining != 0))
        return -1;
    if (h->rate_reset_s < RESET_IS_INSTANT)
        return seconds_to_ms(h->rate_reset_s);
    return clamp_wait(h->rate_reset_s * 1000 - wall_ms);
}
