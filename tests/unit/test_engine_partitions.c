/* Assigned, restored, taken over, given up. */
#include "engine_kit.h"

#define ZOE "userName=zoe;displayName=Zoe"

START_TEST(a_takeover_from_the_dead_doubts_accounts_with_work_under_way)
{
    zoe_becomes_chef();
    kit_crash();
    int64_t from = kit.now.wall_ms;
    ck_assert_str_eq(state_now("miro", "known"), "null");
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_no_result("e2", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_int_ge(kit.now.wall_ms, from + KIT_LIFE_MS);
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("e2", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(the_doubt_of_a_takeover_survives_the_abort_of_its_first_batch)
{
    zoe_becomes_chef();
    kit_crash();
    take_and_abort();
    take_and_abort();
    ck_assert_str_eq(state_now("miro", "known"), "null");
    ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
    kit_stop();
}
END_TEST

START_TEST(a_takeover_from_the_dead_believes_what_was_at_rest)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit_crash();
    commit();
    expect_no_call();
    say({"e2", EVENT_LEFT, .at = 2});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_takeover_in_order_doubts_nothing)
{
    zoe_becomes_chef();
    answer(503, "");
    kit_hand_over();
    ck_assert_str_eq(state_now("miro", "doubtUntil"), "");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

static void park(void)
{
    engine_revoke(kit.e, 0);
    engine_close(kit.e, 0, kit.now);
    commit();
    ck_assert(engine_clean(kit.e, 0));
    engine_park(kit.e, 0, kit.now);
}

START_TEST(a_parked_partition_comes_back_as_after_a_takeover_in_order)
{
    zoe_becomes_chef();
    answer(503, "");
    park();
    engine_unpark(kit.e, 0, kit.now);
    ck_assert_str_eq(state_now("miro", "doubtUntil"), "");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("e2", "miro", "applied");
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Boss"});
    commit();
    expect_call("PATCH", "/Users/7");
    kit_stop();
}
END_TEST

START_TEST(nothing_is_done_for_a_parked_partition_whatever_comes_due)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2, .effective = 1100});
    commit();
    park();
    pass(200 * KIT_SECOND); /* the leaver's time has come */
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    ck_assert_ptr_null(take_batch());
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), -1);
    ck_assert_int_eq(engine_offer(kit.e, 0, kit.end[0]), OFFER_KNOWN);
    engine_unpark(kit.e, 0, kit.now);
    pass(1);
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(what_comes_due_between_the_close_and_the_parking_is_not_lost)
{
    kit_start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe", .effective = 1010});
    commit();
    expect_no_call();
    engine_revoke(kit.e, 0);
    engine_close(kit.e, 0, kit.now);
    pass(20 * KIT_SECOND);
    commit();
    engine_park(kit.e, 0, kit.now);
    engine_unpark(kit.e, 0, kit.now);
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    kit_stop();
}
END_TEST

START_TEST(a_parked_partition_that_does_not_come_back_is_forgotten)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    park();
    engine_drop(kit.e, 0);
    ck_assert_uint_eq(stats_now().persons, 0);
    kit_assign(0);
    commit();
    ck_assert_uint_eq(stats_now().persons, 1);
    kit_stop();
}
END_TEST

START_TEST(calls_in_flight_at_the_close_become_doubt)
{
    zoe_becomes_chef();
    const struct call *call = kit.call;
    engine_revoke(kit.e, 0);
    ck_assert_uint_eq(engine_in_flight(kit.e, 0), 1);
    engine_close(kit.e, 0, kit.now);
    ck_assert_uint_eq(engine_in_flight(kit.e, 0), 0);
    ck_assert_uint_eq(engine_in_flight(kit.e, -1), 1);
    ck_assert(!engine_call_may_write(kit.e, call, kit.now));
    take_batch();
    abort_batch(); /* doubt is a fact, also here */
    commit();
    ck_assert(engine_clean(kit.e, 0));
    engine_drop(kit.e, 0);
    reply(call, &(struct call_reply){.outcome = CALL_REPLIED,
                                     .status = 200,
                                     .body = str_of("{}"),
                                     .retry_after_ms = -1}); /* nobody's any more */
    engine_free(kit.e);
    kit_open();
    ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
    commit();
    expect_call("GET", "/Users/7");
    kit_stop();
}
END_TEST

