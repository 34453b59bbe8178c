#include "../../worker/tx.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "test_lib.h"

static const struct row {
    const char *name;
    enum tx_step step;
    struct tx_fault fault;
    enum tx_verdict verdict;
} rows[] = {
    {"an older process of a slot goes", TX_COMMIT, {RD_KAFKA_RESP_ERR__FENCED, true, false, false}, TX_EXIT},
    {"fenced at takeover", TX_INIT, {RD_KAFKA_RESP_ERR__FENCED, true, false, false}, TX_EXIT},
    {"a topic is gone",
     TX_COMMIT,
     {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, false, false, true},
     TX_UNDO_THEN_EXIT},
    {"the group moved on", TX_OFFSETS, {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, false, false, true}, TX_UNDO},
    {"the group forgot us", TX_OFFSETS, {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, false, false, true}, TX_UNDO},
    {"another member has the slot",
     TX_OFFSETS,
     {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, false, false, true},
     TX_UNDO_THEN_EXIT},
    {"the broker was away too long", TX_COMMIT, {RD_KAFKA_RESP_ERR__TIMED_OUT, false, false, true}, TX_UNDO},
    {"the broker is slow", TX_COMMIT, {RD_KAFKA_RESP_ERR__TIMED_OUT, false, true, false}, TX_RETRY},
    {"the abort takes longer", TX_ABORT, {RD_KAFKA_RESP_ERR__TIMED_OUT, false, true, false}, TX_RETRY},
    {"the abort came too late",
     TX_ABORT,
     {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, false, false, false},
     TX_EXIT},
    {"the broker ended it", TX_COMMIT, {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, false, false, false}, TX_EXIT},
    {"a coordinator that loads",
     TX_INIT,
     {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, false, true, false},
     TX_RETRY},
    {"an epoch that can be bumped",
     TX_COMMIT,
     {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, false, false, true},
     TX_UNDO},
    {"no queue left", TX_PRODUCE, {RD_KAFKA_RESP_ERR__QUEUE_FULL, false, true, false}, TX_RETRY},
    {"a record too large", TX_PRODUCE, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, false, false, false}, TX_UNDO},
    {"beginning twice", TX_BEGIN, {RD_KAFKA_RESP_ERR__STATE, false, false, false}, TX_EXIT},
    {"abortable where nothing can be aborted",
     TX_INIT,
     {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, false, false, true},
     TX_EXIT},
};

START_TEST(judges_each_error_by_step_and_code)
{
    const struct row *row = &rows[_i];
    ck_assert_msg(tx_judge(row->step, &row->fault) == row->verdict, "%s", row->name);
}
END_TEST

START_TEST(tells_the_operator_of_two_processes_with_one_slot)
{
    ck_assert_ptr_nonnull(strstr(tx_advice(RD_KAFKA_RESP_ERR__FENCED), "slot"));
    ck_assert_ptr_nonnull(strstr(tx_advice(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID), "slot"));
    ck_assert_ptr_null(tx_advice(RD_KAFKA_RESP_ERR__TIMED_OUT));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_tx");
    TCase *tc = tcase_create("judgement");
    tcase_add_loop_test(tc, judges_each_error_by_step_and_code, 0, (int)ARRAY_SIZE(rows));
    tcase_add_test(tc, tells_the_operator_of_two_processes_with_one_slot);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
