/* test_sandbox_kit.h - talking to the Miro core from a test: one call, one reply, parsed. */
#ifndef ROLLCALL_TEST_SANDBOX_KIT_H
#define ROLLCALL_TEST_SANDBOX_KIT_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sandbox/miro.h"
#include "json.h"
#include "mem.h"
#include "test_lib.h"

#define PATCH_HEAD "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":["
#define PATCH_TAIL "]}"
#define ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

struct kit {
    struct miro_config cfg; /* change between kit_config and kit_start */
    struct miro *m;
    int64_t now_ms;
    enum miro_fault fault;                /* of the next calls */
    const char *if_match, *if_none_match; /* of the next calls */
    struct miro_reply reply;
    cJSON *json; /* the reply's body; NULL when empty */
};

static struct kit kit;

static inline void kit_config(void)
{
    kit = (struct kit){.now_ms = 1700000000000};
    miro_config_default(&kit.cfg);
    kit.cfg.enforce_limits = false;
}

static inline void kit_start(void)
{
    kit.m = miro_new(&kit.cfg);
}

static inline void kit_setup(void)
{
    kit_config();
    kit_start();
}

static inline void kit_clear(void)
{
    miro_reply_done(&kit.reply);
    cJSON_Delete(kit.json);
    kit.json = NULL;
}

static inline void kit_teardown(void)
{
    kit_clear();
    miro_free(kit.m);
    kit.m = NULL;
}

static inline int kit_request(const struct miro_request *rq)
{
    kit_clear();
    miro_handle(kit.m, rq, kit.now_ms, &kit.reply);
    if (kit.reply.body.n > 0) {
        struct error err;
        ck_assert_msg(json_parse(buf_str(&kit.reply.body), &kit.json, &err), "%s", err.message);
    }
    return kit.reply.status;
}

/* Returns the status; body may be NULL. */
static inline int kit_call(const char *method, const char *target, const char *body)
{
    struct miro_request rq = {.method = method,
                              .target = target,
                              .authorization = "Bearer secret",
                              .content_type = body ? "application/scim+json" : NULL,
                              .body = body,
                              .body_n = body ? strlen(body) : 0,
                              .if_match = kit.if_match,
                              .if_none_match = kit.if_none_match,
                              .fault = kit.fault};
    return kit_request(&rq);
}

static inline int kit_callf(const char *method, const char *body, const char *target_format, ...)
    __attribute__((format(printf, 3, 4)));
static inline int kit_callf(const char *method, const char *body, const char *target_format, ...)
{
    char target[1024];
    va_list args;
    va_start(args, target_format);
    vsnprintf(target, sizeof target, target_format, args);
    va_end(args);
    return kit_call(method, target, body);
}

/* POSTs a user of that name and returns the user. */
static inline const struct miro_user *kit_user(const char *userName)
{
    char body[400];
    snprintf(body, sizeof body, "{\"userName\":\"%s\"}", userName);
    ck_assert_int_eq(kit_call("POST", "/Users", body), 201);
    return miro_user_by_name(kit.m, userName);
}

/* PATCHes with the operations given as JSON. */
static inline int kit_patch(const char *resource, const char *id, const char *operations)
{
    char *body = xasprintf(PATCH_HEAD "%s" PATCH_TAIL, operations);
    int status = kit_callf("PATCH", body, "/%s/%s", resource, id);
    free(body);
    return status;
}

static inline const char *kit_string(const char *name)
{
    const char *s = json_string(kit.json, name);
    return s ? s : "(none)";
}

static inline int64_t kit_int(const char *name)
{
    int64_t n = -1;
    json_int64(kit.json, name, &n);
    return n;
}

/* The i-th element of an array member of the reply. */
static inline const cJSON *kit_item(const char *name, int i)
{
    return cJSON_GetArrayItem(json_get(kit.json, name), i);
}

static inline const char *kit_attr(const struct miro_user *u, const char *name)
{
    const char *s = attrs_get(&u->attributes, name);
    return s ? s : "(none)";
}

static inline int kit_run(Suite *suite)
{
    return run_suite(suite);
}

#endif
