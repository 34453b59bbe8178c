#include "test_lib.h"

#include <glob.h>
#include <stdio.h>

#include "event.h"
#include "json.h"

enum { HEADERS_MAX = 16 };

static const char TRACEPARENT[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct record {
    struct event_header headers[HEADERS_MAX];
    size_t n;
    struct buf value;
};

static void put(void *ctx, const char *name, const char *value)
{
    struct record *r = ctx;
    r->headers[r->n++] = (struct event_header){xstrdup(name), xstrdup(value)};
}

static void write_record(const struct event *ev, struct record *r)
{
    *r = (struct record){0};
    buf_init(&r->value, EVENT_VALUE_MAX);
    event_each_header(ev, put, r);
    event_write_value(ev, &r->value);
}

static void record_done(struct record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free((char *)r->headers[i].name);
        free((char *)r->headers[i].value);
    }
    buf_done(&r->value);
}

static bool read_record(const struct record *r, struct event *ret, struct error *err)
{
    return event_read(r->headers, r->n, buf_str(&r->value), ret, err);
}

static void set_header(struct record *r, const char *name, const char *value)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->headers[i].name, name) != 0)
            continue;
        free((char *)r->headers[i].value);
        r->headers[i].value = xstrdup_null(value);
        return;
    }
    put(r, name, value);
}

static struct event minimal(void)
{
    struct event ev = {.type = EVENT_JOINED,
                       .tenant = xstrdup("acme"),
                       .directory = xstrdup("okta"),
                       .subject = xstrdup("00u1"),
                       .source = xstrdup("okta-main"),
                       .occurred_at_ms = 1795337055123,
                       .received_at_ms = 1795337056000};
    event_id_make("okta-main", str_of("delivery-1"), ev.id);
    return ev;
}

static struct event full(void)
{
    struct event ev = minimal();
    ev.type = EVENT_MEMBERSHIP_ADDED;
    ev.effective_at_ms = 1795400000000;
    ev.complete = ev.needs_fetch = ev.has_access_until = true;
    ev.access_until_ms = 1895400000000;
    attrs_set(&ev.profile, "userName", "a@example.com");
    attrs_set(&ev.profile, "title", NULL);
    ev.n_groups = 2;
    ev.groups = xcalloc(2, sizeof *ev.groups);
    ev.groups[0] = xstrdup("Design");
    ev.groups[1] = xstrdup("caf\xc3\xa9 \"1\"");
    ev.groups_complete = true;
    ev.delivery_id = xstrdup("d/1");
    digest_sha256_hex("x", 1, ev.body_sha256);
    event_id_make("s", str_of("t"), ev.replay_of);
    memcpy(ev.traceparent, TRACEPARENT, sizeof TRACEPARENT);
    return ev;
}

static void expect_attrs(const struct attrs *a, const struct attrs *b)
{
    ck_assert_uint_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        ck_assert_str_eq(a->v[i].name, b->v[i].name);
        ck_assert_pstr_eq(a->v[i].value, b->v[i].value);
    }
}

START_TEST(reads_back_what_it_writes)
{
    struct event in = full(), out;
    struct record r;
    struct error err = {0};
    ck_assert_msg(event_check(&in, &err), "%s", err.message);
    write_record(&in, &r);
    ck_assert_msg(read_record(&r, &out, &err), "%s", err.message);
    ck_assert_str_eq(out.id, in.id);
    ck_assert_int_eq(out.type, in.type);
    ck_assert_str_eq(out.tenant, in.tenant);
    ck_assert_str_eq(out.directory, in.directory);
    ck_assert_str_eq(out.subject, in.subject);
    ck_assert_str_eq(out.source, in.source);
    ck_assert_int_eq(out.occurred_at_ms, in.occurred_at_ms);
    ck_assert_int_eq(out.effective_at_ms, in.effective_at_ms);
    ck_assert_int_eq(out.received_at_ms, in.received_at_ms);
    ck_assert(out.complete && out.needs_fetch && out.has_access_until && out.groups_complete);
    ck_assert_int_eq(out.access_until_ms, in.access_until_ms);
    expect_attrs(&out.profile, &in.profile);
    ck_assert_uint_eq(out.n_groups, 2);
    ck_assert_str_eq(out.groups[1], in.groups[1]);
    ck_assert_str_eq(out.delivery_id, in.delivery_id);
    ck_assert_str_eq(out.body_sha256, in.body_sha256);
    ck_assert_str_eq(out.replay_of, in.replay_of);
    ck_assert_str_eq(out.traceparent, in.traceparent);
    record_done(&r);
    event_done(&in);
    event_done(&out);
}
END_TEST

