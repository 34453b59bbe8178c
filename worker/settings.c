#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "digest.h"
#include "engine/profile.h"
#include "mem.h"

enum {
    LIVE_MAX = 20000,         /* some 100 MB */
    SWEEP_AT_ONCE = 128,      /* some 5 ms */
    SWEEP_WAITING_MAX = 4096, /* keeps a target busy, and is little memory */
    SOURCE_ARRIVAL_MS = 2000, /* as targets[].arrival_ms is by default */
};

static const int64_t TOMBSTONE_MS = INT64_C(30) * 24 * 3600 * 1000;

_Static_assert((int)CONFIG_TEAM_NAME_MAX == (int)TEAM_NAME_MAX,
               "what the configuration allows is what records hold");

struct load { /* what of a target is loaded */
    const char *key, *ref;
    struct secret *ret;
    bool text; /* of any bytes, such as PEM */
};

static bool load(const struct load *l, size_t at, struct error *err)
{
    if (!l->ref || (l->text ? secret_load_text(l->ref, l->ret, err) : secret_load(l->ref, l->ret, err)))
        return true;
    return error_wrap(err, "targets[%zu].%s", at, l->key);
}

/* HTTP Basic (RFC 7617): user and password in base64 stand where a token does. */
static void make_basic(const char *user, struct secret *password)
{
    struct buf pair, text;
    buf_init(&pair, 2 * SECRET_SIZE_MAX);
    buf_init(&text, 4 * SECRET_SIZE_MAX);
    buf_addf(&pair, "%s:%s", user, password->p);
    base64_encode(pair.p, pair.n, &text);
    explicit_bzero(pair.p, pair.n);
    buf_done(&pair);
    secret_done(password);
    password->n = text.n;
    password->p = buf_take(&text);
}

