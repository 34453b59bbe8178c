/* Partitions that go: given back, lost, parked, or with the worker itself. */
#include "membership_kit.h"
#include "test_lib.h"

START_TEST(a_revocation_cuts_a_restore_short)
{
    assign();
    membership_revoked(m, false);
    answer(LEDGER_CANCELLED);
    assert_said("restore2 cancel drop3 drop4 unassign");
}
END_TEST

START_TEST(a_restore_that_ended_before_its_cancellation_is_dropped_too)
{
    assign();
    membership_revoked(m, false);
    answer(LEDGER_RESTORED);
    assert_said("restore2 cancel drop3 drop4 unassign");
}
END_TEST

START_TEST(a_seek_that_fails_because_the_partitions_go_is_no_matter)
{
    serve();
    begin_commit();
    answer(LEDGER_ABORTED);
    membership_revoked(m, true);
    answer(LEDGER_SEEK_FAILED);
    membership_commit(m);
    ck_assert_int_eq(fake.failure.kind, ERROR_NONE);
    assert_said("commit aborted seek2 @70 revoke3 revoke4 drop3 drop4 unassign");
}
END_TEST

START_TEST(a_revocation_waits_for_calls_then_commits_the_closing)
{
    serve();
    fake.in_flight = 1;
    fake.clean = false;
    membership_revoked(m, false);
    membership_commit(m);
    give_record();
    assert_said("revoke3 revoke4");
    fake.in_flight = 0;
    begin_commit();
    assert_said("close3 close4 commit");
    fake.clean = true;
    answer(LEDGER_COMMITTED);
    membership_commit(m);
    assert_said("committed@5 mark2");
    answer(LEDGER_MARKED);
    assert_said("park3 park4 unassign");
}
END_TEST

/* Gives 3 and 4 back in order. */
static void give_back(void)
{
    serve();
    membership_revoked(m, false);
    membership_commit(m);
    answer(LEDGER_MARKED);
    buf_clear(&fake.said);
}

START_TEST(what_comes_straight_back_as_it_was_left_is_not_read_again)
{
    give_back();
    assign();
    assert_said("restore2 left@70 left@70");
    fake.kept = true;
    answer(LEDGER_BOUNDS);
    assert_said("drop4 begin4"); /* somebody has written to 4 */
    answer(LEDGER_RESTORED);
    assert_said("unpark3 end4 @-1 begin-at4 @9 assign2 @70");
}
END_TEST

START_TEST(what_does_not_come_back_is_forgotten_at_the_next_assignment)
{
    static const int32_t partitions[] = {2, 4};
    give_back();
    membership_assigned(m, partitions, 2, NULL);
    assert_said("drop3 restore2 left@70");
    membership_revoked(m, false);
    answer(LEDGER_CANCELLED);
    assert_said("cancel drop2 drop4 unassign");
    give_back();
    membership_assigned(m, NULL, 0, rd_kafka_consumer_group_metadata_new("x"));
    assert_said("drop3 drop4 assign0");
}
END_TEST

START_TEST(nothing_is_kept_when_it_was_lost_or_nobody_says_where_records_end)
{
    serve();
    membership_revoked(m, false);
    membership_commit(m);
    membership_revoked(m, true);
    assert_said("revoke3 revoke4 close3 close4 mark2");
    membership_commit(m);
    answer(LEDGER_MARKED);
    assert_said("drop3 drop4 unassign");
    serve();
    membership_revoked(m, false);
    membership_commit(m);
    fake.unmarked = true;
    answer(LEDGER_MARKED);
    assert_said("revoke3 revoke4 close3 close4 mark2 drop3 drop4 unassign");
}
END_TEST

START_TEST(calls_that_do_not_end_are_not_waited_for_for_ever)
{
    tear_down();
    fake = (struct fake){.clean = false, .in_flight = 1};
    buf_init(&fake.said, 4096);
    const struct membership_settings hasty = {.partitions = 5, .drain_ms = 0, .failed = on_failed};
    m = membership_new(&hasty);
    membership_connect(m, NULL, NULL);
    serve();
    membership_revoked(m, false);
    membership_commit(m);
    assert_said("revoke3 revoke4 close3 close4 drop3 drop4 unassign");
}
END_TEST

START_TEST(lost_partitions_are_dropped_without_a_commit)
{
    serve();
    fake.clean = false;
    fake.in_flight = 1;
    membership_revoked(m, true);
    fake.batch = &batch;
    membership_commit(m);
    assert_said("revoke3 revoke4 drop3 drop4 unassign");
    ck_assert_ptr_nonnull(fake.batch);
}
END_TEST

START_TEST(nothing_is_dropped_while_the_ledger_holds_a_batch)
{
    serve();
    begin_commit();
    membership_revoked(m, true);
    membership_commit(m);
    assert_said("commit revoke3 revoke4");
    answer(LEDGER_ABORTED);
    membership_commit(m);
    assert_said("aborted drop3 drop4 unassign");
}
END_TEST

START_TEST(a_drained_worker_takes_no_partitions)
{
    static const int32_t partitions[] = {3};
    serve();
    membership_drain(m);
    membership_commit(m);
    ck_assert(membership_drained(m));
    assert_said("revoke3 revoke4 close3 close4 drop3 drop4 unassign");
    membership_assigned(m, partitions, 1, rd_kafka_consumer_group_metadata_new("x"));
    assert_said("assign0");
    ck_assert(membership_drained(m));
}
END_TEST

START_TEST(a_revocation_while_draining_changes_nothing)
{
    serve();
    fake.in_flight = 1;
    membership_drain(m);
    membership_revoked(m, false);
    assert_said("revoke3 revoke4");
}
END_TEST

START_TEST(a_worker_told_to_stop_before_that_does_not_join)
{
    membership_drain(m);
    answer(LEDGER_READY);
    assert_said("");
}
END_TEST

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    Suite *suite = suite_create("worker_revocation");
    TCase *tc = tcase_create("membership");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_revocation_cuts_a_restore_short);
    tcase_add_test(tc, a_restore_that_ended_before_its_cancellation_is_dropped_too);
    tcase_add_test(tc, a_seek_that_fails_because_the_partitions_go_is_no_matter);
    tcase_add_test(tc, a_revocation_waits_for_calls_then_commits_the_closing);
    tcase_add_test(tc, what_comes_straight_back_as_it_was_left_is_not_read_again);
    tcase_add_test(tc, what_does_not_come_back_is_forgotten_at_the_next_assignment);
    tcase_add_test(tc, nothing_is_kept_when_it_was_lost_or_nobody_says_where_records_end);
    tcase_add_test(tc, calls_that_do_not_end_are_not_waited_for_for_ever);
    tcase_add_test(tc, lost_partitions_are_dropped_without_a_commit);
    tcase_add_test(tc, nothing_is_dropped_while_the_ledger_holds_a_batch);
    tcase_add_test(tc, a_drained_worker_takes_no_partitions);
    tcase_add_test(tc, a_revocation_while_draining_changes_nothing);
    tcase_add_test(tc, a_worker_told_to_stop_before_that_does_not_join);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
