/* A target in trouble of its own: what waits, who asks, and what happens when it is well again; and what targets say about
 * their limits. */
#include "engine_kit.h"

static void join(const char *id)
{
    char profile[64];
    snprintf(profile, sizeof profile, "userName=%s", id);
    say({id, EVENT_JOINED, .subject = id, .profile = profile});
}

static void join_many(int n)
{
    for (int i = 0; i < n; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        join(id);
    }
    commit();
}

static bool is_open(size_t target)
{
    struct engine_target_figures figures;
    engine_target_figures(kit.e, target, &figures);
    return figures.open;
}

/* Answers all calls for so long, each at once; how many there were, of them at the most at one time. */
static unsigned run(int64_t ms, int status, const char *body)
{
    unsigned calls = 0;
    for (int64_t end = kit.now.boot_ms + ms; kit.now.boot_ms < end;) {
        int64_t left = end - kit.now.boot_ms;
        commit();
        while ((kit.call = engine_call_next(kit.e, kit.now))) {
            calls++;
            answer(status, body);
        }
        commit();
        int64_t wait = engine_wake_in(kit.e, kit.now);
        wait = wait < 1 ? 1 : wait;
        pass(wait < left ? wait : left);
    }
    return calls;
}

START_TEST(a_target_that_fails_everything_is_asked_by_one_probe_at_a_time_and_rejects_nobody)
{
    kit_start();
    join_many(50);
    (void)run(60 * KIT_SECOND, 500, "");
    ck_assert(is_open(0));
    unsigned hour = run(3600 * KIT_SECOND, 500, "");
    ck_assert_uint_le(hour, 80); /* one a minute, more or less */
    ck_assert_uint_ge(hour, 45);
    (void)run(3 * KIT_DEADLINE_MS, 500, "");
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 0);
    ck_assert_uint_eq(count_records(TOPIC_RESULTS), 0);
    (void)run(120 * KIT_SECOND, 200,
              "{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"active\":true,\"userName\":\"p\"}]}");
    ck_assert(!is_open(0));
    kit_stop();
}
END_TEST

START_TEST(a_probe_is_alone_until_it_is_over)
{
    kit_start();
    join_many(20);
    (void)run(30 * KIT_SECOND, 500, "");
    ck_assert(is_open(0));
    ck_assert_int_ge(wait_for_call(), 0);
    const struct call *probe = kit.call;
    pass(3600 * KIT_SECOND);
    commit();
    expect_no_call();
    ck_assert_int_ne(engine_wake_in(kit.e, kit.now), 0); /* waiting for it does not spin */
    kit.call = probe;
    answer(200, NO_USERS);
    ck_assert(!is_open(0));
    commit();
    pass(KIT_SECOND);
    ck_assert_ptr_nonnull(engine_call_next(kit.e, kit.now));
    ck_assert_ptr_nonnull(engine_call_next(kit.e, kit.now));
    kit_stop();
}
END_TEST

START_TEST(a_refused_token_opens_at_once_and_one_that_works_closes)
{
    kit_start();
    join_many(5);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(401, "");
    ck_assert(is_open(0));
    ck_assert_uint_le(run(600 * KIT_SECOND, 401, ""), 20);
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, NO_USERS);
    ck_assert(!is_open(0));
    kit_stop();
}
END_TEST

START_TEST(what_waits_for_a_target_tells_why_in_the_record_and_counts_no_attempts)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
    wait_for_call();
    for (int i = 0; i < 6; i++) {
        answer_not_sent();
        wait_for_call();
    }
    ck_assert(is_open(0));
    answer_not_sent();
    commit();
    ck_assert_str_eq(state_now("miro", "attempts"), "");
    ck_assert_str_eq(state_now("miro", "failingSince"), "");
    ck_assert_str_eq(state_now("miro", "open"), "true");
    ck_assert_str_eq(state_now("miro", "lastFailure"), "\"connection refused\"");
    kit_stop();
}
END_TEST

