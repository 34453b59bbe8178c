#include "pool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../worker/engine/engine.h"
#include "../../../worker/engine/record.h"
#include "../../sim/clock.h"
#include "../../sim/prng.h"
#include "mem.h"

enum {
    PARTITIONS = 16,
    WORKERS_MAX = 8,
    TURN_MS = 1,
    COMMIT_MS = 15,
    WAY_MIN_MS = 20, /* of a request, and of its answer */
    WAY_MAX_MS = 200,
    TIMEOUT_MS = 10000,
    LEASE_MS = 7000,
};

/* 2026-01-05T08:00:00Z: where virtual time begins. */
static const int64_t EPOCH_MS = INT64_C(1767600000000);
static const char tenant[] = "acme", directory[] = "hr", target_name[] = "miro";

struct member { /* one worker */
    struct pool *pool;
    struct engine_target target;
    struct engine_config cfg;
    struct engine *engine;
    bool committing;
    int64_t sent_boot_ms;
};

struct exchange { /* one call on its way */
    struct member *member;
    const struct call *call;
    struct miro_reply reply;
};

struct pool {
    struct pool_settings is;
    struct clock clock;
    struct prng prng;
    struct miro *miro;
    struct member members[WORKERS_MAX];
    int64_t next_offset[PARTITIONS];
    struct buf key;

    size_t in_flight;
};

static struct now now_of(const struct pool *p)
{
    return (struct now){p->clock.now_ms, p->clock.now_ms - EPOCH_MS + 1000000};
}

/* ---- what is wanted ------------------------------------------------------------------------------------ */

