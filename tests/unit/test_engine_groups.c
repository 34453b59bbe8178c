/* Groups that the configuration says are ours are made, renamed and deleted, each once, and no others. */
#include "teams_kit.h"

static const char *const owned[] = {"Guild", "rc *"};
static const char *const retired[] = {"Guild", "Ops"};

static unsigned posts, renamed;

static void prepare_groups(void)
{
    prepare();
    miro_free(there.m);
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.token = cfg.admin = NULL;
    cfg.default_team = "Everybody";
    cfg.group_mode = MIRO_USER_GROUPS;
    there.m = miro_new(&cfg);
    miro_add_team(there.m, "Design");
    miro_add_team(there.m, "Ops");
    posts = renamed = 0;
    kit.targets[0].group_mode = GROUP_MODE_USER_GROUP;
    kit.targets[0].leaves_last = true;
    kit.targets[0].owned_groups = owned;
    kit.targets[0].n_owned_groups = ARRAY_SIZE(owned);
}

static void open_groups(void)
{
    kit_open();
    commit();
}

static bool makes_a_group(void)
{
    return kit.call && strcmp(kit.call->path, "/Groups") == 0;
}

/* Until the engine wants to make a group, which is the call then. */
static void until_made(void)
{
    for (int i = 0; i < 200; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (makes_a_group())
            return;
        else
            serve();
    }
    ck_abort_msg("no group is made");
}

/* Until the engine wants this of groups, which is the call then. */
static void until_call(const char *method, const char *path)
{
    for (int i = 0; i < 2000; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (strcmp(kit.call->method, method) == 0 && strncmp(kit.call->path, path, strlen(path)) == 0 &&
                 kit.call->n_persons == 0)
            return;
        else
            serve();
    }
    ck_abort_msg("no %s %s", method, path);
}

static void pause_all(bool paused)
{
    char value[256], now[RFC3339_SIZE];
    struct error err;
    pass(KIT_SECOND);
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(value, sizeof value,
             "{\"kind\":\"pause\",\"target\":\"miro\",\"paused\":%s,\"by\":\"ops\",\"reason\":\"meant\","
             "\"at\":\"%s\"}",
             paused ? "true" : "false", now);
    ck_assert_msg(engine_control(kit.e, str_of("pause/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
}

static void apply_call(void)
{
    struct miro_reply r;
    struct miro_request rq = {.method = kit.call->method,
                              .target = kit.call->path,
                              .content_type = "application/scim+json",
                              .body = kit.call->body,
                              .body_n = kit.call->body_n};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    miro_reply_done(&r);
}

static void settle_groups(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
            continue;
        }
        posts += makes_a_group();
        renamed += kit.call->body && strstr(kit.call->body, "\"path\":\"displayName\"");
        serve();
    }
    commit();
}

static unsigned groups_called(const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < miro_teams_n(there.m); i++) {
        const struct miro_team *t = miro_team_at(there.m, i);
        n += !t->deleted && strcmp(t->displayName, name) == 0;
    }
    return n;
}

static const struct kit_record *told(const char *key_begins)
{
    const struct kit_record *last = NULL;
    for (size_t i = 0; i < kit.n_records; i++)
        if (kit.records[i].topic == TOPIC_TARGETS &&
            strncmp(kit.records[i].key, key_begins, strlen(key_begins)) == 0)
            last = &kit.records[i];
    return last;
}

static void say_joined(int n, const char *groups)
{
    for (int i = 0; i < n; i++)
        tell("joined", EVENT_JOINED, i, 1, groups);
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
    struct miro_reply r;
    struct miro_request rq = {.method = "POST",
                              .target = "/Groups",
                              .content_type = "application/scim+json",
                              .body = body,
                              .body_n = strlen(body)};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r); /* it lands */
    ck_assert_int_eq(r.status, 201);
    miro_reply_done(&r);
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
    struct miro_reply r;
    struct miro_request rq = {.method = "POST",
                              .target = "/Groups",
                              .content_type = "application/scim+json",
                              .body = body,
                              .body_n = strlen(body)};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r); /* it lands */
    ck_assert_int_eq(r.status, 201);
    miro_reply_done(&r);
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

