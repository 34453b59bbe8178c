/* source_api.h - the API side of a source file: how its vendor is asked for one person, or for everybody.
 *
 *     api = {…}                         where and how (declarative, read once)
 *     fetch(subject, options)           → request for one person
 *     person(reply, subject, options)   → what the answer says of the person, nil: it does not know the person
 *     list(cursor, options)             → request for a page of everybody; cursor nil: the first
 *     page(reply, options)              → list of people, cursor of the next page (nil: it was the last)
 *
 * ingest/sources/README.md describes the forms. Both programs read `api`, so that a file's fault is found wherever it is
 * loaded; only the worker calls the functions. All fail with ERROR_INPUT for a script's fault; an answer that is no
 * JSON is ERROR_TEMPORARY (a vendor's page for its own trouble). Thread rule: that of the Lua host. */
#ifndef ROLLCALL_SOURCE_API_H
#define ROLLCALL_SOURCE_API_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "lua_host.h"
#include "source_words.h"

enum {
    SOURCE_API_TEXT_MAX = 256,
    SOURCE_PAGE_PEOPLE_MAX = 10000,
    SOURCE_CURSOR_MAX = 4096,
};

enum source_auth { SOURCE_AUTH_BEARER, SOURCE_AUTH_BASIC, SOURCE_AUTH_HEADER };

struct source_api {
    char base_url[SOURCE_API_TEXT_MAX]; /* "": the configuration says it */
    enum source_auth auth;
    char header[SOURCE_API_TEXT_MAX]; /* with SOURCE_AUTH_HEADER: its name */
    char prefix[SOURCE_API_TEXT_MAX]; /* before the secret; "" with SOURCE_AUTH_BASIC */
    int64_t requests, per_s;          /* what the vendor allows */
    bool fetches, lists;              /* the file has both functions of the pair */
};

/* Checks and reads `api` and the functions; a file without them has neither pair. */
bool source_api_read(struct lua_host *host, lua_script script, struct source_api *ret, struct error *err)
    __attribute__((warn_unused_result));

/* What stands before the secret in the header line: "Authorization: Bearer ". */
void source_api_header(const struct source_api *api, char *out, size_t size);

/* Whose words: what scripts are given beside the answer. */
struct source_asked {
    struct lua_host *host;
    lua_script script;
    const struct config_pairs *options;
};

bool source_api_fetch(const struct source_asked *a, const char *subject, struct source_request *ret,
                      struct error *err) __attribute__((warn_unused_result));
bool source_api_person(const struct source_asked *a, const char *subject, const struct source_reply *reply,
                       struct source_person *ret, struct error *err) __attribute__((warn_unused_result));

struct source_listed { /* one person of a page */
    char *subject;
    char *id;               /* what tells this version of the person from others; NULL: nothing */
    bool has_occurred;      /* the source says when the person was changed last: */
    int64_t occurred_at_ms; /* … then */
    struct source_person person;
};

struct source_page { /* release with source_page_done */
    struct source_listed *v;
    size_t n;
    char *cursor; /* NULL: the last page */
};

/* cursor NULL: the first page. */
bool source_api_list(const struct source_asked *a, const char *cursor, struct source_request *ret,
                     struct error *err) __attribute__((warn_unused_result));
bool source_api_page(const struct source_asked *a, const struct source_reply *reply, struct source_page *ret,
                     struct error *err) __attribute__((warn_unused_result));
void source_page_done(struct source_page *p);

#endif
