/* settings.h - the config file's words as the engine's and the HTTP client's. Main thread. */
#ifndef ROLLCALL_WORKER_SETTINGS_H
#define ROLLCALL_WORKER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "engine/engine.h"
#include "error.h"
#include "http_client.h"
#include "secret.h"
#include "asked_sources.h"

/* How we say at a target who we are; empty: not so. */
struct credentials {
    struct secret token; /* bearer token, HTTP Basic's pair in base64, or the OAuth client's secret */
    struct secret certificate, key, ca; /* PEM */
    int64_t expires_s;                  /* of the certificate, Unix time; 0: there is none */
    struct secret rest;                 /* bearer token of the REST API */
};

/* Of all targets, read together so that a reload is all or nothing. */
struct tokens {            /* release with tokens_done */
    struct credentials *v; /* by target */
    size_t n;
};

bool tokens_load(const struct config *cfg, struct tokens *ret, struct error *err)
    __attribute__((warn_unused_result));
void tokens_done(struct tokens *t);

/* What the config file's own check cannot know: the classes of calls that a target's profile has, and that a
 * tenant's buckets can share their limits. Fails with ERROR_INPUT and the key's path. */
bool settings_check(const struct config *cfg, struct error *err) __attribute__((warn_unused_result));

/* Of a config that settings_check likes. Borrows cfg, sources (NULL: none) and slot for as long as it is used; free with
 * settings_engine_free. Sources that are fetched from are targets behind the others, REST APIs (rest.token) behind those. policy: its fingerprint; seed: for jitter. */
struct engine_config *settings_engine_new(const struct config *cfg, const struct asked_sources *sources,
                                          const char *slot, int32_t partitions, uint64_t policy,
                                          uint64_t seed);
void settings_engine_free(struct engine_config *c);
/* Of each tenant's targets: the fingerprint of its policy (policy_of) and of what they are. */
void settings_engine_generations(struct engine_config *c, const struct config *cfg,
                                 uint64_t (*policy_of)(const void *ctx, const char *tenant), const void *ctx);

/* Fingerprint of what decides about persons: the policies (policies_fingerprint) and the targets. Below 2^63. */
uint64_t settings_generation(const struct config *cfg, uint64_t policy);

/* Targets that have a REST API. */
size_t settings_rests(const struct config *cfg);

/* One per target of the engine, in the same order; borrows cfg, tokens and sources; free with free(). */
struct http_target *settings_http_new(const struct config *cfg, const struct tokens *tokens,
                                      const struct asked_sources *sources);

#endif
