/* Thin events: the source is asked, and what waits for its answer. */
#include "engine_kit.h"

#include "../../worker/engine/breaker.h"

#define ZOE "userName=zoe;displayName=Zoe"

/* ---- a source whose script reads "word;name=value;…" ---------------------------------------------------- */

static bool script_fails;

static bool on_fetch(void *ctx, const struct person_view *view, size_t source, struct source_request *ret,
                     struct error *err)
{
    (void)ctx;
    ck_assert_str_eq(kit.targets[source].kind, "source");
    if (script_fails)
        return error_set(err, ERROR_INPUT, "hr.lua:7: fetch: no luck");
    *ret = (struct source_request){.method = xstrdup("GET"), .path = xasprintf("/people/%s", view->subject)};
    return true;
}

static bool on_person(void *ctx, const struct person_view *view, size_t source,
                      const struct source_reply *reply, struct source_person *ret, struct error *err)
{
    char *text = xstrndup(reply->body.p, reply->body.n), *rest = text;
    (void)ctx, (void)view, (void)source;
    const char *word = strsep(&rest, ";");
    bool sense = strcmp(word, "<html>") != 0;
    *ret = (struct source_person){.known = strcmp(word, "nobody") != 0,
                                  .suspended = strcmp(word, "held") == 0,
                                  .not_suspended = strcmp(word, "free") == 0};
    ret->words.type = strcmp(word, "joined") == 0 ? EVENT_JOINED
                      : strcmp(word, "left") == 0 ? EVENT_LEFT
                                                  : EVENT_CHANGED;
    if (strcmp(word, "free") == 0)
        ret->words.type = EVENT_JOINED;
    if (sense)
        put_attrs(&ret->words.profile, rest);
    ret->words.complete = !attrs_find(&ret->words.profile, "part");
    attrs_remove(&ret->words.profile, "part");
    const struct attr *group = attrs_find(&ret->words.profile, "group");
    ret->words.groups_complete = group != NULL;
    if (group) {
        put_groups(&ret->words, group->value);
        attrs_remove(&ret->words.profile, "group");
    }
    free(text);
    return sense || error_set(err, ERROR_TEMPORARY, "the answer is no JSON");
}

static struct engine_target *start_config(void)
{
    kit_config();
    script_fails = false;
    kit.ports.fetch = on_fetch;
    kit.ports.person = on_person;
    return kit_add_target("source.hr", "source");
}

static void start(void)
{
    start_config();
    kit_open();
    commit();
}

/* Member of zoe's state at the source. */
static const char *source_now(const char *member)
{
    static char text[1024];
    cJSON *root = person_now();
    char *printed = cJSON_PrintUnformatted(json_get(json_get(json_get(root, "sources"), "hr"), member));
    snprintf(text, sizeof text, "%s", printed ? printed : "");
    free(printed);
    cJSON_Delete(root);
    return text;
}

static void expect_not_fetched(const char *id, const char *why)
{
    const char *told = json_string(find_result(id, "miro"), "notFetched");
    ck_assert_msg(why ? told && strstr(told, why) : !told, "%s: %s", id, told);
}

/* What has to be said twice is asked again a call's life later, and no result before that. */
static void answer_twice(int status, const char *body, const char *pending)
{
    answer(status, body);
    commit();
    expect_no_result(pending, "miro");
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS);
    ck_assert_uint_eq(kit.call->target, 1);
    answer(status, body);
    commit();
}

/* ---- the way through ----------------------------------------------------------------------------------- */

START_TEST(a_thin_change_is_fetched_and_then_made)
{
    start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    expect_no_call(); /* not before it is committed */
    commit();
    expect_call("GET", "/people/zoe");
    ck_assert_uint_eq(kit.call->target, 1);
    ck_assert(!kit.call->write);
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Chef");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("thin", "miro", "applied");
    expect_not_fetched("thin", NULL);
    ck_assert_str_eq(source_now("wanted"), "");
    ck_assert_str_ne(source_now("fetchedAt"), "");
    expect_no_call();
    kit_stop();
}
END_TEST

