/* Teams: found by name, joined and left by small calls for several persons, and nobody is moved who should not be. The
 * target is the sandbox's Miro. */
#include "engine_kit.h"

#include "../sandbox/miro.h"
#include "rfc3339.h"

enum { CREW_MAX = 24, RELIST_MS = 600 * KIT_SECOND, MISSING_MS = 30 * KIT_SECOND };

static struct {
    struct miro *m;
    enum miro_fault fault;          /* of the next call to a team */
    unsigned moves, lists, members; /* calls to teams; members of the last one */
    size_t longest;                 /* body of a call to a team */
    char last[1024];                /* body of the last one */
} there;

/* ---- the target ---------------------------------------------------------------------------------------- */

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static bool about_a_team(void)
{
    return strncmp(kit.call->path, "/Groups/", 8) == 0;
}

static void note_call(void)
{
    there.lists += strncmp(kit.call->path, "/Groups?", 8) == 0;
    if (!about_a_team())
        return;
    there.moves++;
    there.members = (unsigned)kit.call->n_persons;
    there.longest = kit.call->body_n > there.longest ? kit.call->body_n : there.longest;
    snprintf(there.last, sizeof there.last, "%s", kit.call->body);
    ck_assert_uint_eq(count(kit.call->body, strstr(kit.call->body, "\"Add\"") ? "{\"value\":" : "\"Remove\""),
                      kit.call->n_persons);
}

static void serve(void)
{
    struct miro_reply r;
    bool team = about_a_team();
    struct miro_request rq = {.method = kit.call->method,
                              .target = kit.call->path,
                              .content_type = "application/scim+json",
                              .body = kit.call->body,
                              .body_n = kit.call->body_n,
                              .fault = team ? there.fault : MIRO_FAULT_NONE};
    if (team)
        there.fault = MIRO_FAULT_NONE;
    note_call();
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    reply(kit.call,
          &(struct call_reply){
              .outcome = CALL_REPLIED, .status = r.status, .body = buf_str(&r.body), .retry_after_ms = -1});
    miro_reply_done(&r);
}

/* Until nothing more happens by itself within some seconds. */
static void settle_down(void)
{
    commit();
    engine_tick(kit.e, kit.now);
    while (next_call() || commit()) {
        if (kit.call)
            serve();
        commit();
        engine_tick(kit.e, kit.now);
    }
}

/* The same, and time passes. */
static void settle_for(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end; pass(KIT_SECOND))
        settle_down();
    settle_down();
}

static const char *name_of(int i)
{
    static char names[8][32];
    static unsigned at;
    at = (at + 1) % ARRAY_SIZE(names);
    snprintf(names[at], sizeof names[at], "p%d@example.com", i);
    return names[at];
}

static const struct miro_user *account(int i)
{
    const struct miro_user *u = miro_user_by_name(there.m, name_of(i));
    ck_assert_ptr_nonnull(u);
    return u;
}

static bool is_in(int i, const char *team)
{
    const struct miro_team *t = miro_team_by_name(there.m, team);
    ck_assert_msg(t != NULL, "no team %s", team);
    return miro_is_member(t, account(i));
}

/* As a person does in Miro's pages. */
static void put_into(int i, const char *team, bool as_admin)
{
    miro_join_team(there.m, miro_team_by_name(there.m, team)->id, account(i)->id, as_admin);
}

static void leave_by_hand(int i, const char *team)
{
    struct miro_reply r;
    char target[64], body[256];
    snprintf(target, sizeof target, "/Groups/%s", miro_team_by_name(there.m, team)->id);
    snprintf(body, sizeof body,
             "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":"
             "\"Remove\",\"path\":\"members[value eq %s]\"}]}",
             account(i)->id);
    miro_handle(
        there.m,
        &(struct miro_request){.method = "PATCH", .target = target, .body = body, .body_n = strlen(body)},
        kit.now.wall_ms, &r);
    miro_reply_done(&r);
}

