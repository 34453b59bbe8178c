#include "verify.h"

#include <stdlib.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "json.h"
#include "mem.h"
#include "rfc3339.h"
#include "verify_key.h"
#include "zone.h"

enum { HEADERS_SIGNED_MAX = 16 * 1024, QUERY_VALUE_MAX = 1024, FIELDS_MAX = 16 };

struct form_keys {
    struct verify_key v[VERIFY_KEYS_MAX];
    size_t n;
};

struct verifier {
    struct verify_rules rules;
    struct form_keys keys[VERIFY_FORMS_MAX]; /* of each form */
    struct buf message;                      /* what is signed, in one piece: Ed25519 only */
    struct buf claims;                       /* of the JWS that was checked last */
    struct buf query;                        /* the parameter that holds a secret */
};

/* One check of one form: what it has found out so far. */
struct check {
    struct verifier *v;
    const struct verify_form *form;
    struct form_keys *keys;
    const struct message *m;
    int64_t now_ms;
    struct str value;                /* of the form's header */
    struct str pairs[FIELDS_MAX][2]; /* "t=1,v1=ab": names and values */
    size_t n_pairs;
    struct verify_pieces pieces; /* what is signed; made when first needed */
    bool gathered;
};

/* ---- life ---------------------------------------------------------------------------------------------- */

/* A form without a name takes the keys without one; one that reads the name from a header takes them all. */
bool verify_form_takes(const struct verify_form *form, const struct verify_secret *secret)
{
    if (form->key_header[0])
        return true;
    return form->key[0] ? secret->name && strcmp(secret->name, form->key) == 0 : !secret->name;
}

static bool add_keys(struct verifier *v, size_t at, const struct verify_secret *secrets, size_t n,
                     struct error *err)
{
    const struct verify_form *form = &v->rules.forms[at];
    struct form_keys *keys = &v->keys[at];
    for (size_t i = 0; i < n; i++) {
        if (!verify_form_takes(form, &secrets[i]))
            continue;
        if (keys->n == VERIFY_KEYS_MAX)
            return error_set(err, ERROR_INPUT, "at most %d secrets can be active", VERIFY_KEYS_MAX);
        if (!verify_key_init(&keys->v[keys->n++], &form->secrets, &secrets[i], i + 1, err))
            return false;
    }
    if (keys->n == 0 && form->key[0])
        return error_set(err, ERROR_INPUT,
                         "a key called \"%s\" is needed (keys in the source's configuration)", form->key);
    return keys->n > 0 || error_set(err, ERROR_INPUT, "at least one secret is needed");
}

bool verifier_new(const struct verify_rules *rules, const struct verify_secret *secrets, size_t n_secrets,
                  size_t body_max, struct verifier **ret, struct error *err)
{
    struct verifier *v = xcalloc(1, sizeof *v);
    v->rules = *rules;
    buf_init(&v->message, body_max + HEADERS_SIGNED_MAX);
    buf_init(&v->claims, body_max);
    buf_init(&v->query, QUERY_VALUE_MAX);
    for (size_t i = 0; i < rules->n_forms; i++) {
        if (!add_keys(v, i, secrets, n_secrets, err)) {
            verifier_free(v);
            return false;
        }
    }
    *ret = v;
    return true;
}

void verifier_free(struct verifier *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < VERIFY_FORMS_MAX; i++)
        for (size_t k = 0; k < v->keys[i].n; k++)
            verify_key_done(&v->keys[i].v[k]);
    buf_done(&v->message);
    buf_done(&v->claims);
    buf_done(&v->query);
    free(v);
}

const struct verify_rules *verifier_rules(const struct verifier *v)
{
    return &v->rules;
}

/* ---- headers that are lists ---------------------------------------------------------------------------- */

/* Cuts the next piece off a list, up to the separator. */
static struct str next_piece(struct str *list, char separator)
{
    const char *at = list->n > 0 ? memchr(list->p, separator, list->n) : NULL;
    struct str piece = {list->p, at ? (size_t)(at - list->p) : list->n};
    size_t cut = piece.n + (at ? 1 : 0);
    *list = (struct str){list->p + cut, list->n - cut};
    return piece;
}

