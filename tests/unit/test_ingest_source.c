#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../ingest/check.h"
#include "../../ingest/normalise.h"
#include "../../ingest/source.h"
#include "mem.h"
#include "rfc3339.h"
#include "test_lib.h"

static const int64_t NOW = 1795336800000; /* 2026-11-22T10:00:00Z */

static char *write_file(const char *text)
{
    char *path = xstrdup("/tmp/rollcall-source-XXXXXX.lua");
    int fd = mkstemps(path, 4);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static bool load_text(const char *text, struct sources **ret, struct error *err)
{
    char *path = write_file(text);
    bool ok = sources_load_file(path, NULL, ret, err);
    unlink(path);
    free(path);
    return ok;
}

static struct sources *load_shipped(const char *name)
{
    struct sources *set;
    struct error err = {0};
    char *path = xasprintf("ingest/sources/%s.lua", name);
    ck_assert_msg(sources_load_file(path, NULL, &set, &err), "%s", err.message);
    free(path);
    return set;
}

static enum normalise_result run(struct sources *set, const char *body, const char *delivery,
                                 struct event_list *ret, struct error *err)
{
    struct message m = {.method = str_of("POST"), .path = str_of("/hooks/x"), .body = str_of(body)};
    struct verified found = {.delivery = str_of(delivery)};
    *err = (struct error){0};
    return normalise(set, &set->v[0], &m, &found, NOW, ret, err);
}

static void must_run(struct sources *set, const char *body, const char *delivery, struct event_list *ret)
{
    struct error err;
    enum normalise_result result = run(set, body, delivery, ret, &err);
    ck_assert_msg(result == NORMALISE_OK, "%s: %s", normalise_result_name(result), err.message);
}

static int64_t at(const char *text)
{
    int64_t ms;
    ck_assert(rfc3339_parse(str_of(text), &ms));
    return ms;
}

#define VERIFY                                                                                               \
    "verify={secrets={encoding='text',algorithm='static'},accept={{header='x',algorithm='static',encoding='" \
    "text'}}}"

/* ---- Standard Webhooks --------------------------------------------------------------------------------- */

START_TEST(standard_webhook_becomes_an_event)
{
    struct sources *set = load_shipped("standard_webhooks");
    struct event_list list;
    char id[EVENT_ID_SIZE];
    must_run(
        set,
        "{\"type\":\"rollcall.person.joined\",\"timestamp\":\"2026-11-22T08:00:00Z\",\"data\":{\"id\":"
        "\"4711\","
        "\"effectiveAt\":\"2026-12-01T00:00:00+01:00\",\"accessUntil\":null,\"complete\":true,\"profile\":{"
        "\"userName\":\"ann@example.com\",\"name\":{\"givenName\":\"Ann\"},\"title\":null,\"active\":true,"
        "\"employeeNumber\":701984,\"manager\":{\"value\":\"26118915\"},"
        "\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"Sales\"}}}}",
        "msg_1", &list);
    ck_assert_uint_eq(list.n, 1);
    const struct event *ev = &list.v[0];
    event_id_make("example", str_of("msg_1"), id);
    ck_assert_str_eq(ev->id, id);
    ck_assert_int_eq(ev->type, EVENT_JOINED);
    ck_assert_str_eq(ev->subject, "4711");
    ck_assert_str_eq(ev->delivery_id, "msg_1");
    ck_assert_int_eq(ev->occurred_at_ms, at("2026-11-22T08:00:00Z"));
    ck_assert_int_eq(ev->effective_at_ms, at("2026-11-30T23:00:00Z"));
    ck_assert_int_eq(ev->received_at_ms, NOW);
    ck_assert(ev->has_access_until && ev->access_until_ms == 0);
    ck_assert(ev->complete && !ev->needs_fetch);
    ck_assert_str_eq(attrs_get(&ev->profile, "userName"), "ann@example.com");
    ck_assert_str_eq(attrs_get(&ev->profile, "name.givenName"), "Ann");
    ck_assert_str_eq(attrs_get(&ev->profile, "active"), "true");
    ck_assert_str_eq(attrs_get(&ev->profile, "employeeNumber"), "701984");
    ck_assert_str_eq(attrs_get(&ev->profile, "manager"), "26118915");
    ck_assert_str_eq(attrs_get(&ev->profile, "department"), "Sales");
    ck_assert(attrs_find(&ev->profile, "title") && !attrs_get(&ev->profile, "title"));
    ck_assert_uint_eq(strlen(ev->body_sha256), 64);
    event_list_done(&list);
    sources_free(set);
}
END_TEST

START_TEST(membership_carries_its_groups)
{
    struct sources *set = load_shipped("standard_webhooks");
    struct event_list list;
    must_run(set,
             "{\"type\":\"membership.added\",\"data\":{\"subject\":\"1\",\"occurredAt\":\"2026-11-22T08:00:"
             "00.5Z\","
             "\"groups\":[\"Design\",\"Caf\xc3\xa9\"]}}",
             "m", &list);
    ck_assert_uint_eq(list.v[0].n_groups, 2);
    ck_assert_str_eq(list.v[0].groups[1], "Caf\xc3\xa9");
    ck_assert_int_eq(list.v[0].occurred_at_ms, at("2026-11-22T08:00:00.500Z"));
    event_list_done(&list);
    sources_free(set);
}
END_TEST

START_TEST(an_unknown_type_is_skipped_not_refused)
{
    struct sources *set = load_shipped("standard_webhooks");
    struct event_list list;
    must_run(set, "{\"type\":\"invoice.paid\",\"data\":{}}", "m", &list);
    ck_assert_uint_eq(list.n, 0);
    ck_assert_uint_eq(list.skipped, 1);
    event_list_done(&list);
    sources_free(set);
}
END_TEST

START_TEST(without_an_id_the_body_is_the_identity_if_it_carries_a_time)
{
    static const char source[] =
        "return {verify={secrets={encoding='text',algorithm='static'},"
        "accept={{header='x',algorithm='static',encoding='text'}}},"
        "events=function(r) return {{type='person.left', subject=r.body.id, occurredAt=r.body.time},"
        "{type='person.left', subject=r.body.id, occurredAt=r.body.time}} end}";
    struct sources *set;
    struct event_list a, b;
    struct error err;
    ck_assert_msg(load_text(source, &set, &err), "%s", err.message);
    struct message m = {.body = str_of("{\"id\":\"1\",\"time\":\"2026-11-22T08:00:00Z\"}")};
    for (int timed = 1; timed >= 0; timed--) {
        ck_assert_int_eq(normalise(set, &set->v[0], &m, NULL, NOW, &a, &err), NORMALISE_OK);
        ck_assert_int_eq(normalise(set, &set->v[0], &m, NULL, NOW + 1, &b, &err), NORMALISE_OK);
        ck_assert_int_eq(strcmp(a.v[0].id, b.v[0].id) == 0, timed);
        ck_assert_str_ne(a.v[0].id, a.v[1].id);
        if (!timed)
            ck_assert_int_eq(a.v[0].occurred_at_ms, NOW);
        event_list_done(&a);
        event_list_done(&b);
        m.body = str_of("{\"id\":\"1\"}");
    }
    sources_free(set);
}
END_TEST

START_TEST(one_body_under_two_queries_is_two_events_where_the_source_reads_them)
{
    static const char plain[] =
        "return {" VERIFY ", events=function(r) return {{type='person.left', subject='1', "
        "occurredAt=1}} end}";
    static const char reading[] =
        "return {" VERIFY ", query={'type'}, events=function(r) return {{type='person.left', "
        "subject=r.query.type, occurredAt=1}} end}";
    for (int reads = 0; reads < 2; reads++) {
        struct sources *set;
        struct event_list a, b;
        struct error err = {0};
        ck_assert_msg(load_text(reads ? reading : plain, &set, &err), "%s", err.message);
        struct message m = {.query = str_of("type=a%20b"), .body = str_of("{}")};
        ck_assert_int_eq(normalise(set, &set->v[0], &m, NULL, NOW, &a, &err), NORMALISE_OK);
        m.query = str_of("type=c");
        ck_assert_int_eq(normalise(set, &set->v[0], &m, NULL, NOW, &b, &err), NORMALISE_OK);
        ck_assert_int_eq(strcmp(a.v[0].id, b.v[0].id) != 0, reads);
        ck_assert_str_eq(a.v[0].subject, reads ? "a b" : "1");
        event_list_done(&a);
        event_list_done(&b);
        sources_free(set);
    }
}
END_TEST

/* ---- Okta ---------------------------------------------------------------------------------------------- */

#define OKTA(events) "{\"eventId\":\"delivery-1\",\"data\":{\"events\":[" events "]}}"
#define ENTRY(uuid, type, result, targets)                                                                   \
    "{\"uuid\":\"" uuid "\",\"published\":\"2026-11-22T07:28:32.861Z\",\"eventType\":\"" type                \
    "\",\"outcome\":{\"result\":\"" result "\"},\"target\":" targets "}"
#define USER  "{\"id\":\"00u1\",\"type\":\"User\",\"alternateId\":\"joe@example.com\",\"displayName\":\"Joe\"}"
#define GROUP "{\"id\":\"00g1\",\"type\":\"UserGroup\",\"displayName\":\"Design\"}"

static const struct {
    const char *okta;
    enum event_type type;
    bool fetch;
} okta_types[] = {
    {OKTA(ENTRY("u", "user.lifecycle.create", "SUCCESS", "[" USER "]")), EVENT_CHANGED, true},
    {OKTA(ENTRY("u", "user.lifecycle.activate", "SUCCESS", "[" USER "]")), EVENT_JOINED, true},
    {OKTA(ENTRY("u", "user.lifecycle.reactivate", "SUCCESS", "[" USER "]")), EVENT_JOINED, true},
    {OKTA(ENTRY("u", "user.lifecycle.deactivate", "SUCCESS", "[" USER "]")), EVENT_LEFT, false},
    {OKTA(ENTRY("u", "user.lifecycle.suspend", "SUCCESS", "[" USER "]")), EVENT_SUSPENDED, false},
    {OKTA(ENTRY("u", "user.lifecycle.unsuspend", "SUCCESS", "[" USER "]")), EVENT_RESUMED, false},
    {OKTA(ENTRY("u", "user.lifecycle.delete.initiated", "SUCCESS", "[" USER "]")), EVENT_DELETED, false},
    {OKTA(ENTRY("u", "user.account.update_profile", "SUCCESS", "[" USER "]")), EVENT_CHANGED, true},
    {OKTA(ENTRY("u", "group.user_membership.add", "SUCCESS", "[" GROUP "," USER "]")), EVENT_MEMBERSHIP_ADDED,
     false},
    {OKTA(ENTRY("u", "group.user_membership.remove", "SUCCESS", "[" USER "," GROUP "]")),
     EVENT_MEMBERSHIP_REMOVED, false},
};

START_TEST(okta_entry_becomes_an_event)
{
    struct sources *set = load_shipped("okta");
    struct event_list list;
    char id[EVENT_ID_SIZE];
    must_run(set, okta_types[_i].okta, "", &list);
    ck_assert_uint_eq(list.n, 1);
    const struct event *ev = &list.v[0];
    event_id_make("example", str_of("u"), id);
    ck_assert_str_eq(ev->id, id);
    ck_assert_int_eq(ev->type, okta_types[_i].type);
    ck_assert_int_eq(ev->needs_fetch, okta_types[_i].fetch);
    ck_assert_str_eq(ev->subject, "00u1");
    ck_assert_str_eq(ev->delivery_id, "delivery-1");
    ck_assert_str_eq(attrs_get(&ev->profile, "userName"), "joe@example.com");
    ck_assert_int_eq(ev->occurred_at_ms, at("2026-11-22T07:28:32.861Z"));
    if (ev->n_groups > 0)
        ck_assert_str_eq(ev->groups[0], "Design");
    ck_assert_int_eq(ev->n_groups > 0,
                     ev->type == EVENT_MEMBERSHIP_ADDED || ev->type == EVENT_MEMBERSHIP_REMOVED);
    event_list_done(&list);
    sources_free(set);
}
END_TEST

START_TEST(okta_fans_out_and_skips_the_rest)
{
    struct sources *set = load_shipped("okta");
    struct event_list list;
    must_run(
        set,
        OKTA(ENTRY("a", "user.lifecycle.activate", "SUCCESS", "[" USER "]") "," ENTRY(
            "b", "user.lifecycle.activate", "FAILURE",
            "[" USER
            "]") "," ENTRY("c", "user.session.start", "SUCCESS",
                           "[" USER
                           "]") "," ENTRY("d", "user.lifecycle.activate", "SUCCESS",
                                          "null") "," ENTRY("e", "group.user_membership.add", "SUCCESS",
                                                            "[" USER
                                                            "]") "," ENTRY("f", "user.lifecycle.deactivate",
                                                                           "SUCCESS", "[" USER "]")),
        "", &list);
    ck_assert_uint_eq(list.n, 2);
    ck_assert_uint_eq(list.skipped, 4);
    ck_assert_str_ne(list.v[0].id, list.v[1].id);
    event_list_done(&list);
    sources_free(set);
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------------------- */

static const struct {
    const char *body;
    enum normalise_result want;
} refused[] = {
    {"", NORMALISE_JSON},
    {"{", NORMALISE_JSON},
    {"{} {}", NORMALISE_JSON},
    {"{\"a\":\"\xff\"}", NORMALISE_ENCODING},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NORMALISE_DEPTH},
    {"[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", NORMALISE_JSON},
    {"5", NORMALISE_SCRIPT},
    {"{\"type\":\"person.left\"}", NORMALISE_SCRIPT},
    {"{\"type\":\"person.left\",\"data\":{}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":7}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"profile\":[]}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"occurredAt\":\"yesterday\"}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"groups\":{\"a\":1}}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"a\\u0001b\"}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"occurredAt\":253402300800000}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"occurredAt\":-1}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"occurredAt\":1.5}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"effectiveAt\":9e15}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"accessUntil\":9e15}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"accessUntil\":-5}}", NORMALISE_EVENT},
    {"{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"accessUntil\":[]}}", NORMALISE_EVENT},
};

