#include "sign.h"

#include <stdlib.h>
#include <strings.h>

#include "check.h"
#include "digest.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"
#include "verify_key.h"

enum { TEXTS_MAX = 64, ENCODED_MAX = 1024 };

/* The request in the making. */
struct draft {
    struct message m;
    char *texts[TEXTS_MAX]; /* that its headers and body borrow */
    size_t n_texts;
    int64_t now_ms;
};

/* Takes the text over. */
static struct str keep(struct draft *d, char *text)
{
    if (d->n_texts == TEXTS_MAX) {
        free(text);
        return (struct str){0};
    }
    d->texts[d->n_texts++] = text;
    return str_of(text);
}

static void draft_done(struct draft *d)
{
    for (size_t i = 0; i < d->n_texts; i++)
        free(d->texts[i]);
}

static void set_header(struct draft *d, const char *name, struct str value)
{
    struct message *m = &d->m;
    size_t kept = 0;
    for (size_t i = 0; i < m->n_headers; i++)
        if (m->headers[i].name.n != strlen(name) ||
            strncasecmp(m->headers[i].name.p, name, strlen(name)) != 0)
            m->headers[kept++] = m->headers[i];
    m->n_headers = kept;
    if (kept < MESSAGE_HEADERS_MAX)
        m->headers[m->n_headers++] = (struct message_header){keep(d, xstrdup(name)), value};
}

/* ---- what the signature covers ------------------------------------------------------------------------- */

static struct str time_text(struct draft *d, enum verify_unit unit)
{
    char text[RFC3339_SIZE];
    if (unit == VERIFY_RFC3339)
        rfc3339_format(d->now_ms, text);
    else
        int_format(unit == VERIFY_MILLISECONDS ? d->now_ms : d->now_ms / 1000, text);
    return keep(d, xstrdup(text));
}

static void set_delivery(struct draft *d, const char *name)
{
    char hash[SHA256_HEX_SIZE];
    if (!name[0] || message_header(&d->m, name, NULL) > 0)
        return;
    digest_sha256_hex(d->m.body.p, d->m.body.n, hash);
    set_header(d, name, keep(d, xasprintf("signed-%.16s", hash)));
}

static bool gather(const struct draft *d, const struct verify_form *form, struct str time,
                   struct verify_pieces *ret, struct error *err)
{
    for (size_t i = 0; i < form->n_parts; i++) {
        const struct verify_part *part = &form->parts[i];
        struct str piece = {0};
        const struct str whole[] = {
            [PART_LITERAL] = str_of(part->text),
            [PART_BODY] = d->m.body,
            [PART_FIELD] = time,
            [PART_METHOD] = d->m.method,
            [PART_PATH] = d->m.path,
            [PART_QUERY] = d->m.query,
            [PART_HEADER] = {0},
        };
        piece = whole[part->kind];
        if (part->kind == PART_HEADER && message_header(&d->m, part->text, &piece) != 1)
            return error_set(err, ERROR_INPUT, "the request has no header %s, which is signed", part->text);
        ret->v[ret->n++] = piece;
    }
    return true;
}

/* ---- proofs -------------------------------------------------------------------------------------------- */

static struct str encode(struct draft *d, struct str bytes, enum verify_encoding encoding)
{
    struct buf text;
    buf_init(&text, ENCODED_MAX);
    if (encoding == VERIFY_HEX) {
        char *hex = buf_extend(&text, bytes.n * 2 + 1);
        if (hex)
            hex_encode(bytes.p, bytes.n, hex);
    } else if (encoding == VERIFY_UTF8) {
        buf_add(&text, bytes.p, bytes.n);
    } else {
        base64_encode(bytes.p, bytes.n, &text);
    }
    return keep(d, buf_take(&text));
}

/* The signature as the header has it: behind a prefix, in a list of versions, among pairs. */
static char *write_signature(const struct verify_form *form, struct str time, const char *signature)
{
    if (form->n_versions > 0)
        for (size_t i = 0; i < form->n_versions; i++)
            if (verify_is_hmac(form->versions[i].algorithm))
                return xasprintf("%s,%s", form->versions[i].text, signature);
    if (form->pair_signature[0])
        return xasprintf("%s%s%s%s%s=%s", form->time_field, form->time_field[0] ? "=" : "",
                         form->time_field[0] ? time.p : "", form->time_field[0] ? "," : "",
                         form->pair_signature, signature);
    return xasprintf("%s%s", form->prefix, signature);
}