/* "t=1492774577, v1=5257a8…": names and values; false when a piece is neither. */
static bool read_pairs(struct check *c)
{
    struct str list = c->value;
    while (list.n > 0) {
        struct str value = str_trim(next_piece(&list, ','));
        const char *equals = value.n > 0 ? memchr(value.p, '=', value.n) : NULL;
        if (!equals || c->n_pairs == FIELDS_MAX)
            return false;
        size_t n = (size_t)(equals - value.p);
        c->pairs[c->n_pairs][0] = (struct str){value.p, n};
        c->pairs[c->n_pairs++][1] = (struct str){equals + 1, value.n - n - 1};
    }
    return c->n_pairs > 0;
}

/* How many fields have this name; *ret is the first one's value. */
static size_t field(const struct check *c, const char *name, struct str *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < c->n_pairs; i++)
        if (str_eq(c->pairs[i][0], str_of(name)) && count++ == 0)
            *ret = c->pairs[i][1];
    return count;
}

/* ---- what is signed ------------------------------------------------------------------------------------ */

/* The bytes of one signed part; presence and uniqueness of headers are known by then. */
static struct str part_bytes(const struct check *c, const struct verify_part *part)
{
    struct str value = {0};
    switch (part->kind) {
    case PART_LITERAL:
        return str_of(part->text);
    case PART_HEADER:
        message_header(c->m, part->text, &value);
        return value;
    case PART_FIELD:
        field(c, part->text, &value);
        return value;
    case PART_BODY:
        return c->m->body;
    case PART_METHOD:
        return c->m->method;
    case PART_PATH:
        return c->m->path;
    case PART_QUERY:
        return c->m->query;
    }
    return value;
}

static void gather(struct check *c)
{
    if (c->gathered)
        return;
    c->gathered = true;
    for (size_t i = 0; i < c->form->n_parts; i++)
        c->pieces.v[c->pieces.n++] = part_bytes(c, &c->form->parts[i]);
}

static bool mac_matches(struct check *c, struct verify_key *key, struct str sig)
{
    gather(c);
    return verify_key_mac(key, &c->pieces) && sig.n == key->n_expected &&
           CRYPTO_memcmp(key->expected, sig.p, sig.n) == 0;
}

static bool ed25519_matches(struct check *c, const struct verify_key *key, struct str sig)
{
    struct buf *message = &c->v->message;
    gather(c);
    if (message->n == 0)
        for (size_t i = 0; i < c->pieces.n; i++)
            buf_add(message, c->pieces.v[i].p, c->pieces.v[i].n);
    return buf_ok(message) && verify_key_matches_ed25519(key, buf_str(message), sig);
}

/* ---- one signature ------------------------------------------------------------------------------------- */

/* Which keys count: those of the algorithm, and of the name that the request gives, if it does. */
static bool key_counts(const struct check *c, const struct verify_key *key, enum verify_algorithm algorithm)
{
    struct str name = {0};
    if (key->algorithm != algorithm)
        return false;
    if (!c->form->key_header[0] || message_header(c->m, c->form->key_header, &name) == 0)
        return true;
    return !key->name || str_eq(str_of(key->name), name);
}

static bool key_matches(struct check *c, struct verify_key *key, struct str sig)
{
    switch (key->algorithm) {
    case VERIFY_STATIC:
    case VERIFY_CERTIFICATE:
        return verify_key_matches_static(key, sig);
    case VERIFY_HMAC_SHA1:
    case VERIFY_HMAC_SHA256:
    case VERIFY_HMAC_SHA512:
        return mac_matches(c, key, sig);
    case VERIFY_ED25519:
        return ed25519_matches(c, key, sig);
    case VERIFY_ITEM:
    case VERIFY_JWS:
        break;
    }
    return false;
}

