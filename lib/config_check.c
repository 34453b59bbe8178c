/* What the table of keys cannot say. */
#include "config_key.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "event.h"
#include "mem.h"
#include "secret.h"

enum { TOPIC_PREFIX_MAX = 100 };

__attribute__((format(printf, 3, 4))) static bool wrong(struct error *err, const char *path,
                                                        const char *format, ...)
{
    va_list args;
    char what[256];
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_set(err, ERROR_INPUT, "%s: %s", path, what);
}

static bool check_name(const char *name, const char *path, const char *member, struct error *err)
{
    return event_name_ok(name) ||
           error_set(err, ERROR_INPUT,
                     "%s.%s: \"%s\" is not a name ([a-z0-9][a-z0-9._-]*, at most 64 characters)", path,
                     member, name);
}

static bool check_ref(const char *ref, const char *path, struct error *err)
{
    return !ref || secret_ref_ok(ref, err) || error_wrap(err, "%s", path);
}

/* ---- paths relative to the config file ----------------------------------------------------------------- */

static void make_absolute(char **path, const char *directory)
{
    if ((*path)[0] == '/')
        return;
    char *joined = xasprintf("%s/%s", directory, *path);
    free(*path);
    *path = joined;
}

static void make_ref_absolute(char **ref, const char *directory)
{
    static const char scheme[] = "file:";
    if (!*ref || strncmp(*ref, scheme, strlen(scheme)) != 0 || (*ref)[strlen(scheme)] == '/' ||
        (*ref)[strlen(scheme)] == '\0')
        return;
    char *joined = xasprintf("%s%s/%s", scheme, directory, *ref + strlen(scheme));
    free(*ref);
    *ref = joined;
}

static const struct {
    const char *key;
    size_t offset;
} target_refs[] = {
    {"token", offsetof(struct config_target, token)},
    {"auth.password", offsetof(struct config_target, auth.password)},
    {"auth.oauth.client_secret", offsetof(struct config_target, auth.oauth.client_secret)},
    {"tls.certificate", offsetof(struct config_target, tls.certificate)},
    {"tls.key", offsetof(struct config_target, tls.key)},
    {"tls.ca", offsetof(struct config_target, tls.ca)},
    {"rest.token", offsetof(struct config_target, rest.token)},
};

static char **target_ref(struct config_target *target, size_t i)
{
    return (char **)((char *)target + target_refs[i].offset);
}

static void make_target_absolute(struct config_target *target, const char *directory)
{
    for (size_t i = 0; i < ARRAY_SIZE(target_refs); i++)
        make_ref_absolute(target_ref(target, i), directory);
}

static bool check_target_refs(struct config_target *target, const char *path, struct error *err)
{
    char inner[CONFIG_PATH_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(target_refs); i++) {
        config_path(inner, "%s.%s", path, target_refs[i].key);
        if (!check_ref(*target_ref(target, i), inner, err))
            return false;
    }
    return true;
}

static void make_source_absolute(struct config_source *source, const char *directory)
{
    for (size_t i = 0; i < source->secrets.n; i++)
        make_ref_absolute(&source->secrets.v[i], directory);
    for (size_t i = 0; i < source->keys.n; i++)
        make_ref_absolute(&source->keys.v[i].secret, directory);
    if (source->capture_file)
        make_absolute(&source->capture_file, directory);
    make_ref_absolute(&source->api.token, directory);
}

static void make_paths_absolute(struct config *cfg, const char *directory)
{
    make_absolute(&cfg->ingest.sources_dir, directory);
    if (cfg->ingest.tls.certificate)
        make_ref_absolute(&cfg->ingest.tls.certificate, directory);
    if (cfg->ingest.tls.key)
        make_ref_absolute(&cfg->ingest.tls.key, directory);
    if (cfg->ingest.tls.client_ca)
        make_ref_absolute(&cfg->ingest.tls.client_ca, directory);
    for (size_t i = 0; i < cfg->ingest.archive.keys.n; i++)
        make_ref_absolute(&cfg->ingest.archive.keys.v[i], directory);
    if (cfg->ingest.spool.path)
        make_absolute(&cfg->ingest.spool.path, directory);
    make_absolute(&cfg->worker.policy, directory);
    for (size_t i = 0; i < cfg->tenants.n; i++)
        if (cfg->tenants.v[i].policy)
            make_absolute(&cfg->tenants.v[i].policy, directory);
    for (size_t i = 0; i < cfg->kafka.properties.n; i++)
        make_ref_absolute(&cfg->kafka.properties.v[i].value, directory);
    for (size_t i = 0; i < cfg->sources.n; i++)
        make_source_absolute(&cfg->sources.v[i], directory);
    for (size_t i = 0; i < cfg->targets.n; i++)
        make_target_absolute(&cfg->targets.v[i], directory);
}