/* What it does not name is gone with a whole answer only: "part=…" stands for complete = false. */
START_TEST(an_answer_in_part_clears_nothing)
{
    static const struct {
        const char *answer;
        bool kept;
    } rows[] = {{"joined;" ZOE, false}, {"joined;title=Chef;part=yes", true}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start();
        kit_zoe_has_account(ZOE ";department=Kitchen");
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(200, rows[i].answer);
        commit();
        cJSON *root = person_now();
        cJSON *department = cJSON_GetArrayItem(json_get(json_get(root, "profile"), "department"), 0);
        ck_assert_msg(cJSON_IsString(department) == rows[i].kept, "%s", rows[i].answer);
        cJSON_Delete(root);
        kit_stop();
    }
}
END_TEST

START_TEST(a_joiner_waits_for_the_fetch_and_gets_what_it_said)
{
    start();
    say({"thin", EVENT_JOINED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    expect_no_call();
    commit();
    expect_no_result("thin", "miro");
    answer(200, "joined;" ZOE);
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, NO_USERS);
    commit();
    expect_call("POST", "/Users");
    expect_body("zoe");
    kit_stop();
}
END_TEST

START_TEST(a_fetch_begun_before_the_newest_thin_event_does_not_answer_it)
{
    start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"thin1", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    say({"thin2", EVENT_CHANGED, .at = 3, .thin = true});
    commit();
    answer(200, "joined;" ZOE ";title=Old");
    commit();
    expect_no_result("thin1", "miro");
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Chef");
    answer(200, user("7", true, ZOE ";title=Chef"));
    commit();
    expect_result("thin1", "miro", "merged");
    expect_result("thin2", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(an_older_thin_event_that_comes_late_is_fetched_too)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"late", EVENT_CHANGED, .at = 0, .thin = true, .profile = "displayName=Old"});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    expect_result("late", "miro", "unchanged");
    kit_stop();
}
END_TEST

static bool zoe_is_in(const char *group)
{
    cJSON *root = person_now();
    bool member = cJSON_IsTrue(cJSON_GetArrayItem(json_get(json_get(root, "groups"), group), 0));
    cJSON_Delete(root);
    return member;
}