static bool load_credentials(const struct config_target *target, size_t at, struct credentials *ret,
                             struct error *err)
{
    const struct config_auth *auth = &target->auth;
    const struct load loads[] = {
        {"token", target->token, &ret->token, false},
        {"auth.password", auth->password, &ret->token, false},
        {"auth.oauth.client_secret", auth->oauth.client_secret, &ret->token, false},
        {"tls.certificate", target->tls.certificate, &ret->certificate, true},
        {"tls.key", target->tls.key, &ret->key, true},
        {"tls.ca", target->tls.ca, &ret->ca, true},
        {"rest.token", target->rest.token, &ret->rest, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
        if (!load(&loads[i], at, err))
            return false;
    if (auth->user)
        make_basic(auth->user, &ret->token);
    bool ok =
        (!ret->certificate.p || certificates_pair(ret->certificate.p, ret->key.p, &ret->expires_s, err)) &&
        (!ret->ca.p || certificates_ca(ret->ca.p, err));
    return ok || error_wrap(err, "targets[%zu]", at);
}

bool tokens_load(const struct config *cfg, struct tokens *ret, struct error *err)
{
    struct tokens t = {.v = xcalloc(cfg->targets.n, sizeof *t.v), .n = cfg->targets.n};
    for (size_t i = 0; i < t.n; i++)
        if (!load_credentials(&cfg->targets.v[i], i, &t.v[i], err)) {
            tokens_done(&t);
            return false;
        }
    *ret = t;
    return true;
}

void tokens_done(struct tokens *t)
{
    for (size_t i = 0; i < t->n; i++) {
        secret_done(&t->v[i].token);
        secret_done(&t->v[i].certificate);
        secret_done(&t->v[i].key);
        secret_done(&t->v[i].ca);
        secret_done(&t->v[i].rest);
    }
    free(t->v);
    *t = (struct tokens){0};
}

static const char *const kinds[] = {[TARGET_MIRO] = "miro", [TARGET_SCIM] = "scim"};

static bool refuse_class(const struct profile *profile, const char *class, struct error *err)
{
    struct buf known;
    buf_init(&known, LIMITS_MAX * 32);
    for (size_t i = 0; i < LIMITS_MAX && profile->limits[i].name; i++) {
        buf_adds(&known, i > 0 ? ", " : "");
        buf_adds(&known, profile->limits[i].name);
    }
    error_set(err, ERROR_INPUT, "%s has no class %.64s; it has %.*s", profile->kind, class, (int)known.n,
              known.p);
    buf_done(&known);
    return false;
}

static bool check_limits(const struct config_target *target, size_t at, struct error *err)
{
    const struct profile *profile = profile_find(kinds[target->kind]);
    for (size_t i = 0; i < target->limits.n; i++) {
        const char *class = target->limits.v[i].class;
        if (profile_limit_index(profile, class) < 0)
            return refuse_class(profile, class, err) ||
                   error_wrap(err, "targets[%zu].limits[%zu].class", at, i);
    }
    return true;
}

static int64_t count_of(const struct config_target *target, const struct limit *class)
{
    for (size_t i = 0; i < target->limits.n; i++)
        if (strcmp(target->limits.v[i].class, class->name) == 0)
            return target->limits.v[i].count;
    return class->count;
}

/* A bucket without a call of a class could do nothing for its persons. */
static bool check_shares(const struct config *cfg, size_t at, struct error *err)
{
    const struct config_target *target = &cfg->targets.v[at];
    const struct profile *profile = profile_find(kinds[target->kind]);
    const struct config_tenant *tenant = config_tenant(cfg, target->tenant);
    for (enum step step = STEP_LOOKUP; tenant && step < STEPS; step++) {
        if (step == STEP_LIST || step == STEP_GROUP_MAKE || step == STEP_GROUP_DELETE ||
            profile_step_class(profile, step) < 0) /* bucket 0 does it for all; unlimited */
            continue;
        const struct limit *class = &profile->limits[profile_step_class(profile, step)];
        if (count_of(target, class) < tenant->spread)
            return error_set(
                err, ERROR_INPUT,
                "targets[%zu].limits: %s allows %lld calls, which %lld buckets (tenants[].spread) "
                "cannot share",
                at, class->name, (long long)count_of(target, class), (long long)tenant->spread);
    }
    return true;
}

bool settings_check(const struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < cfg->targets.n; i++)
        if (!check_limits(&cfg->targets.v[i], i, err) || !check_shares(cfg, i, err))
            return false;
    return true;
}

static int64_t window_of(const struct config_target *target, const struct limit *class)
{
    for (size_t i = 0; i < target->limits.n; i++)
        if (strcmp(target->limits.v[i].class, class->name) == 0)
            return target->limits.v[i].window_ms;
    return class->window_ms;
}

/* Every class of the profile: as configured, and of that the dry run's share, of which each bucket has a call. */
static const struct engine_limit *limits_new(const struct config *cfg, const struct config_target *from,
                                             size_t *ret_n)
{
    const struct profile *profile = profile_find(kinds[from->kind]);
    const struct config_tenant *tenant = config_tenant(cfg, from->tenant);
    struct engine_limit *limits = xcalloc(LIMITS_MAX, sizeof *limits);
    int64_t percent = cfg->worker.mode == MODE_PLAN ? cfg->worker.dry_run.limit_percent : 100;
    int64_t least = tenant ? tenant->spread : 1;
    size_t n = 0;
    for (; n < LIMITS_MAX && profile->limits[n].name; n++) {
        int64_t count = count_of(from, &profile->limits[n]);
        int64_t share = count * percent / 100 > least ? count * percent / 100 : least;
        limits[n] = (struct engine_limit){.class_name = profile->limits[n].name,
                                          .count = (unsigned)(share < count ? share : count),
                                          .window_ms = window_of(from, &profile->limits[n])};
    }
    *ret_n = n;
    return limits;
}

static struct engine_guard_limit guard_limit(const struct config_guard_limit *from)
{
    return (struct engine_guard_limit){(uint32_t)from->count, (uint32_t)from->percent, (uint32_t)from->floor};
}

static struct engine_guard guard_of(const struct config_guard *from)
{
    return (struct engine_guard){
        .window_ms = from->window_ms,
        .limits = {[GUARD_DEACTIVATION] = guard_limit(&from->deactivations),
                   [GUARD_DELETION] = guard_limit(&from->deletions),
                   [GUARD_CREATION] = guard_limit(&from->creations),
                   [GUARD_UPGRADE] = guard_limit(&from->upgrades),
                   [GUARD_REMOVAL] = guard_limit(&from->removals)},
    };
}

/* Where several identify an account: userName, which every account has, else the first. */
static void fill_matches(struct engine_target *to, const struct config_target *from)
{
    char **matches = xcalloc(CONFIG_MATCHES_MAX, sizeof *matches);
    to->n_matches = config_matches(from, matches);
    to->matches = (const char *const *)matches;
    to->match = matches[0];
    for (size_t i = 0; i < to->n_matches; i++)
        if (strcmp(matches[i], "userName") == 0)
            to->match = matches[i];
}

static enum engine_switch switch_of(int64_t said)
{
    return said == CONFIG_ON ? SWITCH_ON : said == CONFIG_OFF ? SWITCH_OFF : SWITCH_AS_SAID;
}

static void fill_capabilities(struct engine_target *to, const struct config_target *from)
{
    const struct config_capabilities *said = &from->capabilities;
    to->discovers = from->kind == TARGET_SCIM && said->discover;
    to->capabilities = (struct engine_capabilities){
        .patch = switch_of(said->patch),
        .filter = switch_of(said->filter),
        .etag = switch_of(said->etag),
        .cursor = switch_of(said->cursor),
        .groups = switch_of(said->groups),
        .members = switch_of(said->members),
        .bare_paths = switch_of(said->bare_paths),
    };
}

static const enum group_mode group_modes[] = {[GROUPS_TEAM] = GROUP_MODE_TEAM,
                                              [GROUPS_USER_GROUP] = GROUP_MODE_USER_GROUP,
                                              [GROUPS_NONE] = GROUP_MODE_NONE};

static bool may_leave_last(const struct config_target *from)
{
    int64_t keep = from->teams.keep_last;
    return keep == KEEP_LAST_OFF || (keep == KEEP_LAST_AUTO && from->group_mode == GROUPS_USER_GROUP);
}

static struct engine_team_name *team_names_new(const struct config_team_names *from)
{
    struct engine_team_name *names = xcalloc(from->n, sizeof *names);
    for (size_t i = 0; i < from->n; i++)
        names[i] = (struct engine_team_name){from->v[i].name, from->v[i].group};
    return names;
}

static struct engine_team_name *group_renames_new(const struct config_group_renames *from)
{
    struct engine_team_name *names = xcalloc(from->n, sizeof *names);
    for (size_t i = 0; i < from->n; i++)
        names[i] = (struct engine_team_name){from->v[i].from, from->v[i].to};
    return names;
}

static void fill_target(struct engine_target *to, const struct config_target *from, const struct config *cfg)
{
    const struct config_tenant *tenant = config_tenant(cfg, from->tenant);
    *to = (struct engine_target){
        .name = from->name,
        .tenant = from->tenant,
        .directory = from->directory,
        .kind = kinds[from->kind],
        .timeout_ms = from->timeout_ms,
        .call_life_ms = from->call_life_ms,
        .arrival_ms = from->arrival_ms,
        .in_flight_max = (unsigned)from->in_flight,
        .retry_base_ms = from->retry.base_ms,
        .retry_cap_ms = from->retry.cap_ms,
        .deadline_ms = from->retry.deadline_ms,
        .breaker_pause_ms = from->breaker.pause_ms,
        .breaker_pause_max_ms = from->breaker.pause_max_ms,
        .guard = guard_of(&from->guard),
        .teams_relist_ms = from->teams.relist_ms,
        .teams_missing_ms = from->teams.missing_ms,
    };
    to->group_mode = group_modes[from->group_mode];
    to->leaves_last = may_leave_last(from);
    to->team_names = team_names_new(&from->teams.names);
    to->n_team_names = from->teams.names.n;
    to->group_renames = group_renames_new(&from->teams.renames);
    to->n_group_renames = from->teams.renames.n;
    to->owned_groups = (const char *const *)from->teams.owned.v;
    to->n_owned_groups = from->teams.owned.n;
    to->retired_groups = (const char *const *)from->teams.retired.v;
    to->n_retired_groups = from->teams.retired.n;
    to->limits = limits_new(cfg, from, &to->n_limits);
    fill_matches(to, from);
    fill_capabilities(to, from);
    if (!tenant)
        return;
    to->spread = (unsigned)tenant->spread;
    to->protected_names = (const char *const *)tenant->protected.v;
    to->n_protected = tenant->protected.n;
}

static uint64_t add_text(uint64_t sum, const char *text)
{
    uint64_t parts[] = {sum, digest_hash64(text, strlen(text))};
    return digest_hash64(parts, sizeof parts);
}

static uint64_t add_number(uint64_t sum, int64_t number)
{
    uint64_t parts[] = {sum, (uint64_t)number};
    return digest_hash64(parts, sizeof parts);
}

/* Nothing where nothing is said, so that who says nothing is not swept for it. */
static uint64_t add_groups(uint64_t sum, const struct config_target *target)
{
    const struct config_teams *teams = &target->teams;
    if (teams->keep_last != KEEP_LAST_AUTO)
        sum = add_text(sum, teams->keep_last == KEEP_LAST_ON ? "keep last" : "leave last");
    if (target->group_mode != GROUPS_TEAM)
        sum = add_text(sum, target->group_mode == GROUPS_NONE ? "no groups" : "user groups");
    for (size_t i = 0; i < teams->names.n; i++)
        sum = add_text(add_text(sum, teams->names.v[i].name), teams->names.v[i].group);
    for (size_t i = 0; i < teams->owned.n; i++)
        sum = add_text(add_text(sum, "owned"), teams->owned.v[i]);
    for (size_t i = 0; i < teams->retired.n; i++)
        sum = add_text(add_text(sum, "retired"), teams->retired.v[i]);
    return sum;
}

static uint64_t identity(const struct config_target *target, const struct config_tenant *tenant)
{
    uint64_t sum = add_text(0, target->name);
    sum = add_text(sum, target->tenant);
    sum = add_text(sum, target->directory);
    sum = add_text(sum, kinds[target->kind]);
    sum = add_text(sum, target->base_url);
    sum = add_text(sum, target->match);
    for (size_t i = 0; i < sizeof target->capabilities / sizeof(int64_t); i++)
        sum = add_number(sum, ((const int64_t *)&target->capabilities)[i]);
    sum = add_groups(sum, target);
    for (size_t i = 0; tenant && i < tenant->protected.n; i++)
        sum = add_text(sum, tenant->protected.v[i]);
    return sum;
}

/* The order of targets does not matter. */
uint64_t settings_generation(const struct config *cfg, uint64_t policy)
{
    uint64_t parts[2] = {policy, 0};
    for (size_t i = 0; i < cfg->targets.n; i++)
        parts[1] += identity(&cfg->targets.v[i], config_tenant(cfg, cfg->targets.v[i].tenant));
    return (digest_hash64(parts, sizeof parts) >> 1) | 1; /* 0 is nobody's */
}

static uint64_t tenant_generation(const struct config *cfg, const char *tenant, uint64_t policy)
{
    uint64_t parts[2] = {policy, 0};
    for (size_t i = 0; i < cfg->targets.n; i++)
        if (strcmp(cfg->targets.v[i].tenant, tenant) == 0)
            parts[1] += identity(&cfg->targets.v[i], config_tenant(cfg, tenant));
    return digest_hash64(parts, sizeof parts);
}

void settings_engine_generations(struct engine_config *c, const struct config *cfg,
                                 uint64_t (*policy_of)(const void *ctx, const char *tenant), const void *ctx)
{
    struct engine_target *targets = (struct engine_target *)c->targets; /* settings_engine_new's */
    for (size_t i = 0; i < c->n_targets; i++)
        targets[i].generation = tenant_generation(cfg, targets[i].tenant, policy_of(ctx, targets[i].tenant));
}

/* A call of unknown outcome is a read: whether it lands counts for the limit only. */
static void fill_source(struct engine_target *to, const struct asked_source *from)
{
    struct engine_limit *limit = xcalloc(1, sizeof *limit);
    const struct config_source_api *api = &from->cfg->api;
    *limit = (struct engine_limit){"api", from->requests, from->per_ms};
    *to = (struct engine_target){
        .name = from->name,
        .tenant = from->cfg->tenant,
        .directory = from->cfg->directory,
        .kind = "source",
        .match = "userName",
        .timeout_ms = api->timeout_ms,
        .call_life_ms = api->timeout_ms,
        .arrival_ms = SOURCE_ARRIVAL_MS,
        .in_flight_max = (unsigned)api->in_flight,
        .spread = from->spread,
        .retry_base_ms = api->retry.base_ms,
        .retry_cap_ms = api->retry.cap_ms,
        .deadline_ms = api->retry.deadline_ms,
        .breaker_pause_ms = api->breaker.pause_ms,
        .breaker_pause_max_ms = api->breaker.pause_max_ms,
        .limits = limit,
        .n_limits = 1,
    };
}

size_t settings_rests(const struct config *cfg)
{
    size_t n = 0;
    for (size_t i = 0; i < cfg->targets.n; i++)
        n += cfg->targets.v[i].rest.token != NULL;
    return n;
}

static struct engine_attachment *attachments_new(const struct config_attachments *from)
{
    struct engine_attachment *pairs = xcalloc(from->n, sizeof *pairs);
    for (size_t i = 0; i < from->n; i++)
        pairs[i] = (struct engine_attachment){from->v[i].group, from->v[i].team};
    return pairs;
}

/* The REST side of a target that `of` is made of. */
static void fill_rest(struct engine_target *to, const struct engine_target *of,
                      const struct config_target *from)
{
    struct engine_limit *limit = xcalloc(1, sizeof *limit);
    *limit = (struct engine_limit){"rest", (unsigned)from->rest.requests, from->rest.per_ms};
    *to = *of;
    to->name = xasprintf(CONFIG_REST_PREFIX "%s", from->name);
    to->kind = "miro_rest";
    to->rest_of = from->name;
    to->org = from->rest.org;
    to->match = "userName";
    to->matches = NULL;
    to->n_matches = 0;
    to->discovers = false;
    to->group_mode = GROUP_MODE_NONE;
    to->team_names = to->group_renames = NULL;
    to->n_team_names = to->n_group_renames = to->n_owned_groups = to->n_retired_groups = 0;
    to->attached = attachments_new(&from->teams.attached);
    to->n_attached = from->teams.attached.n;
    to->detached = attachments_new(&from->teams.detached);
    to->n_detached = from->teams.detached.n;
    to->limits = limit;
    to->n_limits = 1;
}

static void fill_rests(struct engine_target *targets, size_t at, const struct config *cfg)
{
    for (size_t i = 0; i < cfg->targets.n; i++)
        if (cfg->targets.v[i].rest.token)
            fill_rest(&targets[at++], &targets[i], &cfg->targets.v[i]);
}

struct engine_config *settings_engine_new(const struct config *cfg, const struct asked_sources *sources,
                                          const char *slot, int32_t partitions, uint64_t policy,
                                          uint64_t seed)
{
    size_t n_sources = sources ? sources->n_fetched : 0, n = cfg->targets.n + n_sources + settings_rests(cfg);
    struct engine_config *c = xcalloc(1, sizeof *c);
    struct engine_target *targets = xcalloc(n, sizeof *targets);
    for (size_t i = 0; i < cfg->targets.n; i++)
        fill_target(&targets[i], &cfg->targets.v[i], cfg);
    for (size_t i = 0; i < n_sources; i++)
        fill_source(&targets[cfg->targets.n + i], &sources->v[i]);
    fill_rests(targets, cfg->targets.n + n_sources, cfg);
    *c = (struct engine_config){
        .targets = targets,
        .n_targets = n,
        .partitions = partitions,
        .slot = slot,
        .lease_ms = config_lease_ms(cfg),
        .tombstone_ms = TOMBSTONE_MS,
        .generation = settings_generation(cfg, policy),
        .plan_only = cfg->worker.mode == MODE_PLAN,
        .sweep_at_once = SWEEP_AT_ONCE,
        .sweep_waiting_max = SWEEP_WAITING_MAX,
        .live_max = LIVE_MAX,
        .seed = seed,
    };
    return c;
}

static void free_target(const struct engine_target *t)
{
    for (size_t i = 0; i < t->n_matches; i++)
        free((void *)(uintptr_t)t->matches[i]);
    free((void *)t->matches);
    free((void *)t->limits);
    free((void *)t->team_names);
    free((void *)t->group_renames);
    free((void *)t->attached);
    free((void *)t->detached);
    if (t->rest_of)
        free((void *)(uintptr_t)t->name);
}

void settings_engine_free(struct engine_config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_targets; i++)
        free_target(&c->targets[i]);
    free((void *)c->targets);
    free(c);
}

