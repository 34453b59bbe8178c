#include "test_lib.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "admin.h"
#include "loop.h"

static bool is_ready;

static bool ready(void *ctx, struct buf *reason)
{
    if (!is_ready)
        buf_adds(reason, ctx);
    return is_ready;
}

static void metrics(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_adds(out, "t_up 1\n");
}

static struct admin *new_admin(void)
{
    static char reason[] = "no partitions";
    const struct admin_callbacks callbacks = {reason, ready, metrics};
    struct admin *a;
    struct error err = {0};
    ck_assert_msg(admin_new("127.0.0.1:0", &callbacks, &a, &err), "%s", err.message);
    return a;
}

static int connect_to(const struct admin *a)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(admin_port(a))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Runs the admin's loop until the peer closes or 10 s have passed; returns all bytes. */
static char *read_answer(struct admin *a, int fd)
{
    char *text = xcalloc(1, 8193);
    size_t n = 0;
    for (int64_t end = clock_mono_ms() + 10000; clock_mono_ms() < end;) {
        struct pollfd fds[] = {{admin_fd(a), POLLIN, 0}, {fd, POLLIN, 0}};
        int timeout_ms = admin_timeout_ms(a);
        poll(fds, 2, timeout_ms < 0 || timeout_ms > 100 ? 100 : timeout_ms);
        admin_run(a);
        ssize_t got = recv(fd, text + n, 8192 - n, MSG_DONTWAIT);
        if (got == 0)
            return text;
        n += got > 0 ? (size_t)got : 0;
    }
    ck_abort_msg("no end of the answer: %s", text);
    return NULL;
}

static char *request(struct admin *a, const char *line)
{
    int fd = connect_to(a);
    char text[256];
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", line);
    ck_assert_int_eq(write(fd, text, (size_t)n), n);
    char *answer = read_answer(a, fd);
    close(fd);
    return answer;
}

static void check_answer(struct admin *a, const char *line, const char *status, const char *body)
{
    char *answer = request(a, line);
    ck_assert_msg(strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0, "%s: %s", line,
                  answer);
    ck_assert_msg(strstr(answer, body), "%s: %s", line, answer);
    free(answer);
}

START_TEST(serves_three_pages_and_nothing_else)
{
    struct admin *a = new_admin();
    is_ready = true;
    check_answer(a, "GET /healthz", "200", "\r\n\r\nok\n");
    check_answer(a, "GET /readyz", "200", "\r\n\r\nready\n");
    check_answer(a, "GET /metrics", "200", "\r\n\r\nt_up 1\n");
    check_answer(a, "GET /metrics", "200", "text/plain; version=0.0.4");
    check_answer(a, "GET /metrics?x=1", "200", "t_up 1\n");
    check_answer(a, "GET /", "404", "");
    check_answer(a, "GET /healthz/", "404", "");
    check_answer(a, "POST /metrics", "405", "Allow: GET");
    check_answer(a, "DELETE /nowhere", "404", "");
    admin_free(a);
}
END_TEST

START_TEST(says_why_it_is_not_ready)
{
    struct admin *a = new_admin();
    is_ready = false;
    check_answer(a, "GET /readyz", "503", "\r\n\r\nnot ready: no partitions\n");
    check_answer(a, "GET /healthz", "200", "ok");
    admin_free(a);
}
END_TEST

START_TEST(cuts_off_oversized_headers)
{
    struct admin *a = new_admin();
    int fd = connect_to(a);
    char block[1024];
    memset(block, 'x', sizeof block);
    ck_assert_int_gt(send(fd, "GET /healthz HTTP/1.1\r\nX: ", 26, 0), 0);
    for (int i = 0; i < 64; i++)
        if (send(fd, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
            break;
    int64_t end = clock_mono_ms() + 10000;
    ssize_t got = -1;
    char text[512] = "";
    while (got != 0 && clock_mono_ms() < end) {
        struct pollfd fds[] = {{admin_fd(a), POLLIN, 0}, {fd, POLLIN, 0}};
        poll(fds, 2, 100);
        admin_run(a);
        got = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
        if (got > 0)
            ck_assert_msg(strstr(text, " 431 ") || strstr(text, " 413 "), "%s", text);
        if (got > 0)
            break;
        if (got < 0 && errno != EAGAIN)
            got = 0;
    }
    ck_assert_int_ge(got, 0);
    close(fd);
    admin_free(a);
}
END_TEST

START_TEST(refuses_addresses_that_cannot_be)
{
    struct admin *a = new_admin(), *b;
    const struct admin_callbacks none = {0};
    struct error err = {0};
    ck_assert(!admin_new("nowhere", &none, &b, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", admin_port(a));
    ck_assert(!admin_new(taken, &none, &b, &err));
    ck_assert_int_eq(err.kind, ERROR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err.message, taken));
    admin_free(a);
    admin_free(NULL);
    if (admin_new("[::1]:0", &none, &b, &err)) /* where the host has IPv6 */
        admin_free(b);
}
END_TEST

RUN_TESTS("admin", serves_three_pages_and_nothing_else, says_why_it_is_not_ready, cuts_off_oversized_headers,
          refuses_addresses_that_cannot_be)
