#include "yaml_doc.h"

#include "test_lib.h"

#include <stdio.h>

#include "json.h"

static const struct {
    const char *text, *json;
} documents[] = {
    {"a: 1\nb: [x, 'y', \"z\\u00fc\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\xc3\xbc\"]}"},
    {"{\"a\": {\"b\": [true, null, -7]}}", "{\"a\":{\"b\":[true,null,-7]}}"},
    {"[true, False, TRUE, 'true', on, yes]", "[true,false,true,\"true\",\"on\",\"yes\"]"},
    {"- ~\n- null\n-\n- ''\n", "[null,null,null,\"\"]"},
    {"[0, 007, 1.5, 1e3, 0x10, -0, +1, 123456789012345, 1234567890123456]",
     "[0,\"007\",\"1.5\",\"1e3\",\"0x10\",\"-0\",\"+1\",123456789012345,\"1234567890123456\"]"},
    {"a:\nb:\n  - c: |\n      two\n      lines\n", "{\"a\":null,\"b\":[{\"c\":\"two\\nlines\\n\"}]}"},
    {"--- {}\n...\n", "{}"},
    {"cut:60", "\"cut:60\""},
};

START_TEST(reads_what_means_one_thing)
{
    cJSON *root = NULL;
    struct error err = {0};
    ck_assert_msg(yaml_doc_parse(str_of(documents[_i].text), &root, &err), "%s", err.message);
    char *json = cJSON_PrintUnformatted(root);
    ck_assert_str_eq(json, documents[_i].json);
    free(json);
    cJSON_Delete(root);
}
END_TEST

static const struct {
    const char *text, *said;
} refused[] = {
    {"", "empty"},
    {"# only a remark\n", "empty"},
    {"a: 1\na: 2", "line 2: the key \"a\" is there twice"},
    {"a: 1\n b: 2", "line 2"},
    {"[a, b", "line"},
    {"x: &a [1]\ny: *a", "line 1: anchors"},
    {"x: *a", "anchors"},
    {"x: !!binary aGk=", "tags"},
    {"x: !mine {}", "tags"},
    {"<<: {a: 1}", "not a key"},
    {"? [a]\n: b", "a key that is no text"},
    {"a\n---\nb", "a second document"},
    {"\"a\\0b\"", "NUL"},
    {"a: \xff", "line"},
};

START_TEST(refuses_the_rest)
{
    cJSON *root = NULL;
    struct error err = {0};
    ck_assert_msg(!yaml_doc_parse(str_of(refused[_i].text), &root, &err), "%s", refused[_i].text);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, refused[_i].said), "%s: %s", refused[_i].text, err.message);
    ck_assert_ptr_null(root);
}
END_TEST

/* `open` n times, and whether that is read. */
static bool reads_repeated(const char *open, int n, struct error *err)
{
    cJSON *root = NULL;
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_adds(&text, strcmp(open, "x,") == 0 ? "[" : "");
    for (int i = 0; i < n; i++)
        buf_adds(&text, open);
    for (int i = 0; i < n && open[0] == '['; i++)
        buf_adds(&text, "]");
    buf_adds(&text, strcmp(open, "x,") == 0 ? "]" : "");
    bool ok = yaml_doc_parse(buf_str(&text), &root, err);
    cJSON_Delete(root);
    buf_done(&text);
    return ok;
}

START_TEST(limits_depth_and_size)
{
    struct error err = {0};
    ck_assert(reads_repeated("[", YAML_DEPTH_MAX, &err));
    ck_assert(!reads_repeated("[", YAML_DEPTH_MAX + 1, &err));
    ck_assert_msg(strstr(err.message, "too deeply"), "%s", err.message);
    ck_assert(reads_repeated("x,", YAML_NODES_MAX - 1, &err));
    ck_assert(!reads_repeated("x,", YAML_NODES_MAX, &err));
    ck_assert_msg(strstr(err.message, "more entries"), "%s", err.message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("yaml_doc");
    TCase *tc = tcase_create("yaml_doc");
    tcase_add_loop_test(tc, reads_what_means_one_thing, 0, (int)ARRAY_SIZE(documents));
    tcase_add_loop_test(tc, refuses_the_rest, 0, (int)ARRAY_SIZE(refused));
    tcase_add_test(tc, limits_depth_and_size);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