START_TEST(a_revoked_partition_starts_no_calls_and_commits_what_comes_in)
{
    zoe_becomes_chef();
    say({"ann", EVENT_JOINED, .subject = "ann", .profile = "userName=ann"});
    commit();
    const struct call *call = kit.call;
    engine_revoke(kit.e, 0);
    engine_revoke(kit.e, 0); /* twice does no harm, nor does one that is not ours */
    engine_revoke(kit.e, 3);
    expect_no_call();
    say({"late", EVENT_JOINED, .subject = "late", .profile = "userName=late"}); /* not merged any more */
    ck_assert_uint_eq(stats_now().persons, 2);
    kit.call = call;
    answer(200, user("7", true, ZOE ";title=Chef"));
    ck_assert(!engine_clean(kit.e, 0));
    commit();
    expect_result("e2", "miro", "applied");
    engine_close(kit.e, 0, kit.now);
    ck_assert(!engine_clean(kit.e, 0));
    commit();
    ck_assert(engine_clean(kit.e, 0));
    engine_drop(kit.e, 0);
    ck_assert_uint_eq(stats_now().persons, 0);
    ck_assert_int_eq(engine_position(kit.e, 0), -1);
    ck_assert_ptr_null(engine_batch_take(kit.e, kit.now));
    kit_assign(0);
    commit();
    ck_assert_uint_eq(stats_now().persons, 3);
    kit_stop();
}
END_TEST

START_TEST(revoking_asks_nobody_what_is_wanted_at_the_beginning_of_time)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_FAILS;
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zoe"});
    commit();
    kit.policy = POLICY_ACCOUNT;
    engine_revoke(kit.e, 0);
    commit();
    const cJSON *result = find_result("e2", "miro");
    ck_assert(!result || strncmp(json_string(result, "finishedAt"), "1970", 4) != 0);
    kit_stop();
}
END_TEST

START_TEST(a_partition_may_be_lost_in_the_middle_of_a_batch)
{
    zoe_becomes_chef();
    kit_assign(1);
    commit();
    say({"e3", EVENT_LEFT, .at = 3});
    say_in(1, &(struct word){"bob", EVENT_JOINED, .subject = "bob", .profile = "userName=bob"});
    take_batch();
    ck_assert(!engine_clean(kit.e, 0));
    say({"e4", EVENT_JOINED, .at = 4});
    engine_drop(kit.e, 0);
    finish_batch();
    ck_assert_int_eq(engine_position(kit.e, 0), -1);
    commit();
    answer(200, user("7", true, ZOE));
    expect_call("GET", "/Users?filter=");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_partition_lost_while_calls_fly_forgets_them)
{
    zoe_becomes_chef();
    const struct call *call = kit.call;
    engine_drop(kit.e, 0);
    engine_drop(kit.e, 0);
    ck_assert(!engine_call_may_write(kit.e, call, kit.now));
    kit_assign(0); /* it comes back at once */
    commit();
    reply(call, &(struct call_reply){.outcome = CALL_UNKNOWN, .retry_after_ms = -1, .error = "timeout"});
    ck_assert_str_ne(state_now("miro", "doubtUntil"), "");
    ck_assert_uint_eq(engine_in_flight(kit.e, -1), 0);
    kit_stop();
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void expect_refusal(int64_t committed, const char *says)
{
    struct error err = {0};
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    kit.committed[0] = committed;
    ck_assert(!kit_restore(0, &err));
    ck_assert_int_eq(err.kind, ERROR_PERMANENT);
    ck_assert_msg(strstr(err.message, says), "%s", err.message);
    engine_drop(kit.e, 0);
}

START_TEST(refuses_records_without_committed_offsets)
{
    zoe_becomes_chef();
    expect_refusal(-1, "expired group");
    kit_stop();
}
END_TEST

START_TEST(refuses_records_ahead_of_the_offset)
{
    zoe_becomes_chef();
    expect_refusal(1, "another group");
    kit_stop();
}
END_TEST

START_TEST(refuses_another_number_of_partitions)
{
    zoe_becomes_chef();
    kit.cfg.partitions = 7;
    expect_refusal(kit.committed[0], "recreate it with 4 partitions");
    kit_stop();
}
END_TEST

START_TEST(refuses_another_spread)
{
    zoe_becomes_chef();
    kit.targets[0].spread = 8;
    expect_refusal(kit.committed[0], "tenant acme had a spread of 1 when its records were written and has 8");
    kit.targets[0].spread = 1;
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    struct error err = {0};
    ck_assert_msg(kit_restore(0, &err), "%s", err.message);
    kit_stop();
}
END_TEST

START_TEST(refuses_records_that_it_cannot_understand)
{
    static const struct {
        const char *key, *value, *says;
    } rows[] = {{"acme/hr/zoe", "{\"version\":99,\"seq\":1}", "newer worker"},
                {"acme/hr/zoe", "{\"version\":0,\"seq\":1}", "version 0"},
                {"acme/hr/zoe", "garbage", "none of ours"},
                {RECORD_PARTITION_KEY, "garbage", "partition"},
                {RECORD_PARTITION_KEY, "{\"version\":9}", "partition"}};
    kit_start();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        engine_restore_begin(kit.e, 1);
        ck_assert(
            !engine_restore_record(kit.e, 1, str_of(rows[i].key), str_of(rows[i].value), NULL, 0, &err));
        ck_assert_int_eq(err.kind, ERROR_PERMANENT);
        ck_assert_msg(strstr(err.message, rows[i].says), "%s", err.message);
        engine_drop(kit.e, 1);
    }
    kit_stop();
}
END_TEST