/* One signature, still encoded, against every key of its algorithm. */
static enum verify_outcome check_one(struct check *c, enum verify_algorithm algorithm, struct str text)
{
    struct buf sig;
    bool match = false, signature = verify_is_hmac(algorithm) || algorithm == VERIFY_ED25519;
    buf_init(&sig, signature ? VERIFY_MAC_MAX : HEADERS_SIGNED_MAX);
    bool readable = verify_decode(text, c->form->encoding, &sig);
    for (size_t i = 0; readable && !match && i < c->keys->n; i++)
        if (key_counts(c, &c->keys->v[i], algorithm))
            match = key_matches(c, &c->keys->v[i], buf_str(&sig));
    buf_done(&sig);
    return match ? VERIFY_OK : readable ? VERIFY_FORGED : VERIFY_MALFORMED;
}

static const struct verify_label *find_version(const struct verify_form *form, struct str name)
{
    for (size_t i = 0; i < form->n_versions; i++)
        if (str_eq(str_of(form->versions[i].text), name))
            return &form->versions[i];
    return NULL;
}

/* "v1,base64 v1a,base64 v9,…": unknown versions are skipped, any match passes. */
static enum verify_outcome check_list(struct check *c)
{
    enum verify_outcome outcome = VERIFY_MALFORMED;
    struct str list = c->value;
    for (unsigned count = 0; list.n > 0;) {
        struct str token = next_piece(&list, ' ');
        if (token.n == 0)
            continue;
        const char *comma = memchr(token.p, ',', token.n);
        if (count++ == VERIFY_SIGNATURES_MAX || !comma)
            return VERIFY_MALFORMED;
        size_t at = (size_t)(comma - token.p);
        const struct verify_label *version = find_version(c->form, (struct str){token.p, at});
        struct str text = {comma + 1, token.n - at - 1};
        enum verify_outcome one = version ? check_one(c, version->algorithm, text) : VERIFY_FORGED;
        if (one == VERIFY_OK)
            return VERIFY_OK;
        if (one == VERIFY_FORGED)
            outcome = VERIFY_FORGED;
    }
    return outcome;
}

/* Every field with the signature's name is one: rotation. */
static enum verify_outcome check_pairs(struct check *c)
{
    enum verify_outcome outcome = VERIFY_MALFORMED;
    for (size_t i = 0; i < c->n_pairs && outcome != VERIFY_OK; i++) {
        if (!str_eq(c->pairs[i][0], str_of(c->form->pair_signature)))
            continue;
        enum verify_outcome one = check_one(c, c->form->algorithm, c->pairs[i][1]);
        outcome = one == VERIFY_MALFORMED ? outcome : one;
    }
    return outcome;
}

/* A prefix may be a scheme's name, whose case does not matter (RFC 9110 11.1). */
static bool cut_prefix(const struct check *c, struct str *ret)
{
    size_t n = strlen(c->form->prefix);
    if (c->value.n < n || (n > 0 && strncasecmp(c->value.p, c->form->prefix, n) != 0))
        return false;
    *ret = (struct str){c->value.p + n, c->value.n - n};
    return true;
}

/* By one of the key sets. Forged is more than not known. */
static enum verify_outcome check_token(struct check *c, struct str token)
{
    enum verify_outcome outcome = VERIFY_FORGED;
    for (size_t i = 0; i < c->keys->n; i++) {
        buf_clear(&c->v->claims);
        enum verify_outcome one =
            jws_check(c->keys->v[i].jws, token, &c->form->claims, c->now_ms, &c->v->claims);
        if (one != VERIFY_FORGED && one != VERIFY_UNKNOWN_KEY)
            return one;
        if (i == 0 || one == VERIFY_FORGED)
            outcome = one;
    }
    return outcome;
}

static enum verify_outcome check_proof(struct check *c)
{
    struct str text;
    if (c->form->algorithm == VERIFY_ITEM && c->form->n_versions == 0)
        return VERIFY_OK;
    if (c->form->n_versions > 0)
        return check_list(c);
    if (c->form->pair_signature[0])
        return check_pairs(c);
    if (!cut_prefix(c, &text))
        return VERIFY_MALFORMED;
    return c->form->algorithm == VERIFY_JWS ? check_token(c, text) : check_one(c, c->form->algorithm, text);
}

