/* The simulated Kafka has to have the traps of the real one, or the simulator proves nothing. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/witness.h"
#include "../sim/scenario.h"
#include "../sim/simgroup.h"
#include "../sim/simlog.h"
#include "mem.h"
#include "test_lib.h"

enum { SLOT = 0, MEMBER = 7, MARKERS_MS = 50 };

static struct world w;
static uint64_t epoch;

static void setup(void)
{
    w = (struct world){.prng = {1}, .quiet = true};
    clock_init(&w.clock, WORLD_EPOCH_MS);
    buf_init(&w.failures, 4096);
    w.scenario = scenario_new(&w.chaos, &w.prng);
    w.scenario->partitions = 1;
    w.witness = witness_new(w.scenario);
    w.log = simlog_new(&w);
    w.group = group_new(&w);
    simlog_append_event(w.log, 0, 0);
    simlog_append_event(w.log, 0, 0);
    ck_assert_int_eq(simlog_producer_init(w.log, SLOT, &epoch), TXN_OK);
}

static void teardown(void)
{
    group_free(w.group);
    simlog_free(w.log);
    witness_free(w.witness);
    scenario_free(w.scenario);
    clock_done(&w.clock);
    buf_done(&w.failures);
}

static void pass(int64_t ms)
{
    int64_t until = world_now(&w) + ms;
    while (clock_step(&w.clock, until))
        ;
}

/* Joins the group and waits until the rebalance is over. */
static struct group_meta join(void)
{
    group_join(w.group, SLOT, MEMBER);
    pass(1000);
    return (struct group_meta){SLOT, MEMBER, 1};
}

static uint64_t begin(void)
{
    uint64_t txn;
    ck_assert_int_eq(simlog_begin(w.log, SLOT, epoch, &txn), TXN_OK);
    return txn;
}

static void append(uint64_t txn, const char *key, const char *value)
{
    struct out_record r = {.topic = TOPIC_PERSONS, .key = str_of(key), .value = str_of(value)};
    ck_assert_int_eq(simlog_append(w.log, txn, &r), TXN_OK);
}

static void count(void *ctx, const struct log_record *record)
{
    (void)record;
    ++*(size_t *)ctx;
}

static size_t readable(void)
{
    size_t n = 0;
    simlog_read_persons(w.log, 0, simlog_high_watermark(w.log, 0), false, count, &n);
    return n;
}

START_TEST(an_open_transaction_lies_between_the_stable_offset_and_the_high_watermark)
{
    append(begin(), "k", "v");
    ck_assert_int_eq(simlog_last_stable_offset(w.log, 0), 0);
    ck_assert_int_eq(simlog_high_watermark(w.log, 0), 1);
    ck_assert_uint_eq(readable(), 0);
}
END_TEST

START_TEST(a_decided_transaction_is_readable_when_its_marker_has_landed)
{
    uint64_t txn = begin();
    append(txn, "k", "v");
    ck_assert_int_eq(simlog_end(w.log, txn, true), TXN_OK);
    ck_assert_uint_eq(readable(), 0);
    pass(MARKERS_MS);
    ck_assert_uint_eq(readable(), 1);
    ck_assert_int_eq(simlog_last_stable_offset(w.log, 0), simlog_high_watermark(w.log, 0));
}
END_TEST

START_TEST(an_aborted_transaction_is_never_readable)
{
    uint64_t txn = begin();
    append(txn, "k", "v");
    ck_assert_int_eq(simlog_end(w.log, txn, false), TXN_OK);
    pass(MARKERS_MS);
    ck_assert_uint_eq(readable(), 0);
    ck_assert_int_eq(simlog_last_stable_offset(w.log, 0), simlog_high_watermark(w.log, 0));
}
END_TEST