/* ---- lists without repetition -------------------------------------------------------------------------- */

/* Elements are structures of the given size whose first member is their name. */
static const char *name_at(const void *v, size_t size, size_t i)
{
    return *(char *const *)((const char *)v + i * size);
}

static bool check_unique(const void *v, size_t n, size_t size, const char *path, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(name_at(v, size, i), name_at(v, size, k)) == 0)
                return error_set(err, ERROR_INPUT, "%s[%zu]: \"%s\" is already taken by %s[%zu]", path, i,
                                 name_at(v, size, i), path, k);
    return true;
}

static bool check_pairs(const struct config_pairs *pairs, const char *path, struct error *err)
{
    return check_unique(pairs->v, pairs->n, sizeof pairs->v[0], path, err);
}

/* ---- addresses ----------------------------------------------------------------------------------------- */

static bool read_port(const char *text, uint16_t *ret)
{
    size_t n = strlen(text);
    if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    *ret = (uint16_t)port;
    return port <= UINT16_MAX;
}

bool config_address_parse(const char *address, char **ret_host, uint16_t *ret_port, struct error *err)
{
    const char *colon = strrchr(address, ':'), *host = address;
    uint16_t port = 0;
    if (!colon || !read_port(colon + 1, &port))
        return error_set(err, ERROR_INPUT, "\"%s\" is not host:port", address);
    size_t n = (size_t)(colon - address);
    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    } else if (memchr(host, ':', n)) {
        return error_set(err, ERROR_INPUT, "\"%s\" is not host:port (an IPv6 address stands in brackets)",
                         address);
    }
    if (n == 0)
        return error_set(err, ERROR_INPUT, "\"%s\" names no host", address);
    *ret_host = xstrndup(host, n);
    *ret_port = port;
    return true;
}

static bool check_address(const char *address, const char *path, struct error *err)
{
    char *host;
    uint16_t port;
    if (!config_address_parse(address, &host, &port, err))
        return error_wrap(err, "%s", path);
    free(host);
    return true;
}

/* ---- sections ------------------------------------------------------------------------------------------ */

static bool check_kafka(const struct config_kafka *kafka, struct error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(kafka->topic_prefix);
    if (strspn(kafka->topic_prefix, allowed) != n || n > TOPIC_PREFIX_MAX)
        return wrong(err, "kafka.topic_prefix", "not letters, digits, '.', '_' or '-', at most %d",
                     TOPIC_PREFIX_MAX);
    return check_pairs(&kafka->properties, "kafka.properties", err);
}

/* A dry run touches nothing of those who write. */
static bool check_mode(const struct config *cfg, struct error *err)
{
    const struct config_dry_run *dry = &cfg->worker.dry_run;
    if (cfg->worker.mode != MODE_PLAN)
        return true;
    if (strcmp(cfg->kafka.topic_prefix, dry->live_prefix) == 0)
        return wrong(err, "kafka.topic_prefix",
                     "mode plan wants one of its own, other than worker.dry_run.live_prefix");
    if (strcmp(cfg->worker.group, dry->live_group) == 0)
        return wrong(err, "worker.group",
                     "mode plan wants one of its own, other than worker.dry_run.live_group");
    return true;
}

static bool check_worker(const struct config_worker *worker, struct error *err)
{
    if (worker->heartbeat_ms * 3 > worker->session_timeout_ms)
        return wrong(err, "worker.heartbeat_ms", "more than a third of worker.session_timeout_ms");
    return check_address(worker->admin, "worker.admin", err);
}

static bool check_tenants(const struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < cfg->tenants.n; i++) {
        char path[CONFIG_PATH_SIZE];
        config_path(path, "tenants[%zu]", i);
        if (!check_name(cfg->tenants.v[i].name, path, "name", err))
            return false;
    }
    return check_unique(cfg->tenants.v, cfg->tenants.n, sizeof cfg->tenants.v[0], "tenants", err);
}

