/* A group that seems to be gone is made again only when it is. */
#include "groups_kit.h"

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

/* Once a listing has shown that it is gone, for the next who is to be in it. */
static void expect_guild_made_again(void)
{
    until_call("GET", "/Groups?");
    serve();
    commit();
    tell("joined", EVENT_JOINED, 1, 1, "Guild");
    settle_groups(KIT_LIFE_MS + 60 * KIT_SECOND);
    ck_assert_uint_eq(posts, 2);
    ck_assert(is_in(1, "Guild"));
}

START_TEST(a_group_that_was_deleted_by_hand_is_made_again)
{
    prepare_groups();
    open_groups();
    say_joined(1, "Guild");
    settle_groups(90 * KIT_SECOND);
    lose_by_hand("Guild");
    expect_guild_made_again();
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
    expect_guild_made_again();
    stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_group_that_somebody_made_during_an_outage_is_not_made_again,
        a_group_is_not_made_by_one_listing_that_has_lost_it,
        a_group_that_listings_in_a_row_lack_is_not_made_again_while_it_is_there,
        a_group_that_we_made_is_asked_for_before_it_is_made_again,
        a_group_that_was_there_before_us_is_not_made_again_as_long_as_somebody_misses_it,
        a_group_is_not_made_again_while_nobody_says_whether_it_is_there,
        a_group_that_was_deleted_by_hand_is_made_again,
        a_group_that_has_another_name_now_is_made_again,
    };
    return kit_run("engine_groups_again", tests, ARRAY_SIZE(tests));
}
