/* Transactions: what they hold, what an abort takes back and what it does not. */
#include "engine_kit.h"

#define ZOE "userName=zoe;displayName=Zoe"

static const struct out_record *batch_record(enum engine_topic topic, size_t skip)
{
    for (size_t i = 0; i < kit.batch->n_records; i++)
        if (kit.batch->records[i].topic == topic && skip-- == 0)
            return &kit.batch->records[i];
    return NULL;
}

static void zoe_is_to_become_chef(void)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
}

START_TEST(the_first_batch_opens_the_partition)
{
    kit_config();
    kit_open();
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), 0);
    ck_assert_ptr_nonnull(take_batch());
    ck_assert_uint_eq(kit.batch->n_records, 1);
    struct str key = kit.batch->records[0].key;
    ck_assert(str_eq(key, str_of(RECORD_PARTITION_KEY)));
    struct partition_record own;
    struct error err;
    ck_assert(partition_record_read(kit.batch->records[0].value, &own, &err));
    ck_assert(own.open);
    ck_assert_int_eq(own.partitions, KIT_PARTITIONS);
    attrs_done(&own.spreads);
    ck_assert_uint_eq(kit.batch->n_offsets, 1);
    ck_assert_ptr_null(engine_batch_take(kit.e, kit.now)); /* one at a time */
    finish_batch();
    ck_assert(!commit());
    kit_stop();
}
END_TEST

START_TEST(no_call_before_the_record_that_asks_for_it_is_committed)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    expect_no_call();
    ck_assert_ptr_nonnull(take_batch());
    expect_no_call();
    finish_batch();
    expect_call("GET", "/Users?filter=");
    kit_stop();
}
END_TEST

START_TEST(no_call_before_the_partition_is_opened)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    kit_crash();
    expect_no_call();
    ck_assert_ptr_nonnull(take_batch());
    expect_no_call();
    finish_batch();
    expect_call("GET", "/Users?filter=");
    kit_stop();
}
END_TEST

START_TEST(a_word_that_comes_while_the_batch_is_out_is_committed_before_its_call)
{
    zoe_is_to_become_chef();
    take_batch();
    say({"e3", EVENT_LEFT, .at = 3});
    finish_batch();
    expect_no_call();
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    kit_stop();
}
END_TEST

START_TEST(a_batch_carries_person_results_and_headers_of_one_piece)
{
    struct record_state state;
    kit_start();
    kit.policy = POLICY_NOTHING;
    say({"e1", EVENT_JOINED, .profile = ZOE, .until = "5000"});
    ck_assert_ptr_nonnull(take_batch());
    ck_assert_uint_eq(kit.batch->n_records, 2);
    const struct out_record *person = batch_record(TOPIC_PERSONS, 0);
    ck_assert_int_eq(person->partition, 0);
    ck_assert(str_eq(person->key, str_of("acme/hr/zoe")));
    ck_assert_uint_eq(person->n_headers, 1);
    record_state_read(person->headers, person->n_headers, &state);
    ck_assert_int_eq(state.seq, 1);
    ck_assert_int_eq(state.offset, 0);
    ck_assert_uint_eq(state.flags, 0);
    ck_assert_int_eq(state.due_ms, kit_ms(5000));
    ck_assert_int_eq(batch_record(TOPIC_RESULTS, 0)->partition, -1);
    ck_assert_int_eq(kit.batch->offsets[0].next, 1);
    finish_batch();
    say({"e2", EVENT_CHANGED, .at = 2});
    take_batch();
    person = batch_record(TOPIC_PERSONS, 0);
    record_state_read(person->headers, person->n_headers, &state);
    ck_assert_int_eq(state.seq, 2);
    ck_assert_int_eq(state.offset, 1);
    finish_batch();
    kit_stop();
}
END_TEST

START_TEST(a_batch_names_the_offsets_of_all_partitions)
{
    kit_start();
    kit_assign(2);
    kit_assign(3);
    commit();
    say_in(2, &(struct word){"e1", EVENT_JOINED, .profile = ZOE});
    take_batch();
    ck_assert_uint_eq(kit.batch->n_offsets, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(kit.batch->offsets[i].next, kit.batch->offsets[i].partition == 2);
    finish_batch();
    ck_assert_int_eq(engine_position(kit.e, 2), 1);
    ck_assert_int_eq(engine_position(kit.e, 0), 0);
    ck_assert_int_eq(engine_position(kit.e, 1), -1);
    kit_stop();
}
END_TEST

START_TEST(an_idle_worker_renews_its_lease_by_offsets_alone)
{
    kit_start();
    ck_assert(!commit());
    int64_t wait = engine_wake_in(kit.e, kit.now);
    ck_assert_int_gt(wait, 0);
    ck_assert_int_le(wait, KIT_LEASE_MS / 2);
    pass(wait);
    ck_assert_ptr_nonnull(take_batch());
    ck_assert_uint_eq(kit.batch->n_records, 0);
    ck_assert_uint_eq(kit.batch->n_offsets, 1);
    finish_batch();
    ck_assert(!commit());
    kit_stop();
}
END_TEST

START_TEST(a_lease_that_is_over_stops_calls_also_those_already_handed_out)
{
    zoe_is_to_become_chef();
    say({"ann", EVENT_JOINED, .subject = "ann", .profile = "userName=ann"});
    commit();
    int64_t committed = kit.now.boot_ms;
    expect_call("PATCH", "/Users/7");
    pass(committed + KIT_LEASE_MS - 1 - kit.now.boot_ms);
    ck_assert(engine_call_may_write(kit.e, kit.call, kit.now));
    pass(1);
    ck_assert(!engine_call_may_write(kit.e, kit.call, kit.now));
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now));
    answer_held_back();
    ck_assert_str_eq(state_now("miro", "attempts"), ""); /* nobody's failure */
    commit();
    ck_assert_ptr_nonnull(next_call());
    kit_stop();
}
END_TEST