static bool sign_mac(struct draft *d, const struct verify_form *form, struct verify_key *key,
                     struct error *err)
{
    struct verify_pieces pieces = {0};
    struct str time = form->time_unit != VERIFY_NO_TIME ? time_text(d, form->time_unit) : (struct str){0};
    if (form->time_header[0])
        set_header(d, form->time_header, time);
    set_delivery(d, form->delivery_header);
    if (!gather(d, form, time, &pieces, err))
        return false;
    if (!verify_key_mac(key, &pieces))
        return error_set(err, ERROR_SYSTEM, "cannot compute the signature");
    struct str signature =
        encode(d, (struct str){(const char *)key->expected, key->n_expected}, form->encoding);
    set_header(d, form->header, keep(d, write_signature(form, time, signature.p)));
    return true;
}

/* Each item gets the secret; the body is printed anew. */
static bool sign_items(struct draft *d, const struct verify_form *form, const char *secret, struct error *err)
{
    cJSON *body, *item;
    if (!json_parse(d->m.body, &body, err))
        return false;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(body, form->item_list);
    cJSON_ArrayForEach(item, list)
    {
        cJSON_DeleteItemFromObjectCaseSensitive(item, form->item_member);
        cJSON_AddStringToObject(item, form->item_member, secret);
    }
    d->m.body = keep(d, cJSON_PrintUnformatted(body));
    cJSON_Delete(body);
    return true;
}

static bool prove(struct draft *d, const struct verify_form *form, struct verify_key *key, const char *secret,
                  struct error *err)
{
    if (verify_is_hmac(key->algorithm))
        return sign_mac(d, form, key, err);
    if (key->algorithm == VERIFY_ITEM)
        return sign_items(d, form, secret, err);
    if (key->algorithm != VERIFY_STATIC || form->query[0])
        return error_set(err, ERROR_INPUT, "only the sender can make the proof that this source wants");
    struct str value = encode(d, str_of(secret), form->encoding);
    set_header(d, form->header, keep(d, xasprintf("%s%s", form->prefix, value.p)));
    return true;
}

static bool sign_with(struct draft *d, const struct verify_form *form, const struct verify_secret *secret,
                      struct error *err)
{
    struct verify_key key;
    bool ok =
        verify_key_init(&key, &form->secrets, secret, 1, err) && prove(d, form, &key, secret->text, err);
    if (ok && form->key_header[0] && secret->name)
        set_header(d, form->key_header, keep(d, xstrdup(secret->name)));
    verify_key_done(&key);
    return ok;
}

/* With the first secret that will do. */
static bool sign_form(struct draft *d, const struct verify_form *form, const struct source_secrets *secrets,
                      struct error *err)
{
    error_set(err, ERROR_INPUT, "no secret for it");
    for (size_t i = 0; i < secrets->n; i++)
        if (verify_form_takes(form, &secrets->v[i]) && sign_with(d, form, &secrets->v[i], err))
            return true;
    return false;
}

static bool sign_all(struct draft *d, const struct verify_rules *rules, const struct source_secrets *secrets,
                     struct error *err)
{
    bool done = rules->n_any == 0;
    for (size_t i = 0; i < rules->n_any && !done; i++)
        done = sign_form(d, &rules->forms[i], secrets, err);
    for (size_t i = rules->n_any; i < rules->n_forms && done; i++)
        done = sign_form(d, &rules->forms[i], secrets, err);
    return done;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static void print(struct draft *d, FILE *out)
{
    const struct message *m = &d->m;
    char length[INT_FORMAT_SIZE];
    int_format((int64_t)m->body.n, length);
    set_header(d, "Content-Length", str_of(length));
    fprintf(out, "%.*s %.*s%s%.*s HTTP/1.1\r\n", (int)m->method.n, m->method.p, (int)m->path.n, m->path.p,
            m->query.n > 0 ? "?" : "", (int)m->query.n, m->query.p ? m->query.p : "");
    for (size_t i = 0; i < m->n_headers; i++) {
        struct str value = {0};
        const struct message_header *h = &m->headers[i];
        value = h->value;
        while (value.n > 0 && value.p[0] == ' ')
            value = (struct str){value.p + 1, value.n - 1};
        fprintf(out, "%.*s: %.*s\r\n", (int)h->name.n, h->name.p, (int)value.n, value.p);
    }
    fputs("\r\n", out);
    fwrite(m->body.p ? m->body.p : "", 1, m->body.n, out);
}

bool sign_run(const struct source *src, const struct config_source *cfg, const char *path, int64_t now_ms,
              FILE *out, struct error *err)
{
    struct buf text;
    struct draft d = {.now_ms = now_ms};
    struct source_secrets secrets = {0};
    buf_init(&text, CHECK_FILE_MAX);
    bool ok = check_read_file(path, &text, err) && message_read(buf_str(&text), &d.m, err) &&
              source_secrets_load(cfg, verifier_rules(src->verifier), &secrets, err) &&
              sign_all(&d, verifier_rules(src->verifier), &secrets, err);
    if (ok)
        print(&d, out);
    source_secrets_done(&secrets);
    draft_done(&d);
    buf_done(&text);
    return ok;
}
