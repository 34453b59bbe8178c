/* The core's faults, the rules that choose them, the state file, and the front-end's small parts. */
#include "test_sandbox_kit.h"

#include "../sandbox/miro_index.h"
#include "../sandbox/sandbox_faults.h"
#include "../sandbox/sandbox_journal.h"
#include "../sandbox/sandbox_settings.h"
#include "../sandbox/sandbox_timers.h"

static const char deactivate[] = "{\"op\":\"Replace\",\"path\":\"active\",\"value\":false}";

START_TEST(unchanged_answers_200_and_applies_nothing)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit.fault = MIRO_FAULT_UNCHANGED;
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 200);
    ck_assert(cJSON_IsTrue(json_get(kit.json, "active")));
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), 204);
    ck_assert(u->active && !u->deleted && !kit.reply.applied);
    ck_assert_int_eq(
        kit_patch("Groups", miro_team_at(kit.m, 0)->id, "{\"op\":\"Remove\",\"path\":\"members\"}"), 200);
    ck_assert_uint_eq(miro_team_at(kit.m, 0)->n_members, 1);
    ck_assert_int_eq(kit_patch("Users", u->id, "{\"op\":\"Replace\",\"path\":\"active\",\"value\":3}"), 400);
}
END_TEST

START_TEST(not_stored_answers_201_and_stores_nothing)
{
    kit.fault = MIRO_FAULT_NOT_STORED;
    ck_assert_int_eq(kit_call("POST", "/Users", "{\"userName\":\"ann@example.com\"}"), 201);
    ck_assert_str_eq(kit_string("userName"), "ann@example.com");
    ck_assert_uint_eq(miro_users_n(kit.m), 0);
    kit.fault = MIRO_FAULT_NONE;
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", kit_string("id")), 404);
}
END_TEST

START_TEST(stale_read_answers_from_before_the_last_write)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit.fault = MIRO_FAULT_STALE_READ;
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 404);
    kit_call("GET", "/Users?filter=userName%20eq%20%22ann@example.com%22", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 0);
    kit.fault = MIRO_FAULT_NONE;
    kit_patch("Users", u->id, deactivate);
    kit.fault = MIRO_FAULT_STALE_READ;
    kit_callf("GET", NULL, "/Users/%s", u->id);
    ck_assert(cJSON_IsTrue(json_get(kit.json, "active")));
    kit.fault = MIRO_FAULT_NONE;
    kit_callf("GET", NULL, "/Users/%s", u->id);
    ck_assert(cJSON_IsFalse(json_get(kit.json, "active")));
    kit_callf("DELETE", NULL, "/Users/%s", u->id);
    kit.fault = MIRO_FAULT_STALE_READ;
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 200);
}
END_TEST

START_TEST(stale_read_of_a_group_shows_the_old_members)
{
    const struct miro_user *u = kit_user("ann@example.com");
    const struct miro_team *t = miro_add_team(kit.m, "Design");
    char operations[200];
    snprintf(operations, sizeof operations,
             "{\"op\":\"Add\",\"path\":\"members\",\"value\":[{\"value\":\"%s\"}]}", u->id);
    kit_patch("Groups", t->id, operations);
    kit.fault = MIRO_FAULT_STALE_READ;
    kit_callf("GET", NULL, "/Groups/%s", t->id);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(kit.json, "members")), 0);
}
END_TEST

static const struct {
    enum miro_fault fault;
    int status;
    const char *scim_type, *retry_after;
} statuses[] = {
    {MIRO_FAULT_401, 401, "(none)", ""},          {MIRO_FAULT_403, 403, "(none)", ""},
    {MIRO_FAULT_429, 429, "tooManyRequests", ""}, {MIRO_FAULT_429_RETRY_AFTER, 429, "tooManyRequests", "30"},
    {MIRO_FAULT_500, 500, "(none)", ""},          {MIRO_FAULT_502, 502, "(none)", ""},
    {MIRO_FAULT_503, 503, "(none)", ""},          {MIRO_FAULT_504, 504, "(none)", ""},
};

START_TEST(a_status_fault_applies_nothing)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit.fault = statuses[_i].fault;
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), statuses[_i].status);
    ck_assert_str_eq(kit_string("scimType"), statuses[_i].scim_type);
    ck_assert_str_eq(kit.reply.retry_after, statuses[_i].retry_after);
    ck_assert(u->active);
    enum miro_fault parsed;
    ck_assert(miro_fault_parse(miro_fault_name(statuses[_i].fault), &parsed));
    ck_assert_int_eq(parsed, statuses[_i].fault);
}
END_TEST