static bool check_tenant_exists(const struct config *cfg, const char *tenant, const char *path,
                                struct error *err)
{
    return config_tenant(cfg, tenant) ||
           error_set(err, ERROR_INPUT, "%s.tenant: tenants has no \"%s\"", path, tenant);
}

/* No redirection, ever: several senders do not follow, others take it for a failure. */
static bool check_statuses(const struct config_source *source, const char *path, struct error *err)
{
    int64_t ok = source->success_status, no = source->reject_status;
    if (ok != 0 && ok < 200)
        return error_set(err, ERROR_INPUT, "%s.success_status: must be from 200 to 299", path);
    return no == 0 || (no >= 200 && no < 300) || no >= 400 ||
           error_set(err, ERROR_INPUT, "%s.reject_status: must be from 400 to 499, or from 200 to 299", path);
}

static bool is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n = strlen(names[i]);
        if (strncasecmp(host, names[i], n) == 0 && (host[n] == '\0' || host[n] == ':' || host[n] == '/'))
            return true;
    }
    return false;
}

static bool check_url(char *url, const char *path, const char *key, struct error *err)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        url[--n] = '\0';
    bool http = strncmp(url, "http://", 7) == 0 && n > 7, https = strncmp(url, "https://", 8) == 0 && n > 8;
    if ((!http && !https) || strpbrk(url, " ?#@"))
        return error_set(err, ERROR_INPUT, "%s.%s: not an http(s) URL without user, query and fragment", path,
                         key);
    return https || is_loopback(url + strlen("http://")) ||
           error_set(err, ERROR_INPUT,
                     "%s.%s: http:// sends token and persons in clear: only to localhost, 127.0.0.1 or "
                     "[::1], else https://",
                     path, key);
}

static bool check_pauses(const struct config_retry *retry, const struct config_breaker *breaker,
                         const char *path, struct error *err)
{
    if (retry->base_ms > retry->cap_ms)
        return error_set(err, ERROR_INPUT, "%s.retry.base_ms: more than cap_ms", path);
    return breaker->pause_ms <= breaker->pause_max_ms ||
           error_set(err, ERROR_INPUT, "%s.breaker.pause_ms: more than pause_max_ms", path);
}

static bool check_source_api(struct config_source_api *api, const char *path, struct error *err)
{
    char token[CONFIG_PATH_SIZE];
    config_path(token, "%s.token", path);
    return (!api->base_url || check_url(api->base_url, path, "base_url", err)) &&
           check_ref(api->token, token, err) && check_pauses(&api->retry, &api->breaker, path, err);
}

static bool check_tls(const struct config_tls *tls, struct error *err)
{
    if (!tls->certificate != !tls->key)
        return error_set(err, ERROR_INPUT,
                         "ingest.tls: certificate and key belong together, one of them is missing");
    if (tls->client_ca && !tls->certificate)
        return error_set(err, ERROR_INPUT, "ingest.tls.client_ca: goes with certificate and key only");
    if (tls->client_ca && !check_ref(tls->client_ca, "ingest.tls.client_ca", err))
        return false;
    return !tls->certificate || (check_ref(tls->certificate, "ingest.tls.certificate", err) &&
                                 check_ref(tls->key, "ingest.tls.key", err));
}

static bool check_archive(const struct config_archive *archive, struct error *err)
{
    char path[CONFIG_PATH_SIZE];
    for (size_t i = 0; i < archive->keys.n; i++) {
        config_path(path, "ingest.archive.keys[%zu]", i);
        if (!check_ref(archive->keys.v[i], path, err))
            return false;
    }
    return true;
}

static bool check_source(const struct config *cfg, struct config_source *source, const char *path,
                         struct error *err)
{
    if (!source->directory)
        source->directory = xstrdup(source->name);
    char inner[CONFIG_PATH_SIZE];
    for (size_t i = 0; i < source->secrets.n; i++) {
        config_path(inner, "%s.secrets[%zu]", path, i);
        if (!check_ref(source->secrets.v[i], inner, err))
            return false;
    }
    for (size_t i = 0; i < source->keys.n; i++) {
        config_path(inner, "%s.keys[%zu].secret", path, i);
        if (!check_ref(source->keys.v[i].secret, inner, err))
            return false;
    }
    config_path(inner, "%s.api", path);
    if (source->api.token && strlen(source->name) > EVENT_NAME_MAX - strlen(CONFIG_SOURCE_PREFIX))
        return error_set(err, ERROR_INPUT, "%s: the source's name is too long for one that is asked", inner);
    if (!check_statuses(source, path, err) || !check_source_api(&source->api, inner, err))
        return false;
    config_path(inner, "%s.options", path);
    return check_name(source->name, path, "name", err) && check_name(source->kind, path, "kind", err) &&
           check_name(source->directory, path, "directory", err) &&
           check_tenant_exists(cfg, source->tenant, path, err) && check_pairs(&source->options, inner, err);
}

