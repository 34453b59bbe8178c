/* The membership between a fake consumer, ledger, intake and engine: they write down what they are asked, in
 * order. Their functions are defined here, so the linker never takes the real ones. */
#include "../../worker/membership.h"
#include "../../worker/intake.h"
#include "../../worker/reading.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "buf.h"
#include "log.h"
#include "mem.h"

enum { DRAIN_MS = 60000 };

static struct fake {
    struct buf said;              /* what was asked, one word each */
    struct ledger_result *result; /* the next one to be taken */
    bool ledger_busy;
    bool consumer_more;
    size_t polled;
    size_t in_flight;
    bool clean;
    const struct engine_batch *batch; /* the next one to be taken */
    int64_t position;
    bool restore_end_fails;
    bool kept;     /* partition 3 is as it was left */
    bool unmarked; /* no broker says where records end */
    bool later;
    bool slow; /* an event takes longer than a turn may */ /* the engine takes no event now */
    struct error failure;
} fake;

static struct membership *m;

static void say(const char *word)
{
    buf_addc(&fake.said, ' ');
    buf_adds(&fake.said, word);
}

static void say_number(const char *word, int64_t n)
{
    say(word);
    buf_addi(&fake.said, n);
}

/* ---- engine -------------------------------------------------------------------------------------------- */

void engine_restore_begin(struct engine *e, int32_t partition)
{
    (void)e;
    say_number("begin", partition);
}

bool engine_restore_end(struct engine *e, int32_t partition, int64_t committed, struct now now,
                        struct error *err)
{
    (void)e, (void)now;
    say_number("end", partition);
    say_number("@", committed);
    return !fake.restore_end_fails || error_set(err, ERROR_PERMANENT, "foreign records");
}

void engine_begin_at(struct engine *e, int32_t partition, int64_t offset)
{
    (void)e;
    say_number("begin-at", partition);
    say_number("@", offset);
}

void engine_revoke(struct engine *e, int32_t partition)
{
    (void)e;
    say_number("revoke", partition);
}

size_t engine_in_flight(const struct engine *e, int32_t partition)
{
    (void)e, (void)partition;
    return fake.in_flight;
}

void engine_close(struct engine *e, int32_t partition, struct now now)
{
    (void)e, (void)now;
    say_number("close", partition);
}

bool engine_clean(const struct engine *e, int32_t partition)
{
    (void)e, (void)partition;
    return fake.clean;
}

void engine_drop(struct engine *e, int32_t partition)
{
    (void)e;
    say_number("drop", partition);
}

void engine_park(struct engine *e, int32_t partition, struct now now)
{
    (void)e, (void)now;
    say_number("park", partition);
}

void engine_unpark(struct engine *e, int32_t partition, struct now now)
{
    (void)e, (void)now;
    say_number("unpark", partition);
}

int64_t engine_position(const struct engine *e, int32_t partition)
{
    (void)e, (void)partition;
    return fake.position;
}

const struct engine_batch *engine_batch_take(struct engine *e, struct now now)
{
    (void)e, (void)now;
    const struct engine_batch *batch = fake.batch;
    fake.batch = NULL;
    return batch;
}

void engine_batch_committed(struct engine *e, int64_t sent_boot_ms, struct now now)
{
    (void)e, (void)now;
    say_number("committed@", sent_boot_ms);
}

void engine_batch_aborted(struct engine *e, struct now now)
{
    (void)e, (void)now;
    say("aborted");
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
    (void)e;
    *ret = (struct engine_stats){0};
}

/* ---- intake -------------------------------------------------------------------------------------------- */

bool intake_record(struct engine *engine, const rd_kafka_message_t *message, struct error *err)
{
    (void)engine, (void)message, (void)err;
    say("record");
    return true;
}

bool intake_event(struct engine *engine, const rd_kafka_message_t *message, struct now now)
{
    (void)engine, (void)message, (void)now;
    static const struct timespec slow = {.tv_nsec = (READING_TURN_MAX_MS + 10) * 1000000L};
    if (fake.slow)
        nanosleep(&slow, NULL);
    say(fake.later ? "later" : "event");
    return !fake.later;
}

void rd_kafka_message_destroy(rd_kafka_message_t *message)
{
    (void)message;
    say("destroy");
}

/* ---- ledger -------------------------------------------------------------------------------------------- */

void ledger_commit(struct ledger *l, const struct engine_batch *batch)
{
    (void)l, (void)batch;
    fake.ledger_busy = true;
    say("commit");
}

void ledger_restore(struct ledger *l, const struct restore_part *v, size_t n,
                    rd_kafka_consumer_group_metadata_t *group)
{
    (void)l, (void)group;
    fake.ledger_busy = true;
    say_number("restore", (int64_t)n);
    for (size_t i = 0; i < n; i++)
        if (v[i].left_end)
            say_number("left@", v[i].left_offset);
}

void ledger_mark(struct ledger *l, const int32_t *partitions, size_t n)
{
    (void)l, (void)partitions;
    fake.ledger_busy = true;
    say_number("mark", (int64_t)n);
}

void ledger_seek(struct ledger *l, const struct partition_offset *v, size_t n)
{
    (void)l;
    fake.ledger_busy = true;
    say_number("seek", (int64_t)n);
    say_number("@", v[0].offset);
}

void ledger_cancel(struct ledger *l)
{
    (void)l;
    say("cancel");
}

