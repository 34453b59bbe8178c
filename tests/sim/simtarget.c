#include "simtarget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "witness.h"
#include "mem.h"
#include "scenario.h"
#include "simteams.h"
#include "simworker.h"

enum { NEAR_MS = 120, NEVER_MS = -1 };

/* One request and what becomes of it. Lives until the run ends. */
struct exchange {
    struct exchange *next;
    struct simtarget *target;
    struct proc *proc;
    uint64_t assignment;     /* of proc, when it was written */
    const struct call *call; /* the engine's; valid while proc lives and is not answered */
    uint64_t number;
    unsigned persons; /* bits: several may be moved together */
    enum fate fate;
    char *method, *path, *body;
    size_t body_n;
    bool answered;
    struct call_reply reply;
    struct miro_reply miro; /* owns the body of the reply */
    bool handled;
};

struct simtarget {
    struct world *world;
    size_t index;
    struct miro *miro;
    struct exchange *exchanges;
    uint64_t requests, lists, on_way;
    int64_t patched_ms[WORLD_UNDERSTATED]; /* ring: when it took the last ones; only where it bears few */
    uint64_t patched, throttled;
    int64_t last_ms;
};

static void add_existing(struct simtarget *t)
{
    const struct scenario *s = t->world->scenario;
    for (size_t i = 0; i < s->n_persons; i++) {
        if (!s->persons[i].existing || s->persons[i].tenant != s->targets[t->index].tenant)
            continue;
        char name[64];
        snprintf(name, sizeof name, "p%zu-a@example.com", i);
        struct miro_user_spec spec = {
            .userName = name, .displayName = "Old Name", .inactive = s->persons[i].inactive};
        miro_add_user(t->miro, &spec, world_now(t->world));
    }
}

struct simtarget *simtarget_new(struct world *w, size_t index)
{
    struct simtarget *t = xcalloc(1, sizeof *t);
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.seed = prng_next(&w->prng);
    cfg.token = NULL;
    cfg.admin = NULL;
    cfg.default_team = w->chaos.teams ? "others" : NULL;
    cfg.allowed_domains = NULL;
    cfg.keep_history = true;
    cfg.duplicate_status = prng_chance(&w->prng, 500) ? 409 : 400;
    cfg.recreate_with_new_id = prng_chance(&w->prng, 500);
    cfg.window = prng_chance(&w->prng, 500) ? MIRO_WINDOW_FIXED : MIRO_WINDOW_SLIDING;
    if (w->chaos.tight) {
        cfg.rates = MIRO_RATES_HELP;
        cfg.window_ms = WORLD_TIGHT_WINDOW_MS;
    }
    t->world = w;
    t->index = index;
    t->miro = miro_new(&cfg);
    add_existing(t);
    simteams_furnish(w, index, t->miro);
    return t;
}

static void exchange_free(struct exchange *x)
{
    if (x->handled)
        miro_reply_done(&x->miro);
    free(x->method);
    free(x->path);
    free(x->body);
    free(x);
}

void simtarget_free(struct simtarget *t)
{
    if (!t)
        return;
    for (struct exchange *x = t->exchanges, *next; x; x = next) {
        next = x->next;
        exchange_free(x);
    }
    miro_free(t->miro);
    free(t);
}

const struct miro *simtarget_miro(const struct simtarget *t)
{
    return t->miro;
}

struct miro *simtarget_own(struct simtarget *t)
{
    return t->miro;
}

uint64_t simtarget_requests(const struct simtarget *t)
{
    return t->requests - t->lists;
}

uint64_t simtarget_on_way(const struct simtarget *t)
{
    return t->on_way;
}

uint64_t simtarget_throttled(const struct simtarget *t)
{
    return t->throttled;
}

int64_t simtarget_last_ms(const struct simtarget *t)
{
    return t->last_ms;
}

/* ---- whose request it is ------------------------------------------------------------------------------- */

static const struct miro_user *user_of_path(const struct simtarget *t, const char *path)
{
    static const char prefix[] = "/Users/";
    char id[MIRO_ID_SIZE];
    if (strncmp(path, prefix, strlen(prefix)) != 0)
        return NULL;
    const char *p = path + strlen(prefix);
    size_t n = strcspn(p, "?");
    if (n == 0 || n >= sizeof id)
        return NULL;
    memcpy(id, p, n);
    id[n] = '\0';
    return miro_user_by_id(t->miro, id);
}

static bool is_move(const struct exchange *x)
{
    return strncmp(x->path, "/Groups/", 8) == 0;
}

