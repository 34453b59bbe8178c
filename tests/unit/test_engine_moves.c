/* Moves between teams: several persons in one call, and what its answer says of each. */
#include "teams_kit.h"

START_TEST(they_come_into_their_team_eleven_in_a_call)
{
    start();
    join_crew(22, "Ops");
    there.moves = 0;
    for (int i = 0; i < 22; i++)
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "Design");
    look_again(22);
    settle_for(30 * KIT_SECOND);
    for (int i = 0; i < 22; i++) {
        ck_assert(is_in(i, "Design"));
        expect_result(event_of("in", i), "miro", "applied");
    }
    ck_assert_uint_eq(there.moves, 2);
    ck_assert_uint_eq(there.lists, 1);
    const cJSON *result = find_result("in-0", "miro");
    char *text = cJSON_PrintUnformatted(result);
    ck_assert_ptr_nonnull(strstr(text, "{\"attribute\":\"teams\",\"before\":null,\"after\":\"Design\"}"));
    ck_assert_ptr_nonnull(strstr(text, "\"resource\":\"Group\""));
    free(text);
    expect_no_call();
    stop();
}
END_TEST

START_TEST(one_who_cannot_leave_does_not_keep_the_others)
{
    const char *reason;
    start();
    join_crew(5, NULL);
    for (int i = 0; i < 5; i++) {
        put_into(i, "xSales", i == 3);
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "xSales");
    }
    settle_down();
    for (int i = 0; i < 5; i++)
        tell("out", EVENT_MEMBERSHIP_REMOVED, i, 3, "xSales");
    settle_for(120 * KIT_SECOND);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(is_in(i, "xSales"), i == 3); /* the last admin */
        expect_result(event_of("out", i), "miro", i == 3 ? "rejected" : "applied");
    }
    ck_assert_str_eq(refused_value("out-3", &reason), "xSales");
    ck_assert_ptr_nonnull(strstr(reason, "admin"));
    stop();
}
END_TEST

START_TEST(a_leaver_is_taken_out_of_a_call_that_is_not_written_yet)
{
    start();
    join_crew(3, "Ops");
    for (int i = 0; i < 3; i++)
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "Design");
    look_again(3);
    expect_call("PATCH", "/Groups/");
    ck_assert_uint_eq(kit.call->n_persons, 3);
    const struct call *held = kit.call;
    tell("left", EVENT_LEFT, 1, 3, NULL);
    ck_assert(!engine_call_may_write(kit.e, held, kit.now));
    kit.call = held;
    answer_held_back();
    settle_for(10 * KIT_SECOND);
    ck_assert(is_in(0, "Design") && is_in(2, "Design") && !is_in(1, "Design"));
    ck_assert(!account(1)->active);
    for (size_t h = 0; h < account(1)->n_history; h++)
        ck_assert_str_ne(account(1)->history[h].cause, "group Add");
    stop();
}
END_TEST

static void pause_target(bool on)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(
        value, sizeof value,
        "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":%s,\"by\":\"ops\",\"reason\":\"moved\",\"at\":"
        "\"%s\"}",
        on ? "true" : "false", now);
    ck_assert_msg(engine_control(kit.e, str_of("pause/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
}

START_TEST(after_a_pause_the_account_is_read_before_it_is_added)
{
    start();
    join_crew(2, "Ops");
    for (int i = 0; i < 2; i++)
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "Design");
    look_again(2);
    pause_target(true);
    pass(KIT_SECOND);
    commit();
    miro_set_active(there.m, account(0)->id, false, kit.now.wall_ms);
    size_t changes = account(0)->n_history;
    pass(2 * KIT_LIFE_MS);
    commit();
    pause_target(false);
    commit();
    expect_call("GET", "/Users/"); /* an Add gives access, too */
    serve();
    settle_for(60 * KIT_SECOND);
    ck_assert_uint_gt(account(0)->n_history, changes);
    ck_assert_str_eq(account(0)->history[changes].cause, "PATCH /Users"); /* the policy's word, as one */
    for (int i = 0; i < 2; i++)
        expect_result(event_of("in", i), "miro", "applied");
    stop();
}
END_TEST

START_TEST(a_queue_that_is_longer_than_a_read_lasts_moves_on)
{
    enum { CROWD = 66 };
    struct engine_limit limits[] = {{"groups.update", 3, 30 * KIT_SECOND}};
    prepare();
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit.targets[0].call_life_ms = 5 * KIT_SECOND;
    kit_open();
    commit();
    for (int i = 0; i < CROWD; i++)
        tell("joined", EVENT_JOINED, i, 1, "Ops");
    settle_for(300 * KIT_SECOND);
    there.moves = 0;
    for (int i = 0; i < CROWD; i++)
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "Design");
    settle_for(240 * KIT_SECOND);
    for (int i = 0; i < CROWD; i++)
        expect_result(event_of("in", i), "miro", "applied");
    ck_assert_uint_le(there.moves, 20); /* and calls are filled */
    stop();
}
END_TEST