bool ledger_idle(const struct ledger *l)
{
    (void)l;
    return !fake.ledger_busy;
}

struct ledger_result *ledger_take(struct ledger *l)
{
    (void)l;
    struct ledger_result *result = fake.result;
    fake.result = NULL;
    return result;
}

void ledger_result_done(struct ledger_result *result)
{
    free(result->messages);
    free(result->offsets);
    free(result->parts);
    free(result);
}

/* ---- consumer ------------------------------------------------------------------------------------------ */

size_t consumer_poll(struct consumer *c, size_t max)
{
    (void)c, (void)max;
    fake.polled++;
    return 0;
}

bool consumer_more(const struct consumer *c)
{
    (void)c;
    return fake.consumer_more;
}

void consumer_assign(struct consumer *c, const struct partition_offset *v, size_t n)
{
    (void)c;
    say_number("assign", (int64_t)n);
    if (n > 0)
        say_number("@", v[0].offset);
}

void consumer_unassign(struct consumer *c)
{
    (void)c;
    say("unassign");
}

bool consumer_subscribe(struct consumer *c, struct error *err)
{
    (void)c, (void)err;
    say("subscribe");
    return true;
}

void consumer_pause(struct consumer *c, bool paused)
{
    (void)c;
    say(paused ? "pause" : "resume");
}

/* ---- the bench ----------------------------------------------------------------------------------------- */

static void on_failed(void *ctx, const struct error *err)
{
    (void)ctx;
    fake.failure = *err;
}

static void set_up(void)
{
    fake = (struct fake){.clean = true, .position = 70};
    buf_init(&fake.said, 4096);
    const struct membership_settings settings = {.partitions = 5, .drain_ms = DRAIN_MS, .failed = on_failed};
    m = membership_new(&settings);
    membership_connect(m, NULL, NULL);
}

static void tear_down(void)
{
    membership_free(m);
    buf_done(&fake.said);
}

static void assert_said(const char *expected)
{
    char *said = buf_take(&fake.said);
    ck_assert_str_eq(said[0] == ' ' ? said + 1 : said, expected);
    free(said);
}

/* What the ledger says of partitions 3 and 4. */
static void answer(enum ledger_event event)
{
    static const enum ledger_event open_ended[] = {LEDGER_READY, LEDGER_BOUNDS, LEDGER_RECORDS};
    struct ledger_result *result = fake.result = xcalloc(1, sizeof *fake.result);
    result->event = event;
    result->sent_boot_ms = 5;
    result->n_parts = 2;
    result->parts = xcalloc(2, sizeof *result->parts);
    result->parts[0] = (struct restore_part){.partition = 3, .offset = 70, .kept = fake.kept};
    result->parts[1] = (struct restore_part){.partition = 4, .offset = -1, .first = 9};
    result->n_offsets = event == LEDGER_MARKED && !fake.unmarked ? 2 : 0;
    result->offsets = xcalloc(2, sizeof *result->offsets);
    result->offsets[0] = (struct partition_offset){3, 1000};
    result->offsets[1] = (struct partition_offset){4, 2000};
    error_set(&result->err, ERROR_TEMPORARY, "of the ledger");
    bool closes = true;
    for (size_t i = 0; i < ARRAY_SIZE(open_ended); i++)
        closes = closes && event != open_ended[i];
    fake.ledger_busy = fake.ledger_busy && !closes;
    membership_take_results(m);
}

static void assign(void)
{
    static const int32_t partitions[] = {3, 4};
    membership_assigned(m, partitions, 2, NULL);
}

static void serve(void)
{
    assign();
    answer(LEDGER_BOUNDS);
    answer(LEDGER_RESTORED);
    buf_clear(&fake.said);
}

static const struct engine_batch batch;

static void begin_commit(void)
{
    fake.batch = &batch;
    membership_commit(m);
    ck_assert(fake.ledger_busy);
}

static bool give_record(void)
{
    static rd_kafka_message_t message = {.partition = 3};
    return membership_message(m, &message);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

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

START_TEST(a_worker_told_to_stop_before_that_does_not_join)
{
    membership_drain(m);
    answer(LEDGER_READY);
    assert_said("");
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
    tcase_add_test(tc, a_revocation_cuts_a_restore_short);
    tcase_add_test(tc, a_restore_that_ended_before_its_cancellation_is_dropped_too);
    tcase_add_test(tc, one_batch_is_outstanding_at_a_time);
    tcase_add_test(tc, an_abort_goes_back_to_the_committed_position_before_reading_on);
    tcase_add_test(tc, what_the_engine_takes_later_is_kept_until_the_next_commit);
    tcase_add_test(tc, after_a_slow_record_the_rest_of_the_turn_is_kept);
    tcase_add_test(tc, what_still_comes_while_something_is_kept_stays_in_order_behind_it);
    tcase_add_test(tc, what_was_kept_is_read_again_after_an_abort_or_by_the_next_owner);
    tcase_add_test(tc, after_an_abort_the_next_batch_waits);
    tcase_add_test(tc, a_seek_that_fails_ends_the_process);
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
    tcase_add_test(tc, leaves_the_queue_alone_while_commits_do_not_follow);
    tcase_add_test(tc, joins_the_group_when_the_transactional_id_is_ours);
    tcase_add_test(tc, a_worker_told_to_stop_before_that_does_not_join);
    tcase_add_test(tc, is_ready_once_it_serves);
    tcase_add_test(tc, a_fatal_ledger_ends_the_process);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
