#include "test_lib.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "failpoint.h"

static void step_one(void)
{
    FAILPOINT("test.one");
}

static void step_two(void)
{
    FAILPOINT("test.two");
}

static bool set(const char *value, struct error *err)
{
    setenv("ROLLCALL_FAILPOINT", value, 1);
    return failpoint_init(err);
}

#ifdef ROLLCALL_FAILPOINTS

START_TEST(lists_the_names_that_the_program_contains)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    failpoint_list(out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "test.one\n"));
    ck_assert_ptr_nonnull(strstr(text, "test.two\n"));
    free(text);
}
END_TEST

START_TEST(refuses_what_it_does_not_understand)
{
    static const char *const bad[] = {"test.one",         "test.one=",
                                      "test.one=explode", "nowhere=kill",
                                      "test.one=exit:",   "test.one=exit:256",
                                      "test.one=exit:x",  "test.one=kill:x",
                                      "test.one=kill:0",  "test.one=pause_until_file:",
                                      "test.one=kill,,",  "=kill"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error err = {0};
        ck_assert_msg(!set(bad[i], &err), "%s", bad[i]);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
    }
    ck_assert(set("", NULL));
}
END_TEST

/* Waits for the child that runs both steps twice; returns its wait status. */
static int run(const char *value, int options)
{
    pid_t child = fork();
    if (child == 0) {
        if (!set(value, NULL))
            _exit(99);
        for (int i = 0; i < 2; i++) {
            step_one();
            step_two();
        }
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, options), child);
    if (WIFSTOPPED(status)) {
        kill(child, SIGCONT);
        int rest;
        ck_assert_int_eq(waitpid(child, &rest, 0), child);
        ck_assert(WIFEXITED(rest) && WEXITSTATUS(rest) == 0);
    }
    return status;
}

START_TEST(acts_at_exactly_the_hit_that_was_asked_for)
{
    int status = run("test.two=kill", 0);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    status = run("test.two=kill:3", 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = run("test.one=exit:7:2", 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = run("test.two=exit:5:2,test.one=exit:6:2", 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 6);
    status = run("test.one=stop:2", WUNTRACED);
    ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}
END_TEST

static void *run_step(void *arg)
{
    step_one();
    return arg;
}

START_TEST(holds_a_thread_until_the_file_is_there)
{
    char path[] = "/tmp/rollcall-failpoint-XXXXXX", value[128];
    close(mkstemp(path));
    unlink(path);
    snprintf(value, sizeof value, "test.one=pause_until_file:%s", path);
    ck_assert(set(value, NULL));
    pthread_t thread;
    pthread_create(&thread, NULL, run_step, NULL);
    ck_assert_int_ne(pthread_tryjoin_np(thread, NULL), 0);
    fclose(fopen(path, "we"));
    pthread_join(thread, NULL);
    unlink(path);
}
END_TEST

static void *step_and_tell(void *arg)
{
    step_one();
    *(volatile int *)arg = 1;
    return arg;
}

static void stop_in_a_second_thread(volatile int *passed)
{
    pthread_t thread;
    if (!set("test.one=stop", NULL))
        _exit(99);
    pthread_create(&thread, NULL, step_and_tell, (void *)passed);
    pthread_join(thread, NULL);
    _exit(0);
}

START_TEST(stops_the_thread_where_it_is_whichever_thread_it_is)
{
    int *passed = mmap(NULL, sizeof *passed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(passed, MAP_FAILED);
    pid_t child = fork();
    if (child == 0)
        stop_in_a_second_thread(passed);
    int status;
    ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
    ck_assert(WIFSTOPPED(status));
    ck_assert_int_eq(*passed, 0);
    kill(child, SIGCONT);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_eq(*passed, 1);
    munmap(passed, sizeof *passed);
}
END_TEST

static void step_with(const char *what)
{
    FAILPOINT_FOR("test.with", what);
}

START_TEST(kills_whoever_is_busy_with_what_was_named)
{
    ck_assert(set("test.with=kill_for:zoe", NULL));
    step_with("ann");
    step_with(NULL);
    pid_t child = fork();
    if (child == 0) {
        step_with("zoe");
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

RUN_TESTS("failpoint", kills_whoever_is_busy_with_what_was_named, lists_the_names_that_the_program_contains,
          refuses_what_it_does_not_understand, acts_at_exactly_the_hit_that_was_asked_for,
          holds_a_thread_until_the_file_is_there, stops_the_thread_where_it_is_whichever_thread_it_is)

#else

START_TEST(a_release_ignores_them)
{
    ck_assert(set("test.one=kill", NULL));
    step_one();
    step_two();
}
END_TEST

RUN_TESTS("failpoint", a_release_ignores_them)

#endif
