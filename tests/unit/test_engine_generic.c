/* A service of kind scim: asked what it can do, and called accordingly. */
#include "control_kit.h"
#include "generic_kit.h"

/* ---- discovery ----------------------------------------------------------------------------------------- */

START_TEST(nobody_is_called_for_before_it_has_said_what_it_can_do)
{
    start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe;title=Chef;nickName=Z"});
    commit();
    expect_call("GET", "/ServiceProviderConfig");
    expect_no_call();
    answer(200, CONFIG("true", "true", "false"));
    expect_call("GET", "/ResourceTypes");
    answer(200, "{\"Resources\":[{\"endpoint\":\"/Users\"}]}");
    expect_call("GET", "/Schemas");
    answer(200, "{\"Resources\":[{\"id\":\"urn:ietf:params:scim:schemas:core:2.0:User\",\"attributes\":["
                "{\"name\":\"userName\"},{\"name\":\"title\"}]}]}");
    engine_tick(kit.e, kit.now);
    expect_no_call(); /* not before it is read back */
    commit();
    ck_assert(!cJSON_IsTrue(json_get(capabilities_record(), "groups")));
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    go_on();
    expect_call("POST", "/Users");
    expect_body("Chef");
    ck_assert_ptr_null(strstr(kit.call->body, "nickName")); /* of which it knows nothing */
    kit_stop();
}
END_TEST

START_TEST(who_says_nothing_is_called_as_most_are)
{
    start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/ServiceProviderConfig");
    answer(404, "");
    engine_tick(kit.e, kit.now);
    commit();
    ck_assert(cJSON_IsTrue(json_get(capabilities_record(), "patch")));
    ck_assert(!cJSON_IsTrue(json_get(capabilities_record(), "proved")));
    expect_call("GET", "/Users?filter=");
    kit_stop();
}
END_TEST

