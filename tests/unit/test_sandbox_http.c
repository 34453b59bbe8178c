/* The sandbox as a client meets it: over HTTP, served by a thread of this program. */
#include "test_sandbox_client.h"
#include "test_lib.h"

#include <unistd.h>

static const char ann[] = "{\"userName\":\"ann@example.com\"}";

/* ---- tests --------------------------------------------------------------------------------------------- */

START_TEST(serves_scim_and_a_page)
{
    struct answer a = call("POST", "/api/v1/scim/Users", ann);
    ck_assert_int_eq(a.status, 201);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "Location: https://miro.com/api/v1/scim/Users/"));
    ck_assert_ptr_nonnull(strstr(a.headers.p, "Content-Type: application/scim+json"));
    done(&a);
    a = call("GET", "/_sandbox/", NULL);
    ck_assert_int_eq(a.status, 200);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "text/html"));
    ck_assert_ptr_nonnull(strstr(a.body.p, "ann@example.com"));
    done(&a);
    a = call("GET", "/_sandbox/state", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(a.json, "users")), 2);
    done(&a);
    ck_assert_int_eq(status("GET", "/_sandbox/nothing", NULL), 404);
    ck_assert_int_eq(status("PUT", "/_sandbox/journal", "{}"), 405);
    ck_assert_int_eq(status("GET", "/elsewhere", NULL), 404);
}
END_TEST

START_TEST(journals_every_request)
{
    status("POST", "/api/v1/scim/Users", ann);
    status("GET", "/api/v1/scim/Users?count=1", NULL);
    struct answer a = call("GET", "/_sandbox/journal?since=0", NULL);
    const cJSON *entries = json_get(a.json, "entries"), *first = cJSON_GetArrayItem(entries, 0);
    int64_t arrived = 0, applied = 0, http = 0;
    ck_assert_int_eq(cJSON_GetArraySize(entries), 2);
    ck_assert_str_eq(json_string(first, "method"), "POST");
    ck_assert_str_eq(json_string(first, "path"), "/api/v1/scim/Users");
    ck_assert_str_eq(json_string(first, "body"), ann);
    ck_assert_str_eq(json_string(first, "name"), "ann@example.com");
    ck_assert_str_eq(json_string(first, "class"), "POST /Users");
    ck_assert(json_int64(first, "arrivedAt", &arrived) && json_int64(first, "appliedAt", &applied));
    ck_assert(applied >= arrived && arrived > 1600000000000);
    ck_assert(json_int64(first, "status", &http) && http == 201);
    ck_assert(cJSON_IsNull(json_get(cJSON_GetArrayItem(entries, 1), "appliedAt")));
    done(&a);
    a = call("GET", "/_sandbox/journal?since=1&limit=5", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(a.json, "entries")), 1);
    done(&a);
    ck_assert_int_eq(status("DELETE", "/_sandbox/journal", NULL), 200);
}
END_TEST

START_TEST(drops_after_commit)
{
    fault("{\"fault\":\"drop_after_commit\",\"method\":\"POST\",\"times\":1}");
    ck_assert_int_eq(code("POST", "/api/v1/scim/Users", ann, 10000), CURLE_GOT_NOTHING);
    ck_assert_int_eq(count("ann@example.com"), 1);
    ck_assert_int_eq(status("POST", "/api/v1/scim/Users", ann), 409);
}
END_TEST

START_TEST(drops_before_commit)
{
    fault("{\"fault\":\"drop\",\"method\":\"POST\",\"times\":1}");
    ck_assert_int_eq(code("POST", "/api/v1/scim/Users", ann, 10000), CURLE_GOT_NOTHING);
    ck_assert_int_eq(count("ann@example.com"), 0);
}
END_TEST

START_TEST(never_answers_and_does_not_apply)
{
    fault("{\"fault\":\"timeout\",\"method\":\"POST\",\"times\":1}");
    ck_assert_int_eq(code("POST", "/api/v1/scim/Users", ann, 100), CURLE_OPERATION_TIMEDOUT);
    ck_assert_int_eq(count("ann@example.com"), 0);
}
END_TEST

