/* Teams at a service of kind scim: read where the account is silent, put back whole where there is no PATCH. */
#include "generic_kit.h"

static void a_team_is_there(void)
{
    struct error err;
    static const char *const records[][2] = {
        {"team/miro/9", "{\"kind\":\"team\",\"target\":\"miro\",\"id\":\"9\",\"name\":\"Design\",\"at\":"
                        "\"2026-01-01T00:00:00Z\"}"},
        {"listing/miro",
         "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":1,\"at\":\"2026-01-01T00:00:00Z\"}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(records); i++)
        ck_assert(engine_target_record(kit.e, str_of(records[i][0]), str_of(records[i][1]), kit.now, &err));
    kit.policy = POLICY_TEAMS;
}

/* Zoe is to be in Design; her account says nothing of teams. */
static void zoe_wants_in(const char *config)
{
    start_with(config);
    a_team_is_there();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    say({"e2", EVENT_MEMBERSHIP_ADDED, .at = 2, .groups = "Design"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=zoe"));
    go_on();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    go_on();
    expect_call("GET", "/Groups/9");
}

/* The team as it was; it is read once more when the PATCH is answered. */
static void zoe_is_patched_in(const char *team)
{
    zoe_wants_in(CONFIG("true", "true", "false"));
    answer(200, team);
    go_on();
    expect_call("PATCH", "/Groups/9");
    answer(204, "");
    go_on();
    expect_call("GET", "/Groups/9");
}

START_TEST(where_the_account_is_silent_the_team_is_asked)
{
    zoe_is_patched_in(TEAM(",\"members\":[{\"value\":\"6\"}]"));
    answer(200, TEAM(",\"members\":[{\"value\":\"6\"},{\"value\":\"7\"}]"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_team_that_hides_its_members_is_believed)
{
    zoe_is_patched_in(TEAM(""));
    answer(200, TEAM(""));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_team_is_put_back_under_its_version)
{
    zoe_wants_in(CONFIG("false", "true", "true"));
    answer(200, TEAM(",\"members\":[{\"value\":\"6\"}]"));
    go_on();
    expect_call("PUT", "/Groups/9");
    ck_assert_str_eq(kit.call->headers[0], "If-Match: v1");
    expect_body("\"members\":[{\"value\":\"6\"},{\"value\":\"7\"}]");
    answer(412, "");
    expect_call("GET", "/Groups/9");
    answer(200, TEAM(",\"members\":[{\"value\":\"5\"}]"));
    go_on();
    expect_call("PUT", "/Groups/9");
    expect_body("\"members\":[{\"value\":\"5\"},{\"value\":\"7\"}]");
    kit_stop();
}
END_TEST

START_TEST(a_team_that_cannot_be_put_back_safely_is_left_alone)
{
    static const struct {
        const char *config, *members, *why;
    } rows[] = {
        {CONFIG("false", "true", "true"), "", "does not show the team's members"},
        {CONFIG("false", "true", "false"), ",\"members\":[]", "neither PATCH nor ETags"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char team[256];
        snprintf(team, sizeof team,
                 "{\"id\":\"9\",\"displayName\":\"Design\",\"meta\":{\"version\":\"v1\"}%s}",
                 rows[i].members);
        zoe_wants_in(rows[i].config);
        answer(200, team);
        go_on();
        expect_no_call();
        char *text = cJSON_PrintUnformatted(find_result("e2", "miro"));
        ck_assert_msg(text && strstr(text, rows[i].why), "%s", text ? text : "no result");
        free(text);
        kit_stop();
    }
}
END_TEST

START_TEST(buckets_share_what_their_persons_ask_of_teams)
{
    kit_config();
    kit.targets[0].kind = "scim";
    kit.targets[0].spread = 4;
    kit.cfg.partitions = 1;
    kit_open();
    const struct target *t = &kit.e->targets[0];
    unsigned users = 0, groups = 0;
    for (int b = 0; b < 4; b++) {
        users += t->lanes[b].budget.classes[t->class_of[STEP_LOOKUP]].limit.count;
        groups += t->lanes[b].budget.classes[t->class_of[STEP_TEAM]].limit.count;
    }
    ck_assert_uint_eq(users, t->profile->limits[t->class_of[STEP_LOOKUP]].count);
    ck_assert_uint_eq(groups, t->profile->limits[t->class_of[STEP_TEAM]].count);
    kit_stop();
}
END_TEST

START_TEST(a_leaver_leaves_a_team_that_is_put_back_and_counts_once)
{
    static const char in[] =
        "{\"id\":\"7\",\"userName\":\"zoe\",\"active\":true,\"groups\":[{\"value\":\"9\","
        "\"display\":\"Design\"}]}";
    bool read = false, left = false;
    kit_config();
    kit.targets[0].kind = "scim";
    kit.targets[0].discovers = true;
    kit.targets[0].guard.window_ms = KIT_DAY_MS;
    kit.targets[0].guard.limits[GUARD_REMOVAL] = (struct engine_guard_limit){.count = 20};
    kit.cfg.partitions = 1;
    kit_open();
    commit();
    expect_call("GET", "/ServiceProviderConfig");
    answer(200, CONFIG("false", "true", "true"));
    expect_call("GET", "/ResourceTypes");
    answer(404, "");
    expect_call("GET", "/Schemas");
    answer(404, "");
    engine_tick(kit.e, kit.now);
    commit();
    kit.policy = POLICY_LEAVES_TEAMS;
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=zoe"));
    go_on();
    if (next_call()) {
        answer(200, in);
        go_on();
    }
    say({"e2", EVENT_LEFT, .at = 2});
    for (int i = 0; i < 12 && !find_result("e2", "miro") && wait_for_call() >= 0; i++) {
        bool team = strncmp(kit.call->path, "/Groups/9", 9) == 0;
        left |= team && kit.call->write;
        read |= team && !kit.call->write;
        if (team)
            answer_with_etag(200, TEAM(",\"members\":[{\"value\":\"6\"},{\"value\":\"7\"}]"), "W/\\\"1\\\"");
        else
            answer(200, kit.call->write ? user("7", false, "userName=zoe") : in);
        go_on();
    }
    ck_assert(read && left);
    expect_result("e2", "miro", "applied");
    const struct kit_record *guard = NULL;
    for (size_t i = 0; i < kit.n_records; i++)
        if (strncmp(kit.records[i].key, "!guard", 6) == 0)
            guard = &kit.records[i];
    ck_assert_ptr_nonnull(guard);
    ck_assert_ptr_nonnull(strstr(guard->value, "\"removal\":1"));
    kit_stop();
}
END_TEST

/* Two persons read a team; the class rests for longer than a read is good for. */
START_TEST(what_has_become_another_call_while_it_waited_takes_that_ones_place)
{
    static const struct engine_limit limits[] = {{"users.read", 2, 40000}};
    kit_config();
    kit.targets[0].kind = "scim";
    kit.targets[0].limits = limits;
    kit.targets[0].n_limits = 1;
    kit.cfg.partitions = 1;
    kit.cfg.live_max = 1000;
    kit_open();
    commit();
    a_team_is_there();
    say({"b1", EVENT_JOINED, .subject = "bob", .at = 1, .profile = "userName=bob"});
    say({"b2", EVENT_MEMBERSHIP_ADDED, .subject = "bob", .at = 2, .groups = "Design"});
    bool zoe = false, queued = false, again = false;
    for (int i = 0; i < 60 && wait_for_call() >= 0; i++) {
        const char *path = kit.call->path;
        if (strncmp(path, "/Groups/9", 9) == 0) {
            if (zoe) {
                again = true;
                answer(200, TEAM(",\"members\":[]"));
                break;
            }
            answer_later(429, 150000);
            zoe = true;
            say({"z1", EVENT_JOINED, .subject = "zoe", .at = 1, .profile = "userName=zoe"});
            say({"z2", EVENT_MEMBERSHIP_ADDED, .subject = "zoe", .at = 2, .groups = "Design"});
        } else if (strncmp(path, "/Users/7", 8) == 0)
            answer(200, user("7", true, "userName=bob"));
        else if (strncmp(path, "/Users/8", 8) == 0) {
            answer(200, user("8", true, "userName=zoe"));
            if (!queued) {
                queued = true;
                for (int k = 0; k < 12; k++) {
                    static char names[12][3][24];
                    snprintf(names[k][0], sizeof names[k][0], "p%d", k);
                    snprintf(names[k][1], sizeof names[k][1], "pe%d", k);
                    snprintf(names[k][2], sizeof names[k][2], "userName=p%d", k);
                    say({names[k][1], EVENT_JOINED, .subject = names[k][0], .at = 1, .profile = names[k][2]});
                }
            }
        } else if (strstr(path, "bob"))
            answer(200, found("7", true, "userName=bob"));
        else if (strstr(path, "zoe"))
            answer(200, found("8", true, "userName=zoe"));
        else if (strcmp(kit.call->method, "POST") == 0)
            answer(201, user("99", true, "userName=x"));
        else
            answer(200, NO_USERS);
        commit();
    }
    ck_assert(again);
    kit_stop();
}
END_TEST

/* She is in Design, by us. */
static void zoe_is_in(const char *config)
{
    zoe_wants_in(config);
    answer(200, TEAM(",\"members\":[{\"value\":\"6\"}]"));
    go_on();
    expect_call("PATCH", "/Groups/9");
    answer(204, "");
    go_on();
    expect_call("GET", "/Groups/9");
    answer(200, TEAM(",\"members\":[{\"value\":\"6\"},{\"value\":\"7\"}]"));
    commit();
    expect_result("e2", "miro", "applied");
}

/* Until the event has its result; the team's calls are answered with status. */
static unsigned serve_until_told(const char *id, int status)
{
    unsigned n = 0;
    for (; !find_result(id, "miro") && n < 100 && wait_for_call() >= 0; n++) {
        if (strncmp(kit.call->path, "/Groups/9", 9) == 0)
            answer(status, SCIM_404);
        else if (strncmp(kit.call->path, "/Groups?", 8) == 0)
            answer(200, NO_USERS);
        else
            answer(200, user("7", true, "userName=zoe;title=Chef"));
        go_on();
    }
    return n;
}

static void the_team_is_deleted(void)
{
    struct error err;
    const char *none =
        "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":0,\"at\":\"2026-01-01T00:00:01Z\"}";
    ck_assert(engine_target_record(kit.e, str_of("team/miro/9"), str_of(""), kit.now, &err));
    ck_assert(engine_target_record(kit.e, str_of("listing/miro"), str_of(none), kit.now, &err));
}

START_TEST(a_team_that_is_gone_or_cannot_be_read_is_asked_for_once)
{
    static const int statuses[] = {400, 403, 404, 405, 410};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        zoe_is_in(CONFIG("true", "true", "false"));
        the_team_is_deleted();
        say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Chef"});
        unsigned n = serve_until_told("e3", statuses[i]);
        ck_assert_msg(find_result("e3", "miro") && n < 8, "%d: %u calls", statuses[i], n);
        bool is_ours = strstr(state_now("miro", "madeTeams"), "\"9\"");
        ck_assert_msg(is_ours == (statuses[i] != 404), "%d: %s", statuses[i], state_now("miro", "madeTeams"));
        kit_stop();
    }
}
END_TEST

START_TEST(a_membership_stays_ours_while_its_team_cannot_be_read)
{
    zoe_is_in(CONFIG("true", "true", "false"));
    say({"e3", EVENT_CHANGED, .at = 3, .profile = "title=Chef"});
    ck_assert_uint_lt(serve_until_told("e3", 403), 8);
    ck_assert_ptr_nonnull(strstr(state_now("miro", "madeTeams"), "\"9\""));
    kit_stop();
}
END_TEST

START_TEST(who_is_to_join_a_team_that_is_not_there_is_told)
{
    static const char *const configs[] = {CONFIG("true", "true", "false"), CONFIG("false", "true", "true")};
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
        zoe_wants_in(configs[i]);
        answer(404, SCIM_404);
        go_on();
        unsigned n = serve_until_told("e2", 404);
        char *text = cJSON_PrintUnformatted(find_result("e2", "miro"));
        ck_assert_msg(text && strstr(text, "\"refused\"") && n < 8, "%u calls: %s", n, text);
        free(text);
        kit_stop();
    }
}
END_TEST

START_TEST(a_leaver_leaves_our_teams_also_where_the_account_is_silent)
{
    zoe_is_in(CONFIG("true", "true", "false"));
    kit.policy = POLICY_LEAVES_TEAMS;
    say({"e3", EVENT_LEFT, .at = 3});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    go_on();
    expect_call("GET", "/Groups/9");
    answer(200, TEAM(",\"members\":[{\"value\":\"6\"},{\"value\":\"7\"}]"));
    go_on();
    expect_call("PATCH", "/Groups/9");
    answer(204, "");
    go_on();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, "userName=zoe"));
    commit();
    expect_result("e3", "miro", "applied");
    char *text = cJSON_PrintUnformatted(find_result("e3", "miro"));
    ck_assert_ptr_nonnull(strstr(text, "\"before\":\"Design\""));
    free(text);
    kit_stop();
}
END_TEST

START_TEST(of_a_leaver_whose_teams_cannot_be_read_it_is_told_and_the_cut_comes_next)
{
    static const int statuses[] = {403, 500};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        zoe_is_in(CONFIG("true", "true", "false"));
        kit.policy = POLICY_LEAVES_TEAMS;
        say({"e3", EVENT_LEFT, .at = 3});
        commit();
        expect_call("GET", "/Users/7");
        answer(200, user("7", true, "userName=zoe"));
        go_on();
        expect_call("GET", "/Groups/9");
        answer(statuses[i], "");
        go_on();
        expect_call("PATCH", "/Users/7");
        answer(200, user("7", false, "userName=zoe"));
        commit();
        char *text = cJSON_PrintUnformatted(find_result("e3", "miro"));
        ck_assert_msg(text && strstr(text, "\"value\":\"Design\""), "%s", text ? text : "no result");
        free(text);
        kit_stop();
    }
}
END_TEST

/* ---- lists by cursor ----------------------------------------------------------------------------------- */

/* Zoe is to be in Design, which nobody has listed; what lists of teams are answered with after their first page. Returns
 * how many pages were asked for until she has her result. */
static unsigned list_teams_until_told(const char *first, int status, const char *then, const char *once_more)
{
    unsigned lists = 0, firsts = 0;
    start_with(BY_CURSOR);
    kit.policy = POLICY_TEAMS;
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe", .groups = "Design"});
    for (int calls = 0; calls < 3000 && !find_result("e1", "miro"); calls++) {
        go_on();
        if (wait_for_call() < 0)
            break;
        bool begins = strstr(kit.call->path, "cursor=&");
        if (strncmp(kit.call->path, "/Groups?", 8) == 0) {
            lists++;
            firsts += begins;
            bool again = once_more && firsts > 1 && !begins;
            answer(begins || again ? 200 : status, begins ? first : again ? once_more : then);
        } else if (strcmp(kit.call->path, "/Groups/9") == 0) {
            answer(200, TEAM(",\"members\":[{\"value\":\"7\"}]"));
        } else if (kit.call->method[0] == 'P') {
            answer(201, user("7", true, "userName=zoe"));
        } else if (strcmp(kit.call->path, "/Users/7") == 0) {
            answer(200, user("7", true, "userName=zoe"));
        } else if (strncmp(kit.call->path, "/Users?", 7) == 0) {
            answer(200, NO_USERS);
        } else {
            answer(strcmp(kit.call->path, "/ServiceProviderConfig") == 0 ? 200 : 404, BY_CURSOR);
        }
        commit();
    }
    return lists;
}

#define OPS(cursor) "{\"nextCursor\":\"" cursor "\",\"Resources\":[{\"id\":\"8\",\"displayName\":\"Ops\"}]}"
#define DESIGN      "{\"Resources\":[{\"id\":\"9\",\"displayName\":\"Design\"}]}"

START_TEST(a_list_of_teams_whose_cursor_has_expired_is_begun_anew)
{
    static const int statuses[] = {400, 404};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        ck_assert_uint_eq(list_teams_until_told(OPS("c1"), statuses[i], SCIM_404, DESIGN), 4);
        ck_assert_ptr_nonnull(find_result("e1", "miro"));
        char *text = cJSON_PrintUnformatted(find_result("e1", "miro"));
        ck_assert_ptr_null(strstr(text, "refused"));
        free(text);
        kit_stop();
    }
}
END_TEST

START_TEST(a_list_of_teams_that_does_not_end_fails)
{
    static const char *const then[] = {OPS("c1"), "{\"nextCursor\":\"c2\",\"Resources\":[]}"};
    for (size_t i = 0; i < ARRAY_SIZE(then); i++) {
        unsigned lists = list_teams_until_told(OPS("c1"), 200, then[i], NULL);
        char *text = cJSON_PrintUnformatted(find_result("e1", "miro"));
        ck_assert_msg(text && strstr(text, "does not end") && lists < 1000, "%u lists: %s", lists, text);
        free(text);
        kit_stop();
    }
}
END_TEST

START_TEST(teams_behind_pages_without_any_are_found)
{
    static const char *const pages[] = {OPS("c1"), "{\"nextCursor\":\"c2\",\"Resources\":[]}", OPS("c3"),
                                        DESIGN};
    unsigned n = 0;
    start_with(BY_CURSOR);
    kit.policy = POLICY_TEAMS;
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe", .groups = "Design"});
    for (int calls = 0; calls < 20 && n < ARRAY_SIZE(pages); calls++) {
        go_on();
        ck_assert_int_ge(wait_for_call(), 0);
        bool listed = strncmp(kit.call->path, "/Groups?", 8) == 0;
        answer(kit.call->method[0] == 'P' ? 201 : 200, listed ? pages[n++]
                                                       : strncmp(kit.call->path, "/Users?", 7) == 0
                                                           ? NO_USERS
                                                           : user("7", true, "userName=zoe"));
    }
    go_on();
    ck_assert_str_eq(attrs_get(&kit.e->targets[0].directory.teams, "9"), "Design");
    kit_stop();
}
END_TEST

START_TEST(two_teams_that_nobody_gets_into_are_given_up)
{
    struct error err;
    size_t n = 0;
    start_with(CONFIG("true", "true", "false"));
    a_team_is_there();
    ck_assert(engine_target_record(kit.e, str_of("team/miro/8"),
                                   str_of("{\"kind\":\"team\",\"target\":\"miro\",\"id\":\"8\",\"name\":"
                                          "\"Ops\",\"at\":\"2026-01-01T00:00:00Z\"}"),
                                   kit.now, &err));
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    say({"e2", EVENT_MEMBERSHIP_ADDED, .at = 2, .groups = "Design"});
    say({"e3", EVENT_MEMBERSHIP_ADDED, .at = 3, .groups = "Ops"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, "userName=zoe"));
    go_on();
    for (; n < 50 && wait_for_call() >= 0; n++) {
        if (strcmp(kit.call->method, "PATCH") == 0)
            answer(204, "");
        else if (strstr(kit.call->path, "/Groups/"))
            answer(200, TEAM(",\"members\":[{\"value\":\"6\"}]")); /* as it was */
        else
            answer(200, user("7", true, "userName=zoe"));
        go_on();
    }
    ck_assert_uint_lt(n, 20);
    expect_result("e2", "miro", "rejected");
    expect_result("e3", "miro", "rejected");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        where_the_account_is_silent_the_team_is_asked,
        a_team_that_hides_its_members_is_believed,
        two_teams_that_nobody_gets_into_are_given_up,
        a_team_is_put_back_under_its_version,
        a_team_that_cannot_be_put_back_safely_is_left_alone,
        buckets_share_what_their_persons_ask_of_teams,
        a_leaver_leaves_a_team_that_is_put_back_and_counts_once,
        what_has_become_another_call_while_it_waited_takes_that_ones_place,
        a_team_that_is_gone_or_cannot_be_read_is_asked_for_once,
        a_membership_stays_ours_while_its_team_cannot_be_read,
        who_is_to_join_a_team_that_is_not_there_is_told,
        a_leaver_leaves_our_teams_also_where_the_account_is_silent,
        of_a_leaver_whose_teams_cannot_be_read_it_is_told_and_the_cut_comes_next,
        a_list_of_teams_whose_cursor_has_expired_is_begun_anew,
        a_list_of_teams_that_does_not_end_fails,
        teams_behind_pages_without_any_are_found,
    };
    return kit_run("engine_generic_teams", tests, ARRAY_SIZE(tests));
}