START_TEST(who_cannot_say_it_holds_nobody_up_for_ever)
{
    start();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    int64_t begin = kit.now.wall_ms;
    while (kit.now.wall_ms - begin < 3600 * KIT_SECOND) {
        ck_assert_int_ge(wait_for_call(), 0);
        if (strcmp(kit.call->path, "/ServiceProviderConfig") != 0)
            break;
        answer(500, "");
    }
    ck_assert_int_eq(strncmp(kit.call->path, "/Users?filter=", 14), 0);
    ck_assert_int_ge(kit.now.wall_ms - begin, 30 * KIT_SECOND);
    ck_assert_int_le(kit.now.wall_ms - begin, 180 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(what_it_said_is_published_again_after_an_abort_and_known_after_a_crash)
{
    start();
    expect_call("GET", "/ServiceProviderConfig");
    answer(404, "");
    engine_tick(kit.e, kit.now);
    take_and_abort();
    ck_assert_ptr_null(last_record(TOPIC_TARGETS));
    go_on();
    capabilities_record();
    kit_crash();
    commit();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    bool asked = false, called = false;
    for (int i = 0; i < 2; i++) { /* asked anew, and nobody waits for that */
        ck_assert_int_ge(wait_for_call(), 0);
        asked |= strcmp(kit.call->path, "/ServiceProviderConfig") == 0;
        called |= strncmp(kit.call->path, "/Users", 6) == 0;
    }
    ck_assert(asked && called);
    kit_stop();
}
END_TEST

START_TEST(what_cannot_be_asked_again_stays_as_it_was_said)
{
    start_with(CONFIG("false", "true", "true"));
    ck_assert(!kit.e->targets[0].can.patch);
    pass(KIT_DAY_MS + 1000);
    commit();
    expect_call("GET", "/ServiceProviderConfig");
    answer(404, "");
    go_on();
    ck_assert(!kit.e->targets[0].can.patch);
    kit_stop();
}
END_TEST

/* ---- without PATCH ------------------------------------------------------------------------------------- */

START_TEST(without_patch_the_account_is_read_and_put_back_as_it_was)
{
    start_with(CONFIG("false", "true", "true"));
    kit_zoe_has_account("userName=zoe;title=Cook");
    say({"e1", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("GET", "/Users/7");
    answer_with_etag(200, "{\"id\":\"7\",\"userName\":\"zoe\",\"title\":\"Cook\",\"shoeSize\":42}",
                     "W/\"1\"");
    expect_call("PUT", "/Users/7");
    expect_body("\"shoeSize\":42");
    expect_body("\"title\":\"Chef\"");
    ck_assert_uint_eq(kit.call->n_headers, 1);
    ck_assert_str_eq(kit.call->headers[0], "If-Match: W/\"1\"");
    answer(412, "");
    expect_call("GET", "/Users/7");
    answer_with_etag(200, "{\"id\":\"7\",\"userName\":\"zoe\",\"title\":\"Cook\",\"shoeSize\":43}",
                     "W/\"2\"");
    expect_call("PUT", "/Users/7");
    expect_body("\"shoeSize\":43");
    ck_assert_str_eq(kit.call->headers[0], "If-Match: W/\"2\"");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    commit();
    expect_result("e1", "miro", "applied");
    char *text = cJSON_PrintUnformatted(find_result("e1", "miro"));
    ck_assert_ptr_nonnull(strstr(text, "\"method\":\"PUT\""));
    free(text);
    say({"e2", EVENT_LEFT, .at = 3});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    expect_call("PUT", "/Users/7");
    expect_body("\"active\":false");
    answer(204, "");
    expect_call("GET", "/Users/7");
    answer(200, user("7", false, "userName=zoe;title=Chef"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(what_was_read_long_ago_is_not_put_back)
{
    start_with(CONFIG("false", "true", "false"));
    kit_zoe_has_account("userName=zoe;title=Cook");
    say({"e1", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Cook"));
    pass(KIT_LIFE_MS + 1);
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Cook"));
    expect_call("PUT", "/Users/7");
    ck_assert_uint_eq(kit.call->n_headers, 0); /* no versions are told apart */
    kit_stop();
}
END_TEST

START_TEST(an_old_account_that_is_put_back_and_refused_is_read_and_put_anew_when_the_doubt_ends)
{
    start_with(CONFIG("false", "true", "false"));
    kit_zoe_has_account("userName=zoe;title=Cook");
    say({"e1", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Cook"));
    expect_call("PUT", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    commit();
    int64_t written_ms = kit.now.wall_ms;
    say({"e2", EVENT_LEFT, .at = 3});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Cook")); /* a replica that lags */
    expect_call("PUT", "/Users/7");
    answer(400, "{\"scimType\":\"mutability\",\"detail\":\"what was set cannot be taken back\"}");
    commit();
    expect_no_result("e2", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_int_ge(kit.now.wall_ms, written_ms + KIT_LIFE_MS);
    ck_assert_str_eq(kit.call->method, "GET");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    expect_call("PUT", "/Users/7");
    expect_body("Chef");
    expect_body("\"active\":false");
    answer(204, "");
    expect_call("GET", "/Users/7");
    answer(200, user("7", false, "userName=zoe;title=Chef"));
    commit();
    expect_result("e2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(what_was_read_of_an_account_that_is_gone_is_not_put_to_another)
{
    start_with(CONFIG("false", "true", "false"));
    kit_zoe_has_account("userName=zoe;title=Cook");
    say({"e1", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Cook"));
    pass(KIT_LIFE_MS + 1);
    commit();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ge(wait_for_call(), 0);
        ck_assert_str_eq(kit.call->path, "/Users/7");
        answer(404, SCIM_404);
    }
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_int_eq(strncmp(kit.call->path, "/Users?filter=", 14), 0);
    answer(200, found("8", true, "userName=zoe;title=Cook"));
    go_on();
    expect_call("GET", "/Users/8");
    kit_stop();
}
END_TEST

/* ---- finding accounts ---------------------------------------------------------------------------------- */

START_TEST(without_filters_everybody_is_listed)
{
    start_with(CONFIG("true", "false", "false"));
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?startIndex=1&count=200");
    answer(200, "{\"totalResults\":2,\"Resources\":[{\"id\":\"1\",\"userName\":\"ada\"}]}");
    expect_call("GET", "/Users?startIndex=2&count=200");
    answer(200, "{\"totalResults\":2,\"Resources\":[{\"id\":\"7\",\"userName\":\"ZOE\",\"active\":true}]}");
    commit();
    expect_result("e1", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(who_leaves_is_not_absent_from_a_list_that_ends_early)
{
    static const char *const lists[] = {
        "{\"totalResults\":3,\"Resources\":[{\"id\":\"1\",\"userName\":\"ada\"}]}", /* for each page */
        "{\"totalResults\":3,\"Resources\":[]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        start_with(CONFIG("true", "false", "false"));
        say({"e1", EVENT_LEFT, .at = 1, .profile = "userName=zoe"});
        for (int calls = 0; calls < 4; calls++) {
            ck_assert_int_ge(wait_for_call(), 0);
            answer(200, lists[i]);
        }
        commit();
        expect_no_result("e1", "miro");
        ck_assert_int_ge(wait_for_call(), 0);
        ck_assert_str_eq(kit.call->path, "/Users?startIndex=1&count=200"); /* anew */
        answer(200, "{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"userName\":\"zoe\"}]}");
        go_on();
        expect_call("PATCH", "/Users/7");
        kit_stop();
    }
}
END_TEST

#define EXPIRED                                                                                              \
    "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"scimType\":\"expiredCursor\"}"
#define ADA "{\"totalResults\":2,\"nextCursor\":\"c1\",\"Resources\":[{\"id\":\"1\",\"userName\":\"ada\"}]}"
#define EVE "{\"totalResults\":2,\"Resources\":[{\"id\":\"2\",\"userName\":\"eve\"}]}"

static void zoe_leaves(const char *config)
{
    start_with(config);
    say({"e1", EVENT_LEFT, .at = 1, .profile = "userName=zoe"});
    commit();
}

static void await_page(const char *cursor)
{
    char path[64];
    snprintf(path, sizeof path, "/Users?cursor=%s&count=200", cursor);
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_str_eq(kit.call->path, path);
}

START_TEST(a_cursor_that_has_expired_begins_the_list_anew)
{
    static const int statuses[] = {400, 404};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        zoe_leaves(BY_CURSOR);
        await_page("");
        answer(200, ADA);
        await_page("c1");
        answer(statuses[i], EXPIRED);
        commit();
        expect_no_result("e1", "miro");
        await_page("");
        answer(200, ADA);
        await_page("c1");
        answer(200, EVE);
        commit();
        expect_result("e1", "miro", "unchanged");
        kit_stop();
    }
}
END_TEST

/* Answers each page with `first`, the next ones with `then` and its status. The calls until there is a result. */
static unsigned list_until_told(const char *first, int status, const char *then)
{
    unsigned calls = 0;
    for (; calls < 3000 && !find_result("e1", "miro") && wait_for_call() >= 0; calls++) {
        bool begins = strstr(kit.call->path, "cursor=&");
        answer(begins ? 200 : status, begins ? first : then);
        commit();
    }
    return calls;
}

/* First pages, which are answered well, forget no failures: the calls become rarer, and end. */
START_TEST(a_list_that_never_comes_to_its_end_is_given_up_at_the_deadline)
{
    static const struct {
        const char *then;
        int status;
        const char *why;
    } rows[] = {
        {EXPIRED, 400, "expiredCursor"},
        {EXPIRED, 404, "does not end"},
        {ADA, 200, "does not end"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        zoe_leaves(BY_CURSOR);
        int64_t begin = kit.now.wall_ms;
        unsigned calls = list_until_told(ADA, rows[i].status, rows[i].then);
        ck_assert_msg(find_result("e1", "miro") && calls < 400, "%zu: %u calls", i, calls);
        expect_result("e1", "miro", "rejected");
        ck_assert_ptr_nonnull(strstr(json_string(find_result("e1", "miro"), "cause"), rows[i].why));
        ck_assert_int_ge(kit.now.wall_ms - begin, KIT_DEADLINE_MS);
        kit_stop();
    }
}
END_TEST

/* Each back-off makes what was listed too old. */
START_TEST(a_list_whose_next_page_keeps_failing_is_given_up_at_the_deadline)
{
    zoe_leaves(BY_CURSOR);
    int64_t begin = kit.now.wall_ms,
            waits_ms = 3600 * KIT_SECOND; /* for a call that does not come any more */
    list_until_told(ADA, 503, "");
    expect_result("e1", "miro", "rejected");
    ck_assert_int_le(kit.now.wall_ms - begin, KIT_DEADLINE_MS + waits_ms + 120 * KIT_SECOND);
    kit_stop();
}
END_TEST

START_TEST(pages_from_before_a_pause_prove_no_absence)
{
    for (int paused = 0; paused < 2; paused++) {
        zoe_leaves(BY_CURSOR);
        await_page("");
        answer(200, ADA);
        if (paused) {
            pause_target("miro", true);
            pass(KIT_DAY_MS / 2);
            pause_target("miro", false);
        } else {
            await_page("c1");
            answer_later(503, KIT_LIFE_MS + 1000);
        }
        await_page("");
        answer(200,
               "{\"totalResults\":1,\"Resources\":[{\"id\":\"7\",\"userName\":\"zoe\",\"active\":true}]}");
        go_on();
        expect_call("PATCH", "/Users/7");
        kit_stop();
    }
}
END_TEST

START_TEST(a_list_whose_pages_wait_long_in_the_queue_comes_to_its_end)
{
    zoe_leaves(BY_CURSOR);
    unsigned calls = 0;
    for (; calls < 20 && !find_result("e1", "miro"); calls++) {
        ck_assert_int_ge(wait_for_call(), 0);
        answer(200, strstr(kit.call->path, "cursor=c1") ? EVE : ADA);
        commit();
        engine_tick(kit.e, kit.now); /* it waits for its turn */
        pass(5 * KIT_LIFE_MS);
    }
    expect_result("e1", "miro", "unchanged");
    ck_assert_uint_eq(calls, 5); /* once within a life, twice, four times; then the second page */
    kit_stop();
}
END_TEST

static void look_up(const char *attribute, const char *body)
{
    char path[64];
    snprintf(path, sizeof path, "/Users?filter=%s", attribute);
    expect_call("GET", path);
    answer(200, body);
    go_on();
}

START_TEST(who_must_be_there_is_sought_in_every_way_before_it_is_given_up)
{
    start_with(CONFIG("true", "true", "false"));
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe;emails.work=z@x"});
    commit();
    look_up("userName", NO_USERS);
    expect_call("POST", "/Users");
    answer(409, "");
    go_on();
    for (int i = 0; i < 8 && !find_result("e1", "miro"); i++) {
        ck_assert_int_ge(wait_for_call(), 0);
        if (strcmp(kit.call->method, "POST") == 0) {
            answer(409, "");
            ck_assert_int_ge(wait_for_call(), 0);
        }
        ck_assert_int_eq(strncmp(kit.call->path, "/Users?filter=userName", 22), 0);
        answer(200, NO_USERS);
        look_up("emails", NO_USERS);
        expect_call("GET", "/Users?startIndex=1");
        answer(200, NO_USERS);
        commit();
    }
    expect_result("e1", "miro", "rejected");
    ck_assert_ptr_nonnull(strstr(json_string(find_result("e1", "miro"), "cause"), "no lookup finds it"));
    kit_stop();
}
END_TEST

#define MAIL(type)                                                                                           \
    "{\"id\":\"7\",\"userName\":\"zoe\",\"active\":true,\"emails\":[{\"value\":\"old@x\"" type "}]}"

/* Zoe's account is there, with that address. */
static void adopt_with_mail(const char *account)
{
    static char list[400];
    start_with(CONFIG("true", "true", "false"));
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe;emails.work=z@x"});
    commit();
    expect_call("GET", "/Users?filter=");
    snprintf(list, sizeof list, "{\"totalResults\":1,\"Resources\":[%s]}", account);
    answer(200, list);
    go_on();
    expect_call("PATCH", "/Users/7");
}

static void the_first_work_mail_is_added(void)
{
    expect_body("\"op\":\"add\",\"path\":\"emails\",\"value\":[{\"value\":\"z@x\",\"type\":\"work\"");
    answer(200,
           "{\"id\":\"7\",\"userName\":\"zoe\",\"active\":true,\"emails\":[{\"value\":\"old@x\"},{\"value\":"
           "\"z@x\",\"type\":\"work\"}]}");
    go_on();
    expect_result("e1", "miro", "applied");
    kit_stop();
}

START_TEST(who_has_only_another_mail_gets_one_for_work)
{
    adopt_with_mail(MAIL(",\"type\":\"home\""));
    the_first_work_mail_is_added();
}
END_TEST

START_TEST(a_mail_without_a_type_is_replaced_unless_the_service_finds_none_then_one_is_added)
{
    adopt_with_mail(MAIL(""));
    expect_body("\"op\":\"replace\",\"path\":\"emails[type eq");
    answer(400, "{\"scimType\":\"noTarget\"}");
    go_on();
    expect_call("PATCH", "/Users/7");
    the_first_work_mail_is_added();
}
END_TEST

START_TEST(where_no_mail_can_be_added_either_it_is_refused)
{
    adopt_with_mail(MAIL(""));
    for (int i = 0; i < 5 && !find_result("e1", "miro"); i++) {
        answer(strcmp(kit.call->method, "GET") == 0 ? 200 : 400,
               strcmp(kit.call->method, "GET") == 0 ? MAIL("") : "{\"scimType\":\"noTarget\"}");
        go_on();
        if (!find_result("e1", "miro"))
            ck_assert_int_ge(wait_for_call(), 0);
    }
    expect_result("e1", "miro", "rejected");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_404_means_nobody_only_where_it_is_scim_that_answers)
{
    for (int proved = 0; proved < 2; proved++) {
        if (proved) {
            start_with(CONFIG("true", "true", "false"));
        } else {
            start();
            expect_call("GET", "/ServiceProviderConfig");
            answer(200, "<html>");
            go_on();
        }
        say({"e1", EVENT_LEFT, .at = 1, .profile = "userName=zoe"});
        commit();
        expect_call("GET", "/Users?filter=");
        answer(404, proved ? SCIM_404 : "not here");
        commit();
        if (proved)
            expect_result("e1", "miro", "unchanged");
        else
            expect_no_result("e1", "miro");
        kit_stop();
    }
}
END_TEST

START_TEST(attributes_are_tried_in_their_order)
{
    static const char *const matches[] = {"externalId", "userName"};
    kit_config();
    kit.targets[0].kind = "scim";
    kit.targets[0].matches = matches;
    kit.targets[0].n_matches = 2;
    kit_open();
    commit();
    say({"e1", EVENT_JOINED, .at = 1, .profile = "userName=zoe;externalId=z1"});
    commit();
    look_up("externalId", NO_USERS);
    look_up("userName", found("7", true, "userName=zoe"));
    expect_call("PATCH", "/Users/7");
    expect_body("z1");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nobody_is_called_for_before_it_has_said_what_it_can_do,
        who_says_nothing_is_called_as_most_are,
        who_cannot_say_it_holds_nobody_up_for_ever,
        what_it_said_is_published_again_after_an_abort_and_known_after_a_crash,
        what_cannot_be_asked_again_stays_as_it_was_said,
        without_patch_the_account_is_read_and_put_back_as_it_was,
        what_was_read_long_ago_is_not_put_back,
        an_old_account_that_is_put_back_and_refused_is_read_and_put_anew_when_the_doubt_ends,
        what_was_read_of_an_account_that_is_gone_is_not_put_to_another,
        without_filters_everybody_is_listed,
        who_leaves_is_not_absent_from_a_list_that_ends_early,
        a_cursor_that_has_expired_begins_the_list_anew,
        a_list_that_never_comes_to_its_end_is_given_up_at_the_deadline,
        a_list_whose_next_page_keeps_failing_is_given_up_at_the_deadline,
        pages_from_before_a_pause_prove_no_absence,
        a_list_whose_pages_wait_long_in_the_queue_comes_to_its_end,
        who_must_be_there_is_sought_in_every_way_before_it_is_given_up,
        who_has_only_another_mail_gets_one_for_work,
        a_mail_without_a_type_is_replaced_unless_the_service_finds_none_then_one_is_added,
        where_no_mail_can_be_added_either_it_is_refused,
        a_404_means_nobody_only_where_it_is_scim_that_answers,
        attributes_are_tried_in_their_order,
    };
    return kit_run("engine_generic", tests, ARRAY_SIZE(tests));
}