/* Whose ids the body of a move names. */
static unsigned persons_moved(const struct simtarget *t, const struct exchange *x)
{
    unsigned persons = 0;
    for (size_t i = 0; i < miro_users_n(t->miro); i++) {
        const struct miro_user *user = miro_user_at(t->miro, i);
        int person = scenario_person_of(t->world->scenario, user->userName, strlen(user->userName));
        if (person >= 0 && memmem(x->body, x->body_n, user->id, strlen(user->id)))
            persons |= 1u << person;
    }
    return persons;
}

static int person_of(const struct simtarget *t, const struct exchange *x)
{
    const struct scenario *s = t->world->scenario;
    const struct miro_user *user = user_of_path(t, x->path);
    if (user)
        return scenario_person_of(s, user->userName, strlen(user->userName));
    int person = scenario_person_of(s, x->path, strlen(x->path));
    return person >= 0 ? person : scenario_person_of(s, x->body, x->body_n);
}

static unsigned persons_of(const struct simtarget *t, const struct exchange *x)
{
    int person = is_move(x) ? -1 : person_of(t, x);
    return is_move(x) ? persons_moved(t, x) : person >= 0 ? 1u << person : 0;
}

/* The i-th that it is about; -1: there are no more. */
static int next_person(const struct exchange *x, int from)
{
    for (int i = from; i < SCENARIO_PERSONS_MAX; i++)
        if (x->persons & 1u << i)
            return i;
    return -1;
}

#define EACH_PERSON(i, x) (int i = next_person(x, 0); i >= 0; i = next_person(x, i + 1))

/* ---- the answer ---------------------------------------------------------------------------------------- */

static enum call_failure failure_of(const struct exchange *x, enum call_outcome outcome)
{
    bool cut = x->fate == FATE_CUT || x->fate == FATE_CUT_LATE || x->fate == FATE_DROPPED;
    if (outcome == CALL_NOT_SENT)
        return FAILURE_CONNECT;
    return cut ? FAILURE_CUT : FAILURE_TIMEOUT;
}

static void answer(void *ctx, uint64_t arg)
{
    struct exchange *x = ctx;
    struct world *w = x->target->world;
    int64_t wait_ms;
    if (x->answered)
        return;
    struct call_reply reply = x->reply;
    if (arg != CALL_REPLIED)
        reply = (struct call_reply){.outcome = (enum call_outcome)arg,
                                    .retry_after_ms = -1,
                                    .failure = failure_of(x, (enum call_outcome)arg),
                                    .error = "no answer"};
    if (!x->proc->dead && world_now(w) >= x->proc->paused_until_ms) {
        world_trace(w, "%s <- #%llu %s %d", x->proc->name, (unsigned long long)x->number,
                    reply.outcome == CALL_REPLIED   ? "answer"
                    : reply.outcome == CALL_UNKNOWN ? "unknown"
                                                    : "not sent",
                    reply.status);
        x->answered = true;
        for
            EACH_PERSON(i, x)
        witness_answered(w, x->proc, x->assignment, x->target->index, i, x->method, &reply);
    }
    if (proc_answer(x->proc, x->call, &reply, &wait_ms))
        x->answered = true;
    else
        clock_after(&w->clock, wait_ms, answer, x, arg);
}

static int64_t retry_after_ms(const struct miro_reply *r)
{
    return r->retry_after[0] ? (int64_t)strtoll(r->retry_after, NULL, 10) * 1000 : -1;
}

/* What a fate means for the target, and when the request gets there after it was written. */
static const struct fate_row {
    enum miro_fault fault;
    int64_t soonest_ms, latest_ms; /* latest 0: never */
    bool silent;                   /* no answer comes of its landing */
} fate_rows[FATES] = {
    [FATE_WELL] = {MIRO_FAULT_NONE, 1, NEAR_MS, false},
    [FATE_SLOW] = {MIRO_FAULT_NONE, NEAR_MS, WORLD_TIMEOUT_MS / 2, false},
    [FATE_DROPPED] = {MIRO_FAULT_NONE, 1, NEAR_MS, true},
    [FATE_ANSWER_LOST] = {MIRO_FAULT_NONE, 1, NEAR_MS, true},
    [FATE_LATE] = {MIRO_FAULT_NONE, WORLD_TIMEOUT_MS, WORLD_LANDING_MAX_MS, true},
    [FATE_CUT_LATE] = {MIRO_FAULT_NONE, NEAR_MS, WORLD_LANDING_MAX_MS, true},
    [FATE_GATEWAY_LATE] = {MIRO_FAULT_NONE, NEAR_MS, WORLD_LANDING_MAX_MS, true},
    [FATE_429] = {MIRO_FAULT_429, 1, NEAR_MS, false},
    [FATE_429_RETRY_AFTER] = {MIRO_FAULT_429_RETRY_AFTER, 1, NEAR_MS, false},
    [FATE_500] = {MIRO_FAULT_500, 1, NEAR_MS, false},
    [FATE_502] = {MIRO_FAULT_502, 1, NEAR_MS, false},
    [FATE_503] = {MIRO_FAULT_503, 1, NEAR_MS, false},
    [FATE_504] = {MIRO_FAULT_504, 1, NEAR_MS, false},
    [FATE_500_APPLIED] = {MIRO_FAULT_500_APPLIED, 1, NEAR_MS, false},
    [FATE_UNCHANGED] = {MIRO_FAULT_UNCHANGED, 1, NEAR_MS, false},
    [FATE_NOT_STORED] = {MIRO_FAULT_NOT_STORED, 1, NEAR_MS, false},
    [FATE_STALE_READ] = {MIRO_FAULT_STALE_READ, 1, NEAR_MS, false},
    [FATE_401] = {MIRO_FAULT_401, 1, NEAR_MS, false},
};

