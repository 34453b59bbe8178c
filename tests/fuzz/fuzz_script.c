/* A hostile script: whatever text an operator's file holds, loading it and calling it ends, within its limits, and the
 * next script runs as if nothing had been. */
#include "fuzz.h"

#include "json.h"
#include "lua_host.h"

static const char BODY[] = "{\"data\":{\"id\":\"1\",\"events\":[{\"a\":1.5},null,true,\"x\"]},\"n\":[[[]]]}";
static const char GOOD[] = "return { events = function(r) return r.data.id end }";

static void call(struct lua_host *h, struct str text, const char *expected)
{
    struct error err;
    lua_script script;
    struct json_doc doc;
    bool loaded = lua_host_load_text(h, "fuzz", text, &script, &err);
    assert(loaded || err.message[0]);
    if (!loaded || !lua_host_has_function(h, script, "events")) {
        assert(!expected);
        return;
    }
    assert(json_doc_parse(str_of(BODY), &doc, &err));
    if (lua_host_begin(h, script, "events", &err)) {
        lua_host_push_json(h, doc.root);
        if (lua_host_call(h, 1, 1, &err) && expected)
            assert(strcmp(lua_tostring(lua_host_state(h), -1), expected) == 0);
        lua_host_end(h);
    }
    json_doc_done(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lua_limits limits = {.memory_bytes = 4 << 20, .instructions = 20000};
    if (size > LUA_SCRIPT_FILE_MAX)
        return 0;
    struct lua_host *h = lua_host_new(&limits);
    call(h, (struct str){(const char *)data, size}, NULL);
    lua_host_free(h);
    h = lua_host_new(&limits);
    call(h, str_of(GOOD), "1");
    lua_host_free(h);
    return 0;
}
