/* engine_shell_kit.h - a shell of a few lines around the engine: an event log, a persons topic, commits, a policy; for
 * engine_kit.h.
 *
 * Every record committed is read back; with ROLLCALL_SAMPLES=DIR each is also written there as <schema>-….json in the
 * form of schemas/examples. */
#ifndef ROLLCALL_TEST_ENGINE_SHELL_KIT_H
#define ROLLCALL_TEST_ENGINE_SHELL_KIT_H

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
/* POLICY_ROLES: "roles.NAME" of the profile is an admin role: "no": named false, else true. POLICY_LEAVES_TEAMS: as POLICY_TEAMS,
 * and whoever is cut is to leave all teams first. POLICY_OUTSIDE: nobody is in scope; who leaves is cut. */
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
    ret->has_teams =
        ret->active == ACTIVE_ON && (kit.policy == POLICY_TEAMS || kit.policy == POLICY_LEAVES_TEAMS);
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

#endif