START_TEST(refuses_what_makes_no_event)
{
    struct sources *set = load_shipped("standard_webhooks");
    struct event_list list;
    struct error err;
    enum normalise_result got = run(set, refused[_i].body, "m", &list, &err);
    ck_assert_msg(got == refused[_i].want, "%s: %s (%s)", refused[_i].body, normalise_result_name(got),
                  err.message);
    ck_assert_uint_eq(list.n, 0);
    must_run(set, "{\"type\":\"person.left\",\"data\":{\"id\":\"1\"}}", "m", &list); /* and goes on */
    event_list_done(&list);
    sources_free(set);
}
END_TEST

static const struct {
    const char *events;
    enum normalise_result want;
} faults[] = {
    {"while true do end", NORMALISE_SCRIPT},
    {"local t = {} while true do t[#t + 1] = string.rep('x', 1000) .. #t end", NORMALISE_SCRIPT},
    {"error({})", NORMALISE_SCRIPT},
    {"return nil", NORMALISE_SCRIPT},
    {"return 'text'", NORMALISE_SCRIPT},
    {"return {1}", NORMALISE_EVENT},
    {"return {{type='person.left', subject='1', profile={a={b={c={d='x'}}}}}}", NORMALISE_EVENT},
    {"return {{type='no such', subject='1'}}", NORMALISE_EVENT},
    {"return {{type='person.left', subject='1', effectivAt=1795337055123}}", NORMALISE_EVENT},
    {"return {{type='person.left', subject='1', effectiveAt=rollcall.due('11/30/2026')}}", NORMALISE_SCRIPT},
    {"local l = {} for i = 1, 20001 do l[i] = {} end return l", NORMALISE_TOO_MANY},
};

