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
#include "secret.h"
#include "verify.h"

enum {
    SOURCE_MEDIA_TYPES_MAX = 8,
    SOURCE_HEADERS_MAX = 12,
    SOURCE_HANDSHAKES_MAX = 4,
    SOURCE_REPLY_HEADERS_MAX = 2,
    SOURCE_TEXT_MAX = 64,
    SOURCE_REPLY_MAX = 1024,
    SOURCE_OPTIONS_MAX = 32, /* that a file names */
};

/* How a body is read; all of them become what JSON can say (body.h). */
enum source_format { SOURCE_AUTO, SOURCE_JSON, SOURCE_LINES, SOURCE_FORM, SOURCE_XML };

/* What tells a request of set-up; the last two are unsigned bodies. */
enum source_asking { ASKS_BY_HEADER, ASKS_BY_QUERY, ASKS_BY_MEMBER, ASKS_BY_TEXT };

struct source_reply_header {
    char name[SOURCE_TEXT_MAX], value[SOURCE_TEXT_MAX]; /* value "%" stands for what was asked with */
};

/* A request of set-up that is answered without verification: who asks for it, and what is said. */
struct source_handshake {
    char method[8];
    enum source_asking by;
    char name[SOURCE_TEXT_MAX];   /* of header, parameter or member; the text itself */
    char is[SOURCE_TEXT_MAX];     /* its value must be this; "": any */
    char member[SOURCE_TEXT_MAX]; /* answered {"<member>": value}; "": see text */
    bool text;                    /* answered with the value as text/plain */
    bool capture;                 /* the value is kept in the source's capture_file */
    struct source_reply_header headers[SOURCE_REPLY_HEADERS_MAX];
    size_t n_headers;
};

/* The body of a refusal where the sender wants one of its own: {"<member>": word, "description": reason}. */
struct source_refusal {
    char member[SOURCE_TEXT_MAX]; /* "": ours */
    char words[VERIFY_OUTCOMES][SOURCE_TEXT_MAX], other[SOURCE_TEXT_MAX];
};

struct load_rate;

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
    char query[SOURCE_HEADERS_MAX][SOURCE_TEXT_MAX]; /* parameters that it wants to read */
    size_t n_query;
    enum source_format format;
    bool empty;                       /* a request without a body is one */
    char reply_type[SOURCE_TEXT_MAX]; /* media type of what `events` wants to be answered; "": nothing */
    char reply[SOURCE_REPLY_MAX];     /* what is answered where it wants none; "": nothing */
    struct source_handshake handshakes[SOURCE_HANDSHAKES_MAX];
    size_t n_handshakes;
    struct source_refusal refusal;
    char *capture_file; /* NULL: none */
    bool strict;        /* what cannot be understood is refused; otherwise it becomes a dead letter */
    struct config_pairs options; /* request.options of the script */
    struct load_rate *rate;      /* borrowed; NULL when nobody serves with it */
};

struct sources {
    struct lua_host *host;
    struct source *v;
    size_t n;
    struct config_ingest_limits limits;
    int64_t deadline_ms;
    unsigned references; /* requests under way that were begun with this set; its thread's business */
};

/* The secrets of a configured source, named or not; release with source_secrets_done. */
struct source_secrets {
    struct secret loaded[VERIFY_SECRETS_MAX];
    struct verify_secret v[VERIFY_SECRETS_MAX];
    size_t n;
};

bool source_secrets_load(const struct config_source *cfg, const struct verify_rules *rules,
                         struct source_secrets *ret, struct error *err) __attribute__((warn_unused_result));
void source_secrets_done(struct source_secrets *secrets);

/* Fails with ERROR_INPUT, naming the source and what is wrong with it. */
bool sources_load(const struct config *cfg, struct sources **ret, struct error *err)
    __attribute__((warn_unused_result));
/* A set of one source made of a file, with these options (NULL: none) and without verification, for trying it. */
bool sources_load_file(const char *path, const struct config_pairs *options, struct sources **ret,
                       struct error *err) __attribute__((warn_unused_result));
void sources_free(struct sources *set);

/* Of a request's query what the source's script reads, as it was sent: a token beside it is nobody's business. */
void source_query(const struct source *src, struct str query, struct buf *out);

/* NULL: no such source. */
struct source *sources_find(struct sources *set, struct str name);

#endif
