#include "simsource.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "scenario.h"
#include "simworker.h"

enum { NEAR_MS = 200, WINDOW_MS = 10 * 1000, CALLS = 200 };

/* One question and its answer. Lives until the run ends. */
struct question {
    struct question *next;
    struct proc *proc;
    const struct call *call; /* the engine's; valid while proc lives and is not answered */
    size_t person;
    int64_t begun_ms, wall_ms;
    unsigned number; /* of its answer; 0: none */
    bool heard;      /* by whoever asked */
    char body[16];
    struct call_reply reply;
};

struct simsource {
    struct question *questions;
    uint64_t requests;
    unsigned answers;
};

static const char *const names[SCENARIO_TENANTS_MAX] = {"source.acme", "source.globex", "source.initech"};

const char *simsource_name(size_t tenant)
{
    return names[tenant];
}

struct simsource *simsource_new(struct world *w)
{
    (void)w;
    return xcalloc(1, sizeof(struct simsource));
}

void simsource_free(struct simsource *s)
{
    for (struct question *q = s ? s->questions : NULL, *next; q; q = next) {
        next = q->next;
        free(q);
    }
    free(s);
}

size_t simsource_configure(const struct world *w, struct engine_target *targets,
                           const struct engine_target *like)
{
    static const struct engine_limit limit = {"api", CALLS, WINDOW_MS};
    size_t n = w->chaos.thin > 0 ? w->scenario->n_tenants : 0;
    const struct engine_target first = *like; /* which may be one of them */
    for (size_t i = 0; i < n; i++) {
        targets[i] = first;
        targets[i].name = names[i];
        targets[i].tenant = w->scenario->tenants[i];
        targets[i].kind = "source";
        targets[i].discovers = false; /* it is asked about persons, not about itself */
        targets[i].limits = &limit;
        targets[i].n_limits = 1;
    }
    return n;
}

/* ---- the engine's ports -------------------------------------------------------------------------------- */

bool simsource_fetch(const struct person_view *view, struct source_request *ret)
{
    *ret = (struct source_request){.method = xstrdup("GET"), .path = xasprintf("/people/%s", view->subject)};
    return true;
}

static const struct question *question_by_number(const struct world *w, unsigned number)
{
    for (const struct question *q = w->source->questions; q; q = q->next)
        if (q->number == number)
            return q;
    return NULL;
}

static void say(const struct question *q, struct event *ev)
{
    char value[64];
    *ev = (struct event){.type = EVENT_JOINED, .complete = true};
    snprintf(value, sizeof value, "p%zu-a@example.com", q->person);
    attrs_set(&ev->profile, "userName", value);
    snprintf(value, sizeof value, "E%zu", q->person);
    attrs_set(&ev->profile, "employeeNumber", value);
    attrs_set(&ev->profile, "nickName", q->body);
    snprintf(value, sizeof value, "Name %s", q->body);
    attrs_set(&ev->profile, "displayName", value);
    snprintf(value, sizeof value, "Dept %s", q->body);
    attrs_set(&ev->profile, "department", value);
}

static unsigned number_of(struct str text)
{
    char copy[16] = "";
    if (text.n < 2 || text.n >= sizeof copy || text.p[0] != 'f')
        return 0;
    memcpy(copy, text.p + 1, text.n - 1);
    return (unsigned)strtoul(copy, NULL, 10);
}

bool simsource_person(const struct world *w, const struct source_reply *reply, struct source_person *ret)
{
    const struct question *q = question_by_number(w, number_of(reply->body));
    assert(q);
    *ret = (struct source_person){.known = true};
    say(q, &ret->words);
    return true;
}

/* ---- the network --------------------------------------------------------------------------------------- */

void simsource_begin(struct world *w, struct proc *p, const struct call *call)
{
    struct question *q = xcalloc(1, sizeof *q);
    *q = (struct question){.next = w->source->questions, .proc = p, .call = call, .begun_ms = world_now(w)};
    q->wall_ms = proc_now(p).wall_ms;
    q->person = (size_t)strtoul(call->path + strlen("/people/p"), NULL, 10);
    w->source->questions = q;
}

