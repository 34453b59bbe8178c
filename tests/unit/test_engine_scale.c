/* Many persons: what must not be done for all of them at once. */
#include <malloc.h>

#include "../../worker/engine/engine_state.h"
#include "engine_kit.h"

enum { CROWD = 400 };

static void a_crowd_joins(int32_t partition, int from)
{
    for (int i = from; i < from + CROWD; i++) {
        char id[16], subject[16], profile[48];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(subject, sizeof subject, "p%d", i);
        snprintf(profile, sizeof profile, "userName=p%d", i);
        say_in(partition, &(struct word){id, EVENT_JOINED, .subject = subject, .profile = profile});
    }
}

START_TEST(a_new_policy_is_taken_up_over_several_ticks_and_no_call_starts_on_the_old_word)
{
    kit_start();
    a_crowd_joins(0, 0);
    commit();
    ck_assert_uint_eq(stats_now().waiting, CROWD);
    kit.policy = POLICY_FAILS;
    unsigned before = kit.policy_calls;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    ck_assert_uint_lt(kit.policy_calls - before, CROWD);
    ck_assert_int_eq(engine_wake_in(kit.e, kit.now), 0);
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now));
    for (int ticks = 0; engine_wake_in(kit.e, kit.now) == 0 && ticks < CROWD; ticks++) {
        engine_tick(kit.e, kit.now);
        commit();
    }
    ck_assert_uint_ge(kit.policy_calls - before, CROWD);
    ck_assert_uint_eq(stats_now().waiting, 0);
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_partition_that_goes_while_a_policy_is_taken_up_takes_its_work_along)
{
    kit_start();
    kit_assign(1);
    commit();
    a_crowd_joins(0, 0);
    a_crowd_joins(1, CROWD);
    commit();
    unsigned before = kit.policy_calls;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
    engine_revoke(kit.e, 0);
    engine_drop(kit.e, 0);
    while (engine_call_next(kit.e, kit.now))
        ;
    for (int ticks = 0; engine_wake_in(kit.e, kit.now) == 0 && ticks < CROWD; ticks++) {
        engine_tick(kit.e, kit.now);
        commit();
        engine_call_next(kit.e, kit.now);
    }
    ck_assert_int_ne(engine_wake_in(kit.e, kit.now), 0);
    ck_assert_uint_ge(kit.policy_calls - before, CROWD);
    ck_assert_uint_eq(stats_now().waiting + stats_now().in_flight, CROWD);
    ck_assert_uint_eq(stats_now().persons, CROWD);
    kit_stop();
}
END_TEST

START_TEST(a_partition_is_clean_when_nothing_of_its_own_is_dirty)
{
    kit_start();
    kit_assign(1);
    commit();
    ck_assert(engine_clean(kit.e, 0) && engine_clean(kit.e, 1));
    a_crowd_joins(1, 0);
    ck_assert(engine_clean(kit.e, 0));
    ck_assert(!engine_clean(kit.e, 1));
    take_and_abort();
    ck_assert(!engine_clean(kit.e, 1));
    commit();
    ck_assert(engine_clean(kit.e, 0) && engine_clean(kit.e, 1));
    kit_stop();
}
END_TEST

START_TEST(a_record_of_somebody_who_lives_in_another_partition_changes_nothing)
{
    const struct record_header headers[] = {{"seq", "1"}, {"offset", "0"}, {"due", "0"}, {"flags", "0"}};
    static const char other[] =
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[],\"targets\":{}}";
    static const char own[] =
        "{\"version\":1,\"partition\":1,\"partitions\":4,\"open\":false,\"slot\":\"x\",\"openedAt\":1,"
        "\"offset\":1}";
    struct error err;
    kit_start();
    kit_zoe_has_account("userName=zoe");
    say({"e2", EVENT_LEFT, .at = 2});
    engine_restore_begin(kit.e, 1);
    ck_assert(engine_restore_record(kit.e, 1, str_of("!partition"), str_of(own), NULL, 0, &err));
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/zoe"), str_of(other), headers, 4, &err));
    ck_assert(engine_restore_record(kit.e, 1, str_of("acme/hr/zoe"), (struct str){0}, NULL, 0, &err));
    ck_assert_msg(engine_restore_end(kit.e, 1, 0, kit.now, &err), "%s", err.message);
    engine_drop(kit.e, 1);
    commit();
    expect_call("PATCH", "/Users/7");
    kit_stop();
}
END_TEST

