#include "sandbox_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define WINDOW_MS 30000.0 /* of the real Miro */

enum kind { STRING, INTEGER, NUMBER, FLAG, LIST, CHOICE, STATUS };

struct setting {
    const char *name;
    enum kind kind;
    size_t at;
    const char *choices; /* CHOICE: names of the enum's values in order; STATUS: the codes; separated by | */
    const char *help;
};

#define AT(member)   offsetof(struct settings, member)
#define MIRO(member) offsetof(struct settings, miro.member)

static const struct setting table[] = {
    {"profile", CHOICE, MIRO(profile), "miro|scim",
     "Miro, or a server as RFC 7643 and 7644 have it: other defaults, see README"},
    {"port", INTEGER, AT(port), NULL, "port to listen on (0: any free one)"},
    {"port-file", STRING, AT(port_file), NULL, "file to write the port to when ready"},
    {"listen", STRING, AT(listen), NULL, "address to listen on"},
    {"state", STRING, AT(state_file), NULL, "JSON file with users and teams to start with"},
    {"state-out", STRING, AT(state_out), NULL, "file to write the state to at the end"},
    {"latency-ms", INTEGER, AT(latency_ms), NULL, "delay of every SCIM answer"},
    {"latency-jitter-ms", INTEGER, AT(latency_jitter_ms), NULL, "more delay, from 0 to this"},
    {"journal-max", INTEGER, AT(journal_max), NULL, "requests that the journal remembers"},
    {"connections-max", INTEGER, AT(connections_max), NULL, "connections at a time"},
    {"seed", INTEGER, AT(seed), NULL, "of ids and of faults by probability"},
    {"slow-group-patch-members", INTEGER, AT(slow_group_patch_members), NULL,
     "PATCHes of a group with more members are slow: half at once, all later (0: none)"},
    {"slow-group-patch-ms", INTEGER, AT(slow_group_patch_ms), NULL, "how slow"},
    {"token", STRING, MIRO(token), NULL, "SCIM token (default: any will do)"},
    {"oauth-client", STRING, MIRO(oauth_client), NULL,
     "ID=SECRET: SCIM tokens are had at /oauth/token (default: not this way)"},
    {"oauth-life-s", INTEGER, MIRO(oauth_life_s), NULL, "how long such a token is good"},
    {"rest-token", LIST, MIRO(rest_tokens), NULL,
     "REST tokens, each TOKEN or TOKEN=scope+scope (default: any will do)"},
    {"rest-credits", INTEGER, MIRO(rest_credits), NULL, "credits of a REST token per minute"},
    {"org-name", STRING, MIRO(org_name), NULL, "name of the organisation"},
    {"audit-max", INTEGER, MIRO(audit_max), NULL, "audit events that are remembered"},
    {"base-url", STRING, MIRO(base_url), NULL, "base of meta.location and Location"},
    {"default-team", STRING, MIRO(default_team), NULL, "team that every new user joins"},
    {"admin", STRING, MIRO(admin), NULL, "userName of a first company and team admin"},
    {"allowed-domains", LIST, MIRO(allowed_domains), NULL,
     "a,b: e-mail domains, others are 409 not whitelisted"},
    {"claimed-domains", LIST, MIRO(claimed_domains), NULL,
     "a,b: a userName may only leave and enter these, else 400"},
    {"foreign-domains", LIST, MIRO(foreign_domains), NULL,
     "a,b: claimed by another organisation, a userName may not enter them: 400"},
    {"second-org-users", LIST, MIRO(second_org), NULL,
     "userNames that are in two organisations: updates are 409"},
    {"domain-teams", LIST, MIRO(domain_teams), NULL,
     "domain=team,...: new users of the domain join that team too"},
    {"licences", LIST, MIRO(licences), NULL, "userTypes that the organisation has (default: all)"},
    {"custom-roles", LIST, MIRO(custom_roles), NULL,
     "admin roles beside the prebuilt ones (default: any name will do)"},
    {"default-licence", STRING, MIRO(default_licence), NULL, "userType of new users"},
    {"full-licences", INTEGER, MIRO(full_licences), NULL,
     "seats; later users are Free Restricted (-1: no end)"},
    {"seats-full", CHOICE, MIRO(seats_full), "restrict|400|409", "Full is asked for when none is left"},
    {"group-mode", CHOICE, MIRO(group_mode), "team|user_group", "what a SCIM group is"},
    {"duplicate-status", STATUS, MIRO(duplicate_status), "400|409", "POST of an existing userName"},
    {"rename-duplicate-status", STATUS, MIRO(rename_duplicate_status), "400|409",
     "PATCH or PUT to an existing one"},
    {"count-over-max-is-error", FLAG, MIRO(count_over_max_is_error), NULL,
     "count > 1000: 400 instead of 1000"},
    {"omit-paging", FLAG, MIRO(omit_paging_when_unpaged), NULL,
     "no startIndex and itemsPerPage in unpaged lists"},
    {"internal-location", FLAG, MIRO(internal_location), NULL, "meta.location names an internal host"},
    {"scim-disabled", FLAG, MIRO(scim_disabled), NULL, "everything is 403"},
    {"licences-full-only", FLAG, MIRO(licences_full_only), NULL, "userType: only Full is accepted"},
    {"admin-deactivation-refused", FLAG, MIRO(admin_deactivation_refused), NULL,
     "active=false of an admin: 409"},
    {"recreate-with-new-id", FLAG, MIRO(recreate_with_new_id), NULL, "POST of a deleted userName: new id"},
    {"partial-add-is-error", FLAG, MIRO(partial_add_is_error), NULL, "group Add with an unknown id: 404"},
    {"show-team-admins", FLAG, MIRO(show_team_admins), NULL, "groups list their admins as members"},
    {"frozen-is-silent", FLAG, MIRO(frozen_is_silent), NULL, "frozen attributes: 200 unchanged, not 409"},
    {"downgrade-is-silent", FLAG, MIRO(downgrade_is_silent), NULL,
     "licence downwards: 200 unchanged, not 400"},
    {"delete-needs-inactive", FLAG, MIRO(delete_needs_inactive), NULL, "DELETE of an active user: 409"},
    {"delete-deactivates", FLAG, MIRO(delete_deactivates), NULL, "DELETE: 204, but only deactivated"},
    {"deactivation-restricts", FLAG, MIRO(deactivation_restricts), NULL,
     "active=false: stays active, as Free Restricted"},
    {"put-clears", FLAG, MIRO(put_clears), NULL, "PUT clears what it does not name"},
    {"patch", CHOICE, MIRO(patch), "body|empty|empty-when-unchanged|501|405",
     "answer to PATCH: 200 with the resource, 204, or PATCH is not supported"},
    {"filter", CHOICE, MIRO(filtering), "yes|refused|ignored", "what becomes of filters"},
    {"etag", CHOICE, MIRO(etag), "off|on|required", "ETag, If-Match, If-None-Match; required: else 428"},
    {"members", CHOICE, MIRO(members), "shown|asked|hidden", "groups show their members"},
    {"paging", CHOICE, MIRO(paging), "index|cursor|both", "startIndex, or RFC 9865"},
    {"page-default", INTEGER, MIRO(page_default), NULL, "resources on a page without count (0: all)"},
    {"page-max", INTEGER, MIRO(page_max), NULL, "resources on a page at most (0: no end)"},
    {"past-end", CHOICE, MIRO(past_end), "empty|first-page", "startIndex behind the last resource"},
    {"total-is-page", FLAG, MIRO(total_is_page), NULL, "totalResults is what the page holds"},
    {"items-are-count", FLAG, MIRO(items_are_count), NULL, "itemsPerPage is the count asked for"},
    {"names-case-exact", FLAG, MIRO(names_case_exact), NULL,
     "userName eq finds the exact spelling only, POST still compares without case"},
    {"remove-list", CHOICE, MIRO(remove_list), "listed|refused|everybody",
     "Remove of members with a list as value"},
    {"booleans-strict", FLAG, MIRO(booleans_strict), NULL, "\"true\" is no boolean: 400"},
    {"unknown-method-404", FLAG, MIRO(unknown_method_404), NULL, "instead of 405"},
    {"rates", CHOICE, MIRO(rates), "developers|help", "which of Miro's two tables of limits"},
    {"window", CHOICE, MIRO(window), "fixed|sliding", "kind of the limits' window"},
    {"window-scale", NUMBER, AT(window_scale), NULL, "multiplies the window of 30 s"},
    {"share-levels", FLAG, MIRO(share_levels), NULL, "calls of one level share one counter"},
    {"enforce-limits", FLAG, MIRO(enforce_limits), NULL, "false: counted, but never 429"},
    {"retry-after", FLAG, MIRO(retry_after), NULL, "429 carries Retry-After"},
    {"rate-headers", FLAG, MIRO(rate_headers), NULL, "send X-RateLimit-Limit, -Remaining, -Reset"},
};

