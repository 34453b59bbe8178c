#include "load_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "mem.h"

enum { TRIES = 8, WAIT_SLICE_MS = 1000 };

struct load_pages {
    const struct asked_source *source;
    struct loop *loop;
    struct http_client *http;
    int64_t next_ms;         /* CLOCK_MONOTONIC: no request before */
    bool answered;           /* the one under way: */
    struct source_page page; /* with ok */
    bool ok;
    int64_t wait_ms;  /* what the source asks for; -1: nothing */
    struct error err; /* without ok */
};

/* ---- the answer ---------------------------------------------------------------------------------------- */

static bool passes(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static bool read_page(struct load_pages *p, const struct call_reply *reply)
{
    const struct source_reply page = {reply->status, reply->body, reply->headers, reply->n_headers};
    if (reply->outcome != CALL_REPLIED)
        return error_set(&p->err, reply->failure == FAILURE_TLS ? ERROR_PERMANENT : ERROR_TEMPORARY,
                         "no answer: %s", reply->error);
    if (reply->status < 200 || reply->status > 299)
        return error_set(&p->err, passes(reply->status) ? ERROR_TEMPORARY : ERROR_PERMANENT, "answers %d",
                         reply->status);
    return source_api_page(&p->source->script, &page, &p->page, &p->err);
}

static void on_done(void *ctx, const struct call *call, const struct call_reply *reply, int64_t elapsed_ms)
{
    struct load_pages *p = ctx;
    (void)call, (void)elapsed_ms;
    p->answered = true;
    p->wait_ms = reply->retry_after_ms;
    p->ok = read_page(p, reply);
}

static bool on_may_write(void *ctx, const struct call *call)
{
    (void)ctx, (void)call;
    return true;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void wait_until(struct load_pages *p, int64_t until_ms)
{
    for (int64_t left; (left = until_ms - clock_mono_ms()) > 0;) {
        loop_wait(p->loop, left < WAIT_SLICE_MS ? (int)left : WAIT_SLICE_MS);
        http_client_run(p->http); /* kept connections may end meanwhile */
    }
}

/* Evenly within the limit: others, the workers, spend of it too. */
static void ask(struct load_pages *p, const struct source_request *request, int64_t *ret_asked_ms)
{
    const struct call call = {.method = request->method,
                              .path = request->path,
                              .body = request->body,
                              .body_n = request->body_n,
                              .timeout_ms = p->source->cfg->api.timeout_ms,
                              .n_persons = 1,
                              .headers = (const char *const *)request->headers,
                              .n_headers = request->n_headers};
    wait_until(p, p->next_ms);
    p->next_ms = clock_mono_ms() + p->source->per_ms / (p->source->requests ? p->source->requests : 1);
    p->answered = false;
    *ret_asked_ms = clock_real_ms();
    http_client_start(p->http, &call);
    http_client_run(p->http);
    while (!p->answered) {
        int wait = http_client_timeout_ms(p->http);
        loop_wait(p->loop, wait < 0 || wait > WAIT_SLICE_MS ? WAIT_SLICE_MS : wait);
        http_client_run(p->http);
    }
}

/* Also after a success: a source may say that its allowance is spent. */
static void rest(struct load_pages *p, unsigned failures)
{
    int64_t wait = p->wait_ms > 0 ? p->wait_ms : 0,
            pause = failures > 0 ? p->source->cfg->api.retry.base_ms : 0;
    for (unsigned i = 1; i < failures && pause < p->source->cfg->api.retry.cap_ms; i++)
        pause *= 2;
    if (pause > p->source->cfg->api.retry.cap_ms)
        pause = p->source->cfg->api.retry.cap_ms;
    wait = wait > pause ? wait : pause;
    if (clock_mono_ms() + wait > p->next_ms)
        p->next_ms = clock_mono_ms() + wait;
    if (failures > 0)
        fprintf(stderr, "rollcall-worker: %s; again in %lld ms\n", p->err.message, (long long)wait);
}

bool load_pages_get(struct load_pages *p, const char *cursor, struct source_page *ret, int64_t *ret_asked_ms,
                    struct error *err)
{
    struct source_request request;
    if (!source_api_list(&p->source->script, cursor, &request, err))
        return error_wrap(err, "source %s", p->source->cfg->name);
    for (unsigned failures = 0;;) {
        ask(p, &request, ret_asked_ms);
        bool again = !p->ok && p->err.kind == ERROR_TEMPORARY && failures + 1 < TRIES;
        if (!p->ok)
            error_wrap(&p->err, "source %s", p->source->cfg->name);
        if (p->ok || again)
            rest(p, p->ok ? 0 : ++failures);
        if (!again)
            break;
    }
    source_request_done(&request);
    if (!p->ok) {
        *err = p->err;
        return false;
    }
    *ret = p->page;
    return true;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

bool load_pages_new(const struct asked_source *source, struct load_pages **ret, struct error *err)
{
    struct load_pages *p = xcalloc(1, sizeof *p);
    const struct http_callbacks callbacks = {.ctx = p, .may_write = on_may_write, .done = on_done};
    struct http_target target = asked_source_http(source, SOURCE_PAGE_MAX);
    p->source = source;
    if (!loop_new(&p->loop, err) || !http_client_new(p->loop, &target, 1, &callbacks, &p->http, err)) {
        load_pages_free(p);
        return false;
    }
    *ret = p;
    return true;
}

void load_pages_free(struct load_pages *p)
{
    if (!p)
        return;
    http_client_free(p->http);
    loop_free(p->loop);
    free(p);
}
