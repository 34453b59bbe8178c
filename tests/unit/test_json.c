#include "test_lib.h"

#include <stdlib.h>

#include "json.h"
#include "mem.h"

static const char *const valid[] = {
    "{}",
    " [ ] ",
    "null",
    "\"\"",
    "-0.5e+10",
    "[1, 2.5, -3, 0, 1E5, 10]",
    "{\"a\":{\"b\":[true,false,null]}}",
    "\"\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\ud83d\\ude00 \xf0\x9f\x98\x80\"",
    "{\"a\":1,\"a\":2}",
};

static const struct {
    struct str text;
    const char *why;
} invalid[] = {
    {BYTES(""), "the end"},
    {BYTES("   "), "the end"},
    {BYTES("{"), "no member name"},
    {BYTES("[1,]"), "digits"},
    {BYTES("{\"a\":1,}"), "no member name"},
    {BYTES("{a:1}"), "no member name"},
    {BYTES("{\"a\" 1}"), "no colon"},
    {BYTES("[1 2]"), "closing bracket"},
    {BYTES("[1}"), "closing bracket"},
    {BYTES("01"), "more text"},
    {BYTES("1."), "digits"},
    {BYTES(".5"), "digits"},
    {BYTES("+1"), "digits"},
    {BYTES("1e"), "digits"},
    {BYTES("NaN"), "digits"},
    {BYTES("nul"), "no JSON value"},
    {BYTES("{} {}"), "more text"},
    {BYTES("{}\0"), "more text"},
    {BYTES("\xef\xbb\xbf{}"), "digits"},
    {BYTES("\"a"), "without end"},
    {BYTES("\"a\nb\""), "control character"},
    {BYTES("\"a\0b\""), "control character"},
    {BYTES("\"\\u0000\""), "NUL"},
    {BYTES("\"\\u12g4\""), "\\uXXXX"},
    {BYTES("\"\\x41\""), "unknown escape"},
    {BYTES("\"\\ud800\""), "cannot be represented"},
    {BYTES("\"\xff\""), "UTF-8"},
    {BYTES("\"\xc0\x80\""), "UTF-8"},
    {BYTES("\"\xed\xa0\x80\""), "UTF-8"},
    {BYTES("\"\xf4\x90\x80\x80\""), "UTF-8"},
    {BYTES("\"\xe2\x82\""), "UTF-8"},
    {BYTES("// comment\n{}"), "digits"},
};

START_TEST(reads_valid_documents)
{
    for (size_t i = 0; i < ARRAY_SIZE(valid); i++) {
        cJSON *root;
        struct error err = {0};
        ck_assert_msg(json_parse(str_of(valid[i]), &root, &err), "%s: %s", valid[i], err.message);
        cJSON_Delete(root);
    }
}
END_TEST

START_TEST(refuses_invalid_documents_and_says_why)
{
    for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
        cJSON *root;
        struct error err = {0};
        ck_assert_msg(!json_parse(invalid[i].text, &root, &err), "row %zu", i);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, invalid[i].why), "row %zu: %s", i, err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "at byte "));
    }
}
END_TEST

static bool nested(int depth)
{
    char text[2 * (JSON_DEPTH_MAX + 1) + 1] = "";
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    return json_check(str_of(text), NULL);
}

/* Both ways of reading take the same texts and find the same in them. */
static void compare_ways(struct str text)
{
    cJSON *root = NULL;
    struct json_doc doc = {0};
    struct error err = {0}, doc_err = {0};
    bool ok = json_parse(text, &root, &err);
    ck_assert_msg(json_doc_parse(text, &doc, &doc_err) == ok, "%.*s", (int)text.n, text.p);
    if (ok) {
        char *one = cJSON_PrintUnformatted(root), *other = cJSON_PrintUnformatted(doc.root);
        ck_assert_str_eq(one, other);
        ck_assert(!root->child || (doc.root->child->prev->next == NULL));
        free(one);
        free(other);
    }
    cJSON_Delete(root);
    json_doc_done(&doc);
}

static const char numbers_and_texts[] = " {\"a\" : [ 1, -2.5e-3, 1234567890123456, 12345678901234567890, -0, "
                                        "2147483648, 1E400 ] ,\n\"\\u00e9\\n\": "
                                        "{\"deep\":[[],{},[{\"\":\"\"}]]}, \"\\ud83d\\ude00\\/\\\"\": "
                                        "\"Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80\", "
                                        "\"t\":true,\"f\":false,\"n\":null,\"a\":\"again\" } ";

START_TEST(documents_are_read_as_by_json_parse)
{
    for (size_t i = 0; i < ARRAY_SIZE(valid); i++)
        compare_ways(str_of(valid[i]));
    for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
        compare_ways(invalid[i].text);
    compare_ways(str_of(numbers_and_texts));
    compare_ways(str_of("[\"\\udc00\", \"\\ud800x\", \"\\ud800\\u0041\"]"));
}
END_TEST

START_TEST(damaged_documents_are_judged_as_by_json_parse)
{
    static const char spoilers[] = "{}[]:,\"\\ue0dcb8-+.x\n\x01\xc3\xff";
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 50000; i++) {
        char text[sizeof numbers_and_texts];
        memcpy(text, numbers_and_texts, sizeof text);
        for (int j = 0; j <= i % 3; j++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            text[random % (sizeof text - 1)] = spoilers[(random >> 32) % (sizeof spoilers - 1)];
        }
        size_t n = sizeof text - 1 - random % 7;
        char *exact = xmemdup(text, n); /* sanitizers see a read behind its end */
        compare_ways((struct str){exact, n});
        free(exact);
    }
}
END_TEST

