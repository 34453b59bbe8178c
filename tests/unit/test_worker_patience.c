/* What watches over progress: patience (the loop's) and the deadman (a thread of its own). */
#include "../../worker/patience.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/deadman.h"
#include "loop.h"
#include "mem.h"
#include "test_lib.h"

enum { LIMIT_MS = 60000 };

static const char group[] = "waiting for the group", ledger[] = "committing";

static struct error err;

static bool look(struct patience *p, const char *what, int64_t moved_ms)
{
    const struct waiting w = {
        .what = what, .doing = "sending offsets", .error = "_TIMED_OUT", .moved_ms = moved_ms};
    return patience_look(p, &w, LIMIT_MS, &err);
}

START_TEST(who_waits_for_nothing_never_loses_patience)
{
    struct patience p = {0};
    ck_assert(look(&p, NULL, 0));
    p.since_ms -= 10 * LIMIT_MS;
    ck_assert(look(&p, NULL, 0));
    ck_assert(!patience_strained(&p));
}
END_TEST

START_TEST(what_takes_long_is_told_and_then_ended)
{
    struct patience p = {0};
    ck_assert(look(&p, ledger, 0));
    ck_assert(!patience_strained(&p));
    p.since_ms -= PATIENCE_TELL_MS;
    ck_assert(look(&p, ledger, 0));
    ck_assert(patience_strained(&p));
    p.since_ms -= LIMIT_MS - PATIENCE_TELL_MS;
    ck_assert(!look(&p, ledger, 0));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    ck_assert_str_eq(
        err.message,
        "no progress for 60 s while committing, sending offsets: _TIMED_OUT: ended, to begin anew");
}
END_TEST

START_TEST(progress_or_something_else_to_wait_for_begins_anew)
{
    struct patience p = {0};
    ck_assert(look(&p, ledger, 0));
    p.since_ms -= LIMIT_MS;
    ck_assert(look(&p, ledger, clock_mono_ms()));
    p.since_ms -= LIMIT_MS;
    ck_assert(look(&p, group, 0));
    p.since_ms -= LIMIT_MS;
    ck_assert(look(&p, NULL, 0));
    ck_assert(look(&p, group, 0));
}
END_TEST

/* ---- deadman ------------------------------------------------------------------------------------------- */

static _Atomic int64_t lively, silent;

static void wait_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Watches a process of its own; answers how that ended. */
static int watched(void (*live)(void), int64_t limit_ms)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct deadman d = {0};
        deadman_watch(&d, "lively", &lively);
        deadman_watch(&d, "silent", &silent);
        if (!deadman_start(&d, limit_ms, LOG_FORMAT_LOGFMT, &err))
            _exit(1);
        live();
        deadman_done(&d);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void one_hangs(void)
{
    for (int i = 0; i < 1000; i++, wait_ms(5))
        atomic_fetch_add(&lively, 1);
}

static void both_move(void)
{
    for (int i = 0; i < 100; i++, wait_ms(5)) {
        atomic_fetch_add(&lively, 1);
        atomic_fetch_add(&silent, 1);
    }
}

/* Somebody else lets it go on after longer than the limit. */
static void stands_still(void)
{
    pid_t self = getpid();
    if (fork() == 0) {
        wait_ms(1000);
        kill(self, SIGCONT);
        _exit(0);
    }
    kill(self, SIGSTOP);
    both_move();
}

START_TEST(a_hung_thread_ends_the_process)
{
    int status = watched(one_hangs, 200);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), EX_TEMPFAIL);
}
END_TEST

START_TEST(threads_that_move_are_left_alone)
{
    ck_assert_int_eq(watched(both_move, 200), 0);
}
END_TEST

START_TEST(a_process_that_was_stopped_is_not_hung)
{
    ck_assert_int_eq(watched(stands_still, 400), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patience");
    TCase *tcase = tcase_create("patience");
    tcase_add_test(tcase, who_waits_for_nothing_never_loses_patience);
    tcase_add_test(tcase, what_takes_long_is_told_and_then_ended);
    tcase_add_test(tcase, progress_or_something_else_to_wait_for_begins_anew);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("deadman");
    tcase_add_test(tcase, a_hung_thread_ends_the_process);
    tcase_add_test(tcase, threads_that_move_are_left_alone);
    tcase_add_test(tcase, a_process_that_was_stopped_is_not_hung);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