/* ---- freshness and headers ----------------------------------------------------------------------------- */

/* Digits only: no sign, no blank, no fraction. */
static bool read_instant(enum verify_unit unit, struct str text, int64_t *ret_ms)
{
    int64_t number = 0;
    bool digits = digits_parse(text, &number);
    switch (unit) {
    case VERIFY_NO_TIME:
        break;
    case VERIFY_RFC3339:
        return rfc3339_parse(text, ret_ms);
    case VERIFY_AUTO:
        return zone_parse(text, (struct str){0}, ret_ms); /* numbers; +0000, a blank for T, no zone for UTC */
    case VERIFY_SECONDS:
    case VERIFY_MILLISECONDS:
        *ret_ms = unit == VERIFY_SECONDS ? number * 1000 : number;
        return digits;
    }
    return false;
}

static enum verify_outcome check_time(const struct check *c)
{
    const struct verify_form *form = c->form;
    struct str text = {0};
    int64_t at;
    if (form->time_unit == VERIFY_NO_TIME)
        return VERIFY_OK;
    if (form->time_field[0]) {
        size_t count = field(c, form->time_field, &text);
        if (count != 1)
            return count == 0 ? VERIFY_MALFORMED : VERIFY_DUPLICATE;
    } else {
        message_header(c->m, form->time_header, &text);
    }
    if (!read_instant(form->time_unit, text, &at))
        return VERIFY_MALFORMED;
    return at < c->now_ms - form->past_s * 1000 || at > c->now_ms + form->future_s * 1000 ? VERIFY_STALE
                                                                                          : VERIFY_OK;
}

static enum verify_outcome check_once(const struct message *m, const char *name)
{
    struct str value = {0};
    size_t count = name[0] ? message_header(m, name, &value) : 1;
    if (count > 1)
        return VERIFY_DUPLICATE;
    return count == 1 && (value.n > 0 || !name[0]) ? VERIFY_OK : VERIFY_MALFORMED;
}

