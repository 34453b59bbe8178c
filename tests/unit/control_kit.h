/* control_kit.h - the engine's kit, and people who decide: decide(), pause_target(), retry_before(), provision_at(). */
#ifndef ROLLCALL_TEST_CONTROL_KIT_H
#define ROLLCALL_TEST_CONTROL_KIT_H

#include "engine_kit.h"

#include "rfc3339.h"
#include "worker/engine/control.h"

#define ZOE "userName=zoe;displayName=Zoe"

static inline bool take(const char *key, const char *value)
{
    struct error err;
    return engine_control(kit.e, str_of(key), str_of(value), kit.now, &err);
}

static inline const char *time_text(int64_t ms)
{
    static char text[RFC3339_SIZE];
    rfc3339_format(ms, text);
    return text;
}

static inline void decide(const char *key, const char *members)
{
    char value[1024];
    snprintf(value, sizeof value, "{%s,\"by\":\"ops\",\"reason\":\"because\",\"at\":\"%s\"}", members,
             time_text(kit.now.wall_ms));
    ck_assert_msg(take(key, value), "%s", value);
    engine_tick(kit.e, kit.now); /* as a turn of the loop does */
}

static inline void pause_target(const char *name, bool paused)
{
    char key[80], members[160];
    snprintf(key, sizeof key, "pause/%s", name);
    snprintf(members, sizeof members, "\"kind\":\"pause\",\"target\":\"%s\",\"paused\":%s", name,
             paused ? "true" : "false");
    decide(key, members);
}

static inline void retry_before(int64_t ms)
{
    char members[160];
    snprintf(members, sizeof members, "\"kind\":\"retry\",\"target\":\"miro\",\"time\":\"%s\"",
             time_text(ms));
    decide("retry/miro", members);
}

static inline void provision_at(int64_t ms)
{
    char members[160];
    snprintf(members, sizeof members, "\"kind\":\"provision\",\"person\":\"acme/hr/zoe\",\"time\":\"%s\"",
             time_text(ms));
    decide("provision/acme/hr/zoe", members);
}

/* Results without an event. */
static inline size_t count_effects(void)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_RESULTS && !json_string(kit.records[i].json, "eventId");
    return n;
}

static inline const cJSON *last_effect(void)
{
    for (size_t i = kit.n_records; i-- > 0;)
        if (kit.records[i].topic == TOPIC_RESULTS && !json_string(kit.records[i].json, "eventId"))
            return kit.records[i].json;
    return NULL;
}

/* The update is refused, zoe's event rejected; somebody mends the target. */
static inline void refuse_title(void)
{
    kit_zoe_has_account("userName=zoe");
    say({"e2", EVENT_CHANGED, .at = 2, .profile = "title=Chef"});
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    expect_call("PATCH", "/Users/7");
    answer(400, "{\"detail\":\"no titles here\"}");
    commit();
    expect_result("e2", "miro", "rejected");
    expect_no_call();
    pass(KIT_SECOND);
}

static inline void title_is_taken_now(void)
{
    commit();
    expect_call("GET", "/Users/7");
    answer(200, user("7", true, "userName=zoe"));
    commit();
    expect_call("PATCH", "/Users/7");
    answer(200, user("7", true, "userName=zoe;title=Chef"));
    commit();
    ck_assert_uint_eq(count_effects(), 1);
    ck_assert_str_eq(json_string(last_effect(), "outcome"), "applied");
    expect_no_call();
}

#endif
