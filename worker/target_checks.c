#include "target_checks.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"
#include "engine/group_jobs.h"
#include "engine/profile.h"
#include "engine/scim.h"
#include "json.h"
#include "mem.h"

enum { NAME_COLUMN = 12, LINE_SIZE = 1024, PATH_SIZE = 256, TEAM_PAGES_MAX = 200, TEAMS_SHOWN = 10 };

/* No mailbox will ever have it (RFC 2606). */
static const char *const nobody = "nobody@rollcall.invalid";

void target_checks_say(struct target_checks *c, enum check_level level, const char *name, const char *advice,
                       const char *format, ...)
{
    static const char *const levels[] = {"ok", "warning", "failed"};
    char line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    printf("%-8s %-*s ", levels[level], NAME_COLUMN, name);
    cli_put(stdout, line);
    printf("\n");
    if (advice) {
        printf("%*s", 8 + 1 + NAME_COLUMN + 1, "");
        cli_put(stdout, advice);
        printf("\n");
    }
    fflush(stdout);
    c->counts[level]++;
}

#define SAY target_checks_say

static const struct config_target *target(const struct target_checks *c)
{
    return &c->cfg->targets.v[0];
}

static bool is_miro(const struct target_checks *c)
{
    return target(c)->kind == TARGET_MIRO;
}

static bool has_credentials(const struct target_checks *c)
{
    return target(c)->token || target(c)->auth.user || target(c)->auth.oauth.token_url;
}

/* ---- reachable ----------------------------------------------------------------------------------------- */

/* The host of a base URL; the caller frees it. */
static char *host_of(const char *base_url)
{
    const char *host = strstr(base_url, "://") + 3;
    if (*host == '[')
        return xstrndup(host + 1, strcspn(host + 1, "]"));
    return xstrndup(host, strcspn(host, ":/"));
}

static bool has_address(const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool ok = getaddrinfo(host, NULL, &hints, &found) == 0;
    if (ok)
        freeaddrinfo(found);
    return ok;
}

static void say_unreachable(struct target_checks *c, const struct probe_answer *a)
{
    char *host = host_of(target(c)->base_url);
    if (a->failure == FAILURE_TOKEN || a->failure == FAILURE_TOKEN_REFUSED)
        SAY(c, CHECK_FAILED, "token",
            a->failure == FAILURE_TOKEN ? "check targets[].auth.oauth.token_url and whether it is up"
                                        : "check client_id, client_secret, scope and client_auth in "
                                          "targets[].auth.oauth",
            "%s", a->error);
    else if (a->failure == FAILURE_TLS)
        SAY(c, CHECK_FAILED, "reachable",
            "check the certificate, its chain and this host's roots (ca-certificates)", "no TLS with %s: %s",
            host, a->error);
    else if (a->failure == FAILURE_CONNECT && !has_address(host))
        SAY(c, CHECK_FAILED, "reachable", "check base_url and this host's resolver",
            "the name %s has no address", host);
    else if (a->failure == FAILURE_CONNECT)
        SAY(c, CHECK_FAILED, "reachable", "check base_url, the firewall and the proxy (https_proxy)",
            "no connection to %s: %s", host, a->error);
    else
        SAY(c, CHECK_FAILED, "reachable", "try again; raise targets[].timeout_ms if it is always so slow",
            "%s does not answer: %s", host, a->error);
    free(host);
}

/* ---- the first request that matters: may we, and is it SCIM? ------------------------------------------- */

static void say_token_refused(struct target_checks *c, int status)
{
    SAY(c, CHECK_FAILED, "token",
        is_miro(c) ? "generate one in Miro (Company settings, Enterprise integrations, SCIM provisioning) "
                     "and put it where "
                     "targets[].token points; it makes the old one invalid"
                   : "put a valid one where targets[].token or targets[].auth point",
        has_credentials(c) ? "refused (%d)" : "none is configured, and the target wants one (%d)", status);
}

static void say_forbidden(struct target_checks *c)
{
    if (is_miro(c))
        SAY(c, CHECK_FAILED, "SCIM",
            "switch it on in Miro: Company settings, Enterprise integrations, SCIM provisioning; it wants an "
            "Enterprise plan and SAML SSO",
            "switched off for this organisation (403)");
    else
        SAY(c, CHECK_FAILED, "SCIM", "give the token the rights to manage users",
            "the token may not do this (403)");
}

