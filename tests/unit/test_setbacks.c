/* What failed rests ever longer, each by its own name, and no more of them are kept than of use. */
#include "test_lib.h"

#include <stdio.h>

#include "../../worker/engine/setbacks.h"

static const struct setback_terms terms = {.base_ms = 1000, .cap_ms = 60000};

static struct now at(int64_t ms)
{
    return (struct now){.wall_ms = 1000000 + ms, .boot_ms = ms};
}

START_TEST(each_rests_twice_as_long_as_the_time_before_up_to_the_cap)
{
    struct setbacks s = {0};
    int64_t now_ms = 5000;
    for (int64_t wait = 1000; wait <= 64000; wait *= 2) {
        const struct setback *one = setbacks_note(&s, "a", NULL, &terms, at(now_ms));
        ck_assert_int_eq(one->next_boot_ms - now_ms, wait < 60000 ? wait : 60000);
        ck_assert_int_eq(one->since_ms, 1005000);
        now_ms = one->next_boot_ms;
    }
    ck_assert_int_eq(setbacks_note(&s, "b", "why", &terms, at(now_ms))->next_boot_ms, now_ms + 1000);
    ck_assert_int_eq(setbacks_first(&s), now_ms); /* of "a" */
    ck_assert_str_eq(setbacks_find(&s, "b")->why, "why");
    setbacks_remove(&s, "b");
    ck_assert_int_eq(setbacks_next(&s, "b"), 0);
    setbacks_done(&s);
    ck_assert_int_eq(setbacks_first(&s), INT64_MAX);
}
END_TEST

START_TEST(what_was_not_tried_for_long_begins_anew)
{
    struct setbacks s = {0};
    struct setback_terms open = terms;
    setbacks_note(&s, "a", NULL, &terms, at(0));
    setbacks_note(&s, "a", NULL, &terms, at(1000));
    ck_assert_int_eq(setbacks_note(&s, "a", NULL, &terms, at(3003000))->failures, 3);
    const struct setback *anew = setbacks_note(&s, "a", NULL, &terms, at(90000000));
    ck_assert_uint_eq(anew->failures, 1);
    ck_assert_int_eq(anew->since_ms, 91000000);
    open.anew = true; /* nobody's failure counts for the deadline; the back-off does */
    anew = setbacks_note(&s, "a", NULL, &open, at(90002000));
    ck_assert_int_eq(anew->since_ms, 91002000);
    ck_assert_int_eq(anew->next_boot_ms, 90004000);
    setbacks_done(&s);
}
END_TEST

START_TEST(a_longer_wait_may_be_asked_for)
{
    struct setbacks s = {0};
    struct setback_terms later = terms;
    later.at_least_ms = 90000;
    ck_assert_int_eq(setbacks_note(&s, "a", NULL, &later, at(0))->next_boot_ms, 90000);
    setbacks_note(&s, "b", NULL, &terms, at(0));
    setbacks_remove_until(&s, 1000);
    ck_assert(setbacks_find(&s, "a") && !setbacks_find(&s, "b"));
    setbacks_done(&s);
}
END_TEST

START_TEST(of_too_many_the_one_that_waits_least_is_forgotten)
{
    struct setbacks s = {0};
    char key[24];
    for (int i = 0; i <= SETBACKS_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        setbacks_note(&s, key, NULL, &terms, at(i));
    }
    ck_assert_uint_eq(s.n, SETBACKS_MAX);
    ck_assert_ptr_null(setbacks_find(&s, "0"));
    ck_assert_ptr_nonnull(setbacks_find(&s, "1"));
    setbacks_done(&s);
}
END_TEST

/* That is how they are found. */
START_TEST(they_are_kept_by_key)
{
    static const char *const keys[] = {"m", "c", "x", "a", "d", "c"};
    struct setbacks s = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        setbacks_note(&s, keys[i], keys[i], &terms, at(0));
    setbacks_remove(&s, "d");
    setbacks_remove(&s, "b");
    ck_assert_uint_eq(s.n, 4);
    for (size_t i = 1; i < s.n; i++)
        ck_assert_str_lt(s.v[i - 1].key, s.v[i].key);
    ck_assert_uint_eq(setbacks_find(&s, "c")->failures, 2);
    ck_assert_str_eq(setbacks_find(&s, "x")->why, "x");
    setbacks_done(&s);
}
END_TEST

RUN_TESTS("setbacks", each_rests_twice_as_long_as_the_time_before_up_to_the_cap,
          what_was_not_tried_for_long_begins_anew, a_longer_wait_may_be_asked_for,
          of_too_many_the_one_that_waits_least_is_forgotten, they_are_kept_by_key)
