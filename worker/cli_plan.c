/* rollcall-worker plan: what would be done for one person, of one event or as things are.
 *
 *      persons topic (one partition) ─► engine, plan_only ◄─ the event, in memory
 *      control, targets (pauses, teams) ─► │        │
 *                                         ▼        ▼
 *                              GETs to the targets  plan records: printed
 *
 * The engine decides, as in a worker; its batches are answered here and go nowhere, nothing is written to Kafka, and the
 * HTTP client sends nothing but GET to targets. Of others than the person only what the guard counts is kept. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asked_sources.h"
#include "cli.h"
#include "digest.h"
#include "engine/control.h"
#include "engine/record.h"
#include "event.h"
#include "http_client.h"
#include "json.h"
#include "loop.h"
#include "mem.h"
#include "now.h"
#include "plan_print.h"
#include "policy.h"
#include "settings.h"
#include "topic_reader.h"

enum {
    FILE_MAX = 2 * EVENT_VALUE_MAX,
    HEADERS_MAX = 32,
    PERSONS_MS = 300000,
    WAIT_S = 30,
    WAIT_MAX_S = 3600,
    TURN_MS = 100,
};

static const int64_t BEHIND_ALL = INT64_C(1) << 40; /* an offset behind all that the records have merged */

static const char USAGE[] = /* after "usage: rollcall-worker plan [options]" */
    "   FILE                                  for the person of the event in FILE (- is standard input)\n"
    "   --person TENANT/DIRECTORY/SUBJECT     for the person as things are\n"
    "FILE holds a record of the events topic as JSON: {\"headers\": {\"ce_id\": …}, \"value\": {…}}, as in "
    "schemas/examples\n"
    "prints for each target what is wanted, the difference and the calls that would be made, or why there "
    "are none;\n"
    "nothing is changed anywhere: records are read from Kafka, accounts with GET";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"person", 'p', "TENANT/DIRECTORY/SUBJECT", "whom, without an event"},
    {"json", 'j', NULL, "plan records (schemas/plan.schema.json), one a line"},
    {"timeout", 0, "SECONDS", "how long targets may take (default: 30)"},
    {0},
};

struct planner {
    struct options options;
    struct config *cfg;
    struct policy *policy;
    struct tokens tokens;
    struct asked_sources *sources;
    struct engine_config *engine_config;
    struct engine *engine;
    struct loop *loop;
    struct http_client *http;
    char *person;    /* key of the record */
    struct event ev; /* with has_event: what is asked about; else only whose */
    bool has_event, given;
    int32_t partition, partitions;
    bool *told;           /* by target */
    struct error failure; /* while reading; kind NONE: none */
};

/* ---- who and what -------------------------------------------------------------------------------------- */

static bool read_text(const char *path, struct buf *out, struct error *err)
{
    char chunk[4096];
    bool in = strcmp(path, "-") == 0;
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, ERROR_INPUT, "%s: %m", path);
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)n);
    if (!in)
        close(fd);
    if (n < 0)
        return error_set(err, ERROR_SYSTEM, "%s: %m", path);
    return buf_ok(out) || error_set(err, ERROR_INPUT, "%s: longer than an event may be", path);
}

static bool read_event(const cJSON *root, struct event *ret, struct error *err)
{
    struct event_header headers[HEADERS_MAX];
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "headers")) if (n < HEADERS_MAX && cJSON_IsString(item))
        headers[n++] = (struct event_header){item->string, item->valuestring};
    char *value = json_get(root, "value") ? cJSON_PrintUnformatted(json_get(root, "value")) : NULL;
    bool ok = value ? event_read(headers, n, str_of(value), ret, err)
                    : error_set(err, ERROR_INPUT, "no value: wanted is {\"headers\": {…}, \"value\": {…}}");
    free(value);
    return ok;
}

static bool take_file(struct planner *p, const char *path, struct error *err)
{
    struct buf text;
    cJSON *root = NULL;
    buf_init(&text, FILE_MAX);
    bool ok = read_text(path, &text, err) && json_parse(buf_str(&text), &root, err) &&
              read_event(root, &p->ev, err);
    cJSON_Delete(root);
    buf_done(&text);
    p->has_event = ok;
    return ok || error_wrap(err, "%s", path);
}

