/* teams_kit.h - the engine's kit with the sandbox's Miro as target: people p0, p1 …, teams Design, Ops and xSales, and
 * "Everybody", which whoever is new joins.
 *
 *     start(); join_crew(3, "Design"); settle_for(10 * KIT_SECOND); ck_assert(is_in(0, "Design")); stop(); */
#ifndef ROLLCALL_TEST_TEAMS_KIT_H
#define ROLLCALL_TEST_TEAMS_KIT_H

#include "engine_kit.h"

#include "../sandbox/miro.h"

enum { RELIST_MS = 600 * KIT_SECOND, MISSING_MS = 30 * KIT_SECOND };

static struct {
    struct miro *m;
    enum miro_fault fault;          /* of the next call to a team */
    bool stale;                     /* other reads are answered by a replica that lags */
    unsigned moves, lists, members; /* calls to teams; members of the last one */
    size_t longest;                 /* body of a call to a team */
    char last[1024];                /* body of the last one */
    unsigned writes;                /* calls that write, to whatever */
} there;

/* What a test wants otherwise at the target; NULL: nothing. */
static void (*there_otherwise)(struct miro_config *cfg);

/* ---- the target ---------------------------------------------------------------------------------------- */

static inline unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static inline bool about_a_team(void)
{
    return strncmp(kit.call->path, "/Groups/", 8) == 0;
}

static inline void note_call(void)
{
    there.writes += kit.call->write;
    there.lists += strncmp(kit.call->path, "/Groups?", 8) == 0;
    if (!about_a_team() || kit.call->n_persons == 0)
        return;
    there.moves++;
    there.members = (unsigned)kit.call->n_persons;
    there.longest = kit.call->body_n > there.longest ? kit.call->body_n : there.longest;
    snprintf(there.last, sizeof there.last, "%s", kit.call->body);
    bool adds = strcasestr(kit.call->body, "\"add\"");
    ck_assert_uint_eq(adds ? count(kit.call->body, "{\"value\":")
                           : count(kit.call->body, "\"Remove\"") + count(kit.call->body, "\"remove\""),
                      kit.call->n_persons);
}

static inline void serve(void)
{
    struct miro_reply r;
    bool team = about_a_team();
    struct miro_request rq = {.method = kit.call->method,
                              .target = kit.call->path,
                              .content_type = "application/scim+json",
                              .body = kit.call->body,
                              .body_n = kit.call->body_n,
                              .fault = team          ? there.fault
                                       : there.stale ? MIRO_FAULT_STALE_READ
                                                     : MIRO_FAULT_NONE};
    if (team)
        there.fault = MIRO_FAULT_NONE;
    note_call();
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    reply(kit.call,
          &(struct call_reply){
              .outcome = CALL_REPLIED, .status = r.status, .body = buf_str(&r.body), .retry_after_ms = -1});
    miro_reply_done(&r);
}

/* Until nothing more happens by itself within some seconds. */
static inline void settle_down(void)
{
    commit();
    engine_tick(kit.e, kit.now);
    while (next_call() || commit()) {
        if (kit.call)
            serve();
        commit();
        engine_tick(kit.e, kit.now);
    }
}

/* The same, and time passes. */
static inline void settle_for(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end; pass(KIT_SECOND))
        settle_down();
    settle_down();
}

static inline const char *name_of(int i)
{
    static char names[8][32];
    static unsigned at;
    at = (at + 1) % ARRAY_SIZE(names);
    snprintf(names[at], sizeof names[at], "p%d@example.com", i);
    return names[at];
}

static inline const struct miro_user *account(int i)
{
    const struct miro_user *u = miro_user_by_name(there.m, name_of(i));
    ck_assert_ptr_nonnull(u);
    return u;
}

static inline bool is_in(int i, const char *team)
{
    const struct miro_team *t = miro_team_by_name(there.m, team);
    ck_assert_msg(t != NULL, "no team %s", team);
    return miro_is_member(t, account(i));
}

/* As a person does in Miro's pages. */
static inline void put_into(int i, const char *team, bool as_admin)
{
    miro_join_team(there.m, miro_team_by_name(there.m, team)->id, account(i)->id, as_admin);
}