static void applies_late(const char *rule, long patience_ms, CURLcode expected)
{
    fault(rule);
    ck_assert_int_eq(code("POST", "/api/v1/scim/Users", ann, patience_ms), expected);
    while (count("ann@example.com") == 0)
        ; /* the test's time limit ends a wait in vain */
    struct answer a = call("GET", "/_sandbox/journal", NULL);
    const cJSON *e = cJSON_GetArrayItem(json_get(a.json, "entries"), 0);
    bool late = false;
    int64_t arrived = 0, applied = 0;
    ck_assert(json_bool(e, "late", &late) && late);
    ck_assert(json_int64(e, "arrivedAt", &arrived) && json_int64(e, "appliedAt", &applied));
    ck_assert_int_ge(applied - arrived, 400);
    ck_assert_str_eq(json_string(e, "fault"), "apply_late");
    done(&a);
}

START_TEST(applies_after_the_connection_was_closed)
{
    applies_late("{\"fault\":\"apply_late\",\"method\":\"POST\",\"delay_ms\":400}", 10000, CURLE_GOT_NOTHING);
}
END_TEST

START_TEST(applies_after_the_client_has_gone)
{
    applies_late("{\"fault\":\"apply_late\",\"method\":\"POST\",\"delay_ms\":400,\"hold\":true}", 100,
                 CURLE_OPERATION_TIMEDOUT);
}
END_TEST

START_TEST(a_reset_forgets_what_was_to_be_applied_late)
{
    fault("{\"fault\":\"apply_late\",\"method\":\"POST\",\"delay_ms\":100}");
    code("POST", "/api/v1/scim/Users", ann, 1000);
    ck_assert_int_eq(status("POST", "/_sandbox/reset", NULL), 200);
    fault("{\"fault\":\"slow\",\"method\":\"GET\",\"delay_ms\":200}");
    ck_assert_int_eq(status("GET", "/api/v1/scim/Users", NULL), 200); /* longer than the delay */
    ck_assert_int_eq(count("ann@example.com"), 0);
    struct answer a = call("GET", "/_sandbox/journal", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(a.json, "entries")), 1);
    done(&a);
}
END_TEST

START_TEST(answers_slowly)
{
    fault("{\"fault\":\"slow\",\"method\":\"POST\",\"delay_ms\":5000,\"times\":1}");
    ck_assert_int_eq(code("POST", "/api/v1/scim/Users", ann, 100), CURLE_OPERATION_TIMEDOUT);
    ck_assert_int_eq(count("ann@example.com"), 1);
    ck_assert_int_eq(status("POST", "/api/v1/scim/Users", "{\"userName\":\"bob@example.com\"}"), 201);
}
END_TEST

START_TEST(gives_statuses_by_rule)
{
    fault("[{\"fault\":\"503\",\"times\":1},{\"fault\":\"429_retry_after\",\"times\":1}]");
    ck_assert_int_eq(status("GET", "/api/v1/scim/Users", NULL), 503);
    struct answer a = call("GET", "/api/v1/scim/Users", NULL);
    ck_assert_int_eq(a.status, 429);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "Retry-After: 30"));
    done(&a);
    ck_assert_int_eq(status("DELETE", "/_sandbox/faults", NULL), 200);
    ck_assert_int_eq(status("POST", "/_sandbox/faults", "{\"fault\":\"flood\"}"), 400);
    ck_assert_int_eq(status("POST", "/_sandbox/faults", "{"), 400);
}
END_TEST

START_TEST(refuses_a_body_over_the_limit)
{
    char *body = malloc(3000001);
    memset(body, ' ', 3000000);
    body[3000000] = '\0';
    ck_assert_int_eq(status("POST", "/api/v1/scim/Users", body), 413);
    body[900000] = '\0';
    ck_assert_int_eq(status("POST", "/api/v1/scim/Users", body), 413);
    free(body);
}
END_TEST

START_TEST(people_can_be_added_behind_the_clients_back)
{
    ck_assert_int_eq(status("POST", "/_sandbox/users", "{\"userName\":\"guest@example.com\",\"guest\":true}"),
                     201);
    ck_assert_int_eq(count("guest@example.com"), 0);
    ck_assert_int_eq(status("POST", "/_sandbox/teams", "{\"displayName\":\"Design\"}"), 201);
    ck_assert_int_eq(status("POST", "/_sandbox/teams", "{\"displayName\":\"Design\"}"), 400);
    ck_assert_int_eq(status("PUT", "/_sandbox/state", "{\"users\":[{\"userName\":\"new@example.com\"}]}"),
                     200);
    ck_assert_int_eq(count("new@example.com"), 1);
    ck_assert_int_eq(status("PUT", "/_sandbox/state", "[]"), 400);
    ck_assert_int_eq(status("POST", "/_sandbox/users", "{\"userName\":\"no address\"}"), 400);
    ck_assert_int_eq(status("POST", "/_sandbox/scim/Users", ann), 201);
    struct answer a = call("GET", "/_sandbox/limits", NULL);
    const cJSON *classes = json_get(a.json, "classes");
    int64_t arrivals = -1;
    ck_assert(json_int64(cJSON_GetArrayItem(classes, 2), "arrivals", &arrivals));
    ck_assert_int_eq(arrivals, 0);
    done(&a);
}
END_TEST