START_TEST(refuses_an_offset_without_records)
{
    struct error err = {0};
    kit_start();
    engine_restore_begin(kit.e, 1);
    ck_assert(!engine_restore_end(kit.e, 1, 1, kit.now, &err));
    ck_assert_int_eq(err.kind, ERROR_PERMANENT);
    ck_assert_msg(strstr(err.message, "records are gone"), "%s", err.message);
    engine_drop(kit.e, 1);
    engine_restore_begin(kit.e, 1);
    ck_assert(
        engine_restore_end(kit.e, 1, 0, kit.now, &err)); /* an operator set it there: nothing is missing */
    kit_stop();
}
END_TEST

START_TEST(a_restore_takes_the_last_record_of_each_person_and_honours_tombstones)
{
    struct error err;
    kit_start();
    engine_restore_begin(kit.e, 1);
    struct str old =
        str_of("{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[],\"targets\":{}}");
    struct str new =
        str_of("{\"version\":1,\"seq\":2,\"offset\":1,\"profile\":{},\"recent\":[],\"targets\":{}}");
    const struct record_header headers[] = {{"seq", "2"}, {"offset", "1"}, {"due", "0"}, {"flags", "0"}};
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/ann"), old, headers, 4, &err));
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/zoe"), old, headers, 4, &err));
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/zoe"), new, headers, 4, &err));
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/ann"), (struct str){0}, NULL, 0, &err));
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/nobody"), (struct str){0}, NULL, 0, &err));
    struct str own = str_of("{\"version\":1,\"partition\":1,\"partitions\":4,\"open\":false,\"openedAt\":0,"
                            "\"offset\":2}");
    ck_assert(engine_restore_record(kit.e, 1, str_of(RECORD_PARTITION_KEY), own, NULL, 0, &err));
    ck_assert(engine_restore_end(kit.e, 1, 2, kit.now, &err));
    ck_assert_uint_eq(stats_now().persons, 1);
    cJSON *zoe = person_now();
    ck_assert_int_eq(json_get(zoe, "seq")->valueint, 2);
    cJSON_Delete(zoe);
    ck_assert_int_eq(engine_position(kit.e, 1), 2);
    kit_stop();
}
END_TEST

