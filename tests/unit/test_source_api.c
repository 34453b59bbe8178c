#include "test_lib.h"

#include "source_api.h"

/* A vendor with everything: SSWS token, pages by cursor. */
static const char vendor[] =
    "local function who(u) return { subject = u.id, id = u.rev, occurredAt = u.at, suspended = u.held,\n"
    "    employment = u.gone and 'left' or 'joined', profile = { userName = u.login, name = { givenName = "
    "u.first } },\n"
    "    groups = u.teams } end\n"
    "return {\n"
    "  api = { base_url = 'https://api.vendor.example', auth = 'header', header = 'x-key', prefix = 'SSWS "
    "',\n"
    "          limit = { requests = 5, per_s = 2 } },\n"
    "  fetch = function(s, o) return { path = '/users/' .. rollcall.escape(s) .. '?zone=' .. (o.zone or "
    "''),\n"
    "                                  headers = { ['x-version'] = '2' } } end,\n"
    "  person = function(r, s, o) if r.body.missing then return nil end local p = who(r.body)\n"
    "      p.subject, p.id, p.occurredAt = nil, nil, nil return p end,\n"
    "  list = function(c, o) return { method = 'POST', path = '/search', body = '{\"after\":\"' .. (c or '') "
    ".. '\"}' } end,\n"
    "  page = function(r, o) local list = {} for i = 1, #r.body.users do list[i] = who(r.body.users[i]) end\n"
    "      return list, r.headers['x-next'] end,\n"
    "}\n";

static const struct config_pair zone[] = {{(char *)(uintptr_t) "zone", (char *)(uintptr_t) "eu"}};
static const struct config_pairs options = {(struct config_pair *)(uintptr_t)zone, 1};

static struct lua_host *host;

static struct source_asked load(const char *text, struct source_api *api)
{
    struct source_asked a = {.host = host, .options = &options};
    struct error err = {0};
    ck_assert_msg(lua_host_load_text(host, "vendor.lua", str_of(text), &a.script, &err), "%s", err.message);
    ck_assert_msg(source_api_read(host, a.script, api, &err), "%s", err.message);
    return a;
}

static struct source_reply reply_of(const char *body)
{
    static const struct source_header next[] = {{"x-next", "c2"}};
    return (struct source_reply){200, str_of(body), next, 1};
}

START_TEST(the_declarative_part_is_read)
{
    host = lua_host_new(NULL);
    struct source_api api;
    char line[SOURCE_API_TEXT_MAX];
    load(vendor, &api);
    ck_assert_str_eq(api.base_url, "https://api.vendor.example");
    ck_assert(api.fetches && api.lists);
    ck_assert_int_eq(api.requests, 5);
    ck_assert_int_eq(api.per_s, 2);
    source_api_header(&api, line, sizeof line);
    ck_assert_str_eq(line, "x-key: SSWS ");
    load("return { api = { auth = 'basic' } }", &api);
    ck_assert(!api.fetches && !api.lists && !api.base_url[0] && api.requests == 300);
    source_api_header(&api, line, sizeof line);
    ck_assert_str_eq(line, "Authorization: Basic ");
    lua_host_free(host);
}
END_TEST

START_TEST(a_request_for_one_person_is_made)
{
    host = lua_host_new(NULL);
    struct source_api api;
    struct source_request r;
    struct error err = {0};
    struct source_asked a = load(vendor, &api);
    ck_assert_msg(source_api_fetch(&a, "a/b ?ü", &r, &err), "%s", err.message);
    ck_assert_str_eq(r.method, "GET");
    ck_assert_str_eq(r.path, "/users/a%2Fb%20%3F%C3%BC?zone=eu");
    ck_assert_uint_eq(r.n_headers, 1);
    ck_assert_str_eq(r.headers[0], "x-version: 2");
    ck_assert_ptr_null(r.body);
    source_request_done(&r);
    ck_assert(source_api_fetch(&a, "..", &r, &err));
    ck_assert_str_eq(r.path, "/users/%2E%2E?zone=eu");
    source_request_done(&r);
    lua_host_free(host);
}
END_TEST