static void say_status(struct target_checks *c, int status)
{
    if (status == 401)
        say_token_refused(c, status);
    else if (status == 403)
        say_forbidden(c);
    else if (status == 404)
        SAY(c, CHECK_FAILED, "SCIM",
            is_miro(c) ? "check base_url: Miro's is https://miro.com/api/v1/scim" : "check base_url",
            "there is none at this path (404)");
    else if (status >= 300 && status < 400)
        SAY(c, CHECK_FAILED, "SCIM", "write into base_url where it leads: redirects are never followed",
            "the target redirects (%d)", status);
    else if (status == 429)
        SAY(c, CHECK_FAILED, "SCIM",
            "something spends the allowance, such as live workers; try again in a minute",
            "the limit is spent (429)");
    else
        SAY(c, CHECK_FAILED, "SCIM", "try again; if it stays so, ask the service's support",
            "the target answers %d", status);
}

/* How many there are of a ListResponse; false: it is none. */
static bool read_total(struct str body, int64_t *ret)
{
    cJSON *root = NULL;
    struct error err;
    if (!json_parse(body, &root, &err))
        return false;
    bool ok = json_int64(root, "totalResults", ret);
    cJSON_Delete(root);
    return ok;
}

static bool check_access(struct target_checks *c)
{
    struct probe_answer a;
    target_probe_get(c->probe, "/Users?startIndex=1&count=1&attributes=userName", &a);
    if (a.outcome != CALL_REPLIED) {
        say_unreachable(c, &a);
        return false;
    }
    bool plain = strncmp(target(c)->base_url, "http://", 7) == 0;
    SAY(c, plain ? CHECK_WARNING : CHECK_OK, "reachable",
        plain ? "token and persons go in clear: for trying out on this host only" : NULL,
        "%s has answered in %lld ms", target(c)->base_url, (long long)a.elapsed_ms);
    if (a.status != 200) {
        say_status(c, a.status);
        return false;
    }
    if (!read_total(a.body, &c->accounts)) {
        SAY(c, CHECK_FAILED, "SCIM", "check base_url", "what answers there is no list of users");
        return false;
    }
    SAY(c, CHECK_OK, "token", NULL, "%s", has_credentials(c) ? "accepted" : "none is needed");
    SAY(c, CHECK_OK, "SCIM", NULL, "switched on; %lld accounts are there", (long long)c->accounts);
    return true;
}

/* ---- what it can --------------------------------------------------------------------------------------- */

static bool supports(const cJSON *root, const char *what)
{
    bool yes = false;
    return json_bool(json_get(root, what), "supported", &yes) && yes;
}

static void check_features(struct target_checks *c, const cJSON *root)
{
    bool patch = supports(root, "patch"), filter = supports(root, "filter");
    int64_t most = 0;
    json_int64(json_get(root, "filter"), "maxResults", &most);
    if (patch && filter)
        SAY(c, CHECK_OK, "can do", NULL, "PATCH, filters (%lld results at most)%s", (long long)most,
            supports(root, "etag") ? ", ETags" : "");
    else if (is_miro(c))
        SAY(c, CHECK_FAILED, "can do", "this is no Miro: kind: scim is for other services",
            "it says that it has no %s", patch ? "filters" : "PATCH");
    else
        SAY(c, CHECK_WARNING, "can do", "try one person (rollcall-worker plan --person) before everybody",
            "it says that it has no %s",
            patch    ? "filters"
            : filter ? "PATCH"
                     : "PATCH and no filters");
}

static void check_config(struct target_checks *c)
{
    struct probe_answer a;
    struct error err;
    cJSON *root = NULL;
    target_probe_get(c->probe, "/ServiceProviderConfig", &a);
    if (a.outcome == CALL_REPLIED && a.status == 200 && json_parse(a.body, &root, &err) &&
        json_get(root, "patch"))
        check_features(c, root);
    else if (a.outcome != CALL_REPLIED)
        SAY(c, CHECK_WARNING, "can do", "try again", "it does not say (/ServiceProviderConfig): %s", a.error);
    else
        SAY(c, CHECK_WARNING, "can do", "try one person (rollcall-worker plan --person) before everybody",
            "it does not say (/ServiceProviderConfig answers %d)", a.status);
    cJSON_Delete(root);
}

/* A service that overlooks the filter shows somebody else's account as everybody's: kind scim reads what it finds, and
 * pages through all of them where filters are no use. */