/* Bursts of exactly k × 128 requests are those that libmicrohttpd's own epoll loop leaves hanging. */
START_TEST(answers_bursts_of_any_size_after_the_latency)
{
    static const int sizes[] = {127, 128, 256, 1000};
    enum { MOST = 1000 };
    settings.latency_ms = 50;
    start();
    static struct answer answers[MOST];
    static CURL *handles[MOST];
    int n = sizes[_i], running = 1;
    CURLM *multi = curl_multi_init();
    struct curl_slist *headers = scim_headers();
    for (int i = 0; i < n; i++) {
        answers[i] = (struct answer){0};
        handles[i] = prepare(&answers[i], "GET", "/api/v1/scim/Users", NULL, headers);
        curl_multi_add_handle(multi, handles[i]);
    }
    while (running > 0) {
        curl_multi_perform(multi, &running);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int i = 0; i < n; i++) {
        double seconds = 0;
        curl_easy_getinfo(handles[i], CURLINFO_RESPONSE_CODE, &answers[i].status);
        curl_easy_getinfo(handles[i], CURLINFO_TOTAL_TIME, &seconds);
        ck_assert_int_eq(answers[i].status, 200);
        ck_assert_double_ge(seconds, 0.045);
        curl_multi_remove_handle(multi, handles[i]);
        curl_easy_cleanup(handles[i]);
        done(&answers[i]);
    }
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
}
END_TEST

START_TEST(enforces_limits_and_counts_what_it_refused)
{
    settings.miro.enforce_limits = true;
    settings.miro.rate_headers = true;
    start();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(status("GET", "/api/v1/scim/Groups", NULL), 200);
    struct answer a = call("GET", "/api/v1/scim/Groups", NULL);
    ck_assert_int_eq(a.status, 429);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "X-RateLimit-Remaining: 0"));
    ck_assert_ptr_null(strstr(a.headers.p, "Retry-After"));
    done(&a);
    int64_t over = 0;
    a = call("GET", "/_sandbox/limits", NULL);
    ck_assert(json_int64(a.json, "over", &over));
    ck_assert_int_eq(over, 1);
    done(&a);
    ck_assert_int_eq(status("DELETE", "/_sandbox/limits", NULL), 200);
}
END_TEST

START_TEST(ends_with_requests_hanging)
{
    start();
    fault("[{\"fault\":\"timeout\",\"method\":\"GET\"},{\"fault\":\"apply_late\",\"method\":\"POST\",\"delay_"
          "ms\":100000,\"hold\":true}]");
    CURLM *multi = curl_multi_init();
    struct curl_slist *headers = scim_headers();
    struct answer answers[2] = {0};
    CURL *handles[2] = {prepare(&answers[0], "GET", "/api/v1/scim/Users", NULL, headers),
                        prepare(&answers[1], "POST", "/api/v1/scim/Users", ann, headers)};
    int running = 2;
    for (int i = 0; i < 2; i++)
        curl_multi_add_handle(multi, handles[i]);
    for (bool both = false; !both;) {
        curl_multi_perform(multi, &running);
        struct answer a = call("GET", "/_sandbox/journal", NULL);
        both = cJSON_GetArraySize(json_get(a.json, "entries")) == 2;
        done(&a);
    }
    ck_assert_int_eq(running, 2);
    teardown();
    while (running > 0) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
    for (int i = 0; i < 2; i++) {
        curl_multi_remove_handle(multi, handles[i]);
        curl_easy_cleanup(handles[i]);
        done(&answers[i]);
    }
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
}
END_TEST

/* How many members the group has, asked behind the limits and faults. */
static int members_of(const char *group)
{
    char path[200];
    snprintf(path, sizeof path, "/_sandbox/scim/Groups/%s", group);
    struct answer a = call("GET", path, NULL);
    int n = cJSON_GetArraySize(json_get(a.json, "members"));
    done(&a);
    return n;
}