START_TEST(offsets_are_unstable_until_their_transaction_is_over)
{
    struct group_meta meta = join();
    struct out_offset next = {0, 2};
    int64_t committed;
    uint64_t txn = begin();
    ck_assert_int_eq(simlog_send_offsets(w.log, txn, &meta, &next, 1), TXN_OK);
    ck_assert(!simlog_committed(w.log, 0, &committed));
    simlog_end(w.log, txn, true);
    ck_assert(!simlog_committed(w.log, 0, &committed));
    pass(MARKERS_MS);
    ck_assert(simlog_committed(w.log, 0, &committed));
    ck_assert_int_eq(committed, 2);
}
END_TEST

START_TEST(offsets_of_another_generation_or_member_are_refused)
{
    struct group_meta meta = join(), old = meta, other = meta;
    struct out_offset next = {0, 1};
    uint64_t txn = begin();
    old.generation--;
    other.member++;
    ck_assert_int_eq(simlog_send_offsets(w.log, txn, &old, &next, 1), TXN_ILLEGAL);
    ck_assert_int_eq(simlog_send_offsets(w.log, txn, &other, &next, 1), TXN_ILLEGAL);
    ck_assert_int_eq(simlog_send_offsets(w.log, txn, &meta, &next, 1), TXN_OK);
}
END_TEST

START_TEST(a_transaction_without_offsets_is_validated_by_nobody)
{
    struct group_meta nobody = {SLOT, MEMBER, 99};
    ck_assert_int_eq(simlog_send_offsets(w.log, begin(), &nobody, NULL, 0), TXN_OK);
}
END_TEST

START_TEST(a_new_producer_of_the_slot_fences_the_old_one_and_aborts_its_transaction)
{
    uint64_t txn = begin(), old = epoch;
    append(txn, "k", "v");
    ck_assert_int_eq(simlog_producer_init(w.log, SLOT, &epoch), TXN_BUSY);
    pass(MARKERS_MS);
    ck_assert_int_eq(simlog_producer_init(w.log, SLOT, &epoch), TXN_OK);
    ck_assert_int_eq(simlog_end(w.log, txn, true), TXN_FENCED);
    ck_assert_int_eq(simlog_begin(w.log, SLOT, old, &txn), TXN_FENCED);
    ck_assert_uint_eq(readable(), 0);
}
END_TEST

START_TEST(a_transaction_left_open_times_out_and_fences_its_producer)
{
    uint64_t txn = begin();
    append(txn, "k", "v");
    pass(WORLD_TXN_TIMEOUT_MS + MARKERS_MS);
    ck_assert_int_eq(simlog_end(w.log, txn, true), TXN_FENCED);
    ck_assert_int_eq(simlog_last_stable_offset(w.log, 0), simlog_high_watermark(w.log, 0));
}
END_TEST

START_TEST(a_silent_member_is_removed_after_a_session)
{
    join();
    pass(WORLD_SESSION_MS + 1000);
    ck_assert_int_eq(group_heartbeat(w.group, SLOT, MEMBER), HEARTBEAT_UNKNOWN);
}
END_TEST

START_TEST(a_second_process_under_a_slot_takes_its_place_at_once)
{
    struct group_meta meta = join(), second = meta;
    second.member = MEMBER + 1;
    group_join(w.group, SLOT, second.member);
    ck_assert_int_eq(group_heartbeat(w.group, SLOT, MEMBER), HEARTBEAT_FENCED);
    ck_assert(group_validates(w.group, &second));
    ck_assert(!group_validates(w.group, &meta));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_open_transaction_lies_between_the_stable_offset_and_the_high_watermark,
        a_decided_transaction_is_readable_when_its_marker_has_landed,
        an_aborted_transaction_is_never_readable,
        offsets_are_unstable_until_their_transaction_is_over,
        offsets_of_another_generation_or_member_are_refused,
        a_transaction_without_offsets_is_validated_by_nobody,
        a_new_producer_of_the_slot_fences_the_old_one_and_aborts_its_transaction,
        a_transaction_left_open_times_out_and_fences_its_producer,
        a_silent_member_is_removed_after_a_session,
        a_second_process_under_a_slot_takes_its_place_at_once,
    };
    Suite *suite = suite_create("sim_log");
    TCase *tc = tcase_create("log and group");
    tcase_add_checked_fixture(tc, setup, teardown);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
