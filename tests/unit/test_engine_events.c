/* Events that come twice, late, early, in the wrong place, or are none; words that wait for their time. */
#include "engine_kit.h"

#define ZOE "userName=zoe;displayName=Zoe"

START_TEST(a_duplicate_gets_no_result_of_its_own)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"zoe-joined", EVENT_JOINED, .at = 1, .profile = ZOE});
    ck_assert_uint_eq(stats_now().duplicates, 1);
    commit();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;displayName=Zed"));
    commit();
    kit_crash();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 2);
    pass(KIT_LEASE_MS); /* what changes nothing is committed with the lease */
    commit();
    ck_assert_int_eq(engine_position(kit.e, 0), 5);
    kit_stop();
}
END_TEST

START_TEST(an_event_in_another_partition_than_its_person_is_a_dead_letter)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit_assign(1);
    say_in(1, &(struct word){"stray", EVENT_LEFT, .at = 2});
    commit();
    expect_no_call();
    expect_no_result("stray", "miro");
    const cJSON *letter = last_record(TOPIC_DEADLETTERS)->json;
    ck_assert_str_eq(json_string(letter, "kind"), "invalid");
    ck_assert_int_eq(json_get(letter, "partition")->valueint, 1);
    ck_assert_ptr_nonnull(strstr(json_string(letter, "value"), "\"subject\":\"zoe\""));
    ck_assert_int_eq(kit.committed[1], 1);
    kit_stop();
}
END_TEST

START_TEST(a_record_that_is_no_event_is_a_dead_letter_and_stops_nobody)
{
    static char controls[EVENT_VALUE_MAX + 100], quotes[EVENT_VALUE_MAX], key[300000];
    memset(controls, 1, sizeof controls);
    memset(quotes, '"', sizeof quotes);
    memset(key, 'k', sizeof key);
    const struct {
        struct str key, value;
        const char *member; /* of the dead letter: where the value is */
    } rows[] = {
        {{"acme/0", 6}, {"{not json", 9}, "value"},
        {{NULL, 0}, {NULL, 0}, "value"},
        {{"\xff\xfe", 2}, {"\x00\x01\x02", 3}, "valueBase64"},
        {{"acme/0", 6}, {"\xc3\x28", 2}, "valueBase64"},
        {{"acme/0", 6}, {controls, sizeof controls}, "valueBase64"},
        {{"acme/0", 6}, {quotes, sizeof quotes}, "value"},
        {{key, sizeof key}, {"{}", 2}, "value"},
    };
    kit_start();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct no_event record = {rows[i].key, rows[i].value, NULL, 0, "it is no event"};
        engine_event_invalid(kit.e, 0, (int64_t)i, &record, kit.now);
        record.reason = "seen before";
        engine_event_invalid(kit.e, 0, (int64_t)i, &record, kit.now);
        commit();
        ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), i + 1);
        const cJSON *letter = last_record(TOPIC_DEADLETTERS)->json;
        ck_assert_str_eq(json_string(letter, "reason"), "it is no event");
        ck_assert_msg(json_string(letter, rows[i].member), "row %zu", i);
        ck_assert_uint_lt(strlen(last_record(TOPIC_DEADLETTERS)->value), 1000 * 1000);
    }
    ck_assert_uint_eq(stats_now().invalid, ARRAY_SIZE(rows));
    ck_assert_int_eq(engine_position(kit.e, 0), (int64_t)ARRAY_SIZE(rows));
    kit_stop();
}
END_TEST

START_TEST(what_later_words_had_decided_is_superseded)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"late", EVENT_CHANGED, .at = 0, .profile = "displayName=Old"});
    commit();
    expect_result("late", "miro", "superseded");
    expect_no_call();
    kit_stop();
}
END_TEST

/* However long people go on talking: whoever waits for a result is told when nothing of the event can count any more. */
START_TEST(what_later_words_overrule_has_its_result_at_once_whatever_is_under_way)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "displayName=Zo"});
    commit();
    expect_call("PATCH", "/Users/7");
    say({"e4", EVENT_CHANGED, .at = 4, .profile = "title=Boss"});
    commit();
    expect_result("e2", "miro", "superseded");
    expect_no_result("e3", "miro"); /* still counts */
    expect_no_result("e4", "miro");
    answer(200, user("7", true, ZOE ";title=Chef;displayName=Zo"));
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Boss");
    answer(200, user("7", true, ZOE ";title=Boss;displayName=Zo"));
    commit();
    expect_result("e3", "miro", "merged");
    expect_result("e4", "miro", "applied");
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 4); /* the first is of her joining */
    kit_stop();
}
END_TEST