/* A team and a PATCH that adds four users to it; the caller frees what comes back. */
static char *four_members(char group[24])
{
    struct buf body;
    struct answer a = call("POST", "/_sandbox/teams", "{\"displayName\":\"Design\"}");
    snprintf(group, 24, "%s", json_string(a.json, "id"));
    done(&a);
    buf_init(&body, 4096);
    buf_adds(
        &body,
        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":\"Add\","
        "\"path\":\"members\",\"value\":[");
    for (int i = 0; i < 4; i++) {
        char user[100];
        snprintf(user, sizeof user, "{\"userName\":\"user%d@example.com\"}", i);
        a = call("POST", "/_sandbox/users", user);
        buf_addf(&body, "%s{\"value\":\"%s\"}", i ? "," : "", json_string(a.json, "id"));
        done(&a);
    }
    buf_adds(&body, "]}]}");
    return buf_take(&body);
}

START_TEST(a_large_group_patch_is_half_done_when_the_client_gives_up)
{
    char group[24], path[100];
    settings.slow_group_patch_members = 3;
    settings.slow_group_patch_ms = 500;
    start();
    char *body = four_members(group);
    snprintf(path, sizeof path, "/api/v1/scim/Groups/%s", group);
    ck_assert_int_eq(code("PATCH", path, body, 100), CURLE_OPERATION_TIMEDOUT);
    ck_assert_int_eq(members_of(group), 2);
    while (members_of(group) < 4)
        ; /* Miro goes on */
    struct answer a = call("GET", "/_sandbox/journal", NULL);
    ck_assert(cJSON_IsTrue(json_get(cJSON_GetArrayItem(json_get(a.json, "entries"), 0), "late")));
    done(&a);
    free(body);
}
END_TEST

START_TEST(a_large_group_patch_is_answered_in_the_end)
{
    char group[24], path[100];
    settings.slow_group_patch_members = 3;
    settings.slow_group_patch_ms = 50;
    start();
    char *body = four_members(group);
    snprintf(path, sizeof path, "/api/v1/scim/Groups/%s", group);
    ck_assert_int_eq(status("PATCH", path, body), 200);
    ck_assert_int_eq(members_of(group), 4);
    free(body);
}
END_TEST

START_TEST(settings_change_and_come_back_with_a_reset)
{
    ck_assert_int_eq(
        status("PATCH", "/_sandbox/settings",
               "{\"scim-disabled\":true,\"allowed-domains\":[\"a.com\",\"b.com\"],\"window-scale\":0.5}"),
        200);
    ck_assert_int_eq(status("GET", "/api/v1/scim/Users", NULL), 403);
    struct answer a = call("GET", "/_sandbox/settings", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(a.json, "allowed-domains")), 2);
    done(&a);
    ck_assert_int_eq(status("PATCH", "/_sandbox/settings", "{\"scim-disabled\":false,\"port\":1}"), 400);
    ck_assert_int_eq(status("PATCH", "/_sandbox/settings", "{\"group-mode\":\"gang\"}"), 400);
    ck_assert_int_eq(status("GET", "/api/v1/scim/Users", NULL), 403);
    ck_assert_int_eq(status("PATCH", "/_sandbox/settings", "{\"scim-disabled\":false,\"token\":\"other\"}"),
                     200);
    ck_assert_int_eq(status("GET", "/api/v1/scim/Users", NULL), 401);
    ck_assert_int_eq(status("POST", "/_sandbox/reset", NULL), 200);
    ck_assert_int_eq(status("POST", "/api/v1/scim/Users", ann), 201);
}
END_TEST

