/* http_client_grant.h - OAuth 2.0 client credentials (RFC 6749 4.4) as bytes: what a token endpoint is asked, and what it
 * answers. Private to http_client*.c; pure. */
#ifndef ROLLCALL_WORKER_HTTP_CLIENT_GRANT_H
#define ROLLCALL_WORKER_HTTP_CLIENT_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct grant_rules {                     /* borrowed */
    const char *url, *client_id, *scope; /* scope NULL: none is named */
    const char *client_secret;
    bool in_body; /* who we are stands in the body, else in HTTP Basic */
};

/* The request's body. */
void grant_form(const struct grant_rules *rules, struct buf *out);
/* The answer's: a bearer token that can stand in a header. Caller frees *ret_token. *ret_life_s: 0: not said, or longer
 * than a month. */
bool grant_parse(struct str body, char **ret_token, int64_t *ret_life_s);

#endif
