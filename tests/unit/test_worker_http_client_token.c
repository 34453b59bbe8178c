/* OAuth client credentials: a token is had before calls, renewed and refused. */
#include "http_client_kit.h"
#include "test_lib.h"

/* A target whose tokens another server gives. */
static void trial_init_oauth(struct trial *t, uint16_t port, uint16_t token_port, bool in_body)
{
    char *url = xasprintf("http://127.0.0.1:%d/token", token_port);
    trial_init_target(
        t, "http", port,
        (struct http_target){.token = "hush hush", .oauth = {url, "we+us", "scim write", in_body}});
    free(url);
}

START_TEST(a_token_is_had_once_for_all_calls)
{
    /* One connection after the other: the server has one thread. */
    static const char *const three[] = {JSON(2, "{}"), JSON(2, "{}"), JSON(2, "{}"), NULL};
    struct server s = {.replies = three, .close_after_reply = true}, issuer = {.replies = tokens};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, false);
    http_client_start(t.client, &get);
    http_client_start(t.client, &patch);
    await(&t, 2);
    run(&t, &get);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_int_eq(issuer.n_requests, 1);
    ck_assert_ptr_nonnull(strstr(issuer.requests[0], "POST /token HTTP/1.1\r\n"));
    /* base64 of we%2Bus:hush%20hush */
    ck_assert_ptr_nonnull(
        strstr(issuer.requests[0], "Authorization: Basic d2UlMkJ1czpodXNoJTIwaHVzaA==\r\n"));
    ck_assert_ptr_nonnull(
        strstr(issuer.requests[0], "\r\n\r\ngrant_type=client_credentials&scope=scim%20write"));
    ck_assert_ptr_null(strstr(issuer.requests[0], "hush"));
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(strstr(s.requests[i], "Authorization: Bearer t1\r\n"));
}
END_TEST

START_TEST(a_token_that_was_good_and_is_refused_is_renewed_and_a_new_one_that_is_refused_is_told)
{
    static const char refused[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    static const char *const replies[] = {JSON(2, "{}"), refused, refused, refused};
    struct server s = {.replies = replies}, issuer = {.replies = tokens};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, true);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 200);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_HELD_BACK);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_int_eq(t.reply.status, 401);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.status, 401);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_ptr_nonnull(strstr(issuer.requests[0], "&client_id=we%2Bus&client_secret=hush%20hush"));
    ck_assert_ptr_null(strstr(issuer.requests[0], "Authorization"));
    for (int i = 0; i < 4; i++) {
        char line[64];
        snprintf(line, sizeof line, "Authorization: Bearer t%d\r\n", i == 0 ? 1 : i);
        ck_assert_ptr_nonnull(strstr(s.requests[i], line));
    }
}
END_TEST

/* It takes the token, and refuses one thing all the same. */
START_TEST(a_service_that_refuses_a_token_now_and_then_is_believed)
{
    static const char refused[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    static const char *const replies[] = {JSON(2, "{}"), refused, JSON(2, "{}"), refused};
    struct server s = {.replies = replies}, issuer = {.replies = tokens};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, true);
    run(&t, &get);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 200);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_int_eq(t.reply.status, 401);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
}
END_TEST

START_TEST(without_a_token_nothing_is_sent)
{
    static const char *const replies[] = {"HTTP/1.1 400 No\r\nContent-Length: 4\r\n\r\nhush",
                                          "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", JSON(2, "{}"),
                                          NULL};
    static const enum call_failure failures[] = {FAILURE_TOKEN_REFUSED, FAILURE_TOKEN, FAILURE_TOKEN};
    struct server s = {.replies = ok}, issuer = {.replies = replies};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, false);
    for (size_t i = 0; i < 3; i++) {
        run(&t, &patch);
        ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
        ck_assert_int_eq(t.reply.failure, failures[i]);
        ck_assert_ptr_null(strstr(t.error, "hush"));
    }
    ck_assert_int_eq(t.asked, 0);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_int_eq(s.n_connections, 0);
}
END_TEST

START_TEST(ends_while_a_token_is_awaited)
{
    struct server s = {.replies = ok}, issuer = {.replies = tokens, .silent = true};
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    trial_init_oauth(&t, s.port, issuer.port, false);
    http_client_start(t.client, &patch);
    http_client_run(t.client);
    ck_assert_uint_eq(http_client_in_flight(t.client), 1);
    trial_done(&t);
    ck_assert_int_eq(t.done, 0);
    server_stop(&s);
    server_stop(&issuer);
}
END_TEST

START_TEST(a_call_that_waits_for_its_token_goes_with_the_certificate_of_the_day)
{
    char theirs[] = "/tmp/rollcall-test-XXXXXX", ours[] = "/tmp/rollcall-test-XXXXXX";
    struct server s = {.replies = ok, .tls = certify("127.0.0.1", theirs)}, issuer = {.replies = tokens};
    SSL_CTX *us = certify("127.0.0.1", ours);
    char *ca = pem_of(theirs), *certificate = pem_of(ours), *key = key_of(us), *url;
    SSL_CTX_set_verify(s.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ck_assert_int_eq(SSL_CTX_load_verify_locations(s.tls, ours, NULL), 1);
    struct trial t;
    server_start(&s);
    server_start(&issuer);
    url = xasprintf("http://127.0.0.1:%d/token", issuer.port);
    trial_init_target(&t, "https", s.port,
                      (struct http_target){.ca = ca, .token = "hush", .oauth = {url, "we", NULL, true}});
    http_client_start(t.client, &patch);
    http_client_set_certificates(t.client, 0,
                                 &(struct http_target){.ca = ca, .certificate = certificate, .key = key});
    await(&t, 1);
    ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    trial_done(&t);
    server_stop(&s);
    server_stop(&issuer);
    ck_assert_int_eq(s.n_connections, 1);
    SSL_CTX_free(s.tls);
    SSL_CTX_free(us);
    unlink(theirs);
    unlink(ours);
    free(ca);
    free(certificate);
    free(key);
    free(url);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_http_client_token");
    TCase *tc = tcase_create("calls");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, a_token_is_had_once_for_all_calls);
    tcase_add_test(tc, a_token_that_was_good_and_is_refused_is_renewed_and_a_new_one_that_is_refused_is_told);
    tcase_add_test(tc, a_service_that_refuses_a_token_now_and_then_is_believed);
    tcase_add_test(tc, without_a_token_nothing_is_sent);
    tcase_add_test(tc, ends_while_a_token_is_awaited);
    tcase_add_test(tc, a_call_that_waits_for_its_token_goes_with_the_certificate_of_the_day);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
