/* Every shipped source against stored requests: ingest/sources/examples/KIND/NAME.http becomes what NAME.events says.
 * ROLLCALL_REWRITE=1 writes the .events files anew: look at what changed before committing it. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../../ingest/check.h"
#include "../../ingest/handshake.h"
#include "../../ingest/normalise.h"
#include "../../ingest/source.h"
#include "mem.h"
#include "rfc3339.h"
#include "test_lib.h"

enum { FILE_MAX = 64 * 1024, OPTIONS_MAX = 24 };

static const int64_t NOW = 1795341600000; /* 2026-11-22T10:00:00Z */
static const char EXAMPLES[] = "ingest/sources/examples";

/* Kinds with their senders' events; those that know of hires only have no mover and no leaver. */
static const struct {
    const char *kind;
    bool hires_only;
} kinds[] = {
    {"okta", false},     {"graph", false},  {"entra_workflows", false},   {"workday", false},
    {"bamboohr", false}, {"hibob", false},  {"personio", false},          {"workos", false},
    {"google", false},   {"deel", false},   {"successfactors", false},    {"onelogin", false},
    {"auth0", false},    {"remote", false}, {"standard_webhooks", false}, {"cloudevents", false},
    {"set", false},      {"gusto", false},  {"greenhouse", false},        {"ashby", true},
    {"merge", false},    {"finch", false},  {"factorial", false},         {"generic", false},
};

static char *read_text(const char *path)
{
    struct buf text;
    struct error err = {0};
    buf_init(&text, FILE_MAX);
    if (!check_read_file(path, &text, &err)) {
        buf_done(&text);
        return NULL;
    }
    return buf_take(&text);
}

/* ---- options ------------------------------------------------------------------------------------------- */

/* "name=value" a line; borrows from text. */
static struct config_pairs read_options(char *text, struct config_pair *v)
{
    struct config_pairs options = {.v = v};
    for (char *line; text && (line = strsep(&text, "\n")) != NULL;) {
        char *value = strchr(line, '=');
        if (!value)
            continue;
        ck_assert_uint_lt(options.n, OPTIONS_MAX);
        *value++ = '\0';
        v[options.n++] = (struct config_pair){line, value};
    }
    return options;
}

static struct sources *load(const char *kind)
{
    struct config_pair v[OPTIONS_MAX];
    struct sources *set;
    struct error err = {0};
    char *path = xasprintf("ingest/sources/%s.lua", kind);
    char *options_path = xasprintf("%s/%s/options", EXAMPLES, kind);
    char *text = read_text(options_path);
    struct config_pairs options = read_options(text, v);
    ck_assert_msg(sources_load_file(path, &options, &set, &err), "%s", err.message);
    set->v[0].strict = false;
    free(text);
    free(options_path);
    free(path);
    return set;
}

/* ---- what a request becomes ---------------------------------------------------------------------------- */

static void print_time(FILE *out, const char *name, int64_t ms)
{
    char text[RFC3339_SIZE];
    rfc3339_format(ms, text);
    fprintf(out, " %s %s", name, ms == NOW ? "receipt" : text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct attr *)a)->name, ((const struct attr *)b)->name);
}

