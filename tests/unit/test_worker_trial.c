/* What is tried out in a child: it comes back, dies, or takes too long. */
#include "test_lib.h"

#include <signal.h>
#include <time.h>

#include "../../worker/trial.h"

static int touched;

static void touch(void *ctx)
{
    touched++;
    (void)ctx;
}

static void die(void *ctx)
{
    (void)ctx;
    raise(SIGKILL);
}

static void stand_still(void *ctx)
{
    static const struct timespec long_time = {.tv_sec = 1000};
    (void)ctx;
    nanosleep(&long_time, NULL);
}

START_TEST(what_a_child_changes_is_gone_with_it)
{
    ck_assert(trial_survived(touch, NULL));
    ck_assert_int_eq(touched, 0);
}
END_TEST

START_TEST(a_child_that_dies_ends_nobody_else)
{
    ck_assert(!trial_survived(die, NULL));
}
END_TEST

START_TEST(a_child_that_stands_still_is_not_waited_for)
{
    ck_assert(!trial_survived(stand_still, NULL));
}
END_TEST

RUN_TESTS("worker_trial", what_a_child_changes_is_gone_with_it, a_child_that_dies_ends_nobody_else,
          a_child_that_stands_still_is_not_waited_for)
