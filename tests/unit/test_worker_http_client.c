/* Calls as targets and sources see them, and what their endings are taken for. */
#include "http_client_kit.h"
#include "test_lib.h"

/* Does not wait until the connection is there. */
static int connect_to(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS);
    return fd;
}

static void trial_init(struct trial *t, uint16_t port, const char *token)
{
    trial_init_url(t, "http", port, token);
}

static const struct call delete = {.method = "DELETE", .path = "/Users/1", .timeout_ms = 5000, .write = true};

START_TEST(sends_what_scim_asks_for_on_one_kept_connection)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, "s3cret");

    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_int_eq(t.reply.status, 200);
    ck_assert_str_eq(t.body, "{}");
    run(&t, &delete);
    ck_assert_int_eq(t.reply.status, 204);
    ck_assert_str_eq(t.body, "");
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 404);
    ck_assert_str_eq(t.body, "gone");

    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_connections, 1);
    ck_assert_ptr_nonnull(strstr(s.requests[0], "PATCH /scim/Users/1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Authorization: Bearer s3cret\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Content-Type: application/scim+json\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Accept: application/scim+json"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "\r\n\r\n{\"a\":1}"));
    ck_assert_ptr_null(strstr(s.requests[0], "Expect:"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "DELETE /scim/Users/1 HTTP/1.1\r\n"));
    ck_assert_ptr_null(strcasestr(s.requests[1], "chunked"));
    ck_assert_ptr_nonnull(strstr(s.requests[2], "GET /scim/Users/1?attributes=id HTTP/1.1\r\n"));
}
END_TEST

START_TEST(a_source_is_asked_in_its_own_way_and_its_headers_are_told)
{
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nLink: <https://x.example/2>; rel=\"next\"\r\nLINK: <y>\r\nX-Next:  c2 \r\n"
        "Content-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL};
    static const char *const headers[] = {"accept: text/csv", "x-version: 2"};
    const struct call page = {.method = "GET",
                              .path = "/people/..?x",
                              .timeout_ms = 5000,
                              .headers = headers,
                              .n_headers = ARRAY_SIZE(headers)};
    const struct call search = {
        .method = "POST", .path = "/search", .body = "{}", .body_n = 2, .timeout_ms = 5000};
    struct server s = {.replies = replies};
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "http", s.port,
                      (struct http_target){.token = "k3y", .before_token = "x-key: SSWS ", .source = true});
    run(&t, &page);
    ck_assert_ptr_nonnull(strstr(t.headers, "link=<https://x.example/2>; rel=\"next\", <y>\n"));
    ck_assert_ptr_nonnull(strstr(t.headers, "x-next=c2\n"));
    run(&t, &search);
    ck_assert_ptr_null(strstr(t.headers, "x-next"));
    trial_done(&t);
    server_stop(&s);
    ck_assert_ptr_nonnull(
        strstr(s.requests[0], "GET /scim/people/..?x HTTP/1.1\r\n")); /* as the script has it */
    ck_assert_ptr_nonnull(strstr(s.requests[0], "x-key: SSWS k3y\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "x-version: 2\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[0], "accept: text/csv\r\n"));
    ck_assert_ptr_null(strstr(s.requests[0], "application/json"));
    ck_assert_ptr_null(strcasestr(s.requests[0], "content-type"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "POST /scim/search HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "Accept: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "Content-Type: application/json\r\n"));
}
END_TEST

START_TEST(calls_after_a_reload_carry_the_new_token)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, "old");
    run(&t, &get);
    http_client_set_token(t.client, 0, "new");
    run(&t, &get);
    http_client_set_token(t.client, 0, NULL);
    run(&t, &get);
    trial_done(&t);
    server_stop(&s);
    ck_assert_ptr_nonnull(strstr(s.requests[0], "Bearer old\r\n"));
    ck_assert_ptr_nonnull(strstr(s.requests[1], "Bearer new\r\n"));
    ck_assert_ptr_null(strstr(s.requests[2], "Authorization"));
}
END_TEST

