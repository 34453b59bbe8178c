#include "test_lib.h"

#include "tests/bench/target/dialect.h"
#include "tests/bench/target/score.h"

static struct score score;

static void start(void)
{
    score_init(&score, 3, 2);
}

static void stop(void)
{
    score_done(&score);
}

START_TEST(calls_in_order_are_counted_as_they_are)
{
    start();
    for (int64_t number = 0; number < 5; number++) {
        ck_assert(score_patch(&score, 1, number));
        score_answered(&score, 1);
    }
    ck_assert(score_patch(&score, 2, 0));
    ck_assert_uint_eq(score.patches, 6);
    ck_assert_uint_eq(score.answered, 5);
    ck_assert_uint_eq(score.in_flight, 1);
    ck_assert_uint_eq(score.in_flight_max, 1);
    ck_assert_uint_eq(score.skipped + score.repeated + score.overlapped, 0);
    stop();
}
END_TEST

START_TEST(an_event_without_a_call_of_its_own_is_found)
{
    start();
    ck_assert(score_patch(&score, 0, 0));
    score_answered(&score, 0);
    ck_assert(!score_patch(&score, 0, 3));
    ck_assert_uint_eq(score.skipped, 2);
    ck_assert(!score_patch(&score, 1, 1)); /* its first one is missing */
    ck_assert_uint_eq(score.skipped, 3);
    stop();
}
END_TEST

START_TEST(a_repeated_or_overtaken_call_is_found)
{
    start();
    ck_assert(score_patch(&score, 0, 0));
    score_answered(&score, 0);
    ck_assert(!score_patch(&score, 0, 0));
    ck_assert_uint_eq(score.repeated, 1);
    ck_assert_uint_eq(score.skipped, 0);
    stop();
}
END_TEST

START_TEST(two_calls_of_a_person_at_once_are_found)
{
    start();
    ck_assert(score_patch(&score, 0, 0));
    ck_assert(score_patch(&score, 0, 1));
    ck_assert_uint_eq(score.overlapped, 1);
    ck_assert_uint_eq(score.in_flight_max, 2);
    stop();
}
END_TEST

START_TEST(the_first_call_of_each_tenant_is_noted_until_asked_anew)
{
    start();
    score_call(&score, 1, 700);
    score_call(&score, 1, 800);
    ck_assert_int_eq(score.first_ms[1], 700);
    ck_assert_int_eq(score.first_ms[0], 0);
    score_watch(&score);
    score_call(&score, 1, 900);
    ck_assert_int_eq(score.first_ms[1], 900);
    stop();
}
END_TEST

START_TEST(requests_of_worker_and_peers_are_understood)
{
    static const struct {
        const char *method, *path, *body;
        bool ok;
        enum dialect_call call;
        size_t tenant, person;
        int64_t number;
    } rows[] = {
        {"PATCH", "/t03/Users/17", "{\"value\":\"Person 17 #42\"}", true, DIALECT_PATCH, 3, 17, 42},
        {"PATCH", "/t00/Users/17", "{\"value\":\"Person\"}", false, DIALECT_PATCH, 0, 17, -1},
        {"GET", "/t00/Users/5", "", true, DIALECT_READ, 0, 5, -1},
        {"GET", "/t11/Users?filter=userName%20eq%20%22user-900%40bench.example%22", "", true, DIALECT_FIND,
         11, 900, -1},
        {"POST", "/t00/Users", "{}", false, DIALECT_READ, 0, 0, -1},
        {"DELETE", "/t00/Users/1", "", false, DIALECT_READ, 0, 1, -1},
        {"GET", "/Users/1", "", false, DIALECT_READ, 0, 0, -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct request r = {str_of(rows[i].method), str_of(rows[i].path), str_of(rows[i].body)};
        struct dialect_request got;
        ck_assert_msg(dialect_parse(&r, &got) == rows[i].ok, "row %zu", i);
        if (!rows[i].ok)
            continue;
        ck_assert_int_eq(got.call, rows[i].call);
        ck_assert_uint_eq(got.tenant, rows[i].tenant);
        ck_assert_uint_eq(got.person, rows[i].person);
        ck_assert_int_eq(got.number, rows[i].number);
    }
}
END_TEST

RUN_TESTS("bench_target", calls_in_order_are_counted_as_they_are, an_event_without_a_call_of_its_own_is_found,
          a_repeated_or_overtaken_call_is_found, two_calls_of_a_person_at_once_are_found,
          the_first_call_of_each_tenant_is_noted_until_asked_anew,
          requests_of_worker_and_peers_are_understood)