START_TEST(an_applied_500_has_applied)
{
    const struct miro_user *u = kit_user("ann@example.com");
    kit.fault = MIRO_FAULT_500_APPLIED;
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 500);
    ck_assert(!u->active && kit.reply.applied);
}
END_TEST

START_TEST(a_partial_group_patch_leaves_half_a_team)
{
    struct buf b;
    const struct miro_team *t = miro_add_team(kit.m, "Design");
    buf_init(&b, 10000);
    buf_adds(&b, "{\"op\":\"Replace\",\"path\":\"members\",\"value\":[");
    for (int i = 0; i < 10; i++) {
        char name[40];
        snprintf(name, sizeof name, "user%d@example.com", i);
        buf_addf(&b, "%s{\"value\":\"%s\"}", i ? "," : "", kit_user(name)->id);
    }
    buf_adds(&b, "]}");
    kit.fault = MIRO_FAULT_PARTIAL;
    ck_assert_int_eq(kit_patch("Groups", t->id, b.p), 504);
    ck_assert_uint_eq(t->n_members, 5);
    kit.fault = MIRO_FAULT_NONE;
    ck_assert_int_eq(kit_patch("Groups", t->id, b.p), 200);
    ck_assert_uint_eq(t->n_members, 10);
    buf_done(&b);
}
END_TEST

/* ---- state --------------------------------------------------------------------------------------------- */

START_TEST(the_state_survives_a_dump_and_a_load)
{
    struct buf first, second;
    struct error err;
    const struct miro_user *u = kit_user("ann@example.com");
    kit_user("bob@example.com");
    miro_join_team(kit.m, miro_team_at(kit.m, 0)->id, u->id, true);
    kit_patch("Users", u->id,
              "{\"op\":\"Replace\",\"path\":\"displayName\",\"value\":\"Ann \\\"A\\\" \\u00e4\"}");
    kit_patch("Users", u->id,
              "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"Content Admin\"}]}");
    kit_callf("DELETE", NULL, "/Users/%s", miro_user_by_name(kit.m, "bob@example.com")->id);
    miro_add_user(kit.m, &(struct miro_user_spec){.userName = "g@example.com", .guest = true}, kit.now_ms);
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    miro_dump_json(kit.m, &first);
    struct miro *other = miro_new(&kit.cfg);
    ck_assert_msg(miro_load_json(other, buf_str(&first), kit.now_ms, &err), "%s", err.message);
    miro_dump_json(other, &second);
    ck_assert_str_eq(first.p, second.p); /* the versions of ETags too */
    ck_assert_uint_eq(miro_user_by_name(other, "ann@example.com")->n_history, 1);
    miro_free(other);
    buf_done(&first);
    buf_done(&second);
}
END_TEST

START_TEST(loads_a_fixture_written_by_hand)
{
    static const char fixture[] =
        "{\"users\":[{\"userName\":\"ann@example.com\"},{\"userName\":\"bob@example.com\",\"active\":false,"
        "\"attributes\":{\"displayName\":\"Bob\"}}],"
        "\"teams\":[{\"displayName\":\"Design\",\"members\":[\"bob@example.com\"],\"admins\":[\"ann@example."
        "com\"]}]}";
    struct error err;
    ck_assert_msg(miro_load_json(kit.m, str_of(fixture), kit.now_ms, &err), "%s", err.message);
    const struct miro_team *t = miro_team_by_name(kit.m, "Design");
    ck_assert_uint_eq(t->n_members, 2);
    ck_assert_uint_eq(t->n_admins, 1);
    ck_assert(!miro_user_by_name(kit.m, "bob@example.com")->active);
    ck_assert_ptr_nonnull(miro_team_by_name(kit.m, "Everybody"));
    kit_user("new@example.com");
    ck_assert_uint_eq(miro_users_n(kit.m), 3);
}
END_TEST