START_TEST(a_value_is_read_with_id_and_type_beside_it)
{
    struct event in = full(), out;
    struct record r;
    struct error err = {0};
    write_record(&in, &r);
    ck_assert_msg(event_read_value(in.id, event_type_name(in.type), buf_str(&r.value), &out, &err), "%s",
                  err.message);
    ck_assert_str_eq(out.id, in.id);
    ck_assert_int_eq(out.type, in.type);
    expect_attrs(&out.profile, &in.profile);
    event_done(&out);
    ck_assert(!event_read_value("x", event_type_name(in.type), buf_str(&r.value), &out, &err));
    ck_assert(!event_read_value(in.id, "rollcall.person.lost", buf_str(&r.value), &out, &err));
    ck_assert(!event_read_value(in.id, event_type_name(in.type), str_of("{}"), &out, &err));
    record_done(&r);
    event_done(&in);
}
END_TEST

START_TEST(writes_only_what_there_is_to_say)
{
    struct event ev = minimal();
    struct record r;
    write_record(&ev, &r);
    ck_assert_str_eq(
        r.value.p, "{\"occurredAt\":\"2026-11-22T08:44:15.123Z\",\"receivedAt\":\"2026-11-22T08:44:16.000Z\","
                   "\"tenant\":\"acme\",\"directory\":\"okta\",\"subject\":\"00u1\","
                   "\"origin\":{\"source\":\"okta-main\"}}");
    ck_assert_uint_eq(r.n, 7);
    ck_assert_str_eq(r.headers[3].value, "/rollcall/acme/okta-main");
    record_done(&r);
    event_done(&ev);
}
END_TEST

START_TEST(access_without_end_differs_from_no_word_about_it)
{
    struct event in = minimal(), out;
    in.has_access_until = true;
    struct record r;
    write_record(&in, &r);
    ck_assert_ptr_nonnull(strstr(r.value.p, "\"accessUntil\":null"));
    ck_assert(read_record(&r, &out, NULL));
    ck_assert(out.has_access_until && out.access_until_ms == 0);
    record_done(&r);
    event_done(&in);
    event_done(&out);
}
END_TEST

START_TEST(clamps_a_time_that_lies_too_far_ahead)
{
    static const int64_t ahead_ms[] = {0, 300000, 300001, 86400000};
    static const bool clamped[] = {false, false, true, true};
    for (size_t i = 0; i < ARRAY_SIZE(ahead_ms); i++) {
        struct event in = minimal(), out;
        in.occurred_at_ms = in.received_at_ms + ahead_ms[i];
        struct record r;
        write_record(&in, &r);
        ck_assert(read_record(&r, &out, NULL));
        ck_assert_int_eq(out.occurred_at_ms, clamped[i] ? in.received_at_ms : in.occurred_at_ms);
        record_done(&r);
        event_done(&in);
        event_done(&out);
    }
}
END_TEST

static const struct {
    const char *name, *value, *why;
} bad_headers[] = {
    {"ce_specversion", "0.3", "ce_specversion"},
    {"ce_specversion", NULL, "ce_specversion: missing"},
    {"ce_id", NULL, "ce_id"},
    {"ce_id", "0123456789ABCDEF0123456789abcdef", "id: not 32"},
    {"ce_id", "0123456789abcdef0123456789abcdef0", "ce_id"},
    {"ce_type", "rollcall.person.promoted", "ce_type"},
    {"ce_type", "person.joined", "ce_type"},
    {"ce_type", NULL, "ce_type"},
    {"ce_source", "/rollcall/other/okta-main", "ce_source: does not agree"},
    {"ce_subject", "00u2", "ce_subject"},
    {"ce_time", "2026-11-22T08:44:15.124Z", "ce_time"},
    {"ce_time", NULL, "ce_time"},
    {"content-type", "application/xml", "content-type"},
    {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", "traceparent"},
    {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", "traceparent"},
};

START_TEST(refuses_bad_headers_and_names_them)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
        struct event in = minimal(), out;
        struct record r;
        struct error err = {0};
        write_record(&in, &r);
        set_header(&r, bad_headers[i].name, bad_headers[i].value);
        ck_assert_msg(!read_record(&r, &out, &err), "row %zu", i);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, bad_headers[i].why), "row %zu: %s", i, err.message);
        record_done(&r);
        event_done(&in);
    }
}
END_TEST

