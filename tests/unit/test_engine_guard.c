/* No mass damage: what is unusual waits for a person, survives everything, and is done once. */
#include "engine_kit.h"

#include "rfc3339.h"

enum { ROOM = 2, CREW = 5 };

/* ---- a target with accounts p0, p1 … ------------------------------------------------------------------- */

static struct {
    bool exists[CREW], active[CREW];
    unsigned cuts, creates;
    const char *licence; /* of all */
} there;

static const char *indexed(const char *prefix, int i)
{
    static char texts[8][96];
    static unsigned at;
    at = (at + 1) % ARRAY_SIZE(texts);
    snprintf(texts[at], sizeof texts[at], "%s%d", prefix, i);
    return texts[at];
}

static const char *profile_of(int i)
{
    static char text[160];
    snprintf(text, sizeof text, "userName=p%d;title=T;userType=%s", i, there.licence);
    return text;
}

/* Whom a path or body is about: the digit that stands alone in it. */
static int whom(void)
{
    const char *at = strstr(kit.call->path, "/Users/");
    if (at)
        return at[7] - '0';
    at = strstr(kit.call->body ? kit.call->body : kit.call->path,
                kit.call->body ? "\"userName\":\"p" : "%22p");
    ck_assert_ptr_nonnull(at);
    return at[kit.call->body ? 13 : 4] - '0';
}

static void serve(void)
{
    int i = whom();
    const char *body = kit.call->body ? kit.call->body : "";
    if (strcmp(kit.call->method, "POST") == 0) {
        there.creates++;
        there.exists[i] = there.active[i] = true;
        answer(201, user(indexed("", i), true, profile_of(i)));
        return;
    }
    if (strcmp(kit.call->method, "PATCH") == 0 && strstr(body, "\"active\"")) {
        there.cuts++;
        there.active[i] = false;
    }
    if (strstr(body, "Full"))
        there.licence = "Full";
    if (strstr(kit.call->path, "filter"))
        answer(200, there.exists[i] ? found(indexed("", i), there.active[i], profile_of(i)) : NO_USERS);
    else
        answer(200, user(indexed("", i), there.active[i], profile_of(i)));
}

/* The newest record of a person. */
static const cJSON *last_record_of(int i)
{
    const cJSON *last = NULL;
    for (size_t r = 0; r < kit.n_records; r++)
        if (kit.records[r].topic == TOPIC_PERSONS && strcmp(kit.records[r].key, indexed("acme/hr/p", i)) == 0)
            last = kit.records[r].json;
    return last;
}

/* Until nothing more happens by itself. */
static void settle_down(void)
{
    commit();
    while (next_call()) {
        serve();
        commit();
    }
}

/* ---- what is said -------------------------------------------------------------------------------------- */

static void tell(const char *id, enum event_type type, int i, int64_t at, const char *more)
{
    const char *profile = more ? more : indexed("userName=p", i);
    say({.id = id, .type = type, .subject = indexed("p", i), .at = at, .profile = profile});
}

static void start(enum guarded what, struct engine_guard_limit most)
{
    memset(&there, 0, sizeof there);
    there.licence = "Free";
    kit_config();
    kit.targets[0].guard.window_ms = KIT_DAY_MS;
    kit.targets[0].guard.limits[what] = most;
    kit_open();
    commit();
}

/* Everybody has an account and is known. */
static void start_with_crew(enum guarded what, struct engine_guard_limit most)
{
    start(what, most);
    for (int i = 0; i < CREW; i++) {
        there.exists[i] = there.active[i] = true;
        tell(indexed("joined", i), EVENT_JOINED, i, 1, NULL);
    }
    settle_down();
}

static void everybody_leaves(int64_t at)
{
    for (int i = 0; i < CREW; i++)
        tell(indexed("left", i), EVENT_LEFT, i, at, NULL);
    settle_down();
}