static const char *const bad_states[] = {
    "[]",
    "{",
    "{\"users\":[{\"userName\":\"ann\"}]}",
    "{\"users\":[{\"userName\":\"a@b.example\"},{\"userName\":\"A@b.example\"}]}",
    "{\"users\":[{\"userName\":\"a@b.example\",\"id\":\"x\"}]}",
    "{\"users\":[{\"userName\":\"a@b.example\",\"id\":\"1\"},{\"userName\":\"c@b.example\",\"id\":\"1\"}]}",
    "{\"users\":[{\"userName\":\"a@b.example\",\"role\":\"king\"}]}",
    "{\"teams\":[{}]}",
    "{\"users\":{\"userName\":\"a@b.example\"}}",
    "{\"teams\":7}",
    "{\"teams\":[{\"displayName\":\"x\",\"members\":[\"nobody\"]}]}",
};

START_TEST(a_bad_state_changes_nothing)
{
    struct error err;
    kit_user("ann@example.com");
    ck_assert(!miro_load_json(kit.m, str_of(bad_states[_i]), kit.now_ms, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_nonnull(miro_user_by_name(kit.m, "ann@example.com"));
}
END_TEST

START_TEST(the_same_requests_give_the_same_state)
{
    struct buf dumps[2];
    for (int i = 0; i < 2; i++) {
        kit_teardown();
        kit_setup();
        kit_user("ann@example.com");
        kit_patch("Users", kit_user("bob@example.com")->id, deactivate);
        buf_init(&dumps[i], 1 << 20);
        miro_dump_json(kit.m, &dumps[i]);
    }
    ck_assert_str_eq(dumps[0].p, dumps[1].p);
    kit_teardown();
    kit_config();
    kit.cfg.seed = 7;
    kit_start();
    ck_assert_ptr_null(strstr(dumps[0].p, kit_user("ann@example.com")->id));
    buf_done(&dumps[0]);
    buf_done(&dumps[1]);
}
END_TEST

/* ---- rules --------------------------------------------------------------------------------------------- */

static struct faults rules;

static bool add(const char *json)
{
    cJSON *tree = NULL;
    struct error err;
    ck_assert(json_parse(str_of(json), &tree, &err));
    bool done = faults_add_json(&rules, tree, &err);
    cJSON_Delete(tree);
    return done;
}

static const char *pick(const char *method, const char *target, const char *body, const char *name)
{
    struct miro_request rq = {
        .method = method, .target = target, .body = body, .body_n = body ? strlen(body) : 0};
    const struct fault_rule *r = faults_pick(&rules, &rq, name);
    return r ? r->name : "none";
}

START_TEST(a_rule_matches_method_path_and_text)
{
    ck_assert(add("[{\"fault\":\"timeout\",\"method\":\"PATCH\",\"path\":\"/Users\",\"match\":\"ann@\"},"
                  "{\"fault\":\"503\",\"path\":\"/Groups\"}]"));
    ck_assert_str_eq(pick("PATCH", "/api/v1/scim/Users/1", "x ann@example.com", NULL), "timeout");
    ck_assert_str_eq(pick("PATCH", "/Users/1", "{}", "Ann@example.com"), "timeout");
    ck_assert_str_eq(pick("PATCH", "/Users/1", "{}", "bob@example.com"), "none");
    ck_assert_str_eq(pick("GET", "/Users?filter=ann@", NULL, NULL), "none");
    ck_assert_str_eq(pick("GET", "/api/v1/scim/Groups", NULL, NULL), "503");
    faults_done(&rules);
}
END_TEST

START_TEST(a_rule_has_skips_and_times)
{
    ck_assert(add("{\"fault\":\"500\",\"skip\":1,\"times\":2}"));
    static const char *const expected[] = {"none", "500", "500", "none"};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        ck_assert_str_eq(pick("GET", "/Users", NULL, NULL), expected[i]);
    ck_assert_int_eq((int)rules.v[0].hits, 2);
    faults_done(&rules);
}
END_TEST

START_TEST(a_probability_is_kept_and_repeatable)
{
    int hits[2] = {0};
    bool same = true;
    static bool first[10000];
    for (int run = 0; run < 2; run++) {
        ck_assert(add("{\"fault\":\"500\",\"probability\":0.1,\"seed\":42}"));
        for (int i = 0; i < 10000; i++) {
            bool hit = strcmp(pick("GET", "/Users", NULL, NULL), "500") == 0;
            hits[run] += hit;
            same = same && (run == 0 || first[i] == hit);
            first[i] = hit;
        }
        faults_done(&rules);
    }
    ck_assert(same);
    ck_assert_int_gt(hits[0], 850);
    ck_assert_int_lt(hits[0], 1150);
}
END_TEST

START_TEST(refuses_a_bad_rule)
{
    static const char *const bad[] = {"{}",
                                      "{\"fault\":\"flood\"}",
                                      "{\"fault\":\"none\"}",
                                      "7",
                                      "{\"fault\":\"500\",\"time\":1}",
                                      "{\"fault\":\"500\",\"probability\":2}",
                                      "{\"fault\":\"slow\",\"delay_ms\":-1}",
                                      "{\"fault\":\"slow\",\"delay_ms\":1e30}",
                                      "{\"fault\":\"500\",\"path\":7}",
                                      "{\"fault\":\"drop\",\"hold\":\"true\"}",
                                      "[{\"fault\":\"500\"},{\"fault\":\"x\"}]"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert_msg(!add(bad[i]), "%s", bad[i]);
        ck_assert_uint_eq(rules.n, 0);
    }
    faults_done(&rules);
}
END_TEST

/* ---- small parts --------------------------------------------------------------------------------------- */

START_TEST(the_index_finds_what_is_left_after_removals)
{
    enum { N = 5000 };
    static char keys[N][16];
    struct index ix = {0};
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "Key%d", i);
        index_put(&ix, keys[i], keys[i]);
    }
    for (int i = 0; i < N; i += 3)
        index_remove(&ix, keys[i]);
    for (int i = 0; i < N; i++) {
        char key[16];
        snprintf(key, sizeof key, "kEY%d", i);
        ck_assert_ptr_eq(index_get(&ix, key, strlen(key)), i % 3 ? keys[i] : NULL);
    }
    index_done(&ix);
}
END_TEST

