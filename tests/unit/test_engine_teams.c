/* Teams are found by name, and nobody is moved who should not be. */
#include "teams_kit.h"

START_TEST(a_mover_joins_before_leaving)
{
    start();
    join_crew(1, "Design");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Design");
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    look_again(1);
    expect_call("PATCH", "/Groups/");
    expect_body("\"op\":\"Add\"");
    serve();
    commit();
    expect_call("GET", "/Users/");
    ck_assert(is_in(0, "Design") && is_in(0, "Ops"));
    serve();
    settle_down();
    ck_assert(!is_in(0, "Design") && is_in(0, "Ops") && is_in(0, "Everybody"));
    ck_assert_ptr_nonnull(strstr(there.last, "members[value eq 3"));
    expect_result("in-0", "miro", "applied");
    expect_result("out-0", "miro", "merged");
    stop();
}
END_TEST

START_TEST(memberships_that_others_made_stay_unless_the_policy_says_no)
{
    start();
    join_crew(1, NULL);
    put_into(0, "Design", false);
    put_into(0, "xSales", false);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design;xSales");
    settle_down();
    expect_result("in-0", "miro", "unchanged");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design;xSales");
    settle_down();
    ck_assert(is_in(0, "Design"));  /* named no more, and not ours */
    ck_assert(!is_in(0, "xSales")); /* named false */
    stop();
}
END_TEST

START_TEST(nothing_of_teams_is_touched_when_the_policy_says_nothing_of_them)
{
    start();
    join_crew(1, "Design");
    kit.policy = POLICY_ACCOUNT;
    engine_policy_changed(kit.e, 2, kit.now);
    tell("more", EVENT_CHANGED, 0, 2, NULL);
    settle_down();
    ck_assert(is_in(0, "Design"));
    ck_assert_uint_eq(there.moves, 1);
    stop();
}
END_TEST

START_TEST(a_missing_team_holds_nothing_else_up_and_is_taken_up_when_it_appears)
{
    const char *reason;
    start();
    join_crew(2, "Design;Void");
    ck_assert(is_in(0, "Design"));
    expect_result("joined-0", "miro", "applied");
    ck_assert_str_eq(refused_value("joined-0", &reason), "Void");
    ck_assert_ptr_nonnull(strstr(reason, "no team of this name"));
    unsigned lists = there.lists;
    settle_for(10 * KIT_SECOND);
    ck_assert_uint_eq(there.lists, lists);
    miro_add_team(there.m, "Void");
    settle_for(RELIST_MS);
    ck_assert(is_in(0, "Void") && is_in(1, "Void"));
    ck_assert_uint_eq(effects(), 2);
    stop();
}
END_TEST

START_TEST(an_event_that_only_wants_a_missing_team_is_rejected_with_what_to_do)
{
    const char *reason;
    start();
    join_crew(1, NULL);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Void");
    settle_down();
    expect_result("in-0", "miro", "rejected");
    ck_assert_str_eq(refused_value("in-0", &reason), "Void");
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
    stop();
}
END_TEST

START_TEST(of_two_teams_with_one_name_neither_is_joined)
{
    const char *reason;
    start();
    miro_add_team(there.m, "Design");
    join_crew(1, "Design;Ops");
    ck_assert(is_in(0, "Ops"));
    ck_assert_uint_eq(account(0)->n_teams, 2);
    ck_assert_str_eq(refused_value("joined-0", &reason), "Design");
    ck_assert_ptr_nonnull(strstr(reason, "several teams"));
    stop();
}
END_TEST

START_TEST(who_renames_a_team_turns_nobody_out)
{
    start();
    join_crew(1, "Design");
    rename_team("Design", "Product Design");
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Ops");
    settle_down();
    ck_assert(is_in(0, "Product Design") && is_in(0, "Ops"));
    tell("follow", EVENT_MEMBERSHIP_ADDED, 0, 3, "Product Design");
    tell("follow-2", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design");
    settle_down();
    ck_assert(is_in(0, "Product Design"));
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 4, "Product Design");
    settle_down();
    ck_assert(!is_in(0, "Product Design"));
    stop();
}
END_TEST

START_TEST(the_last_team_is_kept)
{
    const char *reason;
    start();
    join_crew(1, "xSales");
    leave_by_hand(0, "Everybody");
    ck_assert(!is_in(0, "Everybody"));
    kit.policy = POLICY_TEAMS;
    say({.id = "look",
         .type = EVENT_CHANGED,
         .subject = "p-0",
         .at = 2,
         .profile = "department=T",
         .replay_of = "joined-0"});
    settle_down();
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "xSales");
    settle_down();
    ck_assert(is_in(0, "xSales"));
    ck_assert_str_eq(refused_value("out-0", &reason), "xSales");
    ck_assert_ptr_nonnull(strstr(reason, "last team"));
    put_into(0, "Ops", false);
    say({.id = "again",
         .type = EVENT_CHANGED,
         .subject = "p-0",
         .at = 4,
         .profile = "department=U",
         .replay_of = "out-0"});
    settle_down();
    ck_assert(!is_in(0, "xSales"));
    stop();
}
END_TEST

