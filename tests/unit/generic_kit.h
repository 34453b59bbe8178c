/* generic_kit.h - the engine's kit with a target of kind scim, which is asked what it can do before it is called for anybody.
 *
 *     start_with(CONFIG("true", "true", "false")); say(…); commit(); expect_call("GET", "/Users?filter="); */
#ifndef ROLLCALL_TEST_GENERIC_KIT_H
#define ROLLCALL_TEST_GENERIC_KIT_H

#include "engine_kit.h"

#include "../../worker/engine/engine_state.h"

#define CONFIG(patch, filter, etag)                                                                          \
    "{\"patch\":{\"supported\":" patch "},\"filter\":{\"supported\":" filter                                 \
    "},\"etag\":{\"supported\":" etag "}}"
#define BY_CURSOR                                                                                            \
    "{\"patch\":{\"supported\":true},\"filter\":{\"supported\":false},\"pagination\":{\"cursor\":true}}"
#define SCIM_404      "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"status\":\"404\"}"
#define TEAM(members) "{\"id\":\"9\",\"displayName\":\"Design\",\"meta\":{\"version\":\"v1\"}" members "}"

static inline void start(void)
{
    kit_config();
    kit.targets[0].kind = "scim";
    kit.targets[0].discovers = true;
    kit.cfg.partitions = 1; /* of which one is the home of bucket 0 */
    kit_open();
    commit();
}

/* It has told; nothing of it that concerns attributes. */
static inline void start_with(const char *config)
{
    start();
    expect_call("GET", "/ServiceProviderConfig");
    answer(200, config);
    expect_call("GET", "/ResourceTypes");
    answer(404, "");
    expect_call("GET", "/Schemas");
    answer(404, "");
    engine_tick(kit.e, kit.now);
    commit();
    expect_no_call();
}

static inline void answer_with_etag(int status, const char *body, const char *etag)
{
    reply(kit.call, &(struct call_reply){.outcome = CALL_REPLIED,
                                         .status = status,
                                         .body = str_of(body),
                                         .retry_after_ms = -1,
                                         .etag = etag});
}

/* It is committed and looked at again. */
static inline void go_on(void)
{
    commit();
    engine_tick(kit.e, kit.now);
    commit();
}

static inline const cJSON *capabilities_record(void)
{
    const struct kit_record *r = last_record(TOPIC_TARGETS);
    ck_assert(r && strcmp(r->key, "capabilities/miro") == 0);
    return r->json;
}

#endif