/* The target may be out of reach for a day. */
START_TEST(a_group_that_somebody_made_during_an_outage_is_not_made_again)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    until_made();
    answer(503, "");
    miro_add_team(there.m, "Guild");
    settle_groups(180 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert(is_in(0, "Guild"));
    stop();
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

START_TEST(a_group_is_not_made_by_one_listing_that_has_lost_it)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    ck_assert_uint_eq(posts, 1);
    until_call("GET", "/Groups?");
    answer(200, "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],\"totalResults\":0,"
                "\"startIndex\":1,\"itemsPerPage\":0,\"Resources\":[]}");
    commit();
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 1);
    ck_assert_uint_eq(groups_called("Guild"), 1);
    ck_assert(is_in(1, "Guild"));
    stop();
}
END_TEST

static void lose_by_hand(const char *name)
{
    miro_remove_team(there.m, miro_team_by_name(there.m, name)->id);
}

/* For so long the target lists no group at all, whatever it has. */
static void settle_unlisted(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
            continue;
        }
        posts += makes_a_group();
        if (strncmp(kit.call->path, "/Groups?", 8) == 0)
            answer(200, "{\"totalResults\":0,\"Resources\":[]}");
        else
            serve();
    }
    commit();
}

START_TEST(a_group_that_listings_in_a_row_lack_is_not_made_again_while_it_is_there)
{
    const char *reason;
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    ck_assert_uint_eq(posts, 1);
    settle_unlisted(RELIST_MS);
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_unlisted(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    ck_assert_str_eq(refused_value("joined-1", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "lists it no more, and has it"));
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    ck_assert(is_in(1, "Guild"));
    stop();
}
END_TEST

/* Also after a day, and by a worker who never saw it listed. */
START_TEST(a_group_that_we_made_is_asked_for_before_it_is_made_again)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    settle_unlisted(25 * 3600 * KIT_SECOND);
    kit_crash();
    commit();
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_unlisted(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    lose_by_hand("Guild");
    settle_unlisted(2 * RELIST_MS);
    ck_assert_uint_eq(posts, 2);
    stop();
}
END_TEST

/* Of each key the topic keeps the last record, and none that forgets. */
static void compact_targets(void)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++) {
        bool last = kit.records[i].value != NULL;
        for (size_t j = i + 1; last && j < kit.n_records; j++)
            last =
                kit.records[j].topic != TOPIC_TARGETS || strcmp(kit.records[j].key, kit.records[i].key) != 0;
        if (kit.records[i].topic != TOPIC_TARGETS || last) {
            kit.records[n++] = kit.records[i];
            continue;
        }
        free(kit.records[i].key);
        free(kit.records[i].value);
        cJSON_Delete(kit.records[i].json);
    }
    kit.n_records = n;
}

START_TEST(a_group_that_was_there_before_us_is_not_made_again_as_long_as_somebody_misses_it)
{
    prepare_groups();
    miro_add_team(there.m, "Guild");
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    settle_unlisted(RELIST_MS);
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_unlisted(26 * 3600 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    compact_targets();
    kit_crash();
    settle_unlisted(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 0);
    ck_assert_str_eq(json_string(told("want/miro/Guild")->json, "former"),
                     miro_team_by_name(there.m, "Guild")->id);
    lose_by_hand("Guild");
    settle_unlisted(2 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    ck_assert(is_in(1, "Guild"));
    stop();
}
END_TEST

START_TEST(a_group_is_not_made_again_while_nobody_says_whether_it_is_there)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    lose_by_hand("Guild");
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    until_call("GET", "/Groups/");
    answer(403, "{\"detail\":\"not for you\"}");
    settle_groups(60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 1);
    ck_assert_ptr_nonnull(strstr(told("want/miro/Guild")->value, "403"));
    until_call("GET", "/Groups/");
    answer(503, "");
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 2);
    ck_assert(is_in(1, "Guild"));
    stop();
}
END_TEST

START_TEST(a_group_that_was_deleted_by_hand_is_made_again)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    lose_by_hand("Guild");
    until_call("GET", "/Groups?");
    serve();
    commit();
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 2);
    ck_assert(is_in(1, "Guild"));
    stop();
}
END_TEST

START_TEST(a_group_that_has_another_name_now_is_made_again)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    rename_team("Guild", "Lost");
    until_call("GET", "/Groups?");
    serve();
    commit();
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 2);
    ck_assert(is_in(1, "Guild"));
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

START_TEST(a_group_is_renamed_and_keeps_its_people)
{
    static const struct engine_team_name renames[] = {{"Design", "Product Design"}, {"Void", "Nothing"}};
    prepare_groups();
    open_groups();
    say_joined(1, "Design");
    settle_groups(60 * KIT_SECOND);
    ck_assert(is_in(0, "Design"));
    kit.targets[0].group_renames = renames;
    kit.targets[0].n_group_renames = ARRAY_SIZE(renames);
    engine_targets_changed(kit.e, kit.targets, kit.now);
    settle_groups(2 * RELIST_MS);
    ck_assert_uint_eq(groups_called("Design"), 0);
    ck_assert(is_in(0, "Product Design"));
    ck_assert_uint_eq(renamed, 1);
    stop();
}
END_TEST