START_TEST(no_deadline_runs_out_while_a_target_is_in_trouble_nor_right_after_it_whoever_owns_the_person_then)
{
    for (int taken_over = 0; taken_over <= 1; taken_over++) {
        kit_start();
        join_many(8);
        (void)run(3 * KIT_DEADLINE_MS, 503, "");
        ck_assert(is_open(0));
        if (taken_over)
            kit_crash();
        commit();
        ck_assert_int_ge(wait_for_call(), 0);
        answer(200, NO_USERS);
        (void)run(20 * KIT_SECOND, 503, ""); /* it stumbles once more */
        ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 0);
        kit_stop();
    }
}
END_TEST

START_TEST(another_targets_breaker_delays_nobody)
{
    kit_config();
    kit_add_target("wiki", "scim");
    kit_open();
    commit();
    join_many(10);
    for (int i = 0; i < 400; i++) {
        commit();
        pass(50);
        while ((kit.call = engine_call_next(kit.e, kit.now))) {
            char profile[32];
            const char *name = strstr(kit.call->path, "%22p");
            snprintf(profile, sizeof profile, "userName=%.2s", name ? name + strlen("%22") : "");
            if (kit.call->target == 0)
                answer(401, "");
            else
                answer(200, found("7", true, profile));
        }
    }
    ck_assert(is_open(0));
    ck_assert(!is_open(1));
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        ck_assert_ptr_nonnull(find_result(id, "wiki"));
        expect_no_result(id, "miro");
    }
    kit_stop();
}
END_TEST

START_TEST(leavers_probe_first_and_one_whose_calls_never_work_does_not_keep_the_target_closed)
{
    kit_start();
    for (int i = 0; i < 2; i++) {
        static const char *const ids[] = {"l", "m"};
        char profile[64];
        snprintf(profile, sizeof profile, "userName=%s;title=x", ids[i]);
        say({ids[i], EVENT_JOINED, .subject = ids[i], .profile = profile});
        ck_assert_int_ge(wait_for_call(), 0);
        answer(200, found(ids[i], true, profile));
        commit();
    }
    join_many(8);
    (void)run(60 * KIT_SECOND, 500, "");
    ck_assert(is_open(0));
    say({"mover", EVENT_CHANGED, .at = 9, .subject = "m", .profile = "title=y"});
    say({"leaver", EVENT_LEFT, .at = 9, .subject = "l"});
    bool leaver_asked = false;
    int probes = 0;
    for (; is_open(0) && probes < 10; probes++) {
        ck_assert_int_ge(wait_for_call(), 0);
        bool leaver = strstr(kit.call->path, "/Users/l") != NULL;
        leaver_asked |= leaver;
        if (leaver)
            answer(500, "");
        else
            answer(200, NO_USERS);
    }
    ck_assert(leaver_asked || probes == 1);
    ck_assert_int_le(probes, 2);
    kit_stop();
}
END_TEST

START_TEST(one_person_whose_calls_all_fail_is_rejected_after_the_deadline_and_opens_nothing)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
    for (int i = 0; i < 1000 && !find_result("e1", "miro") && wait_for_call() >= 0; i++) {
        answer(500, "");
        ck_assert(!is_open(0));
        commit();
    }
    expect_result("e1", "miro", "rejected");
    kit_stop();
}
END_TEST

START_TEST(a_deadline_runs_from_the_first_failure_in_a_row)
{
    kit_start();
    say({"e1", EVENT_JOINED, .profile = "userName=zoe"});
    commit();
    kit.now.wall_ms += 2 * KIT_DEADLINE_MS; /* nobody had time for it */
    kit.now.boot_ms += 2 * KIT_DEADLINE_MS;
    ck_assert_int_ge(wait_for_call(), 0);
    answer(500, "");
    commit();
    expect_no_result("e1", "miro");
    ck_assert_str_ne(state_now("miro", "failingSince"), "");
    kit_stop();
}
END_TEST

/* ---- what targets say about their limits --------------------------------------------------------------- */