static void decide(const char *decision)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms + 1000, now);
    snprintf(
        value, sizeof value,
        "{\"kind\":\"hold\",\"decision\":\"%s\",\"heldBefore\":\"%s\",\"target\":\"miro\",\"by\":\"ops\","
        "\"reason\":\"asked\",\"at\":\"%s\"}",
        decision, now, now);
    ck_assert_msg(engine_control(kit.e, str_of("hold/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
}

static void decide_held_before(const char *decision)
{
    decide(decision);
    engine_tick(kit.e, kit.now);
    settle_down();
}

/* The id of what is held of a person. */
static const char *held_id(int i)
{
    static char id[CREW][GUARD_HOLD_SIZE];
    const cJSON *held = json_get(json_get(last_record_of(i), "targets"), "miro");
    const char *text = json_string(json_get(held, "held"), "id");
    ck_assert_msg(text != NULL, "nothing is held of p%d", i);
    snprintf(id[i], sizeof id[i], "%s", text);
    return id[i];
}

static void decide_about(const char *hold, const char *decision)
{
    char key[64], value[256], now[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(key, sizeof key, "hold/%s", hold);
    snprintf(value, sizeof value,
             "{\"kind\":\"hold\",\"decision\":\"%s\",\"hold\":\"%s\",\"by\":\"ops\",\"reason\":\"asked\","
             "\"at\":\"%s\"}",
             decision, hold, now);
    ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
    engine_tick(kit.e, kit.now);
    settle_down();
}

static size_t count_outcome(const char *outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_RESULTS &&
             strcmp(json_string(kit.records[i].json, "outcome"), outcome) == 0;
    return n;
}

static const struct engine_guard_limit few = {.count = ROOM};

/* ---- tests --------------------------------------------------------------------------------------------- */

START_TEST(more_cuts_than_usual_wait_and_are_done_when_a_person_approves)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    everybody_leaves(2);
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, CREW - ROOM);
    ck_assert_uint_eq(count_outcome("applied"), ROOM);
    pass(2 * KIT_DAY_MS); /* time alone releases nothing */
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, CREW);
    ck_assert_uint_eq(stats_now().held, 0);
    ck_assert_uint_eq(count_outcome("applied"), CREW);
    kit_stop();
}
END_TEST

START_TEST(what_a_person_denies_is_answered_so_and_stays_until_a_newer_word)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    everybody_leaves(2);
    decide_held_before("deny");
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(count_outcome("denied"), CREW - ROOM);
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 0);
    ck_assert_uint_eq(stats_now().held, 0);
    kit_crash();
    pass(2 * KIT_DAY_MS);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM); /* also after a restart, and with room in the window again */
    for (int i = 0; i < CREW; i++)
        if (there.active[i])
            tell(indexed("again", i), EVENT_LEFT, i, 100, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, 2 * ROOM);
    kit_stop();
}
END_TEST

START_TEST(what_was_denied_by_mistake_is_done_when_a_person_approves_it_after_all)
{
    char holds[CREW][GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    everybody_leaves(2);
    for (int i = 0; i < CREW; i++)
        snprintf(holds[i], sizeof holds[i], "%s", held_id(i));
    decide_about(holds[0], "deny");
    decide_held_before("deny");
    ck_assert_uint_eq(count_outcome("denied"), CREW);
    pass(KIT_DAY_MS / 2);
    decide_about(holds[0], "approve");
    decide_about(holds[1], "approve");
    ck_assert_uint_eq(there.cuts, 2);
    ck_assert(!there.active[0] && !there.active[1]);
    ck_assert_uint_eq(count_outcome("applied"), 2); /* told, though the events have their results */
    ck_assert_uint_eq(count_outcome("denied"), CREW);
    decide_about(holds[0], "deny"); /* too late */
    settle_down();
    ck_assert_uint_eq(there.cuts, 2);
    kit_stop();
}
END_TEST

/* The decision is in the topic when a worker takes the partition over. */
START_TEST(what_was_denied_is_done_when_it_was_approved_while_no_worker_ran)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    decide_held_before("deny");
    expect_result("left0", "miro", "denied");
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    decide_about(hold, "approve");
    kit_assign(0);
    settle_down();
    ck_assert_uint_eq(there.cuts, 1);
    kit_stop();
}
END_TEST

/* No worker runs meanwhile. */
START_TEST(an_approval_from_before_a_denial_of_all_is_none)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    engine_free(kit.e);
    kit.e = engine_new(&kit.cfg, &kit.ports);
    pass(KIT_SECOND);
    decide_about(hold, "approve");
    pass(10 * KIT_SECOND);
    decide_held_before("deny");
    kit_assign(0);
    settle_down();
    pass(2 * KIT_LIFE_MS);
    settle_down();
    ck_assert_uint_eq(count_outcome("denied"), 1);
    ck_assert_uint_eq(there.cuts, 0);
    decide_about(hold, "approve"); /* after all */
    settle_down();
    ck_assert_uint_eq(there.cuts, 1);
    kit_stop();
}
END_TEST

