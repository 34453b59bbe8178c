/* Everybody is planned anew when the policy or the targets change, by whomever, once, and after everything else. */
#include "engine_kit.h"

#define ZOE "userName=zoe;displayName=Zoe"

static void new_policy(enum kit_policy policy)
{
    kit.policy = policy;
    engine_policy_changed(kit.e, ++kit.generation, kit.now);
}

/* The next process starts with the policy of now. */
static void configure(void)
{
    kit.cfg.generation = kit.generation;
}

static void sweep(void)
{
    commit();
    for (int ticks = 0; stats_now().behind > 0 && ticks < 100; ticks++)
        pass(1);
    commit();
}

static const struct kit_record *partition_record(void)
{
    for (size_t i = kit.n_records; i-- > 0;)
        if (strcmp(kit.records[i].key, RECORD_PARTITION_KEY) == 0)
            return &kit.records[i];
    return NULL;
}

static const char *swept(void)
{
    const char *text = json_string(partition_record()->json, "swept");
    return text ? text : "";
}

static const char *generation_text(void)
{
    static char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)kit.generation);
    return text;
}

/* Results without an event; the last one goes to *ret_last. */
static size_t effects(const cJSON **ret_last)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++) {
        if (kit.records[i].topic != TOPIC_RESULTS || json_string(kit.records[i].json, "eventId"))
            continue;
        *ret_last = kit.records[i].json;
        n++;
    }
    return n;
}

static void answer_cut(void)
{
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
}

START_TEST(who_is_at_rest_follows_a_new_policy_and_has_one_result_for_it)
{
    const cJSON *last = NULL;
    kit_start();
    kit_zoe_has_account(ZOE);
    new_policy(POLICY_CUTS);
    sweep();
    ck_assert_str_ne(state_now("miro", "sweptAt"), "");
    answer_cut();
    expect_no_call();
    ck_assert_uint_eq(effects(&last), 1);
    ck_assert_str_eq(json_string(last, "outcome"), "applied");
    ck_assert_int_eq(strncmp(json_string(last, "cause"), "policy", 6), 0);
    ck_assert_str_eq(state_now("miro", "sweptAt"), "");
    ck_assert_str_eq(swept(), generation_text());
    kit_stop();
}
END_TEST

START_TEST(who_is_in_step_is_not_written)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    size_t before = count_records(TOPIC_PERSONS);
    new_policy(POLICY_ACCOUNT);
    ck_assert_uint_eq(stats_now().behind, 1);
    sweep();
    expect_no_call();
    ck_assert_uint_eq(stats_now().behind, 0);
    ck_assert_uint_eq(count_records(TOPIC_PERSONS), before);
    ck_assert_str_eq(swept(), generation_text());
    kit_stop();
}
END_TEST

START_TEST(a_tenants_policy_concerns_its_own_persons_only)
{
    kit_config();
    struct engine_target *other = kit_add_target("other", "miro");
    other->tenant = "globex";
    kit_open();
    commit();
    kit_zoe_has_account(ZOE);
    say({"g", EVENT_LEFT, .tenant = "globex", .subject = "9", .profile = "userName=gus"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    sweep();
    other->generation++;
    engine_targets_changed(kit.e, kit.targets, kit.now);
    new_policy(POLICY_ACCOUNT);
    ck_assert_uint_eq(stats_now().behind, 1);
    sweep();
    expect_no_call();
    new_policy(POLICY_ACCOUNT); /* nobody says whom it concerns */
    ck_assert_uint_eq(stats_now().behind, 2);
    sweep();
    kit_stop();
}
END_TEST

START_TEST(a_sweep_goes_on_with_whoever_takes_the_partition_over)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    new_policy(POLICY_CUTS);
    ck_assert(
        commit()); /* nobody was planned yet, but that it is under way stands in the partition's record */
    ck_assert_str_eq(swept(), "");
    configure();
    kit_crash();
    sweep();
    answer_cut();
    ck_assert_str_eq(swept(), generation_text());
    kit_stop();
}
END_TEST

START_TEST(a_policy_that_changed_between_two_owners_is_noticed)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    kit.policy = POLICY_CUTS;
    kit.generation++;
    configure();
    kit_hand_over();
    sweep();
    answer_cut();
    kit_stop();
}
END_TEST

