/* By what names an account without a link is looked for, and of what a search that has ended is known. */
#include "engine_kit.h"

static void expect_search(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/Users?filter=userName%%20eq%%20%%22%s%%22", name);
    expect_call("GET", path);
}

static void nobody_is_called(const char *name)
{
    expect_search(name);
    answer(200, NO_USERS);
    commit();
}

static void somebody_is_called(const char *name, const char *profile)
{
    expect_search(name);
    answer(200, found("7", true, profile));
    commit();
}

static void is_cut(const char *profile)
{
    expect_call("PATCH", "/Users/7");
    expect_body("\"value\":false");
    answer(200, user("7", false, profile));
    commit();
}

/* ---- names announced for a later day -------------------------------------------------------------------- */

/* A hire is announced for later, and meanwhile the person is put on hold, or the hire called off. */
START_TEST(who_is_still_to_come_is_looked_up_by_the_name_announced)
{
    static const struct {
        enum event_type type;
        int64_t at;
        bool there;
    } rows[] = {{EVENT_SUSPENDED, 20, false}, {EVENT_LEFT, 20, false}, {EVENT_DELETED, 20, false},
                {EVENT_LEFT, 5, false},       {EVENT_LEFT, 20, true},  {EVENT_SUSPENDED, 20, true}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        kit_start();
        say({"hire", EVENT_JOINED, .at = 10, .effective = 9000, .profile = "userName=zoe"});
        say({"cut", rows[i].type, .at = rows[i].at});
        commit();
        expect_call("GET", "/Users?filter=userName%20eq%20%22zoe%22");
        answer(200, rows[i].there ? found("7", true, "userName=zoe") : NO_USERS);
        commit();
        if (rows[i].there) {
            expect_call("PATCH", "/Users/7");
            expect_body("\"value\":false");
            answer(200, user("7", false, "userName=zoe"));
            commit();
        }
        expect_no_call();
        expect_result("cut", "miro", rows[i].there ? "applied" : "unchanged");
        ck_assert_uint_eq(stats_now().uncut, 0);
        kit_stop();
    }
}
END_TEST

START_TEST(who_is_on_hold_without_a_word_of_a_hire_may_have_an_account)
{
    kit_start();
    say({"held", EVENT_SUSPENDED, .at = 10});
    commit();
    expect_result("held", "miro", "rejected");
    ck_assert_uint_eq(stats_now().uncut, 1);
    say({"hire", EVENT_JOINED, .at = 11, .effective = 9000, .profile = "userName=zoe"});
    commit();
    expect_call("GET", "/Users?filter="); /* by the name announced */
    answer(200, NO_USERS);
    commit();
    ck_assert_uint_eq(stats_now().uncut, 0);
    kit_stop();
}
END_TEST

