/* What a source's API answers: header lines up to an empty one, then the body; read as one person and as a page. */
#include "fuzz.h"

#include <stdlib.h>

#include "../../worker/load_events.h"
#include "../../worker/reply_headers.h"
#include "mem.h"
#include "source_api.h"

/* Reads whatever it finds, as a careless author's would. */
static const char vendor[] =
    "local function who(u) return { employment = u.gone and 'left' or 'joined', suspended = u.held,\n"
    "    profile = u.profile, groups = u.groups, accessUntil = u.accessUntil } end\n"
    "return { fetch = function(s) return { path = '/' .. rollcall.escape(s) } end,\n"
    "  person = function(r) return who(r.body) end,\n"
    "  list = function(c) return { path = '/' .. rollcall.escape(c or '') } end,\n"
    "  page = function(r) local list = {}\n"
    "    for i, u in ipairs(r.body.people) do list[i] = who(u) list[i].subject, list[i].id = u.id, u.rev "
    "end\n"
    "    return list, r.headers['x-next'] or r.body.next end }\n";

static struct source_asked vendor_load(void)
{
    static const struct config_pairs no_options;
    struct source_asked a = {.host = lua_host_new(NULL), .options = &no_options};
    bool ok = lua_host_load_text(a.host, "vendor.lua", str_of(vendor), &a.script, NULL);
    assert(ok);
    return a;
}

static void check_headers(const struct reply_headers *h)
{
    assert(h->n <= REPLY_HEADERS_MAX);
    for (size_t i = 0; i < h->n; i++)
        for (size_t j = 0; j < i; j++)
            assert(strcmp(h->v[i].name, h->v[j].name) != 0);
}

static void check_person(const struct source_asked *a, const struct source_reply *reply)
{
    struct source_person p;
    struct source_request r;
    struct error err;
    if (source_api_person(a, "7", reply, &p, &err)) {
        assert(!p.known || (p.words.complete && p.words.profile.n > 0));
        source_person_done(&p);
    } else {
        assert(err.kind == ERROR_INPUT || err.kind == ERROR_TEMPORARY);
    }
    char *subject = xstrndup(reply->body.n ? reply->body.p : "", reply->body.n < 64 ? reply->body.n : 64);
    bool ok = source_api_fetch(a, subject, &r, &err); /* an escaped subject leads nowhere else */
    assert(ok && r.path[0] == '/' && !strpbrk(r.path + 1, "/?#\r\n"));
    source_request_done(&r);
    free(subject);
}

static void count_skipped(void *ctx, size_t place, const struct error *why)
{
    size_t *skipped = ctx;
    assert(place > *skipped && why->kind == ERROR_INPUT);
    ++*skipped;
}

/* What is published keeps to the schema's rules, and reads as itself. */
static void check_events(const struct source_page *page)
{
    static char name[] = "okta", tenant[] = "acme";
    static struct config_source cfg = {.name = name, .tenant = tenant, .directory = name};
    static const struct asked_source source = {.cfg = &cfg, .spread = 1};
    struct load_events e;
    struct error err;
    size_t skipped = 0;
    load_events_make(&source, page, 1000, 2000, count_skipped, &skipped, &e);
    assert(skipped == e.skipped && e.n + skipped >= page->n);
    for (size_t i = 0; i < e.n; i++) {
        struct event ev;
        bool ok = event_read(e.messages[i].headers, e.messages[i].n_headers, e.messages[i].value, &ev, &err);
        assert(ok);
        event_done(&ev);
    }
    load_events_done(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line;
    struct reply_headers headers = {.n = 0};
    struct source_page page;
    struct error err;
    while (rest.n > 0 && (line = fuzz_line(&rest)).n > 0)
        reply_headers_line(&headers, line);
    check_headers(&headers);
    struct source_asked a = vendor_load();
    const struct source_reply reply = {200, rest, headers.v, headers.n};
    check_person(&a, &reply);
    if (source_api_page(&a, &reply, &page, &err)) {
        assert(!page.cursor || page.cursor[0]);
        check_events(&page);
        source_page_done(&page);
    }
    reply_headers_clear(&headers);
    lua_host_free(a.host);
    return 0;
}
