/* miro_oauth.h - POST /oauth/token: OAuth 2.0 client credentials (RFC 6749 §4.4), for clients that get their SCIM token
 * that way. Part of the pure core; see miro_core.h. */
#ifndef ROLLCALL_MIRO_OAUTH_H
#define ROLLCALL_MIRO_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OAUTH_PATH "/oauth/token"

enum { OAUTH_TOKENS_MAX = 64, OAUTH_TOKEN_SIZE = 40 };

struct miro;
struct call;
struct problem;
struct miro_reply;

struct oauth { /* the last tokens that were given; older ones are not known any more */
    struct {
        char text[OAUTH_TOKEN_SIZE];
        int64_t expires_ms;
    } tokens[OAUTH_TOKENS_MAX];
    uint64_t n; /* given so far */
};

bool oauth_is(const struct miro *m, const char *target);
/* Answers the request for a token; a refusal is in RFC 6749's words. */
bool oauth_apply(struct call *c, struct problem *pb);
void oauth_render_problem(struct miro_reply *r, const struct problem *pb);
/* One that was given, and is good still. */
bool oauth_good(const struct miro *m, const char *token, int64_t now_ms);

#endif
