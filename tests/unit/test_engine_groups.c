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
        what_an_abort_takes_back_is_put_down_again,
        a_group_that_is_said_to_be_made_and_is_not_there_is_told,
        a_dry_run_makes_no_group,
        a_group_is_renamed_and_keeps_its_people,
        a_retired_group_is_deleted_once_nobody_is_in_it,
        nobody_is_put_into_a_retired_group,
        where_groups_are_nobodys_business_none_is_touched,
        a_team_may_have_another_name_at_the_target,
    };
    return kit_run("engine_groups", tests, ARRAY_SIZE(tests));
}
