#include "reload.h"

#include <string.h>

#include "mem.h"
#include "settings.h"

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The first key that makes another target of it; NULL: none. */
static const char *differs(const struct config_target *a, const struct config_target *b)
{
    const struct {
        const char *key;
        bool same;
    } keys[] = {
        {"tenant", same(a->tenant, b->tenant)},
        {"directory", same(a->directory, b->directory)},
        {"kind", a->kind == b->kind},
        {"base_url", same(a->base_url, b->base_url)},
        {"match", same(a->match, b->match)},
        {"capabilities", memcmp(&a->capabilities, &b->capabilities, sizeof a->capabilities) == 0},
        {"rest.url", same(a->rest.url, b->rest.url)},
        {"rest.org", same(a->rest.org, b->rest.org)},
        {"auth.user", same(a->auth.user, b->auth.user)},
        {"auth.oauth.token_url", same(a->auth.oauth.token_url, b->auth.oauth.token_url)},
        {"auth.oauth.client_id", same(a->auth.oauth.client_id, b->auth.oauth.client_id)},
        {"auth.oauth.scope", same(a->auth.oauth.scope, b->auth.oauth.scope)},
        {"auth.oauth.client_auth", a->auth.oauth.client_auth == b->auth.oauth.client_auth},
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (!keys[i].same)
            return keys[i].key;
    return NULL;
}

static bool needs_restart(struct error *err, const char *what, const char *name)
{
    return error_set(err, ERROR_INPUT, "%s %.64s has changed: that needs a restart", what, name);
}

static bool check_spread(const struct config *running, const struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < running->tenants.n; i++) {
        const struct config_tenant *was = &running->tenants.v[i], *is = config_tenant(cfg, was->name);
        if (!is || is->spread != was->spread)
            return needs_restart(err, "the spread of tenant", was->name);
    }
    return true;
}

static struct config_target *find(struct config_targets *targets, size_t from, const char *name)
{
    for (size_t i = from; i < targets->n; i++)
        if (strcmp(targets->v[i].name, name) == 0)
            return &targets->v[i];
    return NULL;
}

/* The engine knows targets by their number. */
static bool take_order(const struct config *running, struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < running->targets.n; i++) {
        const struct config_target *was = &running->targets.v[i];
        struct config_target *is = find(&cfg->targets, i, was->name);
        if (!is)
            return error_set(err, ERROR_INPUT, "target %.64s is gone: that needs a restart", was->name);
        const char *key = differs(was, is);
        if (key)
            return error_set(err, ERROR_INPUT, "target %.64s has another %s: that needs a restart", was->name,
                             key);
        struct config_target moved = cfg->targets.v[i];
        cfg->targets.v[i] = *is;
        *is = moved;
    }
    if (cfg->targets.n > running->targets.n)
        return error_set(err, ERROR_INPUT, "target %.64s is new: that needs a restart",
                         cfg->targets.v[running->targets.n].name);
    return true;
}

bool reload_config(const struct config *running, struct config **ret, struct error *err)
{
    struct config *cfg;
    if (!config_load(running->path, &cfg, err))
        return false;
    if (!settings_check(cfg, err) || !check_spread(running, cfg, err) || !take_order(running, cfg, err)) {
        config_free(cfg);
        return false;
    }
    *ret = cfg;
    return true;
}
