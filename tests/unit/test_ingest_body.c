#include "test_lib.h"

#include "../../ingest/body.h"
#include "json.h"
#include "mem.h"

static const struct {
    enum source_format format;
    const char *body, *want; /* NULL: refused */
} rows[] = {
    {SOURCE_JSON, "{\"a\":[1]}", "{\"a\":[1]}"},
    {SOURCE_JSON, "{\"a\":1}\n{\"a\":2}", NULL},
    {SOURCE_LINES, "{\"a\":1}\n{\"a\":2}\n", "[{\"a\":1},{\"a\":2}]"},
    {SOURCE_LINES, "{\"a\":1}\r\n\r\n{\"a\":2}", "[{\"a\":1},{\"a\":2}]"},
    {SOURCE_LINES, "[\n{\"a\":1}\n]", "[{\"a\":1}]"},
    {SOURCE_LINES, "{\"a\":1}", "{\"a\":1}"},
    {SOURCE_LINES, "{\"a\":1}\nx", NULL},
    {SOURCE_LINES, "", NULL},
    {SOURCE_FORM, "a=1&b=two+words&c=%C3%A9", "{\"a\":\"1\",\"b\":\"two words\",\"c\":\"\xc3\xa9\"}"},
    {SOURCE_FORM, "d%5Bids%5D%5B0%5D=7&d[ids][1]=8&d[x]=", "{\"d\":{\"ids\":[\"7\",\"8\"],\"x\":\"\"}}"},
    {SOURCE_FORM, "l[]=1&l[]=2", "{\"l\":[\"1\",\"2\"]}"},
    {SOURCE_FORM, "l[0][a]=1&l[1][a]=2", "{\"l\":[{\"a\":\"1\"},{\"a\":\"2\"}]}"},
    {SOURCE_FORM, "l[1]=x&l[0]=y", "{\"l\":{\"1\":\"x\",\"0\":\"y\"}}"},
    {SOURCE_FORM, "a=1&a=2", "{\"a\":\"1\"}"},
    {SOURCE_FORM, "a=1&a[b]=3", NULL},
    {SOURCE_FORM, "a&b=", "{\"a\":\"\",\"b\":\"\"}"},
    {SOURCE_FORM, "", "{}"},
    {SOURCE_FORM, "a=%C3", NULL},
    {SOURCE_FORM, "a=%0", NULL},
    {SOURCE_FORM, "a=x%00y", NULL},
    {SOURCE_FORM, "[a]=1", NULL},
    {SOURCE_FORM, "a[b=1", NULL},
    {SOURCE_FORM, "a[1][2][3][4][5][6][7][8]=1", NULL},
    {SOURCE_XML, "<a/>", "{\"a\":\"\"}"},
    {SOURCE_XML,
     "<?xml version=\"1.0\"?><n:a xmlns:n=\"urn:x\"><n:b>1</n:b><n:b>2</n:b><c> x &amp; y </c></n:a>",
     "{\"a\":{\"b\":[\"1\",\"2\"],\"c\":\" x & y \"}}"},
    {SOURCE_XML, "<a x=\"1\" n:y=\"2\">text</a>", "{\"a\":{\"@x\":\"1\",\"@y\":\"2\",\"#text\":\"text\"}}"},
    {SOURCE_XML, "<a xsi:type=\"xs:string\">text</a>", "{\"a\":\"text\"}"},
    {SOURCE_XML, "<a><b xsi:nil=\"true\"/></a>", "{\"a\":{\"b\":\"\"}}"},
    {SOURCE_XML, "<a>\n  <b>1</b>\n</a>", "{\"a\":{\"b\":\"1\"}}"},
    {SOURCE_XML, "<a><![CDATA[<b>]]></a>", "{\"a\":\"<b>\"}"},
    {SOURCE_XML, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>caf\xe9</a>", "{\"a\":\"caf\xc3\xa9\"}"},
    {SOURCE_XML, "<a>caf\xe9</a>", NULL},
    {SOURCE_XML, "<a><b></a>", NULL},
    {SOURCE_XML, "<a/><b/>", NULL},
    {SOURCE_XML, "", NULL},
    {SOURCE_XML, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", NULL},
    {SOURCE_XML, "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", NULL},
    {SOURCE_XML, "<a>&b;</a>", NULL},
};

START_TEST(every_form_becomes_one_kind_of_document)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cJSON *root = NULL;
        struct error err = {0};
        bool ok = body_parse(rows[i].format, str_of(rows[i].body), &root, NULL, &err);
        char *text = ok ? cJSON_PrintUnformatted(root) : NULL;
        ck_assert_msg(ok == (rows[i].want != NULL) && (!ok || strcmp(text, rows[i].want) == 0),
                      "%s becomes %s (%s)", rows[i].body, text ? text : "nothing", err.message);
        ck_assert(ok || err.kind == ERROR_INPUT);
        free(text);
        cJSON_Delete(root);
    }
}
END_TEST

