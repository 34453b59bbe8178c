#include "test_lib.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../ingest/handshake.h"
#include "mem.h"

static struct source source_with(const struct source_handshake *h)
{
    struct source src = {.n_handshakes = 1};
    src.handshakes[0] = *h;
    return src;
}

static const struct source_handshake challenge = {
    .method = "GET", .by = ASKS_BY_HEADER, .name = "x-challenge", .member = "verification"};
static const struct source_handshake validation = {
    .method = "POST", .by = ASKS_BY_QUERY, .name = "token", .text = true};
static const struct source_handshake token = {
    .method = "POST", .by = ASKS_BY_MEMBER, .name = "verification_token", .capture = true};
static const struct source_handshake ping = {
    .method = "POST", .by = ASKS_BY_MEMBER, .name = "action", .is = "ping"};
static const struct source_handshake bare = {.method = "POST", .by = ASKS_BY_TEXT, .name = "Ping test"};

static const struct {
    const struct source_handshake *h;
    const char *method, *header, *query, *body;
    enum handshake_result head, unsigned_body;
    const char *answer;
} rows[] = {
    {&challenge, "GET", "a\"b", "", "", HANDSHAKE_OK, HANDSHAKE_NONE, "{\"verification\":\"a\\\"b\"}"},
    {&challenge, "GET", NULL, "", "", HANDSHAKE_BAD, HANDSHAKE_NONE, ""},
    {&challenge, "GET", "", "", "", HANDSHAKE_BAD, HANDSHAKE_NONE, ""},
    {&challenge, "GET", "a\x01", "", "", HANDSHAKE_BAD, HANDSHAKE_NONE, ""},
    {&challenge, "POST", "a", "", "", HANDSHAKE_NONE, HANDSHAKE_NONE, ""},
    {&validation, "POST", NULL, "token=%3Cb%3E", "", HANDSHAKE_OK, HANDSHAKE_NONE, "<b>"},
    {&validation, "POST", NULL, "other=1", "", HANDSHAKE_NONE, HANDSHAKE_NONE, ""},
    {&ping, "POST", NULL, "", "{\"action\":\"ping\"}", HANDSHAKE_NONE, HANDSHAKE_OK, ""},
    {&ping, "POST", NULL, "", "{\"action\":\"hire\"}", HANDSHAKE_NONE, HANDSHAKE_NONE, ""},
    {&ping, "POST", NULL, "", "[", HANDSHAKE_NONE, HANDSHAKE_NONE, ""},
    {&bare, "POST", NULL, "", "\"Ping test\"\n", HANDSHAKE_NONE, HANDSHAKE_OK, ""},
    {&bare, "POST", NULL, "", "Ping test", HANDSHAKE_NONE, HANDSHAKE_OK, ""},
    {&bare, "POST", NULL, "", "Ping test 2", HANDSHAKE_NONE, HANDSHAKE_NONE, ""},
    {&token, "POST", NULL, "", "{\"verification_token\":\"t\"}", HANDSHAKE_NONE, HANDSHAKE_NOT_KEPT, ""},
};

START_TEST(set_up_is_answered_and_nothing_else)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct source src = source_with(rows[i].h);
        struct message m = {
            .method = str_of(rows[i].method), .query = str_of(rows[i].query), .body = str_of(rows[i].body)};
        struct answer a;
        struct buf body;
        struct error err = {0};
        if (rows[i].header)
            m.headers[m.n_headers++] = (struct message_header){str_of("X-Challenge"), str_of(rows[i].header)};
        buf_init(&body, HANDSHAKE_BODY_MAX);
        ck_assert_msg(handshake_head(&src, &m, &body, &a) == rows[i].head, "row %zu", i);
        ck_assert_msg(rows[i].head != HANDSHAKE_OK || str_eq(a.body, str_of(rows[i].answer)), "row %zu", i);
        buf_clear(&body);
        ck_assert_msg(handshake_body(&src, &m, &body, &a, &err) == rows[i].unsigned_body, "row %zu", i);
        buf_done(&body);
    }
}
END_TEST

static enum handshake_result capture(struct source *src, const char *text)
{
    struct message m = {.method = str_of("POST"), .body = str_of(text)};
    struct answer a;
    struct buf body;
    struct error err = {0};
    buf_init(&body, HANDSHAKE_BODY_MAX);
    enum handshake_result result = handshake_body(src, &m, &body, &a, &err);
    buf_done(&body);
    return result;
}