/* A call of which nobody has heard is carried out. */
static void land(const char *path, const char *body)
{
    struct miro_reply r;
    miro_handle(
        there.m,
        &(struct miro_request){.method = "PATCH", .target = path, .body = body, .body_n = strlen(body)},
        kit.now.wall_ms, &r);
    miro_reply_done(&r);
}

START_TEST(a_call_of_unknown_outcome_leaves_doubt_on_everybody_in_it)
{
    start();
    join_crew(3, "Ops");
    for (int i = 0; i < 3; i++)
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "Design");
    look_again(3);
    expect_call("PATCH", "/Groups/");
    char path[128], body[600];
    snprintf(path, sizeof path, "%s", kit.call->path);
    snprintf(body, sizeof body, "%s", kit.call->body);
    answer_unknown();
    tell("left", EVENT_LEFT, 2, 3, NULL);
    settle_down();
    ck_assert(!account(2)->active);
    expect_no_result("left-2", "miro"); /* the call may land yet */
    land(path, body);
    ck_assert(account(2)->active); /* it has, and revived the leaver */
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert(!account(2)->active);
    expect_result("left-2", "miro", "applied");
    ck_assert(is_in(0, "Design") && is_in(1, "Design"));
    stop();
}
END_TEST

START_TEST(a_call_that_fails_is_tried_in_halves_and_by_itself)
{
    start();
    join_crew(8, NULL);
    for (int i = 0; i < 8; i++)
        tell("in", EVENT_MEMBERSHIP_ADDED, i, 2, "Design");
    there.fault = MIRO_FAULT_500;
    settle_for(300 * KIT_SECOND);
    ck_assert_uint_le(there.members, 4);
    for (int i = 0; i < 8; i++)
        ck_assert(is_in(i, "Design"));
    stop();
}
END_TEST

START_TEST(a_move_that_a_late_call_has_undone_is_made_again)
{
    char path[128], body[600];
    start();
    join_crew(1, "Ops");
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    look_again(1);
    expect_call("PATCH", "/Groups/");
    snprintf(path, sizeof path, "%s", kit.call->path);
    snprintf(body, sizeof body, "%s", kit.call->body);
    answer_unknown();
    settle_down();
    ck_assert(is_in(0, "Design")); /* by a second one */
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design");
    commit();
    expect_call("PATCH", "/Groups/");
    serve();
    ck_assert(!is_in(0, "Design"));
    land(path, body);
    ck_assert(is_in(0, "Design"));
    settle_for(2 * KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert(!is_in(0, "Design"));
    expect_result("out-0", "miro", "applied");
    stop();
}
END_TEST

START_TEST(an_answer_without_effect_is_found_out)
{
    const char *reason;
    start();
    join_crew(1, NULL);
    there.fault = MIRO_FAULT_UNCHANGED;
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert(!is_in(0, "Design"));
    expect_result("in-0", "miro", "rejected");
    ck_assert_str_eq(refused_value("in-0", &reason), "Design");
    stop();
}
END_TEST

/* Also when the move before was verified, and another worker has the person now. */
START_TEST(a_read_from_before_the_last_move_is_not_the_last_word)
{
    static const struct {
        enum event_type first, then;
    } rows[] = {{EVENT_MEMBERSHIP_REMOVED, EVENT_MEMBERSHIP_ADDED},
                {EVENT_MEMBERSHIP_ADDED, EVENT_MEMBERSHIP_REMOVED}};
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        bool in = rows[i / 2].then == EVENT_MEMBERSHIP_ADDED;
        start();
        join_crew(1, in ? "Ops;Design" : "Ops");
        settle_for(KIT_LIFE_MS);
        tell("first", rows[i / 2].first, 0, 2, "Design");
        settle_down();
        expect_result("first-0", "miro", "applied");
        if (i % 2)
            kit_hand_over();
        there.stale = true;
        tell("then", rows[i / 2].then, 0, 3, "Design");
        settle_down();
        expect_no_result("then-0", "miro");
        there.stale = false;
        settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
        expect_result("then-0", "miro", "applied");
        ck_assert(is_in(0, "Design") == in);
        stop();
    }
}
END_TEST

