#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"
#include "sandbox_parts.h"

enum { STATE_FILE_MAX = 256 << 20, BACKLOG = 4096, DESCRIPTORS_SPARE = 64 };

int64_t sandbox_now_ms(const struct sandbox *sb)
{
    return sb->real_base_ms + clock_mono_ms() - sb->mono_base_ms;
}

/* ---- state --------------------------------------------------------------------------------------------- */

static bool load_state(struct miro *m, const char *path, int64_t now_ms, struct error *err)
{
    struct buf text;
    buf_init(&text, STATE_FILE_MAX);
    bool done = file_read(path, &text, err) && miro_load_json(m, buf_str(&text), now_ms, err);
    buf_done(&text);
    return done || error_wrap(err, "%s", path);
}

bool sandbox_reset(struct sandbox *sb, struct error *err)
{
    struct miro_config cfg = sb->first->miro;
    if (*sb->base_url)
        cfg.base_url = sb->base_url;
    struct miro *fresh = miro_new(&cfg);
    if (sb->first->state_file && !load_state(fresh, sb->first->state_file, sandbox_now_ms(sb), err)) {
        miro_free(fresh);
        return false;
    }
    exchanges_forget_late(sb);
    exchanges_let_go(sb);
    miro_free(sb->miro);
    sb->miro = fresh;
    settings_done(sb->settings);
    settings_copy(sb->settings, sb->first);
    if (*sb->base_url) {
        free((char *)sb->settings->miro.base_url);
        sb->settings->miro.base_url = xstrdup(sb->base_url);
    }
    faults_done(&sb->faults);
    journal_clear(&sb->journal);
    return true;
}

bool sandbox_write_state(const struct sandbox *sb, const char *path, struct error *err)
{
    struct buf text;
    char *draft = xasprintf("%s.%d", path, (int)getpid());
    buf_init(&text, SIZE_MAX / 2);
    miro_dump_json(sb->miro, &text);
    FILE *f = fopen(draft, "we");
    bool done = f && fwrite(text.p, 1, text.n, f) == text.n;
    done = f && fclose(f) == 0 && done && rename(draft, path) == 0;
    if (!done)
        error_set(err, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    buf_done(&text);
    free(draft);
    return done;
}

/* ---- serving ------------------------------------------------------------------------------------------- */

static bool address_of(const struct settings *s, struct sockaddr_in *ret, struct error *err)
{
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    return inet_pton(AF_INET, s->listen, &ret->sin_addr) == 1 ||
           error_set(err, ERROR_INPUT, "listen: '%s' is no IPv4 address", s->listen);
}

/* As many descriptors as the connections need, if the host lets us. */
static unsigned connection_limit(const struct settings *s)
{
    struct rlimit limit;
    unsigned want = s->connections_max < INT_MAX ? (unsigned)s->connections_max : INT_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return want;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t free_ones = limit.rlim_cur > DESCRIPTORS_SPARE ? limit.rlim_cur - DESCRIPTORS_SPARE : 1;
    return free_ones < want ? (unsigned)free_ones : want;
}

static void on_http(void *ctx, uint32_t events)
{
    (void)ctx;
    (void)events; /* MHD_run comes in every turn */
}

static bool start_daemon(struct sandbox *sb, struct error *err)
{
    struct sockaddr_in address;
    if (!address_of(sb->settings, &address, err))
        return false;
    sb->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)sb->settings->port,
                                  NULL, NULL, exchange_handle, sb, MHD_OPTION_SOCK_ADDR, &address,
                                  MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, sb,
                                  MHD_OPTION_NOTIFY_COMPLETED, exchange_end, sb, MHD_OPTION_CONNECTION_LIMIT,
                                  connection_limit(sb->settings), MHD_OPTION_CONNECTION_TIMEOUT, 0u,
                                  MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG, MHD_OPTION_END);
    if (!sb->daemon)
        return error_set(err, ERROR_SYSTEM, "cannot listen on %s:%d: %s", sb->settings->listen,
                         (int)sb->settings->port, strerror(errno));
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(sb->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || info->epoll_fd < 0)
        return error_set(err, ERROR_SYSTEM, "libmicrohttpd was built without epoll");
    return loop_add(sb->loop, info->epoll_fd, EPOLLIN, on_http, sb, err);
}

bool sandbox_new(const struct settings *settings, struct sandbox **ret, struct error *err)
{
    struct sandbox *sb = xcalloc(1, sizeof *sb);
    sb->first = settings;
    sb->settings = xcalloc(1, sizeof *sb->settings);
    sb->real_base_ms = clock_real_ms();
    sb->mono_base_ms = clock_mono_ms();
    sb->jitter = (uint64_t)settings->seed;
    journal_init(&sb->journal, (size_t)settings->journal_max);
    if (!loop_new(&sb->loop, err) || !sandbox_reset(sb, err) || !start_daemon(sb, err)) {
        sandbox_free(sb);
        return false;
    }
    if (settings->own_location) {
        snprintf(sb->base_url, sizeof sb->base_url, "http://%s:%d/scim/v2", settings->listen,
                 sandbox_port(sb));
        if (!sandbox_reset(sb, err)) {
            sandbox_free(sb);
            return false;
        }
    }
    *ret = sb;
    return true;
}

void sandbox_free(struct sandbox *sb)
{
    if (!sb)
        return;
    exchanges_forget_late(sb);
    exchanges_let_go(sb);
    if (sb->daemon) {
        MHD_run(sb->daemon);
        MHD_stop_daemon(sb->daemon);
    }
    miro_free(sb->miro);
    journal_done(&sb->journal);
    faults_done(&sb->faults);
    timers_done(&sb->timers);
    settings_done(sb->settings);
    free(sb->settings);
    loop_free(sb->loop);
    free(sb);
}

int sandbox_port(const struct sandbox *sb)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(sb->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

struct loop *sandbox_loop(struct sandbox *sb)
{
    return sb->loop;
}

static int shorter(int a, int64_t b)
{
    return b >= 0 && (a < 0 || b < a) ? (int)b : a;
}

void sandbox_turn(struct sandbox *sb, int wait_ms)
{
    MHD_UNSIGNED_LONG_LONG mhd_ms;
    wait_ms = shorter(wait_ms, timers_next_ms(&sb->timers, sandbox_now_ms(sb)));
    if (MHD_get_timeout(sb->daemon, &mhd_ms) == MHD_YES)
        wait_ms = shorter(wait_ms, mhd_ms > INT_MAX ? INT_MAX : (int64_t)mhd_ms);
    loop_wait(sb->loop, wait_ms);
    timers_run(&sb->timers, sandbox_now_ms(sb));
    MHD_run(sb->daemon);
}

void sandbox_wake(struct sandbox *sb)
{
    loop_wake(sb->loop);
}