START_TEST(groups_that_the_source_lists_no_more_are_over)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"in", EVENT_MEMBERSHIP_ADDED, .at = 2, .groups = "Design"});
    say({"thin1", EVENT_CHANGED, .at = 3, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    ck_assert(zoe_is_in("Design")); /* it says nothing of groups */
    say({"thin2", EVENT_CHANGED, .at = 4, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";group=Ops");
    commit();
    ck_assert(!zoe_is_in("Design") && zoe_is_in("Ops"));
    say({"late", EVENT_MEMBERSHIP_ADDED, .at = 3, .groups = "Law"});
    ck_assert(!zoe_is_in("Law"));
    say({"thin3", EVENT_CHANGED, .at = 5, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";group=");
    commit();
    ck_assert(!zoe_is_in("Ops"));
    kit_stop();
}
END_TEST

START_TEST(fetched_words_are_as_old_as_the_question)
{
    start();
    kit_zoe_has_account(ZOE ";title=Cook");
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    pass(20 * KIT_SECOND);
    int64_t at = (kit.now.wall_ms - KIT_EPOCH_MS) / 1000;
    say({"newer", EVENT_CHANGED, .at = at - 10, .profile = "title=Baker"});   /* after the question */
    say({"older", EVENT_CHANGED, .at = at - 30, .profile = "displayName=Z"}); /* before it */
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Baker");
    ck_assert_ptr_null(strstr(kit.call->body, "displayName"));
    kit_stop();
}
END_TEST

/* ---- leavers ------------------------------------------------------------------------------------------- */

START_TEST(a_leaver_is_cut_while_the_source_is_down)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(401, "{}");
    commit();
    say({"left", EVENT_LEFT, .at = 3, .thin = true});
    commit();
    do { /* probes of the source may come between */
        ck_assert_int_ge(wait_for_call(), 0);
        if (kit.call->target == 1)
            answer(401, "{}");
    } while (!kit.call);
    ck_assert_str_eq(kit.call->method, "PATCH");
    expect_body("false");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("left", "miro", "applied");
    expect_no_result("thin", "miro");
    kit_stop();
}
END_TEST

/* A policy that cuts whom it does not know to belong. */
START_TEST(a_cut_that_only_the_policy_wants_waits_for_the_answer)
{
    start();
    kit_zoe_has_account(ZOE ";title=Cook");
    kit.policy = POLICY_CUTS;
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    const struct call *asking = kit.call;
    expect_no_call();
    kit.policy = POLICY_ACCOUNT; /* of what the answer says */
    kit.call = asking;
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("PATCH", "/Users/7");
    expect_body("Chef");
    kit_stop();
}
END_TEST

START_TEST(a_fetch_does_not_revive_a_leaver_whatever_comes_first)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"left", EVENT_LEFT, .at = 3});
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    say({"thin", EVENT_CHANGED, .at = 4, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    expect_no_call();
    /* said only by a fetch, joined gives way to any event, though older than the fetch */
    say({"other", EVENT_CHANGED, .at = 2, .subject = "kim", .thin = true});
    commit();
    expect_call("GET", "/people/kim");
    answer(200, "joined;userName=kim");
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("8", true, "userName=kim"));
    commit();
    expect_result("other", "miro", "unchanged");
    say({"kim-left", EVENT_LEFT, .at = 1, .subject = "kim"});
    commit();
    expect_call("PATCH", "/Users/8");
    expect_body("false");
    kit_stop();
}
END_TEST

START_TEST(a_fetched_left_or_suspended_cuts)
{
    static const char *const said[] = {"left;" ZOE, "held;" ZOE};
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        start();
        kit_zoe_has_account(ZOE);
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(200, said[i]);
        commit();
        expect_call("PATCH", "/Users/7");
        expect_body("false");
        answer(200, user("7", false, ZOE));
        commit();
        expect_result("thin", "miro", "applied");
        kit_stop();
    }
}
END_TEST

static void zoe_is_asked_about(const char *id, enum event_type type, int64_t at)
{
    say({id, type, .at = at, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
}

static void expect_switch(const char *active)
{
    expect_call("PATCH", "/Users/7");
    expect_body(active);
    answer(200, user("7", strcmp(active, "true") == 0, ZOE));
    commit();
}

/* Sources without an event for it: somebody is disabled, and enabled again. */
START_TEST(a_source_takes_its_own_word_back_when_it_says_so_twice)
{
    static const struct {
        const char *cut, *back;
    } rows[] = {{"left;" ZOE, "joined;" ZOE}, {"held;" ZOE, "free;" ZOE}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start();
        kit_zoe_has_account(ZOE);
        zoe_is_asked_about("cut", EVENT_CHANGED, 2);
        answer(200, rows[i].cut);
        commit();
        expect_switch("false");
        zoe_is_asked_about("once", EVENT_CHANGED, 3);
        answer(200, rows[i].back);
        commit();
        ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS);
        answer(200, rows[i].cut); /* it was an old answer */
        commit();
        expect_result("once", "miro", "unchanged");
        zoe_is_asked_about("back", EVENT_CHANGED, 4);
        kit_crash(); /* what it said before is in the record */
        ck_assert_int_ge(wait_for_call(), 0);
        ck_assert_uint_eq(kit.call->target, 1);
        answer_twice(200, rows[i].back, "back");
        while (!find_result("back", "miro") && wait_for_call() >= 0)
            if (strcmp(kit.call->method, "GET") == 0)
                answer(200, user("7", false, ZOE));
            else
                expect_body("true"), answer(200, user("7", true, ZOE)), commit();
        expect_result("back", "miro", "applied");
        kit_stop();
    }
}
END_TEST

START_TEST(what_a_source_takes_back_uncovers_what_events_say)
{
    start();
    kit_zoe_has_account(ZOE);
    zoe_is_asked_about("cut", EVENT_CHANGED, 2);
    answer(200, "left;" ZOE);
    commit();
    expect_switch("false");
    say({"left", EVENT_LEFT, .at = 2}); /* late, and older than the answer */
    zoe_is_asked_about("back", EVENT_CHANGED, 3);
    answer_twice(200, "joined;" ZOE, "back");
    expect_result("back", "miro", "unchanged");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(left_against_the_event_that_is_asked_about_is_asked_again)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"left", EVENT_LEFT, .at = 2});
    commit();
    expect_switch("false");
    zoe_is_asked_about("rehired", EVENT_JOINED, 3);
    answer(200, "left;" ZOE); /* by a replica that lags */
    commit();
    expect_no_result("rehired", "miro");
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS);
    answer(200, "joined;" ZOE);
    commit();
    expect_switch("true");
    expect_result("rehired", "miro", "applied");
    zoe_is_asked_about("again", EVENT_JOINED, 500);
    answer_twice(200, "left;" ZOE, "again");
    expect_switch("false");
    kit_stop();
}
END_TEST