/* Every header that the form reads is there, once, and not empty; the key's name may be absent. */
static enum verify_outcome check_headers(const struct verify_form *form, const struct message *m)
{
    const char *names[] = {form->header, form->time_header, form->delivery_header};
    enum verify_outcome outcome = VERIFY_OK;
    for (size_t i = 0; i < ARRAY_SIZE(names) && outcome == VERIFY_OK; i++)
        outcome = check_once(m, names[i]);
    for (size_t i = 0; i < form->n_parts && outcome == VERIFY_OK; i++)
        if (form->parts[i].kind == PART_HEADER)
            outcome = check_once(m, form->parts[i].text);
    if (outcome == VERIFY_OK && form->key_header[0] && message_header(m, form->key_header, NULL) > 1)
        outcome = VERIFY_DUPLICATE;
    return outcome;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

/* A header about a certificate is a proxy's word; anybody else may write what they like into it. */
static bool form_present(const struct verify_form *form, const struct message *m)
{
    struct buf value;
    if (form->query[0]) {
        buf_init(&value, QUERY_VALUE_MAX);
        bool there = message_query(m, form->query, &value) && value.n > 0;
        buf_done(&value);
        return there;
    }
    if (form->header[0] && form->algorithm == VERIFY_CERTIFICATE && form->n_versions == 0 && !m->proxied)
        return false;
    if (form->header[0])
        return message_header(m, form->header, NULL) > 0;
    return form->algorithm != VERIFY_CERTIFICATE || m->certificate.n > 0;
}

bool verifier_has_proof(const struct verifier *v, const struct message *m)
{
    for (size_t i = 0; i < v->rules.n_forms; i++)
        if (form_present(&v->rules.forms[i], m))
            return true;
    return false;
}

static enum verify_outcome check_form(struct verifier *v, size_t at, const struct message *m, int64_t now_ms,
                                      struct verified *ret)
{
    const struct verify_form *form = &v->rules.forms[at];
    struct check c = {.v = v, .form = form, .keys = &v->keys[at], .m = m, .now_ms = now_ms};
    if (!form_present(form, m))
        return VERIFY_MISSING;
    enum verify_outcome outcome = check_headers(form, m);
    for (size_t i = 0; i < c.keys->n; i++)
        c.keys->v[i].n_expected = 0;
    buf_clear(&v->message);
    c.value = form->algorithm == VERIFY_CERTIFICATE ? m->certificate : m->body;
    if (form->header[0])
        message_header(m, form->header, &c.value);
    buf_clear(&v->query);
    if (form->query[0] && message_query(m, form->query, &v->query))
        c.value = buf_str(&v->query);
    if (outcome == VERIFY_OK && form->pair_signature[0] && !read_pairs(&c))
        outcome = VERIFY_MALFORMED;
    if (outcome == VERIFY_OK)
        outcome = check_time(&c);
    if (outcome == VERIFY_OK)
        outcome = check_proof(&c);
    if (outcome != VERIFY_OK)
        return outcome;
    if (form->delivery_header[0])
        message_header(m, form->delivery_header, &ret->delivery);
    if (form->algorithm == VERIFY_JWS && form->n_versions == 0 && !form->header[0])
        ret->content = buf_str(&v->claims);
    ret->items = ret->items || (form->algorithm == VERIFY_ITEM && form->n_versions == 0);
    return VERIFY_OK;
}

/* Those that are demanded come first: what they lack is missing however good the rest is. */
enum verify_outcome verifier_check(struct verifier *v, const struct message *m, int64_t now_ms,
                                   struct verified *ret)
{
    const struct verify_rules *rules = &v->rules;
    struct verified found = {0};
    for (size_t i = rules->n_any; i < rules->n_forms; i++) {
        enum verify_outcome outcome = check_form(v, i, m, now_ms, &found);
        if (outcome != VERIFY_OK)
            return outcome;
    }
    enum verify_outcome outcome = rules->n_any > 0 ? VERIFY_MISSING : VERIFY_OK;
    for (size_t i = 0; i < rules->n_any && outcome == VERIFY_MISSING; i++)
        outcome = check_form(v, i, m, now_ms, &found);
    if (outcome == VERIFY_OK)
        *ret = found;
    return outcome;
}

/* ---- items --------------------------------------------------------------------------------------------- */

static const struct verify_form *item_form(const struct verifier *v, struct form_keys **ret_keys)
{
    for (size_t i = 0; i < v->rules.n_forms; i++) {
        *ret_keys = (struct form_keys *)&v->keys[i];
        if (v->rules.forms[i].algorithm == VERIFY_ITEM && v->rules.forms[i].n_versions == 0)
            return &v->rules.forms[i];
    }
    return NULL;
}

static bool item_ok(const struct form_keys *keys, const char *text)
{
    bool match = false;
    for (size_t i = 0; text && i < keys->n; i++)
        match = verify_key_matches_static(&keys->v[i], str_of(text)) || match;
    return match;
}

bool verifier_filter(struct verifier *v, cJSON *body, size_t *ret_dropped)
{
    struct form_keys *keys;
    const struct verify_form *form = item_form(v, &keys);
    size_t dropped = 0;
    *ret_dropped = 0;
    if (!form)
        return false;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(body, form->item_list);
    for (cJSON *item = cJSON_IsArray(list) ? list->child : NULL, *next; item; item = next) {
        next = item->next;
        if (item_ok(keys, json_string(item, form->item_member)))
            continue;
        cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
        dropped++;
    }
    *ret_dropped = dropped;
    return cJSON_IsArray(list) && list->child;
}

const char *verify_outcome_name(enum verify_outcome outcome)
{
    static const char *const names[VERIFY_OUTCOMES] = {"ok",    "missing", "malformed",  "duplicate",
                                                       "stale", "forged",  "unknown_key"};
    return names[outcome];
}
