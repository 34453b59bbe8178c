/* User groups are attached to teams and detached over the REST API: what the configuration names, only what is ours, and
 * nothing that happens there holds up an account. */
#include "teams_kit.h"

static const char *const owned[] = {"Guild"};
static const struct engine_attachment wanted[] = {{"Guild", "Sales"}};
static const struct engine_attachment both[] = {{"Guild", "Sales"}, {"Guild", "Legal"}};

static char org[24];
static unsigned asked, attached, detached; /* calls to the REST API */

/* ---- the target's REST side ---------------------------------------------------------------------------- */

static int rest(const char *method, const char *path, const char *body, struct miro_reply *ret)
{
    struct miro_request rq = {.method = method,
                              .target = path,
                              .authorization = "Bearer any",
                              .content_type = "application/json",
                              .body = body,
                              .body_n = body ? strlen(body) : 0};
    miro_handle(there.m, &rq, kit.now.wall_ms, ret);
    return ret->status;
}

static void know_org(void)
{
    struct miro_reply r;
    struct error err;
    cJSON *root;
    ck_assert_int_eq(rest("GET", "/v1/oauth-token", NULL, &r), 200);
    ck_assert(json_parse(buf_str(&r.body), &root, &err));
    snprintf(org, sizeof org, "%s", json_string(json_get(root, "organization"), "id"));
    cJSON_Delete(root);
    miro_reply_done(&r);
}

/* A team, as Miro's pages make it; SCIM does not show it. */
static void add_team(const char *name)
{
    struct miro_reply r;
    char path[96], body[96];
    snprintf(path, sizeof path, "/v2/orgs/%s/teams", org);
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    ck_assert_int_eq(rest("POST", path, body, &r), 201);
    miro_reply_done(&r);
}

static const struct miro_team *team_called(const char *name, bool group)
{
    for (size_t i = 0; i < miro_teams_n(there.m); i++) {
        const struct miro_team *t = miro_team_at(there.m, i);
        if (!t->deleted && t->user_group == group && strcmp(t->team_name, name) == 0)
            return t;
    }
    return NULL;
}

static bool is_attached(const char *group, const char *team)
{
    const struct miro_team *g = team_called(group, true), *t = team_called(team, false);
    for (size_t i = 0; g && i < g->n_attached; i++)
        if (g->attached[i] == t)
            return true;
    return false;
}

static void by_hand(const char *method, const char *group, const char *team)
{
    struct miro_reply r;
    char path[160], body[96];
    bool adds = strcmp(method, "POST") == 0;
    snprintf(path, sizeof path, "/v2/orgs/%s/teams/%s/groups%s%s", org, team_called(team, false)->id,
             adds ? "" : "/", adds ? "" : team_called(group, true)->id);
    snprintf(body, sizeof body, "{\"userGroupId\":\"%s\",\"role\":\"member\"}", team_called(group, true)->id);
    ck_assert_int_lt(rest(method, path, adds ? body : NULL, &r), 300);
    miro_reply_done(&r);
}

static bool is_rest(void)
{
    return strncmp(kit.call->path, "/v2/", 4) == 0;
}

static void serve_any(void)
{
    struct miro_reply r;
    if (!is_rest()) {
        serve();
        return;
    }
    ck_assert_str_eq(engine_target_name(kit.e, kit.call->target), "rest.miro");
    asked++;
    attached += strcmp(kit.call->method, "POST") == 0;
    detached += strcmp(kit.call->method, "DELETE") == 0;
    char *body = kit.call->body ? xstrndup(kit.call->body, kit.call->body_n) : NULL;
    rest(kit.call->method, kit.call->path, body, &r);
    free(body);
    reply(kit.call,
          &(struct call_reply){
              .outcome = CALL_REPLIED, .status = r.status, .body = buf_str(&r.body), .retry_after_ms = -1});
    miro_reply_done(&r);
}

static void settle_all(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (next_call())
            serve_any();
        else
            pass(KIT_SECOND);
    }
    commit();
}