START_TEST(who_was_denied_is_not_approved_with_all_others)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    decide_held_before("deny"); /* with all others of the day before */
    pass(2 * KIT_SECOND);
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    decide_about(held_id(1), "deny"); /* by name */
    pass(KIT_DAY_MS);
    tell("left2", EVENT_LEFT, 2, 2, NULL);
    settle_down();
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, 1);
    ck_assert(there.active[0] && there.active[1] && !there.active[2]);
    tell("back0", EVENT_JOINED, 0, 3, NULL);
    settle_down();
    decide_about(hold, "approve"); /* nobody wants it any more */
    pass(KIT_DAY_MS);
    tell("again0", EVENT_LEFT, 0, 100, NULL);
    settle_down();
    ck_assert(there.active[0]);
    ck_assert_uint_eq(stats_now().held, 1);
    kit_stop();
}
END_TEST

START_TEST(a_provision_of_what_was_denied_says_so)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    start_with_crew(GUARD_DEACTIVATION, few);
    everybody_leaves(2);
    decide_held_before("deny");
    int who = 0;
    while (!there.active[who])
        who++;
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(value, sizeof value,
             "{\"kind\":\"provision\",\"person\":\"acme/hr/p%d\",\"time\":\"%s\",\"by\":\"ops\","
             "\"reason\":\"asked\",\"at\":\"%s\"}",
             who, now, now);
    char key[64];
    snprintf(key, sizeof key, "provision/acme/hr/p%d", who);
    ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
    size_t before = count_outcome("denied");
    settle_down();
    ck_assert_uint_eq(count_outcome("denied"), before + 1);
    ck_assert(there.active[who]);
    kit_stop();
}
END_TEST

/* The wish is dropped, and comes back by way of the policy with the same words: it is asked anew. */
START_TEST(a_denial_ends_with_the_wish_that_it_denied)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    kit.policy = POLICY_CUTS;
    tell("fool", EVENT_CHANGED, 0, 2, "userName=p0;title=T");
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    decide_held_before("deny");
    expect_result("fool", "miro", "denied");
    kit.policy = POLICY_ACCOUNT; /* mended */
    tell("well", EVENT_CHANGED, 0, 3, "userName=p0;title=T");
    settle_down();
    kit.policy = POLICY_CUTS;
    pass(2000);
    tell("scope", EVENT_CHANGED, 0, 4, "userName=p0;title=T");
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    expect_no_result("scope", "miro");
    kit_stop();
}
END_TEST

START_TEST(denied_while_in_doubt_is_denied_when_the_doubt_is_over)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    kit_crash();
    settle_down();
    decide_held_before("deny");
    expect_no_result("left0", "miro");
    pass(KIT_LIFE_MS + 1);
    settle_down();
    expect_result("left0", "miro", "denied");
    kit_stop();
}
END_TEST

START_TEST(counts_survive_the_worker_and_aborts)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    take_and_abort();
    take_and_abort();
    settle_down();
    ck_assert_uint_eq(there.cuts, 1);
    kit_crash();
    settle_down();
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    commit();
    kit_crash(); /* counted and committed, the call was not made yet */
    pass(KIT_LIFE_MS + 1);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    kit_hand_over();
    tell("left2", EVENT_LEFT, 2, 2, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, 1);
    kit_stop();
}
END_TEST

START_TEST(a_cut_that_is_tried_again_is_counted_once)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    commit();
    for (int i = 0; i < 5; i++) {
        ck_assert_int_ge(wait_for_call(), 0);
        answer(503, "");
    }
    pass(100 * KIT_SECOND);
    settle_down();
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, 0);
    kit_stop();
}
END_TEST

START_TEST(a_cut_that_is_asked_for_again_before_it_is_done_is_counted_once)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    commit();
    for (int i = 0; i < 3; i++) {
        tell(indexed("again", i), EVENT_LEFT, 0, 3 + i, NULL);
        commit();
        ck_assert_int_ge(wait_for_call(), 0);
        answer(503, "");
        commit();
    }
    kit_crash();
    pass(100 * KIT_SECOND);
    tell("again3", EVENT_LEFT, 0, 10, NULL);
    settle_down();
    ck_assert(!there.active[0]);
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    ck_assert_uint_eq(there.cuts, ROOM);
    ck_assert_uint_eq(stats_now().held, 0);
    tell("left2", EVENT_LEFT, 2, 2, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1); /* there was room for two */
    kit_stop();
}
END_TEST