static void answer(void *ctx, uint64_t arg)
{
    struct question *q = ctx;
    int64_t wait_ms;
    struct world *w = q->proc->world;
    (void)arg;
    if (!q->call)
        return;
    world_trace(w, "%s <- source about person %zu: %d %s", q->proc->name, q->person, q->reply.status,
                q->body);
    if (!proc_answer(q->proc, q->call, &q->reply, &wait_ms)) {
        clock_after(&w->clock, wait_ms, answer, q, 0);
        return;
    }
    q->heard = !q->proc->dead;
    q->call = NULL;
}

static void fail(struct question *q, int status, enum call_failure failure)
{
    q->reply = (struct call_reply){.outcome = status ? CALL_REPLIED : CALL_UNKNOWN,
                                   .status = status,
                                   .retry_after_ms = -1,
                                   .failure = status ? FAILURE_OTHER : failure,
                                   .error = "no answer"};
    if (failure == FAILURE_CONNECT)
        q->reply.outcome = CALL_NOT_SENT;
}

/* True: it answers. */
static bool draw_answer(struct world *w, struct question *q)
{
    static const int statuses[] = {500, 429, 503, 401, 0, 0};
    if (w->quiet || (!w->chaos.source_down && !prng_chance(&w->prng, w->chaos.source_fails)))
        return true;
    size_t which = (size_t)prng_range(&w->prng, 0, (int64_t)ARRAY_SIZE(statuses) - 1);
    if (w->chaos.source_down)
        which = w->chaos.source_down == DOWN_TOKEN ? 3 : 4;
    fail(q, statuses[which], which == 4 ? FAILURE_CONNECT : FAILURE_TIMEOUT);
    return false;
}

void simsource_send(struct world *w, struct proc *p, const struct call *call)
{
    struct question *q = w->source->questions;
    while (q->call != call || q->proc != p)
        q = q->next;
    w->source->requests++;
    bool slow = !w->quiet && prng_chance(&w->prng, w->chaos.source_lags);
    int64_t delay = slow ? prng_range(&w->prng, NEAR_MS, WORLD_TIMEOUT_MS) : prng_delay(&w->prng, 1, NEAR_MS);
    if (draw_answer(w, q)) {
        q->number = ++w->source->answers;
        int n = snprintf(q->body, sizeof q->body, "f%u", q->number);
        q->reply = (struct call_reply){
            .outcome = CALL_REPLIED, .status = 200, .body = {q->body, (size_t)n}, .retry_after_ms = -1};
    }
    world_trace(w, "%s -> source about person %zu: %s", p->name, q->person,
                q->number ? q->body : "no answer");
    clock_after(&w->clock, q->reply.failure == FAILURE_TIMEOUT ? WORLD_TIMEOUT_MS : delay, answer, q, 0);
}

/* ---- what was said ------------------------------------------------------------------------------------- */

uint64_t simsource_requests(const struct world *w)
{
    return w->source->requests;
}

bool simsource_answered(const struct world *w, size_t person, int64_t from_ms)
{
    for (const struct question *q = w->source->questions; q; q = q->next)
        if (q->person == person && q->heard && q->number && q->begun_ms >= from_ms)
            return true;
    return false;
}

bool simsource_said(const struct world *w, size_t person, const char *number, struct event *ret,
                    int64_t *ret_begun_ms, int64_t *ret_wall_ms)
{
    const struct question *q = question_by_number(w, number_of(str_of(number)));
    if (!q || q->person != person)
        return false;
    say(q, ret);
    ret->type = EVENT_CHANGED;
    event_id_make(names[w->scenario->persons[person].tenant], str_of("fetch"), ret->id);
    *ret_begun_ms = q->begun_ms;
    *ret_wall_ms = q->wall_ms;
    return true;
}