static void check_lookup(struct target_checks *c)
{
    static const char *const paged =
        "accounts are looked for page by page, which takes long where there are many";
    enum check_level level = is_miro(c) ? CHECK_FAILED : CHECK_WARNING;
    if (target(c)->capabilities.filter == CONFIG_OFF) {
        SAY(c, CHECK_OK, "look-ups", NULL, "page by page, as capabilities.filter: off says");
        return;
    }
    struct probe_answer a;
    int64_t total = 0;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/Users?filter=userName%%20eq%%20%%22%s%%22&startIndex=1&count=1", nobody);
    target_probe_get(c->probe, path, &a);
    if (a.outcome != CALL_REPLIED)
        SAY(c, CHECK_WARNING, "look-ups", "try again", "no answer: %s", a.error);
    else if (a.status == 200 && read_total(a.body, &total) && total > 0)
        SAY(c, level, "look-ups", is_miro(c) ? "this is no Miro" : paged,
            "a filter is overlooked: %lld accounts are said to be %s", (long long)total, nobody);
    else if (a.status == 200 || a.status == 404)
        SAY(c, CHECK_OK, "look-ups", NULL, "by filter; an account is found by its %s", target(c)->match);
    else
        SAY(c, level, "look-ups", is_miro(c) ? "accounts cannot be found by name" : paged,
            "a filter is answered with %d", a.status);
}

static void say_limits(struct target_checks *c)
{
    const struct engine_target *t = &c->engine_config->targets[0];
    struct buf text;
    buf_init(&text, LINE_SIZE);
    for (size_t i = 0; i < t->n_limits; i++)
        buf_addf(&text, "%s%s %u in %lld s", i > 0 ? ", " : "", t->limits[i].class_name, t->limits[i].count,
                 (long long)t->limits[i].window_ms / 1000);
    if (t->n_limits > 0)
        SAY(c, CHECK_OK, "limits", NULL, "%.*s", (int)text.n, text.p);
    else
        SAY(c, CHECK_WARNING, "limits", "say them in targets[].limits, if the service publishes any",
            "none are known");
    buf_done(&text);
}

/* ---- the REST API -------------------------------------------------------------------------------------- */

/* Whether the token has the scope, where it says which it has. */
static bool has_scope(const cJSON *scopes, const char *scope)
{
    char *text = scopes ? cJSON_PrintUnformatted(scopes) : NULL;
    bool has = !text || strcmp(text, "\"\"") == 0 || strcmp(text, "[]") == 0 || strstr(text, scope);
    free(text);
    return has;
}

static void check_rest_token(struct target_checks *c, const cJSON *root)
{
    static const char *const scopes[] = {"organizations:groups:read", "organizations:teams:read",
                                         "organizations:teams:write"};
    const char *org = json_string(json_get(root, "organization"), "id");
    size_t missing = 0;
    for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
        if (has_scope(json_get(root, "scopes"), scopes[i]))
            continue;
        SAY(c, CHECK_FAILED, "REST", "let an app with this scope have the token that targets[].rest.token is",
            "the token lacks the scope %s", scopes[i]);
        missing++;
    }
    if (!org || strcmp(org, target(c)->rest.org) != 0)
        SAY(c, CHECK_FAILED, "REST", "write that into targets[].rest.org, or take another token",
            "the token is of the organisation %s", org ? org : "of no name");
    else if (missing == 0)
        SAY(c, CHECK_OK, "REST", NULL, "%s takes the token, for groups in teams", target(c)->rest.url);
}

static void check_rest(struct target_checks *c)
{
    struct probe_answer a;
    struct error err;
    cJSON *root = NULL;
    if (!target(c)->rest.token)
        return;
    target_probe_get_rest(c->probe, "/v1/oauth-token", &a);
    if (a.outcome != CALL_REPLIED)
        SAY(c, CHECK_FAILED, "REST", "check targets[].rest.url, the firewall and the proxy (https_proxy)",
            "no answer: %s", a.error);
    else if (a.status != 200 || !json_parse(a.body, &root, &err))
        SAY(c, CHECK_FAILED, "REST", "put a valid access token where targets[].rest.token points",
            "the token is refused (%d)", a.status);
    else
        check_rest_token(c, root);
    cJSON_Delete(root);
}