START_TEST(one_404_of_a_source_that_lags_rejects_no_joiner)
{
    start();
    zoe_is_asked_about("new", EVENT_JOINED, 3);
    answer(404, "");
    commit();
    expect_no_result("new", "miro");
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS);
    answer(200, "joined;" ZOE);
    commit();
    expect_call("GET", "/Users?filter=");
    expect_no_result("new", "miro");
    kit_stop();
}
END_TEST

START_TEST(a_source_that_has_lost_most_persons_is_in_trouble)
{
    start();
    for (int i = 0; i < BREAKER_PERSONS; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%d", i);
        say({id, EVENT_CHANGED, .at = 2, .subject = id, .thin = true});
    }
    commit();
    for (int i = 0; i < BREAKER_PERSONS; i++) {
        expect_call("GET", "/people/p");
        answer(404, "");
    }
    commit();
    ck_assert_uint_eq(stats_now().unfetched, 0);
    struct engine_target_figures source;
    engine_target_figures(kit.e, 1, &source);
    ck_assert(source.open);
    kit_stop();
}
END_TEST

START_TEST(who_leaves_is_cut_also_when_the_rest_does_not_fit)
{
    static const char *const said[] = {"left", "held"};
    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct buf text;
        start();
        kit_zoe_has_account(ZOE);
        zoe_is_asked_about("thin", EVENT_CHANGED, 2);
        buf_init(&text, 16 * 1024);
        buf_addf(&text, "%s;" ZOE, said[i]);
        for (int a = 0; a <= PERSON_ATTRS_MAX; a++)
            buf_addf(&text, ";a%d=x", a);
        buf_addc(&text, 0);
        answer(200, text.p);
        buf_done(&text);
        commit();
        expect_switch("false");
        expect_not_fetched("thin", "more attributes");
        kit_stop();
    }
}
END_TEST

START_TEST(a_leaver_without_a_name_waits_for_the_source_to_tell_it)
{
    start();
    say({"left", EVENT_LEFT, .at = 3, .thin = true});
    commit();
    expect_no_result("left", "miro"); /* instead of: rejected, no value of userName */
    expect_call("GET", "/people/zoe");
    answer(200, "left;" ZOE);
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, ZOE));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", false, ZOE));
    commit();
    expect_result("left", "miro", "applied");
    kit_stop();
}
END_TEST