START_TEST(an_event_is_owed_to_the_targets_of_its_tenant_and_directory_alone)
{
    static const char *const others[][3] = {
        {"a-wiki", "acme", "hr"}, {"b-miro", "beta", "hr"}, {"c-miro", "acme", "idp"}};
    kit_config();
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct engine_target *t = kit_add_target(others[i][0], "scim");
        t->tenant = others[i][1];
        t->directory = others[i][2];
    }
    kit_open();
    commit();
    kit.policy = POLICY_NOTHING;
    say({"e1", EVENT_JOINED, .at = 1});
    say({"e2", EVENT_JOINED, .at = 1, .tenant = "beta"});
    say({"e3", EVENT_JOINED, .directory = "idp"});
    say({"e4", EVENT_JOINED, .tenant = "beta", .directory = "idp"});
    say({"e5", EVENT_JOINED, .tenant = "zeta"});
    commit();
    expect_result("e1", "miro", "ignored");
    expect_result("e1", "a-wiki", "ignored");
    expect_result("e2", "b-miro", "ignored");
    expect_result("e3", "c-miro", "ignored");
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 4);
    kit_stop();
}
END_TEST

START_TEST(of_a_crowd_that_waits_for_calls_only_the_first_are_kept_parsed)
{
    kit_start();
    a_crowd_joins(0, 0);
    commit();
    ck_assert_uint_eq(stats_now().waiting, CROWD);
    ck_assert_uint_le(stats_now().live, KIT_LIVE_MAX + 1);
    for (int i = 0; i < 10; i++) { /* the first and the packed ones, in the order of their coming */
        char path[64];
        snprintf(path, sizeof path, "/Users?filter=userName%%20eq%%20%%22p%d%%22", i);
        expect_call("GET", path);
    }
    ck_assert_uint_le(stats_now().live, KIT_LIVE_MAX + 1 + 10); /* and those with a call in flight */
    kit_stop();
}
END_TEST

static size_t room_of_zoes_record(void)
{
    return malloc_usable_size(store_find(&kit.e->store, str_of("acme/hr/zoe"))->committed.p);
}

/* Between the commits of somebody who is busy the record is left as it is. */
START_TEST(a_record_is_packed_when_its_person_comes_to_rest)
{
    kit_start();
    kit_zoe_has_account("userName=zoe;title=Cook");
    ck_assert_uint_eq(stats_now().live, 0);
    size_t rest = room_of_zoes_record();
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    ck_assert_uint_eq(stats_now().live, 1);
    ck_assert_uint_gt(room_of_zoes_record(), rest * 3 / 2);
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    commit();
    ck_assert_uint_eq(stats_now().live, 0);
    ck_assert_uint_lt(room_of_zoes_record(), rest * 3 / 2);
    kit_stop();
}
END_TEST

START_TEST(who_was_packed_while_waiting_is_called_as_the_policy_wants_it_then)
{
    kit_start();
    a_crowd_joins(0, 0);
    commit();
    kit.policy = POLICY_FAILS; /* nobody has said that it changed */
    for (int i = 0; i < KIT_LIVE_MAX + 1 && next_call(); i++)
        ;
    expect_no_call();
    kit.policy = POLICY_ACCOUNT;
    ck_assert_int_ge(wait_for_call(), 0);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_policy_is_taken_up_over_several_ticks_and_no_call_starts_on_the_old_word,
        a_partition_that_goes_while_a_policy_is_taken_up_takes_its_work_along,
        a_partition_is_clean_when_nothing_of_its_own_is_dirty,
        an_event_is_owed_to_the_targets_of_its_tenant_and_directory_alone,
        of_a_crowd_that_waits_for_calls_only_the_first_are_kept_parsed,
        a_record_is_packed_when_its_person_comes_to_rest,
        who_was_packed_while_waiting_is_called_as_the_policy_wants_it_then,
        a_record_of_somebody_who_lives_in_another_partition_changes_nothing,
    };
    return kit_run("engine_scale", tests, ARRAY_SIZE(tests));
}
