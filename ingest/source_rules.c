#include "source_rules.h"

#include <ctype.h>
#include <stdio.h>

#include <lua.h>

#include "mem.h"

struct word {
    const char *text;
    int value;
};

static const struct word algorithms[] = {
    {"static", VERIFY_STATIC}, {"hmac-sha256", VERIFY_HMAC_SHA256}, {"ed25519", VERIFY_ED25519}, {NULL, 0}};
static const struct word encodings[] = {
    {"text", VERIFY_UTF8}, {"hex", VERIFY_HEX}, {"base64", VERIFY_BASE64}, {NULL, 0}};
static const struct word units[] = {{"s", VERIFY_SECONDS}, {"ms", VERIFY_MILLISECONDS}, {NULL, 0}};

enum { TOLERANCE_MAX_S = 7 * 24 * 3600, SECRET_BYTES_MAX = 1024 };

/* Where we are in the file, for messages. */
struct reader {
    lua_State *L;
    struct error *err;
    char path[128];
};

static bool fail(struct reader *r, const char *key, const char *what)
{
    return error_set(r->err, ERROR_INPUT, "%s%s%s: %s", r->path, r->path[0] ? "." : "", key, what);
}

/* The table on top of the stack has no keys but these. */
static bool check_keys(struct reader *r, const char *const *known)
{
    lua_State *L = r->L;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        bool ok = false;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        for (const char *const *k = known; *k && !ok; k++)
            ok = strcmp(*k, key) == 0;
        if (!ok) {
            fail(r, key, "no such key");
            lua_pop(L, 2);
            return false;
        }
        lua_pop(L, 1);
    }
    return true;
}

/* Reads a member of the table on top; absent is fine unless required. Strings longer than size - 1 are
 * refused. */
