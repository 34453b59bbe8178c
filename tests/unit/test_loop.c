#include "test_lib.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>

#include "loop.h"

struct watch {
    struct loop *loop;
    int fd;
    int calls;
    int other_fd; /* removed in the callback; -1: none */
};

static void on_ready(void *ctx, uint32_t events)
{
    struct watch *w = ctx;
    ck_assert(events & EPOLLIN);
    w->calls++;
    if (w->other_fd >= 0)
        loop_remove(w->loop, w->other_fd);
}

static struct loop *new_loop(void)
{
    struct loop *l;
    struct error err = {0};
    ck_assert_msg(loop_new(&l, &err), "%s", err.message);
    return l;
}

START_TEST(calls_back_when_a_descriptor_is_ready)
{
    struct loop *l = new_loop();
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct watch w = {l, fds[0], 0, -1};
    ck_assert(loop_add(l, fds[0], EPOLLIN, on_ready, &w, NULL));
    ck_assert_uint_eq(loop_wait(l, 0), 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_assert_uint_eq(loop_wait(l, -1), 1);
    ck_assert_int_eq(w.calls, 1);
    loop_remove(l, fds[0]);
    loop_remove(l, fds[0]);
    ck_assert_uint_eq(loop_wait(l, 0), 0);
    ck_assert(loop_add(l, fds[0], EPOLLIN, on_ready, &w, NULL));
    ck_assert_uint_eq(loop_wait(l, -1), 1);
    close(fds[0]);
    close(fds[1]);
    loop_free(l);
}
END_TEST

START_TEST(a_removed_descriptor_is_not_called_in_the_same_turn)
{
    struct loop *l = new_loop();
    int a[2], b[2];
    ck_assert(pipe(a) == 0 && pipe(b) == 0);
    struct watch wa = {l, a[0], 0, b[0]}, wb = {l, b[0], 0, a[0]};
    ck_assert(loop_add(l, a[0], EPOLLIN, on_ready, &wa, NULL));
    ck_assert(loop_add(l, b[0], EPOLLIN, on_ready, &wb, NULL));
    ck_assert(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    ck_assert_uint_eq(loop_wait(l, -1), 1);
    ck_assert_int_eq(wa.calls + wb.calls, 1);
    loop_free(l);
}
END_TEST

START_TEST(a_bad_descriptor_is_an_error)
{
    struct loop *l = new_loop();
    struct error err = {0};
    struct watch w = {l, 900, 0, -1};
    ck_assert(!loop_add(l, 900, EPOLLIN, on_ready, &w, &err));
    ck_assert_int_eq(err.kind, ERROR_SYSTEM);
    loop_free(l);
}
END_TEST

static void *wake(void *l)
{
    loop_wake(l);
    return NULL;
}

START_TEST(another_thread_wakes_the_loop)
{
    struct loop *l = new_loop();
    pthread_t thread;
    pthread_create(&thread, NULL, wake, l);
    loop_wait(l, -1);
    pthread_join(thread, NULL);
    loop_free(l);
}
END_TEST

START_TEST(signals_are_a_descriptor)
{
    struct loop *l = new_loop();
    struct error err = {0};
    int signals = loop_signal_fd((const int[]){SIGTERM, SIGHUP, 0}, &err);
    ck_assert_int_ge(signals, 0);
    struct watch ws = {l, signals, 0, -1};
    ck_assert(loop_add(l, signals, EPOLLIN, on_ready, &ws, NULL));
    kill(getpid(), SIGHUP);
    loop_wait(l, -1);
    ck_assert_int_eq(ws.calls, 1);
    ck_assert_int_eq(loop_signal_read(signals), SIGHUP);
    ck_assert_int_eq(loop_signal_read(signals), 0);
    ck_assert(clock_real_ms() > INT64_C(1600000000000) && clock_boot_ms() > 0);
    close(signals);
    loop_free(l);
}
END_TEST

RUN_TESTS("loop", calls_back_when_a_descriptor_is_ready, a_removed_descriptor_is_not_called_in_the_same_turn,
          a_bad_descriptor_is_an_error, another_thread_wakes_the_loop, signals_are_a_descriptor)
