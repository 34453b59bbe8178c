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
        fprintf(out, "rejected %zu: %s\n", ev->unreadable_item, ev->unreadable);
        return;
    }
    fprintf(out, "%s %s", strchr(event_type_name(ev->type), '.') + 1, ev->subject);
    print_time(out, "at", ev->occurred_at_ms);
    if (ev->effective_at_ms > 0)
        print_time(out, "from", ev->effective_at_ms);
    if (ev->has_access_until && ev->access_until_ms > 0)
        print_time(out, "until", ev->access_until_ms);
    fprintf(out, "%s%s%s\n", ev->has_access_until && ev->access_until_ms == 0 ? " without end" : "",
            ev->complete ? " complete" : "", ev->needs_fetch ? " fetch" : "");
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

static void print_request(FILE *out, struct sources *set, const struct message *m)
{
    struct event_list list;
    struct error err = {0};
    bool claims =
        set->v[0].refusal.member[0] != '\0'; /* the body is signed: what is stored is what it holds */
    struct verified found = {.content = claims ? m->body : (struct str){0}};
    message_header(m, "webhook-id", &found.delivery);
    message_header(m, "finch-event-id", &found.delivery);
    if (!claims && print_handshake(out, &set->v[0], m))
        return;
    enum normalise_result result = normalise(set, &set->v[0], m, &found, NOW, &list, &err);
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
    tcase_add_test(tc, every_file_is_tested);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
