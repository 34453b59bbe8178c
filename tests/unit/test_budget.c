#include "../../worker/engine/budget.h"
#include "event_kit.h"

enum { WINDOW = 10000 };

static void start_shared(struct budget *b, unsigned count, bool shared)
{
    const struct limit limits[LIMITS_MAX] = {
        {.name = "a", .count = count, .window_ms = WINDOW, .shared = shared},
        {.name = "b", .count = 1, .window_ms = WINDOW, .shared = shared}};
    budget_init(b, limits, 0);
}

static void start(struct budget *b, unsigned count)
{
    start_shared(b, count, true);
}

static unsigned spend_all(struct budget *b, enum budget_share share, int64_t now_ms)
{
    unsigned n = 0;
    for (; budget_ready_in(b, 0, share, now_ms) == 0; n++)
        budget_take(b, 0, now_ms);
    return n;
}

START_TEST(earns_a_short_burst_and_then_flows_evenly)
{
    struct budget b;
    start(&b, 100);
    ck_assert_int_gt(budget_ready_in(&b, 0, BUDGET_ORDINARY, 0), 0);
    unsigned burst = spend_all(&b, BUDGET_ORDINARY, 5 * WINDOW);
    ck_assert_uint_eq(burst, 2);
    for (int i = 1; i < 50; i++) {
        int64_t now = 5 * WINDOW + i * (WINDOW / 100 + 1);
        ck_assert_uint_le(spend_all(&b, BUDGET_ORDINARY, now), 1);
    }
    budget_done(&b);
}
END_TEST

START_TEST(who_takes_a_bucket_over_begins_in_debt)
{
    struct budget b;
    start(&b, 100);
    budget_restart(&b, 5 * WINDOW, 0);
    int64_t clean = budget_ready_in(&b, 0, BUDGET_ORDINARY, 5 * WINDOW);
    ck_assert_int_ge(clean, WINDOW / 20);
    ck_assert_int_le(clean, WINDOW / 10);
    budget_restart(&b, 5 * WINDOW, 2000);
    ck_assert_int_ge(budget_ready_in(&b, 0, BUDGET_ORDINARY, 5 * WINDOW), clean + 2000);
    budget_done(&b);
}
END_TEST

START_TEST(other_limits_forget_nothing_that_was_spent)
{
    struct budget b;
    start_shared(&b, 100, false);
    int64_t now = 5 * WINDOW;
    for (unsigned n = 0; n < 60; now += WINDOW / 100 + 1) /* as the pace lets them, over half a window */
        n += spend_all(&b, BUDGET_ORDINARY, now);
    for (unsigned n = b.classes[0].in_flight; n > 0; n--)
        budget_give(&b, 0, now, now);
    const struct limit fewer[LIMITS_MAX] = {{.name = "a", .count = 10, .window_ms = WINDOW},
                                            {.name = "b", .count = 1, .window_ms = WINDOW}};
    const struct limit more[LIMITS_MAX] = {{.name = "a", .count = 1000, .window_ms = WINDOW},
                                           {.name = "b", .count = 1, .window_ms = WINDOW}};
    budget_set_limits(&b, fewer, now);
    ck_assert_uint_eq(spend_all(&b, BUDGET_ORDINARY, now + WINDOW), 0);
    unsigned late = spend_all(&b, BUDGET_ORDINARY, now + WINDOW + 1);
    ck_assert_uint_ge(late, 1);
    ck_assert_uint_le(late, 10);
    budget_set_limits(&b, more, now + WINDOW + 1);
    ck_assert_uint_le(spend_all(&b, BUDGET_ORDINARY, now + 3 * WINDOW), 1000 / 50);
    budget_done(&b);
}
END_TEST

START_TEST(buckets_share_a_limit_and_have_all_of_it_together)
{
    static const unsigned counts[] = {1, 5, 20, 100, 200, 1000003};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        for (unsigned spread = 1; spread <= 16; spread++) {
            unsigned sum = 0;
            for (unsigned bucket = 0; bucket < spread; bucket++)
                sum += budget_part(counts[i], bucket, spread);
            ck_assert_uint_eq(sum, counts[i]);
            ck_assert_uint_ge(budget_part(counts[i], 0, spread),
                              1); /* jobs for the whole target are bucket 0's */
            ck_assert(counts[i] < spread || budget_part(counts[i], spread - 1, spread) > 0);
        }
}
END_TEST

START_TEST(a_bucket_without_a_share_never_calls)
{
    struct budget b;
    start(&b, 0);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_LEAVERS, 100 * WINDOW), INT64_MAX);
    budget_done(&b);
}
END_TEST

/* ---- the target counts --------------------------------------------------------------------------------- */

enum { HISTORY_MAX = 4000, OWNERS_MAX = 8 };