/* A member put in front counts, because the first of equal keys does. */
static const struct {
    const char *member, *why;
} bad_members[] = {
    {"\"occurredAt\":5", "occurredAt"},
    {"\"occurredAt\":\"2026-11-22\"", "occurredAt"},
    {"\"effectiveAt\":null", "effectiveAt"},
    {"\"tenant\":\"Acme\"", "tenant"},
    {"\"tenant\":\"\"", "tenant"},
    {"\"directory\":\"a/b\"", "directory"},
    {"\"subject\":\"\"", "subject"},
    {"\"subject\":\"a\\nb\"", "subject"},
    {"\"subject\":7", "subject"},
    {"\"profile\":[]", "profile"},
    {"\"profile\":{\"title\":5}", "profile"},
    {"\"profile\":{\"\":\"x\"}", "profile"},
    {"\"complete\":\"yes\"", "complete"},
    {"\"needsFetch\":null", "needsFetch"},
    {"\"accessUntil\":\"never\"", "accessUntil"},
    {"\"groups\":[]", "groups"},
    {"\"groups\":[1]", "groups"},
    {"\"groups\":\"x\"", "groups"},
    {"\"origin\":{}", "origin: source"},
    {"\"origin\":{\"source\":\"okta-main\",\"bodySha256\":\"xyz\"}", "bodySha256"},
    {"\"origin\":{\"source\":\"okta-main\",\"deliveryId\":\"\"}", "deliveryId"},
    {"\"replayOf\":\"\"", "replayOf"},
    {"\"replayOf\":\"0123456789abcdef0123456789abcdeg\"", "replayOf"},
};

START_TEST(refuses_bad_members_and_names_them)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_members); i++) {
        struct event in = minimal(), out;
        struct record r;
        struct error err = {0};
        write_record(&in, &r);
        char *rest = buf_take(&r.value);
        buf_addf(&r.value, "{%s,%s", bad_members[i].member, rest + 1);
        free(rest);
        ck_assert_msg(!read_record(&r, &out, &err), "row %zu", i);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, bad_members[i].why), "row %zu: %s", i, err.message);
        record_done(&r);
        event_done(&in);
    }
}
END_TEST

static bool passes(struct event *ev, const char *why)
{
    struct error err = {0};
    bool ok = event_check(ev, &err);
    ck_assert_msg(ok || strstr(err.message, why), "%s: %s", why, err.message);
    event_done(ev);
    return ok;
}

static char *repeated(size_t n)
{
    char *s = xmalloc(n + 1);
    memset(s, 'x', n);
    s[n] = '\0';
    return s;
}

static bool passes_with_subject(size_t n)
{
    struct event ev = minimal();
    free(ev.subject);
    ev.subject = repeated(n);
    return passes(&ev, "subject");
}

static bool passes_with_value(size_t n)
{
    struct event ev = minimal();
    char *value = repeated(n);
    attrs_set(&ev.profile, "title", value);
    free(value);
    return passes(&ev, "profile.title");
}

static bool passes_with_attributes(size_t n)
{
    struct event ev = minimal();
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "a%zu", i);
        attrs_set(&ev.profile, name, "x");
    }
    return passes(&ev, "profile");
}

static bool passes_with_groups(size_t n)
{
    struct event ev = minimal();
    ev.type = EVENT_MEMBERSHIP_REMOVED;
    ev.n_groups = n;
    ev.groups = xcalloc(n, sizeof *ev.groups);
    for (size_t i = 0; i < n; i++)
        ev.groups[i] = repeated(EVENT_GROUP_NAME_MAX);
    return passes(&ev, "groups");
}

START_TEST(every_limit_holds_to_the_byte)
{
    ck_assert(passes_with_subject(EVENT_SUBJECT_MAX));
    ck_assert(!passes_with_subject(EVENT_SUBJECT_MAX + 1));
    ck_assert(!passes_with_subject(0));
    ck_assert(passes_with_value(ATTR_VALUE_MAX));
    ck_assert(!passes_with_value(ATTR_VALUE_MAX + 1));
    ck_assert(passes_with_attributes(ATTRS_MAX));
    ck_assert(!passes_with_attributes(ATTRS_MAX + 1));
    ck_assert(passes_with_groups(EVENT_GROUPS_MAX));
    ck_assert(!passes_with_groups(EVENT_GROUPS_MAX + 1));
    ck_assert(!passes_with_groups(0));
}
END_TEST

START_TEST(a_value_over_the_limit_is_refused)
{
    struct event out;
    struct error err = {0};
    char *big = repeated(EVENT_VALUE_MAX + 1);
    ck_assert(!event_read(NULL, 0, str_of(big), &out, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "value: longer"));
    ck_assert(!event_read(NULL, 0, (struct str){NULL, 0}, &out, &err));
    free(big);
}
END_TEST

START_TEST(type_names_are_read_with_and_without_prefix)
{
    for (int i = 0; i < EVENT_TYPES; i++) {
        enum event_type type;
        const char *name = event_type_name((enum event_type)i);
        ck_assert(event_type_parse(name, &type) && (int)type == i);
        ck_assert(event_type_parse(name + strlen("rollcall."), &type) && (int)type == i);
    }
    enum event_type type;
    ck_assert(!event_type_parse("joined", &type));
    ck_assert(!event_type_parse("", &type));
}
END_TEST

