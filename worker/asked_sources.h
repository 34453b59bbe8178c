/* asked_sources.h - the sources that the worker may ask: their scripts, tokens and limits.
 *
 * A source with a token (sources[].api.token) whose file has an API side. Those whose file has fetch are targets of the
 * engine, behind the configured ones; `control load` asks those with list. Immutable once loaded: a reload makes a new
 * set. One thread at a time, as the Lua host in it. */
#ifndef ROLLCALL_WORKER_ASKED_SOURCES_H
#define ROLLCALL_WORKER_ASKED_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "engine/person.h"
#include "error.h"
#include "http_client.h"
#include "secret.h"
#include "source_api.h"

enum {
    SOURCE_REPLY_MAX = 1024 * 1024,    /* about one person: read within a turn of the loop */
    SOURCE_PAGE_MAX = 8 * 1024 * 1024, /* about everybody, by who has time */
};

struct asked_source {
    const struct config_source *cfg; /* borrowed */
    char name[SOURCE_TARGET_SIZE];   /* as a target */
    struct source_asked script;
    struct source_api api;
    const char *base_url;                           /* borrowed: the config's, else the file's */
    char before_token[2 * SOURCE_API_TEXT_MAX + 4]; /* in its header line */
    struct secret token;
    unsigned requests; /* calls that are allowed … */
    int64_t per_ms;    /* … in a window of this length */
    unsigned spread;   /* of its tenant */
};

struct asked_sources {
    struct lua_host *host;  /* NULL: none is asked */
    struct asked_source *v; /* those with fetch first */
    size_t n, n_fetched;
};

/* Reads files and secrets of all sources with a token; borrows cfg for its life. Fails with ERROR_INPUT and the source's
 * name (file, secret, no base URL, limit below the tenant's spread), or ERROR_SYSTEM. */
bool asked_sources_load(const struct config *cfg, struct asked_sources **ret, struct error *err)
    __attribute__((warn_unused_result));
void asked_sources_free(struct asked_sources *s); /* NULL is fine */

const struct asked_source *asked_sources_find(const struct asked_sources *s,
                                              const char *name); /* by the config's name; NULL: none */

/* The ports of the engine that ask; source: index among those with fetch. */
bool asked_sources_fetch(const struct asked_sources *s, size_t source, const struct person_view *view,
                         struct source_request *ret, struct error *err) __attribute__((warn_unused_result));
bool asked_sources_person(const struct asked_sources *s, size_t source, const struct person_view *view,
                          const struct source_reply *reply, struct source_person *ret, struct error *err)
    __attribute__((warn_unused_result));

/* As the HTTP client's target; borrows s. reply_max: bytes of an answer. */
struct http_target asked_source_http(const struct asked_source *s, size_t reply_max);

#endif