START_TEST(an_answer_says_everything_of_a_person)
{
    host = lua_host_new(NULL);
    struct source_api api;
    struct source_person p;
    struct error err = {0};
    struct source_asked a = load(vendor, &api);
    struct source_reply reply = reply_of("{\"id\":\"7\",\"login\":\"kim@acme.example\",\"first\":\"Kim\","
                                         "\"held\":true,\"gone\":true,\"teams\":[\"x\"]}");
    ck_assert_msg(source_api_person(&a, "7", &reply, &p, &err), "%s", err.message);
    ck_assert(p.known && p.suspended && !p.not_suspended && p.words.complete);
    ck_assert_int_eq(p.words.type, EVENT_LEFT);
    ck_assert_str_eq(attrs_get(&p.words.profile, "name.givenName"), "Kim");
    ck_assert_uint_eq(p.words.n_groups, 1);
    ck_assert(p.words.groups_complete);
    source_person_done(&p);
    reply = reply_of("{\"id\":\"7\",\"login\":\"kim@acme.example\",\"teams\":[]}");
    ck_assert_msg(source_api_person(&a, "7", &reply, &p, &err), "%s", err.message);
    ck_assert(p.words.groups_complete && p.words.n_groups == 0);
    source_person_done(&p);
    reply = reply_of("{\"id\":\"7\",\"login\":\"kim@acme.example\",\"held\":false}");
    ck_assert_msg(source_api_person(&a, "7", &reply, &p, &err), "%s", err.message);
    ck_assert(!p.suspended && p.not_suspended);
    ck_assert(!p.words.groups_complete);
    source_person_done(&p);
    reply = reply_of("{\"id\":\"7\",\"login\":\"kim@acme.example\"}");
    ck_assert_msg(source_api_person(&a, "7", &reply, &p, &err), "%s", err.message);
    ck_assert(!p.suspended && !p.not_suspended);
    source_person_done(&p);
    reply = reply_of("{\"missing\":true}");
    ck_assert(source_api_person(&a, "7", &reply, &p, &err));
    ck_assert(!p.known);
    source_person_done(&p);
    lua_host_free(host);
}
END_TEST

