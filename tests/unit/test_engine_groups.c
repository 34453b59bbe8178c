/* Groups that the configuration says are ours are made, each once, and no others. */
#include "groups_kit.h"

static void apply(const char *method, const char *path, const char *body)
{
    struct miro_reply r;
    struct miro_request rq = {.method = method,
                              .target = path,
                              .content_type = "application/scim+json",
                              .body = body,
                              .body_n = body ? strlen(body) : 0};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    ck_assert_int_lt(r.status, 300);
    miro_reply_done(&r);
}

static void apply_call(void)
{
    apply(kit.call->method, kit.call->path, kit.call->body);
}

/* ---- making -------------------------------------------------------------------------------------------- */

START_TEST(a_group_of_ours_is_made_once_for_all_who_are_to_be_in_it)
{
    prepare_groups();
    open_groups();
    say_joined(3, "Guild;rc Chess;Design");
    settle_groups(90 * KIT_SECOND);
    ck_assert_uint_eq(posts, 2);
    for (int i = 0; i < 3; i++)
        ck_assert(is_in(i, "Guild") && is_in(i, "rc Chess") && is_in(i, "Design"));
    expect_result("joined-0", "miro", "applied");
    ck_assert_ptr_nonnull(told("made/miro/"));
    ck_assert_ptr_null(told("want/miro/Guild")->value); /* it is there */
    settle_groups(RELIST_MS);
    ck_assert_uint_eq(posts, 2);
    stop();
}
END_TEST

START_TEST(a_group_that_is_not_ours_is_not_made)
{
    const char *reason;
    prepare_groups();
    open_groups();
    say_joined(1, "Void");
    settle_groups(60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert_str_eq(refused_value("joined-0", &reason), "Void");
    ck_assert_ptr_nonnull(strstr(reason, "no team of this name"));
    stop();
}
END_TEST

START_TEST(nothing_is_made_where_groups_are_teams)
{
    const char *reason;
    prepare_groups();
    kit.targets[0].group_mode = GROUP_MODE_TEAM;
    open_groups();
    say_joined(1, "Guild");
    settle_groups(60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert_str_eq(refused_value("joined-0", &reason), "Guild");
    stop();
}
END_TEST

START_TEST(why_a_group_cannot_be_made_is_told_and_it_is_tried_again_later)
{
    const char *reason;
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    answer(403, "{\"detail\":\"not for you\"}");
    settle_groups(30 * KIT_SECOND);
    expect_result("joined-0", "miro", "applied");
    ck_assert_str_eq(refused_value("joined-0", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "cannot be made: 403"));
    ck_assert_uint_eq(posts, 0);
    settle_groups(2 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    ck_assert(is_in(0, "Guild"));
    stop();
}
END_TEST

START_TEST(a_group_whose_making_had_no_answer_is_not_made_twice)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    apply_call();
    reply(kit.call, &(struct call_reply){.outcome = CALL_UNKNOWN,
                                         .failure = FAILURE_TIMEOUT,
                                         .error = "no answer",
                                         .retry_after_ms = -1});
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert_uint_eq(groups_called("Guild"), 1);
    ck_assert(is_in(0, "Guild"));
    stop();
}
END_TEST

/* The name need not be unique at other services: a second one would be made without a word. */
START_TEST(a_group_that_a_dead_owner_was_making_is_waited_for)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    char *body = xstrdup(kit.call->body);
    kit_crash();
    commit();
    settle_groups(KIT_LIFE_MS / 2);
    ck_assert_uint_eq(posts, 0);
    apply("POST", "/Groups", body); /* it lands */
    free(body);
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert(is_in(0, "Guild"));
    stop();
}
END_TEST

START_TEST(a_call_on_its_way_when_its_partition_was_parked_is_waited_for)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    const struct call *held = kit.call;
    char *body = xstrdup(held->body);
    engine_revoke(kit.e, 0);
    engine_close(kit.e, 0, kit.now);
    commit();
    pause_all(true);
    pause_all(false); /* so it is looked at */
    engine_tick(kit.e, kit.now);
    ck_assert(engine_clean(kit.e, 0));
    engine_park(kit.e, 0, kit.now);
    engine_unpark(kit.e, 0, kit.now);
    settle_groups(KIT_LIFE_MS / 2);
    ck_assert_uint_eq(posts, 0);
    apply("POST", "/Groups", body); /* it lands */
    free(body);
    kit.call = held;
    answer_unknown();
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert(is_in(0, "Guild"));
    stop();
}
END_TEST

static void take_step(int number)
{
    if (number % 3 == 0)
        commit();
    else if (number % 3 == 1)
        engine_tick(kit.e, kit.now);
    else if ((kit.call = engine_call_next(kit.e, kit.now)))
        serve();
    else
        pass(KIT_SECOND);
}

