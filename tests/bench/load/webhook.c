#include "webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "digest.h"
#include "loop.h"
#include "mem.h"
#include "rfc3339.h"

enum { BODY_SIZE = 850 };

struct webhook_kind {
    const char *name, *path;
    void (*body)(uint64_t number, const char *now, struct buf *out);
    void (*proof)(struct webhooks *w, uint64_t number, struct buf *out); /* header lines */
    int status;
};

/* ---- bodies -------------------------------------------------------------------------------------------- */

/* Up to BODY_SIZE bytes in all, as the rest of a JSON string and of what `end` closes. */
static void fill(struct buf *out, const char *end)
{
    static const char text[] = "office in the house by the river, second floor, desk at the window; ";
    while (out->n + strlen(end) < BODY_SIZE)
        buf_addc(out, text[out->n % (sizeof text - 1)]);
    buf_adds(out, end);
}

static void okta_body(uint64_t number, const char *now, struct buf *out)
{
    buf_addf(
        out,
        "{\"eventType\":\"com.okta.event_hook\",\"eventTypeVersion\":\"1.0\",\"cloudEventsVersion\":\"0.1\","
        "\"eventId\":\"b5a188b9-5ece-4636-b041-%012" PRIu64 "\",\"eventTime\":\"%s\","
        "\"source\":\"https://example.okta.com/api/v1/eventHooks/"
        "whoql0HfiLGPWc8Jx0g3\",\"data\":{\"events\":[{"
        "\"uuid\":\"3a1cb8a0-ee1a-11ed-8b2d-%012" PRIu64 "\",\"published\":\"%s\","
        "\"eventType\":\"user.lifecycle.deactivate\",\"version\":\"0\",\"severity\":\"INFO\","
        "\"actor\":{\"id\":\"00u1qw1mqitPHM8AJ0g7\",\"type\":\"User\",\"alternateId\":\"admin@example.com\"},"
        "\"outcome\":{\"result\":\"SUCCESS\"},\"target\":[{\"id\":\"" WEBHOOK_MARK "%012" PRIu64 "\","
        "\"type\":\"User\",\"alternateId\":\"joe.user@example.com\",\"displayName\":\"Joe User\"}],"
        "\"client\":{\"ipAddress\":\"127.0.0.1\",\"zone\":\"null\"},\"displayMessage\":\"Deactivate Okta "
        "user, ",
        number, now, number, now, number);
    fill(out, "\"}]}}");
}

static void standard_body(uint64_t number, const char *now, struct buf *out)
{
    buf_addf(out,
             "{\"type\":\"person.changed\",\"timestamp\":\"%s\",\"data\":{\"id\":\"" WEBHOOK_MARK
             "%012" PRIu64 "\","
             "\"profile\":{\"userName\":\"joe.user@example.com\",\"displayName\":\"Joe User\","
             "\"name\":{\"givenName\":\"Joe\",\"familyName\":\"User\"},\"title\":\"Engineer\","
             "\"department\":\"Research\",\"division\":\"Europe\",\"organization\":\"Example\","
             "\"costCenter\":\"4711\",\"employeeNumber\":\"%" PRIu64 "\",\"locale\":\"en-GB\","
             "\"timezone\":\"Europe/London\",\"preferredLanguage\":\"en\"},\"note\":\"",
             now, number, number);
    fill(out, "\"}}");
}

/* Signed, and no JSON: becomes a dead letter. */
static void unreadable_body(uint64_t number, const char *now, struct buf *out)
{
    buf_addf(out,
             "{\"type\":\"person.changed\",\"timestamp\":\"%s\",\"data\":{\"id\":\"unreadable-%" PRIu64 "\",",
             now, number);
    fill(out, "\"");
}

/* ---- proofs -------------------------------------------------------------------------------------------- */

static void okta_proof(struct webhooks *w, uint64_t number, struct buf *out)
{
    (void)w;
    (void)number;
    buf_adds(out, "authorization: " WEBHOOK_TOKEN "\r\n");
}

