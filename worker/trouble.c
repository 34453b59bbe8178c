#include "trouble.h"

#include <string.h>

#include "http_client.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "worker_metrics.h"

/* How long a run has to be: a wrong token is certain at once, other things happen to single persons. */
enum { AT_ONCE = 1, SOME = 3, MANY = 5 };

static const struct kind {
    int from, to; /* status; 0: no answer */
    unsigned run;
    bool base_only; /* as the answer to a call that names no account */
    const char *what;
} kinds[] = {
    {0, 0, SOME, false, "no answer"},
    {300, 399, SOME, false, "redirects: base_url is wrong"},
    {401, 401, AT_ONCE, false, "the token is refused"},
    {403, 403, SOME, false, "the token's rights do not suffice"},
    {404, 404, SOME, true, "nothing at base_url"},
    {500, 599, MANY, false, "the target fails"},
};

static bool names_an_account(const struct call *call)
{
    return strncmp(call->path, "/Users/", strlen("/Users/")) == 0;
}

static const struct kind *kind_of(const struct call *call, const struct call_reply *reply)
{
    int status = reply->outcome == CALL_REPLIED ? reply->status : 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (status >= kinds[i].from && status <= kinds[i].to &&
            !(kinds[i].base_only && names_an_account(call)))
            return &kinds[i];
    return NULL;
}

/* Says nothing about the target: it asks for patience, or the call was held back here. */
static bool neutral(const struct call_reply *reply)
{
    if (reply->outcome == CALL_REPLIED)
        return reply->status == 408 || reply->status == 425 || reply->status == 429;
    return reply->error == http_lease_over;
}

static enum trouble_line begin(struct trouble *t, unsigned run_wanted, int64_t now_ms)
{
    t->run++;
    if (!t->active && t->run >= run_wanted) {
        t->active = true;
        t->since_ms = now_ms;
    }
    if (!t->active || t->said || now_ms < t->quiet_ms)
        return TROUBLE_NO_LINE;
    t->said = true;
    t->quiet_ms = now_ms + TROUBLE_QUIET_MS;
    return TROUBLE_BEGINS;
}

static enum trouble_line end(struct trouble *t)
{
    enum trouble_line line = t->said ? TROUBLE_ENDS : TROUBLE_NO_LINE;
    t->active = t->said = false;
    t->run = 0;
    return line;
}

enum trouble_line trouble_note(struct trouble *t, const struct call *call, const struct call_reply *reply,
                               int64_t now_ms)
{
    if (neutral(reply))
        return TROUBLE_NO_LINE;
    const struct kind *kind = kind_of(call, reply);
    return kind ? begin(t, kind->run, now_ms) : end(t);
}

void trouble_tell(struct trouble *t, const char *target, const struct call *call,
                  const struct call_reply *reply, struct metrics *m)
{
    int64_t now_ms = clock_mono_ms();
    switch (trouble_note(t, call, reply, now_ms)) {
    case TROUBLE_BEGINS:
        log_warn("target in trouble", LOG_S("target", target), LOG_S("what", kind_of(call, reply)->what),
                 LOG_S("status", worker_metrics_status(reply)), LOG_S("error", reply->error));
        break;
    case TROUBLE_ENDS:
        log_info("target well again", LOG_S("target", target), LOG_I("ms", now_ms - t->since_ms));
        break;
    case TROUBLE_NO_LINE:
        break;
    }
    metrics_set(m, WM_TROUBLE, target, t->active);
}
