#include "test_sandbox_kit.h"

static void start(enum miro_window window, bool enforce)
{
    kit_config();
    kit.cfg.window = window;
    kit.cfg.enforce_limits = enforce;
    kit_start();
    kit.now_ms = 30000 * 1000; /* the start of a fixed window */
}

/* Calls until the first 429, at most `max` times; returns how many were let in. */
static int let_in(const char *method, const char *target, const char *body, int max)
{
    int n = 0;
    while (n < max && kit_call(method, target, body) != 429)
        n++;
    return n;
}

static char *patch_body(size_t n)
{
    char *body = malloc(n + 1);
    int used = snprintf(
        body, n, PATCH_HEAD "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"A\"}" PATCH_TAIL);
    memset(body + used, ' ', n - (size_t)used);
    body[n] = '\0';
    return body;
}

static const struct {
    const char *method, *target;
    size_t body; /* bytes; 0: none */
    int limit;
    enum miro_class class;
} classes[] = {
    {"GET", "/Users", 0, 200, MIRO_USERS_LIST},
    {"GET", "/Users/1", 0, 200, MIRO_USER_GET},
    {"POST", "/Users", 200, 200, MIRO_USER_CREATE},
    {"PUT", "/Users/1", 200, 100, MIRO_USER_PUT},
    {"PATCH", "/Users/1", 200, 100, MIRO_USER_PATCH},
    {"DELETE", "/Users/1", 0, 20, MIRO_USER_DELETE},
    {"GET", "/Groups", 0, 5, MIRO_GROUPS_LIST},
    {"GET", "/Groups/1", 0, 20, MIRO_GROUP_GET},
    {"PATCH", "/Groups/1", 499, 100, MIRO_GROUP_PATCH_SMALL},
    {"PATCH", "/Groups/1", 500, 5, MIRO_GROUP_PATCH_LARGE},
    {"PATCH", "/Groups/1", 501, 5, MIRO_GROUP_PATCH_LARGE},
};

START_TEST(limits_each_call_as_published)
{
    start(_i % 2 ? MIRO_WINDOW_FIXED : MIRO_WINDOW_SLIDING, true);
    char *body = classes[_i].body ? patch_body(classes[_i].body) : NULL;
    ck_assert_int_eq(let_in(classes[_i].method, classes[_i].target, body, 1000), classes[_i].limit);
    ck_assert_str_eq(kit_string("scimType"), "tooManyRequests");
    ck_assert_str_eq(kit_string("detail"), "The user has sent too many requests in a given amount of time");
    ck_assert_str_eq(kit.reply.retry_after, "");
    struct miro_limit l = miro_limit_get(kit.m, classes[_i].class);
    ck_assert_int_eq(l.limit, classes[_i].limit);
    ck_assert_int_eq((int)l.arrivals, classes[_i].limit + 1);
    ck_assert_int_eq((int)l.max_sliding, classes[_i].limit + 1);
    ck_assert_uint_eq(l.over, 1);
    ck_assert_uint_eq(miro_over_limit(kit.m), 1);
    free(body);
}
END_TEST

START_TEST(discovery_is_not_limited)
{
    start(MIRO_WINDOW_SLIDING, true);
    ck_assert_int_eq(let_in("GET", "/ServiceProviderConfig", NULL, 1000), 1000);
}
END_TEST

START_TEST(a_fixed_window_forgets_at_its_end)
{
    start(MIRO_WINDOW_FIXED, true);
    kit.now_ms += 29999;
    ck_assert_int_eq(let_in("GET", "/Groups", NULL, 5), 5);
    kit.now_ms += 1;
    ck_assert_int_eq(let_in("GET", "/Groups", NULL, 100), 5);
    struct miro_limit l = miro_limit_get(kit.m, MIRO_GROUPS_LIST);
    ck_assert_int_eq((int)l.max_sliding, 11); /* what a sliding window would have seen */
    ck_assert_int_eq((int)l.max_fixed, 6);
}
END_TEST

START_TEST(a_sliding_window_forgets_one_by_one)
{
    start(MIRO_WINDOW_SLIDING, true);
    for (int i = 0; i < 5; i++, kit.now_ms += 1000)
        ck_assert_int_eq(kit_call("GET", "/Groups", NULL), 200);
    ck_assert_int_eq(kit_call("GET", "/Groups", NULL), 429);
    kit.now_ms += 24999; /* 29,999 ms after the first */
    ck_assert_int_eq(kit_call("GET", "/Groups", NULL), 429);
    kit.now_ms += 1;
    ck_assert_int_eq(kit_call("GET", "/Groups", NULL), 200);
    ck_assert_int_eq(kit_call("GET", "/Groups", NULL), 429);
}
END_TEST

START_TEST(windows_can_be_scaled_down)
{
    kit_config();
    kit.cfg.enforce_limits = true;
    kit.cfg.window_ms = 100;
    kit_start();
    ck_assert_int_eq(let_in("GET", "/Groups", NULL, 100), 5);
    kit.now_ms += 100;
    ck_assert_int_eq(let_in("GET", "/Groups", NULL, 100), 5);
}
END_TEST