/* Until the REST API is called so, which is the call then. */
static void until_rest(const char *method, const char *path_has)
{
    for (int i = 0; i < 4000; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (is_rest() && strcmp(kit.call->method, method) == 0 && strstr(kit.call->path, path_has))
            return;
        else
            serve_any();
    }
    ck_abort_msg("no %s %s", method, path_has);
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

static const char *why_not(void)
{
    struct engine_target_figures figures;
    engine_target_figures(kit.e, 0, &figures);
    return figures.unattached;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void configure(const struct engine_attachment *attach, size_t n_attach,
                      const struct engine_attachment *detach, size_t n_detach)
{
    kit.targets[1].attached = attach;
    kit.targets[1].n_attached = n_attach;
    kit.targets[1].detached = detach;
    kit.targets[1].n_detached = n_detach;
    if (kit.e)
        engine_targets_changed(kit.e, kit.targets, kit.now);
}

static void prepare_rest(void)
{
    struct miro_config cfg;
    prepare();
    miro_free(there.m);
    miro_config_default(&cfg);
    cfg.token = cfg.admin = NULL;
    cfg.group_mode = MIRO_USER_GROUPS;
    there.m = miro_new(&cfg);
    asked = attached = detached = 0;
    kit.targets[0].group_mode = GROUP_MODE_USER_GROUP;
    kit.targets[0].leaves_last = true;
    kit.targets[0].owned_groups = owned;
    kit.targets[0].n_owned_groups = ARRAY_SIZE(owned);
    kit.targets[1] = kit.targets[0];
    kit.targets[1].name = "rest.miro";
    kit.targets[1].kind = "miro_rest";
    kit.targets[1].rest_of = "miro";
    kit.targets[1].org = org;
    kit.targets[1].group_mode = GROUP_MODE_NONE;
    kit.targets[1].n_owned_groups = 0;
    kit.cfg.n_targets = 2;
    know_org();
    add_team("Sales");
    add_team("Legal");
    configure(wanted, 1, NULL, 0);
}

static void open_rest(void)
{
    kit_open();
    commit();
}

/* Guild is made for p0, and is in Sales. */
static void start_attached(void)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_all(2 * RELIST_MS);
    ck_assert(is_in(0, "Guild") && is_attached("Guild", "Sales"));
    ck_assert_uint_eq(attached, 1);
}

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

START_TEST(an_answer_that_is_no_list_says_nothing_and_is_asked_for_again)
{
    static const char none[] = "{\"data\":{\"a\":{\"id\":\"1\",\"name\":\"Guild\"}}}"; /* a second Guild */
    prepare_rest();
    configure(NULL, 0, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_all(60 * KIT_SECOND);
    configure(wanted, 1, NULL, 0);
    until_rest("GET", "/groups?");
    answer(200, none);
    settle_all(60 * KIT_SECOND);
    ck_assert(is_attached("Guild", "Sales"));
    until_rest("GET", "/groups/");
    answer(200, none);
    settle_all(60 * KIT_SECOND);
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_list_ends_when_a_page_brings_nothing_new)
{
    unsigned pages = 0;
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    for (int64_t end = kit.now.wall_ms + RELIST_MS; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (is_rest() && strstr(kit.call->path, "/groups/") && strstr(kit.call->path, "/teams?")) {
            pages++;
            answer(200, "{\"data\":[{\"id\":\"5\",\"name\":\"x\"}],\"cursor\":\"same\"}");
        } else {
            serve_any();
        }
    }
    ck_assert_uint_ge(pages, 2);
    ck_assert_uint_le(pages, 6); /* two a round */
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

static void settle_refused(int64_t ms, int status)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (is_rest())
            answer(status, "{\"type\":\"error\",\"message\":\"no\"}");
        else
            serve_any();
    }
    commit();
}

static bool is_call(const char *method, const char *path_has)
{
    return is_rest() && strcmp(kit.call->method, method) == 0 && strstr(kit.call->path, path_has);
}

/* For so long what is called so fails. How often it was called. */
static unsigned settle_failing(int64_t ms, const char *method, const char *path_has, int status)
{
    unsigned failed = 0;
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (is_call(method, path_has)) {
            failed++;
            answer(status, "");
        } else {
            serve_any();
        }
    }
    commit();
    return failed;
}

/* All that is done to a team's groups. */
static const char *groups_of(const char *team)
{
    static char path[40];
    snprintf(path, sizeof path, "/teams/%s/groups", team_called(team, false)->id);
    return path;
}

static void start_failing(int status)
{
    prepare_rest();
    configure(both, 2, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_failing(6 * KIT_LIFE_MS, "POST", groups_of("Sales"), status);
}

START_TEST(an_attachment_that_keeps_failing_is_told_and_holds_up_no_other)
{
    static const int statuses[] = {500, 503};
    char why[80];
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        start_failing(statuses[i]);
        ck_assert(is_attached("Guild", "Legal"));
        snprintf(why, sizeof why, "answers %d to attach \"Guild\", \"Sales\"", statuses[i]);
        ck_assert_msg(why_not() && strstr(why_not(), why), "%s", why_not() ? why_not() : "nothing is told");
        settle_all(2 * RELIST_MS);
        ck_assert(is_attached("Guild", "Sales"));
        ck_assert_ptr_null(why_not());
        stop();
    }
}
END_TEST

