#include "test_lib.h"

#include <pthread.h>
#include <stdio.h>

#include "json.h"
#include "log.h"

static char *render(enum log_format format, const char *message, const struct log_field *fields)
{
    struct buf b;
    buf_init(&b, 2 * LOG_LINE_MAX);
    log_render(format, LOG_LEVEL_INFO, 0, message, fields, &b);
    ck_assert(buf_ok(&b));
    ck_assert_uint_le(b.n, LOG_LINE_MAX);
    ck_assert_int_eq(b.p[b.n - 1], '\n');
    ck_assert_uint_eq(strcspn(b.p, "\n"), b.n - 1);
    if (format == LOG_FORMAT_JSON)
        ck_assert_msg(json_check(buf_str(&b), NULL), "%s", b.p);
    return buf_take(&b);
}

#define FIELDS(...) ((const struct log_field[]){__VA_ARGS__, LOG_END})

static void check_line(enum log_format format, const struct log_field *fields, const char *expected)
{
    char *line = render(format, "it happened", fields);
    ck_assert_str_eq(line, expected);
    free(line);
}

START_TEST(writes_logfmt_and_quotes_what_needs_it)
{
    struct error err = {.message = "no \"answer\""};
    check_line(LOG_FORMAT_LOGFMT,
               FIELDS(LOG_S("a", "plain"), LOG_S("b", "two words"), LOG_S("c", ""), LOG_S("gone", NULL),
                      LOG_I("n", -5), LOG_B("yes", true), LOG_STR("s", BYTES("x=y")), LOG_ERROR_FIELD(&err),
                      LOG_S("nl", "1\n2")),
               "time=1970-01-01T00:00:00.000Z level=info program=rollcall msg=\"it happened\" a=plain "
               "b=\"two words\" "
               "c=\"\" n=-5 yes=true s=\"x=y\" error=\"no \\\"answer\\\"\" nl=\"1\\n2\"\n");
}
END_TEST

START_TEST(writes_json)
{
    check_line(LOG_FORMAT_JSON, FIELDS(LOG_S("a", "x\ty\xc3\xa9"), LOG_I("n", 7), LOG_B("no", false)),
               "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"program\":\"rollcall\","
               "\"msg\":\"it happened\",\"a\":\"x\\ty\xc3\xa9\",\"n\":7,\"no\":false}\n");
    check_line(LOG_FORMAT_JSON, NULL,
               "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"program\":\"rollcall\","
               "\"msg\":\"it happened\"}\n");
}
END_TEST

START_TEST(never_shows_secrets_and_personal_data)
{
    static const char *const keys[] = {"authorization", "Authorization", "proxy_authorization",
                                       "token",         "access_token",  "accessToken",
                                       "api-key",       "secret",        "email",
                                       "userName",      "user_name",     "x_signature",
                                       "client.secret", "emails",        "password"};
    static const enum log_format formats[] = {LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        for (size_t k = 0; k < ARRAY_SIZE(formats); k++) {
            char *line = render(formats[k], "m", FIELDS(LOG_S(keys[i], "hunter2"), LOG_I(keys[i], 424242)));
            ck_assert_msg(strstr(line, "[redacted]") && !strstr(line, "hunter2") && !strstr(line, "424242"),
                          "%s", line);
            free(line);
        }
    char *line =
        render(LOG_FORMAT_LOGFMT, "m", FIELDS(LOG_REDACTED("phone_of_boss"), LOG_S("tokens_left", "12")));
    ck_assert_ptr_nonnull(strstr(line, "phone_of_boss=[redacted] tokens_left=12"));
    free(line);
}
END_TEST

START_TEST(bytes_that_are_no_text_do_no_harm)
{
    static const enum log_format formats[] = {LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON};
    for (size_t k = 0; k < ARRAY_SIZE(formats); k++) {
        char *line = render(formats[k], "m", FIELDS(LOG_STR("a", BYTES("x\xff\x00\x1b[31m\x7f"))));
        ck_assert_ptr_nonnull(strstr(line, "\xef\xbf\xbd"));
        ck_assert_ptr_null(strchr(line, 0x1b));
        free(line);
    }
}
END_TEST

START_TEST(long_lines_are_cut_between_fields)
{
    char value[3000];
    memset(value, 0x01, sizeof value - 1); /* each byte becomes six */
    value[sizeof value - 1] = '\0';
    static const enum log_format formats[] = {LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON};
    for (size_t k = 0; k < ARRAY_SIZE(formats); k++) {
        char *line =
            render(formats[k], "m",
                   FIELDS(LOG_S("a", value), LOG_S("b", value), LOG_S("c", value), LOG_S("d", "short")));
        ck_assert_ptr_nonnull(strstr(line, "cut"));
        free(line);
        line = render(formats[k], value, FIELDS(LOG_S("a", value)));
        free(line);
    }
}
END_TEST

static void redirect(int pipe_fds[2], int *saved)
{
    ck_assert_int_eq(pipe(pipe_fds), 0);
    *saved = dup(STDERR_FILENO);
    dup2(pipe_fds[1], STDERR_FILENO);
}

static char *restore(int pipe_fds[2], int saved)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    char *text = xcalloc(1, 65536 + 1);
    size_t n = 0;
    ssize_t got;
    while ((got = read(pipe_fds[0], text + n, 65536 - n)) > 0)
        n += (size_t)got;
    close(pipe_fds[0]);
    return text;
}

static int evaluated;

static const char *evaluate(void)
{
    evaluated++;
    return "x";
}

START_TEST(writes_enabled_levels_only_and_evaluates_nothing_else)
{
    int fds[2], saved;
    redirect(fds, &saved);
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_WARN, "test");
    log_info("not shown", LOG_S("a", evaluate()));
    log_warn("shown", LOG_S("a", evaluate()), LOG_END);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("shown too");
    char *text = restore(fds, saved);
    ck_assert_int_eq(evaluated, 1);
    ck_assert_ptr_null(strstr(text, "not shown"));
    ck_assert_ptr_nonnull(strstr(text, "level=warn program=test msg=shown a=x\n"));
    ck_assert_ptr_nonnull(strstr(text, "level=debug program=test msg=\"shown too\"\n"));
    free(text);
}
END_TEST

static void *write_lines(void *arg)
{
    for (int i = 0; i < 50; i++)
        log_info("line", LOG_S("thread", arg), LOG_I("i", i));
    return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    int fds[2], saved;
    redirect(fds, &saved);
    log_init(LOG_FORMAT_JSON, LOG_LEVEL_INFO, "test");
    pthread_t threads[4];
    static char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_lines, names[i]);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *text = restore(fds, saved), *rest = text, *line;
    int n = 0;
    while ((line = strsep(&rest, "\n")) && line[0]) {
        ck_assert_msg(json_check(str_of(line), NULL), "%s", line);
        n++;
    }
    ck_assert_int_eq(n, 200);
    free(text);
}
END_TEST

RUN_TESTS("log", writes_logfmt_and_quotes_what_needs_it, writes_json, never_shows_secrets_and_personal_data,
          bytes_that_are_no_text_do_no_harm, long_lines_are_cut_between_fields,
          writes_enabled_levels_only_and_evaluates_nothing_else, lines_of_several_threads_do_not_mix)