START_TEST(the_key_hashes_directory_and_subject_into_buckets)
{
    struct event ev = minimal();
    struct buf key;
    buf_init(&key, 100);
    event_key(&ev, 1, &key);
    ck_assert_str_eq(key.p, "acme/0");
    buf_clear(&key);
    event_key(&ev, 16, &key);
    char expected[32];
    snprintf(expected, sizeof expected, "acme/%u", digest_murmur2("okta/00u1", 9) % 16);
    ck_assert_str_eq(key.p, expected);
    buf_done(&key);
    event_done(&ev);
}
END_TEST

START_TEST(ids_depend_on_source_and_senders_id)
{
    char a[EVENT_ID_SIZE], b[EVENT_ID_SIZE], c[EVENT_ID_SIZE];
    event_id_make("s1", str_of("x"), a);
    event_id_make("s1", str_of("x"), b);
    event_id_make("s", BYTES("1x"), c);
    ck_assert_str_eq(a, b);
    ck_assert_str_ne(a, c);
    ck_assert_uint_eq(strlen(a), EVENT_ID_SIZE - 1);
}
END_TEST

START_TEST(names_are_short_lower_case_words)
{
    static const char *const good_names[] = {"a", "0", "acme-1.eu_x"};
    static const char *const bad_names[] = {"", "-a", ".a", "A", "a b", "a/b", "\xc3\xa9"};
    for (size_t i = 0; i < ARRAY_SIZE(good_names); i++)
        ck_assert_msg(event_name_ok(good_names[i]), "%s", good_names[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++)
        ck_assert_msg(!event_name_ok(bad_names[i]), "%s", bad_names[i]);
    char *name = repeated(EVENT_NAME_MAX + 1);
    ck_assert(!event_name_ok(name));
    ck_assert(event_name_ok(name + 1));
    free(name);
}
END_TEST

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "re");
    ck_assert_msg(in, "%s", path);
    char *text = xcalloc(1, EVENT_VALUE_MAX * 2);
    ck_assert_uint_gt(fread(text, 1, EVENT_VALUE_MAX * 2 - 1, in), 0);
    fclose(in);
    return text;
}

/* An example holds key, headers and value of a record. */
static bool read_example(const char *path, struct error *err)
{
    char *text = read_file(path);
    cJSON *root = cJSON_Parse(text);
    ck_assert_msg(root, "%s", path);
    struct event_header headers[HEADERS_MAX];
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "headers"))
    {
        ck_assert_uint_lt(n, HEADERS_MAX);
        headers[n++] = (struct event_header){item->string, cJSON_GetStringValue(item)};
    }
    char *value = cJSON_PrintUnformatted(json_get(root, "value"));
    struct event ev = {0};
    bool ok = event_read(headers, n, str_of(value), &ev, err);
    event_done(&ev);
    free(value);
    cJSON_Delete(root);
    free(text);
    return ok;
}

static void check_examples(const char *pattern, bool expected)
{
    glob_t found;
    ck_assert_msg(glob(pattern, 0, NULL, &found) == 0, "%s: run from the root of the repository", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct error err = {0};
        bool ok = read_example(found.gl_pathv[i], &err);
        ck_assert_msg(ok == expected, "%s: %s", found.gl_pathv[i], err.message);
    }
    globfree(&found);
}

START_TEST(agrees_with_the_schemas_examples)
{
    check_examples("schemas/examples/valid/event-*.json", true);
    check_examples("schemas/examples/invalid/event-*.json", false);
}
END_TEST

START_TEST(what_was_unreadable_is_no_event_and_says_why)
{
    glob_t found;
    struct error err = {0};
    ck_assert(glob("schemas/examples/valid/unreadable-*.json", 0, NULL, &found) == 0);
    ck_assert(!read_example(found.gl_pathv[0], &err));
    ck_assert_str_eq(err.message,
                     "a webhook that its source could not understand: item 1: the options do not say "
                     "what this workflow means: workflow.14879e66");
    globfree(&found);
}
END_TEST

RUN_TESTS("event", reads_back_what_it_writes, a_value_is_read_with_id_and_type_beside_it,
          writes_only_what_there_is_to_say, access_without_end_differs_from_no_word_about_it,
          clamps_a_time_that_lies_too_far_ahead, refuses_bad_headers_and_names_them,
          refuses_bad_members_and_names_them, every_limit_holds_to_the_byte,
          a_value_over_the_limit_is_refused, type_names_are_read_with_and_without_prefix,
          the_key_hashes_directory_and_subject_into_buckets, ids_depend_on_source_and_senders_id,
          names_are_short_lower_case_words, agrees_with_the_schemas_examples,
          what_was_unreadable_is_no_event_and_says_why)
