/* http_client_headers.h - the header lines of a target's requests. Private to http_client*.c; the loop's thread. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_HEADERS_H
#define ROLLCALL_WORKER_HTTP_CLIENT_HEADERS_H

#include <stdbool.h>

#include <curl/curl.h>

#include "engine/engine.h"

/* Calls under way keep the ones that they began with when the token changes. */
struct header_set {
    unsigned users;
    struct curl_slist *list;
};

struct header_rules {         /* borrowed */
    bool source;              /* its calls bring headers of their own */
    bool json;                /* bodies are plain JSON */
    const char *before_token; /* in its header line */
};

/* What all requests of a target have in common; token NULL: none. Has one user. */
struct header_set *header_set_new(const struct header_rules *rules, const char *token);
/* Of one call to a source, whose set is `own`: what the call says goes before what we would. Has one user. */
struct header_set *header_set_for(const struct header_set *own, const struct call *call);
/* … to a target: own and what the call says besides. Has one user. */
struct header_set *header_set_besides(const struct header_set *own, const struct call *call);
struct header_set *header_set_use(struct header_set *set);
/* Wipes and frees it with its last user; NULL is none. */
void header_set_drop(struct header_set *set);

#endif
