#include "source_rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <lua.h>

#include "mem.h"
#include "source_api.h"
#include "verify_rules.h"

static const struct rules_word formats[] = {{"auto", SOURCE_AUTO},   {"json", SOURCE_JSON},
                                            {"lines", SOURCE_LINES}, {"form", SOURCE_FORM},
                                            {"xml", SOURCE_XML},     {NULL, 0}};

/* ---- lists of names ------------------------------------------------------------------------------------ */

struct names {
    char (*v)[SOURCE_TEXT_MAX];
    size_t n, max;
    bool lower;
};

static bool read_name(struct rules_reader *r, void *ctx)
{
    struct names *names = ctx;
    size_t n = 0;
    const char *text = lua_type(r->L, -1) == LUA_TSTRING ? lua_tolstring(r->L, -1, &n) : NULL;
    if (!text || n == 0 || n >= SOURCE_TEXT_MAX || strlen(text) != n)
        return error_set(r->err, ERROR_INPUT, "%s: must be a short string", r->path);
    for (size_t i = 0; i <= n; i++)
        names->v[names->n][i] = names->lower ? (char)tolower((unsigned char)text[i]) : text[i];
    names->n++;
    return true;
}

static bool read_names(struct rules_reader *r, void *ctx)
{
    struct names *names = ctx;
    return rules_list(r, names->max, read_name, names);
}

/* ---- options of the configured source -------------------------------------------------------------------- */

/* "type.*" stands for type.<anything>. */
static bool names_option(const char *known, const char *option)
{
    size_t n = strlen(known);
    if (n > 2 && strcmp(known + n - 2, ".*") == 0)
        return strncmp(known, option, n - 1) == 0 && option[n - 1];
    return strcmp(known, option) == 0;
}

static bool unknown_option(struct rules_reader *r, const struct names *known, const char *option)
{
    struct buf list;
    buf_init(&list, sizeof r->err->message);
    for (size_t i = 0; i < known->n; i++)
        buf_addf(&list, "%s%s", i > 0 ? ", " : "; there are: ", known->v[i]);
    error_set(r->err, ERROR_INPUT, "option %s: this kind of source has no such option%s", option,
              list.n > 0 && buf_ok(&list) ? list.p : "");
    buf_done(&list);
    return false;
}

/* The file's `options`; where it has no such list, it takes any. */
static bool check_options(struct rules_reader *r)
{
    char v[SOURCE_OPTIONS_MAX][SOURCE_TEXT_MAX];
    struct names known = {v, 0, SOURCE_OPTIONS_MAX, false};
    bool listed = lua_host_field(r->L, -1, "options") != LUA_TNIL;
    lua_pop(r->L, 1);
    if (!rules_table(r, "options", false, read_names, &known))
        return false;
    for (size_t i = 0; listed && i < r->options->n; i++) {
        size_t at = 0;
        while (at < known.n && !names_option(known.v[at], r->options->v[i].name))
            at++;
        if (at == known.n)
            return unknown_option(r, &known, r->options->v[i].name);
    }
    return true;
}

/* ---- handshakes ---------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct source_reply_header *)a)->name,
                  ((const struct source_reply_header *)b)->name);
}

/* Headers of the reply: name → value, both short; in the order of their names, as Lua's is by chance. */
static bool read_reply_headers(struct rules_reader *r, void *ctx)
{
    struct source_handshake *h = ctx;
    lua_State *L = r->L;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (h->n_headers == SOURCE_REPLY_HEADERS_MAX || !name[0] || !value[0] ||
            strlen(name) >= SOURCE_TEXT_MAX || strlen(value) >= SOURCE_TEXT_MAX) {
            lua_pop(L, 2);
            return error_set(r->err, ERROR_INPUT, "%s: at most %d short headers", r->path,
                             SOURCE_REPLY_HEADERS_MAX);
        }
        snprintf(h->headers[h->n_headers].name, SOURCE_TEXT_MAX, "%s", name);
        snprintf(h->headers[h->n_headers++].value, SOURCE_TEXT_MAX, "%s", value);
        lua_pop(L, 1);
    }
    qsort(h->headers, h->n_headers, sizeof h->headers[0], by_name);
    return true;
}

static bool read_reply(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"member", "text", "headers", NULL};
    struct source_handshake *h = ctx;
    return rules_check_keys(r, keys) && rules_text(r, "member", false, h->member, sizeof h->member) &&
           rules_boolean(r, "text", &h->text) && rules_table(r, "headers", false, read_reply_headers, h);
}