START_TEST(a_line_that_is_no_json_costs_the_others_nothing)
{
    static const struct {
        const char *body, *want; /* NULL: refused */
        size_t bad;
        const char *first;
    } bodies[] = {
        {"{\"a\":1}\n{\"a\":", "[{\"a\":1}]", 1, "line 2: "},
        {"x\n\n{\"a\":1}\n\xff\n{\"a\":2}\ny\n", "[{\"a\":1},{\"a\":2}]", 3, "line 1: "},
        {"1\n2\n", "[1,2]", 0, ""},
        {"x\ny\n", NULL, 0, "line 1: "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        cJSON *root = NULL;
        struct error err = {0};
        struct body_bad bad = {0};
        bool ok = body_parse(SOURCE_LINES, str_of(bodies[i].body), &root, &bad, &err);
        char *text = ok ? cJSON_PrintUnformatted(root) : NULL;
        ck_assert_msg(ok == (bodies[i].want != NULL) && (!ok || strcmp(text, bodies[i].want) == 0),
                      "%s becomes %s (%s)", bodies[i].body, text ? text : "nothing", err.message);
        ck_assert_uint_eq(bad.n, bodies[i].bad);
        const char *why = ok ? bad.first.message : err.message;
        ck_assert_msg(strncmp(why, bodies[i].first, strlen(bodies[i].first)) == 0, "%s", why);
        free(text);
        cJSON_Delete(root);
    }
}
END_TEST

static char *repeat(const char *before, const char *text, size_t n, const char *after)
{
    struct buf b;
    buf_init(&b, 16 << 20);
    buf_adds(&b, before);
    for (size_t i = 0; i < n; i++)
        buf_adds(&b, text);
    buf_adds(&b, after);
    return buf_take(&b);
}

static bool reads(enum source_format format, char *text)
{
    cJSON *root = NULL;
    struct error err;
    bool ok = body_parse(format, str_of(text), &root, NULL, &err);
    cJSON_Delete(root);
    free(text);
    return ok;
}

START_TEST(what_would_cost_too_much_is_refused)
{
    ck_assert(reads(SOURCE_XML, repeat("<a>", "<b>x</b>", 50000, "</a>")));
    ck_assert(!reads(SOURCE_XML, repeat("<a>", "<b/>", 200001, "</a>")));
    ck_assert(!reads(SOURCE_XML, repeat("", "<a>", 32, "")));
    ck_assert(!reads(SOURCE_FORM, repeat("", "a=1&", 10001, "b=2")));
    struct buf names;
    buf_init(&names, 1 << 20);
    buf_adds(&names, "<a>");
    for (int i = 0; i < 1001; i++)
        buf_addf(&names, "<n%d/>", i);
    buf_adds(&names, "</a>");
    ck_assert(!reads(SOURCE_XML, buf_take(&names)));
}
END_TEST

START_TEST(the_media_type_decides_unless_the_source_does)
{
    static const struct {
        const char *type;
        enum source_format of_source, want;
    } types[] = {
        {"application/json", SOURCE_AUTO, SOURCE_JSON},
        {"application/json; utf-8", SOURCE_AUTO, SOURCE_JSON},
        {"Application/SOAP+XML; charset=utf-8", SOURCE_AUTO, SOURCE_XML},
        {"text/xml", SOURCE_AUTO, SOURCE_XML},
        {"application/x-www-form-urlencoded", SOURCE_AUTO, SOURCE_FORM},
        {"application/x-ndjson", SOURCE_AUTO, SOURCE_LINES},
        {"text/plain", SOURCE_AUTO, SOURCE_JSON},
        {"text/xml", SOURCE_LINES, SOURCE_LINES},
    };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct source src = {.format = types[i].of_source};
        struct message m = {.headers = {{str_of("content-type"), str_of(types[i].type)}}, .n_headers = 1};
        ck_assert_msg(body_format(&src, &m) == types[i].want, "%s", types[i].type);
    }
}
END_TEST

START_TEST(a_querys_parameter_is_decoded)
{
    static const struct {
        const char *query, *want;
    } queries[] = {{"validationToken=a%3A+b%2Bc", "a: b+c"},
                   {"x=1&validationToken=", ""},
                   {"validationToken", NULL},
                   {"xvalidationToken=1", NULL},
                   {"validationToken=%zz", NULL},
                   {"", NULL}};
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        struct message m = {.query = str_of(queries[i].query)};
        struct buf out;
        buf_init(&out, 100);
        bool found = message_query(&m, "validationToken", &out);
        ck_assert_msg(found == (queries[i].want != NULL), "%s", queries[i].query);
        ck_assert(!found || str_eq(buf_str(&out), str_of(queries[i].want)));
        buf_done(&out);
    }
}
END_TEST

RUN_TESTS("ingest_body", every_form_becomes_one_kind_of_document,
          a_line_that_is_no_json_costs_the_others_nothing, what_would_cost_too_much_is_refused,
          the_media_type_decides_unless_the_source_does, a_querys_parameter_is_decoded)
