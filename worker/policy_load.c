#include "policy_load.h"

#include <string.h>

#include "digest.h"
#include "file.h"
#include "policy_rules.h"
#include "yaml_doc.h"

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_yaml(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static bool load_yaml(struct lua_host *h, lua_script rules, struct str text, lua_script *ret,
                      struct error *err)
{
    cJSON *document = NULL;
    if (!yaml_doc_parse(text, &document, err))
        return false;
    bool ok = lua_host_begin(h, rules, "policy", err);
    if (ok)
        lua_host_push_plain(lua_host_state(h), document);
    cJSON_Delete(document);
    return ok && lua_host_call(h, 1, 1, err) && lua_host_keep(h, "rollcall.rules.policy", ret, err);
}

/* Lua says file and line of its own errors; a description that is wrong has only its path. */
static bool says_file(const char *name, struct error *err)
{
    return strncmp(err->message, name, strlen(name)) == 0 ? false : error_wrap(err, "%s", name);
}

/* A rule that is read otherwise by a newer program is another policy. */
static uint64_t fingerprint(struct str text)
{
    struct str rules = policy_rules_text();
    uint64_t parts[] = {digest_hash64(text.p, text.n), digest_hash64(rules.p, rules.n)};
    return digest_hash64(parts, sizeof parts);
}

static bool load_text(struct lua_host *h, const char *name, struct str text, lua_script *ret,
                      struct error *err)
{
    lua_script rules;
    if (!lua_host_load_text(h, "rollcall.rules", policy_rules_text(), &rules, err))
        return false;
    lua_host_add_library(h, rules, "rules");
    bool ok =
        is_yaml(name) ? load_yaml(h, rules, text, ret, err) : lua_host_load_text(h, name, text, ret, err);
    lua_host_end(h);
    if (!ok)
        return says_file(name, err);
    return lua_host_has_function(h, *ret, "desired") ||
           error_set(err, ERROR_INPUT, "%s: returns no function `desired`", name);
}

bool policy_load(struct lua_host *h, const char *path, lua_script *ret, uint64_t *ret_fingerprint,
                 struct error *err)
{
    struct buf text;
    buf_init(&text, LUA_SCRIPT_FILE_MAX);
    bool ok = (file_read(path, &text, err) || error_wrap(err, "%s", path)) &&
              load_text(h, name_of(path), buf_str(&text), ret, err);
    if (ok)
        *ret_fingerprint = fingerprint(buf_str(&text));
    buf_done(&text);
    return ok;
}