START_TEST(serves_rest_on_the_same_port)
{
    char path[200];
    status("POST", "/api/v1/scim/Users", ann);
    ck_assert_int_eq(
        status("POST", "/_sandbox/activity", "{\"userName\":\"ann@example.com\",\"at\":1700000000000}"), 200);
    struct answer a = call("GET", "/v1/oauth-token", NULL);
    ck_assert_int_eq(a.status, 200);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "Content-Type: application/json"));
    ck_assert_ptr_nonnull(strstr(a.headers.p, "X-RateLimit-Remaining: 99950"));
    snprintf(path, sizeof path, "/v2/orgs/%s/members?emails=ann@example.com",
             json_string(json_get(a.json, "organization"), "id"));
    done(&a);
    a = call("GET", path, NULL);
    ck_assert_int_eq(a.status, 200);
    ck_assert_ptr_nonnull(strstr(a.body.p, "\"lastActivityAt\":\"2023-11-14T22:13:20.000Z\""));
    done(&a);
    a = call("GET", "/_sandbox/journal?since=2", NULL);
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(json_get(a.json, "entries"), 0), "class"),
                     "REST level 3");
    done(&a);
    a = call("GET", "/_sandbox/limits", NULL);
    int64_t used = 0;
    ck_assert(json_int64(cJSON_GetArrayItem(json_get(a.json, "rest"), 0), "used", &used) && used == 550);
    done(&a);
}
END_TEST

START_TEST(writes_a_state_that_it_starts_with)
{
    struct error err;
    char path[] = "/tmp/sandbox-state-XXXXXX";
    close(mkstemp(path));
    status("POST", "/api/v1/scim/Users", ann);
    struct answer before = call("GET", "/_sandbox/state", NULL);
    ck_assert_msg(sandbox_write_state(sb, path, &err), "%s", err.message);
    teardown();
    setup();
    settings.state_file = path;
    start();
    ck_assert_int_eq(count("ann@example.com"), 1);
    struct answer after = call("GET", "/_sandbox/state", NULL);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(after.json, "audit")),
                     cJSON_GetArraySize(json_get(before.json, "audit")));
    ck_assert_int_gt(cJSON_GetArraySize(json_get(after.json, "audit")), 0);
    done(&before);
    done(&after);
    unlink(path);
}
END_TEST

START_TEST(sends_etags_and_takes_preconditions)
{
    settings.miro.etag = MIRO_ETAG_ON;
    start();
    struct answer a = call("POST", "/api/v1/scim/Users", ann);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "ETag: W/\"1\""));
    done(&a);
    a = call("PUT", "/api/v1/scim/Users", "{}");
    ck_assert_int_eq(a.status, 405);
    ck_assert_ptr_nonnull(strstr(a.headers.p, "Allow: GET, POST"));
    done(&a);
}
END_TEST

START_TEST(does_not_start_with_a_bad_state_file)
{
    struct error err;
    settings.state_file = "/nonexistent/state.json";
    ck_assert(!sandbox_new(&settings, &sb, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox http");
    TCase *t = tcase_create("running");
    tcase_add_checked_fixture(t, setup_started, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, serves_scim_and_a_page);
    tcase_add_test(t, journals_every_request);
    tcase_add_test(t, drops_after_commit);
    tcase_add_test(t, drops_before_commit);
    tcase_add_test(t, never_answers_and_does_not_apply);
    tcase_add_test(t, applies_after_the_connection_was_closed);
    tcase_add_test(t, applies_after_the_client_has_gone);
    tcase_add_test(t, a_reset_forgets_what_was_to_be_applied_late);
    tcase_add_test(t, answers_slowly);
    tcase_add_test(t, gives_statuses_by_rule);
    tcase_add_test(t, refuses_a_body_over_the_limit);
    tcase_add_test(t, serves_rest_on_the_same_port);
    tcase_add_test(t, writes_a_state_that_it_starts_with);
    tcase_add_test(t, settings_change_and_come_back_with_a_reset);
    tcase_add_test(t, people_can_be_added_behind_the_clients_back);
    suite_add_tcase(s, t);
    TCase *own = tcase_create("with settings of their own");
    tcase_add_checked_fixture(own, setup, teardown);
    tcase_set_timeout(own, 30);
    tcase_add_loop_test(own, answers_bursts_of_any_size_after_the_latency, 0, 4);
    tcase_add_test(own, enforces_limits_and_counts_what_it_refused);
    tcase_add_test(own, a_large_group_patch_is_half_done_when_the_client_gives_up);
    tcase_add_test(own, a_large_group_patch_is_answered_in_the_end);
    tcase_add_test(own, sends_etags_and_takes_preconditions);
    suite_add_tcase(s, own);
    TCase *ends = tcase_create("endings");
    tcase_add_checked_fixture(ends, setup, NULL);
    tcase_set_timeout(ends, 30);
    tcase_add_test(ends, ends_with_requests_hanging);
    tcase_add_test(ends, does_not_start_with_a_bad_state_file);
    suite_add_tcase(s, ends);
    return run_suite(s);
}
