#include <pthread.h>
#include <stdatomic.h>

#include "../../ingest/load.h"
#include "test_lib.h"

static struct config_source sources[] = {{.name = "quick"}, {.name = "slow", .rate_per_s = 10, .burst = 3}};

static struct config config_of(int64_t requests)
{
    struct config cfg = {.sources = {sources, ARRAY_SIZE(sources)}};
    cfg.ingest.limits.requests = requests;
    return cfg;
}

START_TEST(counts_requests_under_way)
{
    struct config cfg = config_of(2);
    struct load *l = load_new(&cfg);
    ck_assert(!load_full(l) && load_enter(l) && load_enter(l));
    ck_assert(load_full(l) && !load_enter(l));
    load_leave(l);
    ck_assert(!load_full(l) && load_enter(l));
    cfg = config_of(3);
    load_use(l, &cfg);
    ck_assert(load_enter(l) && !load_enter(l));
    load_free(l);
}
END_TEST

START_TEST(a_source_without_a_rate_is_never_refused)
{
    struct config cfg = config_of(1);
    struct load *l = load_new(&cfg);
    unsigned after = 0;
    for (int i = 0; i < 10000; i++)
        ck_assert(load_take(load_rate(l, "quick"), 5, &after));
    load_free(l);
}
END_TEST

START_TEST(a_burst_then_the_rate)
{
    struct config cfg = config_of(1);
    struct load *l = load_new(&cfg);
    struct load_rate *r = load_rate(l, "slow");
    unsigned after = 0;
    int64_t now = 1000000;
    for (int i = 0; i < 3; i++)
        ck_assert(load_take(r, now, &after));
    ck_assert(!load_take(r, now, &after));
    ck_assert_uint_eq(after, 1);
    ck_assert(!load_take(r, now + 99, &after));
    ck_assert(load_take(r, now + 100, &after) && !load_take(r, now + 100, &after));
    int taken = 0;
    for (int64_t at = now + 100; at < now + 10100; at++)
        taken += load_take(r, at, &after);
    ck_assert_int_ge(taken, 99);
    ck_assert_int_le(taken, 100);
    for (int i = 0; i < 3; i++) /* rested long, no more than the burst has gathered */
        ck_assert(load_take(r, now + 100000, &after));
    ck_assert(!load_take(r, now + 100000, &after));
    ck_assert_ptr_eq(r, load_rate(l, "slow"));
    load_free(l);
}
END_TEST

START_TEST(without_a_burst_of_its_own_two_seconds_worth_may_come_at_once)
{
    static struct config_source one = {.name = "s", .rate_per_s = 4};
    struct config cfg = {.sources = {&one, 1}};
    struct load *l = load_new(&cfg);
    unsigned after;
    int taken = 0;
    while (load_take(load_rate(l, "s"), 77, &after))
        taken++;
    ck_assert_int_eq(taken, 8);
    load_free(l);
}
END_TEST

enum { THREADS = 4, TRIES = 20000, BURST = 1000 };

static struct load *shared;
static _Atomic int taken_by_all;

static void *take_many(void *arg)
{
    unsigned after;
    for (int i = 0; i < TRIES; i++)
        atomic_fetch_add(&taken_by_all, load_take(arg, 1, &after));
    return NULL;
}

START_TEST(threads_share_one_allowance)
{
    static struct config_source one = {.name = "s", .rate_per_s = 1, .burst = BURST};
    struct config cfg = {.sources = {&one, 1}};
    pthread_t ids[THREADS];
    shared = load_new(&cfg);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&ids[i], NULL, take_many, load_rate(shared, "s")), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    ck_assert_int_eq(atomic_load(&taken_by_all), BURST);
    load_free(shared);
}
END_TEST

RUN_TESTS("ingest_load", counts_requests_under_way, a_source_without_a_rate_is_never_refused,
          a_burst_then_the_rate, without_a_burst_of_its_own_two_seconds_worth_may_come_at_once,
          threads_share_one_allowance)