/* … also when nobody is there by that one, as is known already. */
START_TEST(a_name_that_is_announced_for_a_later_day_is_not_the_leavers)
{
    for (int looked = 0; looked < 2; looked++) {
        start();
        say({"hire", EVENT_JOINED, .at = 1, .effective = 9000000, .profile = "userName=zoe.new"});
        if (looked) {
            say({"held", EVENT_SUSPENDED, .at = 2});
            commit();
            expect_call("GET", "/Users?filter=userName%20eq%20%22zoe.new%22");
            answer(200, NO_USERS);
        }
        commit();
        say({"left", EVENT_LEFT, .at = 3, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(503, "");
        commit();
        expect_no_result("left", "miro");
        ck_assert_int_ge(wait_for_call(), 0);
        ck_assert_uint_eq(kit.call->target, 1);
        answer(200, "left;" ZOE);
        commit();
        expect_call("GET", "/Users?filter=userName%20eq%20%22zoe%22");
        answer(200, found("7", true, ZOE));
        commit();
        expect_call("PATCH", "/Users/7");
        answer(200, user("7", false, ZOE));
        commit();
        expect_result("left", "miro", "applied");
        kit_stop();
    }
}
END_TEST

/* ---- when the source does not answer ------------------------------------------------------------------- */

START_TEST(a_person_unknown_to_the_source_is_told_and_cut_by_nobody)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {{404, ""}, {410, ""}, {200, "nobody"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start();
        kit_zoe_has_account(ZOE);
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true, .profile = "title=Chef"});
        commit();
        expect_call("GET", "/people/zoe");
        answer_twice(rows[i].status, rows[i].body, "thin");
        expect_call("GET", "/Users/7"); /* for the title, which is new */
        answer(200, user("7", true, ZOE));
        expect_call("PATCH", "/Users/7");
        expect_body("Chef");
        answer(200, user("7", true, ZOE ";title=Chef"));
        commit();
        expect_result("thin", "miro", "applied");
        expect_not_fetched("thin", "does not know this person");
        ck_assert_uint_eq(stats_now().unfetched, 1);
        ck_assert_uint_eq(stats_now().fetched, 0);
        kit_stop();
    }
}
END_TEST

START_TEST(what_will_never_work_is_told_and_the_event_counts_as_it_is)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"refused", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(422, "{}");
    commit();
    expect_result("refused", "miro", "unchanged");
    expect_not_fetched("refused", "422");
    script_fails = true;
    say({"script", EVENT_CHANGED, .at = 3, .thin = true});
    commit();
    expect_no_call();
    commit();
    expect_result("script", "miro", "unchanged");
    expect_not_fetched("script", "hr.lua:7");
    kit_stop();
}
END_TEST

START_TEST(what_may_work_later_is_tried_again)
{
    static const int statuses[] = {500, 429, 200};
    static const char *const bodies[] = {"", "", "<html>"};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        start();
        kit_zoe_has_account(ZOE);
        say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(statuses[i], bodies[i]);
        commit();
        expect_no_result("thin", "miro");
        ck_assert_str_eq(source_now("attempts"), "1");
        ck_assert_int_ge(wait_for_call(), 1);
        ck_assert_uint_eq(kit.call->target, 1);
        answer(200, "joined;" ZOE);
        commit();
        expect_result("thin", "miro", "unchanged");
        expect_not_fetched("thin", NULL);
        ck_assert_str_eq(source_now("attempts"), "");
        kit_stop();
    }
}
END_TEST

START_TEST(who_cannot_be_asked_about_until_the_deadline_counts_as_told)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    while (wait_for_call() >= 0 && !find_result("thin", "miro"))
        answer(500, "{}");
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", "could not be asked in time: 500");
    kit_stop();
}
END_TEST

