/* What a vendor's API answers: the kind of source in the first line, the status in the second, then the body; read as one
 * person and as a page of people by the shipped scripts. Run from the repository's root. */
#include "fuzz.h"

#include <stdlib.h>

#include "mem.h"
#include "source_api.h"

enum { KINDS_MAX = 64, KIND_MAX = 40 };

static struct loaded {
    char kind[KIND_MAX];
    struct source_asked asked;
    struct source_api api;
} loaded[KINDS_MAX];

static const struct config_pairs no_options;

static bool is_kind(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_')
            return false;
    return s.n > 0 && s.n < KIND_MAX;
}

/* NULL: no such file, or one without an API side. */
static struct loaded *load(struct str kind)
{
    size_t i = 0;
    for (; i < KINDS_MAX && loaded[i].asked.host; i++)
        if (strlen(loaded[i].kind) == kind.n && memcmp(loaded[i].kind, kind.p, kind.n) == 0)
            return &loaded[i];
    struct source_asked asked = {.host = lua_host_new(NULL), .options = &no_options};
    char *path = xasprintf("ingest/sources/%.*s.lua", (int)kind.n, kind.p);
    struct error err;
    bool ok = i < KINDS_MAX && lua_host_load(asked.host, path, &asked.script, &err) &&
              source_api_read(asked.host, asked.script, &loaded[i].api, &err);
    free(path);
    if (!ok) {
        lua_host_free(asked.host);
        return NULL;
    }
    loaded[i].asked = asked;
    memcpy(loaded[i].kind, kind.p, kind.n);
    return &loaded[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct str kind = fuzz_line(&body), status = fuzz_line(&body);
    struct loaded *l = is_kind(kind) ? load(kind) : NULL;
    struct error err;
    if (!l)
        return 0;
    struct source_reply reply = {.status = status.n > 0 && status.p[0] == '2' ? 200 : 404, .body = body};
    struct source_person person;
    if (l->api.fetches && source_api_person(&l->asked, "7", &reply, &person, &err))
        source_person_done(&person);
    struct source_page page;
    if (l->api.lists && source_api_page(&l->asked, &reply, &page, &err)) {
        assert(page.n <= SOURCE_PAGE_PEOPLE_MAX);
        for (size_t i = 0; i < page.n; i++)
            assert(page.v[i].subject[0]);
        source_page_done(&page);
    }
    return 0;
}
