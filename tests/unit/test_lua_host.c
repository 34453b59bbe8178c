#include "test_lib.h"

#include <stdio.h>
#include <time.h>

#include <lauxlib.h>

#include "json.h"
#include "lua_host.h"

static const struct lua_limits SMALL = {.memory_bytes = 2 << 20, .instructions = 100000};

/* Of the process: what a crowded machine keeps us waiting is no time that a script took. */
static int64_t cpu_ms(void)
{
    return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* Loads "return { f = function(v) BODY end }". */
static bool load(struct lua_host *h, const char *body, lua_script *ret, struct error *err)
{
    char *text = xasprintf("return { f = function(v)\n%s\nend }", body);
    bool ok = lua_host_load_text(h, "t.lua", str_of(text), ret, err);
    free(text);
    return ok;
}

/* Runs the body with a JSON document as v; its result, as Lua's tostring gives it, is freed by the caller. */
static char *run(struct lua_host *h, const char *body, const char *json, struct error *err)
{
    lua_script script;
    *err = (struct error){0};
    if (!load(h, body, &script, err))
        return NULL;
    cJSON *root = NULL;
    ck_assert(json_parse(str_of(json), &root, NULL));
    char *result = NULL;
    if (lua_host_begin(h, script, "f", err)) {
        lua_host_push_json(h, root);
        if (lua_host_call(h, 1, 1, err))
            result = xstrdup(lua_host_is_null(lua_host_state(h), -1)
                                 ? "null"
                                 : luaL_tolstring(lua_host_state(h), -1, NULL));
    }
    lua_host_end(h);
    cJSON_Delete(root);
    return result;
}

static const char document[] =
    "{\"b\":1,\"a\":\"x\",\"list\":[10,2.5,null,true,{\"k\":\"v\"}],\"none\":null,"
    "\"big\":9007199254740992,\"huge\":3332883884017713939,\"o\":{\"z\":1,\"y\":2,\"x\":null}}";

static const struct {
    const char *body, *result;
} views[] = {
    {"return v.b", "1"},
    {"return v.a .. v.list[1] .. tostring(v.list[2])", "x102.5"},
    {"return math.type(v.b) .. math.type(v.list[2])", "integerfloat"},
    {"return v.big", "9007199254740992"},
    {"return v.huge .. ' ' .. tostring(v.huge) .. ' ' .. type(v.huge)",
     "3332883884017713939 3332883884017713939 string"},
    {"return v.none == nil and v.absent == nil and v.list[3] == nil", "true"},
    {"return v.list[4] and v.list[5].k", "v"},
    {"return #v.list + #v", "12"},
    {"return v.list[0] == nil and v.list[6] == nil and v.list.x == nil and v[1] == nil", "true"},
    {"local s = '' for k, x in pairs(v.o) do s = s .. k .. (x == rollcall.null and 'N' or x) end return s",
     "z1y2xN"},
    {"local s = '' for i, x in pairs(v.list) do s = s .. i .. type(x) end return s",
     "1number2number3userdata4boolean5userdata"},
    {"local s = 0 for i = #v.list, 1, -1 do s = s * 10 + (v.list[i] and 1 or 0) end return s", "11011"},
    {"return tostring(v.o)", "{\"z\":1,\"y\":2,\"x\":null}"},
    {"return v.o == v.o and v.o ~= v.list", "true"},
    {"return type(v)", "userdata"},
    {"return rollcall.null", "null"},
    {"local n = 0 for i, x in ipairs(v.list) do n = n + 1 end return n", "2"},
    {"local l, s = rollcall.each(v.list, function(x, i)\n"
     "  if i == 1 then return { id = x } elseif i == 2 then return { { id = 2 }, { id = 3 } } end\n"
     "  if i == 3 then return nil, 'why' end\n"
     "  return i == 5 and { id = x.k.y.z } or nil end)\n"
     "return #l .. l[1].id .. l[2].id .. l[3].id .. #s .. s[1] .. s[2] .. tostring(l[4].fault) .. "
     "l[4].rejected",
     "410232whyof no concerntruet.lua:5: attempt to index a nil value (field 'y')"},
    {"local l, s = rollcall.each(nil, error) return #l + #s", "0"},
    {"local l = rollcall.each({ 'a', 'b' }, function(x) return { id = x } end) return l[1].id .. l[2].id",
     "ab"},
    {"local l = rollcall.each(v.o, function(x) return { id = x.z } end) return l[1].id", "1"},
};

START_TEST(json_is_read_lazily)
{
    struct lua_host *h = lua_host_new(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        struct error err;
        char *result = run(h, views[i].body, document, &err);
        ck_assert_msg(result, "%s: %s", views[i].body, err.message);
        ck_assert_msg(strcmp(result, views[i].result) == 0, "%s: %s", views[i].body, result);
        free(result);
    }
    lua_host_free(h);
}
END_TEST

START_TEST(a_view_that_outlives_its_document_is_an_error)
{
    struct lua_host *h = lua_host_new(NULL);
    lua_script script;
    struct error err = {0};
    static const char text[] =
        "local kept, step, tail\n"
        "return { keep = function(v) kept = v; step = pairs(v); tail = v.list end,\n"
        "  index = function() return kept.a end, len = function() return #tail end,\n"
        "  pairs = function() for k in pairs(kept) do end end, next = function() return step() end,\n"
        "  text = function() return tostring(tail) end, equal = function() return kept == tail end }";
    ck_assert_msg(lua_host_load_text(h, "t.lua", str_of(text), &script, &err), "%s", err.message);
    cJSON *root = NULL;
    ck_assert(json_parse(str_of(document), &root, NULL));
    ck_assert(lua_host_begin(h, script, "keep", &err));
    lua_host_push_json(h, root);
    ck_assert(lua_host_call(h, 1, 0, &err));
    lua_host_end(h);
    cJSON_Delete(root);
    static const char *const uses[] = {"index", "len", "pairs", "next", "text", "equal"};
    for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
        ck_assert(lua_host_begin(h, script, uses[i], &err));
        ck_assert_msg(!lua_host_call(h, 0, 1, &err), "%s", uses[i]);
        ck_assert_msg(strstr(err.message, "document is gone"), "%s", err.message);
        lua_host_end(h);
    }
    lua_host_free(h);
}
END_TEST

