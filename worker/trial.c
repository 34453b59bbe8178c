#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

static void be_child(pid_t parent, void (*fn)(void *ctx), void *ctx)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) /* it may have died just before */
        fn(ctx);
    _exit(0);
}

/* Waits for the child to end; kills it when it takes too long. */
static bool came_back(pid_t child)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    int64_t until_ms = clock_mono_ms() + TRIAL_MS;
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && clock_mono_ms() < until_ms)
        nanosleep(&pause, NULL);
    if (ended == 0) {
        kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool trial_survived(void (*fn)(void *ctx), void *ctx)
{
    pid_t parent = getpid();
    for (int i = 0; i < TRIALS; i++) {
        pid_t child = fork();
        if (child < 0)
            return true;
        if (child == 0)
            be_child(parent, fn, ctx);
        if (came_back(child))
            return true;
    }
    return false;
}
