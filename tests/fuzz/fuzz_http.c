/* Bytes on a connection: several writes, divided by 0xff, then the client's end of its side. Every exchange that begins
 * is told of its end once, every answer begins as HTTP does, and no connection stays. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../ingest/counters.h"
#include "../../ingest/http.h"
#include "../../ingest/listen.h"
#include "loop.h"

enum { HEADER_BYTES = 8192, BODY_BYTES = 4096, TURNS_MAX = 2000 };

static struct {
    struct http *http;
    struct addresses *addresses;
    uint16_t port;
    unsigned begun, ended;
} server;

static void on_head(void *ctx, struct exchange *x)
{
    (void)ctx;
    server.begun++;
    enum head_fault fault = exchange_fault(x);
    if (fault != HEAD_OK)
        exchange_answer(
            x, &(struct answer){.status = head_fault_status(fault), .reason = head_fault_name(fault)});
    else
        exchange_body_max(x, BODY_BYTES);
}

static void on_complete(void *ctx, struct exchange *x)
{
    (void)ctx;
    const struct message *m = exchange_message(x);
    bool fits = exchange_body(x) == BODY_COMPLETE;
    assert(!fits || m->body.n <= BODY_BYTES);
    assert(m->n_headers <= MESSAGE_HEADERS_MAX);
    exchange_answer(x,
                    &(struct answer){.status = fits ? 200 : 413, .reason = fits ? NULL : "body_too_large"});
}

static void on_gone(void *ctx, struct exchange *x, enum http_end end)
{
    (void)ctx, (void)x, (void)end;
    server.ended++;
}

static void start(void)
{
    static char *trusted[] = {(char *)"127.0.0.0/8"};
    struct proxies *proxies; /* we are one: X-Forwarded-For is read */
    struct error err;
    int fd;
    assert(proxies_new(&(struct config_strings){trusted, 1}, &proxies, &err));
    assert(listen_open("127.0.0.1:0", 1, &fd, &server.port, &err));
    server.addresses = addresses_new(64, 64);
    struct http_settings settings = {.listen_fd = fd,
                                     .header_bytes = HEADER_BYTES,
                                     .receive_ms = 10000,
                                     .bodies_bytes = 1 << 20,
                                     .connections = 64,
                                     .addresses = server.addresses,
                                     .proxies = proxies,
                                     .metrics = metrics_new(counter_table, COUNTERS),
                                     .callbacks = {NULL, on_head, on_complete, on_gone}};
    assert(http_new(&settings, &server.http, &err));
}

static int dial(void)
{
    static uint32_t dialled;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(server.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* Closed with a reset, and from one address after the other: of one address there would be no port left after some
     * ten thousand, as those that the server closed first stay in TIME_WAIT all the same. */
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + dialled++ % 1000);
    struct linger reset = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) == 0);
    assert(bind(fd, (struct sockaddr *)&from, sizeof from) == 0);
    assert(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    return fd;
}

/* Gives the server a turn and looks at what it says; false: it has closed. */
static bool turn(int fd, size_t *n_said, int wait_ms)
{
    char said[4096];
    struct pollfd ready[2] = {{.fd = http_fd(server.http), .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    poll(ready, 2, wait_ms);
    http_run(server.http);
    ssize_t n = recv(fd, said, sizeof said, MSG_DONTWAIT);
    if (n > 0 && *n_said == 0)
        assert(n < 9 || memcmp(said, "HTTP/1.", 7) == 0);
    *n_said += n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!server.http)
        start();
    int fd = dial();
    size_t n_said = 0;
    bool open = true;
    for (size_t at = 0; at < size && open;) {
        const uint8_t *end = memchr(data + at, 0xff, size - at);
        size_t n = end ? (size_t)(end - data) - at : size - at;
        open = n == 0 || send(fd, data + at, n, MSG_NOSIGNAL) >= 0;
        at += n + 1;
        open = open && turn(fd, &n_said, 0);
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < TURNS_MAX && open; i++) {
        http_sweep(server.http, clock_mono_ms()); /* finds clients that are half closed */
        open = turn(fd, &n_said, 1);
    }
    close(fd);
    for (int i = 0; i < TURNS_MAX && server.ended < server.begun; i++) {
        struct pollfd ready = {.fd = http_fd(server.http), .events = POLLIN};
        poll(&ready, 1, 1);
        http_sweep(server.http, clock_mono_ms());
        http_run(server.http);
    }
    assert(server.ended == server.begun);
    return 0;
}
