#include "trouble.h"

#include "log.h"
#include "loop.h"
#include "mem.h"
#include "worker_metrics.h"

static const struct kind {
    int from, to; /* status; 0: no answer */
    const char *what;
} kinds[] = {
    {0, 0, "no answer"},
    {300, 399, "redirects: base_url is wrong"},
    {401, 401, "the token is refused"},
    {403, 403, "the token's rights do not suffice"},
    {404, 404, "nothing at base_url"},
    {500, 599, "the target fails"},
};

static const char *const silent[FAILURES] = {
    [FAILURE_TLS] = "no TLS with it: a certificate, theirs or ours",
    [FAILURE_TOKEN] = "no token can be had for it",
    [FAILURE_TOKEN_REFUSED] = "we are refused where its tokens are had",
};

static const char *what_of(const struct call_reply *reply)
{
    if (reply->outcome != CALL_REPLIED && silent[reply->failure])
        return silent[reply->failure];
    int status = reply->outcome == CALL_REPLIED ? reply->status : 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (status >= kinds[i].from && status <= kinds[i].to)
            return kinds[i].what;
    return "answers that no SCIM service gives";
}

enum trouble_line trouble_note(struct trouble *t, bool open, int64_t now_ms)
{
    if (!open) {
        enum trouble_line line = t->open && t->said ? TROUBLE_ENDS : TROUBLE_NO_LINE;
        t->open = t->said = false;
        return line;
    }
    if (!t->open) {
        t->open = true;
        t->since_ms = now_ms;
    }
    if (t->said || (t->spoken && now_ms < t->quiet_ms))
        return TROUBLE_NO_LINE;
    t->said = t->spoken = true;
    t->quiet_ms = now_ms + TROUBLE_QUIET_MS;
    return TROUBLE_BEGINS;
}

void trouble_tell(struct trouble *t, const char *target, const struct engine_target_figures *figures,
                  const struct call_reply *reply, struct metrics *m)
{
    int64_t now_ms = clock_mono_ms();
    switch (trouble_note(t, figures->open, now_ms)) {
    case TROUBLE_BEGINS:
        log_warn("target in trouble, everything for it waits", LOG_S("target", target),
                 LOG_S("what", what_of(reply)), LOG_S("status", worker_metrics_status(reply)),
                 LOG_S("error", reply->error));
        break;
    case TROUBLE_ENDS:
        log_info("target well again", LOG_S("target", target), LOG_I("ms", now_ms - t->since_ms));
        break;
    case TROUBLE_NO_LINE:
        break;
    }
    metrics_set(m, WM_BREAKER, target, figures->open);
    metrics_set(m, WM_IN_FLIGHT_LIMIT, target, figures->in_flight_limit);
}