void settings_default(struct settings *s)
{
    *s = (struct settings){.listen = "127.0.0.1",
                           .window_scale = 1,
                           .journal_max = 100000,
                           .connections_max = 16000,
                           .slow_group_patch_ms = 60000};
    miro_config_default(&s->miro);
    s->miro.admin = "admin@example.com";
    s->miro.audit_max = 100000;
}

/* ---- one value ----------------------------------------------------------------------------------------- */

/* Index of the word in "a|b|c", -1 when it is none of them. */
static int choice_of(const char *choices, const char *word)
{
    int i = 0;
    for (const char *p = choices; *p; i++) {
        size_t n = strcspn(p, "|");
        if (strlen(word) == n && strncmp(p, word, n) == 0)
            return i;
        p += n + (p[n] == '|');
    }
    return -1;
}

static bool read_integer(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return *text && !*end && errno == 0;
}

static bool read_number(const char *text, double *ret)
{
    char *end;
    *ret = strtod(text, &end);
    return *text && !*end && *ret > 0 && *ret < 1e6;
}

static const char *const *read_list(const char *text)
{
    const char **list = xcalloc(strlen(text) + 2, sizeof *list);
    size_t n = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        if (len > 0)
            list[n++] = xstrndup(p, len);
        p += len + (p[len] == ',');
    }
    return list;
}