/* A number is announced with the name, and that account has another one. */
START_TEST(somebody_elses_account_is_not_cut_by_an_announced_name)
{
    static const struct {
        const char *own, *announced, *theirs;
        bool cut;
    } rows[] = {
        {"", "userName=zoe;employeeNumber=900", "userName=zoe;employeeNumber=17", false},
        {"", "userName=zoe;employeeNumber=900", "userName=zoe;employeeNumber=900", true},
        {"", "userName=zoe;employeeNumber=900", "userName=zoe", true},
        {"employeeNumber=17", "userName=zoe;employeeNumber=900", "userName=zoe;employeeNumber=17", true},
        {"employeeNumber=5", "userName=zoe", "userName=zoe;employeeNumber=17", false},
        /* it goes with the name: not with the one that is the person's already */
        {"userName=zoe", "userName=zoe.new;employeeNumber=900", "userName=zoe;employeeNumber=17", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        kit_start();
        say({"hire", EVENT_JOINED, .at = 10, .effective = 9000, .profile = rows[i].announced});
        say({"cut", EVENT_LEFT, .at = 20, .profile = rows[i].own});
        commit();
        somebody_is_called("zoe", rows[i].theirs);
        if (rows[i].cut)
            is_cut(rows[i].theirs);
        expect_no_call();
        expect_result("cut", "miro", rows[i].cut ? "applied" : "rejected");
        kit_stop();
    }
}
END_TEST

START_TEST(each_announced_name_is_looked_for)
{
    kit_start();
    say({"hire1", EVENT_JOINED, .at = 10, .effective = 9000, .profile = "userName=zoe;employeeNumber=900"});
    say({"hire2", EVENT_JOINED, .at = 11, .effective = 9500,
         .profile = "userName=zoe.new;employeeNumber=17"});
    say({"again", EVENT_CHANGED, .at = 12, .effective = 9600, .profile = "userName=zoe.new;title=Cook"});
    say({"cut", EVENT_SUSPENDED, .at = 20});
    commit();
    nobody_is_called("zoe");
    somebody_is_called("zoe.new", "userName=zoe.new;employeeNumber=17");
    is_cut("userName=zoe.new;employeeNumber=17");
    expect_no_call();
    expect_result("cut", "miro", "applied");
    kit_stop();
}
END_TEST

START_TEST(a_name_that_is_announced_after_the_search_is_looked_for)
{
    kit_start();
    say({"hire1", EVENT_JOINED, .at = 10, .effective = 9000, .profile = "userName=zoe"});
    say({"held", EVENT_SUSPENDED, .at = 20});
    commit();
    nobody_is_called("zoe");
    expect_result("held", "miro", "unchanged");
    say({"hire2", EVENT_JOINED, .at = 21, .effective = 8000, .profile = "userName=zoe.new"});
    commit();
    somebody_is_called("zoe.new", "userName=zoe.new");
    is_cut("userName=zoe.new");
    kit_stop();
}
END_TEST

START_TEST(an_announced_name_that_is_protected_is_out_of_reach)
{
    static const char *const names[] = {"zoe.new"};
    kit_config();
    kit.targets[0].protected_names = names;
    kit.targets[0].n_protected = 1;
    kit_open();
    commit();
    say({"hire1", EVENT_JOINED, .at = 10, .effective = 9000, .profile = "userName=zoe"});
    say({"hire2", EVENT_JOINED, .at = 11, .effective = 9500, .profile = "userName=zoe.new"});
    say({"cut", EVENT_LEFT, .at = 20});
    commit();
    expect_no_call();
    expect_result("cut", "miro", "ignored");
    kit_stop();
}
END_TEST

/* ---- another name than the one that was looked for ------------------------------------------------------- */

/* Absent by one name, and then the name is another one; a crash in between changes nothing. */
START_TEST(who_left_is_looked_for_by_a_name_that_comes_later)
{
    static const struct {
        const char *first;
        bool announced, crash;
    } rows[] = {{"userName=zoe", true, false}, {"userName=zoe", false, false}, {"userName=zoe", true, true}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        kit_start();
        say({"hire", EVENT_JOINED, .at = 10, .effective = rows[i].announced ? 9000 : 0,
             .profile = rows[i].first});
        say({"left", EVENT_LEFT, .at = 20});
        commit();
        nobody_is_called("zoe");
        expect_result("left", "miro", "unchanged");
        if (rows[i].crash)
            kit_crash();
        say({"title", EVENT_CHANGED, .at = 11, .profile = "title=Cook"});
        commit();
        expect_no_call(); /* nobody by that name: known */
        say({"name", EVENT_CHANGED, .at = 12, .profile = "userName=zoe.real"});
        commit();
        somebody_is_called("zoe.real", "userName=zoe.real");
        is_cut("userName=zoe.real");
        expect_no_call();
        kit_stop();
    }
}
END_TEST

/* An account is prepared for the hire to come; the one that is in use has another name. */
START_TEST(an_inactive_account_of_another_name_is_not_the_leavers)
{
    kit_start();
    say({"hire", EVENT_JOINED, .at = 10, .effective = 9000, .profile = "userName=zoe.new"});
    say({"left", EVENT_LEFT, .at = 20});
    commit();
    expect_search("zoe.new");
    answer(200, found("8", false, "userName=zoe.new"));
    commit();
    expect_result("left", "miro", "unchanged");
    say({"name", EVENT_CHANGED, .at = 12, .profile = "userName=zoe"});
    commit();
    somebody_is_called("zoe", "userName=zoe");
    is_cut("userName=zoe");
    kit_stop();
}
END_TEST

START_TEST(nobody_is_made_by_a_name_that_was_not_looked_for)
{
    for (int announced = 0; announced < 2; announced++) {
        kit_start();
        say({"hire", EVENT_JOINED, .at = 10, .effective = announced ? 9000 : 0, .profile = "userName=zoe"});
        say({"held", EVENT_SUSPENDED, .at = 20});
        commit();
        nobody_is_called("zoe");
        expect_result("held", "miro", "unchanged");
        say({"real", EVENT_JOINED, .at = 30, .profile = "userName=zoe.new"});
        say({"free", EVENT_RESUMED, .at = 31});
        commit();
        somebody_is_called("zoe.new", "userName=zoe.new");
        ck_assert_str_eq(json_string(find_result("free", "miro"), "outcome"), "unchanged");
        kit_stop();
    }
}
END_TEST

/* A create that was put off is none: no account can come to be by its name any more. */
START_TEST(a_leaver_is_not_looked_for_by_the_name_of_a_create_that_never_was)
{
    kit_start();
    say({"hire", EVENT_JOINED, .at = 10, .profile = "userName=zoe"});
    commit();
    nobody_is_called("zoe");
    expect_call("POST", "/Users");
    answer(503, "");
    commit();
    say({"left", EVENT_LEFT, .at = 20, .profile = "userName=zoe.new"});
    ck_assert_int_ge(wait_for_call(), 0);
    ck_assert_msg(strstr(kit.call->path, "zoe.new"), "%s", kit.call->path);
    answer(200, found("7", true, "userName=zoe.new"));
    commit();
    is_cut("userName=zoe.new");
    expect_result("left", "miro", "applied");
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_is_still_to_come_is_looked_up_by_the_name_announced,
        who_is_on_hold_without_a_word_of_a_hire_may_have_an_account,
        somebody_elses_account_is_not_cut_by_an_announced_name,
        each_announced_name_is_looked_for,
        a_name_that_is_announced_after_the_search_is_looked_for,
        an_announced_name_that_is_protected_is_out_of_reach,
        who_left_is_looked_for_by_a_name_that_comes_later,
        an_inactive_account_of_another_name_is_not_the_leavers,
        nobody_is_made_by_a_name_that_was_not_looked_for,
        a_leaver_is_not_looked_for_by_the_name_of_a_create_that_never_was,
    };
    return kit_run("engine_names", tests, ARRAY_SIZE(tests));
}
