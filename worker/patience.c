#include "patience.h"

#include "log.h"
#include "loop.h"

static void begin(struct patience *p, const struct waiting *w, int64_t now_ms)
{
    if (p->told_ms)
        log_info("it gets on", LOG_S("while", p->what), LOG_I("seconds", (now_ms - p->since_ms) / 1000));
    *p = (struct patience){.what = w->what, .since_ms = now_ms};
}

static void tell(struct patience *p, const struct waiting *w, int64_t now_ms)
{
    log_warn("no progress", LOG_S("while", w->what), LOG_I("seconds", (now_ms - p->since_ms) / 1000),
             LOG_S("doing", w->doing), LOG_S("error", w->error));
    p->told_ms = now_ms;
}

bool patience_look(struct patience *p, const struct waiting *w, int64_t limit_ms, struct error *err)
{
    int64_t now_ms = clock_mono_ms();
    if (p->what != w->what || w->moved_ms > p->since_ms)
        begin(p, w, now_ms);
    if (!p->what)
        return true;
    int64_t lasted_ms = now_ms - p->since_ms;
    if (lasted_ms >= limit_ms)
        return error_set(err, ERROR_TEMPORARY,
                         "no progress for %lld s while %s%s%s%s%s: ended, to begin anew",
                         (long long)(lasted_ms / 1000), w->what, w->doing ? ", " : "",
                         w->doing ? w->doing : "", w->error ? ": " : "", w->error ? w->error : "");
    if (lasted_ms >= PATIENCE_TELL_MS && (!p->told_ms || now_ms - p->told_ms >= PATIENCE_REPEAT_MS))
        tell(p, w, now_ms);
    return true;
}

bool patience_strained(const struct patience *p)
{
    return p->told_ms != 0;
}
