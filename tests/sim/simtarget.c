#include "simtarget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "witness.h"
#include "mem.h"
#include "licences.h"
#include "scenario.h"
#include "simteams.h"
#include "simworker.h"

enum { NEAR_MS = 120, NEVER_MS = -1, FIXTURES_AGO_MS = 3600 * 1000, FIXTURE_MS = 350 };

/* One request and what becomes of it. Lives until nothing of it is still to happen. */
struct exchange {
    struct exchange *next, **place; /* in the list of all */
    struct simtarget *target;
    unsigned ahead; /* entries of the clock */
    struct proc *proc;
    uint64_t assignment;     /* of proc, when it was written */
    const struct call *call; /* the engine's; valid while proc lives and is not answered */
    uint64_t number;
    size_t *persons; /* several may be moved together; ascending */
    size_t n_persons;
    enum fate fate;
    char *method, *path, *body;
    size_t body_n;
    bool answered;
    struct call_reply reply;
    struct miro_reply miro; /* owns the body of the reply */
    bool handled;
};

struct accounts { /* of one person */
    size_t *v;    /* as miro_user_at counts */
    size_t n;
};

struct simtarget {
    struct world *world;
    struct accounts *accounts; /* by person, of the first n_known users */
    size_t n_known;
    size_t index;
    struct miro *miro;
    struct exchange *exchanges;
    uint64_t requests, lists, on_way;
    int64_t patched_ms[WORLD_UNDERSTATED]; /* ring: when it took the last ones; only where it bears few */
    uint64_t patched, throttled;
    int64_t last_ms;
};

/* As somebody has done long ago, within Miro's limits. */
static void give_by_hand(struct simtarget *t, size_t person, const struct miro_user *user)
{
    static const char body[] =
        "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":\"Add\","
        "\"path\":\"roles\",\"value\":[{\"value\":\"" SIMTARGET_ROLE
        "\",\"type\":\"organization_admin_role\"}]}]}";
    struct miro_reply r;
    char path[64];
    snprintf(path, sizeof path, "/Users/%s", user->id);
    miro_handle(
        t->miro,
        &(struct miro_request){.method = "PATCH", .target = path, .body = body, .body_n = strlen(body)},
        world_now(t->world) - FIXTURES_AGO_MS + (int64_t)person * FIXTURE_MS, &r);
    miro_reply_done(&r);
}

static void add_existing(struct simtarget *t)
{
    const struct scenario *s = t->world->scenario;
    for (size_t i = 0; i < s->n_persons; i++) {
        if (!s->persons[i].existing || s->persons[i].tenant != s->targets[t->index].tenant)
            continue;
        struct miro_user_spec spec = {
            .userName = s->persons[i].account, .displayName = "Old Name", .inactive = s->persons[i].inactive};
        const struct miro_user *user = miro_add_user(t->miro, &spec, world_now(t->world));
        if (t->world->chaos.rights && !spec.inactive)
            give_by_hand(t, i, user);
    }
}

/* Nobody else is the last company admin. */
static void add_boss(struct simtarget *t)
{
    if (t->world->chaos.rights)
        miro_add_user(t->miro, &(struct miro_user_spec){.userName = SIMTARGET_BOSS, .admin = true},
                      world_now(t->world));
}

struct simtarget *simtarget_new(struct world *w, size_t index)
{
    struct simtarget *t = xcalloc(1, sizeof *t);
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.seed = prng_next(&w->prng);
    cfg.token = NULL;
    cfg.admin = NULL;
    cfg.default_team = w->chaos.teams || w->chaos.farewell ? "others" : NULL;
    cfg.default_licence = "Free";
    cfg.group_mode = w->chaos.user_groups ? MIRO_USER_GROUPS : MIRO_TEAMS;
    cfg.allowed_domains = NULL;
    cfg.put_clears = w->chaos.puts; /* as services do that know no other way */
    cfg.patch = w->chaos.mute ? MIRO_PATCH_EMPTY : MIRO_PATCH_BODY;
    cfg.keep_history = true;
    cfg.duplicate_status = prng_chance(&w->prng, 500) ? 409 : 400;
    cfg.recreate_with_new_id = prng_chance(&w->prng, 500);
    cfg.window = prng_chance(&w->prng, 500) ? MIRO_WINDOW_FIXED : MIRO_WINDOW_SLIDING;
    cfg.enforce_limits = !w->scenario->targets[index].wide;
    if (w->chaos.tight) {
        cfg.rates = MIRO_RATES_HELP;
        cfg.window_ms = WORLD_TIGHT_WINDOW_MS;
    }
    t->world = w;
    t->index = index;
    t->accounts = xcalloc(w->scenario->n_persons + 1, sizeof *t->accounts);
    t->miro = miro_new(&cfg);
    add_existing(t);
    simteams_furnish(w, index, t->miro);
    add_boss(t);
    return t;
}

