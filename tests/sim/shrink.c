#include "shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos.h"
#include "mem.h"

enum { FAILURES_MAX_BYTES = 64 * 1024 };

/* ---- trying -------------------------------------------------------------------------------------------- */

static bool fails(uint64_t seed, const struct run_less *less)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct run_figures sum = {0};
        struct buf failures;
        buf_init(&failures, FAILURES_MAX_BYTES);
        fclose(stdout);
        fclose(stderr);
        _exit(run_seed(seed, less, false, &failures, &sum) ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status != 0;
}

/* Leaves out v[from] … if the run fails without them, too. */
static void try_without(uint64_t seed, struct run_less *less, bool *v, size_t from, size_t n)
{
    bool before[RUN_EVENTS_MAX];
    memcpy(before, &v[from], n * sizeof *v);
    memset(&v[from], true, n * sizeof *v);
    if (memcmp(before, &v[from], n * sizeof *v) != 0 && !fails(seed, less))
        memcpy(&v[from], before, n * sizeof *v);
}

void shrink(uint64_t seed, struct run_less *less)
{
    for (size_t i = 0; i < chaos_kinds() && i < RUN_KINDS_MAX; i++)
        try_without(seed, less, less->kinds, i, 1);
    for (size_t n = RUN_EVENTS_MAX / 2; n > 0; n /= 2)
        for (size_t from = 0; from < RUN_EVENTS_MAX; from += n)
            try_without(seed, less, less->events, from, n);
}

/* ---- as options ---------------------------------------------------------------------------------------- */

static void begin_item(const char *option, const char *separator, bool *begun)
{
    printf("%s", *begun ? separator : option);
    *begun = true;
}

void shrink_print(const struct run_less *less)
{
    bool begun = false;
    printf(" --only '");
    for (size_t i = 0; i < chaos_kinds() && i < RUN_KINDS_MAX; i++)
        if (!less->kinds[i]) {
            begin_item("", ";", &begun);
            printf("%s", chaos_kind_name(i));
        }
    printf("'");
    begun = false;
    for (size_t i = 0; i < RUN_EVENTS_MAX; i++)
        if (!less->events[i]) {
            begin_item(" --keep ", ",", &begun);
            printf("%zu", i);
        }
}

static bool keep_kind(const char *name, struct run_less *less)
{
    for (size_t i = 0; i < chaos_kinds() && i < RUN_KINDS_MAX; i++)
        if (strcmp(chaos_kind_name(i), name) == 0) {
            less->kinds[i] = false;
            return true;
        }
    return *name == '\0';
}

/* Names of fates hold commas. */
bool shrink_parse_kinds(char *list, struct run_less *less)
{
    bool ok = true;
    memset(less->kinds, true, sizeof less->kinds);
    for (char *name; ok && (name = strsep(&list, ";"));)
        ok = keep_kind(name, less);
    return ok;
}

bool shrink_parse_events(char *list, struct run_less *less)
{
    memset(less->events, true, sizeof less->events);
    for (char *number, *end; (number = strsep(&list, ","));) {
        unsigned long event = strtoul(number, &end, 10);
        if (end == number || *end || event >= RUN_EVENTS_MAX)
            return false;
        less->events[event] = false;
    }
    return true;
}