START_TEST(who_was_active_in_between_is_counted_again)
{
    start_with_crew(GUARD_DEACTIVATION, few);
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    tell("back0", EVENT_JOINED, 0, 3, NULL);
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    while (kit.call && strcmp(kit.call->method, "PATCH") != 0) {
        serve();
        commit();
        next_call();
    }
    there.active[0] = true;
    answer(200, user("0", true, profile_of(0)));
    commit();
    tell("again0", EVENT_LEFT, 0, 4, NULL); /* its work may still be open */
    settle_down();
    ck_assert(!there.active[0]);
    tell("left1", EVENT_LEFT, 1, 2, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    kit_stop();
}
END_TEST

/* Its id is what somebody is about to approve. */
START_TEST(what_is_held_stays_the_same_hold_when_it_is_asked_for_again)
{
    char hold[GUARD_HOLD_SIZE];
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    snprintf(hold, sizeof hold, "%s", held_id(0));
    pass(KIT_SECOND);
    tell("again0", EVENT_LEFT, 0, 3, NULL);
    settle_down();
    ck_assert_str_eq(held_id(0), hold);
    decide_about(hold, "deny");
    ck_assert_uint_eq(stats_now().held, 0);
    expect_result("again0", "miro", "denied");
    tell("anew0", EVENT_LEFT, 0, 4, NULL); /* a newer word asks anew */
    settle_down();
    ck_assert_str_ne(held_id(0), hold);
    decide_about(held_id(0), "approve");
    ck_assert_uint_eq(there.cuts, 1);
    kit_stop();
}
END_TEST

START_TEST(who_is_called_back_while_held_keeps_the_account)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    tell("back0", EVENT_JOINED, 0, 3, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 0);
    expect_result("left0", "miro", "superseded");
    expect_result("back0", "miro", "unchanged");
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, 0);
    kit_stop();
}
END_TEST

START_TEST(shares_are_taken_of_the_active_accounts_with_a_floor)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 60});
    everybody_leaves(2);
    ck_assert_uint_eq(there.cuts, 3); /* 60 % of five, of four, of three: then three were cut */
    kit_stop();
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1, .floor = 4});
    everybody_leaves(2);
    ck_assert_uint_eq(there.cuts, 4);
    kit_stop();
}
END_TEST

START_TEST(creations_are_held_likewise)
{
    start(GUARD_CREATION, few);
    for (int i = 0; i < CREW; i++)
        tell(indexed("joined", i), EVENT_JOINED, i, 1, NULL);
    settle_down();
    ck_assert_uint_eq(there.creates, ROOM);
    decide_held_before("approve");
    ck_assert_uint_eq(there.creates, CREW);
    kit_stop();
}
END_TEST

START_TEST(a_deletion_that_is_approved_days_later_is_read_again)
{
    start_with_crew(GUARD_DELETION, few);
    kit.policy = POLICY_DELETES;
    for (int i = 0; i < ROOM + 1; i++) {
        tell(indexed("deleted", i), EVENT_DELETED, i, 3, NULL);
        commit();
        while (next_call()) {
            bool deletes = strcmp(kit.call->method, "DELETE") == 0;
            there.exists[i] &= !deletes;
            if (there.exists[i])
                answer(200, user(indexed("", i), true, profile_of(i)));
            else
                answer(deletes ? 204 : 404, "");
            commit();
        }
    }
    ck_assert_uint_eq(stats_now().held, 1);
    pass(3 * KIT_DAY_MS);
    commit();
    decide("approve");
    engine_tick(kit.e, kit.now);
    commit();
    expect_call("GET", "/Users/2");
    answer(200, user("2", true, profile_of(2)));
    commit();
    expect_call("DELETE", "/Users/2");
    kit_stop();
}
END_TEST

START_TEST(a_deletion_that_is_denied_is_not_read_again_and_again)
{
    start_with_crew(GUARD_DELETION, (struct engine_guard_limit){.percent = 1});
    kit.policy = POLICY_DELETES;
    tell("deleted", EVENT_DELETED, 0, 3, NULL);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    decide("deny");
    engine_tick(kit.e, kit.now);
    for (int calls = 0; commit() || next_call(); calls++) {
        ck_assert_int_lt(calls, 10);
        if (next_call())
            serve();
    }
    expect_result("deleted", "miro", "denied");
    kit_stop();
}
END_TEST

