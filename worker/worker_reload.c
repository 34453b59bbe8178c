#include "worker_internal.h"

#include <stdlib.h>

#include "asked_sources.h"
#include "engine/engine.h"
#include "http_client.h"
#include "log.h"
#include "now.h"
#include "policies.h"
#include "reload.h"
#include "worker_metrics.h"

struct reloaded {
    struct policies *policies;
    struct config *cfg; /* NULL: not read from a file */
    struct tokens tokens;
    struct asked_sources *sources;
};

static uint64_t generation_now(const struct worker *w)
{
    return settings_generation(worker_config_now(w), policies_fingerprint(w->policies));
}

/* The engine borrows from both: it has the new ones before the old ones go. */
static void adopt_targets(struct worker *w, struct config *cfg, struct asked_sources *sources)
{
    struct asked_sources *old_sources = w->sources;
    struct config *old_cfg = w->reloaded;
    w->sources = sources;
    w->reloaded = cfg;
    if (w->engine) {
        struct engine_config *engine_config =
            settings_engine_new(worker_config_now(w), sources, w->slot, w->partitions, 0, 0);
        settings_engine_generations(engine_config, worker_config_now(w), policies_fingerprint_of,
                                    w->policies);
        engine_targets_changed(w->engine, engine_config->targets, now_read());
        settings_engine_free(w->engine_config);
        w->engine_config = engine_config;
    }
    for (size_t i = 0; w->http && i < sources->n_fetched; i++)
        http_client_set_token(w->http, w->cfg->targets.n + i, sources->v[i].token.p);
    asked_sources_free(old_sources);
    config_free(old_cfg);
}

/* Scripts and tokens may change; which sources are asked may not: the engine's targets are those of the start. */
static bool load_sources(struct worker *w, struct asked_sources **ret, struct error *err)
{
    if (!asked_sources_load(w->cfg, ret, err))
        return false;
    bool same = (*ret)->n_fetched == w->sources->n_fetched;
    for (size_t i = 0; same && i < (*ret)->n_fetched; i++)
        same = (*ret)->v[i].cfg == w->sources->v[i].cfg;
    return same ||
           error_set(err, ERROR_INPUT, "a source's file has lost or gained its fetch: that needs a restart");
}

static void adopt(struct worker *w, struct reloaded *r)
{
    uint64_t before = generation_now(w);
    policies_free(w->policies);
    w->policies = r->policies;
    adopt_targets(w, r->cfg, r->sources);
    tokens_done(&w->tokens);
    w->tokens = r->tokens;
    struct http_target *targets = settings_http_new(worker_config_now(w), &w->tokens, NULL);
    for (size_t i = 0; w->http && i < w->tokens.n; i++) {
        http_client_set_certificates(w->http, i, &targets[i]);
        http_client_set_token(w->http, i, targets[i].token);
    }
    for (size_t i = 0, n = w->tokens.n; w->http && i < settings_rests(w->cfg); i++)
        http_client_set_token(w->http, n + w->sources->n_fetched + i, targets[n + i].token);
    free(targets);
    worker_tell_certificates(w);
    bool changed = generation_now(w) != before;
    if (w->engine && changed)
        engine_policy_changed(w->engine, generation_now(w), now_read());
    log_info("reloaded", LOG_B("everybody_is_planned_anew", changed));
}

/* A policy that does not load leaves the old tokens and limits in use too. */
void worker_reload(struct worker *w)
{
    struct error err = {0};
    struct reloaded r = {0};
    watchdog_reloading();
    bool ok = !w->cfg->path || reload_config(w->cfg, &r.cfg, &err);
    const struct config *cfg = r.cfg ? r.cfg : w->cfg;
    ok = ok && policies_new(cfg, &r.policies, &err) && load_sources(w, &r.sources, &err) &&
         tokens_load(cfg, &r.tokens, &err);
    if (ok) {
        adopt(w, &r);
    } else {
        policies_free(r.policies);
        asked_sources_free(r.sources);
        config_free(r.cfg);
        log_error("reload refused, policy, secrets and limits stay as they were", LOG_ERROR_FIELD(&err));
    }
    metrics_add(w->metrics, WM_RELOADS, ok ? "done" : "refused", 1);
    if (w->open)
        watchdog_ready();
}