START_TEST(a_change_made_together_with_a_later_one_is_merged_and_names_it)
{
    kit_start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Chef"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;displayName=Zed;title=Chef"));
    commit();
    expect_result("e2", "miro", "merged");
    ck_assert_str_eq(json_string(find_result("e2", "miro"), "mergedInto"), event_id("e3"));
    expect_result("e3", "miro", "applied");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(an_event_that_came_after_the_change_was_made_is_unchanged)
{
    kit_config();
    kit.targets[0].kind = "scim";
    kit_open();
    commit();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "displayName=Zed"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;displayName=Zed"));
    pass(1000);
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "displayName=Zed"});
    commit();
    expect_result("e3", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(an_event_that_says_nothing_is_unchanged)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2});
    commit();
    expect_no_call();
    expect_result("e2", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(the_list_of_pending_events_stays_short)
{
    kit_start();
    for (int i = 0; i < 100; i++) {
        char id[16], profile[64];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(profile, sizeof profile, "userName=zoe;a%d=x;title=T%d", i % 20, i);
        say({id, i % 30 == 7 ? EVENT_SUSPENDED : EVENT_CHANGED, .at = i, .profile = profile});
    }
    commit();
    cJSON *zoe = person_now();
    int pending = cJSON_GetArraySize(json_get(json_get(json_get(zoe, "targets"), "miro"), "pending"));
    cJSON_Delete(zoe);
    ck_assert_int_le(pending, PERSON_PENDING_MAX + 1);
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 100u - (unsigned)pending);
    expect_no_result("e97", "miro"); /* the suspension in force waits for what becomes of it */
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    commit();
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 100);
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        ck_assert_ptr_nonnull(find_result(id, "miro"));
    }
    kit_stop();
}
END_TEST

START_TEST(what_is_merged_names_an_event_that_is_neither_scheduled_nor_overruled)
{
    kit_start();
    kit.policy = POLICY_FAILS; /* nothing settles */
    for (int i = 0; i < PERSON_PENDING_MAX; i++) {
        char id[16], profile[64];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(profile, sizeof profile, "a%d=x", i);
        say({id, EVENT_CHANGED, .at = 10 + i, .profile = profile});
    }
    say({"old", EVENT_CHANGED, .at = 1, .profile = "a0=y"});
    say({"future", EVENT_LEFT, .at = 40, .effective = 9000});
    commit();
    for (size_t i = 0; i < kit.n_records; i++) {
        const char *into =
            kit.records[i].topic == TOPIC_RESULTS ? json_string(kit.records[i].json, "mergedInto") : NULL;
        ck_assert(!into || (strcmp(into, event_id("old")) != 0 && strcmp(into, event_id("future")) != 0));
    }
    kit_stop();
}
END_TEST

START_TEST(a_future_dated_word_waits_for_its_time)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2, .effective = 2000});
    commit();
    expect_no_call();
    expect_no_result("e2", "miro");
    kit_crash(); /* the schedule is in the record */
    commit();
    pass(kit_ms(2000) - 1 - kit.now.wall_ms);
    commit();
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now));
    pass(1);
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(the_shell_is_woken_for_a_scheduled_word)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2, .effective = 1003});
    commit();
    int64_t until = kit_ms(1003) - kit.now.wall_ms;
    ck_assert_int_gt(until, 0);
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), until);
    kit_stop();
}
END_TEST

START_TEST(a_later_word_cancels_a_scheduled_one)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2, .effective = 2000});
    commit();
    say({"e3", EVENT_JOINED, .at = 3});
    commit();
    expect_result("e2", "miro", "superseded");
    expect_result("e3", "miro", "unchanged");
    pass(2000 * KIT_SECOND);
    commit();
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(other_events_do_not_wait_for_the_scheduled_one)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_LEFT, .at = 2, .effective = 2000});
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "displayName=Zed"});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;displayName=Zed"));
    commit();
    expect_result("e3", "miro", "applied");
    expect_no_result("e2", "miro");
    kit_stop();
}
END_TEST

START_TEST(too_many_future_words_are_rejected_once)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    for (int i = 0; i <= PERSON_SCHEDULED_MAX; i++) {
        char id[16], profile[32];
        snprintf(id, sizeof id, "f%d", i);
        snprintf(profile, sizeof profile, "a%d=x", i);
        say({id, EVENT_CHANGED, .at = 5, .effective = 5000 + i, .profile = profile});
    }
    commit();
    expect_result("f16", "miro", "rejected");
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
    say({"f16", EVENT_CHANGED, .at = 5, .effective = 5016, .profile = "a16=x"});
    commit();
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
    find_result("f16", "miro");
    kit_stop();
}
END_TEST

