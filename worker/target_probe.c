#include "target_probe.h"

#include <stdlib.h>

#include "http_client.h"
#include "loop.h"
#include "mem.h"
#include "settings.h"

enum { TURN_MS = 100 };

struct target_probe {
    const struct config *cfg;
    struct tokens tokens;
    struct loop *loop;
    struct http_client *http;
    bool answered; /* the one under way: */
    struct probe_answer answer;
    struct buf body;
    char *error;
};

static bool on_may_write(void *ctx, const struct call *call)
{
    (void)ctx;
    return !call->write;
}

static void on_done(void *ctx, const struct call *call, const struct call_reply *reply, int64_t elapsed_ms)
{
    struct target_probe *p = ctx;
    (void)call;
    p->answered = true;
    buf_clear(&p->body);
    buf_add(&p->body, reply->body.p, reply->outcome == CALL_REPLIED ? reply->body.n : 0);
    free(p->error);
    p->error = xstrdup(reply->error ? reply->error : "");
    p->answer = (struct probe_answer){.outcome = reply->outcome,
                                      .failure = reply->failure,
                                      .error = p->error,
                                      .status = reply->status,
                                      .body = buf_str(&p->body),
                                      .elapsed_ms = elapsed_ms};
}

bool target_probe_new(const struct config *cfg, struct target_probe **ret, struct error *err)
{
    struct target_probe *p = xcalloc(1, sizeof *p);
    const struct http_callbacks callbacks = {.ctx = p, .may_write = on_may_write, .done = on_done};
    p->cfg = cfg;
    buf_init(&p->body, HTTP_REPLY_MAX);
    bool ok = tokens_load(cfg, &p->tokens, err) && loop_new(&p->loop, err);
    if (ok) {
        struct http_target *targets = settings_http_new(cfg, &p->tokens, NULL);
        ok = http_client_new(p->loop, targets, 1 + settings_rests(cfg), &callbacks, &p->http, err);
        free(targets);
    }
    if (ok) {
        http_client_only_read(p->http);
        *ret = p;
    } else {
        target_probe_free(p);
    }
    return ok;
}

void target_probe_free(struct target_probe *p)
{
    if (!p)
        return;
    http_client_free(p->http);
    loop_free(p->loop);
    tokens_done(&p->tokens);
    buf_done(&p->body);
    free(p->error);
    free(p);
}

static int wait_ms(const struct target_probe *p)
{
    int timeout = http_client_timeout_ms(p->http);
    return timeout >= 0 && timeout < TURN_MS ? timeout : TURN_MS;
}

static void get(struct target_probe *p, size_t target, const char *path, struct probe_answer *ret)
{
    const struct call call = {.id = 1,
                              .target = target,
                              .method = "GET",
                              .path = path,
                              .timeout_ms = p->cfg->targets.v[0].timeout_ms};
    p->answered = false;
    http_client_start(p->http, &call);
    http_client_run(p->http);
    while (!p->answered) {
        loop_wait(p->loop, wait_ms(p));
        http_client_run(p->http);
    }
    *ret = p->answer;
}

void target_probe_get(struct target_probe *p, const char *path, struct probe_answer *ret)
{
    get(p, 0, path, ret);
}

void target_probe_get_rest(struct target_probe *p, const char *path, struct probe_answer *ret)
{
    get(p, 1, path, ret);
}