/* A move is answered; then the call of an update comes before the read that was to verify it. */
static void move_and_update(enum event_type type)
{
    say({.id = "named", .type = EVENT_CHANGED, .subject = "p-0", .at = 2, .profile = "displayName=Old"});
    settle_down();
    tell("first", type, 0, 2, "Design");
    look_again(1);
    expect_call("PATCH", "/Groups/");
    serve();
    say({.id = "renamed", .type = EVENT_CHANGED, .subject = "p-0", .at = 3, .profile = "displayName=New"});
    commit();
    expect_call("PATCH", "/Users/");
}

START_TEST(the_answer_to_an_update_verifies_a_move_that_is_undone_next)
{
    start();
    join_crew(1, "Ops;Design");
    move_and_update(EVENT_MEMBERSHIP_REMOVED);
    tell("again", EVENT_MEMBERSHIP_ADDED, 0, 4, "Design");
    serve();
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    expect_result("again-0", "miro", "applied");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 5, "Design");
    settle_down();
    ck_assert(!is_in(0, "Design"));
    expect_result("out-0", "miro", "applied");
    stop();
}
END_TEST

START_TEST(the_answer_to_an_update_hides_no_move_without_effect)
{
    static const enum event_type types[] = {EVENT_MEMBERSHIP_ADDED, EVENT_MEMBERSHIP_REMOVED};
    const char *reason;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        start();
        join_crew(1, types[i] == EVENT_MEMBERSHIP_REMOVED ? "Ops;Design" : "Ops");
        there.fault = MIRO_FAULT_UNCHANGED;
        move_and_update(types[i]);
        serve();
        settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
        ck_assert_str_eq(refused_value("renamed", &reason), "Design");
        ck_assert_str_eq(reason, "the target answered with success and did nothing");
        stop();
    }
}
END_TEST

START_TEST(what_a_dead_owner_joined_is_still_ours_to_leave)
{
    start();
    join_crew(1, "Ops");
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    look_again(1);
    expect_call("PATCH", "/Groups/");
    serve(); /* and nothing of it is committed */
    kit_crash();
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert(is_in(0, "Design"));
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design");
    settle_down();
    ck_assert(!is_in(0, "Design"));
    stop();
}
END_TEST

START_TEST(an_abort_takes_no_listing_and_no_membership_back)
{
    start();
    tell("joined", EVENT_JOINED, 0, 1, "Design");
    for (unsigned n = 0; n < 40; n++) {
        if (n % 2 == 0 && take_batch())
            abort_batch();
        commit();
        engine_tick(kit.e, kit.now);
        if (next_call())
            serve();
    }
    settle_for(60 * KIT_SECOND);
    ck_assert(is_in(0, "Design"));
    expect_result("joined-0", "miro", "applied");
    stop();
}
END_TEST

/* The team is renamed and another one made under its name: member of both by the policy's one word. */
static void bear_one_name(void)
{
    start();
    join_crew(1, "Design");
    rename_team("Design", "Old");
    miro_add_team(there.m, "Design");
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    ck_assert(is_in(0, "Old") && is_in(0, "Design"));
}

