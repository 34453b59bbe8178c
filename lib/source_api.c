#include "source_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_lua.h"
#include "json.h"
#include "mem.h"

static bool wrong(struct error *err, const char *key, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s: %s", key, what);
}

/* ---- the declarative part ------------------------------------------------------------------------------ */

static bool check_keys(lua_State *L, const char *const *known, const char *path, struct error *err)
{
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool ok = false;
        for (const char *const *k = known; *k && !ok; k++)
            ok = strcmp(*k, key) == 0;
        if (!ok) {
            error_set(err, ERROR_INPUT, "%s.%.64s: no such key", path, key);
            lua_pop(L, 2);
            return false;
        }
    }
    return true;
}

/* Text that can stand in a header line or a URL; absent leaves *out. */
static bool read_text(lua_State *L, const char *key, char out[SOURCE_API_TEXT_MAX], struct error *err)
{
    char path[64];
    struct str text;
    bool present;
    snprintf(path, sizeof path, "api.%s", key);
    if (!lua_host_field_string(L, -1, key, &text, &present))
        return !present || wrong(err, path, "must be a string");
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return wrong(err, path, "must be printable ASCII");
    if (text.n >= SOURCE_API_TEXT_MAX)
        return wrong(err, path, "is too long");
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

static bool read_auth(lua_State *L, struct source_api *api, struct error *err)
{
    static const char *const names[] = {
        [SOURCE_AUTH_BEARER] = "bearer", [SOURCE_AUTH_BASIC] = "basic", [SOURCE_AUTH_HEADER] = "header"};
    char word[SOURCE_API_TEXT_MAX] = "bearer";
    if (!read_text(L, "auth", word, err) || !read_text(L, "header", api->header, err) ||
        !read_text(L, "prefix", api->prefix, err))
        return false;
    size_t auth = 0;
    while (auth < ARRAY_SIZE(names) && strcmp(names[auth], word) != 0)
        auth++;
    if (auth == ARRAY_SIZE(names))
        return wrong(err, "api.auth", "must be bearer, basic or header");
    api->auth = (enum source_auth)auth;
    if ((api->auth == SOURCE_AUTH_HEADER) != (api->header[0] != '\0') || strpbrk(api->header, ": "))
        return wrong(err, "api.header", "names the header with auth = \"header\", and only there");
    return api->auth == SOURCE_AUTH_HEADER || !api->prefix[0] ||
           wrong(err, "api.prefix", "goes with auth = \"header\" only");
}

static bool read_count(lua_State *L, const char *key, int64_t *ret, struct error *err)
{
    bool present;
    return (lua_host_field_integer(L, -1, key, ret, &present) && *ret >= 1 && *ret <= 1000000) ||
           error_set(err, ERROR_INPUT, "api.limit.%s: must be an integer from 1 to 1000000", key);
}

static bool read_limit(lua_State *L, struct source_api *api, struct error *err)
{
    static const char *const keys[] = {"requests", "per_s", NULL};
    int type = lua_host_field(L, -1, "limit");
    bool ok = type == LUA_TNIL || (type == LUA_TTABLE ? check_keys(L, keys, "api.limit", err) &&
                                                            read_count(L, "requests", &api->requests, err) &&
                                                            read_count(L, "per_s", &api->per_s, err)
                                                      : wrong(err, "api.limit", "must be a table"));
    lua_pop(L, 1);
    return ok;
}

/* The table `api` on top of the stack. */
static bool read_api(lua_State *L, struct source_api *api, struct error *err)
{
    static const char *const keys[] = {"base_url", "auth", "header", "prefix", "limit", NULL};
    static const char https[] = "https://";
    if (!check_keys(L, keys, "api", err) || !read_text(L, "base_url", api->base_url, err) ||
        !read_auth(L, api, err) || !read_limit(L, api, err))
        return false;
    size_t n = strlen(api->base_url);
    bool url = n > strlen(https) && strncmp(api->base_url, https, strlen(https)) == 0 &&
               api->base_url[n - 1] != '/' && !strpbrk(api->base_url, " ?#@");
    return n == 0 || url ||
           wrong(err, "api.base_url",
                 "must be an https:// URL without user, query, fragment and slash at its end");
}

static bool read_pair(struct lua_host *host, lua_script script, const char *ask, const char *hear, bool *ret,
                      struct error *err)
{
    bool asks = lua_host_has_function(host, script, ask);
    *ret = asks && lua_host_has_function(host, script, hear);
    return asks == lua_host_has_function(host, script, hear) ||
           error_set(err, ERROR_INPUT, "%s and %s: a file has both functions or neither", ask, hear);
}

bool source_api_read(struct lua_host *host, lua_script script, struct source_api *ret, struct error *err)
{
    lua_State *L = lua_host_state(host);
    struct source_api api = {.requests = 300, .per_s = 60};
    lua_host_push_table(host, script);
    int type = lua_host_field(L, -1, "api");
    bool ok = type == LUA_TNIL ||
              (type == LUA_TTABLE ? read_api(L, &api, err) : wrong(err, "api", "must be a table"));
    lua_pop(L, 2);
    if (!ok || !read_pair(host, script, "fetch", "person", &api.fetches, err) ||
        !read_pair(host, script, "list", "page", &api.lists, err))
        return false;
    *ret = api;
    return true;
}

void source_api_header(const struct source_api *api, char *out, size_t size)
{
    static const char *const lines[] = {
        [SOURCE_AUTH_BEARER] = "Authorization: Bearer ", [SOURCE_AUTH_BASIC] = "Authorization: Basic "};
    if (api->auth == SOURCE_AUTH_HEADER)
        snprintf(out, size, "%s: %s", api->header, api->prefix);
    else
        snprintf(out, size, "%s", lines[api->auth]);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool read_method(lua_State *L, struct source_request *r, struct error *err)
{
    if (!event_lua_text(L, "method", 8, &r->method, err))
        return false;
    r->method = r->method ? r->method : xstrdup("GET");
    return strcmp(r->method, "GET") == 0 || strcmp(r->method, "POST") == 0 ||
           wrong(err, "method", "must be GET or POST");
}

/* A segment "." or "..". */
static bool climbs(const char *path)
{
    for (const char *p = path; (p = strstr(p, "/.")); p += 2) {
        p += p[2] == '.';
        if (p[2] == '\0' || p[2] == '/' || p[2] == '?')
            return true;
    }
    return false;
}

/* Below the base URL, whatever a subject may hold: neither another host nor a way up. */
static bool read_path(lua_State *L, struct source_request *r, struct error *err)
{
    if (!event_lua_text(L, "path", SOURCE_PATH_MAX, &r->path, err))
        return false;
    return (r->path && r->path[0] == '/' && is_visible(r->path) && !strchr(r->path, '#') &&
            !climbs(r->path)) ||
           wrong(err, "path", "must begin with / and hold nothing that has to be escaped");
}

static bool add_header(struct source_request *r, struct str name, struct str value, struct error *err)
{
    static const char *const ours[] = {"authorization",     "host",       "content-length",
                                       "transfer-encoding", "connection", "cookie"};
    char *line = xasprintf("%.*s: %.*s", (int)name.n, name.p, (int)value.n, value.p);
    bool ok = name.n > 0 && strlen(line) == name.n + 2 + value.n && strlen(line) <= SOURCE_HEADER_MAX &&
              r->n_headers < SOURCE_HEADERS_SENT_MAX;
    for (size_t i = 0; ok && i < name.n; i++)
        ok = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') ||
             name.p[i] == '-';
    for (size_t i = 0; ok && i < value.n; i++)
        ok = value.p[i] >= ' ' && value.p[i] <= '~';
    for (size_t i = 0; ok && i < ARRAY_SIZE(ours); i++)
        ok = !str_eq(name, str_of(ours[i]));
    if (!ok) {
        free(line);
        return wrong(err, "headers", "few, lower-case names, printable values; not those that are ours");
    }
    r->headers = xreallocarray(r->headers, r->n_headers + 1, sizeof *r->headers);
    r->headers[r->n_headers++] = line;
    return true;
}

static int order_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_headers(lua_State *L, struct source_request *r, struct error *err)
{
    int type = lua_host_field(L, -1, "headers");
    bool ok = type == LUA_TNIL || type == LUA_TTABLE || wrong(err, "headers", "must be a table");
    for (lua_pushnil(L); ok && type == LUA_TTABLE && lua_next(L, -2);) {
        struct str name = {0}, value = {0};
        if (lua_type(L, -2) == LUA_TSTRING)
            name.p = lua_tolstring(L, -2, &name.n);
        if (lua_type(L, -1) == LUA_TSTRING)
            value.p = lua_tolstring(L, -1, &value.n);
        ok = value.p ? add_header(r, name, value, err) : wrong(err, "headers", "must be strings");
        lua_pop(L, 1);
    }
    if (r->n_headers > 0)
        qsort(r->headers, r->n_headers, sizeof *r->headers, order_lines);
    return ok;
}

static bool read_body(lua_State *L, struct source_request *r, struct error *err)
{
    if (!event_lua_text(L, "body", SOURCE_BODY_MAX, &r->body, err))
        return false;
    r->body_n = r->body ? strlen(r->body) : 0;
    return !r->body || strcmp(r->method, "POST") == 0 || wrong(err, "body", "goes with POST only");
}

/* The script's result, on top of the stack. */
static bool read_request(lua_State *L, struct source_request *ret, struct error *err)
{
    static const char *const keys[] = {"method", "path", "headers", "body", NULL};
    struct source_request r = {0};
    if (!lua_istable(L, -1))
        return error_set(err, ERROR_INPUT, "must return a request");
    bool ok = check_keys(L, keys, "request", err) && read_method(L, &r, err) && read_path(L, &r, err) &&
              read_body(L, &r, err);
    int top = lua_gettop(L);
    ok = ok && read_headers(L, &r, err);
    lua_settop(L, top);
    if (!ok) {
        source_request_done(&r);
        return false;
    }
    *ret = r;
    return true;
}

static void push_options(lua_State *L, const struct config_pairs *options)
{
    lua_createtable(L, 0, (int)options->n);
    for (size_t i = 0; i < options->n; i++) {
        lua_pushstring(L, options->v[i].value);
        lua_setfield(L, -2, options->v[i].name);
    }
}

/* fetch and list: one text or nil, and the options. */
static bool ask(const struct source_asked *a, const char *function, const char *text,
                struct source_request *ret, struct error *err)
{
    lua_State *L = lua_host_state(a->host);
    bool ok = lua_host_begin(a->host, a->script, function, err);
    if (ok) {
        lua_pushstring(L, text); /* NULL: nil */
        push_options(L, a->options);
        ok = lua_host_call(a->host, 2, 1, err) &&
             (read_request(L, ret, err) || error_wrap(err, "%s", function));
    }
    lua_host_end(a->host);
    return ok;
}

bool source_api_fetch(const struct source_asked *a, const char *subject, struct source_request *ret,
                      struct error *err)
{
    return ask(a, "fetch", subject, ret, err);
}

bool source_api_list(const struct source_asked *a, const char *cursor, struct source_request *ret,
                     struct error *err)
{
    return ask(a, "list", cursor, ret, err);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* reply = { status, body, headers } */
static void push_reply(struct lua_host *host, const struct source_reply *reply, const cJSON *body)
{
    lua_State *L = lua_host_state(host);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, reply->status);
    lua_setfield(L, -2, "status");
    lua_host_push_json(host, body);
    lua_setfield(L, -2, "body");
    lua_createtable(L, 0, (int)reply->n_headers);
    for (size_t i = 0; i < reply->n_headers; i++) {
        lua_pushstring(L, reply->headers[i].value);
        lua_setfield(L, -2, reply->headers[i].name);
    }
    lua_setfield(L, -2, "headers");
}

static bool read_employment(lua_State *L, struct source_person *p, struct error *err)
{
    char *word = NULL;
    if (!event_lua_text(L, "employment", 16, &word, err))
        return false;
    p->words.type = !word ? EVENT_CHANGED : strcmp(word, "left") == 0 ? EVENT_LEFT : EVENT_JOINED;
    bool ok = !word || strcmp(word, "left") == 0 || strcmp(word, "joined") == 0;
    free(word);
    return ok || wrong(err, "employment", "must be joined, left or nil");
}

static bool read_suspended(lua_State *L, struct source_person *p, struct error *err)
{
    bool present;
    bool says = lua_host_field_boolean(L, -1, "suspended", &p->suspended, &present);
    p->not_suspended = says && !p->suspended;
    return says || !present || wrong(err, "suspended", "must be a boolean");
}

static bool read_complete(lua_State *L, struct source_person *p, struct error *err)
{
    bool present;
    p->words.complete = true;
    return lua_host_field_boolean(L, -1, "complete", &p->words.complete, &present) || !present ||
           wrong(err, "complete", "must be a boolean");
}

/* The table of one person on top of the stack. A person without a profile would be one whose attributes are cleared; the
 * groups that an API lists are all, and where it lists none at all, nothing is said of them. */
static bool read_person(struct lua_host *host, struct source_person *p, struct error *err)
{
    lua_State *L = lua_host_state(host);
    p->known = true;
    if (!read_employment(L, p, err) || !read_suspended(L, p, err) || !read_complete(L, p, err) ||
        !event_lua_profile(host, &p->words, err) ||
        !event_lua_groups(host, &p->words, &p->words.groups_complete, err) ||
        !event_lua_access_until(host, &p->words, err))
        return false;
    for (size_t i = 0; i < p->words.profile.n; i++)
        if (p->words.profile.v[i].value)
            return true;
    return wrong(err, "profile", "is missing or without any value");
}

static bool parse(const struct source_reply *reply, cJSON **ret, struct error *err)
{
    *ret = NULL;
    if (reply->body.n == 0 || json_parse(reply->body, ret, err))
        return true;
    err->kind = ERROR_TEMPORARY;
    return error_wrap(err, "the answer is no JSON");
}

bool source_api_person(const struct source_asked *a, const char *subject, const struct source_reply *reply,
                       struct source_person *ret, struct error *err)
{
    /* As in a page, so that one function of the script can serve both; subject, id and occurredAt are passed over. */
    static const char *const keys[] = {"subject", "id",       "occurredAt", "employment",  "suspended",
                                       "profile", "complete", "groups",     "accessUntil", NULL};
    lua_State *L = lua_host_state(a->host);
    struct source_person p = {0};
    cJSON *body;
    if (!parse(reply, &body, err))
        return false;
    bool ok = lua_host_begin(a->host, a->script, "person", err);
    if (ok) {
        push_reply(a->host, reply, body);
        lua_pushstring(L, subject);
        push_options(L, a->options);
        ok = lua_host_call(a->host, 3, 1, err);
    }
    if (ok && !lua_isnil(L, -1))
        ok = (lua_istable(L, -1) ? check_keys(L, keys, "person", err) && read_person(a->host, &p, err)
                                 : error_set(err, ERROR_INPUT, "must be a table or nil")) ||
             error_wrap(err, "person");
    lua_host_end(a->host);
    cJSON_Delete(body);
    if (!ok) {
        source_person_done(&p);
        return false;
    }
    *ret = p;
    return true;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

static bool read_listed(struct lua_host *host, struct source_listed *p, struct error *err)
{
    static const char *const keys[] = {"subject", "id",       "occurredAt", "employment",  "suspended",
                                       "profile", "complete", "groups",     "accessUntil", NULL};
    lua_State *L = lua_host_state(host);
    if (!lua_istable(L, -1))
        return error_set(err, ERROR_INPUT, "must be a table");
    return check_keys(L, keys, "person", err) &&
           event_lua_text(L, "subject", EVENT_SUBJECT_MAX, &p->subject, err) &&
           event_lua_text(L, "id", EVENT_SUBJECT_MAX, &p->id, err) &&
           event_lua_time(L, "occurredAt", &p->occurred_at_ms, &p->has_occurred, err) &&
           ((p->subject && p->subject[0]) || wrong(err, "subject", "is missing")) &&
           read_person(host, &p->person, err);
}

/* people below the cursor on top of the stack. */
static bool read_page(struct lua_host *host, struct source_page *page, struct error *err)
{
    lua_State *L = lua_host_state(host);
    struct str cursor = {0};
    if (lua_type(L, -1) == LUA_TSTRING)
        cursor.p = lua_tolstring(L, -1, &cursor.n);
    else if (!lua_isnil(L, -1))
        return wrong(err, "cursor", "must be a string or nil");
    for (size_t i = 0; i < cursor.n; i++)
        if ((unsigned char)cursor.p[i] < ' ' || cursor.p[i] == 0x7f)
            return wrong(err, "cursor", "holds a control character");
    if (cursor.n > SOURCE_CURSOR_MAX)
        return wrong(err, "cursor", "is too long");
    page->cursor = cursor.n > 0 ? xstrndup(cursor.p, cursor.n) : NULL;
    lua_pop(L, 1);
    if (!lua_istable(L, -1))
        return error_set(err, ERROR_INPUT, "must return a list of people");
    size_t n = (size_t)lua_rawlen(L, -1);
    if (n > SOURCE_PAGE_PEOPLE_MAX)
        return error_set(err, ERROR_INPUT, "more than %d people on a page", SOURCE_PAGE_PEOPLE_MAX);
    page->v = xcalloc(n, sizeof *page->v);
    while (page->n < n) {
        size_t i = page->n++;
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (!read_listed(host, &page->v[i], err))
            return error_wrap(err, "people[%zu]", i + 1);
        lua_pop(L, 1);
    }
    return true;
}

bool source_api_page(const struct source_asked *a, const struct source_reply *reply, struct source_page *ret,
                     struct error *err)
{
    struct source_page page = {0};
    cJSON *body;
    if (!parse(reply, &body, err))
        return false;
    bool ok = lua_host_begin(a->host, a->script, "page", err);
    if (ok) {
        push_reply(a->host, reply, body);
        push_options(lua_host_state(a->host), a->options);
        ok = lua_host_call(a->host, 2, 2, err) && (read_page(a->host, &page, err) || error_wrap(err, "page"));
    }
    lua_host_end(a->host);
    cJSON_Delete(body);
    if (!ok) {
        source_page_done(&page);
        return false;
    }
    *ret = page;
    return true;
}

void source_page_done(struct source_page *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].subject);
        free(p->v[i].id);
        source_person_done(&p->v[i].person);
    }
    free(p->v);
    free(p->cursor);
    *p = (struct source_page){0};
}