static void print_event(FILE *out, const struct event *ev)
{
    struct attr sorted[ATTRS_MAX];
    if (ev->unreadable) {
        const char *line = strstr(ev->unreadable, ".lua:"); /* whose number any edit changes */
        size_t n = line ? (size_t)(line - ev->unreadable) + strlen(".lua:") : 0;
        fprintf(out, "rejected %zu: %.*s%s\n", ev->unreadable_item, (int)n, ev->unreadable,
                ev->unreadable + n + strspn(ev->unreadable + n, line ? "0123456789" : ""));
        return;
    }
    fprintf(out, "%s %s", strchr(event_type_name(ev->type), '.') + 1, ev->subject);
    print_time(out, "at", ev->occurred_at_ms);
    if (ev->effective_at_ms > 0)
        print_time(out, "from", ev->effective_at_ms);
    if (ev->has_access_until && ev->access_until_ms > 0)
        print_time(out, "until", ev->access_until_ms);
    fprintf(out, "%s%s%s%s\n", ev->has_access_until && ev->access_until_ms == 0 ? " without end" : "",
            ev->complete ? " complete" : "", ev->needs_fetch ? " fetch" : "",
            ev->groups_complete ? " all groups" : "");
    if (ev->delivery_id)
        fprintf(out, "    delivery %s\n", ev->delivery_id);
    for (size_t i = 0; i < ev->n_groups; i++)
        fprintf(out, "    group %s\n", ev->groups[i]);
    for (size_t i = 0; i < ev->profile.n; i++)
        sorted[i] = ev->profile.v[i];
    qsort(sorted, ev->profile.n, sizeof sorted[0], by_name);
    for (size_t i = 0; i < ev->profile.n; i++)
        fprintf(out, "    %s = %s\n", sorted[i].name, sorted[i].value ? sorted[i].value : "(cleared)");
}

/* The reply's instant is the clock's. */
static void print_reply(FILE *out, const char *reply)
{
    const char *date = strstr(reply, "statusDate>");
    size_t n = date ? (size_t)(date - reply) + strlen("statusDate>") : strlen(reply);
    fprintf(out, "reply %.*s%s\n", (int)n, reply, date ? reply + n + RFC3339_SIZE - 1 : "");
}

static bool print_handshake(FILE *out, struct source *src, const struct message *m)
{
    struct buf body;
    struct answer a = {0};
    struct error err = {0};
    buf_init(&body, HANDSHAKE_BODY_MAX);
    enum handshake_result result = handshake_head(src, m, &body, &a);
    if (result == HANDSHAKE_NONE)
        result = handshake_body(src, m, &body, &a, &err);
    if (result == HANDSHAKE_NOT_KEPT)
        fprintf(out, "handshake: %s\n", err.message);
    else if (result != HANDSHAKE_NONE)
        fprintf(out, "handshake %s%s%s\n", a.type ? a.type : "", a.type ? ": " : "",
                body.n > 0 ? body.p : "");
    for (size_t i = 0; i < a.n_headers; i++)
        fprintf(out, "    %s: %s\n", a.headers[i].name, a.headers[i].value);
    buf_done(&body);
    return result != HANDSHAKE_NONE;
}

/* Claims are the body that is signed: what is stored is what it holds. */
static bool has_claims(const struct sources *set)
{
    return set->v[0].refusal.member[0] != '\0';
}

static enum normalise_result make_events(struct sources *set, const struct message *m,
                                         struct event_list *list, struct error *err)
{
    struct verified found = {.content = has_claims(set) ? m->body : (struct str){0}};
    message_header(m, "webhook-id", &found.delivery);
    message_header(m, "finch-event-id", &found.delivery);
    return normalise(set, &set->v[0], m, &found, NOW, list, err);
}

static void print_request(FILE *out, struct sources *set, const struct message *m)
{
    struct event_list list;
    struct error err = {0};
    if (!has_claims(set) && print_handshake(out, &set->v[0], m))
        return;
    enum normalise_result result = make_events(set, m, &list, &err);
    if (result != NORMALISE_OK) {
        fprintf(out, "refused: %s: %s\n", normalise_result_name(result), err.message);
        return;
    }
    for (size_t i = 0; i < list.n; i++)
        print_event(out, &list.v[i]);
    if (list.skipped > 0)
        fprintf(out, "skipped %zu\n", list.skipped);
    if (list.reply)
        print_reply(out, list.reply);
    event_list_done(&list);
}