START_TEST(the_first_token_is_kept_and_no_later_one_takes_its_place)
{
    char directory[] = "/tmp/rollcall-capture-XXXXXX", text[64] = "";
    struct stat info;
    struct source src = source_with(&token);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    src.capture_file = xasprintf("%s/token", directory);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"first\"}"), HANDSHAKE_OK);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"first\"}"), HANDSHAKE_OK); /* the same again */
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"second\"}"), HANDSHAKE_NOT_KEPT);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"firs\"}"), HANDSHAKE_NOT_KEPT);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"first!\"}"), HANDSHAKE_NOT_KEPT);
    FILE *in = fopen(src.capture_file, "re");
    ck_assert_uint_eq(fread(text, 1, sizeof text - 1, in), 5);
    fclose(in);
    ck_assert_str_eq(text, "first");
    ck_assert(stat(src.capture_file, &info) == 0 && (info.st_mode & 0777) == 0600);
    unlink(src.capture_file);
    rmdir(directory);
    free(src.capture_file);
}
END_TEST

static unsigned unsynced; /* the next so many directories cannot be made durable */

/* In place of the C library's. */
int fsync(int fd)
{
    struct stat info;
    if (unsynced == 0 || fstat(fd, &info) != 0 || !S_ISDIR(info.st_mode))
        return 0;
    unsynced--;
    errno = EIO;
    return -1;
}

START_TEST(a_token_that_is_not_known_to_be_durable_is_not_kept)
{
    char directory[] = "/tmp/rollcall-capture-XXXXXX";
    struct source src = source_with(&token);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    src.capture_file = xasprintf("%s/token", directory);
    unsynced = 1;
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"first\"}"), HANDSHAKE_NOT_KEPT);
    ck_assert_int_ne(access(src.capture_file, F_OK), 0);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"second\"}"), HANDSHAKE_OK);
    ck_assert_int_eq(unlink(src.capture_file), 0);
    ck_assert_int_eq(rmdir(directory), 0); /* nothing else is in it */
    free(src.capture_file);
}
END_TEST

static unsigned files_in(const char *directory)
{
    unsigned n = 0;
    DIR *files = opendir(directory);
    for (struct dirent *entry; (entry = readdir(files)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(files);
    return n;
}

START_TEST(who_is_killed_while_it_keeps_a_token_keeps_the_next_one)
{
    char directory[] = "/tmp/rollcall-capture-XXXXXX", *other;
    struct source src = source_with(&token);
    int status;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    src.capture_file = xasprintf("%s/token", directory);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_FSIZE, &none); /* its first write kills it */
        capture(&src, "{\"verification_token\":\"first\"}");
        _exit(0);
    }
    ck_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    other = xasprintf("%s.backup", src.capture_file);
    ck_assert_int_eq(close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    ck_assert_uint_eq(files_in(directory), 2);
    handshake_clear(&src);
    ck_assert_uint_eq(files_in(directory), 1);
    ck_assert_int_eq(unlink(other), 0);
    free(other);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"first\"}"), HANDSHAKE_OK);
    ck_assert_int_eq(capture(&src, "{\"verification_token\":\"second\"}"), HANDSHAKE_NOT_KEPT);
    unlink(src.capture_file);
    ck_assert_int_eq(rmdir(directory), 0);
    free(src.capture_file);
}
END_TEST

START_TEST(headers_of_a_reply_echo_what_was_asked)
{
    const struct source_handshake h = {
        .method = "OPTIONS",
        .by = ASKS_BY_HEADER,
        .name = "webhook-request-origin",
        .headers = {{"WebHook-Allowed-Origin", "%"}, {"WebHook-Allowed-Rate", "*"}},
        .n_headers = 2};
    struct source src = source_with(&h);
    struct message m = {.method = str_of("OPTIONS"),
                        .headers = {{str_of("WebHook-Request-Origin"), str_of("events.example.com")}},
                        .n_headers = 1};
    struct answer a;
    struct buf body;
    char allowed[32];
    buf_init(&body, HANDSHAKE_BODY_MAX);
    ck_assert_int_eq(handshake_head(&src, &m, &body, &a), HANDSHAKE_OK);
    ck_assert_uint_eq(a.n_headers, 2);
    ck_assert_str_eq(a.headers[0].value, "events.example.com");
    ck_assert_str_eq(a.headers[1].value, "*");
    handshake_allowed(&src, allowed, sizeof allowed);
    ck_assert_str_eq(allowed, "OPTIONS, POST");
    buf_done(&body);
}
END_TEST

RUN_TESTS("ingest_handshake", set_up_is_answered_and_nothing_else,
          the_first_token_is_kept_and_no_later_one_takes_its_place,
          a_token_that_is_not_known_to_be_durable_is_not_kept,
          who_is_killed_while_it_keeps_a_token_keeps_the_next_one, headers_of_a_reply_echo_what_was_asked)
