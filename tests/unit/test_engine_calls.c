/* Which call may start, and whose turn it is. */
#include "engine_kit.h"

static void join(const char *id)
{
    char profile[64];
    snprintf(profile, sizeof profile, "userName=%s;title=x", id);
    say({id, EVENT_JOINED, .subject = id, .profile = profile});
}

/* Persons p0 … who have accounts whose title is to change. */
static void people_with_accounts(int n)
{
    for (int i = 0; i < n; i++) {
        char id[16], profile[64];
        snprintf(id, sizeof id, "p%d", i);
        snprintf(profile, sizeof profile, "userName=%s;title=x", id);
        join(id);
        ck_assert_int_ge(wait_for_call(), 0);
        answer(200, found(id, true, profile));
    }
    commit();
    ck_assert_uint_eq(stats_now().waiting, 0);
}

static size_t start_all(void)
{
    size_t n = 0;
    while (engine_call_next(kit.e, kit.now))
        n++;
    return n;
}

START_TEST(a_class_never_gets_more_than_its_limit_in_any_window)
{
    struct engine_limit limits[] = {{"users.read", 10, 10 * KIT_SECOND}};
    int64_t sent[200] = {0};
    size_t n = 0;
    kit_config();
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit_open();
    commit();
    for (int i = 0; i < 60; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        join(id);
    }
    int64_t start = kit.now.boot_ms;
    while (n < 60 && wait_for_call() >= 0) {
        bool read = !kit.call->write;
        if (read)
            sent[n++] = kit.now.boot_ms;
        pass((int64_t)(n % 7) * 10);
        answer(read ? 200 : 400, read ? NO_USERS : "");
    }
    ck_assert_uint_eq(n, 60);
    for (size_t i = 10; i < n; i++)
        ck_assert_int_gt(sent[i] - sent[i - 10], 10 * KIT_SECOND);
    ck_assert_int_lt(kit.now.boot_ms - start, 80 * KIT_SECOND); /* and nearly all of the allowance is used */
    kit_stop();
}
END_TEST

START_TEST(classes_have_budgets_of_their_own)
{
    struct engine_limit limits[] = {{"users.update", 1, 3000 * KIT_SECOND}};
    kit_config();
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit_open();
    commit();
    kit.targets[0].deadline_ms = KIT_DAY_MS;
    people_with_accounts(2);
    say({"c0", EVENT_CHANGED, .at = 9, .subject = "p0", .profile = "title=y"});
    say({"c1", EVENT_CHANGED, .at = 9, .subject = "p1", .profile = "title=y"});
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "PATCH");
    expect_no_call(); /* the other PATCH has no place */
    join("new");
    commit();
    const struct call *held = kit.call;
    expect_call("GET", "/Users?filter=");
    kit.call = held;
    kit_stop();
}
END_TEST

START_TEST(not_more_calls_than_allowed_are_in_flight)
{
    kit_config();
    kit.targets[0].in_flight_max = 3;
    kit_open();
    commit();
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        join(id);
    }
    commit();
    pass(10 * KIT_SECOND);
    ck_assert_uint_eq(start_all(), 3);
    ck_assert_uint_eq(engine_in_flight(kit.e, 0), 3);
    ck_assert_uint_eq(stats_now().waiting, 7);
    ck_assert_int_gt(engine_wake_in(kit.e, kit.now), 0); /* waiting for a place does not spin */
    kit_stop();
}
END_TEST

START_TEST(targets_take_turns)
{
    kit_config();
    kit_add_target("wiki", "scim");
    kit_open();
    commit();
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        join(id);
    }
    commit();
    pass(10 * KIT_SECOND);
    size_t turns[2] = {0};
    for (int i = 0; i < 8; i++)
        turns[engine_call_next(kit.e, kit.now)->target]++;
    ck_assert_uint_eq(turns[0], 4);
    ck_assert_uint_eq(turns[1], 4);
    kit_stop();
}
END_TEST

START_TEST(a_tenants_backlog_of_ten_thousand_does_not_delay_another_tenants_event)
{
    kit_config();
    kit_add_target("globex-miro", "miro")->tenant = "globex";
    kit_open();
    commit();
    for (int i = 0; i < 10000; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        struct event ev =
            make_event(&(struct word){id, EVENT_JOINED, .subject = id, .profile = "userName=x;title=x"});
        engine_event(kit.e, 0, i, &ev, kit.now);
        event_done(&ev);
    }
    engine_batch_take(kit.e, kit.now);
    engine_batch_committed(kit.e, kit.now.boot_ms, kit.now);
    while (engine_call_next(kit.e, kit.now))
        pass(10); /* until the first tenant has all that it can get */
    struct event ev = make_event(&(struct word){"g", EVENT_JOINED, .subject = "g", .profile = "userName=g"});
    free(ev.tenant);
    ev.tenant = xstrdup("globex");
    engine_event(kit.e, 0, 10000, &ev, kit.now);
    event_done(&ev);
    engine_batch_take(kit.e, kit.now);
    engine_batch_committed(kit.e, kit.now.boot_ms, kit.now);
    ck_assert_uint_gt(stats_now().waiting, 9000);
    const struct call *call = engine_call_next(kit.e, kit.now); /* at once */
    ck_assert_ptr_nonnull(call);
    ck_assert_uint_eq(call->target, 1);
    kit_stop();
}
END_TEST