START_TEST(large_future_words_do_not_burst_the_record)
{
    static char profile[62 * 1024];
    size_t n = 0;
    for (int i = 0; i < 58; i++) {
        n += (size_t)snprintf(profile + n, sizeof profile - n, "%sa%d=", i ? ";" : "", i);
        memset(profile + n, 'x', 1000);
        n += 1000;
    }
    kit_start();
    kit.policy = POLICY_NOTHING;
    for (int i = 0; i < PERSON_SCHEDULED_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "f%d", i);
        say({id, EVENT_CHANGED, .at = 5, .effective = 5000 + i, .profile = profile});
        commit();
    }
    kit_stop();
}
END_TEST

START_TEST(a_person_in_thousands_of_groups_does_not_burst_the_record)
{
    static char groups[64 * 256];
    kit_start();
    kit.policy = POLICY_NOTHING;
    for (int i = 0; i < 60; i++) {
        char id[16];
        size_t n = 0;
        for (int j = 0; j < 64; j++)
            n += (size_t)snprintf(groups + n, sizeof groups - n, "%s%0240d", j ? ";" : "", i * 64 + j);
        snprintf(id, sizeof id, "g%d", i);
        say({id, EVENT_MEMBERSHIP_ADDED, .at = i, .groups = groups});
        commit();
        ck_assert_ptr_nonnull(find_result(id, "miro"));
    }
    kit_stop();
}
END_TEST

/* "a0=x;a1=x;…" */
static const char *attributes(int from, int n)
{
    static char text[8192];
    size_t at = 0;
    for (int i = from; i < from + n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%sa%d=x", i > from ? ";" : "", i);
    return text;
}

START_TEST(a_person_with_all_attributes_that_one_may_have_can_still_be_changed_and_cut)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_NOTHING;
    for (int i = 0; i < 2; i++)
        say({i ? "e2" : "e1", EVENT_CHANGED, .at = 2, .profile = attributes(i * 63, 63)});
    say({"same", EVENT_CHANGED, .at = 3, .profile = attributes(0, 60)});
    say({"new", EVENT_CHANGED, .at = 3, .profile = attributes(200, 60)});
    commit();
    expect_result("same", "miro", "ignored");
    expect_result("new", "miro", "rejected");
    kit.policy = POLICY_ACCOUNT;
    say({"gone", EVENT_LEFT, .at = 4, .profile = attributes(300, 60)});
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    ck_assert_ptr_nonnull(find_result("gone", "miro"));
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(access_ends_on_its_day_and_the_effect_has_a_result_of_its_own)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"e2", EVENT_CHANGED, .at = 2, .until = "2000"});
    commit();
    expect_result("e2", "miro", "unchanged");
    expect_no_call();
    pass(kit_ms(2000) - kit.now.wall_ms);
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, ZOE));
    commit();
    const cJSON *effect = last_record(TOPIC_RESULTS)->json;
    ck_assert_int_eq(strncmp(json_string(effect, "id"), "effect:", 7), 0);
    ck_assert_ptr_null(json_string(effect, "eventId"));
    ck_assert_str_eq(json_string(effect, "outcome"), "applied");
    kit.now.wall_ms = kit_ms(1900); /* the next worker's clock is slow */
    kit_crash();
    commit();
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "displayName=Zed"});
    commit();
    expect_no_call();
    expect_result("e3", "miro", "unchanged");
    say({"e4", EVENT_CHANGED, .at = 4, .until = ""}); /* without end again */
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":true");
    kit_stop();
}
END_TEST

/* Zoe is deleted; what is to be done is done. */
static void zoe_is_deleted(int64_t at)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"gone", EVENT_DELETED, .at = at});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("gone", "miro", "applied");
}

START_TEST(a_deleted_person_is_kept_for_thirty_days_then_forgotten)
{
    zoe_is_deleted(1000);
    pass(30 * KIT_DAY_MS - KIT_SECOND);
    commit();
    ck_assert_uint_eq(stats_now().persons, 1);
    pass(3 * KIT_SECOND);
    commit();
    ck_assert_uint_eq(stats_now().persons, 0);
    ck_assert_ptr_null(last_record(TOPIC_PERSONS)->value);
    ck_assert(!commit());
    kit_crash();
    ck_assert_uint_eq(stats_now().persons, 0);
    kit_stop();
}
END_TEST

START_TEST(a_deletion_reported_late_is_kept_for_thirty_days_as_well)
{
    kit_config();
    kit.now.wall_ms += 60 * KIT_DAY_MS;
    kit_open();
    commit();
    say({"gone", EVENT_DELETED, .at = 2, .profile = ZOE});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    pass(KIT_DAY_MS);
    commit();
    ck_assert_uint_eq(stats_now().persons, 1);
    say({"older", EVENT_JOINED, .at = 1, .profile = ZOE}); /* still meets a record */
    commit();
    expect_no_call();
    expect_result("older", "miro", "superseded");
    kit_stop();
}
END_TEST

