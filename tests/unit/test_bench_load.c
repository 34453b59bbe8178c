#include "test_lib.h"

#include "tests/bench/load/client.h"
#include "tests/bench/load/histogram.h"

START_TEST(percentiles_are_within_one_percent_and_never_above_the_largest)
{
    struct histogram h = {0};
    ck_assert_int_eq(histogram_at(&h, 0.99), 0);
    for (int64_t us = 1; us <= 100000; us++)
        histogram_add(&h, us);
    static const struct {
        double share;
        int64_t value;
    } rows[] = {{0.0, 1}, {0.001, 100}, {0.5, 50000}, {0.9, 90000}, {0.99, 99000}, {1.0, 100000}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t got = histogram_at(&h, rows[i].share);
        ck_assert_int_ge(got, rows[i].value);
        ck_assert_int_le(got, rows[i].value + rows[i].value / 100);
    }
    ck_assert_int_eq(h.max, 100000);
    ck_assert_uint_eq(h.n, 100000);
}
END_TEST

START_TEST(one_slow_answer_in_a_hundred_is_the_last_percent_and_no_other)
{
    struct histogram h = {0};
    for (int i = 0; i < 99; i++)
        histogram_add(&h, 200);
    histogram_add(&h, INT64_C(3600) * 1000 * 1000);
    ck_assert_int_eq(histogram_at(&h, 0.99), 200);
    ck_assert_int_eq(histogram_at(&h, 0.995), INT64_C(3600) * 1000 * 1000);
    histogram_add(&h, INT64_MAX); /* beyond all steps, but not lost */
    ck_assert_int_eq(histogram_at(&h, 1.0), INT64_MAX);
    histogram_add(&h, -1); /* a clock that stood still */
    ck_assert_int_eq(histogram_at(&h, 0.0), 0);
}
END_TEST

START_TEST(answers_are_whole_when_their_length_is_there)
{
    static const struct {
        const char *name, *text;
        int status;
        bool closed;
    } rows[] = {
        {"nothing", "", 0, false},
        {"half a head", "HTTP/1.1 200 OK\r\nContent-Le", 0, false},
        {"without a body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, false},
        {"half a body", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab", 0, false},
        {"with a body", "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}", 401, false},
        {"and closed", "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 503, true},
        {"no content", "HTTP/1.1 204 No Content\r\n\r\n", 204, false},
        {"without a length", "HTTP/1.1 200 OK\r\n\r\n", -1, false},
        {"more than was asked for", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1", -1, false},
        {"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", -1, false},
        {"not the last answer", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", -1, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool closed = false;
        ck_assert_msg(load_answer(rows[i].text, strlen(rows[i].text), &closed) == rows[i].status, "%s",
                      rows[i].name);
        ck_assert_msg(closed == rows[i].closed, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(each_webhook_has_its_own_number_and_the_size_of_real_ones)
{
    struct webhooks webhooks;
    struct error err = {0};
    struct buf out;
    buf_init(&out, WEBHOOK_MAX);
    ck_assert_msg(webhooks_init(&webhooks, "okta,standard,forged,unreadable", &err), "%s", err.message);
    static const int statuses[] = {200, 200, 401, 200};
    for (uint64_t n = 0; n < 8; n++) {
        buf_clear(&out);
        ck_assert_int_eq(webhooks_write(&webhooks, n, &out), statuses[n % 4]);
        ck_assert(buf_ok(&out));
        const char *body = strstr(out.p, "\r\n\r\n") + 4, *mark = strstr(body, WEBHOOK_MARK);
        ck_assert_uint_eq(strlen(body), 850);
        ck_assert_ptr_nonnull(strstr(out.p, "content-length: 850\r\n"));
        ck_assert(n % 4 == 3 ? mark == NULL
                             : strtoul(mark + strlen(WEBHOOK_MARK), NULL, 10) == n && mark[20] == '"');
    }
    webhooks_done(&webhooks);
    ck_assert(!webhooks_init(&webhooks, "nobody", &err));
    webhooks_done(&webhooks);
    buf_done(&out);
}
END_TEST

RUN_TESTS("bench_load", percentiles_are_within_one_percent_and_never_above_the_largest,
          one_slow_answer_in_a_hundred_is_the_last_percent_and_no_other,
          answers_are_whole_when_their_length_is_there,
          each_webhook_has_its_own_number_and_the_size_of_real_ones)