static int64_t fired[1000];
static int n_fired;

static void fire(void *ctx)
{
    fired[n_fired++] = *(int64_t *)ctx;
}

START_TEST(timers_fire_in_order)
{
    enum { N = 500 };
    static int64_t at[N];
    static struct timer timers[N];
    struct timers ts = {0};
    uint64_t random = 1;
    for (int i = 0; i < N; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        at[i] = (int64_t)(random >> 50);
        timers[i] = (struct timer){.fn = fire, .ctx = &at[i]};
        timer_set(&ts, &timers[i], at[i]);
    }
    for (int i = 0; i < N; i += 5)
        timer_clear(&ts, &timers[i]);
    timers_run(&ts, INT64_MAX);
    ck_assert_int_eq(n_fired, N - N / 5);
    for (int i = 1; i < n_fired; i++)
        ck_assert(fired[i - 1] <= fired[i]);
    ck_assert_int_eq((int)timers_next_ms(&ts, 0), -1);
    timers_done(&ts);
}
END_TEST

START_TEST(the_journal_forgets_the_oldest)
{
    struct journal j;
    struct buf b;
    struct json_out w;
    struct miro_request rq = {.method = "POST", .target = "/Users", .body = "\xff", .body_n = 1};
    journal_init(&j, 3);
    for (int i = 0; i < 5; i++)
        journal_add(&j, &rq, 1000 + i);
    ck_assert_ptr_null(journal_find(&j, 2));
    ck_assert_int_eq((int)journal_find(&j, 3)->arrived_ms, 1002);
    buf_init(&b, 10000);
    json_out_init(&w, &b);
    journal_put_json(&j, 0, 2, &w);
    ck_assert(json_check(buf_str(&b), NULL));
    ck_assert_ptr_nonnull(strstr(b.p, "\"last\":5"));
    ck_assert_ptr_nonnull(strstr(b.p, "\"next\":4"));
    ck_assert_ptr_nonnull(strstr(b.p, "(not UTF-8)"));
    buf_done(&b);
    journal_done(&j);
}
END_TEST

static const struct {
    const char *args[4];
    bool good;
} command_lines[] = {
    {{"--port", "8080"}, true},
    {{"--port=8080", "--enforce-limits=false", "--retry-after"}, true},
    {{"--duplicate-status", "400", "--window=fixed"}, true},
    {{"--allowed-domains", "a.example,b.example", "--allowed-domains=c.example"}, true},
    {{"--window-scale", "0.02"}, true},
    {{"--port"}, false},
    {{"--port", "x"}, false},
    {{"--port", "70000"}, false},
    {{"--duplicate-status", "500"}, false},
    {{"--window", "round"}, false},
    {{"--window-scale", "0"}, false},
    {{"--retry-after=maybe"}, false},
    {{"--unknown"}, false},
    {{"port"}, false},
};