/* A target, its limit, and a row of owners of one bucket, one after the other. */
struct history {
    struct limit limit;
    int64_t latency_max_ms;
    uint64_t random;
    bool takeovers;
    unsigned leavers_in_10;
    int64_t sent[HISTORY_MAX], over[HISTORY_MAX]; /* of the present owner's calls; over in order */
    size_t begun, ended;
    int64_t arrivals[HISTORY_MAX];
    size_t n;
};

static int64_t drawn(struct history *h, int64_t most)
{
    return (int64_t)(kit_random(&h->random) % (uint64_t)(most + 1));
}

static void give_until(struct history *h, struct budget *b, int64_t now)
{
    for (; h->ended < h->begun && h->over[h->ended] <= now; h->ended++)
        budget_give(b, 0, h->over[h->ended], now);
}

/* Arrives anywhere between sending and its end; ends in any order, given back in the order of their ends. */
static void send_one(struct history *h, struct budget *b, int64_t now)
{
    int64_t over = now + drawn(h, h->latency_max_ms);
    size_t at = h->begun++;
    budget_take(b, 0, now);
    h->arrivals[h->n++] = now + drawn(h, over - now);
    for (; at > h->ended && h->over[at - 1] > over; at--)
        h->over[at] = h->over[at - 1];
    h->over[at] = over;
}

/* One owner with a backlog until `until`; it has taken the bucket at `now`. */
static int64_t own(struct history *h, int64_t now, int64_t until, int64_t on_way_ms)
{
    struct budget b;
    struct limit limits[LIMITS_MAX] = {h->limit};
    int64_t boot = drawn(h, 1000000);
    budget_init(&b, limits, now - boot);
    budget_restart(&b, now, on_way_ms);
    h->begun = h->ended = 0;
    while (now < until && h->n < HISTORY_MAX) {
        give_until(h, &b, now);
        enum budget_share share = (unsigned)drawn(h, 9) < h->leavers_in_10 ? BUDGET_LEAVERS : BUDGET_ORDINARY;
        int64_t wait = budget_ready_in(&b, 0, share, now),
                next = h->ended < h->begun ? h->over[h->ended] : INT64_MAX;
        if (wait == 0)
            send_one(h, &b, now);
        else
            now = wait < next - now ? now + wait : next;
    }
    budget_done(&b);
    return now;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A counter of either kind: fixed windows that begin anywhere, or all windows that there are. */
static void check_counters(struct history *h, uint64_t seed)
{
    const struct limit *l = &h->limit;
    qsort(h->arrivals, h->n, sizeof *h->arrivals, by_time);
    for (size_t i = l->count; i < h->n; i++)
        ck_assert_msg(h->arrivals[i] - h->arrivals[i - l->count] > l->window_ms,
                      "seed %llu: more than %u in a sliding window of %lld ms", (unsigned long long)seed,
                      l->count, (long long)l->window_ms);
    int64_t phase = drawn(h, l->window_ms - 1);
    for (size_t i = 0, same = 0; i < h->n; i++) {
        bool new =
            i == 0 || (h->arrivals[i] + phase) / l->window_ms != (h->arrivals[i - 1] + phase) / l->window_ms;
        same = new ? 1 : same + 1;
        ck_assert_msg(same <= l->count, "seed %llu: fixed window", (unsigned long long)seed);
    }
}

static void draw_history(struct history *h, uint64_t seed)
{
    *h = (struct history){.random = seed * 7919, .limit = {.name = "a"}};
    h->limit.window_ms = 1000 + drawn(h, 59000);
    h->limit.count = (unsigned)(1 + drawn(h, drawn(h, 1) ? 250 : 20));
    h->limit.shared = drawn(h, 1);
    h->leavers_in_10 = (unsigned)drawn(h, 10);
    h->takeovers = drawn(h, 1);
    h->latency_max_ms = h->takeovers ? drawn(h, h->limit.window_ms) : h->limit.window_ms / 50;
}

START_TEST(no_window_at_the_target_holds_more_than_the_limit_whoever_owns_the_bucket)
{
    static struct history h;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        draw_history(&h, seed);
        int64_t now = 100000, on_way = 0;
        for (int owner = 0; owner < OWNERS_MAX && h.n < HISTORY_MAX; owner++) {
            int64_t until = h.takeovers ? now + drawn(&h, 3 * h.limit.window_ms) : INT64_MAX;
            now = own(&h, now, until, on_way);
            bool dies = drawn(&h, 1);
            on_way = dies ? h.latency_max_ms : 0;
            if (!dies && h.ended < h.begun && h.over[h.begun - 1] > now)
                now = h.over[h.begun - 1]; /* in order: it awaits its calls */
        }
        check_counters(&h, seed);
    }
}
END_TEST