/* A second one would draw people out of the one that is to bear the name. */
START_TEST(a_group_is_not_made_while_another_one_is_to_be_renamed_to_it)
{
    static const struct engine_team_name renames[] = {{"Design", "Guild"}};
    const char *reason;
    prepare_groups();
    kit.targets[0].group_renames = renames;
    kit.targets[0].n_group_renames = ARRAY_SIZE(renames);
    open_groups();
    say_joined(1, "Guild");
    until_call("PATCH", "/Groups/");
    answer(403, "{\"detail\":\"not for you\"}");
    settle_groups(60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 0);
    ck_assert_str_eq(refused_value("joined-0", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "to be renamed to it, which has failed"));
    settle_groups(2 * RELIST_MS);
    ck_assert_uint_eq(posts, 0);
    ck_assert_uint_eq(renamed, 1);
    ck_assert(is_in(0, "Guild"));
    stop();
}
END_TEST

/* Which one is meant is nobody's to guess, and whoever waits is to know. */
START_TEST(why_one_of_several_groups_is_not_renamed_is_told)
{
    static const struct engine_team_name renames[] = {{"Design", "Guild"}};
    const char *reason;
    prepare_groups();
    miro_add_team(there.m, "Design");
    kit.targets[0].group_renames = renames;
    kit.targets[0].n_group_renames = ARRAY_SIZE(renames);
    open_groups();
    say_joined(1, "Guild");
    settle_groups(60 * KIT_SECOND);
    ck_assert_str_eq(refused_value("joined-0", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "called \"Design\" is to be renamed to it, and several groups"));
    ck_assert_uint_eq(posts + renamed, 0);
    kit.targets[0].n_group_renames = 0;
    engine_targets_changed(kit.e, kit.targets, kit.now);
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(posts, 1);
    ck_assert(is_in(0, "Guild"));
    stop();
}
END_TEST

static void retire(void)
{
    kit.targets[0].retired_groups = retired;
    kit.targets[0].n_retired_groups = ARRAY_SIZE(retired);
    engine_targets_changed(kit.e, kit.targets, kit.now);
}

START_TEST(a_retired_group_is_deleted_once_nobody_is_in_it)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(60 * KIT_SECOND);
    retire();
    settle_groups(2 * RELIST_MS);
    ck_assert(is_in(0, "Guild"));
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Guild");
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(groups_called("Guild"), 0);
    ck_assert_ptr_null(told("made/miro/")->value);
    ck_assert_uint_eq(groups_called("Ops"), 1); /* empty and retired, and none of ours */
    stop();
}
END_TEST

/* Guild is retired, and nobody is in it. */
static void retire_empty(void)
{
    prepare_groups();
    open_groups();
    say_joined(2, "Guild");
    settle_groups(60 * KIT_SECOND);
    tell("out", EVENT_MEMBERSHIP_REMOVED, 0, 2, "Guild");
    tell("out", EVENT_MEMBERSHIP_REMOVED, 1, 2, "Guild");
    settle_groups(60 * KIT_SECOND);
    retire();
}

/* The call to delete it is at hand. */
static void until_deleted(void)
{
    retire_empty();
    until_call("DELETE", "/Groups/");
}

START_TEST(before_each_attempt_to_delete_a_group_it_is_asked_who_is_in_it)
{
    until_deleted();
    answer(503, "");
    put_into(1, "Guild", false);
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(groups_called("Guild"), 1);
    ck_assert(is_in(1, "Guild"));
    leave_by_hand(1, "Guild");
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(groups_called("Guild"), 0);
    stop();
}
END_TEST

/* It needs none: it is decided by a look. */
START_TEST(a_deletion_does_not_wait_for_the_listing_that_a_group_to_be_made_lacks)
{
    enum { FAILING = 4 };
    unsigned looks = 0, held = 0;
    retire_empty();
    tell("joined", EVENT_JOINED, 2, 1, "rc A");
    for (int64_t end = kit.now.wall_ms + 120 * KIT_SECOND; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (makes_a_group() || (about_a_team() && looks < FAILING)) {
            looks += about_a_team();
            answer(503, "");
        } else if (looks == FAILING && strncmp(kit.call->path, "/Groups?", 8) == 0) {
            held++; /* it has no answer yet */
        } else {
            serve();
        }
    }
    ck_assert_uint_eq(held, 1);
    ck_assert_uint_eq(looks, FAILING);
    ck_assert_uint_eq(groups_called("Guild"), 0);
    stop();
}
END_TEST

