/* User groups are attached to teams and detached over the REST API: what the configuration names, only what is ours, and
 * nothing that happens there holds up an account. */
#include "attach_kit.h"

#include "../../worker/engine/miro_rest.h"

/* ---- attaching ----------------------------------------------------------------------------------------- */

START_TEST(a_group_is_made_and_attached_once)
{
    start_attached();
    ck_assert_ptr_null(why_not());
    ck_assert_ptr_nonnull(told("attached/miro/")->value);
    expect_result("joined-0", "miro", "applied");
    settle_all(5 * RELIST_MS);
    ck_assert_uint_eq(attached, 1);
    by_hand("DELETE", "Guild", "Sales");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

START_TEST(that_it_is_ours_is_known_before_it_is_attached)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    ck_assert_ptr_nonnull(told("attached/miro/"));
    kit_crash(); /* and nobody knows what became of it */
    commit();
    asked = 0;
    settle_all(KIT_LIFE_MS / 2);
    ck_assert_uint_eq(asked, 0);
    settle_all(2 * RELIST_MS);
    ck_assert_uint_eq(attached, 1);
    ck_assert_ptr_nonnull(told("attached/miro/")->value);
    stop();
}
END_TEST

static size_t times_told(const char *key_begins)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_TARGETS &&
             strncmp(kit.records[i].key, key_begins, strlen(key_begins)) == 0;
    return n;
}

/* Commits; what it says of targets is on its way to us yet. */
static size_t commit_unread(const char *key_begins)
{
    size_t n = times_told(key_begins);
    while (take_batch()) {
        for (size_t i = 0; i < kit.batch->n_records; i++)
            kit_keep(&kit.batch->records[i]);
        kit.batch = NULL;
        engine_batch_committed(kit.e, kit.now.boot_ms, kit.now);
    }
    return times_told(key_begins) - n;
}

static void hear_a_wish(void)
{
    char value[128], now[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(value, sizeof value, "{\"kind\":\"wish\",\"target\":\"miro\",\"at\":\"%s\"}", now);
    ck_assert_msg(engine_target_record(kit.e, str_of("wish/miro"), str_of(value), kit.now, &err), "%s",
                  err.message);
}

START_TEST(that_it_is_ours_is_put_down_once_while_that_is_on_its_way)
{
    size_t put_down = 0;
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("GET", "/groups/");
    serve_any();
    for (int i = 0; i < 10; i++) {
        engine_tick(kit.e, kit.now);
        put_down += commit_unread("attached/miro/");
        hear_a_wish();
        pass(KIT_SECOND);
    }
    ck_assert_uint_eq(put_down, 1);
    stop();
}
END_TEST

START_TEST(what_an_abort_takes_back_is_put_down_again)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("GET", "/groups/");
    serve_any();
    engine_tick(kit.e, kit.now);
    ck_assert_ptr_nonnull(take_batch());
    engine_batch_aborted(kit.e, kit.now);
    kit_deliver_all();
    settle_all(60 * KIT_SECOND);
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

START_TEST(an_attachment_without_an_answer_is_looked_at_a_calls_life_later)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    answer_unknown();
    asked = 0;
    settle_all(KIT_LIFE_MS / 2);
    ck_assert_uint_eq(asked, 0);
    by_hand("POST", "Guild", "Sales"); /* it lands */
    settle_all(60 * KIT_SECOND);
    ck_assert_uint_eq(attached, 0);
    ck_assert_ptr_nonnull(told("attached/miro/")->value); /* ours */
    stop();
}
END_TEST

START_TEST(what_is_not_there_is_told_and_done_when_it_comes)
{
    static const struct engine_attachment lost[] = {{"Guild", "Sales"}, {"Guild", "Nowhere"}};
    prepare_rest();
    configure(lost, 2, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    ck_assert_ptr_nonnull(strstr(why_not(), "no team is called \"Nowhere\""));
    add_team("Nowhere");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Nowhere"));
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_dry_run_attaches_nothing)
{
    prepare_rest();
    kit.cfg.plan_only = true;
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_all(2 * RELIST_MS);
    ck_assert_uint_eq(asked, 0);
    stop();
}
END_TEST

/* ---- detaching ----------------------------------------------------------------------------------------- */

START_TEST(only_what_we_attached_is_detached_and_only_when_named)
{
    start_attached();
    by_hand("POST", "Guild", "Legal");
    configure(NULL, 0, NULL, 0); /* left out: nothing is changed */
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales") && is_attached("Guild", "Legal"));
    configure(NULL, 0, both, 2);
    settle_all(2 * RELIST_MS);
    ck_assert(!is_attached("Guild", "Sales") && is_attached("Guild", "Legal"));
    ck_assert_ptr_null(told("attached/miro/")->value);
    by_hand("POST", "Guild", "Sales");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    ck_assert_uint_eq(detached, 1);
    stop();
}
END_TEST

START_TEST(what_somebody_else_attached_meanwhile_is_not_ours)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    by_hand("POST", "Guild", "Sales");
    serve_any(); /* 409 */
    settle_all(60 * KIT_SECOND);
    ck_assert_ptr_null(why_not());
    ck_assert_ptr_null(told("attached/miro/")->value);
    configure(NULL, 0, wanted, 1);
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

START_TEST(a_call_that_is_not_wanted_any_more_is_not_made)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    configure(NULL, 0, NULL, 0);
    ck_assert(!engine_call_may_write(kit.e, kit.call, kit.now));
    answer_held_back();
    settle_all(2 * RELIST_MS);
    ck_assert(!is_attached("Guild", "Sales"));
    stop();
}
END_TEST

/* "DELETE …/teams/3/groups/.." would be one of the team. */
START_TEST(an_id_that_leads_out_of_its_path_is_none)
{
    struct attrs found = {0};
    struct error err;
    char *cursor;
    struct str body = str_of("{\"data\":[{\"id\":\"..\"},{\"id\":\".\"},{\"id\":\"3\"}]}");
    ck_assert(miro_rest_parse(body, &found, &cursor, &err));
    ck_assert(found.n == 1 && attrs_find(&found, "3"));
    attrs_done(&found);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_id_that_leads_out_of_its_path_is_none,
        a_group_is_made_and_attached_once,
        that_it_is_ours_is_known_before_it_is_attached,
        that_it_is_ours_is_put_down_once_while_that_is_on_its_way,
        what_an_abort_takes_back_is_put_down_again,
        an_attachment_without_an_answer_is_looked_at_a_calls_life_later,
        what_is_not_there_is_told_and_done_when_it_comes,
        a_dry_run_attaches_nothing,
        only_what_we_attached_is_detached_and_only_when_named,
        what_somebody_else_attached_meanwhile_is_not_ours,
        a_call_that_is_not_wanted_any_more_is_not_made,
    };
    return kit_run("engine_attach", tests, ARRAY_SIZE(tests));
}
