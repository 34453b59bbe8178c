/* lifecycle_kit.h - one person after the other with an account at Miro, beside teams_kit.h: what is said of them, and what is
 * there then. */
#ifndef ROLLCALL_TEST_LIFECYCLE_KIT_H
#define ROLLCALL_TEST_LIFECYCLE_KIT_H

#include "teams_kit.h"

#define NOBODY_ELSE "boss@example.com"

static inline void say_of(const char *id, enum event_type type, int i, int64_t at, const char *profile)
{
    say({.id = id, .type = type, .subject = event_of("p", i), .at = at, .profile = profile});
    settle_for(40 * KIT_SECOND);
}

/* p0 has an account of ours, with this besides the name. */
static inline void p0_has(const char *profile)
{
    char all[1024];
    snprintf(all, sizeof all, "userName=%s;%s", name_of(0), profile);
    say_of("joined", EVENT_JOINED, 0, 1, all);
    expect_result("joined", "miro", "applied");
    there.writes = 0;
}

static inline const char *attr_at(int i, const char *name)
{
    const char *value = attrs_get(&account(i)->attributes, name);
    return value ? value : "";
}

static inline bool has_role(int i, const char *role)
{
    for (size_t k = 0; k < account(i)->n_admin_roles; k++)
        if (strcmp(account(i)->admin_roles[k], role) == 0)
            return true;
    return false;
}

/* A part of what the result says of a refused attribute (with a value: team or role): its reason and what to do. */
static inline void expect_refused(const char *id, const char *attribute, const char *value,
                                  const char *reason, const char *action)
{
    const cJSON *item, *list = json_get(find_result(id, "miro"), "refused");
    cJSON_ArrayForEach(item, list)
    {
        const char *of = json_string(item, "value");
        if (strcmp(json_string(item, "attribute"), attribute) != 0 ||
            (value && (!of || strcmp(of, value) != 0)))
            continue;
        ck_assert_msg(strstr(json_string(item, "reason"), reason), "%s: %s", attribute,
                      json_string(item, "reason"));
        ck_assert_msg(strstr(json_string(item, "action"), action), "%s: %s", attribute,
                      json_string(item, "action"));
        return;
    }
    ck_abort_msg("%s is not refused", attribute);
}

static inline size_t n_refused(const char *id)
{
    const cJSON *list = json_get(find_result(id, "miro"), "refused");
    return list ? (size_t)cJSON_GetArraySize(list) : 0;
}

static inline void expect_cause(const char *id, const char *outcome, const char *cause, const char *action)
{
    const cJSON *r = find_result(id, "miro");
    const char *said = json_string(r, "cause"), *advice = json_string(r, "action");
    expect_result(id, "miro", outcome);
    ck_assert_msg(said && strstr(said, cause), "%s: %s", id, said);
    ck_assert_msg(advice && strstr(advice, action), "%s: %s", id, advice);
}

static inline bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline void expect_change(const char *id, const char *attribute, const char *before, const char *after)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(find_result(id, "miro"), "changes"))
    {
        if (is_same(json_string(item, "attribute"), attribute) &&
            is_same(json_string(item, "before"), before) && is_same(json_string(item, "after"), after))
            return;
    }
    ck_abort_msg("%s: no change of %s", id, attribute);
}

/* What somebody does in Miro's pages, or what becomes of the account there without us. */
static inline struct miro_user *by_hand(int i)
{
    return (struct miro_user *)(uintptr_t)account(i);
}

/* "control retry": what was refused so far is tried again. */
static inline void control_retry(void)
{
    char now[RFC3339_SIZE], time[64];
    pass(KIT_SECOND);
    rfc3339_format(kit.now.wall_ms, now);
    snprintf(time, sizeof time, "\"time\":\"%s\"", now);
    kit_decide_target("retry", time);
    settle_for(40 * KIT_SECOND);
}

static inline void free_by_default(struct miro_config *cfg)
{
    cfg->default_licence = "Free";
}

static inline void begin(enum kit_policy policy)
{
    prepare();
    kit.policy = policy;
    kit_open();
    commit();
}

static inline void end(void)
{
    there_otherwise = NULL;
    stop();
}

#define FULL                                                                                                 \
    "displayName=Zoe Zimmer;name.givenName=Zoe;name.familyName=Zimmer;department=Art;costCenter=K7;"         \
    "division=South;organization=Acme;employeeNumber=1042;manager=3458764577585056871;"                      \
    "manager.displayName=Max;preferredLanguage=de_DE;photo=https://acme.example/z.png;userType=Full;"        \
    "role=ORGANIZATION_INTERNAL_USER"

static inline struct miro_user_spec spec(const char *name)
{
    return (struct miro_user_spec){.userName = name};
}

#endif