static unsigned bucket_of(const char *subject)
{
    char person[64];
    snprintf(person, sizeof person, "hr/%s", subject);
    return event_bucket(str_of(person), 2);
}

static void join_in_bucket(unsigned bucket, int32_t partition, int n, const char *prefix)
{
    for (int i = 0; n > 0; i++) {
        char id[16], profile[64];
        snprintf(id, sizeof id, "%s%d", prefix, i);
        if (bucket_of(id) != bucket)
            continue;
        snprintf(profile, sizeof profile, "userName=%s", id);
        say_in(partition, &(struct word){id, EVENT_JOINED, .subject = id, .profile = profile});
        n--;
    }
}

static int reads_within(int64_t ms)
{
    int n = 0;
    for (int64_t end = kit.now.boot_ms + ms; kit.now.boot_ms < end; pass(10)) {
        commit();
        for (const struct call *call; (call = engine_call_next(kit.e, kit.now)); n++) {
            kit.call = call;
            answer(400, "{}"); /* read again later: not in this test's time */
        }
    }
    return n;
}

START_TEST(a_bucket_spends_its_share_of_a_limit_and_all_buckets_all_of_it)
{
    struct engine_limit limits[] = {{"users.read", 41, 10 * KIT_SECOND}};
    for (unsigned both = 0; both <= 1; both++) {
        kit_config();
        kit.targets[0].spread = 2;
        kit.targets[0].retry_base_ms = kit.targets[0].retry_cap_ms = 10000 * KIT_SECOND;
        kit.targets[0].limits = limits;
        kit.targets[0].n_limits = 1;
        kit_open();
        kit_assign(1);
        commit();
        join_in_bucket(0, 0, 60, "a");
        if (both)
            join_in_bucket(1, 1, 60, "b");
        (void)reads_within(5 * KIT_SECOND);
        int n = reads_within(10 * KIT_SECOND), share = both ? 41 : 21;
        ck_assert_int_le(n, share);
        ck_assert_int_ge(n, share - 2);
        kit_stop();
    }
}
END_TEST

/* Two buckets of ours, both with many to look up; the target throttles the first call. */
static int64_t rest_after_429(int64_t retry_after_ms)
{
    kit_config();
    kit.targets[0].spread = 2;
    kit_open();
    kit_assign(1);
    commit();
    join_in_bucket(0, 0, 30, "a");
    join_in_bucket(1, 1, 30, "b");
    ck_assert_int_ge(wait_for_call(), 0);
    answer_later(429, retry_after_ms);
    int64_t waited = wait_for_call();
    kit_stop();
    return waited;
}

START_TEST(a_429_to_one_bucket_rests_the_others_of_the_target_too)
{
    ck_assert_int_ge(rest_after_429(25 * KIT_SECOND), 25 * KIT_SECOND);
    ck_assert_int_ge(rest_after_429(-1), 10 * KIT_SECOND); /* without a word, a window */
}
END_TEST

START_TEST(a_bucket_that_comes_from_another_worker_leaves_the_budget_of_the_others_alone)
{
    kit_config();
    kit.targets[0].spread = 2;
    kit_open();
    commit();
    kit_assign(1);
    commit();
    engine_revoke(kit.e, 1); /* somebody else has it for a while */
    engine_close(kit.e, 1, kit.now);
    commit();
    engine_drop(kit.e, 1);
    pass(20 * KIT_SECOND);
    kit_assign(1);
    commit();
    join_in_bucket(1, 1, 3, "b");
    commit();
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now)); /* its last owner may have spent a burst */
    join_in_bucket(0, 0, 2, "a");
    commit();
    ck_assert_ptr_nonnull(engine_call_next(kit.e, kit.now));
    ck_assert_ptr_nonnull(engine_call_next(kit.e, kit.now));
    kit_stop();
}
END_TEST