/* At whatever step that happens before the want is told. */
START_TEST(who_is_lost_with_a_partition_wants_no_group_made)
{
    bool told_before = false;
    for (int steps = 0; !told_before; steps++) {
        prepare_groups();
        kit.cfg.partitions = 2;
        open_groups();
        kit_assign(1);
        say_in(1, &(struct word){"in-1", EVENT_JOINED, .at = 1, .profile = "userName=p0@example.com"});
        settle_groups(90 * KIT_SECOND);
        say_in(1, &(struct word){"in-2", EVENT_MEMBERSHIP_ADDED, .at = 2, .groups = "Guild"});
        for (int i = 0; i < steps; i++)
            take_step(i);
        told_before = told("want/miro/Guild");
        engine_drop(kit.e, 1);
        settle_groups(90 * KIT_SECOND);
        ck_assert_uint_eq(posts, told_before);
        ck_assert(told_before || !told("want/miro/Guild"));
        stop();
    }
}
END_TEST

/* For so long what changes a group in this way fails. How often it was tried. */
static unsigned settle_failing(int64_t ms, const char *body_has, int status)
{
    unsigned failed = 0;
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (strncmp(kit.call->path, "/Groups", 7) == 0 && kit.call->body &&
                   strstr(kit.call->body, body_has)) {
            failed++;
            answer(status, "");
        } else {
            posts += makes_a_group();
            serve();
        }
    }
    commit();
    return failed;
}

START_TEST(a_group_that_cannot_be_made_holds_up_no_other)
{
    static const int statuses[] = {503, 500};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        prepare_groups();
        open_groups();
        tell("a", EVENT_JOINED, 0, 1, "rc A");
        tell("b", EVENT_JOINED, 1, 1, "rc B");
        settle_failing(2 * KIT_LIFE_MS + 20 * KIT_SECOND, "rc A", statuses[i]);
        ck_assert_uint_eq(posts, 1);
        expect_result("b-1", "miro", "applied");
        ck_assert(is_in(1, "rc B"));
        tell("c", EVENT_JOINED, 2, 1, "rc C");
        unsigned failed = settle_failing(RELIST_MS, "rc A", statuses[i]);
        expect_result("c-2", "miro", "applied");
        ck_assert_uint_ge(failed, 5);
        ck_assert_uint_le(failed, 15); /* it rests ever longer, up to a minute */
        ck_assert_ptr_null(find_result("a-0", "miro"));
        settle_groups(90 * KIT_SECOND);
        ck_assert(is_in(0, "rc A"));
        stop();
    }
}
END_TEST

START_TEST(a_group_that_cannot_be_made_is_told_after_its_own_deadline)
{
    const char *reason;
    char name[8] = "rc B";
    prepare_groups();
    open_groups();
    tell("a", EVENT_JOINED, 0, 1, "rc A");
    for (int i = 0; i < 8; i++, name[3]++) { /* others are made all the time */
        tell(name, EVENT_JOINED, 1, i + 1, name);
        settle_failing(KIT_DEADLINE_MS / 7, "rc A", 503);
    }
    ck_assert_uint_eq(posts, 8);
    ck_assert_str_eq(refused_value("a-0", &reason), "rc A");
    ck_assert_ptr_nonnull(strstr(reason, "cannot be made: 503"));
    stop();
}
END_TEST

START_TEST(one_listing_serves_all_groups_that_cannot_be_made)
{
    enum { GROUPS = 8, FOR_MS = 20 * 60 * KIT_SECOND };
    char name[8] = "rc A";
    unsigned failed = 0;
    prepare_groups();
    open_groups();
    for (int i = 0; i < GROUPS; i++, name[3]++) { /* each has a time of its own */
        tell(name, EVENT_JOINED, i, 1, name);
        failed += settle_failing(7 * KIT_SECOND, "rc ", 503);
    }
    unsigned lists = there.lists;
    failed += settle_failing(FOR_MS, "rc ", 503);
    ck_assert_uint_ge(failed, GROUPS * (FOR_MS / (60 * KIT_SECOND) - 2)); /* a minute is the longest rest */
    ck_assert_uint_le(there.lists - lists,
                      4 * FOR_MS / (60 * KIT_SECOND)); /* a call's life is a third of it */
    settle_groups(90 * KIT_SECOND);
    ck_assert_uint_eq(posts, GROUPS);
    stop();
}
END_TEST

START_TEST(a_rename_that_keeps_failing_holds_up_no_other_group)
{
    static const struct engine_team_name renames[] = {{"Design", "Product Design"}};
    prepare_groups();
    kit.targets[0].group_renames = renames;
    kit.targets[0].n_group_renames = 1;
    open_groups();
    tell("b", EVENT_JOINED, 1, 1, "rc B");
    unsigned failed = settle_failing(2 * KIT_LIFE_MS + 20 * KIT_SECOND, "Product Design", 500);
    ck_assert_uint_ge(failed, 1);
    ck_assert(is_in(1, "rc B"));
    settle_groups(90 * KIT_SECOND);
    ck_assert_uint_eq(groups_called("Product Design"), 1);
    stop();
}
END_TEST

