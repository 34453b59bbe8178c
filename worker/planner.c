#include "planner.h"

#include <stdlib.h>
#include <string.h>

#include "asked_sources.h"
#include "cli.h"
#include "digest.h"
#include "engine/control.h"
#include "engine/record.h"
#include "http_client.h"
#include "json.h"
#include "loop.h"
#include "mem.h"
#include "now.h"
#include "planner_records.h"
#include "policies.h"
#include "settings.h"
#include "topic_reader.h"

enum { TURN_MS = 100 };

static const int64_t BEHIND_ALL = INT64_C(1) << 40; /* an offset behind all that the records have merged */

struct planner {
    const struct config *cfg;
    struct planner_how how;
    struct policies *policies;
    struct tokens tokens;
    struct asked_sources *sources;
    struct engine_config *engine_config;
    struct engine *engine;
    struct loop *loop;
    struct http_client *http;
    char *tenant, *directory; /* of everybody asked about */
    struct asked_persons persons;
    const struct event *ev; /* what is asked about; NULL: as things are. Borrowed */
    bool given;
    int32_t partition, partitions;
    bool *told; /* by person, then target */
};

static bool *told_at(const struct planner *p, size_t person, size_t target)
{
    return &p->told[person * p->cfg->targets.n + target];
}

static bool takes(const struct planner *p, size_t target)
{
    const struct config_target *t = &p->cfg->targets.v[target];
    return strcmp(t->tenant, p->tenant) == 0 && strcmp(t->directory, p->directory) == 0;
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static bool on_policy(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                      struct error *err)
{
    struct planner *p = ctx;
    if (!policies_ask(p->policies, view, target, ret, err))
        return false;
    if (p->how.wanted)
        p->how.wanted(p->how.ctx, target, ret);
    return true;
}

static bool on_fetch(void *ctx, const struct person_view *view, size_t source, struct source_request *ret,
                     struct error *err)
{
    struct planner *p = ctx;
    return asked_sources_fetch(p->sources, source - p->cfg->targets.n, view, ret, err);
}

static bool on_person(void *ctx, const struct person_view *view, size_t source,
                      const struct source_reply *reply, struct source_person *ret, struct error *err)
{
    struct planner *p = ctx;
    return asked_sources_person(p->sources, source - p->cfg->targets.n, view, reply, ret, err);
}

static bool on_may_write(void *ctx, const struct call *call)
{
    struct planner *p = ctx;
    return engine_call_may_write(p->engine, call, now_read());
}

static void on_call_done(void *ctx, const struct call *call, const struct call_reply *reply,
                         int64_t elapsed_ms)
{
    struct planner *p = ctx;
    (void)elapsed_ms;
    engine_call_done(p->engine, call, reply, now_read());
}

/* ---- what Kafka knows ---------------------------------------------------------------------------------- */

static bool begins(struct str key, const char *with)
{
    size_t n = strlen(with);
    return key.n >= n && memcmp(key.p, with, n) == 0;
}

/* Pauses and holds; a wish or a retry of somebody else is none of ours. */
static void take_decision(void *ctx, const struct topic_record *record)
{
    struct planner *p = ctx;
    struct error err;
    bool matters = begins(record->key, "hold/") || (begins(record->key, "pause") && !p->how.although_paused);
    if (matters && !engine_control(p->engine, record->key, record->value, now_read(), &err))
        fprintf(stderr, "rollcall-worker: a decision is not understood: %s\n", err.message);
}

/* Which teams there are. */
static void take_directory(void *ctx, const struct topic_record *record)
{
    struct planner *p = ctx;
    struct error err;
    if (!engine_target_record(p->engine, record->key, record->value, now_read(), &err))
        fprintf(stderr, "rollcall-worker: a record of targets is not understood: %s\n", err.message);
}

static bool read_topic(struct planner *p, enum kafka_topic topic, topic_record_fn *fn, struct error *err)
{
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(p->cfg, topic, &reader, err) &&
              topic_reader_read_all(reader, CLI_KAFKA_MS, fn, p, err);
    topic_reader_free(reader);
    return ok;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

bool planner_new(const struct config *cfg, const struct planner_how *how, struct planner **ret,
                 struct error *err)
{
    struct planner *p = xcalloc(1, sizeof *p);
    p->cfg = cfg;
    p->how = *how;
    if (settings_check(cfg, err) && policies_new(cfg, &p->policies, err) &&
        tokens_load(cfg, &p->tokens, err) && asked_sources_load(cfg, &p->sources, err)) {
        *ret = p;
        return true;
    }
    planner_free(p);
    return false;
}

static bool any_target(const struct planner *p, struct error *err)
{
    for (size_t i = 0; i < p->cfg->targets.n; i++)
        if (takes(p, i))
            return true;
    return error_set(err, ERROR_INPUT, "no target takes persons of %.100s/%.100s", p->tenant, p->directory);
}

static bool ask_partitions(struct planner *p, struct error *err)
{
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(p->cfg, KAFKA_PERSONS, &reader, err) &&
              topic_reader_ask_partitions(reader, CLI_KAFKA_MS, &p->partitions, err);
    topic_reader_free(reader);
    return ok;
}

/* subject NULL: where the tenant's bucket 0 is. */
static bool place(struct planner *p, const char *tenant, const char *directory, const char *subject,
                  struct error *err)
{
    const struct config_tenant *of = config_tenant(p->cfg, tenant);
    unsigned spread = of && subject ? (unsigned)of->spread : 1;
    struct event ev = {.tenant = (char *)(uintptr_t)tenant,
                       .directory = (char *)(uintptr_t)directory,
                       .subject = (char *)(uintptr_t)(subject ? subject : "")};
    struct buf key;
    p->tenant = xstrdup(tenant);
    p->directory = xstrdup(directory);
    if (!any_target(p, err) || !ask_partitions(p, err))
        return false;
    buf_init(&key, 2 * EVENT_NAME_MAX);
    event_key(&ev, spread, &key);
    p->partition = (int32_t)(digest_murmur2(key.p, key.n) % (uint32_t)p->partitions);
    buf_done(&key);
    return true;
}

bool planner_ask_event(struct planner *p, const struct event *ev, struct error *err)
{
    char *key = xasprintf("%s/%s/%s", ev->tenant, ev->directory, ev->subject);
    p->ev = ev;
    bool ok = place(p, ev->tenant, ev->directory, ev->subject, err);
    asked_persons_add(&p->persons, str_of(key));
    free(key);
    return ok;
}

bool planner_ask_person(struct planner *p, const char *person, struct error *err)
{
    const char *slash = strchr(person, '/'), *subject = slash ? strchr(slash + 1, '/') : NULL;
    if (!subject || !subject[1])
        return error_set(err, ERROR_INPUT, "wanted is TENANT/DIRECTORY/SUBJECT, not %.200s", person);
    char *tenant = xstrndup(person, (size_t)(slash - person));
    char *directory = xstrndup(slash + 1, (size_t)(subject - slash - 1));
    bool ok = place(p, tenant, directory, subject + 1, err);
    asked_persons_add(&p->persons, str_of(person));
    free(tenant);
    free(directory);
    return ok;
}

bool planner_ask_sample(struct planner *p, const char *tenant, const char *directory, size_t n,
                        struct error *err)
{
    char *prefix = xasprintf("%s/%s/", tenant, directory);
    bool ok = place(p, tenant, directory, NULL, err) &&
              planner_records_sample(p->cfg, p->partition, prefix, n, &p->persons, err);
    free(prefix);
    return ok;
}

size_t planner_persons(const struct planner *p)
{
    return p->persons.n;
}

static void open_engine(struct planner *p)
{
    const struct engine_ports ports = {.ctx = p, .policy = on_policy, .fetch = on_fetch, .person = on_person};
    p->engine_config =
        settings_engine_new(p->cfg, p->sources, "plan", p->partitions, policies_fingerprint(p->policies), 1);
    p->engine_config->plan_only = true;
    p->engine = engine_new(p->engine_config, &ports);
    p->told = xcalloc(p->persons.n * p->cfg->targets.n + 1, sizeof *p->told);
}

static bool open_http(struct planner *p, struct error *err)
{
    const struct http_callbacks callbacks = {.ctx = p, .may_write = on_may_write, .done = on_call_done};
    struct http_target *targets = settings_http_new(p->cfg, &p->tokens, p->sources);
    bool ok = loop_new(&p->loop, err) &&
              http_client_new(p->loop, targets, engine_target_count(p->engine), &callbacks, &p->http, err);
    free(targets);
    if (ok)
        http_client_only_read(p->http);
    return ok;
}

static bool restore(struct planner *p, struct error *err)
{
    char *prefix = xasprintf("%s/%s/", p->tenant, p->directory);
    const struct planner_restore how = {.cfg = p->cfg,
                                        .engine = p->engine,
                                        .partition = p->partition,
                                        .partitions = p->partitions,
                                        .generation = p->engine_config->generation,
                                        .offset = BEHIND_ALL,
                                        .prefix = prefix,
                                        .persons = &p->persons};
    bool ok = planner_records_restore(&how, err);
    free(prefix);
    return ok;
}

static bool open_all(struct planner *p, struct error *err)
{
    open_engine(p);
    return open_http(p, err) && read_topic(p, KAFKA_CONTROL, take_decision, err) &&
           read_topic(p, KAFKA_TARGETS, take_directory, err) && restore(p, err);
}

/* ---- what holds it up ---------------------------------------------------------------------------------- */

/* The engine's record of the person; NULL: there is none. Release with cJSON_Delete. */
static cJSON *person_now(const struct planner *p, size_t person)
{
    struct buf json;
    struct error err;
    cJSON *root = NULL;
    buf_init(&json, RECORD_MAX);
    if (engine_person_json(p->engine, str_of(p->persons.v[person]), &json) &&
        !json_parse(buf_str(&json), &root, &err))
        root = NULL;
    buf_done(&json);
    return root;
}

static bool is_held_up(const struct planner *p, size_t target, const cJSON *person, int64_t until_ms)
{
    const cJSON *state = json_get(json_get(person, "targets"), p->cfg->targets.v[target].name);
    int64_t doubt_ms = 0, next_ms = 0;
    json_int64(state, "doubtUntil", &doubt_ms);
    json_int64(state, "nextAttemptAt", &next_ms);
    return engine_paused(p->engine, target) || doubt_ms > until_ms || next_ms > until_ms;
}

/* Every plan that is not told yet waits for longer than until_ms (wall clock). */
static bool stands_still(const struct planner *p, int64_t until_ms)
{
    struct engine_stats stats;
    engine_stats(p->engine, &stats);
    if (!p->given || stats.in_flight > 0 || stats.waiting > 0)
        return false;
    bool still = true;
    for (size_t k = 0; still && k < p->persons.n; k++) {
        cJSON *person = person_now(p, k);
        for (size_t i = 0; i < p->cfg->targets.n; i++)
            if (takes(p, i) && !*told_at(p, k, i))
                still &= is_held_up(p, i, person, until_ms);
        cJSON_Delete(person);
    }
    return still;
}

static char *why_untold(const struct planner *p, size_t target, const cJSON *state)
{
    int64_t doubt_ms = 0, next_ms = 0, now_ms = now_read().wall_ms;
    const char *failure = json_string(state, "lastFailure");
    json_int64(state, "doubtUntil", &doubt_ms);
    json_int64(state, "nextAttemptAt", &next_ms);
    if (engine_paused(p->engine, target))
        return xstrdup("the target is paused: nothing is asked there");
    if (doubt_ms > now_ms)
        return xasprintf("in doubt for %lld s more: a call of unknown outcome may still land",
                         (long long)(doubt_ms - now_ms + 999) / 1000);
    if (failure)
        return xasprintf("what was tried fails: %s", failure);
    if (next_ms > now_ms)
        return xasprintf("tried again in %lld s", (long long)(next_ms - now_ms + 999) / 1000);
    return xstrdup("no answer in time");
}

size_t planner_each_untold(const struct planner *p,
                           void (*fn)(void *ctx, const char *person, const char *target, const char *why))
{
    size_t n = 0;
    for (size_t k = 0; k < p->persons.n; k++) {
        cJSON *person = person_now(p, k);
        for (size_t i = 0; i < p->cfg->targets.n; i++) {
            if (!takes(p, i) || *told_at(p, k, i))
                continue;
            const char *name = p->cfg->targets.v[i].name;
            char *why = why_untold(p, i, json_get(json_get(person, "targets"), name));
            if (fn)
                fn(p->how.ctx, p->persons.v[k], name, why);
            free(why);
            n++;
        }
        cJSON_Delete(person);
    }
    return n;
}

/* ---- planning ------------------------------------------------------------------------------------------ */

static void tell(struct planner *p, size_t person, struct str value)
{
    cJSON *plan = NULL;
    struct error err;
    if (!json_parse(value, &plan, &err))
        return;
    const char *target = json_string(plan, "target");
    for (size_t i = 0; target && i < p->cfg->targets.n; i++)
        *told_at(p, person, i) |= strcmp(p->cfg->targets.v[i].name, target) == 0;
    p->how.told(p->how.ctx, p->persons.v[person], plan, value);
    cJSON_Delete(plan);
}

/* What a listing found is read back from the topic by workers; here at once. */
static void hear(struct planner *p, const struct out_record *record)
{
    take_directory(p, &(struct topic_record){.key = record->key, .value = record->value});
}

/* Nothing of it goes anywhere but to who asked. */
static void answer_batch(struct planner *p)
{
    const struct engine_batch *batch = engine_batch_take(p->engine, now_read());
    size_t person;
    if (!batch)
        return;
    for (size_t i = 0; i < batch->n_records; i++)
        if (batch->records[i].topic == TOPIC_PLANS &&
            asked_persons_find(&p->persons, batch->records[i].key, &person))
            tell(p, person, batch->records[i].value);
    for (size_t i = 0; i < batch->n_records; i++)
        if (batch->records[i].topic == TOPIC_TARGETS)
            hear(p, &batch->records[i]);
    engine_batch_committed(p->engine, now_read().boot_ms, now_read());
}

/* Without an event a person is asked about as `control provision` does. */
static bool ask_as_is(struct planner *p, char *person, struct error *err)
{
    struct control_state wish = {.kind = CONTROL_PROVISION, .person = person, .time_ms = now_read().wall_ms};
    struct buf value;
    static char who[] = "plan";
    wish.by = wish.reason = who;
    wish.at_ms = wish.time_ms;
    char *key = xasprintf("provision/%s", person);
    buf_init(&value, CONTROL_VALUE_MAX);
    control_state_write(&wish, &value);
    bool ok = engine_control(p->engine, str_of(key), buf_str(&value), now_read(), err);
    buf_done(&value);
    free(key);
    return ok;
}

static bool is_known(const struct planner *p, const char *person)
{
    struct buf json;
    buf_init(&json, RECORD_MAX);
    bool known = engine_person_json(p->engine, str_of(person), &json);
    buf_done(&json);
    return known;
}

static bool ask(struct planner *p, struct error *err)
{
    if (p->given || engine_offer(p->engine, p->partition, BEHIND_ALL) == OFFER_LATER)
        return true;
    p->given = true;
    if (p->ev) {
        engine_event(p->engine, p->partition, BEHIND_ALL, p->ev, now_read());
        return true;
    }
    for (size_t i = 0; i < p->persons.n; i++) {
        if (!is_known(p, p->persons.v[i]))
            return error_set(err, ERROR_INPUT, "there is no record of %.300s: nobody has told of this person",
                             p->persons.v[i]);
        if (!ask_as_is(p, p->persons.v[i], err))
            return false;
    }
    return true;
}

static bool all_told(const struct planner *p)
{
    for (size_t k = 0; k < p->persons.n; k++)
        for (size_t i = 0; i < p->cfg->targets.n; i++)
            if (takes(p, i) && !*told_at(p, k, i))
                return false;
    return p->given;
}

static int wait_ms(const struct planner *p)
{
    int64_t wake = engine_wake_in(p->engine, now_read());
    int http = http_client_timeout_ms(p->http);
    int wait = wake < 0 || wake > TURN_MS ? TURN_MS : (int)wake;
    return http >= 0 && http < wait ? http : wait;
}

bool planner_run(struct planner *p, int64_t timeout_ms, struct error *err)
{
    if (!open_all(p, err))
        return false;
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    while (!all_told(p) && clock_mono_ms() < until_ms) {
        engine_tick(p->engine, now_read());
        answer_batch(p);
        if (!ask(p, err))
            return false;
        for (const struct call *call; (call = engine_call_next(p->engine, now_read()));)
            http_client_start(p->http, call);
        http_client_run(p->http);
        answer_batch(p);
        if (stands_still(p, clock_real_ms() + until_ms - clock_mono_ms()))
            break;
        loop_wait(p->loop, wait_ms(p));
        http_client_run(p->http);
    }
    return true;
}

void planner_free(struct planner *p)
{
    if (!p)
        return;
    http_client_free(p->http);
    engine_free(p->engine);
    settings_engine_free(p->engine_config);
    loop_free(p->loop);
    asked_sources_free(p->sources);
    tokens_done(&p->tokens);
    policies_free(p->policies);
    asked_persons_done(&p->persons);
    free(p->tenant);
    free(p->directory);
    free(p->told);
    free(p);
}