START_TEST(who_is_in_step_is_not_planned_again_by_the_next_owner)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    new_policy(POLICY_ACCOUNT);
    sweep();
    configure();
    unsigned asked = kit.policy_calls;
    kit_hand_over();
    ck_assert_uint_eq(stats_now().behind, 0);
    pass(1);
    ck_assert_uint_eq(kit.policy_calls, asked);
    kit_stop();
}
END_TEST

/* Zoe was cut under the new policy, Tom had nothing to be cut; then the old policy comes back. */
START_TEST(going_back_to_an_older_policy_finds_whom_the_newer_one_has_changed)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    uint64_t old = kit.generation;
    new_policy(POLICY_CUTS);
    sweep();
    answer_cut();
    kit.policy = POLICY_ACCOUNT;
    kit.cfg.generation = old;
    kit_crash();
    sweep();
    expect_call("PATCH", "/Users/7");
    expect_body("true");
    kit_stop();
}
END_TEST

START_TEST(what_an_abort_takes_back_is_planned_again)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    new_policy(POLICY_CUTS);
    pass(1);
    ck_assert_uint_eq(stats_now().behind, 0);
    take_and_abort();
    sweep();
    answer_cut();
    kit_stop();
}
END_TEST

START_TEST(a_new_target_takes_whom_the_records_know)
{
    const cJSON *last = NULL;
    kit_start();
    kit_zoe_has_account(ZOE);
    kit_add_target("jira", "scim");
    kit.generation++;
    configure();
    kit_hand_over();
    sweep();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET");
    ck_assert_uint_eq(kit.call->target, 1);
    answer(200, "{\"totalResults\":0,\"Resources\":[]}");
    commit();
    expect_call("POST", "/Users");
    answer(201, user("9", true, ZOE));
    commit();
    expect_call("GET", "/Users/9");
    answer(200, user("9", true, ZOE));
    commit();
    expect_no_call();
    ck_assert_uint_eq(effects(&last), 1);
    ck_assert_str_eq(json_string(last, "target"), "jira");
    kit_stop();
}
END_TEST

/* Zoe wants nothing at the new target until her word is due: then she has no state there. */
START_TEST(a_word_that_comes_due_concerns_a_new_target_too)
{
    kit_start();
    say({"soon", EVENT_JOINED, .at = 1, .profile = ZOE, .effective = 2000});
    commit();
    kit_add_target("jira", "scim");
    kit.generation++;
    configure();
    kit_hand_over();
    sweep();
    pass(1500 * KIT_SECOND);
    commit();
    bool asked[2] = {false};
    while (next_call()) {
        asked[kit.call->target] = true;
        answer(503, "");
        if (asked[0] && asked[1])
            break;
    }
    ck_assert(asked[0] && asked[1]);
    kit_stop();
}
END_TEST

static void pause_miro(bool paused)
{
    struct error err;
    char value[256];
    snprintf(value, sizeof value,
             "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":%s,\"by\":\"ops\",\"reason\":\"x\","
             "\"at\":\"2026-01-05T08:00:00Z\"}",
             paused ? "true" : "false");
    ck_assert(engine_control(kit.e, str_of("pause/miro"), str_of(value), kit.now, &err));
}

START_TEST(nobody_is_swept_to_a_paused_target_until_it_goes_on)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    pause_miro(true);
    size_t before = count_records(TOPIC_PERSONS);
    new_policy(POLICY_CUTS);
    for (int i = 0; i < 5; i++)
        pass(1);
    commit();
    ck_assert_uint_eq(stats_now().behind, 1);
    ck_assert_uint_eq(count_records(TOPIC_PERSONS), before);
    ck_assert_int_ne(engine_wake_in(kit.e, kit.now), 0);
    pause_miro(false);
    sweep();
    answer_cut();
    kit_stop();
}
END_TEST

static void nobody_there(int32_t partition, const char *tenant, const char *subject, const char *profile)
{
    say_in(partition,
           &(struct word){subject, EVENT_LEFT, .tenant = tenant, .subject = subject, .profile = profile});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
}

