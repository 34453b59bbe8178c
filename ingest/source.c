#include "source.h"

#include <stdio.h>
#include <stdlib.h>

#include "mem.h"
#include "source_rules.h"
#include "zone.h"

/* An event script has a few microseconds of work; this is a thousand times as much. */
static const struct lua_limits SCRIPT_LIMITS = {.memory_bytes = 32 * 1024 * 1024,
                                                .instructions = 2 * 1000 * 1000};

static bool source_name_ok(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/');
}

/* ---- secrets ------------------------------------------------------------------------------------------- */

/* Key sets are JSON, which may have lines; everything else must be able to stand in a header. */
static bool load_secret(const struct verify_rules *rules, const char *ref, struct secret *ret,
                        struct error *err)
{
    for (size_t i = 0; i < rules->n_forms; i++)
        if (rules->forms[i].secrets.algorithm == VERIFY_JWS)
            return secret_load_text(ref, ret, err);
    return secret_load(ref, ret, err);
}

bool source_secrets_load(const struct config_source *cfg, const struct verify_rules *rules,
                         struct source_secrets *ret, struct error *err)
{
    size_t n = cfg->secrets.n + cfg->keys.n;
    *ret = (struct source_secrets){0};
    if (n > VERIFY_SECRETS_MAX)
        return error_set(err, ERROR_INPUT, "at most %d secrets can be active", VERIFY_SECRETS_MAX);
    while (ret->n < n) {
        size_t i = ret->n++;
        const struct config_key_secret *key = i < cfg->secrets.n ? NULL : &cfg->keys.v[i - cfg->secrets.n];
        if (!load_secret(rules, key ? key->secret : cfg->secrets.v[i], &ret->loaded[i], err)) {
            source_secrets_done(ret);
            return false;
        }
        ret->v[i] = (struct verify_secret){key ? key->name : NULL, ret->loaded[i].p};
    }
    return true;
}

void source_secrets_done(struct source_secrets *secrets)
{
    for (size_t i = 0; i < secrets->n; i++)
        secret_done(&secrets->loaded[i]);
    secrets->n = 0;
}

static bool make_verifier(struct source *src, const struct config_source *cfg,
                          const struct verify_rules *rules, size_t body_max, struct error *err)
{
    struct source_secrets secrets;
    if (!source_secrets_load(cfg, rules, &secrets, err))
        return false;
    bool ok = verifier_new(rules, secrets.v, secrets.n, body_max, &src->verifier, err);
    source_secrets_done(&secrets);
    return ok;
}

/* The config's tolerance, when it says one, goes before the file's. */
static void set_tolerance(struct verify_rules *rules, int64_t tolerance_s)
{
    for (size_t i = 0; tolerance_s > 0 && i < rules->n_forms; i++)
        rules->forms[i].past_s = rules->forms[i].future_s = tolerance_s;
}

/* ---- one source ---------------------------------------------------------------------------------------- */

static void copy_options(struct config_pairs *to, const struct config_pairs *from)
{
    to->v = xcalloc(from->n, sizeof *to->v);
    for (; to->n < from->n; to->n++)
        to->v[to->n] = (struct config_pair){xstrdup(from->v[to->n].name), xstrdup(from->v[to->n].value)};
}

static void source_init(struct source *src, const struct config *cfg, const struct config_source *from)
{
    const struct config_tenant *tenant = config_tenant(cfg, from->tenant);
    *src = (struct source){.name = xstrdup(from->name),
                           .tenant = xstrdup(from->tenant),
                           .directory = xstrdup(from->directory),
                           .spread = tenant && tenant->spread > 0 ? (unsigned)tenant->spread : 1,
                           .success_status = (unsigned)from->success_status,
                           .reject_status = (unsigned)from->reject_status,
                           .capture_file = xstrdup_null(from->capture_file),
                           .strict = from->unreadable == CONFIG_REFUSE};
    copy_options(&src->options, &from->options);
}

static void source_done(struct source *src)
{
    free(src->name);
    free(src->tenant);
    free(src->directory);
    free(src->capture_file);
    verifier_free(src->verifier);
    for (size_t i = 0; i < src->options.n; i++) {
        free(src->options.v[i].name);
        free(src->options.v[i].value);
    }
    free(src->options.v);
}

