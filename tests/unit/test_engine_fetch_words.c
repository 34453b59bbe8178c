/* What the words of a source count for, against what events have said or say later. */
#include "fetch_kit.h"

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

/* Of both sources, as often as they are asked. */
static void both_are_asked(const char *hr, const char *okta)
{
    while ((kit.call || wait_for_call() >= 0) && kit.call->target > 0) {
        answer(200, kit.call->target == 1 ? hr : okta);
        commit();
    }
}

START_TEST(what_one_source_takes_back_does_not_take_back_another_ones_word)
{
    static const struct {
        const char *cut, *back;
    } rows[] = {{"left;" ZOE, "joined;" ZOE}, {"held;" ZOE, "free;" ZOE}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        start_config();
        kit_add_target("source.okta", "source");
        kit_open();
        commit();
        kit_zoe_has_account(ZOE);
        say({"okta", EVENT_CHANGED, .at = 2, .thin = true, .source = "okta"});
        both_are_asked(rows[i].back, rows[i].cut);
        expect_body("false");
        answer(200, user("7", false, ZOE));
        commit();
        pass(KIT_SECOND);
        zoe_is_asked_about("hr", EVENT_CHANGED, 3);
        answer(200, rows[i].cut); /* which is newer than okta's */
        commit();
        zoe_is_asked_about("hr-back", EVENT_CHANGED, 4);
        both_are_asked(rows[i].back, rows[i].cut); /* okta has not said anything else */
        ck_assert_ptr_null(kit.call);
        expect_result("hr-back", "miro", "unchanged");
        say({"okta-back", EVENT_CHANGED, .at = 5, .thin = true, .source = "okta"});
        both_are_asked(rows[i].back, rows[i].back);
        ck_assert_ptr_nonnull(kit.call);
        expect_body("true");
        kit_stop();
    }
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

/* ---- crashes, aborts, schedules, decisions -------------------------------------------------------------- */

START_TEST(left_said_again_by_the_source_is_no_new_word_to_the_guard)
{
    start_config();
    kit_open_with_guard_full();
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
        fetched_words_are_as_old_as_the_question,
        a_leaver_is_cut_while_the_source_is_down,
        a_cut_that_only_the_policy_wants_waits_for_the_answer,
        a_fetch_does_not_revive_a_leaver_whatever_comes_first,
        a_fetched_left_or_suspended_cuts,
        a_source_takes_its_own_word_back_when_it_says_so_twice,
        what_a_source_takes_back_uncovers_what_events_say,
        what_one_source_takes_back_does_not_take_back_another_ones_word,
        left_against_the_event_that_is_asked_about_is_asked_again,
        who_leaves_is_cut_also_when_the_rest_does_not_fit,
        a_leaver_without_a_name_waits_for_the_source_to_tell_it,
        a_name_that_is_announced_for_a_later_day_is_not_the_leavers,
        left_said_again_by_the_source_is_no_new_word_to_the_guard,
        a_fetch_and_events_give_the_same_in_every_order,
        what_events_say_below_a_sources_word_is_in_the_record,
    };
    return kit_run("engine_fetch_words", tests, ARRAY_SIZE(tests));
}
