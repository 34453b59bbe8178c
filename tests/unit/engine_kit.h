/* engine_kit.h - a shell of a few lines around the engine: an event log, a persons topic, one test account at
 * a time.
 *
 *     kit_start();                                          one tenant, targets "miro" and (on request)
 * "wiki" say({"e1", EVENT_JOINED, .profile = "userName=zoe"}); an event is read commit(); what the engine
 * wants committed is expect_call("GET", "/Users?filter=");                 the engine starts this call …
 *     answer(200, NO_USERS);                                … and gets this answer
 *     expect_result("e1", "miro", "applied");
 *
 * next_call waits on the kit's clock (up to three seconds) as a shell would: the budget's pace does not matter
 * to a test unless it looks at it. Every record committed is read back; with ROLLCALL_SAMPLES=DIR each is
 * also written there as <schema>-….json in the form of schemas/examples. */
#ifndef ROLLCALL_TEST_ENGINE_KIT_H
#define ROLLCALL_TEST_ENGINE_KIT_H

#include <unistd.h>

#include "../../worker/engine/engine.h"
#include "../../worker/engine/record.h"
#include "event_kit.h"
#include "utf8.h"

enum {
    KIT_PARTITIONS = 4,
    KIT_LOG_MAX = 600,
    KIT_RECORDS_MAX = 20000,
    KIT_SAMPLES_MAX = 200, /* of a test */
    KIT_LIVE_MAX = 3,
    KIT_TARGETS_MAX = 4,
    KIT_SECOND = 1000,
    KIT_WAIT_MS = 3000
};
enum { KIT_LEASE_MS = 30 * KIT_SECOND, KIT_LIFE_MS = 20 * KIT_SECOND, KIT_DEADLINE_MS = 3600 * KIT_SECOND };
#define KIT_DAY_MS (INT64_C(24) * 3600 * KIT_SECOND)
#define NO_USERS   "{\"totalResults\":0,\"Resources\":[]}"

/* POLICY_TEAMS: member of what the person is in; of groups named "x…" that were left not a member, whoever made it. */
/* POLICY_ROLES: "roles.NAME" of the profile is an admin role: "no": named false, else true. POLICY_LEAVES_TEAMS: whoever is cut
 * is to leave all teams first. POLICY_OUTSIDE: nobody is in scope; who leaves is cut. */
enum kit_policy {
    POLICY_ACCOUNT,
    POLICY_CUTS,
    POLICY_DELETES,
    POLICY_NOTHING,
    POLICY_OUTSIDE,
    POLICY_FAILS,
    POLICY_TEAMS,
    POLICY_ROLES,
    POLICY_LEAVES_TEAMS
};

struct kit_record { /* of any topic, as committed */
    enum engine_topic topic;
    int32_t partition;
    char *key, *value; /* value NULL: tombstone */
    cJSON *json;
    char headers[5][2][RECORD_STATE_SIZE];
    size_t n_headers;
};

struct kit {
    struct engine_config cfg;
    struct engine_target targets[KIT_TARGETS_MAX];
    struct engine_ports ports;
    struct engine *e;
    struct now now;
    enum kit_policy policy;
    unsigned policy_calls;
    uint64_t generation; /* of the policy */
    struct event log[KIT_PARTITIONS][KIT_LOG_MAX];
    int64_t end[KIT_PARTITIONS];
    int64_t committed[KIT_PARTITIONS];
    struct kit_record records[KIT_RECORDS_MAX];
    size_t n_records;
    const struct engine_batch *batch;
    const struct call *call;
};

static struct kit kit;

/* ---- policy -------------------------------------------------------------------------------------------- */

static inline void kit_say_attribute(const char *name, const char *value, struct attrs *to)
{
    if (!attr_role(name))
        attrs_set(to, name, value);
    else if (value)
        attrs_set(to, name, strcmp(value, "no") == 0 ? NULL : "true");
}