START_TEST(a_scripts_fault_refuses_one_request_only)
{
    struct sources *set;
    struct event_list list;
    struct error err = {0};
    char *text = xasprintf("return {%s, events=function(r) if r.body.ok then return {} end %s end}", VERIFY,
                           faults[_i].events);
    ck_assert_msg(load_text(text, &set, &err), "%s", err.message);
    ck_assert_int_eq(run(set, "{}", "", &list, &err), faults[_i].want);
    must_run(set, "{\"ok\":true}", "", &list);
    ck_assert_uint_eq(list.n, 0);
    event_list_done(&list);
    sources_free(set);
    free(text);
}
END_TEST

START_TEST(what_cannot_be_understood_is_set_aside_and_the_rest_counts)
{
    static const struct {
        const char *body, *reason;
        size_t events, item;
    } rows[] = {
        {"{\"l\":[{\"s\":\"1\"},{\"s\":\"\"},{\"s\":\"3\"}]}", "subject: is missing", 2, 2},
        {"{\"l\":[{\"s\":\"1\"},{\"no\":\"why not\"}]}", "why not", 1, 2},
        {"{\"l\":[", "json: not valid JSON", 0, 0},
        {"[]", "script: ", 0, 0},
        {"{\"l\":[{\"many\":true}]}", "too_many_events: 20001 events in one request", 0, 0},
    };
    static const char source[] =
        "return {" VERIFY
        ", events=function(r) local list = {} local l = r.body.l if l[1].many then for i = 1, 20001 do "
        "list[i] = {} end end for i = 1, #l do local x = l[i] "
        "list[i] = {type='person.left', subject=x.s, rejected=x.no} end return list end}";
    struct sources *set;
    struct event_list a, b;
    struct error err = {0};
    ck_assert_msg(load_text(source, &set, &err), "%s", err.message);
    set->v[0].strict = false;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        must_run(set, rows[i].body, "d", &a);
        must_run(set, rows[i].body, "d", &b);
        ck_assert_uint_eq(a.n, rows[i].events + 1);
        ck_assert_uint_eq(a.n_bad, 1);
        size_t bad = rows[i].item > 0 ? rows[i].item - 1 : 0;
        ck_assert_msg(strstr(a.v[bad].unreadable, rows[i].reason), "%s", a.v[bad].unreadable);
        ck_assert_uint_eq(a.v[bad].unreadable_item, rows[i].item);
        ck_assert_uint_eq(strlen(a.v[bad].body_sha256), 64);
        ck_assert_str_eq(a.v[bad].id, b.v[bad].id); /* redelivered */
        event_list_done(&a);
        event_list_done(&b);
    }
    sources_free(set);
}
END_TEST

