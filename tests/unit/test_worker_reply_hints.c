#include "../../worker/reply_hints.h"

#include <check.h>
#include <stdlib.h>

#include "mem.h"
#include "test_lib.h"

enum { LINES_MAX = 4 };

static const int64_t NOW_MS = INT64_C(1795339652000); /* 2026-11-22T09:27:32Z */

static const struct row {
    const char *name;
    int status;
    const char *lines[LINES_MAX];
    int64_t wait_ms;
} rows[] = {
    {"no word", 200, {"Content-Type: application/json"}, -1},
    {"seconds", 429, {"Retry-After: 7"}, 7000},
    {"name in another case, blanks around", 503, {"retry-after:   12 \r\n"}, 12000},
    {"fraction is rounded up", 429, {"Retry-After: 1.2"}, 2000},
    {"fraction of zero", 429, {"Retry-After: 3.000"}, 3000},
    {"HTTP date ahead", 503, {"Retry-After: Sun, 22 Nov 2026 09:28:02 GMT"}, 30000},
    {"HTTP date behind", 503, {"Retry-After: Sun, 22 Nov 2026 09:00:00 GMT"}, 0},
    {"nonsense", 429, {"Retry-After: soon"}, -1},
    {"negative", 429, {"Retry-After: -5"}, -1},
    {"too long to be meant", 429, {"Retry-After: 99999999"}, HINT_WAIT_MAX_MS},
    {"Retry-After before the rate headers", 429, {"X-RateLimit-Reset: 60", "Retry-After: 2"}, 2000},
    {"reset as an instant", 429, {"X-RateLimit-Reset: 1795339662"}, 10000},
    {"reset as seconds from now", 429, {"X-RateLimit-Reset: 25"}, 25000},
    {"reset in the past", 429, {"X-RateLimit-Reset: 1795339000"}, 0},
    {"reset beyond all sense", 429, {"X-RateLimit-Reset: 9223372036854775807"}, -1},
    {"allowance left", 200, {"X-RateLimit-Remaining: 3", "X-RateLimit-Reset: 25"}, -1},
    {"allowance spent", 200, {"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 25"}, 25000},
    {"a header that only begins alike", 429, {"Retry-After-Not: 7"}, -1},
    {"an interim reply's words do not count", 200, {"Retry-After: 7", "HTTP/1.1 200 OK"}, -1},
};

START_TEST(reads_when_to_come_again)
{
    const struct row *row = &rows[_i];
    struct reply_hints h;
    reply_hints_clear(&h);
    for (size_t i = 0; i < LINES_MAX && row->lines[i]; i++)
        reply_hints_line(&h, str_of(row->lines[i]));
    ck_assert_msg(reply_hints_wait_ms(&h, row->status, NOW_MS) == row->wait_ms, "%s: %lld", row->name,
                  (long long)reply_hints_wait_ms(&h, row->status, NOW_MS));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_reply_hints");
    TCase *tc = tcase_create("hints");
    tcase_add_loop_test(tc, reads_when_to_come_again, 0, (int)ARRAY_SIZE(rows));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