static struct http_target http_target_of(const struct config_target *from, const struct credentials *who)
{
    const struct config_oauth *oauth = &from->auth.oauth;
    return (struct http_target){
        .base_url = from->base_url,
        .token = who->token.p,
        .before_token = from->auth.user ? "Authorization: Basic " : NULL,
        .oauth = {oauth->token_url, oauth->client_id, oauth->scope, oauth->client_auth == CONFIG_CLIENT_BODY},
        .certificate = who->certificate.p,
        .key = who->key.p,
        .ca = who->ca.p,
        .in_flight_max = (unsigned)from->in_flight,
    };
}

static struct http_target http_rest_of(const struct config_target *from, const struct credentials *who)
{
    return (struct http_target){.base_url = from->rest.url,
                                .token = who->rest.p,
                                .json = true,
                                .in_flight_max = (unsigned)from->in_flight};
}

struct http_target *settings_http_new(const struct config *cfg, const struct tokens *tokens,
                                      const struct asked_sources *sources)
{
    size_t n_sources = sources ? sources->n_fetched : 0, at = cfg->targets.n + n_sources;
    struct http_target *targets = xcalloc(at + settings_rests(cfg), sizeof *targets);
    for (size_t i = 0; i < cfg->targets.n; i++)
        targets[i] = http_target_of(&cfg->targets.v[i], &tokens->v[i]);
    for (size_t i = 0; i < n_sources; i++)
        targets[cfg->targets.n + i] = asked_source_http(&sources->v[i], SOURCE_REPLY_MAX);
    for (size_t i = 0; i < cfg->targets.n; i++)
        if (cfg->targets.v[i].rest.token)
            targets[at++] = http_rest_of(&cfg->targets.v[i], &tokens->v[i]);
    return targets;
}
