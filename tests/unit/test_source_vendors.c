/* The API side of every shipped source that has one: ingest/sources/examples/KIND/api holds a subject, the vendor's
 * answers (fetch.json, page.json, headers), and in `people` what is asked and what the answers say.
 * ROLLCALL_REWRITE=1 writes `people` anew: look at what changed before committing it. */
#include "test_lib.h"

#include "attr.h"
#include "mem.h"
#include "rfc3339.h"
#include "source_api.h"

enum { FILE_MAX = 64 * 1024, OPTIONS_MAX = 24, HEADERS_MAX = 8 };

static const char *const kinds[] = {
    "okta",   "graph",          "workday",   "bamboohr",   "hibob", "personio", "workos",
    "google", "successfactors", "onelogin",  "auth0",      "deel",  "remote",   "gusto",
    "merge",  "finch",          "factorial", "greenhouse", "set"};

struct vendor {
    struct lua_host *host;
    struct source_asked asked;
    struct source_api api;
    struct config_pair pairs[OPTIONS_MAX];
    struct config_pairs options;
    struct source_header headers[HEADERS_MAX];
    size_t n_headers;
    char *option_text, *header_text;
};

static char *read_text(const char *kind, const char *name)
{
    char *path = xasprintf("ingest/sources/examples/%s/%s", kind, name), *text = NULL;
    FILE *in = fopen(path, "re");
    if (in) {
        text = xmalloc(FILE_MAX);
        text[fread(text, 1, FILE_MAX - 1, in)] = '\0';
        fclose(in);
    }
    free(path);
    return text;
}

static void load(struct vendor *v, const char *kind)
{
    struct error err = {0};
    char *path = xasprintf("ingest/sources/%s.lua", kind);
    *v = (struct vendor){.host = lua_host_new(NULL), .option_text = read_text(kind, "options")};
    for (char *rest = v->option_text, *line; rest && (line = strsep(&rest, "\n")) != NULL && line[0];) {
        char *value = strchr(line, '=');
        *value++ = '\0';
        v->pairs[v->options.n++] = (struct config_pair){line, value};
    }
    v->options.v = v->pairs;
    v->header_text = read_text(kind, "api/headers");
    for (char *rest = v->header_text, *line; rest && (line = strsep(&rest, "\n")) != NULL && line[0];) {
        char *value = strstr(line, ": ");
        *value = '\0';
        v->headers[v->n_headers++] = (struct source_header){line, value + 2};
    }
    v->asked = (struct source_asked){.host = v->host, .options = &v->options};
    ck_assert_msg(lua_host_load(v->host, path, &v->asked.script, &err), "%s", err.message);
    ck_assert_msg(source_api_read(v->host, v->asked.script, &v->api, &err), "%s", err.message);
    free(path);
}

static void done(struct vendor *v)
{
    lua_host_free(v->host);
    free(v->option_text);
    free(v->header_text);
}

static void print_request(FILE *out, struct source_request *r)
{
    fprintf(out, "%s %s\n", r->method, r->path);
    for (size_t i = 0; i < r->n_headers; i++)
        fprintf(out, "    %s\n", r->headers[i]);
    if (r->body)
        fprintf(out, "    %s\n", r->body);
    source_request_done(r);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct attr *)a)->name, ((const struct attr *)b)->name);
}

static void print_person(FILE *out, const struct source_person *p)
{
    struct attr sorted[ATTRS_MAX];
    static const char *const says[EVENT_TYPES] = {[EVENT_JOINED] = "joined", [EVENT_LEFT] = "left"};
    size_t n = p->words.profile.n;
    const char *employment = says[p->words.type];
    fprintf(out, " %s%s%s\n", employment ? employment : "-", p->suspended ? " suspended" : "",
            p->words.complete ? "" : " in part");
    memcpy(sorted, p->words.profile.v, n * sizeof sorted[0]);
    qsort(sorted, n, sizeof sorted[0], by_name);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "    %s = %s\n", sorted[i].name, sorted[i].value ? sorted[i].value : "(cleared)");
}