/* In the second partition one is planned before and one after the person who is put off: the walk is between them. */
START_TEST(who_was_put_off_by_a_walk_that_goes_on_is_found_when_room_comes)
{
    kit_config();
    kit.cfg.sweep_at_once = 1;
    kit_add_target("other", "miro")->tenant = "globex";
    kit_open();
    kit_assign(1);
    commit();
    nobody_there(0, "acme", "ann", "userName=ann");
    nobody_there(1, "globex", "bob", "userName=bob");
    nobody_there(1, "acme", "cyd", "userName=cyd");
    nobody_there(1, "globex", "dan", "userName=dan");
    pause_miro(true);
    new_policy(POLICY_CUTS);
    pass(1);
    pass(1);
    ck_assert_uint_eq(stats_now().behind, 2);
    pause_miro(false);
    sweep();
    ck_assert_uint_eq(stats_now().behind, 0);
    ck_assert_str_eq(swept(), generation_text());
    kit_stop();
}
END_TEST

START_TEST(a_policy_that_fails_keeps_everybody_as_they_are)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    new_policy(POLICY_FAILS);
    sweep();
    expect_no_call();
    ck_assert_uint_eq(stats_now().behind, 0);
    new_policy(POLICY_CUTS);
    sweep();
    answer_cut();
    kit_stop();
}
END_TEST

START_TEST(a_sweep_waits_behind_those_of_whom_something_was_said)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"tom", EVENT_JOINED, .subject = "tom", .at = 2, .profile = "userName=tom"});
    commit();
    new_policy(POLICY_CUTS);
    sweep(); /* both wait now, Tom's lookup of an event and Zoe's cut of the sweep */
    ck_assert_ptr_nonnull(next_call());
    ck_assert_ptr_nonnull(strstr(kit.call->path, "tom"));
    kit_stop();
}
END_TEST

START_TEST(what_a_sweep_cannot_do_is_told)
{
    const cJSON *last = NULL;
    kit_start();
    kit_zoe_has_account(ZOE);
    new_policy(POLICY_CUTS);
    sweep();
    expect_call("PATCH", "/Users/7");
    answer(400, "{\"detail\":\"last admin cannot leave\"}");
    commit();
    ck_assert_uint_eq(effects(&last), 1);
    ck_assert_str_eq(json_string(last, "outcome"), "rejected");
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
    kit_stop();
}
END_TEST

/* An event whose own time is still to come says nothing of it. */
START_TEST(what_a_sweep_cannot_do_is_told_also_while_an_event_waits_for_its_time)
{
    const cJSON *last = NULL;
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"later", EVENT_CHANGED, .at = 2, .effective = 5000, .profile = "displayName=Zoe Later"});
    commit();
    new_policy(POLICY_CUTS);
    sweep();
    expect_call("PATCH", "/Users/7");
    answer(400, "{\"detail\":\"last admin cannot leave\"}");
    commit();
    ck_assert_uint_eq(effects(&last), 1);
    ck_assert_str_eq(json_string(last, "outcome"), "rejected");
    expect_no_result("later", "miro");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_is_at_rest_follows_a_new_policy_and_has_one_result_for_it,
        who_is_in_step_is_not_written,
        a_tenants_policy_concerns_its_own_persons_only,
        a_sweep_goes_on_with_whoever_takes_the_partition_over,
        a_policy_that_changed_between_two_owners_is_noticed,
        who_is_in_step_is_not_planned_again_by_the_next_owner,
        going_back_to_an_older_policy_finds_whom_the_newer_one_has_changed,
        what_an_abort_takes_back_is_planned_again,
        a_new_target_takes_whom_the_records_know,
        a_word_that_comes_due_concerns_a_new_target_too,
        nobody_is_swept_to_a_paused_target_until_it_goes_on,
        who_was_put_off_by_a_walk_that_goes_on_is_found_when_room_comes,
        a_policy_that_fails_keeps_everybody_as_they_are,
        a_sweep_waits_behind_those_of_whom_something_was_said,
        what_a_sweep_cannot_do_is_told,
        what_a_sweep_cannot_do_is_told_also_while_an_event_waits_for_its_time,
    };
    return kit_run("engine_sweep", tests, ARRAY_SIZE(tests));
}