static void rename_team(const char *from, const char *to)
{
    struct miro_reply r;
    char target[64], body[256];
    snprintf(target, sizeof target, "/Groups/%s", miro_team_by_name(there.m, from)->id);
    snprintf(body, sizeof body,
             "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":"
             "\"Replace\","
             "\"path\":\"displayName\",\"value\":\"%s\"}]}",
             to);
    struct miro_request rq = {.method = "PATCH", .target = target, .body = body, .body_n = strlen(body)};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    ck_assert_int_eq(r.status, 200);
    miro_reply_done(&r);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void prepare(void)
{
    static const char *const teams[] = {"Design", "Ops", "xSales"};
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.token = cfg.admin = NULL;
    cfg.default_team = "Everybody";
    cfg.keep_history = true;
    memset(&there, 0, sizeof there);
    there.m = miro_new(&cfg);
    for (size_t i = 0; i < ARRAY_SIZE(teams); i++)
        miro_add_team(there.m, teams[i]);
    kit_config();
    kit.cfg.partitions = 1;
    kit.policy = POLICY_TEAMS;
    kit.targets[0].teams_relist_ms = RELIST_MS;
    kit.targets[0].teams_missing_ms = MISSING_MS;
    kit.targets[0].guard.window_ms = KIT_DAY_MS;
}

static void start(void)
{
    prepare();
    kit_open();
    commit();
}

static void stop(void)
{
    ck_assert_uint_eq(miro_over_limit(there.m), 0);
    ck_assert_uint_lt(there.longest, 500);
    kit_stop();
    miro_free(there.m);
}

static const char *event_of(const char *what, int i)
{
    static char texts[8][48];
    static unsigned at;
    at = (at + 1) % ARRAY_SIZE(texts);
    snprintf(texts[at], sizeof texts[at], "%s-%d", what, i);
    return texts[at];
}

static void tell(const char *what, enum event_type type, int i, int64_t at, const char *groups)
{
    char profile[64];
    snprintf(profile, sizeof profile, "userName=%s", name_of(i));
    say({.id = event_of(what, i),
         .type = type,
         .subject = event_of("p", i),
         .at = at,
         .profile = type == EVENT_JOINED ? profile : NULL,
         .groups = groups});
}

static void join_crew(int n, const char *groups)
{
    for (int i = 0; i < n; i++)
        tell("joined", EVENT_JOINED, i, 1, groups);
    settle_for(60 * KIT_SECOND);
}

static void approve_all(const char *decision)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms + 1000, now);
    snprintf(
        value, sizeof value,
        "{\"kind\":\"hold\",\"decision\":\"%s\",\"heldBefore\":\"%s\",\"target\":\"miro\",\"by\":\"ops\","
        "\"reason\":\"meant\",\"at\":\"%s\"}",
        decision, now, now);
    ck_assert_msg(engine_control(kit.e, str_of("hold/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
    settle_down();
}

static const char *refused_value(const char *id, const char **ret_reason)
{
    const cJSON *list = json_get(find_result(id, "miro"), "refused"), *first = list ? list->child : NULL;
    *ret_reason = json_string(first, "reason");
    return json_string(first, "value");
}

static unsigned effects(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_RESULTS && !json_string(kit.records[i].json, "eventId");
    return n;
}

/* They are read, and now wait for their calls. */
static void look_again(int n)
{
    commit();
    for (int i = 0; i < n; i++) {
        expect_call("GET", "/Users/");
        serve();
    }
    commit();
}

/* ---- tests --------------------------------------------------------------------------------------------- */

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
    struct miro_reply r;
    miro_handle(
        there.m,
        &(struct miro_request){.method = "PATCH", .target = path, .body = body, .body_n = strlen(body)},
        kit.now.wall_ms, &r);
    miro_reply_done(&r);
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

START_TEST(the_guard_holds_removals_until_a_person_decides)
{
    prepare();
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 2};
    kit_open();
    commit();
    join_crew(5, "Design");
    for (int i = 0; i < 5; i++)
        tell("out", EVENT_MEMBERSHIP_REMOVED, i, 3, "Design");
    settle_for(60 * KIT_SECOND);
    int left = 0;
    for (int i = 0; i < 5; i++)
        left += !is_in(i, "Design");
    ck_assert_int_eq(left, 2);
    ck_assert_uint_eq(stats_now().held, 3);
    size_t said = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        said += kit.records[i].value && strstr(kit.records[i].value, "\"what\":\"removal\"") &&
                strstr(kit.records[i].value, "\"team\":\"Design\"");
    ck_assert_uint_ge(said, 3);
    for (int i = 0; i < 5; i++) /* while it was held they were taken out of everything else */
        if (is_in(i, "Design"))
            leave_by_hand(i, "Everybody");
    put_into(4, "Ops", false);
    approve_all("approve");
    settle_for(60 * KIT_SECOND);
    for (int i = 0; i < 5; i++) /* the last team is kept */
        ck_assert_int_eq(is_in(i, "Design"), !is_in(i, "Everybody") && i != 4);
    ck_assert_uint_eq(stats_now().held, 0);
    stop();
}
END_TEST

START_TEST(a_removal_that_is_denied_lets_the_others_be_asked_about)
{
    prepare();
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 1};
    kit_open();
    commit();
    join_crew(1, "Design;Ops;xSales");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 3, "Design;Ops;xSales");
    settle_for(10 * KIT_SECOND);
    ck_assert_uint_eq(account(0)->n_teams, 3);
    ck_assert_uint_eq(stats_now().held, 1);
    approve_all("deny");
    settle_for(5 * KIT_SECOND);
    approve_all("deny");
    settle_for(5 * KIT_SECOND);
    ck_assert_uint_eq(account(0)->n_teams, 3);
    expect_result("out-0", "miro", "denied");
    unsigned moves = there.moves;
    tell("more", EVENT_CHANGED, 0, 4, NULL);
    settle_for(5 * KIT_SECOND);
    ck_assert_uint_eq(there.moves, moves);
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

