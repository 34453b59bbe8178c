#include "failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"

enum { POINTS_MAX = 16, NAME_SIZE = 64, PATH_SIZE = 256, PAUSE_NS = 2000000 };

enum action { ACTION_KILL, ACTION_KILL_FOR, ACTION_HANG_FOR, ACTION_STOP, ACTION_EXIT, ACTION_PAUSE };

struct point { /* one "name=action" of the environment */
    char name[NAME_SIZE];
    enum action action;
    int exit_code;
    char text[PATH_SIZE]; /* path, or what kill_for and hang_for wait for */
    unsigned nth;
    _Atomic unsigned hits;
};

static struct point points[POINTS_MAX];
static size_t n_points;

/* Made by the linker from all uses of FAILPOINT; weak, because a program may have none. */
extern const char *const __start_rollcall_failpoints[] __attribute__((weak));
extern const char *const __stop_rollcall_failpoints[] __attribute__((weak));

void failpoint_list(FILE *out)
{
    for (const char *const *name = __start_rollcall_failpoints; name < __stop_rollcall_failpoints; name++)
        fprintf(out, "%s\n", *name);
}

static bool known(const char *wanted)
{
    for (const char *const *name = __start_rollcall_failpoints; name < __stop_rollcall_failpoints; name++)
        if (strcmp(*name, wanted) == 0)
            return true;
    return false;
}

static bool read_number(const char *text, unsigned long max, unsigned *ret)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value > max)
        return false;
    *ret = (unsigned)value;
    return true;
}

/* Cuts ":nth" off a copy of the arguments; what is left is the action's own argument. */
static bool read_nth(char *arguments, struct point *p)
{
    p->nth = 1;
    char *colon = strrchr(arguments, ':');
    if (!colon || !read_number(colon + 1, 1000000000, &p->nth))
        return true;
    *colon = '\0';
    return p->nth > 0;
}

static bool read_exit(const char *argument, struct point *p)
{
    unsigned code;
    if (!read_number(argument, 255, &code))
        return false;
    p->exit_code = (int)code;
    return true;
}

static bool read_text(const char *argument, struct point *p)
{
    size_t n = strlen(argument);
    if (n == 0 || n >= sizeof p->text)
        return false;
    memcpy(p->text, argument, n + 1);
    return true;
}

static bool read_nothing(const char *argument, struct point *p)
{
    (void)p;
    return argument[0] == '\0';
}

/* "kill:2", "exit:3", "exit:3:2", "pause_until_file:/x:2" */
static bool read_action(const char *text, struct point *p)
{
    static const struct {
        const char *name;
        enum action action;
        bool (*read)(const char *argument, struct point *p);
    } actions[] = {
        {"kill_for:", ACTION_KILL_FOR, read_text}, {"hang_for:", ACTION_HANG_FOR, read_text},
        {"kill", ACTION_KILL, read_nothing},       {"stop", ACTION_STOP, read_nothing},
        {"exit:", ACTION_EXIT, read_exit},         {"pause_until_file:", ACTION_PAUSE, read_text},
    };
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        size_t n = strlen(actions[i].name);
        if (strncmp(text, actions[i].name, n) != 0)
            continue;
        char rest[PATH_SIZE + 16];
        if ((size_t)snprintf(rest, sizeof rest, "%s", text + n) >= sizeof rest)
            return false;
        p->action = actions[i].action;
        return read_nth(rest, p) && actions[i].read(rest, p);
    }
    return false;
}

static bool read_point(const char *text, struct error *err)
{
    struct point *p = &points[n_points];
    const char *equals = strchr(text, '=');
    if (n_points == POINTS_MAX || !equals || (size_t)(equals - text) >= sizeof p->name)
        return error_set(err, ERROR_INPUT, "ROLLCALL_FAILPOINT: \"%s\" is not name=action", text);
    memcpy(p->name, text, (size_t)(equals - text));
    p->name[equals - text] = '\0';
    if (!known(p->name))
        return error_set(err, ERROR_INPUT, "ROLLCALL_FAILPOINT: no failpoint is called \"%s\"", p->name);
    if (!read_action(equals + 1, p))
        return error_set(err, ERROR_INPUT, "ROLLCALL_FAILPOINT: \"%s\" is no action", equals + 1);
    n_points++;
    return true;
}

#ifdef ROLLCALL_FAILPOINTS
static const bool compiled_in = true;
#else
static const bool compiled_in = false;
#endif

bool failpoint_init(struct error *err)
{
    memset(points, 0, sizeof points);
    n_points = 0;
    const char *text = compiled_in ? getenv("ROLLCALL_FAILPOINT") : NULL;
    if (!text || !text[0])
        return true;
    char *copy = xstrdup(text), *rest = copy, *item;
    bool ok = true;
    while (ok && (item = strsep(&rest, ",")))
        ok = read_point(item, err);
    free(copy);
    return ok;
}

static void act(const struct point *p)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    switch (p->action) {
    case ACTION_KILL:
    case ACTION_KILL_FOR:
        raise(SIGKILL);
        break;
    case ACTION_HANG_FOR:
        for (;;)
            nanosleep(&pause, NULL);
    case ACTION_STOP: /* all threads, this one right here: kill() may give the signal to another, and this goes on */
        raise(SIGSTOP);
        break;
    case ACTION_EXIT:
        _exit(p->exit_code);
    case ACTION_PAUSE:
        while (access(p->text, F_OK) != 0)
            nanosleep(&pause, NULL);
    }
}

static bool fires(struct point *p, const char *what)
{
    if (p->action == ACTION_KILL_FOR || p->action == ACTION_HANG_FOR)
        return what && strcmp(p->text, what) == 0;
    return atomic_fetch_add(&p->hits, 1) + 1 == p->nth;
}

void failpoint_hit(const char *name, const char *what)
{
    for (size_t i = 0; i < n_points; i++)
        if (strcmp(points[i].name, name) == 0 && fires(&points[i], what))
            act(&points[i]);
}
