/* engine_kit.h - the engine in its shell (engine_shell_kit.h), and one test account at a time.
 *
 *     kit_start();                                          one tenant, target "miro", and on request "wiki"
 *     say({"e1", EVENT_JOINED, .profile = "userName=zoe"}); an event is read
 *     commit();                                             what the engine wants committed is
 *     expect_call("GET", "/Users?filter=");                 the engine starts this call …
 *     answer(200, NO_USERS);                                … and gets this answer
 *     expect_result("e1", "miro", "applied");
 *
 * next_call waits on the kit's clock (up to three seconds) as a shell would: the budget's pace does not matter to a test
 * unless it looks at it. */
#ifndef ROLLCALL_TEST_ENGINE_KIT_H
#define ROLLCALL_TEST_ENGINE_KIT_H

#include "engine_shell_kit.h"
#include "rfc3339.h"

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

/* A person's word about miro; more: what that kind says besides. */
static inline void kit_decide_at(const char *kind, const char *more, int64_t at_ms)
{
    char key[32], value[256], at[RFC3339_SIZE];
    struct error err = {0};
    rfc3339_format(at_ms, at);
    snprintf(key, sizeof key, "%s/miro", kind);
    snprintf(value, sizeof value,
             "{\"kind\":\"%s\",\"target\":\"miro\",%s,\"by\":\"ops\",\"reason\":\"r\",\"at\":\"%s\"}", kind,
             more, at);
    ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
}

static inline void kit_decide_target(const char *kind, const char *more)
{
    kit_decide_at(kind, more, kit.now.wall_ms);
}

/* approve, or deny, all that miro's guard holds by now. */
static inline void kit_decide_holds(const char *decision)
{
    char before[RFC3339_SIZE], more[96];
    rfc3339_format(kit.now.wall_ms + 1000, before);
    snprintf(more, sizeof more, "\"decision\":\"%s\",\"heldBefore\":\"%s\"", decision, before);
    kit_decide_at("hold", more, kit.now.wall_ms + 1000);
}

/* Opens with a guard at miro that lets one cut pass, and Kim's is it: whatever is to be cut next is held. */
static inline void kit_open_with_guard_full(void)
{
    kit.targets[0].guard =
        (struct engine_guard){.window_ms = KIT_DAY_MS, .limits = {[GUARD_DEACTIVATION] = {.count = 1}}};
    kit_open();
    commit();
    say({"kim", EVENT_LEFT, .at = 1, .subject = "kim", .profile = "userName=kim"});
    commit();
    expect_call("GET", "/Users?filter=");
    answer(200, found("8", true, "userName=kim"));
    commit();
    expect_call("PATCH", "/Users/8");
    answer(200, user("8", false, "userName=kim"));
    commit();
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

/* "zoe" has an account and is to become Chef; the PATCH is on its way. */
static inline void zoe_becomes_chef(void)
{
    kit_start();
    kit_zoe_has_account("userName=zoe;displayName=Zoe;title=Cook");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("PATCH", "/Users/7");
}

#endif