static const char *const absent[] = {
    "io",
    "os",
    "load",
    "loadfile",
    "loadstring",
    "dofile",
    "require",
    "package",
    "debug",
    "print",
    "collectgarbage",
    "setmetatable",
    "getmetatable",
    "rawset",
    "coroutine",
    "_G",
    "xpcall",
    "warn",
    "string.dump",
    "string.pack",
    "table.move",
    "math.random",
    "os and os.execute",
};

START_TEST(the_sandbox_has_no_way_out)
{
    struct lua_host *h = lua_host_new(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        struct error err;
        char body[64];
        snprintf(body, sizeof body, "return %s", absent[i]);
        char *result = run(h, body, "{}", &err);
        ck_assert_msg(result && strcmp(result, "nil") == 0, "%s: %s", absent[i],
                      result ? result : err.message);
        free(result);
    }
    lua_host_free(h);
}
END_TEST

static const struct {
    const char *body, *why;
} runaways[] = {
    {"while true do end", "more instructions"},
    {"while true do pcall(function() while true do end end) end", "more instructions"},
    {"local function f() pcall(f) return f() end f()", "more instructions"},
    {"local function f() return 1 + f() end f()", "not enough memory"},
    {"local s = 'x' while true do s = s .. s end", "not enough memory"},
    {"local t = {} for i = 1, 1e9 do t[i] = {} end", ""},
    {"return pcall(function() local s = 'x' while true do s = s .. s end end) and 1 or error('again')",
     "again"},
    {"return string.rep('x', 1e9)", "rep makes more"},
    {"return ('x'):rep(65537)", "rep makes more"},
    {"return ('x'):rep(9223372036854775807, 'yy')", "rep makes more"},
    {"local s = ('x'):rep(65536) s = s .. 'x' return s:find('x', 1, true)", "longer than 65536"},
    {"local s = ('x'):rep(65536) s = s .. 'x' return s:match('x')", "longer than 65536"},
    {"local s = ('x'):rep(65536) s = s .. 'x' return s:gsub('x', '')", "longer than 65536"},
    {"local s = ('x'):rep(65536) s = s .. 'x' for x in s:gmatch('x') do end", "longer than 65536"},
    {"local s = ('a'):rep(1000) return s:match('.-.-.-.-b')", "take too long"},
    {"local s = ('a'):rep(65536) return s:find('a*b')", "take too long"},
    {"local s = ('a'):rep(3000) return s:match('(.-)-?(.-)[]a]-[^%]]*b')", "take too long"},
    {"local s = ('a'):rep(20000) return s:match('%b()')", "take too long"},
    {"local s = ('a'):rep(30) return s:find(('a?'):rep(30) .. ('a'):rep(30))", "optional"},
    {"return ('x'):find(('x'):rep(300))", "pattern is longer"},
    {"return ('x'):find('[')", "malformed pattern"},
    {"return ('x'):find('%')", "malformed pattern"},
    {"return ('x'):find('[%')", "malformed pattern"},
    {"return ('x'):format(('x'):rep(10), error({}))", "not a string"},
    {"error('plain', 0)", "plain"},
    {"error()", "not a string"},
    {"return v.x.y", "t.lua:2: attempt to index a nil value (field 'x')"},
    {"v.x = 1", "t.lua:2"},
    {"return table.unpack({}, 1, 1e8)", "too many results"},
    {"return select(-1)", "bad argument"},
    {"return rollcall.format_time(-1)", "1970"},
};