static inline bool kit_decide(void *ctx, const struct person_view *view, const char *target,
                              struct desired *ret, struct error *err)
{
    (void)ctx, (void)target;
    const struct person *p = view->person;
    kit.policy_calls++;
    *ret = (struct desired){.kind = DESIRE_NOTHING};
    if (kit.policy == POLICY_FAILS)
        return error_set(err, ERROR_INPUT, "policy.lua:1: no luck");
    bool outside = kit.policy == POLICY_OUTSIDE && p->employment != EMPLOYMENT_LEFT;
    if (kit.policy == POLICY_NOTHING || outside || (p->employment == EMPLOYMENT_UNKNOWN && !p->suspended))
        return true;
    if (p->employment == EMPLOYMENT_DELETED && kit.policy == POLICY_DELETES) {
        ret->kind = DESIRE_ABSENT;
        return true;
    }
    ret->kind = DESIRE_ACCOUNT;
    ret->active = view->may_have_access && kit.policy != POLICY_CUTS ? ACTIVE_ON : ACTIVE_OFF;
    for (size_t i = 0; ret->active == ACTIVE_ON && i < p->n_attrs; i++)
        kit_say_attribute(p->attrs[i].name, p->attrs[i].value, &ret->attrs);
    ret->has_roles = ret->active == ACTIVE_ON && kit.policy == POLICY_ROLES;
    ret->leave_teams = ret->active == ACTIVE_OFF && kit.policy == POLICY_LEAVES_TEAMS;
    ret->has_teams = ret->active == ACTIVE_ON && kit.policy == POLICY_TEAMS;
    for (size_t i = 0; ret->has_teams && i < p->n_groups; i++)
        if (p->groups[i].member || p->groups[i].name[0] == 'x')
            attrs_set(&ret->teams, p->groups[i].name, p->groups[i].member ? "true" : NULL);
    return true;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static inline struct engine_target *kit_add_target(const char *name, const char *kind)
{
    struct engine_target *t = &kit.targets[kit.cfg.n_targets++];
    *t = (struct engine_target){.name = name,
                                .tenant = "acme",
                                .directory = "hr",
                                .kind = kind,
                                .match = "userName",
                                .timeout_ms = 10 * KIT_SECOND,
                                .call_life_ms = KIT_LIFE_MS,
                                .in_flight_max = 32,
                                .retry_base_ms = KIT_SECOND,
                                .retry_cap_ms = 60 * KIT_SECOND,
                                .deadline_ms = KIT_DEADLINE_MS,
                                .breaker_pause_ms = KIT_SECOND,
                                .breaker_pause_max_ms = 60 * KIT_SECOND};
    return t;
}

/* Settings that tests may change before kit_open. */
static inline void kit_config(void)
{
    kit = (struct kit){.now = {.wall_ms = KIT_EPOCH_MS + 1000 * KIT_SECOND, .boot_ms = 5000 * KIT_SECOND}};
    kit.ports = (struct engine_ports){.policy = kit_decide};
    kit.cfg = (struct engine_config){.targets = kit.targets,
                                     .partitions = KIT_PARTITIONS,
                                     .slot = "worker-0",
                                     .lease_ms = KIT_LEASE_MS,
                                     .tombstone_ms = 30 * KIT_DAY_MS,
                                     .sweep_at_once = 128,
                                     .sweep_waiting_max = 4096,
                                     .live_max = KIT_LIVE_MAX,
                                     .seed = 7};
    for (size_t i = 0; i < KIT_PARTITIONS; i++)
        kit.committed[i] = -1;
    kit_add_target("miro", "miro");
}

/* Gives the engine what it takes now; the rest is offered again when the next batch is answered. */
static inline void kit_deliver(int32_t partition)
{
    int64_t at = engine_position(kit.e, partition);
    for (; at >= 0 && at < kit.end[partition]; at++) {
        if (!kit.log[partition][at].tenant)
            continue;
        enum offer offer = engine_offer(kit.e, partition, at);
        if (offer == OFFER_LATER)
            return;
        if (offer != OFFER_KNOWN)
            engine_event(kit.e, partition, at, &kit.log[partition][at], kit.now);
    }
}

static inline void kit_deliver_all(void)
{
    for (int32_t p = 0; p < KIT_PARTITIONS; p++)
        kit_deliver(p);
}

/* The records of the partition, as a restore reads them; false: refused. */
static inline bool kit_restore(int32_t partition, struct error *err)
{
    engine_restore_begin(kit.e, partition);
    for (size_t i = 0; i < kit.n_records; i++) {
        const struct kit_record *r = &kit.records[i];
        struct record_header headers[5];
        if (r->topic != TOPIC_PERSONS || r->partition != partition)
            continue;
        for (size_t j = 0; j < r->n_headers; j++)
            headers[j] = (struct record_header){r->headers[j][0], r->headers[j][1]};
        if (!engine_restore_record(kit.e, partition, str_of(r->key), str_of(r->value), headers, r->n_headers,
                                   err))
            return false;
    }
    if (!engine_restore_end(kit.e, partition, kit.committed[partition], kit.now, err))
        return false;
    engine_tick(kit.e, kit.now); /* as a turn of the loop does */
    return true;
}

static inline void kit_assign(int32_t partition)
{
    struct error err;
    ck_assert_msg(kit_restore(partition, &err), "%s", err.message);
    kit_deliver(partition);
}

/* A worker that owns partition 0. */
static inline void kit_read_targets(size_t from);

static inline void kit_open(void)
{
    kit.e = engine_new(&kit.cfg, &kit.ports);
    kit_read_targets(0);
    kit.batch = NULL;
    kit.call = NULL;
    kit_assign(0);
}

static inline bool commit(void);

static inline void kit_start(void)
{
    kit_config();
    kit_open();
    commit();
}

/* kill -9, and another worker takes over what was committed. */
static inline void kit_crash(void)
{
    engine_free(kit.e);
    kit.now.boot_ms += 100 * KIT_SECOND;
    kit_open();
}

/* Another worker takes over what this one gave up in order. */
static inline void kit_hand_over(void)
{
    engine_revoke(kit.e, 0);
    engine_close(kit.e, 0, kit.now);
    commit();
    ck_assert(engine_clean(kit.e, 0));
    engine_drop(kit.e, 0);
    engine_free(kit.e);
    kit_open();
}

static inline void kit_stop(void)
{
    engine_free(kit.e);
    for (size_t p = 0; p < KIT_PARTITIONS; p++)
        for (int64_t i = 0; i < kit.end[p]; i++)
            event_done(&kit.log[p][i]);
    for (size_t i = 0; i < kit.n_records; i++) {
        free(kit.records[i].key);
        free(kit.records[i].value);
        cJSON_Delete(kit.records[i].json);
    }
}

/* ---- events, time -------------------------------------------------------------------------------------- */

static inline void say_in(int32_t partition, const struct word *w)
{
    int64_t at = kit.end[partition]++;
    ck_assert_int_lt(at, KIT_LOG_MAX);
    kit.log[partition][at] = make_event(w);
    kit_deliver(partition);
}

#define say(...) say_in(0, &(struct word)__VA_ARGS__)

static inline void pass(int64_t ms)
{
    kit.now.wall_ms += ms;
    kit.now.boot_ms += ms;
    engine_tick(kit.e, kit.now);
}

/* ---- commits ------------------------------------------------------------------------------------------- */

static inline void kit_sample(const struct kit_record *r, size_t number)
{
    static const char *const schemas[] = {"person", "result",
                                          "deadletter", [TOPIC_TARGETS] = "target", [TOPIC_PLANS] = "plan"};
    const char *dir = getenv("ROLLCALL_SAMPLES");
    if (!dir || number >= KIT_SAMPLES_MAX) /* crowds write the same thousands of times */
        return;
    struct buf text;
    struct json_out w;
    buf_init(&text, 4 * 1024 * 1024);
    json_out_init(&w, &text);
    json_open(&w, NULL, '{');
    json_put_string(&w, "key",
                    utf8_ok(str_of(r->key)) ? r->key : NULL); /* an invalid record's may be anything */
    json_open(&w, "headers", '{');
    for (size_t i = 0; i < r->n_headers; i++)
        json_put_string(&w, r->headers[i][0], r->headers[i][1]);
    json_close(&w);
    json_put_raw(&w, "value", str_of(r->value ? r->value : "null"));
    json_close(&w);
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%ld-%zu.json", dir, schemas[r->topic], (long)getpid(), number);
    FILE *f = fopen(path, "w");
    ck_assert_msg(f && fwrite(text.p, 1, text.n, f) == text.n, "%s", path);
    fclose(f);
    buf_done(&text);
}

static inline void kit_keep(const struct out_record *out)
{
    ck_assert_uint_lt(kit.n_records, KIT_RECORDS_MAX);
    struct kit_record *r = &kit.records[kit.n_records];
    *r = (struct kit_record){.topic = out->topic, .partition = out->partition, .n_headers = out->n_headers};
    r->key = xstrndup(out->key.p, out->key.n);
    for (size_t i = 0; i < out->n_headers; i++) {
        snprintf(r->headers[i][0], sizeof r->headers[i][0], "%s", out->headers[i].name);
        snprintf(r->headers[i][1], sizeof r->headers[i][1], "%s", out->headers[i].value);
    }
    if (out->value.p) {
        struct error err;
        r->value = xstrndup(out->value.p, out->value.n);
        ck_assert_msg(json_parse(out->value, &r->json, &err), "%s: %s", r->key, err.message);
    }
    kit_sample(r, kit.n_records++);
}

/* Asks for a batch, which stays outstanding; NULL: nothing to commit. */
static inline const struct engine_batch *take_batch(void)
{
    kit.batch = engine_batch_take(kit.e, kit.now);
    return kit.batch;
}

/* As every worker reads the targets topic. */
static inline void kit_read_targets(size_t from)
{
    struct error err;
    for (size_t i = from; i < kit.n_records; i++)
        if (kit.records[i].topic == TOPIC_TARGETS)
            ck_assert_msg(engine_target_record(kit.e, str_of(kit.records[i].key),
                                               str_of(kit.records[i].value ? kit.records[i].value : ""),
                                               kit.now, &err),
                          "%s: %s", kit.records[i].key, err.message);
}

static inline void finish_batch(void)
{
    for (size_t i = 0; i < kit.batch->n_records; i++)
        kit_keep(&kit.batch->records[i]);
    for (size_t i = 0; i < kit.batch->n_offsets; i++)
        kit.committed[kit.batch->offsets[i].partition] = kit.batch->offsets[i].next;
    size_t from = kit.n_records - kit.batch->n_records;
    kit.batch = NULL;
    engine_batch_committed(kit.e, kit.now.boot_ms, kit.now);
    kit_read_targets(from);
    kit_deliver_all();
}

/* Commits until there is nothing more to commit; false: there was nothing. */
static inline bool commit(void)
{
    bool any = false;
    while (take_batch()) {
        finish_batch();
        any = true;
    }
    return any;
}

/* The transaction fails; the consumer seeks back and reads again. */
static inline void abort_batch(void)
{
    kit.batch = NULL;
    engine_batch_aborted(kit.e, kit.now);
    kit_deliver_all();
}

static inline void take_and_abort(void)
{
    ck_assert_ptr_nonnull(take_batch());
    abort_batch();
}

/* ---- calls --------------------------------------------------------------------------------------------- */

/* The next call, if there is one soon. */
static inline const struct call *next_call(void)
{
    int64_t waited = 0;
    for (;;) {
        kit.call = engine_call_next(kit.e, kit.now);
        int64_t wait = engine_wake_in(kit.e, kit.now);
        if (kit.call || wait < 0 || waited + wait > KIT_WAIT_MS)
            return kit.call;
        wait = wait > 0 ? wait : 20; /* something else is to be done, but a call may come without it */
        waited += wait;
        pass(wait);
    }
}

/* Leaves the call that the test holds. */
static inline bool no_call(void)
{
    const struct call *held = kit.call;
    bool none = !next_call();
    kit.call = held;
    return none;
}

#define expect_no_call() ck_assert_msg(no_call(), "an unexpected call")

/* path: how it begins. */
#define expect_call(wanted_method, wanted_path)                                                              \
    do {                                                                                                     \
        ck_assert_msg(next_call() != NULL, "no call, expected %s %s", wanted_method, wanted_path);           \
        ck_assert_str_eq(kit.call->method, wanted_method);                                                   \
        ck_assert_msg(strncmp(kit.call->path, wanted_path, strlen(wanted_path)) == 0, "%s", kit.call->path); \
        ck_assert_msg(engine_call_may_write(kit.e, kit.call, kit.now), "may not be written");                \
    } while (0)

#define expect_body(text) ck_assert_msg(kit.call->body &&strstr(kit.call->body, text), "%s", kit.call->body)

static inline void reply(const struct call *call, const struct call_reply *r)
{
    kit.call = NULL;
    engine_call_done(kit.e, call, r, kit.now);
}

static inline void answer(int status, const char *body)
{
    reply(kit.call,
          &(struct call_reply){
              .outcome = CALL_REPLIED, .status = status, .body = str_of(body), .retry_after_ms = -1});
}

static inline void answer_later(int status, int64_t retry_after_ms)
{
    reply(kit.call,
          &(struct call_reply){.outcome = CALL_REPLIED, .status = status, .retry_after_ms = retry_after_ms});
}

static inline void answer_unknown(void)
{
    reply(kit.call,
          &(struct call_reply){
              .outcome = CALL_UNKNOWN, .retry_after_ms = -1, .failure = FAILURE_TIMEOUT, .error = "timeout"});
}

static inline void answer_not_sent(void)
{
    reply(kit.call, &(struct call_reply){.outcome = CALL_NOT_SENT,
                                         .retry_after_ms = -1,
                                         .failure = FAILURE_CONNECT,
                                         .error = "connection refused"});
}

static inline void answer_held_back(void)
{
    reply(kit.call, &(struct call_reply){.outcome = CALL_NOT_SENT,
                                         .retry_after_ms = -1,
                                         .failure = FAILURE_HELD_BACK,
                                         .error = "lease over"});
}

/* Commits and lets time pass until there is a call again, at most an hour; how long it took, -1: none came.
 */
static inline int64_t wait_for_call(void)
{
    int64_t start = kit.now.wall_ms;
    commit();
    while (!next_call() && kit.now.wall_ms - start < 3600 * KIT_SECOND) {
        int64_t wait = engine_wake_in(kit.e, kit.now);
        pass(wait > 0 ? wait : 1);
        commit();
    }
    return kit.call ? kit.now.wall_ms - start : -1;
}

static inline void kit_put_roles(struct json_out *w, const struct attrs *attrs)
{
    json_open(w, "roles", '[');
    for (size_t i = 0; i < attrs->n; i++) {
        const char *role = attr_role(attrs->v[i].name);
        bool primary = strcmp(attrs->v[i].name, "role") == 0;
        if (!role && !primary)
            continue;
        json_open(w, NULL, '{');
        json_put_string(w, "value", primary ? attrs->v[i].value : role);
        json_put_bool(w, "primary", primary);
        json_close(w);
    }
    json_close(w);
}

/* A SCIM User; attributes are core ones, and roles. Static, two at a time. */
static inline const char *user(const char *id, bool active, const char *profile)
{
    static char texts[2][8192];
    static unsigned next;
    struct attrs attrs = {0};
    struct buf out;
    struct json_out w;
    buf_init(&out, sizeof texts[0] - 1);
    json_out_init(&w, &out);
    put_attrs(&attrs, profile);
    json_open(&w, NULL, '{');
    json_put_string(&w, "id", id);
    json_put_bool(&w, "active", active);
    for (size_t i = 0; i < attrs.n; i++)
        if (!attr_role(attrs.v[i].name) && strcmp(attrs.v[i].name, "role") != 0)
            json_put_string(&w, attrs.v[i].name, attrs.v[i].value);
    kit_put_roles(&w, &attrs);
    json_close(&w);
    attrs_done(&attrs);
    char *text = texts[next++ % 2];
    snprintf(text, sizeof texts[0], "%s", out.p);
    buf_done(&out);
    return text;
}

static inline const char *found(const char *id, bool active, const char *profile)
{
    static char text[8300];
    snprintf(text, sizeof text, "{\"totalResults\":1,\"Resources\":[%s]}", user(id, active, profile));
    return text;
}

/* ---- what came out ------------------------------------------------------------------------------------- */

/* The result of event `id` at target, NULL: none yet. Fails if there are two. */
static inline const cJSON *find_result(const char *id, const char *target)
{
    const cJSON *it = NULL;
    for (size_t i = 0; i < kit.n_records; i++) {
        const struct kit_record *r = &kit.records[i];
        const char *event = r->topic == TOPIC_RESULTS ? json_string(r->json, "eventId") : NULL;
        if (!event || strcmp(event, event_id(id)) != 0 || strcmp(json_string(r->json, "target"), target) != 0)
            continue;
        ck_assert_msg(!it, "%s has two results at %s", id, target);
        it = r->json;
    }
    return it;
}

#define expect_result(id, target, wanted)                                                                    \
    do {                                                                                                     \
        const cJSON *result_ = find_result(id, target);                                                      \
        ck_assert_msg(result_ != NULL, "no result of %s at %s", id, target);                                 \
        ck_assert_msg(strcmp(json_string(result_, "outcome"), wanted) == 0, "%s: %s (%s), not %s", id,       \
                      json_string(result_, "outcome"), json_string(result_, "cause"), wanted);               \
    } while (0)

#define expect_no_result(id, target) ck_assert_msg(!find_result(id, target), "%s has a result", id)

static inline size_t count_records(enum engine_topic topic)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == topic && strcmp(kit.records[i].key, RECORD_PARTITION_KEY) != 0;
    return n;
}

