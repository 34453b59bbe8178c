/* Partitions that come: restored before they are read, committed one batch after the other. */
#include "membership_kit.h"
#include "test_lib.h"

START_TEST(reads_only_after_everything_is_restored)
{
    assign();
    assert_said("restore2");
    answer(LEDGER_BOUNDS);
    assert_said("begin3 begin4");
    answer(LEDGER_RESTORED);
    assert_said("end3 @70 end4 @-1 begin-at4 @9 assign2 @70");
}
END_TEST

START_TEST(an_empty_assignment_is_answered_at_once)
{
    membership_revoked(m, false);
    assert_said("unassign");
    answer(LEDGER_READY);
    fake.result = NULL;
    membership_drain(m);
    membership_assigned(m, NULL, 0, rd_kafka_consumer_group_metadata_new("x"));
    assert_said("subscribe assign0");
    ck_assert(membership_drained(m));
}
END_TEST

START_TEST(a_topic_that_grew_ends_the_process)
{
    static const int32_t partitions[] = {4, 5};
    membership_assigned(m, partitions, 2, rd_kafka_consumer_group_metadata_new("x"));
    ck_assert_int_eq(fake.failure.kind, ERROR_PERMANENT);
    assert_said("assign0");
}
END_TEST

START_TEST(records_that_cannot_be_trusted_end_the_process)
{
    fake.restore_end_fails = true;
    assign();
    answer(LEDGER_BOUNDS);
    answer(LEDGER_RESTORED);
    ck_assert_int_eq(fake.failure.kind, ERROR_PERMANENT);
    assert_said("restore2 begin3 begin4 end3 @70");
}
END_TEST

START_TEST(one_batch_is_outstanding_at_a_time)
{
    serve();
    begin_commit();
    fake.batch = &batch;
    membership_commit(m);
    assert_said("commit");
    answer(LEDGER_COMMITTED);
    membership_commit(m);
    assert_said("committed@5 commit");
}
END_TEST

START_TEST(an_abort_goes_back_to_the_committed_position_before_reading_on)
{
    serve();
    begin_commit();
    answer(LEDGER_ABORTED);
    assert_said("commit aborted seek2 @70");
    ck_assert(give_record());
    assert_said("");
    answer(LEDGER_SOUGHT);
    ck_assert(give_record());
    assert_said("event");
}
END_TEST

START_TEST(what_the_engine_takes_later_is_kept_until_the_next_commit)
{
    serve();
    fake.later = true;
    ck_assert(!give_record());
    fake.consumer_more = true;
    fake.polled = 0;
    membership_poll(m);
    ck_assert_uint_eq(fake.polled, 0);
    begin_commit();
    answer(LEDGER_COMMITTED);
    assert_said("later commit committed@5 later");
    fake.later = false;
    begin_commit();
    answer(LEDGER_COMMITTED);
    assert_said("commit committed@5 event destroy");
    membership_poll(m);
    ck_assert_uint_eq(fake.polled, 1);
}
END_TEST

/* A record that hangs costs its trial's time: two in one turn would look as if the loop hung. */
START_TEST(after_a_slow_record_the_rest_of_the_turn_is_kept)
{
    serve();
    membership_take_results(m);
    fake.slow = true;
    ck_assert(give_record());
    ck_assert(!give_record());
    ck_assert(!give_record());
    assert_said("event");
    begin_commit();
    answer(LEDGER_COMMITTED);
    assert_said("commit committed@5 event destroy");
    begin_commit();
    answer(LEDGER_COMMITTED);
    assert_said("commit committed@5 event destroy");
}
END_TEST

/* A pause does not work at once. */
START_TEST(what_still_comes_while_something_is_kept_stays_in_order_behind_it)
{
    serve();
    fake.later = true;
    ck_assert(!give_record());
    ck_assert(!give_record());
    assert_said("later"); /* the second was not even offered */
    fake.later = false;
    begin_commit();
    answer(LEDGER_COMMITTED);
    assert_said("commit committed@5 event destroy event destroy");
}
END_TEST

