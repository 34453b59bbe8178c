/* Groups that are there are renamed, or retired and then deleted once nobody is in them. */
#include "groups_kit.h"

static const char *const retired[] = {"Guild", "Ops"};

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

int main(void)
{
    const TTest *const tests[] = {
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
    };
    return kit_run("engine_groups_renamed", tests, ARRAY_SIZE(tests));
}
