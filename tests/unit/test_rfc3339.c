#include "test_lib.h"

#include "rfc3339.h"

static const struct {
    const char *text;
    int64_t ms;
} good[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-11-22T08:44:15.123Z", 1795337055123},
    {"2026-11-22 08:44:15.123456789z", 1795337055123},
    {"2026-11-22t09:44:15.1+01:00", 1795337055100},
    {"2026-11-21T20:44:15-12:00", 1795337055000},
    {"2024-02-29T23:59:60Z", 1709251200000},
    {"2000-02-29T00:00:00Z", 951782400000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
    {"1969-12-31T23:00:00-01:00", 0},
};

static const char *const bad[] = {
    "",
    "2026-11-22",
    "2026-11-22T08:44:15",
    "2026-11-22T08:44Z",
    "2026-11-22T08:44:15.Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T08:60:00Z",
    "2026-11-22T08:44:61Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "1969-12-31T23:59:59.999Z",
    "9999-12-31T23:59:60Z",
    "2026-11-22T08:44:15+1:00",
    "2026-11-22T08:44:15+24:00",
    "2026-11-22T08:44:15Z ",
    " 2026-11-22T08:44:15Z",
    "+026-11-22T08:44:15Z",
    "2026-11-22T08:44:15 Z",
    "1795337055",
};

START_TEST(reads_instants)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        int64_t ms = -1;
        ck_assert_msg(rfc3339_parse(str_of(good[i].text), &ms), "%s", good[i].text);
        ck_assert_msg(ms == good[i].ms, "%s: %jd", good[i].text, (intmax_t)ms);
    }
}
END_TEST

START_TEST(refuses_what_is_no_instant)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int64_t ms;
        ck_assert_msg(!rfc3339_parse(str_of(bad[i]), &ms), "%s", bad[i]);
    }
    int64_t ms;
    ck_assert(!rfc3339_parse(BYTES("2026-11-22T08:44:15\0"), &ms));
    ck_assert(!rfc3339_parse((struct str){NULL, 0}, &ms));
}
END_TEST

START_TEST(writes_what_it_reads)
{
    const int64_t step = INT64_C(86400000) * 13 + 3723004; /* meets every month and many times of day */
    for (int64_t ms = 0; ms <= INT64_C(253402300799999); ms += step) {
        char text[RFC3339_SIZE];
        int64_t back;
        rfc3339_format(ms, text);
        ck_assert_uint_eq(strlen(text), RFC3339_SIZE - 1);
        ck_assert_msg(rfc3339_parse(str_of(text), &back) && back == ms, "%s", text);
    }
}
END_TEST

START_TEST(writes_utc_with_milliseconds)
{
    char text[RFC3339_SIZE];
    rfc3339_format(1795337055007, text);
    ck_assert_str_eq(text, "2026-11-22T08:44:15.007Z");
}
END_TEST

RUN_TESTS("rfc3339", reads_instants, refuses_what_is_no_instant, writes_what_it_reads,
          writes_utc_with_milliseconds)
