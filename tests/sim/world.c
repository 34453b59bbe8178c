#include "world.h"

#include <stdarg.h>
#include <stdio.h>

enum { FAILURES_KEPT = 10, LINE_MAX_BYTES = 4096 };

static int64_t since_start(const struct world *w)
{
    return world_now(w) - WORLD_EPOCH_MS;
}

void world_trace(const struct world *w, const char *format, ...)
{
    if (!w->verbose)
        return;
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    printf("%9.3f  %s\n", (double)since_start(w) / 1000.0, line);
}

void world_fail(struct world *w, const char *promise, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    world_trace(w, "BROKEN %s: %s", promise, line);
    if (w->n_failures++ < FAILURES_KEPT)
        buf_addf(&w->failures, "  %s at %.3f s: %s\n", promise, (double)since_start(w) / 1000.0, line);
}
