#include "../../worker/engine/budget.h"
#include "event_kit.h"

enum { WINDOW = 10000 };

static void start(struct budget *b, unsigned count)
{
    const struct limit limits[LIMITS_MAX] = {{"a", count, WINDOW}, {"b", 1, WINDOW}};
    budget_init(b, limits, 0);
}

START_TEST(begins_without_a_burst_and_earns_one)
{
    struct budget b;
    start(&b, 100);
    ck_assert_int_gt(budget_ready_in(&b, 0, BUDGET_ORDINARY, 0), 0);
    int64_t first = budget_ready_in(&b, 0, BUDGET_ORDINARY, 0);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, first), 0);
    unsigned burst = 0;
    for (; budget_ready_in(&b, 0, BUDGET_ORDINARY, 5 * WINDOW) == 0; burst++) {
        budget_take(&b, 0, BUDGET_ORDINARY, 5 * WINDOW);
        budget_give(&b, 0, 5 * WINDOW);
    }
    ck_assert_uint_ge(burst, 2);
    ck_assert_uint_le(burst, 10);
    budget_restart(&b, 9 * WINDOW);
    ck_assert_int_gt(budget_ready_in(&b, 0, BUDGET_ORDINARY, 9 * WINDOW), 0);
    budget_done(&b);
}
END_TEST

START_TEST(no_window_holds_more_than_the_limit_and_nearly_all_is_used)
{
    enum { CALLS = 3000, COUNT = 20 };
    static int64_t sent[CALLS], ends[CALLS];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct budget b;
        uint64_t state = seed;
        int64_t now = 0;
        size_t n = 0, ended = 0;
        start(&b, COUNT);
        while (n < CALLS) {
            while (ended < n && ends[ended] <= now)
                budget_give(&b, 0, ends[ended++]);
            enum budget_share share = seed % 2 && n % 10 == 9 ? BUDGET_LEAVERS : BUDGET_ORDINARY;
            int64_t wait = budget_ready_in(&b, 0, share, now);
            if (wait > 0) {
                now += wait < 50 ? wait : 50;
                continue;
            }
            budget_take(&b, 0, share, now);
            int64_t end = now + (int64_t)(kit_random(&state) % 300);
            sent[n] = now;
            ends[n] = n > 0 && end < ends[n - 1] ? ends[n - 1] : end;
            n++;
        }
        for (size_t i = COUNT; i < n; i++) /* arrival is between sending and the answer */
            ck_assert_int_gt(sent[i] - ends[i - COUNT], WINDOW);
        ck_assert_int_lt(now, (int64_t)(CALLS / COUNT) * WINDOW * 5 / 4);
        budget_done(&b);
    }
}
END_TEST

START_TEST(places_in_flight_are_taken_until_they_come_back)
{
    struct budget b;
    start(&b, 3); /* one of them is the leavers' */
    for (int64_t now = 5 * WINDOW; now <= 50 * WINDOW; now += 45 * WINDOW) {
        ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, now), 0);
        budget_take(&b, 0, BUDGET_ORDINARY, now);
    }
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, 900 * WINDOW), INT64_MAX);
    budget_give(&b, 0, 900 * WINDOW);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, 900 * WINDOW), WINDOW + 1);
    budget_done(&b);
}
END_TEST

START_TEST(leavers_have_places_that_movers_cannot_spend)
{
    static const unsigned counts[] = {2, 3, 20, 100};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct budget b;
        int64_t now = 5 * WINDOW;
        unsigned movers = 0;
        start(&b, counts[i]);
        for (int64_t wait; (wait = budget_ready_in(&b, 0, BUDGET_ORDINARY, now)) != INT64_MAX; now += wait) {
            if (wait == 0) {
                budget_take(&b, 0, BUDGET_ORDINARY, now);
                movers++;
            }
        }
        ck_assert_uint_lt(movers, counts[i]);
        for (; movers < counts[i]; movers++) {
            int64_t wait = budget_ready_in(&b, 0, BUDGET_LEAVERS, now);
            ck_assert_int_le(wait, WINDOW);
            now += wait;
            budget_take(&b, 0, BUDGET_LEAVERS, now);
        }
        ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_LEAVERS, now), INT64_MAX);
        budget_done(&b);
    }
}
END_TEST

START_TEST(a_limit_of_one_is_one_per_window_after_its_end)
{
    struct budget b;
    start(&b, 2);
    budget_take(&b, 1, BUDGET_ORDINARY, 5 * WINDOW);
    budget_give(&b, 1, 5 * WINDOW + 500);
    ck_assert_int_eq(budget_ready_in(&b, 1, BUDGET_ORDINARY, 5 * WINDOW + 500), WINDOW + 1);
    ck_assert_int_eq(budget_ready_in(&b, 1, BUDGET_ORDINARY, 6 * WINDOW + 501), 0);
    budget_done(&b);
}
END_TEST

START_TEST(a_pause_moves_forward_only_and_concerns_its_class)
{
    struct budget b;
    start(&b, 100);
    budget_pause(&b, 0, 7 * WINDOW);
    budget_pause(&b, 0, 6 * WINDOW);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, 5 * WINDOW), 2 * WINDOW);
    ck_assert_int_eq(budget_ready_in(&b, 1, BUDGET_ORDINARY, 5 * WINDOW), 0);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, 7 * WINDOW), 0);
    budget_done(&b);
}
END_TEST

START_TEST(a_class_without_a_limit_is_always_ready)
{
    struct budget b;
    start(&b, 1);
    budget_take(&b, -1, BUDGET_ORDINARY, 0);
    budget_give(&b, -1, 0);
    budget_pause(&b, -1, 1000);
    ck_assert_int_eq(budget_ready_in(&b, -1, BUDGET_ORDINARY, 0), 0);
    budget_done(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        begins_without_a_burst_and_earns_one,
        no_window_holds_more_than_the_limit_and_nearly_all_is_used,
        places_in_flight_are_taken_until_they_come_back,
        leavers_have_places_that_movers_cannot_spend,
        a_limit_of_one_is_one_per_window_after_its_end,
        a_pause_moves_forward_only_and_concerns_its_class,
        a_class_without_a_limit_is_always_ready,
    };
    return kit_run("budget", tests, ARRAY_SIZE(tests));
}
