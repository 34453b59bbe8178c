#include "../../worker/engine/turns.h"
#include "event_kit.h"

enum { TARGETS = 50 };

struct fixture {
    struct turns turns;
    struct turn v[TARGETS];
};

static struct fixture *open_turns(void)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    for (size_t i = 0; i < TARGETS; i++)
        f->v[i].turns = &f->turns;
    return f;
}

static void close_turns(struct fixture *f)
{
    turns_done(&f->turns);
    free(f);
}

START_TEST(those_who_are_called_take_turns)
{
    struct fixture *f = open_turns();
    ck_assert_ptr_null(turns_next(&f->turns, 100));
    ck_assert_int_eq(turns_first_ms(&f->turns), INT64_MAX);
    for (size_t i = 0; i < 3; i++)
        turns_call(&f->v[i]);
    for (size_t i = 0; i < 7; i++) {
        struct turn *turn = turns_next(&f->turns, 101);
        ck_assert_ptr_eq(turn, &f->v[i % 3]);
        turns_call(turn); /* more work for who has a turn already: nothing gained */
        turns_wait(turn, 101);
    }
    close_turns(f);
}
END_TEST

START_TEST(who_is_called_often_gets_no_more_turns_than_others)
{
    struct fixture *f = open_turns();
    turns_next(&f->turns, 100);
    turns_call(&f->v[0]);
    turns_call(&f->v[1]);
    ck_assert_ptr_eq(turns_next(&f->turns, 100), &f->v[0]);
    turns_wait(&f->v[0], INT64_MAX);
    turns_call(&f->v[0]);
    ck_assert_ptr_eq(turns_next(&f->turns, 105), &f->v[1]);
    close_turns(f);
}
END_TEST

START_TEST(who_waits_is_passed_over_until_its_time_or_until_it_is_called)
{
    struct fixture *f = open_turns();
    turns_next(&f->turns, 100);
    turns_wait(&f->v[0], 200);
    turns_wait(&f->v[1], 150);
    turns_wait(&f->v[2], INT64_MAX);
    ck_assert_int_eq(turns_first_ms(&f->turns), 150);
    ck_assert_ptr_null(turns_next(&f->turns, 149));
    ck_assert_ptr_eq(turns_next(&f->turns, 150), &f->v[1]);
    turns_wait(&f->v[1], INT64_MAX);
    turns_call(&f->v[0]);
    ck_assert_ptr_eq(turns_next(&f->turns, 150), &f->v[0]);
    turns_wait(&f->v[0], INT64_MAX);
    ck_assert_int_eq(turns_first_ms(&f->turns), INT64_MAX);
    turns_call(&f->v[2]);
    ck_assert_ptr_eq(turns_next(&f->turns, 151), &f->v[2]);
    close_turns(f);
}
END_TEST

START_TEST(the_first_is_first_whatever_is_moved)
{
    struct fixture *f = open_turns();
    int64_t at[TARGETS];
    uint64_t state = 3;
    for (size_t i = 0; i < TARGETS; i++)
        at[i] = INT64_MAX;
    for (int round = 0; round < 20000; round++) {
        size_t i = kit_random(&state) % TARGETS;
        at[i] = kit_random(&state) % 4 ? (int64_t)(kit_random(&state) % 1000) : INT64_MAX;
        turns_wait(&f->v[i], at[i]);
        int64_t first = INT64_MAX;
        for (size_t j = 0; j < TARGETS; j++)
            first = at[j] < first ? at[j] : first;
        ck_assert_int_eq(turns_first_ms(&f->turns), first);
    }
    close_turns(f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        those_who_are_called_take_turns,
        who_is_called_often_gets_no_more_turns_than_others,
        who_waits_is_passed_over_until_its_time_or_until_it_is_called,
        the_first_is_first_whatever_is_moved,
    };
    return kit_run("turns", tests, ARRAY_SIZE(tests));
}
