/* When a target counts as in trouble, and how many calls at once it bears. */
#include "../../worker/engine/breaker.h"
#include "../../worker/engine/inflight.h"
#include "event_kit.h"

enum { PAUSE = 1000, PAUSE_MAX = 16000 };

static void note(struct breaker *b, enum health health, uint64_t person, int64_t now_ms)
{
    breaker_note(b, (struct breaker_word){health, person, false}, now_ms, (uint64_t)now_ms * 2654435761u);
}

/* The probe that is due starts, and ends `ms` later; returns the time. */
static int64_t probe(struct breaker *b, enum health health, int64_t now_ms, int64_t ms)
{
    now_ms += breaker_ready_in(b, now_ms);
    ck_assert(breaker_start(b));
    now_ms += ms;
    breaker_note(b, (struct breaker_word){health, 1, true}, now_ms, (uint64_t)now_ms * 2654435761u);
    return now_ms;
}

static struct breaker opened_at(enum health health, int64_t now_ms)
{
    struct breaker b;
    breaker_init(&b, PAUSE, PAUSE_MAX);
    for (uint64_t i = 1; i <= BREAKER_PERSONS; i++)
        note(&b, health, i, now_ms);
    ck_assert(b.open);
    return b;
}

START_TEST(it_takes_several_persons_a_few_refusals_or_one_certain_word)
{
    static const struct {
        enum health health;
        uint64_t persons; /* that take turns */
        int opens_after;  /* 0: never */
    } rows[] = {
        {HEALTH_CERTAIN, 1, 1}, {HEALTH_SICK, 1, 3}, {HEALTH_SICK, 9, 3},    {HEALTH_SUSPECT, 9, 5},
        {HEALTH_SUSPECT, 4, 0}, {HEALTH_WELL, 9, 0}, {HEALTH_NO_WORD, 9, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct breaker b;
        int after = 0;
        breaker_init(&b, PAUSE, PAUSE_MAX);
        for (int n = 1; n <= 50 && after == 0; n++) {
            note(&b, rows[i].health, 1 + (uint64_t)n % rows[i].persons, 1000 + n);
            after = b.open ? n : 0;
        }
        ck_assert_msg(after == rows[i].opens_after, "row %zu: %d", i, after);
    }
}
END_TEST

START_TEST(a_few_sick_persons_among_others_leave_it_closed)
{
    struct breaker b;
    breaker_init(&b, PAUSE, PAUSE_MAX);
    for (int64_t n = 0; n < 1000; n++) {
        bool sick = n % 3 > 0; /* most calls fail, but they are four persons' */
        note(&b, sick ? HEALTH_SUSPECT : HEALTH_WELL, sick ? 1 + (uint64_t)n % 4 : 100 + (uint64_t)n,
             n * 100);
        ck_assert(!b.open);
    }
}
END_TEST

START_TEST(most_calls_of_many_persons_failing_opens_it_though_some_work)
{
    struct breaker b;
    breaker_init(&b, PAUSE, PAUSE_MAX);
    for (int64_t n = 0; n < 100 && !b.open; n++)
        note(&b, n % 10 ? HEALTH_SUSPECT : HEALTH_WELL, 1 + (uint64_t)n, n * 100);
    ck_assert(b.open);
    breaker_init(&b, PAUSE, PAUSE_MAX);
    for (int64_t n = 0; n < 1000; n++)
        note(&b, n % 2 ? HEALTH_SUSPECT : HEALTH_WELL, 1 + (uint64_t)n, n * 100);
    ck_assert(!b.open);
}
END_TEST

START_TEST(failures_of_long_ago_do_not_count)
{
    struct breaker b;
    breaker_init(&b, PAUSE, PAUSE_MAX);
    for (int64_t n = 0; n < 100; n++)
        note(&b, HEALTH_SUSPECT, 1 + (uint64_t)n, n * (BREAKER_VOTE_MS / 3));
    ck_assert(!b.open);
}
END_TEST

START_TEST(a_good_word_begins_the_run_anew)
{
    struct breaker b;
    breaker_init(&b, PAUSE, PAUSE_MAX);
    for (int64_t n = 0; n < 100; n++)
        note(&b, n % 3 == 2 ? HEALTH_WELL : HEALTH_SICK, 1, n);
    ck_assert(!b.open);
}
END_TEST

START_TEST(while_open_one_probe_at_a_time_asks_at_growing_intervals)
{
    struct breaker b = opened_at(HEALTH_SUSPECT, 1000000);
    int64_t now = 1000000, longest = 0, first = breaker_ready_in(&b, now);
    ck_assert_int_ge(first, PAUSE * 3 / 4);
    ck_assert_int_le(first, PAUSE * 5 / 4);
    for (int i = 0; i < 12; i++) {
        int64_t pause = breaker_ready_in(&b, now);
        longest = pause > longest ? pause : longest;
        now += pause;
        ck_assert_int_eq(breaker_ready_in(&b, now), 0);
        ck_assert(breaker_start(&b));
        ck_assert_int_eq(breaker_ready_in(&b, now + 100000), INT64_MAX); /* whatever it takes */
        breaker_note(&b, (struct breaker_word){HEALTH_SUSPECT, 1, true}, now, (uint64_t)i * 77777);
        ck_assert(b.open);
    }
    ck_assert_int_ge(longest, PAUSE_MAX * 3 / 4);
    ck_assert_int_le(longest, PAUSE_MAX * 5 / 4);
}
END_TEST

START_TEST(what_began_before_it_opened_says_nothing_any_more)
{
    struct breaker b = opened_at(HEALTH_SUSPECT, 1000000);
    int64_t in = breaker_ready_in(&b, 1000000);
    note(&b, HEALTH_WELL, 77, 1000010);
    note(&b, HEALTH_CERTAIN, 77, 1000020);
    ck_assert(b.open);
    ck_assert_int_eq(breaker_ready_in(&b, 1000000), in);
}
END_TEST

START_TEST(a_probe_that_works_closes_it_and_everything_is_as_at_first)
{
    struct breaker b = opened_at(HEALTH_SUSPECT, 1000000);
    int64_t now = probe(&b, HEALTH_SUSPECT, 1000000, 50);
    now = probe(&b, HEALTH_WELL, now, 50);
    ck_assert(!b.open);
    ck_assert_int_eq(breaker_ready_in(&b, now), 0);
    ck_assert(!breaker_start(&b));
    now += 2 * PAUSE_MAX;
    for (uint64_t i = 1; i <= BREAKER_PERSONS; i++) {
        ck_assert(!b.open);
        note(&b, HEALTH_SUSPECT, i, now);
    }
    ck_assert_int_le(breaker_ready_in(&b, now), PAUSE * 5 / 4);
}
END_TEST

START_TEST(patience_asked_for_is_no_answer_to_a_probe_and_no_failure)
{
    struct breaker b = opened_at(HEALTH_SUSPECT, 1000000);
    int64_t now = 1000000;
    for (int i = 0; i < 10; i++) {
        now = probe(&b, HEALTH_NO_WORD, now, 1);
        ck_assert(b.open);
        ck_assert_int_le(breaker_ready_in(&b, now), PAUSE * 5 / 4);
    }
}
END_TEST

START_TEST(a_target_that_opens_again_soon_goes_on_with_longer_pauses)
{
    struct breaker b = opened_at(HEALTH_CERTAIN, 1000000);
    int64_t now = 1000000, before = 0;
    for (int i = 0; i < 4; i++) {
        now = probe(&b, HEALTH_WELL, now, 10);
        note(&b, HEALTH_CERTAIN, 1, now);
        ck_assert(b.open);
        ck_assert_int_gt(breaker_ready_in(&b, now), before);
        before = breaker_ready_in(&b, now);
    }
}
END_TEST

START_TEST(a_failure_that_may_be_the_probers_own_ends_a_trouble_that_no_person_can_cause)
{
    struct breaker b = opened_at(HEALTH_CERTAIN, 1000000);
    (void)probe(&b, HEALTH_SUSPECT, 1000000, 10);
    ck_assert(!b.open);
    b = opened_at(HEALTH_SUSPECT, 1000000);
    (void)probe(&b, HEALTH_SUSPECT, 1000000, 10);
    ck_assert(b.open);
}
END_TEST

/* ---- calls at once ------------------------------------------------------------------------------------- */

START_TEST(time_outs_of_several_persons_halve_the_calls_at_once_and_answers_bring_them_back)
{
    struct inflight f;
    inflight_init(&f, 64);
    inflight_timed_out(&f, 1, 100, 1000);
    ck_assert_uint_eq(f.limit, 64);
    inflight_timed_out(&f, 2, 100, 1000);
    ck_assert_uint_eq(f.limit, 32);
    for (uint64_t i = 3; i < 60; i++)
        inflight_timed_out(&f, i, 200, 1001 + (int64_t)i); /* begun before the cut */
    ck_assert_uint_eq(f.limit, 32);
    for (int64_t i = 0; i < 40; i++)
        inflight_timed_out(&f, 1 + (uint64_t)i % 2, 2000 + i, 2000 + i);
    ck_assert_uint_eq(f.limit, 1);
    for (unsigned i = 1; i < 100; i++) {
        ck_assert_uint_eq(f.limit, i < 64 ? i : 64);
        inflight_answered(&f);
    }
}
END_TEST

START_TEST(one_persons_time_outs_do_not_slow_the_others)
{
    struct inflight f;
    inflight_init(&f, 64);
    for (int64_t i = 0; i < 100; i++)
        inflight_timed_out(&f, 1, i, i);
    for (int64_t i = 0; i < 100; i++) { /* two of them, with others between */
        inflight_timed_out(&f, 1 + (uint64_t)i % 2, 100 + i, 100 + i);
        inflight_answered(&f);
    }
    ck_assert_uint_ge(f.limit, 63);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_takes_several_persons_a_few_refusals_or_one_certain_word,
        a_few_sick_persons_among_others_leave_it_closed,
        most_calls_of_many_persons_failing_opens_it_though_some_work,
        failures_of_long_ago_do_not_count,
        a_good_word_begins_the_run_anew,
        while_open_one_probe_at_a_time_asks_at_growing_intervals,
        what_began_before_it_opened_says_nothing_any_more,
        a_probe_that_works_closes_it_and_everything_is_as_at_first,
        patience_asked_for_is_no_answer_to_a_probe_and_no_failure,
        a_target_that_opens_again_soon_goes_on_with_longer_pauses,
        a_failure_that_may_be_the_probers_own_ends_a_trouble_that_no_person_can_cause,
        time_outs_of_several_persons_halve_the_calls_at_once_and_answers_bring_them_back,
        one_persons_time_outs_do_not_slow_the_others,
    };
    return kit_run("breaker", tests, ARRAY_SIZE(tests));
}