START_TEST(a_leaver_keeps_the_teams)
{
    start();
    join_crew(1, "Design;xSales");
    unsigned moves = there.moves;
    tell("left", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    ck_assert(!account(0)->active && is_in(0, "Design") && is_in(0, "xSales"));
    ck_assert_uint_eq(there.moves, moves);
    expect_result("left-0", "miro", "applied");
    stop();
}
END_TEST

START_TEST(a_team_that_is_removed_and_made_anew_gets_its_people_back)
{
    start();
    join_crew(3, "Design");
    miro_remove_team(there.m, miro_team_by_name(there.m, "Design")->id);
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    miro_add_team(there.m, "Design");
    ck_assert(!is_in(0, "Design"));
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    for (int i = 0; i < 3; i++)
        ck_assert(is_in(i, "Design"));
    stop();
}
END_TEST

/* The teams are listed, and nobody hears of it: the worker dies when that is committed, and its successor reads what
 * there is of teams before it is given anybody. */
static void list_and_die(void)
{
    unsigned lists = there.lists;
    pass(RELIST_MS);
    commit(); /* the lease */
    engine_tick(kit.e, kit.now);
    while (next_call())
        serve();
    ck_assert_uint_eq(there.lists, lists + 1);
    engine_tick(kit.e, kit.now);
    ck_assert_ptr_nonnull(take_batch());
    for (size_t i = 0; i < kit.batch->n_records; i++)
        kit_keep(&kit.batch->records[i]);
    for (size_t i = 0; i < kit.batch->n_offsets; i++)
        kit.committed[kit.batch->offsets[i].partition] = kit.batch->offsets[i].next;
    engine_free(kit.e);
    kit.now.boot_ms += 100 * KIT_SECOND;
    kit.e = engine_new(&kit.cfg, &kit.ports);
    kit.batch = NULL;
    kit.call = NULL;
    kit_read_targets(0);
    engine_tick(kit.e, kit.now); /* what it has read is told, and nobody is there yet */
    kit_assign(0);
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert_uint_eq(there.lists, lists + 1);
}

static void remake_team(const char *name)
{
    miro_remove_team(there.m, miro_team_by_name(there.m, name)->id);
    miro_add_team(there.m, name);
}

START_TEST(what_was_missing_is_taken_up_by_who_was_not_there_when_it_appeared)
{
    start();
    join_crew(1, "Void");
    miro_add_team(there.m, "Void");
    list_and_die();
    ck_assert(is_in(0, "Void"));
    stop();
}
END_TEST

START_TEST(a_team_made_anew_gets_back_who_was_not_there_when_it_was_listed)
{
    start();
    join_crew(3, "Design");
    remake_team("Design");
    list_and_die();
    for (int i = 0; i < 3; i++)
        ck_assert(is_in(i, "Design"));
    stop();
}
END_TEST

START_TEST(a_team_made_anew_gets_back_whom_others_had_put_in)
{
    start();
    join_crew(1, NULL);
    put_into(0, "Design", false);
    tell("in", EVENT_MEMBERSHIP_ADDED, 0, 2, "Design");
    settle_down();
    expect_result("in-0", "miro", "unchanged");
    remake_team("Design");
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    ck_assert(is_in(0, "Design"));
    stop();
}
END_TEST

START_TEST(a_team_that_takes_a_name_that_the_policy_denies_is_left)
{
    start();
    join_crew(1, "Design");
    put_into(0, "Ops", false);
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Design;xFormer");
    settle_down();
    rename_team("Ops", "xFormer");
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    ck_assert(!is_in(0, "xFormer"));
    stop();
}
END_TEST

static uint64_t seq_of(int i)
{
    uint64_t seq = 0;
    for (size_t r = 0; r < kit.n_records; r++)
        if (kit.records[r].topic == TOPIC_PERSONS &&
            strcmp(kit.records[r].key, event_of("acme/hr/p", i)) == 0)
            seq = strtoull(kit.records[r].headers[0][1], NULL, 10);
    return seq;
}

START_TEST(news_of_teams_cost_nobody_a_record_whom_they_do_not_change)
{
    enum { CREW = 3 };
    uint64_t before[CREW];
    start();
    join_crew(CREW - 1, "Design");
    join_crew(CREW, NULL);
    for (int i = 0; i < CREW; i++)
        before[i] = seq_of(i);
    unsigned asked = kit.policy_calls;
    rename_team("Ops", "Operations");
    settle_for(RELIST_MS + 10 * KIT_SECOND);
    for (int i = 0; i < CREW; i++)
        ck_assert_uint_eq(seq_of(i), before[i]);
    ck_assert_uint_eq(kit.policy_calls, asked + CREW - 1); /* who names none is not so much as planned */
    ck_assert_uint_eq(stats_now().behind, 0);
    ck_assert_uint_eq(effects(), 0);
    stop();
}
END_TEST

static const char *teams_mark(void)
{
    const char *mark = "";
    for (size_t i = 0; i < kit.n_records; i++)
        if (strcmp(kit.records[i].key, RECORD_PARTITION_KEY) == 0)
            mark = json_string(kit.records[i].json, "teams");
    return mark ? mark : "";
}

START_TEST(that_somebody_is_behind_the_teams_is_written_before_anything_comes_of_it)
{
    start();
    join_crew(1, "Design");
    char before[32], after[32];
    snprintf(before, sizeof before, "%s", teams_mark());
    ck_assert_str_ne(before, "");
    rename_team("Design", "Product Design");
    pass(RELIST_MS);
    commit();
    engine_tick(kit.e, kit.now);
    for (int i = 0; i < 5 && strcmp(teams_mark(), before) == 0; i++) {
        if (next_call())
            serve();
        engine_tick(kit.e, kit.now);
        commit();
    }
    ck_assert_str_eq(teams_mark(), "");
    settle_for(10 * KIT_SECOND);
    snprintf(after, sizeof after, "%s", teams_mark());
    ck_assert(*after && strcmp(after, before) != 0);
    stop();
}
END_TEST

START_TEST(teams_that_cannot_be_listed_are_said_to_be_so)
{
    const char *reason;
    start();
    tell("joined", EVENT_JOINED, 0, 1, "Design");
    commit();
    for (engine_tick(kit.e, kit.now); next_call() || commit(); engine_tick(kit.e, kit.now)) {
        if (kit.call && strncmp(kit.call->path, "/Groups?", 8) == 0)
            answer(403, "{\"detail\":\"no groups here\"}");
        else if (kit.call)
            serve();
        commit();
    }
    expect_result("joined-0", "miro", "applied");
    ck_assert_str_eq(refused_value("joined-0", &reason), "Design");
    ck_assert_ptr_nonnull(strstr(reason, "403"));
    stop();
}
END_TEST

START_TEST(many_teams_are_listed_page_by_page)
{
    start();
    for (int i = 0; i < 2500; i++) {
        char name[32];
        snprintf(name, sizeof name, "Team %d", i);
        miro_add_team(there.m, name);
    }
    join_crew(1, "Team 2499");
    ck_assert_uint_eq(there.lists, 3);
    ck_assert(is_in(0, "Team 2499"));
    stop();
}
END_TEST

/* Until nothing happens for a while; whatever lists the teams is answered with `body`. */
static void settle_but_for_lists(int status, const char *body)
{
    for (int i = 0; i < 300; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (strncmp(kit.call->path, "/Groups?", 8) == 0)
            answer(status, body);
        else
            serve();
    }
    commit();
}

static bool is_open(int i)
{
    struct buf out;
    char key[64];
    snprintf(key, sizeof key, "acme/hr/p-%d", i);
    buf_init(&out, RECORD_MAX);
    ck_assert(engine_person_json(kit.e, str_of(key), &out));
    buf_addc(&out, '\0');
    bool open = strstr(out.p, "\"open\":true");
    buf_done(&out);
    return open;
}

static int64_t listed_at(void)
{
    int64_t at_ms = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        if (kit.records[i].topic == TOPIC_TARGETS && strncmp(kit.records[i].key, "listing/", 8) == 0)
            ck_assert(rfc3339_parse(str_of(json_string(kit.records[i].json, "at")), &at_ms));
    return at_ms;
}

START_TEST(nobody_is_opened_by_a_sweep_for_teams_that_cannot_be_listed)
{
    enum { CREW = 30 };
    prepare();
    kit.policy = POLICY_ACCOUNT;
    kit_open();
    commit();
    join_crew(CREW, "Design");
    kit.policy = POLICY_TEAMS;
    engine_policy_changed(kit.e, 2, kit.now);
    tell("more", EVENT_CHANGED, 0, 2, NULL);
    settle_but_for_lists(500, "{}");
    for (int i = 0; i < CREW; i++)
        ck_assert_int_eq(is_open(i), i == 0); /* of whom something was said */
    ck_assert_uint_eq(stats_now().behind, CREW - 1);
    settle_for(120 * KIT_SECOND);
    for (int i = 0; i < CREW; i++)
        ck_assert(is_in(i, "Design"));
    ck_assert_uint_eq(stats_now().behind, 0);
    stop();
}
END_TEST

START_TEST(a_list_that_ends_too_early_takes_no_team_away)
{
    start();
    join_crew(1, "Design");
    size_t said = count_records(TOPIC_TARGETS);
    pass(RELIST_MS);
    settle_but_for_lists(200, "{\"totalResults\":4,\"Resources\":[]}");
    ck_assert_uint_eq(count_records(TOPIC_TARGETS), said);
    settle_for(60 * KIT_SECOND);
    ck_assert_uint_eq(count_records(TOPIC_TARGETS), said + 1); /* a listing, and no team has changed */
    miro_add_team(there.m, "Late");
    pass(RELIST_MS);
    settle_but_for_lists(200, "{\"totalResults\":2,\"Resources\":[{\"id\":\"1\",\"displayName\":\"A\"}]}");
    settle_for(60 * KIT_SECOND); /* begun anew: of the first pages nothing is left */
    ck_assert_uint_eq(count_records(TOPIC_TARGETS), said + 3);
    stop();
}
END_TEST

START_TEST(a_list_that_always_ends_too_early_is_said_to_fail)
{
    start();
    kit.targets[0].deadline_ms = 60 * KIT_SECOND;
    join_crew(1, "Design");
    size_t said = count_records(TOPIC_TARGETS);
    pass(RELIST_MS);
    settle_but_for_lists(200, "{\"totalResults\":2,\"Resources\":[{\"id\":\"1\",\"displayName\":\"A\"}]}");
    ck_assert_uint_eq(count_records(TOPIC_TARGETS), said + 1);
    const char *failed = json_string(last_record(TOPIC_TARGETS)->json, "failed");
    ck_assert_ptr_nonnull(failed);
    ck_assert_ptr_nonnull(strstr(failed, "ends before"));
    stop();
}
END_TEST

START_TEST(a_wish_of_a_clock_that_is_ahead_moves_no_listing_into_the_future)
{
    char value[256], ahead[RFC3339_SIZE];
    struct error err;
    start();
    join_crew(1, "Design");
    unsigned lists = there.lists;
    rfc3339_format(kit.now.wall_ms + 24 * RELIST_MS, ahead);
    snprintf(value, sizeof value, "{\"kind\":\"wish\",\"target\":\"miro\",\"at\":\"%s\"}", ahead);
    ck_assert(engine_target_record(kit.e, str_of("wish/miro"), str_of(value), kit.now, &err));
    settle_for(5 * KIT_SECOND);
    ck_assert_uint_eq(there.lists, lists + 1);
    ck_assert_int_le(listed_at(), kit.now.wall_ms + 60 * KIT_SECOND);
    settle_for(RELIST_MS + 120 * KIT_SECOND);
    ck_assert_uint_eq(there.lists, lists + 2);
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_mover_joins_before_leaving,
        memberships_that_others_made_stay_unless_the_policy_says_no,
        nothing_of_teams_is_touched_when_the_policy_says_nothing_of_them,
        a_missing_team_holds_nothing_else_up_and_is_taken_up_when_it_appears,
        an_event_that_only_wants_a_missing_team_is_rejected_with_what_to_do,
        of_two_teams_with_one_name_neither_is_joined,
        who_renames_a_team_turns_nobody_out,
        the_last_team_is_kept,
        a_leaver_keeps_the_teams,
        a_team_that_is_removed_and_made_anew_gets_its_people_back,
        what_was_missing_is_taken_up_by_who_was_not_there_when_it_appeared,
        a_team_made_anew_gets_back_who_was_not_there_when_it_was_listed,
        a_team_made_anew_gets_back_whom_others_had_put_in,
        a_team_that_takes_a_name_that_the_policy_denies_is_left,
        news_of_teams_cost_nobody_a_record_whom_they_do_not_change,
        that_somebody_is_behind_the_teams_is_written_before_anything_comes_of_it,
        teams_that_cannot_be_listed_are_said_to_be_so,
        many_teams_are_listed_page_by_page,
        nobody_is_opened_by_a_sweep_for_teams_that_cannot_be_listed,
        a_list_that_ends_too_early_takes_no_team_away,
        a_list_that_always_ends_too_early_is_said_to_fail,
        a_wish_of_a_clock_that_is_ahead_moves_no_listing_into_the_future,
    };
    return kit_run("engine_teams", tests, ARRAY_SIZE(tests));
}