START_TEST(a_line_that_cannot_be_read_is_set_aside_and_the_others_count)
{
    static const char body[] = "{\"s\":\"1\"}\n{\"s\":\n{\"s\":\"3\"}\n{\"s\"\n";
    static const char source[] =
        "return {" VERIFY
        ", format='lines', events=function(r) return rollcall.each(r.body, function(x) return "
        "{type='person.left', subject=x.s} end) end}";
    struct sources *set;
    struct event_list list;
    struct error err = {0};
    ck_assert_msg(load_text(source, &set, &err), "%s", err.message);
    ck_assert_int_eq(run(set, body, "d", &list, &err),
                     NORMALISE_JSON); /* refused whole where the source says so */
    set->v[0].strict = false;
    must_run(set, body, "d", &list);
    ck_assert_uint_eq(list.n, 3);
    ck_assert_uint_eq(list.n_bad, 1);
    ck_assert_str_eq(list.v[0].subject, "1");
    ck_assert_str_eq(list.v[1].subject, "3");
    ck_assert_msg(strstr(list.v[2].unreadable, "2 lines: line 2: "), "%s", list.v[2].unreadable);
    event_list_done(&list);
    sources_free(set);
}
END_TEST

/* ---- rules --------------------------------------------------------------------------------------------- */