START_TEST(a_source_that_is_down_rejects_nobody_however_long)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    for (int64_t waited = 0; waited < 3 * KIT_DEADLINE_MS;) {
        int64_t wait = wait_for_call();
        ck_assert_int_ge(wait, 0);
        waited += wait + 1;
        answer(401, "{}");
    }
    commit();
    expect_no_result("thin", "miro");
    ck_assert_int_ge(wait_for_call(), 0);
    answer(200, "joined;" ZOE);
    commit();
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", NULL);
    kit_stop();
}
END_TEST

START_TEST(without_an_api_a_thin_event_counts_as_it_is)
{
    kit_start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", "is not asked");
    kit_stop();
}
END_TEST

START_TEST(a_source_of_another_directory_is_not_asked)
{
    start_config()->directory = "other";
    kit_open();
    commit();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_no_call();
    expect_result("thin", "miro", "unchanged");
    kit_stop();
}
END_TEST

/* ---- crashes, aborts, schedules, decisions -------------------------------------------------------------- */

START_TEST(a_wish_survives_a_crash_and_an_abort)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    kit_crash();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(kit.call->target, 1);
    answer(200, "joined;" ZOE ";title=Chef");
    take_and_abort(); /* the words are undone, and asked for again */
    commit();
    expect_no_result("thin", "miro");
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE ";title=Chef");
    commit();
    expect_call("GET", "/Users/7");
    kit_stop();
}
END_TEST

START_TEST(a_source_that_was_removed_holds_up_nobody)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(500, "");
    commit();
    kit_crash();
    engine_free(kit.e);
    kit.cfg.n_targets = 1;
    kit_open();
    commit();
    while (wait_for_call() >= 0) /* what may have been under way is looked at */
        answer(200, user("7", true, ZOE));
    expect_result("thin", "miro", "unchanged");
    expect_not_fetched("thin", "not asked any more");
    kit_stop();
}
END_TEST

START_TEST(a_scheduled_thin_event_is_fetched_when_it_is_due)
{
    start();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 900, .effective = 1600, .thin = true, .profile = "displayName=Z"});
    commit();
    expect_no_call();
    expect_no_result("thin", "miro");
    ck_assert_int_ge(wait_for_call(), 500 * KIT_SECOND);
    ck_assert_uint_eq(kit.call->target, 1);
    answer(200, "joined;" ZOE);
    commit();
    expect_result("thin", "miro", "unchanged");
    kit_stop();
}
END_TEST

START_TEST(a_flood_of_thin_events_stays_within_the_list)
{
    start();
    kit_zoe_has_account(ZOE);
    for (int i = 0; i < 2 * PERSON_PENDING_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        say({id, EVENT_CHANGED, .at = 2 + i, .thin = true});
    }
    commit();
    expect_result("t0", "miro", "merged");
    expect_no_result("t31", "miro");
    expect_call("GET", "/people/zoe");
    answer(200, "joined;" ZOE);
    commit();
    expect_result("t31", "miro", "unchanged");
    expect_no_call();
    kit_stop();
}
END_TEST

START_TEST(a_paused_source_is_not_asked_until_it_is_resumed)
{
    static const char pause[] = "{\"kind\":\"pause\",\"target\":\"source.hr\",\"paused\":true,\"by\":\"kim\","
                                "\"reason\":\"r\",\"at\":\"2027-01-15T08:00:00Z\"}";
    struct error err = {0};
    start();
    kit_zoe_has_account(ZOE);
    ck_assert_msg(engine_control(kit.e, str_of("pause/source.hr"), str_of(pause), kit.now, &err), "%s",
                  err.message);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_no_call();
    ck_assert(engine_control(kit.e, str_of("pause/source.hr"), (struct str){0}, kit.now, &err));
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(kit.call->target, 1);
    kit_stop();
}
END_TEST