START_TEST(a_date_that_came_due_before_the_restore_ended_is_not_missed)
{
    struct error err;
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2, .until = "2000"});
    commit();
    engine_free(kit.e);
    kit.now.wall_ms = kit_ms(2000);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    kit_assign(1); /* another partition keeps the worker ticking */
    commit();
    engine_restore_begin(kit.e, 0);
    for (size_t i = 0; i < kit.n_records; i++) {
        const struct kit_record *r = &kit.records[i];
        struct record_header headers[5];
        for (size_t j = 0; j < r->n_headers; j++)
            headers[j] = (struct record_header){r->headers[j][0], r->headers[j][1]};
        if (r->topic == TOPIC_PERSONS && r->partition == 0)
            ck_assert(engine_restore_record(kit.e, 0, str_of(r->key), str_of(r->value), headers, r->n_headers,
                                            &err));
        pass(1);
    }
    ck_assert(engine_restore_end(kit.e, 0, kit.committed[0], kit.now, &err));
    pass(1);
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    kit_stop();
}
END_TEST

START_TEST(a_worker_that_only_restores_has_nothing_to_do)
{
    kit_config();
    kit.e = engine_new(&kit.cfg, &kit.ports);
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), -1);
    engine_restore_begin(kit.e, 0);
    ck_assert_ptr_null(engine_batch_take(kit.e, kit.now));
    ck_assert_int_ne(engine_wake_in(kit.e, kit.now), 0); /* 0 would spin */
    engine_drop(kit.e, 0);
    kit_stop();
}
END_TEST

START_TEST(a_partition_that_joins_later_is_opened_at_once)
{
    kit_start();
    kit_assign(1);
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), 0);
    kit_stop();
}
END_TEST

START_TEST(a_new_owner_paces_its_calls_without_a_burst)
{
    kit_start();
    for (int i = 0; i < 50; i++) {
        char id[16], profile[32];
        snprintf(id, sizeof id, "p%d", i);
        snprintf(profile, sizeof profile, "userName=%s", id);
        say({id, EVENT_JOINED, .subject = id, .profile = profile});
    }
    commit();
    kit_crash();
    commit();
    int calls = 0;
    while (engine_call_next(kit.e, kit.now))
        calls++;
    ck_assert_int_le(calls, 1);
    kit_stop();
}
END_TEST

START_TEST(events_before_the_committed_offset_and_of_others_are_skipped)
{
    struct word w = {"e1", EVENT_JOINED, .profile = ZOE};
    struct event ev = make_event(&w);
    kit_start();
    engine_event(kit.e, 0, 5, &ev, kit.now);
    ck_assert_uint_eq(stats_now().events, 1);
    engine_event(kit.e, 0, 5, &ev, kit.now);
    engine_event(kit.e, 0, 4, &ev, kit.now);
    engine_event(kit.e, 2, 9, &ev, kit.now);
    ck_assert_uint_eq(stats_now().events, 1);
    event_done(&ev);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_takeover_from_the_dead_doubts_accounts_with_work_under_way,
        the_doubt_of_a_takeover_survives_the_abort_of_its_first_batch,
        a_takeover_from_the_dead_believes_what_was_at_rest,
        a_takeover_in_order_doubts_nothing,
        a_parked_partition_comes_back_as_after_a_takeover_in_order,
        nothing_is_done_for_a_parked_partition_whatever_comes_due,
        what_comes_due_between_the_close_and_the_parking_is_not_lost,
        a_parked_partition_that_does_not_come_back_is_forgotten,
        calls_in_flight_at_the_close_become_doubt,
        a_revoked_partition_starts_no_calls_and_commits_what_comes_in,
        revoking_asks_nobody_what_is_wanted_at_the_beginning_of_time,
        a_partition_may_be_lost_in_the_middle_of_a_batch,
        a_partition_lost_while_calls_fly_forgets_them,
        refuses_records_without_committed_offsets,
        refuses_records_ahead_of_the_offset,
        refuses_another_number_of_partitions,
        refuses_another_spread,
        refuses_an_offset_without_records,
        refuses_records_that_it_cannot_understand,
        a_restore_takes_the_last_record_of_each_person_and_honours_tombstones,
        a_date_that_came_due_before_the_restore_ended_is_not_missed,
        a_worker_that_only_restores_has_nothing_to_do,
        a_partition_that_joins_later_is_opened_at_once,
        a_new_owner_paces_its_calls_without_a_burst,
        events_before_the_committed_offset_and_of_others_are_skipped,
    };
    return kit_run("engine_partitions", tests, ARRAY_SIZE(tests));
}