static bool read_text(struct reader *r, const char *key, bool required, char *out, size_t size)
{
    struct str text = {0};
    bool present;
    if (!lua_host_field_string(r->L, -1, key, &text, &present))
        return present ? fail(r, key, "must be a string") : !required || fail(r, key, "is missing");
    if (text.n == 0 || text.n >= size || memchr(text.p, '\0', text.n))
        return fail(r, key, "is empty or too long");
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

static bool read_word(struct reader *r, const char *key, const struct word *words, bool required, int *ret)
{
    char text[32] = "";
    if (!read_text(r, key, required, text, sizeof text))
        return false;
    if (!text[0])
        return true;
    for (; words->text; words++) {
        if (strcmp(words->text, text) == 0) {
            *ret = words->value;
            return true;
        }
    }
    return fail(r, key, "unknown word");
}

static bool read_number(struct reader *r, const char *key, int64_t max, int64_t *ret)
{
    int64_t value;
    bool present;
    if (!lua_host_field_integer(r->L, -1, key, &value, &present))
        return !present || fail(r, key, "must be an integer");
    if (value < 0 || value > max)
        return fail(r, key, "is out of range");
    *ret = value;
    return true;
}

/* Enters the member table `key` and reads it with fn; absent is fine unless required. */
static bool read_table(struct reader *r, const char *key, bool required, bool (*fn)(struct reader *, void *),
                       void *ctx)
{
    int type = lua_host_field(r->L, -1, key);
    bool ok = true;
    if (type == LUA_TTABLE) {
        size_t n = strlen(r->path);
        snprintf(r->path + n, sizeof r->path - n, "%s%s", n ? "." : "", key);
        ok = fn(r, ctx);
        r->path[n] = '\0';
    } else if (type != LUA_TNIL) {
        ok = fail(r, key, "must be a table");
    } else if (required) {
        ok = fail(r, key, "is missing");
    }
    lua_pop(r->L, 1);
    return ok;
}

/* Calls fn for each item of the list on top, with the item on top. */
static bool read_list(struct reader *r, size_t max, bool (*fn)(struct reader *, void *), void *ctx)
{
    size_t count = (size_t)lua_rawlen(r->L, -1), n = strlen(r->path);
    if (count > max)
        return error_set(r->err, ERROR_INPUT, "%s: at most %zu items", r->path, max);
    bool ok = true;
    for (size_t i = 1; i <= count && ok; i++) {
        lua_rawgeti(r->L, -1, (lua_Integer)i);
        snprintf(r->path + n, sizeof r->path - n, "[%zu]", i);
        ok = fn(r, ctx);
        r->path[n] = '\0';
        lua_pop(r->L, 1);
    }
    return ok;
}

/* ---- lists of names ------------------------------------------------------------------------------------ */

struct names {
    char (*v)[SOURCE_TEXT_MAX];
    size_t n, max;
};

static bool read_name(struct reader *r, void *ctx)
{
    struct names *names = ctx;
    size_t n = 0;
    const char *text = lua_type(r->L, -1) == LUA_TSTRING ? lua_tolstring(r->L, -1, &n) : NULL;
    if (!text || n == 0 || n >= SOURCE_TEXT_MAX || strlen(text) != n)
        return error_set(r->err, ERROR_INPUT, "%s: must be a short string", r->path);
    for (size_t i = 0; i <= n; i++)
        names->v[names->n][i] = (char)tolower((unsigned char)text[i]);
    names->n++;
    return true;
}

static bool read_names(struct reader *r, void *ctx)
{
    struct names *names = ctx;
    return read_list(r, names->max, read_name, names);
}

/* ---- labels: text → algorithm -------------------------------------------------------------------------- */

struct labels {
    struct verify_label *v;
    size_t n, max;
};

static bool read_labels(struct reader *r, void *ctx)
{
    struct labels *labels = ctx;
    lua_State *L = r->L;
    bool ok = true;
    lua_pushnil(L);
    while (ok && lua_next(L, -2)) {
        lua_pop(L, 1); /* read again by name, below the key */
        size_t n = 0;
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
        if (!key || n == 0 || n >= sizeof labels->v->text || labels->n == labels->max) {
            ok = error_set(r->err, ERROR_INPUT, "%s: labels are a few short strings", r->path);
        } else {
            struct verify_label *label = &labels->v[labels->n++];
            int algorithm = 0;
            memcpy(label->text, key, n + 1);
            lua_pushvalue(L, -2); /* the table, on top for read_word */
            ok = read_word(r, label->text, algorithms, true, &algorithm);
            lua_pop(L, 1);
            label->algorithm = (enum verify_algorithm)algorithm;
            if (ok && label->algorithm == VERIFY_STATIC)
                ok = fail(r, label->text, "must be a signature's algorithm");
        }
        if (!ok)
            lua_pop(L, 1); /* the key */
    }
    return ok;
}

/* ---- verify -------------------------------------------------------------------------------------------- */

static bool read_part(struct reader *r, void *ctx)
{
    static const char *const keys[] = {"header", "body", NULL};
    struct verify_form *form = ctx;
    struct verify_part *part = &form->parts[form->n_parts++];
    bool body = false, present;
    if (lua_type(r->L, -1) == LUA_TSTRING) {
        size_t n;
        const char *text = lua_tolstring(r->L, -1, &n);
        if (n == 0 || n >= sizeof part->text || strlen(text) != n)
            return error_set(r->err, ERROR_INPUT, "%s: must be a short text", r->path);
        part->kind = PART_LITERAL;
        memcpy(part->text, text, n + 1);
        return true;
    }
    if (lua_type(r->L, -1) != LUA_TTABLE)
        return error_set(r->err, ERROR_INPUT, "%s: must be a text, {header=…} or {body=true}", r->path);
    if (!check_keys(r, keys) || !read_text(r, "header", false, part->text, sizeof part->text))
        return false;
    lua_host_field_boolean(r->L, -1, "body", &body, &present);
    if (body == (part->text[0] != '\0'))
        return error_set(r->err, ERROR_INPUT, "%s: must be a text, {header=…} or {body=true}", r->path);
    part->kind = body ? PART_BODY : PART_HEADER;
    return true;
}

static bool read_parts(struct reader *r, void *ctx)
{
    return read_list(r, VERIFY_PARTS_MAX, read_part, ctx);
}

static bool read_time(struct reader *r, void *ctx)
{
    static const char *const keys[] = {"header", "unit", "tolerance", NULL};
    struct verify_form *form = ctx;
    int unit = VERIFY_NO_TIME;
    form->past_s = 300;
    if (!check_keys(r, keys) || !read_text(r, "header", true, form->time_header, sizeof form->time_header) ||
        !read_word(r, "unit", units, true, &unit) ||
        !read_number(r, "tolerance", TOLERANCE_MAX_S, &form->past_s))
        return false;
    form->future_s = form->past_s;
    form->time_unit = (enum verify_unit)unit;
    return true;
}

/* A signature that does not cover the body, or not the time that it is judged by, protects nothing. */
static bool check_form(struct reader *r, const struct verify_form *form)
{
    bool body = false, time = form->time_unit == VERIFY_NO_TIME;
    bool delivery = !form->delivery_header[0];
    if (form->n_versions == 0 && form->algorithm == VERIFY_STATIC)
        return form->n_parts == 0 || fail(r, "signed", "a static header signs nothing");
    for (size_t i = 0; i < form->n_parts; i++) {
        const struct verify_part *part = &form->parts[i];
        body = body || part->kind == PART_BODY;
        time = time || (part->kind == PART_HEADER && strcmp(part->text, form->time_header) == 0);
        delivery = delivery || (part->kind == PART_HEADER && strcmp(part->text, form->delivery_header) == 0);
    }
    if (!body)
        return fail(r, "signed", "must contain {body=true}");
    return (time && delivery) || fail(r, "signed", "must contain the headers of time and delivery");
}

static bool read_form(struct reader *r, void *ctx)
{
    static const char *const keys[] = {"header", "algorithm", "prefix",   "versions", "encoding",
                                       "signed", "time",      "delivery", NULL};
    struct verify_rules *rules = ctx;
    struct verify_form *form = &rules->forms[rules->n_forms++];
    struct labels versions = {form->versions, 0, VERIFY_VERSIONS_MAX};
    int algorithm = -1, encoding = VERIFY_UTF8;
    if (lua_type(r->L, -1) != LUA_TTABLE)
        return error_set(r->err, ERROR_INPUT, "%s: must be a table", r->path);
    if (!check_keys(r, keys) || !read_text(r, "header", true, form->header, sizeof form->header) ||
        !read_word(r, "algorithm", algorithms, false, &algorithm) ||
        !read_text(r, "prefix", false, form->prefix, sizeof form->prefix) ||
        !read_table(r, "versions", false, read_labels, &versions) ||
        !read_word(r, "encoding", encodings, true, &encoding) ||
        !read_table(r, "signed", false, read_parts, form) || !read_table(r, "time", false, read_time, form) ||
        !read_text(r, "delivery", false, form->delivery_header, sizeof form->delivery_header))
        return false;
    form->n_versions = versions.n;
    form->encoding = (enum verify_encoding)encoding;
    if ((algorithm >= 0) == (versions.n > 0))
        return fail(r, "algorithm", "give either algorithm or versions");
    form->algorithm = algorithm >= 0 ? (enum verify_algorithm)algorithm : VERIFY_STATIC;
    return check_form(r, form);
}

static bool read_forms(struct reader *r, void *ctx)
{
    struct verify_rules *rules = ctx;
    if (!read_list(r, VERIFY_FORMS_MAX, read_form, rules))
        return false;
    return rules->n_forms > 0 || error_set(r->err, ERROR_INPUT, "%s: must not be empty", r->path);
}

static bool read_secrets(struct reader *r, void *ctx)
{
    static const char *const keys[] = {"encoding", "algorithm", "prefixes", "min", "max", NULL};
    struct verify_rules *rules = ctx;
    struct labels prefixes = {rules->secret_prefixes, 0, VERIFY_PREFIXES_MAX};
    int encoding = VERIFY_UTF8, algorithm = 0;
    int64_t min = 16, max = SECRET_BYTES_MAX;
    if (!check_keys(r, keys) || !read_word(r, "encoding", encodings, true, &encoding) ||
        !read_word(r, "algorithm", algorithms, true, &algorithm) ||
        !read_table(r, "prefixes", false, read_labels, &prefixes) ||
        !read_number(r, "min", SECRET_BYTES_MAX, &min) || !read_number(r, "max", SECRET_BYTES_MAX, &max))
        return false;
    if (min < 1 || min > max)
        return fail(r, "min", "must be from 1 to max");
    rules->n_secret_prefixes = prefixes.n;
    rules->secret_encoding = (enum verify_encoding)encoding;
    rules->secret_algorithm = (enum verify_algorithm)algorithm;
    rules->secret_min = (size_t)min;
    rules->secret_max = (size_t)max;
    return true;
}

static bool read_verify(struct reader *r, void *ctx)
{
    static const char *const keys[] = {"secrets", "accept", NULL};
    return check_keys(r, keys) && read_table(r, "secrets", true, read_secrets, ctx) &&
           read_table(r, "accept", true, read_forms, ctx);
}

static bool read_handshake(struct reader *r, void *ctx)
{
    static const char *const keys[] = {"method", "header", "member", NULL};
    struct source_handshake *h = ctx;
    return check_keys(r, keys) && read_text(r, "method", true, h->method, sizeof h->method) &&
           read_text(r, "header", true, h->header, sizeof h->header) &&
           read_text(r, "member", true, h->member, sizeof h->member);
}

static bool read_source(struct reader *r, struct source *src, struct verify_rules *rules)
{
    static const char *const keys[] = {"content_types", "headers", "handshake", "verify", "events",
                                       "fetch",         "person",  "list",      NULL};
    struct names media_types = {src->media_types, 0, SOURCE_MEDIA_TYPES_MAX};
    struct names headers = {src->headers, 0, SOURCE_HEADERS_MAX};
    if (!check_keys(r, keys) || !read_table(r, "content_types", false, read_names, &media_types) ||
        !read_table(r, "headers", false, read_names, &headers) ||
        !read_table(r, "handshake", false, read_handshake, &src->handshake) ||
        !read_table(r, "verify", true, read_verify, rules))
        return false;
    src->n_media_types = media_types.n;
    src->n_headers = headers.n;
    return true;
}

bool source_rules_read(struct lua_host *host, lua_script script, struct source *src,
                       struct verify_rules *ret_verify, struct error *err)
{
    struct reader r = {.L = lua_host_state(host), .err = err};
    *ret_verify = (struct verify_rules){0};
    lua_host_push_table(host, script);
    bool ok = read_source(&r, src, ret_verify);
    lua_pop(r.L, 1);
    if (ok && !lua_host_has_function(host, script, "events"))
        return error_set(err, ERROR_INPUT, "events: must be a function");
    return ok;
}