static void free_list(const char *const *list)
{
    for (size_t i = 0; list && list[i]; i++)
        free((char *)list[i]);
    free((void *)list);
}

static bool read_flag(const char *text, bool *ret)
{
    *ret = !text || strcmp(text, "true") == 0;
    return *ret || strcmp(text, "false") == 0;
}

static void set_string(struct settings *s, const char **to, const char *text)
{
    if (!s->owned) {
        *to = text;
        return;
    }
    char *copy = xstrdup_null(text);
    free((char *)*to);
    *to = copy;
}

static bool set(const struct setting *st, struct settings *s, const char *text)
{
    char *to = (char *)s + st->at;
    if (st->kind == FLAG)
        return read_flag(text, (bool *)to);
    if (!text)
        return false;
    int choice = st->choices ? choice_of(st->choices, text) : -1;
    switch (st->kind) {
    case STRING:
        set_string(s, (const char **)(void *)to, *text ? text : NULL);
        return true;
    case INTEGER:
        return read_integer(text, (int64_t *)(void *)to);
    case NUMBER:
        return read_number(text, (double *)(void *)to);
    case LIST:
        free_list(*(const char *const **)(void *)to);
        *(const char *const **)(void *)to = read_list(text);
        return true;
    case CHOICE:
        *(unsigned *)(void *)to = (unsigned)choice;
        return choice >= 0;
    case STATUS:
        *(int *)(void *)to = (int)strtol(text, NULL, 10);
        return choice >= 0;
    case FLAG:
        break;
    }
    return false;
}

/* ---- the command line: --name value, --name=value, --flag, --flag=false -------------------------------- */

static const struct setting *find(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strlen(table[i].name) == n && strncmp(table[i].name, name, n) == 0)
            return &table[i];
    return NULL;
}

