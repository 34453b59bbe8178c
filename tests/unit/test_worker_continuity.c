/* That what is written goes on where the restore ended. */
#include "test_lib.h"

#include "../../worker/continuity.h"

static struct gap {
    bool empty;
    unsigned asked;
    int64_t from, to;
} gap;

static bool nothing_between(void *ctx, int32_t partition, int64_t from, int64_t to)
{
    struct gap *g = ctx;
    ck_assert_int_eq(partition, 3);
    g->asked++;
    g->from = from;
    g->to = to;
    return g->empty;
}

/* Partitions 3 and 5, restored up to 100 and 0; a transaction has begun. */
static struct continuity restored(bool empty)
{
    const struct restore_part parts[] = {{.partition = 3, .end = 100}, {.partition = 5, .end = 0}};
    struct continuity c = {.ctx = &gap, .nothing_between = nothing_between};
    gap = (struct gap){.empty = empty};
    continuity_begin(&c, parts, 2);
    continuity_begin_sending(&c);
    return c;
}

START_TEST(a_first_record_where_the_restore_ended_proves_it)
{
    struct continuity c = restored(false);
    struct error err;
    ck_assert(continuity_sends(&c, 3) && continuity_sends(&c, 5) && !continuity_sends(&c, 4));
    for (int64_t i = 0; i < 3; i++)
        continuity_written(&c, 3, 100 + i);
    continuity_written(&c, 5, 0);
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_PROVED);
    ck_assert_uint_eq(gap.asked, 0);
    ck_assert(!continuity_sends(&c, 3)); /* once is enough */
    continuity_done(&c);
}
END_TEST

/* The end came from a leader that was none any more. */
START_TEST(what_was_committed_beyond_the_restore_is_not_overwritten)
{
    struct continuity c = restored(false);
    struct error err;
    ck_assert(continuity_sends(&c, 3));
    continuity_written(&c, 3, 107);
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_BROKEN);
    ck_assert_int_eq(gap.from, 100);
    ck_assert_int_eq(gap.to, 107);
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    ck_assert_ptr_nonnull(strstr(err.message, "restored up to 100"));
    continuity_done(&c);
}
END_TEST

START_TEST(what_was_aborted_in_between_is_nothing)
{
    struct continuity c = restored(true);
    struct error err;
    ck_assert(continuity_sends(&c, 3));
    continuity_written(&c, 3, 107);
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_PROVED);
    ck_assert_uint_eq(gap.asked, 1);
    continuity_done(&c);
}
END_TEST

START_TEST(records_that_end_before_the_restore_did_are_others)
{
    struct continuity c = restored(true);
    struct error err;
    ck_assert(continuity_sends(&c, 3));
    continuity_written(&c, 3, 99);
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_BROKEN);
    ck_assert_uint_eq(gap.asked, 0);
    continuity_done(&c);
}
END_TEST

START_TEST(what_is_not_acknowledged_is_asked_again_in_the_next_transaction)
{
    struct continuity c = restored(true);
    struct error err;
    ck_assert(continuity_sends(&c, 3) && continuity_sends(&c, 5));
    continuity_written(&c, 5, 0);
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_OPEN);
    continuity_begin_sending(&c);
    ck_assert(continuity_sends(&c, 3) && !continuity_sends(&c, 5));
    continuity_written(&c, 3, 104); /* behind what was aborted */
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_PROVED);
    ck_assert_uint_eq(gap.asked, 1);
    continuity_done(&c);
}
END_TEST

START_TEST(a_partition_that_was_sent_nothing_waits_for_its_first_record)
{
    struct continuity c = restored(false);
    struct error err;
    ck_assert(continuity_sends(&c, 5));
    continuity_written(&c, 5, 0);
    ck_assert_int_eq(continuity_prove(&c, &err), CONTINUITY_PROVED);
    continuity_begin_sending(&c);
    ck_assert(continuity_sends(&c, 3));
    continuity_done(&c);
}
END_TEST

RUN_TESTS("worker_continuity", a_first_record_where_the_restore_ended_proves_it,
          what_was_committed_beyond_the_restore_is_not_overwritten, what_was_aborted_in_between_is_nothing,
          records_that_end_before_the_restore_did_are_others,
          what_is_not_acknowledged_is_asked_again_in_the_next_transaction,
          a_partition_that_was_sent_nothing_waits_for_its_first_record)
