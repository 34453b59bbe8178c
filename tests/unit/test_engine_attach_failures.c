/* Attachments that are refused, throttled, paused or answered with nonsense: told, tried again, and nothing else waits. */
#include "attach_kit.h"

START_TEST(an_answer_that_is_no_list_says_nothing_and_is_asked_for_again)
{
    static const char none[] = "{\"data\":{\"a\":{\"id\":\"1\",\"name\":\"Guild\"}}}"; /* a second Guild */
    prepare_rest();
    configure(NULL, 0, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_all(60 * KIT_SECOND);
    configure(wanted, 1, NULL, 0);
    until_rest("GET", "/groups?");
    answer(200, none);
    settle_all(60 * KIT_SECOND);
    ck_assert(is_attached("Guild", "Sales"));
    until_rest("GET", "/groups/");
    answer(200, none);
    settle_all(60 * KIT_SECOND);
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_list_ends_when_a_page_brings_nothing_new)
{
    unsigned pages = 0;
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    for (int64_t end = kit.now.wall_ms + RELIST_MS; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (is_rest() && strstr(kit.call->path, "/groups/") && strstr(kit.call->path, "/teams?")) {
            pages++;
            answer(200, "{\"data\":[{\"id\":\"5\",\"name\":\"x\"}],\"cursor\":\"same\"}");
        } else {
            serve_any();
        }
    }
    ck_assert_uint_ge(pages, 2);
    ck_assert_uint_le(pages, 6); /* two a round */
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

static void settle_refused(int64_t ms, int status)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (is_rest())
            answer(status, "{\"type\":\"error\",\"message\":\"no\"}");
        else
            serve_any();
    }
    commit();
}

static bool is_call(const char *method, const char *path_has)
{
    return is_rest() && strcmp(kit.call->method, method) == 0 && strstr(kit.call->path, path_has);
}

/* For so long what is called so fails. How often it was called. */
static unsigned settle_failing(int64_t ms, const char *method, const char *path_has, int status)
{
    unsigned failed = 0;
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (is_call(method, path_has)) {
            failed++;
            answer(status, "");
        } else {
            serve_any();
        }
    }
    commit();
    return failed;
}

/* All that is done to a team's groups. */
static const char *groups_of(const char *team)
{
    static char path[40];
    snprintf(path, sizeof path, "/teams/%s/groups", team_called(team, false)->id);
    return path;
}

static void start_failing(int status)
{
    prepare_rest();
    configure(both, 2, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_failing(6 * KIT_LIFE_MS, "POST", groups_of("Sales"), status);
}

START_TEST(an_attachment_that_keeps_failing_is_told_and_holds_up_no_other)
{
    static const int statuses[] = {500, 503};
    char why[80];
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        start_failing(statuses[i]);
        ck_assert(is_attached("Guild", "Legal"));
        snprintf(why, sizeof why, "answers %d to attach \"Guild\", \"Sales\"", statuses[i]);
        ck_assert_msg(why_not() && strstr(why_not(), why), "%s", why_not() ? why_not() : "nothing is told");
        settle_all(2 * RELIST_MS);
        ck_assert(is_attached("Guild", "Sales"));
        ck_assert_ptr_null(why_not());
        stop();
    }
}
END_TEST

START_TEST(an_attachment_that_keeps_failing_is_tried_ever_more_rarely)
{
    start_failing(500);
    asked = 0;
    unsigned failed = settle_failing(KIT_DEADLINE_MS, "POST", groups_of("Sales"), 500);
    ck_assert_uint_ge(failed, 10);
    ck_assert_uint_le(failed, KIT_DEADLINE_MS / (60 * KIT_SECOND)); /* the longest back-off */
    ck_assert_uint_le(asked,
                      2 * 3 * (failed + 1)); /* groups, teams, the group's; once more when there is doubt */
    failed = settle_failing(6 * RELIST_MS, "POST", groups_of("Sales"), 500);
    ck_assert_uint_ge(failed, 4);
    ck_assert_uint_le(failed, 7);
    stop();
}
END_TEST

START_TEST(a_detachment_does_not_wait_for_attachments)
{
    static const struct engine_attachment more[] = {{"Guild", "Legal"}};
    start_attached();
    configure(both, 2, NULL, 0);
    settle_all(2 * RELIST_MS);
    by_hand("DELETE", "Guild", "Legal"); /* and to be attached again */
    configure(more, 1, wanted, 1);
    until_rest("DELETE", groups_of("Sales"));
    ck_assert_uint_eq(attached, 2);
    answer(500, "");
    settle_failing(6 * KIT_LIFE_MS, "DELETE", groups_of("Sales"), 500);
    ck_assert(is_attached("Guild", "Legal"));
    settle_all(2 * RELIST_MS);
    ck_assert(!is_attached("Guild", "Sales"));
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_group_whose_teams_are_not_told_holds_up_no_other)
{
    static const struct engine_attachment two[] = {{"Crew", "Legal"}, {"Guild", "Sales"}};
    static const int statuses[] = {500, 400};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        char list[64];
        prepare_rest();
        miro_add_team(there.m, "Crew");
        configure(two, 2, NULL, 0);
        open_rest();
        tell("joined", EVENT_JOINED, 0, 1, "Guild");
        snprintf(list, sizeof list, "/groups/%s/teams", team_called("Crew", true)->id);
        settle_failing(6 * KIT_LIFE_MS, "GET", list, statuses[i]);
        ck_assert(is_attached("Guild", "Sales") && !is_attached("Crew", "Legal"));
        ck_assert_ptr_nonnull(strstr(why_not(), "to attach look \"Crew\""));
        settle_all(2 * RELIST_MS);
        ck_assert(is_attached("Crew", "Legal"));
        ck_assert_ptr_null(why_not());
        stop();
    }
}
END_TEST