/* A read may be stale only shortly after what it has missed. */
static bool may_be_stale(const struct exchange *x)
{
    const struct miro *m = x->target->miro;
    if (x->persons == 0 && strncmp(x->path, "/Groups", 7) == 0)
        return false; /* names of any age */
    for (size_t i = 0; i < miro_users_n(m); i++) {
        const struct miro_user *user = miro_user_at(m, i);
        int person = scenario_person_of(x->target->world->scenario, user->userName, strlen(user->userName));
        if (person >= 0 && x->persons & 1u << person &&
            world_now(x->target->world) - user->changed_at_ms > WORLD_STALE_MAX_MS)
            return false;
    }
    return true;
}

/* Its page says more than it bears: a PATCH too many is answered 429, without a word. */
static bool bears(struct simtarget *t, const struct exchange *x)
{
    int64_t now = world_now(t->world), *oldest = &t->patched_ms[t->patched % WORLD_UNDERSTATED];
    if (!t->world->chaos.understated || strcmp(x->method, "PATCH") != 0)
        return true;
    if (t->patched >= WORLD_UNDERSTATED && now - *oldest <= WORLD_UNDERSTATED_WINDOW_MS) {
        t->throttled++;
        return false;
    }
    *oldest = now;
    t->patched++;
    return true;
}

static void arrive(void *ctx, uint64_t arg)
{
    struct exchange *x = ctx;
    struct simtarget *t = x->target;
    struct world *w = t->world;
    (void)arg;
    t->on_way--;
    struct miro_request rq = {
        .method = x->method,
        .target = x->path,
        .content_type = "application/scim+json",
        .body = x->body,
        .body_n = x->body_n,
        .fault = fate_rows[x->fate].fault,
        .seq = x->number,
    };
    if (x->fate == FATE_STALE_READ && !may_be_stale(x))
        rq.fault = MIRO_FAULT_NONE;
    if (!bears(t, x))
        rq.fault = MIRO_FAULT_429;
    miro_handle(t->miro, &rq, world_now(w), &x->miro);
    x->handled = true;
    x->reply = (struct call_reply){.outcome = CALL_REPLIED,
                                   .status = x->miro.status,
                                   .body = buf_str(&x->miro.body),
                                   .retry_after_ms = retry_after_ms(&x->miro)};
    world_trace(w, "%s #%llu lands: %d%s %s", w->scenario->targets[t->index].name,
                (unsigned long long)x->number, x->miro.status, x->miro.applied ? ", applied" : "",
                x->miro.user_name);
    for
        EACH_PERSON(i, x)
    witness_landed(w, t->index, i, x->fate, x->method, x->body);
    if (is_move(x) && x->miro.applied)
        simteams_moved(w, t->index, x->miro.user_name, x->persons, x->body);
    if (!fate_rows[x->fate].silent)
        clock_after(&w->clock, prng_delay(&w->prng, 1, x->fate == FATE_SLOW ? WORLD_TIMEOUT_MS / 2 : NEAR_MS),
                    answer, x, CALL_REPLIED);
}

/* ---- fates --------------------------------------------------------------------------------------------- */

/* NEVER_MS: not at all. */
static int64_t arrival_delay(struct prng *r, enum fate fate)
{
    const struct fate_row *row = &fate_rows[fate];
    if (row->latest_ms == 0)
        return NEVER_MS;
    return row->latest_ms > NEAR_MS ? prng_range(r, row->soonest_ms, row->latest_ms)
                                    : prng_delay(r, row->soonest_ms, row->latest_ms);
}