START_TEST(nearly_all_of_a_limit_is_used_while_there_is_work)
{
    static struct history h;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        draw_history(&h, seed);
        h.leavers_in_10 = seed % 2 ? 0 : h.leavers_in_10;
        h.latency_max_ms = h.limit.window_ms / 50;
        int64_t begin = 1000000;
        int64_t end = begin + (HISTORY_MAX / h.limit.count - 3) * h.limit.window_ms;
        end = end > begin + 40 * h.limit.window_ms ? begin + 40 * h.limit.window_ms : end;
        own(&h, begin - 2 * h.limit.window_ms, end, 0);
        size_t n = 0;
        for (size_t i = 0; i < h.n; i++)
            n += h.arrivals[i] >= begin && h.arrivals[i] < end;
        double share = (double)n * (double)h.limit.window_ms / ((double)(end - begin) * h.limit.count);
        ck_assert_msg(share >= 0.95, "seed %llu: %.3f of %u in %lld ms", (unsigned long long)seed, share,
                      h.limit.count, (long long)h.limit.window_ms);
    }
}
END_TEST

START_TEST(a_call_of_unknown_end_keeps_its_place_until_it_must_have_arrived)
{
    struct budget b;
    start(&b, 2);
    int64_t now = 5 * WINDOW;
    budget_take(&b, 0, now);
    budget_take(&b, 0, now);
    budget_give(&b, 0, now + 7000, now + 100);
    budget_give(&b, 0, now + 200, now + 200); /* came back later and is over sooner */
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_LEAVERS, now + 200), WINDOW + 1);
    budget_take(&b, 0, now + 201 + WINDOW);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_LEAVERS, now + 201 + WINDOW), 7000 - 200);
    budget_done(&b);
}
END_TEST

START_TEST(places_in_flight_are_taken_until_they_come_back)
{
    struct budget b;
    start_shared(&b, 2, false);
    budget_take(&b, 0, 5 * WINDOW);
    ck_assert_int_lt(budget_ready_in(&b, 0, BUDGET_ORDINARY, 50 * WINDOW), WINDOW);
    budget_take(&b, 0, 50 * WINDOW);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, 900 * WINDOW), INT64_MAX);
    budget_give(&b, 0, 900 * WINDOW, 900 * WINDOW);
    ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_ORDINARY, 900 * WINDOW), WINDOW + 1);
    budget_done(&b);
}
END_TEST

/* ---- leavers ------------------------------------------------------------------------------------------- */

START_TEST(leavers_have_places_that_movers_cannot_hold)
{
    static const unsigned counts[] = {2, 3, 20, 100};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct budget b;
        int64_t now = 5 * WINDOW;
        unsigned movers = 0;
        start(&b, counts[i]);
        for (int64_t wait; (wait = budget_ready_in(&b, 0, BUDGET_ORDINARY, now)) != INT64_MAX; now += wait) {
            if (wait == 0) {
                budget_take(&b, 0, now); /* and the target does not answer */
                movers++;
            }
        }
        ck_assert_uint_lt(movers, counts[i]);
        for (; movers < counts[i]; movers++) {
            ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_LEAVERS, now), 0);
            budget_take(&b, 0, now);
        }
        ck_assert_int_eq(budget_ready_in(&b, 0, BUDGET_LEAVERS, now), INT64_MAX);
        budget_done(&b);
    }
}
END_TEST

START_TEST(a_leaver_among_movers_that_take_all_they_can_get_waits_a_few_steps_of_the_pace_at_most)
{
    static const unsigned counts[] = {3, 6, 20, 40, 100, 200};
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct budget b;
        int64_t step = WINDOW / counts[i] + 1, few = counts[i] > 100 ? counts[i] / 50 + 1 : 2;
        start(&b, counts[i]);
        for (int64_t now = 5 * WINDOW; now < 12 * WINDOW; now++) {
            if (budget_ready_in(&b, 0, BUDGET_ORDINARY, now) == 0) {
                budget_take(&b, 0, now);
                budget_give(&b, 0, now, now);
            }
            int64_t wait = budget_ready_in(&b, 0, BUDGET_LEAVERS, now);
            ck_assert_msg(wait <= few * step, "%u: %lld ms", counts[i], (long long)wait);
        }
        budget_done(&b);
    }
}
END_TEST

START_TEST(leavers_overdraw_the_pace_by_their_slice_and_movers_pay_for_it)
{
    struct budget b;
    start(&b, 100);
    int64_t now = 5 * WINDOW;
    (void)spend_all(&b, BUDGET_ORDINARY, now);
    ck_assert_uint_eq(spend_all(&b, BUDGET_LEAVERS, now), 2);
    ck_assert_int_gt(budget_ready_in(&b, 0, BUDGET_ORDINARY, now), 2 * WINDOW / 100);
    budget_done(&b);
}
END_TEST

