/* TLS: who is talked to, and which certificate is shown. */
#include "http_client_kit.h"
#include "test_lib.h"

START_TEST(a_server_that_speaks_no_tls_is_refused_as_such)
{
    struct server s = {.replies = ok, .blurts = true};
    struct trial t;
    server_start(&s);
    trial_init_url(&t, "https", s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

START_TEST(talks_tls_to_who_is_certified_on_one_kept_connection)
{
    enum { LONG = 100 * 1000 }; /* several records */
    char file[] = "/tmp/rollcall-test-XXXXXX", *text = xmalloc(LONG + 100);
    int head = snprintf(text, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LONG);
    memset(text + head, 'x', LONG);
    text[head + LONG] = '\0';
    const char *const replies[] = {ok[0], text, ok[2], NULL};
    struct server s = {.replies = replies, .tls = certify("127.0.0.1", file)};
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "https", s.port, (struct http_target){.token = "s3cret", .ca_file = file});
    run(&t, &patch);
    ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    ck_assert_str_eq(t.body, "{}");
    run(&t, &get);
    ck_assert_uint_eq(strlen(t.body), LONG);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 404);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_connections, 1);
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Authorization: Bearer s3cret\r\n"));
    SSL_CTX_free(s.tls);
    unlink(file);
    free(text);
}
END_TEST

START_TEST(who_is_not_certified_gets_nothing)
{
    static const struct {
        const char *address;
        bool trusted;
    } cases[] = {{"127.0.0.1", false}, {"127.0.0.2", true}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char file[] = "/tmp/rollcall-test-XXXXXX";
        struct server s = {.replies = ok, .tls = certify(cases[i].address, file)};
        struct trial t;
        server_start(&s);
        trial_init_target(&t, "https", s.port,
                          (struct http_target){.token = "s3cret", .ca_file = cases[i].trusted ? file : NULL});
        run(&t, &patch);
        ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
        ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
        ck_assert_int_eq(t.asked, 0);
        trial_done(&t);
        server_stop(&s);
        ck_assert_int_eq(s.n_requests, 0);
        SSL_CTX_free(s.tls);
        unlink(file);
    }
}
END_TEST

START_TEST(shows_its_certificate_to_who_wants_one)
{
    char theirs[] = "/tmp/rollcall-test-XXXXXX", ours[] = "/tmp/rollcall-test-XXXXXX";
    struct server s = {.replies = ok, .tls = certify("127.0.0.1", theirs)};
    SSL_CTX *us = certify("127.0.0.1", ours);
    char *ca = pem_of(theirs), *certificate = pem_of(ours), *key = key_of(us);
    SSL_CTX_set_verify(s.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ck_assert_int_eq(SSL_CTX_load_verify_locations(s.tls, ours, NULL), 1);
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "https", s.port, (struct http_target){.ca = ca});
    run(&t, &get); /* TLS 1.3: for us the handshake is over, and the request is written */
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
    ck_assert_str_eq(t.error, "our certificate is refused");
    http_client_set_certificates(t.client, 0,
                                 &(struct http_target){.ca = ca, .certificate = certificate, .key = key});
    run(&t, &get);
    ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    trial_done(&t);
    server_stop(&s);
    SSL_CTX_free(s.tls);
    SSL_CTX_free(us);
    unlink(theirs);
    unlink(ours);
    free(ca);
    free(certificate);
    free(key);
}
END_TEST

START_TEST(speaks_nothing_older_than_tls_1_2)
{
    char file[] = "/tmp/rollcall-test-XXXXXX";
    struct server s = {.replies = ok, .tls = certify("127.0.0.1", file)};
    struct trial t;
    SSL_CTX_set_min_proto_version(s.tls, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(s.tls, TLS1_1_VERSION);
    SSL_CTX_set_security_level(s.tls, 0);
    server_start(&s);
    trial_init_target(&t, "https", s.port, (struct http_target){.token = "s3cret", .ca_file = file});
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_TLS);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 0);
    SSL_CTX_free(s.tls);
    unlink(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_http_client_tls");
    TCase *tc = tcase_create("calls");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, a_server_that_speaks_no_tls_is_refused_as_such);
    tcase_add_test(tc, talks_tls_to_who_is_certified_on_one_kept_connection);
    tcase_add_test(tc, who_is_not_certified_gets_nothing);
    tcase_add_test(tc, shows_its_certificate_to_who_wants_one);
    tcase_add_test(tc, speaks_nothing_older_than_tls_1_2);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