static void exchange_free(struct exchange *x)
{
    *x->place = x->next;
    if (x->next)
        x->next->place = x->place;
    if (x->handled)
        miro_reply_done(&x->miro);
    free(x->persons);
    free(x->method);
    free(x->path);
    free(x->body);
    free(x);
}

/* fn has x->ahead decreased, and ends with exchange_rest. */
static void exchange_after(struct exchange *x, int64_t delay_ms, void (*fn)(void *ctx, uint64_t arg),
                           uint64_t arg)
{
    x->ahead++;
    clock_after(&x->target->world->clock, delay_ms, fn, x, arg);
}

static void exchange_rest(struct exchange *x)
{
    if (x->ahead == 0)
        exchange_free(x);
}

void simtarget_free(struct simtarget *t)
{
    if (!t)
        return;
    while (t->exchanges)
        exchange_free(t->exchanges);
    for (size_t i = 0; i < t->world->scenario->n_persons; i++)
        free(t->accounts[i].v);
    free(t->accounts);
    miro_free(t->miro);
    free(t);
}

/* Users are only ever added, and a name begins with its person's subject for ever. */
static void know_accounts(struct simtarget *t)
{
    for (; t->n_known < miro_users_n(t->miro); t->n_known++) {
        const struct miro_user *user = miro_user_at(t->miro, t->n_known);
        int person = scenario_person_of(t->world->scenario, user->userName, strlen(user->userName));
        if (person < 0)
            continue;
        struct accounts *a = &t->accounts[person];
        a->v = xreallocarray(a->v, a->n + 1, sizeof *a->v);
        a->v[a->n++] = t->n_known;
    }
}