static bool check_sources(struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < cfg->sources.n; i++) {
        char path[CONFIG_PATH_SIZE];
        config_path(path, "sources[%zu]", i);
        if (!check_source(cfg, &cfg->sources.v[i], path, err))
            return false;
    }
    return check_unique(cfg->sources.v, cfg->sources.n, sizeof cfg->sources.v[0], "sources", err);
}

/* A target takes persons of one directory: the one it names, or the only one that its tenant has. */
static bool settle_directory(const struct config *cfg, struct config_target *target, const char *path,
                             struct error *err)
{
    if (target->directory)
        return check_name(target->directory, path, "directory", err);
    const char *only = NULL;
    for (size_t i = 0; i < cfg->sources.n; i++) {
        const struct config_source *source = &cfg->sources.v[i];
        if (strcmp(source->tenant, target->tenant) != 0)
            continue;
        if (only && strcmp(only, source->directory) != 0)
            return error_set(
                err, ERROR_INPUT,
                "%s.directory: missing, and tenant \"%s\" has several (\"%s\", \"%s\"): a target takes "
                "persons of one directory",
                path, target->tenant, only, source->directory);
        only = source->directory;
    }
    if (!only)
        return error_set(err, ERROR_INPUT, "%s.directory: missing, and no source of tenant \"%s\" says it",
                         path, target->tenant);
    target->directory = xstrdup(only);
    return true;
}

/* `all` means every target in control records. */
static bool check_target_name(const char *name, const char *path, struct error *err)
{
    if (strcmp(name, "all") == 0)
        return error_set(err, ERROR_INPUT, "%s.name: \"all\" is not a name, it means every target", path);
    if (strncmp(name, CONFIG_SOURCE_PREFIX, strlen(CONFIG_SOURCE_PREFIX)) == 0)
        return error_set(err, ERROR_INPUT,
                         "%s.name: names that begin with \"" CONFIG_SOURCE_PREFIX "\" mean sources", path);
    if (strncmp(name, CONFIG_REST_PREFIX, strlen(CONFIG_REST_PREFIX)) == 0)
        return error_set(err, ERROR_INPUT,
                         "%s.name: names that begin with \"" CONFIG_REST_PREFIX "\" mean REST APIs", path);
    return check_name(name, path, "name", err);
}

size_t config_matches(const struct config_target *target, char *ret[CONFIG_MATCHES_MAX])
{
    size_t n = 0;
    for (const char *from = target->match; *from && n < CONFIG_MATCHES_MAX;) {
        from += strspn(from, ", ");
        size_t length = strcspn(from, ", ");
        if (length > 0)
            ret[n++] = xstrndup(from, length);
        from += length;
    }
    return n;
}

/* What a filter can ask for and, at most, one account has. */
static bool check_match(const char *match, const char *path, struct error *err)
{
    static const char *const known[] = {"userName", "externalId", "employeeNumber", "emails.work"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(match, known[i]) == 0)
            return true;
    return error_set(err, ERROR_INPUT,
                     "%s.match: \"%.64s\" is not userName, externalId, employeeNumber or emails.work", path,
                     match);
}

static bool check_matches(const struct config_target *target, const char *path, struct error *err)
{
    char *matches[CONFIG_MATCHES_MAX];
    size_t n = config_matches(target, matches);
    bool ok = n > 0 || error_set(err, ERROR_INPUT, "%s.match: names no attribute", path);
    for (size_t i = 0; i < n; i++) {
        ok = ok && check_match(matches[i], path, err);
        free(matches[i]);
    }
    return ok;
}

static bool check_target_times(const struct config_target *target, const char *path, struct error *err)
{
    if (!check_pauses(&target->retry, &target->breaker, path, err))
        return false;
    if (target->call_life_ms < target->timeout_ms)
        return error_set(err, ERROR_INPUT, "%s.call_life_ms: less than timeout_ms", path);
    return true;
}