START_TEST(a_reason_that_holds_no_more_is_not_told)
{
    prepare_rest();
    open_rest();
    settle_all(60 * KIT_SECOND);
    ck_assert_ptr_nonnull(strstr(why_not(), "no user group is called \"Guild\""));
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    answer(500, "");
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_refused_attachment_is_not_tried_again_for_the_sake_of_another)
{
    unsigned refused = 0, failed = 0;
    prepare_rest();
    configure(both, 2, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    for (int64_t end = kit.now.wall_ms + RELIST_MS - 60 * KIT_SECOND; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (is_call("POST", groups_of("Sales"))) {
            refused++;
            answer(400, "");
        } else if (is_call("POST", groups_of("Legal"))) {
            failed++;
            answer(503, "");
        } else {
            serve_any();
        }
    }
    ck_assert_uint_ge(failed, 4);
    ck_assert_uint_eq(refused, 1);
    stop();
}
END_TEST

START_TEST(a_token_without_the_right_is_told_and_holds_up_nobody)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_refused(RELIST_MS, 403);
    ck_assert_ptr_nonnull(strstr(why_not(), "lacks a right (403): organizations:groups:read"));
    expect_result("joined-0", "miro", "applied");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_refused_token_closes_the_rest_api_alone)
{
    struct engine_target_figures figures;
    prepare_rest();
    open_rest();
    settle_refused(30 * KIT_SECOND, 401);
    engine_target_figures(kit.e, 1, &figures);
    ck_assert(figures.open);
    engine_target_figures(kit.e, 0, &figures);
    ck_assert(!figures.open);
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_refused(60 * KIT_SECOND, 401);
    expect_result("joined-0", "miro", "applied");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

START_TEST(the_rest_api_has_limits_of_its_own)
{
    static const struct engine_limit two[] = {{"rest", 2, 60000}};
    prepare_rest();
    kit.targets[1].limits = two;
    kit.targets[1].n_limits = 1;
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("GET", "/groups?");
    int64_t begin_ms = kit.now.wall_ms;
    serve_any();
    until_rest("POST", "/groups"); /* the fourth */
    ck_assert_int_ge(kit.now.wall_ms - begin_ms, 60000);
    stop();
}
END_TEST

START_TEST(a_retry_of_the_target_begins_a_round)
{
    char now[RFC3339_SIZE], time[64];
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_refused(RELIST_MS / 2, 403);
    ck_assert_ptr_nonnull(why_not());
    asked = 0;
    settle_all(10 * KIT_SECOND);
    ck_assert_uint_eq(asked, 0);
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(time, sizeof time, "\"time\":\"%s\"", now);
    kit_decide_target("retry", time);
    settle_all(10 * KIT_SECOND);
    ck_assert(is_attached("Guild", "Sales"));
    ck_assert_ptr_null(why_not());
    asked = 0;
    kit_decide_target("retry", time); /* the same once more */
    settle_all(10 * KIT_SECOND);
    ck_assert_uint_eq(asked, 0);
    stop();
}
END_TEST

START_TEST(a_paused_target_is_not_called_here_either)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    pause_all(true);
    ck_assert(!engine_call_may_write(kit.e, kit.call, kit.now));
    answer_held_back();
    expect_no_call();
    stop();
}
END_TEST

START_TEST(what_was_decided_before_a_long_pause_is_looked_at_again)
{
    start_attached();
    configure(NULL, 0, wanted, 1);
    until_rest("DELETE", "/groups/");
    pause_all(true);
    answer_held_back();
    settle_all(KIT_LIFE_MS + 60 * KIT_SECOND);
    by_hand("DELETE", "Guild", "Sales");
    pause_all(false);
    settle_all(60 * KIT_SECOND);
    ck_assert_uint_eq(detached, 0); /* that is seen */
    ck_assert_ptr_null(told("attached/miro/")->value);
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_answer_that_is_no_list_says_nothing_and_is_asked_for_again,
        a_list_ends_when_a_page_brings_nothing_new,
        an_attachment_that_keeps_failing_is_told_and_holds_up_no_other,
        an_attachment_that_keeps_failing_is_tried_ever_more_rarely,
        a_detachment_does_not_wait_for_attachments,
        a_group_whose_teams_are_not_told_holds_up_no_other,
        a_reason_that_holds_no_more_is_not_told,
        a_refused_attachment_is_not_tried_again_for_the_sake_of_another,
        a_token_without_the_right_is_told_and_holds_up_nobody,
        a_refused_token_closes_the_rest_api_alone,
        the_rest_api_has_limits_of_its_own,
        a_retry_of_the_target_begins_a_round,
        a_paused_target_is_not_called_here_either,
        what_was_decided_before_a_long_pause_is_looked_at_again,
    };
    return kit_run("engine_attach_failures", tests, ARRAY_SIZE(tests));
}