START_TEST(runaway_scripts_end_as_errors_and_the_host_lives_on)
{
    struct lua_host *h = lua_host_new(&SMALL);
    int64_t start = cpu_ms();
    for (size_t i = 0; i < ARRAY_SIZE(runaways); i++) {
        struct error err;
        char *result = run(h, runaways[i].body, "{}", &err);
        ck_assert_msg(!result, "%s", runaways[i].body);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, runaways[i].why), "%s: %s", runaways[i].body, err.message);
        ck_assert_int_eq(lua_gettop(lua_host_state(h)), 0);
        result = run(h, "return 1 + 1", "{}", &err);
        ck_assert_msg(result && strcmp(result, "2") == 0, "after %s: %s", runaways[i].body, err.message);
        free(result);
    }
    ck_assert_int_lt(cpu_ms() - start, 30000);
    lua_host_free(h);
}
END_TEST

START_TEST(instructions_are_counted_for_each_call_anew)
{
    struct lua_host *h = lua_host_new(&SMALL);
    for (int i = 0; i < 20; i++) {
        struct error err;
        char *result = run(h, "local n = 0 for i = 1, 20000 do n = n + i end return n", "{}", &err);
        ck_assert_msg(result, "%s", err.message);
        free(result);
    }
    lua_host_free(h);
}
END_TEST

START_TEST(time_outside_of_lua_instructions_is_limited_too)
{
    struct lua_host *h = lua_host_new(NULL);
    struct error err;
    static const char body[] = "local t = {} for i = 1, 100000 do t[i] = i end\n"
                               "for i = 1, 1e9 do table.sort(t) end";
    int64_t start = cpu_ms();
    ck_assert_ptr_null(run(h, body, "{}", &err));
    ck_assert_ptr_nonnull(strstr(err.message, "CPU time"));
    ck_assert_int_lt(cpu_ms() - start, 40000);
    lua_host_free(h);
}
END_TEST

START_TEST(scripts_do_not_see_each_other)
{
    struct lua_host *h = lua_host_new(NULL);
    lua_script a, b;
    struct error err = {0};
    static const char spoil[] = "string.upper = function() return 'spoiled' end rollcall.now = nil x = 1\n"
                                "return { f = function() return string.upper('a') end }";
    static const char look[] =
        "return { f = function() return ('a'):upper() .. string.upper('b') .. tostring(x) .. "
        "type(rollcall.now) end }";
    ck_assert_msg(lua_host_load_text(h, "a.lua", str_of(spoil), &a, &err), "%s", err.message);
    ck_assert_msg(lua_host_load_text(h, "b.lua", str_of(look), &b, &err), "%s", err.message);
    ck_assert(lua_host_begin(h, b, "f", &err) && lua_host_call(h, 0, 1, &err));
    ck_assert_str_eq(lua_tostring(lua_host_state(h), -1), "ABnilfunction");
    lua_host_end(h);
    ck_assert(lua_host_begin(h, a, "f", &err) && lua_host_call(h, 0, 1, &err));
    ck_assert_str_eq(lua_tostring(lua_host_state(h), -1), "spoiled");
    lua_host_free(h);
}
END_TEST