START_TEST(tells_when_to_come_again_and_follows_no_redirect)
{
    static const char *const replies[] = {
        "HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", NULL};
    struct server s = {.replies = replies};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 429);
    ck_assert_int_eq(t.reply.retry_after_ms, 3000);
    run(&t, &get);
    ck_assert_int_eq(t.reply.status, 302);
    ck_assert_int_eq(t.reply.retry_after_ms, -1);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 2);
}
END_TEST

START_TEST(what_may_not_be_written_is_not_sent)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    t.may_write = false;
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_HELD_BACK);
    ck_assert_str_eq(t.error, "lease over");
    ck_assert_int_eq(t.asked, 1);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 0);
}
END_TEST

START_TEST(a_refused_connection_is_not_sent)
{
    struct server s = {.replies = ok};
    struct trial t;
    server_start(&s);
    server_stop(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    ck_assert_int_eq(t.reply.failure, FAILURE_CONNECT);
    ck_assert_int_eq(t.asked, 0);
    trial_done(&t);
}
END_TEST

/* libcurl closes such a socket without a word, and its number is the next one's. */
START_TEST(after_a_connection_that_never_came_about_the_next_one_works)
{
    struct server s = {.replies = ok};
    struct trial t;
    struct call hasty = get;
    int fillers[2];
    hasty.timeout_ms = 200;
    server_listen(&s, 0);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        fillers[i] = connect_to(s.port); /* its queue is full: it answers no more */
    trial_init(&t, s.port, NULL);
    run(&t, &hasty);
    ck_assert_int_eq(t.reply.outcome, CALL_NOT_SENT);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        shutdown(fillers[i], SHUT_RDWR); /* their numbers stay taken */
    server_serve(&s);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    trial_done(&t);
    server_stop(&s);
    for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
        close(fillers[i]);
}
END_TEST

START_TEST(a_cut_connection_leaves_the_outcome_unknown)
{
    static const char *const nothing[] = {NULL};
    struct server s = {.replies = nothing};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_CUT);
    ck_assert_ptr_nonnull(t.error);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

START_TEST(a_time_out_leaves_the_outcome_unknown)
{
    struct server s = {.replies = ok, .silent = true};
    struct trial t;
    struct call hasty = patch;
    hasty.timeout_ms = 100;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &hasty);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_TIMEOUT);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

