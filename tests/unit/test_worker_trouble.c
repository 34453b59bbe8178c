/* What the log says of targets in trouble, of decisions, and at a forced end. */
#include "../../worker/trouble.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../worker/decisions.h"
#include "../../worker/last_words.h"
#include "../../worker/worker_metrics.h"
#include "log.h"
#include "mem.h"
#include "test_lib.h"

static struct call_reply status(int code)
{
    return (struct call_reply){.outcome = CALL_REPLIED, .status = code, .retry_after_ms = -1};
}

START_TEST(a_breaker_that_opens_and_one_that_closes_are_told_once)
{
    struct trouble t = {0};
    ck_assert_int_eq(trouble_note(&t, false, 0), TROUBLE_NO_LINE);
    ck_assert_int_eq(trouble_note(&t, true, 1), TROUBLE_BEGINS);
    ck_assert_int_eq(trouble_note(&t, true, 2), TROUBLE_NO_LINE);
    ck_assert_int_eq(trouble_note(&t, false, 3), TROUBLE_ENDS);
    ck_assert_int_eq(trouble_note(&t, false, 4), TROUBLE_NO_LINE);
}
END_TEST

START_TEST(a_target_that_comes_and_goes_does_not_fill_the_log)
{
    struct trouble t = {0};
    ck_assert_int_eq(trouble_note(&t, true, 0), TROUBLE_BEGINS);
    ck_assert_int_eq(trouble_note(&t, false, 1), TROUBLE_ENDS);
    ck_assert_int_eq(trouble_note(&t, true, 2), TROUBLE_NO_LINE);
    ck_assert(t.open);
    ck_assert_int_eq(trouble_note(&t, false, 3), TROUBLE_NO_LINE);
    ck_assert_int_eq(trouble_note(&t, true, 4), TROUBLE_NO_LINE);
    ck_assert_int_eq(trouble_note(&t, true, TROUBLE_QUIET_MS), TROUBLE_BEGINS);
}
END_TEST

/* ---- lines --------------------------------------------------------------------------------------------- */

static char text[8192];
static int stderr_was;
static FILE *captured;

static void capture(void)
{
    stderr_was = dup(STDERR_FILENO);
    captured = tmpfile();
    ck_assert_ptr_nonnull(captured);
    ck_assert_int_ge(dup2(fileno(captured), STDERR_FILENO), 0);
}

static const char *captured_text(void)
{
    ck_assert_int_ge(dup2(stderr_was, STDERR_FILENO), 0);
    close(stderr_was);
    rewind(captured);
    text[fread(text, 1, sizeof text - 1, captured)] = '\0';
    fclose(captured);
    return text;
}

START_TEST(trouble_is_told_without_a_word_of_the_target_and_shown_as_a_gauge)
{
    struct metrics *metrics = worker_metrics_new();
    struct trouble t = {0};
    struct call_reply refused = status(401), good = status(200);
    const struct engine_target_figures open = {.open = true, .in_flight_limit = 1},
                                       closed = {.in_flight_limit = 2};
    refused.body = str_of("{\"detail\":\"ann@acme.test\"}");
    capture();
    trouble_tell(&t, "miro", &open, &refused, metrics);
    ck_assert_int_eq(metrics_get(metrics, WM_BREAKER, "miro", NULL), 1);
    trouble_tell(&t, "miro", &closed, &good, metrics);
    ck_assert_int_eq(metrics_get(metrics, WM_BREAKER, "miro", NULL), 0);
    const char *said = captured_text();
    ck_assert_ptr_nonnull(strstr(said, "target in trouble"));
    ck_assert_ptr_nonnull(strstr(said, "401"));
    ck_assert_ptr_nonnull(strstr(said, "the token is refused"));
    ck_assert_ptr_nonnull(strstr(said, "target well again"));
    ck_assert_ptr_null(strstr(said, "acme"));
    metrics_free(metrics);
}
END_TEST

static struct out_record record(enum engine_topic topic, const char *value)
{
    return (struct out_record){.topic = topic, .value = value ? str_of(value) : (struct str){0}};
}