static bool lies_about_writes(enum fate fate)
{
    return fate == FATE_UNCHANGED || fate == FATE_NOT_STORED;
}

static enum fate sick_write(struct world *w)
{
    return w->chaos.sick_writes[prng_range(&w->prng, 0, (int64_t)w->chaos.n_sick_writes - 1)];
}

static enum fate down_fate(struct world *w)
{
    static const enum fate failures[] = {FATE_500, FATE_502, FATE_503, FATE_LOST};
    if (w->chaos.down == DOWN_REFUSES)
        return FATE_REFUSED;
    if (w->chaos.down == DOWN_TOKEN)
        return FATE_401;
    if (w->chaos.down == DOWN_MOSTLY && prng_chance(&w->prng, 100))
        return FATE_WELL;
    return failures[prng_range(&w->prng, 0, (int64_t)ARRAY_SIZE(failures) - 1)];
}

static enum fate draw_fate(const struct simtarget *t, const struct exchange *x)
{
    static const enum fate troubles[] = {FATE_500, FATE_503};
    struct world *w = t->world;
    if (w->quiet)
        return FATE_WELL;
    bool sick = false;
    for
        EACH_PERSON(i, x)
    sick |= w->scenario->persons[i].sick;
    if (w->scenario->targets[t->index].down)
        return down_fate(w);
    bool get = strcmp(x->method, "GET") == 0;
    if (sick && w->chaos.reads_answer)
        return get ? FATE_WELL : sick_write(w);
    if (sick)
        return troubles[prng_range(&w->prng, 0, 1)];
    for (int fate = FATE_SLOW; fate < FATES; fate++) {
        bool fits = fate == FATE_STALE_READ ? get : !get || !lies_about_writes((enum fate)fate);
        if (prng_chance(&w->prng, w->chaos.fate[fate]) && fits)
            return (enum fate)fate;
    }
    return FATE_WELL;
}

/* Endings in which the client learns something, or nothing, without the target's help. */
static void end_without_answer(struct exchange *x, int64_t arrival_ms)
{
    struct world *w = x->target->world;
    int64_t soon = prng_range(&w->prng, 1, NEAR_MS);
    switch (x->fate) {
    case FATE_REFUSED:
        clock_after(&w->clock, soon, answer, x, CALL_NOT_SENT);
        return;
    case FATE_CUT:
    case FATE_CUT_LATE:
        clock_after(&w->clock, soon, answer, x, CALL_UNKNOWN);
        return;
    case FATE_DROPPED:
        clock_after(&w->clock, arrival_ms + 1, answer, x, CALL_UNKNOWN);
        return;
    case FATE_GATEWAY_LATE:
        x->reply = (struct call_reply){.outcome = CALL_REPLIED, .status = 504, .retry_after_ms = -1};
        clock_after(&w->clock, soon, answer, x, CALL_REPLIED);
        return;
    default:
        return;
    }
}

void simtarget_send(struct simtarget *t, struct proc *p, const struct call *call)
{
    struct world *w = t->world;
    struct exchange *x = xcalloc(1, sizeof *x);
    *x = (struct exchange){
        .next = t->exchanges, .target = t, .proc = p, .call = call, .number = ++t->requests};
    t->exchanges = x;
    t->last_ms = world_now(w);
    x->assignment = p->assignment;
    x->method = xstrdup(call->method);
    x->path = xstrdup(call->path);
    x->body = call->body ? xstrndup(call->body, call->body_n) : NULL;
    x->body_n = call->body ? call->body_n : 0;
    x->persons = persons_of(t, x);
    t->lists += strncmp(x->path, "/Groups?", 8) == 0;
    x->fate = draw_fate(t, x);
    world_trace(w, "%s -> %s #%llu (%s) %s %s %s", p->name, w->scenario->targets[t->index].name,
                (unsigned long long)x->number, fate_name(x->fate), x->method, x->path,
                x->body ? x->body : "");
    if (x->persons == 0)
        witness_written(w, p, t->index, -1, call);
    for
        EACH_PERSON(i, x)
    witness_written(w, p, t->index, i, call);
    int64_t arrival_ms = arrival_delay(&w->prng, x->fate);
    if (arrival_ms != NEVER_MS) {
        t->on_way++;
        for
            EACH_PERSON(i, x)
        if (call->write)
            witness_under_way(w, t->index, i);
        clock_after(&w->clock, arrival_ms, arrive, x, 0);
    }
    end_without_answer(x, arrival_ms);
    clock_after(&w->clock, call->timeout_ms, answer, x, CALL_UNKNOWN);
}