START_TEST(counts_without_enforcing)
{
    start(MIRO_WINDOW_SLIDING, false);
    ck_assert_int_eq(let_in("GET", "/Groups", NULL, 100), 100);
    ck_assert_uint_eq(miro_over_limit(kit.m), 95);
    miro_limits_clear(kit.m);
    ck_assert_uint_eq(miro_over_limit(kit.m), 0);
    ck_assert_int_eq((int)miro_limit_get(kit.m, MIRO_GROUPS_LIST).max_sliding, 0);
}
END_TEST

START_TEST(levels_can_share_a_counter)
{
    kit_config();
    kit.cfg.share_levels = true;
    kit.cfg.enforce_limits = true;
    kit_start();
    ck_assert_int_eq(let_in("GET", "/Users", NULL, 150), 150);
    ck_assert_int_eq(let_in("GET", "/Users/1", NULL, 1000), 50);
    ck_assert_uint_eq(miro_limit_get(kit.m, MIRO_USER_GET).over, 1);
    ck_assert_uint_eq(miro_over_limit(kit.m), 1);
}
END_TEST

START_TEST(knows_the_stricter_table)
{
    static const struct {
        const char *method, *target;
        int limit;
    } rows[] = {{"GET", "/Users", 200},
                {"POST", "/Users", 20},
                {"PATCH", "/Users/1", 20},
                {"PATCH", "/Groups/1", 5},
                {"GET", "/Groups/1", 5}};
    kit_config();
    kit.cfg.rates = MIRO_RATES_HELP;
    kit.cfg.enforce_limits = true;
    kit_start();
    ck_assert_int_eq(let_in(rows[_i].method, rows[_i].target, "{}", 1000), rows[_i].limit);
}
END_TEST

START_TEST(sends_retry_after_and_rate_headers_when_told_so)
{
    kit_config();
    kit.cfg.retry_after = true;
    kit.cfg.rate_headers = true;
    kit.cfg.enforce_limits = true;
    kit_start();
    kit_call("GET", "/Groups", NULL);
    ck_assert(kit.reply.has_rate);
    ck_assert_int_eq((int)kit.reply.rate_limit, 5);
    ck_assert_int_eq((int)kit.reply.rate_remaining, 4);
    ck_assert_int_eq((int)(kit.reply.rate_reset_s - kit.now_ms / 1000), 30);
    kit.now_ms += 10000;
    ck_assert_int_eq(let_in("GET", "/Groups", NULL, 100), 4);
    ck_assert_str_eq(kit.reply.retry_after, "20");
    ck_assert_int_eq((int)kit.reply.rate_remaining, 0);
}
END_TEST

START_TEST(counts_at_arrival_what_is_applied_later)
{
    start(MIRO_WINDOW_SLIDING, true);
    struct miro_request rq = {.method = "GET", .target = "/Groups"};
    struct miro_reply r;
    for (int i = 0; i < 5; i++) {
        ck_assert(miro_arrive(kit.m, &rq, kit.now_ms, &r));
        miro_reply_done(&r);
    }
    ck_assert(!miro_arrive(kit.m, &rq, kit.now_ms, &r));
    ck_assert_int_eq(r.status, 429);
    miro_reply_done(&r);
    miro_apply(kit.m, &rq, kit.now_ms + 5000, &r);
    ck_assert_int_eq(r.status, 200);
    miro_reply_done(&r);
    ck_assert_int_eq((int)miro_limit_get(kit.m, MIRO_GROUPS_LIST).arrivals, 6);
}
END_TEST

/* Random arrivals against a count made the slow way. */
START_TEST(the_most_in_any_sliding_window_is_exact)
{
    enum { N = 2000 };
    static int64_t at[N];
    uint64_t random = (uint64_t)_i + 1;
    int most = 0;
    start(MIRO_WINDOW_SLIDING, false);
    for (int i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        kit.now_ms += (int64_t)(random >> 40) % 2000;
        at[i] = kit.now_ms;
        kit_call("GET", "/Groups", NULL);
        int in = 0;
        for (int k = i; k >= 0 && at[k] > at[i] - 30000; k--)
            in++;
        most = in > most ? in : most;
    }
    ck_assert_int_eq((int)miro_limit_get(kit.m, MIRO_GROUPS_LIST).max_sliding, most);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox limits");
    TCase *t = tcase_create("limits");
    tcase_add_checked_fixture(t, NULL, kit_teardown);
    tcase_add_loop_test(t, limits_each_call_as_published, 0, (int)ARRAY_SIZE(classes));
    tcase_add_test(t, discovery_is_not_limited);
    tcase_add_test(t, a_fixed_window_forgets_at_its_end);
    tcase_add_test(t, a_sliding_window_forgets_one_by_one);
    tcase_add_test(t, windows_can_be_scaled_down);
    tcase_add_test(t, counts_without_enforcing);
    tcase_add_test(t, levels_can_share_a_counter);
    tcase_add_loop_test(t, knows_the_stricter_table, 0, 5);
    tcase_add_test(t, sends_retry_after_and_rate_headers_when_told_so);
    tcase_add_test(t, counts_at_arrival_what_is_applied_later);
    tcase_add_loop_test(t, the_most_in_any_sliding_window_is_exact, 0, 5);
    suite_add_tcase(s, t);
    return kit_run(s);
}