static const char *log_of(enum log_level level)
{
    static const char rejected[] =
        "{\"id\":\"e1/"
        "miro\",\"eventId\":\"e1\",\"eventType\":\"joined\",\"subject\":\"ann\",\"target\":\"miro\","
        "\"outcome\":\"rejected\",\"cause\":\"ann is bad\",\"attempts\":3}";
    char *letter = xasprintf("{\"kind\":\"rejected\",\"reason\":\"ann is bad\",\"result\":%s}", rejected);
    struct out_record records[] = {
        record(TOPIC_PERSONS, NULL),
        record(TOPIC_RESULTS,
               "{\"id\":\"e2/miro\",\"eventId\":\"e2\",\"subject\":\"ann\",\"target\":\"miro\","
               "\"outcome\":\"applied\"}"),
        record(TOPIC_RESULTS, rejected),
        record(TOPIC_DEADLETTERS, letter),
        record(TOPIC_DEADLETTERS, "{\"kind\":\"invalid\",\"reason\":\"ann\",\"partition\":4,\"offset\":77}"),
    };
    struct engine_batch batch = {.records = records, .n_records = ARRAY_SIZE(records)};
    log_set_level(level);
    capture();
    decisions_log(&batch);
    free(letter);
    return captured_text();
}

static int lines(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

START_TEST(rejections_are_told_at_info_without_personal_data)
{
    const char *said = log_of(LOG_LEVEL_INFO);
    ck_assert_int_eq(lines(said), 2);
    ck_assert_ptr_nonnull(strstr(said, "event=e1"));
    ck_assert_ptr_nonnull(strstr(said, "outcome=rejected"));
    ck_assert_ptr_nonnull(strstr(said, "offset=77"));
    ck_assert_ptr_null(strstr(said, "ann"));
}
END_TEST

START_TEST(a_rejected_leaver_is_an_alarm)
{
    static const char *const types[] = {"left", "deleted", "suspended", "joined", "changed"};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        char *letter = xasprintf("{\"kind\":\"rejected\",\"result\":{\"id\":\"e1/miro\",\"eventId\":\"e1\","
                                 "\"eventType\":\"rollcall.person.%s\",\"outcome\":\"rejected\"}}",
                                 types[i]);
        struct out_record records[] = {record(TOPIC_DEADLETTERS, letter)};
        struct engine_batch batch = {.records = records, .n_records = 1};
        log_set_level(LOG_LEVEL_WARN);
        capture();
        decisions_log(&batch);
        ck_assert_int_eq(lines(captured_text()), i < 3 ? 1 : 0);
        free(letter);
    }
}
END_TEST

START_TEST(every_decision_has_one_line_at_debug)
{
    const char *said = log_of(LOG_LEVEL_DEBUG);
    ck_assert_int_eq(lines(said), 3);
    ck_assert_ptr_nonnull(strstr(said, "outcome=applied"));
    ck_assert_ptr_null(strstr(said, "ann"));
}
END_TEST

START_TEST(a_tear_down_that_hangs_is_ended_with_a_line)
{
    int code;
    capture();
    pid_t child = fork();
    if (child == 0) {
        last_words_begin(LOG_FORMAT_LOGFMT, 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_ptr_nonnull(strstr(captured_text(), "tear-down hangs"));
    ck_assert(WIFSIGNALED(code));
    ck_assert_int_eq(WTERMSIG(code), SIGALRM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_trouble");
    TCase *tc = tcase_create("trouble");
    tcase_add_test(tc, a_breaker_that_opens_and_one_that_closes_are_told_once);
    tcase_add_test(tc, a_target_that_comes_and_goes_does_not_fill_the_log);
    tcase_add_test(tc, trouble_is_told_without_a_word_of_the_target_and_shown_as_a_gauge);
    tcase_add_test(tc, rejections_are_told_at_info_without_personal_data);
    tcase_add_test(tc, a_rejected_leaver_is_an_alarm);
    tcase_add_test(tc, every_decision_has_one_line_at_debug);
    tcase_add_test(tc, a_tear_down_that_hangs_is_ended_with_a_line);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
