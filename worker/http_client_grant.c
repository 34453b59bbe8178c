#include "http_client_grant.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "json.h"
#include "mem.h"

enum { LIFE_MAX_S = 30 * 24 * 3600 };

static void put_field(const char *name, const char *value, struct buf *out)
{
    buf_addf(out, "&%s=", name);
    percent_encode(value, out);
}

void grant_form(const struct grant_rules *rules, struct buf *out)
{
    buf_adds(out, "grant_type=client_credentials");
    if (rules->scope)
        put_field("scope", rules->scope, out);
    if (!rules->in_body)
        return;
    put_field("client_id", rules->client_id, out);
    put_field("client_secret", rules->client_secret, out);
}

static bool may_stand_in_a_header(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return *text;
}

bool grant_parse(struct str body, char **ret_token, int64_t *ret_life_s)
{
    struct json_doc doc = {0};
    struct error ignored;
    bool parsed = json_doc_parse(body, &doc, &ignored);
    const char *token = parsed ? json_string(doc.root, "access_token") : NULL,
               *type = parsed ? json_string(doc.root, "token_type") : NULL;
    int64_t life = 0;
    bool ok = token && may_stand_in_a_header(token) && (!type || strcasecmp(type, "bearer") == 0);
    if (ok) {
        if (!json_int64(doc.root, "expires_in", &life)) { /* some write it as a string */
            const char *text = json_string(doc.root, "expires_in");
            life = text ? strtoll(text, NULL, 10) : 0;
        }
        *ret_token = xstrdup(token);
        *ret_life_s = life > 0 && life <= LIFE_MAX_S ? life : 0;
    }
    json_doc_done(&doc);
    return ok;
}