START_TEST(after_a_crash_the_dead_owners_calls_have_time_to_arrive)
{
    int64_t waits[2];
    for (int crash = 0; crash <= 1; crash++) {
        kit_config();
        kit.targets[0].arrival_ms = 5 * KIT_SECOND;
        kit_open();
        commit();
        say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
        commit();
        if (crash)
            kit_crash();
        else
            kit_hand_over();
        waits[crash] = wait_for_call();
        kit_stop();
    }
    ck_assert_int_gt(waits[0], 0);
    ck_assert_int_ge(waits[1], waits[0] + 5 * KIT_SECOND);
}
END_TEST

/* A call is answered so and the bucket handed over, to somebody who has it for that long if it is not 0: when the next call
 * comes. */
static int64_t wait_after_hand_over(int status, int64_t had_for_ms)
{
    kit_config();
    kit.targets[0].arrival_ms = 5 * KIT_SECOND;
    kit_open();
    commit();
    join("a");
    ck_assert_int_ge(wait_for_call(), 0);
    answer(status, "");
    join("b");
    kit_hand_over();
    if (had_for_ms > 0) {
        commit();
        pass(had_for_ms);
        kit_hand_over();
    }
    int64_t wait = wait_for_call();
    kit_stop();
    return wait;
}

START_TEST(who_hands_over_with_calls_that_nobody_saw_end_says_so)
{
    const int64_t waits[] = {wait_after_hand_over(503, 0), wait_after_hand_over(504, 0)};
    ck_assert_int_gt(waits[0], 0);
    ck_assert_int_ge(waits[1], waits[0] + 5 * KIT_SECOND);
}
END_TEST

START_TEST(who_has_a_bucket_for_a_moment_passes_on_that_calls_are_on_their_way)
{
    const int64_t waits[] = {wait_after_hand_over(504, 5 * KIT_SECOND),
                             wait_after_hand_over(504, 5 * KIT_SECOND - 1)};
    ck_assert_int_gt(waits[0], 0);
    ck_assert_int_ge(waits[1], waits[0] + 5 * KIT_SECOND);
}
END_TEST

/* How long the only place of the class is taken by a call that was answered so. */
static int64_t place_taken_for(int status)
{
    struct engine_limit limits[] = {{"users.read", 1, 10 * KIT_SECOND}};
    kit_config();
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit_open();
    commit();
    join("a");
    ck_assert_int_ge(wait_for_call(), 0);
    int64_t started = kit.now.boot_ms;
    answer(status, "");
    join("b");
    ck_assert_int_ge(wait_for_call(), 0);
    int64_t waited = kit.now.boot_ms - started;
    kit_stop();
    return waited;
}

START_TEST(what_a_gateway_gave_up_may_still_arrive)
{
    ck_assert_int_lt(place_taken_for(503), 15 * KIT_SECOND);
    ck_assert_int_ge(place_taken_for(504), KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert_int_ge(place_taken_for(502), KIT_LIFE_MS + 10 * KIT_SECOND);
}
END_TEST

START_TEST(one_targets_outage_does_not_delay_another)
{
    kit_config();
    kit_add_target("wiki", "scim");
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
    commit();
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(next_call());
        if (kit.call->target == 0)
            answer_unknown();
        else
            answer(200, found("7", true, "userName=zoe"));
        commit();
    }
    expect_result("e1", "wiki", "unchanged");
    expect_no_result("e1", "miro");
    kit_stop();
}
END_TEST

START_TEST(leavers_go_first_then_movers_then_joiners)
{
    kit_start();
    people_with_accounts(3);
    kit.now.boot_ms += 100 * KIT_SECOND;
    commit();
    join("j");
    say({"m", EVENT_CHANGED, .at = 9, .subject = "p1", .profile = "title=y"});
    say({"l", EVENT_LEFT, .at = 9, .subject = "p2"});
    commit();
    expect_call("PATCH", "/Users/p2");
    expect_call("PATCH", "/Users/p1");
    expect_call("GET", "/Users?filter=");
    kit_stop();
}
END_TEST

START_TEST(leavers_that_must_be_read_first_go_before_movers_too)
{
    kit_start();
    people_with_accounts(1);
    kit.now.boot_ms += 100 * KIT_SECOND;
    commit();
    join("j");
    say({"m", EVENT_CHANGED, .at = 9, .subject = "p0", .profile = "nickName=y"});
    say({"l", EVENT_LEFT, .at = 9, .subject = "l", .profile = "userName=l"});
    commit();
    expect_call("GET", "/Users?filter=userName%20eq%20%22l%22");
    expect_call("GET", "/Users/p0");
    expect_call("GET", "/Users?filter=userName%20eq%20%22j%22");
    kit_stop();
}
END_TEST