static inline void leave_by_hand(int i, const char *team)
{
    struct miro_reply r;
    char target[64], body[256];
    snprintf(target, sizeof target, "/Groups/%s", miro_team_by_name(there.m, team)->id);
    snprintf(body, sizeof body,
             "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":"
             "\"Remove\",\"path\":\"members[value eq %s]\"}]}",
             account(i)->id);
    miro_handle(
        there.m,
        &(struct miro_request){.method = "PATCH", .target = target, .body = body, .body_n = strlen(body)},
        kit.now.wall_ms, &r);
    miro_reply_done(&r);
}

static inline void rename_team(const char *from, const char *to)
{
    struct miro_reply r;
    char target[64], body[256];
    snprintf(target, sizeof target, "/Groups/%s", miro_team_by_name(there.m, from)->id);
    snprintf(body, sizeof body,
             "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":"
             "\"Replace\","
             "\"path\":\"displayName\",\"value\":\"%s\"}]}",
             to);
    struct miro_request rq = {.method = "PATCH", .target = target, .body = body, .body_n = strlen(body)};
    miro_handle(there.m, &rq, kit.now.wall_ms, &r);
    ck_assert_int_eq(r.status, 200);
    miro_reply_done(&r);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static inline void prepare(void)
{
    static const char *const teams[] = {"Design", "Ops", "xSales"};
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.token = cfg.admin = NULL;
    cfg.default_team = "Everybody";
    cfg.keep_history = true;
    if (there_otherwise)
        there_otherwise(&cfg);
    memset(&there, 0, sizeof there);
    there.m = miro_new(&cfg);
    for (size_t i = 0; i < ARRAY_SIZE(teams); i++)
        miro_add_team(there.m, teams[i]);
    kit_config();
    kit.cfg.partitions = 1;
    kit.policy = POLICY_TEAMS;
    kit.targets[0].teams_relist_ms = RELIST_MS;
    kit.targets[0].teams_missing_ms = MISSING_MS;
    kit.targets[0].guard.window_ms = KIT_DAY_MS;
}

static inline void start(void)
{
    prepare();
    kit_open();
    commit();
}

static inline void stop(void)
{
    ck_assert_uint_eq(miro_over_limit(there.m), 0);
    ck_assert_uint_lt(there.longest, 500);
    kit_stop();
    miro_free(there.m);
}

static inline const char *event_of(const char *what, int i)
{
    static char texts[8][48];
    static unsigned at;
    at = (at + 1) % ARRAY_SIZE(texts);
    snprintf(texts[at], sizeof texts[at], "%s-%d", what, i);
    return texts[at];
}

static inline void tell(const char *what, enum event_type type, int i, int64_t at, const char *groups)
{
    char profile[64];
    snprintf(profile, sizeof profile, "userName=%s", name_of(i));
    say({.id = event_of(what, i),
         .type = type,
         .subject = event_of("p", i),
         .at = at,
         .profile = type == EVENT_JOINED ? profile : NULL,
         .groups = groups});
}

static inline void join_crew(int n, const char *groups)
{
    for (int i = 0; i < n; i++)
        tell("joined", EVENT_JOINED, i, 1, groups);
    settle_for(60 * KIT_SECOND);
}

static inline void pause_all(bool paused)
{
    pass(KIT_SECOND);
    kit_decide_target("pause", paused ? "\"paused\":true" : "\"paused\":false");
}

/* The last record about targets whose key begins so; NULL: none. */
static inline const struct kit_record *told(const char *key_begins)
{
    const struct kit_record *last = NULL;
    for (size_t i = 0; i < kit.n_records; i++)
        if (kit.records[i].topic == TOPIC_TARGETS &&
            strncmp(kit.records[i].key, key_begins, strlen(key_begins)) == 0)
            last = &kit.records[i];
    return last;
}

static inline void decide_all(const char *decision)
{
    kit_decide_holds(decision);
    settle_down();
}

static inline const char *refused_value(const char *id, const char **ret_reason)
{
    const cJSON *list = json_get(find_result(id, "miro"), "refused"), *first = list ? list->child : NULL;
    *ret_reason = json_string(first, "reason");
    return json_string(first, "value");
}

static inline unsigned effects(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < kit.n_records; i++)
        n += kit.records[i].topic == TOPIC_RESULTS && !json_string(kit.records[i].json, "eventId");
    return n;
}

/* They are read, and now wait for their calls. */
static inline void look_again(int n)
{
    commit();
    for (int i = 0; i < n; i++) {
        expect_call("GET", "/Users/");
        serve();
    }
    commit();
}

#endif