START_TEST(half_an_answer_is_none)
{
    static const char *const half[] = {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", NULL};
    struct server s = {.replies = half, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    trial_done(&t);
    server_stop(&s);
}
END_TEST

/* The resolver's descriptors come and go between those of connections, with the same numbers. */
START_TEST(a_host_by_name_is_found_for_each_new_connection)
{
    struct server s = {.replies = ok, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init_target(&t, "http", s.port, (struct http_target){.base_url = "localhost"});
    for (int i = 0; i < 3; i++) {
        run(&t, &get); /* repeated when it meets a connection that is being closed */
        ck_assert_msg(t.reply.outcome == CALL_REPLIED, "%s", t.error);
    }
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_connections, 3);
}
END_TEST
END_TEST

/* A kept connection that dies as the next request is written: libcurl would repeat it by itself. */
START_TEST(a_write_is_never_sent_twice)
{
    static const char *const once[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL, NULL, NULL};
    struct server s = {.replies = once};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    run(&t, &patch);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 2);
}
END_TEST

START_TEST(a_read_may_be_repeated)
{
    static const char *const second[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", NULL,
                                         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", NULL};
    struct server s = {.replies = second};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_REPLIED);
    ck_assert_str_eq(t.body, "[]");
    trial_done(&t);
    server_stop(&s);
    ck_assert_int_eq(s.n_requests, 3);
}
END_TEST

START_TEST(refuses_a_body_over_the_limit)
{
    char *huge = xmalloc(HTTP_REPLY_MAX + 200);
    int head = snprintf(huge, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", HTTP_REPLY_MAX + 1);
    memset(huge + head, 'x', HTTP_REPLY_MAX + 1);
    huge[head + HTTP_REPLY_MAX + 1] = '\0';
    const char *const replies[] = {huge, NULL};
    struct server s = {.replies = replies, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_str_eq(t.error, "reply too large");
    ck_assert_int_eq(t.reply.failure, FAILURE_TOO_LARGE);
    trial_done(&t);
    server_stop(&s);
    free(huge);
}
END_TEST

START_TEST(refuses_headers_over_the_limit)
{
    struct buf huge;
    buf_init(&huge, 2 * HTTP_HEAD_MAX);
    buf_adds(&huge, "HTTP/1.1 200 OK\r\n");
    while (huge.n < HTTP_HEAD_MAX)
        buf_adds(&huge, "X-More: and more and more and more\r\n");
    buf_adds(&huge, "Content-Length: 2\r\n\r\n{}");
    const char *const replies[] = {huge.p, NULL};
    struct server s = {.replies = replies, .close_after_reply = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    run(&t, &get);
    ck_assert_int_eq(t.reply.outcome, CALL_UNKNOWN);
    ck_assert_int_eq(t.reply.failure, FAILURE_TOO_LARGE);
    trial_done(&t);
    server_stop(&s);
    buf_done(&huge);
}
END_TEST

START_TEST(a_base_url_that_is_none_is_refused_at_the_start)
{
    const struct http_target targets[] = {{.base_url = "http://127.0.0.1:80/scim"},
                                          {.base_url = "http://127.0.0.1:123456/scim"}};
    const struct http_callbacks callbacks = {.may_write = on_may_write, .done = on_done};
    struct http_client *client;
    struct loop *loop;
    struct error err = {0};
    ck_assert(loop_new(&loop, &err));
    ck_assert(!http_client_new(loop, targets, 2, &callbacks, &client, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, "http://127.0.0.1:123456/scim: not a URL");
    loop_free(loop);
}
END_TEST

START_TEST(ends_with_calls_under_way)
{
    struct server s = {.replies = ok, .silent = true};
    struct trial t;
    server_start(&s);
    trial_init(&t, s.port, NULL);
    http_client_start(t.client, &patch);
    http_client_run(t.client);
    ck_assert_uint_eq(http_client_in_flight(t.client), 1);
    trial_done(&t);
    ck_assert_int_eq(t.done, 0);
    server_stop(&s);
}

int main(void)
{
    Suite *suite = suite_create("worker_http_client");
    TCase *tc = tcase_create("calls");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, sends_what_scim_asks_for_on_one_kept_connection);
    tcase_add_test(tc, a_source_is_asked_in_its_own_way_and_its_headers_are_told);
    tcase_add_test(tc, calls_after_a_reload_carry_the_new_token);
    tcase_add_test(tc, tells_when_to_come_again_and_follows_no_redirect);
    tcase_add_test(tc, what_may_not_be_written_is_not_sent);
    tcase_add_test(tc, a_refused_connection_is_not_sent);
    tcase_add_test(tc, after_a_connection_that_never_came_about_the_next_one_works);
    tcase_add_test(tc, a_cut_connection_leaves_the_outcome_unknown);
    tcase_add_test(tc, a_time_out_leaves_the_outcome_unknown);
    tcase_add_test(tc, half_an_answer_is_none);
    tcase_add_test(tc, a_host_by_name_is_found_for_each_new_connection);
    tcase_add_test(tc, a_write_is_never_sent_twice);
    tcase_add_test(tc, a_read_may_be_repeated);
    tcase_add_test(tc, refuses_a_body_over_the_limit);
    tcase_add_test(tc, refuses_headers_over_the_limit);
    tcase_add_test(tc, a_base_url_that_is_none_is_refused_at_the_start);
    tcase_add_test(tc, ends_with_calls_under_way);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