START_TEST(a_leaver_does_not_wait_for_a_window_that_movers_spent)
{
    struct engine_limit limits[] = {{"users.update", 10, 30 * KIT_SECOND}};
    kit_config();
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit_open();
    commit();
    people_with_accounts(30);
    for (int i = 0; i < 29; i++) {
        char id[16], subject[16];
        snprintf(id, sizeof id, "m%d", i);
        snprintf(subject, sizeof subject, "p%d", i);
        say({id, EVENT_CHANGED, .at = 9, .subject = subject, .profile = "title=y"});
    }
    commit();
    for (int64_t end = kit.now.boot_ms + 60 * KIT_SECOND; kit.now.boot_ms < end; pass(100)) {
        commit();
        while (engine_call_next(kit.e, kit.now))
            ; /* the target is slow: movers take all that they can get */
    }
    say({"l", EVENT_LEFT, .at = 9, .subject = "p29"});
    ck_assert_int_ge(wait_for_call(), 0);
    expect_body("\"value\":false");
    kit_stop();
}
END_TEST

START_TEST(one_call_per_person_and_target)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    const struct call *first = kit.call;
    say({"e2", EVENT_LEFT, .at = 2});
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=x"});
    commit();
    pass(20 * KIT_SECOND);
    commit();
    expect_no_call();
    kit.call = first;
    answer(200, found("7", true, "userName=zoe"));
    commit();
    expect_call("PATCH", "/Users/7");
    kit_stop();
}
END_TEST

START_TEST(a_write_that_waited_until_doubt_was_over_reads_first_within_the_reads_budget)
{
    struct engine_limit limits[] = {{"users.read", 2, 100 * KIT_SECOND}, {"users.update", 100, KIT_SECOND}};
    kit_config();
    kit.targets[0].call_life_ms = 300 * KIT_SECOND;
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 2;
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe;title=x"});
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, found("7", true, "userName=zoe;title=x"));
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=y"});
    ck_assert_int_ge(wait_for_call(), 0);
    answer_unknown();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->method, "GET"); /* the last read for a long time */
    answer(200, user("7", true, "userName=zoe;title=x"));
    commit();                            /* the write is queued */
    kit.now.wall_ms += 300 * KIT_SECOND; /* doubt ends before it starts, and nobody has ticked */
    kit.now.boot_ms += 20;
    ck_assert_ptr_null(engine_call_next(kit.e, kit.now));
    kit_stop();
}
END_TEST

START_TEST(the_same_seed_gives_the_same_schedule)
{
    int64_t waits[2][5];
    for (int run = 0; run < 2; run++) {
        kit_start();
        say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
        for (int i = 0; i < 5; i++) {
            waits[run][i] = wait_for_call();
            answer(503, "");
        }
        kit_stop();
    }
    ck_assert_mem_eq(waits[0], waits[1], sizeof waits[0]);
}
END_TEST

START_TEST(a_call_says_all_that_the_shell_needs)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    ck_assert_uint_eq(kit.call->target, 0);
    ck_assert_int_eq(kit.call->timeout_ms, 10 * KIT_SECOND);
    ck_assert_ptr_null(kit.call->body);
    ck_assert_uint_eq(kit.call->n_persons, 1);
    uint64_t id = kit.call->id;
    answer(200, NO_USERS);
    expect_call("POST", "/Users");
    ck_assert_uint_ne(kit.call->id, id);
    ck_assert_uint_eq(kit.call->body_n, strlen(kit.call->body));
    ck_assert_uint_eq(stats_now().calls, 2);
    ck_assert_uint_eq(stats_now().in_flight, 1);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_class_never_gets_more_than_its_limit_in_any_window,
        classes_have_budgets_of_their_own,
        not_more_calls_than_allowed_are_in_flight,
        targets_take_turns,
        a_tenants_backlog_of_ten_thousand_does_not_delay_another_tenants_event,
        a_bucket_spends_its_share_of_a_limit_and_all_buckets_all_of_it,
        a_429_to_one_bucket_rests_the_others_of_the_target_too,
        a_bucket_that_comes_from_another_worker_leaves_the_budget_of_the_others_alone,
        after_a_crash_the_dead_owners_calls_have_time_to_arrive,
        what_a_gateway_gave_up_may_still_arrive,
        who_hands_over_with_calls_that_nobody_saw_end_says_so,
        who_has_a_bucket_for_a_moment_passes_on_that_calls_are_on_their_way,
        one_targets_outage_does_not_delay_another,
        leavers_go_first_then_movers_then_joiners,
        leavers_that_must_be_read_first_go_before_movers_too,
        a_leaver_does_not_wait_for_a_window_that_movers_spent,
        one_call_per_person_and_target,
        a_write_that_waited_until_doubt_was_over_reads_first_within_the_reads_budget,
        the_same_seed_gives_the_same_schedule,
        a_call_says_all_that_the_shell_needs,
    };
    return kit_run("engine_calls", tests, ARRAY_SIZE(tests));
}