START_TEST(reads_the_command_line)
{
    char *argv[6] = {(char *)"miro-sandbox"};
    int argc = 1;
    struct settings s;
    struct error err;
    for (; argc < 5 && command_lines[_i].args[argc - 1]; argc++)
        argv[argc] = (char *)command_lines[_i].args[argc - 1];
    ck_assert_int_eq(settings_parse(argc, argv, &s, &err), command_lines[_i].good);
    settings_done(&s);
}
END_TEST

START_TEST(options_reach_the_configuration)
{
    char *argv[] = {(char *)"x",
                    (char *)"--window-scale=0.02",
                    (char *)"--group-mode=user_group",
                    (char *)"--rates",
                    (char *)"help",
                    (char *)"--claimed-domains=a.example,b.example",
                    (char *)"--enforce-limits=false"};
    struct settings s;
    struct error err;
    ck_assert(settings_parse((int)ARRAY_SIZE(argv), argv, &s, &err));
    ck_assert_int_eq((int)s.miro.window_ms, 600);
    ck_assert_int_eq(s.miro.group_mode, MIRO_USER_GROUPS);
    ck_assert_int_eq(s.miro.rates, MIRO_RATES_HELP);
    ck_assert_str_eq(s.miro.claimed_domains[1], "b.example");
    ck_assert_ptr_null(s.miro.claimed_domains[2]);
    ck_assert(!s.miro.enforce_limits);
    settings_done(&s);
}
END_TEST

/* The README's tables name every option: the help is made from the same rows. */
START_TEST(every_option_is_documented)
{
    char path[500], option[100];
    struct buf text, list;
    struct json_out w;
    struct settings s;
    cJSON *all;
    struct error err;
    snprintf(path, sizeof path, "%.*s../sandbox/README.md", (int)(strrchr(__FILE__, '/') + 1 - __FILE__),
             __FILE__);
    FILE *f = fopen(path, "re");
    ck_assert_msg(f != NULL, "%s", path);
    buf_init(&text, 1 << 20);
    for (int c; (c = getc(f)) != EOF;)
        buf_addc(&text, (char)c);
    fclose(f);
    buf_init(&list, 1 << 16);
    json_out_init(&w, &list);
    settings_default(&s);
    s.miro.token = "t";
    settings_put_json(&s, &w, NULL);
    ck_assert(json_parse(buf_str(&list), &all, &err));
    for (const cJSON *el = all->child; el; el = el->next) {
        snprintf(option, sizeof option, "--%s", el->string);
        ck_assert_msg(strstr(text.p, option) != NULL, "%s is not in %s", option, path);
    }
    cJSON_Delete(all);
    buf_done(&text);
    buf_done(&list);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox faults");
    TCase *t = tcase_create("core");
    tcase_add_checked_fixture(t, kit_setup, kit_teardown);
    tcase_add_test(t, unchanged_answers_200_and_applies_nothing);
    tcase_add_test(t, not_stored_answers_201_and_stores_nothing);
    tcase_add_test(t, stale_read_answers_from_before_the_last_write);
    tcase_add_test(t, stale_read_of_a_group_shows_the_old_members);
    tcase_add_loop_test(t, a_status_fault_applies_nothing, 0, (int)ARRAY_SIZE(statuses));
    tcase_add_test(t, an_applied_500_has_applied);
    tcase_add_test(t, a_partial_group_patch_leaves_half_a_team);
    tcase_add_test(t, every_option_is_documented);
    tcase_add_test(t, the_state_survives_a_dump_and_a_load);
    tcase_add_test(t, loads_a_fixture_written_by_hand);
    tcase_add_loop_test(t, a_bad_state_changes_nothing, 0, (int)ARRAY_SIZE(bad_states));
    tcase_add_test(t, the_same_requests_give_the_same_state);
    suite_add_tcase(s, t);
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, a_rule_matches_method_path_and_text);
    tcase_add_test(parts, a_rule_has_skips_and_times);
    tcase_add_test(parts, a_probability_is_kept_and_repeatable);
    tcase_add_test(parts, refuses_a_bad_rule);
    tcase_add_test(parts, the_index_finds_what_is_left_after_removals);
    tcase_add_test(parts, timers_fire_in_order);
    tcase_add_test(parts, the_journal_forgets_the_oldest);
    tcase_add_loop_test(parts, reads_the_command_line, 0, (int)ARRAY_SIZE(command_lines));
    tcase_add_test(parts, options_reach_the_configuration);
    suite_add_tcase(s, parts);
    return kit_run(s);
}
