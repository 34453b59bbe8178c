#include "rules_reader.h"

#include <stdio.h>
#include <string.h>

bool rules_fail(struct rules_reader *r, const char *key, const char *what)
{
    return error_set(r->err, ERROR_INPUT, "%s%s%s: %s", r->path, r->path[0] ? "." : "", key, what);
}

bool rules_check_keys(struct rules_reader *r, const char *const *known)
{
    lua_State *L = r->L;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        bool ok = false;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        for (const char *const *k = known; *k && !ok; k++)
            ok = strcmp(*k, key) == 0;
        if (!ok) {
            rules_fail(r, key, "no such key");
            lua_pop(L, 2);
            return false;
        }
        lua_pop(L, 1);
    }
    return true;
}

bool rules_text(struct rules_reader *r, const char *key, bool required, char *out, size_t size)
{
    struct str text = {0};
    bool present;
    if (!lua_host_field_string(r->L, -1, key, &text, &present))
        return present ? rules_fail(r, key, "must be a string")
                       : !required || rules_fail(r, key, "is missing");
    if (text.n == 0 || text.n >= size || memchr(text.p, '\0', text.n))
        return rules_fail(r, key, "is empty or too long");
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

bool rules_word(struct rules_reader *r, const char *key, const struct rules_word *words, bool required,
                int *ret)
{
    char text[32] = "";
    if (!rules_text(r, key, required, text, sizeof text))
        return false;
    if (!text[0])
        return true;
    for (const struct rules_word *word = words; word->text; word++) {
        if (strcmp(word->text, text) == 0) {
            *ret = word->value;
            return true;
        }
    }
    char known[160] = "must be one of";
    for (size_t n = strlen(known); words->text && n < sizeof known; words++)
        n += (size_t)snprintf(known + n, sizeof known - n, " %s", words->text);
    return rules_fail(r, key, known);
}

bool rules_number(struct rules_reader *r, const char *key, int64_t max, int64_t *ret)
{
    int64_t value;
    bool present;
    if (!lua_host_field_integer(r->L, -1, key, &value, &present))
        return !present || rules_fail(r, key, "must be an integer");
    if (value < 0 || value > max)
        return rules_fail(r, key, "is out of range");
    *ret = value;
    return true;
}

bool rules_boolean(struct rules_reader *r, const char *key, bool *ret)
{
    bool present;
    return lua_host_field_boolean(r->L, -1, key, ret, &present) || !present ||
           rules_fail(r, key, "must be a boolean");
}

/* The member's value on top of the stack; pops it. */
static bool enter(struct rules_reader *r, const char *key, bool required, rules_fn *fn, void *ctx)
{
    int type = lua_type(r->L, -1);
    bool ok = true;
    if (type == LUA_TTABLE) {
        size_t n = strlen(r->path);
        snprintf(r->path + n, sizeof r->path - n, "%s%s", n ? "." : "", key);
        ok = fn(r, ctx);
        r->path[n] = '\0';
    } else if (type != LUA_TNIL) {
        ok = rules_fail(r, key, "must be a table");
    } else if (required) {
        ok = rules_fail(r, key, "is missing");
    }
    lua_pop(r->L, 1);
    return ok;
}

bool rules_table(struct rules_reader *r, const char *key, bool required, rules_fn *fn, void *ctx)
{
    lua_host_field(r->L, -1, key);
    return enter(r, key, required, fn, ctx);
}

static void push_options(lua_State *L, const struct config_pairs *options)
{
    lua_newtable(L);
    for (size_t i = 0; i < options->n; i++) {
        lua_pushstring(L, options->v[i].value);
        lua_setfield(L, -2, options->v[i].name);
    }
}

bool rules_made_table(struct rules_reader *r, const char *key, bool required, rules_fn *fn, void *ctx)
{
    if (lua_host_field(r->L, -1, key) == LUA_TFUNCTION) {
        push_options(r->L, r->options);
        if (!lua_host_call(r->host, 1, 1, r->err))
            return error_wrap(r->err, "%s", key);
    }
    return enter(r, key, required, fn, ctx);
}

bool rules_list(struct rules_reader *r, size_t max, rules_fn *fn, void *ctx)
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