/* The newest record of the topic; NULL: none. */
static inline const struct kit_record *last_record(enum engine_topic topic)
{
    for (size_t i = kit.n_records; i-- > 0;)
        if (kit.records[i].topic == topic && strcmp(kit.records[i].key, RECORD_PARTITION_KEY) != 0)
            return &kit.records[i];
    return NULL;
}

/* A person in the engine's memory; release with cJSON_Delete. */
static inline cJSON *person_of(const char *key)
{
    struct buf out;
    struct error err;
    cJSON *root = NULL;
    buf_init(&out, RECORD_MAX);
    ck_assert(engine_person_json(kit.e, str_of(key), &out));
    ck_assert_msg(json_parse(buf_str(&out), &root, &err), "%s", err.message);
    buf_done(&out);
    return root;
}

static inline cJSON *person_now(void)
{
    return person_of("acme/hr/zoe");
}

/* Member of a person's state at a target as text ("" absent, static). */
static inline const char *state_of_person(const char *key, const char *target, const char *member)
{
    static char text[4096];
    cJSON *root = person_of(key);
    char *printed = cJSON_PrintUnformatted(json_get(json_get(json_get(root, "targets"), target), member));
    snprintf(text, sizeof text, "%s", printed ? printed : "");
    free(printed);
    cJSON_Delete(root);
    return text;
}

static inline const char *state_now(const char *target, const char *member)
{
    return state_of_person("acme/hr/zoe", target, member);
}

static inline struct engine_stats stats_now(void)
{
    struct engine_stats stats;
    engine_stats(kit.e, &stats);
    return stats;
}

/* Zoe joins and has an account with id 7 at miro; nothing is open any more. */
static inline void kit_zoe_has_account(const char *profile)
{
    say({"zoe-joined", EVENT_JOINED, .at = 1, .profile = profile});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("7", true, profile));
    commit();
    expect_result("zoe-joined", "miro", "unchanged");
    expect_no_call();
}

#endif