START_TEST(the_lease_runs_from_the_sending_of_the_commit)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    take_batch();
    int64_t sent = kit.now.boot_ms;
    pass(KIT_LEASE_MS);
    for (size_t i = 0; i < kit.batch->n_records; i++)
        kit_keep(&kit.batch->records[i]);
    engine_batch_committed(kit.e, sent, kit.now);
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now));
    commit();
    expect_call("GET", "/Users?filter=");
    kit_stop();
}
END_TEST

START_TEST(an_abort_undoes_the_batch_and_what_came_since)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    int64_t position = engine_position(kit.e, 0);
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    say({"ann", EVENT_JOINED, .subject = "ann", .profile = "userName=ann"});
    take_batch();
    say({"e3", EVENT_LEFT, .at = 3});
    say({"bob", EVENT_JOINED, .subject = "bob", .profile = "userName=bob"});
    kit.batch = NULL;
    engine_batch_aborted(kit.e, kit.now);
    ck_assert_int_eq(engine_position(kit.e, 0), position);
    ck_assert_uint_eq(stats_now().persons, 1);
    ck_assert_uint_eq(stats_now().waiting, 0);
    cJSON *zoe = person_now();
    ck_assert_str_eq(json_string(json_get(zoe, "employment"), "value"), "joined");
    ck_assert_ptr_null(json_get(json_get(json_get(zoe, "targets"), "miro"), "pending"));
    cJSON_Delete(zoe);
    kit_deliver(0);
    commit();
    ck_assert_uint_eq(stats_now().persons, 3);
    ck_assert_uint_eq(stats_now().aborts, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(next_call());
        if (strcmp(kit.call->method, "PATCH") == 0)
            answer(200, user("7", false, ZOE));
        else
            answer(503, "");
    }
    commit();
    expect_result("e2", "miro", "merged"); /* its name survives */
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(an_abort_takes_results_and_dead_letters_back)
{
    kit_start();
    kit.policy = POLICY_NOTHING;
    say({"e1", EVENT_JOINED, .profile = ZOE});
    engine_event_invalid(kit.e, 0, 1, &(struct no_event){str_of("k"), str_of("{"), NULL, 0, "no event"},
                         kit.now);
    kit.end[0] = 1;
    take_batch();
    ck_assert_uint_eq(kit.batch->n_records, 3);
    abort_batch();
    commit();
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 1);
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 0); /* the kit delivers events only */
    kit_stop();
}
END_TEST

START_TEST(an_abort_keeps_doubt)
{
    zoe_is_to_become_chef();
    commit();
    expect_call("PATCH", "/Users/7");
    answer_unknown();
    for (int i = 0; i < 3; i++) {
        take_and_abort();
        ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
        ck_assert_str_eq(state_now("miro", "known"), "null");
    }
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    kit_stop();
}
END_TEST

START_TEST(doubt_of_a_call_that_ends_after_the_undo_survives_the_next_abort)
{
    static const int statuses[] = {0, 500, 504};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        zoe_is_to_become_chef();
        commit();
        expect_call("PATCH", "/Users/7");
        say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Baker"});
        take_and_abort();
        if (statuses[i])
            answer(statuses[i], "");
        else
            answer_unknown();
        ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
        take_and_abort();
        ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
        kit_stop();
    }
}
END_TEST

/* A write whose answer was undone leaves doubt: no result before one more look, when its life is over. */
static void look_again(const char *account)
{
    expect_no_call();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, account);
    commit();
}