static const struct {
    const char *text, *holds;
} integers[] = {
    {"[9007199254740992,-9007199254740992]", "[9.00719925474099e+15,-9.00719925474099e+15]"},
    {"[9007199254740993,-9007199254740993]", "[\"9007199254740993\",\"-9007199254740993\"]"},
    {"[3332883884017713939,3332883884017713000]", "[\"3332883884017713939\",\"3332883884017713000\"]"},
    {"{\"n\":\"3332883884017713939\",\"3332883884017713939\":1}",
     "{\"n\":\"3332883884017713939\",\"3332883884017713939\":1}"},
    {" 12345678901234567 ", "\"12345678901234567\""},
    {"[\"\\\"\",123456789012345678,true,{\"a\": 123456789012345678 }]",
     "[\"\\\"\",\"123456789012345678\",true,{\"a\":\"123456789012345678\"}]"},
    {"[1234567890123456789e0,1.5]", "[1.2345678901234568e+18,1.5]"},
};

START_TEST(integers_beyond_a_double_keep_their_digits)
{
    for (size_t i = 0; i < ARRAY_SIZE(integers); i++) {
        cJSON *root = NULL;
        struct error err = {0};
        char *exact = xmemdup(integers[i].text, strlen(integers[i].text));
        compare_ways((struct str){exact, strlen(integers[i].text)});
        ck_assert_msg(json_parse(str_of(integers[i].text), &root, &err), "%s", err.message);
        char *printed = cJSON_PrintUnformatted(root);
        ck_assert_str_eq(printed, integers[i].holds);
        free(printed);
        free(exact);
        cJSON_Delete(root);
    }
}
END_TEST

START_TEST(nests_up_to_the_limit)
{
    ck_assert(nested(JSON_DEPTH_MAX));
    ck_assert(!nested(JSON_DEPTH_MAX + 1));
}
END_TEST

START_TEST(reads_members_by_type)
{
    cJSON *root;
    struct error err = {0};
    static const char text[] =
        "{\"s\":\"x\",\"n\":9007199254740992,\"big\":9007199254740994,\"f\":1.5,\"b\":true,"
        "\"s\":\"second\",\"z\":null}";
    ck_assert(json_parse(str_of(text), &root, &err));
    int64_t n = 0;
    bool b = false;
    ck_assert_str_eq(json_string(root, "s"), "x");
    ck_assert_ptr_null(json_string(root, "S"));
    ck_assert_ptr_null(json_string(root, "n"));
    ck_assert(json_int64(root, "n", &n) && n == INT64_C(9007199254740992));
    ck_assert(!json_int64(root, "big", &n));
    ck_assert(!json_int64(root, "f", &n));
    ck_assert(!json_int64(root, "s", &n));
    ck_assert(json_bool(root, "b", &b) && b);
    ck_assert(!json_bool(root, "n", &b));
    ck_assert(cJSON_IsNull(json_get(root, "z")));
    ck_assert_ptr_null(json_get(NULL, "z"));
    cJSON_Delete(root);
}
END_TEST

START_TEST(writes_commas_names_and_escapes)
{
    struct buf b;
    buf_init(&b, 1000);
    struct json_out w;
    json_out_init(&w, &b);
    json_open(&w, NULL, '{');
    json_put_string(&w, "a\"b", "x\\\n\x01\x1f\"\xc3\xa9");
    json_put_string(&w, "none", NULL);
    json_open(&w, "list", '[');
    json_put_int(&w, NULL, -5);
    json_put_bool(&w, NULL, true);
    json_open(&w, NULL, '{');
    json_close(&w);
    json_put_raw(&w, NULL, str_of("[1]"));
    json_close(&w);
    json_put_time(&w, "t", 0);
    json_put_str(&w, "s", (struct str){"abcd", 2});
    json_close(&w);
    ck_assert_str_eq(
        b.p, "{\"a\\\"b\":\"x\\\\\\n\\u0001\\u001f\\\"\xc3\xa9\",\"none\":null,\"list\":[-5,true,{},[1]],"
             "\"t\":\"1970-01-01T00:00:00.000Z\",\"s\":\"ab\"}");
    ck_assert(json_check(buf_str(&b), NULL));
    buf_done(&b);
}
END_TEST

/* Texts are passed over eight bytes at a time. */
START_TEST(sees_every_byte_wherever_it_stands)
{
    enum { N = 21 };
    char text[N + 2];
    for (int c = 0; c < 256; c++)
        for (size_t at = 1; at <= N; at++) {
            memset(text, 'a', sizeof text);
            text[0] = text[N + 1] = '"';
            text[at] = (char)c;
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            ck_assert_msg(json_check((struct str){text, sizeof text}, NULL) == plain, "%d at %zu", c, at);
            if (plain)
                compare_ways((struct str){text, sizeof text});
            struct buf b;
            struct json_out w;
            cJSON *root = NULL;
            buf_init(&b, 1000);
            json_out_init(&w, &b);
            json_put_str(&w, NULL, (struct str){text + 1, N});
            ck_assert_msg((b.n == N + 2) == (plain || c >= 0x80), "%d at %zu: %s", c, at, b.p);
            if (c > 0 && c < 0x80) {
                ck_assert(json_parse(buf_str(&b), &root, NULL));
                ck_assert(strncmp(root->valuestring, text + 1, N) == 0 && strlen(root->valuestring) == N);
            }
            cJSON_Delete(root);
            buf_done(&b);
        }
}
END_TEST

RUN_TESTS("json", reads_valid_documents, refuses_invalid_documents_and_says_why,
          documents_are_read_as_by_json_parse, damaged_documents_are_judged_as_by_json_parse,
          integers_beyond_a_double_keep_their_digits, nests_up_to_the_limit, reads_members_by_type,
          writes_commas_names_and_escapes, sees_every_byte_wherever_it_stands)