/* ---- the tests ----------------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
}

static void compare(struct sources *set, const char *kind, const char *name)
{
    char *request_path = xasprintf("%s/%s/%s.http", EXAMPLES, kind, name);
    char *events_path = xasprintf("%s/%s/%s.events", EXAMPLES, kind, name);
    char *request = read_text(request_path), *want = read_text(events_path), *got = NULL;
    struct message m;
    struct error err = {0};
    size_t n;
    ck_assert_msg(request && message_read(str_of(request), &m, &err), "%s: %s", request_path, err.message);
    FILE *out = open_memstream(&got, &n);
    print_request(out, set, &m);
    fclose(out);
    if (getenv("ROLLCALL_REWRITE"))
        write_text(events_path, got);
    else
        ck_assert_msg(want && strcmp(want, got) == 0, "%s becomes\n%s, wanted is\n%s", request_path, got,
                      want ? want : "(no file)");
    free(got);
    free(want);
    free(request);
    free(events_path);
    free(request_path);
}

START_TEST(stored_requests_become_the_events_that_are_written_beside_them)
{
    const char *kind = kinds[_i].kind;
    struct sources *set = load(kind);
    char *path = xasprintf("%s/%s", EXAMPLES, kind);
    DIR *directory = opendir(path);
    ck_assert_msg(directory, "%s", path);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".http") != 0)
            continue;
        *dot = '\0';
        compare(set, kind, entry->d_name);
    }
    closedir(directory);
    free(path);
    sources_free(set);
}
END_TEST

#define REMOTE(TIME)                                                                                         \
    "POST /hooks/remote HTTP/1.1\nContent-Type: application/json\nX-Remote-Timestamp: " TIME                 \
    "\n\n{\"event_type\":\"offboarding.completed\",\"employment_id\":\"1\"}"
#define GOOGLE(EXPIRATION)                                                                                   \
    "POST /hooks/google HTTP/1.1\nX-Goog-Channel-ID: c\nX-Goog-Resource-ID: r\nX-Goog-Resource-State: "      \
    "delete\n"                                                                                               \
    "X-Goog-Message-Number: 2\nX-Goog-Channel-Expiration: " EXPIRATION "\n\n{\"id\":\"1\"}"
#define SET(TXN)                                                                                             \
    "POST /hooks/set HTTP/1.1\n\n{\"iat\":1795161790,\"jti\":\"j\"" TXN                                      \
    ",\"sub_id\":{\"id\":\"1\"},\"events\":{"                                                                \
    "\"urn:ietf:params:scim:event:prov:activate\":{},\"urn:ietf:params:scim:event:prov:deactivate\":{}}}"

/* How many events two requests become, and how many of these are different ones. */
static const struct {
    const char *kind, *requests[2];
    size_t events, different;
} identities[] = {
    {"remote", {REMOTE("1795161600000"), REMOTE("1795161600000")}, 2, 1},
    {"remote", {REMOTE("1795161600000"), REMOTE("1795248000000")}, 2, 2},
    {"google", {GOOGLE("Mon, 30 Nov 2026 10:00:00 GMT"), GOOGLE("Mon, 30 Nov 2026 10:00:00 GMT")}, 2, 1},
    {"google", {GOOGLE("Mon, 30 Nov 2026 10:00:00 GMT"), GOOGLE("Tue, 01 Dec 2026 10:00:00 GMT")}, 2, 2},
    {"set", {SET(""), SET("")}, 6, 3},
    {"set", {SET(",\"txn\":\"t\""), SET(",\"txn\":\"t\"")}, 6, 3},
};

/* Counts the request's events, and those among them whose id is new. */
static void count(struct sources *set, const char *request, char ids[][EVENT_ID_SIZE], size_t *events,
                  size_t *n)
{
    struct message m;
    struct event_list list;
    struct error err = {0};
    ck_assert_msg(message_read(str_of(request), &m, &err), "%s", err.message);
    ck_assert_msg(make_events(set, &m, &list, &err) == NORMALISE_OK && list.n_bad == 0, "%s", err.message);
    for (size_t i = 0; i < list.n; i++) {
        size_t at = 0;
        while (at < *n && strcmp(ids[at], list.v[i].id) != 0)
            at++;
        if (at == *n)
            memcpy(ids[(*n)++], list.v[i].id, sizeof ids[0]);
    }
    *events += list.n;
    event_list_done(&list);
}