#define EVENTS  "events=function() return {} end"
#define SECRETS "secrets={encoding='text',algorithm='hmac-sha256'}"

static const struct {
    const char *file, *message;
} wrong_files[] = {
    {"return {" VERIFY "}", "events"},
    {"return {" EVENTS "}", "verify: is missing"},
    {"return {" EVENTS ", " VERIFY ", verfy={}}", "verfy: no such key"},
    {"return {" EVENTS ", verify={" SECRETS "}}", "verify.accept: is missing"},
    {"return {" EVENTS ", verify={" SECRETS ", accept={}}}", "verify.accept: must not be empty"},
    {"return {" EVENTS ", verify={" SECRETS ", accept={{header='x',algorithm='md5',encoding='hex'}}}}",
     "verify.accept[1].algorithm: must be one of static hmac-sha1 "},
    {"return {" EVENTS ", verify={" SECRETS
     ", accept={{header='x',algorithm='hmac-sha256',encoding='hex'}}}}",
     "verify.accept[1].signed: must contain {body=true}"},
    {"return {" EVENTS ", verify={" SECRETS ", "
     "accept={{header='x',algorithm='hmac-sha256',encoding='hex',"
     "signed={{body=true}},time={header='t',unit='s'}}}}}",
     "verify.accept[1].signed: must contain the headers"},
    {"return {" EVENTS ", verify={" SECRETS
     ", accept={{header='x',algorithm='hmac-sha256',encoding='hex',signed={{body=true}},delivery='d'}}}}",
     "verify.accept[1].signed: must contain the headers"},
    {"return {" EVENTS ", verify={" SECRETS
     ", accept={{header='x',versions={v1='static'},encoding='hex',signed={{body=true}}}}}}",
     "verify.accept[1].versions.v1: must be a signature"},
    {"return {" EVENTS ", verify={" SECRETS
     ", accept={{header='x',algorithm='hmac-sha256',encoding='hex',signed={{bdoy=true}}}}}}",
     "verify.accept[1].signed[1].bdoy: no such key"},
    {"return {" EVENTS ", verify={" SECRETS ", accept={{header='x',algorithm='static'}}}}",
     "verify.accept[1].algorithm: is not that of the secrets"},
    {"return {" EVENTS ", verify={" SECRETS ", "
     "accept={{header='x',algorithm='hmac-sha256',encoding='hex',"
     "signed={{body=true}},time={field='t',unit='s'}}}}}",
     "verify.accept[1].signed: fields are those"},
    {"return {" EVENTS ", verify={" SECRETS
     ", accept={{header='x',algorithm='hmac-sha256',signed={{body=true}}}}}}",
     "verify.accept[1].encoding: must be hex or base64"},
    {"return {" EVENTS ", verify=function(o) return {" SECRETS
     ", accept={{header=o.h,algorithm='hmac-sha256',encoding='hex',"
     "signed={{body=true}}}}} end}",
     "verify.accept[1].header: is missing"},
    {"return {" EVENTS ", verify=function(o) error('no option h') end}", "no option h"},
    {"return {" EVENTS ", verify={secrets={encoding='text',algorithm='jws'},accept={{algorithm='jws'}}}}",
     "verify.accept[1].claims: is missing"},
    {"return {" EVENTS ", "
     "verify={secrets={encoding='text',algorithm='jws'},accept={{algorithm='jws',claims={"
     "algorithms={'HS256'}}}}}}",
     "verify.accept[1].claims.algorithms[1]: must be an algorithm with public keys"},
    {"return {" EVENTS ", verify={secrets={encoding='text',algorithm='item'},accept={{algorithm='item'}}}}",
     "verify.accept[1].item: an item's secret needs"},
    {"return {" EVENTS ", " VERIFY ", content_types='json'}", "content_types: must be a table"},
    {"return {" EVENTS ", " VERIFY ", handshakes={{method='GET'}}}", "handshakes[1].header: give one of"},
    {"return {" EVENTS ", " VERIFY ", reply='ok'}", "reply: has no reply_type"},
    {"return 5", "table"},
    {"return {", ""},
};