START_TEST(an_event_that_comes_when_the_tombstone_is_due_is_not_lost)
{
    for (int when = 0; when < 3; when++) {
        zoe_is_deleted(1000);
        pass(30 * KIT_DAY_MS + 3 * KIT_SECOND);
        if (when == 1)
            take_batch(); /* the tombstone is on its way */
        if (when == 2)
            take_and_abort();
        say({"back", EVENT_JOINED, .at = 5000 * 1000});
        if (when == 1)
            finish_batch();
        commit();
        ck_assert_uint_eq(stats_now().persons, 1);
        ck_assert_ptr_nonnull(last_record(TOPIC_PERSONS)->value);
        ck_assert_ptr_nonnull(next_call());
        kit_stop();
    }
}
END_TEST

START_TEST(a_tombstone_is_undone_by_an_abort_and_written_again)
{
    zoe_is_deleted(1000);
    pass(30 * KIT_DAY_MS + 3 * KIT_SECOND);
    take_and_abort();
    ck_assert_uint_eq(stats_now().persons, 1);
    commit();
    ck_assert_uint_eq(stats_now().persons, 0);
    ck_assert_ptr_null(last_record(TOPIC_PERSONS)->value);
    kit_stop();
}
END_TEST

START_TEST(events_for_a_target_that_was_removed_are_ignored)
{
    kit_config();
    kit_add_target("wiki", "scim");
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    kit.cfg.n_targets = 1;
    kit_crash();
    commit();
    expect_result("e1", "wiki", "ignored");
    expect_no_result("e1", "miro");
    kit_stop();
}
END_TEST

START_TEST(a_person_of_a_tenant_without_targets_is_remembered)
{
    kit_start();
    say({"e1", EVENT_JOINED, .tenant = "nobody", .profile = ZOE});
    commit();
    ck_assert_uint_eq(count_records(TOPIC_PERSONS), 1);
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 0);
    expect_no_call();
    struct buf out;
    buf_init(&out, RECORD_MAX);
    ck_assert(engine_person_json(kit.e, str_of("nobody/hr/zoe"), &out));
    ck_assert(!engine_person_json(kit.e, str_of("acme/hr/zoe"), &out));
    buf_done(&out);
    kit_stop();
}
END_TEST

START_TEST(a_new_policy_is_applied_to_work_under_way)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = ZOE});
    commit();
    kit.policy = POLICY_NOTHING;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    commit();
    while (next_call()) { /* whether something was created may be looked up, nothing is written */
        ck_assert(!kit.call->write);
        answer(200, NO_USERS);
        commit();
    }
    expect_result("e1", "miro", "ignored");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_duplicate_gets_no_result_of_its_own,
        an_event_in_another_partition_than_its_person_is_a_dead_letter,
        a_record_that_is_no_event_is_a_dead_letter_and_stops_nobody,
        what_later_words_had_decided_is_superseded,
        what_later_words_overrule_has_its_result_at_once_whatever_is_under_way,
        a_change_made_together_with_a_later_one_is_merged_and_names_it,
        an_event_that_came_after_the_change_was_made_is_unchanged,
        an_event_that_says_nothing_is_unchanged,
        the_list_of_pending_events_stays_short,
        what_is_merged_names_an_event_that_is_neither_scheduled_nor_overruled,
        a_future_dated_word_waits_for_its_time,
        the_shell_is_woken_for_a_scheduled_word,
        a_later_word_cancels_a_scheduled_one,
        other_events_do_not_wait_for_the_scheduled_one,
        too_many_future_words_are_rejected_once,
        large_future_words_do_not_burst_the_record,
        a_person_in_thousands_of_groups_does_not_burst_the_record,
        a_person_with_all_attributes_that_one_may_have_can_still_be_changed_and_cut,
        access_ends_on_its_day_and_the_effect_has_a_result_of_its_own,
        a_deleted_person_is_kept_for_thirty_days_then_forgotten,
        a_deletion_reported_late_is_kept_for_thirty_days_as_well,
        an_event_that_comes_when_the_tombstone_is_due_is_not_lost,
        a_tombstone_is_undone_by_an_abort_and_written_again,
        events_for_a_target_that_was_removed_are_ignored,
        a_person_of_a_tenant_without_targets_is_remembered,
        a_new_policy_is_applied_to_work_under_way,
    };
    return kit_run("engine_events", tests, ARRAY_SIZE(tests));
}