static void print_fetch(FILE *out, struct vendor *v, const char *kind)
{
    struct source_request request;
    struct source_person person;
    struct error err = {0};
    char *subject = read_text(kind, "api/subject"), *body = read_text(kind, "api/fetch.json");
    subject[strcspn(subject, "\n")] = '\0';
    ck_assert_msg(source_api_fetch(&v->asked, subject, &request, &err), "%s: %s", kind, err.message);
    print_request(out, &request);
    struct source_reply reply = {200, str_of(body), v->headers, v->n_headers};
    ck_assert_msg(source_api_person(&v->asked, subject, &reply, &person, &err), "%s: %s", kind, err.message);
    ck_assert_msg(person.known, "%s", kind);
    fputs("is", out);
    print_person(out, &person);
    source_person_done(&person);
    free(subject);
    free(body);
}

static void print_list(FILE *out, struct vendor *v, const char *kind)
{
    struct source_request request;
    struct source_page page;
    struct error err = {0};
    char *body = read_text(kind, "api/page.json"), time[RFC3339_SIZE];
    if (!v->api.lists)
        return;
    ck_assert_msg(source_api_list(&v->asked, NULL, &request, &err), "%s: %s", kind, err.message);
    print_request(out, &request);
    struct source_reply reply = {200, str_of(body), v->headers, v->n_headers};
    ck_assert_msg(source_api_page(&v->asked, &reply, &page, &err), "%s: %s", kind, err.message);
    for (size_t i = 0; i < page.n; i++) {
        rfc3339_format(page.v[i].occurred_at_ms, time);
        fprintf(out, "%s%s%s", page.v[i].subject, page.v[i].has_occurred ? " at " : "",
                page.v[i].has_occurred ? time : "");
        print_person(out, &page.v[i].person);
    }
    if (page.cursor) {
        ck_assert_msg(source_api_list(&v->asked, page.cursor, &request, &err), "%s: %s", kind, err.message);
        fputs("then ", out);
        print_request(out, &request);
    }
    source_page_done(&page);
    free(body);
}

START_TEST(a_vendors_answers_say_who_its_people_are)
{
    struct vendor v;
    size_t n;
    char *got = NULL, *want = read_text(kinds[_i], "api/people");
    load(&v, kinds[_i]);
    FILE *out = open_memstream(&got, &n);
    print_fetch(out, &v, kinds[_i]);
    print_list(out, &v, kinds[_i]);
    fclose(out);
    if (getenv("ROLLCALL_REWRITE")) {
        char *path = xasprintf("ingest/sources/examples/%s/api/people", kinds[_i]);
        FILE *file = fopen(path, "we");
        fputs(got, file);
        fclose(file);
        free(path);
    } else {
        ck_assert_msg(want && strcmp(want, got) == 0, "%s: \n%s, wanted is\n%s", kinds[_i], got,
                      want ? want : "-");
    }
    free(got);
    free(want);
    done(&v);
}
END_TEST

/* Greenhouse answers 200 to everything. */
START_TEST(an_answer_of_graphql_that_has_errors_is_none)
{
    static const struct {
        const char *code;
        bool ok;
    } rows[] = {{"NotFound", true}, {"RateLimit", false}, {"Server", false}};
    struct vendor v;
    load(&v, "greenhouse");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct source_person person = {0};
        struct error err = {0};
        char *body =
            xasprintf("{\"data\":{\"employee\":null},\"errors\":[{\"errorCode\":\"%s\"}]}", rows[i].code);
        struct source_reply reply = {.status = 200, .body = str_of(body)};
        bool ok = source_api_person(&v.asked, "900", &reply, &person, &err);
        ck_assert_msg(ok == rows[i].ok && !person.known, "%s: %s", rows[i].code, err.message);
        free(body);
    }
    done(&v);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("vendors");
    Suite *suite = suite_create("source_vendors");
    tcase_add_loop_test(tc, a_vendors_answers_say_who_its_people_are, 0, ARRAY_SIZE(kinds));
    tcase_add_test(tc, an_answer_of_graphql_that_has_errors_is_none);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
