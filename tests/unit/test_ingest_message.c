#include <check.h>
#include <stdlib.h>

#include "../../ingest/head.h"
#include "../../ingest/message.h"
#include "../../ingest/trace.h"
#include "mem.h"
#include "test_lib.h"

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

static const struct {
    const char *headers;
    enum head_fault want;
    int64_t declared;
} heads[] = {
    {"", HEAD_OK, -1},
    {"Content-Length: 5\n", HEAD_OK, 5},
    {"Content-Length: 0\n", HEAD_OK, 0},
    {"Transfer-Encoding: Chunked\n", HEAD_OK, -1},
    {"Expect: 100-Continue\n", HEAD_OK, -1},
    {"Content-Length: -5\n", HEAD_FRAMING, -1},
    {"Content-Length: +5\n", HEAD_FRAMING, -1},
    {"Content-Length: 5, 5\n", HEAD_FRAMING, -1},
    {"Content-Length:\n", HEAD_FRAMING, -1},
    {"Content-Length: 9999999999999999999\n", HEAD_FRAMING, -1},
    {"Content-Length: 5\nContent-Length: 5\n", HEAD_FRAMING, -1},
    {"Content-Length: 5\nTransfer-Encoding: chunked\n", HEAD_FRAMING, -1},
    {"Transfer-Encoding: gzip, chunked\n", HEAD_FRAMING, -1},
    {"Transfer-Encoding: identity\n", HEAD_FRAMING, -1},
    {"Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", HEAD_FRAMING, -1},
    {"Content-Length : 5\n", HEAD_FRAMING, -1},
    {"Content-Length\t: 5\n", HEAD_FRAMING, -1},
    {"Content-Length: 5\nTransfer-Encoding : chunked\n", HEAD_FRAMING, -1},
    {"X(A): b\n", HEAD_FRAMING, -1},
    {"X-\xc3\xa4: b\n", HEAD_FRAMING, -1},
    {"X-A: b\x01\n", HEAD_FRAMING, -1},
    {"X-A: b\x7f\n", HEAD_FRAMING, -1},
    {"X-A: b\rc\n", HEAD_FRAMING, -1},
    {"!#$%&'*+-.^_`|~09azAZ: \tb\tc \x80\xff\n", HEAD_OK, -1},
    {"Host: other\n", HEAD_HOST, -1},
    {"Expect: something\n", HEAD_EXPECTATION, -1},
};

START_TEST(judges_heads)
{
    struct message m;
    int64_t declared;
    char *text = xasprintf("POST / HTTP/1.1\nHost: h\n%s\n", heads[_i].headers);
    ck_assert(message_read(str_of(text), &m, NULL));
    ck_assert_msg(head_check(&m, 100, 100, &declared) == heads[_i].want, "%s", heads[_i].headers);
    ck_assert_int_eq(declared, heads[_i].declared);
    ck_assert_int_eq(head_check(&m, 101, 100, &declared), HEAD_TOO_LARGE);
    free(text);
}
END_TEST

static const struct {
    const char *text;
    bool whole;
} wholes[] = {
    {"POST /a?b=c HTTP/1.1\r\n\r\n", true},
    {"POST / HTTP/1.1\r\nHost: h\r\nA:\r\nB: \t b\r\nC:c\r\n\r\n", true},
    {"POST / HTTP/1.1\nHost: h\r\n\r\n", false},
    {"POST / HTTP/1.1\r\nHost: h\nA: a\r\n\r\n", false},
    {"POST / HTTP/1.1\r\nHost: h\n\r\n", false},
    {"POST / HTTP/1.1\r\nHost: h\r\n\n", false},
    {"POST / HTTP/1.1\r\nHost: h\n\n", false},
};

/* Where the parts of a head are that was received in one piece, as MHD tells it. */
static struct head_raw raw_of(const char *text)
{
    const char *target = strchr(text, '/'), *version = strstr(text, "HTTP/");
    return (struct head_raw){{target, strcspn(target, " ")}, {version, 8}, strlen(text)};
}

START_TEST(finds_gaps_between_the_parts_of_a_head)
{
    struct message m;
    struct head_raw raw = raw_of(wholes[_i].text);
    ck_assert(message_read(str_of(wholes[_i].text), &m, NULL));
    ck_assert_msg(head_is_whole(&m, &raw) == wholes[_i].whole, "%s", wholes[_i].text);
}
END_TEST

START_TEST(a_part_that_was_moved_or_cut_is_a_gap)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: h\r\nA: abc\r\nB: b\r\n\r\n";
    struct head_raw raw = raw_of(text);
    struct message good, m;
    ck_assert(message_read(str_of(text), &good, NULL));
    ck_assert(head_is_whole(&good, &raw));
    raw.size++;
    ck_assert(!head_is_whole(&good, &raw));
    raw.size--;
    m = good;
    m.headers[1].name = str_of("A");
    ck_assert(!head_is_whole(&m, &raw));
    m = good;
    m.headers[1].value = str_of("abc");
    ck_assert(!head_is_whole(&m, &raw));
    m = good;
    m.headers[1].value.n = 1; /* as when NUL follows */
    ck_assert(!head_is_whole(&m, &raw));
    m = good;
    m.n_headers--;
    ck_assert(!head_is_whole(&m, &raw));
}
END_TEST

START_TEST(a_target_is_printable_ascii)
{
    static const char *const bad[] = {"", "/a b", "/a\t", "/a\x01", "/a\x7f", "/\xc3\xa4", "/a\r"};
    ck_assert(head_target_ok(str_of("/hooks/hr?a=b&c=%20~")));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        ck_assert_msg(!head_target_ok(str_of(bad[i])), "%zu", i);
    ck_assert(!head_target_ok((struct str){"/a\0", 3}));
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
    tcase_add_loop_test(tc, judges_heads, 0, ARRAY_SIZE(heads));
    tcase_add_loop_test(tc, finds_gaps_between_the_parts_of_a_head, 0, ARRAY_SIZE(wholes));
    tcase_add_test(tc, a_part_that_was_moved_or_cut_is_a_gap);
    tcase_add_test(tc, a_target_is_printable_ascii);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
