#include "miro_oauth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "mem.h"
#include "miro_core.h"

enum { VALUE_MAX = 4096 };

bool oauth_is(const struct miro *m, const char *target)
{
    return m->cfg.oauth_client && strcmp(target, OAUTH_PATH) == 0;
}

/* ---- the form ------------------------------------------------------------------------------------------ */

static int hex_of(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* application/x-www-form-urlencoded (RFC 6749 appendix B). */
static void decode(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        int high = text.p[i] == '%' && i + 2 < text.n ? hex_of(text.p[i + 1]) : -1;
        int low = high >= 0 ? hex_of(text.p[i + 2]) : -1;
        if (low >= 0) {
            buf_addc(out, (char)(high * 16 + low));
            i += 2;
        } else {
            buf_addc(out, text.p[i] == '+' ? ' ' : text.p[i]);
        }
    }
}

/* Adds the value of the first field of that name. */
static bool field(struct str form, const char *name, struct buf *out)
{
    size_t name_n = strlen(name);
    while (form.n > 0) {
        const char *end = memchr(form.p, '&', form.n);
        size_t n = end ? (size_t)(end - form.p) : form.n;
        if (n > name_n && form.p[name_n] == '=' && memcmp(form.p, name, name_n) == 0) {
            decode((struct str){form.p + name_n + 1, n - name_n - 1}, out);
            return buf_ok(out);
        }
        form = (struct str){form.p + n + (end != NULL), form.n - n - (end != NULL)};
    }
    return false;
}

/* ---- who asks ------------------------------------------------------------------------------------------ */

/* HTTP Basic: both are encoded before they are joined (RFC 6749 §2.3.1). */
static bool basic(const char *authorization, struct buf *client)
{
    struct buf pair;
    if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0)
        return false;
    buf_init(&pair, VALUE_MAX);
    bool ok = base64_decode(str_of(authorization + 6), &pair) && pair.n > 0;
    const char *colon = ok ? memchr(pair.p, ':', pair.n) : NULL;
    if (colon) {
        size_t n = (size_t)(colon - pair.p);
        decode((struct str){pair.p, n}, client);
        buf_addc(client, '=');
        decode((struct str){colon + 1, pair.n - n - 1}, client);
    }
    buf_done(&pair);
    return colon != NULL;
}

static bool in_body(struct str form, struct buf *client)
{
    if (!field(form, "client_id", client))
        return false;
    buf_addc(client, '=');
    return field(form, "client_secret", client);
}

static bool known_client(const struct call *c, struct str form)
{
    struct buf client;
    buf_init(&client, 2 * VALUE_MAX);
    bool ok = (basic(c->rq->authorization, &client) || in_body(form, &client)) && buf_ok(&client) &&
              str_eq(buf_str(&client), str_of(c->m->cfg.oauth_client));
    buf_done(&client);
    return ok;
}

static bool wanted_grant(struct str form)
{
    struct buf grant;
    buf_init(&grant, VALUE_MAX);
    bool ok = field(form, "grant_type", &grant) && str_eq(buf_str(&grant), str_of("client_credentials"));
    buf_done(&grant);
    return ok;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static const char *give_token(struct call *c)
{
    struct oauth *o = &c->m->oauth;
    uint64_t parts[] = {c->m->cfg.seed, o->n};
    size_t at = o->n++ % OAUTH_TOKENS_MAX;
    snprintf(o->tokens[at].text, OAUTH_TOKEN_SIZE, "given-%" PRIu64 "-%016" PRIx64, o->n,
             digest_hash64(parts, sizeof parts));
    o->tokens[at].expires_ms = c->now_ms + c->m->cfg.oauth_life_s * 1000;
    return o->tokens[at].text;
}

bool oauth_apply(struct call *c, struct problem *pb)
{
    struct str form = {c->rq->body, c->rq->body_n};
    if (strcmp(c->rq->method, "POST") != 0)
        return refuse(pb, 405, "invalid_request", "Method %.20s is not supported", c->rq->method);
    if (!known_client(c, form))
        return refuse(pb, 401, "invalid_client", "The client is not known");
    if (!wanted_grant(form))
        return refuse(pb, 400, "unsupported_grant_type", "Only client_credentials");
    c->reply->status = 200;
    snprintf(c->reply->content_type, sizeof c->reply->content_type, "application/json");
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "access_token", give_token(c));
    json_put_string(&c->out, "token_type", "Bearer");
    json_put_int(&c->out, "expires_in", c->m->cfg.oauth_life_s);
    json_close(&c->out);
    return true;
}

void oauth_render_problem(struct miro_reply *r, const struct problem *pb)
{
    struct json_out w;
    r->status = pb->status;
    snprintf(r->content_type, sizeof r->content_type, "application/json");
    buf_clear(&r->body);
    json_out_init(&w, &r->body);
    json_open(&w, NULL, '{');
    json_put_string(&w, "error", pb->scim_type ? pb->scim_type : "temporarily_unavailable");
    json_put_string(&w, "error_description", pb->detail);
    json_close(&w);
}

bool oauth_good(const struct miro *m, const char *token, int64_t now_ms)
{
    for (size_t i = 0; i < OAUTH_TOKENS_MAX; i++)
        if (strcmp(m->oauth.tokens[i].text, token) == 0)
            return now_ms < m->oauth.tokens[i].expires_ms;
    return false;
}