START_TEST(an_allowance_that_is_spent_rests_the_class_before_a_429_says_so)
{
    kit_start();
    join_many(3);
    ck_assert_int_ge(wait_for_call(), 0);
    reply(kit.call, &(struct call_reply){.outcome = CALL_REPLIED,
                                         .status = 200,
                                         .body = str_of(found("7", true, "userName=p0")),
                                         .retry_after_ms = 25 * KIT_SECOND}); /* X-RateLimit-Remaining: 0 */
    int64_t waited = wait_for_call();
    ck_assert_int_ge(waited, 25 * KIT_SECOND);
    ck_assert_int_le(waited, 26 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(a_503_rests_its_person_and_not_the_class)
{
    kit_start();
    join_many(2);
    ck_assert_int_ge(wait_for_call(), 0);
    answer_later(503, 25 * KIT_SECOND);
    ck_assert_int_le(wait_for_call(), KIT_SECOND); /* the other person */
    answer(200, NO_USERS);
    kit_stop();
}
END_TEST

/* Persons who are looked up one after the other, within ten windows; the target throttles the first few. */
static unsigned looked_up_after(unsigned throttled, int64_t retry_after_ms)
{
    struct engine_limit limits[] = {{"users.read", 50, 10 * KIT_SECOND}};
    unsigned n = 0;
    kit_config();
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit.targets[0].retry_base_ms = kit.targets[0].retry_cap_ms = 1000000 * KIT_SECOND;
    kit_open();
    commit();
    join_many(500);
    for (int64_t end = kit.now.boot_ms + 50 * KIT_SECOND; kit.now.boot_ms < end; pass(20)) {
        commit();
        while ((kit.call = engine_call_next(kit.e, kit.now))) {
            bool read = !kit.call->write;
            n += read && throttled == 0;
            if (throttled > 0) {
                throttled--;
                answer_later(429, retry_after_ms);
            } else {
                answer(read ? 200 : 400, read ? NO_USERS : "");
            }
        }
    }
    kit_stop();
    return n;
}

START_TEST(a_429_without_a_word_slows_the_class_down_and_one_with_a_word_does_not)
{
    unsigned all = looked_up_after(0, -1), hinted = looked_up_after(1, 10 * KIT_SECOND),
             slowed = looked_up_after(1, -1);
    ck_assert_uint_ge(all, 240);
    ck_assert_uint_ge(hinted, 190);
    ck_assert_uint_le(slowed, 160); /* also a window of rest, and then half the rate */
    ck_assert_uint_ge(slowed, 90);
}
END_TEST

START_TEST(time_outs_lower_the_number_of_calls_at_once_and_answers_raise_it)
{
    struct engine_target_figures figures;
    const struct call *calls[8];
    kit_config();
    kit.targets[0].in_flight_max = 8;
    kit_open();
    commit();
    join_many(60);
    pass(10 * KIT_SECOND);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(calls[i] = next_call());
    for (int i = 0; i < 4; i++) {
        kit.call = calls[i];
        answer_unknown();
    }
    engine_target_figures(kit.e, 0, &figures);
    ck_assert_uint_eq(figures.in_flight_limit, 4); /* once for all that were under way together */
    for (int i = 0; i < 3; i++) {
        commit();
        pass(500);
        ck_assert_ptr_nonnull(next_call());
        if (kit.call->write)
            answer(400, "");
        else
            answer(200, NO_USERS);
    }
    engine_target_figures(kit.e, 0, &figures);
    ck_assert_uint_eq(figures.in_flight_limit, 7);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_target_that_fails_everything_is_asked_by_one_probe_at_a_time_and_rejects_nobody,
        a_probe_is_alone_until_it_is_over,
        a_refused_token_opens_at_once_and_one_that_works_closes,
        what_waits_for_a_target_tells_why_in_the_record_and_counts_no_attempts,
        no_deadline_runs_out_while_a_target_is_in_trouble_nor_right_after_it_whoever_owns_the_person_then,
        another_targets_breaker_delays_nobody,
        leavers_probe_first_and_one_whose_calls_never_work_does_not_keep_the_target_closed,
        one_person_whose_calls_all_fail_is_rejected_after_the_deadline_and_opens_nothing,
        a_deadline_runs_from_the_first_failure_in_a_row,
        an_allowance_that_is_spent_rests_the_class_before_a_429_says_so,
        a_503_rests_its_person_and_not_the_class,
        a_429_without_a_word_slows_the_class_down_and_one_with_a_word_does_not,
        time_outs_lower_the_number_of_calls_at_once_and_answers_raise_it,
    };
    return kit_run("engine_trouble", tests, ARRAY_SIZE(tests));
}