START_TEST(an_attachment_that_keeps_failing_is_tried_ever_more_rarely)
{
    start_failing(500);
    asked = 0;
    unsigned failed = settle_failing(KIT_DEADLINE_MS, "POST", groups_of("Sales"), 500);
    ck_assert_uint_ge(failed, 10);
    ck_assert_uint_le(failed, KIT_DEADLINE_MS / (60 * KIT_SECOND)); /* the longest back-off */
    ck_assert_uint_le(asked,
                      2 * 3 * (failed + 1)); /* groups, teams, the group's; once more when there is doubt */
    failed = settle_failing(6 * RELIST_MS, "POST", groups_of("Sales"), 500);
    ck_assert_uint_ge(failed, 4);
    ck_assert_uint_le(failed, 7);
    stop();
}
END_TEST

START_TEST(a_detachment_does_not_wait_for_attachments)
{
    static const struct engine_attachment more[] = {{"Guild", "Legal"}};
    start_attached();
    configure(both, 2, NULL, 0);
    settle_all(2 * RELIST_MS);
    by_hand("DELETE", "Guild", "Legal"); /* and to be attached again */
    configure(more, 1, wanted, 1);
    until_rest("DELETE", groups_of("Sales"));
    ck_assert_uint_eq(attached, 2);
    answer(500, "");
    settle_failing(6 * KIT_LIFE_MS, "DELETE", groups_of("Sales"), 500);
    ck_assert(is_attached("Guild", "Legal"));
    settle_all(2 * RELIST_MS);
    ck_assert(!is_attached("Guild", "Sales"));
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_group_whose_teams_are_not_told_holds_up_no_other)
{
    static const struct engine_attachment two[] = {{"Crew", "Legal"}, {"Guild", "Sales"}};
    static const int statuses[] = {500, 400};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        char list[64];
        prepare_rest();
        miro_add_team(there.m, "Crew");
        configure(two, 2, NULL, 0);
        open_rest();
        tell("joined", EVENT_JOINED, 0, 1, "Guild");
        snprintf(list, sizeof list, "/groups/%s/teams", team_called("Crew", true)->id);
        settle_failing(6 * KIT_LIFE_MS, "GET", list, statuses[i]);
        ck_assert(is_attached("Guild", "Sales") && !is_attached("Crew", "Legal"));
        ck_assert_ptr_nonnull(strstr(why_not(), "to attach look \"Crew\""));
        settle_all(2 * RELIST_MS);
        ck_assert(is_attached("Crew", "Legal"));
        ck_assert_ptr_null(why_not());
        stop();
    }
}
END_TEST

START_TEST(a_reason_that_holds_no_more_is_not_told)
{
    prepare_rest();
    open_rest();
    settle_all(60 * KIT_SECOND);
    ck_assert_ptr_nonnull(strstr(why_not(), "no user group is called \"Guild\""));
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    answer(500, "");
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_refused_attachment_is_not_tried_again_for_the_sake_of_another)
{
    unsigned refused = 0, failed = 0;
    prepare_rest();
    configure(both, 2, NULL, 0);
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    for (int64_t end = kit.now.wall_ms + RELIST_MS - 60 * KIT_SECOND; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
        } else if (is_call("POST", groups_of("Sales"))) {
            refused++;
            answer(400, "");
        } else if (is_call("POST", groups_of("Legal"))) {
            failed++;
            answer(503, "");
        } else {
            serve_any();
        }
    }
    ck_assert_uint_ge(failed, 4);
    ck_assert_uint_eq(refused, 1);
    stop();
}
END_TEST

START_TEST(a_token_without_the_right_is_told_and_holds_up_nobody)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_refused(RELIST_MS, 403);
    ck_assert_ptr_nonnull(strstr(why_not(), "lacks a right (403): organizations:groups:read"));
    expect_result("joined-0", "miro", "applied");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    ck_assert_ptr_null(why_not());
    stop();
}
END_TEST

START_TEST(a_refused_token_closes_the_rest_api_alone)
{
    struct engine_target_figures figures;
    prepare_rest();
    open_rest();
    settle_refused(30 * KIT_SECOND, 401);
    engine_target_figures(kit.e, 1, &figures);
    ck_assert(figures.open);
    engine_target_figures(kit.e, 0, &figures);
    ck_assert(!figures.open);
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_refused(60 * KIT_SECOND, 401);
    expect_result("joined-0", "miro", "applied");
    settle_all(2 * RELIST_MS);
    ck_assert(is_attached("Guild", "Sales"));
    stop();
}
END_TEST