START_TEST(a_throttled_target_is_asked_for_no_other_group)
{
    prepare_groups();
    open_groups();
    tell("a", EVENT_JOINED, 0, 1, "rc A");
    tell("b", EVENT_JOINED, 1, 1, "rc B");
    until_made();
    reply(kit.call, &(struct call_reply){.outcome = CALL_REPLIED, .status = 429, .retry_after_ms = 30000});
    int64_t begin_ms = kit.now.wall_ms;
    until_made();
    ck_assert_int_ge(kit.now.wall_ms - begin_ms, 30000);
    stop();
}
END_TEST

START_TEST(a_reason_that_was_cut_in_the_middle_of_a_character_is_told_and_listings_go_on)
{
    struct buf body;
    buf_init(&body, 1024);
    buf_addf(&body, "{\"detail\":\"");
    for (int i = 0; i < 150; i++)
        buf_addf(&body, "é");
    buf_addf(&body, "\"}");
    char *text = buf_take(&body);
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    answer(403, text);
    settle_groups(30 * KIT_SECOND);
    ck_assert_ptr_nonnull(strstr(told("want/miro/Guild")->value, "403: é"));
    until_call("GET", "/Groups?");
    answer(403, text);
    settle_groups(30 * KIT_SECOND);
    ck_assert_ptr_nonnull(strstr(told("listing/miro")->value, "403: é"));
    until_call("GET", "/Groups?");
    free(text);
    stop();
}
END_TEST

START_TEST(what_an_abort_takes_back_is_put_down_again)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    serve();
    engine_tick(kit.e, kit.now);
    ck_assert_ptr_nonnull(take_batch());
    engine_batch_aborted(kit.e, kit.now);
    kit_deliver_all();
    settle_groups(60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert(is_in(0, "Guild"));
    ck_assert_ptr_nonnull(told("made/miro/"));
    stop();
}
END_TEST

START_TEST(a_group_that_is_said_to_be_made_and_is_not_there_is_told)
{
    const char *reason;
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    answer(201, "{\"id\":\"77\",\"displayName\":\"Guild\"}");
    settle_groups(60 * KIT_SECOND);
    ck_assert_str_eq(refused_value("joined-0", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "is not there"));
    ck_assert_uint_eq(posts, 0);
    stop();
}
END_TEST

START_TEST(a_dry_run_makes_no_group)
{
    prepare_groups();
    kit.cfg.plan_only = true;
    open_groups();
    say_joined(1, "Guild");
    settle_groups(60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert_uint_eq(groups_called("Guild"), 0);
    stop();
}
END_TEST

/* ---- renaming, deleting, leaving alone ----------------------------------------------------------------- */

START_TEST(where_groups_are_nobodys_business_none_is_touched)
{
    prepare_groups();
    kit.targets[0].group_mode = GROUP_MODE_NONE;
    open_groups();
    say_joined(1, "Design;Guild");
    settle_groups(60 * KIT_SECOND);
    expect_result("joined-0", "miro", "applied");
    ck_assert(!is_in(0, "Design"));
    ck_assert_uint_eq(there.moves + there.lists + posts, 0);
    stop();
}
END_TEST

START_TEST(a_team_may_have_another_name_at_the_target)
{
    static const struct engine_team_name names[] = {{"Makers", "Design"}, {"Guild", "Lost"}};
    const char *reason;
    prepare_groups();
    kit.targets[0].team_names = names;
    kit.targets[0].n_team_names = ARRAY_SIZE(names);
    open_groups();
    say_joined(1, "Makers;Guild");
    tell("joined", EVENT_JOINED, 1, 1, "Design"); /* which is what Makers are called there */
    settle_groups(60 * KIT_SECOND);
    ck_assert(is_in(0, "Design") && !is_in(1, "Design"));
    ck_assert_str_eq(refused_value("joined-0", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "called \"Lost\""));
    ck_assert_str_eq(refused_value("joined-1", &reason), "Design");
    ck_assert_ptr_nonnull(strstr(reason, "teams.names"));
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_group_of_ours_is_made_once_for_all_who_are_to_be_in_it,
        a_group_that_is_not_ours_is_not_made,
        nothing_is_made_where_groups_are_teams,
        why_a_group_cannot_be_made_is_told_and_it_is_tried_again_later,
        a_group_whose_making_had_no_answer_is_not_made_twice,
        a_group_that_a_dead_owner_was_making_is_waited_for,
        a_call_on_its_way_when_its_partition_was_parked_is_waited_for,
        who_is_lost_with_a_partition_wants_no_group_made,
        a_group_that_cannot_be_made_holds_up_no_other,
        a_group_that_cannot_be_made_is_told_after_its_own_deadline,
        one_listing_serves_all_groups_that_cannot_be_made,
        a_rename_that_keeps_failing_holds_up_no_other_group,
        a_throttled_target_is_asked_for_no_other_group,
        a_reason_that_was_cut_in_the_middle_of_a_character_is_told_and_listings_go_on,
        what_an_abort_takes_back_is_put_down_again,
        a_group_that_is_said_to_be_made_and_is_not_there_is_told,
        a_dry_run_makes_no_group,
        where_groups_are_nobodys_business_none_is_touched,
        a_team_may_have_another_name_at_the_target,
    };
    return kit_run("engine_groups", tests, ARRAY_SIZE(tests));
}
