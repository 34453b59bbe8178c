/* Who dies, how often, with what progress: how much is merged at once, and what is tried out first. */
#include "test_lib.h"

#include "../../worker/engine/caution.h"

START_TEST(where_nobody_died_there_is_no_limit)
{
    struct caution c = {0};
    ck_assert_int_eq(caution_offer(&c, 1000000), OFFER_TAKE);
    ck_assert(!caution_progress(&c));
    ck_assert_uint_eq(c.step, 0);
}
END_TEST

START_TEST(after_one_death_steps_are_small_and_grow_with_every_commit)
{
    struct caution c = {0};
    caution_after_death(&c, 0, false);
    for (uint32_t step = CAUTION_STEP; step <= CAUTION_STEP_MAX; step *= 2) {
        ck_assert_uint_eq(c.step, step);
        ck_assert_int_eq(caution_offer(&c, step - 1), OFFER_TAKE);
        ck_assert_int_eq(caution_offer(&c, step), OFFER_LATER);
        ck_assert(caution_progress(&c) == (step == CAUTION_STEP)); /* the death is over with the first */
    }
    ck_assert_int_eq(caution_offer(&c, 1000000), OFFER_TAKE);
}
END_TEST

START_TEST(deaths_with_progress_between_do_not_add_up)
{
    struct caution c = {0};
    for (int i = 0; i < 10; i++)
        caution_after_death(&c, c.deaths, true);
    ck_assert_uint_eq(c.deaths, 1);
    ck_assert_int_eq(caution_offer(&c, 0), OFFER_TAKE);
}
END_TEST

START_TEST(after_two_deaths_a_whole_step_is_tried_out_first)
{
    struct caution c = {0};
    caution_after_death(&c, 1, false);
    for (int i = 0; i < CAUTION_STEP; i++) {
        ck_assert_int_eq(caution_offer(&c, 0), OFFER_TRY);
        caution_merged(&c);
        if (i == 5)
            caution_progress(&c); /* the cause may lie further on */
    }
    ck_assert_int_eq(caution_offer(&c, 0), OFFER_TAKE);
    caution_merged(&c);
    ck_assert_uint_eq(c.try_left, 0);
}
END_TEST

START_TEST(what_is_tried_out_does_not_run_ahead_of_its_commit_either)
{
    struct caution c = {0};
    caution_after_death(&c, 7, false);
    ck_assert_int_eq(caution_offer(&c, CAUTION_STEP), OFFER_LATER);
}
END_TEST

RUN_TESTS("caution", where_nobody_died_there_is_no_limit,
          after_one_death_steps_are_small_and_grow_with_every_commit,
          deaths_with_progress_between_do_not_add_up, after_two_deaths_a_whole_step_is_tried_out_first,
          what_is_tried_out_does_not_run_ahead_of_its_commit_either)