START_TEST(refuses_a_file_whose_rules_it_does_not_understand)
{
    struct sources *set;
    struct error err = {0};
    ck_assert(!load_text(wrong_files[_i].file, &set, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, wrong_files[_i].message), "%s, wanted %s", err.message,
                  wrong_files[_i].message);
}
END_TEST

START_TEST(reads_the_rules_of_the_shipped_files)
{
    struct sources *set = load_shipped("okta");
    ck_assert_str_eq(set->v[0].handshakes[0].method, "GET");
    ck_assert_str_eq(set->v[0].handshakes[0].member, "verification");
    ck_assert_uint_eq(set->v[0].n_media_types, 1);
    sources_free(set);
}
END_TEST

START_TEST(refuses_options_that_the_file_does_not_have)
{
    static const struct {
        const char *kind, *name, *value, *message; /* NULL: fine */
    } rows[] = {
        {"generic", "typ", "kind", "option typ: this kind of source has no such option; there are: auth, "},
        {"generic", "type.hired", "person.join", "option type.hired: person.join is no type of ours"},
        {"generic", "type.", "person.joined", "option type.: this kind"},
        {"generic", "type.hired", "person.joined", NULL},
        {"generic", "profile.title", "job", NULL},
        {"okta", "zone", "UTC", "option zone: this kind of source has no such option"},
        {"workos", "directory_id", "d", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config_pair pair = {(char *)(uintptr_t)rows[i].name, (char *)(uintptr_t)rows[i].value};
        struct config_pairs options = {&pair, 1};
        struct sources *set = NULL;
        struct error err = {0};
        char *path = xasprintf("ingest/sources/%s.lua", rows[i].kind);
        bool ok = sources_load_file(path, &options, &set, &err);
        ck_assert_msg(ok == !rows[i].message, "%s.%s: %s", rows[i].kind, rows[i].name, err.message);
        ck_assert_msg(ok || strstr(err.message, rows[i].message), "%s", err.message);
        sources_free(set);
        free(path);
    }
}
END_TEST

/* ---- check --------------------------------------------------------------------------------------------- */

static char *run_check(const char *request, bool *ret_accepted)
{
    struct sources *set = load_shipped("standard_webhooks");
    struct error err = {0};
    char *text = NULL, *path = write_file(request);
    size_t n;
    FILE *out = open_memstream(&text, &n);
    ck_assert_msg(check_run(set, &set->v[0], path, NOW, out, ret_accepted, &err), "%s", err.message);
    fclose(out);
    unlink(path);
    free(path);
    sources_free(set);
    return text;
}

START_TEST(check_shows_what_a_stored_request_becomes)
{
    bool accepted = false;
    char *text = run_check(
        "POST /hooks/x HTTP/1.1\nHost: h\n\n"
        "{\"type\":\"person.left\",\"data\":{\"id\":\"1\",\"occurredAt\":\"2026-11-22T08:00:00Z\"}}\n",
        &accepted);
    ck_assert(accepted);
    ck_assert_ptr_nonnull(strstr(text, "events: 1\n"));
    ck_assert_ptr_nonnull(strstr(text, "  key: example/0\n"));
    ck_assert_ptr_nonnull(strstr(text, "  ce_type: rollcall.person.left\n"));
    ck_assert_ptr_nonnull(strstr(text, "\"subject\":\"1\""));
    ck_assert_ptr_null(strstr(text, "note:"));
    free(text);
    text = run_check(
        "POST /hooks/x HTTP/1.1\nHost: h\n\n{\"type\":\"person.left\",\"data\":{\"id\":\"1\"}}\n", &accepted);
    ck_assert(accepted);
    ck_assert_ptr_nonnull(strstr(text, "  note: no time was read"));
    free(text);
    text =
        run_check("POST /hooks/x HTTP/1.1\nHost: h\n\n{\"type\":\"person.left\",\"data\":{}}\n", &accepted);
    ck_assert(!accepted);
    ck_assert_ptr_nonnull(strstr(text, "refused: event: events[1]: subject: is missing"));
    free(text);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("source");
    Suite *suite = suite_create("ingest_source");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, standard_webhook_becomes_an_event);
    tcase_add_test(tc, membership_carries_its_groups);
    tcase_add_test(tc, an_unknown_type_is_skipped_not_refused);
    tcase_add_test(tc, without_an_id_the_body_is_the_identity_if_it_carries_a_time);
    tcase_add_test(tc, one_body_under_two_queries_is_two_events_where_the_source_reads_them);
    tcase_add_loop_test(tc, okta_entry_becomes_an_event, 0, ARRAY_SIZE(okta_types));
    tcase_add_test(tc, okta_fans_out_and_skips_the_rest);
    tcase_add_loop_test(tc, refuses_what_makes_no_event, 0, ARRAY_SIZE(refused));
    tcase_add_loop_test(tc, a_scripts_fault_refuses_one_request_only, 0, ARRAY_SIZE(faults));
    tcase_add_test(tc, what_cannot_be_understood_is_set_aside_and_the_rest_counts);
    tcase_add_test(tc, a_line_that_cannot_be_read_is_set_aside_and_the_others_count);
    tcase_add_loop_test(tc, refuses_a_file_whose_rules_it_does_not_understand, 0, ARRAY_SIZE(wrong_files));
    tcase_add_test(tc, refuses_options_that_the_file_does_not_have);
    tcase_add_test(tc, reads_the_rules_of_the_shipped_files);
    tcase_add_test(tc, check_shows_what_a_stored_request_becomes);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
