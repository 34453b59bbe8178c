/* source_kit.h - one configured source with its secret, for tests of verification. */
#ifndef ROLLCALL_TEST_SOURCE_KIT_H
#define ROLLCALL_TEST_SOURCE_KIT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../ingest/source.h"
#include "mem.h"

enum { PAIRS_MAX = 24 };

struct fixture {
    struct config cfg;
    struct config_source source;
    struct config_pair pairs[PAIRS_MAX];
    char *text; /* of the options */
    char *refs[1];
    struct sources *set;
};

static inline void read_pairs(struct fixture *f, const char *options, const char *separator)
{
    char *rest = f->text = xstrdup(options);
    for (char *word; (word = strsep(&rest, separator)) != NULL && word[0];) {
        char *value = strchr(word, '=');
        ck_assert_ptr_nonnull(value);
        *value++ = '\0';
        f->pairs[f->source.options.n++] = (struct config_pair){word, value};
    }
    f->source.options.v = f->pairs;
}

static inline bool load(struct fixture *f, const char *kind, const char *options, const char *separator,
                        const char *secret, struct error *err)
{
    *f = (struct fixture){.cfg.ingest = {.sources_dir = (char *)"ingest/sources",
                                         .limits = {.body_bytes = 1 << 20, .events_per_request = 100}}};
    f->refs[0] = (char *)"env:ROLLCALL_TEST_SECRET";
    setenv("ROLLCALL_TEST_SECRET", secret, 1);
    f->source = (struct config_source){.name = (char *)"x",
                                       .kind = (char *)kind,
                                       .tenant = (char *)"t",
                                       .directory = (char *)"d",
                                       .secrets = {.v = f->refs, .n = 1}};
    read_pairs(f, options, separator);
    f->cfg.sources = (struct config_sources){.v = &f->source, .n = 1};
    return sources_load(&f->cfg, &f->set, err);
}

static inline void must_load(struct fixture *f, const char *kind, const char *options, const char *separator,
                             const char *secret)
{
    struct error err = {0};
    ck_assert_msg(load(f, kind, options, separator, secret, &err), "%s", err.message);
}

static inline void done(struct fixture *f)
{
    sources_free(f->set);
    free(f->text);
}

static inline enum verify_outcome check_at(struct fixture *f, const struct message *m, int64_t now_ms)
{
    struct verified found;
    return verifier_check(f->set->v[0].verifier, m, now_ms, &found);
}

#endif