/* Reads the option at argv[*at] and moves *at to the next one. */
static bool take(int argc, char **argv, int *at, struct settings *s, struct error *err)
{
    const char *word = argv[(*at)++];
    size_t n = strcspn(word, "=");
    const struct setting *st = strncmp(word, "--", 2) == 0 ? find(word + 2, n - 2) : NULL;
    if (!st)
        return error_set(err, ERROR_INPUT, "unknown option %.*s (see --help)", (int)n, word);
    const char *value = word[n] ? word + n + 1 : NULL;
    if (!value && st->kind != FLAG) {
        if (*at >= argc)
            return error_set(err, ERROR_INPUT, "no value after --%s", st->name);
        value = argv[(*at)++];
    }
    s->own_location &= st->at != MIRO(base_url);
    return set(st, s, value) ||
           error_set(err, ERROR_INPUT, "--%s: '%s' will not do%s%s", st->name, value ? value : "",
                     st->choices ? ", one of " : "", st->choices ? st->choices : "");
}

static bool check(struct settings *s, struct error *err)
{
    if (s->port < 0 || s->port > 65535 || s->latency_ms < 0 || s->latency_jitter_ms < 0 ||
        s->journal_max < 1 || s->connections_max < 1 || s->slow_group_patch_members < 0 ||
        s->slow_group_patch_ms < 0 || s->miro.oauth_life_s < 1)
        return error_set(err, ERROR_INPUT, "a number is out of range");
    if (!s->miro.base_url || !s->miro.default_licence || !s->listen)
        return error_set(err, ERROR_INPUT, "base-url, default-licence and listen need a value");
    if (s->miro.oauth_client && !strchr(s->miro.oauth_client, '='))
        return error_set(err, ERROR_INPUT, "oauth-client: not ID=SECRET");
    s->miro.window_ms = (int64_t)(WINDOW_MS * s->window_scale);
    if (s->miro.window_ms < 1)
        s->miro.window_ms = 1;
    s->miro.rest_window_ms = (int64_t)(2 * WINDOW_MS * s->window_scale);
    s->miro.seed = (uint64_t)s->seed;
    return true;
}

/* The profile changes what the other options start from, wherever it stands. */
static bool profile_is_scim(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--profile=scim") == 0 ||
            (strcmp(argv[i], "--profile") == 0 && i + 1 < argc && strcmp(argv[i + 1], "scim") == 0))
            return true;
    return false;
}

static void use_scim(struct settings *s)
{
    miro_config_profile(&s->miro, MIRO_PROFILE_SCIM);
    s->own_location = true;
}

bool settings_parse(int argc, char **argv, struct settings *ret, struct error *err)
{
    settings_default(ret);
    if (profile_is_scim(argc, argv))
        use_scim(ret);
    for (int at = 1; at < argc;) {
        if (strcmp(argv[at], "--help") == 0) {
            ret->help = true;
            return true;
        }
        if (!take(argc, argv, &at, ret, err))
            return false;
    }
    return check(ret, err);
}

void settings_done(struct settings *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        char *at = (char *)s + table[i].at;
        if (table[i].kind == LIST) {
            free_list(*(const char *const **)(void *)at);
            *(const char *const **)(void *)at = NULL;
        } else if (table[i].kind == STRING && s->owned) {
            set_string(s, (const char **)(void *)at, NULL);
        }
    }
}

/* ---- a copy, and its changes --------------------------------------------------------------------------- */

static const char *const *copy_list(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    const char **copy = list ? xcalloc(n + 1, sizeof *copy) : NULL;
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

void settings_copy(struct settings *to, const struct settings *from)
{
    *to = *from;
    to->owned = true;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        void *at = (char *)to + table[i].at;
        if (table[i].kind == LIST)
            *(const char *const **)at = copy_list(*(const char *const **)at);
        else if (table[i].kind == STRING)
            *(const char **)at = xstrdup_null(*(const char **)at);
    }
}

/* Only what is asked for at each request can change while the program runs. */
static bool changeable(const struct setting *st)
{
    return (st->at >= offsetof(struct settings, miro) && st->at != MIRO(profile)) ||
           st->at == AT(window_scale) || st->at == AT(latency_ms) || st->at == AT(latency_jitter_ms) ||
           st->at == AT(slow_group_patch_members) || st->at == AT(slow_group_patch_ms);
}

