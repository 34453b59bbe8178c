#include "http_client_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "http_client_codes.h"
#include "mem.h"
#include "now.h"

enum {
    REPLY_MAX = 64 * 1024,
    FORM_MAX = 256 * 1024,
    FETCH_MS = 10000,
    LIFE_DEFAULT_S = 300,
    AGAIN_MS = 30000,   /* a renewal that failed is tried again, while the old one is still good */
    FORGIVEN_MS = 60000 /* a 401 to a good token is put down to the token so often at most */
};

struct http_token {
    void (*end)(void *self, CURLcode code); /* first: http_client.c tells its handles apart by it */
    struct http_multi *multi;
    struct http_token_callbacks callbacks;
    char *url, *client_id, *scope, *client_secret;
    bool in_body;
    CURL *easy; /* of the fetch under way; NULL: none */
    struct curl_slist *headers;
    struct buf body;
    size_t head_n;
    char error[CURL_ERROR_SIZE];
    int64_t asked_ms;             /* CLOCK_MONOTONIC: of the fetch under way */
    bool good;                    /* there is one … */
    bool proved;                  /* … which the target has taken */
    int64_t renew_ms, expires_ms; /* likewise; with good */
    int64_t forgiven_ms;          /* when a 401 was put down to it last; 0: never */
};

/* ---- a fetch ------------------------------------------------------------------------------------------- */

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->n);
    buf_done(b);
}

static void end_fetch(struct http_token *t)
{
    if (!t->easy)
        return;
    http_multi_stop(t->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
    for (struct curl_slist *line = t->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(t->headers);
    t->headers = NULL;
    wipe(&t->body);
}

/* Of what the endpoint said only its status is told: the rest may hold what must not be told. */
static void failed(struct http_token *t, CURLcode code, long status)
{
    char why[96];
    bool refused = status >= 400 && status < 500 && status != 408 && status != 429;
    if (status > 0)
        snprintf(why, sizeof why, "no token: its endpoint answers %ld", status);
    else if (http_code_is_tls(code, t->error))
        snprintf(why, sizeof why, "no token: %s", http_code_tls_reason(code));
    else
        snprintf(why, sizeof why, "no token: its endpoint does not answer");
    t->renew_ms = clock_mono_ms() + AGAIN_MS;
    t->callbacks.told(t->callbacks.ctx, NULL, refused ? FAILURE_TOKEN_REFUSED : FAILURE_TOKEN, why);
}

static void took_token(struct http_token *t, const char *token, int64_t life_s)
{
    int64_t life_ms = (life_s > 0 ? life_s : LIFE_DEFAULT_S) * 1000;
    t->good = true;
    t->proved = false;
    t->renew_ms = t->asked_ms + life_ms * 9 / 10;
    t->expires_ms = t->asked_ms + life_ms * 19 / 20; /* what is sent now has to arrive */
    t->callbacks.told(t->callbacks.ctx, token, FAILURE_OTHER, NULL);
}

static void on_end(void *self, CURLcode code)
{
    struct http_token *t = self;
    long status = 0;
    char *token = NULL;
    int64_t life_s;
    if (code == CURLE_OK)
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    bool ok = status >= 200 && status < 300 && grant_parse(buf_str(&t->body), &token, &life_s);
    end_fetch(t);
    if (ok)
        took_token(t, token, life_s);
    else
        failed(t, code, status);
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct http_token *t = ctx;
    buf_add(&t->body, p, size * n);
    return buf_ok(&t->body) ? size * n : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct http_token *t = ctx;
    (void)p;
    t->head_n += size * n;
    return t->head_n > REPLY_MAX ? 0 : size * n;
}

static void add_header(struct http_token *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    if (!longer)
        abort(); /* out of memory */
    t->headers = longer;
}

/* RFC 6749 2.3.1: both encoded before they are joined. */
static void add_basic(struct http_token *t)
{
    struct buf pair, line;
    buf_init(&pair, FORM_MAX);
    buf_init(&line, 2 * FORM_MAX);
    percent_encode(t->client_id, &pair);
    buf_addc(&pair, ':');
    percent_encode(t->client_secret, &pair);
    buf_adds(&line, "Authorization: Basic ");
    base64_encode(pair.p, pair.n, &line);
    char *text = buf_take(&line);
    add_header(t, text);
    explicit_bzero(text, strlen(text));
    free(text);
    wipe(&pair);
}

static void fetch(struct http_token *t)
{
    struct buf form;
    if (t->easy)
        return;
    buf_init(&t->body, REPLY_MAX);
    buf_init(&form, FORM_MAX);
    t->asked_ms = clock_mono_ms();
    t->head_n = 0;
    t->error[0] = '\0';
    t->easy = curl_easy_init();
    if (!t->easy)
        abort(); /* out of memory */
    grant_form(&(struct grant_rules){t->url, t->client_id, t->scope, t->client_secret, t->in_body}, &form);
    add_header(t, "Accept: application/json");
    add_header(t, "User-Agent: rollcall");
    if (!t->in_body)
        add_basic(t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)FETCH_MS);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.n);
    curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, form.p);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    wipe(&form);
    t->callbacks.prepare(t->callbacks.ctx, t->easy);
    http_multi_prepare(t->multi, t->easy);
    http_multi_start(t->multi, t->easy);
}

/* ---- the token ----------------------------------------------------------------------------------------- */

bool http_token_want(struct http_token *t)
{
    int64_t now_ms = clock_mono_ms();
    t->good = t->good && now_ms < t->expires_ms;
    if (!t->good || now_ms >= t->renew_ms)
        fetch(t);
    return t->good;
}

bool http_token_answered(struct http_token *t, bool refused)
{
    int64_t now_ms = clock_mono_ms();
    bool was_good = t->proved && (t->forgiven_ms == 0 || now_ms - t->forgiven_ms >= FORGIVEN_MS);
    if (!refused) {
        t->proved = true;
        return was_good;
    }
    t->good = t->proved = false;
    if (was_good)
        t->forgiven_ms = now_ms;
    return was_good;
}

void http_token_set_secret(struct http_token *t, const char *client_secret)
{
    explicit_bzero(t->client_secret, strlen(t->client_secret));
    free(t->client_secret);
    t->client_secret = xstrdup(client_secret);
}

struct http_token *http_token_new(struct http_multi *multi, const struct grant_rules *rules,
                                  const struct http_token_callbacks *callbacks)
{
    struct http_token *t = xcalloc(1, sizeof *t);
    *t = (struct http_token){.end = on_end,
                             .multi = multi,
                             .callbacks = *callbacks,
                             .url = xstrdup(rules->url),
                             .client_id = xstrdup(rules->client_id),
                             .scope = xstrdup_null(rules->scope),
                             .client_secret = xstrdup(rules->client_secret),
                             .in_body = rules->in_body};
    return t;
}

void http_token_free(struct http_token *t)
{
    if (!t)
        return;
    end_fetch(t);
    explicit_bzero(t->client_secret, strlen(t->client_secret));
    free(t->client_secret);
    free(t->scope);
    free(t->client_id);
    free(t->url);
    free(t);
}