START_TEST(the_rest_api_has_limits_of_its_own)
{
    static const struct engine_limit two[] = {{"rest", 2, 60000}};
    prepare_rest();
    kit.targets[1].limits = two;
    kit.targets[1].n_limits = 1;
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("GET", "/groups?");
    int64_t begin_ms = kit.now.wall_ms;
    serve_any();
    until_rest("POST", "/groups"); /* the fourth */
    ck_assert_int_ge(kit.now.wall_ms - begin_ms, 60000);
    stop();
}
END_TEST

/* A person's word about the target; more: what that kind says besides. */
static void decide(const char *kind, const char *more)
{
    char key[32], value[256], now[RFC3339_SIZE];
    struct error err = {0};
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(key, sizeof key, "%s/miro", kind);
    snprintf(value, sizeof value,
             "{\"kind\":\"%s\",\"target\":\"miro\",%s,\"by\":\"ops\",\"reason\":\"r\",\"at\":\"%s\"}", kind,
             more, now);
    ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
}

START_TEST(a_retry_of_the_target_begins_a_round)
{
    char now[RFC3339_SIZE], time[64];
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_refused(RELIST_MS / 2, 403);
    ck_assert_ptr_nonnull(why_not());
    asked = 0;
    settle_all(10 * KIT_SECOND);
    ck_assert_uint_eq(asked, 0);
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(time, sizeof time, "\"time\":\"%s\"", now);
    decide("retry", time);
    settle_all(10 * KIT_SECOND);
    ck_assert(is_attached("Guild", "Sales"));
    ck_assert_ptr_null(why_not());
    asked = 0;
    decide("retry", time); /* the same once more */
    settle_all(10 * KIT_SECOND);
    ck_assert_uint_eq(asked, 0);
    stop();
}
END_TEST

static void pause_all(bool paused)
{
    pass(KIT_SECOND);
    decide("pause", paused ? "\"paused\":true" : "\"paused\":false");
}

START_TEST(a_paused_target_is_not_called_here_either)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    until_rest("POST", "/groups");
    pause_all(true);
    ck_assert(!engine_call_may_write(kit.e, kit.call, kit.now));
    answer_held_back();
    expect_no_call();
    stop();
}
END_TEST

START_TEST(what_was_decided_before_a_long_pause_is_looked_at_again)
{
    start_attached();
    configure(NULL, 0, wanted, 1);
    until_rest("DELETE", "/groups/");
    pause_all(true);
    answer_held_back();
    settle_all(KIT_LIFE_MS + 60 * KIT_SECOND);
    by_hand("DELETE", "Guild", "Sales");
    pause_all(false);
    settle_all(60 * KIT_SECOND);
    ck_assert_uint_eq(detached, 0); /* that is seen */
    ck_assert_ptr_null(told("attached/miro/")->value);
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

int main(void)
{
    const TTest *const tests[] = {
        a_group_is_made_and_attached_once,
        that_it_is_ours_is_known_before_it_is_attached,
        that_it_is_ours_is_put_down_once_while_that_is_on_its_way,
        what_an_abort_takes_back_is_put_down_again,
        an_attachment_without_an_answer_is_looked_at_a_calls_life_later,
        what_is_not_there_is_told_and_done_when_it_comes,
        an_answer_that_is_no_list_says_nothing_and_is_asked_for_again,
        a_list_ends_when_a_page_brings_nothing_new,
        an_attachment_that_keeps_failing_is_told_and_holds_up_no_other,
        an_attachment_that_keeps_failing_is_tried_ever_more_rarely,
        a_detachment_does_not_wait_for_attachments,
        a_group_whose_teams_are_not_told_holds_up_no_other,
        a_reason_that_holds_no_more_is_not_told,
        a_refused_attachment_is_not_tried_again_for_the_sake_of_another,
        a_token_without_the_right_is_told_and_holds_up_nobody,
        a_refused_token_closes_the_rest_api_alone,
        the_rest_api_has_limits_of_its_own,
        a_retry_of_the_target_begins_a_round,
        a_paused_target_is_not_called_here_either,
        what_was_decided_before_a_long_pause_is_looked_at_again,
        a_dry_run_attaches_nothing,
        only_what_we_attached_is_detached_and_only_when_named,
        what_somebody_else_attached_meanwhile_is_not_ours,
        a_call_that_is_not_wanted_any_more_is_not_made,
    };
    return kit_run("engine_attach", tests, ARRAY_SIZE(tests));
}