static bool decide(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                   struct error *err)
{
    (void)ctx, (void)target, (void)err;
    *ret = (struct desired){.kind = DESIRE_ACCOUNT, .active = view->may_have_access ? ACTIVE_ON : ACTIVE_OFF};
    for (size_t i = 0; view->may_have_access && i < view->person->n_attrs; i++)
        attrs_set(&ret->attrs, view->person->attrs[i].name, view->person->attrs[i].value);
    return true;
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static int64_t way(struct pool *p)
{
    return prng_range(&p->prng, WAY_MIN_MS, WAY_MAX_MS);
}

static void answer(void *ctx, uint64_t arg)
{
    struct exchange *x = ctx;
    struct pool *p = x->member->pool;
    (void)arg;
    const struct call_reply reply = {.outcome = CALL_REPLIED,
                                     .status = x->reply.status,
                                     .body = buf_str(&x->reply.body),
                                     .retry_after_ms = -1};
    engine_call_done(x->member->engine, x->call, &reply, now_of(p));
    p->in_flight--;
    miro_reply_done(&x->reply);
    free(x);
}

static void arrive(void *ctx, uint64_t arg)
{
    struct exchange *x = ctx;
    struct pool *p = x->member->pool;
    (void)arg;
    const struct miro_request request = {.method = x->call->method,
                                         .target = x->call->path,
                                         .authorization = "Bearer x",
                                         .content_type = "application/scim+json",
                                         .body = x->call->body,
                                         .body_n = x->call->body_n};
    miro_handle(p->miro, &request, p->clock.now_ms, &x->reply);
    clock_after(&p->clock, way(p), answer, x, 0);
}

static void send_calls(struct member *m)
{
    for (const struct call *call; (call = engine_call_next(m->engine, now_of(m->pool)));) {
        struct exchange *x = xcalloc(1, sizeof *x);
        *x = (struct exchange){.member = m, .call = call};
        bool may = engine_call_may_write(m->engine, call, now_of(m->pool));
        assert(may);
        m->pool->in_flight++;
        clock_after(&m->pool->clock, way(m->pool), arrive, x, 0);
    }
}

/* ---- the loop of a worker ------------------------------------------------------------------------------ */

static void committed(void *ctx, uint64_t arg)
{
    struct member *m = ctx;
    (void)arg;
    m->committing = false;
    engine_batch_committed(m->engine, m->sent_boot_ms, now_of(m->pool));
}

static void turn(void *ctx, uint64_t arg)
{
    struct member *m = ctx;
    struct pool *p = m->pool;
    (void)arg;
    engine_tick(m->engine, now_of(p));
    send_calls(m);
    if (!m->committing && engine_batch_take(m->engine, now_of(p))) {
        m->committing = true;
        m->sent_boot_ms = now_of(p).boot_ms;
        clock_after(&p->clock, COMMIT_MS, committed, m, 0);
    }
    clock_after(&p->clock, TURN_MS, turn, m, 0);
}

/* ---- persons ------------------------------------------------------------------------------------------- */

struct human {
    char subject[32], user_name[48], display_name[48];
    int32_t partition;
};

static unsigned bucket_of(const struct pool *p, const char *subject)
{
    char name[64];
    int n = snprintf(name, sizeof name, "%s/%s", directory, subject);
    return digest_murmur2(name, (size_t)n) % p->is.spread;
}

/* Names are tried until one belongs to the bucket that it should. */
static void describe(struct pool *p, size_t number, struct human *h)
{
    bool in_one = p->is.skew_per_mille > 0 && number % 1000 < p->is.skew_per_mille;
    unsigned tries = 0;
    do
        snprintf(h->subject, sizeof h->subject, "p%zu-%u", number, tries++);
    while (in_one && bucket_of(p, h->subject) != 0);
    snprintf(h->user_name, sizeof h->user_name, "%s@example.com", h->subject);
    snprintf(h->display_name, sizeof h->display_name, "Person %zu", number);
    buf_clear(&p->key);
    buf_addf(&p->key, "%s/%u", tenant, bucket_of(p, h->subject));
    h->partition = (int32_t)(digest_murmur2(p->key.p, p->key.n) % PARTITIONS);
}

static struct engine *owner(struct pool *p, int32_t partition)
{
    return p->members[(unsigned)partition % p->is.workers].engine;
}

/* The record of somebody whose account is linked and as it should be. */
static void write_settled(const struct human *h, const char *id, struct buf *out)
{
    struct attr_register attrs[] = {
        {.name = (char *)(uintptr_t) "displayName",
         .value = (char *)(uintptr_t) "Old Name",
         .stamp = {EPOCH_MS, 1}},
        {.name = (char *)(uintptr_t) "userName",
         .value = (char *)(uintptr_t)h->user_name,
         .stamp = {EPOCH_MS, 1}},
    };
    struct target_state t = {.target = (char *)(uintptr_t)target_name,
                             .link = (char *)(uintptr_t)id,
                             .known = KNOWN_ACCOUNT,
                             .known_active = true};
    attrs_set(&t.known_attrs, "displayName", "Old Name");
    attrs_set(&t.known_attrs, "userName", h->user_name);
    const struct person person = {.seq = 1,
                                  .employment = EMPLOYMENT_JOINED,
                                  .employment_stamp = {EPOCH_MS, 1},
                                  .attrs = attrs,
                                  .n_attrs = ARRAY_SIZE(attrs),
                                  .targets = &t,
                                  .n_targets = 1};
    record_write(&person, out);
    attrs_done(&t.known_attrs);
}

static void restore_settled(struct pool *p, const struct human *h)
{
    const struct miro_user_spec spec = {.userName = h->user_name, .displayName = "Old Name"};
    const struct miro_user *user = miro_add_user(p->miro, &spec, p->clock.now_ms);
    const struct record_header state = {RECORD_STATE, "1 0 0 0 0"};
    struct buf value;
    struct error err = {0};
    char key[128];
    buf_init(&value, RECORD_MAX);
    write_settled(h, user->id, &value);
    snprintf(key, sizeof key, "%s/%s/%s", tenant, directory, h->subject);
    bool ok = engine_restore_record(owner(p, h->partition), h->partition, str_of(key), buf_str(&value),
                                    &state, 1, &err);
    assert(ok);
    buf_done(&value);
}

static void restore_all(struct pool *p)
{
    struct error err = {0};
    for (int32_t i = 0; i < PARTITIONS; i++)
        engine_restore_begin(owner(p, i), i);
    for (size_t i = 0; p->is.backlog != BACKLOG_JOINERS && i < p->is.persons; i++) {
        struct human h;
        describe(p, i, &h);
        restore_settled(p, &h);
    }
    for (int32_t i = 0; i < PARTITIONS; i++) {
        char own[128]; /* the partition's record: closed by its last owner */
        snprintf(
            own, sizeof own,
            "{\"version\":1,\"partition\":%d,\"partitions\":%d,\"open\":false,\"openedAt\":0,\"offset\":1}",
            (int)i, (int)PARTITIONS);
        p->next_offset[i] = 1;
        bool ok = engine_restore_record(owner(p, i), i, str_of("!partition"), str_of(own), NULL, 0, &err);
        assert(ok);
        ok = engine_restore_end(owner(p, i), i, 1, now_of(p), &err);
        assert(ok);
    }
}

static void say(struct pool *p, size_t number)
{
    static const enum event_type types[] = {
        [BACKLOG_JOINERS] = EVENT_JOINED, [BACKLOG_MOVERS] = EVENT_CHANGED, [BACKLOG_LEAVERS] = EVENT_LEFT};
    struct human h;
    describe(p, number, &h);
    struct event ev = {.type = types[p->is.backlog],
                       .tenant = (char *)(uintptr_t)tenant,
                       .directory = (char *)(uintptr_t)directory,
                       .subject = h.subject,
                       .source = (char *)(uintptr_t)directory,
                       .occurred_at_ms = p->clock.now_ms,
                       .received_at_ms = p->clock.now_ms};
    event_id_make(directory, str_of(h.subject), ev.id);
    if (p->is.backlog != BACKLOG_LEAVERS) {
        attrs_set(&ev.profile, "userName", h.user_name);
        attrs_set(&ev.profile, "displayName", h.display_name);
    }
    engine_event(owner(p, h.partition), h.partition, p->next_offset[h.partition]++, &ev, now_of(p));
    attrs_done(&ev.profile);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void open_member(struct pool *p, struct member *m)
{
    static const struct engine_ports ports = {.policy = decide};
    m->pool = p;
    m->target = (struct engine_target){.name = target_name,
                                       .tenant = tenant,
                                       .directory = directory,
                                       .kind = "miro",
                                       .match = "userName",
                                       .timeout_ms = TIMEOUT_MS,
                                       .call_life_ms = 3 * TIMEOUT_MS,
                                       .in_flight_max = 64,
                                       .spread = p->is.spread,
                                       .retry_base_ms = 1000,
                                       .retry_cap_ms = 300000,
                                       .deadline_ms = 86400000};
    m->cfg = (struct engine_config){.targets = &m->target,
                                    .n_targets = 1,
                                    .partitions = PARTITIONS,
                                    .slot = "bench",
                                    .lease_ms = LEASE_MS,
                                    .tombstone_ms = INT64_C(30) * 86400000,
                                    .seed = prng_next(&p->prng)};
    m->engine = engine_new(&m->cfg, &ports);
}

static struct miro *open_miro(struct pool *p)
{
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.token = cfg.admin = cfg.default_team = NULL;
    cfg.allowed_domains = NULL;
    cfg.window = p->is.window;
    cfg.seed = prng_next(&p->prng);
    return miro_new(&cfg);
}

struct pool *pool_new(const struct pool_settings *settings)
{
    struct pool *p = xcalloc(1, sizeof *p);
    assert(settings->workers > 0 && settings->workers <= WORKERS_MAX);
    p->is = *settings;
    p->prng.state = settings->seed;
    buf_init(&p->key, 128);
    clock_init(&p->clock, EPOCH_MS);
    p->miro = open_miro(p);
    for (unsigned i = 0; i < p->is.workers; i++)
        open_member(p, &p->members[i]);
    restore_all(p);
    for (size_t i = 0; i < p->is.persons; i++)
        say(p, i);
    for (unsigned i = 0; i < p->is.workers; i++)
        turn(&p->members[i], 0);
    return p;
}

void pool_run(struct pool *p, int64_t ms)
{
    for (int64_t until_ms = p->clock.now_ms + ms; clock_step(&p->clock, until_ms);)
        ;
}

const struct miro *pool_miro(const struct pool *p)
{
    return p->miro;
}

/* Calls still on their way come home first: the engines' answers free them. */
void pool_free(struct pool *p)
{
    while (p->in_flight > 0)
        pool_run(p, TURN_MS);
    for (unsigned i = 0; i < p->is.workers; i++)
        engine_free(p->members[i].engine);
    miro_free(p->miro);
    clock_done(&p->clock);
    buf_done(&p->key);
    free(p);
}