/* The value as on the command line. */
static char *text_of(const cJSON *value)
{
    struct buf list;
    int64_t n;
    if (cJSON_IsBool(value))
        return xstrdup(cJSON_IsTrue(value) ? "true" : "false");
    if (json_to_int64(value, &n))
        return xasprintf("%" PRId64, n);
    if (cJSON_IsNumber(value))
        return xasprintf("%g", value->valuedouble);
    if (!cJSON_IsArray(value))
        return xstrdup(cJSON_IsString(value) ? value->valuestring : "");
    buf_init(&list, 1 << 20);
    for (const cJSON *el = value->child; el; el = el->next)
        if (cJSON_IsString(el))
            buf_addf(&list, "%s%s", list.n ? "," : "", el->valuestring);
    return buf_take(&list);
}

static bool change_one(struct settings *s, const cJSON *member, struct error *err)
{
    const struct setting *st = find(member->string, strlen(member->string));
    if (!st || !changeable(st))
        return error_set(err, ERROR_INPUT, "%.60s: cannot be changed", member->string);
    char *text = text_of(member);
    bool done = (st->kind == LIST && cJSON_IsNull(member)) || set(st, s, text);
    if (st->kind == LIST && cJSON_IsNull(member)) {
        free_list(*(const char *const **)(void *)((char *)s + st->at));
        *(const char *const **)(void *)((char *)s + st->at) = NULL;
    }
    free(text);
    return done || error_set(err, ERROR_INPUT, "%.60s: will not do", member->string);
}

bool settings_change(struct settings *s, const cJSON *object, struct error *err)
{
    struct settings draft;
    if (!cJSON_IsObject(object))
        return error_set(err, ERROR_INPUT, "an object of settings is expected");
    settings_copy(&draft, s);
    bool done = true;
    for (const cJSON *el = object->child; el && done; el = el->next)
        done = change_one(&draft, el, err);
    done = done && check(&draft, err);
    if (done) {
        settings_done(s);
        *s = draft;
    } else {
        settings_done(&draft);
    }
    return done;
}

/* ---- showing ------------------------------------------------------------------------------------------- */

static void choice_name(const char *choices, unsigned i, char *out, size_t size)
{
    for (; i > 0; i--)
        choices += strcspn(choices, "|") + 1;
    snprintf(out, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

static void put(const struct setting *st, const struct settings *s, struct json_out *w)
{
    const char *from = (const char *)s + st->at;
    char text[64];
    switch (st->kind) {
    case STRING:
        if (strcmp(st->name, "token") != 0 && strcmp(st->name, "oauth-client") != 0)
            json_put_string(w, st->name, *(const char *const *)(const void *)from);
        break;
    case INTEGER:
        json_put_int(w, st->name, *(const int64_t *)(const void *)from);
        break;
    case STATUS:
        json_put_int(w, st->name, *(const int *)(const void *)from);
        break;
    case NUMBER:
        snprintf(text, sizeof text, "%g", *(const double *)(const void *)from);
        json_put_raw(w, st->name, str_of(text));
        break;
    case FLAG:
        json_put_bool(w, st->name, *(const bool *)from);
        break;
    case CHOICE:
        choice_name(st->choices, *(const unsigned *)(const void *)from, text, sizeof text);
        json_put_string(w, st->name, text);
        break;
    case LIST: {
        const char *const *list = *(const char *const *const *)(const void *)from;
        json_open(w, st->name, '[');
        for (size_t i = 0; list && list[i]; i++)
            json_put_string(w, NULL, list[i]);
        json_close(w);
        break;
    }
    }
}

void settings_put_json(const struct settings *s, struct json_out *w, const char *name)
{
    json_open(w, name, '{');
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        put(&table[i], s, w);
    json_close(w);
}

/* The defaults in the help are those of the code. */
void settings_print_help(void)
{
    struct settings s;
    struct buf line;
    settings_default(&s);
    printf("usage: miro-sandbox [--name value] ...\nA Miro to develop SCIM clients against. Switches are on "
           "with "
           "--name, off with --name=false.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct json_out w;
        buf_init(&line, 4096);
        json_out_init(&w, &line);
        put(&table[i], &s, &w);
        const char *value = line.p ? strchr(line.p, ':') + 1 : "null";
        printf("  --%-28s %s%s%s [%s]\n", table[i].name, table[i].help, table[i].choices ? ": " : "",
               table[i].choices ? table[i].choices : "",
               strcmp(value, "null") == 0 || strcmp(value, "[]") == 0 ? "none" : value);
        buf_done(&line);
    }
}