static bool read_handshake(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"method", "header", "query",   "body", "text",
                                       "is",     "reply",  "capture", NULL};
    static const char *const by[] = {"header", "query", "body", "text"}; /* in the order of the enumeration */
    struct source *src = ctx;
    struct source_handshake *h = &src->handshakes[src->n_handshakes++];
    unsigned count = 0;
    if (lua_type(r->L, -1) != LUA_TTABLE)
        return error_set(r->err, ERROR_INPUT, "%s: must be a table", r->path);
    if (!rules_check_keys(r, keys) || !rules_text(r, "method", true, h->method, sizeof h->method))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
        char text[SOURCE_TEXT_MAX] = "";
        if (!rules_text(r, by[i], false, text, sizeof text))
            return false;
        if (!text[0])
            continue;
        count++;
        h->by = (enum source_asking)i;
        memcpy(h->name, text, sizeof h->name);
    }
    if (count != 1)
        return rules_fail(r, "header", "give one of header, query, body and text");
    return rules_text(r, "is", false, h->is, sizeof h->is) && rules_table(r, "reply", false, read_reply, h) &&
           rules_boolean(r, "capture", &h->capture);
}

static bool read_handshakes(struct rules_reader *r, void *ctx)
{
    return rules_list(r, SOURCE_HANDSHAKES_MAX, read_handshake, ctx);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static bool read_refusal(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"member", "missing", "malformed", "duplicate",
                                       "stale",  "forged",  "other",     NULL};
    struct source_refusal *refusal = ctx;
    if (!rules_check_keys(r, keys) ||
        !rules_text(r, "member", true, refusal->member, sizeof refusal->member) ||
        !rules_text(r, "other", true, refusal->other, sizeof refusal->other))
        return false;
    for (int i = VERIFY_OK + 1; i < VERIFY_OUTCOMES; i++) {
        snprintf(refusal->words[i], sizeof refusal->words[i], "%s", refusal->other);
        if (!rules_text(r, verify_outcome_name((enum verify_outcome)i), false, refusal->words[i],
                        sizeof refusal->words[i]))
            return false;
    }
    return true;
}

struct statuses {
    int64_t success, reject;
};

static bool read_statuses(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"success", "reject", NULL};
    struct statuses *s = ctx;
    if (!rules_check_keys(r, keys) || !rules_number(r, "success", 299, &s->success) ||
        !rules_number(r, "reject", 499, &s->reject))
        return false;
    if (s->success < 200)
        return rules_fail(r, "success", "is out of range");
    return (s->reject >= 200 && (s->reject < 300 || s->reject >= 400)) ||
           rules_fail(r, "reject", "is out of range");
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static bool read_names_of(struct rules_reader *r, struct source *src)
{
    struct names media_types = {src->media_types, 0, SOURCE_MEDIA_TYPES_MAX, true};
    struct names headers = {src->headers, 0, SOURCE_HEADERS_MAX, true};
    struct names query = {src->query, 0, SOURCE_HEADERS_MAX, false};
    bool ok = rules_table(r, "content_types", false, read_names, &media_types) &&
              rules_made_table(r, "headers", false, read_names, &headers) &&
              rules_table(r, "query", false, read_names, &query);
    src->n_media_types = media_types.n;
    src->n_headers = headers.n;
    src->n_query = query.n;
    return ok;
}

static bool read_source(struct rules_reader *r, struct source *src, struct verify_rules *rules)
{
    static const char *const keys[] = {"options", "content_types", "format", "empty",    "headers",
                                       "query",   "handshakes",    "verify", "statuses", "reply_type",
                                       "reply",   "refusal",       "events", "api",      "fetch",
                                       "person",  "list",          "page",   NULL};
    struct statuses statuses = {200, 401};
    int format = SOURCE_AUTO;
    if (!rules_check_keys(r, keys) || !check_options(r) || !read_names_of(r, src) ||
        !rules_word(r, "format", formats, false, &format) || !rules_boolean(r, "empty", &src->empty) ||
        !rules_text(r, "reply_type", false, src->reply_type, sizeof src->reply_type) ||
        !rules_text(r, "reply", false, src->reply, sizeof src->reply) ||
        !rules_table(r, "handshakes", false, read_handshakes, src) ||
        !rules_table(r, "statuses", false, read_statuses, &statuses) ||
        !rules_table(r, "refusal", false, read_refusal, &src->refusal) ||
        !rules_made_table(r, "verify", true, verify_rules_read, rules))
        return false;
    if (src->reply[0] && !src->reply_type[0])
        return rules_fail(r, "reply", "has no reply_type");
    src->format = (enum source_format)format;
    if (src->success_status == 0)
        src->success_status = (unsigned)statuses.success;
    if (src->reject_status == 0)
        src->reject_status = (unsigned)statuses.reject;
    return true;
}

bool source_rules_read(struct lua_host *host, lua_script script, struct source *src,
                       struct verify_rules *ret_verify, struct error *err)
{
    struct rules_reader r = {.L = lua_host_state(host), .host = host, .options = &src->options, .err = err};
    *ret_verify = (struct verify_rules){0};
    lua_host_push_table(host, script);
    bool ok = read_source(&r, src, ret_verify);
    lua_settop(r.L, 0);
    if (ok && !lua_host_has_function(host, script, "events"))
        return error_set(err, ERROR_INPUT, "events: must be a function");
    struct source_api unused; /* the worker's, but a fault of the file's is told here too */
    return ok && source_api_read(host, script, &unused, err);
}