const struct miro_user *simtarget_account(const struct simtarget *t, size_t person, size_t i)
{
    know_accounts((struct simtarget *)t); /* a memory of what is there */
    const struct accounts *a = &t->accounts[person];
    return i < a->n ? miro_user_at(t->miro, a->v[i]) : NULL;
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

static int compare_persons(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void add_person(struct exchange *x, int person)
{
    for (size_t i = 0; i < x->n_persons; i++)
        if (x->persons[i] == (size_t)person)
            return;
    x->persons = xreallocarray(x->persons, x->n_persons + 1, sizeof *x->persons);
    x->persons[x->n_persons++] = (size_t)person;
}

/* Whose ids the body of a move names: they are all of its runs of so many digits. */
static void find_moved(const struct simtarget *t, struct exchange *x)
{
    for (const char *p = x->body, *end = p + x->body_n; p < end;) {
        size_t n = strspn(p, "0123456789");
        char id[MIRO_ID_SIZE];
        if (n == MIRO_ID_SIZE - 1) {
            memcpy(id, p, n);
            id[n] = '\0';
            const struct miro_user *user = miro_user_by_id(t->miro, id);
            int person =
                user ? scenario_person_of(t->world->scenario, user->userName, strlen(user->userName)) : -1;
            if (person >= 0)
                add_person(x, person);
        }
        p += n ? n : 1;
    }
    qsort(x->persons, x->n_persons, sizeof *x->persons, compare_persons);
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

static void find_persons(const struct simtarget *t, struct exchange *x)
{
    int person = is_move(x) ? -1 : person_of(t, x);
    if (is_move(x))
        find_moved(t, x);
    else if (person >= 0)
        add_person(x, person);
}

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
    x->ahead--;
    if (x->answered) {
        exchange_rest(x);
        return;
    }
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
        for (size_t i = 0; i < x->n_persons; i++)
            witness_answered(w, x->proc, x->assignment, x->target->index, (int)x->persons[i], x->method,
                             x->path, &reply);
    }
    if (proc_answer(x->proc, x->call, &reply, &wait_ms))
        x->answered = true;
    else
        exchange_after(x, wait_ms, answer, arg);
    exchange_rest(x);
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
    if (x->n_persons == 0 && strncmp(x->path, "/Groups", 7) == 0)
        return false; /* names of any age */
    const struct miro_user *user;
    for (size_t p = 0; p < x->n_persons; p++)
        for (size_t i = 0; (user = simtarget_account(x->target, x->persons[p], i)); i++)
            if (world_now(x->target->world) - user->changed_at_ms > WORLD_STALE_MAX_MS)
                return false;
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
    x->ahead--;
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
    bool changes = w->chaos.licences && x->n_persons == 1 && strcmp(x->method, "POST") != 0;
    unsigned licences = changes ? licences_of(w, t->index, x->persons[0]) : 0;
    miro_handle(t->miro, &rq, world_now(w), &x->miro);
    if (changes && licences_of(w, t->index, x->persons[0]) > licences)
        licences_given(w, t->index, x->persons[0]);
    x->handled = true;
    if (w->chaos.user_groups && strncmp(x->path, "/Groups?", 8) == 0 && x->miro.status == 200)
        simteams_short_list(w, t->index, &x->miro.body);
    if (strcmp(x->method, "POST") == 0 && strncmp(x->path, "/Groups", 7) == 0 && x->miro.status == 409)
        world_fail(w, "P6 groups", "a group is made at %s that is there already",
                   w->scenario->targets[t->index].name);
    x->reply = (struct call_reply){.outcome = CALL_REPLIED,
                                   .status = x->miro.status,
                                   .body = buf_str(&x->miro.body),
                                   .retry_after_ms = retry_after_ms(&x->miro)};
    world_trace(w, "%s #%llu lands: %d%s %s", w->scenario->targets[t->index].name,
                (unsigned long long)x->number, x->miro.status, x->miro.applied ? ", applied" : "",
                x->miro.user_name);
    for (size_t i = 0; i < x->n_persons; i++)
        witness_landed(w, t->index, (int)x->persons[i], x->fate, x->method, x->body);
    if (x->miro.status == 400 && strstr(x->body ? x->body : "", "\"userType\",\"value\":\"Free\""))
        world_fail(w, "P7 licence", "%s is asked for a lower licence: %s",
                   w->scenario->targets[t->index].name, x->body);
    if (is_move(x) && x->miro.applied && !w->chaos.farewell)
        simteams_moved(w, t->index, x->miro.user_name, &(struct moved){x->persons, x->n_persons, x->body});
    if (!fate_rows[x->fate].silent)
        exchange_after(x, prng_delay(&w->prng, 1, x->fate == FATE_SLOW ? WORLD_TIMEOUT_MS / 2 : NEAR_MS),
                       answer, CALL_REPLIED);
    exchange_rest(x);
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
    for (size_t i = 0; i < x->n_persons; i++)
        sick |= w->scenario->persons[x->persons[i]].sick;
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
    int64_t soon = prng_range(&x->target->world->prng, 1, NEAR_MS);
    switch (x->fate) {
    case FATE_REFUSED:
        exchange_after(x, soon, answer, CALL_NOT_SENT);
        return;
    case FATE_CUT:
    case FATE_CUT_LATE:
        exchange_after(x, soon, answer, CALL_UNKNOWN);
        return;
    case FATE_DROPPED:
        exchange_after(x, arrival_ms + 1, answer, CALL_UNKNOWN);
        return;
    case FATE_GATEWAY_LATE:
        x->reply = (struct call_reply){.outcome = CALL_REPLIED, .status = 504, .retry_after_ms = -1};
        exchange_after(x, soon, answer, CALL_REPLIED);
        return;
    default:
        return;
    }
}

/* Whatever nobody's account needs: listing teams, asking what it can do. */
static bool is_about_target(const char *path)
{
    static const char *const begins[] = {"/Groups?", "/ServiceProviderConfig", "/ResourceTypes", "/Schemas"};
    for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
        if (strncmp(path, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

void simtarget_send(struct simtarget *t, struct proc *p, const struct call *call)
{
    struct world *w = t->world;
    struct exchange *x = xcalloc(1, sizeof *x);
    *x = (struct exchange){.next = t->exchanges,
                           .place = &t->exchanges,
                           .target = t,
                           .proc = p,
                           .call = call,
                           .number = ++t->requests};
    if (x->next)
        x->next->place = &x->next;
    t->exchanges = x;
    t->last_ms = world_now(w);
    x->assignment = p->assignment;
    x->method = xstrdup(call->method);
    x->path = xstrdup(call->path);
    x->body = call->body ? xstrndup(call->body, call->body_n) : NULL;
    x->body_n = call->body ? call->body_n : 0;
    find_persons(t, x);
    t->lists += is_about_target(x->path);
    x->fate = draw_fate(t, x);
    world_trace(w, "%s -> %s #%llu (%s) %s %s %s", p->name, w->scenario->targets[t->index].name,
                (unsigned long long)x->number, fate_name(x->fate), x->method, x->path,
                x->body ? x->body : "");
    if (x->n_persons == 0)
        witness_written(w, p, t->index, -1, call);
    for (size_t i = 0; i < x->n_persons; i++)
        witness_written(w, p, t->index, (int)x->persons[i], call);
    int64_t arrival_ms = arrival_delay(&w->prng, x->fate);
    if (arrival_ms != NEVER_MS) {
        t->on_way++;
        for (size_t i = 0; call->write && i < x->n_persons; i++)
            witness_under_way(w, t->index, (int)x->persons[i]);
        exchange_after(x, arrival_ms, arrive, 0);
    }
    end_without_answer(x, arrival_ms);
    exchange_after(x, call->timeout_ms, answer, CALL_UNKNOWN);
}
