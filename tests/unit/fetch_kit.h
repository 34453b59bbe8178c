/* fetch_kit.h - a source whose script reads "word;name=value;…", beside the target of engine_kit.h. */
#ifndef ROLLCALL_TEST_FETCH_KIT_H
#define ROLLCALL_TEST_FETCH_KIT_H

#include "engine_kit.h"

#include "../../worker/engine/breaker.h"

#define ZOE "userName=zoe;displayName=Zoe"

static bool script_fails;

static inline bool on_fetch(void *ctx, const struct person_view *view, size_t source,
                            struct source_request *ret, struct error *err)
{
    (void)ctx;
    ck_assert_str_eq(kit.targets[source].kind, "source");
    if (script_fails)
        return error_set(err, ERROR_INPUT, "hr.lua:7: fetch: no luck");
    *ret = (struct source_request){.method = xstrdup("GET"), .path = xasprintf("/people/%s", view->subject)};
    return true;
}

static inline bool on_person(void *ctx, const struct person_view *view, size_t source,
                             const struct source_reply *reply, struct source_person *ret, struct error *err)
{
    char *text = xstrndup(reply->body.p, reply->body.n), *rest = text;
    (void)ctx, (void)view, (void)source;
    const char *word = strsep(&rest, ";");
    bool sense = strcmp(word, "<html>") != 0;
    *ret = (struct source_person){.known = strcmp(word, "nobody") != 0,
                                  .suspended = strcmp(word, "held") == 0,
                                  .not_suspended = strcmp(word, "free") == 0};
    ret->words.type = strcmp(word, "joined") == 0 ? EVENT_JOINED
                      : strcmp(word, "left") == 0 ? EVENT_LEFT
                                                  : EVENT_CHANGED;
    if (strcmp(word, "free") == 0)
        ret->words.type = EVENT_JOINED;
    if (sense)
        put_attrs(&ret->words.profile, rest);
    ret->words.complete = !attrs_find(&ret->words.profile, "part");
    attrs_remove(&ret->words.profile, "part");
    const struct attr *group = attrs_find(&ret->words.profile, "group");
    ret->words.groups_complete = group != NULL;
    if (group) {
        put_groups(&ret->words, group->value);
        attrs_remove(&ret->words.profile, "group");
    }
    free(text);
    return sense || error_set(err, ERROR_TEMPORARY, "the answer is no JSON");
}

static inline struct engine_target *start_config(void)
{
    kit_config();
    script_fails = false;
    kit.ports.fetch = on_fetch;
    kit.ports.person = on_person;
    return kit_add_target("source.hr", "source");
}

static inline void start(void)
{
    start_config();
    kit_open();
    commit();
}

/* Member of zoe's state at the source. */
static inline const char *source_now(const char *member)
{
    static char text[1024];
    cJSON *root = person_now();
    char *printed = cJSON_PrintUnformatted(json_get(json_get(json_get(root, "sources"), "hr"), member));
    snprintf(text, sizeof text, "%s", printed ? printed : "");
    free(printed);
    cJSON_Delete(root);
    return text;
}

static inline void expect_not_fetched(const char *id, const char *why)
{
    const char *told = json_string(find_result(id, "miro"), "notFetched");
    ck_assert_msg(why ? told && strstr(told, why) : !told, "%s: %s", id, told);
}

/* What has to be said twice is asked again a call's life later, and no result before that. */
static inline void answer_twice(int status, const char *body, const char *pending)
{
    answer(status, body);
    commit();
    expect_no_result(pending, "miro");
    ck_assert_int_ge(wait_for_call(), KIT_LIFE_MS);
    ck_assert_uint_eq(kit.call->target, 1);
    answer(status, body);
    commit();
}

static inline void zoe_is_asked_about(const char *id, enum event_type type, int64_t at)
{
    say({id, type, .at = at, .thin = true});
    commit();
    expect_call("GET", "/people/zoe");
}

#endif