START_TEST(an_answer_without_attributes_clears_nobody)
{
    host = lua_host_new(NULL);
    struct source_api api;
    struct source_person p;
    struct error err = {0};
    struct source_asked a = load(vendor, &api);
    struct source_reply reply = reply_of("{}");
    ck_assert(!source_api_person(&a, "7", &reply, &p, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, "person: profile: is missing or without any value");
    reply = reply_of("<html>");
    ck_assert(!source_api_person(&a, "7", &reply, &p, &err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    lua_host_free(host);
}
END_TEST

/* Finch: employment and addresses are two questions, and neither answer may clear what the other one told. */
START_TEST(a_part_of_a_person_clears_nothing)
{
    static const struct config_pair pair[] = {{(char *)(uintptr_t) "ask", (char *)(uintptr_t) "individual"}};
    static const struct config_pairs individual = {(struct config_pair *)(uintptr_t)pair, 1};
    host = lua_host_new(NULL);
    struct source_asked a = {.host = host, .options = &individual};
    struct source_api api;
    struct source_request r;
    struct source_person p;
    struct error err = {0};
    ck_assert_msg(lua_host_load(host, "ingest/sources/finch.lua", &a.script, &err), "%s", err.message);
    ck_assert_msg(source_api_fetch(&a, "7", &r, &err), "%s", err.message);
    ck_assert_str_eq(r.path, "/employer/individual");
    source_request_done(&r);
    struct source_reply reply = reply_of(
        "{\"responses\":[{\"code\":200,\"body\":{\"id\":\"7\",\"first_name\":\"Kim\",\"last_name\":\"Lee\","
        "\"emails\":[{\"data\":\"kim@home.example\",\"type\":\"personal\"},{\"data\":\"kim@acme.example\","
        "\"type\":"
        "\"work\"}]}}]}");
    ck_assert_msg(source_api_person(&a, "7", &reply, &p, &err), "%s", err.message);
    ck_assert(p.known && !p.words.complete);
    ck_assert_int_eq(p.words.type, EVENT_CHANGED);
    ck_assert_str_eq(attrs_get(&p.words.profile, "userName"), "kim@acme.example");
    source_person_done(&p);
    a = load("return { fetch = function(s) return { path = '/' } end,\n"
             "  person = function(r) return { complete = 'no', profile = { title = 'x' } } end }\n",
             &api);
    ck_assert(!source_api_person(&a, "7", &reply, &p, &err));
    ck_assert_str_eq(err.message, "person: complete: must be a boolean");
    lua_host_free(host);
}
END_TEST

START_TEST(pages_give_people_and_the_next_cursor)
{
    host = lua_host_new(NULL);
    struct source_api api;
    struct source_page page;
    struct source_request r;
    struct error err = {0};
    struct source_asked a = load(vendor, &api);
    ck_assert(source_api_list(&a, NULL, &r, &err));
    ck_assert_str_eq(r.method, "POST");
    ck_assert_str_eq(r.body, "{\"after\":\"\"}");
    source_request_done(&r);
    ck_assert(source_api_list(&a, "c2", &r, &err));
    ck_assert_str_eq(r.body, "{\"after\":\"c2\"}");
    source_request_done(&r);
    struct source_reply reply =
        reply_of("{\"users\":[{\"id\":\"1\",\"login\":\"a@x.example\",\"rev\":\"r1\",\"at\":5},"
                 "{\"id\":\"2\",\"login\":\"b@x.example\"}]}");
    ck_assert_msg(source_api_page(&a, &reply, &page, &err), "%s", err.message);
    ck_assert_uint_eq(page.n, 2);
    ck_assert_str_eq(page.v[0].subject, "1");
    ck_assert_str_eq(page.v[0].id, "r1");
    ck_assert(page.v[0].has_occurred && page.v[0].occurred_at_ms == 5);
    ck_assert(!page.v[1].has_occurred && !page.v[1].id);
    ck_assert_str_eq(page.cursor, "c2");
    source_page_done(&page);
    reply.n_headers = 0;
    ck_assert(source_api_page(&a, &reply, &page, &err));
    ck_assert_ptr_null(page.cursor);
    source_page_done(&page);
    lua_host_free(host);
}
END_TEST

static const struct {
    const char *text, *message;
} bad_files[] = {
    {"return { api = 1 }", "api: must be a table"},
    {"return { api = { url = 'x' } }", "api.url: no such key"},
    {"return { api = { base_url = 'http://x.example' } }", "api.base_url: must be an https:// URL"},
    {"return { api = { base_url = 'https://x.example/' } }", "api.base_url: must be an https:// URL"},
    {"return { api = { auth = 'digest' } }", "api.auth: must be bearer, basic or header"},
    {"return { api = { auth = 'header' } }", "api.header: names the header"},
    {"return { api = { prefix = 'x' } }", "api.prefix: goes with"},
    {"return { api = { auth = 'header', header = 'a', prefix = 'x\\r\\ny' } }",
     "api.prefix: must be printable"},
    {"return { api = { limit = { requests = 0, per_s = 1 } } }", "api.limit.requests: must be"},
    {"return { fetch = function() end }", "fetch and person: a file has both"},
    {"return { page = function() end }", "list and page: a file has both"},
};

START_TEST(a_faulty_file_is_refused)
{
    host = lua_host_new(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad_files); i++) {
        struct source_api api;
        struct error err = {0};
        lua_script script;
        ck_assert(lua_host_load_text(host, "bad.lua", str_of(bad_files[i].text), &script, &err));
        ck_assert(!source_api_read(host, script, &api, &err));
        ck_assert_msg(strstr(err.message, bad_files[i].message) != NULL, "%s", err.message);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
    }
    lua_host_free(host);
}
END_TEST

static const char *const bad_requests[] = {
    "nil",
    "{}",
    "{ path = 'users' }",
    "{ path = 'https://evil.example/' }",
    "{ path = '/a b' }",
    "{ path = '/a\\r\\nx: y' }",
    "{ path = '/a/../b' }",
    "{ path = '/a/..' }",
    "{ path = '/./a' }",
    "{ path = '/a#b' }",
    "{ path = '/a', method = 'DELETE' }",
    "{ path = '/a', body = '{}' }",
    "{ path = '/a', headers = { authorization = 'x' } }",
    "{ path = '/a', headers = { ['X-Big'] = 'x' } }",
    "{ path = '/a', headers = { ['x-a'] = 'b\\nc' } }",
    "{ path = '/a', headers = { ['x-a'] = 1 } }",
    "{ path = '/a', url = 'x' }",
};

START_TEST(a_request_that_leaves_the_source_is_refused)
{
    host = lua_host_new(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad_requests); i++) {
        struct source_api api;
        struct source_request r;
        struct error err = {0};
        char *text = xasprintf("return { fetch = function() return %s end, person = function() end }",
                               bad_requests[i]);
        struct source_asked a = load(text, &api);
        ck_assert_msg(!source_api_fetch(&a, "x", &r, &err), "%s", bad_requests[i]);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        free(text);
    }
    lua_host_free(host);
}
END_TEST

RUN_TESTS("source_api", the_declarative_part_is_read, a_request_for_one_person_is_made,
          an_answer_says_everything_of_a_person, an_answer_without_attributes_clears_nobody,
          a_part_of_a_person_clears_nothing, pages_give_people_and_the_next_cursor, a_faulty_file_is_refused,
          a_request_that_leaves_the_source_is_refused)