/* The files' scripts take their dates' zone from option `zone`: a wrong one would make dead letters of everything. */
static bool check_zone(const struct source *src, struct error *err)
{
    for (size_t i = 0; i < src->options.n; i++)
        if (strcmp(src->options.v[i].name, "zone") == 0 && !zone_ok(str_of(src->options.v[i].value)))
            return error_set(err, ERROR_INPUT, "option zone: no such time zone (is tzdata installed?)");
    return true;
}

static bool load_one(struct sources *set, struct source *src, const struct config *cfg,
                     const struct config_source *from, struct error *err)
{
    struct verify_rules rules;
    if (!source_name_ok(from->kind))
        return error_set(err, ERROR_INPUT, "kind is not a file's name");
    char *path = xasprintf("%s/%s.lua", cfg->ingest.sources_dir, from->kind);
    bool ok = lua_host_load(set->host, path, &src->script, err);
    free(path);
    if (!ok || !check_zone(src, err) || !source_rules_read(set->host, src->script, src, &rules, err))
        return false;
    set_tolerance(&rules, from->tolerance_s);
    return make_verifier(src, from, &rules, (size_t)cfg->ingest.limits.body_bytes, err);
}

/* ---- the set ------------------------------------------------------------------------------------------- */

static struct sources *set_new(size_t n)
{
    struct sources *set = xcalloc(1, sizeof *set);
    set->host = lua_host_new(&SCRIPT_LIMITS);
    set->v = xcalloc(n, sizeof *set->v);
    return set;
}

bool sources_load(const struct config *cfg, struct sources **ret, struct error *err)
{
    struct sources *set = set_new(cfg->sources.n);
    set->limits = cfg->ingest.limits;
    set->deadline_ms = cfg->ingest.deadline_ms;
    for (size_t i = 0; i < cfg->sources.n; i++) {
        const struct config_source *from = &cfg->sources.v[i];
        source_init(&set->v[set->n++], cfg, from);
        if (!load_one(set, &set->v[i], cfg, from, err)) {
            sources_free(set);
            return error_wrap(err, "source %s", from->name);
        }
    }
    *ret = set;
    return true;
}

bool sources_load_file(const char *path, const struct config_pairs *options, struct sources **ret,
                       struct error *err)
{
    static const struct config_ingest_limits limits = {.body_bytes = 1024 * 1024,
                                                       .events_per_request = 20 * 1000};
    struct sources *set = set_new(1);
    struct source *src = &set->v[set->n++];
    struct verify_rules rules;
    *src = (struct source){.name = xstrdup("example"),
                           .tenant = xstrdup("example"),
                           .directory = xstrdup("example"),
                           .spread = 1,
                           .strict = true};
    if (options)
        copy_options(&src->options, options);
    set->limits = limits;
    if (!lua_host_load(set->host, path, &src->script, err) || !check_zone(src, err) ||
        !source_rules_read(set->host, src->script, src, &rules, err)) {
        sources_free(set);
        return false;
    }
    *ret = set;
    return true;
}

void sources_free(struct sources *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        source_done(&set->v[i]);
    free(set->v);
    lua_host_free(set->host);
    free(set);
}

static bool reads_parameter(const struct source *src, struct str pair)
{
    const char *equals = memchr(pair.p, '=', pair.n);
    struct str name = {pair.p, equals ? (size_t)(equals - pair.p) : pair.n};
    for (size_t i = 0; i < src->n_query; i++)
        if (str_eq(name, str_of(src->query[i])))
            return true;
    return false;
}

void source_query(const struct source *src, struct str query, struct buf *out)
{
    while (query.n > 0) {
        const char *end = memchr(query.p, '&', query.n);
        struct str pair = {query.p, end ? (size_t)(end - query.p) : query.n};
        size_t cut = pair.n + (end ? 1 : 0);
        query = (struct str){query.p + cut, query.n - cut};
        if (!reads_parameter(src, pair))
            continue;
        if (out->n > 0)
            buf_addc(out, '&');
        buf_add(out, pair.p, pair.n);
    }
}

struct source *sources_find(struct sources *set, struct str name)
{
    for (size_t i = 0; i < set->n; i++)
        if (str_eq(str_of(set->v[i].name), name))
            return &set->v[i];
    return NULL;
}
