#include "archive.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "digest.h"
#include "json.h"
#include "mem.h"
#include "secret.h"

enum {
    KEY = 32,
    KEY_ID = 8,
    KEYS_MAX = 8,
    NONCE = 12,
    TAG = 16,
    MARK = 4,
    FIXED = MARK + KEY_ID + 8 + 1, /* before the source's name */
};

static const char mark[] = "RRA1";

struct archive_key {
    unsigned char bytes[KEY], id[KEY_ID];
};

struct archive {
    struct archive_key keys[KEYS_MAX];
    size_t n;
};

/* ---- keys ---------------------------------------------------------------------------------------------- */

static bool load_key(const char *ref, struct archive_key *ret, struct error *err)
{
    struct secret text;
    unsigned char hash[SHA256_SIZE];
    if (!secret_load(ref, &text, err))
        return false;
    bool ok = text.n == 2 * KEY && hex_decode((struct str){text.p, text.n}, ret->bytes, KEY);
    secret_done(&text);
    if (!ok)
        return error_set(err, ERROR_INPUT, "not 64 hexadecimal digits, as `openssl rand -hex 32` makes them");
    digest_sha256(ret->bytes, KEY, hash);
    memcpy(ret->id, hash, KEY_ID);
    return true;
}

bool archive_new(const struct config *cfg, struct archive **ret, struct error *err)
{
    const struct config_strings *refs = &cfg->ingest.archive.keys;
    *ret = NULL;
    if (refs->n == 0)
        return true;
    if (refs->n > KEYS_MAX)
        return error_set(err, ERROR_INPUT, "ingest.archive.keys: more than %d", KEYS_MAX);
    struct archive *a = xcalloc(1, sizeof *a);
    for (; a->n < refs->n; a->n++)
        if (!load_key(refs->v[a->n], &a->keys[a->n], err)) {
            error_wrap(err, "ingest.archive.keys[%zu]", a->n);
            archive_free(a);
            return false;
        }
    *ret = a;
    return true;
}

void archive_free(struct archive *a)
{
    if (!a)
        return;
    OPENSSL_cleanse(a, sizeof *a);
    free(a);
}

static const struct archive_key *find_key(const struct archive *a, const void *id)
{
    for (size_t i = 0; i < a->n; i++)
        if (memcmp(a->keys[i].id, id, KEY_ID) == 0)
            return &a->keys[i];
    return NULL;
}

static void derive(const struct archive_key *key, struct str id, unsigned char out[KEY])
{
    unsigned n = KEY;
    HMAC(EVP_sha256(), key->bytes, KEY, (const unsigned char *)id.p, id.n, out, &n);
    assert(n == KEY);
}

/* ---- the cipher ---------------------------------------------------------------------------------------- */

/* encrypt: writes n bytes and the tag to out; else checks the tag behind in[n]. head and id are authenticated. */
static bool run_cipher(bool encrypt, const unsigned char key[KEY], const unsigned char *nonce,
                       struct str head, struct str id, const unsigned char *in, size_t n, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int done = 0, rest = 0;
    assert(ctx);
    bool ok =
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1 &&
        EVP_CipherUpdate(ctx, NULL, &done, (const unsigned char *)head.p, (int)head.n) == 1 &&
        EVP_CipherUpdate(ctx, NULL, &done, (const unsigned char *)id.p, (int)id.n) == 1 &&
        (encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(uintptr_t)(in + n)) == 1) &&
        EVP_CipherUpdate(ctx, out, &done, in, (int)n) == 1 &&
        EVP_CipherFinal_ex(ctx, out + done, &rest) == 1 &&
        (!encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + n) == 1);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* ---- what is inside ------------------------------------------------------------------------------------ */

static void write_header(struct buf *out, const struct message *m, const char *name)
{
    struct str value;
    if (message_header(m, name, &value) != 1)
        return;
    buf_adds(out, name);
    buf_adds(out, ": ");
    buf_add(out, value.p, value.n);
    buf_adds(out, "\r\n");
}

static void write_request(struct buf *out, const struct source *src, const struct message *m)
{
    buf_add(out, m->method.p, m->method.n);
    buf_addc(out, ' ');
    buf_add(out, m->path.p, m->path.n);
    struct buf query;
    buf_init(&query, m->query.n);
    source_query(src, m->query, &query);
    if (query.n > 0) {
        buf_addc(out, '?');
        buf_add(out, query.p, query.n);
    }
    buf_done(&query);
    buf_adds(out, " HTTP/1.1\r\n");
    write_header(out, m, "content-type");
    for (size_t i = 0; i < src->n_headers; i++)
        if (strcmp(src->headers[i], "content-type") != 0)
            write_header(out, m, src->headers[i]);
    buf_adds(out, "\r\n");
    buf_add(out, m->body.p, m->body.n);
}

static void write_plain(struct buf *out, const struct source *src, const struct message *m,
                        const struct verified *verified)
{
    struct buf request;
    struct json_out w;
    buf_init(&request, out->max);
    write_request(&request, src, m);
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_int(&w, "request", (int64_t)request.n);
    json_put_int(&w, "content", (int64_t)verified->content.n);
    if (verified->delivery.n > 0)
        json_put_str(&w, "delivery", verified->delivery);
    json_put_bool(&w, "items", verified->items);
    json_close(&w);
    buf_addc(out, '\n');
    buf_add(out, request.p, request.n);
    buf_add(out, verified->content.p, verified->content.n);
    OPENSSL_cleanse(request.p, request.n);
    buf_done(&request);
}

/* ---- sealing ------------------------------------------------------------------------------------------- */

