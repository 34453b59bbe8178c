/* miro-sandbox: a Miro to develop SCIM clients against. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "sandbox.h"

/* Written beside and renamed: who waits for the file never reads half a number. */
static bool write_port_file(const char *path, int port, struct error *err)
{
    char *draft = xasprintf("%s.%d", path, (int)getpid());
    FILE *f = fopen(draft, "we");
    bool done = f && fprintf(f, "%d\n", port) > 0;
    done = f && fclose(f) == 0 && done && rename(draft, path) == 0;
    if (!done)
        error_set(err, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    free(draft);
    return done;
}

static bool announce(const struct settings *s, int port, struct error *err)
{
    if (s->port_file && !write_port_file(s->port_file, port, err))
        return false;
    printf("{\"port\":%d,\"scim\":\"http://%s:%d/api/v1/scim\",\"page\":\"http://%s:%d/_sandbox/\"}\n", port,
           s->listen, port, s->listen, port);
    fflush(stdout);
    return true;
}

static void on_signal(void *ctx, uint32_t events)
{
    (void)events;
    *(bool *)ctx = true;
}

static bool serve(const struct settings *s, int signal_fd, struct error *err)
{
    struct sandbox *sb;
    bool stop = false;
    if (!sandbox_new(s, &sb, err))
        return false;
    bool done = loop_add(sandbox_loop(sb), signal_fd, EPOLLIN, on_signal, &stop, err) &&
                announce(s, sandbox_port(sb), err);
    while (done && !stop)
        sandbox_turn(sb, -1);
    loop_remove(sandbox_loop(sb), signal_fd);
    done = done && (!s->state_out || sandbox_write_state(sb, s->state_out, err));
    sandbox_free(sb);
    return done;
}

static int fail(const struct error *err)
{
    log_error("cannot run", LOG_ERROR_FIELD(err));
    return err->kind == ERROR_INPUT ? EX_USAGE : EX_OSERR;
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGTERM, SIGINT, 0};
    struct settings s;
    struct error err = {0};
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "miro-sandbox");
    signal(SIGPIPE, SIG_IGN);
    if (!settings_parse(argc, argv, &s, &err)) {
        settings_done(&s);
        return fail(&err);
    }
    if (s.help) {
        settings_print_help();
        settings_done(&s);
        return EX_OK;
    }
    int signal_fd = loop_signal_fd(signals, &err);
    bool done = signal_fd >= 0 && serve(&s, signal_fd, &err);
    if (signal_fd >= 0)
        close(signal_fd);
    settings_done(&s);
    return done ? EX_OK : fail(&err);
}