static void standard_proof(struct webhooks *w, uint64_t number, struct buf *out)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_n = 0;
    int64_t now_s = clock_real_ms() / 1000;
    buf_clear(&w->message);
    buf_addf(&w->message, "msg_%012" PRIu64 ".%" PRId64 ".", number, now_s);
    buf_add(&w->message, w->body.p, w->body.n);
    HMAC(EVP_sha256(), w->key.p, (int)w->key.n, (const unsigned char *)w->message.p, w->message.n, mac,
         &mac_n);
    buf_addf(out,
             "webhook-id: msg_%012" PRIu64 "\r\nwebhook-timestamp: %" PRId64 "\r\nwebhook-signature: v1,",
             number, now_s);
    base64_encode(mac, mac_n, out);
    buf_adds(out, "\r\n");
}

static void forged_proof(struct webhooks *w, uint64_t number, struct buf *out)
{
    w->body.p[0] = '['; /* signed is another body than the one that is sent */
    standard_proof(w, number, out);
    w->body.p[0] = '{';
}

static const struct webhook_kind kinds[] = {
    {"okta", "/hooks/okta", okta_body, okta_proof, 200},
    {"standard", "/hooks/standard", standard_body, standard_proof, 200},
    {"forged", "/hooks/standard", standard_body, forged_proof, 401},
    {"unreadable", "/hooks/standard", unreadable_body, standard_proof, 200},
};
static const struct webhook_kind stored = {.name = "stored", .status = WEBHOOK_ANY_2XX};

/* ---- all of them --------------------------------------------------------------------------------------- */

static bool read_file(const char *path, struct str *ret, struct error *err)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return error_set(err, ERROR_INPUT, "%s: %s", path, strerror(errno));
    char *text = xmalloc(WEBHOOK_MAX);
    *ret = (struct str){text, fread(text, 1, WEBHOOK_MAX, in)};
    fclose(in);
    return true;
}

static bool add(struct webhooks *w, const char *name, struct error *err)
{
    if (w->n == WEBHOOK_KINDS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d kinds", WEBHOOK_KINDS_MAX);
    if (strchr(name, '/')) {
        w->kinds[w->n] = &stored;
        return read_file(name, &w->files[w->n++], err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(name, kinds[i].name) == 0) {
            w->kinds[w->n++] = &kinds[i];
            return true;
        }
    return error_set(err, ERROR_INPUT, "no such kind: %s", name);
}

bool webhooks_init(struct webhooks *w, const char *names, struct error *err)
{
    char *list = xstrdup(names), *rest = list;
    *w = (struct webhooks){0};
    buf_init(&w->key, WEBHOOK_MAX);
    buf_init(&w->body, WEBHOOK_MAX);
    buf_init(&w->message, WEBHOOK_MAX);
    bool ok = base64_decode(str_of(WEBHOOK_KEY), &w->key);
    for (char *name; ok && (name = strtok_r(rest, ",", &rest)) != NULL;)
        ok = add(w, name, err);
    free(list);
    return ok && (w->n > 0 || error_set(err, ERROR_INPUT, "no kind"));
}

void webhooks_done(struct webhooks *w)
{
    for (size_t i = 0; i < w->n; i++)
        free((void *)(uintptr_t)w->files[i].p);
    buf_done(&w->key);
    buf_done(&w->body);
    buf_done(&w->message);
}

int webhooks_write(struct webhooks *w, uint64_t number, struct buf *out)
{
    size_t i = number % w->n;
    const struct webhook_kind *kind = w->kinds[i];
    if (kind == &stored) {
        buf_add(out, w->files[i].p, w->files[i].n);
        return kind->status;
    }
    char now[RFC3339_SIZE];
    rfc3339_format(clock_real_ms(), now);
    buf_clear(&w->body);
    kind->body(number, now, &w->body);
    buf_addf(
        out,
        "POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n",
        kind->path, w->body.n);
    kind->proof(w, number, out);
    buf_adds(out, "\r\n");
    buf_add(out, w->body.p, w->body.n);
    return kind->status;
}
