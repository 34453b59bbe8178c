/* What a verified request becomes: the source's kind in the first line, then a stored request. The scripts are those
 * that are shipped. Whatever comes of it keeps to the schema's rules. Run from the repository's root. */
#include "fuzz.h"

#include <stdlib.h>

#include "../../ingest/normalise.h"
#include "mem.h"

static const int64_t NOW_MS = INT64_C(1795336800000); /* 2026-11-22T10:00:00Z */
enum { KINDS_MAX = 64, KIND_MAX = 40 };

static struct {
    char kind[KIND_MAX];
    struct sources *set;
} loaded[KINDS_MAX];

static bool is_kind(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_')
            return false;
    return s.n > 0 && s.n < KIND_MAX;
}

static struct sources *load(struct str kind)
{
    size_t i = 0;
    for (; i < KINDS_MAX && loaded[i].set; i++)
        if (strlen(loaded[i].kind) == kind.n && memcmp(loaded[i].kind, kind.p, kind.n) == 0)
            return loaded[i].set;
    char *path = xasprintf("ingest/sources/%.*s.lua", (int)kind.n, kind.p);
    struct error err;
    struct config_pair any = {(char *)"issuer", (char *)"any"}; /* what a file may insist on */
    if (i == KINDS_MAX || (!sources_load_file(path, NULL, &loaded[i].set, &err) &&
                           !sources_load_file(path, &(struct config_pairs){&any, 1}, &loaded[i].set, &err))) {
        free(path);
        return NULL;
    }
    free(path);
    memcpy(loaded[i].kind, kind.p, kind.n);
    return loaded[i].set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str kind = fuzz_line(&rest);
    struct sources *set = is_kind(kind) ? load(kind) : NULL;
    struct message m;
    struct event_list list;
    struct verified verified = {.delivery = str_of("delivery-1")};
    struct error err;
    if (!set || !message_read(rest, &m, &err))
        return 0;
    if (normalise(set, &set->v[0], &m, &verified, NOW_MS, &list, &err) != NORMALISE_OK) {
        assert(err.message[0]);
        return 0;
    }
    for (size_t i = 0; i < list.n; i++)
        assert(event_check(&list.v[i], &err));
    event_list_done(&list);
    return 0;
}