static void make_id(char out[ARCHIVE_ID_SIZE])
{
    unsigned char random[16];
    ssize_t got = getrandom(random, sizeof random, 0);
    assert(got == (ssize_t)sizeof random);
    hex_encode(random, sizeof random, out);
}

static void write_head(const struct archive_key *key, const char *source, int64_t received_at_ms,
                       struct buf *out)
{
    uint64_t at = htobe64((uint64_t)received_at_ms);
    size_t n = strlen(source);
    buf_add(out, mark, MARK);
    buf_add(out, key->id, KEY_ID);
    buf_add(out, &at, sizeof at);
    buf_addc(out, (char)n);
    buf_add(out, source, n);
}

bool archive_seal(const struct archive *a, const struct source *src, const struct message *m,
                  const struct verified *verified, int64_t received_at_ms, struct buf *out,
                  struct record *ret)
{
    static const char headers[] = "content-type\0application/vnd.rollcall.raw";
    struct buf plain;
    char id[ARCHIVE_ID_SIZE];
    unsigned char key[KEY], nonce[NONCE];
    ssize_t got = getrandom(nonce, sizeof nonce, 0);
    assert(got == (ssize_t)sizeof nonce);
    make_id(id);
    derive(&a->keys[0], str_of(id), key);
    buf_init(&plain, out->max);
    write_plain(&plain, src, m, verified);
    size_t begin = out->n;
    buf_adds(out, id);
    buf_add(out, headers, sizeof headers);
    size_t head = out->n;
    write_head(&a->keys[0], src->name, received_at_ms, out);
    size_t head_n = out->n - head;
    buf_add(out, nonce, sizeof nonce);
    char *sealed = buf_ok(&plain) ? buf_extend(out, plain.n + TAG) : NULL;
    bool ok = sealed && buf_ok(out) &&
              run_cipher(true, key, nonce, (struct str){out->p + head, head_n}, str_of(id),
                         (const unsigned char *)plain.p, plain.n, (unsigned char *)sealed);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(plain.p, plain.n);
    buf_done(&plain);
    if (!ok)
        return false;
    *ret = (struct record){{out->p + begin, sizeof id - 1},
                           {out->p + begin + sizeof id - 1, sizeof headers},
                           {out->p + head, out->n - head}};
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

bool archive_peek(struct str value, struct archived *ret)
{
    uint64_t at;
    if (value.n < FIXED || memcmp(value.p, mark, MARK) != 0)
        return false;
    size_t n = (unsigned char)value.p[FIXED - 1];
    if (n > EVENT_NAME_MAX || value.n < FIXED + n + NONCE + TAG)
        return false;
    memcpy(&at, value.p + MARK + KEY_ID, sizeof at);
    ret->received_at_ms = (int64_t)be64toh(at);
    memcpy(ret->source, value.p + FIXED, n);
    ret->source[n] = '\0';
    return true;
}

static bool decrypt(const struct archive *a, struct str id, struct str value, struct buf *out,
                    struct error *err)
{
    size_t head = FIXED + (unsigned char)value.p[FIXED - 1], n = value.n - head - NONCE - TAG;
    const unsigned char *nonce = (const unsigned char *)value.p + head;
    const struct archive_key *key = find_key(a, value.p + MARK);
    unsigned char own[KEY];
    if (!key)
        return error_set(err, ERROR_INPUT, "sealed with a key that ingest.archive.keys does not have");
    derive(key, id, own);
    buf_init(out, n + 1);
    char *plain = buf_extend(out, n);
    bool ok = plain && run_cipher(false, own, nonce, (struct str){value.p, head}, id, nonce + NONCE, n,
                                  (unsigned char *)plain);
    OPENSSL_cleanse(own, sizeof own);
    return ok || error_set(err, ERROR_INPUT, "not as it was sealed");
}

static bool read_number(const cJSON *head, const char *name, size_t max, size_t *ret)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(head, name);
    bool ok = cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= (double)max;
    if (ok)
        *ret = (size_t)item->valuedouble;
    return ok;
}

static bool read_plain(struct archived_request *r, struct error *err)
{
    struct str text = buf_str(&r->plain);
    const char *end = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;
    size_t request = 0, content = 0, at = end ? (size_t)(end + 1 - text.p) : 0;
    cJSON *head = end ? cJSON_ParseWithLength(text.p, at) : NULL;
    bool ok = read_number(head, "request", text.n, &request) &&
              read_number(head, "content", text.n, &content) && at + request + content == text.n;
    const char *delivery = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(head, "delivery"));
    r->delivery = delivery ? xstrdup(delivery) : NULL;
    r->verified = (struct verified){
        .delivery = str_of(r->delivery),
        .content = {text.p + at + request, content},
        .items = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(head, "items")),
    };
    cJSON_Delete(head);
    if (!ok)
        return error_set(err, ERROR_INPUT, "sealed by another version");
    return message_read((struct str){text.p + at, request}, &r->message, err);
}

bool archive_open(const struct archive *a, struct str key, struct str value, struct archived_request *ret,
                  struct error *err)
{
    struct archived clear;
    *ret = (struct archived_request){0};
    if (!archive_peek(value, &clear))
        return error_set(err, ERROR_INPUT, "nothing of ours");
    bool ok = decrypt(a, key, value, &ret->plain, err) && read_plain(ret, err);
    if (!ok)
        archived_done(ret);
    return ok;
}

void archived_done(struct archived_request *r)
{
    OPENSSL_cleanse(r->plain.p, r->plain.n);
    buf_done(&r->plain);
    free(r->delivery);
    *r = (struct archived_request){0};
}