START_TEST(what_comes_again_is_one_event_and_what_happens_again_is_two)
{
    struct sources *set = load(identities[_i].kind);
    char ids[8][EVENT_ID_SIZE];
    size_t events = 0, different = 0;
    for (size_t i = 0; i < ARRAY_SIZE(identities[_i].requests); i++)
        count(set, identities[_i].requests[i], ids, &events, &different);
    ck_assert_uint_eq(events, identities[_i].events);
    ck_assert_uint_eq(different, identities[_i].different);
    sources_free(set);
}
END_TEST

START_TEST(the_persons_id_stands_where_option_key_says)
{
    static const struct {
        const char *kind, *request;
    } rows[] = {
        {"google", "POST / HTTP/1.1\nX-Goog-Resource-State: delete\nX-Goog-Channel-ID: c\n"
                   "X-Goog-Message-Number: 2\n\n{\"id\":\"other\",\"a\":{\"b\":\"7\"}}"},
        {"remote", "POST / HTTP/1.1\nX-Remote-Timestamp: 1795161600000\n\n{\"event_type\":"
                   "\"offboarding.completed\",\"employment_id\":\"other\",\"a\":{\"b\":\"7\"}}"},
        {"hibob", "POST / HTTP/1.1\n\n{\"type\":\"employee.left\",\"data\":{\"employeeId\":\"other\"},"
                  "\"a\":{\"b\":\"7\"}}"},
    };
    struct config_pair key = {(char *)"key", (char *)"a.b"};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sources *set;
        struct message m;
        struct event_list list;
        struct error err = {0};
        char *path = xasprintf("ingest/sources/%s.lua", rows[i].kind);
        bool ok = sources_load_file(path, &(struct config_pairs){&key, 1}, &set, &err) &&
                  message_read(str_of(rows[i].request), &m, &err) &&
                  make_events(set, &m, &list, &err) == NORMALISE_OK;
        ck_assert_msg(ok && list.n == 1, "%s: %s", rows[i].kind, err.message);
        ck_assert_str_eq(list.v[0].subject, "7");
        event_list_done(&list);
        sources_free(set);
        free(path);
    }
}
END_TEST

static bool has(const char *kind, const char *name)
{
    struct stat info;
    char *path = xasprintf("%s/%s/%s.http", EXAMPLES, kind, name);
    bool there = stat(path, &info) == 0;
    free(path);
    return there;
}

START_TEST(every_sender_has_a_joiner_a_mover_and_a_leaver)
{
    ck_assert_msg(has(kinds[_i].kind, "joiner"), "%s", kinds[_i].kind);
    ck_assert_msg(kinds[_i].hires_only || has(kinds[_i].kind, "mover"), "%s", kinds[_i].kind);
    ck_assert_msg(kinds[_i].hires_only || has(kinds[_i].kind, "leaver"), "%s", kinds[_i].kind);
}
END_TEST

START_TEST(every_file_is_tested)
{
    DIR *directory = opendir("ingest/sources");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char *dot = strrchr(entry->d_name, '.');
        bool known = !dot || strcmp(dot, ".lua") != 0;
        for (size_t i = 0; i < ARRAY_SIZE(kinds) && !known; i++)
            known = strncmp(entry->d_name, kinds[i].kind, strlen(kinds[i].kind)) == 0;
        ck_assert_msg(known, "%s", entry->d_name);
    }
    closedir(directory);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("senders");
    Suite *suite = suite_create("ingest_senders");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, stored_requests_become_the_events_that_are_written_beside_them, 0,
                        ARRAY_SIZE(kinds));
    tcase_add_loop_test(tc, every_sender_has_a_joiner_a_mover_and_a_leaver, 0, ARRAY_SIZE(kinds));
    tcase_add_loop_test(tc, what_comes_again_is_one_event_and_what_happens_again_is_two, 0,
                        ARRAY_SIZE(identities));
    tcase_add_test(tc, the_persons_id_stands_where_option_key_says);
    tcase_add_test(tc, every_file_is_tested);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