START_TEST(a_group_that_is_not_retired_any_more_is_not_deleted)
{
    until_deleted();
    ck_assert(engine_call_may_write(kit.e, kit.call, kit.now));
    kit.targets[0].n_retired_groups = 0;
    engine_targets_changed(kit.e, kit.targets, kit.now);
    ck_assert(!engine_call_may_write(kit.e, kit.call, kit.now));
    answer_held_back();
    settle_groups(3 * RELIST_MS);
    ck_assert_uint_eq(groups_called("Guild"), 1);
    stop();
}
END_TEST

/* What was to be done next waits for days. */
START_TEST(a_pause_outdates_what_was_decided_and_nothing_is_lost_over_it)
{
    retire_empty();
    until_call("GET", "/Groups/");
    serve();
    pause_all(true);
    ck_assert(!next_call());
    for (int64_t ms = 0; ms < 2 * KIT_LIFE_MS; ms += KIT_SECOND) {
        pass(KIT_SECOND);
        engine_tick(kit.e, kit.now);
    }
    put_into(1, "Guild", false);
    pause_all(false);
    settle_groups(20 * KIT_SECOND);
    ck_assert(is_in(1, "Guild"));
    stop();
}
END_TEST

START_TEST(what_is_to_be_done_has_its_turn_after_a_pause)
{
    retire_empty();
    until_call("GET", "/Groups/");
    serve();
    pause_all(true);
    ck_assert(!next_call());
    pause_all(false);
    settle_groups(20 * KIT_SECOND);
    ck_assert_uint_eq(groups_called("Guild"), 0);
    stop();
}
END_TEST

START_TEST(nobody_is_put_into_a_retired_group)
{
    const char *reason;
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(60 * KIT_SECOND);
    retire();
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_groups(60 * KIT_SECOND);
    ck_assert(is_in(0, "Guild") && !is_in(1, "Guild"));
    ck_assert_str_eq(refused_value("joined-1", &reason), "Guild");
    ck_assert_ptr_nonnull(strstr(reason, "retired"));
    stop();
}
END_TEST

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
        a_group_that_somebody_made_during_an_outage_is_not_made_again,
        a_group_that_cannot_be_made_holds_up_no_other,
        a_group_that_cannot_be_made_is_told_after_its_own_deadline,
        one_listing_serves_all_groups_that_cannot_be_made,
        a_rename_that_keeps_failing_holds_up_no_other_group,
        a_throttled_target_is_asked_for_no_other_group,
        a_group_is_not_made_by_one_listing_that_has_lost_it,
        a_group_that_listings_in_a_row_lack_is_not_made_again_while_it_is_there,
        a_group_that_we_made_is_asked_for_before_it_is_made_again,
        a_group_that_was_there_before_us_is_not_made_again_as_long_as_somebody_misses_it,
        a_group_is_not_made_again_while_nobody_says_whether_it_is_there,
        a_group_that_was_deleted_by_hand_is_made_again,
        a_group_that_has_another_name_now_is_made_again,
        a_reason_that_was_cut_in_the_middle_of_a_character_is_told_and_listings_go_on,
        what_an_abort_takes_back_is_put_down_again,
        a_group_that_is_said_to_be_made_and_is_not_there_is_told,
        a_dry_run_makes_no_group,
        a_group_is_renamed_and_keeps_its_people,
        a_group_is_not_made_while_another_one_is_to_be_renamed_to_it,
        why_one_of_several_groups_is_not_renamed_is_told,
        a_retired_group_is_deleted_once_nobody_is_in_it,
        before_each_attempt_to_delete_a_group_it_is_asked_who_is_in_it,
        a_deletion_does_not_wait_for_the_listing_that_a_group_to_be_made_lacks,
        a_group_that_is_not_retired_any_more_is_not_deleted,
        a_pause_outdates_what_was_decided_and_nothing_is_lost_over_it,
        what_is_to_be_done_has_its_turn_after_a_pause,
        nobody_is_put_into_a_retired_group,
        where_groups_are_nobodys_business_none_is_touched,
        a_team_may_have_another_name_at_the_target,
    };
    return kit_run("engine_groups", tests, ARRAY_SIZE(tests));
}
