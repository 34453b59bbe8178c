#include <check.h>
#include <stdlib.h>

#include "../../ingest/message.h"
#include "../../ingest/trace.h"
#include "mem.h"

START_TEST(reads_a_stored_request)
{
    static const char *const texts[] = {
        "POST /hooks/hr?x=1 HTTP/1.1\r\nHost: h\r\nContent-Type:  Application/JSON; charset=utf-8 "
        "\r\n\r\n{}\n",
        "POST /hooks/hr HTTP/1.1\nHost: h\nContent-Type: application/json\n\n{}\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct message m;
        struct error err = {0};
        char type[32];
        ck_assert_msg(message_read(str_of(texts[i]), &m, &err), "%s", err.message);
        ck_assert(str_eq(m.method, str_of("POST")));
        ck_assert(str_eq(m.path, str_of("/hooks/hr")));
        ck_assert_uint_eq(m.n_headers, 2);
        ck_assert(str_eq(m.body, str_of("{}\n")));
        message_media_type(&m, type, sizeof type);
        ck_assert_str_eq(type, "application/json");
    }
}
END_TEST

START_TEST(refuses_what_is_no_request_and_says_where)
{
    static const struct {
        const char *text, *where;
    } rows[] = {
        {"", "line 1"},
        {"hello\n\n", "line 1"},
        {"POST hooks HTTP/1.1\n\n", "line 1"},
        {"POST / HTTP/1.1\nno colon\n\n", "line 2"},
        {"POST / HTTP/1.1\n: x\n\n", "line 2"},
        {"POST / HTTP/1.1\nA: b\n", "line 3"},
        {"POST / HTTP/1.1\nA: b", "line 2"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message m;
        struct error err = {0};
        ck_assert(!message_read(str_of(rows[i].text), &m, &err));
        ck_assert_msg(strstr(err.message, rows[i].where), "%zu: %s", i, err.message);
    }
}
END_TEST

START_TEST(refuses_too_many_headers)
{
    struct buf text;
    struct message m;
    buf_init(&text, 4096);
    buf_adds(&text, "POST / HTTP/1.1\n");
    for (int i = 0; i <= MESSAGE_HEADERS_MAX; i++)
        buf_adds(&text, "a: b\n");
    buf_adds(&text, "\n");
    ck_assert(!message_read(buf_str(&text), &m, NULL));
    buf_done(&text);
}
END_TEST

START_TEST(finds_headers_in_any_case_and_counts_them)
{
    struct message m;
    struct str value = {0};
    ck_assert(message_read(str_of("GET / HTTP/1.1\nX-A:  one \nx-a: two\nX-Ab: three\n\n"), &m, NULL));
    ck_assert_uint_eq(message_header(&m, "x-A", &value), 2);
    ck_assert(str_eq(value, str_of("one")));
    ck_assert_uint_eq(message_header(&m, "x-b", NULL), 0);
}
END_TEST

START_TEST(carries_a_valid_traceparent_and_replaces_others)
{
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const bad[] = {
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        "",
    };
    char out[EVENT_TRACEPARENT_SIZE], other[EVENT_TRACEPARENT_SIZE];
    struct message m = {.n_headers = 1};
    m.headers[0] = (struct message_header){str_of("Traceparent"), str_of(good)};
    trace_parent(&m, out);
    ck_assert_str_eq(out, good);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        m.headers[0].value = str_of(bad[i]);
        trace_parent(&m, out);
        ck_assert_uint_eq(strlen(out), EVENT_TRACEPARENT_SIZE - 1);
        ck_assert_str_ne(out, bad[i]);
        m.headers[0].value = str_of(out); /* what is made is valid */
        trace_parent(&m, other);
        ck_assert_str_eq(other, out);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("message");
    Suite *suite = suite_create("ingest_message");
    tcase_add_test(tc, reads_a_stored_request);
    tcase_add_test(tc, refuses_what_is_no_request_and_says_where);
    tcase_add_test(tc, refuses_too_many_headers);
    tcase_add_test(tc, finds_headers_in_any_case_and_counts_them);
    tcase_add_test(tc, carries_a_valid_traceparent_and_replaces_others);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