START_TEST(a_sweep_is_not_done_with_who_waits_for_a_source)
{
    start_config();
    kit_open();
    commit();
    kit_zoe_has_account(ZOE);
    say({"thin", EVENT_CHANGED, .at = 2, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
    answer(500, "");
    commit();
    engine_free(kit.e);
    kit_add_target("wiki", "scim"); /* nothing is owed there yet */
    kit.cfg.generation = ++kit.generation;
    kit_open();
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(stats_now().behind, 1);
    while (kit.call && kit.call->target != 1) {
        answer(200, found("7", true, ZOE));
        wait_for_call();
    }
    answer(200, "joined;" ZOE);
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_uint_eq(kit.call->target, 2);
    kit_stop();
}
END_TEST

START_TEST(left_said_again_by_the_source_is_no_new_word_to_the_guard)
{
    start_config();
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
    kit_zoe_has_account(ZOE);
    char held[256] = "";
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        say({id, EVENT_CHANGED, .at = 2 + i, .thin = true});
        commit();
        expect_call("GET", "/people/zoe");
        answer(200, "left;" ZOE);
        commit();
        expect_no_call();
        commit();
        if (i > 0)
            ck_assert_str_eq(state_now("miro", "held"), held);
        snprintf(held, sizeof held, "%.255s", state_now("miro", "held"));
        ck_assert_str_ne(held, "");
    }
    kit_stop();
}
END_TEST

/* ---- merging, by itself -------------------------------------------------------------------------------- */

static void hear(struct person *p, const char *said, int64_t at, bool certain)
{
    struct source_person f = {0};
    struct error err;
    ck_assert(on_person(NULL, NULL, 0, &(struct source_reply){.body = str_of(said)}, &f, &err));
    memcpy(f.words.id, event_id("fetch"), sizeof f.words.id);
    f.words.occurred_at_ms = kit_ms(at);
    ck_assert(person_merge_fetched(p, &f, certain));
    source_person_done(&f);
}

/* The record of a person of whom four events are told in the order'th order, an answer after `first` of them, and after
 * `second` one that takes it back. */
static char *record_in_order(const struct word *words, unsigned order, unsigned first, unsigned second,
                             const char *const said[2])
{
    struct person p = {0};
    struct buf out;
    unsigned left[4] = {0, 1, 2, 3};
    for (unsigned i = 0; i < 5; i++) {
        if (i == first)
            hear(&p, said[0], 60, false);
        if (i == second)
            hear(&p, said[1], 80, true);
        if (i == 4)
            break;
        unsigned pick = order % (4 - i);
        order /= 4 - i;
        struct event ev = make_event(&words[left[pick]]); /* the first 4 - i are left */
        for (unsigned k = pick; k + 1 < 4; k++)
            left[k] = left[k + 1];
        person_merge(&p, &ev, kit_ms(1000));
        event_done(&ev);
    }
    event_ids_done(&p.recent); /* the order of arrival is all that it holds */
    buf_init(&out, RECORD_MAX);
    record_write(&p, &out);
    person_done(&p);
    return buf_take(&out);
}

/* Every order of events around two answers gives the same person. */
START_TEST(a_fetch_and_events_give_the_same_in_every_order)
{
    static const struct word words[] = {
        {"a", EVENT_JOINED, .at = 10, .profile = "title=A;userName=a"},
        {"b", EVENT_LEFT, .at = 30},
        {"c", EVENT_SUSPENDED, .at = 50},
        {"d", EVENT_CHANGED, .at = 70, .profile = "title=D"},
    };
    static const char *const said[][2] = {{"joined;title=F;nickName=f", "joined;title=G"},
                                          {"left;title=F", "joined;title=G"},
                                          {"left;title=F", "left;title=G"},
                                          {"held;title=F", "free;title=G"}};
    for (size_t s = 0; s < ARRAY_SIZE(said); s++) {
        char *expected = record_in_order(words, 0, 4, 4, said[s]);
        for (unsigned n = 0; n < 24 * 25; n++) {
            unsigned first = n / 24 % 5, second = n / 24 / 5;
            if (second < first)
                continue;
            char *got = record_in_order(words, n % 24, first, second, said[s]);
            ck_assert_msg(strcmp(expected, got) == 0, "%s, %s: %s\nand %s", said[s][0], said[s][1], expected,
                          got);
            free(got);
        }
        free(expected);
    }
}
END_TEST

/* What stood below a source's word outlives the worker. */
START_TEST(what_events_say_below_a_sources_word_is_in_the_record)
{
    static const struct word words[] = {{"a", EVENT_JOINED, .at = 10}, {"b", EVENT_SUSPENDED, .at = 20}};
    for (unsigned n = 0; n <= ARRAY_SIZE(words); n++) {
        struct person p = {0}, read = {0};
        struct buf out, again;
        struct error err;
        for (unsigned i = 0; i < n; i++) {
            struct event ev = make_event(&words[i]);
            person_merge(&p, &ev, kit_ms(1000));
            event_done(&ev);
        }
        hear(&p, "left", 60, false);
        buf_init(&out, RECORD_MAX);
        buf_init(&again, RECORD_MAX);
        record_write(&p, &out);
        ck_assert_msg(record_read(buf_str(&out), &read, &err), "%s", err.message);
        record_write(&read, &again);
        ck_assert(str_eq(buf_str(&out), buf_str(&again)));
        hear(&read, "joined", 80, true);
        ck_assert_int_eq(read.employment, EMPLOYMENT_JOINED);
        ck_assert_int_eq(read.employment_stamp.at_ms, n > 0 ? kit_ms(10) : 0);
        ck_assert_int_eq(read.suspended, n == 2);
        person_done(&p);
        person_done(&read);
        buf_done(&out);
        buf_done(&again);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_thin_change_is_fetched_and_then_made,
        an_answer_in_part_clears_nothing,
        a_joiner_waits_for_the_fetch_and_gets_what_it_said,
        a_fetch_begun_before_the_newest_thin_event_does_not_answer_it,
        an_older_thin_event_that_comes_late_is_fetched_too,
        groups_that_the_source_lists_no_more_are_over,
        fetched_words_are_as_old_as_the_question,
        a_leaver_is_cut_while_the_source_is_down,
        a_cut_that_only_the_policy_wants_waits_for_the_answer,
        a_fetch_does_not_revive_a_leaver_whatever_comes_first,
        a_fetched_left_or_suspended_cuts,
        a_source_takes_its_own_word_back_when_it_says_so_twice,
        what_a_source_takes_back_uncovers_what_events_say,
        left_against_the_event_that_is_asked_about_is_asked_again,
        one_404_of_a_source_that_lags_rejects_no_joiner,
        a_source_that_has_lost_most_persons_is_in_trouble,
        who_leaves_is_cut_also_when_the_rest_does_not_fit,
        a_leaver_without_a_name_waits_for_the_source_to_tell_it,
        a_name_that_is_announced_for_a_later_day_is_not_the_leavers,
        a_person_unknown_to_the_source_is_told_and_cut_by_nobody,
        what_will_never_work_is_told_and_the_event_counts_as_it_is,
        what_may_work_later_is_tried_again,
        who_cannot_be_asked_about_until_the_deadline_counts_as_told,
        a_source_that_is_down_rejects_nobody_however_long,
        without_an_api_a_thin_event_counts_as_it_is,
        a_source_of_another_directory_is_not_asked,
        a_wish_survives_a_crash_and_an_abort,
        a_source_that_was_removed_holds_up_nobody,
        a_scheduled_thin_event_is_fetched_when_it_is_due,
        a_flood_of_thin_events_stays_within_the_list,
        a_paused_source_is_not_asked_until_it_is_resumed,
        a_sweep_is_not_done_with_who_waits_for_a_source,
        left_said_again_by_the_source_is_no_new_word_to_the_guard,
        a_fetch_and_events_give_the_same_in_every_order,
        what_events_say_below_a_sources_word_is_in_the_record,
    };
    return kit_run("engine_fetch", tests, ARRAY_SIZE(tests));
}
