#include "last_words.h"

#include <signal.h>
#include <unistd.h>

#include "loop.h"

static struct buf line; /* rendered beforehand: a handler may not */

static void on_alarm(int signo)
{
    ssize_t written = write(STDERR_FILENO, line.p, line.n);
    (void)written;
    raise(signo); /* kills: SA_RESETHAND */
}

void last_words_begin(enum log_format format, unsigned seconds)
{
    const struct log_field fields[] = {LOG_I("seconds", seconds), LOG_END};
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = (int)SA_RESETHAND};
    buf_init(&line, LOG_LINE_MAX + 1);
    log_render(format, LOG_LEVEL_ERROR, clock_real_ms() + seconds * INT64_C(1000),
               "the tear-down hangs: ended without it", fields, &line);
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}

void last_words_end(void)
{
    alarm(0);
    buf_done(&line);
}