START_TEST(what_was_missing_is_taken_up_by_who_was_not_there_when_it_appeared)
{
    start();
    join_crew(1, "Void");
    miro_add_team(there.m, "Void");
    pass(RELIST_MS);
    while (next_call()) /* the listing, and nobody hears of it: its reader is gone when it is committed */
        serve();
    engine_tick(kit.e, kit.now);
    ck_assert_ptr_nonnull(take_batch());
    for (size_t i = 0; i < kit.batch->n_records; i++)
        kit_keep(&kit.batch->records[i]);
    for (size_t i = 0; i < kit.batch->n_offsets; i++)
        kit.committed[kit.batch->offsets[i].partition] = kit.batch->offsets[i].next;
    kit_crash();
    settle_for(KIT_LIFE_MS + 10 * KIT_SECOND);
    ck_assert(is_in(0, "Void"));
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

int main(void)
{
    const TTest *const tests[] = {
        they_come_into_their_team_eleven_in_a_call,
        a_mover_joins_before_leaving,
        memberships_that_others_made_stay_unless_the_policy_says_no,
        nothing_of_teams_is_touched_when_the_policy_says_nothing_of_them,
        a_missing_team_holds_nothing_else_up_and_is_taken_up_when_it_appears,
        an_event_that_only_wants_a_missing_team_is_rejected_with_what_to_do,
        of_two_teams_with_one_name_neither_is_joined,
        who_renames_a_team_turns_nobody_out,
        one_who_cannot_leave_does_not_keep_the_others,
        the_last_team_is_kept,
        a_leaver_is_taken_out_of_a_call_that_is_not_written_yet,
        a_call_of_unknown_outcome_leaves_doubt_on_everybody_in_it,
        a_call_that_fails_is_tried_in_halves_and_by_itself,
        an_answer_without_effect_is_found_out,
        what_a_dead_owner_joined_is_still_ours_to_leave,
        an_abort_takes_no_listing_and_no_membership_back,
        the_guard_holds_removals_until_a_person_decides,
        a_removal_that_is_denied_lets_the_others_be_asked_about,
        a_leaver_keeps_the_teams,
        a_team_that_is_removed_and_made_anew_gets_its_people_back,
        what_was_missing_is_taken_up_by_who_was_not_there_when_it_appeared,
        teams_that_cannot_be_listed_are_said_to_be_so,
        many_teams_are_listed_page_by_page,
    };
    return kit_run("engine_teams", tests, ARRAY_SIZE(tests));
}