START_TEST(a_licence_that_is_held_holds_up_nothing_else)
{
    start_with_crew(GUARD_UPGRADE, (struct engine_guard_limit){.percent = 1});
    tell("up", EVENT_CHANGED, 0, 2, "userType=Full;title=Chef");
    commit();
    ck_assert_int_ge(wait_for_call(), 0);
    serve(); /* reads what was not known */
    commit();
    expect_call("PATCH", "/Users/0");
    ck_assert_ptr_nonnull(strstr(kit.call->body, "Chef"));
    ck_assert_ptr_null(strstr(kit.call->body, "Full"));
    answer(200, user("0", true, "userName=p0;title=Chef;userType=Free"));
    commit();
    expect_no_call();
    expect_no_result("up", "miro");
    ck_assert_uint_eq(stats_now().held, 1);
    decide_held_before("approve");
    ck_assert_str_eq(there.licence, "Full");
    kit_stop();
}
END_TEST

START_TEST(a_hold_is_in_the_record_and_outlives_the_worker)
{
    start_with_crew(GUARD_DEACTIVATION, (struct engine_guard_limit){.percent = 1});
    tell("left0", EVENT_LEFT, 0, 2, NULL);
    settle_down();
    kit_crash();
    pass(KIT_LIFE_MS + 1);
    settle_down();
    ck_assert_uint_eq(stats_now().held, 1);
    ck_assert_uint_eq(there.cuts, 0);
    decide_held_before("approve");
    ck_assert_uint_eq(there.cuts, 1);
    expect_result("left0", "miro", "applied");
    kit_stop();
}
END_TEST

/* Held by the guard, and asked for by a person: it is read first, and that waits for no decision. */
START_TEST(what_is_to_be_read_about_who_is_held_is_not_forgotten_while_the_partition_opens)
{
    static const char rests[] =
        "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":true,\"by\":\"ops\",\"reason\":\"r\","
        "\"at\":\"2027-01-15T08:16:40Z\"}";
    static const char asks[] =
        "{\"kind\":\"provision\",\"person\":\"acme/hr/zoe\",\"time\":\"2027-01-15T08:16:40Z\","
        "\"by\":\"ops\",\"reason\":\"r\",\"at\":\"2027-01-15T08:16:40Z\"}";
    struct error err = {0};
    kit_config();
    kit.targets[0].guard =
        (struct engine_guard){.window_ms = KIT_DAY_MS, .limits = {[GUARD_DEACTIVATION] = {.count = 1}}};
    kit_open();
    commit();
    say({"kim", EVENT_LEFT, .at = 1, .subject = "kim",
         .profile = "userName=kim"}); /* takes the room there is */
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("8", true, "userName=kim"));
    commit();
    expect_call("PATCH", "/Users/8");
    answer(200, user("8", false, "userName=kim"));
    commit();
    kit_zoe_has_account("userName=zoe");
    say({"left", EVENT_LEFT, .at = 2});
    commit();
    expect_no_call();
    ck_assert_str_ne(state_now("miro", "held"), "");
    ck_assert(engine_control(kit.e, str_of("pause/miro"), str_of(rests), kit.now, &err));
    ck_assert_msg(engine_control(kit.e, str_of("provision/acme/hr/zoe"), str_of(asks), kit.now, &err), "%s",
                  err.message);
    commit();
    kit_hand_over(); /* to a worker that has not been told of any pause */
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->path, "/Users/7");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_to_be_read_about_who_is_held_is_not_forgotten_while_the_partition_opens,
        more_cuts_than_usual_wait_and_are_done_when_a_person_approves,
        what_a_person_denies_is_answered_so_and_stays_until_a_newer_word,
        what_was_denied_by_mistake_is_done_when_a_person_approves_it_after_all,
        what_was_denied_is_done_when_it_was_approved_while_no_worker_ran,
        an_approval_from_before_a_denial_of_all_is_none,
        who_was_denied_is_not_approved_with_all_others,
        a_cut_that_is_asked_for_again_before_it_is_done_is_counted_once,
        who_was_active_in_between_is_counted_again,
        what_is_held_stays_the_same_hold_when_it_is_asked_for_again,
        a_provision_of_what_was_denied_says_so,
        a_denial_ends_with_the_wish_that_it_denied,
        denied_while_in_doubt_is_denied_when_the_doubt_is_over,
        counts_survive_the_worker_and_aborts,
        a_cut_that_is_tried_again_is_counted_once,
        who_is_called_back_while_held_keeps_the_account,
        shares_are_taken_of_the_active_accounts_with_a_floor,
        creations_are_held_likewise,
        a_deletion_that_is_approved_days_later_is_read_again,
        a_deletion_that_is_denied_is_not_read_again_and_again,
        a_licence_that_is_held_holds_up_nothing_else,
        a_hold_is_in_the_record_and_outlives_the_worker,
    };
    return kit_run("engine_guard", tests, ARRAY_SIZE(tests));
}