START_TEST(what_was_kept_is_read_again_after_an_abort_or_by_the_next_owner)
{
    serve();
    fake.later = true;
    give_record();
    begin_commit();
    answer(LEDGER_ABORTED);
    assert_said("later commit aborted destroy seek2 @70");
    answer(LEDGER_SOUGHT);
    give_record();
    membership_revoked(m, false);
    assert_said("later destroy revoke3 revoke4");
}
END_TEST

START_TEST(after_an_abort_the_next_batch_waits)
{
    serve();
    begin_commit();
    answer(LEDGER_ABORTED);
    answer(LEDGER_SOUGHT);
    ck_assert_int_gt(membership_commit_in_ms(m), 0);
    fake.batch = &batch;
    membership_commit(m);
    ck_assert_ptr_nonnull(fake.batch);
}
END_TEST

START_TEST(a_seek_that_fails_ends_the_process)
{
    serve();
    begin_commit();
    answer(LEDGER_ABORTED);
    answer(LEDGER_SEEK_FAILED);
    ck_assert_int_eq(fake.failure.kind, ERROR_TEMPORARY);
}
END_TEST

START_TEST(leaves_the_queue_alone_while_commits_do_not_follow)
{
    serve();
    fake.consumer_more = true;
    membership_poll(m);
    ck_assert_uint_eq(fake.polled, 1);
    for (int i = 0; i < READING_AHEAD_MAX; i++)
        give_record();
    buf_clear(&fake.said);
    membership_poll(m);
    ck_assert_uint_eq(fake.polled, 1);
    ck_assert_int_gt(membership_timeout_ms(m), 0);
    begin_commit();
    membership_poll(m);
    ck_assert_uint_eq(fake.polled, 2);
    assert_said("commit");
}
END_TEST

START_TEST(joins_the_group_when_the_transactional_id_is_ours)
{
    assert_said("");
    answer(LEDGER_READY);
    assert_said("subscribe");
}
END_TEST

START_TEST(is_ready_once_it_serves)
{
    const char *why;
    ck_assert(!membership_ready(m, &why));
    answer(LEDGER_READY);
    ck_assert(!membership_ready(m, &why));
    ck_assert_str_eq(why, "waiting for the group");
    assign();
    ck_assert(!membership_ready(m, &why));
    ck_assert_str_eq(why, "restoring");
    answer(LEDGER_RESTORED);
    ck_assert(membership_ready(m, &why));
    membership_revoked(m, false);
    ck_assert(!membership_ready(m, &why));
    ck_assert_str_eq(why, "giving partitions back");
    membership_drain(m);
    ck_assert(!membership_ready(m, &why));
    ck_assert_str_eq(why, "draining");
}
END_TEST

START_TEST(a_fatal_ledger_ends_the_process)
{
    serve();
    begin_commit();
    answer(LEDGER_FATAL);
    ck_assert_str_eq(fake.failure.message, "of the ledger");
}
END_TEST

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    Suite *suite = suite_create("worker_membership");
    TCase *tc = tcase_create("membership");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, reads_only_after_everything_is_restored);
    tcase_add_test(tc, an_empty_assignment_is_answered_at_once);
    tcase_add_test(tc, a_topic_that_grew_ends_the_process);
    tcase_add_test(tc, records_that_cannot_be_trusted_end_the_process);
    tcase_add_test(tc, one_batch_is_outstanding_at_a_time);
    tcase_add_test(tc, an_abort_goes_back_to_the_committed_position_before_reading_on);
    tcase_add_test(tc, what_the_engine_takes_later_is_kept_until_the_next_commit);
    tcase_add_test(tc, after_a_slow_record_the_rest_of_the_turn_is_kept);
    tcase_add_test(tc, what_still_comes_while_something_is_kept_stays_in_order_behind_it);
    tcase_add_test(tc, what_was_kept_is_read_again_after_an_abort_or_by_the_next_owner);
    tcase_add_test(tc, after_an_abort_the_next_batch_waits);
    tcase_add_test(tc, a_seek_that_fails_ends_the_process);
    tcase_add_test(tc, leaves_the_queue_alone_while_commits_do_not_follow);
    tcase_add_test(tc, joins_the_group_when_the_transactional_id_is_ours);
    tcase_add_test(tc, is_ready_once_it_serves);
    tcase_add_test(tc, a_fatal_ledger_ends_the_process);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