static const struct {
    const char *body, *result;
} helpers[] = {
    {"return rollcall.time('2026-11-22T08:44:15.123Z')", "1795337055123"},
    {"return rollcall.time('yesterday')", "nil"},
    {"return rollcall.time(nil)", "nil"},
    {"return rollcall.due('2026-11-22T08:44:15.123Z')", "1795337055123"},
    {"return rollcall.due('2026-12-01', 'Europe/Berlin')", "1796079600000"},
    {"return rollcall.due(nil)", "nil"},
    {"return rollcall.due(rollcall.null)", "nil"},
    {"return rollcall.due('')", "nil"},
    {"return rollcall.due('0000-00-00 00:00:00')", "nil"},
    {"return select(2, pcall(rollcall.due, '11/30/2026 at nine')):match('like .*')",
     "like 99/99/9999 aa aaaa cannot be read"},
    {"return select(2, pcall(rollcall.due, {})):match('like .*')", "like a cannot be read"},
    {"return rollcall.format_time(1795337055123)", "2026-11-22T08:44:15.123Z"},
    {"return rollcall.now() > 1700000000000", "true"},
    {"return rollcall.sha256_hex('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"return rollcall.lower('AbC \xc3\x89')", "abc \xc3\x89"},
    {"return '[' .. rollcall.trim(' \\t a b\\n') .. ']'", "[a b]"},
    {"return rollcall.trim('  ') == ''", "true"},
    {"return rollcall.escape('a/b?c d.~-_%')", "a%2Fb%3Fc%20d.~-_%25"},
    {"return rollcall.escape('..') .. rollcall.escape('.')", "%2E%2E%2E"},
    {"return rollcall.base64_encode('foob')", "Zm9vYg=="},
    {"return rollcall.base64_decode('Zm9vYg')", "foob"},
    {"return rollcall.base64_decode('!')", "nil"},
    {"return rollcall.base64_encode('') .. rollcall.base64_decode('')", ""},
    {"return ('a-b-c'):gsub('%-', '+')", "a+b+c"},
    {"return ('2026-01-02'):match('^(%d+)%-(%d+)')", "2026"},
    {"return ('a,b'):find(',', 1, true)", "2"},
    {"return ('[x]'):match('[]x]+')", "x]"},
    {"return ('1-2-'):rep(4000):match('^(%d)-(%d)-%d')", "1"},
    {"return ('+a'):rep(4000):find('+a+')", "1"},
    {"local s = '' for w in ('a b c'):gmatch('%a') do s = s .. w end return s", "abc"},
    {"return ('x'):rep(3, '-')", "x-x-x"},
    {"return table.concat(rollcall.map('one', function(x) return x .. '!' end))", "one!"},
    {"return #rollcall.map(nil, function(x) return x end)", "0"},
    {"return #rollcall.map('one', function() end)", "0"}, /* nils are left out */
};

START_TEST(helpers_work)
{
    struct lua_host *h = lua_host_new(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        struct error err;
        char *result = run(h, helpers[i].body, "{}", &err);
        ck_assert_msg(result, "%s: %s", helpers[i].body, err.message);
        ck_assert_msg(strcmp(result, helpers[i].result) == 0, "%s: %s", helpers[i].body, result);
        free(result);
    }
    lua_host_free(h);
}
END_TEST

static const struct {
    struct str text;
    const char *why;
} unloadable[] = {
    {BYTES("return 5"), "bad.lua: returns no table"},
    {BYTES(""), "bad.lua: returns no table"},
    {BYTES("return {"), "bad.lua:1:"},
    {BYTES("\n\nerror('at load')"), "bad.lua:3: at load"},
    {BYTES("while true do end"), "more instructions"},
    {BYTES("\x1bLua"), "binary chunk"},
};

START_TEST(refuses_scripts_that_are_none)
{
    struct lua_host *h = lua_host_new(&SMALL);
    for (size_t i = 0; i < ARRAY_SIZE(unloadable); i++) {
        lua_script script;
        struct error err = {0};
        ck_assert(!lua_host_load_text(h, "bad.lua", unloadable[i].text, &script, &err));
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, unloadable[i].why), "%s", err.message);
    }
    lua_script script;
    struct error err = {0};
    ck_assert(!lua_host_load(h, "/nonexistent/x.lua", &script, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_int_eq(lua_gettop(lua_host_state(h)), 0);
    lua_host_free(h);
}
END_TEST

START_TEST(loads_a_file_and_finds_its_functions)
{
    char path[] = "/tmp/rollcall-lua-XXXXXX";
    FILE *out = fdopen(mkstemp(path), "w");
    ck_assert_ptr_nonnull(out);
    fputs("return { f = function() error('x') end, n = 5 }", out);
    fclose(out);
    struct lua_host *h = lua_host_new(NULL);
    lua_script script;
    struct error err = {0};
    ck_assert_msg(lua_host_load(h, path, &script, &err), "%s", err.message);
    ck_assert(lua_host_has_function(h, script, "f"));
    ck_assert(!lua_host_has_function(h, script, "n") && !lua_host_has_function(h, script, "g"));
    ck_assert(!lua_host_begin(h, script, "g", &err));
    ck_assert_ptr_nonnull(strstr(err.message, "no function \"g\""));
    ck_assert(lua_host_begin(h, script, "f", &err) && !lua_host_call(h, 0, 0, &err));
    ck_assert_ptr_nonnull(strstr(err.message, strrchr(path, '/') + 1));
    ck_assert_int_eq(lua_gettop(lua_host_state(h)), 0);
    unlink(path);
    lua_host_free(h);
}
END_TEST

START_TEST(results_are_read_by_type)
{
    struct lua_host *h = lua_host_new(NULL);
    lua_State *L = lua_host_state(h);
    lua_script script;
    struct error err = {0};
    ck_assert(lua_host_load_text(h, "t.lua", str_of("return { s = 'x', n = 5, f = 1.5, g = 3.0, b = false }"),
                                 &script, &err));
    lua_host_push_table(h, script);
    struct str s;
    int64_t n = 0;
    bool b = true, present;
    ck_assert(lua_host_field_string(L, -1, "s", &s, &present) && present && str_eq(s, BYTES("x")));
    ck_assert(!lua_host_field_string(L, -1, "n", &s, &present) && present);
    ck_assert(!lua_host_field_string(L, -1, "none", &s, &present) && !present);
    ck_assert(lua_host_field_integer(L, -1, "n", &n, &present) && n == 5);
    ck_assert(lua_host_field_integer(L, -1, "g", &n, &present) && n == 3);
    ck_assert(!lua_host_field_integer(L, -1, "f", &n, &present) && present);
    ck_assert(!lua_host_field_integer(L, -1, "s", &n, &present) && present);
    ck_assert(lua_host_field_boolean(L, -1, "b", &b, &present) && !b);
    ck_assert(!lua_host_field_boolean(L, -1, "n", &b, &present) && present);
    ck_assert_int_eq(lua_gettop(L), 1);
    ck_assert_ptr_null(lua_host_to_json(h, -1));
    lua_host_end(h);
    lua_host_free(h);
}
END_TEST

START_TEST(long_arrays_are_read_in_one_pass)
{
    struct buf b;
    buf_init(&b, 4 << 20);
    buf_addc(&b, '[');
    for (int i = 0; i < 200000; i++)
        buf_adds(&b, i == 0 ? "1" : ",1");
    buf_addc(&b, ']');
    const struct lua_limits limits = {.instructions = 10000000};
    struct lua_host *h = lua_host_new(&limits);
    struct error err;
    char *result =
        run(h, "local n = 0 for i = 1, #v do n = n + v[i] end for _, x in pairs(v) do n = n + x end return n",
            b.p, &err);
    ck_assert_msg(result, "%s", err.message);
    ck_assert_str_eq(result, "400000");
    free(result);
    buf_done(&b);
    lua_host_free(h);
}
END_TEST

RUN_TESTS("lua_host", json_is_read_lazily, a_view_that_outlives_its_document_is_an_error,
          the_sandbox_has_no_way_out, runaway_scripts_end_as_errors_and_the_host_lives_on,
          instructions_are_counted_for_each_call_anew, time_outside_of_lua_instructions_is_limited_too,
          scripts_do_not_see_each_other, helpers_work, refuses_scripts_that_are_none,
          loads_a_file_and_finds_its_functions, results_are_read_by_type, long_arrays_are_read_in_one_pass)
