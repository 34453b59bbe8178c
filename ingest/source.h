/* source.h - the configured sources with their scripts: one Lua file says everything about one kind of
 * sender.
 *
 * sources_load reads config, files and secrets into one immutable set; a reload makes a new set and drops the
 * old one. A set has its own Lua state and belongs to one thread at a time. The form of a source file is
 * described in sources/README.md. */
#ifndef INGEST_SOURCE_H
#define INGEST_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"
#include "lua_host.h"
#include "message.h"
#include "verify.h"

enum { SOURCE_MEDIA_TYPES_MAX = 4, SOURCE_HEADERS_MAX = 8, SOURCE_TEXT_MAX = 64 };

/* A question that is answered without verification: the value of a header comes back in JSON. */
struct source_handshake {
    char method[8]; /* "" : none */
    char header[SOURCE_TEXT_MAX];
    char member[SOURCE_TEXT_MAX]; /* {"<member>": "<value of header>"} */
};

struct source {
    char *name;
    char *tenant;
    char *directory;
    unsigned spread; /* of the tenant */
    unsigned success_status, reject_status;
    lua_script script;
    struct verifier *verifier;
    char media_types[SOURCE_MEDIA_TYPES_MAX][SOURCE_TEXT_MAX]; /* none: any */
    size_t n_media_types;
    char headers[SOURCE_HEADERS_MAX][SOURCE_TEXT_MAX]; /* that `events` wants to read, in lower case */
    size_t n_headers;
    struct source_handshake handshake;
    struct config_pairs options; /* request.options of the script */
};

struct sources {
    struct lua_host *host;
    struct source *v;
    size_t n;
    struct config_ingest_limits limits;
    int64_t deadline_ms;
    unsigned references; /* requests under way that were begun with this set; its thread's business */
};

/* Fails with ERROR_INPUT, naming the source and what is wrong with it. */
bool sources_load(const struct config *cfg, struct sources **ret, struct error *err)
    __attribute__((warn_unused_result));
/* A set of one source made of a file, without verification, for trying it. */
bool sources_load_file(const char *path, struct sources **ret, struct error *err)
    __attribute__((warn_unused_result));
void sources_free(struct sources *set);

/* NULL: no such source. */
struct source *sources_find(struct sources *set, struct str name);

#endif