/* At most one way, and each of them whole. */
static bool check_auth(const struct config_target *target, const char *path, struct error *err)
{
    const struct config_auth *auth = &target->auth;
    const struct config_oauth *oauth = &auth->oauth;
    char inner[CONFIG_PATH_SIZE];
    int ways = (target->token != NULL) + (auth->user || auth->password) + (oauth->token_url != NULL);
    if (ways > 1)
        return error_set(err, ERROR_INPUT, "%s: token, auth.user and auth.oauth: only one of them", path);
    if (!auth->user != !auth->password)
        return error_set(err, ERROR_INPUT, "%s.auth: user and password belong together", path);
    if (auth->user && strchr(auth->user, ':'))
        return error_set(err, ERROR_INPUT, "%s.auth.user: without a colon (RFC 7617)", path);
    if (!oauth->token_url != !oauth->client_id || !oauth->client_id != !oauth->client_secret)
        return error_set(err, ERROR_INPUT,
                         "%s.auth.oauth: token_url, client_id and client_secret belong together", path);
    config_path(inner, "%s.auth.oauth", path);
    return !oauth->token_url || check_url(oauth->token_url, inner, "token_url", err);
}

static bool check_target_tls(const struct config_target_tls *tls, const char *path, struct error *err)
{
    return !tls->certificate == !tls->key ||
           error_set(err, ERROR_INPUT, "%s.tls: certificate and key belong together", path);
}

static bool check_team_names(const struct config_team_names *names, const char *path, struct error *err)
{
    char list[CONFIG_PATH_SIZE];
    config_path(list, "%s.teams.names", path);
    return check_unique(names->v, names->n, sizeof names->v[0], list, err);
}

static bool check_rest(const struct config_target *target, const char *path, struct error *err)
{
    char inner[CONFIG_PATH_SIZE];
    config_path(inner, "%s.rest", path);
    if (!target->rest.token != !target->rest.org)
        return error_set(err, ERROR_INPUT, "%s: token and org belong together", inner);
    if (target->rest.token && target->kind != TARGET_MIRO)
        return error_set(err, ERROR_INPUT, "%s: kind miro alone has such an API", inner);
    if (target->rest.token && strlen(target->name) > EVENT_NAME_MAX - strlen(CONFIG_REST_PREFIX))
        return error_set(err, ERROR_INPUT, "%s: the target's name is too long for it", inner);
    return check_url(target->rest.url, inner, "url", err);
}

static bool check_target(const struct config *cfg, struct config_target *target, const char *path,
                         struct error *err)
{
    char limits[CONFIG_PATH_SIZE];
    config_path(limits, "%s.limits", path);
    return check_target_name(target->name, path, err) && check_matches(target, path, err) &&
           check_tenant_exists(cfg, target->tenant, path, err) && settle_directory(cfg, target, path, err) &&
           check_url(target->base_url, path, "base_url", err) && check_target_refs(target, path, err) &&
           check_auth(target, path, err) && check_target_tls(&target->tls, path, err) &&
           check_target_times(target, path, err) && check_team_names(&target->teams.names, path, err) &&
           check_rest(target, path, err) && config_check_teams(target, path, err) &&
           check_unique(target->limits.v, target->limits.n, sizeof target->limits.v[0], limits, err);
}

static bool check_targets(struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < cfg->targets.n; i++) {
        char path[CONFIG_PATH_SIZE];
        config_path(path, "targets[%zu]", i);
        if (!check_target(cfg, &cfg->targets.v[i], path, err))
            return false;
    }
    return check_unique(cfg->targets.v, cfg->targets.n, sizeof cfg->targets.v[0], "targets", err);
}

bool config_check(struct config *cfg, const char *directory, struct error *err)
{
    make_paths_absolute(cfg, directory);
    return check_kafka(&cfg->kafka, err) && check_address(cfg->ingest.listen, "ingest.listen", err) &&
           check_address(cfg->ingest.admin, "ingest.admin", err) && check_tls(&cfg->ingest.tls, err) &&
           check_archive(&cfg->ingest.archive, err) && check_worker(&cfg->worker, err) &&
           check_mode(cfg, err) && check_tenants(cfg, err) && check_sources(cfg, err) &&
           check_targets(cfg, err);
}