START_TEST(a_limit_of_one_is_one_per_window_after_its_end)
{
    struct budget b;
    start(&b, 2);
    budget_take(&b, 1, 5 * WINDOW);
    budget_give(&b, 1, 5 * WINDOW + 500, 5 * WINDOW + 500);
    ck_assert_int_eq(budget_ready_in(&b, 1, BUDGET_ORDINARY, 5 * WINDOW + 500), WINDOW + 1);
    ck_assert_int_eq(budget_ready_in(&b, 1, BUDGET_ORDINARY, 6 * WINDOW + 501), 0);
    budget_done(&b);
}
END_TEST

/* ---- what targets say ---------------------------------------------------------------------------------- */

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

/* Calls that start in so many windows from now on, answered at once. */
static unsigned flow(struct budget *b, int64_t *now, int windows)
{
    unsigned n = 0;
    for (int64_t end = *now + windows * WINDOW; *now < end; *now += 10)
        if (budget_ready_in(b, 0, BUDGET_ORDINARY, *now) == 0) {
            budget_take(b, 0, *now);
            budget_give(b, 0, *now, *now);
            n++;
        }
    return n;
}

START_TEST(throttling_without_a_word_halves_the_rate_which_comes_back)
{
    struct budget b;
    int64_t now = 5 * WINDOW;
    start(&b, 100);
    ck_assert_uint_ge(flow(&b, &now, 2), 195);
    budget_slow(&b, 0, now, now);
    budget_slow(&b, 0, now - 1, now); /* begun before the cut: says nothing new */
    (void)flow(&b, &now, 1);
    unsigned slow = flow(&b, &now, 2);
    ck_assert_uint_ge(slow, 100);
    ck_assert_uint_le(slow, 130);
    now += 20 * WINDOW;
    ck_assert_uint_ge(flow(&b, &now, 2), 195);
    for (int i = 0; i < 20; i++)
        budget_slow(&b, 0, now, now);
    (void)flow(&b, &now, 1);
    ck_assert_uint_ge(flow(&b, &now, 1), 4); /* never to a standstill */
    budget_done(&b);
}
END_TEST

/* The target bears less than its page says, and does not say how much. */
START_TEST(a_lower_limit_than_the_configured_one_is_found_without_hammering)
{
    enum { REAL = 30, WINDOWS = 200 };
    static int64_t accepted[REAL * (WINDOWS + 20)];
    struct budget b;
    unsigned n = 0, throttled = 0;
    start(&b, 100);
    for (int64_t now = 5 * WINDOW; now < (5 + WINDOWS) * WINDOW; now += 10) {
        if (budget_ready_in(&b, 0, BUDGET_ORDINARY, now) > 0)
            continue;
        budget_take(&b, 0, now);
        budget_give(&b, 0, now, now);
        if (n < REAL || now - accepted[n - REAL] > WINDOW) {
            accepted[n++] = now;
            continue;
        }
        throttled++;
        budget_slow(&b, 0, now, now);
        budget_pause(&b, 0, now + WINDOW);
    }
    ck_assert_uint_ge(n, REAL * WINDOWS / 2);
    ck_assert_uint_le(throttled, WINDOWS / 3);
    budget_done(&b);
}
END_TEST

START_TEST(a_class_without_a_limit_is_always_ready)
{
    struct budget b;
    start(&b, 1);
    budget_take(&b, -1, 0);
    budget_give(&b, -1, 0, 0);
    budget_pause(&b, -1, 1000);
    budget_slow(&b, -1, 0, 0);
    ck_assert_int_eq(budget_ready_in(&b, -1, BUDGET_ORDINARY, 0), 0);
    budget_done(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        earns_a_short_burst_and_then_flows_evenly,
        who_takes_a_bucket_over_begins_in_debt,
        other_limits_forget_nothing_that_was_spent,
        buckets_share_a_limit_and_have_all_of_it_together,
        a_bucket_without_a_share_never_calls,
        no_window_at_the_target_holds_more_than_the_limit_whoever_owns_the_bucket,
        nearly_all_of_a_limit_is_used_while_there_is_work,
        a_call_of_unknown_end_keeps_its_place_until_it_must_have_arrived,
        places_in_flight_are_taken_until_they_come_back,
        leavers_have_places_that_movers_cannot_hold,
        a_leaver_among_movers_that_take_all_they_can_get_waits_a_few_steps_of_the_pace_at_most,
        leavers_overdraw_the_pace_by_their_slice_and_movers_pay_for_it,
        a_limit_of_one_is_one_per_window_after_its_end,
        a_pause_moves_forward_only_and_concerns_its_class,
        throttling_without_a_word_halves_the_rate_which_comes_back,
        a_lower_limit_than_the_configured_one_is_found_without_hammering,
        a_class_without_a_limit_is_always_ready,
    };
    return kit_run("budget", tests, ARRAY_SIZE(tests));
}