static bool take_person(struct planner *p, const char *key, struct error *err)
{
    const char *directory = strchr(key, '/'), *subject = directory ? strchr(directory + 1, '/') : NULL;
    if (!subject || !subject[1])
        return error_set(err, ERROR_INPUT, "--person: wanted is TENANT/DIRECTORY/SUBJECT");
    p->ev.tenant = xstrndup(key, (size_t)(directory - key));
    p->ev.directory = xstrndup(directory + 1, (size_t)(subject - directory - 1));
    p->ev.subject = xstrdup(subject + 1);
    return true;
}

static bool take_question(struct planner *p, struct error *err)
{
    const char *person = options_get(&p->options, "person");
    bool ok = person ? take_person(p, person, err) : take_file(p, p->options.args[0], err);
    if (ok)
        p->person = xasprintf("%s/%s/%s", p->ev.tenant, p->ev.directory, p->ev.subject);
    return ok;
}

/* ---- ports --------------------------------------------------------------------------------------------- */

static bool on_policy(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                      struct error *err)
{
    struct planner *p = ctx;
    return policy_ask(p->policy, view, target, ret, err);
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

/* Only the person's own record is of interest; of others that somebody has an active account. */
static bool is_colleague(const struct planner *p, struct str key)
{
    size_t n = strlen(p->person) - strlen(p->ev.subject);
    return key.n > n && memcmp(key.p, p->person, n) == 0;
}

static bool is_guard(struct str key)
{
    size_t n = strlen(WARD_KEY_PREFIX);
    return key.n > n && memcmp(key.p, WARD_KEY_PREFIX, n) == 0;
}

static const char *header_of(const struct topic_record *record, const char *name)
{
    for (size_t i = 0; i < record->n_headers; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    return "0";
}

static bool restore_record(struct planner *p, const struct topic_record *record, struct error *err)
{
    if (str_eq(record->key, str_of(p->person)) || is_guard(record->key)) {
        struct record_header headers[TOPIC_HEADERS_MAX];
        for (size_t i = 0; i < record->n_headers; i++)
            headers[i] = (struct record_header){record->headers[i].name, record->headers[i].value};
        return engine_restore_record(p->engine, p->partition, record->key, record->value, headers,
                                     record->n_headers, err);
    }
    if (!is_colleague(p, record->key))
        return true;
    char flags[24];
    snprintf(flags, sizeof flags, "%lu", strtoul(header_of(record, "flags"), NULL, 10) & RECORD_ACTIVE);
    const struct record_header counted = {"flags", flags};
    return engine_restore_record(p->engine, p->partition, record->key, record->value, &counted, 1, err);
}

static void take_record(void *ctx, const struct topic_record *record)
{
    struct planner *p = ctx;
    struct error err = {0};
    if (p->failure.kind == ERROR_NONE && !restore_record(p, record, &err))
        p->failure = err;
}

/* As if it had been closed in order and everybody but the person were in step. */
static bool restore_partition(struct planner *p, struct error *err)
{
    const struct partition_record own = {.partition = p->partition,
                                         .partitions = p->partitions,
                                         .slot = "plan",
                                         .offset = BEHIND_ALL,
                                         .swept = p->engine_config->generation};
    struct buf value;
    buf_init(&value, 1024);
    partition_record_write(&own, &value);
    bool ok = engine_restore_record(p->engine, p->partition, str_of(RECORD_PARTITION_KEY), buf_str(&value),
                                    NULL, 0, err);
    buf_done(&value);
    return ok && engine_restore_end(p->engine, p->partition, BEHIND_ALL, now_read(), err);
}

static bool restore(struct planner *p, struct topic_reader *reader, struct error *err)
{
    engine_restore_begin(p->engine, p->partition);
    topic_reader_only(reader, p->partition);
    if (!topic_reader_read_all(reader, PERSONS_MS, take_record, p, err))
        return false;
    if (p->failure.kind != ERROR_NONE) {
        *err = p->failure;
        return false;
    }
    return restore_partition(p, err);
}

/* Pauses and holds; a wish or a retry of somebody else is none of ours. */
static void take_decision(void *ctx, const struct topic_record *record)
{
    struct planner *p = ctx;
    struct error err;
    bool matters = record->key.n > 5 &&
                   (memcmp(record->key.p, "pause", 5) == 0 || memcmp(record->key.p, "hold/", 5) == 0);
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

static bool open_settings(struct planner *p, struct error *err)
{
    return settings_check(p->cfg, err) && policy_new(p->cfg->worker.policy, &p->policy, err) &&
           tokens_load(p->cfg, &p->tokens, err) && asked_sources_load(p->cfg, &p->sources, err);
}

static void place_person(struct planner *p)
{
    struct buf key;
    const struct config_tenant *tenant = config_tenant(p->cfg, p->ev.tenant);
    buf_init(&key, 2 * EVENT_NAME_MAX);
    event_key(&p->ev, tenant ? (unsigned)tenant->spread : 1, &key);
    p->partition = (int32_t)(digest_murmur2(key.p, key.n) % (uint32_t)p->partitions);
    buf_done(&key);
}

static void open_engine(struct planner *p)
{
    const struct engine_ports ports = {.ctx = p, .policy = on_policy, .fetch = on_fetch, .person = on_person};
    p->engine_config =
        settings_engine_new(p->cfg, p->sources, "plan", p->partitions, policy_fingerprint(p->policy), 1);
    p->engine_config->plan_only = true;
    p->engine = engine_new(p->engine_config, &ports);
    p->told = xcalloc(p->cfg->targets.n, sizeof *p->told);
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

static bool open_all(struct planner *p, struct error *err)
{
    struct topic_reader *reader = NULL;
    bool ok = open_settings(p, err) && topic_reader_new(p->cfg, KAFKA_PERSONS, &reader, err) &&
              topic_reader_ask_partitions(reader, CLI_KAFKA_MS, &p->partitions, err);
    if (ok) {
        place_person(p);
        open_engine(p);
        ok = open_http(p, err) && read_topic(p, KAFKA_CONTROL, take_decision, err) &&
             read_topic(p, KAFKA_TARGETS, take_directory, err) && restore(p, reader, err);
    }
    topic_reader_free(reader);
    return ok;
}

/* ---- what holds it up ---------------------------------------------------------------------------------- */

/* The engine's record of the person; NULL: there is none. Release with cJSON_Delete. */
static cJSON *person_now(const struct planner *p)
{
    struct buf json;
    struct error err;
    cJSON *person = NULL;
    buf_init(&json, RECORD_MAX);
    if (engine_person_json(p->engine, str_of(p->person), &json) && !json_parse(buf_str(&json), &person, &err))
        person = NULL;
    buf_done(&json);
    return person;
}

static bool takes(const struct planner *p, size_t target)
{
    const struct config_target *t = &p->cfg->targets.v[target];
    return strcmp(t->tenant, p->ev.tenant) == 0 && strcmp(t->directory, p->ev.directory) == 0;
}

static bool is_held_up(const struct planner *p, size_t target, const cJSON *person, int64_t until_ms)
{
    const cJSON *state = json_get(json_get(person, "targets"), p->cfg->targets.v[target].name);
    int64_t doubt_ms = 0, next_ms = 0;
    json_int64(state, "doubtUntil", &doubt_ms);
    json_int64(state, "nextAttemptAt", &next_ms);
    return engine_paused(p->engine, target) || doubt_ms > until_ms || next_ms > until_ms;
}

/* Every target that has no plan yet waits for longer than until_ms (wall clock). */
static bool stands_still(const struct planner *p, int64_t until_ms)
{
    struct engine_stats stats;
    engine_stats(p->engine, &stats);
    if (!p->given || stats.in_flight > 0 || stats.waiting > 0)
        return false;
    cJSON *person = person_now(p);
    bool still = true;
    for (size_t i = 0; i < p->cfg->targets.n; i++)
        if (takes(p, i) && !p->told[i])
            still &= is_held_up(p, i, person, until_ms);
    cJSON_Delete(person);
    return still;
}

/* ---- planning ------------------------------------------------------------------------------------------ */

static void tell(struct planner *p, struct str value)
{
    cJSON *plan = NULL;
    struct error err;
    if (!json_parse(value, &plan, &err))
        return;
    const char *target = json_string(plan, "target");
    for (size_t i = 0; target && i < p->cfg->targets.n; i++)
        p->told[i] |= strcmp(p->cfg->targets.v[i].name, target) == 0;
    if (options_get(&p->options, "json"))
        printf("%.*s\n", (int)value.n, value.p);
    else
        plan_print(plan);
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
    if (!batch)
        return;
    struct str key = str_of(p->person);
    for (size_t i = 0; i < batch->n_records; i++)
        if (batch->records[i].topic == TOPIC_PLANS && str_eq(batch->records[i].key, key))
            tell(p, batch->records[i].value);
    for (size_t i = 0; i < batch->n_records; i++)
        if (batch->records[i].topic == TOPIC_TARGETS)
            hear(p, &batch->records[i]);
    engine_batch_committed(p->engine, now_read().boot_ms, now_read());
}

/* Without an event the person is asked about as `control provision` does. */
static bool ask_as_is(struct planner *p, struct error *err)
{
    struct control_state wish = {
        .kind = CONTROL_PROVISION, .person = p->person, .time_ms = now_read().wall_ms};
    struct buf value;
    static char who[] = "plan";
    wish.by = wish.reason = who;
    wish.at_ms = wish.time_ms;
    char *key = xasprintf("provision/%s", p->person);
    buf_init(&value, CONTROL_VALUE_MAX);
    control_state_write(&wish, &value);
    bool ok = engine_control(p->engine, str_of(key), buf_str(&value), now_read(), err);
    buf_done(&value);
    free(key);
    return ok;
}

static bool ask(struct planner *p, struct error *err)
{
    struct buf json;
    if (p->given || engine_offer(p->engine, p->partition, BEHIND_ALL) == OFFER_LATER)
        return true;
    p->given = true;
    if (p->has_event) {
        engine_event(p->engine, p->partition, BEHIND_ALL, &p->ev, now_read());
        return true;
    }
    buf_init(&json, RECORD_MAX);
    bool known = engine_person_json(p->engine, str_of(p->person), &json);
    buf_done(&json);
    return known ? ask_as_is(p, err)
                 : error_set(err, ERROR_INPUT, "there is no record of %.300s: nobody has told of this person",
                             p->person);
}

static bool all_told(const struct planner *p)
{
    for (size_t i = 0; i < p->cfg->targets.n; i++)
        if (takes(p, i) && !p->told[i])
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

static bool plan_all(struct planner *p, struct error *err)
{
    int64_t seconds = WAIT_S;
    if (!cli_number(&p->options, "timeout", WAIT_MAX_S, &seconds, err))
        return false;
    int64_t until_ms = clock_mono_ms() + seconds * 1000;
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

/* ---- why there is no plan ------------------------------------------------------------------------------ */

static char *why_waiting(const struct planner *p, size_t target, const cJSON *state)
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

/* How many there are. */
static size_t tell_waiting(const struct planner *p)
{
    cJSON *person = person_now(p);
    size_t n = 0;
    for (size_t i = 0; i < p->cfg->targets.n; i++) {
        if (!takes(p, i) || p->told[i])
            continue;
        const char *name = p->cfg->targets.v[i].name;
        char *why = why_waiting(p, i, json_get(json_get(person, "targets"), name));
        if (options_get(&p->options, "json"))
            fprintf(stderr, "rollcall-worker: %s: no plan: %s\n", name, why);
        else
            plan_print_waiting(name, why);
        free(why);
        n++;
    }
    cJSON_Delete(person);
    return n;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static void close_all(struct planner *p)
{
    http_client_free(p->http);
    engine_free(p->engine);
    settings_engine_free(p->engine_config);
    loop_free(p->loop);
    asked_sources_free(p->sources);
    tokens_done(&p->tokens);
    policy_free(p->policy);
    event_done(&p->ev);
    free(p->person);
    free(p->told);
    config_free(p->cfg);
}

static bool any_target(const struct planner *p, struct error *err)
{
    for (size_t i = 0; i < p->cfg->targets.n; i++)
        if (takes(p, i))
            return true;
    return error_set(err, ERROR_INPUT, "no target takes %.300s", p->person);
}

int cli_plan(int argc, char **argv)
{
    struct planner p = {0};
    struct error err = {0};
    if (!options_parse(argc, argv, USAGE, defs, &p.options, &err)) {
        fprintf(stderr, "rollcall-worker: %s\n", err.message);
        return EX_USAGE;
    }
    if (p.options.done)
        return EX_OK;
    if (p.options.n_args + (options_get(&p.options, "person") != NULL) != 1)
        return cli_usage("wanted is a FILE or --person");
    int code = EX_OK;
    if (!cli_load_config(&p.options, &p.cfg, &err) || !take_question(&p, &err) || !any_target(&p, &err) ||
        !open_all(&p, &err) || !plan_all(&p, &err))
        code = cli_fail(&err);
    else if (tell_waiting(&p) > 0)
        code = EX_TEMPFAIL;
    close_all(&p);
    return code;
}
