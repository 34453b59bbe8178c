/* guard_kit.h - a crew with accounts at a target of a few lines, and a guard that lets two of a kind pass. */
#ifndef ROLLCALL_TEST_GUARD_KIT_H
#define ROLLCALL_TEST_GUARD_KIT_H

#include "engine_kit.h"

#include "rfc3339.h"

enum { ROOM = 2, CREW = 5 };

/* ---- a target with accounts p0, p1 … ------------------------------------------------------------------- */

static struct {
    bool exists[CREW], active[CREW];
    unsigned cuts, creates;
    const char *licence; /* of all */
} there;

static inline const char *indexed(const char *prefix, int i)
{
    static char texts[8][96];
    static unsigned at;
    at = (at + 1) % ARRAY_SIZE(texts);
    snprintf(texts[at], sizeof texts[at], "%s%d", prefix, i);
    return texts[at];
}

static inline const char *profile_of(int i)
{
    static char text[160];
    snprintf(text, sizeof text, "userName=p%d;title=T;userType=%s", i, there.licence);
    return text;
}

/* Whom a path or body is about: the digit that stands alone in it. */
static inline int whom(void)
{
    const char *at = strstr(kit.call->path, "/Users/");
    if (at)
        return at[7] - '0';
    at = strstr(kit.call->body ? kit.call->body : kit.call->path,
                kit.call->body ? "\"userName\":\"p" : "%22p");
    ck_assert_ptr_nonnull(at);
    return at[kit.call->body ? 13 : 4] - '0';
}

static inline void serve(void)
{
    int i = whom();
    const char *body = kit.call->body ? kit.call->body : "";
    if (strcmp(kit.call->method, "POST") == 0) {
        there.creates++;
        there.exists[i] = there.active[i] = true;
        answer(201, user(indexed("", i), true, profile_of(i)));
        return;
    }
    if (strcmp(kit.call->method, "PATCH") == 0 && strstr(body, "\"active\"")) {
        there.cuts++;
        there.active[i] = false;
    }
    if (strstr(body, "Full"))
        there.licence = "Full";
    if (strstr(kit.call->path, "filter"))
        answer(200, there.exists[i] ? found(indexed("", i), there.active[i], profile_of(i)) : NO_USERS);
    else
        answer(200, user(indexed("", i), there.active[i], profile_of(i)));
}

/* The newest record of a person. */
static inline const cJSON *last_record_of(int i)
{
    const cJSON *last = NULL;
    for (size_t r = 0; r < kit.n_records; r++)
        if (kit.records[r].topic == TOPIC_PERSONS && strcmp(kit.records[r].key, indexed("acme/hr/p", i)) == 0)
            last = kit.records[r].json;
    return last;
}

/* Until nothing more happens by itself. */
static inline void settle_down(void)
{
    commit();
    while (next_call()) {
        serve();
        commit();
    }
}

/* ---- what is said -------------------------------------------------------------------------------------- */

static inline void tell(const char *id, enum event_type type, int i, int64_t at, const char *more)
{
    const char *profile = more ? more : indexed("userName=p", i);
    say({.id = id, .type = type, .subject = indexed("p", i), .at = at, .profile = profile});
}

static inline void start(enum guarded what, struct engine_guard_limit most)
{
    memset(&there, 0, sizeof there);
    there.licence = "Free";
    kit_config();
    kit.targets[0].guard.window_ms = KIT_DAY_MS;
    kit.targets[0].guard.limits[what] = most;
    kit_open();
    commit();
}

/* Everybody has an account and is known. */
static inline void start_with_crew(enum guarded what, struct engine_guard_limit most)
{
    start(what, most);
    for (int i = 0; i < CREW; i++) {
        there.exists[i] = there.active[i] = true;
        tell(indexed("joined", i), EVENT_JOINED, i, 1, NULL);
    }
    settle_down();
}

static inline void everybody_leaves(int64_t at)
{
    for (int i = 0; i < CREW; i++)
        tell(indexed("left", i), EVENT_LEFT, i, at, NULL);
    settle_down();
}

static inline void decide_held_before(const char *decision)
{
    kit_decide_holds(decision);
    engine_tick(kit.e, kit.now);
    settle_down();
}

/* The id of what is held of a person. */
static inline const char *held_id(int i)
{
    static char id[CREW][GUARD_HOLD_SIZE];
    const cJSON *held = json_get(json_get(last_record_of(i), "targets"), "miro");
    const char *text = json_string(json_get(held, "held"), "id");
    ck_assert_msg(text != NULL, "nothing is held of p%d", i);
    snprintf(id[i], sizeof id[i], "%s", text);
    return id[i];
}

static inline void decide_about(const char *hold, const char *decision)
{
    char key[64], value[256], now[RFC3339_SIZE];
    struct error err;
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(key, sizeof key, "hold/%s", hold);
    snprintf(value, sizeof value,
             "{\"kind\":\"hold\",\"decision\":\"%s\",\"hold\":\"%s\",\"by\":\"ops\",\"reason\":\"asked\","
             "\"at\":\"%s\"}",
             decision, hold, now);
    ck_assert_msg(engine_control(kit.e, str_of(key), str_of(value), kit.now, &err), "%s", err.message);
    engine_tick(kit.e, kit.now);
    settle_down();
}

static inline size_t count_outcome(const char *outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_RESULTS &&
             strcmp(json_string(kit.records[i].json, "outcome"), outcome) == 0;
    return n;
}

static const struct engine_guard_limit few = {.count = ROOM};

#endif