START_TEST(an_answer_after_the_undo_says_only_that_something_is_known_no_more)
{
    zoe_is_to_become_chef();
    commit();
    expect_call("PATCH", "/Users/7");
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Baker"});
    take_and_abort();
    expect_no_call(); /* one call per person and target, undone or not */
    answer(200, user("7", true, ZOE ";title=Chef"));
    ck_assert_str_eq(state_now("miro", "known"), "null");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    answer(200, user("7", true, ZOE ";title=Baker"));
    commit();
    look_again(user("7", true, ZOE ";title=Baker"));
    expect_result("e2", "miro", "superseded");
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(throttling_is_heard_also_after_an_undo)
{
    zoe_is_to_become_chef();
    commit();
    expect_call("PATCH", "/Users/7");
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Baker"});
    take_and_abort();
    answer_later(429, 20 * KIT_SECOND);
    commit();
    int64_t from = kit.now.wall_ms;
    while (wait_for_call() >= 0 && strcmp(kit.call->method, "PATCH") != 0)
        answer(200, user("7", true, ZOE ";title=Cook"));
    ck_assert_int_ge(kit.now.wall_ms - from, 20 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(an_abort_after_the_work_was_done_does_not_believe_the_old_state)
{
    zoe_is_to_become_chef();
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Chef"));
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Cook"}); /* back again */
    take_and_abort();
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Cook");
    answer(200, user("7", true, ZOE ";title=Cook"));
    commit();
    look_again(user("7", true, ZOE ";title=Cook"));
    expect_result("e2", "miro", "superseded");
    expect_result("e3", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(an_abort_does_not_forget_a_settled_cut)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    take_batch();
    say({"e3", EVENT_JOINED, .at = 3});
    kit.batch = NULL;
    engine_batch_aborted(kit.e, kit.now);
    ck_assert_str_eq(state_now("miro", "known"), "null");
    kit_deliver(0);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, user("7", false, ZOE));
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":true");
    kit_stop();
}
END_TEST

START_TEST(an_answer_taken_into_a_batch_is_a_fact_although_the_batch_is_aborted)
{
    zoe_is_to_become_chef();
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Chef"));
    take_batch();
    abort_batch();
    ck_assert_str_eq(state_now("miro", "known"), "null");
    take_and_abort(); /* and stays one */
    ck_assert_str_eq(state_now("miro", "known"), "null");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    look_again(user("7", true, ZOE ";title=Chef"));
    ck_assert_ptr_nonnull(find_result("e2", "miro"));
    kit_stop();
}
END_TEST

START_TEST(spent_budget_is_not_given_back_by_an_abort)
{
    struct engine_limit limit = {"users.update", 1, 60 * KIT_SECOND};
    kit_config();
    kit.targets[0].limits = &limit;
    kit.targets[0].n_limits = 1;
    kit_open();
    commit();
    pass(60 * KIT_SECOND);
    commit();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    ck_assert_int_ge(wait_for_call(), 0);
    answer_not_sent();
    take_and_abort();
    int64_t from = kit.now.wall_ms;
    while (wait_for_call() >= 0 && strcmp(kit.call->method, "PATCH") != 0)
        answer(200, user("7", true, ZOE ";title=Cook"));
    ck_assert_int_ge(kit.now.wall_ms - from, 60 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(an_abort_with_nothing_in_the_batch_is_harmless)
{
    kit_start();
    pass(KIT_LEASE_MS);
    take_and_abort();
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now));
    ck_assert(commit());
    kit_stop();
}
END_TEST

START_TEST(ten_changes_while_the_target_is_down_cost_one_patch)
{
    zoe_is_to_become_chef();
    commit();
    expect_call("PATCH", "/Users/7");
    answer(503, "");
    for (int i = 3; i < 13; i++) {
        char id[16], profile[32];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(profile, sizeof profile, "title=T%d", i);
        say({id, EVENT_CHANGED, .at = i, .profile = profile});
        commit();
    }
    ck_assert_int_ge(wait_for_call(), 0);
    expect_body("T12");
    answer(200, user("7", true, ZOE ";title=T12"));
    commit();
    expect_result("e12", "miro", "applied");
    expect_result("e2", "miro", "superseded");
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 12);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_first_batch_opens_the_partition,
        no_call_before_the_record_that_asks_for_it_is_committed,
        no_call_before_the_partition_is_opened,
        a_word_that_comes_while_the_batch_is_out_is_committed_before_its_call,
        a_batch_carries_person_results_and_headers_of_one_piece,
        a_batch_names_the_offsets_of_all_partitions,
        an_idle_worker_renews_its_lease_by_offsets_alone,
        a_lease_that_is_over_stops_calls_also_those_already_handed_out,
        the_lease_runs_from_the_sending_of_the_commit,
        an_abort_undoes_the_batch_and_what_came_since,
        an_abort_takes_results_and_dead_letters_back,
        an_abort_keeps_doubt,
        doubt_of_a_call_that_ends_after_the_undo_survives_the_next_abort,
        an_answer_after_the_undo_says_only_that_something_is_known_no_more,
        throttling_is_heard_also_after_an_undo,
        an_abort_after_the_work_was_done_does_not_believe_the_old_state,
        an_abort_does_not_forget_a_settled_cut,
        an_answer_taken_into_a_batch_is_a_fact_although_the_batch_is_aborted,
        spent_budget_is_not_given_back_by_an_abort,
        an_abort_with_nothing_in_the_batch_is_harmless,
        ten_changes_while_the_target_is_down_cost_one_patch,
    };
    return kit_run("engine_commit", tests, ARRAY_SIZE(tests));
}