START_TEST(two_teams_that_bore_one_name_are_refused_each_by_itself)
{
    bear_one_name();
    put_into(0, "Old", true); /* the last admin of both */
    put_into(0, "Design", true);
    unsigned moves = there.moves;
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design");
    commit();
    for (unsigned n = 0; n < 500; n++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (next_call())
            serve();
        else
            pass(KIT_SECOND);
    }
    ck_assert_uint_eq(there.moves, moves + 2);
    expect_result("out-0", "miro", "rejected");
    ck_assert(is_in(0, "Old") && is_in(0, "Design"));
    stop();
}
END_TEST

START_TEST(an_undone_call_is_not_written_whatever_comes_after_the_undo)
{
    start();
    join_crew(1, "Ops");
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    look_again(1);
    expect_call("PATCH", "/Groups/");
    const struct call *held = kit.call;
    tell("left", EVENT_LEFT, 0, 3, NULL);
    take_and_abort();
    for (int i = 0; i < 12; i++) { /* the record's changes are counted anew, up to where the call began */
        ck_assert(!engine_call_may_write(kit.e, held, kit.now));
        tell(event_of("more", i), EVENT_CHANGED, 0, 4 + i, NULL);
    }
    kit.call = held;
    answer_held_back();
    settle_for(10 * KIT_SECOND);
    ck_assert(!account(0)->active && !is_in(0, "Design"));
    stop();
}
END_TEST

START_TEST(a_list_that_leaves_groups_out_says_nothing_of_them)
{
    char body[512];
    start();
    join_crew(1, "Ops"); /* teams are known */
    unsigned moves = there.moves;
    const struct miro_user *u =
        miro_add_user(there.m, &(struct miro_user_spec){.userName = name_of(1)}, kit.now.wall_ms);
    put_into(1, "Design", false);
    tell("joined", EVENT_JOINED, 1, 1, "Design");
    commit();
    expect_call("GET", "/Users?");
    snprintf(body, sizeof body, "userName=%s", name_of(1));
    answer(200, found(u->id, true, body));
    settle_down();
    ck_assert_uint_eq(there.moves, moves);
    expect_result("joined-1", "miro", "unchanged");
    stop();
}
END_TEST

START_TEST(a_membership_that_was_never_asked_for_is_not_ours)
{
    start();
    join_crew(1, "Ops");
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    look_again(1);
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design"); /* before the call starts */
    settle_down();
    ck_assert(!is_in(0, "Design"));
    put_into(0, "Design", false);
    tell("more", EVENT_MEMBERSHIP_ADDED, 0, 4, "xSales");
    settle_down();
    ck_assert(is_in(0, "Design") && is_in(0, "xSales"));
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        they_come_into_their_team_eleven_in_a_call,
        one_who_cannot_leave_does_not_keep_the_others,
        a_leaver_is_taken_out_of_a_call_that_is_not_written_yet,
        after_a_pause_the_account_is_read_before_it_is_added,
        a_queue_that_is_longer_than_a_read_lasts_moves_on,
        a_call_of_unknown_outcome_leaves_doubt_on_everybody_in_it,
        a_call_that_fails_is_tried_in_halves_and_by_itself,
        a_move_that_a_late_call_has_undone_is_made_again,
        an_answer_without_effect_is_found_out,
        a_read_from_before_the_last_move_is_not_the_last_word,
        the_answer_to_an_update_verifies_a_move_that_is_undone_next,
        the_answer_to_an_update_hides_no_move_without_effect,
        what_a_dead_owner_joined_is_still_ours_to_leave,
        an_abort_takes_no_listing_and_no_membership_back,
        two_teams_that_bore_one_name_are_refused_each_by_itself,
        an_undone_call_is_not_written_whatever_comes_after_the_undo,
        a_list_that_leaves_groups_out_says_nothing_of_them,
        a_membership_that_was_never_asked_for_is_not_ours,
    };
    return kit_run("engine_moves", tests, ARRAY_SIZE(tests));
}