bool target_checks_service(struct target_checks *c)
{
    c->accounts = -1;
    if (!check_access(c))
        return false;
    check_config(c);
    check_lookup(c);
    say_limits(c);
    check_rest(c);
    return true;
}

/* ---- teams --------------------------------------------------------------------------------------------- */

/* One page of them into teams; false: told why not. *next: of the page, and then of the next one. *ret_more: there may be
 * one. */
static bool list_page(struct target_checks *c, struct scim_page *next, struct attrs *teams, bool *ret_more)
{
    struct team_page page = {0};
    struct probe_answer a;
    struct error err;
    struct scim_request rq;
    scim_list_teams(next, &rq);
    target_probe_get(c->probe, rq.path, &a);
    scim_request_done(&rq);
    if (a.outcome != CALL_REPLIED || a.status != 200) {
        if (a.outcome != CALL_REPLIED)
            SAY(c, CHECK_FAILED, "teams", "try again", "cannot be listed: %s", a.error);
        else
            SAY(c, CHECK_FAILED, "teams", a.status == 429 ? "try again in a minute" : NULL,
                "cannot be listed: the target answers %d", a.status);
        return false;
    }
    if (!scim_parse_teams(a.body, teams, &page, &err)) {
        SAY(c, CHECK_FAILED, "teams", NULL, "cannot be listed: %s", err.message);
        return false;
    }
    free((void *)(uintptr_t)next->cursor);
    next->cursor = page.cursor;
    next->start += page.n;
    *ret_more =
        page.n > 0 &&
        (page.cursor || (page.total < 0 ? page.n >= next->count : next->start - 1 < (size_t)page.total));
    return true;
}

static bool list(struct target_checks *c, struct attrs *teams)
{
    struct scim_page next = {.start = 1, .count = profile_find(c->engine_config->targets[0].kind)->list_page};
    bool more = true, ok = true;
    if (target(c)->capabilities.cursor == CONFIG_ON)
        next.cursor = xstrdup("");
    for (size_t pages = 0; ok && more && pages < TEAM_PAGES_MAX; pages++)
        ok = list_page(c, &next, teams, &more);
    free((void *)(uintptr_t)next.cursor);
    return ok;
}

static size_t count_named(const struct attrs *teams, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < teams->n; i++)
        n += teams->v[i].value && strcmp(teams->v[i].value, name) == 0;
    return n;
}

/* By the name that it has there; of a group that is ours to make there is one, sooner or later. */
static size_t count_found(const struct target_checks *c, const struct attrs *teams, const char *name)
{
    const struct engine_target *t = &c->engine_config->targets[0];
    const char *group = groups_name(t, name);
    size_t found = count_named(teams, group);
    return found == 0 && groups_makes(t, group) ? 1 : found;
}

static size_t say_team(struct target_checks *c, const char *name, size_t found)
{
    if (found == 1)
        return 0;
    if (found == 0)
        SAY(c, CHECK_FAILED, "teams", "make the team at the target, by exactly this name, or mend the policy",
            "\"%s\" is not there", name);
    else
        SAY(c, CHECK_FAILED, "teams", "give them names of their own: nobody is put into either",
            "\"%s\" is there %zu times", name, found);
    return 1;
}

void target_checks_teams(struct target_checks *c, const struct attrs *wanted)
{
    struct attrs teams = {0};
    size_t wrong = 0, shown = 0;
    if (wanted->n == 0) {
        SAY(c, CHECK_OK, "teams", NULL, "the policy names none for those asked about");
        return;
    }
    if (target(c)->group_mode == GROUPS_NONE) {
        SAY(c, CHECK_WARNING, "teams", "say group_mode, or leave teams out of the policy",
            "the policy names %zu, and group_mode: none touches no membership", wanted->n);
        return;
    }
    if (list(c, &teams)) {
        for (size_t i = 0; i < wanted->n; i++) {
            size_t found = count_found(c, &teams, wanted->v[i].name);
            wrong += found != 1;
            if (shown < TEAMS_SHOWN)
                shown += say_team(c, wanted->v[i].name, found);
        }
        if (wrong == 0)
            SAY(c, CHECK_OK, "teams", NULL, "the policy names %zu, all of them are there (of %zu)", wanted->n,
                teams.n);
        else if (wrong > shown)
            SAY(c, CHECK_FAILED, "teams", NULL, "and %zu more", wrong - shown);
    }
    attrs_done(&teams);
}
