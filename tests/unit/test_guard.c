/* What the guard lets pass, and what it remembers. */
#include "test_lib.h"

#include "../../worker/engine/guard.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

#define NOW (INT64_C(1767600000000))

static struct engine_guard cfg_of(uint32_t count, uint32_t percent, uint32_t floor)
{
    struct engine_guard cfg = {.window_ms = DAY_MS};
    cfg.limits[GUARD_DEACTIVATION] = (struct engine_guard_limit){count, percent, floor};
    return cfg;
}

START_TEST(the_allowance_is_the_smaller_of_number_and_share_but_never_below_the_floor)
{
    static const struct {
        const char *name;
        uint32_t count, percent, floor;
        unsigned share;
        uint64_t active;
        uint32_t allowance;
    } rows[] = {
        {"no limit at all", 0, 0, 0, 1, 1000, UINT32_MAX},
        {"a number", 500, 0, 0, 1, 1000000, 500},
        {"a share", 0, 20, 0, 1, 1000, 200},
        {"the number is smaller", 100, 20, 0, 1, 1000, 100},
        {"the share is smaller", 500, 20, 0, 1, 1000, 200},
        {"a small tenant works on", 500, 20, 20, 1, 30, 20},
        {"nobody is loaded yet", 500, 20, 20, 1, 0, 20},
        {"no floor", 500, 20, 0, 1, 0, 0},
        {"one of four buckets", 500, 20, 20, 4, 100000, 125},
        {"a fourth of the floor, rounded up", 500, 20, 10, 4, 0, 3},
        {"a floor above everything", 10, 0, 50, 1, 0, 50},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct engine_guard cfg = cfg_of(rows[i].count, rows[i].percent, rows[i].floor);
        ck_assert_msg(guard_allowance(&cfg, GUARD_DEACTIVATION, rows[i].share, rows[i].active) ==
                          rows[i].allowance,
                      "%s", rows[i].name);
    }
}
END_TEST

START_TEST(counts_what_was_done_within_the_window_each_for_itself)
{
    struct engine_guard cfg = cfg_of(1, 0, 0);
    struct guard g = {0};
    for (int hour = 0; hour < 100; hour++) {
        guard_count(&g, &cfg, GUARD_DEACTIVATION, NOW + (int64_t)hour * HOUR_MS);
        uint32_t done = guard_done(&g, &cfg, GUARD_DEACTIVATION, NOW + (int64_t)hour * HOUR_MS);
        ck_assert_uint_eq(done, hour < GUARD_PARTS ? (uint32_t)hour + 1 : GUARD_PARTS);
        ck_assert_uint_eq(guard_done(&g, &cfg, GUARD_CREATION, NOW + (int64_t)hour * HOUR_MS), 0);
    }
    int64_t last = NOW + INT64_C(99) * HOUR_MS;
    ck_assert_uint_ge(guard_done(&g, &cfg, GUARD_DEACTIVATION, last + 10 * HOUR_MS), 13);
    ck_assert_uint_eq(guard_done(&g, &cfg, GUARD_DEACTIVATION, last + DAY_MS + 2 * HOUR_MS), 0);
}
END_TEST

/* Never less than the window says: a part ends a whole part's length after it began. */
START_TEST(nothing_is_forgotten_before_the_window_has_passed)
{
    struct engine_guard cfg = cfg_of(1, 0, 0);
    for (int64_t minute = 0; minute < 60; minute++) {
        struct guard g = {0};
        int64_t at = NOW + minute * 60000;
        guard_count(&g, &cfg, GUARD_DEACTIVATION, at);
        ck_assert_uint_eq(guard_done(&g, &cfg, GUARD_DEACTIVATION, at + DAY_MS - 1), 1);
        ck_assert_uint_eq(guard_done(&g, &cfg, GUARD_DEACTIVATION, at + DAY_MS + HOUR_MS + 1), 0);
    }
}
END_TEST

START_TEST(a_clock_that_is_behind_counts_all_the_same)
{
    struct engine_guard cfg = cfg_of(1, 0, 0);
    struct guard g = {0};
    guard_count(&g, &cfg, GUARD_DEACTIVATION, NOW + HOUR_MS);
    guard_count(&g, &cfg, GUARD_DEACTIVATION, NOW);
    ck_assert_uint_eq(guard_done(&g, &cfg, GUARD_DEACTIVATION, NOW), 2);
}
END_TEST

START_TEST(the_record_is_read_back_the_same)
{
    struct engine_guard cfg = cfg_of(1, 0, 0);
    struct guard g = {0}, back;
    struct error err;
    struct buf out;
    for (int hour = 0; hour < 30; hour++)
        for (enum guarded what = 0; what < GUARDED; what++)
            guard_count(&g, &cfg, what, NOW + (int64_t)hour * HOUR_MS);
    buf_init(&out, GUARD_RECORD_MAX);
    guard_record_write(&g, &out);
    ck_assert(buf_ok(&out));
    ck_assert_msg(guard_record_read(buf_str(&out), &back, &err), "%s", err.message);
    ck_assert_mem_eq(&g, &back, sizeof g);
    buf_done(&out);
}
END_TEST

START_TEST(records_that_are_none_are_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"version\":99,\"parts\":[]}",
        "{\"version\":1,\"parts\":[{}]}",
        "{\"version\":1,\"parts\":[{\"from\":1,\"creation\":-1}]}",
    };
    struct guard g;
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        ck_assert_msg(!guard_record_read(str_of(bad[i]), &g, &err) && err.kind == ERROR_PERMANENT, "%s",
                      bad[i]);
}
END_TEST

RUN_TESTS("guard", the_allowance_is_the_smaller_of_number_and_share_but_never_below_the_floor,
          counts_what_was_done_within_the_window_each_for_itself,
          nothing_is_forgotten_before_the_window_has_passed, a_clock_that_is_behind_counts_all_the_same,
          the_record_is_read_back_the_same, records_that_are_none_are_refused)
